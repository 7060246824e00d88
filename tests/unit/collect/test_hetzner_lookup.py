"""Recognising the load balancer of the controller's Service, and where none belongs."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster
from build.hetzner import UID, a_balancer, a_controller, a_listener, a_pod, a_server, a_service
from ingressdoctor.collect.hetzner_lookup import collect_cluster_balancer, default_name, find_load_balancer
from ingressdoctor.collect.nodes import collect_addresses
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import (
    ClusterBalancer,
    HetznerProject,
    LoadBalancer,
    LoadBalancerLookup,
    NodeAddresses,
)
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.model.evidence import Unavailable

OTHER = a_balancer(id=8, name="other", ipv4="203.0.113.8", ipv6="", private_ips=(), labels={}, services=())
LABELLED = a_balancer(name="renamed")
NAMED = a_balancer(labels={})
DEFAULT = a_balancer(name="a6f1d2c348a0b4c579d3e2b7f5a1e9c60"[:32], labels={})
ADDRESSED = a_balancer(name="third", labels={})
BARE = a_service(annotations={})
NODE_PORT = a_service(kind="NodePort", annotations={}, ingress=())


def project(*balancers: LoadBalancer, **parts: Any) -> HetznerProject:
    return HetznerProject(**({"load_balancers": balancers, "servers": (a_server(1), a_server(2))} | parts))


FOUND = [
    pytest.param((OTHER, LABELLED), a_service(), f"label hcloud-ccm/service-uid={UID}", id="by-label"),
    pytest.param((NAMED, LABELLED), a_service(), f"label hcloud-ccm/service-uid={UID}", id="label-before-name"),
    pytest.param((OTHER, NAMED), a_service(), "name lb", id="by-name-annotation"),
    pytest.param((OTHER, DEFAULT), BARE, f"name {default_name(BARE)}", id="by-default-name"),
    pytest.param((OTHER, ADDRESSED), BARE, "address 203.0.113.10", id="by-public-address"),
    pytest.param(
        (OTHER, ADDRESSED),
        a_service(annotations={}, ingress=({"ip": "10.0.1.5"},)),
        "address 10.0.1.5",
        id="by-private-address",
    ),
    pytest.param((OTHER, ADDRESSED), NODE_PORT, "node ports 30080, 30306, 30443", id="hand-made-by-node-ports"),
]


@pytest.mark.parametrize(("balancers", "service", "by"), FOUND)
def test_found(balancers: tuple[LoadBalancer, ...], service: Any, by: str) -> None:
    lookup = find_load_balancer(project(*balancers), a_controller(service=service))

    assert lookup.found == balancers[-1]
    assert lookup.matched_by == by
    assert lookup.not_in_path == ""


def test_the_default_name_is_cut_to_32_characters() -> None:
    assert default_name(BARE) == "a6f1d2c348a0b4c579d3e2b7f5a1e9c6"
    assert len(default_name(BARE)) == 32


def test_nothing_found_says_by_what_it_was_looked_for() -> None:
    lookup = find_load_balancer(project(OTHER), a_controller())

    assert lookup.found is None
    assert lookup.not_in_path == ""
    assert lookup.project == ("other",)
    assert lookup.looked_for == (
        f"label hcloud-ccm/service-uid={UID}",
        "name lb",
        f"name {default_name(BARE)}",
        "address 203.0.113.10",
    )


NOT_HERE = [
    pytest.param({"without_service": True}, "no Service", id="host-network"),
    pytest.param({"service": a_service(kind="ClusterIP")}, "ClusterIP", id="cluster-ip"),
    pytest.param({"service": NODE_PORT}, "NodePort", id="node-port-without-a-hand-made-balancer"),
    pytest.param(
        {"service": a_service(spec={"loadBalancerClass": "tailscale"})}, "class tailscale", id="another-class"
    ),
    pytest.param(
        {"service": a_service(annotations={}, ingress=({"ip": "10.0.1.11"}, {"ip": "198.51.100.12"}))},
        "ServiceLB",
        id="klipper-publishes-node-addresses",
    ),
]


@pytest.mark.parametrize(("controller", "says"), NOT_HERE)
def test_no_balancer_belongs_here(controller: dict[str, Any], says: str) -> None:
    lookup = find_load_balancer(project(OTHER), a_controller(**controller))

    assert lookup.found is None
    assert says in lookup.not_in_path


def test_two_hand_made_balancers_for_the_same_node_ports_are_not_guessed() -> None:
    lookup = find_load_balancer(project(ADDRESSED, NAMED), a_controller(service=NODE_PORT))

    assert lookup.found is None


def test_rivals_carry_the_same_label() -> None:
    lookup = find_load_balancer(project(LABELLED, a_balancer(name="twin")), a_controller())

    assert lookup.rivals == ("twin",)


NODES = [
    pytest.param(project(), True, id="pods-run-on-the-projects-servers"),
    pytest.param(project(servers=(a_server(7),)), False, id="pods-run-elsewhere"),
    pytest.param(project(servers=(), servers_unread="403"), None, id="servers-unread"),
]


@pytest.mark.parametrize(("seen", "here"), NODES)
def test_nodes_here(seen: HetznerProject, *, here: bool | None) -> None:
    assert find_load_balancer(seen, a_controller()).nodes_here is here


def test_nodes_here_without_pods_is_not_known() -> None:
    assert find_load_balancer(project(), a_controller(pods=())).nodes_here is None


async def cluster_balancer(
    *,
    project: HetznerProject | Unavailable,
    controller: Controller | Unavailable,
    preferences: Preferences,
    nodes: object,
) -> LoadBalancerLookup | Unavailable:
    """Return what cluster and configuration say."""
    found = await collect_cluster_balancer.function(
        project=project, controller=controller, preferences=preferences, nodes=nodes
    )
    assert isinstance(found, ClusterBalancer)
    return found.lookup


async def ask(seen: HetznerProject | Unavailable, *, named: str = "", **controller: Any) -> object:
    preferences = Preferences(load_balancer=named)
    return await cluster_balancer(
        project=seen, controller=a_controller(**controller), preferences=preferences, nodes=NodeAddresses()
    )


NO_TOKEN = Unavailable(wanted="the project", reason="no token", enable_with="set one")


async def test_without_a_token_a_balancer_that_should_be_there_cannot_be_looked_at() -> None:
    assert await ask(NO_TOKEN) == NO_TOKEN


async def test_without_a_token_it_is_still_known_that_none_belongs_here() -> None:
    klipper = a_service(annotations={}, ingress=({"ip": "10.0.1.11"},))

    lookup = await ask(NO_TOKEN, service=klipper, pods=(a_pod(node=1),))

    assert isinstance(lookup, LoadBalancerLookup)
    assert "ServiceLB" in lookup.not_in_path


CONFIGURED = [
    pytest.param("other", {}, "other", id="decides-before-the-label"),
    pytest.param("other", {"without_service": True}, "other", id="in-front-of-host-ports"),
    pytest.param("gone", {"service": NODE_PORT}, None, id="must-exist-when-configured"),
]


@pytest.mark.parametrize(("named", "controller", "expected"), CONFIGURED)
async def test_a_configured_name(named: str, controller: dict[str, Any], expected: str | None) -> None:
    lookup = await ask(project(OTHER, LABELLED), named=named, **controller)

    assert isinstance(lookup, LoadBalancerLookup)
    assert (lookup.found.name if lookup.found else None) == expected
    assert lookup.not_in_path == ""
    assert lookup.looked_for == (f"configured name {named}",)


def test_a_hand_made_balancer_serves_another_cluster() -> None:
    foreign = a_balancer(labels={}, name="x", ipv4="203.0.113.9", ipv6="", services=(a_listener(443, to=31999),))

    assert find_load_balancer(project(foreign), a_controller(service=NODE_PORT)).found is None


NO_CLUSTER = Unavailable(wanted="the ingress controller", reason="no kubeconfig")
WITHOUT_CLUSTER = [
    pytest.param(project(OTHER), "other", "other", id="a-configured-name-needs-no-cluster"),
    pytest.param(project(OTHER), "gone", None, id="a-configured-name-that-does-not-exist"),
]


@pytest.mark.parametrize(("seen", "named", "expected"), WITHOUT_CLUSTER)
async def test_without_a_cluster(seen: HetznerProject, named: str, expected: str | None) -> None:
    preferences = Preferences(load_balancer=named)

    lookup = await cluster_balancer(project=seen, controller=NO_CLUSTER, preferences=preferences, nodes=NodeAddresses())

    assert isinstance(lookup, LoadBalancerLookup)
    assert (lookup.found.name if lookup.found else None) == expected


@pytest.mark.parametrize("seen", [project(OTHER), NO_TOKEN], ids=["with-token", "without-token"])
async def test_without_a_cluster_or_a_name_nothing_is_guessed(seen: HetznerProject | Unavailable) -> None:
    preferences = Preferences()

    assert (
        await cluster_balancer(project=seen, controller=NO_CLUSTER, preferences=preferences, nodes=NodeAddresses())
        == NO_CLUSTER
    )


FORBIDDEN = Unavailable(wanted="the cluster's Services", reason="403")


@pytest.mark.parametrize("seen", [project(OTHER), NO_TOKEN], ids=["with-token", "without-token"])
async def test_a_service_that_may_not_be_read_is_not_absent(seen: HetznerProject | Unavailable) -> None:
    assert await ask(seen, without_service=True, unread=(FORBIDDEN,)) == FORBIDDEN


PUBLIC = a_service(annotations={}, ingress=({"ip": "198.51.100.71"},))
CLUSTER_NODES = [
    {
        "metadata": {"name": "one"},
        "status": {
            "addresses": [{"type": "ExternalIP", "address": "198.51.100.71"}, {"type": "Hostname", "address": "one"}]
        },
    },
    {"metadata": {"name": "two"}, "status": {}},
]


async def test_nodes_that_publish_their_public_addresses_need_no_balancer() -> None:
    kube = FakeCluster({"/api/v1/nodes": CLUSTER_NODES})
    controller = a_controller(service=PUBLIC)

    nodes = await collect_addresses.function(kube, controller)
    lookups = [
        await cluster_balancer(project=seen, controller=controller, preferences=Preferences(), nodes=nodes)
        for seen in (NO_TOKEN, project())
    ]

    assert nodes == NodeAddresses(addresses=("198.51.100.71",))
    for lookup in lookups:
        assert isinstance(lookup, LoadBalancerLookup)
        assert "ServiceLB" in lookup.not_in_path


@pytest.mark.parametrize(
    "controller",
    [
        pytest.param({}, id="annotated-for-hetzner"),
        pytest.param({"service": a_service(annotations={}, ingress=({"ip": "10.0.1.11"},))}, id="a-pods-own-node"),
        pytest.param({"service": a_service(annotations={}, ingress=())}, id="publishes-nothing"),
        pytest.param({"service": NODE_PORT}, id="no-load-balancer"),
        pytest.param({"service": a_service(spec={"loadBalancerClass": "tailscale"})}, id="another-class"),
        pytest.param({"without_service": True}, id="no-service"),
    ],
)
async def test_nodes_are_read_only_where_they_may_be_published(controller: dict[str, Any]) -> None:
    kube = FakeCluster({})

    assert await collect_addresses.function(kube, a_controller(**controller)) == NodeAddresses()
    assert kube.asked == []


async def test_nodes_that_may_not_be_read_leave_the_balancer_unknown() -> None:
    kube = FakeCluster({}, {"/api/v1/nodes": 403})
    controller = a_controller(service=PUBLIC)

    nodes = await collect_addresses.function(kube, controller)
    lookup = await cluster_balancer(project=NO_TOKEN, controller=controller, preferences=Preferences(), nodes=nodes)

    assert isinstance(nodes, Unavailable)
    assert lookup == NO_TOKEN
