"""What a client gets from a rule when its origin fails, or when cloudflared itself answers, and what the log says then.

An answer of the origin itself is not this module's business: None stands for "whatever the origin says".

Source: cloudflared proxy/proxy.go (ProxyHTTP, applyIngressMiddleware), ingress/origin_proxy.go (statusCode),
carrier/carrier.go (ResolveBastionDest); the edge's 502, 524 and 530 pages as documented by Cloudflare.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.routing.cloudflared.service import ServiceKind
from ingressdoctor.routing.cloudflared.table import Rule

__all__ = ["NO_CONNECTOR", "AnsweredBy", "OriginFailure", "TunnelAnswer", "answer_of", "log_of"]

_PREFIX: Final = (
    "Unable to reach the origin service. The service may be down or it may not be responding to traffic from "
    "cloudflared: "
)


class OriginFailure(StrEnum):
    """How the way from cloudflared to the origin breaks."""

    REFUSED = "connection refused"
    NO_SUCH_HOST = "no such host"
    DNS_FAILED = "cluster DNS does not answer"
    TIMEOUT = "no answer to the connection attempt"
    UNREACHABLE = "no route"
    UNKNOWN_AUTHORITY = "certificate of an unknown authority"
    WRONG_NAME = "certificate for another name"
    NO_ADDRESS_IN_CERTIFICATE = "certificate without the address"
    EXPIRED = "certificate expired"
    NO_NAMES_IN_CERTIFICATE = "certificate without subject alternative names"
    PLAIN_ORIGIN = "https to an origin that speaks plain HTTP"
    TLS_ORIGIN = "http to an origin that speaks TLS"
    TLS_ALERT = "the origin refuses the TLS handshake"
    CLIENT_CERTIFICATE = "the origin demands a client certificate"
    TLS_TIMEOUT = "the TLS handshake takes too long"
    CLOSED = "the origin closes before it answers"
    RESET = "the origin resets the connection"
    SLOW = "the origin does not answer in time"


_LOGS: Final = {
    OriginFailure.REFUSED: "connect: connection refused",
    OriginFailure.NO_SUCH_HOST: "no such host",
    OriginFailure.DNS_FAILED: "server misbehaving",
    OriginFailure.TIMEOUT: "i/o timeout",
    OriginFailure.UNREACHABLE: "connect: no route to host",
    OriginFailure.UNKNOWN_AUTHORITY: "x509: certificate signed by unknown authority",
    OriginFailure.WRONG_NAME: "x509: certificate is valid for",
    OriginFailure.NO_ADDRESS_IN_CERTIFICATE: "x509: cannot validate certificate for",
    OriginFailure.EXPIRED: "x509: certificate has expired or is not yet valid",
    OriginFailure.NO_NAMES_IN_CERTIFICATE: "x509: certificate relies on legacy Common Name field",
    OriginFailure.PLAIN_ORIGIN: "server gave HTTP response to HTTPS client",
    OriginFailure.TLS_ORIGIN: "malformed HTTP response",
    OriginFailure.TLS_ALERT: "remote error: tls:",
    OriginFailure.CLIENT_CERTIFICATE: "remote error: tls: certificate required",
    OriginFailure.TLS_TIMEOUT: "TLS handshake timeout",
    OriginFailure.CLOSED: "EOF",
    OriginFailure.RESET: "connection reset by peer",
    OriginFailure.SLOW: "Incoming request ended abruptly: context canceled",
}
_VERIFIED: Final = frozenset(
    (
        OriginFailure.UNKNOWN_AUTHORITY,
        OriginFailure.WRONG_NAME,
        OriginFailure.NO_ADDRESS_IN_CERTIFICATE,
        OriginFailure.EXPIRED,
        OriginFailure.NO_NAMES_IN_CERTIFICATE,
    )
)
_OF_TLS: Final = _VERIFIED | frozenset(
    (
        OriginFailure.PLAIN_ORIGIN,
        OriginFailure.TLS_ALERT,
        OriginFailure.CLIENT_CERTIFICATE,
        OriginFailure.TLS_TIMEOUT,
    )
)
_DIALLED: Final = frozenset(
    (
        OriginFailure.REFUSED,
        OriginFailure.NO_SUCH_HOST,
        OriginFailure.DNS_FAILED,
        OriginFailure.TIMEOUT,
        OriginFailure.UNREACHABLE,
    )
)


class AnsweredBy(StrEnum):
    """Who wrote the answer that the client sees."""

    EDGE = "Cloudflare's edge"
    CLOUDFLARED = "cloudflared"


class TunnelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The client's view: status, Cloudflare's error code if any, whether the body is empty; and the log's words."""

    status: int
    by: AnsweredBy
    why: str
    log: str = ""
    error_code: int = 0
    empty: bool = False


# No connector holds the tunnel open: no rule is ever looked at.
NO_CONNECTOR: Final = TunnelAnswer(
    status=530, by=AnsweredBy.EDGE, why="no connector is registered for the tunnel", error_code=1033
)


def answer_of(
    rule: Rule, failure: OriginFailure | None = None, *, with_token: bool = True, built_in: bool = False
) -> TunnelAnswer | None:
    """Return the answer that a rule gives by itself or because its origin fails; None: the origin answers.

    ``with_token`` tells that the request comes with a token of Access, ``built_in`` that the rule is cloudflared's own
    because there are none. A failure that the rule's settings rule out, as an unknown authority under noTLSVerify, is
    none.
    """
    refused = _access(rule, with_token=with_token)
    if refused is not None:
        return refused
    match rule.service.kind:
        case ServiceKind.STATUS:
            why = "there are no ingress rules" if built_in else "the rule is a fixed status"
            log = "No ingress rules were defined in provided config" if built_in else ""
            return TunnelAnswer(status=rule.service.status, by=AnsweredBy.CLOUDFLARED, why=why, log=log, empty=True)
        case ServiceKind.HELLO:
            return TunnelAnswer(status=200, by=AnsweredBy.CLOUDFLARED, why="the built-in test page")
        case ServiceKind.BASTION:
            return _bad_gateway(
                "a jump host, and the request names no destination", "Did not receive final destination"
            )
        case ServiceKind.TCP | ServiceKind.SOCKS:
            return _of_stream(failure)
        case _:
            return _of_web(rule, failure)


def log_of(failure: OriginFailure) -> str:
    """Return the words of cloudflared's log by which a failure is known."""
    return _LOGS[failure]


def _bad_gateway(why: str, log: str) -> TunnelAnswer:
    return TunnelAnswer(status=502, by=AnsweredBy.EDGE, why=why, log=log)


def _access(rule: Rule, *, with_token: bool) -> TunnelAnswer | None:
    access = rule.settings.access
    if access is None or not access.required or (with_token and access.aud_tags):
        return None
    said = "Invalid token in jwt" if with_token else "no access token in request"
    why = "the rule accepts no audience (audTag is empty)" if with_token else "the request carries no token of Access"
    log = f"request filtered by middleware handler (AccessJWTValidator) due to: {said}"
    return TunnelAnswer(status=403, by=AnsweredBy.CLOUDFLARED, why=why, log=log, empty=True)


def _of_stream(failure: OriginFailure | None) -> TunnelAnswer:
    if failure in _DIALLED:
        return _bad_gateway(failure.value, _LOGS[failure])
    why = "the service is raw TCP, which an HTTP request cannot use"
    return TunnelAnswer(status=200, by=AnsweredBy.CLOUDFLARED, why=why, empty=True)


def _of_web(rule: Rule, failure: OriginFailure | None) -> TunnelAnswer | None:
    if failure is None or (failure in _VERIFIED and rule.settings.no_tls_verify):
        return None
    if failure in _OF_TLS and not rule.service.tls:
        return None
    if failure is OriginFailure.TLS_ORIGIN and rule.service.tls:
        return None
    if failure is OriginFailure.SLOW:
        return TunnelAnswer(status=524, by=AnsweredBy.EDGE, why=failure.value, log=_LOGS[failure])
    return _bad_gateway(failure.value, _PREFIX if failure is OriginFailure.CLOSED else _LOGS[failure])
