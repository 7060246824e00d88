"""What becomes of a connection on a port in which the server speaks first, once it is at Traefik.

Asks the cluster for TCP routes only where the target speaks MySQL, or its port leads to an entry point without any
HTTP route: two requests more, three where a route names a ServersTransportTCP. What the objects mean is the business of
``routing/traefik``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.kinds import INGRESS_ROUTE_TCPS, MIDDLEWARE_TCPS, SERVERS_TRANSPORT_TCPS
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.collect.route_taken import tcp_candidate
from ingressdoctor.collect.tcp_written import allow_list, looks_like_sql, written_routes
from ingressdoctor.evidence.controller import Controller, EntryPoint, PortPath
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import NOT_READ, CandidateRoute, Custom, RoutingObjects
from ingressdoctor.evidence.tcp_route import AllowList, RouteEater, TcpEntry, WrittenRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.handler import (
    EntryPointHandlers,
    Handler,
    HandlerDecision,
    Speaks,
    build_handlers,
    select_handler,
)
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings, default_entry_points
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.tcp_rules import judge_tcp
from ingressdoctor.routing.traefik.tcp_table import TcpTable, build_tcp_table
from ingressdoctor.routing.traefik.tls_options import build_tls_options
from ingressdoctor.sources.base import Kubernetes

__all__ = ["TcpObjects", "TcpScene", "collect_entry", "collect_scene", "collect_tcp_objects", "entry_of", "scene_of"]

_WANTED: Final = "the TCP route of the port"
_HTTP: Final = Inapplicable(wanted=_WANTED, reason="the target speaks HTTP")
_WEB_PORTS: Final = (80, 443)


class TcpObjects(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds that only TCP routes need; ServersTransportTCPs are read only where a route names one."""

    routes: Loaded[Custom] | Unavailable
    middlewares: Loaded[Custom] | Unavailable
    transports: Loaded[Custom] | Unavailable = NOT_READ


class TcpScene(msgspec.Struct, frozen=True, kw_only=True):
    """One port with everything that decides about connections to it; ``handlers`` is None without an entry point."""

    port: int
    path: PortPath
    point: EntryPoint | None
    handlers: EntryPointHandlers | None
    table: TcpTable
    written: tuple[WrittenRoute, ...]
    middlewares: Loaded[Custom] | Unavailable
    titles: dict[str, tuple[str, str]]


@collector(wanted="the cluster's TCP routes", timeout_s=20.0)
async def collect_tcp_objects(kube: Kubernetes) -> TcpObjects:
    """List IngressRouteTCPs and MiddlewareTCPs, and ServersTransportTCPs where they matter."""
    async with asyncio.TaskGroup() as group:
        route_task = group.create_task(list_or_gap(kube, INGRESS_ROUTE_TCPS))
        middleware_task = group.create_task(list_or_gap(kube, MIDDLEWARE_TCPS))
    found = TcpObjects(routes=route_task.result(), middlewares=middleware_task.result())
    if not _names_transports(found.routes):
        return replace(found, transports=Loaded())
    return replace(found, transports=await list_or_gap(kube, SERVERS_TRANSPORT_TCPS))


def _names_transports(routes: Loaded[Custom] | Unavailable) -> bool:
    return isinstance(routes, Loaded) and any(
        as_map(service).get("serversTransport")
        for item in routes.items
        for route in as_list(item.spec.get("routes"))
        for service in as_list(as_map(route).get("services"))
    )


@collector(wanted=_WANTED, timeout_s=30.0)
async def collect_scene(
    target: Target, controller: Controller, objects: RoutingObjects, table: RouteTable, tcp: Later[TcpObjects]
) -> TcpScene | Unavailable:
    """Put together what decides about connections to the target's port, where that is a matter of TCP routes."""
    path = controller.path_of(target.port)
    if not _is_tcp(target, path, table):
        return _HTTP
    found = await tcp.get()
    if isinstance(found, Unavailable):
        return found
    if isinstance(found.routes, Unavailable):
        return found.routes
    return scene_of(target.port, path, found, objects, table)


def _is_tcp(target: Target, path: PortPath, table: RouteTable) -> bool:
    """Tell whether TCP routes may decide about the target's port."""
    if target.protocol is Protocol.MYSQL:
        return True
    if target.port in _WEB_PORTS or path.entry_point is None:
        return False
    name = path.entry_point.name
    routers = (item for items in (*table.by_host.values(), table.anywhere) for item in items)
    return not path.entry_point.redirect_to and not any(name in item.entry_points for item in routers)


def scene_of(port: int, path: PortPath, found: TcpObjects, objects: RoutingObjects, table: RouteTable) -> TcpScene:
    """Build the model of one port."""
    whole = replace(
        objects,
        ingress_route_tcps=found.routes,
        middleware_tcps=found.middlewares,
        servers_transport_tcps=found.transports,
    )
    settings = ProviderSettings.read(table.static, CRD)
    options = build_tls_options(objects.tls_options, settings, table.version, objects.secrets)
    tcp = build_tcp_table(whole, table, tls_options=options)
    point = path.entry_point or _likely(table, port)
    made = (*(item for items in table.by_host.values() for item in items), *table.anywhere, *table.disabled)
    return TcpScene(
        port=port,
        path=path,
        point=point,
        handlers=build_handlers(table, tcp, options, point.name) if point is not None else None,
        table=tcp,
        written=written_routes(found.routes, tcp, default_entry_points(table.static), point.name if point else ""),
        middlewares=found.middlewares,
        titles={item.draft.name: (item.draft.ref, item.draft.rule) for item in made},
    )


def _likely(table: RouteTable, port: int) -> EntryPoint | None:
    """Return the entry point that was most likely meant for a port that leads nowhere."""
    points = [point for point in table.static.entry_points if point.protocol == "tcp"]
    by_port = (point for point in points if point.port == port)
    return next(by_port, next((point for point in points if "sql" in point.name.lower()), None))


@collector(wanted=_WANTED)
async def collect_entry(target: Target, scene: TcpScene) -> TcpEntry:
    """Say which TCP router takes the target's connections, with the client's address taken as it is given."""
    return entry_of(scene, target.client_ip)


def entry_of(scene: TcpScene, client_ip: str) -> TcpEntry:
    """Say which TCP router takes a connection from an address, or why none does."""
    known = TcpEntry(port=scene.port, path=scene.path, written=scene.written)
    handlers, connection = scene.handlers, Connection(client_ip=client_ip)
    if handlers is None:
        meant = _meant(scene, None)
        return replace(known, meant=meant, lists=_lists(scene, meant), undecided=scene.path.gap, why=scene.path.gap)
    choice = select_handler(handlers, connection, Speaks.NOTHING)
    routers = tuple(_judged(handlers, connection, choice))
    matching = next((item for item in routers if item.matches and not item.tls), None)
    winner = matching if choice.handler is Handler.TCP else None
    meant = _meant(scene, matching)
    eaters = tuple(_eaters(scene, handlers))
    stalled = choice.handler is Handler.STALLED
    # A route that was not read could take it, unless something makes Traefik wait in any case.
    open_yet = choice.handler is Handler.UNDECIDED or (stalled and bool(choice.limits) and not eaters)
    undecided = ("; ".join(choice.limits) or choice.why) if open_yet else ""
    return replace(
        known,
        entry_point=handlers.name,
        routers=routers,
        winner=winner,
        stalled=stalled and not undecided,
        after_s=choice.after_s,
        why=choice.why,
        eaters=eaters,
        meant=meant,
        lists=_lists(scene, meant),
        undecided=undecided,
        limits=tuple(limit for limit in choice.limits if not undecided),
    )


def _judged(handlers: EntryPointHandlers, connection: Connection, choice: HandlerDecision) -> Iterator[CandidateRoute]:
    for router in (*handlers.plain, *handlers.tls):
        if choice.router is router:
            yield replace(tcp_candidate(router), matches=True, why=choice.why)
            continue
        verdict = judge_tcp(router.rule, connection)
        yield replace(tcp_candidate(router), matches=verdict.matches, why=verdict.why)


def _meant(scene: TcpScene, taken: CandidateRoute | None) -> WrittenRoute | None:
    """Return the route that was made for the port: the one that takes it, else one of the entry point, else another."""
    written = scene.written
    if taken is not None:
        return next((item for item in written if (item.ref, item.rule) == (taken.ref, taken.rule)), None)
    # One that somebody named for this entry point and Traefik dropped comes first, whatever it leads to.
    here = sorted((item for item in written if item.here), key=lambda item: not looks_like_sql(item, scene.port))
    elsewhere = (item for item in written if not item.here and looks_like_sql(item, scene.port))
    return next(iter(here), next(elsewhere, None))


def _lists(scene: TcpScene, meant: WrittenRoute | None) -> tuple[AllowList, ...]:
    return tuple(allow_list(name, scene.middlewares) for name in meant.middlewares) if meant is not None else ()


def _eaters(scene: TcpScene, handlers: EntryPointHandlers) -> Iterator[RouteEater]:
    for router in handlers.tls:
        yield RouteEater(ref=router.ref, rule=router.text, kind="a TCP route with TLS")
    claims = (name for entry in handlers.sni.by_host.values() for name in entry.routers)
    for name in dict.fromkeys(claims):
        ref, rule = scene.titles.get(name, (name, ""))
        yield RouteEater(ref=ref, rule=rule, kind="an HTTPS route")
