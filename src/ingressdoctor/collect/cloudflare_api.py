"""The envelope of the Cloudflare API: take the result out, or say why there is none.

Pure. Anything may be missing, null or of another type; texts of the API are cleaned before they are quoted.

Source: developers.cloudflare.com/api (envelope, errors, permissions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.sources.base import Answer

__all__ = ["refusal", "result_of"]

_NOTHING: Final[Mapping[str, object]] = {}


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
        case 200:
            reason = "the endpoint answered something that is not the Cloudflare API's JSON"
            grant = "Check the endpoint under [cloudflare]: it ends in /client/v4."
        case _:
            reason, grant = "the Cloudflare API answered with an error", "Check the endpoint under [cloudflare]."
    return Unavailable(wanted=wanted, reason=f"{reason} ({answer.status}{said})", enable_with=grant)


def _errors(body: Mapping[str, object]) -> str:
    texts = []
    for error in map(as_map, as_list(body.get("errors"))[:3]):
        code, message = error.get("code"), error.get("message")
        texts.append(clean(" ".join(str(part) for part in (code, message) if part), 200))
    return f": {'; '.join(texts)}" if any(texts) else ""


def _body(answer: Answer) -> Mapping[str, object]:
    try:
        return as_map(json.loads(answer.body))
    except (ValueError, RecursionError):
        return _NOTHING
