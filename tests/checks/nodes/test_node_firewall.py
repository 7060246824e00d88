"""Firewalls before the nodes: by their rules, and by their silence."""

from __future__ import annotations

import pytest

from build.nodes import OPEN, a_cloud_server, a_firewall, a_hop, a_node_lead, a_record, a_state, node_states
from build.outside import MISSING, RANGES, TARGET, visited
from ingressdoctor.api import Firewall, NodeCase, NodeState, NodeStates, OutsideProbe, Reach, Status
from ingressdoctor_checks.node_firewall import firewall_closed, firewall_open

EDGE = a_firewall(*RANGES.cidrs)
OFFICE = a_firewall("198.51.100.0/24")
WORLD = Firewall(id=31, name="nodes", inbound=(OPEN,), servers=(1, 2, 3))
SERVED, BROKEN = visited(), visited(error=522)
V4 = RANGES.cidrs[:2]
CLOSED = tuple(a_state(NodeCase.FIREWALL, n, firewalls=(OFFICE,), shut_out=V4, why="nodes") for n in (1, 2, 3))
UFW = a_state(NodeCase.DROPPED, firewalls=())
US = tuple(a_state(NodeCase.NOT_FOR_US, n, firewalls=(EDGE,)) for n in (1, 2, 3))
GREY = a_node_lead(record=a_record(proxied=False, scheme="https", port=443))

SHUT = [
    pytest.param(node_states(), SERVED, Status.PASS, "No firewall keeps", id="all-answer"),
    pytest.param(
        node_states(*CLOSED), BROKEN, Status.FAIL, "does not let Cloudflare in to port 80 of Node", id="by-rules"
    ),
    pytest.param(
        node_states(CLOSED[0], lead=GREY, port=443),
        BROKEN,
        Status.FAIL,
        "let visitors in to port 443",
        id="not-proxied",
    ),
    pytest.param(
        node_states(UFW, a_state(number=2)),
        SERVED,
        Status.FAIL,
        "Traefik's pod is ready there and Node node-2",
        id="by-silence",
    ),
    pytest.param(node_states(UFW), BROKEN, Status.FAIL, "nobody else gets through either", id="by-the-edges-silence"),
    pytest.param(node_states(*US), SERVED, Status.PASS, "by its rules it lets Cloudflare in", id="rules-for-the-edge"),
    pytest.param(
        node_states(a_state(NodeCase.NOT_FOR_US)),
        SERVED,
        Status.PASS,
        "visitors are served",
        id="the-host-admits-the-edge",
    ),
    pytest.param(
        node_states(a_state(firewalls=(a_firewall(V4[0]),), shut_out=V4[1:])),
        *(SERVED, Status.WARN, "keeps 1 of Cloudflare's ranges out"),
        id="one-range-forgotten-and-nobody-notices",
    ),
    pytest.param(
        node_states(a_state(firewalls=(a_firewall(V4[0]),), shut_out=V4[1:])),
        *(BROKEN, Status.FAIL, "keeps 1 of Cloudflare's ranges out"),
        id="one-range-forgotten-and-it-shows",
    ),
    pytest.param(
        node_states(a_state(NodeCase.SILENT), firewalls_unread=MISSING),
        BROKEN,
        Status.UNKNOWN,
        "no token",
        id="no-token",
    ),
    pytest.param(node_states(a_state(NodeCase.SILENT)), BROKEN, Status.UNKNOWN, "nothing tells why", id="only-silence"),
    pytest.param(node_states(a_state(NodeCase.OFF)), BROKEN, Status.SKIP, "Other findings", id="a-node-that-is-off"),
]


@pytest.mark.parametrize(("states", "probe", "status", "text"), SHUT)
def test_firewall_closed(states: NodeStates, probe: OutsideProbe, status: Status, text: str) -> None:
    found = list(firewall_closed(states, TARGET, probe))

    assert [item.status for item in found] == [status]
    assert text in found[0].summary


@pytest.mark.parametrize(
    ("state", "text"),
    [
        pytest.param(UFW, "of the host itself", id="hetzner-filters-nothing"),
        pytest.param(a_state(NodeCase.DROPPED), "there or before it", id="hetzners-rules-not-known"),
    ],
)
def test_whose_firewall_it_may_be(state: NodeState, text: str) -> None:
    [found] = firewall_closed(node_states(state), TARGET, BROKEN)

    assert text in found.summary


def test_one_finding_for_each_firewall() -> None:
    other = a_state(NodeCase.FIREWALL, 3, firewalls=(OFFICE,), shut_out=V4, why="other")
    found = list(firewall_closed(node_states(*CLOSED[:2], other), TARGET, BROKEN))

    assert [item.subject for item in found] == ["Firewall nodes", "Firewall other"]


def bare(case: NodeCase = NodeCase.ANSWERS, number: int = 1, *walls: Firewall) -> NodeStates:
    hop = a_hop(number, 200 if case is NodeCase.ANSWERS else Reach.TIMEOUT, server=a_cloud_server(number))
    return node_states(a_state(case, number, hop, firewalls=walls))


WIDE = [
    pytest.param(
        bare(NodeCase.ANSWERS, 1, WORLD), Status.WARN, "Firewall nodes lets everybody in", id="a-rule-for-all"
    ),
    pytest.param(bare(), Status.WARN, "no Firewall stands before Node node-1", id="no-firewall"),
    pytest.param(bare(NodeCase.ANSWERS, 1, EDGE), Status.PASS, "do not let the whole internet in", id="edge-only"),
    pytest.param(bare(NodeCase.NOT_FOR_US), Status.PASS, "the host does", id="the-host-filters"),
    pytest.param(node_states(lead=GREY), Status.SKIP, "not proxied", id="not-proxied"),
    pytest.param(node_states(firewalls_unread=MISSING), Status.UNKNOWN, "no token", id="no-token"),
    pytest.param(node_states(), Status.UNKNOWN, "could not be looked at", id="no-server-known"),
]


@pytest.mark.parametrize(("states", "status", "text"), WIDE)
def test_firewall_open(states: NodeStates, status: Status, text: str) -> None:
    [found] = firewall_open(states)

    assert found.status is status
    assert text in found.summary
