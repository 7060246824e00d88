"""Collect and judge one target of many within a single task: what is there already costs no turn of the event loop.

The broker of a diagnosis runs everything side by side, which a sweep does with its targets instead. What both promise
is the same: evidence once per scope, gaps instead of exceptions, every check says something. Content-free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import CoroutineType
from typing import Any, Final

from ingressdoctor.engine.broker import Broker, Deadline, failed_collecting, for_want_of
from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.engine.choose import Choice, Wishes, choice_of, decided
from ingressdoctor.engine.runner import judge
from ingressdoctor.model.check import Check, Collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later, Need, Seen
from ingressdoctor.model.report import CheckResult
from ingressdoctor.model.walk import Claim, Walk

__all__ = ["DirectBroker", "SharedEvidence", "choose_directly", "judge_all"]

_ABSENT: Final = object()
_CIRCLE: Final = Unavailable(wanted="evidence", reason="it waits for itself", enable_with="please report this")


class SharedEvidence:
    """What all targets of a sweep have in common: givens, evidence of the session, and verdicts on nothing else."""

    def __init__(self, catalog: Catalog, givens: Mapping[type, object], session: Broker) -> None:
        self.catalog = catalog
        self.values: dict[type, object] = dict(givens)
        self._session = session
        self._verdicts: dict[str, CheckResult] = {}

    async def get(self, wanted: type) -> object:
        """Return evidence of the session, collected at the first call."""
        value = self.values.get(wanted, _ABSENT)
        if value is _ABSENT:
            value = self.values[wanted] = await self._session.get(wanted)
        return value

    def verdict(self, check: Check, values: dict[str, object] | Unavailable) -> CheckResult:
        """Judge; a check that sees nothing of the target judges once for all of them."""
        if any(need.wanted in self.catalog.target_scoped for need in check.needs):
            return judge(check, values)
        key = f"{check.step} {check.id}"
        if key not in self._verdicts:
            self._verdicts[key] = judge(check, values)
        return self._verdicts[key]


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
        self._values: dict[type, object] = dict(givens)
        self._deadline = deadline
        self._on_collect = on_collect

    async def get(self, wanted: type) -> object:
        """Return the evidence of one type, or ``Unavailable``."""
        value = self._values.get(wanted, _ABSENT)
        if value is not _ABSENT:
            return value
        if wanted not in self._shared.catalog.target_scoped:
            return await self._shared.get(wanted)
        self._values[wanted] = _CIRCLE
        value = self._values[wanted] = await self._collected(self._shared.catalog.collectors[wanted])
        return value

    async def needs(self, needs: tuple[Need, ...]) -> dict[str, object] | Unavailable:
        """Return values for all *needs* by parameter name, or the first gap that is not tolerated."""
        values: dict[str, object] = {}
        own, shared = self._values, self._shared.values
        for need in needs:
            value: object
            if need.later:
                value = Later(_fetching(self, need.wanted))
            elif need.seen:
                value = Seen(self._seen(need.wanted))
            else:
                value = own.get(need.wanted, _ABSENT)
                if value is _ABSENT:
                    value = shared.get(need.wanted, _ABSENT)
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


async def judge_all(checks: Sequence[Check], broker: DirectBroker, shared: SharedEvidence) -> tuple[CheckResult, ...]:
    """Let every check judge, in the order given."""
    return tuple([shared.verdict(check, await broker.needs(check.needs)) for check in checks])


async def _bounded(call: Awaitable[Any], limit_s: Callable[[], float]) -> Any:  # noqa: ANN401 - any evidence
    """Await *call* for at most so many seconds; a call that never waits costs no timer.

    Raises:
        TimeoutError: the time was over.
    """
    if not isinstance(call, CoroutineType):
        async with asyncio.timeout(limit_s()):
            return await call
    try:
        waits_for = call.send(None)
    except StopIteration as done:
        return done.value
    limit = limit_s()
    async with asyncio.timeout(limit):
        return await _Begun(call, waits_for)


class _Begun:
    """A coroutine that has been started and waits for something: awaiting it takes it to its end."""

    def __init__(self, call: CoroutineType[Any, Any, Any], waits_for: object) -> None:
        self._call = call
        self._waits_for = waits_for

    def __await__(self) -> Any:  # noqa: ANN401 - the protocol between a task and what it awaits
        waits_for = self._waits_for
        while True:
            failure: BaseException | None = None
            sent: object = None
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's to handle
                failure = error
            try:
                waits_for = self._call.send(sent) if failure is None else self._call.throw(failure)
            except StopIteration as done:
                return done.value
