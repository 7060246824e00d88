"""The lab's NetworkPolicy evaluator, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.policy import Policies, Side
from lab.dataplane.kit import Spec, obj, pod

CTL_IP, WEB_IP, NODE1, NODE2 = "10.42.9.1", "10.42.9.2", "10.0.1.11", "10.0.1.12"


def policy(namespace: str = "shop", **spec: Any) -> Spec:
    spec.setdefault("podSelector", {})
    return obj("NetworkPolicy", f"np-{id(spec)}", namespace, "networking.k8s.io/v1", spec=spec)


def peers(*items: Spec, **rule: Any) -> list[Spec]:
    return [{"from": list(items), **rule}]


DENY = policy(policyTypes=["Ingress"])
NS: Spec = {"namespaceSelector": {}}


def named(namespace: str) -> Spec:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def pods(**labels: str) -> Spec:
    return {"podSelector": {"matchLabels": labels}}


CASES = [
    pytest.param((), True, id="no-policy"),
    pytest.param((DENY,), False, id="1-default-deny"),
    pytest.param((DENY, policy(ingress=[{}])), True, id="2-one-empty-rule-allows-all"),
    pytest.param((policy(ingress=[]),), False, id="3-list-without-rules"),
    pytest.param((policy(ingress=peers(pods(app="ing"))),), False, id="4-pod-selector-looks-at-home"),
    pytest.param((policy(ingress=peers(NS)),), True, id="5-any-namespace"),
    pytest.param(
        (policy(ingress=peers({**named("ingress-nginx"), **pods(app="ing")})),), False, id="6-and-in-one-item"
    ),
    pytest.param((policy(ingress=peers(named("kube-system"), pods(app="no"))),), True, id="7-or-of-two-items"),
    pytest.param((policy(ingress=[{"ports": [{"port": 80}]}]),), False, id="9-pod-port-not-service-port"),
    pytest.param((policy(ingress=[{"ports": [{"port": "http"}]}]),), True, id="10-named-port"),
    pytest.param((policy(ingress=[{"ports": [{"port": 8080, "protocol": "UDP"}]}]),), False, id="11-protocol"),
    pytest.param((policy(ingress=[{"ports": [{"port": 8000, "endPort": 8079}]}]),), False, id="12-range-ends-below"),
    pytest.param((policy(ingress=[{"ports": [{"port": 8000, "endPort": 8080}]}]),), True, id="12b-range-is-inclusive"),
    pytest.param((policy(egress=[{}]),), False, id="13-ingress-is-implied"),
    pytest.param((policy(policyTypes=["Egress"], egress=[]),), True, id="14-not-isolated-for-ingress"),
    pytest.param((policy("kube-system", policyTypes=["Egress"]),), False, id="15-senders-egress-counts"),
    pytest.param(
        (policy("kube-system", policyTypes=["Egress"], egress=[{"to": [named("shop")]}]),),
        True,
        id="15b-egress-allowed",
    ),
    pytest.param((DENY, policy(ingress=peers(NS, ports=[{"port": 8080}]))), True, id="17-union"),
    pytest.param(
        (
            policy(
                podSelector={"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]},
                policyTypes=["Ingress"],
            ),
        ),
        False,
        id="18-notin-selects-what-lacks-the-key",
    ),
    pytest.param((policy(ingress=[{"from": []}]),), True, id="19-empty-from-is-everyone"),
    pytest.param((policy(ingress=peers({"ipBlock": {"cidr": "0.0.0.0/0"}})),), False, id="20-pods-are-no-addresses"),
    pytest.param(
        (policy(ingress=peers({"namespaceSelector": {"matchLabels": {"team": "x"}}})),), False, id="23-labels"
    ),
    pytest.param((policy(ingress=[{"ports": [{"port": "metrics"}]}]),), False, id="24-unresolved-name"),
    pytest.param((policy("other", policyTypes=["Ingress"]),), True, id="policy-of-another-namespace"),
    pytest.param((policy(podSelector={"matchLabels": {"app": "db"}}, policyTypes=["Ingress"]),), True, id="other-pods"),
]


def policies(*items: Spec) -> Policies:
    objects = [
        obj("Namespace", "shop"),
        obj("Namespace", "kube-system"),
        pod("web", "shop", WEB_IP, "node2", {"app": "web"}, ports=[{"name": "http", "containerPort": 8080}]),
        pod("ctl", "kube-system", CTL_IP, "node1", {"app": "ing"}),
    ]
    return Policies(Cluster([*objects, *items]))


@pytest.mark.parametrize(("items", "expected"), CASES)
def test_controller_to_web(items: tuple[Spec, ...], *, expected: bool) -> None:
    evaluator = policies(*items)

    assert evaluator.allows(evaluator.side(CTL_IP), evaluator.side(WEB_IP), 8080) is expected


BLOCK = policy(ingress=peers({"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/29"]}}))
OUTSIDE = [
    pytest.param(BLOCK, "203.0.113.7", True, id="inside-the-block"),
    pytest.param(BLOCK, "203.0.113.9", False, id="16-inside-except"),
    pytest.param(policy(ingress=peers(named("kube-system"))), NODE1, False, id="8-host-network-is-a-node-address"),
    pytest.param(DENY, NODE2, True, id="26-own-node-is-exempt"),
    pytest.param(DENY, NODE1, False, id="another-node-is-not"),
]


@pytest.mark.parametrize(("item", "source", "expected"), OUTSIDE)
def test_address_to_web(item: Spec, source: str, *, expected: bool) -> None:
    evaluator = policies(item)

    assert evaluator.allows(Side(ip=source), evaluator.side(WEB_IP), 8080) is expected


def test_nonsense_matches_nothing() -> None:
    evaluator = policies(policy(ingress=[{"from": [None, {"ipBlock": {"cidr": "x"}}], "ports": [{"port": {}}]}]))

    assert not evaluator.allows(Side(ip="1.2.3.4"), evaluator.side(WEB_IP), 8080)


def vxlan_node(name: str, address: str, cidr: str, backend: str = "vxlan") -> Spec:
    return obj(
        "Node",
        name,
        metadata={"annotations": {"flannel.alpha.coreos.com/backend-type": backend}},
        spec={"podCIDR": cidr},
        status={"addresses": [{"type": "InternalIP", "address": address}]},
    )


def from_block(cidr: str) -> Spec:
    return policy(ingress=peers({"ipBlock": {"cidr": cidr}}))


OVERLAY = [
    pytest.param(from_block("203.0.113.1/32"), "vxlan", "203.0.113.1", False, id="not-the-nodes-own-address"),
    pytest.param(from_block("10.42.0.0/32"), "vxlan", "203.0.113.1", True, id="but-the-first-of-its-pod-network"),
    pytest.param(from_block("203.0.113.1/32"), "host-gw", "203.0.113.1", True, id="without-an-overlay-its-own"),
    pytest.param(DENY, "vxlan", "203.0.113.2", True, id="the-pods-own-node-by-any-of-its-addresses"),
    pytest.param(from_block("198.51.100.0/24"), "vxlan", "198.51.100.7", True, id="outside-is-what-it-is"),
]


@pytest.mark.parametrize(("item", "backend", "source", "expected"), OVERLAY)
def test_what_runs_on_the_host_network_reaches_pods_of_other_nodes_from_the_overlay(
    item: Spec, backend: str, source: str, *, expected: bool
) -> None:
    nodes = (
        vxlan_node("node1", "203.0.113.1", "10.42.0.0/24", backend),
        vxlan_node("node2", "203.0.113.2", "10.42.1.0/24", backend),
    )
    evaluator = policies(item, *nodes)

    assert evaluator.allows(evaluator.side(source), evaluator.side(WEB_IP), 8080) is expected
