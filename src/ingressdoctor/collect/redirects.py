"""Where a redirect leads, whether that was asked before, and whether we follow it there.

Pure. Follows like a browser with a fresh profile: cookies that a hop sets go along, because sites that set one and
send the visitor back to the same URL are no loop. Locations are hostile: whatever is no http URL leads nowhere.

Source: RFC 9110 section 15.4, RFC 6265 (name=value pairs only: attributes do not matter within one probe).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.net import HttpExchange

__all__ = ["Visit", "destination", "host_of", "is_sibling", "next_visit"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_URL: Final = 8_192
_MAX_COOKIES: Final = 30
_MAX_COOKIE: Final = 4_096
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
# Second-level labels under which strangers register names, so that sharing one proves no kinship.
_PUBLIC_SECOND: Final = frozenset({"co", "com", "net", "org", "gov", "edu", "ac", "gob", "or", "ne", "gr", "mil"})


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a visitor: a URL without fragment, and the cookies picked up on the way, by host."""

    url: str
    cookies: tuple[tuple[str, str, str], ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What makes a request the same as an earlier one: scheme, host, port, path, query and cookies."""
        parts = urlsplit(self.url)
        port = parts.port or _DEFAULT_PORT.get(parts.scheme, 0)
        return (parts.scheme, parts.hostname, port, parts.path or "/", parts.query, self.cookie_header)

    @property
    def cookie_header(self) -> str:
        """The Cookie header for this URL's host, or ""."""
        host = host_of(self.url)
        return "; ".join(f"{name}={value}" for owner, name, value in self.cookies if owner == host)


def host_of(url: str) -> str:
    """Return the host of a URL in lower case without a trailing dot, or "" when it is no URL."""
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def destination(exchange: HttpExchange) -> str:
    """Return the absolute http(s) URL that a redirect leads to, or "" when it is none."""
    location = exchange.header("location").strip()
    if exchange.status not in _REDIRECTS or not location or len(location) > _MAX_URL:
        return ""
    try:
        url = urljoin(exchange.url, location)
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORT and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return ""
    return parts._replace(fragment="").geturl() if usable else ""


def next_visit(visit: Visit, exchange: HttpExchange) -> Visit | None:
    """Return the request that the visitor sends next, or None when *exchange* is no redirect."""
    url = destination(exchange)
    if not url:
        return None
    jar = {(owner, name): value for owner, name, value in visit.cookies}
    host = host_of(visit.url)
    for header, value in exchange.headers:
        name, separator, content = value.partition(";")[0].partition("=")
        if header == "set-cookie" and separator and name.strip() and len(value) <= _MAX_COOKIE:
            jar[host, name.strip()] = content.strip()
    cookies = tuple((owner, name, value) for (owner, name), value in jar.items())
    return replace(visit, url=url, cookies=cookies[-_MAX_COOKIES:])


def is_sibling(host: str, other: str) -> bool:
    """Tell whether two names belong to the same zone, as far as the names alone can tell."""
    if host == other or other.endswith(f".{host}") or host.endswith(f".{other}"):
        return min(host.count("."), other.count(".")) >= 1
    ours, theirs = host.split("."), other.split(".")
    common = 0
    while common < min(len(ours), len(theirs)) and ours[-1 - common] == theirs[-1 - common]:
        common += 1
    return common > 2 or (common == 2 and ours[-2] not in _PUBLIC_SECOND)
