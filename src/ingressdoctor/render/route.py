"""``ingressdoctor route`` as exit codes and as JSON (``ingressdoctor.route/v1``, ``ingressdoctor.routes/v1``).

Strings from outside are data here: they are escaped by JSON and nothing else. What a terminal shows is drawn by
``route_tree`` and ``routes_tree``.
"""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.answer import PredictedAnswer
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.route_view import (
    BackendSight,
    Clash,
    ControllerSight,
    HostRoutes,
    RouteSet,
    RouteView,
    Skipped,
)
from ingressdoctor.evidence.routes import BackendRef, CandidateRoute, DroppedRoute, DropReason, Outcome, RouteRequest
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.route_policies import policies_v1
from ingressdoctor.render.route_proxied import proxied_v1
from ingressdoctor.render.route_v1 import (
    BackendV1,
    CandidateV1,
    ClashV1,
    ComparisonV1,
    ControllerV1,
    DroppedV1,
    EndpointV1,
    HostRoutesV1,
    LiveV1,
    MiddlewareV1,
    PathV1,
    PredictedV1,
    RequestV1,
    RoutesV1,
    RouteV1,
    ServiceV1,
    ShortfallV1,
    SkippedV1,
)
from ingressdoctor.routing.traefik.columns import fault_column

__all__ = ["exit_code_of", "exit_code_of_set", "route_to_json", "routes_to_json"]


def exit_code_of(view: RouteView) -> int:
    """Return 0 when a router takes the request, 1 when none does, 3 when it could not be decided.

    No router is only said where nothing was left out of the reading that may hold one.
    """
    decision = view.decision
    match decision.outcome:
        case Outcome.ROUTED | Outcome.REDIRECT:
            return 0
        case Outcome.NO_ROUTE:
            known = any(item.matches for item in decision.dropped)
            lost = bool(decision.unread) or any(item.serious for item in view.skipped)
            return 3 if lost and not known else 1
        case Outcome.AMBIGUOUS | Outcome.UNDECIDED:
            return 3


def exit_code_of_set(routes: RouteSet) -> int:
    """Return 1 when a route is dropped or never reached, 3 when something could not be read, else 0."""
    if routes.dropped or any(clash.kind.fails for clash in routes.clashes):
        return 1
    return 3 if routes.unread or any(item.serious for item in routes.skipped) else 0


def route_to_json(view: RouteView, *, exit_code: int) -> str:
    """Return the decision as one JSON object."""
    decision = view.decision
    status = view.answer.status if view.answer is not None else decision.predicted_status
    return encode(
        RouteV1(
            url=view.url,
            exit_code=exit_code,
            outcome=str(decision.outcome),
            origin=view.origin,
            request=_request(decision.request),
            controller=_controller(view.controller),
            path=None if view.path is None else _path(view.path),
            winner=None if decision.winner is None else _candidate(decision.winner),
            candidates=tuple(map(_candidate, decision.candidates)),
            elsewhere=tuple(map(_candidate, decision.elsewhere)),
            middlewares=msgspec.convert(view.middlewares, tuple[MiddlewareV1, ...], from_attributes=True),
            services=tuple(map(_service, view.backends)),
            policies=policies_v1(view),
            kube_proxy=proxied_v1(view),
            predicted=None if view.answer is None else _predicted(view.answer),
            predicted_status=status,
            dropped=tuple(map(_dropped, decision.dropped)),
            near=decision.near,
            limits=decision.limits,
            unread=decision.unread,
            assumed=view.assumed,
            skipped=_skipped(view.skipped),
            ignored=dict(view.ignored),
            compared=msgspec.convert(view.compared, ComparisonV1 | None, from_attributes=True),
        )
    )


def routes_to_json(routes: RouteSet, *, exit_code: int) -> str:
    """Return all routes and what stands between them as one JSON object."""
    failing = [clash for clash in routes.clashes if clash.kind.fails]
    warned = [clash for clash in routes.clashes if not clash.kind.fails and not clash.kind.harmless]
    return encode(
        RoutesV1(
            exit_code=exit_code,
            origin=routes.origin,
            controller=_controller(routes.controller),
            routers=routes.routers,
            dropped=routes.dropped,
            unreachable=len({(item.route, item.rule) for item in failing}),
            warnings=len(warned),
            hosts=tuple(map(_host, routes.hosts)),
            shortfalls=tuple(ShortfallV1(ref=item.ref, log=item.log, effect=item.effect) for item in routes.shortfalls),
            limits=routes.limits,
            unread=routes.unread,
            assumed=routes.assumed,
            skipped=_skipped(routes.skipped),
            ignored=dict(routes.ignored),
        )
    )


def _request(request: RouteRequest) -> RequestV1:
    return RequestV1(
        host=request.host,
        path=request.path,
        query=request.query,
        method=request.method,
        tls=request.tls,
        entry_point=request.entry_point,
        sni=request.sni,
        headers=dict(request.headers),
        client_ip=request.client_ip,
    )


def _controller(sight: ControllerSight) -> ControllerV1:
    return ControllerV1(
        kind=sight.kind, name=sight.name, service=sight.service, version=sight.version, source=sight.source
    )


def _path(path: PortPath) -> PathV1:
    port = path.service_port
    target = "" if port is None else str(port.target_port if port.target_port is not None else port.port)
    return PathV1(
        port=path.port,
        service_port=None if port is None else port.port,
        target_port=target,
        container_port=path.container_port,
        entry_point=path.entry_point.name if path.entry_point else "",
        gap=path.gap,
    )


def _service(sight: BackendSight) -> ServiceV1:
    view = sight.view
    if isinstance(view, Unavailable):
        return _service_of(sight.ref, None, None, view.reason)
    endpoints: tuple[EndpointV1, ...] | None = None
    unknown = ""
    if isinstance(view.endpoints, Unavailable):
        unknown = view.endpoints.reason
    else:
        fresh = set(view.endpoints.fresh)
        endpoints = tuple(
            EndpointV1(address=item.address, port=item.port, pod=item.pod, ready=item.ready, used=item in fresh)
            for item in view.endpoints.all
        )
    return _service_of(sight.ref, view, endpoints, unknown)


def _service_of(
    ref: BackendRef, view: BackendView | None, endpoints: tuple[EndpointV1, ...] | None, unknown: str
) -> ServiceV1:
    port = view.port if view is not None else None
    target = port.target_port if port is not None and port.target_port is not None else (port.port if port else "")
    known = view is not None and not isinstance(view.pods, Unavailable)
    return ServiceV1(
        namespace=ref.namespace,
        name=ref.name,
        port=ref.port,
        exists=None if view is None else view.service is not None,
        service_port=None if port is None else port.port,
        target_port=str(target),
        endpoints=endpoints,
        pods=tuple(pod.ref for pod in view.current_pods) if view is not None and known else None,
        unknown=unknown,
    )


def _predicted(answer: PredictedAnswer) -> PredictedV1:
    return PredictedV1(
        source=str(answer.source),
        status=answer.status,
        why=answer.why,
        body=answer.body,
        location=answer.location,
        end=None if answer.end is None else str(answer.end),
        path=answer.path,
        certificate=answer.certificate,
        log=answer.log,
        limits=answer.limits,
    )


def _skipped(items: tuple[Skipped, ...]) -> tuple[SkippedV1, ...]:
    return tuple(SkippedV1(where=item.where, what=item.what, serious=item.serious) for item in items)


def _host(host: HostRoutes) -> HostRoutesV1:
    return HostRoutesV1(
        host=host.host,
        routes=tuple(map(_live, host.routes)),
        clashes=tuple(map(_clash, host.clashes)),
        dropped=tuple(map(_dropped, host.dropped)),
    )


def _clash(clash: Clash) -> ClashV1:
    return ClashV1(
        kind=str(clash.kind),
        fails=clash.kind.fails,
        route=clash.route,
        rule=clash.rule,
        priority=clash.priority,
        entry_points=clash.entry_points,
        by=clash.by,
        by_rule=clash.by_rule,
        by_priority=clash.by_priority if clash.by else None,
        example=clash.example,
        why=clash.why,
    )


def _backend(backend: BackendRef) -> BackendV1:
    return BackendV1(
        kind=backend.kind,
        namespace=backend.namespace,
        name=backend.name,
        port=backend.port,
        scheme=backend.scheme,
        weight=backend.weight,
    )


def _live(route: CandidateRoute) -> LiveV1:
    return LiveV1(
        ref=route.ref,
        rule=route.rule,
        priority=route.priority,
        entry_points=route.entry_points,
        tls=route.tls,
        provider=route.provider,
        middlewares=route.middlewares,
        backends=tuple(map(_backend, route.backends)),
    )


def _candidate(route: CandidateRoute) -> CandidateV1:
    return CandidateV1(
        ref=route.ref,
        rule=route.rule,
        priority=route.priority,
        entry_points=route.entry_points,
        matches=route.matches,
        why=route.why,
        backends=tuple(map(_backend, route.backends)),
        middlewares=route.middlewares,
        tls=route.tls,
        tls_secret=route.tls_secret,
        provider=route.provider,
    )


def _dropped(route: DroppedRoute) -> DroppedV1:
    return DroppedV1(
        ref=route.ref,
        rule=route.rule,
        reason=str(route.reason),
        detail=route.detail,
        log_line=route.log_line,
        related=route.related,
        matches=route.matches,
        column=fault_column(route.rule, route.detail) if route.reason is DropReason.RULE else None,
        backends=tuple(map(_backend, route.backends)),
    )
