"""What Argo CD says about a route that the cluster does not have."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import FORBIDDEN, HOST, a_decision
from build.certificates import a_resource, an_application
from build.values import replace
from ingressdoctor.api import GitOpsView, Status, Unavailable
from ingressdoctor.collect.gitops import judge
from ingressdoctor.evidence.certificates import Stated
from ingressdoctor_checks.gitops import out_of_sync

ABSENT = Unavailable(wanted="it", reason="Argo CD is not installed")
OWNED = GitOpsView(application="shop-prod", sync_status="", health_status="", operation="", message="", self_heal=False)


def listed(*applications: Stated, present: frozenset[tuple[str, str, str]] | None = frozenset()) -> GitOpsView:
    return judge(applications, present, HOST)


ROUTE = a_resource()
THERE = frozenset({("IngressRoute", "shop", "web")})
FAILED: dict[str, Any] = {"operationState": {"phase": "Failed", "message": "one or more objects failed to apply"}}
HEAL: dict[str, Any] = {"automated": {"selfHeal": True}}

CASES: list[Any] = [
    pytest.param(ABSENT, False, Status.SKIP, "not installed", id="not-installed"),
    pytest.param(FORBIDDEN, False, Status.UNKNOWN, "403", id="may-not-be-read"),
    pytest.param(OWNED, True, Status.PASS, "tracked by Application shop-prod", id="live-route-has-an-owner"),
    pytest.param(
        replace(OWNED, application=""),
        True,
        Status.SKIP,
        "tracks the route",
        id="live-route-without-an-owner",
    ),
    pytest.param(listed(an_application(resources=[ROUTE])), False, Status.FAIL, "is OutOfSync", id="route-only-in-git"),
    pytest.param(
        listed(an_application(resources=[a_resource(health={"status": "Missing"})]), present=None),
        False,
        Status.FAIL,
        "is in git and not in the cluster",
        id="missing-by-its-health",
    ),
    pytest.param(
        listed(an_application(resources=[ROUTE], **FAILED)),
        False,
        Status.FAIL,
        "objects failed to apply",
        id="sync-failed",
    ),
    pytest.param(
        listed(
            an_application(resources=[ROUTE], conditions=[{"type": "ComparisonError", "message": "Failed to load"}])
        ),
        False,
        Status.FAIL,
        "ComparisonError: Failed to load",
        id="comparison-error",
    ),
    pytest.param(
        listed(an_application(resources=[ROUTE]), present=THERE),
        False,
        Status.SKIP,
        "tracks a route",
        id="route-differs",
    ),
    pytest.param(
        listed(an_application(resources=[a_resource(status="Synced")], sync="Synced")),
        False,
        Status.WARN,
        "calls IngressRoute shop/web synced",
        id="synced-but-gone",
    ),
    pytest.param(
        listed(
            an_application(
                "blog",
                resources=[
                    {**a_resource(name="a"), "namespace": "blog"},
                    {**a_resource(name="b"), "namespace": "blog"},
                ],
            )
        ),
        False,
        Status.WARN,
        "may be the route",
        id="two-unrelated-routes-are-only-a-hint",
    ),
    pytest.param(
        listed(an_application(**FAILED)), False, Status.WARN, "last sync of Application", id="failed-sync-alone"
    ),
    pytest.param(listed(), False, Status.SKIP, "tracks a route", id="no-applications"),
    pytest.param(
        listed(an_application(resources=[{"kind": None}, {}]), an_application("x", resources=[{"kind": "Ingress"}])),
        False,
        Status.SKIP,
        "tracks a route",
        id="nulls-in-resources",
    ),
]


@pytest.mark.parametrize(("view", "routed", "status", "words"), CASES)
def test_out_of_sync(view: Any, routed: bool, status: Status, words: str) -> None:
    [finding] = out_of_sync(a_decision(routed=routed), view)

    assert finding.status is status
    assert words in finding.summary


def test_self_heal_says_fix_it_in_git() -> None:
    [finding] = out_of_sync(a_decision(routed=False), listed(an_application(resources=[ROUTE], **HEAL)))

    assert finding.remedy is not None
    assert "fix it in git" in finding.remedy.text


def test_the_related_application_leads() -> None:
    other = an_application("blog", resources=[{**a_resource(name="a"), "namespace": "blog"}])

    view = listed(other, an_application(resources=[ROUTE]))

    assert view.application == "shop-prod"
    assert [item.related for item in view.missing] == [True, False]
