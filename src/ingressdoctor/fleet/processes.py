"""Judge on several processes of this machine, each with a session of its own and the same snapshot.

A process that dies costs its batch another try and nothing else; processes that we started end with the sweep, by their
own handle. Results come back over pipes, one thread a process waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from ingressdoctor.engine.outcomes import unjudged
from ingressdoctor.fleet.batches import Batch, Batches
from ingressdoctor.fleet.snapshot import Recording
from ingressdoctor.fleet.work import (
    Job,
    Worker,
    decode_judged,
    decode_targets,
    encode_judged,
    encode_targets,
)
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.sources.base import Kubernetes
from ingressdoctor.sweeping.sources import shared_sources
from ingressdoctor.wiring import Session

__all__ = ["Processes"]

_FAREWELL_S: Final = 5.0
_GRACE_S: Final = 60.0
_MOST_LOST: Final = 20


class Processes:
    """So many processes for one sweep after the other; implements ``sweeping.sweeper.Judging``."""

    def __init__(self, session: Session, job: Job, workers: int) -> None:
        self._session = session
        self._job = job
        self._workers = workers
        self._recording: Recording | None = None
        self._sources: Mapping[type, object] = {}

    def sources(self) -> Mapping[type, object]:
        """Begin a sweep: what is read from now on is kept for the workers."""
        self._recording = Recording(self._session.sources)
        self._sources = shared_sources(
            self._session.sources,
            overall=self._job.spec.at_once,
            each=self._job.per_origin,
            apis=self._recording.apis,
        )
        return self._sources

    async def judge(
        self, targets: Sequence[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> Mapping[str, int]:
        """Judge *targets* on all processes; returns how many requests they sent, by source."""
        shelf: Any = self._sources[Kubernetes]
        if self._job.inside:
            await shelf.fill()
        batches, requests = Batches(targets, self._workers), Counter[str]()
        with tempfile.TemporaryDirectory(prefix="ingressdoctor-fleet-") as folder:
            place = Path(folder) / "snapshot"
            place.write_bytes(self._recording.snapshot() if self._recording and self._job.inside else b"")
            lost = _Lost()
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._workers, len(batches))):
                    group.create_task(self._serve(place, batches, take, requests, stop, lost))
        return requests

    async def _serve(
        self,
        snapshot: Path,
        batches: Batches,
        take: Callable[[Outcome], None],
        requests: Counter[str],
        stop: asyncio.Event,
        lost: _Lost,
    ) -> None:
        """Keep one process busy until there are no more batches; another one takes its place when it dies."""
        process: _Process | None = None
        try:
            while not stop.is_set() and (batch := batches.take()) is not None:
                process = process or _Process(self._job.portable(), snapshot)
                judged = await process.judged(batch, self._patience(batch), stop)
                if judged is None:
                    await process.end()
                    process = None
                    for target in batches.give_back(batch) if lost.more() else batch.targets:
                        take(unjudged(target, "The worker processes that judged it died.", datetime.now(UTC)))
                    continue
                requests.update(judged.requests)
                for outcome in judged.outcomes:
                    take(outcome)
        finally:
            if process is not None:
                await process.end()

    def _patience(self, batch: Batch) -> float:
        rounds = -(-len(batch.targets) // self._job.spec.at_once)
        return _GRACE_S + 2 * rounds * (self._job.spec.timeout_s + self._job.spec.jitter_s)


class _Lost:
    """Counts processes that died: a machine that kills them all is not to be fought for ever."""

    def __init__(self) -> None:
        self._count = 0

    def more(self) -> bool:
        """Count one more; False when there were too many."""
        self._count += 1
        return self._count <= _MOST_LOST


class _Process:
    """One process and our end of its pipe."""

    def __init__(self, job: Job, snapshot: Path) -> None:
        context = multiprocessing.get_context("spawn")
        # The loop's own threads are fewer than processes may be.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleet")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, job, str(snapshot)), daemon=True)
        self._process.start()
        theirs.close()

    async def judged(self, batch: Batch, patience_s: float, stop: asyncio.Event) -> Any:  # noqa: ANN401 - Judged | None
        """Return what it found; None when it died or took too long."""
        try:
            self._ours.send_bytes(encode_targets(batch.targets))
            waiting = asyncio.get_running_loop().run_in_executor(self._thread, self._received, patience_s)
            stopping = asyncio.ensure_future(stop.wait())
            either: set[asyncio.Future[Any]] = {waiting, stopping}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not waiting.done() and self._process.pid is not None:
                # It hands in what has ended by then.
                self._process.terminate()
            raw = await waiting
        except (OSError, EOFError):
            return None
        return None if raw is None else decode_judged(raw)

    def _received(self, patience_s: float) -> bytes | None:
        try:
            return self._ours.recv_bytes() if self._ours.poll(patience_s) else None
        except (OSError, EOFError):
            return None

    async def end(self) -> None:
        """Let it go; one that does not leave by itself is killed."""
        with contextlib.suppress(OSError):
            self._ours.send_bytes(b"")
        await asyncio.shield(asyncio.to_thread(self._bury))
        self._ours.close()
        self._thread.shutdown(wait=False)

    def _bury(self) -> None:
        self._process.join(_FAREWELL_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_FAREWELL_S)


def _work(pipe: Connection, job: Job, snapshot: str) -> None:
    """Be a worker process: judge batch after batch until an empty one comes."""
    # Ctrl-C reaches the whole foreground group; whether to go on is for the sweep to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, EOFError):
        asyncio.run(_serve_pipe(pipe, job, Path(snapshot).read_bytes()))


async def _serve_pipe(pipe: Connection, job: Job, snapshot: bytes) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Worker(job, snapshot, stop) as worker:
        while raw := await asyncio.to_thread(pipe.recv_bytes):
            judged = await worker.judge(decode_targets(raw))
            pipe.send_bytes(encode_judged(judged))
