"""Say what the client of a request gets: status, body, Location, or how its connection ends.

It puts together who takes the connection (``handler.py``), which router takes the request (``decide.py``) and what
the middlewares do (``middleware_answers.py``). Endpoints are judged only where the caller knows their state.

Source: traefik: pkg/server/server_entrypoint_tcp.go, pkg/server/router/router.go, pkg/middlewares/snicheck,
pkg/proxy/httputil/proxy.go (ComputeStatusCode), pkg/server/service/loadbalancer/wrr; net/http.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.answer import AnswerSource, PredictedAnswer, Shortfall
from ingressdoctor.evidence.controller import EntryPoint
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import CandidateRoute, Custom, Outcome, RouteDecision, RouteRequest, RoutingObjects
from ingressdoctor.routing.traefik.certificates import Names, Shelf, build_shelf
from ingressdoctor.routing.traefik.forwarded import forwarded_client
from ingressdoctor.routing.traefik.handler import (
    EntryPointHandlers,
    Handler,
    HandlerDecision,
    Speaks,
    build_handlers,
    select_handler,
)
from ingressdoctor.routing.traefik.handshake import refusal, with_certificate
from ingressdoctor.routing.traefik.middleware_answers import Passing, send_through
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.redirects import Asked, entry_point_redirect
from ingressdoctor.routing.traefik.request import request_path
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.shortfalls import resolver_shortfalls, transport_shortfalls, transports_of
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.tcp_answer import DIAL_TIMEOUT_S, BackendState, closed, tcp_answer
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.tcp_table import TcpTable, build_tcp_table
from ingressdoctor.routing.traefik.tls_options import TlsOptions, build_tls_options
from ingressdoctor.routing.traefik.udp_table import UdpTable, build_udp_table

__all__ = ["AnswerModel", "build_answers", "predict", "predict_connection", "with_prediction"]

_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
_NOT_FOUND: Final = "404 page not found\n"
_NO_FRAGMENT: Final = (2, 10, 6)
_NO_CONNECT: Final = ((3, 7, 9), (3, 6, 24), (2, 11, 53))
_ENCODED: Final = {
    "%2F": "slash",
    "%5C": "backslash",
    "%00": "nullcharacter",
    "%3B": "semicolon",
    "%25": "percent",
    "%3F": "questionmark",
    "%23": "hash",
}


class AnswerModel(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that answers requests on the entry points of one Traefik; built once, asked for many requests.

    ``shelf`` holds its certificates; ``shortfalls`` are by object, and by ServersTransport, and ``transports`` are
    those that a router uses, by its object and rule.
    """

    table: RouteTable
    tcp: TcpTable
    udp: UdpTable
    options: TlsOptions
    middlewares: Mapping[str, Custom] | None
    settings: ProviderSettings
    points: Mapping[str, EntryPointHandlers]
    shelf: Shelf
    shortfalls: Mapping[str, tuple[Shortfall, ...]] = msgspec.field(default_factory=dict)
    transports: Mapping[tuple[str, str], tuple[str, ...]] = msgspec.field(default_factory=dict)


def build_answers(objects: RoutingObjects, table: RouteTable, names: Names | None = None) -> AnswerModel:
    """Build the model beside the HTTP table of the same objects; *names* are those on certificates, by Secret."""
    settings = ProviderSettings.read(table.static, CRD)
    options = build_tls_options(objects.tls_options, settings, table.version, objects.secrets)
    tcp = build_tcp_table(objects, table, tls_options=options)
    found = objects.middlewares
    seen = (m for m in found.items if settings.watches(m.namespace)) if isinstance(found, Loaded) else ()
    return AnswerModel(
        table=table,
        tcp=tcp,
        udp=build_udp_table(objects, table),
        options=options,
        middlewares={
            **{normalize(f"{item.namespace}-{item.name}"): item for item in seen if settings.selects(item.labels)},
            **table.filters,
        }
        if isinstance(found, Loaded) or table.filters
        else None,
        settings=settings,
        points={
            point.name: build_handlers(table, tcp, options, point.name)
            for point in table.static.entry_points
            if point.protocol == "tcp"
        },
        shelf=build_shelf(objects, table.static, table.version, (*table.all_dropped, *tcp.dropped), names),
        shortfalls={**transport_shortfalls(objects), **resolver_shortfalls(objects, table)},
        transports=transports_of(table),
    )


def with_prediction(model: AnswerModel, decision: RouteDecision, backend: BackendState | None = None) -> RouteDecision:
    """Return the decision with its predicted answer."""
    answer = predict(model, decision, backend)
    known = answer.source is AnswerSource.CONTROLLER
    return replace(decision, predicted=answer, predicted_status=answer.status if known else None)


def predict_connection(
    model: AnswerModel, entry_point: str, connection: Connection, speaks: Speaks, backend: BackendState | None = None
) -> PredictedAnswer:
    """Say what a connection gets that is not HTTP; UNKNOWN when the HTTP routers would take it."""
    handlers = model.points.get(entry_point)
    if handlers is None:
        return closed(f"nothing listens: there is no TCP entry point {entry_point}")
    decision = select_handler(handlers, connection, speaks)
    if decision.handler is Handler.HTTP and speaks is Speaks.PLAIN:
        return replace(_controller(400, "the client's bytes are no HTTP", "400 Bad Request"), limits=decision.limits)
    return _over_tcp(model, decision, connection, backend)


def _over_tcp(
    model: AnswerModel, taken: HandlerDecision, connection: Connection, backend: BackendState | None
) -> PredictedAnswer:
    if taken.handler is not Handler.TCP_TLS:
        return tcp_answer(taken, connection, backend)
    chosen = model.shelf.choose(connection.server_name)
    answer = refusal(model.options, taken, connection.server_name, chosen) or tcp_answer(taken, connection, backend)
    return with_certificate(model.options, taken, answer, chosen)


def predict(model: AnswerModel, decision: RouteDecision, backend: BackendState | None = None) -> PredictedAnswer:
    """Say what the client of a decided request gets; *backend* is the state of the winner's endpoints, if known."""
    request = decision.request
    handlers = model.points.get(request.entry_point)
    if handlers is None:
        why = f"there is no entry point {request.entry_point!r} for such requests"
        return PredictedAnswer(source=AnswerSource.UNKNOWN, why=why, after_s=None)
    connection = Connection(server_name=request.sni if request.tls else "", client_ip=request.client_ip)
    taken = select_handler(handlers, connection, Speaks.TLS if request.tls else Speaks.PLAIN)
    if taken.handler not in (Handler.HTTP, Handler.HTTPS):
        return _over_tcp(model, taken, connection, backend)
    if taken.handler is Handler.HTTP:
        return _limited(_http(model, handlers, decision, backend), (*taken.limits, *_shortfalls(model, decision)))
    chosen = model.shelf.choose(connection.server_name)
    if alert := refusal(model.options, taken, connection.server_name, chosen):
        return alert
    answer = _limited(_http(model, handlers, decision, backend), (*taken.limits, *_shortfalls(model, decision)))
    return with_certificate(model.options, taken, answer, chosen)


def _limited(answer: PredictedAnswer, limits: tuple[str, ...]) -> PredictedAnswer:
    return replace(answer, limits=(*answer.limits, *limits)) if limits else answer


def _shortfalls(model: AnswerModel, decision: RouteDecision) -> Iterator[str]:
    """Yield what is not as written in the winner and in the transports that it uses."""
    winner = decision.winner
    if winner is None or not model.shortfalls:
        return
    for name in (winner.ref, *model.transports.get((winner.ref, winner.rule), ())):
        yield from (f"{item.ref}: {item.log}; {item.effect}" for item in model.shortfalls.get(name, ()))


def _controller(status: int, why: str, body: str = "", headers: Mapping[str, str] | None = None) -> PredictedAnswer:
    return PredictedAnswer(source=AnswerSource.CONTROLLER, status=status, why=why, body=body, headers=headers or {})


def _http(
    model: AnswerModel, handlers: EntryPointHandlers, decision: RouteDecision, backend: BackendState | None
) -> PredictedAnswer:
    request = decision.request
    path = request_path(request.path, model.table.version, sanitize=handlers.sanitizes)
    if path is None or ("#" in request.path and model.table.version.since(_NO_FRAGMENT)):
        why = "the path is not validly encoded" if path is None else "the path holds a #"
        return _controller(400, why, "400 Bad Request" if path is None else "")
    if decision.outcome is Outcome.NO_ROUTE:
        return _controller(404, "no router matches", _NOT_FOUND, _TEXT)
    if decision.winner is None:
        why = "; ".join(decision.limits) or "which router takes the request is not determined"
        return PredictedAnswer(source=AnswerSource.UNKNOWN, why=why, after_s=None)
    winner = _built(handlers, decision)
    if winner is None:
        return _controller(404, "the TLS options of the router cannot be used, so it is not built", _NOT_FOUND, _TEXT)
    if refused := _before_middlewares(model, handlers, winner, request, path):
        return refused
    return _routed(model, winner, request, path, backend)


def _built(handlers: EntryPointHandlers, decision: RouteDecision) -> CandidateRoute | None:
    """Return the router that really takes the request: one with broken TLS options does not exist."""
    broken = handlers.sni.broken if decision.request.tls else frozenset()
    if not broken:
        return decision.winner
    order = (decision.winner, *(route for route in decision.candidates if route.matches))
    return next((route for route in order if route and (route.ref, route.rule) not in broken), None)


def _before_middlewares(
    model: AnswerModel, handlers: EntryPointHandlers, winner: CandidateRoute, request: RouteRequest, path: str
) -> PredictedAnswer | None:
    for escape, name in _ENCODED.items() if "%" in path else ():
        if escape in path and not _allows(model, request.entry_point, name):
            return _controller(400, f"the entry point refuses {escape} in the path")
    if not request.tls:
        return None
    wrong = handlers.sni.misdirected(request.sni, request.host, (winner.ref, winner.rule))
    if wrong is None:
        why = "the TLS options of the handshake or of the router are not determined"
        return PredictedAnswer(source=AnswerSource.UNKNOWN, why=why, after_s=None)
    if wrong:
        why = "the TLS options of the handshake (by SNI) are not those of the router (by Host)"
        return _controller(421, why, "Misdirected Request\n", _TEXT)
    return None


def _allows(model: AnswerModel, entry_point: str, name: str) -> bool:
    version = model.table.version
    denied = (3, 6, 4) <= version.numbers <= (3, 6, 6) or (2, 11, 32) <= version.numbers <= (2, 11, 34)
    option = f"entrypoints.{entry_point}.http.encodedcharacters.allowencoded{name}"
    return model.table.static.enabled(option, default=not denied)


def _routed(
    model: AnswerModel, winner: CandidateRoute, request: RouteRequest, path: str, backend: BackendState | None
) -> PredictedAnswer:
    point = model.table.static.entry_point(request.entry_point)
    passing = Passing(asked=_asked(request, point, path), version=model.table.version)
    names = point.middlewares if point else ()
    if winner.provider == "internal":
        step = send_through(names, passing, model.middlewares, model.settings)
        return step if isinstance(step, PredictedAnswer) else _redirected(model, point, step)
    step = send_through((*names, *winner.middlewares), passing, model.middlewares, model.settings)
    return step if isinstance(step, PredictedAnswer) else _from_backend(winner, step, backend)


def _asked(request: RouteRequest, point: EntryPoint | None, path: str) -> Asked:
    client = forwarded_client(request, point)
    uri = f"{path}?{request.query}" if request.query else path
    host = client.headers.get("Host", request.host)
    return Asked(method=request.method, host=host, uri=uri, tls=request.tls, client=client)


def _redirected(model: AnswerModel, point: EntryPoint | None, passing: Passing) -> PredictedAnswer:
    redirect = entry_point_redirect(model.table.static, point, passing.asked) if point else None
    limits = passing.limits
    if passing.asked.client.trusted is None:
        limits = (*limits, "X-Forwarded-Proto counts if the peer is trusted, and the peer is not known")
    if redirect is None:
        why = "the client is believed to come by https already, and behind the redirect there is nothing"
        return replace(_controller(418, why), limits=limits)
    headers = {**passing.response_headers, "Location": redirect.location}
    answer = _controller(redirect.status, "the entry point redirects everything", redirect.body, headers)
    return replace(answer, limits=limits)


_BACKEND: Final = {
    BackendState.NO_SERVERS: (503, "no available server\n", ""),
    BackendState.REFUSED: (502, "Bad Gateway", "502 Bad Gateway"),
    BackendState.UNREACHABLE: (504, "Gateway Timeout", "504 Gateway Timeout"),
    BackendState.TLS_FAILURE: (500, "Internal Server Error", "500 Internal Server Error"),
}


def _from_backend(winner: CandidateRoute, passing: Passing, backend: BackendState | None) -> PredictedAnswer:
    asked, backends = passing.asked, winner.backends
    if any("@internal" in item.name for item in backends):
        return PredictedAnswer(
            source=AnswerSource.CONTROLLER, why="one of Traefik's own services", limits=passing.limits
        )
    weightless = len(backends) > 1 and all(item.weight == 0 for item in backends)
    state = BackendState.NO_SERVERS if weightless else backend
    if asked.method == "CONNECT" and passing.version.since(*_NO_CONNECT):
        return replace(_controller(501, "Traefik does not proxy CONNECT over HTTP/1"), limits=passing.limits)
    if state in _BACKEND:
        status, body, log = _BACKEND[state]
        headers = {**passing.response_headers, **(_TEXT if status == 503 else {})}
        after = DIAL_TIMEOUT_S if state is BackendState.UNREACHABLE else 0.0
        answer = _controller(status, f"{winner.ref}: {state}", body, headers)
        return replace(answer, after_s=after, log=log, path=asked.uri, limits=passing.limits)
    return PredictedAnswer(
        source=AnswerSource.BACKEND,
        status=400 if state is BackendState.PLAIN_TO_TLS else None,
        why=f"{winner.ref} hands the request to its backend",
        headers=passing.response_headers,
        path=asked.uri,
        limits=passing.limits,
    )
