"""Does the backend accept the connection, and does it answer in time?

Judges what was seen from outside, at the origin and in the controller's access log, against endpoints that claim to
be ready: a 502 is a refused or broken connection, a 504 or 524 is silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    ControllerLogs,
    Finding,
    OriginProbe,
    OutsideProbe,
    PolicyVerdict,
    Remedy,
    RouteDecision,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    scoped,
    skip,
    target_port,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import (
    NO_HTTP,
    STEP,
    backend_of,
    curl,
    kubectl,
    many,
    proof_of_pods,
    subject,
    workload,
)
from ingressdoctor_checks.backend_seen import Seen, seen_of

_LINK: Final = "controller → pod"
_BROKEN: Final = frozenset({502})
_SILENT: Final = frozenset({504, 524})
_NOT_ASKED: Final = "No request is known to have come as far as the pods, so none was put to the test."
_NOT_SEEN: Final = "Let the tool reach the site or its origin, or let it read the controller's access log."


@check(
    id="backend.target-port-closed",
    title="The pods listen on the port that the Service sends to",
    step=STEP,
    link=_LINK,
    causes=("edge-502", "http-502", "traefik.log-errors", "tunnel.log-errors"),
)
def target_port_closed(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
    policy: PolicyVerdict | Unavailable,
) -> Iterator[Finding]:
    """A port number in a Service is taken on faith; only a 502 shows that nobody listens there."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if not backend.serving or backend.port is None:
        yield skip("No endpoint takes requests, so no port is dialled.")
        return
    if decision.request.raw_port:
        yield skip(NO_HTTP)
        return
    seen = seen_of(decision.request.host, outside, origin, logs, nginx=backend.nginx)
    broken = seen.with_status(_BROKEN)
    if not broken or ("origin" in seen.statuses and "origin" not in broken):
        yield _nothing_broken(backend, seen)
    elif not isinstance(policy, Unavailable) and policy.allowed is False:
        yield skip("The controller may not talk to the pods, which explains the refused connections.")
    elif seen.application_502:
        yield skip("The application answers 502 itself, so the connection was accepted.")
    elif backend.tunnel and not _undeclared(backend):
        yield skip(f"The pods declare the port; the log of {backend.dialler} says whether they refuse its connections.")
    else:
        yield _closed(backend, seen, certain=any(not item.startswith("outside") for item in broken))


def _nothing_broken(backend: BackendView, seen: Seen) -> Finding:
    if seen.only_edge:
        return skip(_NOT_ASKED)
    if seen.statuses:
        return ok("No connection to the pods was refused or broken.", subject=subject(backend))
    return unknown(
        "Whether the pods accept connections could not be seen.", enable_with=_NOT_SEEN, subject=subject(backend)
    )


def _numbers(backend: BackendView) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (ports that requests are sent to, ports that the ready pods declare)."""
    pods = [pod for pod in backend.current_pods if pod.ready]
    wanted = {target_port(backend.port, pod) for pod in pods} if backend.port else set[int | None]()
    wanted |= {item.port for item in backend.serving}
    declared = {entry.container_port for pod in pods for item in pod.containers for entry in item.ports or ()}
    return tuple(sorted(item for item in wanted if item)), tuple(sorted(declared))


def _undeclared(backend: BackendView) -> list[int]:
    """Return the ports that requests are sent to and that no ready pod declares, if they declare any."""
    wanted, declared = _numbers(backend)
    return [number for number in wanted if declared and number not in declared]


def _closed(backend: BackendView, seen: Seen, *, certain: bool) -> Finding:
    wanted, declared = _numbers(backend)
    undeclared = _undeclared(backend)
    dialled = ", ".join(map(str, wanted)) or "its targetPort"
    namespace = backend.ref.namespace
    if undeclared:
        nearest = min(declared, key=lambda number: abs(number - undeclared[0]))
        summary = (
            f"{subject(backend)} sends requests to port {undeclared[0]} of its pods, where nobody listens:"
            f" they declare port {', '.join(map(str, declared))}."
        )
        text = f"Set the Service's targetPort to {nearest}, or make the application listen on {undeclared[0]}."
    else:
        summary = (
            f"The ready pods of {subject(backend)} refuse or break connections on port {dialled}, although they"
            f" {'declare it' if declared else 'claim to be ready'}."
        )
        text = (
            "See on which address and port the application listens (127.0.0.1 alone is not reachable from outside the"
            " pod), and whether it speaks what the controller speaks (http, https, h2c)."
        )
    pod = next((pod for pod in backend.current_pods if pod.ready), None)
    commands = [look(*kubectl(namespace, "get", "service", backend.ref.name, "-o", "jsonpath={.spec.ports}"))]
    if pod is not None:
        commands.append(look(*kubectl(namespace, "get", "pod", pod.name, "-o", "jsonpath={.spec.containers[*].ports}")))
        commands.append(look(*kubectl(namespace, "logs", workload(pod), "--tail=50")))
    commands.append(changes(*kubectl(namespace, "edit", "service", backend.ref.name)))
    say = fail if certain or undeclared else warn
    finding = say(
        summary,
        subject=subject(backend),
        where="Service, container ports and what was answered",
        seen={**seen.facts, "port dialled": dialled, "ports declared": ", ".join(map(str, declared)) or "none"},
        remedy=Remedy(text=text, commands=tuple(commands), proof=proof_of_pods(backend)),
    )
    return _on_nodes(finding, backend)


def _on_nodes(finding: Finding, backend: BackendView) -> Finding:
    """Confine *finding* to the nodes of the pods that take requests, where all of them are known."""
    nodes = {item.node for item in backend.serving}
    return finding if "" in nodes else scoped(finding, nodes)


@check(
    id="backend.too-slow",
    title="The backend answers in time",
    step=STEP,
    link=_LINK,
    causes=("edge-524", "edge-504", "http-504", "response-timeout"),
)
def too_slow(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
    policy: PolicyVerdict | Unavailable,
) -> Iterator[Finding]:
    """Everything is connected and ready, and the answer still does not come."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if decision.request.raw_port:
        yield skip(NO_HTTP)
        return
    if not backend.serving:
        yield skip("No endpoint takes requests, so none can be slow.")
        return
    if not backend.live:
        yield skip("The controller does not have this route, so its backend was not asked.")
        return
    seen = seen_of(decision.request.host, outside, origin, logs)
    silent = seen.with_status(_SILENT) or seen.timeouts
    if not silent:
        yield _in_time(backend, seen)
    elif not isinstance(policy, Unavailable) and policy.allowed is False:
        yield skip("The controller may not talk to the pods, which explains the silence.")
    elif isinstance(policy, Unavailable) and seen.dial_timeout:
        yield _unreachable(backend, seen, certain=False)
    elif seen.dial_timeout:
        yield _unreachable(backend, seen, certain=True)
    else:
        yield _slow(backend, seen, decision)


def _in_time(backend: BackendView, seen: Seen) -> Finding:
    if not seen.statuses:
        return unknown(
            "How fast the backend answers could not be seen.", enable_with=_NOT_SEEN, subject=subject(backend)
        )
    if seen.only_edge:
        return skip(_NOT_ASKED)
    took = f" ({seen.slowest_s:.1f} s at the most)" if seen.slowest_s else ""
    return ok(f"No request ended for want of an answer{took}.", subject=subject(backend))


def _unreachable(backend: BackendView, seen: Seen, *, certain: bool) -> Finding:
    """The controller gave up dialling: packets are dropped, which is not slowness of the application."""
    nodes = sorted({item.node for item in backend.serving if item.node})
    say = fail if certain else warn
    finding = say(
        f"The controller cannot connect to the ready pods of {subject(backend)}: packets are dropped on the way.",
        subject=subject(backend),
        where="the controller answers Gateway Timeout itself",
        seen={**seen.facts, "nodes of the pods": ", ".join(nodes) or "not told"},
        remedy=Remedy(
            text="Look at the NetworkPolicies of both namespaces, at the network plugin and at the pods' nodes.",
            commands=(
                look(*kubectl(backend.ref.namespace, "get", "networkpolicies")),
                look("kubectl", "get", "nodes", "-o", "wide"),
            ),
            proof=proof_of_pods(backend),
        ),
    )
    return _on_nodes(finding, backend)


def _slow(backend: BackendView, seen: Seen, decision: RouteDecision) -> Finding:
    pod = next(iter(backend.current_pods), None)
    took = f" (up to {seen.slowest_s:.0f} s seen)" if seen.slowest_s >= 1 else ""
    finding = fail(
        f"The pods of {subject(backend)} are ready and take the request, but do not answer in time{took}.",
        subject=subject(backend),
        where="what was answered, and the controller's access log",
        seen={**seen.facts, "ready endpoints": many(len(backend.serving), "endpoint")},
        remedy=Remedy(
            text=f"Find out what the application waits for on {decision.request.path} (database, queue, API). Work that"
            " needs longer than Cloudflare's 120 s belongs into the background.",
            commands=(
                *((look(*kubectl(backend.ref.namespace, "logs", workload(pod), "--tail=100")),) if pod else ()),
                look(*kubectl(backend.ref.namespace, "top", "pods")),
            ),
            proof=curl(decision),
        ),
    )
    return _on_nodes(finding, backend)
