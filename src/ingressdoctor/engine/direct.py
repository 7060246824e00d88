"""Collect and judge one target of many within a single task: what is there already costs no turn of the event loop.

The broker of a diagnosis runs everything side by side, which a sweep does with its targets instead. What both promise
is the same: evidence once per scope, gaps instead of exceptions, every check says something. Content-free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import is_
from types import CoroutineType
from typing import Any, Final

from ingressdoctor.engine.broker import Broker, Deadline, failed_collecting, for_want_of
from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.engine.choose import Choice, Wishes, choice_of, decided
from ingressdoctor.engine.runner import judge
from ingressdoctor.model.begun import begin
from ingressdoctor.model.check import Check, Collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later, Need, Seen
from ingressdoctor.model.report import CheckResult
from ingressdoctor.model.walk import Claim, Walk

__all__ = ["DirectBroker", "Question", "SharedEvidence", "choose_directly", "judge_all"]

_ABSENT: Final = object()
_MOST_GAPS: Final = 2_000
_CIRCLE: Final = Unavailable(wanted="evidence", reason="it waits for itself", enable_with="please report this")

# The parameters that evidence fills, with its type and whether a gap is welcome.
_Plan = tuple[tuple[str, type, bool], ...]


class Question:
    """A check as it is asked of one target after the other: what it needs is worked out once."""

    __slots__ = ("check", "plan", "result", "seen")

    def __init__(self, check: Check) -> None:
        self.check = check
        self.plan = _plan_of(check.needs) or ()
        self.seen: tuple[object, ...] = ()
        self.result: CheckResult | None = None

    def judged(self, values: dict[str, object] | Unavailable) -> CheckResult:
        """Judge; a check that sees the very objects that it saw last says the same again."""
        seen = (values,) if isinstance(values, Unavailable) else tuple(values.values())
        if self.result is not None and len(seen) == len(self.seen) and all(map(is_, seen, self.seen)):
            return self.result
        self.seen, self.result = seen, judge(self.check, values)
        return self.result


def _plan_of(needs: tuple[Need, ...]) -> _Plan | None:
    """Return how *needs* are filled from what is there; None where some are not for what is there (``Later``)."""
    if any(need.later or need.seen for need in needs):
        return None
    return tuple((need.parameter, need.wanted, need.tolerant) for need in needs)


class SharedEvidence:
    """What all targets of a sweep have in common: givens, evidence of the session, and gaps that none can fill."""

    def __init__(self, catalog: Catalog, givens: Mapping[type, object], session: Broker) -> None:
        self.catalog = catalog
        self.values: dict[type, object] = dict(givens)
        self._session = session
        self.plans = {wanted: _plan_of(item.needs) for wanted, item in catalog.collectors.items()}
        self._gaps: dict[tuple[type, Unavailable], Unavailable] = {}

    async def get(self, wanted: type) -> object:
        """Return evidence of the session, collected at the first call."""
        value = self.values.get(wanted, _ABSENT)
        if value is _ABSENT:
            value = self.values[wanted] = await self._session.get(wanted)
        return value

    def interned(self, wanted: type, value: object) -> object:
        """Return the one object that stands for equal gaps of one kind of evidence: checks that see it judge once."""
        if not isinstance(value, Unavailable):
            return value
        known = self._gaps.get((wanted, value))
        if known is None:
            if len(self._gaps) < _MOST_GAPS:
                self._gaps[wanted, value] = value
            return value
        return known


class DirectBroker:
    """Hands out the evidence of one target, collecting in the order in which it is asked for."""

    def __init__(
        self,
        shared: SharedEvidence,
        givens: Mapping[type, object],
        deadline: Deadline,
        on_collect: Callable[[str], object] = str,
    ) -> None:
        self._shared = shared
        self._values: dict[type, object] = {**shared.values, **givens}
        self._deadline = deadline
        self._on_collect = on_collect

    async def get(self, wanted: type) -> object:
        """Return the evidence of one type, or ``Unavailable``."""
        value = self._values.get(wanted, _ABSENT)
        if value is not _ABSENT:
            return value
        shared = self._shared
        if wanted not in shared.catalog.target_scoped:
            value = self._values[wanted] = await shared.get(wanted)
            return value
        self._values[wanted] = _CIRCLE
        found = await self._collected(shared.catalog.collectors[wanted])
        value = self._values[wanted] = shared.interned(wanted, found)
        return value

    def at_hand(self, plan: _Plan) -> dict[str, object] | Unavailable | None:
        """Return what ``needs`` would, where everything is there already; None where something has to be collected."""
        own, values = self._values, {}
        for parameter, wanted, tolerant in plan:
            value = own.get(wanted, _ABSENT)
            if value is _ABSENT:
                return None
            if not tolerant and isinstance(value, Unavailable):
                return value
            values[parameter] = value
        return values

    async def needs(self, needs: tuple[Need, ...]) -> dict[str, object] | Unavailable:
        """Return values for all *needs* by parameter name, or the first gap that is not tolerated."""
        values: dict[str, object] = {}
        own = self._values
        for need in needs:
            value: object
            if need.later:
                value = Later(_fetching(self, need.wanted))
            elif need.seen:
                value = Seen(self._seen(need.wanted))
            else:
                value = own.get(need.wanted, _ABSENT)
                if value is _ABSENT:
                    value = await self.get(need.wanted)
                if isinstance(value, Unavailable) and not need.tolerant:
                    return value
            values[need.parameter] = value
        return values

    def _seen(self, wanted: type) -> object | None:
        value = self._values.get(wanted, self._shared.values.get(wanted))
        return None if isinstance(value, Unavailable) else value

    async def _collected(self, collector: Collector) -> object:
        plan = self._shared.plans[collector.provides]
        values = None if plan is None else self.at_hand(plan)
        if values is None:
            values = await self.needs(collector.needs)
        if isinstance(values, Unavailable):
            return for_want_of(values, collector)
        self._on_collect(collector.name)
        try:
            return await _bounded(collector.function(**values), lambda: min(collector.timeout_s, self._deadline.left()))
        except Exception as error:  # noqa: BLE001 - a collector's bug must cost its own evidence only
            return failed_collecting(collector, error)


def _fetching(broker: DirectBroker, wanted: type) -> Callable[[], Awaitable[Any]]:
    return lambda: broker.get(wanted)


async def choose_directly(broker: DirectBroker, shared: SharedEvidence, host: str, wishes: Wishes) -> Choice:
    """Return the walk for *host*; a chooser that cannot claim more than another did is not asked.

    Raises:
        UsageError: the option or a pattern names a walk that does not exist.
    """
    catalog = shared.catalog
    if (choice := decided(catalog, host, wishes)) is not None:
        return choice
    claims: list[tuple[Walk, Claim]] = []
    best = -1
    for chooser in sorted(catalog.choosers, key=lambda item: -item.at_most):
        walk = catalog.walk(chooser.walk)
        if walk is None or chooser.at_most <= best:
            continue
        values = await broker.needs(chooser.needs)
        if not isinstance(values, Unavailable):
            claims.append((walk, chooser.function(**values)))
            best = max(best, claims[-1][1].strength)
    return choice_of(claims, host, suggest=False)


async def judge_all(questions: Sequence[Question], broker: DirectBroker) -> tuple[CheckResult, ...]:
    """Let every check judge, in the order given."""
    results = []
    for question in questions:
        values = broker.at_hand(question.plan)
        if values is None:
            values = await broker.needs(question.check.needs)
        results.append(question.judged(values))
    return tuple(results)


async def _bounded(call: Awaitable[Any], limit_s: Callable[[], float]) -> Any:  # noqa: ANN401 - any evidence
    """Await *call* for at most so many seconds; a call that never waits costs no timer.

    Raises:
        TimeoutError: the time was over.
    """
    if not isinstance(call, CoroutineType):
        async with asyncio.timeout(limit_s()):
            return await call
    value, rest = begin(call)
    if rest is None:
        return value
    async with asyncio.timeout(limit_s()):
        return await rest
