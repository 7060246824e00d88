"""The load balancer's targets: are there any, and are they healthy where it matters?"""

from __future__ import annotations

from typing import Any

import pytest

from build.hetzner import (
    NOT_ASKED,
    a_balancer,
    a_controller,
    a_listener,
    a_lookup,
    a_node,
    a_pod,
    a_server,
    a_service,
    a_target,
    nodes,
)
from build.origin_port import BY_HTTPS, BY_SQL, FLEXIBLE
from ingressdoctor.api import ClusterNodes, LoadBalancer, LoadBalancerLookup, Status, Unavailable
from ingressdoctor_checks.balancer_targets import no_targets, targets_unhealthy

EMPTY = a_lookup(a_balancer(targets=()))
ALL_OUT = nodes(a_node(1, exclude=""), a_node(2, exclude="true"))
TARGETS = [
    pytest.param(a_lookup(), NOT_ASKED, Status.PASS, "", id="three-targets"),
    pytest.param(EMPTY, NOT_ASKED, Status.FAIL, "sync", id="none"),
    pytest.param(EMPTY, ALL_OUT, Status.FAIL, "kept out", id="every-node-carries-the-exclude-label"),
    pytest.param(EMPTY, nodes(a_node(1, exclude="false")), Status.FAIL, "sync", id="exclude-label-false-includes"),
    pytest.param(a_lookup(a_balancer(max_targets=3)), NOT_ASKED, Status.WARN, "larger type", id="type-is-full"),
    pytest.param(a_lookup(a_balancer(max_targets=None)), NOT_ASKED, Status.PASS, "", id="limit-not-told"),
    pytest.param(a_lookup(missing=True), NOT_ASKED, Status.SKIP, "", id="no-balancer"),
]


@pytest.mark.parametrize(("lookup", "known", "status", "remedy"), TARGETS)
def test_no_targets(lookup: LoadBalancerLookup, known: ClusterNodes | Unavailable, status: Status, remedy: str) -> None:
    [finding] = no_targets(lookup, a_controller(), known)

    assert finding.status is status
    assert remedy in (finding.remedy.text if finding.remedy else "")


def test_a_hand_made_selector_that_matches_nothing_is_named() -> None:
    lookup = a_lookup(a_balancer(targets=(), selectors=("role=worker",), labels={}))
    controller = a_controller(service=a_service(kind="NodePort", annotations={}))

    [finding] = no_targets(lookup, controller, NOT_ASKED)

    assert finding.remedy is not None
    assert "role=worker" in finding.remedy.text


def test_a_hand_made_balancer_gets_its_targets_by_hand() -> None:
    controller = a_controller(service=a_service(kind="NodePort", annotations={}))

    [finding] = no_targets(a_lookup(a_balancer(targets=(), labels={})), controller, NOT_ASKED)

    assert finding.remedy is not None
    assert "add-target" in finding.remedy.commands[0].argv


def of(*health: str, **parts: Any) -> LoadBalancer:
    """A load balancer whose targets 1, 2, 3 ... have that health."""
    detail = parts.pop("detail", "")
    targets = tuple(
        a_target(number, health=state, detail=detail if state == "unhealthy" else "")
        for number, state in enumerate(health, 1)
    )
    return a_balancer(targets=targets, **parts)


LOCAL = a_service(spec={"externalTrafficPolicy": "Local"})
HEALTH = [
    pytest.param(of("healthy", "healthy", "healthy"), {}, Status.PASS, "3 of 3", id="all-healthy"),
    pytest.param(of("healthy", "healthy", "unhealthy"), {}, Status.WARN, "node-3", id="one-of-three"),
    pytest.param(of("unhealthy", "unhealthy", "unhealthy"), {}, Status.FAIL, "No target", id="all-unhealthy"),
    pytest.param(of("unhealthy", "unknown", "unknown"), {}, Status.FAIL, "No target", id="none-healthy-rest-unknown"),
    pytest.param(of("unknown", "unknown"), {}, Status.WARN, "not finished", id="not-checked-yet"),
    pytest.param(of("healthy", "unknown"), {}, Status.PASS, "1 of 2", id="a-new-target-is-no-fault"),
    pytest.param(
        of("unhealthy", "unhealthy", detail="layer4_timeout"), {}, Status.FAIL, "does not answer", id="common-reason"
    ),
    pytest.param(
        of("healthy", "healthy", "unhealthy"),
        {"service": LOCAL},
        Status.PASS,
        "by design",
        id="policy-local-without-a-pod-is-by-design",
    ),
    pytest.param(
        of("healthy", "unhealthy", "unhealthy"),
        {"service": LOCAL},
        Status.WARN,
        "node-2",
        id="policy-local-with-a-pod-is-a-fault",
    ),
    pytest.param(
        of("unhealthy", "unhealthy", "unhealthy"),
        {"service": LOCAL, "pods": (a_pod(ready=False),)},
        Status.FAIL,
        "No target",
        id="policy-local-without-any-ready-pod",
    ),
    pytest.param(a_balancer(targets=()), {}, Status.SKIP, "no targets", id="no-targets-is-said-elsewhere"),
    pytest.param(a_balancer(services=()), {}, Status.SKIP, "no service", id="no-service-is-said-elsewhere"),
]


@pytest.mark.parametrize(("balancer", "controller", "status", "says"), HEALTH)
def test_targets_unhealthy(balancer: LoadBalancer, controller: dict[str, Any], status: Status, says: str) -> None:
    first = targets_unhealthy(a_lookup(balancer), a_controller(**controller), NOT_ASKED, BY_HTTPS)[0]

    assert first.status is status
    assert says in first.summary


def test_a_port_that_is_not_asked_for_is_at_most_a_warning() -> None:
    ill = a_target(1, health="unhealthy")
    only_80 = a_balancer(targets=(ill,), services=(a_listener(80, to=30080),))

    statuses = [f.status for f in targets_unhealthy(a_lookup(only_80), a_controller(), NOT_ASKED, BY_HTTPS)]

    assert statuses == [Status.WARN]


def test_an_edge_in_flexible_mode_asks_port_80() -> None:
    only_80 = a_balancer(targets=(a_target(1, health="unhealthy"),), services=(a_listener(80, to=30080),))

    [finding] = targets_unhealthy(a_lookup(only_80), a_controller(), NOT_ASKED, FLEXIBLE)

    assert finding.status is Status.FAIL


def test_sql_looks_at_its_own_port_only() -> None:
    findings = targets_unhealthy(a_lookup(), a_controller(), NOT_ASKED, BY_SQL)

    assert [f.status for f in findings] == [Status.PASS]
    assert "3306" in findings[0].summary


HINTS = [
    pytest.param(a_lookup(of("unhealthy"), servers=(a_server(1, status="off"),)), NOT_ASKED, "off", id="server-is-off"),
    pytest.param(a_lookup(of("unhealthy"), servers=()), NOT_ASKED, "no longer exists", id="server-is-gone"),
    pytest.param(a_lookup(of("unhealthy")), nodes(a_node(1, ready=False)), "NotReady", id="node-is-not-ready"),
    pytest.param(a_lookup(of("unhealthy", detail="layer4_no_connection")), NOT_ASKED, "refuses", id="node-refuses"),
    pytest.param(
        a_lookup(of("unhealthy", detail="unexpected_http_status 404")), NOT_ASKED, "another status", id="http-status"
    ),
    pytest.param(
        a_lookup(of("unhealthy", detail="something_new"), servers_unread="403"), NOT_ASKED, "No target", id="new-detail"
    ),
]


@pytest.mark.parametrize(("lookup", "known", "says"), HINTS)
def test_the_reason_is_told(lookup: LoadBalancerLookup, known: ClusterNodes | Unavailable, says: str) -> None:
    first = targets_unhealthy(lookup, a_controller(), known, BY_HTTPS)[0]

    assert says in first.summary


@pytest.mark.parametrize(
    ("private", "asks_for_firewall"),
    [
        pytest.param(True, False, id="firewalls-do-not-stand-in-private-networks"),
        pytest.param(False, True, id="public-targets-stand-behind-firewalls"),
    ],
)
def test_a_timeout_points_at_what_can_drop(*, private: bool, asks_for_firewall: bool) -> None:
    ill = a_target(1, health="unhealthy", detail="layer4_timeout", private=private)
    first = targets_unhealthy(a_lookup(a_balancer(targets=(ill,))), a_controller(), NOT_ASKED, BY_HTTPS)[0]

    assert first.remedy is not None
    assert any("firewall" in command.argv for command in first.remedy.commands) is asks_for_firewall


def test_what_ails_a_node_is_said_once_for_both_ports() -> None:
    balancer = of("healthy", "unhealthy")

    (finding,) = targets_unhealthy(a_lookup(balancer), a_controller(), NOT_ASKED, BY_HTTPS)

    assert finding.status is Status.WARN
    assert "on ports 443 and 80" in finding.summary
