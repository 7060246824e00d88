"""What the checks of gRPC share: the codes in words, the hops that HTTP/2 must survive, and the call to repeat.

Holds no check. Source: gRPC's doc/statuscodes.md and http-grpc-status-mapping.md; cloudflared's protocols.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.api import (
    CloudflaredLogs,
    Command,
    GrpcProbe,
    Symptom,
    Target,
    TunnelConfig,
    TunnelRoute,
    Unavailable,
    look,
)

__all__ = ["CODES", "LIVES_ON", "STEP", "Transport", "answer_facts", "hop_facts", "http_symptom", "repeat", "transport"]

STEP: Final = "http2"
# Symptoms and findings that a lost HTTP/2 hop ends in.
LIVES_ON: Final = ("grpc-internal", "grpc.status")
CODES: Final = {
    0: "OK",
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """What the connector speaks to the edge: "quic", "http2" or "" (not known), and who says so."""

    protocol: str = ""
    source: str = ""
    pinned: bool = False


def transport(route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable) -> Transport:
    """Return the tunnel's transport as the logs tell it, else as arguments or configuration pin it."""
    spoken = () if isinstance(logs, Unavailable) else logs.protocols
    if spoken:
        # One connection over QUIC is enough to lose trailers now and then.
        return Transport(protocol="quic" if "quic" in spoken else spoken[0], source="cloudflared's log")
    if isinstance(route, Unavailable):
        return Transport()
    pinned = next((item for item in route.workloads if item.protocol in ("quic", "http2")), None)
    if pinned is not None:
        return Transport(protocol=pinned.protocol, source=f"the arguments of {pinned.ref}", pinned=True)
    config = route.config
    if isinstance(config, TunnelConfig) and config.protocol in ("quic", "http2"):
        return Transport(protocol=config.protocol, source=config.source.ref, pinned=True)
    return Transport()


def hop_facts(
    probe: GrpcProbe | Unavailable, route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable
) -> dict[str, str]:
    """Return one fact per hop: by which protocol requests and their trailers travel there."""
    facts = {}
    if isinstance(probe, GrpcProbe):
        facts["client → edge"] = probe.exchange.alpn or "no protocol agreed"
    if isinstance(route, Unavailable):
        return facts
    found = transport(route, logs)
    facts["edge → cloudflared"] = f"{found.protocol} ({found.source})" if found.protocol else "not known from here"
    origin = route.origin
    if origin is not None and origin.host:
        how = "HTTP/2 over TLS" if origin.tls and origin.http2 and not origin.match_sni else "HTTP/1.1"
        why = "" if origin.tls else ", without TLS"
        facts["cloudflared → origin"] = f"{how}{why} ({origin.service})"
    return facts


def answer_facts(probe: GrpcProbe) -> dict[str, str]:
    """Return what came back, in the words of HTTP/2."""
    exchange = probe.exchange
    facts = {
        "HTTP status": str(exchange.status) if exchange.status else exchange.reach.value,
        "content-type": exchange.header("content-type") or "(none)",
        "grpc-status": "(missing)" if probe.code is None else f"{probe.code} {CODES.get(probe.code, '')}".strip(),
        "trailers": ", ".join(name for name, _ in exchange.trailers[:6]) if exchange.trailed else "(none)",
        "body": f"{len(exchange.body)} bytes",
    }
    more = {"grpc-message": probe.message, "stream reset": exchange.reset, "detail": exchange.detail}
    return facts | {name: value for name, value in more.items() if value}


def http_symptom(status: int) -> Symptom:
    """Return what gRPC clients make of an HTTP status in place of gRPC's."""
    if status == 404:
        return Symptom.GRPC_UNIMPLEMENTED
    return Symptom.GRPC_UNAVAILABLE if status in (429, 502, 503, 504) else Symptom.GRPC_INTERNAL


def repeat(target: Target) -> Command:
    """Return the command that repeats the call."""
    where = f"{target.hostname}:{target.port}"
    return look("grpcurl", "-vv", where, "grpc.health.v1.Health/Check")
