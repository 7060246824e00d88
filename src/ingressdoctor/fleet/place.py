"""What a worker of a Dask cluster holds for one sweep, and the functions that run there.

A plugin: workers that join meanwhile get it too. What goes wrong here goes back as words, never as an exception whose
class the other side may not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, TypeVar

from distributed import WorkerPlugin, get_worker
from msgspec.structs import replace

from ingressdoctor.config import VARIABLE, Settings, load_settings
from ingressdoctor.fleet.leaving import leave_with_client
from ingressdoctor.fleet.work import Job, Judged, Worker, decode_targets, encode_judged, why
from ingressdoctor.model.sweep import Outcome

__all__ = ["Place", "judge_here", "seen_from_here", "stop_here"]

T = TypeVar("T")

_FAREWELL_S: Final = 5.0


class Place(WorkerPlugin):
    """The job, the snapshot, and a session in an event loop of its own, for each vantage point that the worker is.

    Goes when the sweep says so, and when *client*, which is the sweep's, has left the scheduler without a word.
    """

    def __init__(self, name: str, jobs: Mapping[str, Job], snapshot: bytes, client: str = "") -> None:
        self.name = name
        self._client = client
        self._jobs = dict(jobs)
        self._snapshot = snapshot

    def setup(self, worker: object) -> None:
        """Begin; nothing is opened before the first batch comes."""
        self._leaving = asyncio.ensure_future(leave_with_client(worker, self._client, self.name))
        self._loop = asyncio.new_event_loop()
        self._workers: dict[str, Worker] = {}
        self._under_way: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.name, daemon=True)
        self._thread.start()

    def teardown(self, worker: object) -> None:
        """Give up what is under way, close the sessions and end the loop; the worker lives on, whatever hangs."""
        del worker
        self._leaving.cancel()
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_FAREWELL_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_FAREWELL_S)
        if not self._thread.is_alive():
            self._loop.close()

    def judge(self, vantage: str, raw: bytes) -> bytes:
        """Judge a batch; called in one of the worker's own threads."""
        try:
            return self._run(self._judge(vantage, raw))
        except Exception as error:  # noqa: BLE001 - the sweep tells the user, in words
            return encode_judged(Judged(trouble=why(error)))

    def stop(self) -> None:
        """Take no more targets; what is under way still ends."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    async def _judge(self, vantage: str, raw: bytes) -> bytes:
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        # One batch at a time: within it so many targets are under way as the user allowed.
        async with self._turn:
            worker = self._workers.get(vantage)
            if worker is None:
                worker = await self._opened(self._jobs[vantage])
                self._workers[vantage] = worker
            found: list[Outcome] = []
            requests = await worker.judge(decode_targets(raw), found.append)
            return encode_judged(Judged(outcomes=tuple(found), requests=requests))

    async def _opened(self, job: Job) -> Worker:
        here = _version()
        if here != job.version:
            return _refuse(f"the worker runs ingressdoctor {here}, the sweep {job.version}")
        settings = seen_from_here(job.settings, os.environ)
        return await Worker(replace(job, settings=settings), self._snapshot, self._stop).__aenter__()

    async def _close(self) -> None:
        self._stop.set()
        under_way = tuple(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for worker in self._workers.values():
            with contextlib.suppress(Exception):
                await worker.__aexit__(None, None, None)


def _refuse(reason: str) -> Worker:
    raise RuntimeError(reason)


def _version() -> str:
    try:
        return version("ingressdoctor")
    except PackageNotFoundError:
        return "unknown"


def seen_from_here(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return how a worker looks at the world.

    Where its environment names a configuration, that one says how everything is reached from there and where its
    tokens are kept; what is judged, and how, stays the sweep's.
    """
    if not environ.get(VARIABLE):
        return settings
    mine = load_settings(environ=environ)
    return replace(
        settings,
        kubernetes=mine.kubernetes,
        hetzner=replace(mine.hetzner, load_balancer=settings.hetzner.load_balancer),
        cloudflare=mine.cloudflare,
        maxscale=mine.maxscale,
        sql=mine.sql,
        dns=mine.dns,
        http=mine.http,
        online=mine.online,
        plugins=mine.plugins,
    )


def judge_here(name: str, vantage: str, raw: bytes) -> bytes:
    """Judge a batch on the worker that runs this."""
    place = get_worker().plugins.get(name)
    if not isinstance(place, Place):
        return encode_judged(Judged(trouble="the worker has not got the sweep's snapshot"))
    return place.judge(vantage, raw)


def stop_here(name: str, dask_worker: Any = None) -> None:  # noqa: ANN401 - the library is untyped
    """Let the worker that runs this take no more targets; Dask hands in the worker by the parameter's name."""
    place = dask_worker.plugins.get(name) if dask_worker is not None else None
    if isinstance(place, Place):
        place.stop()
