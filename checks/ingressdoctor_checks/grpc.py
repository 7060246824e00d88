"""What does a gRPC client get? One health call, judged by its status and by what is missing of it.

These findings say what is seen from outside; which hop loses HTTP/2 is told by ``grpc_hops``.
Source: gRPC's doc/statuscodes.md, PROTOCOL-HTTP2.md and health-checking.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.api import (
    CloudflaredLogs,
    Finding,
    GrpcOutcome,
    GrpcProbe,
    Health,
    Inapplicable,
    NginxDecision,
    OutsideProbe,
    Protocol,
    Remedy,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.grpc_words import CODES, STEP, answer_facts, hop_facts, http_symptom, repeat

__all__ = ["grpc_call", "not_probed", "status"]

_WHERE: Final = "a call of grpc.health.v1.Health/Check, as a client makes it"
_NOT_ASKED: Final = "The target is not asked for by gRPC."


class _Word(msgspec.Struct, frozen=True):
    """What a status means for whoever asks, and what to look at."""

    symptom: Symptom
    what: str
    look: str


_BY_CODE: Final = {
    12: _Word(
        Symptom.GRPC_UNIMPLEMENTED,
        "the server does not know grpc.health.v1.Health, or not at this host",
        "gRPC itself comes through, so no hop is to blame. Register the health service in the server; where routes go "
        "by path, also route /grpc.health.v1.Health/ to it.",
    ),
    14: _Word(
        Symptom.GRPC_UNAVAILABLE,
        "the service is not available",
        "A server says so when what it depends on is gone (the message names it); a proxy says so without a healthy "
        "backend. Look at the pods' logs, and at the pods of what the message names.",
    ),
    4: _Word(Symptom.GRPC_UNAVAILABLE, "it did not answer in time", "Look for what the server waits for."),
    8: _Word(Symptom.GRPC_UNAVAILABLE, "the server is out of a resource", "Look at quotas, memory and stream limits."),
    13: _Word(
        Symptom.GRPC_INTERNAL,
        "the server, or a proxy that speaks gRPC, failed",
        "The status came in gRPC's own form: look at the logs of the server first.",
    ),
}
_OTHER: Final = _Word(Symptom.GRPC_INTERNAL, "the server failed", "Look at the logs of the server.")
_DENIED: Final = {7: "denies it", 16: "wants credentials for it"}
_BY_OUTCOME: Final = {
    GrpcOutcome.NO_TRAILERS: _Word(
        Symptom.GRPC_INTERNAL,
        "the answer comes without its trailers, so clients never learn its status",
        "A hop drops them: a tunnel over QUIC, or one that speaks HTTP/1.1. The findings beside this one say which.",
    ),
    GrpcOutcome.NOT_GRPC: _Word(
        Symptom.GRPC_INTERNAL,
        "what comes back is not gRPC",
        "Something between edge and server answers, or passes on, what the server did not mean: look at "
        "backend-protocol of the Ingress and at the rule's service.",
    ),
    GrpcOutcome.HTTP1: _Word(
        Symptom.GRPC_INTERNAL,
        "what answers does not agree to HTTP/2",
        "At Cloudflare turn HTTP/2 on (Speed > Optimization) and gRPC (Network); elsewhere enable h2 in ALPN.",
    ),
    GrpcOutcome.BROKEN: _Word(
        Symptom.GRPC_INTERNAL,
        "the stream is given up before the answer is whole",
        "Repeat the call and look at the logs of cloudflared, the controller and the server in that moment.",
    ),
    GrpcOutcome.NO_ANSWER: _Word(
        Symptom.GRPC_UNAVAILABLE,
        "no answer comes, while a plain request is answered",
        "The server waits, or a hop holds answers back until they are whole: look at the server's logs.",
    ),
}


@check(id="grpc.not-probed", title="A gRPC call was made", step=STEP, link="client → gRPC call")
def not_probed(target: Target, probe: GrpcProbe | Unavailable) -> Iterator[Finding]:
    """Nothing can be said of HTTP/2 where no call could be made."""
    if target.protocol is not Protocol.GRPC:
        yield skip(_NOT_ASKED)
    elif isinstance(probe, Inapplicable):
        yield skip(f"No gRPC call was made: {probe.reason}.")
    elif isinstance(probe, Unavailable):
        yield unknown(f"No gRPC call could be made: {probe.reason}.", enable_with=probe.enable_with)
    else:
        through = ", behind the Access login" if probe.behind_login else ""
        yield ok(f"A health call was made through {probe.exchange.address}{through}.", where=_WHERE)


@check(
    id="grpc.status",
    title="A gRPC call succeeds",
    step=STEP,
    link="client → gRPC server",
    # A status in gRPC's own form has its reason at the server, unless a deeper check knows better.
    causes=("grpc-unimplemented", "grpc-unavailable", "grpc-internal"),
)
def status(
    target: Target,
    probe: GrpcProbe | Unavailable,
    visit: OutsideProbe | Unavailable,
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
    nginx: NginxDecision | Unavailable,
) -> Iterator[Finding]:
    """The status of the call, or what came in its place."""
    if target.protocol is not Protocol.GRPC:
        yield skip(_NOT_ASKED)
        return
    if isinstance(probe, Unavailable):
        yield skip("No gRPC call was made.")
        return
    facts = answer_facts(probe) | hop_facts(probe, route, logs)
    if isinstance(nginx, NginxDecision):
        facts["ingress-nginx → pod"] = f"backend-protocol {nginx.protocol}"
    yield _judged(target, probe, visit, facts)


@check(
    id="edge.grpc-call",
    title="A gRPC call through the edge succeeds",
    step="outside",
    link="client → gRPC server through the edge",
    causes=("grpc-unimplemented", "grpc-unavailable", "grpc-internal"),
)
def grpc_call(
    target: Target,
    probe: GrpcProbe | Unavailable,
    visit: OutsideProbe | Unavailable,
    route: TunnelRoute | Unavailable,
) -> Iterator[Finding]:
    """The same of a name that no tunnel serves, where no step asks about HTTP/2."""
    if target.protocol is not Protocol.GRPC:
        yield skip(_NOT_ASKED)
    elif isinstance(route, TunnelRoute) and route.certain:
        yield skip("The step about HTTP/2 judges what comes through the tunnel.")
    elif isinstance(probe, Inapplicable):
        yield skip(f"No gRPC call was made: {probe.reason}.")
    elif isinstance(probe, Unavailable):
        yield unknown(f"No gRPC call could be made: {probe.reason}.", enable_with=probe.enable_with)
    else:
        yield _judged(target, probe, visit, answer_facts(probe))


def _judged(target: Target, probe: GrpcProbe, visit: OutsideProbe | Unavailable, facts: dict[str, str]) -> Finding:
    match probe.outcome:
        case GrpcOutcome.OK:
            return _healthy(target, probe, facts)
        case GrpcOutcome.STATUS:
            return _told(target, probe, facts)
        case GrpcOutcome.HTTP_ERROR if _same(probe, visit):
            return skip(f"The call ends in the same {probe.exchange.status} as a plain request does.")
        case GrpcOutcome.HTTP_ERROR:
            code = probe.exchange.status
            word = _Word(
                http_symptom(code),
                f"HTTP answers {code} in place of gRPC",
                "Look for what treats POST, this content type or this path otherwise: WAF, routes by path, limits.",
            )
            return _broken(target, word, facts)
        case GrpcOutcome():
            return _broken(target, _BY_OUTCOME[probe.outcome], facts)


def _same(probe: GrpcProbe, visit: OutsideProbe | Unavailable) -> bool:
    """Tell whether the outside step has told of this very error; a 4xx may be right for a GET and wrong for a call."""
    return isinstance(visit, OutsideProbe) and visit.last.status == probe.exchange.status >= 500


def _healthy(target: Target, probe: GrpcProbe, facts: dict[str, str]) -> Finding:
    what = f"service {probe.service}" if probe.service else "server"
    if probe.health is Health.NOT_SERVING:
        word = _Word(
            Symptom.GRPC_UNAVAILABLE,
            f"the {what} says that it is NOT_SERVING",
            "HTTP/2 survives every hop; the server took itself out. Its logs say why.",
        )
        return _broken(target, word, facts)
    return ok(
        f"The {what} answers {probe.health} with grpc-status 0: HTTP/2 survives every hop.", seen=facts, where=_WHERE
    )


def _told(target: Target, probe: GrpcProbe, facts: dict[str, str]) -> Finding:
    code = probe.code or 0
    name = CODES.get(code, "unknown to gRPC")
    said = f" ({probe.message})" if probe.message else ""
    remedy = Remedy(text="", commands=(repeat(target),), proof=repeat(target))
    if code in _DENIED:
        return ok(
            f"gRPC comes through: the server answers the health call, and {_DENIED[code]} (grpc-status {code}).",
            seen=facts,
            where=_WHERE,
        )
    if code == 5 and probe.service:
        return warn(
            f"The server answers, but its health service does not know {probe.service}{said}.",
            subject=target.hostname,
            seen=facts,
            where=_WHERE,
            remedy=msgspec.structs.replace(
                remedy, text="Ask for a service that it registers: grpcs://HOST/package.Service, or without a path."
            ),
        )
    word = _BY_CODE.get(code, _OTHER)
    return _broken(target, msgspec.structs.replace(word, what=f"grpc-status {code} {name}, {word.what}{said}"), facts)


def _broken(target: Target, word: _Word, facts: dict[str, str]) -> Finding:
    return fail(
        f"A gRPC call to {target.hostname} fails: {word.what}.",
        subject=target.hostname,
        seen=facts,
        where=_WHERE,
        symptom=word.symptom,
        remedy=Remedy(text=word.look, commands=(repeat(target),), proof=repeat(target)),
    )
