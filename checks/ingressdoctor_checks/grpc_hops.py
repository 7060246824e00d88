"""Where is HTTP/2 lost on the way of a gRPC call: in the tunnel, at cloudflared, or at what it asks?

Source: cloudflared connection/quic_connection.go (AddTrailer does nothing), connection/http2.go (forwards trailers),
ingress/origin_service.go (HTTP/2 to origins only with http2Origin, over TLS, without matchSNItoHost).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CloudflaredLogs,
    Finding,
    GrpcOutcome,
    GrpcProbe,
    Inapplicable,
    OriginKind,
    Protocol,
    Remedy,
    Target,
    TunnelConfig,
    TunnelOrigin,
    TunnelRoute,
    Unavailable,
    changes,
    check,
    fail,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.grpc_words import LIVES_ON, STEP, answer_facts, hop_facts, repeat, transport
from ingressdoctor_checks.rules_common import Ruled, remedy_of, ruled
from ingressdoctor_checks.tunnel_workloads import edit_config, restart

__all__ = ["http2_origin_off", "transport_quic"]

_NOT_ASKED: Final = "The target is not asked for by gRPC."
_LOST: Final = (GrpcOutcome.NO_TRAILERS, GrpcOutcome.NOT_GRPC, GrpcOutcome.BROKEN)


def _facts(
    probe: GrpcProbe | Unavailable, route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable
) -> dict[str, str]:
    """Return what is known of each hop, and of the answer where a call was made."""
    return hop_facts(probe, route, logs) | (answer_facts(probe) if isinstance(probe, GrpcProbe) else {})


@check(
    id="grpc.transport-quic",
    title="The tunnel carries trailers",
    step=STEP,
    link="edge → cloudflared (HTTP/2)",
    causes=LIVES_ON,
)
def transport_quic(
    target: Target,
    probe: GrpcProbe | Unavailable,
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
) -> Iterator[Finding]:
    """A tunnel over QUIC drops the trailers, and with them the status of every gRPC call."""
    if target.protocol is not Protocol.GRPC:
        yield skip(_NOT_ASKED)
        return
    if isinstance(route, Unavailable):
        yield skip("The name leads to no tunnel, whose transport could matter.")
        return
    found = transport(route, logs)
    facts = _facts(probe, route, logs)
    if isinstance(probe, GrpcProbe) and probe.through_trailers:
        yield ok("Trailers come through the tunnel.", seen=facts)
    elif found.protocol == "http2":
        yield ok(f"The tunnel runs over http2, which carries trailers, by {found.source}.", seen=facts)
    elif found.protocol == "quic":
        lost = isinstance(probe, GrpcProbe) and probe.outcome is GrpcOutcome.NO_TRAILERS
        say = fail if lost else warn
        lead = f"The tunnel runs over QUIC ({found.source}), which drops the trailers of gRPC answers"
        yield say(
            f"{lead}." if lost else f"{lead}: calls that succeed never learn their status.",
            subject=_subject(route),
            where=found.source,
            seen=facts,
            remedy=_to_http2(target, route),
        )
    else:
        yield _inferred(target, probe, route, facts)


def _inferred(target: Target, probe: GrpcProbe | Unavailable, route: TunnelRoute, facts: dict[str, str]) -> Finding:
    """Judge a transport that nothing tells: cloudflared runs on a machine of its own, or its log is not readable."""
    if isinstance(probe, Inapplicable):
        return skip(f"By which protocol the tunnel runs is not known from here, and {probe.reason}.")
    if isinstance(probe, Unavailable):
        return unknown(
            "By which protocol the tunnel runs is not known from here, and no call was made.",
            enable_with="Look for 'protocol=' in cloudflared's log: journalctl -u cloudflared.",
        )
    if probe.outcome is not GrpcOutcome.NO_TRAILERS:
        return skip("By which protocol the tunnel runs is not known from here, and the answer lost no trailers.")
    origin = route.origin
    if origin is not None and not _speaks_http2(origin):
        return skip("The trailers are lost behind the tunnel already; see http2Origin.")
    return fail(
        "The trailers of gRPC answers are lost in the tunnel: it runs over QUIC, as every one does unless it is told "
        "otherwise.",
        subject=_subject(route),
        where="inferred: the rule keeps HTTP/2 up to the origin, and the answer is gRPC's but for its trailers",
        seen=facts,
        remedy=_to_http2(target, route),
    )


def _subject(route: TunnelRoute) -> str:
    if route.workloads:
        return route.workloads[0].ref
    return f"tunnel {route.tunnel}" if route.tunnel else "the tunnel"


def _to_http2(target: Target, route: TunnelRoute) -> Remedy:
    workload = next(iter(route.workloads), None)
    if workload is None:
        return Remedy(
            text="Start cloudflared with --protocol http2 (an override of its systemd unit, before 'tunnel'), or write "
            "protocol: http2 into its configuration.",
            commands=(
                changes("sudo", "systemctl", "edit", "cloudflared"),
                changes("sudo", "systemctl", "restart", "cloudflared"),
            ),
            proof=repeat(target),
        )
    config = route.config
    edit = edit_config(config.source) if isinstance(config, TunnelConfig) else ()
    return Remedy(
        text="Add --protocol http2 to the arguments of cloudflared (or 'protocol: http2' to its configuration) and "
        "let TCP out to port 7844.",
        commands=(*edit, restart(workload)),
        proof=repeat(target),
    )


def _speaks_http2(origin: TunnelOrigin) -> bool:
    return origin.tls and origin.http2 and not origin.match_sni


@check(
    id="grpc.http2-origin-off",
    title="cloudflared speaks HTTP/2 to the origin",
    step=STEP,
    link="cloudflared → origin (HTTP/2)",
    causes=LIVES_ON,
)
def http2_origin_off(
    target: Target,
    probe: GrpcProbe | Unavailable,
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
) -> Iterator[Finding]:
    """It does so only with http2Origin, over TLS, and not beside matchSNItoHost."""
    if target.protocol is not Protocol.GRPC:
        yield skip(_NOT_ASKED)
        return
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    origin = found.origin
    if origin.kind is not OriginKind.HTTP:
        yield skip(f"cloudflared does not speak HTTP to {origin.service}.")
        return
    if _speaks_http2(origin):
        yield ok(f"cloudflared speaks HTTP/2 over TLS to {origin.host}.", subject=found.rule.shown)
        return
    facts = _facts(probe, route, logs)
    if isinstance(probe, GrpcProbe) and probe.through_trailers:
        yield ok(
            f"{found.rule.shown} does not ask for HTTP/2, but trailers come through: it runs with other rules.",
            seen=facts,
        )
        return
    lost = isinstance(probe, GrpcProbe) and probe.outcome in _LOST
    why, advice = _reason(origin)
    yield (fail if lost else warn)(
        f"cloudflared speaks HTTP/1.1 to {origin.host}, since {why}: gRPC does not survive that.",
        subject=found.config.source.ref,
        where=found.config.source.ref,
        seen={"rule": found.rule.shown} | facts,
        remedy=_to_origin(target, found, advice),
    )


def _reason(origin: TunnelOrigin) -> tuple[str, str]:
    if not origin.tls:
        return (
            f"the rule says {origin.scheme}://",
            f"Write https://{origin.host} with a port that speaks TLS, and http2Origin: true under originRequest.",
        )
    if origin.match_sni and origin.http2:
        return (
            "matchSNItoHost keeps http2Origin from having an effect",
            "Take matchSNItoHost out, and name the certificate's host with originServerName instead.",
        )
    return (
        "http2Origin is not set",
        "Set http2Origin: true under originRequest of the rule, spelt exactly so: cloudflared ignores other spellings.",
    )


def _to_origin(target: Target, found: Ruled, advice: str) -> Remedy:
    plain = remedy_of(found, advice)
    return Remedy(text=plain.text, commands=plain.commands, proof=repeat(target))
