"""All routes of a scene by host: live ones in order, what stands between them, what was dropped. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingressdoctor.collect.route_certificates import certificate_names
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.collect.route_table import controller_of, outdated_routes, table_of
from ingressdoctor.collect.route_taken import tcp_candidate
from ingressdoctor.collect.route_tcp_clashes import tcp_clashes
from ingressdoctor.evidence.answer import Shortfall
from ingressdoctor.evidence.route_view import Clash, ClashKind, HostRoutes, RouteSet
from ingressdoctor.evidence.routes import CandidateRoute, DroppedRoute
from ingressdoctor.routing.traefik.answer import AnswerModel, build_answers
from ingressdoctor.routing.traefik.clashes import find_clashes
from ingressdoctor.routing.traefik.hosts import plain_hosts
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable

__all__ = ["set_of"]


def set_of(scene: Scene, host: str = "") -> RouteSet:
    """Return every route by host, what clashes between them, and what is dropped; *host* narrows it to one."""
    table = table_of(scene)
    routers = _routers(table)
    broken = {id(item): _lost_with(table, item) for item in routers}
    live = tuple(item for item in routers if broken[id(item)] is None)
    clashes = find_clashes(table, live)
    model = build_answers(scene.objects, table, certificate_names(scene.objects))
    by_host: dict[str, _Host] = {}
    for router in sorted(live, key=lambda item: (-item.priority, item.order, item.draft.ref, item.draft.rule)):
        for name in router.hosts or ("",):
            by_host.setdefault(name, _Host()).routes.append(_candidate(router))
    for tcp in model.tcp.routers:
        for name in plain_hosts(tcp.text) or ("",):
            by_host.setdefault(name, _Host()).routes.append(tcp_candidate(tcp))
    for clash in (*clashes.found, *tcp_clashes(model, live), *_waiting(model)):
        by_host.setdefault(clash.host, _Host()).clashes.append(clash)
    lost = [
        *table.all_dropped,
        *model.tcp.dropped,
        *model.udp.dropped,
        *outdated_routes(scene),
        *(item for item in broken.values() if item is not None),
    ]
    for dropped in lost:
        for name in plain_hosts(dropped.rule) or ("",):
            by_host.setdefault(name, _Host()).dropped.append(dropped)
    hosts = tuple(
        HostRoutes(host=name, routes=tuple(item.routes), clashes=tuple(item.clashes), dropped=tuple(item.dropped))
        for name, item in sorted(by_host.items())
        if not host or name in ("", host, "*." + host.partition(".")[2])
    )
    return RouteSet(
        hosts=hosts,
        controller=controller_of(scene),
        routers=len(live) + len(model.tcp.routers) + len(model.udp.by_point),
        origin=scene.origin,
        assumed=scene.assumed,
        limits=(*table.limits, *clashes.limits),
        unread=(*table.unread, *model.udp.unread),
        shortfalls=_shortfalls(model),
        skipped=scene.skipped,
        ignored=scene.ignored,
    )


@dataclass(slots=True)
class _Host:
    """What is being collected for one host."""

    routes: list[CandidateRoute] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    dropped: list[DroppedRoute] = field(default_factory=list)


def _waiting(model: AnswerModel) -> Iterator[Clash]:
    """Yield the TCP routers behind which no protocol works in which the server speaks first."""
    for name, point in model.points.items():
        if not point.blockers:
            continue
        for router in point.plain:
            yield Clash(
                kind=ClashKind.WAITS_FOR_CLIENT,
                host="",
                route=router.ref,
                rule=router.text,
                priority=router.priority,
                entry_points=(name,),
                why="Traefik waits for the client's first bytes here, so MySQL, SMTP and the like get no greeting",
                by=", ".join(point.blockers[:3]),
            )


def _shortfalls(model: AnswerModel) -> tuple[Shortfall, ...]:
    """Return what Traefik leaves out of objects that it takes otherwise, each once."""
    of_objects = (item for items in model.shortfalls.values() for item in items)
    return tuple({(item.ref, item.log): item for item in (*model.shelf.shortfalls, *of_objects)}.values())


def _routers(table: RouteTable) -> tuple[LiveRouter, ...]:
    """Return every live router once."""
    every = [item for items in table.by_host.values() for item in items]
    return tuple({id(item): item for item in (*every, *table.anywhere)}.values())


def _lost_with(table: RouteTable, router: LiveRouter) -> DroppedRoute | None:
    """Return why a router serves nothing although it is sound: every entry point of it has a broken middleware."""
    problems = [table.broken_points.get(name) for name in router.entry_points]
    if not problems or any(problem is None for problem in problems):
        return None
    problem = next(item for item in problems if item is not None)
    return DroppedRoute(
        ref=router.draft.ref,
        rule=router.draft.rule,
        reason=problem.reason,
        detail=f"a middleware of its entry point takes all routes out: {problem.detail}",
        log_line=problem.detail,
        related=problem.related,
        backends=router.draft.backends,
    )


def _candidate(router: LiveRouter) -> CandidateRoute:
    draft = router.draft
    return CandidateRoute(
        ref=draft.ref,
        rule=draft.rule,
        priority=router.priority,
        entry_points=router.entry_points,
        matches=None,
        why="",
        backends=draft.backends,
        middlewares=draft.middlewares,
        tls_secret=draft.tls_secret,
        tls=draft.tls,
        provider=draft.provider,
        namespace=draft.namespace,
    )
