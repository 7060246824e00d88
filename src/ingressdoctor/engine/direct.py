"""Collect and judge one target of many within a single task: what is there already costs no turn of the event loop.

The broker of a diagnosis runs everything side by side, which a sweep does with its targets instead. What both promise
is the same: evidence once per scope, gaps instead of exceptions, every check says something. Content-free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Final

from ingressdoctor.engine.asked import Inputs, Question, Source, alike
from ingressdoctor.engine.broker import Broker, failed_collecting
from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.engine.choose import Choice, Wishes, choice_of, decided
from ingressdoctor.engine.limits import Limits
from ingressdoctor.model.begun import begin
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later, Seen
from ingressdoctor.model.report import CheckResult
from ingressdoctor.model.walk import Claim, Walk

__all__ = ["DirectBroker", "SharedEvidence", "choose_directly", "judge_all"]

_ABSENT: Final = object()
_MOST_GAPS: Final = 2_000


class SharedEvidence:
    """What all targets of a sweep have in common: givens, evidence of the session, and gaps that none can fill."""

    def __init__(self, catalog: Catalog, givens: Mapping[type, object], session: Broker) -> None:
        self.catalog = catalog
        self.values: dict[type, object] = dict(givens)
        self._session = session
        self.sources = {
            wanted: Source(catalog.collectors[wanted]) for wanted in catalog.target_scoped & set(catalog.collectors)
        }
        self.choosers = tuple(
            (item, walk, Inputs(item.needs, item.function))
            for item in sorted(catalog.choosers, key=lambda item: -item.at_most)
            if (walk := catalog.walk(item.walk)) is not None
        )
        self.gaps = {wanted for wanted, value in self.values.items() if isinstance(value, Unavailable)}
        self._known: dict[tuple[type, Unavailable], Unavailable] = {}

    async def get(self, wanted: type) -> object:
        """Return evidence of the session, collected at the first call."""
        value = self.values.get(wanted, _ABSENT)
        if value is _ABSENT:
            value = self.values[wanted] = await self._session.get(wanted)
            if isinstance(value, Unavailable):
                self.gaps.add(wanted)
        return value

    def interned(self, wanted: type, value: Unavailable) -> Unavailable:
        """Return the one object that stands for equal gaps of one kind of evidence: checks that see it judge once."""
        known = self._known.get((wanted, value))
        if known is None:
            if len(self._known) < _MOST_GAPS:
                self._known[wanted, value] = value
            return value
        return known


class DirectBroker:
    """Hands out the evidence of one target, collecting in the order in which it is asked for."""

    def __init__(
        self,
        shared: SharedEvidence,
        givens: Mapping[type, object],
        limits: Limits,
        on_collect: Callable[[str], object] = str,
    ) -> None:
        self._shared = shared
        self.values: dict[type, object] = {**shared.values, **givens}
        self.gaps: set[type] = set(shared.gaps)
        self._limits = limits
        self._on_collect = on_collect

    async def get(self, wanted: type) -> object:
        """Return the evidence of one type, or ``Unavailable``."""
        values = self.values
        value = values.get(wanted, _ABSENT)
        if value is not _ABSENT:
            return value
        source = self._shared.sources.get(wanted)
        if source is None:
            value = await self._shared.get(wanted)
        elif (gap := source.known_gap(values, self.gaps)) is not None:
            value = source.wanting(gap)
        else:
            try:
                seen: tuple[object, ...] | Unavailable = source.of(values)
                known = seen == source.seen
            except Exception:  # noqa: BLE001 - something has to be collected first, or evidence cannot be compared
                seen = await self.inputs(source)
                known = alike(seen, source.seen)
            value = source.value if known else await self._collected(source, seen)
        if isinstance(value, Unavailable):
            self.gaps.add(wanted)
        values[wanted] = value
        return value

    async def inputs(self, asked: Inputs) -> tuple[object, ...] | Unavailable:
        """Collect what *asked* needs; return one value for each need, or the first gap that is not tolerated."""
        values, gaps = self.values, self.gaps
        if asked.plain:
            for wanted, before in asked.order:
                if wanted not in values:
                    if not before.isdisjoint(gaps):
                        break
                    await self.get(wanted)
            return asked.of(values) if asked.strict.isdisjoint(gaps) else asked.gap(values)
        found: list[object] = []
        for need in asked.needs:
            wanted = need.wanted
            if need.later:
                found.append(Later(partial(self.get, wanted)))
            elif need.seen:
                found.append(Seen(self._seen(wanted)))
            else:
                value = values[wanted] if wanted in values else await self.get(wanted)
                if wanted in gaps and not need.tolerant and isinstance(value, Unavailable):
                    return value
                found.append(value)
        return tuple(found)

    def _seen(self, wanted: type) -> object | None:
        value = self.values.get(wanted, self._shared.values.get(wanted))
        return None if isinstance(value, Unavailable) else value

    async def _collected(self, source: Source, seen: tuple[object, ...] | Unavailable) -> object:
        if isinstance(seen, Unavailable):
            return source.wanting(seen)
        if not source.strict.isdisjoint(self.gaps):
            return source.wanting(source.gap(self.values))
        collector = source.collector
        self._on_collect(collector.name)
        try:
            call = source.call(*seen)
            if isinstance(call, CoroutineType):
                # What never waits costs no timer.
                value, rest = begin(call)
                if rest is None:
                    return source.keep(seen, value)
                call = rest
            async with self._limits.within(collector.timeout_s):
                value = await call
        except Exception as error:  # noqa: BLE001 - a collector's bug must cost its own evidence only
            return self._shared.interned(collector.provides, failed_collecting(collector, error))
        return source.keep(seen, value)


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
    for chooser, walk, asked in shared.choosers:
        if chooser.at_most <= best:
            continue
        seen = await broker.inputs(asked)
        if not isinstance(seen, Unavailable):
            claims.append((walk, asked.call(*seen)))
            best = max(best, claims[-1][1].strength)
    return choice_of(claims, host, suggest=False)


async def judge_all(questions: Sequence[Question], broker: DirectBroker) -> tuple[CheckResult, ...]:
    """Let every check judge, in the order given."""
    results, values, gaps = [], broker.values, broker.gaps
    for question in questions:
        if question.blocked is not None and question.known_gap(values, gaps) is not None:
            results.append(question.result)
            continue
        try:
            seen: tuple[object, ...] | Unavailable = question.of(values)
            known = seen == question.seen
        except Exception:  # noqa: BLE001 - something has to be collected first, or evidence cannot be compared
            seen = await broker.inputs(question)
            known = alike(seen, question.seen)
        if not known:
            question.judge(seen if question.strict.isdisjoint(gaps) else question.gap(values))
        results.append(question.result)
    return tuple(results)
