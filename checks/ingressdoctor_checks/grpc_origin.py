"""Does what stands at the end of the way speak HTTP/2, as gRPC needs it?

Source: nginx ngx_http_grpc_module (an answer in HTTP/1 is read as a frame: "HTT" is 4740180), seen in its log.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    BackendView,
    Finding,
    GrpcProbe,
    NginxDecision,
    NginxLogs,
    Protocol,
    Remedy,
    Target,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
)
from ingressdoctor_checks.grpc_words import LIVES_ON, STEP
from ingressdoctor_checks.nginx_common import logs_of

__all__ = ["origin_http1"]


@check(
    id="grpc.origin-http1",
    title="The pods answer in HTTP/2",
    step=STEP,
    link="ingress-nginx → pod (HTTP/2)",
    causes=(*LIVES_ON, "edge-502", "http-502", "edge.error-page", "tunnel.log-errors"),
)
def origin_http1(
    target: Target,
    nginx: NginxDecision | Unavailable,
    logs: NginxLogs | Unavailable,
    probe: GrpcProbe | Unavailable,
    view: BackendView | Unavailable,
) -> Iterator[Finding]:
    """ingress-nginx asks them by gRPC, and what comes back is HTTP/1.1: its log says so."""
    if target.protocol is not Protocol.GRPC:
        yield skip("The target is not asked for by gRPC.")
        return
    if isinstance(probe, GrpcProbe) and probe.whole:
        yield ok("A gRPC status came back whole, so the pods speak HTTP/2.")
        return
    line = None if isinstance(logs, Unavailable) else logs.of("upstream-not-http2")
    if line is None or isinstance(nginx, Unavailable):
        yield skip("Nothing shows what the pods answer in: no log of ingress-nginx speaks of it.")
        return
    winner = nginx.decision.winner
    route = winner.ref if winner is not None else nginx.controller.ref
    asked = next(iter(winner.backends), None) if winner is not None else None
    ref = asked if isinstance(view, Unavailable) else view.ref
    service = f"Service {ref.namespace}/{ref.name}" if ref is not None else "the backend"
    yield fail(
        f"The pods of {service} answer in HTTP/1 where ingress-nginx asks by gRPC ({nginx.protocol}).",
        subject=service,
        where="the log of ingress-nginx",
        seen={"log": line.line, "times": str(line.count), "backend-protocol": f"{nginx.protocol}, of {route}"},
        remedy=Remedy(
            text="Point the Service at the port that speaks gRPC, or bring the release back that does. 4740180 is the "
            'text "HTT" read as the length of a frame.',
            commands=(
                logs_of(nginx.controller),
                *(
                    (look("kubectl", "-n", ref.namespace, "get", "service", ref.name, "-o", "yaml"),)
                    if ref is not None
                    else ()
                ),
            ),
            proof=look("ingressdoctor", f"grpcs://{target.hostname}"),
        ),
    )
