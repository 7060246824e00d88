"""Addresses as Go reads them: net.SplitHostPort, and the URL of a service. What may stand there is decided elsewhere.

Source: Go 1.26 net/ipsock.go (SplitHostPort), net/url/url.go (parse, parseAuthority, parseHost, unescape).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import msgspec

__all__ = ["AddressError", "Url", "parse_url", "quoted", "split_host_port"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAMED: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
_PORT: Final = re.compile(r"(?::[0-9]*)?")
_USERINFO: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_ESCAPE: Final = re.compile(r"%(?:[0-9A-Fa-f]{2})?")
# What may not stand in a host; all that is not ASCII may.
_HOST_PART: Final = re.compile(r"%(?:[0-9A-Fa-f]{2})?|[\x00-\x20#/?@\\^`{|}\x7f]")
_STRICT: Final = ("http", "https")


class AddressError(ValueError):
    """Go refuses the text; the message is Go's own."""


class Url(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a URL that decide; ``host`` holds brackets and port, ``path`` is as written."""

    scheme: str = ""
    host: str = ""
    path: str = ""
    has_user: bool = False

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        return _split(self.host)[0]

    @property
    def port(self) -> str:
        """The port's digits, or the empty string."""
        return _split(self.host)[1]


def _split(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if not colon or not _PORT.fullmatch(f":{port}"):
        name, port = host, ""
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name, port


def split_host_port(text: str) -> tuple[str, str] | None:
    """Split ``host:port`` or ``[host]:port``; None for everything else, a bare host or a bare address included."""
    colon = text.rfind(":")
    if colon < 0:
        return None
    if text.startswith("["):
        end = text.find("]")
        if end < 0 or end + 1 != colon:
            return None
        host, opening, closing = text[1:end], 1, end + 1
    else:
        host, opening, closing = text[:colon], 0, 0
        if ":" in host:
            return None
    if "[" in text[opening:] or "]" in text[closing:]:
        return None
    return host, text[colon + 1 :]


def parse_url(text: str) -> Url:
    """Read a URL.

    Raises:
        AddressError: Go refuses it; the message begins with ``parse``.
    """
    before = text.partition("#")[0]
    try:
        url = _parsed(before)
    except AddressError as error:
        raise AddressError(f"parse {quoted(before)}: {error}") from None
    fragment = text.partition("#")[2]
    bad = _bad_escape(fragment)
    if bad is not None:
        raise AddressError(f"parse {quoted(text)}: invalid URL escape {quoted(bad)}")
    return url


def quoted(text: str) -> str:
    """Return a text as Go's %q shows it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_CONTROL.sub(_escape, escaped)}"'


def _escape(found: re.Match[str]) -> str:
    return _NAMED.get(found.group()) or f"\\x{ord(found.group()):02x}"


def _parsed(text: str) -> Url:
    if _CONTROL.search(text):
        raise AddressError("net/url: invalid control character in URL")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise AddressError("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme, rest = (found[1].lower(), text[found.end() :]) if found else ("", text)
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme=scheme)
        if ":" in rest.partition("/")[0]:
            raise AddressError("first path segment in URL cannot contain colon")
    host, has_user = "", False
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, at, raw = authority.rpartition("@")
        host, has_user = _host(scheme, raw), bool(at)
        _check_user(user)
    bad = _bad_escape(rest)
    if bad is not None:
        raise AddressError(f"invalid URL escape {quoted(bad)}")
    return Url(scheme=scheme, host=host, path=rest, has_user=has_user)


def _bad_escape(text: str) -> str | None:
    place = next((found.start() for found in _ESCAPE.finditer(text) if found.group() == "%"), None)
    return None if place is None else _three_bytes(text[place:])


def _check_user(user: str) -> None:
    if not _USERINFO.fullmatch(user):
        raise AddressError("net/url: invalid userinfo")
    bad = _bad_escape(user)
    if bad is not None:
        raise AddressError(f"invalid URL escape {quoted(bad)}")


def _host(scheme: str, raw: str) -> str:
    bracket = raw.rfind("[")
    if bracket > 0:
        raise AddressError("invalid IP-literal")
    if bracket == 0:
        return _literal(raw)
    colon = raw.find(":") if scheme in _STRICT else raw.rfind(":")
    if colon >= 0 and not _PORT.fullmatch(raw[colon:]):
        raise AddressError(f"invalid port {quoted(raw[colon:])} after host")
    return _unescaped(raw)


def _literal(raw: str) -> str:
    end = raw.rfind("]")
    if end < 0:
        raise AddressError("missing ']' in host")
    port = raw[end + 1 :]
    if not _PORT.fullmatch(port):
        raise AddressError(f"invalid port {quoted(port)} after host")
    inner = raw[1:end]
    zone = inner.find("%25")
    name = _unescaped(inner) if zone < 0 else _unescaped(inner[:zone]) + _zone(inner[zone:])
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        if _is_ipv4(name):
            raise AddressError("invalid IP-literal") from None
        raise AddressError(f"invalid host: ParseAddr({quoted(name)}): unable to parse IP") from None
    return f"[{name}]{port}"


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _zone(text: str) -> str:
    bad = _bad_escape(text)
    if bad is not None:
        raise AddressError(f"invalid URL escape {quoted(bad)}")
    return _decoded(text)


def _unescaped(text: str) -> str:
    """Decode a host, where only bytes beyond ASCII and the percent sign itself may be escaped."""
    for found in _HOST_PART.finditer(text):
        part = found.group()
        if part == "%" or (part[0] == "%" and int(part[1], 16) < 8 and part != "%25"):
            raise AddressError(f"invalid URL escape {quoted(_three_bytes(text[found.start() :]))}")
        if part[0] != "%":
            raise AddressError(f"invalid character {quoted(part)} in host name")
    return _decoded(text)


def _three_bytes(text: str) -> str:
    return text[:3].encode("utf-8", "surrogateescape")[:3].decode("utf-8", "replace")


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    raw = re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogateescape")
    )
    return raw.decode("utf-8", "surrogateescape")
