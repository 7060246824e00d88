"""What is said of the host's routes of the Gateway API, of their Gateways, and of what they refer to."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import FORBIDDEN, a_decision
from build.gateway import a_condition, a_parent, a_view
from build.outside import TARGET, exchange, visited
from build.routes import a_candidate
from build.routes import a_decision as a_route_decision
from ingressdoctor.api import Check, Finding, GatewayView, Inapplicable, Status
from ingressdoctor_checks.gateway import parent_missing, refs_not_resolved, route_not_accepted
from ingressdoctor_checks.gateway_parents import class_unknown, not_programmed

BROKEN = visited(exchange(404))
WORKS = visited(exchange(200))
NOBODY = a_route_decision()
OTHER = a_decision()
MINE = a_route_decision(a_candidate(name="shop", ref="HTTPRoute shop/shop"))
NONE = Inapplicable(wanted="it", reason="a route of another kind takes the request")
ALL = (parent_missing, route_not_accepted, refs_not_resolved, class_unknown, not_programmed)


def judged(check: Check, view: Any, decision: Any = NOBODY, outside: Any = BROKEN) -> tuple[Finding, ...]:
    return check(decision, view, outside, TARGET)


@pytest.mark.parametrize("check", ALL, ids=lambda item: item.id)
@pytest.mark.parametrize(
    ("view", "status", "words"),
    [
        pytest.param(NONE, Status.SKIP, "another kind", id="another-route-serves-it"),
        pytest.param(FORBIDDEN, Status.UNKNOWN, "403", id="may-not-be-read"),
        pytest.param(GatewayView(installed=False), Status.SKIP, "not installed", id="not-installed"),
        pytest.param(GatewayView(), Status.SKIP, "No HTTPRoute", id="no-route"),
        pytest.param(GatewayView(unread=(FORBIDDEN,)), Status.UNKNOWN, "403", id="a-kind-may-not-be-read"),
        pytest.param(a_view(), Status.PASS, "", id="everything-is-fine"),
    ],
)
def test_every_check(check: Check, view: Any, status: Status, words: str) -> None:
    (finding,) = judged(check, view)

    assert finding.status is status
    assert words in finding.summary


FALSE = a_condition(status="False", reason="NoMatchingListenerHostname")
PENDING = a_condition(status="Unknown", reason="Pending")
STALE = a_condition(status="False", reason="NotAllowedByListeners", stale=True)
BAD = a_condition("ResolvedRefs", "False", "BackendNotFound", message="service not found")
PORT = a_condition("Accepted", "False", "PortUnavailable", place="listener websecure of Gateway infra/main")
WHOLE = a_condition("Accepted", "False", "ListenersNotValid", place="Gateway infra/main")

CASES: list[Any] = [
    pytest.param(class_unknown, a_view(a_parent(exists=None)), Status.UNKNOWN, "could not be looked at", id="unread-1"),
    pytest.param(
        not_programmed, a_view(a_parent(exists=None)), Status.UNKNOWN, "could not be looked at", id="unread-2"
    ),
    pytest.param(
        route_not_accepted, a_view(a_parent(exists=None)), Status.PASS, "has accepted", id="by-its-own-status"
    ),
    pytest.param(
        parent_missing,
        a_view(a_parent(exists=False)),
        Status.FAIL,
        "Gateway infra/main does not exist",
        id="no-gateway",
    ),
    pytest.param(
        parent_missing, a_view(a_parent(section="x", meant=False)), Status.FAIL, "has no listener x", id="no-section"
    ),
    pytest.param(
        parent_missing, a_view(a_parent(port=1, meant=False)), Status.FAIL, "no listener on port 1", id="no-port"
    ),
    pytest.param(parent_missing, a_view(a_parent(exists=None)), Status.UNKNOWN, "could not be told", id="unread"),
    pytest.param(
        route_not_accepted, a_view(a_parent(accepted=FALSE)), Status.FAIL, "none of its hostnames", id="hostname"
    ),
    pytest.param(
        route_not_accepted, a_view(a_parent(accepted=PENDING)), Status.FAIL, "has not come to it", id="pending"
    ),
    pytest.param(
        route_not_accepted,
        a_view(a_parent(accepted=None, reported=False, why="NotAllowedByListeners", attached=False)),
        Status.FAIL,
        "nobody wrote a status for Gateway infra/main, and the listener takes no routes",
        id="no-status",
    ),
    pytest.param(
        route_not_accepted, a_view(a_parent(accepted=None)), Status.FAIL, "No controller has taken", id="nobody-at-all"
    ),
    pytest.param(
        route_not_accepted, a_view(a_parent(accepted=STALE)), Status.WARN, "older version", id="of-an-older-version"
    ),
    pytest.param(
        route_not_accepted, a_view(a_parent(exists=False)), Status.SKIP, "No parent", id="no-parent-to-accept"
    ),
    pytest.param(
        route_not_accepted, a_view(a_parent(waiting="nobody")), Status.SKIP, "No parent", id="class-comes-first"
    ),
    pytest.param(refs_not_resolved, a_view(a_parent(resolved=BAD)), Status.FAIL, "does not exist", id="backend"),
    pytest.param(
        refs_not_resolved,
        a_view(route={"unresolved": ("Service other/web without a ReferenceGrant there",)}),
        Status.FAIL,
        "no ReferenceGrant",
        id="not-permitted",
    ),
    pytest.param(
        class_unknown,
        a_view(a_parent(class_known=False)),
        Status.FAIL,
        "GatewayClass traefik does not exist",
        id="class",
    ),
    pytest.param(class_unknown, a_view(a_parent(waiting="it waits")), Status.FAIL, "it waits", id="class-waits"),
    pytest.param(
        class_unknown, a_view(a_parent(class_known=None)), Status.UNKNOWN, "could not be told", id="unread-class"
    ),
    pytest.param(class_unknown, a_view(a_parent(exists=False)), Status.SKIP, "No Gateway", id="no-gateway-no-class"),
    pytest.param(
        not_programmed, a_view(a_parent(troubles=(PORT, WHOLE))), Status.FAIL, "no entry point", id="listener"
    ),
    pytest.param(
        not_programmed, a_view(a_parent(troubles=(WHOLE,))), Status.FAIL, "one of its listeners", id="gateway-alone"
    ),
    pytest.param(not_programmed, a_view(a_parent(exists=False)), Status.SKIP, "No Gateway", id="no-gateway-to-judge"),
    pytest.param(
        not_programmed,
        a_view(a_parent(troubles=(a_condition("Programmed", "False", "Invalid", place="x", stale=True),))),
        Status.WARN,
        "not in service",
        id="stale",
    ),
]


@pytest.mark.parametrize(("check", "view", "status", "words"), CASES)
def test_findings(check: Check, view: GatewayView, status: Status, words: str) -> None:
    (finding,) = judged(check, view)

    assert finding.status is status
    assert words in finding.summary
    assert status is not Status.FAIL or (finding.remedy is not None and finding.remedy.commands)


@pytest.mark.parametrize(
    ("check", "view"),
    [
        pytest.param(parent_missing, a_view(a_parent(exists=False)), id="parent"),
        pytest.param(route_not_accepted, a_view(a_parent(accepted=FALSE)), id="acceptance"),
        pytest.param(class_unknown, a_view(a_parent(class_known=False)), id="class"),
        pytest.param(not_programmed, a_view(a_parent(troubles=(PORT,))), id="listener"),
        pytest.param(refs_not_resolved, a_view(a_parent(resolved=BAD)), id="references"),
    ],
)
@pytest.mark.parametrize(
    ("decision", "outside", "status"),
    [
        pytest.param(OTHER, BROKEN, Status.WARN, id="another-route-takes-the-request"),
        pytest.param(MINE, BROKEN, Status.FAIL, id="it-is-the-route-that-takes-it"),
        pytest.param(MINE, WORKS, Status.WARN, id="and-it-works"),
        pytest.param(FORBIDDEN, BROKEN, Status.FAIL, id="routes-not-read"),
    ],
)
def test_what_is_served_anyway_is_a_warning(
    check: Check, view: GatewayView, decision: Any, outside: Any, status: Status
) -> None:
    assert judged(check, view, decision, outside)[0].status is status


def test_another_parent_of_the_route_may_serve_it() -> None:
    view = a_view(a_parent(), a_parent(ref="Gateway infra/gone", exists=False))
    (finding,) = (item for item in judged(parent_missing, view, MINE) if item.status is not Status.PASS)

    assert finding.status is Status.WARN


def test_a_listener_of_others_is_no_matter_of_this_host() -> None:
    (finding,) = judged(not_programmed, a_view(a_parent(troubles=(WHOLE,))), MINE, WORKS)

    assert finding.status is Status.PASS
    assert "not one of this host's" in finding.summary


def test_a_route_of_another_controller_counts_as_served() -> None:
    view = a_view(a_parent(), a_parent(ref="Gateway infra/gone", exists=False), taker="HTTPRoute shop/other")

    assert Status.FAIL not in {item.status for item in judged(parent_missing, view)}
