"""One target within one task: gaps, ``Later``, ``Seen``, circles, time limits, bugs, and verdicts that all share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from build.engine import Flow, Gauge, Level, catalog, run_of
from ingressdoctor.engine.sweep import SweepSpec, sweep_targets
from ingressdoctor.errors import PluginError, SourceError, UsageError
from ingressdoctor.model.check import Check, Collector, check, collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.finding import Finding, Remedy, fail, look, ok
from ingressdoctor.model.needs import Later, Seen
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.model.target import Target

HOSTS = ("mill.example.org", "weir.example.org", "lock.example.org")
FIX = Remedy(text="Look closer.", commands=(look("true"),))


def targets(*hosts: str) -> tuple[SweepTarget, ...]:
    return tuple(SweepTarget(name=host, target=Target.parse(host)) for host in hosts or HOSTS)


def swept(
    *checks: Check,
    collectors: tuple[Collector, ...],
    gauge: Gauge | None = None,
    hosts: tuple[str, ...] = HOSTS,
    **spec: Any,
) -> dict[str, Outcome]:
    """Sweep the river, and return the outcomes by name; each target has exactly one."""
    run = run_of(catalog(*checks, collectors=collectors), {Gauge: gauge or Gauge()})
    found: list[Outcome] = []
    asyncio.run(sweep_targets(run, targets(*hosts), SweepSpec(**{"walk": "river", **spec}), found.append))
    assert sorted(item.name for item in found) == sorted(hosts)
    return {item.name: item for item in found}


@collector(wanted="the level")
async def level(gauge: Gauge) -> Level:
    return Level(metres=await gauge.read())


@collector(wanted="the flow")
async def flow(target: Target, level: Level) -> Flow:
    return Flow(speed=level.metres * len(target.hostname))


@check(id="mouth.dry", title="x", step="mouth")
def mouth_dry(flow: Flow) -> Iterator[Finding]:
    yield ok("It runs.", seen={"speed": f"{flow.speed}"})


@check(id="dam.shut", title="x", step="dam")
def dam_shut(level: Level) -> Iterator[Finding]:
    yield fail("The dam is shut.", subject="Dam", seen={"level": f"{level.metres}"}, remedy=FIX)


def speeds(found: dict[str, Outcome]) -> set[str]:
    return {item.facts["mouth.dry/speed"] for item in found.values()}


def test_what_all_share_is_collected_once_and_the_rest_for_each() -> None:
    gauge = Gauge()
    found = swept(mouth_dry, collectors=(level, flow), gauge=gauge)

    assert gauge.reads == 1
    assert speeds(found) == {f"{2.0 * len(host)}" for host in HOSTS}
    assert {item.verdict for item in found.values()} == {Verdict.HEALTHY}


def test_a_check_of_nothing_but_what_all_share_judges_once() -> None:
    judged: list[float] = []

    @check(id="dam.shut", title="x", step="dam")
    def counting(level: Level) -> Iterator[Finding]:
        judged.append(level.metres)
        yield fail("The dam is shut.", subject="Dam", seen={"level": f"{level.metres}"}, remedy=FIX)

    found = swept(mouth_dry, counting, collectors=(level, flow))

    assert judged == [2.0]
    assert {cause.key for item in found.values() for cause in item.causes} == {"dam.shut Dam"}


@collector(wanted="the level")
async def refused_level(gauge: Gauge) -> Level:
    await gauge.read()
    raise SourceError("403 Forbidden", hint="Ask the keeper.")


@collector(wanted="the level")
async def no_level(gauge: Gauge) -> Level | Unavailable:
    return Inapplicable(wanted="the level", reason="there is no lake")


@collector(wanted="the level")
async def wrong_level(gauge: Gauge) -> Level:
    raise ZeroDivisionError("metres")


@collector(wanted="the flow")
async def tolerant(target: Target, level: Level | Unavailable) -> Flow:
    return Flow(speed=-1.0 if isinstance(level, Unavailable) else level.metres)


@collector(wanted="the flow")
async def wrong_flow(target: Target, level: Level) -> Flow:
    raise ZeroDivisionError("speed")


@pytest.mark.parametrize(
    ("collectors", "verdict", "unseen"),
    [
        pytest.param((refused_level, flow), Verdict.UNKNOWN, "403 Forbidden", id="a-gap-goes-through"),
        pytest.param((refused_level, tolerant), Verdict.HEALTHY, "", id="who-tolerates-it-goes-on"),
        pytest.param((no_level, flow), Verdict.UNKNOWN, None, id="what-does-not-apply-is-no-gap"),
        pytest.param((wrong_level, flow), Verdict.UNKNOWN, "ZeroDivisionError", id="a-bug-costs-its-own-evidence"),
        pytest.param((level, wrong_flow), Verdict.UNKNOWN, "ZeroDivisionError", id="a-bug-for-one-target"),
    ],
)
def test_gaps(collectors: tuple[Collector, ...], verdict: Verdict, unseen: str | None) -> None:
    found = swept(mouth_dry, collectors=collectors)

    if unseen is None:
        assert {item.unseen for item in found.values()} == {()}
        return
    assert {item.verdict for item in found.values()} == {verdict}
    assert all(unseen in " ".join(item.unseen) for item in found.values())
    assert not any(item.error for item in found.values())


def test_a_check_that_fails_itself_costs_its_own_verdict() -> None:
    @check(id="dam.shut", title="x", step="dam")
    def wrong(flow: Flow) -> Iterator[Finding]:
        raise ZeroDivisionError("dam")
        yield ok("")

    found = swept(mouth_dry, wrong, collectors=(level, flow))

    assert speeds(found) == {f"{2.0 * len(host)}" for host in HOSTS}
    assert all(item.unseen for item in found.values())


@collector(wanted="the flow")
async def asking_twice(target: Target, level: Later[Level]) -> Flow:
    found = [await level.get() for _ in range(2)]
    return Flow(speed=sum(-1.0 if isinstance(item, Unavailable) else item.metres for item in found))


@collector(wanted="the flow")
async def asking_never(target: Target, level: Later[Level]) -> Flow:
    return Flow(speed=0.0)


@collector(wanted="the flow")
async def looking(target: Target, level: Seen[Level]) -> Flow:
    value = level.value
    return Flow(speed=0.0 if value is None else value.metres)


@pytest.mark.parametrize(
    ("collectors", "reads", "speed"),
    [
        pytest.param((level, asking_twice), 1, "4.0", id="asked-for-collected-once"),
        pytest.param((level, asking_never), 0, "0.0", id="not-asked-for-not-collected"),
        pytest.param((refused_level, asking_twice), 1, "-2.0", id="a-gap-is-a-value"),
        pytest.param((level, looking), 0, "0.0", id="seen-is-never-collected"),
    ],
)
def test_later_and_seen(collectors: tuple[Collector, ...], reads: int, speed: str) -> None:
    gauge = Gauge()
    found = swept(mouth_dry, collectors=collectors, gauge=gauge)

    assert gauge.reads == reads
    assert speeds(found) == {speed}


def test_what_was_collected_is_seen() -> None:
    gauge = Gauge()

    @check(id="dam.shut", title="x", step="dam")
    def first(level: Level) -> Iterator[Finding]:
        yield ok("It is open.")

    found = swept(first, mouth_dry, collectors=(level, looking), gauge=gauge, hosts=HOSTS[:1])

    assert gauge.reads == 1
    assert speeds(found) <= {"2.0", "0.0"}


def test_a_collector_that_asks_for_itself_is_refused_when_plugins_are_loaded() -> None:
    @collector(wanted="the flow")
    async def circular(target: Target, mine: Later[Flow]) -> Flow:
        return Flow(speed=1.0 if isinstance(await mine.get(), Unavailable) else 2.0)

    with pytest.raises(PluginError, match="in a circle"):
        swept(mouth_dry, collectors=(level, circular))


def hanging(wanted: Callable[[str], bool]) -> Collector:
    @collector(wanted="the flow", timeout_s=0.2)
    async def flow_at_last(target: Target) -> Flow:
        if wanted(target.hostname):
            await asyncio.Event().wait()
        return Flow(speed=1.0)

    return flow_at_last


def test_a_collector_that_hangs_costs_its_target_only() -> None:
    found = swept(mouth_dry, collectors=(level, hanging(lambda host: host == HOSTS[0])), at_once=1)

    assert found[HOSTS[0]].verdict is Verdict.UNKNOWN
    assert "no answer" in " ".join(found[HOSTS[0]].unseen)
    assert {found[host].verdict for host in HOSTS[1:]} == {Verdict.HEALTHY}


def test_who_will_not_be_cancelled_is_waited_for_no_longer_than_the_targets_time() -> None:
    @collector(wanted="the flow", timeout_s=60.0)
    async def slow(target: Target) -> Flow:
        await asyncio.sleep(60)
        return Flow(speed=1.0)

    found = swept(mouth_dry, collectors=(level, slow), hosts=HOSTS[:1], timeout_s=0.2)

    assert found[HOSTS[0]].verdict is Verdict.UNKNOWN
    assert found[HOSTS[0]].elapsed_s < 30


def test_a_cancelled_sweep_cancels_what_it_waits_for() -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    @collector(wanted="the flow", timeout_s=60.0)
    async def patient(target: Target) -> Flow:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(target.hostname)
        return Flow(speed=1.0)

    async def cancelled() -> None:
        run = run_of(catalog(mouth_dry, collectors=(level, patient)), {Gauge: Gauge()})
        sweep = asyncio.ensure_future(sweep_targets(run, targets(), SweepSpec(walk="river", at_once=2), ended.append))  # type: ignore[arg-type]
        await begun.wait()
        await asyncio.sleep(0)
        sweep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweep

    asyncio.run(cancelled())

    assert sorted(ended) == sorted(HOSTS[:2])


def test_stopped_what_is_under_way_ends_and_nothing_else_begins() -> None:
    found: list[Outcome] = []

    async def stopped() -> None:
        run = run_of(catalog(mouth_dry, collectors=(level, flow)), {Gauge: Gauge()})

        def take(outcome: Outcome) -> None:
            found.append(outcome)
            run.stop.set()

        await sweep_targets(run, targets(), SweepSpec(walk="river", at_once=1), take)

    asyncio.run(stopped())

    assert [item.name for item in found] == [HOSTS[0]]


def test_what_taking_an_outcome_raises_ends_the_sweep() -> None:
    def full(_: Outcome) -> None:
        raise OSError("disk full")

    run = run_of(catalog(mouth_dry, collectors=(level, flow)), {Gauge: Gauge()})
    with pytest.raises(OSError, match="disk full"):
        asyncio.run(sweep_targets(run, targets(), SweepSpec(walk="river"), full))


@pytest.mark.parametrize(
    "spec",
    [pytest.param({"walk": "no-such-walk"}, id="walk"), pytest.param({"walk": "river", "only": ("x.*",)}, id="check")],
)
def test_what_does_not_exist_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        swept(mouth_dry, collectors=(level, flow), **spec)


def test_checks_are_chosen() -> None:
    found = swept(mouth_dry, dam_shut, collectors=(level, flow), skip=("dam.*",))

    assert {item.verdict for item in found.values()} == {Verdict.HEALTHY}


def test_the_vantage_point_is_told() -> None:
    found = swept(mouth_dry, collectors=(level, flow), vantage="eu", jitter_s=0.001)

    assert {item.vantage for item in found.values()} == {"eu"}
