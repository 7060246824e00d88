"""Run blocking calls in daemon threads, a few at a time.

Not the event loop's own executor: its threads are joined when the process ends, so a credential plugin or a resolver
that hangs would keep the program from exiting after its deadline. A thread that is given up on is left to die with
the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar, cast

__all__ = ["Workers"]

T = TypeVar("T")


class Workers:
    """A limiter for blocking calls; for use from one event loop."""

    def __init__(self, limit: int, name: str) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._name = name

    async def run(self, work: Callable[[], T], timeout_s: float | None = None) -> T:
        """Return what *work* returns or raise what it raises; cancelling stops the waiting, not the thread.

        Raises:
            TimeoutError: *work* did not end within *timeout_s* of its start; waiting for a free slot does not count.
        """
        async with self._slots, asyncio.timeout(timeout_s):
            return await self.start(work)

    def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Start *work* at once, outside the limit, and return its future."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def settle(result: T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(cast(T, result))

        def body() -> None:
            result: T | None = None
            failure: BaseException | None = None
            try:
                result = context.run(work)
            except StopIteration as error:  # a future cannot carry it
                failure = RuntimeError(type(error).__name__)
            except BaseException as error:  # noqa: BLE001 - carried over to the waiting task, which raises it
                failure = error
            # The loop is closed when the program gave up on this call: nobody is left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result, failure)

        threading.Thread(target=body, name=f"ingressdoctor-{self._name}", daemon=True).start()
        return future
