"""Does the application grant a WebSocket? Asked straight at the origin, and only for targets of ws:// and wss://.

Source: RFC 6455 section 4.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    BackendView,
    Finding,
    OriginProbe,
    Protocol,
    Remedy,
    RouteDecision,
    Target,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
)
from ingressdoctor_checks.backend_common import STEP, backend_of, kubectl, subject, workload
from ingressdoctor_checks.edge_websocket import SWITCHED, handshake

__all__ = ["no_upgrade"]


@check(
    id="backend.websocket-refused",
    title="The application grants WebSockets",
    step=STEP,
    link="pod → WebSocket",
    causes=("edge.websocket-refused", "websocket-refused"),
)
def no_upgrade(
    decision: RouteDecision, target: Target, view: BackendView | Unavailable, origin: OriginProbe | Unavailable
) -> Iterator[Finding]:
    """What the origin answers to the handshake, where an answer that looks well is no WebSocket."""
    if target.protocol is not Protocol.WEBSOCKET:
        yield skip("No WebSocket is asked for; a target of wss:// asks for one.")
        return
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if isinstance(origin, Unavailable):
        yield unknown(
            f"Whether the application grants a WebSocket could not be seen: {origin.reason}.",
            enable_with=origin.enable_with,
        )
        return
    answer = origin.https if target.scheme == "https" else origin.http
    if answer.status == SWITCHED:
        yield ok(f"{subject(backend)} grants the WebSocket.", subject=subject(backend))
        return
    if not 200 <= answer.status < 300:
        yield skip("The origin's answer is no plain success, so other checks say what is wrong.")
        return
    pod = next(iter(backend.current_pods), None)
    logs = (look(*kubectl(backend.ref.namespace, "logs", workload(pod), "--tail=50")),) if pod else ()
    yield fail(
        f"{subject(backend)} answers {answer.status} to a WebSocket handshake, as if it were a plain request.",
        subject=subject(backend),
        where=f"the handshake straight to {origin.address}",
        seen={"status": str(answer.status), "content-type": answer.header("content-type") or "(none)"},
        remedy=Remedy(
            text="Look whether the path is the one at which the application listens for WebSockets (prefix, trailing "
            "slash, a stripped prefix), and whether this release still speaks it.",
            commands=(look("ingressdoctor", "route", target.url), *logs),
            proof=handshake(target),
        ),
    )
