"""Hand out the batches of one vantage point to the workers of a Dask cluster, and take what comes back.

The scheduler gives a batch whose worker died to another one; one that has cost it too many workers comes back here, and
is split when nothing else is under way, so that no innocent batch dies with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, Final

from distributed import KilledWorker
from msgspec.structs import replace

from ingressdoctor.engine.outcomes import unjudged
from ingressdoctor.errors import SourceError
from ingressdoctor.fleet.batches import Batch, Batches, Ledger
from ingressdoctor.fleet.place import judge_here
from ingressdoctor.fleet.work import Job, decode_judged, encode_targets, why
from ingressdoctor.model.sweep import Outcome, SweepTarget

__all__ = ["Desk"]

_AHEAD: Final = 3
_LOOK_S: Final = 2.0
_ALONE_S: Final = 30.0
_GRACE_S: Final = 15.0
_PATIENCE_S: Final = 300.0
_MOST_LOST: Final = 20


class Desk:
    """One vantage point's.

    Args:
        client: Of the cluster.
        name: Of the plugin that holds the sweep.
        job: How the sweep is done; its vantage is a resource of workers, or "" for anybody.
        count: Asks the scheduler how many workers there are at the vantage point.
    """

    def __init__(self, client: Any, name: str, job: Job, vantage: str, count: Callable[[], Any]) -> None:  # noqa: ANN401
        self.requests: Counter[str] = Counter()
        self._client = client
        self._name = name
        self._job = job
        self._vantage = vantage
        self._count = count
        self._lost = 0
        self._suspects: list[Batch] = []
        self._under_way: dict[asyncio.Task[Any], tuple[Batch, Any]] = {}

    async def judge(
        self, targets: Collection[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> None:
        """Judge all targets, until *stop* is set: then take what has ended, and what still ends soon.

        Raises:
            SourceError: the scheduler or the workers are gone.
        """
        workers = max(1, await self._count())
        batches = Batches(targets, workers, self._job.spec.at_once)
        stopping = asyncio.ensure_future(stop.wait())
        loop = asyncio.get_running_loop()
        heard = loop.time()
        try:
            while not stop.is_set():
                self._hand_out(batches, _AHEAD * workers)
                if not self._under_way:
                    return
                either: set[asyncio.Future[Any]] = {*self._under_way, stopping}
                await asyncio.wait(either, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                if self._settle_all(batches, take):
                    heard = loop.time()
                await self._look(loop.time() - heard)
            await self._last(batches, take)
        finally:
            stopping.cancel()
            for task, (_, future) in self._under_way.items():
                task.cancel()
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(future.cancel(), _LOOK_S)

    def _hand_out(self, batches: Batches, most: int) -> None:
        while len(self._under_way) < most and (batch := batches.take()) is not None:
            if batch.tries:
                self._suspects.append(batch)
            else:
                self._submit(batch)
        if not self._under_way and self._suspects:
            self._submit(self._suspects.pop())

    def _submit(self, batch: Batch) -> None:
        future = self._client.submit(
            judge_here,
            self._name,
            self._vantage,
            encode_targets(batch.targets),
            resources={self._vantage: 1} if self._vantage else None,
            pure=False,
        )
        self._under_way[asyncio.ensure_future(future.result())] = (batch, future)

    async def _last(self, batches: Batches, take: Callable[[Outcome], None]) -> None:
        """Wait for what was under way when the sweep was stopped."""
        if self._under_way:
            spec = self._job.spec
            await asyncio.wait(set(self._under_way), timeout=spec.timeout_s + spec.jitter_s + _GRACE_S)
            self._settle_all(batches, take)

    async def _look(self, silent_s: float) -> None:
        """Notice that nothing will come any more.

        Raises:
            SourceError: nothing will.
        """
        if self._client.status != "running":
            raise SourceError("the Dask scheduler went away")
        if silent_s > _ALONE_S and not await self._count():
            raise SourceError("no worker of the Dask cluster is left")
        spec = self._job.spec
        if silent_s > _PATIENCE_S + 20 * (spec.timeout_s + spec.jitter_s):
            raise SourceError(f"no worker of the Dask cluster ended a batch within {silent_s:.0f} s")

    def _settle_all(self, batches: Batches, take: Callable[[Outcome], None]) -> bool:
        """Take whatever has ended; tell whether anything had."""
        done = [task for task in self._under_way if task.done()]
        for task in done:
            batch, _ = self._under_way.pop(task)
            self._settle(task, batch, batches, take)
        return bool(done)

    def _settle(self, task: asyncio.Task[Any], batch: Batch, batches: Batches, take: Callable[[Outcome], None]) -> None:
        ledger, reason = Ledger(batch), "the workers left"
        if task.cancelled():
            raise SourceError("the Dask scheduler went away")
        error = task.exception()
        if isinstance(error, KilledWorker):
            reason = "the workers that judged it died"
        elif error is not None:
            if self._client.status != "running":
                raise SourceError("the Dask scheduler went away")
            reason = why(error)
        else:
            try:
                judged = decode_judged(task.result())
            except SourceError as junk:
                reason = junk.message
            else:
                reason = judged.trouble or reason
                self.requests.update(judged.requests)
                for outcome in judged.outcomes:
                    if ledger.accept(outcome):
                        take(replace(outcome, vantage=self._vantage) if self._vantage else outcome)
        self._give_back(ledger.rest, reason, batches, take)

    def _give_back(self, rest: Batch, reason: str, batches: Batches, take: Callable[[Outcome], None]) -> None:
        if not rest.targets:
            return
        self._lost += 1
        given_up = batches.give_back(rest) if self._lost <= _MOST_LOST else rest.targets
        for target in given_up:
            take(replace(unjudged(target, f"Not judged: {reason}.", datetime.now(UTC)), vantage=self._vantage))
