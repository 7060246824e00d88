"""What the checks of nodes share: which answer counts as served, how shares are said, and the commands to type.

Holds no check and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    NodeCase,
    NodeState,
    NodeStates,
    Reach,
    Symptom,
    Target,
    clean,
    look,
    scoped,
)
from ingressdoctor_checks.outside_view import curl

__all__ = [
    "ALL",
    "LOST",
    "STEP",
    "WHERE",
    "apart",
    "came",
    "direct",
    "facts",
    "meets",
    "names",
    "on_nodes",
    "pods_there",
    "served",
    "share",
    "what",
]

STEP: Final = "nodes"
WHERE: Final = "the same request straight to each node"
# What visitors see of a node that does not take their connection: the edge's errors, or their own without an edge.
LOST: Final = (
    "node.one-of-many",
    str(Symptom.EDGE_520),
    str(Symptom.EDGE_521),
    str(Symptom.EDGE_522),
    str(Symptom.EDGE_523),
    str(Symptom.EDGE_524),
    str(Symptom.EDGE_525),
    str(Symptom.CONNECT_REFUSED),
    str(Symptom.CONNECT_TIMEOUT),
    str(Symptom.CONNECT_RESET),
    str(Symptom.TLS_HANDSHAKE),
    str(Symptom.EMPTY_REPLY),
    str(Symptom.RESPONSE_TIMEOUT),
)
# What a stranger behind an address answers instead.
ALL: Final = (
    *LOST,
    str(Symptom.CONTROLLER_404),
    str(Symptom.APP_404),
    str(Symptom.HTTP_403),
    str(Symptom.HTTP_421),
    str(Symptom.HTTP_502),
    str(Symptom.HTTP_503),
    str(Symptom.EDGE_502),
    str(Symptom.EDGE_503),
    str(Symptom.EDGE_526),
    str(Symptom.TLS_UNTRUSTED),
    "edge.certificate-invalid",
)
_GO_404: Final = b"404 page not found\n"
_ORDINALS: Final = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}
_WHAT: Final = {
    Reach.REFUSED: "refuses connections",
    Reach.TIMEOUT: "does not answer connection attempts",
    Reach.UNREACHABLE: "cannot be routed to from here",
    Reach.RESET: "resets connections",
    Reach.CLOSED: "closes connections without a byte",
    Reach.READ_TIMEOUT: "takes the request and does not answer in time",
}


def on_nodes(finding: Finding, states: Sequence[NodeState]) -> Finding:
    """Confine *finding* to these nodes, by every name that they are known by, or else by their address."""
    hops = [item.hop for item in states]
    known = [item.name for hop in hops for item in (hop.node, hop.server) if item is not None]
    return scoped(finding, known or [hop.address for hop in hops])


def what(state: NodeState) -> str:
    """Say in words what an address answered."""
    if state.asked.status:
        return f"answers {state.asked.status}"
    return _WHAT.get(state.asked.reach, f"gives no HTTP answer ({state.asked.reach.value})")


def came(state: NodeState) -> str:
    """Return what came, short enough for a list of facts."""
    asked = state.asked
    text = f"status {asked.status}" if asked.status else asked.reach.value
    return clean(f"{text}{f' ({asked.detail})' if asked.detail and not asked.status else ''}", 200)


def facts(states: Sequence[NodeState]) -> dict[str, str]:
    """Return one fact per address: whose it is, and what came."""
    return {state.hop.address: f"{state.name}: {came(state)}" for state in states}


def names(states: Sequence[NodeState]) -> str:
    """Return the nodes for a sentence."""
    shown = [state.name for state in states]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def share(bad: int, count: int) -> str:
    """Say which share of the requests meets *bad* of *count* addresses, each being taken as often as the others."""
    if bad == count:
        return "every request"
    if count % bad == 0 and count // bad in _ORDINALS:
        return f"about every {_ORDINALS[count // bad]} request"
    return f"about {bad} of {count} requests"


def apart(states: NodeStates) -> tuple[NodeState, ...]:
    """Return the addresses that can be compared: not those that are closed to this machine alone, or only silent."""
    return tuple(item for item in states.states if item.case not in (NodeCase.NOT_FOR_US, NodeCase.SILENT))


def direct(target: Target, states: NodeStates, state: NodeState) -> Command:
    """Return the request straight to one address, as the edge, or the visitor, sends it."""
    address = f"[{state.hop.address}]" if ":" in state.hop.address else state.hop.address
    resolve = f"{target.hostname}:{states.port}:{address}"
    return curl(clean(state.asked.url, 300), "-k", "--max-time", "10", "--resolve", resolve)


def pods_there(name: str) -> Command:
    """Return the command that shows what runs on a node."""
    return look("kubectl", "get", "pods", "-A", "-o", "wide", "--field-selector", f"spec.nodeName={name}")


def served(state: NodeState) -> bool:
    """Tell whether the node's answer is one of the site: no error of a server, and not Traefik's own 404."""
    own_404 = state.asked.status == 404 and state.asked.body == _GO_404
    lost = state.dead and state.case is not NodeCase.STALE and not state.asked.status
    return 0 < state.asked.status < 500 and not own_404 and not lost and state.case is not NodeCase.FIREWALL


def meets(states: NodeStates) -> str:
    """Say how many requests one address of several meets, as the end of a sentence; nothing of the only one."""
    count = len(states.states)
    return f"; {share(1, count)} meets it" if count > 1 else ""
