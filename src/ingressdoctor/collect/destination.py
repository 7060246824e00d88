"""Which Service the request ends at: by the tunnel's rule where the name is a tunnel's, else by the route. Pure.

A connection to a port that TCP routes decide about ends where the TCP route leads. Reads nothing; the Service itself
is read in ``backend``.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from ingressdoctor.evidence.backend import ChosenBackend, RoutedBackend, chosen_backend
from ingressdoctor.evidence.gateway import GatewayView
from ingressdoctor.evidence.kube import Loaded, Service
from ingressdoctor.evidence.nginx import NginxDecision
from ingressdoctor.evidence.routes import RouteDecision
from ingressdoctor.evidence.tcp_route import TcpEntry
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.evidence.tunnel_rules import ConfigHome
from ingressdoctor.evidence.workloads import ClusterServices
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target

__all__ = ["behind_gateway", "behind_nginx", "behind_tcp", "behind_tunnel", "collect_destination", "collect_routed"]

_WANTED: Final = "the Service that the request ends at"


@collector(wanted=_WANTED)
async def collect_destination(
    target: Target,
    routed: RoutedBackend | Unavailable,
    route: TunnelRoute | Unavailable,
    entry: TcpEntry | Unavailable,
    nginx: NginxDecision | Unavailable,
    listed: Later[ClusterServices],
) -> ChosenBackend | Unavailable:
    """Choose between a TCP route, the rule of a tunnel (and ingress-nginx behind it), and the controller's route."""
    if isinstance(entry, TcpEntry):
        return behind_tcp(entry)
    if target.protocol is Protocol.MYSQL:
        return entry
    if isinstance(nginx, NginxDecision) and nginx.direct:
        return behind_nginx(nginx, await listed.get())
    if isinstance(route, TunnelRoute) and route.certain:
        return behind_nginx(nginx, await listed.get()) if isinstance(nginx, NginxDecision) else behind_tunnel(route)
    return routed if isinstance(routed, Unavailable) else routed.chosen


@collector(wanted=_WANTED)
async def collect_routed(decision: RouteDecision, gateway: Later[GatewayView]) -> RoutedBackend:
    """Return the Service of Traefik's route, or else that of a route of the Gateway API that another controller has."""
    chosen = chosen_backend(decision) or behind_gateway(await gateway.get())
    return RoutedBackend(chosen=chosen or Unavailable(wanted=_WANTED, reason="no route of this host ends at a Service"))


def behind_gateway(view: GatewayView | Unavailable) -> ChosenBackend | None:
    """Return the Service that a route of the Gateway API sends the request to, through a controller of another kind."""
    if isinstance(view, Unavailable) or not view.backends:
        return None
    weighty = [ref for ref in view.backends if ref.weight != 0] or list(view.backends)
    others = tuple(ref for ref in view.backends if ref is not weighty[0])
    return ChosenBackend(ref=weighty[0], route=view.taker, others=others, dialler="the Gateway", gateway=True)


def behind_tcp(entry: TcpEntry) -> ChosenBackend | Unavailable:
    """Return the Service that a TCP route leads to, also where Traefik left the route out."""
    meant = entry.meant
    services = [service.ref for service in meant.services if service.ref.name] if meant is not None else []
    weighty = [ref for ref in services if ref.weight != 0] or services
    if meant is None or not weighty:
        return Inapplicable(wanted=_WANTED, reason="no TCP route leads to a Service")
    return ChosenBackend(
        ref=weighty[0],
        route=meant.ref,
        others=tuple(ref for ref in services if ref is not weighty[0]),
        live=entry.winner is not None,
    )


def behind_nginx(nginx: NginxDecision, listed: ClusterServices | Unavailable) -> ChosenBackend | Unavailable:
    """Return the Service that ingress-nginx sends the request to, also that of an Ingress which it left out."""
    chosen = chosen_backend(nginx.decision)
    if chosen is None:
        return Inapplicable(wanted=_WANTED, reason=f"no Ingress that {nginx.controller.ref} has takes the request")
    known = listed.loaded if isinstance(listed, ClusterServices) else listed
    mine: tuple[Service, ...] | None = None
    if isinstance(known, Loaded) and not known.broken:
        mine = tuple(item for item in known.items if item.namespace == chosen.ref.namespace)
    return replace(chosen, dialler="ingress-nginx", tunnel=not nginx.direct, nginx=True, listed=mine)


def behind_tunnel(route: TunnelRoute) -> ChosenBackend | Unavailable:
    """Return the Service that the tunnel's rule leads to, or why there is none to look at."""
    config = route.config
    if isinstance(config, Unavailable):
        return config
    if route.rule is None or route.origin is None:
        reason = f"no valid rule leads anywhere: {config.error}" if config.error else "no rule leads anywhere"
        return Inapplicable(wanted=_WANTED, reason=reason)
    if route.backend is None:
        reason = f"{route.rule.shown} does not name a Service of this cluster"
        return Inapplicable(wanted=_WANTED, reason=reason)
    source = config.source
    in_map = source.home is ConfigHome.CONFIG_MAP
    return ChosenBackend(
        ref=route.backend,
        route=f"Rule {route.rule.number} of {source.ref}",
        dialler="cloudflared",
        tunnel=True,
        home=("-n", source.namespace, "configmap", source.name) if in_map else (),
    )
