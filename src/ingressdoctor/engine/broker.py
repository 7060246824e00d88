"""Collect each piece of evidence once per scope, everything that is ready side by side.

Failures never leave this module as exceptions: what could not be looked at becomes ``Unavailable``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.engine.observer import Observer
from ingressdoctor.errors import IngressDoctorError, NotAskedError
from ingressdoctor.model.check import Collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later, Need, Seen
from ingressdoctor.model.text import clean

__all__ = ["Broker", "Deadline", "failed_collecting", "for_want_of"]

_PATIENCE: Final = 2 / 3
_LONGER: Final = "Try again with a longer --timeout, or look at the network between here and there."
_NO_TIME: Final = Unavailable(wanted="more time", reason="the time for the whole run was over", enable_with=_LONGER)


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One point in the event loop's time that no collector of a run may pass."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline *seconds* from now; must be called in a running loop."""
        return cls(at=asyncio.get_running_loop().time() + seconds)

    def left(self) -> float:
        """Seconds until then, never negative."""
        return max(0.0, self.at - asyncio.get_running_loop().time())


class Broker:
    """Hands out evidence by type. A broker for a target delegates session evidence to its parent."""

    def __init__(  # noqa: PLR0913 - the parts of a scope, all keyword-only
        self,
        *,
        catalog: Catalog,
        givens: Mapping[type, object],
        group: asyncio.TaskGroup,
        deadline: Deadline,
        observer: Observer,
        parent: Broker | None = None,
        on_collect: Callable[[str], object] = str,
    ) -> None:
        self._catalog = catalog
        self._givens = dict(givens)
        self._group = group
        self._deadline = deadline
        self._patience = Deadline.after(deadline.left() * _PATIENCE)
        self._observer = observer
        self._parent = parent
        self._on_collect = on_collect
        self._tasks: dict[type, asyncio.Task[object]] = {}

    async def get(self, wanted: type) -> object:
        """Return the evidence of one type, or ``Unavailable``; collected at the first call, awaited by later ones."""
        if wanted in self._givens:
            return self._givens[wanted]
        if self._parent is not None and wanted not in self._catalog.target_scoped:
            return await self._parent.get(wanted)
        # One waiting check may be cancelled; the evidence is still wanted by the others.
        return await asyncio.shield(self._start(wanted))

    def seen(self, wanted: type) -> object | None:
        """Return evidence that is there by now, or None; nothing is collected, nobody waits, and a gap is nothing."""
        if wanted in self._givens:
            return self._givens[wanted]
        if self._parent is not None and wanted not in self._catalog.target_scoped:
            return self._parent.seen(wanted)
        task = self._tasks.get(wanted)
        if task is None or not task.done() or task.cancelled():
            return None
        return None if isinstance(task.result(), Unavailable) else task.result()

    def prefetch(self, wanted: Iterable[type]) -> None:
        """Start collecting evidence that is certain to be asked for, without waiting for it."""
        for item in wanted:
            if item in self._givens:
                continue
            if self._parent is not None and item not in self._catalog.target_scoped:
                self._parent.prefetch((item,))
            else:
                self._start(item)

    def close(self) -> None:
        """Give up whatever is still being collected in this scope."""
        for task in self._tasks.values():
            task.cancel()

    def _start(self, wanted: type) -> asyncio.Task[object]:
        if wanted not in self._tasks:
            collector = self._catalog.collectors[wanted]
            name = f"collect {collector.name}"
            self._tasks[wanted] = self._group.create_task(self._collect(collector), name=name)
        return self._tasks[wanted]

    async def needs(self, needs: tuple[Need, ...], by: Deadline | None = None) -> dict[str, object] | Unavailable:
        """Return values for all *needs* by parameter name, or the first gap that is not tolerated.

        What is not there *by* then counts as a gap here, and is still collected for others.
        """
        values = await asyncio.gather(*(self._get_by(need.wanted, by) for need in needs))
        return _by_parameter(needs, values)

    async def _value(self, need: Need) -> object:
        # Whoever can do without a piece of evidence does not lose all its time to waiting for it.
        if need.later:
            return Later(lambda: self._get_by(need.wanted, self._patience))
        if need.seen:
            return Seen(self.seen(need.wanted))
        return await self._get_by(need.wanted, self._patience if need.tolerant else None)

    async def _get_by(self, wanted: type, by: Deadline | None) -> object:
        try:
            async with asyncio.timeout_at(None if by is None else by.at):
                return await self.get(wanted)
        except TimeoutError:
            return Unavailable(
                wanted=self._catalog.collectors[wanted].wanted, reason="no answer yet", enable_with=_LONGER
            )

    async def _collect(self, collector: Collector) -> object:
        waits = (self._value(need) for need in collector.needs)
        values = _by_parameter(collector.needs, await asyncio.gather(*waits))
        if isinstance(values, Unavailable):
            return for_want_of(values, collector)
        if self._deadline.left() <= 0:
            # What took the time is to be named.
            late = next((value for value in values.values() if isinstance(value, Unavailable)), None)
            return for_want_of(late or _NO_TIME, collector)
        self._observer.evidence_started(collector.wanted)
        value = await self._bounded(collector, values)
        self._observer.evidence_done(collector.wanted, not isinstance(value, Unavailable))
        return value

    async def _bounded(self, collector: Collector, values: dict[str, object]) -> object:
        self._on_collect(collector.name)
        limit = min(collector.timeout_s, self._deadline.left())
        try:
            async with asyncio.timeout(limit):
                return await collector.function(**values)
        except Exception as error:  # noqa: BLE001 - a collector's bug must cost its own evidence only
            return failed_collecting(collector, error, limit)


def _by_parameter(needs: tuple[Need, ...], values: Sequence[object]) -> dict[str, object] | Unavailable:
    for need, value in zip(needs, values, strict=True):
        if isinstance(value, Unavailable) and not need.tolerant:
            return value
    return {need.parameter: value for need, value in zip(needs, values, strict=True)}


def for_want_of(gap: Unavailable, collector: Collector) -> Unavailable:
    """Return what becomes of a collector's evidence when *gap* keeps it from being collected."""
    if isinstance(gap, Inapplicable):
        return msgspec.structs.replace(gap, wanted=collector.wanted)
    reason = f"it needs {gap.wanted}: {gap.reason}"
    return Unavailable(wanted=collector.wanted, reason=reason, enable_with=gap.enable_with)


def failed_collecting(collector: Collector, error: Exception, limit_s: float | None = None) -> Unavailable:
    """Return what an exception in a collector means: a timeout, an outside system, or a bug."""
    while isinstance(error, ExceptionGroup) and isinstance(error.exceptions[0], Exception):
        # Calls side by side fail as one of them did.
        error = error.exceptions[0]
    match error:
        case TimeoutError():
            within = "in time" if limit_s is None else f"within {limit_s:.1f} s"
            return Unavailable(wanted=collector.wanted, reason=f"no answer {within}", enable_with=_LONGER)
        case NotAskedError():
            return Inapplicable(wanted=collector.wanted, reason=error.message, left_out=True)
        case IngressDoctorError():
            return Unavailable(wanted=collector.wanted, reason=clean(error.message), enable_with=clean(error.hint))
        case _:
            return Unavailable(
                wanted=collector.wanted,
                reason=f"collector {collector.name} failed: {type(error).__name__}: {clean(str(error), 300)}",
                enable_with="this is a bug in the collector; please report it",
            )
