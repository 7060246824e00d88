"""Judge many targets over one session: so many at a time, each in a task of its own, outcomes as they are there.

Whatever happens to one target costs its own outcome only. Nothing is kept of a target once its outcome is handed out,
so that memory does not grow with their number. Content-free; handed everything it uses.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Final, Self

import msgspec

from ingressdoctor.engine.asked import Question
from ingressdoctor.engine.broker import Broker, Deadline
from ingressdoctor.engine.choose import Wishes, select
from ingressdoctor.engine.direct import DirectBroker, SharedEvidence, choose_directly, judge_all
from ingressdoctor.engine.limits import Limits, begin_limits
from ingressdoctor.engine.outcomes import outcome_of, unjudged
from ingressdoctor.engine.session import Run, Scope, session_broker
from ingressdoctor.errors import UsageError
from ingressdoctor.model.begun import begin
from ingressdoctor.model.check import Check
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.walk import Walk

__all__ = ["SweepSpec", "Sweeping", "sweep_targets"]

# Evidence that all targets share may be asked for late; each collector has a limit of its own.
_LASTS_S: Final = 86_400.0
# Beyond a target's time, for judging what did arrive.
_LATE_S: Final = 1.0


class SweepSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a sweep is done.

    ``at_once`` targets are under way at a time, each for at most ``timeout_s``; a target begins up to ``jitter_s``
    late, so that not all requests leave in the same moment.
    """

    walk: str = ""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    patterns: Mapping[str, str] = msgspec.field(default_factory=dict)
    at_once: int = 64
    timeout_s: float = 30.0
    jitter_s: float = 0.0
    vantage: str = ""


class Sweeping:
    """What the targets of one sweep share, for one batch of them after the other; an async context manager.

    Raises:
        UsageError: the walk asked for does not exist, or a pattern selects no check.
    """

    def __init__(self, run: Run, spec: SweepSpec) -> None:
        select(run.catalog.checks, spec.only, spec.skip)
        if spec.walk and run.catalog.walk(spec.walk) is None:
            known = ", ".join(item.id for item in run.catalog.walks)
            hint = f"Known walks: {known}."
            raise UsageError(f"--walk names the walk {spec.walk!r}, which does not exist.", hint=hint)
        self._run = run
        self._spec = spec
        self._scope = Scope()
        self._session: Broker | None = None
        self._judge: _Judge | None = None

    async def __aenter__(self) -> Self:
        """Begin; nothing is collected before a target needs it."""
        run, group = self._run, await self._scope.__aenter__()
        self._session = session_broker(run, group, Deadline.after(_LASTS_S))
        self._judge = _Judge(run, self._spec, SharedEvidence(run.catalog, run.session_givens, self._session))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up whatever is still being collected."""
        if self._session is not None:
            self._session.close()
        await self._scope.__aexit__(kind, error, trace)

    async def judge(self, targets: Iterable[SweepTarget], take: Callable[[Outcome], None]) -> None:
        """Hand *take* one outcome for each of *targets*, in the order in which they end, until ``run.stop`` is set.

        What is under way when it is set still ends. An exception that *take* raises ends the batch.
        """
        if self._judge is None:
            raise RuntimeError("not entered")
        waiting, judge, stop = iter(targets), self._judge, self._run.stop
        workers = [asyncio.ensure_future(_work(judge, waiting, take, stop)) for _ in range(self._spec.at_once)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()


async def sweep_targets(
    run: Run, targets: Iterable[SweepTarget], spec: SweepSpec, take: Callable[[Outcome], None]
) -> None:
    """Judge *targets* in one batch; see ``Sweeping.judge``.

    Raises:
        UsageError: the walk asked for does not exist, or a pattern selects no check.
    """
    async with Sweeping(run, spec) as sweeping:
        await sweeping.judge(targets, take)


async def _work(
    judge: _Judge, waiting: Iterator[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
) -> None:
    """Take one target after the other until there are no more."""
    for asked in waiting:
        if stop.is_set():
            break
        take(await judge.judged(asked))
        # Targets that need no waiting must not keep Ctrl-C, timers and connections from their turn.
        await asyncio.sleep(0)


class _Judge:
    """Judges single targets over what they share."""

    def __init__(self, run: Run, spec: SweepSpec, shared: SharedEvidence) -> None:
        self._run = run
        self._spec = spec
        self._shared = shared
        self._wishes = Wishes(forced=spec.walk, patterns=spec.patterns, only=spec.only)
        self._questions: dict[str, tuple[Question, ...]] = {}
        self._causes: dict[str, dict[str, tuple[str, ...]]] = {}
        self._random = random.Random()  # noqa: S311 - to spread requests, not to keep secrets

    async def judged(self, asked: SweepTarget) -> Outcome:
        """Return the outcome of one target, whatever happens to it."""
        if self._spec.jitter_s:
            await asyncio.sleep(self._random.uniform(0, self._spec.jitter_s))
        started, clock = datetime.now(UTC), asyncio.get_running_loop().time
        began = clock()
        try:
            limits = begin_limits(self._spec.timeout_s)
            outcome: Outcome
            # What never waits needs no timer.
            outcome, rest = begin(self._judged(asked, limits, started, began))
            if rest is not None:
                async with limits.within(self._spec.timeout_s + _LATE_S, beyond_s=_LATE_S):
                    outcome = await rest
        except TimeoutError:
            outcome = unjudged(asked, f"It took longer than {self._spec.timeout_s:g} s.", started, clock() - began)
        except Exception as error:  # noqa: BLE001 - one target must not cost the others theirs
            why = f"The program failed on it: {type(error).__name__}: {clean(str(error), 300)}"
            outcome = unjudged(asked, why, started, clock() - began)
        if self._spec.vantage:
            return msgspec.structs.replace(outcome, vantage=self._spec.vantage)
        return outcome

    async def _judged(self, asked: SweepTarget, limits: Limits, started: datetime, began: float) -> Outcome:
        target, clock = asked.target, asyncio.get_running_loop().time
        broker = self._broker(target, limits)
        choice = await choose_directly(broker, self._shared, target.hostname, self._wishes)
        if choice.walk is not None and choice.walk.mysql and target.in_mysql() != target:
            # What was collected of it so far answers another question.
            broker = self._broker(target.in_mysql(), limits)
        results = () if choice.walk is None else await judge_all(self._questions_of(choice.walk), broker)
        return outcome_of(
            causes={} if choice.walk is None else self._causes_of(choice.walk),
            asked=asked,
            choice=choice,
            results=results,
            started=started,
            elapsed_s=clock() - began,
        )

    def _broker(self, target: Target, limits: Limits) -> DirectBroker:
        return DirectBroker(self._shared, {Target: target}, limits, self._run.on_collect)

    def _questions_of(self, walk: Walk) -> tuple[Question, ...]:
        if walk.id not in self._questions:
            checks = _selected(self._run.catalog.checks_of(walk), self._spec)
            self._questions[walk.id] = tuple(map(Question, checks))
        return self._questions[walk.id]

    def _causes_of(self, walk: Walk) -> dict[str, tuple[str, ...]]:
        if walk.id not in self._causes:
            self._causes[walk.id] = self._run.catalog.causes_of(walk)
        return self._causes[walk.id]


def _selected(checks: tuple[Check, ...], spec: SweepSpec) -> tuple[Check, ...]:
    """Keep what was asked for; a pattern may match checks of other walks only."""
    kept = (item for item in checks if not spec.only or any(fnmatchcase(item.id, name) for name in spec.only))
    return tuple(item for item in kept if not any(fnmatchcase(item.id, name) for name in spec.skip))
