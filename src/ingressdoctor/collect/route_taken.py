"""Who takes the connection before any HTTP rule is looked at, in the shape of a decision, with what the client gets.

No I/O. Who decides is the model (``routing/traefik/handler``, ``answer``).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ingressdoctor.evidence.answer import AnswerSource
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.route_view import BackendSight, MiddlewareSight
from ingressdoctor.evidence.routes import CandidateRoute, DroppedRoute, Outcome, RouteDecision, RouteRequest
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.routing.traefik.answer import AnswerModel, predict_connection, with_prediction
from ingressdoctor.routing.traefik.handler import Handler, HandlerDecision, Speaks, select_handler
from ingressdoctor.routing.traefik.hosts import plain_hosts
from ingressdoctor.routing.traefik.tcp_answer import BackendState
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.tcp_middlewares import TcpMiddleware
from ingressdoctor.routing.traefik.tcp_rules import judge_tcp
from ingressdoctor.routing.traefik.tcp_table import TcpRouter

__all__ = ["answered", "speaks_of", "taken", "tcp_candidate", "tcp_sights"]

_HTTP = (Handler.HTTP, Handler.HTTPS)
_TCP = (Handler.TCP, Handler.TCP_TLS, Handler.PASSTHROUGH)


def speaks_of(request: RouteRequest, *, server_first: bool) -> Speaks:
    """Return what the client sends first."""
    if server_first:
        return Speaks.NOTHING
    return Speaks.TLS if request.tls else Speaks.PLAIN


def taken(model: AnswerModel, decision: RouteDecision, speaks: Speaks) -> RouteDecision:
    """Return the decision with the TCP routers in it, and theirs where one of them takes the connection."""
    request = decision.request
    lost = tuple(_dropped(model, request, every=speaks is Speaks.NOTHING))
    decision = replace(decision, dropped=(*decision.dropped, *lost))
    point = model.points.get(request.entry_point)
    if point is None:
        if speaks is not Speaks.NOTHING:
            return decision
        outcome = Outcome.UNDECIDED if model.table.static.unreadable else Outcome.NO_ROUTE
        limit = f"no entry point {request.entry_point!r} is known" if request.entry_point else "no entry point is known"
        return replace(decision, outcome=outcome, winner=None, candidates=(), limits=(*decision.limits, limit))
    connection = _connection(request)
    choice = select_handler(point, connection, speaks)
    if choice.handler in _HTTP and speaks is not Speaks.NOTHING:
        return decision
    routers = (*point.plain, *(point.tls if request.tls else ()))
    candidates = tuple(_judged(router, connection, choice) for router in routers)
    winner = next((item for item in candidates if choice.router and item.ref == choice.router.ref), None)
    return replace(
        decision,
        outcome=_outcome(choice),
        winner=winner if choice.handler in _TCP else None,
        candidates=(*candidates, *(() if speaks is Speaks.NOTHING else decision.candidates)),
        elsewhere=(),
        limits=(*decision.limits, *choice.limits, *(() if choice.handler in _TCP else (choice.why,))),
    )


def answered(
    model: AnswerModel, decision: RouteDecision, speaks: Speaks, backends: tuple[BackendSight, ...]
) -> RouteDecision:
    """Return the decision with what the client gets."""
    state = _state(backends)
    if speaks is not Speaks.NOTHING:
        return with_prediction(model, decision, state)
    request = decision.request
    answer = predict_connection(model, request.entry_point, _connection(request), speaks, state)
    return replace(decision, predicted=None if answer.source is AnswerSource.UNKNOWN else answer)


def _connection(request: RouteRequest) -> Connection:
    return Connection(server_name=request.sni if request.tls else "", client_ip=request.client_ip)


def _outcome(choice: HandlerDecision) -> Outcome:
    if choice.handler in _TCP:
        return Outcome.ROUTED
    return Outcome.UNDECIDED if choice.handler is Handler.UNDECIDED else Outcome.NO_ROUTE


def _judged(router: TcpRouter, connection: Connection, choice: HandlerDecision) -> CandidateRoute:
    candidate = tcp_candidate(router)
    if choice.router is router:
        return replace(candidate, matches=True, why=choice.why)
    verdict = judge_tcp(router.rule, connection)
    return replace(candidate, matches=verdict.matches, why=verdict.why)


def tcp_sights(model: AnswerModel, winner: CandidateRoute, client_ip: str) -> tuple[MiddlewareSight, ...]:
    """Describe the middlewares of a TCP router, with what they do to the client; empty for an HTTP router."""
    router = next((item for item in model.tcp.routers if (item.ref, item.text) == (winner.ref, winner.rule)), None)
    if router is None:
        return ()
    unread = MiddlewareSight(ref="a MiddlewareTCP", type="", effect="not read: what it does is not known here")
    return tuple(unread if item is None else _tcp_sight(item, client_ip) for item in router.middlewares)


def _tcp_sight(item: TcpMiddleware, client_ip: str) -> MiddlewareSight:
    if item.allowed is None:
        effect = f"closes more than {item.amount} connections of one client"
        return MiddlewareSight(ref=item.ref, type=item.kind, effect=effect)
    shown = clean(", ".join(item.ranges[:6]) + (" …" if len(item.ranges) > 6 else ""), 300)
    effect = f"lets through {shown}"
    if client_ip:
        verdict = "listed" if item.allowed.contains(client_ip) else "not listed: its connection is closed at once"
        effect = f"{effect}; {client_ip} is {verdict}"
    return MiddlewareSight(ref=item.ref, type=item.kind, effect=effect)


def tcp_candidate(router: TcpRouter) -> CandidateRoute:
    """Return a TCP router in the shape of a candidate, not judged yet."""
    return CandidateRoute(
        ref=router.ref,
        rule=router.text,
        priority=router.priority,
        entry_points=router.entry_points,
        matches=None,
        why="",
        backends=tuple(service.ref for service in router.services),
        middlewares=tuple(item.ref for item in router.middlewares if item is not None),
        tls_secret=router.tls_secret,
        tls=router.tls,
        provider="kubernetescrd",
        namespace=router.namespace,
    )


def _dropped(model: AnswerModel, request: RouteRequest, *, every: bool) -> Iterator[DroppedRoute]:
    for item in model.tcp.dropped:
        if every or request.host in plain_hosts(item.rule):
            yield item


def _state(backends: tuple[BackendSight, ...]) -> BackendState | None:
    """Return what Traefik finds at the Services, None when that is not known of all of them."""
    counts: list[int] = []
    for sight in backends:
        view = sight.view
        if not isinstance(view, BackendView) or isinstance(view.endpoints, Unavailable) or view.port is None:
            return None
        counts.append(len(view.endpoints.fresh))
    if not counts:
        return None
    return BackendState.READY if any(counts) else BackendState.NO_SERVERS
