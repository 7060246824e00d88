"""Nodes of their own: up, theirs, alike."""

from __future__ import annotations

from typing import Any

import pytest

from build.nodes import PLAIN, a_cloud_server, a_hop, a_lan_node, a_node_lead, a_record, a_state, node_states
from build.outside import MISSING, TARGET, exchange
from build.values import replace
from ingressdoctor.api import NodeCase, NodeStates, Reach, Status
from ingressdoctor_checks.node import address_stale, unreachable
from ingressdoctor_checks.node_common import share
from ingressdoctor_checks.node_compare import one_of_many

TWO, THREE = a_state(number=2), a_state(number=3)
OFF = a_state(NodeCase.OFF, hop=a_hop(1, Reach.TIMEOUT, server=a_cloud_server(status="off")), why="off")
BLOCKED = a_state(NodeCase.BLOCKED, hop=a_hop(1, Reach.TIMEOUT, server=a_cloud_server(blocked=(4,))))
REFUSED = a_state(NodeCase.REFUSED, hop=a_hop(1, Reach.REFUSED))
STALE = a_state(NodeCase.STALE, 1, a_hop(1, Reach.TIMEOUT, known=False), why="no node has it")
SERVING_STALE = a_state(NodeCase.STALE, 1, a_hop(1, known=False), why="no node has it")
ONLY_EDGE = tuple(a_state(NodeCase.NOT_FOR_US, number) for number in (1, 2, 3))
V6 = a_record(addresses=("2001:db8::1",))

UP = [
    pytest.param(node_states(), Status.PASS, "All 3 addresses answer", id="all-answer"),
    pytest.param(node_states(TWO, lead=a_node_lead(a_lan_node(2))), Status.PASS, "Node node-2 answers", id="one-alone"),
    pytest.param(node_states(OFF, TWO, THREE), Status.FAIL, "server is off at Hetzner; about every third", id="off"),
    pytest.param(
        node_states(a_state(NodeCase.NOT_READY, hop=a_hop(node=a_lan_node(ready=False), plain=Reach.TIMEOUT))),
        *(Status.FAIL, "the node is not Ready"),
        id="not-ready",
    ),
    pytest.param(node_states(BLOCKED, TWO), Status.FAIL, "Hetzner has blocked its address", id="blocked"),
    pytest.param(node_states(REFUSED, TWO), Status.FAIL, "although Traefik's pod is ready", id="refused-with-a-pod"),
    pytest.param(
        node_states(a_state(NodeCase.BROKEN, hop=a_hop(1, Reach.RESET), pod=None)),
        *(Status.FAIL, "resets connections"),
        id="connected-and-reset",
    ),
    pytest.param(
        node_states(a_state(NodeCase.SILENT), TWO), Status.UNKNOWN, "could not be told", id="silence-is-no-proof"
    ),
    pytest.param(node_states(*ONLY_EDGE), Status.PASS, "No node can be asked from here", id="closed-to-us-alone"),
    pytest.param(node_states(ONLY_EDGE[0], TWO), Status.PASS, "of those that can be judged", id="closed-here-by-one"),
    pytest.param(node_states(a_state(NodeCase.FIREWALL)), Status.SKIP, "Other findings", id="another-finding-says-why"),
    pytest.param(
        node_states(a_state(NodeCase.FIREWALL, hop=OFF.hop), TWO, THREE),
        *(Status.FAIL, "server is off at Hetzner"),
        id="off-behind-a-closed-firewall",
    ),
]


@pytest.mark.parametrize(("states", "status", "text"), UP)
def test_unreachable(states: NodeStates, status: Status, text: str) -> None:
    found = list(unreachable(states, TARGET))

    assert [item.status for item in found] == [status]
    assert text in found[0].summary


def test_each_dead_node_is_a_finding_of_its_own() -> None:
    found = list(unreachable(node_states(OFF, REFUSED, THREE), TARGET))

    assert [item.status for item in found] == [Status.FAIL, Status.FAIL]
    assert found[0].facts != found[1].facts
    assert found[0].scope == ("node-1",)


def test_a_gap_in_what_is_known_names_what_would_fill_it() -> None:
    [found] = unreachable(node_states(a_state(NodeCase.SILENT), pods_unread=MISSING), TARGET)

    assert found.enable_with == MISSING.enable_with


OWNERS = [
    pytest.param(node_states(), Status.PASS, "addresses of nodes only", id="all-are-nodes"),
    pytest.param(
        node_states(TWO, lead=a_node_lead(a_lan_node(1), a_lan_node(2))),
        *(Status.PASS, "In no record: Node node-1."),
        id="a-node-without-a-record-is-said",
    ),
    pytest.param(node_states(STALE, TWO), Status.FAIL, "which is no node's: no node has it", id="stale-and-silent"),
    pytest.param(node_states(SERVING_STALE, TWO), Status.WARN, "serves the site all the same", id="stale-and-serving"),
    pytest.param(
        node_states(a_state(NodeCase.STALE, 1, a_hop(1, 404, known=False)), TWO),
        *(Status.FAIL, "answers 404"),
        id="a-stranger-answers",
    ),
    pytest.param(node_states(STALE, ONLY_EDGE[1]), Status.WARN, "no node's", id="all-are-closed-to-us"),
    pytest.param(
        node_states(a_state(hop=a_hop(1, known=False)), lead=a_node_lead(nodes_unread=MISSING)),
        *(Status.UNKNOWN, "could not be told: no token"),
        id="nobody-tells-whose-it-is",
    ),
    pytest.param(
        node_states(lead=a_node_lead(record=a_record(addresses=(), told_by=""))),
        *(Status.UNKNOWN, "hidden behind the edge"),
        id="record-not-known",
    ),
    pytest.param(
        node_states(lead=a_node_lead(record=a_record(addresses=(), told_by="", missing=True))),
        *(Status.SKIP, "There is no record"),
        id="no-record",
    ),
]


@pytest.mark.parametrize(("states", "status", "text"), OWNERS)
def test_address_stale(states: NodeStates, status: Status, text: str) -> None:
    found = list(address_stale(states, TARGET))

    assert [item.status for item in found] == [status]
    assert text in found[0].summary


def alike(*answers: Any) -> NodeStates:
    return node_states(*(a_state(number=n, hop=a_hop(n, answer)) for n, answer in enumerate(answers, start=1)))


ALIKE = [
    pytest.param(alike(200, 200, 200), Status.PASS, "All 3 nodes answer 200", id="alike"),
    pytest.param(alike(200), Status.SKIP, "one address", id="one-address"),
    pytest.param(alike(200, 503, 200), Status.FAIL, "About every third request fails: Node node-2", id="one-of-three"),
    pytest.param(alike(200, 503), Status.FAIL, "About every second request", id="one-of-two"),
    pytest.param(alike(502, 503, 200), Status.FAIL, "About 2 of 3 requests", id="two-of-three"),
    pytest.param(node_states(OFF, TWO, THREE), Status.FAIL, "every third", id="a-dead-one-counts"),
    pytest.param(
        node_states(a_state(NodeCase.FIREWALL, hop=a_hop(1)), TWO, THREE),
        *(Status.FAIL, "every third"),
        id="closed-to-the-edge-though-open-to-us",
    ),
    pytest.param(alike(503, 503), Status.SKIP, "No node serves", id="all-fail-alike"),
    pytest.param(
        alike(200, 302), Status.WARN, "differently: Node node-1 200, Node node-2 302", id="all-serve-not-alike"
    ),
    pytest.param(node_states(*ONLY_EDGE), Status.SKIP, "could be asked", id="closed-to-us"),
    pytest.param(
        node_states(a_state(NodeCase.SILENT), TWO, THREE),
        Status.PASS,
        "1 more could not be asked",
        id="silence-is-left-out",
    ),
    pytest.param(node_states(SERVING_STALE, TWO), Status.PASS, "All 2 nodes", id="a-proxy-that-serves"),
]


@pytest.mark.parametrize(("states", "status", "text"), ALIKE)
def test_one_of_many(states: NodeStates, status: Status, text: str) -> None:
    [found] = one_of_many(states, TARGET)

    assert found.status is status
    assert text in found.summary


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"404 page not found\n", Status.FAIL, id="traefiks-own-404-is-no-answer-of-the-site"),
        pytest.param(b"Not here", Status.WARN, id="an-applications-404-is-one"),
    ],
)
def test_a_404_beside_others(body: bytes, status: Status) -> None:
    answer = exchange(404, url=PLAIN, headers=(), body=body)
    [found] = one_of_many(node_states(a_state(hop=a_hop(1, answer)), TWO), TARGET)

    assert found.status is status


@pytest.mark.parametrize(
    ("bad", "count", "text"),
    [
        pytest.param(1, 3, "about every third request", id="third"),
        pytest.param(2, 4, "about every second request", id="half"),
        pytest.param(3, 4, "about 3 of 4 requests", id="no-round-share"),
        pytest.param(3, 3, "every request", id="all"),
    ],
)
def test_shares_in_words(bad: int, count: int, text: str) -> None:
    assert share(bad, count) == text


def test_addresses_of_ipv6_stand_in_brackets() -> None:
    state = a_state(NodeCase.REFUSED, hop=a_hop(1, Reach.REFUSED))
    there = replace(state, hop=replace(state.hop, address="2001:db8::1"))
    [found] = unreachable(node_states(there, lead=a_node_lead(record=V6)), TARGET)

    assert found.remedy is not None
    assert "[2001:db8::1]" in " ".join(found.remedy.commands[-1].argv)
