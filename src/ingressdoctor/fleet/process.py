"""One worker process, from both ends of its pipe: what the sweep holds of it, and what runs in it.

First the snapshot goes over, then batch after batch; outcomes come back as they end. An empty message, or a pipe that
is closed because the sweep was killed, is the end of the process. Nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Final

from ingressdoctor.errors import SourceError
from ingressdoctor.fleet.batches import Batch
from ingressdoctor.fleet.work import (
    Job,
    Judged,
    Worker,
    decode_judged,
    decode_targets,
    encode_judged,
    encode_targets,
    why,
)
from ingressdoctor.model.sweep import Outcome
from ingressdoctor.model.text import clean
from ingressdoctor.sweeping.garbage import rarely, spared

__all__ = ["WorkerProcess"]

_FAREWELL_S: Final = 5.0
_GRACE_S: Final = 15.0
_HANDED_IN_S: Final = 0.2
_MOST_BYTES: Final = 256 * 1024 * 1024
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class WorkerProcess:
    """A process that judges; the sweep's side.

    Raises:
        SourceError: the system starts no more processes.
    """

    def __init__(self, job: Job, snapshot: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self._snapshot: bytes | None = snapshot
        self._busy = False
        self._last_s = job.spec.timeout_s + job.spec.jitter_s + _GRACE_S
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, job), daemon=True)
        try:
            with _signals_held_back():
                self._process.start()
        except OSError as error:
            self._ours.close()
            reason = clean(error.strerror or str(error), 200)
            raise SourceError(f"No worker process could be started: {reason}.", hint="Give fewer --workers.") from None
        finally:
            theirs.close()
        # The loop's own threads are fewer than processes may be.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleet")

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    async def judge(
        self, batch: Batch, take: Callable[[Outcome], None], patience_s: float, stop: asyncio.Event
    ) -> Judged:
        """Hand *take* outcomes as they end, and return its last word.

        When *stop* is set, what is under way still ends. After an error the process is of no more use.

        Raises:
            SourceError: it died, sent something else than results, or took longer than *patience_s*.
        """
        self._busy = True
        loop, words = asyncio.get_running_loop(), asyncio.Queue[Judged | str]()

        def put(word: Judged | str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(words.put_nowait, word)

        self._thread.submit(self._exchange, encode_targets(batch.targets), put)
        listening, stopping = asyncio.ensure_future(_listen(words, take)), asyncio.ensure_future(stop.wait())
        either: set[asyncio.Future[Any]] = {listening, stopping}
        try:
            await asyncio.wait(either, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done() and not listening.done():
                # It hands in what has ended, and what is under way.
                self._process.terminate()
                await asyncio.wait({listening}, timeout=self._last_s)
            if not listening.done():
                raise SourceError("it did not answer in time")
            judged = listening.result()
        finally:
            listening.cancel()
            stopping.cancel()
        self._busy = False
        return judged

    async def end(self) -> None:
        """Let it go; one that is still at work, or does not leave by itself, is killed."""
        if self._busy:
            self._process.kill()
        await asyncio.shield(asyncio.to_thread(self._bury))

    def _exchange(self, batch: bytes, put: Callable[[Judged | str], None]) -> None:
        """Send a batch and pass on what comes back; in a thread, since a full pipe blocks."""
        try:
            if self._snapshot is not None:
                self._ours.send_bytes(self._snapshot)
                self._snapshot = None
            self._ours.send_bytes(batch)
            word = Judged(ended=False)
            while not word.ended:
                word = decode_judged(self._ours.recv_bytes(_MOST_BYTES))
                put(word)
        except (OSError, EOFError):
            put("it died")
        except SourceError as error:
            put(error.message)

    def _bury(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.is_alive():
                self._ours.send_bytes(b"")
        self._process.join(_FAREWELL_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_FAREWELL_S)
        # With the process the other end of the pipe is gone, so that nobody reads any more.
        self._thread.shutdown()
        self._ours.close()


async def _listen(words: asyncio.Queue[Judged | str], take: Callable[[Outcome], None]) -> Judged:
    while True:
        word = await words.get()
        if isinstance(word, str):
            raise SourceError(word)
        if word.trouble:
            raise SourceError(word.trouble)
        for outcome in word.outcomes:
            take(outcome)
        if word.ended:
            return word


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Start a process with Ctrl-C and SIGTERM held back until it can tell what they mean."""
    # It would let the signals through again where it is started on the way.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, job: Job) -> None:
    """Be a worker process."""
    rarely()
    # Ctrl-C reaches the whole foreground group; whether to go on is for the sweep to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_serve(pipe, job))
    except Exception as error:  # noqa: BLE001 - the sweep tells the user, in words
        with contextlib.suppress(OSError):
            pipe.send_bytes(encode_judged(Judged(trouble=why(error))))


async def _serve(pipe: Connection, job: Job) -> None:
    loop, stop, inbox = asyncio.get_running_loop(), asyncio.Event(), asyncio.Queue[bytes]()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    serving = asyncio.current_task()

    def leave() -> None:
        if serving is not None:
            serving.cancel()

    def read() -> None:
        with contextlib.suppress(OSError, EOFError, RuntimeError):
            loop.call_soon_threadsafe(inbox.put_nowait, pipe.recv_bytes())
            while raw := pipe.recv_bytes():
                loop.call_soon_threadsafe(inbox.put_nowait, raw)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(leave)
        # Whatever a source still waits for: there is nobody to tell it to.
        time.sleep(_FAREWELL_S)
        os._exit(1)

    threading.Thread(target=read, name="pipe", daemon=True).start()
    worker = Worker(job, await inbox.get(), stop)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(worker)
        stack.enter_context(spared())
        while not stop.is_set():
            stream = _Stream(pipe)
            requests = await worker.judge(decode_targets(await inbox.get()), stream.add)
            stream.send(Judged(requests=requests))


class _Stream:
    """Sends outcomes as they come, a few together."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._found: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """Send one, soon."""
        if not self._found:
            asyncio.get_running_loop().call_later(_HANDED_IN_S, self._flush)
        self._found.append(outcome)

    def send(self, last: Judged) -> None:
        """Send what is left and the last word."""
        self._flush()
        self._pipe.send_bytes(encode_judged(last))

    def _flush(self) -> None:
        found, self._found = tuple(self._found), []
        if found:
            with contextlib.suppress(OSError):  # who reads the pipe says that it is closed
                self._pipe.send_bytes(encode_judged(Judged(outcomes=found, ended=False)))
