"""Read the load balancers and servers of one Hetzner Cloud project, page by page.

One request each unless the project is large, side by side. It reads everything rather than asking by name, because
a load balancer that was renamed or lost its label is only found by looking at all of them. Which one matters is
decided in ``hetzner_lookup``.

Source: docs.hetzner.cloud (pagination, errors, rate limit 3600 requests an hour and project).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Final, TypeVar

from ingressdoctor.collect.hetzner_objects import parse_load_balancer, parse_server, sequence
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.hetzner import HetznerProject
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map
from ingressdoctor.sources.base import Answer, Hetzner

__all__ = ["api_refusal", "collect_project", "read_all"]

T = TypeVar("T")

_WANTED: Final = "the load balancers of the Hetzner project"
_PER_PAGE: Final = 50  # the API's maximum
_MAX_PAGES: Final = 40
_TOKEN: Final = "Set HCLOUD_TOKEN to a token of the cluster's own project; one with read permission is enough."  # noqa: S105
_ENABLE: Final = {
    401: _TOKEN,
    403: _TOKEN,
    429: "Wait until the project's hourly budget refills (one request a second); other tools use the same budget.",
}


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_project(hetzner: Hetzner) -> HetznerProject | Unavailable:
    """Return every load balancer and server that the token can see; unread servers do not hide the former."""
    async with asyncio.TaskGroup() as group:
        balancers_task = group.create_task(read_all(hetzner, "load_balancers", parse_load_balancer))
        servers_task = group.create_task(read_all(hetzner, "servers", parse_server))
    balancers, servers = balancers_task.result(), servers_task.result()
    if isinstance(balancers, Unavailable):
        return balancers
    items, broken = balancers
    if isinstance(servers, Unavailable):
        return HetznerProject(load_balancers=items, servers_unread=servers.reason, broken=broken)
    return HetznerProject(load_balancers=items, servers=servers[0], broken=broken + servers[1])


async def read_all(
    hetzner: Hetzner, kind: str, parse: Callable[[object], T | None]
) -> tuple[tuple[T, ...], int] | Unavailable:
    """Return (all objects of one kind, how many had no id), or why they cannot be read."""
    wanted = f"the {kind.replace('_', ' ')} of the Hetzner project"
    items: list[T] = []
    broken = 0
    page = 1
    for _ in range(_MAX_PAGES):
        try:
            answer = await hetzner.get(f"/{kind}", {"page": str(page), "per_page": str(_PER_PAGE)})
        except SourceError as error:
            return Unavailable(wanted=wanted, reason=error.message, enable_with=error.hint or _TOKEN)
        body = _decode(answer)
        if answer.status != 200 or not isinstance(body.get(kind), list):
            return api_refusal(answer, wanted)
        for raw in sequence(body[kind]):
            item = parse(raw)
            if item is None:
                broken += 1
            else:
                items.append(item)
        following = as_map(as_map(body.get("meta")).get("pagination")).get("next_page")
        if not isinstance(following, int) or isinstance(following, bool) or following <= page:
            return tuple(items), broken
        page = following
    return Unavailable(wanted=wanted, reason=f"the list did not end within {_MAX_PAGES} pages of {_PER_PAGE}")


def api_refusal(answer: Answer, wanted: str) -> Unavailable:
    """Say why an answer holds no list, in the API's own words, and what would enable the look."""
    error = as_map(_decode(answer).get("error"))
    code, said = (clean(str(error.get(key) or ""), 200) for key in ("code", "message"))
    words = ": ".join(part for part in (code, said) if part)
    if answer.status == 200:
        start = clean(answer.body[:60].decode("utf-8", "replace").strip(), 60)
        return Unavailable(
            wanted=wanted,
            reason=f"the endpoint answered something that is not the Hetzner API's JSON, beginning with {start!r}",
            enable_with="Check the endpoint under [hetzner]: it ends in /v1, with no proxy or login page before it.",
        )
    if answer.status >= 500:
        enable = "Try again; status.hetzner.com tells about incidents of the API."
    else:
        enable = _ENABLE.get(answer.status, "Check the endpoint under [hetzner]: it ends in /v1.")
    reset = answer.headers.get("ratelimit-reset", "")
    until = f" (full again at Unix time {clean(reset, 20)})" if answer.status == 429 and reset else ""
    meaning = {
        401: "the Hetzner API does not accept the token (401",
        403: "the Hetzner API does not let this token look (403",
        429: f"the project's request budget is spent{until} (429",
    }.get(answer.status, f"the Hetzner API answered with an error ({answer.status}")
    return Unavailable(wanted=wanted, reason=f"{meaning}{f' {words}' if words else ''})", enable_with=enable)


def _decode(answer: Answer) -> dict[str, object]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
