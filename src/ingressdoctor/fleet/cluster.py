"""Judge on the workers of a Dask cluster: batches of targets as tasks, the snapshot once for each worker.

A plugin on every worker holds the snapshot and one session; workers that join meanwhile get it too. The scheduler
gives a batch whose worker died to another one. Vantage points are resources of workers, as ``--resources eu=1``.

Needs the extra ``fleet``, here and on the workers, and the same version of the program there.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from distributed import Client, KilledWorker, WorkerPlugin, get_worker
from msgspec.structs import replace

from ingressdoctor.engine.outcomes import unjudged
from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.fleet.batches import Batch, Batches
from ingressdoctor.fleet.snapshot import Recording
from ingressdoctor.fleet.vantages import Gathering
from ingressdoctor.fleet.work import (
    Job,
    Worker,
    decode_judged,
    decode_targets,
    encode_judged,
    encode_targets,
)
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Kubernetes
from ingressdoctor.sweeping.sources import shared_sources
from ingressdoctor.wiring import Session

__all__ = ["DaskCluster", "Place"]

T = TypeVar("T")

_CONNECT_S: Final = 15
_RETRIES: Final = 2
_AHEAD: Final = 4
_PATIENCE_S: Final = 600.0


class Place(WorkerPlugin):
    """What a worker holds for one sweep: the job, the snapshot, and a session in an event loop of its own."""

    def __init__(self, name: str, jobs: Mapping[str, Job], snapshot: bytes) -> None:
        self.name = name
        self._jobs = dict(jobs)
        self._snapshot = snapshot

    def setup(self, worker: object) -> None:
        """Begin; nothing is opened before the first batch comes."""
        del worker
        self._loop = asyncio.new_event_loop()
        self._workers: dict[str, Worker] = {}
        self._turn = asyncio.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.name, daemon=True)
        self._thread.start()

    def teardown(self, worker: object) -> None:
        """Close the sessions and end the loop."""
        del worker
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def judge(self, vantage: str, raw: bytes) -> bytes:
        """Judge a batch; called in one of the worker's own threads."""
        return self._run(self._judge(vantage, raw))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    async def _judge(self, vantage: str, raw: bytes) -> bytes:
        # One batch at a time: within it so many targets are under way as the user allowed.
        async with self._turn:
            worker = self._workers.get(vantage)
            if worker is None:
                worker = Worker(self._jobs[vantage], self._snapshot, asyncio.Event())
                self._workers[vantage] = await worker.__aenter__()
            return encode_judged(await worker.judge(decode_targets(raw)))

    async def _close(self) -> None:
        for worker in self._workers.values():
            with contextlib.suppress(Exception):
                await worker.__aexit__(None, None, None)


def judge_here(name: str, vantage: str, raw: bytes) -> bytes:
    """Judge a batch on the worker that runs this."""
    place = get_worker().plugins[name]
    if not isinstance(place, Place):
        raise TypeError(name)
    return place.judge(vantage, raw)


class DaskCluster:
    """A Dask cluster; implements ``sweeping.sweeper.Judging``.

    Args:
        session: Reads what all workers share.
        job: How the sweep is done.
        address: The scheduler's, as ``tcp://host:8786``.
        vantages: Names of resources; every target is judged once for each. Empty: anywhere, once.
    """

    def __init__(self, session: Session, job: Job, address: str, vantages: Sequence[str] = ()) -> None:
        self._session = session
        self._job = job
        self._address = address
        self._vantages = tuple(vantages)
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
        """Judge *targets* on the cluster; returns how many requests its workers sent, by source.

        Raises:
            SourceError: the scheduler cannot be reached.
            UsageError: no worker has a resource of a vantage point's name.
        """
        shelf: Any = self._sources[Kubernetes]
        if self._job.inside:
            await shelf.fill()
        snapshot = self._recording.snapshot() if self._recording and self._job.inside else b""
        vantages = self._vantages or ("",)
        requests: Counter[str] = Counter()
        async with self._connected() as client:
            count = await self._refuse_strangers(client)
            name = f"ingressdoctor-{uuid.uuid4()}"
            await client.register_plugin(Place(name, self._jobs(vantages), snapshot), name=name)
            gathering = Gathering(len(vantages), take)
            try:
                async with asyncio.TaskGroup() as group:
                    for vantage in vantages:
                        desk = _Desk(client, name, vantage, count)
                        group.create_task(desk.judge(targets, gathering.add, requests, stop))
            finally:
                gathering.rest()
                with contextlib.suppress(Exception):
                    await client.unregister_worker_plugin(name)
        return requests

    def _jobs(self, vantages: Sequence[str]) -> dict[str, Job]:
        job = self._job.portable()
        if not self._vantages:
            return {"": job}
        return {name: replace(job, spec=replace(job.spec, vantage=name)) for name in vantages}

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        try:
            client: Any = Client(self._address, asynchronous=True, timeout=_CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
            await client
        except (OSError, TimeoutError, ValueError) as error:
            raise SourceError(
                f"The Dask scheduler at {clean(self._address, 200)} cannot be reached: {clean(str(error), 200)}.",
                hint="Start one with: dask scheduler --host 127.0.0.1; its address is tcp://127.0.0.1:8786",
            ) from None
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):
                await client.close()

    async def _refuse_strangers(self, client: Any) -> int:  # noqa: ANN401 - the library is untyped
        """Return how many workers there are; refuse vantage points that none of them is."""
        found = (await client.scheduler.identity())["workers"].values()
        if not found:
            raise SourceError(
                f"The Dask scheduler at {clean(self._address, 200)} has no workers.",
                hint=f"Start one with: dask worker {clean(self._address, 200)}",
            )
        known = sorted({str(name) for worker in found for name in worker.get("resources") or ()})
        missing = [name for name in self._vantages if name not in known]
        if missing:
            raise UsageError(
                f"No worker is at the vantage point {clean(missing[0], 60)}.",
                hint=f"Known: {clean(', '.join(known) or 'none', 200)}. "
                f"Start one with: dask worker {clean(self._address, 200)} --resources '{clean(missing[0], 60)}=1'",
            )
        return len(found)


class _Desk:
    """Hands out the batches of one vantage point, a few ahead of the workers, and takes what comes back."""

    def __init__(self, client: Any, name: str, vantage: str, workers: int) -> None:  # noqa: ANN401 - untyped library
        self._client = client
        self._name = name
        self._vantage = vantage
        self._workers = workers

    async def judge(
        self,
        targets: Sequence[SweepTarget],
        take: Callable[[Outcome], None],
        requests: Counter[str],
        stop: asyncio.Event,
    ) -> None:
        """Judge all targets; what was handed out when *stop* is set is given up."""
        batches = Batches(targets, self._workers)
        pending: dict[asyncio.Task[Any], tuple[Batch, Any]] = {}
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                while len(pending) < _AHEAD * self._workers and (batch := batches.take()) is not None:
                    future = self._submit(batch)
                    pending[asyncio.ensure_future(future.result())] = (batch, future)
                if not pending:
                    break
                either: set[asyncio.Future[Any]] = {*pending, stopping}
                done, _ = await asyncio.wait(either, timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    raise SourceError(
                        f"No worker of the Dask cluster ended a batch within {_PATIENCE_S:g} s.",
                        hint="Look at the scheduler's dashboard: are the workers of the vantage point still there?",
                    )
                for task in [item for item in pending if item.done()]:
                    self._settle(task, *pending.pop(task), batches=batches, take=take, requests=requests)
        finally:
            stopping.cancel()
            for task, (_, future) in pending.items():
                task.cancel()
                with contextlib.suppress(Exception):
                    await future.cancel()

    def _submit(self, batch: Batch) -> Any:  # noqa: ANN401 - the library is untyped
        resources = {self._vantage: 1} if self._vantage else None
        raw = encode_targets(batch.targets)
        return self._client.submit(
            judge_here, self._name, self._vantage, raw, resources=resources, retries=_RETRIES, pure=False
        )

    def _settle(
        self,
        task: asyncio.Task[Any],
        batch: Batch,
        future: object,
        *,
        batches: Batches,
        take: Callable[[Outcome], None],
        requests: Counter[str],
    ) -> None:
        """Take a batch that ended, or give one back whose workers died."""
        del future
        try:
            judged = decode_judged(task.result())
        except KilledWorker:
            lost: Sequence[SweepTarget] = batches.give_back(batch)
            why = "The workers that judged it died."
        except Exception as error:  # noqa: BLE001 - one batch must not cost the others theirs
            lost = batches.give_back(batch)
            why = f"The workers failed on it: {type(error).__name__}: {clean(str(error), 200)}"
        else:
            requests.update(judged.requests)
            for outcome in judged.outcomes:
                take(outcome)
            return
        for target in lost:
            take(replace(unjudged(target, why, datetime.now(UTC)), vantage=self._vantage))
