"""The envelope of the Cloudflare API: take the result out, page by page, or say why there is none.

Anything may be missing, null or of another type; texts of the API are cleaned before they are quoted.

Source: developers.cloudflare.com/api (envelope, errors, permissions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ingressdoctor.collect.together import together
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.sources.base import Answer, Cloudflare

__all__ = ["ReadAnswer", "list_all", "read_once", "refusal", "result_of"]

_NOTHING: Final[Mapping[str, object]] = {}
_PER_PAGE: Final = 100
_MOST_PAGES: Final = 10


class ReadAnswer(Answer, frozen=True, kw_only=True):
    """An answer whose body was decoded already: one that many targets get is decoded once."""

    read: Mapping[str, object]


def read_once(answer: Answer) -> ReadAnswer:
    """Return *answer* with its body decoded."""
    return ReadAnswer(status=answer.status, body=answer.body, headers=answer.headers, read=_body(answer))


def result_of(answer: Answer) -> object:
    """Return ``result`` of a successful envelope, else None."""
    body = _body(answer)
    return body.get("result") if answer.status == 200 and body.get("success") is not False else None


def refusal(answer: Answer, wanted: str, permission: str) -> Unavailable | None:
    """Say why an answer holds no result, naming the permission that would enable it; None when it holds one."""
    body = _body(answer)
    if answer.status == 200 and body.get("success") is True:
        return None
    said = _errors(body)
    grant = f"Give the API token the permission {permission}."
    match answer.status:
        case 400 | 401:
            reason = "the Cloudflare API does not accept the token"
            grant = "Set CLOUDFLARE_API_TOKEN to a valid API token (not a global key); read permissions are enough."
        case 403:
            reason = f"the Cloudflare API does not let this token look; it lacks {permission}, or it is not valid"
        case 429:
            reason, grant = (
                "the API's request budget is spent",
                "Wait five minutes; 1200 requests are allowed in that time.",
            )
        case status if status >= 500:
            reason, grant = "the Cloudflare API has a fault of its own", "Try again; see www.cloudflarestatus.com."
        case 200 if body.get("success") is False:
            reason, grant = "the Cloudflare API says that it could not answer", "Try again in a moment."
        case 200:
            reason = "the endpoint answered something that is not the Cloudflare API's JSON"
            grant = "Check the endpoint under [cloudflare]: it ends in /client/v4."
        case _:
            reason, grant = "the Cloudflare API answered with an error", "Check the endpoint under [cloudflare]."
    return Unavailable(wanted=wanted, reason=f"{reason} ({answer.status}{said})", enable_with=grant)


async def list_all(
    cloudflare: Cloudflare, path: str, query: Mapping[str, str], *, wanted: str, permission: str
) -> tuple[Any, ...] | Unavailable:
    """Return all objects of a list; a list that is cut anywhere is a gap, since what it lacks would look absent.

    Raises:
        SourceError: the API does not answer.
    """
    first = await cloudflare.get(path, {**query, "per_page": str(_PER_PAGE), "page": "1"})
    gap = refusal(first, wanted, permission)
    if gap is not None:
        return gap
    pages = _pages(first)
    if pages > _MOST_PAGES:
        reason = f"there are more than {_MOST_PAGES * _PER_PAGE} of them"
        return Unavailable(wanted=wanted, reason=reason, enable_with="Look into the dashboard of Cloudflare.")
    more = range(2, pages + 1)
    calls = (cloudflare.get(path, {**query, "per_page": str(_PER_PAGE), "page": str(number)}) for number in more)
    answers = (first, *await together(*calls))
    refused = next((item for answer in answers if (item := refusal(answer, wanted, permission)) is not None), None)
    return refused or tuple(item for answer in answers for item in as_list(result_of(answer)))


def _pages(first: Answer) -> int:
    """Return how many pages a list has by its first one, whatever the size of a page turned out to be."""
    info = as_map(_body(first).get("result_info"))
    size, total, pages = (info.get(name) for name in ("per_page", "total_count", "total_pages"))
    if isinstance(total, int) and isinstance(size, int) and size > 0:
        return max(1, -(-total // size))
    return pages if isinstance(pages, int) else 1


def _errors(body: Mapping[str, object]) -> str:
    texts = []
    for error in map(as_map, as_list(body.get("errors"))[:3]):
        code, message = error.get("code"), error.get("message")
        texts.append(clean(" ".join(str(part) for part in (code, message) if part), 200))
    return f": {'; '.join(texts)}" if any(texts) else ""


def _body(answer: Answer) -> Mapping[str, object]:
    if isinstance(answer, ReadAnswer):
        return answer.read
    try:
        return as_map(json.loads(answer.body))
    except (ValueError, RecursionError):
        return _NOTHING
