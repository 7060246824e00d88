"""Traefik's pods and ports on the nodes, and the nodes of the backend's pods."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_pod, a_view
from build.nodes import a_hop, a_lan_node, a_node_lead, a_node_pod, a_state, node_states
from build.outside import MISSING, TARGET, exchange, visited
from ingressdoctor.api import Inapplicable, NodeCase, NodeStates, OutsideProbe, PortClaim, PortClaims, Reach, Status
from ingressdoctor_checks.node_pods import no_traefik_pod, not_ready, port_taken

NONE = PortClaims()
REFUSED = a_hop(1, Reach.REFUSED)
GONE = a_state(NodeCase.NO_POD, hop=REFUSED)
DOWN = a_state(NodeCase.POD_DOWN, hop=REFUSED, pod=a_node_pod(ready=False))
WAITS = a_state(NodeCase.PORT_TAKEN, hop=REFUSED, why="1 node(s) didn't have free ports")
BY_POD = PortClaims(claims=(PortClaim(node="node-1", port=80, pods=("Pod web/nginx-1",)),))
BY_HOST = PortClaims(
    claims=(PortClaim(node="node-1", port=9100, line="listen tcp :9100: bind: address already in use"),)
)
UNREAD = PortClaims(unread=(MISSING,))
TWO = a_state(number=2)

OTHERS = Inapplicable(wanted="Traefik", reason="no Traefik was found")
SERVED, ERROR = visited(), visited(exchange(503))

WITHOUT = [
    pytest.param(node_states(), NONE, Status.PASS, "Traefik is ready on Node node-1, Node node-2 and", id="everywhere"),
    pytest.param(node_states(GONE, TWO), NONE, Status.FAIL, "no pod of Traefik runs there; about every", id="no-pod"),
    pytest.param(node_states(DOWN, TWO), NONE, Status.FAIL, "not ready (CrashLoopBackOff", id="crashing"),
    pytest.param(
        node_states(DOWN, TWO), BY_HOST, Status.PASS, "ready on Node node-2", id="the-port-is-another-finding"
    ),
    pytest.param(node_states(a_state(NodeCase.OFF)), NONE, Status.SKIP, "Other findings", id="the-node-is-off"),
    pytest.param(node_states(pods_unread=MISSING), NONE, Status.UNKNOWN, "no token", id="pods-not-readable"),
    pytest.param(node_states(pods_unread=OTHERS), NONE, Status.SKIP, "Nobody expects", id="others-on-purpose"),
]


@pytest.mark.parametrize(("states", "claims", "status", "text"), WITHOUT)
def test_no_traefik_pod(states: NodeStates, claims: PortClaims, status: Status, text: str) -> None:
    [found] = no_traefik_pod(states, claims, TARGET)

    assert found.status is status
    assert text in found.summary


SQUATTER = a_state(hop=a_hop(1, 404), pod=a_node_pod(ready=False))
TAKEN = [
    pytest.param(node_states(), NONE, Status.PASS, "ready on the nodes", id="everywhere"),
    pytest.param(node_states(WAITS, TWO), NONE, Status.FAIL, "another pod has it", id="the-scheduler-says-so"),
    pytest.param(node_states(WAITS, TWO), BY_POD, Status.FAIL, "Pod web/nginx-1 has it", id="and-which"),
    pytest.param(
        node_states(DOWN, TWO), BY_HOST, Status.FAIL, "port 9100 of node-1: a program of the host", id="its-log"
    ),
    pytest.param(node_states(SQUATTER, TWO), BY_POD, Status.FAIL, "who has it answers 404", id="somebody-else-answers"),
    pytest.param(node_states(SQUATTER, TWO), NONE, Status.PASS, "Nothing says", id="not-ready-for-another-reason"),
    pytest.param(node_states(DOWN), UNREAD, Status.UNKNOWN, "no token", id="not-readable"),
    pytest.param(node_states(DOWN), MISSING, Status.PASS, "Nothing says", id="not-looked-for"),
    pytest.param(node_states(GONE), NONE, Status.SKIP, "No node", id="no-pod-wants-it"),
    pytest.param(node_states(pods_unread=OTHERS), NONE, Status.SKIP, "Nobody expects", id="others-on-purpose"),
    pytest.param(node_states(pods_unread=MISSING), NONE, Status.UNKNOWN, "no token", id="pods-not-readable"),
    pytest.param(
        node_states(a_state(NodeCase.STALE, hop=a_hop(1, known=False), pod=None)),
        NONE,
        Status.SKIP,
        "No node",
        id="no-node",
    ),
]


@pytest.mark.parametrize(("states", "claims", "status", "text"), TAKEN)
def test_port_taken(states: NodeStates, claims: Any, status: Status, text: str) -> None:
    [found] = port_taken(states, claims, TARGET, ERROR)

    assert found.status is status
    assert text in found.summary


def test_who_serves_the_site_on_traefiks_port_may_be_meant_to() -> None:
    serves = a_state(NodeCase.PORT_TAKEN, hop=a_hop(1, 200), why="didn't have free ports")

    [found] = port_taken(node_states(serves, TWO), BY_POD, TARGET, SERVED)

    assert found.status is Status.WARN


SICK = a_node_lead(a_lan_node(1), a_lan_node(2, ready=False))
FINE_ONE, DEAD_TWO = a_state(number=1), a_state(NodeCase.NOT_READY, 2)
ONE, OTHER = a_pod(), a_pod("web-2", ip="10.42.2.6", node="node-2")
LOST = a_pod("web-2", ip="10.42.2.6", node="node-2", ready=False)
HERE = node_states(FINE_ONE, DEAD_TWO, lead=SICK)

READY = [
    pytest.param(node_states(), a_view(), SERVED, Status.PASS, "All 3 nodes", id="all-ready"),
    pytest.param(HERE, a_view(pods=(ONE,)), SERVED, Status.PASS, "under node.unreachable", id="nothing-of-ours-there"),
    pytest.param(
        node_states(FINE_ONE, lead=SICK), a_view(pods=(ONE,)), SERVED, Status.WARN, "no pod of this", id="another-node"
    ),
    pytest.param(
        HERE, a_view(pods=(LOST,)), ERROR, Status.FAIL, "All pods of Service shop/web run on", id="all-its-pods"
    ),
    pytest.param(HERE, a_view(pods=(ONE, LOST)), SERVED, Status.WARN, "the others carry", id="some-of-its-pods"),
    pytest.param(
        HERE, a_view(pods=(ONE, OTHER)), ERROR, Status.FAIL, "requests are still sent there", id="still-in-the-service"
    ),
    pytest.param(
        HERE, a_view(pods=(ONE, OTHER)), SERVED, Status.WARN, "requests are still sent there", id="and-nobody-noticed"
    ),
    pytest.param(HERE, MISSING, ERROR, Status.PASS, "under node.unreachable", id="backend-not-known"),
    pytest.param(
        node_states(lead=a_node_lead(nodes_unread=MISSING)),
        a_view(),
        SERVED,
        Status.UNKNOWN,
        "no token",
        id="nodes-unread",
    ),
]


@pytest.mark.parametrize(("states", "view", "probe", "status", "text"), READY)
def test_not_ready(states: NodeStates, view: Any, probe: OutsideProbe, status: Status, text: str) -> None:
    [found] = not_ready(states, view, probe)

    assert found.status is status
    assert text in found.summary
