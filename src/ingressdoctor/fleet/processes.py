"""Judge on several processes of this machine, each with a session of its own and the same snapshot.

A process that dies costs the rest of its batch another try and nothing else; processes that we started end with the
sweep, by their own handle.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from ingressdoctor.engine.outcomes import unjudged
from ingressdoctor.errors import SourceError
from ingressdoctor.fleet.batches import Batch, Batches, Ledger
from ingressdoctor.fleet.lending import Lending, together
from ingressdoctor.fleet.process import WorkerProcess
from ingressdoctor.fleet.work import Job
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.sources.record import MOST_BYTES
from ingressdoctor.sweeping.options import Elsewhere
from ingressdoctor.wiring import Session

__all__ = ["Processes"]

_GRACE_S: Final = 60.0
_MOST_LOST: Final = 50


class Processes:
    """So many processes for one sweep after the other; implements ``sweeping.options.Judging``."""

    def __init__(self, session: Session, job: Job, workers: int, most: int = MOST_BYTES) -> None:
        self._lending = Lending(session, job, most)
        self._job = job.shared_by(workers).portable()
        self._workers = workers

    def sources(self) -> Mapping[type, object]:
        """Begin a sweep: what is read from now on is kept for the workers."""
        return self._lending.sources()

    async def judge(
        self, targets: Collection[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> Elsewhere:
        """Judge *targets* on all processes.

        Raises:
            UsageError: the walk asked for does not exist, or a pattern selects no check.
        """
        snapshot = await self._lending.snapshot(targets, stop)
        if snapshot is None:
            return Elsewhere()
        batches = Batches(targets, self._workers, self._job.spec.at_once)
        crew = _Crew(self._job, snapshot, batches, take, stop)
        cut = ""
        try:
            await together(crew.serve() for _ in range(min(self._workers, len(batches))))
        except SourceError as error:
            cut = error.message
        return Elsewhere(requests=crew.requests, notes=self._lending.notes, cut=cut)


class _Crew:
    """The processes of one sweep; each task of ``serve`` keeps one of them busy."""

    def __init__(
        self, job: Job, snapshot: bytes, batches: Batches, take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._job = job
        self._snapshot = snapshot
        self._batches = batches
        self._take = take
        self._stop = stop
        self._lost = 0

    async def serve(self) -> None:
        """Have one batch after the other judged; a process that dies is followed by another.

        Raises:
            SourceError: no process can be started.
        """
        process: WorkerProcess | None = None
        try:
            while not self._stop.is_set() and (batch := self._batches.take()) is not None:
                process = process or WorkerProcess(self._job, self._snapshot)
                if not await self._judged(process, batch):
                    ended, process = process, None
                    await ended.end()
        finally:
            if process is not None:
                await process.end()

    async def _judged(self, process: WorkerProcess, batch: Batch) -> bool:
        """Have one batch judged; False when the process is of no more use."""
        ledger, reason = Ledger(batch), "it left"

        def take(outcome: Outcome) -> None:
            if ledger.accept(outcome):
                self._take(outcome)

        try:
            judged = await process.judge(batch, take, self._patience(batch), self._stop)
            self.requests.update(judged.requests)
        except SourceError as error:
            reason = error.message
        else:
            if not ledger.rest.targets:
                return True
        if not self._stop.is_set():
            self._give_back(ledger.rest, reason)
        return False

    def _give_back(self, rest: Batch, reason: str) -> None:
        self._lost += 1
        # A machine that kills every process is not to be fought for ever.
        given_up = self._batches.give_back(rest) if self._lost <= _MOST_LOST else rest.targets
        for target in given_up:
            outcome = unjudged(target, f"Two worker processes failed on it: {reason}.", datetime.now(UTC))
            self._take(replace(outcome, vantage=self._job.spec.vantage))

    def _patience(self, batch: Batch) -> float:
        rounds = -(-len(batch.targets) // self._job.spec.at_once)
        return _GRACE_S + 2 * rounds * (self._job.spec.timeout_s + self._job.spec.jitter_s)
