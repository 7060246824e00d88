"""Redirect what would be dialled, as curl's ``--connect-to HOST:PORT:HOST:PORT`` does.

Pure: entries and an endpoint in, an endpoint out. Names are not resolved here, and what is sent (Host, SNI) never
changes; only the place that a connection goes to does.

Source: curl: docs/cmdline-opts/connect-to.md. One difference: entries are also matched on addresses, because probes
dial addresses that were chosen by evidence.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Self

import msgspec

from ingressdoctor.errors import UsageError
from ingressdoctor.model.text import clean

__all__ = ["ConnectTo", "join_host_port", "split_host_port"]

_HOST: Final = r"(\[[^\[\]]*\]|[^:\[\]]*)"
_ENTRY: Final = re.compile(rf"{_HOST}:(\d*):{_HOST}:(\d*)", re.ASCII)
_HINT: Final = (
    "Write --connect-to HOST:PORT:HOST:PORT, as www.example.org:443:127.0.0.1:8443, with IPv6 addresses in brackets;"
    " each part may be empty."
)


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One redirection; None matches everything on the left and keeps the original on the right."""

    host: str | None
    port: int | None
    to_host: str | None
    to_port: int | None

    def matches(self, host: str, port: int) -> bool:
        return self.host in (None, host) and self.port in (None, port)


class ConnectTo(msgspec.Struct, frozen=True):
    """An ordered list of redirections, of which the first that matches wins."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Self:
        """Read entries as they stand on the command line.

        Raises:
            UsageError: an entry is malformed; it is named.
        """
        return cls(tuple(_parse(text) for text in entries))

    def resolve(self, host: str, port: int) -> tuple[str, int]:
        """Return the host or address, and the port, to dial instead of *host* and *port*."""
        wanted = _normal(host)
        for entry in self.entries:
            if entry.matches(wanted, port):
                return entry.to_host or host, entry.to_port or port
        return host, port


def split_host_port(text: str, default_port: int) -> tuple[str, int]:
    """Split ``host:port``, ``host``, ``[v6]:port`` or a bare IPv6 address.

    Raises:
        ValueError: there is no host, or the port is not between 1 and 65535.
    """
    bare = text.strip()
    if bare.startswith("["):
        host, _, rest = bare[1:].partition("]")
        port_text = rest.removeprefix(":")
        if rest and rest == port_text:
            raise ValueError(f"{text!r} is not host:port")
    elif bare.count(":") > 1:
        host, port_text = bare, ""
    else:
        host, _, port_text = bare.partition(":")
    port = _port(port_text) if port_text else default_port
    if not host or port is None:
        raise ValueError(f"{text!r} is not host:port")
    return host, port


def join_host_port(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse(text: str) -> _Entry:
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise _malformed(text)
    host, port, to_host, to_port = match.groups()
    ports = [_port(value) if value else 0 for value in (port, to_port)]
    if None in ports:
        raise _malformed(text)
    return _Entry(
        host=_normal(host) or None,
        port=ports[0] or None,
        to_host=_normal(to_host) or None,
        to_port=ports[1] or None,
    )


def _malformed(text: str) -> UsageError:
    return UsageError(f"{clean(text, 200)!r} does not say what to connect to instead of what.", hint=_HINT)


def _port(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    return int(text) if 0 < int(text) < 65_536 else None


@lru_cache(maxsize=1024)
def _normal(host: str) -> str:
    """Return *host* in the one form that is compared: lower case, no brackets or final dot, addresses canonical."""
    bare = host.strip().strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(bare).compressed
    except ValueError:
        return bare
