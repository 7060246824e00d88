"""What the verdict of the policy model becomes as a finding, and the policy that is printed against it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from build.answers import an_exchange, an_origin
from build.backend import FORBIDDEN, NOT_ASKED, a_controller, a_decision, a_pod, a_policy, a_service, a_view
from build.nodes import a_hop, a_state, node_states
from build.values import replace
from ingressdoctor.api import BackendView, PolicyVerdict, Status, Unavailable
from ingressdoctor.collect.policy import judge, pairs
from ingressdoctor_checks.policy import controller_denied
from ingressdoctor_checks.policy_host import host_network

DENY = a_policy("default-deny", podSelector={}, policyTypes=["Ingress"])
BLOCK = a_policy("by-address", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])
SILENT = a_policy("silent", namespace="traefik", podSelector={}, policyTypes=["Egress"])
CONTROLLER = a_controller()


def verdict(*policies: Any, view: BackendView | None = None) -> PolicyVerdict:
    return judge(pairs(view or a_view(), CONTROLLER), policies, {})


def find(
    given: PolicyVerdict | Unavailable, view: BackendView | Unavailable | None = None, origin: Any = NOT_ASKED
) -> Any:
    [finding] = controller_denied(a_decision(), view or a_view(), given, origin, NOT_ASKED, NOT_ASKED)
    return finding


DENIED = an_origin(an_exchange(504, body=b"Gateway Timeout"))
CASES: list[Any] = [
    pytest.param(verdict(), None, NOT_ASKED, Status.PASS, "No NetworkPolicy keeps the controller", id="no-policies"),
    pytest.param(verdict(DENY), None, DENIED, Status.FAIL, "shop/default-deny", id="denied"),
    pytest.param(verdict(DENY), None, NOT_ASKED, Status.FAIL, "shuts the controller out", id="denied-unseen"),
    pytest.param(
        verdict(DENY), None, an_origin(), Status.WARN, "nothing seems to enforce it", id="28-denied-yet-through"
    ),
    pytest.param(
        verdict(SILENT), None, DENIED, Status.FAIL, "does not let the controller out", id="egress-of-the-controller"
    ),
    pytest.param(verdict(BLOCK), None, NOT_ASKED, Status.WARN, "cannot be decided", id="undecided"),
    pytest.param(verdict(BLOCK), None, an_origin(), Status.PASS, "reaches the pods", id="undecided-but-it-works"),
    pytest.param(FORBIDDEN, None, DENIED, Status.UNKNOWN, "403", id="policies-unread"),
    pytest.param(NOT_ASKED, a_view(pods=()), DENIED, Status.SKIP, "no running pod", id="no-pods"),
    pytest.param(
        NOT_ASKED, a_view(service=a_service(ports=())), DENIED, Status.SKIP, "has no such port", id="no-such-port"
    ),
    pytest.param(NOT_ASKED, FORBIDDEN, DENIED, Status.UNKNOWN, "could not be looked at", id="backend-unread"),
]


@pytest.mark.parametrize(("given", "view", "origin", "status", "words"), CASES)
def test_controller_denied(given: Any, view: Any, origin: Any, status: Status, words: str) -> None:
    finding = find(given, view, origin)

    assert finding.status is status
    assert words in finding.summary
    assert len(finding.summary) <= 160


FOREIGN = replace(verdict(), foreign=("2 CiliumNetworkPolicy of namespace shop (lock, dns)",))
DOUBTS: list[Any] = [
    pytest.param(DENIED, Status.UNKNOWN, id="policies-of-the-plugin-may-deny"),
    pytest.param(NOT_ASKED, Status.UNKNOWN, id="nobody-asked-the-origin"),
    pytest.param(an_origin(), Status.PASS, id="requests-get-through-all-the-same"),
]


@pytest.mark.parametrize(("origin", "status"), DOUBTS)
def test_policies_of_the_plugin_are_named_and_not_judged(origin: Any, status: Status) -> None:
    finding = find(FOREIGN, origin=origin)

    assert finding.status is status
    assert any("CiliumNetworkPolicy of namespace shop" in fact.value for fact in finding.facts)


@pytest.mark.parametrize("policy", [DENY, SILENT], ids=lambda item: item.name)
def test_the_policy_that_is_printed_lets_the_controller_in(policy: Any) -> None:
    remedy = find(verdict(policy)).remedy

    printed = yaml.safe_load(remedy.manifest)
    added = a_policy(printed["metadata"]["name"], namespace=printed["metadata"]["namespace"], **printed["spec"])
    assert verdict(policy, added).allowed is True
    assert remedy.commands[-1].shell() == "kubectl apply -f -"


def test_a_controller_on_the_host_network_is_told_that_selectors_do_not_help() -> None:
    hosted = a_controller(a_pod("traefik-1", namespace="traefik", node="node-9", spec={"hostNetwork": True}))
    view = a_view()

    [finding] = controller_denied(
        a_decision(), view, judge(pairs(view, hosted), (DENY,), {}), NOT_ASKED, NOT_ASKED, NOT_ASKED
    )

    assert finding.status is Status.FAIL
    assert finding.remedy is not None
    assert "host network" in finding.remedy.text


def test_denied_from_one_node_only_is_not_a_plain_denial() -> None:
    """A controller on the host network reaches the pods of its own node and no other."""
    hosted = a_controller(a_pod("traefik-1", namespace="traefik", node="node-1", spec={"hostNetwork": True}))

    given = judge(pairs(a_view(), hosted), (DENY,), {})

    assert given.allowed is None
    assert "it depends on the node" in given.why


BY_LABELS = a_policy(
    "from-traefik",
    podSelector={},
    ingress=[
        {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "traefik"}}}]}
    ],
)
NODES_ONLY = a_policy("from-nodes", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "10.0.1.0/24"}}]}])
OTHERS = a_policy(
    "from-others", podSelector={}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]
)
ON_HOST = a_controller(
    a_pod(
        "traefik-1",
        namespace="kube-system",
        labels={"app.kubernetes.io/name": "traefik"},
        ip="10.0.1.13",
        node="node-3",
        spec={"hostNetwork": True},
    )
)
SAME_NODE = a_controller(
    a_pod("traefik-1", labels={"app.kubernetes.io/name": "traefik"}, node="node-1", spec={"hostNetwork": True})
)


def on_host(*policies: Any, controller: Any = ON_HOST) -> PolicyVerdict:
    return judge(pairs(a_view(), controller), policies, {})


BAD_GATEWAY = an_origin(an_exchange(502, body=b"Bad Gateway"))
ONE_OF_THREE = node_states(a_state(), a_state(number=2, hop=a_hop(2, 502)))
HOSTED = [
    pytest.param(on_host(BY_LABELS), BAD_GATEWAY, NOT_ASKED, Status.FAIL, "which do not count", id="by-labels"),
    pytest.param(on_host(BY_LABELS), an_origin(), ONE_OF_THREE, Status.FAIL, "which do not", id="one-node-shows-it"),
    pytest.param(on_host(BY_LABELS), an_origin(), NOT_ASKED, Status.WARN, "nothing seems to enforce", id="yet-through"),
    pytest.param(
        on_host(BY_LABELS, controller=SAME_NODE),
        BAD_GATEWAY,
        NOT_ASKED,
        Status.FAIL,
        "which do not",
        id="one-node-passes",
    ),
    pytest.param(on_host(NODES_ONLY), BAD_GATEWAY, NOT_ASKED, Status.FAIL, "the overlay's address", id="by-addresses"),
    pytest.param(
        on_host(NODES_ONLY), an_origin(), NOT_ASKED, Status.PASS, "No NetworkPolicy counts", id="addresses-work"
    ),
    pytest.param(on_host(OTHERS), BAD_GATEWAY, NOT_ASKED, Status.PASS, "No NetworkPolicy counts", id="denied-anyway"),
    pytest.param(on_host(), an_origin(), NOT_ASKED, Status.PASS, "No NetworkPolicy counts", id="no-policies"),
    pytest.param(verdict(BY_LABELS), an_origin(), NOT_ASKED, Status.SKIP, "does not run in", id="pods-of-their-own"),
    pytest.param(FORBIDDEN, an_origin(), NOT_ASKED, Status.UNKNOWN, "403", id="policies-unread"),
]


@pytest.mark.parametrize(("given", "origin", "states", "status", "words"), HOSTED)
def test_host_network(given: Any, origin: Any, states: Any, status: Status, words: str) -> None:
    [finding] = host_network(a_decision(), a_view(), given, origin, NOT_ASKED, states)

    assert finding.status is status
    assert words in finding.summary


def test_without_a_backend_nothing_is_said_of_the_host_network() -> None:
    [finding] = host_network(a_decision(), a_view(pods=()), NOT_ASKED, NOT_ASKED, NOT_ASKED, NOT_ASKED)

    assert finding.status is Status.SKIP
