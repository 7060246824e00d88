"""The load balancer: does it exist, and does the Service publish its addresses?"""

from __future__ import annotations

from typing import Any

import pytest

from build.hetzner import a_balancer, a_controller, a_lookup, a_server, a_service
from ingressdoctor.api import LoadBalancerLookup, Status
from ingressdoctor_checks.balancer import address_mismatch, missing

MISSING = [
    pytest.param(a_lookup(), {}, Status.PASS, "exists", id="found-by-its-label"),
    pytest.param(a_lookup(missing=True), {}, Status.FAIL, "does not exist", id="project-holds-none-of-it"),
    pytest.param(
        a_lookup(missing=True, project=("other",)), {}, Status.FAIL, "does not exist", id="only-other-balancers"
    ),
    pytest.param(
        a_lookup(missing=True, nodes_here=False), {}, Status.UNKNOWN, "another project", id="token-of-another-project"
    ),
    pytest.param(
        a_lookup(missing=True, nodes_here=None, servers=()),
        {},
        Status.UNKNOWN,
        "another project",
        id="empty-project-and-no-pods-to-compare",
    ),
    pytest.param(
        a_lookup(missing=True, nodes_here=None), {}, Status.FAIL, "does not exist", id="servers-but-no-pods-to-compare"
    ),
    pytest.param(
        a_lookup(missing=True, not_in_path="the Service is of type NodePort"),
        {},
        Status.SKIP,
        "NodePort",
        id="no-balancer-belongs-here",
    ),
    pytest.param(
        a_lookup(a_balancer(name="renamed")), {}, Status.WARN, "renamed", id="renamed-by-hand-is-only-a-warning"
    ),
    pytest.param(
        a_lookup(a_balancer(labels={}), matched_by="name lb"),
        {},
        Status.WARN,
        "does not carry the label",
        id="recognised-without-its-label",
    ),
    pytest.param(
        a_lookup(a_balancer(labels={"hcloud-ccm/service-uid": "old"}), matched_by="name lb"),
        {},
        Status.WARN,
        "does not carry the label",
        id="label-of-an-earlier-service",
    ),
    pytest.param(
        a_lookup(a_balancer(labels={}), matched_by="node ports 30443"),
        {"service": a_service(kind="NodePort", annotations={}, ingress=())},
        Status.PASS,
        "exists",
        id="hand-made-balancer-needs-no-label",
    ),
    pytest.param(a_lookup(rivals=("lb-2",)), {}, Status.WARN, "lb-2", id="two-carry-the-same-label"),
]


@pytest.mark.parametrize(("lookup", "controller", "status", "says"), MISSING)
def test_missing(lookup: LoadBalancerLookup, controller: dict[str, Any], status: Status, says: str) -> None:
    [finding] = missing(lookup, a_controller(**controller))

    assert finding.status is status
    assert says in finding.summary
    assert status in (Status.PASS, Status.SKIP, Status.UNKNOWN) or finding.remedy is not None


def test_missing_says_by_what_it_was_looked_for_and_what_there_is() -> None:
    [finding] = missing(a_lookup(missing=True, project=("shop-lb",)), a_controller())

    assert {fact.value for fact in finding.facts} >= {"shop-lb"}
    assert any("hcloud-ccm/service-uid" in fact.value for fact in finding.facts)


def published(*addresses: str) -> dict[str, Any]:
    return {"service": a_service(ingress=tuple({"ip": address} for address in addresses))}


ADDRESSES = [
    pytest.param(a_lookup(), published("203.0.113.10", "2001:db8::1"), Status.PASS, "", id="both-families"),
    pytest.param(a_lookup(), published("203.0.113.10"), Status.PASS, "", id="ipv4-only-is-enough"),
    pytest.param(a_lookup(), published("203.0.113.10", "10.0.1.5"), Status.PASS, "", id="private-address-too"),
    pytest.param(
        a_lookup(), published("2001:DB8:0::0001"), Status.PASS, "", id="ipv6-is-compared-in-its-canonical-form"
    ),
    pytest.param(a_lookup(), published("203.0.113.99"), Status.FAIL, "left over", id="address-of-nothing"),
    pytest.param(
        a_lookup(), published("203.0.113.10", "203.0.113.99"), Status.WARN, "203.0.113.99", id="one-of-two-is-foreign"
    ),
    pytest.param(a_lookup(), published("10.0.1.11", "10.0.1.12"), Status.FAIL, "ServiceLB", id="addresses-of-nodes"),
    pytest.param(a_lookup(), published(), Status.WARN, "publishes no address", id="still-pending"),
    pytest.param(
        a_lookup(),
        {"service": a_service(ingress=({"hostname": "lb.example.org"},))},
        Status.PASS,
        "",
        id="hostname-mode",
    ),
    pytest.param(
        a_lookup(),
        {"service": a_service(kind="NodePort", ingress=())},
        Status.SKIP,
        "",
        id="nodeport-publishes-nothing",
    ),
    pytest.param(a_lookup(missing=True), {}, Status.SKIP, "no load balancer", id="missing-is-said-elsewhere"),
]


@pytest.mark.parametrize(("lookup", "controller", "status", "says"), ADDRESSES)
def test_address_mismatch(lookup: LoadBalancerLookup, controller: dict[str, Any], status: Status, says: str) -> None:
    [finding] = address_mismatch(lookup, a_controller(**controller))

    assert finding.status is status
    assert says in finding.summary


def test_a_missing_service_is_no_mismatch() -> None:
    [finding] = address_mismatch(a_lookup(servers=(a_server(),)), a_controller(without_service=True))

    assert finding.status is Status.SKIP
