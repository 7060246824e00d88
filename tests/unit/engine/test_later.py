"""``Later``: evidence that a collector may ask for, and that nobody collects when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from build.engine import Flow, Gauge, Level, catalog, run_of
from ingressdoctor.engine.session import RunSpec, diagnose_target
from ingressdoctor.errors import PluginError, SourceError
from ingressdoctor.model.check import Collector, check, collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.finding import Finding, Status, ok
from ingressdoctor.model.needs import Later, Need, read_needs
from ingressdoctor.model.target import Target

TARGET = Target.parse("mill.example.org")


@collector(wanted="the level")
async def level(gauge: Gauge) -> Level:
    return Level(metres=await gauge.read())


@collector(wanted="the level")
async def refused_level(gauge: Gauge) -> Level:
    await gauge.read()
    raise SourceError("403 Forbidden")


@collector(wanted="the flow")
async def asking_twice(target: Target, level: Later[Level]) -> Flow:
    found = [await level.get() for _ in range(2)]
    return Flow(speed=sum(-1.0 if isinstance(item, Unavailable) else item.metres for item in found))


@collector(wanted="the flow")
async def asking_never(target: Target, level: Later[Level]) -> Flow:
    return Flow(speed=0.0)


@check(id="mouth.dry", title="x", step="mouth")
def mouth_dry(flow: Flow) -> Iterator[Finding]:
    yield ok(f"{flow.speed}")


@collector(wanted="the level")
async def no_level(gauge: Gauge) -> Level | Unavailable:
    return Inapplicable(wanted="the level", reason="there is no lake")


@collector(wanted="the flow")
async def needing(target: Target, level: Level) -> Flow:
    return Flow(speed=level.metres)


@check(id="mouth.dry", title="x", step="mouth")
def mouth_inapplicable(flow: Flow | Unavailable) -> Iterator[Finding]:
    yield ok(f"{type(flow).__name__}: {flow.reason if isinstance(flow, Unavailable) else ''}")


def test_what_does_not_apply_makes_what_needs_it_not_apply() -> None:
    run = run_of(catalog(mouth_inapplicable, collectors=(no_level, needing)), {Gauge: Gauge()})

    report = asyncio.run(diagnose_target(run, TARGET, RunSpec(walk="river")))

    assert report.steps[0].results[0].findings[0].summary == "Inapplicable: there is no lake"


def test_a_check_of_what_does_not_apply_is_skipped() -> None:
    run = run_of(catalog(mouth_dry, collectors=(no_level, needing)), {Gauge: Gauge()})

    report = asyncio.run(diagnose_target(run, TARGET, RunSpec(walk="river")))

    (finding,) = report.steps[0].results[0].findings
    assert finding.status is Status.SKIP
    assert finding.summary == "There is nothing to look at: there is no lake."
    assert report.coverage.total == 0


ROWS = [
    pytest.param((level, asking_twice), 1, "4.0", id="asked-for-collected-once"),
    pytest.param((level, asking_never), 0, "0.0", id="not-asked-for-not-collected"),
    pytest.param((refused_level, asking_twice), 1, "-2.0", id="a-gap-is-a-value"),
]


@pytest.mark.parametrize(("collectors", "reads", "said"), ROWS)
def test_later(collectors: tuple[Collector, ...], reads: int, said: str) -> None:
    gauge = Gauge()
    run = run_of(catalog(mouth_dry, collectors=collectors), {Gauge: gauge})

    report = asyncio.run(diagnose_target(run, TARGET, RunSpec(walk="river")))

    assert [step.results[0].findings[0].summary for step in report.steps if step.results] == [said]
    assert gauge.reads == reads


def test_what_is_asked_for_later_is_not_urgent() -> None:
    made = catalog(mouth_dry, collectors=(level, asking_twice))

    assert made.urgency((Flow,)) == {Flow: 0}
    assert Level not in made.target_scoped


def test_it_is_a_tolerant_need() -> None:
    assert read_needs(asking_twice.function)[1] == Need(parameter="level", wanted=Level, tolerant=True, later=True)


def test_checks_may_not_wait() -> None:
    @check(id="dam.level", title="x", step="dam")
    def waiting(level: Later[Level]) -> Iterator[Finding]:
        yield ok("never")

    with pytest.raises(PluginError, match=r"asks for Level as Later"):
        catalog(waiting, collectors=(level,))


def test_a_circle_through_later_is_still_one() -> None:
    @collector(wanted="the level")
    async def from_flow(flow: Flow) -> Level:
        return Level(metres=flow.speed)

    with pytest.raises(PluginError, match="circle"):
        catalog(mouth_dry, collectors=(from_flow, asking_never))
