"""The request as Traefik's matchers see it: canonical host, routing path, query, headers.

Pure string work on bytes that came over the wire; nothing here knows routes.

Source: traefik: pkg/middlewares/requestdecorator/request_decorator.go, pkg/server/server_entrypoint_tcp.go
(normalizePath, sanitizePath), pkg/muxer/http/mux.go (withRoutingPath); net/url, path.Clean.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from ingressdoctor.evidence.routes import RouteRequest
from ingressdoctor.routing.traefik.version import Version

__all__ = ["Seen", "canonical_header", "canonical_host", "request_path", "routing_path", "see"]

_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RESERVED: Final = frozenset(":/?#[]@!$&'()*+,;=%")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# What net/url leaves alone when it writes a path, and what it accepts unescaped in one it was given.
_PATH_SAFE: Final = "$&+,/:;=@-_.~"
_VALID_RAW: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@\[\]/%]*")
_TOKEN_CHARS: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Seen(msgspec.Struct, frozen=True):
    """One request, prepared once and judged against many rules.

    ``path`` is None when the path cannot be decoded (Go answers 400 before any router). ``client_ip`` is the TCP
    peer after inbound PROXY protocol, empty when not known.
    """

    host: str
    path: str | None
    method: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, tuple[str, ...]]
    client_ip: str


def see(request: RouteRequest, version: Version, *, sanitize: bool = True, semicolons: bool = True) -> Seen:
    """Prepare a request for the matchers of one Traefik version; *semicolons* tells that they separate a query too."""
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in request.headers.items():
        key = canonical_header(name)
        if key != "Host":  # Go keeps it out of the header map
            headers[key] = (*headers.get(key, ()), value)
    return Seen(
        host=canonical_host(request.host),
        path=routing_path(request.path, version, sanitize=sanitize),
        method=request.method,
        query=_query(request.query.replace(";", "&") if semicolons else request.query),
        headers=headers,
        client_ip=request.client_ip,
    )


def canonical_host(host: str) -> str:
    """Return a Host header lower-cased, without port and IPv6 brackets."""
    text = host
    if ":" in text:
        if match := re.fullmatch(r"\[([^\[\]]*)\](?::[^:\[\]]*)?", text):
            text = match.group(1)
        elif text.count(":") == 1 and "[" not in text and "]" not in text:
            text = text.partition(":")[0]
    return text.strip().lower()


def canonical_header(name: str) -> str:
    """Return the canonical MIME key (``x-a`` -> ``X-A``); names with odd characters stay as they are."""
    if not _TOKEN_CHARS.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def routing_path(path: str, version: Version, *, sanitize: bool = True) -> str | None:
    """Return the path that matchers compare: normalised, sanitised, decoded except for reserved characters.

    Traefik 2 computes the same, but its Path and PathPrefix compare the path that is decoded as a whole.
    """
    raw = request_path(path, version, sanitize=sanitize)
    if raw is None or "%" not in raw:
        return raw
    if not version.since((3, 4, 1)):
        return _decode(raw)
    parts = re.split(r"((?:%[0-9A-Fa-f]{2})+)", raw)
    return "".join(_keep_reserved(part) if part.startswith("%") else part for part in parts)


def request_path(path: str, version: Version, *, sanitize: bool = True) -> str | None:
    """Return the path as Traefik passes it on: normalised, sanitised, still encoded; None when Go refuses it."""
    if path == "/":
        return path
    if _BAD_ESCAPE.search(path):
        return None
    raw = path or "/"
    if version.since((3, 4, 1), (2, 11, 25)):
        raw = _ESCAPE.sub(_normal, raw)
    raw = _escaped(raw)
    if sanitize and version.since((3, 3, 6), (2, 11, 24)):
        raw = _clean(raw)
    return raw


def _normal(match: re.Match[str]) -> str:
    char = chr(int(match.group(1), 16))
    return char if char in _UNRESERVED else match.group().upper()


def _escaped(raw: str) -> str:
    """Return what net/url's EscapedPath gives for a path that was parsed from *raw*."""
    if _VALID_RAW.fullmatch(raw):
        return raw
    return quote(_decode(raw).encode("utf-8", "surrogateescape"), safe=_PATH_SAFE)


def _clean(raw: str) -> str:
    """Collapse ``//``, ``/./`` and ``/../`` and keep a trailing slash, as URL.JoinPath does."""
    cleaned = posixpath.normpath("/" + raw.lstrip("/"))
    return cleaned + "/" if raw.endswith("/") and cleaned != "/" else cleaned


def _decode(raw: str) -> str:
    return unquote_to_bytes(raw).decode("utf-8", "surrogateescape")


def _keep_reserved(escapes: str) -> str:
    out = bytearray()
    for index in range(0, len(escapes), 3):
        escape = escapes[index : index + 3]
        # Lower-case escapes are not in Traefik's table of reserved ones and are decoded; the normalised path has none.
        reserved = chr(int(escape[1:], 16)) in _RESERVED and escape == escape.upper()
        out += escape.encode() if reserved else bytes([int(escape[1:], 16)])
    return out.decode("utf-8", "surrogateescape")


def _query(text: str) -> dict[str, tuple[str, ...]]:
    """Read a query string as url.ParseQuery does: pairs with a bad escape are dropped."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in text.split("&"):
        if not pair or _BAD_ESCAPE.search(pair):
            continue
        key, _, value = pair.partition("=")
        name = _decode(key.replace("+", " "))
        found[name] = (*found.get(name, ()), _decode(value.replace("+", " ")))
    return found
