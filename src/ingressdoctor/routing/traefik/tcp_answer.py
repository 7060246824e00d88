"""What a client gets from a TCP router: its backend's bytes, or a closed connection, and when.

Source: traefik: pkg/middlewares/tcp/*, pkg/tcp/wrr_load_balancer.go, pkg/tcp/proxy.go.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ingressdoctor.evidence.answer import AnswerSource, ConnectionEnd, PredictedAnswer
from ingressdoctor.routing.traefik.handler import Handler, HandlerDecision
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.tcp_middlewares import TcpMiddleware
from ingressdoctor.routing.traefik.tcp_table import TcpRouter

__all__ = ["DIAL_TIMEOUT_S", "BackendState", "closed", "tcp_answer"]

DIAL_TIMEOUT_S: Final = 30.0


class BackendState(StrEnum):
    """What happens when Traefik turns to a backend."""

    READY = "it answers"
    NO_SERVERS = "there is no server to turn to"
    REFUSED = "the connection is refused or reset, or the name does not resolve"
    UNREACHABLE = "packets are dropped"
    TLS_FAILURE = "TLS towards it fails"
    PLAIN_TO_TLS = "it expects TLS and gets plain HTTP"


def closed(why: str, *, after_s: float | None = 0.0, log: str = "", limits: tuple[str, ...] = ()) -> PredictedAnswer:
    """Return the answer of a connection that ends without a byte."""
    end = ConnectionEnd.CLOSED if after_s == 0 else ConnectionEnd.TIMED_OUT
    return PredictedAnswer(source=AnswerSource.NOBODY, why=why, end=end, after_s=after_s, log=log, limits=limits)


def tcp_answer(
    decision: HandlerDecision, connection: Connection, backend: BackendState | None = None
) -> PredictedAnswer:
    """Say what the client of a connection gets that a TCP router, or nobody, takes; *backend* is None if not known."""
    router, limits = decision.router, decision.limits
    if decision.handler is Handler.STALLED:
        return closed(decision.why, after_s=decision.after_s, limits=limits)
    if decision.handler is Handler.CLOSED:
        return closed(decision.why, limits=limits)
    if decision.handler is Handler.UNDECIDED or router is None:
        return PredictedAnswer(source=AnswerSource.UNKNOWN, why=decision.why, after_s=None, limits=limits)
    for middleware in router.middlewares:
        outcome = _through(middleware, connection)
        if isinstance(outcome, PredictedAnswer):
            return outcome
        limits = (*limits, *outcome)
    return _from_pool(router, backend, limits)


def _through(middleware: TcpMiddleware | None, connection: Connection) -> PredictedAnswer | tuple[str, ...]:
    """Return the end of the connection, or what remains to be said about it."""
    if middleware is None:
        return ("a middleware of the router was not read",)
    if middleware.allowed is None:
        if middleware.amount is not None and middleware.amount <= 0:
            return closed(f"{middleware.ref} allows no connection at all", log="Connection rejected")
        return (f"{middleware.ref} closes more than {middleware.amount} connections of one client",)
    if not connection.client_ip:
        return (f"{middleware.ref} lets only some clients through, and the client's address is not known",)
    if middleware.allowed.contains(connection.client_ip):
        return ()
    why = f'{middleware.ref} rejects the client: "{connection.client_ip}" matched none of the trusted IPs'
    return closed(why, log=f"Connection from {connection.client_ip} rejected")


def _from_pool(router: TcpRouter, backend: BackendState | None, limits: tuple[str, ...]) -> PredictedAnswer:
    several = len(router.services) + len(router.lacking) > 1
    sharing = [service for service in router.services if service.weight > 0] if several else list(router.services)
    limits = (*limits, *(f"left out of {router.ref}: {problem.detail}" for problem in router.lacking))
    if not sharing:
        log = "Error during load balancing: all servers have 0 weight"
        return closed("every Service of the router has the weight 0", log=log, limits=limits)
    empty = [service for service in sharing if service.servers == 0]
    if len(empty) == len(sharing) or backend is BackendState.NO_SERVERS:
        return closed("the pool of servers is empty", limits=limits)
    limits = (*limits, *(f"{item.ref.namespace}/{item.ref.name} has no servers: its share is closed" for item in empty))
    if backend is BackendState.UNREACHABLE:
        return closed(
            "the backend does not answer", after_s=DIAL_TIMEOUT_S, log="Error while dialing backend", limits=limits
        )
    if backend in (BackendState.REFUSED, BackendState.TLS_FAILURE):
        return closed(f"backend: {backend}", log="Error while dialing backend", limits=limits)
    if any(service.servers is None for service in sharing) and backend is None:
        limits = (*limits, "the endpoints of the Service were not looked at")
    return PredictedAnswer(
        source=AnswerSource.BACKEND,
        why=f"{router.ref} hands the connection to its backend",
        end=ConnectionEnd.OPEN,
        limits=limits,
    )
