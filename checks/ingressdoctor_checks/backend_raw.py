"""Do the pods accept the connections of a port on which no HTTP is spoken?

Judged by the first bytes that a client gets: Traefik closes a connection at once when its backend refuses it.
Source: traefik pkg/tcp/proxy.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    BackendView,
    Finding,
    Reach,
    Remedy,
    RouteDecision,
    SqlGreeting,
    TcpRoute,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    target_port,
    unknown,
)
from ingressdoctor_checks.backend_common import STEP, backend_of, kubectl, proof_of_pods, subject
from ingressdoctor_checks.sql_common import keeps_us_out

__all__ = ["port_refused"]

_NOT_SEEN = "Run this where the name can be reached, so that the first bytes can be read."


@check(
    id="backend.port-refused",
    title="The pods accept connections on the port that the Service sends to",
    step=STEP,
    link="controller → pod",
    causes=("mysql-closed",),
)
def port_refused(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    greeting: SqlGreeting | Unavailable,
    route: TcpRoute | Unavailable,
) -> Iterator[Finding]:
    """A port that no pod declares, and a connection that closes without a byte, where no allow list explains it."""
    if not decision.request.raw_port:
        yield skip("HTTP is spoken on this port; its answers are judged elsewhere.")
        return
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if not backend.serving or backend.port is None:
        yield skip("No endpoint takes connections, so no port is dialled.")
    elif isinstance(greeting, Unavailable):
        why = f"Whether the pods accept connections could not be seen: {greeting.reason}."
        yield unknown(why, enable_with=greeting.enable_with or _NOT_SEEN, subject=subject(backend))
    elif greeting.words.first:
        yield ok(f"{subject(backend)} answers, so its pods accept connections.", subject=subject(backend))
    elif greeting.words.end is not Reach.CLOSED:
        yield skip("The connection was not closed, so no pod is known to refuse it.")
    elif keeps_us_out(route):
        yield skip("The allow list may have closed the connection before any pod was dialled.")
    else:
        yield _judged(backend)


def _judged(backend: BackendView) -> Finding:
    ready = [pod for pod in backend.current_pods if pod.ready]
    dialled = sorted({item.port for item in backend.serving if item.port} | _targets(backend))
    declared = sorted({port.container_port for pod in ready for one in pod.containers for port in one.ports or ()})
    strange = [number for number in dialled if declared and number not in declared]
    shown, known = ", ".join(map(str, dialled)), ", ".join(map(str, declared)) or "none"
    if not strange:
        return skip(f"The pods declare port {shown}; whether they listen there is not known.")
    namespace = backend.ref.namespace
    return fail(
        f"{subject(backend)} sends connections to port {strange[0]} of its pods, where nobody listens: they declare "
        f"port {known}.",
        subject=subject(backend),
        where="Service, container ports, and a connection that closed without a byte",
        seen={"port dialled": shown, "ports declared": known},
        remedy=Remedy(
            text=f"Set the Service's targetPort to the one that listens, or let the pods listen on {strange[0]}.",
            commands=(
                look(*kubectl(namespace, "get", "service", backend.ref.name, "-o", "jsonpath={.spec.ports}")),
                changes(*kubectl(namespace, "edit", "service", backend.ref.name)),
            ),
            proof=proof_of_pods(backend),
        ),
    )


def _targets(backend: BackendView) -> set[int]:
    ready = (pod for pod in backend.current_pods if pod.ready)
    return {number for pod in ready if backend.port and (number := target_port(backend.port, pod))}
