"""From a scene to answers: one request's way through the controller, or all routes and what stands between them.

No I/O: everything was read before (``route_scene``). Which router wins is the model's business
(``routing/traefik``); this puts port, middlewares, Services and endpoints around its decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ingressdoctor.collect.backend import assemble
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.backend import BackendView, ChosenBackend
from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Pod, Service
from ingressdoctor.evidence.route_view import (
    BackendSight,
    Clash,
    ControllerSight,
    HostRoutes,
    RouteQuestion,
    RouteSet,
    RouteView,
)
from ingressdoctor.evidence.routes import (
    BackendRef,
    CandidateRoute,
    DroppedRoute,
    DropReason,
    RouteDecision,
    RouteRequest,
)
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.selectors import labels_match
from ingressdoctor.routing.traefik.clashes import find_clashes
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.effects import sights_of
from ingressdoctor.routing.traefik.hosts import plain_hosts
from ingressdoctor.routing.traefik.middlewares import as_list, as_map
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable, build_table
from ingressdoctor.routing.traefik.version import Version

__all__ = ["set_of", "view_of"]


class _Known(dict[tuple[str, str], Service | None]):
    """Services by namespace and name, all of them: one that is not there does not exist."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: tuple[str, str]) -> None:
        return None


def _table(scene: Scene) -> RouteTable:
    services = scene.objects.services
    known = None
    if isinstance(services, Loaded) and not services.broken:
        known = _Known({(item.namespace, item.name): item for item in services.items})
    return build_table(scene.objects, scene.static, scene.version, services=known)


def view_of(scene: Scene, target: Target, question: RouteQuestion) -> RouteView:
    """Follow one request: port, entry point, routers, middlewares, Service and endpoints.

    Raises:
        UsageError: there is no entry point of the name that was asked for.
    """
    path = scene.controller.path_of(target.port) if scene.controller is not None else None
    request = _request(scene, target, question, path)
    decision = decide_in(_table(scene), request)
    host = decision.request.host or target.hostname
    old = tuple(item for item in _old(scene) if host in plain_hosts(item.rule))
    decision = replace(decision, dropped=(*decision.dropped, *old))
    winner = decision.winner
    middlewares = scene.objects.middlewares
    settings = ProviderSettings.read(scene.static, CRD)
    known = middlewares.items if isinstance(middlewares, Loaded) else None
    names = (*_point_middlewares(scene, decision), *winner.middlewares) if winner else ()
    return RouteView(
        url=target.url,
        decision=decision,
        controller=_controller(scene),
        origin=scene.origin,
        path=path,
        middlewares=sights_of(names, known, settings),
        backends=tuple(_backends(scene, winner)) if winner else (),
        assumed=scene.assumed,
        skipped=scene.skipped,
        ignored=scene.ignored,
    )


def _request(scene: Scene, target: Target, question: RouteQuestion, path: PortPath | None) -> RouteRequest:
    tls = target.scheme == "https" and target.protocol is not Protocol.MYSQL
    raw, _, query = target.path.partition("?")
    host = next((value for name, value in question.headers if name.lower() == "host"), target.hostname)
    name = question.entry_point or (path.entry_point.name if path is not None and path.entry_point else "")
    known = [point.name for point in scene.static.entry_points]
    if question.entry_point and known and question.entry_point not in known and not scene.static.unreadable:
        raise UsageError(
            f"Traefik has no entry point {question.entry_point!r}.", hint=f"There are: {', '.join(sorted(known))}."
        )
    return RouteRequest(
        host=host,
        path=raw or "/",
        query=query,
        method=question.method,
        tls=tls,
        entry_point=name,
        sni=question.sni or (target.hostname if tls else ""),
        headers={key: value for key, value in question.headers if key.lower() != "host"},
        client_ip=target.client_ip,
    )


def _point_middlewares(scene: Scene, decision: RouteDecision) -> tuple[str, ...]:
    point = scene.static.entry_point(decision.request.entry_point)
    internal = decision.winner is not None and decision.winner.provider == "internal"
    return point.middlewares if point is not None and not internal else ()


def _controller(scene: Scene) -> ControllerSight:
    found = scene.controller
    if found is None:
        return ControllerSight(name="", version=scene.version, source=scene.static.source)
    service = found.service
    return ControllerSight(
        name=f"{found.namespace}/{found.workload}",
        service=service.ref if service is not None else "",
        version=scene.version,
        source=scene.static.source,
    )


def _backends(scene: Scene, winner: CandidateRoute) -> Iterator[BackendSight]:
    for ref in winner.backends:
        if ref.kind in ("", "Service") and "@" not in ref.name:
            yield BackendSight(ref=ref, view=_backend(scene, winner, ref))
        else:
            gap = Unavailable(wanted=f"{ref.kind} {ref.name}", reason="it has no endpoints in the cluster")
            yield BackendSight(ref=ref, view=gap)


def _backend(scene: Scene, winner: CandidateRoute, ref: BackendRef) -> BackendView | Unavailable:
    """Put together what is known of one Service: its port, the endpoints, or the pods that it selects."""
    wanted = f"Service {ref.namespace}/{ref.name}"
    services, slices = scene.objects.services, scene.objects.endpoint_slices
    if isinstance(services, Unavailable):
        reason = services.reason if scene.pods is None else "the files hold no Services"
        return Unavailable(wanted=wanted, reason=reason, enable_with=services.enable_with)
    found = next((item for item in services.items if (item.namespace, item.name) == (ref.namespace, ref.name)), None)
    mine: tuple[EndpointSlice, ...] | Unavailable
    if isinstance(slices, Unavailable):
        reason = slices.reason if scene.pods is None else "files that were never applied have none"
        mine = Unavailable(wanted=f"the endpoints of {wanted}", reason=reason, enable_with=slices.enable_with)
    else:
        mine = tuple(item for item in slices.items if item.namespace == ref.namespace)
    pods: tuple[Pod, ...] | Unavailable = Unavailable(wanted=f"the pods of {wanted}", reason="not listed")
    if scene.pods is not None and found is not None:
        selector = found.spec.selector or {}
        pods = tuple(
            pod
            for pod in scene.pods
            if selector and pod.namespace == ref.namespace and labels_match(selector, pod.labels)
        )
    chosen = ChosenBackend(ref=ref, route=winner.ref)
    view = assemble(chosen, found, mine, pods, Version.parse(scene.version))
    if found is not None:
        return view
    return replace(view, siblings=tuple(item.name for item in services.items if item.namespace == ref.namespace))


def _old(scene: Scene) -> Iterator[DroppedRoute]:
    """Yield the routes of the API group that Traefik 3 no longer reads."""
    if Version.parse(scene.version).major < 3:
        return
    for item in scene.old_routes:
        for route in as_list(item.spec.get("routes")):
            yield DroppedRoute(
                ref=item.ref,
                rule=str(as_map(route).get("match") or ""),
                reason=DropReason.OTHER,
                detail="Traefik 3 does not read the API group traefik.containo.us; write traefik.io/v1alpha1",
                related="traefik.containo.us/v1alpha1",
            )


def set_of(scene: Scene, host: str = "") -> RouteSet:
    """Return every route by host, what clashes between them, and what is dropped; *host* narrows it to one."""
    table = _table(scene)
    routers = _routers(table)
    broken = {id(item): _lost_with(table, item) for item in routers}
    live = tuple(item for item in routers if broken[id(item)] is None)
    clashes = find_clashes(table, live)
    by_host: dict[str, _Host] = {}
    for router in sorted(live, key=lambda item: (-item.priority, item.order, item.draft.ref, item.draft.rule)):
        for name in router.hosts or ("",):
            by_host.setdefault(name, _Host()).routes.append(_candidate(router))
    for clash in clashes.found:
        by_host.setdefault(clash.host, _Host()).clashes.append(clash)
    lost = [*table.all_dropped, *_old(scene), *(item for item in broken.values() if item is not None)]
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
        controller=_controller(scene),
        routers=len(live),
        origin=scene.origin,
        assumed=scene.assumed,
        limits=(*table.limits, *clashes.limits),
        unread=table.unread,
        skipped=scene.skipped,
        ignored=scene.ignored,
    )


@dataclass(slots=True)
class _Host:
    """What is being collected for one host."""

    routes: list[CandidateRoute] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    dropped: list[DroppedRoute] = field(default_factory=list)


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
