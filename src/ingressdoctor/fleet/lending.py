"""What the process that was started reads for all workers: the cluster and the clouds, once, as a snapshot.

Judges nothing, and knows neither processes nor clusters of machines.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Coroutine, Iterable, Mapping
from typing import Any, Final

from ingressdoctor.engine.session import ask
from ingressdoctor.engine.sweep import Sweeping
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.fleet.clouds import read_cloudflare
from ingressdoctor.fleet.snapshot import Recording
from ingressdoctor.fleet.work import Job
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.sources.base import Kubernetes
from ingressdoctor.sources.record import MOST_BYTES
from ingressdoctor.sweeping.sources import shared_sources
from ingressdoctor.wiring import Session

__all__ = ["Lending", "together"]

_READING_S: Final = 300.0


class Lending:
    """Reads for one sweep after the other what its workers share.

    Args:
        session: Reads.
        job: How the sweep is done.
        most: Bytes of answers of each API that are lent; for the rest workers ask themselves.
    """

    def __init__(self, session: Session, job: Job, most: int = MOST_BYTES) -> None:
        self._session = session
        self._job = job
        self._most = most
        self._begin()

    def sources(self) -> Mapping[type, object]:
        """Begin a sweep: what is read from now on is kept for the workers."""
        self._begin()
        return self._sources

    async def snapshot(self, targets: Collection[SweepTarget], stop: asyncio.Event) -> bytes | None:
        """Read what is still missing to judge *targets*, and return everything; None when *stop* was set meanwhile.

        Raises:
            UsageError: the walk asked for does not exist, or a pattern selects no check.
        """
        # Refused here, once, rather than by every worker.
        Sweeping(self._session.run(stop=stop, instead=self._sources), self._job.spec)
        if not self._job.inside:
            return b""
        reading, stopping = asyncio.ensure_future(self._read(targets)), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return None
            reading.result()
            return await asyncio.to_thread(self._recording.snapshot)
        finally:
            reading.cancel()
            stopping.cancel()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know."""
        if self._recording.whole:
            return ()
        most = f"{self._most // 1_048_576} MiB"
        return (f"some answers of the APIs, beyond {most}, were not sent to the workers: each asked for itself",)

    def _begin(self) -> None:
        self._recording = Recording(self._session.sources, self._most)
        self._sources = shared_sources(
            self._session.sources,
            overall=self._job.spec.at_once,
            each=self._job.per_origin,
            apis=self._recording.apis,
        )

    async def _read(self, targets: Collection[SweepTarget]) -> None:
        shelf: Any = self._sources[Kubernetes]
        await shelf.fill()
        if not self._recording.knows_clouds:
            # A list was given. Looking for targets reads what the clouds know of all; the targets are not needed.
            await ask(self._session.run(instead=self._sources), (Discovered,), _READING_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READING_S):
                await read_cloudflare(self._session, self._sources, self._job.spec, targets)


async def together(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all of them; when one fails the others are given up, and its exception is raised as it is."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
