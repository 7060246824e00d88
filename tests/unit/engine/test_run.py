"""Runs of the whole engine on made-up evidence: once per scope, gaps, bugs, deadlines, interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from build.engine import Flow, Gauge, Level, catalog, run_of
from build.values import replace
from ingressdoctor.engine.session import RunSpec, diagnose_target
from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.model.check import Check, Collector, check, collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Finding, Status, ok, skip
from ingressdoctor.model.report import CheckResult, Report, Verdict
from ingressdoctor.model.target import Target

TARGET = Target.parse("mill.example.org")


@collector(wanted="the level")
async def level(gauge: Gauge) -> Level:
    return Level(metres=await gauge.read())


@collector(wanted="the flow")
async def flow(target: Target, level: Level) -> Flow:
    return Flow(speed=level.metres)


@collector(wanted="the level", timeout_s=0.05)
async def slow_level(gauge: Gauge) -> Level:
    await asyncio.sleep(30)
    return Level(metres=await gauge.read())


@collector(wanted="the level")
async def refused_level(gauge: Gauge) -> Level:
    raise SourceError("403 Forbidden", hint="grant get on levels")


@collector(wanted="the level")
async def buggy_level(gauge: Gauge) -> Level:
    raise KeyError("password=hunter2secret")


@check(id="dam.level", title="x", step="dam")
def dam_level(level: Level) -> Iterator[Finding]:
    yield ok(f"{level.metres}")


@check(id="spring.flow", title="x", step="spring")
def spring_flow(flow: Flow, level: Level) -> Iterator[Finding]:
    yield ok(f"{flow.speed} {level.metres}")


@check(id="mouth.dry", title="x", step="mouth")
def mouth_protocol(target: Target) -> Iterator[Finding]:
    yield ok(str(target.protocol))


@check(id="mouth.dry", title="x", step="mouth")
def mouth_dry(target: Target) -> Iterator[Finding]:
    yield ok(target.hostname)


@check(id="dam.tolerant", title="x", step="dam")
def tolerant(level: Level | Unavailable) -> Iterator[Finding]:
    yield skip(level.reason) if isinstance(level, Unavailable) else ok("seen")


@check(id="dam.raises", title="x", step="dam")
def raises(target: Target) -> Iterator[Finding]:
    yield ok("before")
    raise RuntimeError("boom")


@check(id="dam.silent", title="x", step="dam")
def silent(target: Target) -> Iterator[Finding]:
    yield from ()


@check(id="dam.odd", title="x", step="dam")
def odd(target: Target) -> Iterator[Finding]:
    yield "not a finding"  # type: ignore[misc]


async def report_of(
    checks: tuple[Check, ...],
    collectors: tuple[Collector, ...],
    spec: RunSpec | None = None,
    stop: asyncio.Event | None = None,
) -> tuple[Report, Gauge]:
    gauge = Gauge()
    made = catalog(mouth_dry, *checks, collectors=collectors)
    chosen = spec or RunSpec(walk="river")
    return await diagnose_target(run_of(made, {Gauge: gauge}, stop), TARGET, chosen), gauge


def of(report: Report, name: str) -> CheckResult:
    return next(item for step in report.steps for item in step.results if item.check.id == name)


async def test_evidence_is_collected_once_however_many_ask() -> None:
    report, gauge = await report_of((dam_level, spring_flow), (level, flow))

    assert gauge.reads == 1
    assert report.diagnosis.verdict is Verdict.HEALTHY
    assert of(report, "spring.flow").findings[0].summary == "2.0 2.0"


async def test_evidence_nobody_needs_is_not_collected() -> None:
    _, gauge = await report_of((dam_level,), (level,), RunSpec(walk="river", skip=("dam.*",)))

    assert gauge.reads == 0


async def test_a_gap_reaches_all_that_depend_on_it_with_reason_and_way_out() -> None:
    report, _ = await report_of((dam_level, spring_flow), (refused_level, flow))

    result = of(report, "spring.flow")
    assert result.status is Status.UNKNOWN
    assert "403 Forbidden" in result.findings[0].summary
    assert result.findings[0].enable_with == "grant get on levels"
    assert of(report, "mouth.dry").status is Status.PASS


async def test_a_slow_collector_costs_its_own_evidence_only() -> None:
    report, _ = await report_of((dam_level,), (slow_level,))

    assert "no answer within" in of(report, "dam.level").findings[0].summary
    assert of(report, "mouth.dry").status is Status.PASS


async def test_a_bug_in_a_collector_is_told_without_its_secret() -> None:
    report, _ = await report_of((dam_level,), (buggy_level,))

    summary = of(report, "dam.level").findings[0].summary
    assert "KeyError" in summary
    assert "hunter2secret" not in summary


async def test_a_tolerant_check_judges_the_gap_itself() -> None:
    report, _ = await report_of((tolerant,), (refused_level,))

    assert of(report, "dam.tolerant").status is Status.SKIP


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        pytest.param(raises, "RuntimeError: boom", id="raises"),
        pytest.param(silent, "said nothing", id="silence"),
        pytest.param(odd, "not a Finding", id="something-else"),
    ],
)
async def test_a_check_that_fails_itself_is_an_error_never_silence(broken: Check, text: str) -> None:
    report, _ = await report_of((broken,), ())

    result = of(report, broken.id)
    assert result.status is Status.UNKNOWN
    assert text in result.error


async def test_the_deadline_of_the_run_bounds_everything() -> None:
    @collector(wanted="the level")
    async def endless(gauge: Gauge) -> Level:
        await asyncio.Event().wait()
        return Level(metres=0)

    report, _ = await report_of((dam_level,), (endless,), RunSpec(walk="river", timeout_s=0.1))

    assert of(report, "dam.level").status is Status.UNKNOWN
    assert of(report, "mouth.dry").status is Status.PASS


async def test_when_stopped_the_report_says_what_is_known_so_far() -> None:
    stop = asyncio.Event()

    @collector(wanted="the level")
    async def stops(gauge: Gauge) -> Level:
        stop.set()
        await asyncio.Event().wait()
        return Level(metres=0)

    report, _ = await report_of((dam_level,), (stops,), stop=stop)

    assert report.interrupted
    assert of(report, "mouth.dry").status is Status.PASS
    assert "interrupted" in of(report, "dam.level").findings[0].summary


async def test_only_a_selection_runs() -> None:
    report, gauge = await report_of((dam_level,), (level,), RunSpec(only=("mouth.*",)))

    assert [item.check.id for step in report.steps for item in step.results] == ["mouth.dry"]
    assert gauge.reads == 0


async def test_a_selection_that_matches_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"No check matches 'moth\.dry'") as caught:
        await report_of((), (), RunSpec(only=("moth.dry",)))

    assert "mouth.dry" in caught.value.hint


async def test_an_unknown_walk_is_refused() -> None:
    with pytest.raises(UsageError, match="'creek', which does not exist"):
        await report_of((), (), RunSpec(walk="creek"))


async def test_a_pattern_of_the_configuration_chooses_the_walk() -> None:
    report, _ = await report_of((), (), RunSpec(patterns={"mill.*": "river"}))

    assert report.ground == "the pattern 'mill.*' in the configuration"


async def test_a_name_that_no_walk_claims_fails() -> None:
    report, _ = await report_of((), ())  # forced walk
    unclaimed, _ = await report_of((), (), RunSpec())

    assert report.walk is not None
    assert unclaimed.walk is None
    assert unclaimed.exit_code() == 1


def test_a_walk_of_mysql_asks_in_mysql_whatever_was_typed() -> None:
    """What was collected for the choice is not taken over: it answers another question."""
    made = catalog(mouth_protocol)
    walks = tuple(replace(walk, mysql=True) for walk in made.walks)
    target = Target.parse("mill.example.org:13306", client_ip="203.0.113.7")
    run = replace(run_of(replace(made, walks=walks), {Gauge: Gauge()}), target_givens={Target: target})

    report = asyncio.run(diagnose_target(run, target, RunSpec(walk="river")))

    assert report.target.url == "mysql://mill.example.org:13306/"
    assert report.target.client_ip == "203.0.113.7"
    assert report.steps[0].results[0].findings[0].summary == "mysql"
