"""One run: choose the walk, collect, judge, diagnose, report. Content-free; handed everything it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.engine.aftermath import look_back
from ingressdoctor.engine.broker import Broker, Deadline
from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.engine.choose import Choice, Wishes, choose_walk, select
from ingressdoctor.engine.diagnosis import coverage_of, diagnose, steps_of
from ingressdoctor.engine.observer import Observer
from ingressdoctor.engine.runner import run_checks
from ingressdoctor.engine.timing import timings_of
from ingressdoctor.model.check import Check
from ingressdoctor.model.report import (
    CheckResult,
    Coverage,
    Diagnosis,
    Report,
    SourceCall,
    StepReport,
    Timings,
    Verdict,
)
from ingressdoctor.model.target import Target
from ingressdoctor.model.timeline import Timeline
from ingressdoctor.model.walk import Walk

__all__ = ["Run", "RunSpec", "Scope", "ask", "diagnose_target", "session_broker"]

_JUDGING_S: Final = 0.5


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one run. ``patterns`` map hostname globs to walk ids; ``timeout_s`` bounds the whole run."""

    walk: str = ""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    patterns: Mapping[str, str] = msgspec.field(default_factory=dict)
    timeout_s: float = 30.0


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is handed: the catalog, values by type, and its connections to the outside of the engine.

    ``calls`` returns the source calls made so far; ``on_collect`` is told which collector the running task works for.
    """

    catalog: Catalog
    session_givens: Mapping[type, object]
    target_givens: Mapping[type, object]
    observer: Observer
    stop: asyncio.Event
    calls: Callable[[], Sequence[tuple[str, SourceCall]]]
    on_collect: Callable[[str], object]
    version: str = ""
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)


async def ask(run: Run, wanted: Sequence[type], timeout_s: float) -> tuple[object, ...]:
    """Collect some evidence without judging anything, in the order asked for."""
    async with asyncio.TaskGroup() as group:
        session, broker = _brokers(run, group, Deadline.after(timeout_s))
        values = await asyncio.gather(*(broker.get(item) for item in wanted))
        broker.close()
        session.close()
    return tuple(values)


async def diagnose_target(run: Run, target: Target, spec: RunSpec) -> Report:
    """Diagnose one target and return its report, also when stopped half-way.

    Raises:
        UsageError: the walk asked for does not exist, or a pattern selects no check.
    """
    started, clock = datetime.now(UTC), asyncio.get_running_loop().time
    began = clock()
    select(run.catalog.checks, spec.only, spec.skip)
    deadline = Deadline.after(spec.timeout_s)
    async with Scope() as group:
        collecting = Deadline.after(spec.timeout_s - _time_to_judge(spec))
        session, broker = _brokers(run, group, collecting)
        choice = await _choose(run, broker, target, spec, deadline)
        results: tuple[CheckResult, ...] = ()
        timeline = Timeline()
        if choice.walk is not None and choice.walk.mysql and target.in_mysql() != target:
            # What was collected of it so far answers another question.
            broker.close()
            target = target.in_mysql()
            asked = replace(run, target_givens={**run.target_givens, Target: target})
            broker = _target_broker(asked, group, session, collecting)
        if choice.walk is not None:
            run.observer.walk_chosen(choice.walk, choice.ground)
            checks = select(run.catalog.checks_of(choice.walk), spec.only, spec.skip)
            results = await run_checks(
                checks, broker, observer=run.observer, deadline=deadline, stop=run.stop, began=began
            )
            timeline = await look_back(run.catalog, broker, results, deadline=deadline, stop=run.stop)
        broker.close()
        session.close()
    timings = timings_of(run.catalog, run.calls(), clock() - began)
    return replace(_report(run, target, choice, results, timings, started), timeline=timeline)


class Scope:
    """A task group whose leftover tasks are cancelled when the body is done or raises, without an exception group."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> asyncio.TaskGroup:
        return await self._group.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            await self._group.__aexit__(kind, error, None)
        except BaseExceptionGroup:
            if error is not None:
                raise error from None
            raise


def session_broker(run: Run, group: asyncio.TaskGroup, deadline: Deadline) -> Broker:
    """Return the broker of what all targets of a run share."""
    return Broker(
        catalog=run.catalog,
        givens=run.session_givens,
        group=group,
        deadline=deadline,
        observer=run.observer,
        on_collect=run.on_collect,
    )


def _brokers(run: Run, group: asyncio.TaskGroup, deadline: Deadline) -> tuple[Broker, Broker]:
    session = session_broker(run, group, deadline)
    return session, _target_broker(run, group, session, deadline)


def _target_broker(run: Run, group: asyncio.TaskGroup, session: Broker, deadline: Deadline) -> Broker:
    return Broker(
        catalog=run.catalog,
        givens={**run.session_givens, **run.target_givens},
        group=group,
        deadline=deadline,
        observer=run.observer,
        parent=session,
        on_collect=run.on_collect,
    )


async def _choose(run: Run, broker: Broker, target: Target, spec: RunSpec, deadline: Deadline) -> Choice:
    if not spec.walk and not spec.only:
        broker.prefetch(_common_needs(run.catalog, spec))
    wishes = Wishes(forced=spec.walk, patterns=spec.patterns, only=spec.only)
    by = Deadline.after(deadline.left() / 2)
    choosing = asyncio.ensure_future(choose_walk(run.catalog, broker, target.hostname, wishes, by))
    stopping = asyncio.ensure_future(run.stop.wait())
    try:
        await asyncio.wait({choosing, stopping}, timeout=deadline.left(), return_when=asyncio.FIRST_COMPLETED)
        if choosing.done():
            return choosing.result()
        return _fallback(run.catalog)
    finally:
        choosing.cancel()
        stopping.cancel()


def _time_to_judge(spec: RunSpec) -> float:
    """Seconds kept from collecting, so that what did arrive is judged when something else never does."""
    return min(_JUDGING_S, spec.timeout_s / 10)


def _fallback(catalog: Catalog) -> Choice:
    """When there was no time to choose, the first walk is shown with nothing looked at."""
    walk = next(iter(catalog.walks), None)
    return Choice(walk=walk, ground="the run ended before the walk could be chosen from evidence")


def _common_needs(catalog: Catalog, spec: RunSpec) -> tuple[type, ...]:
    """Evidence that the checks of every walk need, whichever will be chosen: it can be fetched at once.

    What the longest chain of other evidence waits for comes first: the order decides which library is loaded first.
    """
    per_walk = [_needs_of(select(catalog.checks_of(walk), spec.only, spec.skip)) for walk in catalog.walks]
    common = set.intersection(*per_walk) if per_walk else set()
    urgency = catalog.urgency(common)
    return tuple(sorted(urgency, key=lambda item: (-urgency[item], item.__name__)))


def _needs_of(checks: Sequence[Check]) -> set[type]:
    return {need.wanted for item in checks for need in item.needs}


def _report(
    run: Run,
    target: Target,
    choice: Choice,
    results: tuple[CheckResult, ...],
    timings: Timings,
    started: datetime,
) -> Report:
    walk = choice.walk
    if walk is None:
        diagnosis, coverage = _unknown_name(target, choice), Coverage(verified=0, total=0)
    else:
        causes = run.catalog.causes_of(walk)
        left_out = len(run.catalog.checks_of(walk)) - len(results)
        diagnosis = diagnose(target.hostname, walk, results, causes, left_out=left_out)
        coverage = coverage_of(results)
    return Report(
        target=target,
        walk=walk,
        ground=choice.ground,
        steps=_steps(walk, results),
        diagnosis=diagnosis,
        coverage=coverage,
        timings=timings,
        started=started.isoformat(timespec="seconds"),
        version=run.version,
        environment=run.environment,
        interrupted=run.stop.is_set(),
        suggestions=choice.suggestions,
    )


def _steps(walk: Walk | None, results: tuple[CheckResult, ...]) -> tuple[StepReport, ...]:
    return steps_of(walk, results) if walk is not None else ()


def _unknown_name(target: Target, choice: Choice) -> Diagnosis:
    near = f" Did you mean {', '.join(choice.suggestions)}?" if choice.suggestions else ""
    searched = tuple(f"searched: {text}" for text in choice.searched)
    return Diagnosis(
        verdict=Verdict.BROKEN,
        headline=f"{target.hostname} is not known anywhere that was searched.{near}",
        next_steps=searched,
    )
