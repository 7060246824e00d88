"""What several places saw of one target, as one outcome."""

from __future__ import annotations

import pytest

from build.sweep import NO_TARGETS, NOT_READY, OFFLINE, ONE_REPLICA, degraded, healthy, outcome, unknown
from ingressdoctor.fleet.vantages import Gathering, merged
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome

HOST = "www.example.org"
EU_WELL = healthy(HOST, vantage="eu")
US_WELL = healthy(HOST, vantage="us")
US_DOWN = outcome(HOST, vantage="us")


def ids(found: Outcome) -> list[str]:
    return [item.check_id for item in found.warnings]


@pytest.mark.parametrize(
    ("seen", "verdict", "warns"),
    [
        pytest.param((EU_WELL,), Verdict.HEALTHY, [], id="one-place"),
        pytest.param((EU_WELL, US_WELL), Verdict.HEALTHY, [], id="both-well"),
        pytest.param((EU_WELL, US_DOWN), Verdict.BROKEN, ["vantage.disagreement"], id="one-sees-it-broken"),
        pytest.param((outcome(HOST, vantage="eu"), US_DOWN), Verdict.BROKEN, [], id="both-see-the-same-cause"),
        pytest.param(
            (outcome(HOST, vantage="eu", causes=(NOT_READY,)), US_DOWN),
            Verdict.BROKEN,
            ["vantage.disagreement"],
            id="they-see-different-causes",
        ),
        pytest.param(
            (EU_WELL, degraded(HOST, vantage="us")),
            Verdict.DEGRADED,
            ["vantage.disagreement", "backend.single-replica"],
            id="one-warns",
        ),
        pytest.param((EU_WELL, unknown(HOST, vantage="us")), Verdict.HEALTHY, [], id="one-cannot-see"),
        pytest.param((unknown(HOST, vantage="eu"), US_DOWN), Verdict.BROKEN, [], id="the-one-that-sees-sees-it-broken"),
        pytest.param(
            (unknown(HOST, vantage="eu"), unknown(HOST, vantage="us")), Verdict.UNKNOWN, [], id="neither-can-see"
        ),
        pytest.param(
            (EU_WELL, unknown(HOST, vantage="us", causes=(OFFLINE,))), Verdict.HEALTHY, [], id="one-is-offline"
        ),
    ],
)
def test_the_worst_that_was_seen_counts(seen: tuple[Outcome, ...], verdict: Verdict, warns: list[str]) -> None:
    found = merged(seen)

    assert (found.verdict, ids(found)) == (verdict, warns)
    assert found.vantage == ",".join(item.vantage for item in seen)


def test_a_disagreement_names_who_saw_what() -> None:
    (warning,) = merged((EU_WELL, US_DOWN)).warnings

    assert warning.summary == f"{HOST} is healthy from eu, broken from us (lb.no-targets)."
    assert warning.subject == HOST


def test_causes_of_all_who_see_it_broken_stand_side_by_side_without_doubles() -> None:
    eu = outcome(HOST, vantage="eu", causes=(NO_TARGETS, NOT_READY), unseen=("no token",), warnings=(ONE_REPLICA,))
    us = outcome(HOST, vantage="us", causes=(NO_TARGETS,), unseen=("no token", "no route"), warnings=(ONE_REPLICA,))
    found = merged((eu, us))

    assert found.causes == (NO_TARGETS, NOT_READY)
    assert found.warnings == (ONE_REPLICA,)
    assert found.unseen == ("no token", "no route")


def test_outcomes_wait_for_each_other_and_keep_the_order_of_the_places() -> None:
    got = list[Outcome]()
    gathering = Gathering(("eu", "us"), got.append)
    gathering.add(US_WELL)
    assert got == []
    gathering.add(healthy("other.example.org", vantage="eu"))
    gathering.add(EU_WELL)

    assert [(item.name, item.vantage) for item in got] == [(HOST, "eu,us")]
    gathering.rest()
    gathering.rest()
    assert [(item.name, item.vantage) for item in got] == [(HOST, "eu,us"), ("other.example.org", "eu")]


def test_one_place_without_a_name_waits_for_nobody() -> None:
    got = list[Outcome]()
    Gathering(("",), got.append).add(healthy(HOST, vantage=""))

    assert got == [healthy(HOST, vantage="")]
