"""What changed: collected after a failure, from what is known already and within the time of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from build.engine import Flow, Gauge, Level, a_check, catalog, finding, run_of
from ingressdoctor.engine.session import RunSpec, diagnose_target
from ingressdoctor.errors import PluginError, SourceError
from ingressdoctor.model.check import Check, Collector, check, collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.finding import Finding, Status, ok
from ingressdoctor.model.needs import Need, Seen, read_needs
from ingressdoctor.model.report import Report, Verdict
from ingressdoctor.model.target import Target
from ingressdoctor.model.timeline import Change, Timeline, join_timelines

TARGET = Target.parse("mill.example.org")
OPENED = Change(at="2026-11-05T10:00:00Z", what="opened", object="Dam upper", by="the warden")
CLEANED = Change(at="2026-11-05T11:00:00Z", what="cleaned", object="Dam upper")


class DamTimeline(Timeline, frozen=True, kw_only=True):
    """What was done to the dam."""


class SpringTimeline(Timeline, frozen=True, kw_only=True):
    """What was done to the spring."""


@collector(wanted="the level")
async def level(gauge: Gauge) -> Level:
    return Level(metres=await gauge.read())


@collector(wanted="the level")
async def no_level(gauge: Gauge) -> Level:
    raise SourceError("the gauge is under water")


@collector(wanted="the flow")
async def flow(target: Target, gauge: Gauge) -> Flow:
    return Flow(speed=await gauge.read())


@collector(wanted="the dam's history")
async def dam_history(target: Target, level: Seen[Level], flow: Seen[Flow]) -> DamTimeline:
    seen = "" if level.value is None else f"at {level.value.metres}"
    fast = "" if flow.value is None else " flowing"
    return DamTimeline(changes=(Change(at=OPENED.at, what="opened", object="Dam upper", detail=seen + fast),))


@collector(wanted="the dam's history")
async def forbidden_history(gauge: Gauge) -> DamTimeline:
    raise SourceError("403: the book is closed", hint="ask the warden")


@collector(wanted="the dam's history")
async def no_history(gauge: Gauge) -> DamTimeline | Unavailable:
    return Inapplicable(wanted="the dam's history", reason="there is no dam")


@collector(wanted="the dam's history")
async def endless_history(gauge: Gauge) -> DamTimeline:
    await asyncio.Event().wait()
    return DamTimeline()


@collector(wanted="the spring's history")
async def spring_history(target: Target) -> SpringTimeline:
    return SpringTimeline(changes=(CLEANED,), broke_at="2026-11-05T11:30:00Z")


@check(id="dam.level", title="x", step="dam")
def level_seen(level: Level | Unavailable) -> Iterator[Finding]:
    yield ok("looked")


def judged(status: Status, *, vantage: bool = False) -> Check:
    @check(id="mouth.dry", title="x", step="mouth", vantage=vantage)
    def dry(target: Target) -> Iterator[Finding]:
        yield finding(status)

    return dry


async def report_of(checks: tuple[Check, ...], collectors: tuple[Collector, ...], timeout_s: float = 30.0) -> Report:
    made = catalog(*checks, collectors=collectors)
    spec = RunSpec(walk="river", timeout_s=timeout_s)
    return await diagnose_target(run_of(made, {Gauge: Gauge()}), TARGET, spec)


@pytest.mark.parametrize(
    ("dry", "told"),
    [
        pytest.param(judged(Status.FAIL), 1, id="a-failure"),
        pytest.param(judged(Status.PASS), 0, id="all-well"),
        pytest.param(judged(Status.WARN), 0, id="a-warning"),
        pytest.param(judged(Status.UNKNOWN), 0, id="nobody-could-look"),
        pytest.param(judged(Status.FAIL, vantage=True), 0, id="it-is-our-own-network"),
    ],
)
async def test_it_is_told_only_when_the_target_fails(dry: Check, told: int) -> None:
    report = await report_of((dry,), (spring_history,))

    assert len(report.timeline.changes) == told
    assert report.timeline.looked == bool(told)


@pytest.mark.parametrize(
    ("checks", "collectors", "detail"),
    [
        pytest.param((level_seen,), (level, flow), "at 2.0", id="what-a-check-needed-is-seen"),
        pytest.param((), (level, flow), "", id="what-nobody-needed-is-not-collected"),
        pytest.param((level_seen,), (no_level, flow), "", id="a-gap-is-nothing-seen"),
    ],
)
async def test_what_is_known_already_is_taken_into_account(
    checks: tuple[Check, ...], collectors: tuple[Collector, ...], detail: str
) -> None:
    report = await report_of((judged(Status.FAIL), *checks), (*collectors, dam_history))

    assert [change.detail for change in report.timeline.changes] == [detail]


async def test_histories_of_several_sources_are_one() -> None:
    report = await report_of((judged(Status.FAIL),), (level, flow, dam_history, spring_history))

    assert [change.what for change in report.timeline.changes] == ["cleaned", "opened"]
    assert report.timeline.broke_at == "2026-11-05T11:30:00Z"
    assert report.timeline.unread == ()


async def test_what_may_not_be_read_is_named_beside_what_could() -> None:
    report = await report_of((judged(Status.FAIL),), (forbidden_history, spring_history))

    assert [change.what for change in report.timeline.changes] == ["cleaned"]
    assert [gap.reason for gap in report.timeline.unread] == ["403: the book is closed"]


async def test_where_there_is_no_history_nothing_is_missing() -> None:
    report = await report_of((judged(Status.FAIL),), (no_history,))

    assert report.timeline == Timeline(looked=True)


async def test_a_history_that_never_ends_costs_no_diagnosis() -> None:
    report = await report_of((judged(Status.FAIL),), (endless_history, spring_history), timeout_s=2.0)

    assert report.diagnosis.verdict is Verdict.BROKEN
    assert [change.what for change in report.timeline.changes] == ["cleaned"]


async def test_an_interrupted_run_does_not_look_back() -> None:
    stop = asyncio.Event()

    @collector(wanted="the dam's history")
    async def interrupted_history(gauge: Gauge) -> DamTimeline:
        stop.set()
        await asyncio.Event().wait()
        return DamTimeline()

    made = catalog(judged(Status.FAIL), collectors=(interrupted_history,))
    report = await diagnose_target(run_of(made, {Gauge: Gauge()}, stop), TARGET, RunSpec(walk="river"))

    assert report.interrupted
    assert report.timeline.changes == ()


def test_seen_is_a_tolerant_need_that_nobody_waits_for() -> None:
    made = catalog(judged(Status.PASS), collectors=(level, flow, dam_history))

    need = read_needs(dam_history.function)[1]
    assert need == Need(parameter="level", wanted=Level, tolerant=True, seen=True)
    assert made.urgency((DamTimeline,)) == {DamTimeline: 0}
    assert made.timelines == (DamTimeline,)


def test_checks_judge_evidence_that_is_there_for_sure() -> None:
    @check(id="dam.level", title="x", step="dam")
    def glancing(level: Seen[Level]) -> Iterator[Finding]:
        yield ok("never")

    with pytest.raises(PluginError, match="asks for Level as Seen"):
        catalog(a_check("mouth.dry", "mouth"), glancing, collectors=(level,))


def test_each_change_is_told_once_and_the_earliest_break_counts() -> None:
    first = Timeline(changes=(OPENED, CLEANED), broke_at="2026-11-05T12:00:00Z")
    second = Timeline(changes=(OPENED,), broke_at="2026-11-05T10:30:00Z")

    assert join_timelines((first, second, Timeline())) == Timeline(
        changes=(CLEANED, OPENED), broke_at="2026-11-05T10:30:00Z", looked=True
    )


def test_no_flood_of_changes_leaves_the_engine() -> None:
    many = Timeline(changes=tuple(Change(at=f"2026-11-05T10:00:00Z {n:05}", what="x", object="y") for n in range(5000)))

    assert len(join_timelines((many,)).changes) == 200
