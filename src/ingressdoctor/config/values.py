"""Readers for single values of the configuration: raw TOML in, typed value out, or what was expected.

Each reader takes the raw value and the folder that relative paths start from, and raises ``UnfitError`` with the
sentence that completes "must be ...". A reader looks at its value and nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from ingressdoctor.config.secrets import AccessTokenRef, Kind, SecretRef

__all__ = [
    "Reader",
    "UnfitError",
    "access_token",
    "anchor",
    "connect_to",
    "count",
    "file",
    "flag",
    "folder",
    "host_pattern",
    "many",
    "number",
    "password",
    "path",
    "patterns",
    "resolver",
    "resolver_or_none",
    "seconds",
    "secret",
    "text",
    "url",
    "url_or_none",
]

_MAX_SECONDS: Final = 3600.0
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Reader = Callable[[object, Path], object]


class UnfitError(ValueError):
    """The value is not what the key needs; the text completes "must be ..."."""


def text(raw: object, base: Path) -> str:
    """A text of one line."""
    del base
    if not isinstance(raw, str) or not raw.isprintable():
        raise UnfitError("a text of one line in quotes")
    return raw


def flag(raw: object, base: Path) -> bool:
    """``true`` or ``false``."""
    del base
    if not isinstance(raw, bool):
        raise UnfitError("true or false, without quotes")
    return raw


def seconds(raw: object, base: Path) -> float:
    """A number of seconds, more than 0 and at most an hour."""
    del base
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw <= _MAX_SECONDS:
        raise UnfitError(f"a number of seconds from above 0 to {_MAX_SECONDS:g}, without quotes, as in 30")
    return float(raw)


def count(least: int, most: int) -> Reader:
    """Return the reader of a whole number from *least* to *most*."""

    def read(raw: object, base: Path) -> int:
        del base
        if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
            raise UnfitError(f"a whole number from {least} to {most}, without quotes")
        return raw

    return read


def number(least: float, most: float) -> Reader:
    """Return the reader of a number from *least* to *most*."""

    def read(raw: object, base: Path) -> float:
        del base
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not least <= raw <= most:
            raise UnfitError(f"a number from {least:g} to {most:g}, without quotes")
        return float(raw)

    return read


def path(raw: object, base: Path) -> str:
    """A path; ``~`` is the home folder and a relative one starts at the folder of the configuration file."""
    try:
        plain = Path(text(raw, base)).expanduser()
    except (UnfitError, RuntimeError):
        raise UnfitError("a path in quotes") from None
    return str(base / plain) if raw else ""


def folder(raw: object, base: Path) -> str:
    """The path of a folder that exists."""
    found = path(raw, base)
    if not found or not Path(found).is_dir():
        raise UnfitError(f"a folder that exists ({found or 'empty'} does not)")
    return found


def file(raw: object, base: Path) -> str:
    """The path of a file that exists, or empty."""
    found = path(raw, base)
    if found and not Path(found).is_file():
        raise UnfitError(f"a file that exists ({found} does not)")
    return found


def url(raw: object, base: Path) -> str:
    """An http or https URL, returned without a trailing slash."""
    found = text(raw, base)
    try:
        parts = urlsplit(found)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or "@" in found:
        raise UnfitError('an http or https URL without a user name, as in "https://api.example.org/v1"')
    return found.rstrip("/")


def url_or_none(raw: object, base: Path) -> str:
    """An http or https URL, or empty."""
    return url(raw, base) if raw else ""


def resolver(raw: object, base: Path) -> str:
    """The address of a DNS server, returned as ``address:port``."""
    host, port = _host_port(raw, base, "53")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise UnfitError('the address of a DNS server, as in "1.1.1.1" or "127.0.0.1:5353" or "[::1]:53"') from None
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def resolver_or_none(raw: object, base: Path) -> str:
    """The address of a DNS server, or empty."""
    return resolver(raw, base) if raw else ""


def anchor(raw: object, base: Path) -> str:
    """A place to connect to, as ``host:port``."""
    host, port = _host_port(raw, base, "")
    if not port or not _is_host(host):
        raise UnfitError('host:port, as in "1.1.1.1:443"')
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connect_to(raw: object, base: Path) -> str:
    """``HOST:PORT:HOST:PORT`` as in curl: an empty part matches all, or keeps what was asked for."""
    found = text(raw, base)
    parts = re.findall(r"\[[0-9A-Fa-f:.]*\]|[^:\[\]]+|(?<=:)(?=:)|^(?=:)|(?<=:)$", found)
    hosts, ports = parts[0::2], parts[1::2]
    if (
        len(parts) != 4
        or ":".join(parts) != found
        or not all(host == "" or _is_host(host.strip("[]")) for host in hosts)
        or not all(port == "" or _is_port(port) for port in ports)
    ):
        raise UnfitError('HOST:PORT:HOST:PORT, as in "203.0.113.10:443:127.0.0.1:8443"')
    return found


def secret(raw: object, base: Path) -> SecretRef:
    """A reference to a secret; a secret written out is refused without being quoted."""
    how = '{ env = "NAME" } or { file = "path" } or { command = ["pass", "show", "name"] }'
    if isinstance(raw, str):
        raise UnfitError(f"a reference, never the secret itself: {how}")
    if not isinstance(raw, dict) or len(raw) != 1:
        raise UnfitError(f"exactly one of {how}")
    kind, place = next(iter(raw.items()))
    if kind == Kind.ENV and isinstance(place, str) and _VARIABLE.fullmatch(place):
        return SecretRef(kind=Kind.ENV, place=(place,))
    if kind == Kind.FILE and isinstance(place, str) and place:
        return SecretRef(kind=Kind.FILE, place=(path(place, base),))
    if kind == Kind.COMMAND and isinstance(place, list) and place and all(isinstance(word, str) for word in place):
        return SecretRef(kind=Kind.COMMAND, place=tuple(place))
    raise UnfitError(f"exactly one of {how}")


def password(raw: object, base: Path) -> SecretRef:
    """A reference to a password, which unlike a token may hold spaces."""
    return replace(secret(raw, base), what="password")


def access_token(raw: object, base: Path) -> AccessTokenRef:
    """References to the two halves of a service token, and optionally the hosts that it may be sent to."""
    needed, known = {"client_id", "client_secret"}, {"client_id", "client_secret", "hosts"}
    if not isinstance(raw, dict) or not needed <= set(raw) <= known:
        raise UnfitError("a table of client_id and client_secret, with hosts if you like, and of nothing else")
    halves = []
    for name in ("client_id", "client_secret"):
        try:
            halves.append(secret(raw[name], base))
        except UnfitError as error:
            raise UnfitError(f"a table whose {name} is {error}") from None
    try:
        hosts = tuple(host_pattern(item, base) for item in raw.get("hosts", ()))
    except (UnfitError, TypeError):
        raise UnfitError('a table whose hosts are a list of patterns, as in ["*-mgmt.example.org"]') from None
    first, second = halves
    return AccessTokenRef(client_id=first, client_secret=second, hosts=hosts)


def host_pattern(raw: object, base: Path) -> str:
    """A hostname, with ``*`` for any characters."""
    found = text(raw, base).strip().lower().rstrip(".")
    if not found or not re.fullmatch(r"[a-z0-9_.*?-]{1,253}", found):
        raise UnfitError('a hostname or a pattern of one, as in "*-mgmt.example.org"')
    return found


def patterns(raw: object, base: Path) -> tuple[tuple[str, str], ...]:
    """A table from hostname pattern to walk."""
    del base
    fits = isinstance(raw, dict) and all(isinstance(walk, str) and walk for walk in raw.values())
    if not isinstance(raw, dict) or not fits:
        raise UnfitError('a table from hostname pattern to walk, as in { "*-mgmt.example.org" = "tunnel" }')
    return tuple((name.lower(), walk) for name, walk in raw.items())


def many(reader: Reader) -> Reader:
    """Turn a reader of one value into a reader of a list of them."""

    def read(raw: object, base: Path) -> tuple[object, ...]:
        if not isinstance(raw, list):
            try:
                reader(raw, base)
            except UnfitError as error:
                raise UnfitError(f"a list in [ ], each {error}") from None
            raise UnfitError("a list: put the value in [ ]")
        found = []
        for number, item in enumerate(raw, start=1):
            try:
                found.append(reader(item, base))
            except UnfitError as error:
                raise UnfitError(f"a list, each {error}; value {number} is not") from None
        return tuple(found)

    return read


def _host_port(raw: object, base: Path, default: str) -> tuple[str, str]:
    found = text(raw, base)
    if found.startswith("["):
        host, _, rest = found[1:].partition("]")
        port = rest.removeprefix(":")
    elif found.count(":") > 1:
        host, port = found, ""
    else:
        host, _, port = found.partition(":")
    port = port or default
    if port and not _is_port(port):
        raise UnfitError(f"followed by a port from 1 to 65535 (not {port[:20]!r})")
    return host, port


def _is_port(port: str) -> bool:
    return port.isascii() and port.isdigit() and len(port) < 6 and 1 <= int(port) <= 65535


def _is_host(host: str) -> bool:
    if _HOST.fullmatch(host):
        return True
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
