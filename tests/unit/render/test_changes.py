"""What changed, as people read it: newest first, few lines, and silence where nobody looked."""

from __future__ import annotations

import json

import pytest

from build import report as build
from build.values import replace
from ingressdoctor.model.timeline import Change, Timeline
from ingressdoctor.render.changes import told_changes
from ingressdoctor.render.json_v1 import report_to_json
from ingressdoctor.render.markdown import report_to_markdown
from ingressdoctor.render.page import Page
from ingressdoctor.render.terminal import report_to_terminal

STARTED = "2026-01-02T03:04:05Z"


def one(at: str, broke_at: str = "") -> Timeline:
    return Timeline(changes=(Change(at=at, what="edited", object="Service a/b"),), broke_at=broke_at, looked=True)


AGES = [
    pytest.param("2026-01-02T03:03:36Z", "now", id="less-than-a-minute"),
    pytest.param("2026-01-02T03:03:05Z", "1 min", id="a-minute"),
    pytest.param("2026-01-02T02:04:06Z", "59 min", id="almost-an-hour"),
    pytest.param("2026-01-02T02:04:05Z", "1 h", id="an-hour"),
    pytest.param("2026-01-01T03:04:05Z", "24 h", id="a-day"),
    pytest.param("2026-01-02T03:09:05Z", "now", id="a-clock-that-is-ahead"),
    pytest.param("yesterday", "", id="no-time-at-all"),
]


@pytest.mark.parametrize(("at", "age"), AGES)
def test_ages(at: str, age: str) -> None:
    (told,) = told_changes(build.broken(started=STARTED, timeline=one(at)))

    assert told.age == age


HINTS = [
    pytest.param("2026-01-02T02:50:00Z", "2026-01-02T02:51:30Z", "1 min before it broke", id="shortly-before"),
    pytest.param("2026-01-02T02:51:00Z", "2026-01-02T02:51:00Z", "when it broke", id="at-the-same-time"),
    pytest.param("2026-01-02T01:51:00Z", "2026-01-02T02:51:00Z", "1 h before it broke", id="an-hour-before"),
    pytest.param("2026-01-02T01:50:59Z", "2026-01-02T02:51:00Z", "", id="long-before"),
    pytest.param("2026-01-02T02:51:01Z", "2026-01-02T02:51:00Z", "", id="after-it-broke"),
    pytest.param("2026-01-02T02:50:00Z", "", "", id="nobody-knows-when-it-broke"),
    pytest.param("?", "2026-01-02T02:51:00Z", "", id="no-time"),
    pytest.param("2026-01-02T02:50:00", "2026-01-02T02:50:30Z", "just before it broke", id="no-zone-is-utc"),
]


@pytest.mark.parametrize(("at", "broke_at", "hint"), HINTS)
def test_what_came_shortly_before_the_break_is_pointed_out(at: str, broke_at: str, hint: str) -> None:
    (told,) = told_changes(build.broken(started=STARTED, timeline=one(at, broke_at)))

    assert told.hint == hint


def test_by_default_six_lines_at_most() -> None:
    plain, told = (report_to_terminal(item, Page(width=100)).splitlines() for item in (build.broken(), build.changed()))

    begin = told.index("What changed in the last 24 h:")
    added = told[begin : begin + 6]
    assert [line for line in told if line not in added] == plain
    assert len(told) - len(plain) == 6
    assert added[-1].strip().startswith("2 more with -v; could not read the events of namespace wecare (403")


def test_verbose_tells_all_of_them() -> None:
    text = report_to_terminal(build.changed(), Page(width=200, verbose=True))

    assert all(item.object in text for item in build.TIMELINE.changes)
    assert "more with -v" not in text
    assert "14 min  Deployment wecare/www: rolled out: shop:1.4.1 → 1.4.2 (revision 18), 1 min before it broke" in text


@pytest.mark.parametrize(
    ("timeline", "said"),
    [
        pytest.param(Timeline(), "", id="nobody-looked"),
        pytest.param(Timeline(looked=True), "No change of the last 24 h was seen on this path.", id="nothing-changed"),
        pytest.param(
            Timeline(looked=True, unread=(build.EVENTS_FORBIDDEN,)),
            "could not read the events of namespace wecare (403: cannot list events)",
            id="nobody-may-look",
        ),
    ],
)
def test_what_there_is_to_say_without_changes(timeline: Timeline, said: str) -> None:
    report = build.broken(timeline=timeline)

    for text in (report_to_terminal(report, Page(width=120)), report_to_markdown(report, Page())):
        assert said in text
        assert ("24 h" in text or "could not read" in text) == bool(said)


def test_where_hops_were_not_looked_at_nothing_is_said_of_them() -> None:
    report = build.broken(timeline=Timeline(looked=True))
    blind = replace(report, diagnosis=replace(report.diagnosis, unseen_hops=("Traefik",)))

    for text in (report_to_terminal(blind, Page(width=120)), report_to_markdown(blind, Page())):
        assert "No change of the last 24 h was seen in what could be looked at of this path." in text


def test_markdown_tells_all_of_them_always() -> None:
    text = report_to_markdown(build.changed(), Page())

    assert text.count(" ago: ") == len(build.TIMELINE.changes)
    assert "**(1 min before it broke)**" in text


def test_json_holds_them_as_they_are() -> None:
    value = json.loads(report_to_json(build.changed(), exit_code=1))

    assert value["changes"][1] == {
        "at": "2026-01-02T02:50:05Z",
        "what": "rolled out",
        "object": "Deployment wecare/www",
        "by": "",
        "detail": "shop:1.4.1 → 1.4.2 (revision 18)",
    }
    assert value["changes_unread"][0]["reason"] == "403: cannot list events"
    assert value["broke_at"] == "2026-01-02T02:51:05Z"


def test_a_report_without_a_look_back_has_the_keys_too() -> None:
    value = json.loads(report_to_json(replace(build.healthy()), exit_code=0))

    assert (value["changes"], value["changes_unread"], value["broke_at"]) == ([], [], "")
