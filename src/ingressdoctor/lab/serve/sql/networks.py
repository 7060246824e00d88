"""A list of networks that may announce another address, as MariaDB and MaxScale write it: CIDRs, `*`, `localhost`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from ingressdoctor.lab.serve.sql import wire
from ingressdoctor.lab.serve.sql.headers import Header
from ingressdoctor.lab.serve.sql.hosts import fits

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """Who may send a PROXY header."""

    def __init__(self, listed: str) -> None:
        words = [word for word in re.split(r"[,\s]+", listed) if word]
        self.empty = not words
        self._all = "*" in words
        self._known = tuple(found for word in words if (found := _network(word)) is not None)

    def lists(self, ip: str) -> bool:
        """Whether *ip* may."""
        address = ipaddress.ip_address(ip)
        return self._all or any(address in known for known in self._known)

    def refusal(self, peer: str, header: Header) -> bytes | None:
        """The ERR packet's payload that a header from *peer* is answered with; None when it is accepted."""
        if not self.lists(peer):
            return wire.error(1130, "HY000", f"Proxy header is not accepted from {peer}")
        return wire.error(1105, "HY000", "Failed to parse proxy header") if header.broken else None


def host_refusal(hosts: Iterable[str], peer: str) -> bytes | None:
    """The ERR packet's payload in place of a greeting for a *peer* that no account's host admits; None for others."""
    if any(fits(host, peer) for host in hosts):
        return None
    return wire.error(1130, "", f"Host '{peer}' is not allowed to connect to this MariaDB server")


def _network(word: str) -> _Network | None:
    try:
        return ipaddress.ip_network("127.0.0.1" if word == "localhost" else word, strict=False)
    except ValueError:
        return None
