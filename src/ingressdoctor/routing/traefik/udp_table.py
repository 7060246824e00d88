"""The UDP routers of one cluster: Traefik has one for each entry point, since datagrams carry nothing to choose by.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_udp.go, pkg/server/router/udp/router.go,
pkg/config/runtime/runtime_udp.go (v3.7.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.crd import left_out
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.settings import CRD, CRD_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.tcp_services import TcpService, TcpServices

__all__ = ["UdpRouter", "UdpTable", "build_udp_table"]


class UdpRouter(msgspec.Struct, frozen=True, kw_only=True):
    """A UDP router that Traefik has; ``lacking`` are the Services that it left out."""

    ref: str
    name: str
    entry_points: tuple[str, ...]
    services: tuple[TcpService, ...]
    lacking: tuple[Problem, ...] = ()


class UdpTable(msgspec.Struct, frozen=True, kw_only=True):
    """The router of each UDP entry point, and everything that has none; ``unread`` says what was not looked at."""

    by_point: Mapping[str, UdpRouter] = msgspec.field(default_factory=dict)
    dropped: tuple[DroppedRoute, ...] = ()
    unread: tuple[str, ...] = ()


def build_udp_table(objects: RoutingObjects, table: RouteTable) -> UdpTable:
    """Build every UDP router; *table* is the HTTP one of the same cluster, for static configuration and version."""
    found, settings = objects.ingress_route_udps, ProviderSettings.read(table.static, CRD)
    if not isinstance(found, Loaded):
        return UdpTable(unread=(f"{found.wanted}: {found.reason}",))
    services = replace(TcpServices.of(objects, settings, table.static, table.version), word="udp")
    made: dict[str, UdpRouter | DroppedRoute] = {}
    dropped: list[DroppedRoute] = []
    for item in found.items:
        filtered = left_out(item, settings, table.version)
        if filtered is not None:
            dropped.append(_dropped(item, filtered))
            continue
        for name, outcome in _of_object(item, services, table):
            if name in made:
                said = f"two routers are called {name} and Traefik keeps one of them; nothing is logged"
                ref = made[name].ref
                dropped.append(
                    DroppedRoute(ref=ref, rule="", reason=DropReason.COLLISION, detail=said, related=item.ref)
                )
            made[name] = outcome
    dropped += [one for one in made.values() if isinstance(one, DroppedRoute)]
    by_point, beaten = _by_point([one for one in made.values() if isinstance(one, UdpRouter)], table)
    return UdpTable(by_point=by_point, dropped=(*dropped, *beaten), unread=found.broken)


def _of_object(
    item: Custom, services: TcpServices, table: RouteTable
) -> Iterator[tuple[str, UdpRouter | DroppedRoute]]:
    points = _points(table)
    named = tuple(str(name) for name in as_list(item.spec.get("entryPoints"))) or tuple(sorted(points))
    for place, raw in enumerate(as_list(item.spec.get("routes"))):
        name = f"{item.namespace}-{item.name}-{place}@{CRD_PROVIDER}"
        built = services.build(as_list(as_map(raw).get("services")), item.namespace, name)
        if not table.static.unreadable and not points.intersection(named):
            missing = ", ".join(named) or "none"
            built = Problem(DropReason.ENTRY_POINT, f"no valid entryPoint for this router: {missing}", missing)
        if isinstance(built, Problem):
            yield name, _dropped(item, built, logged=f"{built.detail} routerName={name}")
        else:
            yield name, UdpRouter(ref=item.ref, name=name, entry_points=named, services=built[0], lacking=built[1])


def _points(table: RouteTable) -> frozenset[str]:
    return frozenset(point.name for point in table.static.entry_points if point.protocol == "udp")


def _by_point(routers: list[UdpRouter], table: RouteTable) -> tuple[dict[str, UdpRouter], list[DroppedRoute]]:
    """Return the router of each entry point, the last by name, and those that come behind it everywhere."""
    points = _points(table)
    taken: dict[str, UdpRouter] = {}
    beaten: list[DroppedRoute] = []
    for router in sorted(routers, key=lambda one: one.name, reverse=True):
        there = [name for name in router.entry_points if name in points or table.static.unreadable]
        free = [name for name in there if name not in taken]
        taken |= dict.fromkeys(free, router)
        if there and not free:
            first = taken[there[0]]
            said = f"{first.name} sorts behind it by name, and Traefik takes the last one on an entry point"
            log = "Config has more than one udp router for a given entrypoint."
            beaten.append(
                DroppedRoute(
                    ref=router.ref, rule="", reason=DropReason.COLLISION, detail=said, log_line=log, related=first.ref
                )
            )
    return taken, beaten


def _dropped(item: Custom, problem: Problem, *, logged: str = "") -> DroppedRoute:
    return DroppedRoute(
        ref=item.ref, rule="", reason=problem.reason, detail=problem.detail, log_line=logged, related=problem.related
    )
