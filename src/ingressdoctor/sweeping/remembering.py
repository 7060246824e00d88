"""What one sweep tells its memory and asks it, in threads: a locked database holds up neither probes nor Ctrl-C.

Only results are handed over directly; the memory takes them at once. What cannot be remembered costs the sweep nothing:
``Memory.trouble`` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ingressdoctor.errors import HistoryError
from ingressdoctor.model.sweep import Incident, Outcome, SweepReport
from ingressdoctor.sweeping.options import Memory
from ingressdoctor.sweeping.waiting import aside, heard

__all__ = ["Remembering"]

_THREAD: Final = "history"
_ASKING_S: Final = 5.0


class Remembering:
    """One sweep's access to what remembers; does nothing where nobody does.

    Args:
        memory: What remembers, if anything does.
        stop: Is set when the sweep is to end: then nothing is waited for any more, but for a moment.
    """

    def __init__(self, memory: Memory | None, stop: asyncio.Event) -> None:
        self._memory = memory
        self._stop = stop
        self._sweep = 0

    def begin(self, started: datetime, vantage: str) -> None:
        """Note that the sweep begins, and look up what is known, which the end of the sweep falls back upon."""
        if self._memory is None:
            return
        self._sweep = self._memory.announce(started, vantage)
        aside(self._known, _THREAD)

    def record(self, outcome: Outcome) -> None:
        """Keep one result."""
        if self._memory is not None:
            self._memory.record(self._sweep, outcome)

    async def worked(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of *names* that are remembered to have worked; none where nobody can tell now."""
        memory = self._memory
        if memory is None or not names:
            return frozenset()
        return await heard(aside(lambda: memory.worked(names), _THREAD), self._stop, _ASKING_S) or frozenset()

    async def incidents(self, ours: tuple[Incident, ...]) -> tuple[Incident, ...]:
        """Return the incidents that are remembered; *ours* where nothing remembers, or nobody can tell now.

        Another sweep may have changed them since the last one of ours.
        """
        if self._memory is None:
            return ours
        found = await heard(aside(self._known, _THREAD), self._stop)
        return ours if found is None else found

    async def end(self, report: SweepReport) -> None:
        """Keep the report and its incidents."""
        memory, sweep = self._memory, self._sweep
        if memory is None:
            return
        memory.save_incidents(sweep, report.incidents)
        await heard(aside(lambda: memory.finish(sweep, report), _THREAD), self._stop)

    def _known(self) -> tuple[Incident, ...] | None:
        try:
            return None if self._memory is None else self._memory.incidents()
        except HistoryError:
            # A database that went away costs its memory, not the report; ``trouble`` says so.
            return None
