"""The request as a gRPC client sends it: one health call by name, and what its answer comes to.

Makes the call where a visitor's plain request was answered, and with the service token where that opens an Access
login. Whether what came back is good is for the checks.
Source: gRPC's PROTOCOL-HTTP2.md (responses, trailers-only), health.proto.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from ingressdoctor.evidence.grpc import GrpcExchange, GrpcOutcome, GrpcProbe, Health
from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.evidence.outside import OutsideProbe, TokenUse
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Grpc

__all__ = ["collect_grpc", "judge"]

_WANTED: Final = "what a gRPC client gets"
_ANSWER_S: Final = 8.0
_HEALTHS: Final = (Health.UNKNOWN, Health.SERVING, Health.NOT_SERVING, Health.SERVICE_UNKNOWN)
_PREFIX: Final = 5


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_grpc(target: Target, visit: OutsideProbe | Unavailable, grpc: Grpc) -> GrpcProbe | Unavailable:
    """Ask the target for its health as gRPC clients do; a path names the service to ask for."""
    if target.protocol is not Protocol.GRPC:
        return Inapplicable(wanted=_WANTED, reason="the target is not asked for by gRPC (grpcs://HOST)")
    if isinstance(visit, Unavailable):
        return Unavailable(wanted=_WANTED, reason=visit.reason, enable_with=visit.enable_with)
    first = visit.hops[0]
    if not any(hop.status for hop in visit.hops) or not first.address:
        return Inapplicable(wanted=_WANTED, reason="not even a plain request is answered")
    gate = visit.gate
    if gate is not None and gate.token is not TokenUse.ACCEPTED:
        return Unavailable(
            wanted=_WANTED,
            reason=f"Cloudflare Access asks for a login ({clean(gate.login, 100)}), which gRPC clients cannot pass",
            enable_with="Set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET to a service token that is let in.",
        )
    service = target.path.partition("?")[0].strip("/").partition("/")[0]
    usual = target.port == (80 if target.scheme == "http" else 443)
    authority = target.hostname if usual else f"{target.hostname}:{target.port}"
    request = HttpRequest(
        url=f"{target.scheme}://{authority}/",
        host=authority,
        address=first.address,
        timeout_s=_ANSWER_S,
        service_token=gate is not None,
    )
    return judge(await grpc.health(request, service), service, behind_login=gate is not None)


def judge(exchange: GrpcExchange, service: str = "", *, behind_login: bool = False) -> GrpcProbe:
    """Return what an exchange comes to, by its answer alone."""
    code = _code(exchange)
    message = exchange.trailer("grpc-message") or exchange.header("grpc-message")
    return GrpcProbe(
        exchange=exchange,
        outcome=_outcome(exchange, code),
        service=service,
        code=code,
        message=clean(unquote_to_bytes(message[:2_000]).decode("utf-8", "replace"), 300),
        health=_health(exchange.body) if code == 0 else Health.NONE,
        behind_login=behind_login,
    )


def _code(exchange: GrpcExchange) -> int | None:
    """Return the status: that of the trailers, else that of the headers (an answer without a body has only those)."""
    told = (exchange.trailer("grpc-status") or exchange.header("grpc-status")).strip()
    return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else None


def _outcome(exchange: GrpcExchange, code: int | None) -> GrpcOutcome:
    is_grpc = exchange.header("content-type").lower().startswith("application/grpc")
    if not exchange.status:
        return _unanswered(exchange)
    if is_grpc and code is not None:
        if code:
            return GrpcOutcome.STATUS
        return GrpcOutcome.OK if exchange.body else GrpcOutcome.NOT_GRPC
    if exchange.status != 200:
        return GrpcOutcome.HTTP_ERROR
    if exchange.reset or not exchange.ended:
        return GrpcOutcome.BROKEN
    return GrpcOutcome.NO_TRAILERS if is_grpc else GrpcOutcome.NOT_GRPC


def _unanswered(exchange: GrpcExchange) -> GrpcOutcome:
    tls = exchange.tls
    if tls is not None and tls.reach is Reach.OK and tls.trusted is not False and exchange.alpn != "h2":
        return GrpcOutcome.HTTP1
    if exchange.reset or exchange.reach in (Reach.RESET, Reach.CLOSED, Reach.PROTOCOL):
        return GrpcOutcome.BROKEN
    return GrpcOutcome.NO_ANSWER


def _health(body: bytes) -> Health:
    """Read a HealthCheckResponse: field 1, the status, which is not sent when it is 0."""
    message = body[_PREFIX:]
    if not message:
        return Health.UNKNOWN if len(body) == _PREFIX else Health.NONE
    known = len(message) >= 2 and message[0] == 0x08 and message[1] < len(_HEALTHS)
    return _HEALTHS[message[1]] if known else Health.NONE
