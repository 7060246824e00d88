from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ingressdoctor.model.excuses import Suppression, Weekly, Window, excuse_of, suppression_of

SUNDAY = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
NIGHT = Weekly(day=6, first=2 * 60, last=4 * 60, zone="Europe/Athens")
OVER_MIDNIGHT = Weekly(day=5, first=23 * 60, last=2 * 60)


@pytest.mark.parametrize(
    ("weekly", "now", "holds"),
    [
        pytest.param(NIGHT, SUNDAY, True, id="half-past-three-in-athens"),
        pytest.param(NIGHT, SUNDAY - timedelta(hours=2), False, id="before-it-begins"),
        pytest.param(NIGHT, SUNDAY + timedelta(minutes=30), False, id="the-end-is-outside"),
        pytest.param(NIGHT, SUNDAY + timedelta(days=1), False, id="another-day"),
        pytest.param(NIGHT, SUNDAY.astimezone(timezone(timedelta(hours=9))), True, id="whatever-zone-now-is-in"),
        pytest.param(OVER_MIDNIGHT, SUNDAY, True, id="after-midnight-of-a-window-that-began-before"),
        pytest.param(OVER_MIDNIGHT, SUNDAY - timedelta(hours=2), True, id="before-midnight"),
        pytest.param(OVER_MIDNIGHT, SUNDAY + timedelta(hours=1), False, id="after-its-end"),
        pytest.param(OVER_MIDNIGHT, SUNDAY - timedelta(days=1), False, id="after-midnight-of-another-day"),
    ],
)
def test_hours_of_every_week(weekly: Weekly, now: datetime, holds: bool) -> None:
    assert weekly.holds(now) is holds


@pytest.mark.parametrize(
    ("window", "covers"),
    [
        pytest.param(Window(reason="r", end=LATER), True, id="no-pattern-is-everything"),
        pytest.param(Window(reason="r", end=SUNDAY), False, id="the-end-is-outside"),
        pytest.param(Window(reason="r", end=LATER, start=SUNDAY), True, id="the-start-is-inside"),
        pytest.param(Window(reason="r", end=LATER, start=SUNDAY + timedelta(seconds=1)), False, id="not-begun"),
        pytest.param(Window(reason="r", end=LATER, hosts=("*.Example.org",)), True, id="letters-of-any-case"),
        pytest.param(Window(reason="r", end=LATER, hosts=("example.org",)), False, id="another-host"),
        pytest.param(Window(reason="r", end=LATER, namespaces=("sho?",)), True, id="a-namespace"),
        pytest.param(Window(reason="r", end=LATER, namespaces=("blog",)), False, id="another-namespace"),
        pytest.param(
            Window(reason="r", end=LATER, hosts=("*.example.org",), namespaces=("blog",)), False, id="one-of-each"
        ),
        pytest.param(Window(reason="r", end=LATER, weekly=NIGHT), True, id="weekly-until-its-end"),
        pytest.param(Window(reason="r", end=SUNDAY, weekly=NIGHT), False, id="weekly-after-its-end"),
    ],
)
def test_a_window_covers_targets(window: Window, covers: bool) -> None:
    assert window.covers("www.example.org", ("shop",), SUNDAY) is covers


def test_a_target_that_no_object_names_is_in_no_namespace() -> None:
    assert not Window(reason="r", end=LATER, namespaces=("*",)).covers("www.example.org", (), SUNDAY)


def test_the_first_window_gives_the_reason() -> None:
    windows = (Window(reason="over", end=SUNDAY), Window(reason="move", end=LATER), Window(reason="also", end=LATER))

    assert excuse_of(windows, "www.example.org", (), SUNDAY) == "move"
    assert excuse_of(windows, "www.example.org", (), LATER) == ""


@pytest.mark.parametrize(
    ("suppression", "reason"),
    [
        pytest.param(
            Suppression(reason="r", until=date(2026, 11, 22), check="cert.*"), "r", id="to-the-end-of-its-day"
        ),
        pytest.param(Suppression(reason="r", until=date(2026, 11, 21), check="cert.*"), "", id="its-day-is-over"),
        pytest.param(Suppression(reason="r", until=date(2026, 12, 1), check="lb.*"), "", id="another-check"),
        pytest.param(Suppression(reason="r", until=date(2026, 12, 1), subject="Certificate *"), "r", id="by-subject"),
        pytest.param(Suppression(reason="r", until=date(2026, 12, 1), hosts=("a.*", "b.*")), "r", id="all-members"),
        pytest.param(
            Suppression(reason="r", until=date(2026, 12, 1), hosts=("a.*",)), "", id="one-member-is-not-covered"
        ),
    ],
)
def test_a_suppression_covers_causes(suppression: Suppression, reason: str) -> None:
    members = ("a.example.org", "b.example.org")

    assert suppression_of((suppression,), "cert.expiring", "Certificate shop/web", members, SUNDAY) == reason
