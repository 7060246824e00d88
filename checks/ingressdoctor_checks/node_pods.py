"""Has Traefik its ports on every node, and are the nodes of its pods and the backend's ready?

Source: kube-scheduler's NodePorts plugin; Go's net package (a port in use); Kubernetes' node lifecycle controller, that
takes the pods of a silent node out of their Services.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Finding,
    Inapplicable,
    LanNode,
    NodeCase,
    NodeState,
    NodeStates,
    OutsideProbe,
    PortClaim,
    PortClaims,
    Remedy,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    scoped,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import NO_SERVER, dead, many
from ingressdoctor_checks.node_common import (
    ALL,
    LOST,
    STEP,
    WHERE,
    came,
    direct,
    meets,
    names,
    pods_there,
    served,
    share,
    what,
)
from ingressdoctor_checks.outside_view import works
from ingressdoctor_checks.traefik import reason_of

__all__ = ["no_traefik_pod", "not_ready", "port_taken"]

_WITHOUT: Final = (NodeCase.NO_POD, NodeCase.POD_DOWN)
_LABEL: Final = "app.kubernetes.io/name=traefik"


@check(
    id="node.no-traefik-pod",
    title="A ready Traefik listens on every node that the record leads to",
    step=STEP,
    link="node → Traefik",
    causes=("traefik.no-arrivals", *LOST),
)
def no_traefik_pod(states: NodeStates, claims: PortClaims | Unavailable, target: Target) -> Iterator[Finding]:
    """A node of the record on which no pod of Traefik runs, or none that is ready."""
    if states.pods_unread is not None:
        yield _not_seen(states.pods_unread, "Whether Traefik runs on every node")
        return
    bad = [item for item in states.of(*_WITHOUT) if _claim(item, claims) is None]
    for state in bad:
        yield _without(state, states, target)
    if not bad:
        ready = [item for item in states.states if item.pod is not None and item.pod.ready]
        if ready:
            yield ok(f"Traefik is ready on {names(ready)}.", where="Kubernetes: pods")
        else:
            yield skip("Other findings of this step say why Traefik is not ready on the nodes.")


def _not_seen(gap: Unavailable, what_for: str) -> Finding:
    """Say why nothing can be told from Traefik's pods."""
    if isinstance(gap, Inapplicable):
        return skip(f"Nobody expects Traefik on the nodes' own ports: {gap.reason}.")
    return unknown(
        f"{what_for} could not be looked at: {gap.reason}.",
        enable_with=gap.enable_with or "Allow list on pods in all namespaces.",
    )


def _without(state: NodeState, states: NodeStates, target: Target) -> Finding:
    pod = state.pod
    pods = look("kubectl", "get", "pods", "-A", "-l", _LABEL, "-o", "wide")
    proof = direct(target, states, state)
    if pod is None:
        reason = "no pod of Traefik runs there"
        text = "See what keeps the DaemonSet off the node: a nodeSelector, a taint, a failed install."
        node = state.hop.node.name if state.hop.node is not None else state.hop.address
        commands = (pods, look("kubectl", "describe", "node", node))
    else:
        reason = f"Traefik's pod there is not ready ({reason_of(pod)})"
        text = "Its log and its events say why."
        described = look("kubectl", "-n", pod.namespace, "describe", "pod", pod.name)
        commands = (look("kubectl", "-n", pod.namespace, "logs", pod.name, "--tail=50"), described)
    return fail(
        f"{state.name} ({state.hop.address}) {what(state)} on port {states.port}: {reason}{meets(states)}.",
        subject=state.name,
        where="the same request straight to the node, and Kubernetes: pods",
        seen={
            "the node's answer": came(state),
            "Traefik there": "no pod" if pod is None else f"{pod.ref}, {reason_of(pod)}",
        },
        remedy=Remedy(
            text=f"{text} Until then take {state.hop.address} out of the record: the edge does not do so by itself.",
            commands=(*commands, proof),
            proof=proof,
        ),
    )


@check(
    id="node.port-taken",
    title="Traefik has its ports on every node",
    step=STEP,
    link="node → Traefik",
    causes=(
        "traefik.pods-not-ready",
        "traefik.no-arrivals",
        "node.no-traefik-pod",
        "backend.application-error",
        "backend.target-port-closed",
        "backend.too-slow",
        "traefik.prediction-mismatch",
        "traefik.default-certificate",
        "cert.origin-invalid",
        *ALL,
    ),
)
def port_taken(
    states: NodeStates, claims: PortClaims | Unavailable, target: Target, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """Another pod with the same host port, or a program of the host, such as an old Caddy or nginx."""
    if states.pods_unread is not None:
        yield _not_seen(states.pods_unread, "Whether Traefik has the nodes' ports")
        return
    waiting = [item for item in states.states if item.case is NodeCase.PORT_TAKEN or item.without_traefik]
    found = [item for item in waiting if item.case is NodeCase.PORT_TAKEN or _claim(item, claims) is not None]
    for state in found:
        yield _taken(state, _claim(state, claims), states, target, well=works(probe))
    if found:
        return
    if waiting and isinstance(claims, PortClaims) and claims.unread:
        gap = claims.unread[0]
        yield unknown(
            f"Who has the port of {waiting[0].name} could not be looked at: {gap.reason}.",
            enable_with=gap.enable_with or "Allow list on pods and get on pods/log.",
        )
    elif waiting:
        yield ok("Nothing says that somebody else has the port where Traefik is not ready.")
    elif any(item.pod is not None and item.pod.ready for item in states.states):
        yield ok("Traefik is ready on the nodes, so it has its ports there.", where=WHERE)
    else:
        yield skip("No node of Traefik's is known to look at.")


def _claim(state: NodeState, claims: PortClaims | Unavailable) -> PortClaim | None:
    if isinstance(claims, Unavailable) or state.hop.node is None:
        return None
    return claims.on(state.hop.node.name)


def _taken(state: NodeState, claim: PortClaim | None, states: NodeStates, target: Target, *, well: bool) -> Finding:
    """Say who has the port; whoever serves the site there may be meant to."""
    pods = claim.pods if claim is not None else ()
    port = claim.port if claim is not None and claim.port else states.port
    node = state.hop.node.name if state.hop.node is not None else state.hop.address
    who = pods[0] if pods else "a program of the host" if claim is not None and claim.line else "another pod"
    answers = f"; who has it {what(state)}" if state.asked.status else ""
    namespace, _, pod = pods[0].rpartition(" ")[2].partition("/") if pods else ("", "", "")
    found = (look("kubectl", "-n", namespace, "get", "pod", pod, "-o", "wide"),) if pod else ()
    mine = state.pod
    restart = changes("kubectl", "-n", mine.namespace, "delete", "pod", mine.name) if mine is not None else None
    return (warn if well and served(state) else fail)(
        f"Traefik does not get port {port} of {node}: {who} has it{answers}.",
        subject=state.name,
        where="Kubernetes: pods and their logs",
        seen={
            "the node's answer": came(state),
            **({"the scheduler says": state.why} if state.case is NodeCase.PORT_TAKEN else {}),
            **({"has the port": ", ".join(pods)} if pods else {}),
            **({"Traefik's log": claim.line} if claim is not None and claim.line else {}),
            "requests that meet it": share(1, len(states.states)),
        },
        remedy=Remedy(
            text=f"Free the port: move {pods[0]} to another one, or off the node."
            if pods
            else "On the node, see who listens and stop it (an old Caddy, nginx or Apache of the host): ss -lntp. "
            "Traefik then starts by itself.",
            commands=(*found, pods_there(node), *((restart,) if restart is not None else ())),
            proof=direct(target, states, state),
        ),
    )


@check(
    id="node.not-ready",
    title="The nodes that the site's pods run on are ready",
    step=STEP,
    link="node → pods",
    causes=(
        "backend.pods-not-ready",
        "backend.no-endpoints",
        "backend.endpoints-stale",
        "backend.target-port-closed",
        "backend.too-slow",
        "traefik.prediction-mismatch",
        "http-502",
        "http-504",
        "edge-504",
        "response-timeout",
        "node.one-of-many",
        *NO_SERVER,
    ),
)
def not_ready(
    states: NodeStates, view: BackendView | Unavailable, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """What runs on a node that is not ready is taken out of its Services, or answers nobody until it is."""
    if states.lead.nodes_unread is not None:
        gap = states.lead.nodes_unread
        yield unknown(
            f"Whether the nodes are ready could not be looked at: {gap.reason}.",
            enable_with=gap.enable_with or "Allow list on nodes.",
        )
        return
    bad = [node for node in states.lead.nodes if node.ready is False]
    if not bad:
        yield ok(f"All {many(len(states.lead.nodes), 'node')} of the cluster are Ready.", where="Kubernetes: nodes")
        return
    for node in bad:
        yield _about(node, states, view, served=works(probe))


def _about(node: LanNode, states: NodeStates, view: BackendView | Unavailable, *, served: bool) -> Finding:
    pods = () if isinstance(view, Unavailable) else view.current_pods
    here = [pod for pod in pods if pod.spec.node_name == node.name]
    gone = [item.hop.node for item in states.of(NodeCase.NOT_READY, NodeCase.OFF)]
    down = any(item is not None and item.name == node.name for item in gone)
    if not here and down:
        return ok(f"{node.ref} is not Ready; what that means for requests is said under node.unreachable.")
    remedy = Remedy(
        text="Bring the node back (power, network, the k3s service), or delete its pods so that they start elsewhere.",
        commands=(look("kubectl", "describe", "node", node.name), pods_there(node.name)),
        proof=look("kubectl", "get", "nodes"),
    )
    seen = {"node": "not Ready", "pods of the backend there": ", ".join(pod.name for pod in here) or "none"}
    if not here or isinstance(view, Unavailable):
        return warn(
            f"{node.ref} is not Ready; no pod of this site's backend runs there.",
            subject=node.ref,
            where="Kubernetes: nodes",
            seen=seen,
            remedy=remedy,
        )
    name = f"{view.ref.namespace}/{view.ref.name}"
    stale = any(item.node == node.name for item in view.serving)
    rest = len(pods) - len(here)
    bites = dead(view) or (stale and not served)
    text = (
        f"All pods of Service {name} run on {node.ref}, which is not Ready"
        if not rest
        else f"{len(here)} of {len(pods)} pods of Service {name} run on {node.ref}, which is not Ready"
    )
    tail = ": requests are still sent there" if stale else "" if not rest else "; the others carry the requests"
    finding = (fail if bites else warn)(
        f"{text}{tail if not dead(view) else ': nobody is left to answer'}.",
        subject=node.ref,
        where="Kubernetes: nodes and pods",
        seen=seen,
        remedy=remedy,
    )
    return scoped(finding, [node.name])
