"""What a page says of the scheme that its application was told, and what Traefik believes of the edge's headers.

Holds no check and judges nothing. Source: W3C Mixed Content, for what a page loads or sends; Traefik forwardedHeaders.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ingressdoctor.api import (
    AddressRanges,
    Controller,
    EntryPoint,
    OutsideProbe,
    Unavailable,
    clean,
    of_same_family,
    uncovered,
)

__all__ = ["http_entry_point", "http_links", "untrusted", "v4_of"]

# What a browser loads or sends for a page: never over http from a page over https.
_TAG: Final = re.compile(
    rb"<(script|img|iframe|form|source|video|audio|embed|object|link)\b([^<>]{0,1000})", re.IGNORECASE
)
_URL: Final = re.compile(rb"\b(?:src|href|action|data)\s*=\s*[\"']?(http://[^\"'\s<>]{1,300})", re.IGNORECASE)
_REL: Final = re.compile(rb"\brel\s*=\s*[\"']?([a-z -]{1,60})", re.IGNORECASE)
_LOADED: Final = (b"stylesheet", b"icon", b"preload", b"modulepreload", b"manifest", b"script")


def http_entry_point(controller: Controller | Unavailable) -> EntryPoint | None:
    """Return the entry point that http arrives at; None where it, or its options, cannot be known."""
    if isinstance(controller, Unavailable) or controller.static.unreadable:
        return None
    return controller.path_of(80).entry_point


def v4_of(ranges: AddressRanges) -> tuple[str, ...]:
    """Return Cloudflare's ranges of IPv4."""
    return of_same_family(ranges.cidrs, ("0.0.0.0/0",))


def untrusted(point: EntryPoint, ranges: AddressRanges) -> tuple[str, ...]:
    """Return Cloudflare's ranges of IPv4 that are not trusted."""
    return () if point.forwarded_insecure else uncovered(v4_of(ranges), point.forwarded_trusted)


def http_links(probe: OutsideProbe | Unavailable) -> tuple[str, ...]:
    """Return addresses of the site itself that a page over https loads, or sends forms to, over http."""
    if isinstance(probe, Unavailable) or probe.left_host or probe.edge_error or probe.challenge or probe.access_login:
        return ()
    last = probe.last
    if not last.url.startswith("https:") or last.status != 200 or "html" not in last.header("content-type").lower():
        return ()
    found: list[str] = []
    for name, rest in _TAG.findall(last.body):
        rel = _REL.search(rest)
        if name.lower() == b"link" and not (rel and any(word in rel.group(1).lower().split() for word in _LOADED)):
            continue
        found.extend(url.decode("ascii", "replace") for url in _URL.findall(rest))
    # Nobody was led away from the target's host, so the page is its own.
    host = urlsplit(last.url).hostname or "/"
    own = (url for url in dict.fromkeys(found) if url.partition("//")[2].lower().startswith(host))
    return tuple(clean(url, 200) for url in own)
