"""The way of a connection through load balancer and TCP route: which address Traefik sees, what a client gets. Pure.

Whether the load balancer sends the PROXY protocol is what its API says, else what the Service's annotation asks for.
Source: traefik: pkg/server/server_entrypoint_tcp.go, pkg/middlewares/tcp/ipallowlist; kube-proxy's source NAT under
externalTrafficPolicy: Cluster (Kubernetes documentation, "Using Source IP").
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.tcp_entry import TcpScene, entry_of
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import LoadBalancer, LoadBalancerLookup
from ingressdoctor.evidence.tcp_route import (
    AllowList,
    Ending,
    SeenAddress,
    SeenAs,
    TcpEnd,
    TcpEntry,
    TcpRoute,
)
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.routing.addresses import canonical_address
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.proxy_protocol import Arrival, ProxyEffect, proxy_effect

__all__ = ["collect_tcp_route", "route_of"]

_WANTED: Final = "the way from the load balancer to the backend"
_ANNOTATION: Final = "load-balancer.hetzner.cloud/uses-proxyprotocol"
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")


class _Header(msgspec.Struct, frozen=True):
    """Whether the load balancer sends the PROXY header, and who says so."""

    sent: bool | None
    source: str


class _Front(msgspec.Struct, frozen=True):
    """What stands before Traefik."""

    header: _Header
    peer: SeenAddress


@collector(wanted=_WANTED)
async def collect_tcp_route(
    target: Target, scene: TcpScene, controller: Controller, lookup: LoadBalancerLookup | Unavailable
) -> TcpRoute:
    """Put the load balancer in front of the TCP route, and say what a client at ``--client-ip`` gets."""
    return route_of(scene, controller, lookup, target.client_ip)


def route_of(
    scene: TcpScene, controller: Controller, lookup: LoadBalancerLookup | Unavailable, client_ip: str
) -> TcpRoute:
    """Say which address Traefik sees of a client, whether the route lets it through, and how it ends."""
    header, peer = _header(scene.port, controller, lookup), _peer(controller, lookup)
    point = scene.point
    effect = None
    if point is not None and header.sent is not None:
        effect = _effect(scene, header.sent, peer)
    seen = _seen(effect, peer, client_ip)
    entry = entry_of(scene, seen.addresses[0] if len(seen.addresses) == 1 else "")
    lists = tuple(_judged(item, seen, client_ip) for item in entry.lists)
    return TcpRoute(
        entry=entry,
        client_ip=client_ip,
        sends_header=header.sent,
        header_source=header.source,
        expects_header=point.proxy_protocol if point is not None else None,
        seen=seen,
        lists=lists,
        end=_end(entry, lists, effect),
    )


def _header(port: int, controller: Controller, lookup: LoadBalancerLookup | Unavailable) -> _Header:
    if isinstance(lookup, LoadBalancerLookup):
        if lookup.not_in_path:
            return _Header(False, lookup.not_in_path)
        served = lookup.found.service(port) if lookup.found else None
        if served is not None:
            return _Header(served.proxyprotocol, "the load balancer's settings")
    asked = controller.service.annotations.get(_ANNOTATION, "") if controller.service else ""
    if asked in (*_TRUE, *_FALSE):
        return _Header(asked in _TRUE, "the annotation of the Service")
    return _Header(None, "neither the load balancer nor an annotation could be read")


def _peer(controller: Controller, lookup: LoadBalancerLookup | Unavailable) -> SeenAddress:
    """Say who opens the connections that reach Traefik's pods."""
    service = controller.service
    found = lookup.found if isinstance(lookup, LoadBalancerLookup) else None
    direct = isinstance(lookup, LoadBalancerLookup) and bool(lookup.not_in_path)
    if service is None:
        return SeenAddress(kind=SeenAs.CLIENT, why="no Service stands before Traefik's pods")
    if service.spec.external_traffic_policy != "Local":
        hosts = (canonical_address(pod.status.host_ip or "") for pod in controller.pods)
        addresses = tuple(dict.fromkeys(filter(None, hosts)))
        why = "externalTrafficPolicy Cluster puts a node's address in place of whoever connects"
        return SeenAddress(kind=SeenAs.NODE, addresses=addresses, why=why)
    if direct:
        return SeenAddress(kind=SeenAs.CLIENT, why="externalTrafficPolicy Local keeps the client's address")
    return SeenAddress(
        kind=SeenAs.BALANCER,
        addresses=_own_addresses(found) if found else (),
        why="under externalTrafficPolicy Local the load balancer itself connects to Traefik",
    )


def _own_addresses(balancer: LoadBalancer) -> tuple[str, ...]:
    private = any(target.use_private_ip for target in balancer.targets)
    return balancer.private_ips if private else tuple(filter(None, (balancer.ipv4,)))


def _effect(scene: TcpScene, sent: bool, peer: SeenAddress) -> ProxyEffect | None:
    """Say what the entry point makes of it; peers of which only some are trusted leave it open who is seen."""
    point = scene.point
    if point is None:
        return None
    effects = [
        proxy_effect(point, sends_header=sent, peer=address, server_first=True) for address in peer.addresses or ("",)
    ]
    if len({effect.real_source for effect in effects}) == 1:
        return effects[0]
    why = "the entry point trusts the header of some of the peers only"
    return replace(effects[0], real_source=None, why=why)


def _seen(effect: ProxyEffect | None, peer: SeenAddress, client_ip: str) -> SeenAddress:
    own = (client_ip,) if client_ip else ()
    if effect is None:
        return SeenAddress(kind=SeenAs.UNKNOWN, why="whether a PROXY header is sent is not known")
    if effect.real_source:
        return SeenAddress(kind=SeenAs.CLIENT, addresses=own, why=effect.why)
    if effect.real_source is None:
        return SeenAddress(kind=SeenAs.UNKNOWN, why=effect.why)
    addresses = own if peer.kind is SeenAs.CLIENT else peer.addresses
    return replace(peer, addresses=addresses, why=f"{effect.why}; {peer.why}")


def _judged(item: AllowList, seen: SeenAddress, client_ip: str) -> AllowList:
    """Judge one allow list; a list that Traefik refuses lets nobody through, for it costs the whole route."""
    if not item.judges or item.invalid or not item.ranges:
        return item
    try:
        checker = IpChecker.parse(item.ranges)
    except RuleError:
        return item
    verdicts = {checker.contains(address) for address in seen.addresses}
    lets_seen = next(iter(verdicts)) if len(verdicts) == 1 else None
    return replace(item, lets_seen=lets_seen, lets_client=checker.contains(client_ip) if client_ip else None)


def _end(entry: TcpEntry, lists: tuple[AllowList, ...], effect: ProxyEffect | None) -> TcpEnd:
    if entry.stalled:
        return TcpEnd(kind=Ending.STALLED, why=entry.why, after_s=entry.after_s, limits=entry.limits)
    if entry.winner is None:
        return TcpEnd(kind=Ending.UNKNOWN, why=entry.undecided or entry.why, after_s=None)
    limits = (*entry.limits, *(f"{item.ref}: {_open(item)}" for item in lists if _open(item)))
    late = effect.delay_s if effect is not None and effect.arrival is Arrival.DELAYED else 0.0
    refusing = next((item for item in lists if item.lets_seen is False), None)
    if refusing is not None:
        return TcpEnd(kind=Ending.CLOSED, why=f"{refusing.ref} does not list the address", after_s=late, limits=limits)
    if any(item.amount is not None and item.amount <= 0 for item in lists):
        return TcpEnd(kind=Ending.CLOSED, why="a middleware allows no connection at all", after_s=late, limits=limits)
    if effect is None:
        why = "whether the load balancer sends a PROXY header is not known"
        return TcpEnd(kind=Ending.UNKNOWN, why=why, after_s=None, limits=limits)
    kind = {Arrival.DELAYED: Ending.LATE, Arrival.POLLUTED: Ending.REFUSED_LATER}.get(effect.arrival, Ending.GREETING)
    return TcpEnd(kind=kind, why=effect.why, after_s=late, limits=limits)


def _open(item: AllowList) -> str:
    """Say what about a middleware could not be told; empty when all is."""
    if item.exists is None:
        return "it was not read"
    return "which address it judges is not known" if item.judges and item.ranges and item.lets_seen is None else ""
