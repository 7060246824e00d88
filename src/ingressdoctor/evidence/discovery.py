"""The targets that an installation names by itself: in its routing objects, its tunnels' rules, and its zones."""

from __future__ import annotations

import msgspec

from ingressdoctor.model.evidence import Unavailable

__all__ = ["Discovered", "FoundName", "ZoneName", "ZoneNames"]


class ZoneName(msgspec.Struct, frozen=True, kw_only=True):
    """One name of a zone at Cloudflare, by its A, AAAA and CNAME records."""

    name: str
    contents: tuple[str, ...]
    proxied: bool


class ZoneNames(msgspec.Struct, frozen=True, kw_only=True):
    """The names of all active zones that the token sees; ``unread`` are zones whose records it may not list."""

    names: tuple[ZoneName, ...] = ()
    unread: tuple[str, ...] = ()


class FoundName(msgspec.Struct, frozen=True, kw_only=True):
    """One target as it is asked about (``shop.example.org``, ``mysql://db.example.org``) and what names it.

    ``namespaces`` are those of the objects; a name that only a zone or a rule holds has none. ``only_record`` tells
    that nothing but a record of a zone names it: it may never have been meant to answer.
    """

    text: str
    sources: tuple[str, ...]
    namespaces: tuple[str, ...] = ()
    only_record: bool = False


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found, sorted; what was left out on purpose, with the reason; and what was not looked at."""

    names: tuple[FoundName, ...] = ()
    left_out: tuple[str, ...] = ()
    gaps: tuple[Unavailable, ...] = ()
