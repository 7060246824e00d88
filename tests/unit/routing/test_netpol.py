"""NetworkPolicy: the tricky cases one by one, and what it says about them."""

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


DNS = a_pod("dns", namespace="kube-system", labels={"k8s-app": "kube-dns"}, ip="10.42.9.9", node="node-3")
TO_DNS = {
    "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
OPEN_IN_CLOSED_OUT = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}]}
EGRESS = [
    pytest.param({**OPEN_IN_CLOSED_OUT, "egress": []}, "UDP", False, id="22-no-egress-no-dns"),
    pytest.param({**OPEN_IN_CLOSED_OUT, "egress": [TO_DNS]}, "UDP", True, id="22b-dns-allowed-udp"),
    pytest.param({**OPEN_IN_CLOSED_OUT, "egress": [TO_DNS]}, "TCP", True, id="22c-dns-allowed-tcp"),
    pytest.param(
        {**OPEN_IN_CLOSED_OUT, "egress": [{**TO_DNS, "ports": [{"port": 53}]}]}, "UDP", False, id="22d-tcp-is-no-udp"
    ),
]


@pytest.mark.parametrize(("spec", "protocol", "expected"), EGRESS)
def test_the_apps_own_way_out(spec: dict[str, Any], protocol: str, expected: bool) -> None:
    """Row 22: the way in stays open, and the application dies for want of DNS."""
    policy = a_policy(**spec)

    assert evaluate([policy], Party.of(ctl()), Party.of(web()), 8080).allowed is True
    assert evaluate([policy], Party.of(web()), Party.of(DNS), 53, protocol).allowed is expected


API = Party(addresses=("203.0.113.10",))
HOOK = a_pod("hook", namespace="cert-manager", ip="10.42.4.4", node="node-1")
HOOK_DENY = a_policy("deny", namespace="cert-manager", podSelector={}, policyTypes=["Ingress"])
WEBHOOK = [
    pytest.param(Party(node="node-3", addresses=("10.0.1.13",)), [HOOK_DENY], False, id="27-api-server-on-a-node"),
    pytest.param(API, [HOOK_DENY], False, id="27-api-server-outside"),
    pytest.param(Party(node="node-1", addresses=("10.0.1.11",)), [HOOK_DENY], True, id="27-on-the-pods-own-node"),
    pytest.param(
        Party(node="node-3", addresses=("10.0.1.13",)),
        [
            a_policy(
                namespace="cert-manager", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "10.0.1.0/24"}}]}]
            )
        ],
        None,
        id="27-opening-the-nodes-addresses-is-the-plugins-affair",
    ),
    pytest.param(
        Party(node="node-3"),
        [a_policy(namespace="cert-manager", podSelector={}, ingress=[{"ports": [{"port": 10250}]}])],
        True,
        id="27-opening-the-port-for-everyone-helps",
    ),
]


@pytest.mark.parametrize(("source", "policies", "expected"), WEBHOOK)
def test_the_api_server_calls_a_webhook(source: Party, policies: list[NetworkPolicy], expected: bool | None) -> None:
    """Row 27: the API server's packets come from a node or from outside, never from a pod that labels could name."""
    assert evaluate(policies, source, Party.of(HOOK), 10250).allowed is expected


SIDECAR = a_pod(
    "web",
    labels={"app": "web"},
    node="node-1",
    ports=(),
    spec={
        "containers": [{"name": "app"}],
        "initContainers": [
            {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "http", "containerPort": 8080}]}
        ],
    },
)
ODD: list[Any] = [
    pytest.param(ingress({"from": [{}]}), web(), None, id="a-peer-without-anything-is-refused-by-the-api"),
    pytest.param(ingress({"from": [None]}), web(), None, id="a-null-peer"),
    pytest.param(ingress({"ports": [{"port": True}]}), web(), None, id="a-port-that-is-a-boolean"),
    pytest.param(ingress({"ports": [{"port": [1]}]}), web(), None, id="a-port-that-is-a-list"),
    pytest.param(ingress({"ports": [{"port": "http", "endPort": 9000}]}), web(), None, id="end-port-with-a-name"),
    pytest.param(ingress({"ports": [{"endPort": 9000}]}), web(), None, id="end-port-without-a-port"),
    pytest.param(ingress({"ports": [{"port": 80, "endPort": True}]}), web(), None, id="end-port-that-is-a-boolean"),
    pytest.param(ingress({"ports": [None]}), web(), True, id="a-null-port-is-every-tcp-port"),
    pytest.param(ingress({"ports": [{"port": "http"}]}), SIDECAR, None, id="plugins-differ-on-sidecars"),
    pytest.param(ingress({"from": [{"ipBlock": {"cidr": "nonsense"}}]}), web(), None, id="no-cidr"),
    pytest.param(ingress({"from": [{"ipBlock": {"cidr": None}}]}), web(), None, id="null-cidr"),
]


@pytest.mark.parametrize(("policy", "target", "expected"), ODD)
def test_odd_objects(policy: NetworkPolicy, target: Pod, expected: bool | None) -> None:
    assert evaluate([policy], Party.of(ctl()), Party.of(target), 8080).allowed is expected


def test_ports_by_name_of_a_pod_in_its_nodes_network_are_the_plugins_affair() -> None:
    out = a_policy(
        "out", namespace="kube-system", podSelector={}, policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}]
    )

    assert evaluate([out], Party.of(ctl()), Party.of(web(host=True)), 8080).allowed is None
    assert evaluate([out], Party.of(ctl()), Party(addresses=("203.0.113.1",)), 8080).allowed is False


FAMILIES = [
    pytest.param("::ffff:203.0.113.9", "203.0.113.0/24", True, id="ipv4-in-ipv6-clothes"),
    pytest.param("2001:db8::1", "2001:db8::/32", True, id="ipv6"),
    pytest.param("2001:db8::1", "0.0.0.0/0", False, id="another-family"),
]


@pytest.mark.parametrize(("address", "cidr", "expected"), FAMILIES)
def test_address_families(address: str, cidr: str, expected: bool) -> None:
    policy = ingress({"from": [{"ipBlock": {"cidr": cidr}}]})

    assert evaluate([policy], Party(addresses=(address,)), Party.of(web()), 8080).allowed is expected


TITLES = [
    pytest.param(Party.of(web()), "Pod shop/web", id="pod"),
    pytest.param(Party(node="node-1"), "node node-1", id="node"),
    pytest.param(Party(addresses=("203.0.113.1",)), "203.0.113.1", id="address"),
    pytest.param(Party(), "an unknown address", id="nothing-known"),
]


@pytest.mark.parametrize(("party", "title"), TITLES)
def test_titles(party: Party, title: str) -> None:
    assert party.title == title


def test_nothing_is_guessed_about_an_address_that_is_not_known() -> None:
    policy = ingress({"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]})

    assert evaluate([policy], Party(), Party.of(web()), 8080).allowed is None
    pending = a_pod("ctl", namespace="kube-system", ip="", node="", spec={"hostNetwork": True}, status={"hostIP": ""})
    assert evaluate([policy], Party.of(pending), Party.of(web()), 8080).allowed is False
    assert evaluate([DENY], Party.of(pending), Party.of(a_pod("web", node="")), 8080).allowed is False


def test_a_rule_that_misses_both_ways_is_quoted_with_both() -> None:
    near = ingress(
        {"from": [{**from_ns("kube-system"), "podSelector": {"matchLabels": {"app": "x"}}}], "ports": [{"port": 80}]}
    )

    why = evaluate([near], Party.of(ctl()), Party.of(web()), 8080).why

    assert "is for pods app=x of namespaces kubernetes.io/metadata.name=kube-system, and for TCP/80" in why


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
