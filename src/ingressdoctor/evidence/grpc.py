"""What a gRPC client is answered: one health call, hop for hop as far as its answer tells, and what that comes to.

Values only. Source: gRPC over HTTP/2 (PROTOCOL-HTTP2), its health checking protocol, and RFC 9113 for error codes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.net import Phases, Reach, TlsAttempt

__all__ = ["HEALTH_CHECK", "GrpcExchange", "GrpcOutcome", "GrpcProbe", "Health"]

HEALTH_CHECK = "/grpc.health.v1.Health/Check"


class Health(StrEnum):
    """What the health service says; ``NONE`` when it said nothing."""

    NONE = "nothing"
    UNKNOWN = "UNKNOWN"
    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    SERVICE_UNKNOWN = "SERVICE_UNKNOWN"


class GrpcOutcome(StrEnum):
    """What became of the call, as far as one can tell from its answer alone.

    ``OK`` is grpc-status 0 with all its parts. ``STATUS`` is any other status that came in gRPC's own form.
    ``NO_TRAILERS`` is an answer of gRPC's form whose status is missing: something dropped the trailers. ``NOT_GRPC``
    is a 200 of another form, ``HTTP_ERROR`` an HTTP status in place of gRPC, ``HTTP1`` a server that does not agree to
    HTTP/2, ``BROKEN`` a connection or stream that was given up, ``NO_ANSWER`` silence.
    """

    OK = "answered"
    STATUS = "answered with a status"
    NO_TRAILERS = "the trailers are missing"
    NOT_GRPC = "not gRPC"
    HTTP_ERROR = "an HTTP error in place of gRPC"
    HTTP1 = "HTTP/1.1 only"
    BROKEN = "given up in the middle"
    NO_ANSWER = "no answer"


class GrpcExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One unary call over HTTP/2 and what came back. ``status`` (HTTP's) is 0 when no headers arrived.

    ``headers`` and ``trailers`` keep order, names in lower case; ``trailed`` tells that trailers came, ``ended`` that
    the stream was closed in order. ``body`` is capped. ``reset`` names the error code of RST_STREAM or GOAWAY.
    ``alpn`` is what the server chose: HTTP/2 is "h2", and nothing is sent over anything else; with prior knowledge
    (plain text) it is "h2c".
    """

    url: str
    address: str
    port: int
    reach: Reach
    alpn: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    trailers: tuple[tuple[str, str], ...] = ()
    trailed: bool = False
    ended: bool = False
    body: bytes = b""
    reset: str = ""
    tls: TlsAttempt | None = None
    phases: Phases = Phases()
    detail: str = ""

    def header(self, name: str) -> str:
        """Return the first value of a header, or the empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), "")

    def trailer(self, name: str) -> str:
        """Return the first value of a trailer, or the empty string."""
        wanted = name.lower()
        return next((value for key, value in self.trailers if key == wanted), "")


class GrpcProbe(msgspec.Struct, frozen=True, kw_only=True):
    """A health call to the target as any client would make it, and what it comes to.

    ``service`` is the service whose health was asked for, empty for the server's own. ``code`` is the grpc-status
    (None when none came), ``message`` its text. ``behind_login`` tells that Access asked for a login and the service
    token was sent along.
    """

    exchange: GrpcExchange
    outcome: GrpcOutcome
    service: str = ""
    code: int | None = None
    message: str = ""
    health: Health = Health.NONE
    behind_login: bool = False

    @property
    def whole(self) -> bool:
        """Whether status and answer came in gRPC's own form, so that HTTP/2 survives every hop."""
        return self.outcome in (GrpcOutcome.OK, GrpcOutcome.STATUS)

    @property
    def through_trailers(self) -> bool:
        """Whether trailers behind a body came through, which is what a lost HTTP/2 hop or QUIC would drop."""
        return self.whole and self.exchange.trailed and bool(self.exchange.body)
