"""Hostnames found and sources readable, as text and as JSON."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from ingressdoctor.model.finding import Status
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of
from ingressdoctor.render.words import listed

__all__ = [
    "AccessV1",
    "HostV1",
    "SourceV1",
    "TargetsV1",
    "access_to_json",
    "access_to_terminal",
    "targets_to_json",
    "targets_to_terminal",
    "walk_of",
]

_OBJECTS = 16
"""Columns that are left for what names a target, whatever its length, with the gaps before."""


class HostV1(msgspec.Struct, frozen=True, kw_only=True):
    """One hostname, the objects that name it, and the walk it takes; ``target`` is what sweeps ask for and call it."""

    hostname: str
    target: str
    objects: tuple[str, ...]
    walk: str


class TargetsV1(msgspec.Struct, frozen=True, kw_only=True):
    """Every hostname found; ``limits`` says what could not be searched."""

    schema: Literal["ingressdoctor.targets/v1"] = "ingressdoctor.targets/v1"
    hosts: tuple[HostV1, ...]
    limits: tuple[str, ...]


class SourceV1(msgspec.Struct, frozen=True, kw_only=True):
    """One source; ``readable`` is null where it could not be found out."""

    source: str
    readable: bool | None
    detail: str
    costs: tuple[str, ...]
    enable_with: str


class AccessV1(msgspec.Struct, frozen=True, kw_only=True):
    """What today's credentials can read."""

    schema: Literal["ingressdoctor.access/v1"] = "ingressdoctor.access/v1"
    sources: tuple[SourceV1, ...]


def access_to_json(view: AccessV1) -> str:
    """Return the view as one JSON object."""
    return encode(view)


def access_to_terminal(view: AccessV1, page: Page) -> str:
    """Return one paragraph per source: readable or not, what that costs, and what would change it."""
    sheet = Sheet(page)
    width = max((len(safe(item.source)) for item in view.sources), default=0)
    for item in view.sources:
        status = {True: Status.PASS, False: Status.FAIL, None: Status.UNKNOWN}[item.readable]
        sheet.say(
            (f"{glyph_of(status, page)} ", colour_of(status)),
            (f"{safe(item.source):<{width}}  ", "bold"),
            (safe(item.detail), ""),
            indent=4,
        )
        if not item.readable and item.costs:
            costs = listed(map(safe, item.costs), limit=0 if page.verbose else 6)
            sheet.say((f"    not checked without it: {costs}", "dim"), indent=6)
        if not item.readable and item.enable_with:
            sheet.say((f"    to look: {safe(item.enable_with)}", colour_of(Status.UNKNOWN)), indent=6)
    return sheet.text()


def targets_to_json(view: TargetsV1) -> str:
    """Return the view as one JSON object."""
    return encode(view)


def targets_to_terminal(view: TargetsV1, page: Page) -> str:
    """Return one line per hostname: the name, the walk, and the objects that name it."""
    sheet = Sheet(page)
    if not view.hosts:
        sheet.say((f"{glyph_of(Status.UNKNOWN, page)} no hostname was found", colour_of(Status.UNKNOWN)))
    walk = max((len(item.walk) for item in view.hosts), default=0)
    width = min(max((len(safe(item.target)) for item in view.hosts), default=0), max(8, page.width - walk - _OBJECTS))
    for item in view.hosts:
        sheet.say(
            (f"{safe(item.target):<{width}}  ", "bold"),
            (f"{safe(item.walk):<{walk}}  ", ""),
            (listed(map(safe, item.objects)), "dim"),
            indent=4,
        )
    for limit in view.limits:
        sheet.say(
            (f"{glyph_of(Status.UNKNOWN, page)} not searched: {safe(limit)}", colour_of(Status.UNKNOWN)), indent=2
        )
    return sheet.text()


def walk_of(hostname: str, objects: tuple[str, ...], patterns: tuple[tuple[str, str], ...]) -> str:
    """Return the walk of a hostname of which nothing more is known: by patterns, else by the kinds that name it."""
    named = next((walk for pattern, walk in patterns if fnmatchcase(hostname, pattern)), "")
    # A record leads to what the others say, or to the edge like those of every public site.
    kinds = {item.partition(" ")[0] for item in objects if not item.startswith("DNS record ")}
    if kinds and kinds <= {"cloudflared", "tunnel"}:
        return named or "tunnel"
    return named or ("sql" if kinds == {"IngressRouteTCP"} else "public")
