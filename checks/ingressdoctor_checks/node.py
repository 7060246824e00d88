"""Does every node answer, and are the addresses those of nodes?

Without a load balancer nobody takes a dead node out of the turn. Firewalls are judged in ``node_firewall``, pods and
ports in ``node_pods``. Source: Cloudflare's round robin over several A records; Kubernetes' node conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from ingressdoctor.api import (
    Command,
    Finding,
    NodeCase,
    NodeState,
    NodeStates,
    Remedy,
    Target,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.node_common import (
    ALL,
    LOST,
    STEP,
    WHERE,
    came,
    direct,
    facts,
    meets,
    on_nodes,
    served,
    share,
    what,
)
from ingressdoctor_checks.outside_view import dig
from ingressdoctor_checks.traefik import reason_of

__all__ = ["address_stale", "unreachable"]

_DOWN: Final = (
    NodeCase.OFF,
    NodeCase.BLOCKED,
    NodeCase.NOT_READY,
    NodeCase.REFUSED,
    NodeCase.BROKEN,
)
_LABEL: Final = "app.kubernetes.io/name=traefik"


@check(
    id="node.unreachable",
    title="Every node that the record leads to is up and takes connections",
    step=STEP,
    link="edge → node",
    causes=("node.not-ready", "traefik.no-arrivals", *LOST),
)
def unreachable(states: NodeStates, target: Target) -> Iterator[Finding]:
    """A node that is off or not ready, whose address is blocked, or that refuses although Traefik's pod is ready."""
    bad = (*states.of(*_DOWN), *_off_behind_a_firewall(states))
    for state in bad:
        yield _down(state, states, target)
    silent = states.of(NodeCase.SILENT)
    for state in silent:
        yield unknown(
            f"{state.name} ({state.hop.address}) {what(state)} on port {states.port} from here; whether it is down or "
            "only closed to this machine could not be told.",
            enable_with=_enabling(states),
            subject=state.name,
            seen=facts([state]),
        )
    if bad or silent:
        return
    reached = states.of(NodeCase.ANSWERS)
    if reached:
        count = f"All {len(reached)} addresses answer" if len(reached) > 1 else f"{reached[0].name} answers"
        some = (
            "" if len(reached) == len(states.states) else f" of those that can be judged ({len(states.states)} in all)"
        )
        yield ok(f"{count} on port {states.port}{some}.", seen=facts(states.states), where=WHERE)
    elif states.of(NodeCase.NOT_FOR_US):
        yield ok(
            "No node can be asked from here, but visitors are served: mostly a firewall that admits Cloudflare only.",
            seen=facts(states.states),
            where=WHERE,
        )
    else:
        yield skip("Other findings of this step say why no node answers.")


def _off_behind_a_firewall(states: NodeStates) -> tuple[NodeState, ...]:
    """Return the nodes that are switched off, where a closed firewall is what their silence was put down to."""
    off = [item for item in states.of(NodeCase.FIREWALL) if item.hop.server and item.hop.server.status == "off"]
    return tuple(replace(item, case=NodeCase.OFF, why="off") for item in off)


def _enabling(states: NodeStates) -> str:
    gaps = (states.pods_unread, states.lead.nodes_unread, states.firewalls_unread)
    return next(
        (gap.enable_with for gap in gaps if gap is not None and gap.enable_with),
        "Ask from a machine that the firewall lets in, or set HCLOUD_TOKEN and a kubeconfig.",
    )


def _down(state: NodeState, states: NodeStates, target: Target) -> Finding:
    reason, text, commands = _why(state)
    proof = direct(target, states, state)
    finding = fail(
        f"{state.name} ({state.hop.address}) {what(state)} on port {states.port}: {reason}{meets(states)}.",
        subject=state.name,
        where=WHERE,
        seen={
            "the node's answer": came(state),
            "server": f"{state.hop.server.name}, {state.hop.server.status}" if state.hop.server else "not known",
            "node": _ready(state),
            "Traefik there": _pod(state, states),
        },
        remedy=Remedy(
            text=f"{text} Until then take {state.hop.address} out of the record: the edge does not do so by itself.",
            commands=(*commands, proof),
            proof=proof,
        ),
    )
    return on_nodes(finding, [state])


def _ready(state: NodeState) -> str:
    if state.hop.node is None:
        return "not known"
    return {True: "Ready", False: "not Ready", None: "its conditions do not say"}[state.hop.node.ready]


def _pod(state: NodeState, states: NodeStates) -> str:
    if states.pods_unread is not None:
        return f"not known: {states.pods_unread.reason}"
    if state.pod is None:
        return "no pod"
    return f"{state.pod.ref}, {'ready' if state.pod.ready else reason_of(state.pod)}"


def _why(state: NodeState) -> tuple[str, str, tuple[Command, ...]]:
    """Return (the reason, what to do, the commands) for a node that is down."""
    server, node, pod = state.hop.server, state.hop.node, state.pod
    node_look = look("kubectl", "describe", "node", node.name) if node is not None else None
    pods = look("kubectl", "get", "pods", "-A", "-l", _LABEL, "-o", "wide")
    if state.case is NodeCase.OFF and server is not None:
        switch = changes("hcloud", "server", "poweron", server.name)
        return f"its server is {state.why} at Hetzner", "Switch it on.", (look("hcloud", "server", "list"), switch)
    if state.case is NodeCase.BLOCKED and server is not None:
        told = "Read Hetzner's mail about it and answer there: what was reported has to end before they lift it."
        return "Hetzner has blocked its address", told, (look("hcloud", "server", "describe", server.name),)
    if state.case is NodeCase.NOT_READY and node_look is not None:
        return "the node is not Ready", "Look at its power, its network and its k3s service.", (node_look,)
    listens = "nobody listens there, or a firewall of the host rejects"
    if pod is not None:
        listens += ", although Traefik's pod is ready"
    return listens, "Look on the node who listens, and at its own firewall: ss -lntp, ufw status.", (pods,)


@check(
    id="node.address-stale",
    title="Every address of the record is that of a node",
    step=STEP,
    link="record → node",
    causes=ALL,
)
def address_stale(states: NodeStates, target: Target) -> Iterator[Finding]:
    """An address that no node and no server has: an old record, or somebody else's machine by now."""
    lead = states.lead
    if lead.record.missing:
        yield skip("There is no record whose addresses could be looked at; the nodes' own were asked.")
        return
    if not lead.record.addresses:
        yield unknown(
            "Which addresses the record holds is hidden behind the edge; the nodes' own were asked instead.",
            enable_with="Set CLOUDFLARE_API_TOKEN with Zone > DNS > Read.",
        )
        return
    bad = states.of(NodeCase.STALE)
    for state in bad:
        yield _stale(state, states, target)
    if bad:
        return
    strangers = [item for item in states.states if not item.hop.known]
    if strangers:
        gap = lead.nodes_unread or lead.servers_unread
        yield unknown(
            f"Whose address {strangers[0].hop.address} is could not be told{f': {gap.reason}' if gap else ''}.",
            enable_with=gap.enable_with if gap and gap.enable_with else "Set HCLOUD_TOKEN, or allow list on nodes.",
        )
        return
    left_out = [
        node.ref
        for node in lead.nodes
        if node.name not in {item.hop.node.name for item in states.states if item.hop.node}
    ]
    beside = f" In no record: {', '.join(left_out[:3])}." if left_out else ""
    yield ok(
        f"{lead.record.told_by[:1].upper()}{lead.record.told_by[1:]} holds addresses of nodes only: "
        f"{', '.join(f'{item.hop.address} ({item.name})' for item in states.states)}.{beside}",
        where="Kubernetes: nodes; Hetzner API: GET /servers",
    )


def _stale(state: NodeState, states: NodeStates, target: Target) -> Finding:
    good = [item for item in states.states if served(item) and item.case is not NodeCase.STALE]
    serves = served(state) and (not good or state.asked.status in {item.asked.status for item in good})
    # Who lets nobody but Cloudflare in may have a machine elsewhere that does the same.
    closed = not good and not state.asked.status and bool(states.of(NodeCase.NOT_FOR_US))
    verdict = warn if serves or closed else fail
    address = state.hop.address
    right = [item.hop.address for item in states.states if item.hop.node is not None]
    still = "; it serves the site all the same" if serves else f", and {what(state)}"
    proof = dig(target.hostname, "A")
    finding = verdict(
        f"The record of {target.hostname} holds {address}, which is no node's: {state.why}{still}.",
        subject=target.hostname,
        where=states.lead.record.told_by,
        seen={
            **facts(states.states),
            "nodes": ", ".join(f"{node.name} {'/'.join(node.addresses[:2])}" for node in states.lead.nodes[:8])
            or "none read",
            "requests that meet it": share(1, len(states.states)),
        },
        remedy=Remedy(
            text=f"Delete the record for {address} in the Cloudflare dashboard under DNS > Records"
            + (f"; {', '.join(right)} stay." if right else ", and add those of the nodes."),
            commands=(look("kubectl", "get", "nodes", "-o", "wide"), direct(target, states, state)),
            proof=proof,
        ),
    )
    return on_nodes(finding, [state])
