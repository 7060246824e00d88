"""NetworkPolicy: the tricky cases one by one, and a comparison with an evaluation written independently of it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build.backend import a_pod, a_policy
from ingressdoctor.api import NetworkPolicy, Pod
from ingressdoctor.routing.netpol import Party, evaluate, needs_namespace_labels

DENY = a_policy("deny", podSelector={}, policyTypes=["Ingress"])
NAME = "kubernetes.io/metadata.name"


def web(*, host: bool = False, node: str = "node-1") -> Pod:
    return a_pod("web", labels={"app": "web"}, node=node, spec={"hostNetwork": host})


def ctl(*, host: bool = False, node: str = "node-2") -> Pod:
    spec = {"hostNetwork": host}
    ip = "10.0.1.12" if host else "10.42.7.7"
    return a_pod("ctl", namespace="kube-system", labels={"app": "ing"}, ip=ip, node=node, spec=spec)


def ingress(*rules: Any, **spec: Any) -> NetworkPolicy:
    return a_policy("p", **{"podSelector": {"matchLabels": {"app": "web"}}, "ingress": list(rules), **spec})


def from_ns(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAME: name}}}


POD_TO_POD = [
    pytest.param([], True, id="no-policy-allows"),
    pytest.param([DENY], False, id="1-default-deny"),
    pytest.param([a_policy(podSelector={}, policyTypes=["Ingress"], ingress=[{}])], True, id="2-one-empty-rule"),
    pytest.param([ingress()], False, id="3-empty-list-of-rules"),
    pytest.param(
        [ingress({"from": [{"podSelector": {"matchLabels": {"app": "ing"}}}]})],
        False,
        id="4-pods-of-own-namespace-only",
    ),
    pytest.param([ingress({"from": [{"namespaceSelector": {}}]})], True, id="5-any-namespace"),
    pytest.param(
        [ingress({"from": [{**from_ns("ingress-nginx"), "podSelector": {"matchLabels": {"app": "ing"}}}]})],
        False,
        id="6-both-in-one-item-is-and",
    ),
    pytest.param(
        [ingress({"from": [{**from_ns("kube-system"), "podSelector": {"matchLabels": {"app": "ing"}}}]})],
        True,
        id="6b-both-in-one-item-both-fit",
    ),
    pytest.param(
        [ingress({"from": [from_ns("kube-system"), {"podSelector": {"matchLabels": {"app": "nothing"}}}]})],
        True,
        id="7-two-items-is-or",
    ),
    pytest.param([ingress({"ports": [{"port": 80}]})], False, id="9-service-port-is-not-the-pod-port"),
    pytest.param([ingress({"ports": [{"port": "http"}]})], True, id="10-name-resolves-on-the-pod"),
    pytest.param([ingress({"ports": [{"port": 8000, "endPort": 8079}]})], False, id="12-range-ends-before"),
    pytest.param([ingress({"ports": [{"port": 8000, "endPort": 8080}]})], True, id="12b-range-is-inclusive"),
    pytest.param([a_policy(podSelector={}, egress=[{}])], False, id="13-ingress-is-implied"),
    pytest.param([a_policy(podSelector={}, policyTypes=["Egress"], egress=[])], True, id="14-egress-only"),
    pytest.param(
        [a_policy("out", namespace="kube-system", podSelector={}, policyTypes=["Egress"])],
        False,
        id="15-the-senders-egress-counts",
    ),
    pytest.param(
        [DENY, ingress({"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080}]})], True, id="17-policies-add-up"
    ),
    pytest.param(
        [
            a_policy(
                podSelector={"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]},
                policyTypes=["Ingress"],
            )
        ],
        False,
        id="18-not-in-selects-pods-without-the-key",
    ),
    pytest.param([ingress({"from": []})], True, id="19-empty-from-is-everyone"),
    pytest.param(
        [ingress({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})], None, id="20-ipblock-and-pods-is-the-plugins"
    ),
    pytest.param(
        [ingress({"from": [{"ipBlock": {"cidr": "10.43.0.10/32"}}]})], False, id="25-cluster-ip-is-never-the-source"
    ),
    pytest.param([ingress({"ports": [{"port": "metrics"}]})], False, id="24-unresolved-name-matches-nothing"),
    pytest.param([ingress({"ports": [{"port": 8080, "protocol": "UDP"}]})], False, id="other-protocol"),
    pytest.param([ingress({"ports": [{"protocol": "TCP"}]})], True, id="no-port-is-all-of-the-protocol"),
    pytest.param([ingress({"from": [from_ns("kube-system")], "ports": [{"port": 80}]})], False, id="peer-and-port"),
    pytest.param([a_policy("x", namespace="other", podSelector={})], True, id="policies-elsewhere-do-not-matter"),
    pytest.param(
        [ingress({"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]})],
        None,
        id="23-unread-namespace-labels-are-not-guessed",
    ),
    pytest.param([ingress(None)], True, id="null-rule-is-an-empty-rule"),
    pytest.param([a_policy(podSelector="odd", policyTypes=["Ingress"])], None, id="unreadable-selector-is-undecided"),
    pytest.param(
        [DENY, a_policy(podSelector="odd", ingress=[{}])], None, id="a-rule-of-an-unreadable-selector-proves-nothing"
    ),
]


@pytest.mark.parametrize(("policies", "expected"), POD_TO_POD)
def test_controller_to_pod(policies: list[NetworkPolicy], expected: bool | None) -> None:
    verdict = evaluate(policies, Party.of(ctl()), Party.of(web()), 8080)

    assert verdict.allowed is expected


def test_the_protocol_of_a_rule_is_tcp_unless_said() -> None:
    """Row 11."""
    verdict = evaluate([ingress({"ports": [{"port": 8080}]})], Party.of(ctl()), Party.of(web()), 8080, "UDP")

    assert verdict.allowed is False


LABELS = [
    pytest.param({}, False, id="label-missing-on-the-namespace"),
    pytest.param({"team": "edge"}, True, id="label-there"),
]


@pytest.mark.parametrize(("labels", "expected"), LABELS)
def test_namespace_selectors_look_at_labels(labels: dict[str, str], expected: bool) -> None:
    """Row 23: a name in the selector is no help if the Namespace lacks the label."""
    policy = ingress({"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]})

    assert evaluate([policy], Party.of(ctl(), labels), Party.of(web()), 8080).allowed is expected


HOSTED = [
    pytest.param([ingress({"from": [from_ns("kube-system")]})], "node-2", False, id="8-selectors-never-mean-a-node"),
    pytest.param([DENY], "node-1", True, id="26-own-node-is-exempt"),
    pytest.param([ingress({"from": [{"ipBlock": {"cidr": "10.0.1.0/24"}}]})], "node-2", None, id="node-in-block"),
    pytest.param([ingress({"from": [{"ipBlock": {"cidr": "10.42.0.0/16"}}]})], "node-2", None, id="overlay-source"),
    pytest.param([ingress({"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]})], "node-2", False, id="other-block"),
    pytest.param([ingress({})], "node-2", True, id="everyone-includes-nodes"),
]


@pytest.mark.parametrize(("policies", "node", "expected"), HOSTED)
def test_controller_on_the_host_network(policies: list[NetworkPolicy], node: str, expected: bool | None) -> None:
    source = Party.of(ctl(host=True, node=node))

    assert evaluate(policies, source, Party.of(web()), 8080).allowed is expected


def test_a_pod_on_the_host_network_cannot_be_selected() -> None:
    assert evaluate([DENY], Party.of(ctl()), Party.of(web(host=True)), 8080).allowed is True


OUTSIDE = [
    pytest.param("203.0.113.9", False, id="16-inside-except"),
    pytest.param("203.0.113.20", True, id="16b-inside-the-block"),
    pytest.param("198.51.100.1", False, id="outside-the-block"),
]


@pytest.mark.parametrize(("address", "expected"), OUTSIDE)
def test_addresses_outside_the_cluster(address: str, expected: bool) -> None:
    block = {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/29"]}
    policy = ingress({"from": [{"ipBlock": block}]})

    assert evaluate([policy], Party(addresses=(address,)), Party.of(web()), 8080).allowed is expected


def test_source_is_the_node_after_snat() -> None:
    """Row 21: with traffic policy Cluster the client's network never arrives."""
    policy = ingress({"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]})

    assert evaluate([policy], Party(node="node-3", addresses=("10.0.1.13",)), Party.of(web()), 8080).allowed is False


def test_a_pod_may_talk_to_itself() -> None:
    assert evaluate([DENY], Party.of(web()), Party.of(web()), 8080).allowed is True


def test_the_nearest_rule_is_named() -> None:
    allow = a_policy(
        "allow-traefik", podSelector={}, ingress=[{"from": [from_ns("kube-system")], "ports": [{"port": 80}]}]
    )

    verdict = evaluate([DENY, allow], Party.of(ctl()), Party.of(web()), 8080)

    assert verdict.deciding == "NetworkPolicy shop/allow-traefik"
    assert "rule 1 of NetworkPolicy shop/allow-traefik names it, but only for TCP/80" in verdict.why


NEEDS = [
    pytest.param(from_ns("x"), False, id="the-name-is-known-without-reading"),
    pytest.param({"namespaceSelector": {"matchLabels": {"team": "a"}}}, True, id="another-label"),
    pytest.param(
        {"namespaceSelector": {"matchExpressions": [{"key": "t", "operator": "Exists"}]}}, True, id="expression"
    ),
    pytest.param({"podSelector": {}}, False, id="no-namespace-selector"),
]


@pytest.mark.parametrize(("peer", "expected"), NEEDS)
def test_when_namespaces_must_be_read(peer: dict[str, Any], expected: bool) -> None:
    assert needs_namespace_labels([ingress({"from": [peer]})]) is expected


# An evaluation written from the API's text alone: total, two-valued, over pods whose namespaces are known. It shares
# nothing with the model.
KEYS, VALUES, SPACES = ("app", "tier"), ("a", "b"), ("shop", "kube-system", "other")
some_labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
expressions = st.lists(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")),
        st.lists(st.sampled_from(VALUES), max_size=2),
    ),
    max_size=2,
)
selectors = st.fixed_dictionaries({}, optional={"matchLabels": some_labels, "matchExpressions": expressions})
namespaces = st.one_of(selectors, st.sampled_from(SPACES).map(lambda name: {"matchLabels": {NAME: name}}))
peers = st.one_of(
    st.builds(lambda pods: {"podSelector": pods}, selectors),
    st.builds(lambda spaces: {"namespaceSelector": spaces}, namespaces),
    st.builds(lambda spaces, pods: {"namespaceSelector": spaces, "podSelector": pods}, namespaces, selectors),
)
ports = st.one_of(
    st.builds(lambda port: {"port": port}, st.sampled_from((80, 8080, "http", "metrics"))),
    st.builds(
        lambda low, high: {"port": low, "endPort": high}, st.sampled_from((80, 8000)), st.sampled_from((8080, 9000))
    ),
    st.builds(lambda protocol: {"protocol": protocol}, st.sampled_from(("TCP", "UDP"))),
)
egress_rules = st.lists(
    st.fixed_dictionaries({}, optional={"to": st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)}),
    max_size=2,
)
ingress_rules = st.lists(
    st.fixed_dictionaries({}, optional={"from": st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)}),
    max_size=2,
)
specs = st.fixed_dictionaries(
    {"podSelector": selectors},
    optional={
        "policyTypes": st.lists(st.sampled_from(("Ingress", "Egress")), max_size=2, unique=True),
        "ingress": ingress_rules,
        "egress": egress_rules,
    },
)
policies = st.lists(st.tuples(st.sampled_from(SPACES), specs), max_size=4)


def selected(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for item in selector.get("matchExpressions", []):
        key, operator, values = item["key"], item["operator"], item["values"]
        if operator == "In" and not (key in labels and labels[key] in values):
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


def one_side(
    everything: list[tuple[str, dict[str, Any]]],
    kind: str,
    own: tuple[str, dict[str, str]],
    other: tuple[str, dict[str, str]],
    port: int,
) -> bool:
    isolated = False
    for space, spec in everything:
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        if space != own[0] or kind not in types or not selected(spec["podSelector"], own[1]):
            continue
        isolated = True
        for rule in spec.get(kind.lower()) or []:
            who, where = rule.get("from" if kind == "Ingress" else "to") or [], rule.get("ports") or []
            peer_fits = not who
            for peer in who:
                if "namespaceSelector" in peer:
                    home = selected(peer["namespaceSelector"], {NAME: other[0], "tier": "a"})
                else:
                    home = other[0] == space
                peer_fits = peer_fits or (home and selected(peer.get("podSelector", {}), other[1]))
            port_fits = not where
            for item in where:
                if item.get("protocol", "TCP") != "TCP":
                    continue
                low = {"http": 8080, "metrics": -1}.get(item.get("port"), item.get("port"))
                port_fits = port_fits or low is None or low <= port <= item.get("endPort", low)
            if peer_fits and port_fits:
                return True
    return not isolated


@settings(max_examples=600, deadline=None)
@given(policies, some_labels, some_labels, st.sampled_from(SPACES), st.sampled_from((8080, 8443)))
def test_agrees_with_an_independent_evaluation(
    everything: list[tuple[str, dict[str, Any]]],
    source_labels: dict[str, str],
    target_labels: dict[str, str],
    home: str,
    port: int,
) -> None:
    source = a_pod("ctl", namespace=home, node="node-2", meta={"labels": source_labels})
    target = a_pod("web", node="node-1", meta={"labels": target_labels})
    listed = [a_policy(f"p{index}", namespace=space, **spec) for index, (space, spec) in enumerate(everything)]
    labels = {"tier": "a"}

    verdict = evaluate(listed, Party.of(source, labels), Party.of(target, labels), port)

    expected = one_side(everything, "Ingress", ("shop", target_labels), (home, source_labels), port) and one_side(
        everything, "Egress", (home, source_labels), ("shop", target_labels), port
    )
    assert verdict.allowed is expected
    assert verdict.allowed or verdict.deciding.startswith("NetworkPolicy ")


addresses = st.integers(0, 2**16 - 1).map(lambda number: str(ipaddress.IPv4Address(0xCB007100 + number)))
blocks = st.tuples(addresses, st.integers(16, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")


@settings(max_examples=300, deadline=None)
@given(addresses, blocks, st.lists(blocks, max_size=2))
def test_ip_blocks_agree_with_bit_arithmetic(address: str, cidr: str, excepted: list[str]) -> None:
    def inside(block: str) -> bool:
        base, length = block.split("/")
        mask = (0xFFFFFFFF << (32 - int(length))) & 0xFFFFFFFF
        return int(ipaddress.IPv4Address(address)) & mask == int(ipaddress.IPv4Address(base)) & mask

    policy = ingress({"from": [{"ipBlock": {"cidr": cidr, "except": excepted}}]})

    verdict = evaluate([policy], Party(addresses=(address,)), Party.of(web()), 8080)

    assert verdict.allowed is (inside(cidr) and not any(inside(block) for block in excepted))


def test_a_peer_that_fits_by_half_is_the_nearest() -> None:
    peer = {**from_ns("kube-system"), "podSelector": {"matchLabels": {"app": "traefik"}}}
    allow = a_policy("allow-traefik", podSelector={}, ingress=[{"from": [peer], "ports": [{"port": 8080}]}])
    other = a_policy("allow-monitoring", podSelector={}, ingress=[{"from": [from_ns("monitoring")]}])

    verdict = evaluate([other, DENY, allow], Party.of(ctl()), Party.of(web()), 8080)

    assert verdict.deciding == "NetworkPolicy shop/allow-traefik"
    assert "opens the port for pods app=traefik of namespaces kubernetes.io/metadata.name=kube-system" in verdict.why
