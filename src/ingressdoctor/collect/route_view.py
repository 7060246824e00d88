"""From a scene to an answer: one request's way through the controller.

No I/O: everything was read before (``route_scene``). Which router wins is the model's business
(``routing/traefik``); this puts port, middlewares, Services and endpoints around its decision.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ingressdoctor.collect.backend import assemble
from ingressdoctor.collect.route_certificates import certificate_names
from ingressdoctor.collect.route_reach import proxied
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.collect.route_table import controller_of, outdated_routes, table_of
from ingressdoctor.collect.route_taken import answered, speaks_of, taken, tcp_sights
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.backend import BackendView, ChosenBackend
from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Pod
from ingressdoctor.evidence.route_view import (
    BackendSight,
    MiddlewareSight,
    RouteQuestion,
    RouteView,
)
from ingressdoctor.evidence.routes import (
    BackendRef,
    CandidateRoute,
    HeaderLines,
    RouteDecision,
    RouteRequest,
)
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.selectors import labels_match
from ingressdoctor.routing.traefik.answer import AnswerModel, build_answers
from ingressdoctor.routing.traefik.compiled import compile_rule, judge
from ingressdoctor.routing.traefik.decide import decide_in, with_suggestions
from ingressdoctor.routing.traefik.effects import sights_of
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.hosts import plain_hosts
from ingressdoctor.routing.traefik.request import see
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.version import Version

__all__ = ["backends_of", "view_of"]


def view_of(scene: Scene, target: Target, question: RouteQuestion) -> RouteView:
    """Follow one request: port, entry point, routers, middlewares, Service and endpoints.

    Raises:
        UsageError: there is no entry point of the name that was asked for.
    """
    path = scene.controller.path_of(target.port) if scene.controller is not None else None
    request = _request(scene, target, question, path)
    speaks = speaks_of(request, server_first=target.protocol is Protocol.MYSQL)
    table = table_of(scene)
    model = build_answers(scene.objects, table, certificate_names(scene.objects))
    decision = taken(model, with_suggestions(table, decide_in(table, request)), speaks)
    old = tuple(
        replace(item, matches=_would_match(item.rule, decision.request, table))
        for item in outdated_routes(scene)
        if decision.request.host in plain_hosts(item.rule)
    )
    decision = replace(decision, dropped=(*decision.dropped, *old))
    winner = decision.winner
    backends = tuple(backends_of(scene, winner)) if winner else ()
    found = RouteView(
        url=target.url,
        decision=answered(model, decision, speaks, backends),
        controller=controller_of(scene),
        origin=scene.origin,
        path=path,
        middlewares=_middlewares(scene, model, decision),
        backends=backends,
        assumed=scene.assumed,
        skipped=scene.skipped,
        ignored=scene.ignored,
    )
    return replace(found, proxied=proxied(scene, found))


def _would_match(rule: str, request: RouteRequest, table: RouteTable) -> bool | None:
    try:
        return judge(compile_rule(rule, table.syntax, table.version), see(request, table.version)).matches
    except RuleError:
        return None


def _middlewares(scene: Scene, model: AnswerModel, decision: RouteDecision) -> tuple[MiddlewareSight, ...]:
    winner, loaded = decision.winner, scene.objects.middlewares
    if winner is None or winner.ref.startswith("IngressRouteTCP "):
        return () if winner is None else tcp_sights(model, winner, decision.request.client_ip)
    known = loaded.items if isinstance(loaded, Loaded) else None
    names = (*_point_middlewares(scene, decision), *winner.middlewares)
    return sights_of(names, known, ProviderSettings.read(scene.static, CRD), model.table.filters)


def _request(scene: Scene, target: Target, question: RouteQuestion, path: PortPath | None) -> RouteRequest:
    tls = target.scheme == "https" and target.protocol is not Protocol.MYSQL
    raw, _, query = target.path.partition("?")
    host = next((value for name, value in question.headers if name.lower() == "host"), target.hostname)
    name = question.entry_point or (path.entry_point.name if path is not None and path.entry_point else "")
    if not name and target.protocol is Protocol.MYSQL:
        usual = (
            point.name for point in scene.static.entry_points if point.port == target.port or point.name == "mysql"
        )
        name = next(usual, "mysql")
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
        headers=HeaderLines(line for line in question.headers if line[0].lower() != "host"),
        client_ip=target.client_ip,
    )


def _point_middlewares(scene: Scene, decision: RouteDecision) -> tuple[str, ...]:
    point = scene.static.entry_point(decision.request.entry_point)
    internal = decision.winner is not None and decision.winner.provider == "internal"
    return point.middlewares if point is not None and not internal else ()


def backends_of(scene: Scene, winner: CandidateRoute) -> Iterator[BackendSight]:
    """Yield the backends of a route with what the scene holds of them."""
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
