"""What Argo CD says of the objects that a request passes."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import FORBIDDEN
from ingressdoctor.api import Check, Inapplicable, OwnedObject, OwningApplication, PathOwners, Status
from ingressdoctor_checks.gitops_path import app_degraded, not_applied, sync_failed

NONE = Inapplicable(wanted="it", reason="nothing is wrong that git could explain")


def owned(status: str = "Synced", lacking: str = "", **application: Any) -> PathOwners:
    app = OwningApplication(**({"name": "shop", "namespace": "argocd", "health": "Healthy"} | application))
    return PathOwners(objects=(OwnedObject(ref="Service shop/web", application=app, status=status, lacking=lacking),))


FAILED = {"operation": "Failed", "message": "one or more objects failed to apply"}

CASES: list[Any] = [
    *(
        pytest.param(check, owners, status, words, id=f"{name}-{check.id}")
        for check in (sync_failed, not_applied, app_degraded)
        for name, owners, status, words in (
            ("nothing-to-explain", NONE, Status.SKIP, "was not asked"),
            ("may-not-be-read", FORBIDDEN, Status.UNKNOWN, "403"),
            ("nobody-tracks-it", PathOwners(), Status.SKIP, "No Argo CD Application"),
            ("all-is-well", owned(), Status.PASS, ""),
        )
    ),
    pytest.param(
        sync_failed,
        owned("OutOfSync", "the Service", **FAILED),
        Status.FAIL,
        "the request lacks the Service",
        id="failed",
    ),
    pytest.param(sync_failed, owned("OutOfSync", **FAILED), Status.WARN, "is not what git says", id="nothing-lacks"),
    pytest.param(sync_failed, owned(**FAILED), Status.WARN, "Service shop/web is as in git", id="another-object"),
    pytest.param(
        sync_failed,
        owned("OutOfSync", "a route", trouble="ComparisonError: x"),
        Status.FAIL,
        "ComparisonError",
        id="unread-git",
    ),
    pytest.param(not_applied, owned("OutOfSync", "the Service"), Status.FAIL, "does not sync by itself", id="manual"),
    pytest.param(
        not_applied,
        owned("OutOfSync", "the Service", automated=True),
        Status.FAIL,
        "has not synced it yet",
        id="waiting",
    ),
    pytest.param(not_applied, owned("OutOfSync"), Status.WARN, "not what git says", id="drift"),
    pytest.param(not_applied, owned("OutOfSync", "x", **FAILED), Status.PASS, "", id="said-by-the-failed-sync"),
    pytest.param(app_degraded, owned(health="Degraded"), Status.WARN, "is Degraded", id="degraded"),
    pytest.param(app_degraded, owned(health="Progressing"), Status.PASS, "Progressing", id="progressing-may-last"),
    pytest.param(app_degraded, owned(health=""), Status.PASS, "without a health", id="no-health"),
]


@pytest.mark.parametrize(("check", "owners", "status", "words"), CASES)
def test_findings(check: Check, owners: Any, status: Status, words: str) -> None:
    (finding,) = check(owners)

    assert finding.status is status
    assert words in finding.summary


@pytest.mark.parametrize(("heals", "said"), [(True, "make them in git"), (False, "then sync the Application.")])
def test_where_to_repair(heals: bool, said: str) -> None:
    (finding,) = sync_failed(owned("OutOfSync", "x", self_heal=heals, **FAILED))

    assert finding.remedy is not None
    assert finding.remedy.text.endswith(f"{said}." if heals else said)
