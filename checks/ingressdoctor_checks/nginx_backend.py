"""Does ingress-nginx speak to the pods what they speak, and does it ask them at all?

Source: kubernetes/ingress-nginx annotations/backendprotocol (anything unknown counts as HTTP), location denied in
annotations.go; nginx's error log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    CandidateRoute,
    Command,
    Finding,
    NginxDecision,
    NginxLine,
    NginxLogs,
    OutsideProbe,
    Protocol,
    Remedy,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.nginx_common import STEP, describe, edit, fails, logs_of, nginx_of, proof_of, serves

__all__ = ["backend_protocol", "location_denied"]

_KEY: Final = "nginx.ingress.kubernetes.io/backend-protocol"
_GRPC: Final = frozenset(("GRPC", "GRPCS"))
_TLS: Final = frozenset(("HTTPS", "GRPCS"))
_WANTS_TLS: Final = (b"http request to an https server", b"plain http request was sent to https port")


@check(
    id="nginx.backend-protocol",
    title="ingress-nginx speaks to the pods what they speak",
    step=STEP,
    link="ingress-nginx → pod protocol",
    causes=(
        *("edge-502", "edge.error-page", "http-502", "http-400", "tunnel.log-errors"),
        *("grpc-internal", "grpc-unavailable", "grpc-unimplemented", "grpc.status"),
        *("edge-520", "empty-reply", "connect-reset", "response-timeout"),
    ),
)
def backend_protocol(
    nginx: NginxDecision | Unavailable,
    view: BackendView | Unavailable,
    logs: NginxLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """The annotation backend-protocol decides, for every path of its Ingress; a word that is none counts as HTTP."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    winner = found.decision.winner
    if winner is None:
        yield skip("No Ingress takes the request, so no pod is spoken to.")
        return
    wanted, sign, line = _mismatch(found, logs, probe, target)
    if not wanted:
        yield _fine(found, winner)
        return
    hurts = not serves(probe) or target.protocol is Protocol.GRPC
    say = fail if hurts else warn
    port = None if isinstance(view, Unavailable) else view.port
    yield say(
        f"ingress-nginx speaks {found.protocol} to the pods of {winner.ref}, but {sign}: they want {wanted}.",
        subject=winner.ref,
        where="annotations of the Ingress, and the controller's log" if line else "annotations of the Ingress",
        seen={
            "backend-protocol": _written(found),
            **({"Service port": f"{port.name or '(no name)'} {port.port}"} if port is not None else {}),
            **({"log": line.line, "times": str(line.count)} if line is not None else {}),
        },
        remedy=Remedy(
            text=f"Annotate the Ingress with {_KEY}: {wanted}. It holds for all its paths: what speaks another "
            "protocol needs an Ingress of its own.",
            commands=(describe(winner.ref), _annotate(winner.ref, wanted)),
            proof=proof_of(target),
        ),
    )


def _mismatch(
    found: NginxDecision, logs: NginxLogs | Unavailable, probe: OutsideProbe | Unavailable, target: Target
) -> tuple[str, str, NginxLine | None]:
    """Return (the protocol that is wanted, what shows it, the log line that does); empty when nothing is wrong."""
    spoken = found.protocol
    known = NginxLogs() if isinstance(logs, Unavailable) else logs
    if target.protocol is Protocol.GRPC and spoken not in _GRPC:
        return ("GRPCS" if spoken in _TLS else "GRPC"), "gRPC is asked for", None
    if spoken in _TLS and (line := known.of("upstream-plain")) is not None:
        return ("GRPC" if spoken in _GRPC else "HTTP"), "they answer without TLS", line
    if (
        spoken in _GRPC
        and target.protocol is not Protocol.GRPC
        and (line := known.of("upstream-not-http2")) is not None
    ):
        return "HTTP", "they do not speak HTTP/2", line
    body = probe.last.body[:2_000].lower() if isinstance(probe, OutsideProbe) else b""
    if spoken not in _TLS and any(text in body for text in _WANTS_TLS) and found.decision.request.tls:
        return ("GRPCS" if spoken in _GRPC else "HTTPS"), "they say that they want TLS", None
    if spoken == "HTTP" and (line := known.of("upstream-not-http1")) is not None:
        return "GRPC or HTTPS", "they do not answer in HTTP/1.1", line
    return "", "", None


def _fine(found: NginxDecision, winner: CandidateRoute) -> Finding:
    if "backend-protocol" in found.ignored:
        return warn(
            f"backend-protocol of {winner.ref} holds a word that ingress-nginx does not know; it counts as HTTP.",
            subject=winner.ref,
            seen={"known": "HTTP, HTTPS, AUTO_HTTP, GRPC, GRPCS, FCGI"},
            remedy=Remedy(text="Write one of the known words.", commands=(describe(winner.ref), edit(winner.ref))),
        )
    return ok(
        f"ingress-nginx speaks {found.protocol} to the pods, and nothing shows that they mind.", subject=winner.ref
    )


def _written(found: NginxDecision) -> str:
    if "backend-protocol" in found.ignored:
        return "a word that is none, which counts as HTTP"
    return found.protocol if found.protocol != "HTTP" else "not set, or HTTP"


def _annotate(ref: str, wanted: str) -> Command:
    if " or " in wanted:
        return edit(ref)
    kind, _, name = ref.partition(" ")
    namespace, _, bare = name.rpartition("/")
    return changes("kubectl", "-n", namespace, "annotate", kind.lower(), bare, f"{_KEY}={wanted}", "--overwrite")


@check(
    id="nginx.location-denied",
    title="The location is not denied",
    step=STEP,
    link="ingress-nginx → pod",
    causes=("http-503", "grpc-unavailable", "backend.application-error"),
)
def location_denied(
    nginx: NginxDecision | Unavailable,
    logs: NginxLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """An address list or a reference to a Secret that cannot be used denies the location: it answers 503."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    winner = found.decision.winner
    if winner is None:
        yield skip("No Ingress takes the request, so no location is denied.")
        return
    line = None if isinstance(logs, Unavailable) else logs.of("denied")
    if not found.denied and line is None:
        yield ok(f"Nothing in {winner.ref} denies the location.", subject=winner.ref)
        return
    say = fail if fails(probe) or isinstance(probe, Unavailable) else warn
    yield say(
        f"ingress-nginx denies the location of {winner.ref}, and answers 503: "
        f"{found.denied or 'an annotation refers to something that cannot be used'}.",
        subject=winner.ref,
        where="annotations of the Ingress" if found.denied else "the controller's log",
        seen={"log": line.line} if line is not None else {"expected answer": "503"},
        remedy=Remedy(
            text="Correct the annotation, or the Secret that it names; an Event AnnotationParsingFailed says more.",
            commands=(describe(winner.ref), logs_of(found.controller), edit(winner.ref)),
            proof=proof_of(target),
        ),
    )
