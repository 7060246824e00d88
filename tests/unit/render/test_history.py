"""Histories on a page: within its width, harmless whatever they hold, and never better than what was seen."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from build.history import HOST, at
from build.sweep import NO_TARGETS, incident
from build.values import replace
from ingressdoctor.model.history import HostHistory, HostSummary, Span, State, Uptime
from ingressdoctor.model.report import Verdict
from ingressdoctor.render.history import history_to_terminal, hosts_to_terminal, span_of_time
from ingressdoctor.render.history_v1 import history_to_json
from ingressdoctor.render.page import Page

HOSTILE = "\x1b[31m[bold]\u202e\x00 | \n" + "x" * 300
WEEK = Uptime(period_s=604_800, up_s=500_000, down_s=4_800, unknown_s=30_000, unwatched_s=70_000)


def a_state(**over: object) -> State:
    """Broken for an hour."""
    value = State(
        name=HOST,
        verdict=Verdict.BROKEN,
        since=at(-60),
        last_seen=at(0),
        looks=12,
        last_well=at(-65),
        last_failing=at(0),
        headline=f"{HOST} is down",
        causes=(NO_TARGETS,),
        vantage="eu",
    )
    return replace(value, **over)


def a_history(**over: object) -> HostHistory:
    """One span that was well and one that is not, with what was different."""
    value = HostHistory(
        name=HOST,
        since=at(-10_080),
        until=at(1),
        state=a_state(),
        spans=(
            Span(verdict=Verdict.HEALTHY, started=at(-300), ended=at(-65), looks=48),
            Span(verdict=Verdict.BROKEN, started=at(-60), ended=at(0), looks=12, causes=(NO_TARGETS,)),
        ),
        period=WEEK,
        uptime=(replace(WEEK, period_s=86_400), WEEK, replace(WEEK, period_s=2_592_000)),
        incidents=(incident(),),
        outages=2,
        mean_recovery_s=660,
        different=(("lb.no-targets/targets", "3", "0"), ("dns.x/new", "", "1")),
    )
    return replace(value, **over)


def test_a_host_that_fails() -> None:
    page = history_to_terminal(a_history(), Page())

    assert page.splitlines() == [
        "✖ shop001.example.org: broken for 1 h 1 min, since 2026-01-02 02:04 UTC (12",
        "  looks from eu)",
        "  shop001.example.org is down",
        "  last look 2026-01-02 03:04 UTC, 1 min ago",
        "  last well 2026-01-02 01:59 UTC",
        "  what was different then:",
        "    targets: 3 → 0  lb.no-targets",
        "    new: nothing → 1  dns.x",
        "  up: 24 h 99.05 % (of 100 % seen), 7 d 99.05 % (of 83 % seen), 30 d 99.05 % (of",
        "      19 % seen)",
        "  2 outages since 2025-12-26 03:04 UTC, recovered after 11 min on average; down",
        "    1 h 20 min, could not tell 8 h 20 min, nobody looked 19 h 26 min",
        "",
        "✔ 2026-01-01 22:04  3 h 55 min   48 looks  healthy",
        "✖ 2026-01-02 02:04  1 h          12 looks  lb.no-targets Load balancer ecnv4-lb",
        "",
        "incidents",
        "  2026-01-02 00:59  open       none of its targets is healthy (Load balancer ec…",
    ]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param(a_history(state=a_state(last_well=None)), "never seen well", id="never-well"),
        pytest.param(a_history(different=()), "no fact was different then", id="nothing-different"),
        pytest.param(a_history(state=a_state(suppressed="move")), "nobody is told: move", id="suppressed"),
        pytest.param(a_history(outages=0, mean_recovery_s=None), "no outage since", id="no-outage"),
        pytest.param(
            a_history(spans=a_history().spans * 20), "28 earlier ones with -v", id="earlier-spans-are-counted"
        ),
        pytest.param(a_history(different=(("a.b/c", "1", "2"),) * 40), "28 more with -v", id="changes-are-counted"),
    ],
)
def test_what_else_is_said(history: HostHistory, expected: str) -> None:
    assert expected in history_to_terminal(history, Page())


@pytest.mark.parametrize("page", [Page(width=80), Page(width=40), Page(width=120, unicode=False, verbose=True)])
def test_hostile_text_takes_no_effect(page: Page) -> None:
    cause = replace(NO_TARGETS, subject=HOSTILE, summary=HOSTILE)
    span = Span(verdict=Verdict.BROKEN, started=at(0), ended=at(0), looks=1, causes=(cause,), error=HOSTILE)
    history = a_history(
        state=a_state(name=HOSTILE, headline=HOSTILE, vantage=HOSTILE),
        spans=(span,),
        different=((f"a.b/{HOSTILE}", HOSTILE, HOSTILE),),
        incidents=(incident(cause=cause),),
    )
    text = history_to_terminal(history, page)
    table = hosts_to_terminal((HostSummary(state=history.state, uptime=WEEK),), at(-5), at(0), page)

    assert not set("\x1b\x00\u202e") & set(text + table)
    assert max(map(len, (text + table).splitlines())) <= page.width
    assert json.loads(history_to_json(history, "x"))["hosts"][0]["name"] == HOSTILE


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(-5, "0 s", id="a-clock-ran-back"),
        pytest.param(59.6, "1 min", id="rounded"),
        pytest.param(3_600, "1 h", id="whole"),
        pytest.param(3_900, "1 h 5 min", id="two-units"),
        pytest.param(90_000, "1 d 1 h", id="days"),
    ],
)
def test_span_of_time(seconds: float, expected: str) -> None:
    assert span_of_time(seconds) == expected


def test_a_table_with_long_names_stays_on_the_page() -> None:
    rows = [
        HostSummary(state=a_state(name=f"{'n' * 60}{n}"), uptime=WEEK, outages=9, mean_recovery_s=4e4) for n in "ab"
    ]
    lines = hosts_to_terminal(rows, at(-5), at(0), Page()).splitlines()

    assert [len(line) for line in lines[:3]] == [80, 80, 80]
    assert all("11 h 6 min" in line for line in lines[1:3])


def test_a_narrow_page_shows_names_and_not_how_long_recovering_took() -> None:
    rows = [HostSummary(state=a_state(name=f"shop-{n}.example.org"), uptime=WEEK, outages=9) for n in "ab"]
    head, *lines, _ = hosts_to_terminal(rows, at(-5), at(0), Page(width=60)).splitlines()[:4]

    assert head.endswith(" outages")
    assert all("example.org" in line and "…" not in line and len(line) <= 60 for line in lines)


def test_a_little_that_was_seen_is_not_nothing() -> None:
    row = HostSummary(state=a_state(), uptime=Uptime(period_s=10_000, up_s=1, unwatched_s=9_999))

    assert "<1 %" in hosts_to_terminal((row,), at(-5), at(0), Page())


def test_uptime_is_never_rounded_up_to_a_whole() -> None:
    nearly = Uptime(period_s=10**9, up_s=10**9 - 1, down_s=1)
    rows = (
        HostSummary(state=a_state(name="nearly", verdict=Verdict.HEALTHY), uptime=nearly),
        HostSummary(state=a_state(name="unseen", verdict=Verdict.UNKNOWN), uptime=Uptime(period_s=60, unwatched_s=60)),
    )
    head, unseen, whole, _ = hosts_to_terminal(rows, at(0) - timedelta(days=7), at(0), Page()).splitlines()

    assert head.split()[0] == "host"
    assert "99.99 %" in whole
    assert unseen.split()[-3:] == ["?", "0", "%"]
    assert "no sweep has recorded a host yet" in hosts_to_terminal((), at(0), at(1), Page())


def test_what_nobody_is_told_of_is_marked_as_that_and_comes_after_what_is_broken() -> None:
    rows = (
        HostSummary(state=a_state(name="a.parked", suppressed="only a record"), uptime=WEEK, outages=9),
        HostSummary(state=a_state(name="b.unknown", verdict=Verdict.UNKNOWN), uptime=WEEK),
        HostSummary(state=a_state(name="c.broken"), uptime=WEEK, outages=9),
        HostSummary(state=a_state(name="d.well", verdict=Verdict.HEALTHY, suppressed="a window"), uptime=WEEK),
    )
    lines = hosts_to_terminal(rows, at(-5), at(0), Page()).splitlines()[1:6]

    assert [" ".join(line.split()[:2]) for line in lines] == [
        "✖ c.broken",
        "? b.unknown",
        "– a.parked",  # noqa: RUF001 - an en dash is meant
        "suppressed, nobody",
        "✔ d.well",
    ]
    assert lines[3].strip() == "suppressed, nobody is told: only a record"
