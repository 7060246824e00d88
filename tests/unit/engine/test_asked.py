"""Equal evidence is judged once in a row, equal questions are asked once, and only what is equal is taken for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from build.engine import Flow, Gauge, catalog, run_of
from ingressdoctor.engine.sweep import SweepSpec, sweep_targets
from ingressdoctor.errors import SourceError
from ingressdoctor.model.check import Check, Collector, check, collector
from ingressdoctor.model.finding import Finding, ok
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.model.target import Target

ALIKE = ("mill.example.org", "weir.example.org", "lock.example.org")
DIFFERENT = ("mill.example.org", "old-weir.example.org", "lock.example.org")


class Width(msgspec.Struct, frozen=True, kw_only=True):
    """How wide the river is at the host."""

    metres: int


class Moody:
    """Evidence of a plugin that cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("ask somebody else")

    __hash__ = None  # type: ignore[assignment]


@collector(wanted="the width")
async def width(target: Target) -> Width:
    return Width(metres=len(target.hostname))


@collector(wanted="the mood")
async def mood(target: Target) -> Moody:
    return Moody()


def swept(*checks: Check, collectors: tuple[Collector, ...], hosts: tuple[str, ...]) -> list[Outcome]:
    """Sweep one host after the other and return the outcomes in their order."""
    run = run_of(catalog(*checks, collectors=collectors), {Gauge: Gauge()})
    found: list[Outcome] = []
    targets = [SweepTarget(name=host, target=Target.parse(host)) for host in hosts]
    asyncio.run(sweep_targets(run, targets, SweepSpec(walk="river", at_once=1), found.append))
    assert [item.name for item in found] == list(hosts)
    assert not any(item.error for item in found)
    return found


@pytest.mark.parametrize(
    ("hosts", "judged"),
    [
        pytest.param(ALIKE, [16], id="equal-evidence-is-judged-once"),
        pytest.param(DIFFERENT, [16, 20, 16], id="other-evidence-is-judged-anew"),
    ],
)
def test_a_check_says_the_same_of_equal_evidence(hosts: tuple[str, ...], judged: list[int]) -> None:
    asked: list[int] = []

    @check(id="mouth.dry", title="x", step="mouth")
    def counting(width: Width) -> Iterator[Finding]:
        asked.append(width.metres)
        yield ok("It runs.", seen={"width": f"{width.metres}"})

    found = swept(counting, collectors=(width,), hosts=hosts)

    assert asked == judged
    assert [item.facts["mouth.dry/width"] for item in found] == [str(len(host)) for host in hosts]


@pytest.mark.parametrize(
    ("hosts", "collected"),
    [
        pytest.param(ALIKE, [16], id="equal-arguments-are-one-question"),
        pytest.param(DIFFERENT, [16, 20, 16], id="other-arguments-are-another"),
    ],
)
def test_a_collector_is_asked_the_same_once_in_a_row(hosts: tuple[str, ...], collected: list[int]) -> None:
    asked: list[int] = []

    @collector(wanted="the flow")
    async def counting(width: Width) -> Flow:
        asked.append(width.metres)
        return Flow(speed=float(width.metres))

    @check(id="mouth.dry", title="x", step="mouth")
    def running(flow: Flow) -> Iterator[Finding]:
        yield ok("It runs.", seen={"speed": f"{flow.speed}"})

    found = swept(running, collectors=(width, counting), hosts=hosts)

    assert asked == collected
    assert [item.facts["mouth.dry/speed"] for item in found] == [f"{len(host)}.0" for host in hosts]


def test_what_failed_is_asked_again() -> None:
    asked: list[int] = []

    @collector(wanted="the flow")
    async def failing_once(width: Width) -> Flow:
        asked.append(width.metres)
        if len(asked) == 1:
            raise SourceError("the gauge is wet")
        return Flow(speed=1.0)

    @check(id="mouth.dry", title="x", step="mouth")
    def running(flow: Flow) -> Iterator[Finding]:
        yield ok("It runs.")

    found = swept(running, collectors=(width, failing_once), hosts=ALIKE)

    assert asked == [16, 16]
    assert [bool(item.unseen) for item in found] == [True, False, False]


def test_evidence_that_cannot_be_compared_is_judged_each_time() -> None:
    asked: list[Moody] = []

    @check(id="mouth.dry", title="x", step="mouth")
    def counting(mood: Moody) -> Iterator[Finding]:
        asked.append(mood)
        yield ok("It runs.")

    swept(counting, collectors=(mood,), hosts=ALIKE)

    assert len(asked) == len(ALIKE)


def test_a_check_may_take_its_evidence_by_name_only() -> None:
    @check(id="mouth.dry", title="x", step="mouth")
    def named(*, width: Width, target: Target) -> Iterator[Finding]:
        yield ok(f"{target.hostname} is {width.metres} wide.", seen={"width": f"{width.metres}"})

    found = swept(named, collectors=(width,), hosts=DIFFERENT)

    assert [item.facts["mouth.dry/width"] for item in found] == ["16", "20", "16"]
