"""Each node that a record leads to is asked for itself."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster
from build.outside import HOST, MISSING, exchange, lookup, record, zone
from build.sources import ScriptedNet
from build.values import replace
from ingressdoctor.api import HetznerProject, Inapplicable, Reach, Server, Target, Unavailable
from ingressdoctor.collect.node_hops import collect_node_hops
from ingressdoctor.evidence.node_hops import NodeHops

NODES = "/api/v1/nodes"
ONE, TWO, STALE = "203.0.113.21", "203.0.113.22", "203.0.113.29"
ROUND_ROBIN = zone(record(ONE), record(TWO), record(STALE))
TARGET = Target(hostname=HOST)
SERVER = Server(id=7, name="node-2", status="running", ipv4=TWO, networks=(), private_ips=())
PROJECT = HetznerProject(load_balancers=(), servers=(SERVER,))


def node(name: str, address: str, ready: str = "True") -> dict[str, Any]:
    status = {
        "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}, {"type": "ExternalIP", "address": address}],
        "conditions": [{"type": "Ready", "status": ready}],
    }
    return {"kind": "Node", "metadata": {"name": name}, "status": status}


CLUSTER = FakeCluster({NODES: [node("node-1", ONE), node("node-2", TWO, "False")]})
FORBIDDEN = FakeCluster({NODES: []}, {NODES: 403})


async def hops(facts: Any = ROUND_ROBIN, *, kube: Any = CLUSTER, net: Any = None, **given: Any) -> Any:
    found = {"lookup": lookup(found=False), "project": PROJECT, "target": TARGET} | given
    wire = net or ScriptedNet(lambda _: exchange(headers=()))
    return await collect_node_hops.function(found["target"], facts, found["lookup"], found["project"], kube, wire)


async def test_each_address_is_asked_over_both_schemes() -> None:
    net = ScriptedNet(lambda request: exchange(address=request.address), tcp={TWO: Reach.TIMEOUT})

    found = await hops(net=net)

    assert isinstance(found, NodeHops)
    assert {(r.address, r.url) for r in net.requests if r.address == ONE} == {
        (ONE, f"http://{HOST}/"),
        (ONE, f"https://{HOST}/"),
    }
    assert [(h.address, h.node.ref if h.node else "", h.server.name if h.server else "") for h in found.hops] == [
        (ONE, "Node node-1", ""),
        (TWO, "Node node-2", "node-2"),
        (STALE, "", ""),
    ]
    assert [h.known for h in found.hops] == [True, True, False]
    assert [item.ready for item in found.nodes] == [True, False]


async def test_a_dead_node_is_one_of_many() -> None:
    net = ScriptedNet(lambda request: exchange(address=request.address), tcp={TWO: Reach.TIMEOUT})
    dead = ScriptedNet(lambda request: exchange(0 if request.address == TWO else 200, address=request.address))

    assert isinstance(await hops(net=net), NodeHops)
    found = await hops(net=dead)

    assert [hop.address for hop in found.answering("http")] == [ONE, STALE]
    assert [hop.address for hop in found.answering("https")] == [ONE, STALE]


@pytest.mark.parametrize(
    ("facts", "given", "reason"),
    [
        pytest.param(zone(record("10.0.0.9")), {}, "no public address", id="private"),
        pytest.param(zone(bare=True), {}, "no public address", id="no-record"),
        pytest.param(zone(), {"lookup": lookup()}, "the load balancer shop-lb", id="a-load-balancer"),
        pytest.param(zone(record(STALE)), {}, f"{STALE} is no node's address", id="nobodys"),
        pytest.param(
            ROUND_ROBIN, {"target": Target.parse("mysql://db.shop.example")}, "does not speak HTTP", id="mysql"
        ),
    ],
)
async def test_where_there_are_no_nodes_to_ask(facts: Any, given: Any, reason: str) -> None:
    found = await hops(facts, **given)

    assert isinstance(found, Inapplicable)
    assert reason in found.reason


async def test_servers_stand_in_for_nodes_that_may_not_be_listed() -> None:
    assert isinstance(await hops(kube=FORBIDDEN), NodeHops)
    assert isinstance(await hops(kube=FORBIDDEN, project=MISSING), Unavailable)


async def test_the_targets_own_port_goes_with_its_scheme() -> None:
    net = ScriptedNet(lambda request: exchange(address=request.address))

    await hops(net=net, target=replace(TARGET, port=8443), lookup=MISSING)

    assert {r.url for r in net.requests} == {f"http://{HOST}/", f"https://{HOST}:8443/"}
