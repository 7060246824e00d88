"""Does Traefik run, and does the public port lead to one of its entry points?

Routes are judged in ``traefik_routes`` and ``traefik_dropped``, logs in ``traefik_logs``.
Source: Traefik's Helm chart (ports, probes); Kubernetes container states.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Command,
    Controller,
    ControllerLogs,
    Finding,
    OriginPort,
    Pod,
    PortPath,
    Remedy,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    rooted,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import API, STEP, is_recent, logs_of, proof_of
from ingressdoctor_checks.traefik_signatures import meaning_of

__all__ = ["pods_not_ready", "port_not_exposed"]

_BRING_BACK: Final = {
    "DaemonSet": "Its DaemonSet finds no node: see its nodeSelector, tolerations and the nodes' labels."
}


@check(
    id="traefik.pods-not-ready",
    title="Traefik's pods are ready",
    step=STEP,
    link="LB → Traefik",
    causes=(
        "lb.targets-unhealthy",
        "lb.origin-unreachable",
        "node.no-traefik-pod",
        "traefik.no-arrivals",
        "traefik.log-errors",
        "edge-502",
        "edge-520",
        "edge-521",
        "edge-522",
        "response-timeout",
        "edge-523",
        "edge-525",
        "connect-refused",
        "connect-reset",
        "connect-timeout",
        "tls-handshake",
        "empty-reply",
    ),
)
def pods_not_ready(controller: Controller, logs: ControllerLogs | Unavailable, clock: Clock) -> Iterator[Finding]:
    """At least one pod takes traffic; better all of them do."""
    subject = f"Traefik {controller.namespace}/{controller.workload}"
    ready, pods = controller.ready_pods, controller.pods
    if controller.pods_unread is not None:
        yield _unread(controller.pods_unread, subject)
        return
    if not pods:
        where = "behind the load balancer" if controller.service is not None else "on the nodes"
        missing = fail(
            f"Traefik has no pods at all, so nothing answers {where}.",
            subject=subject,
            where=API,
            seen={"pods": "0", "Service": controller.service.ref if controller.service else "none"},
            remedy=Remedy(
                text=_BRING_BACK.get(controller.maker, "Scale Traefik up again, and see what scaled it down."),
                commands=_bring_back(controller),
                proof=look("kubectl", "-n", controller.namespace, "get", "pods"),
            ),
        )
        yield rooted(missing, controller.root)
        return
    waiting = [pod for pod in pods if pod not in ready and not pod.metadata.deletion_timestamp]
    if not waiting and ready:
        yield ok(f"All {len(ready)} pods of Traefik are ready.", subject=subject, where=API)
        return
    reasons = {pod.name: reason_of(pod) for pod in (waiting or pods)}
    first = next(iter(reasons.values()))
    if complaint := _complaint(logs, clock):
        cause, line = complaint
        reasons["its log"] = line
        first += f"; its log: {cause}"
    remedy = Remedy(
        text="The log of the crashed container says why it does not start; the events say what keeps it from running.",
        commands=(
            look("kubectl", "-n", controller.namespace, "logs", next(iter(reasons)), "--previous", "--tail=50"),
            look("kubectl", "-n", controller.namespace, "describe", "pod", next(iter(reasons))),
            changes("kubectl", "-n", controller.namespace, "rollout", "undo", controller.made_by),
        ),
        proof=look("kubectl", "-n", controller.namespace, "get", "pods"),
    )
    if ready:
        summary = f"{len(waiting)} of {len(pods)} Traefik pods are not ready ({first}); the others carry the traffic."
        yield warn(summary, subject=subject, where=API, seen=reasons, remedy=remedy)
        return
    where = "gets past the load balancer" if controller.service is not None else "is taken on any node"
    summary = f"None of the {len(pods)} Traefik pods is ready ({first}), so no request {where}."
    yield rooted(fail(summary, subject=subject, where=API, seen=reasons, remedy=remedy), controller.root)


def _bring_back(controller: Controller) -> tuple[Command, ...]:
    """Return the commands for a Traefik without pods; a DaemonSet has no number to scale."""
    listed = look("kubectl", "-n", controller.namespace, "get", "deployments,daemonsets")
    if controller.maker == "DaemonSet":
        nodes = look("kubectl", "get", "nodes", "--show-labels")
        return (listed, look("kubectl", "-n", controller.namespace, "describe", controller.made_by), nodes)
    scale = changes("kubectl", "-n", controller.namespace, "scale", controller.made_by, "--replicas=2")
    return (listed, scale)


def _complaint(logs: ControllerLogs | Unavailable, clock: Clock) -> tuple[str, str] | None:
    """Return what the last line that concerns all of Traefik means, and the line."""
    lines = () if isinstance(logs, Unavailable) else reversed(logs.errors)
    for line in lines:
        meaning = meaning_of(line) if is_recent(line, clock) else None
        if meaning is not None and meaning.everywhere:
            return meaning.cause, shorten(line, 300)
    return None


def reason_of(pod: Pod) -> str:
    """Say in a few words why a pod is not ready."""
    if pod.metadata.deletion_timestamp:
        return "being deleted"
    for status in pod.container_statuses:
        state = status.state
        if state is None or status.ready:
            continue
        if state.waiting is not None and state.waiting.reason:
            ended = status.last_state.terminated if status.last_state else None
            code = f", last exit code {ended.exit_code}" if ended is not None and ended.exit_code is not None else ""
            return f"{state.waiting.reason}{code}, {status.restart_count or 0} restarts"
        if state.terminated is not None:
            return f"{state.terminated.reason or 'terminated'}, exit code {state.terminated.exit_code}"
        if state.running is not None:
            return "running, but its readiness probe fails"
    for kind in ("PodScheduled", "Ready"):
        condition = pod.condition(kind)
        if condition is not None and condition.status != "True" and (condition.reason or condition.message):
            return condition.message or condition.reason or ""
    return f"phase {pod.status.phase or 'unknown'}"


@check(
    id="traefik.port-not-exposed",
    title="The public port leads to an entry point of Traefik",
    step=STEP,
    link="LB → Traefik",
    causes=(
        "lb.service-missing",
        "lb.wrong-node-port",
        "lb.targets-unhealthy",
        "lb.origin-unreachable",
        "traefik.no-arrivals",
        "edge-520",
        "edge-521",
        "edge-522",
        "response-timeout",
        "edge-525",
        "connect-refused",
        "connect-reset",
        "tls-handshake",
        "empty-reply",
    ),
)
def port_not_exposed(controller: Controller, at: OriginPort, target: Target) -> Iterator[Finding]:
    """Listen port, Service port, targetPort, container port and entry point fit together."""
    if controller.pods_unread is not None:
        yield _unread(controller.pods_unread, controller.service.ref if controller.service else "")
        return
    if not controller.pods:
        yield skip("There is no Traefik pod whose ports could be followed.")
        return
    port = at.number
    path = controller.path_of(port)
    if not path.gap:
        name = path.entry_point.name if path.entry_point else "?"
        yield ok(
            f"Port {port} leads to Traefik's entry point {name}.",
            subject=controller.service.ref if controller.service else "",
            where=API,
            seen={"container port": str(path.container_port), "entry point": name},
        )
        return
    if controller.unread:
        missing = controller.unread[0]
        yield unknown(
            f"How port {port} leads to Traefik could not be seen: {missing.reason}.",
            enable_with=missing.enable_with or "Allow reading Services.",
        )
        return
    if path.container_port and controller.static.unreadable:
        yield unknown(
            f"Whether Traefik listens on its container port {path.container_port} could not be seen: "
            f"{controller.static.unreadable}.",
            enable_with="Give Traefik its entry points as arguments, as its Helm chart does.",
        )
        return
    yield _gap(controller, path, target)


def _unread(gap: Unavailable, subject: str) -> Finding:
    return unknown(
        f"Traefik's pods could not be looked at: {gap.reason}.",
        enable_with=gap.enable_with or "Allow list on pods in all namespaces.",
        subject=subject,
    )


def _gap(controller: Controller, path: PortPath, target: Target) -> Finding:
    points = ", ".join(f"{item.name} :{item.port}" for item in controller.static.entry_points) or "none known"
    ports = ", ".join(
        f"{item.port} to {item.target_port or item.port}"
        for item in (controller.service.ports if controller.service else ())
    )
    name = controller.service.name if controller.service else controller.workload
    return fail(
        f"Port {path.port} does not lead to Traefik: {path.gap}.",
        subject=controller.service.ref
        if controller.service
        else f"Traefik {controller.namespace}/{controller.workload}",
        where=API,
        seen={"Service ports": ports or "no Service", "entry points": points},
        remedy=Remedy(
            text="In the Helm chart a port is public only with ports.<name>.expose.default: true, and its targetPort "
            "is the entry point's name. Correct the values, or the Service if no chart owns it.",
            commands=(
                look("kubectl", "-n", controller.namespace, "get", "service", name, "-o", "yaml"),
                logs_of(controller),
                changes("kubectl", "-n", controller.namespace, "edit", "service", name),
            ),
            proof=proof_of(target),
        ),
    )
