"""A TCP route from plain objects, through the product's own models: Traefik behind a load balancer, MySQL on 3306."""

from __future__ import annotations

from typing import Any

from build.entry import CRD, NEWEST, a_tcp_middleware, a_tcp_route, objects, points
from build.hetzner import a_balancer, a_controller, a_lookup, a_service, listeners
from build.values import replace
from ingressdoctor.api import (
    Controller,
    Custom,
    EntryPoint,
    LoadBalancerLookup,
    Loaded,
    StaticConfig,
    TcpEntry,
    TcpRoute,
    Unavailable,
)
from ingressdoctor.collect.tcp_entry import TcpObjects, TcpScene, entry_of, scene_of
from ingressdoctor.collect.tcp_route import route_of
from ingressdoctor.routing.traefik.table import build_table

CLIENT = "203.0.113.7"
NODE = "10.0.1.11"
TRUSTED = ("10.0.0.0/8",)
GONE = Unavailable(wanted="the route", reason="403: may not list", enable_with="Grant it.")


def traefik(
    *entry_points: EntryPoint, trusted: tuple[str, ...] | None = TRUSTED, policy: str = "Cluster", **parts: Any
) -> Controller:
    """Traefik with the usual entry points, the PROXY protocol trusted on ``mysql`` (None: off)."""
    chosen = entry_points or points(mysql={"proxy_protocol": trusted})
    static = StaticConfig(source="args", entry_points=chosen, options={CRD: "true", **parts.pop("options", {})})
    service = a_service(spec={"externalTrafficPolicy": policy}, annotations=parts.pop("annotations", None))
    return replace(a_controller(service=service, **parts), static=static, version=NEWEST)


def balanced(*, proxy: bool = True, **parts: Any) -> LoadBalancerLookup:
    """The load balancer, sending the PROXY protocol or not."""
    return a_lookup(a_balancer(services=listeners(proxy=proxy)), **parts)


def listed(*ranges: str, kind: str = "ipAllowList") -> Custom:
    """The allow list ``ns/office``."""
    spec: dict[str, Any] = {kind: {"sourceRange": list(ranges)}}
    return a_tcp_middleware(**spec)


def guarded(**parts: Any) -> Custom:
    """The route of MaxScale behind the middleware ``office``."""
    route = {"middlewares": [{"name": "office"}], "services": [{"name": "maxscale", "port": 3306}], **parts}
    return a_tcp_route(name="maxscale-tcp-route", route=route)


def a_scene(*items: Custom, controller: Controller | None = None, port: int = 3306, **kinds: Any) -> TcpScene:
    """The model of one port of a cluster with these objects."""
    chosen = controller or traefik()
    found = objects(*items, **kinds)
    table = build_table(found, chosen.static, chosen.version)
    tcp = TcpObjects(
        routes=found.ingress_route_tcps,
        middlewares=found.middleware_tcps,
        transports=found.servers_transport_tcps,
    )
    return scene_of(port, chosen.path_of(port), tcp, found, table)


def an_entry(*items: Custom, client_ip: str = "", **parts: Any) -> TcpEntry:
    """What Traefik makes of a connection."""
    return entry_of(a_scene(*items, **parts), client_ip)


def a_way(
    *items: Custom,
    client_ip: str = CLIENT,
    controller: Controller | None = None,
    lookup: LoadBalancerLookup | Unavailable | None = None,
    **parts: Any,
) -> TcpRoute:
    """The way of a connection through load balancer and Traefik; by default it gets through, PROXY on both sides."""
    chosen = controller or traefik()
    given = items or (guarded(), listed(f"{CLIENT}/32"))
    scene = a_scene(*given, controller=chosen, **parts)
    return route_of(scene, chosen, balanced() if lookup is None else lookup, client_ip)


UNREAD_MIDDLEWARES: dict[str, Any] = {"middleware_tcps": GONE}
NO_ROUTES: dict[str, Any] = {"ingress_route_tcps": Loaded[Custom]()}
