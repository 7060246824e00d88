"""What the PROXY protocol between a load balancer and an entry point does to a connection.

A header is never required and never refused: an entry point that expects one waits for it, and one that does not
takes it for the client's own bytes.

Source: traefik: pkg/server/server_entrypoint_tcp.go (buildProxyProtocolListener); go-proxyproto: protocol.go.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.controller import EntryPoint
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker

__all__ = ["Arrival", "ProxyEffect", "proxy_effect"]


class Arrival(StrEnum):
    """In what state a connection reaches the routers."""

    CLEAN = "as the client sent it"
    DELAYED = "after waiting for a PROXY header that does not come"
    POLLUTED = "with the PROXY header as its first bytes"
    UNKNOWN = "not determined"


class ProxyEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a connection.

    ``real_source`` tells that Traefik sees the address in the header, not the peer's; ``delay_s`` how long a client
    that waits for the server is kept waiting, None for ever.
    """

    arrival: Arrival
    real_source: bool | None
    why: str
    delay_s: float | None = 0.0


def proxy_effect(point: EntryPoint, *, sends_header: bool, peer: str = "", server_first: bool = False) -> ProxyEffect:
    """Say what the entry point makes of a connection from *peer*, the load balancer or whatever stands in its place.

    ``server_first`` is for protocols like MySQL's, whose client sends nothing before the greeting.
    """
    expected = point.proxy_protocol
    if expected is None or not expected:
        if sends_header:
            why = f"the entry point {point.name} does not expect the PROXY header and takes it for data"
            return ProxyEffect(arrival=Arrival.POLLUTED, real_source=False, why=why)
        return ProxyEffect(arrival=Arrival.CLEAN, real_source=False, why="no PROXY protocol on either side")
    if not sends_header:
        return _unsent(point, server_first=server_first)
    trusted = _trusts(expected, peer)
    if trusted is None:
        why = f"the header is honoured only from {', '.join(expected)}, and the peer is not known"
        return ProxyEffect(arrival=Arrival.CLEAN, real_source=None, why=why)
    why = f"the header of {peer or 'any peer'} is honoured" if trusted else _ignored(peer)
    return ProxyEffect(arrival=Arrival.CLEAN, real_source=trusted, why=why)


def _unsent(point: EntryPoint, *, server_first: bool) -> ProxyEffect:
    if not server_first:
        why = "no header comes, and the client's first bytes end the wait for it"
        return ProxyEffect(arrival=Arrival.CLEAN, real_source=False, why=why)
    why = f"the entry point {point.name} waits for a PROXY header that is not sent before it lets the server speak"
    return ProxyEffect(arrival=Arrival.DELAYED, real_source=False, why=why, delay_s=point.read_timeout_s or None)


def _ignored(peer: str) -> str:
    return f"IP {peer} is not in trusted IPs list: the header is removed and its address ignored"


def _trusts(expected: tuple[str, ...], peer: str) -> bool | None:
    if "*" in expected:
        return True
    if not peer:
        return None
    try:
        return IpChecker.parse(expected).contains(peer)
    except RuleError:
        return False
