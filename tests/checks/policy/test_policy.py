"""What the verdict of the policy model becomes as a finding, and the policy that is printed against it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from build.answers import an_exchange, an_origin
from build.backend import FORBIDDEN, NOT_ASKED, a_controller, a_decision, a_pod, a_policy, a_service, a_view
from build.values import replace
from ingressdoctor.api import BackendView, PolicyVerdict, Status, Unavailable
from ingressdoctor.collect.policy import judge, pairs
from ingressdoctor_checks.policy import controller_denied

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
