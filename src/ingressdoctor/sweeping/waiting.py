"""Wait for something, and give it up when the sweep is stopped meanwhile. Knows nothing of what is waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from ingressdoctor.sources.workers import Workers

__all__ = ["aside", "heard", "unless_stopped"]

T = TypeVar("T")

_FAREWELL_S: Final = 1.0
_LEAVING_S: Final = 2.0


def aside(call: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Start *call* in a thread called *name*, which the end of the program does not wait for."""
    return Workers(1, name).start(call)


async def unless_stopped(call: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """Return what *call* returns, or None as soon as *stop* is set: *call* is cancelled then."""
    calling, stopping = asyncio.ensure_future(call), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({calling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if calling.done():
            return calling.result()
    finally:
        stopping.cancel()
        if not calling.done():
            calling.cancel()
            # What hangs in spite of that is left behind.
            await asyncio.wait({calling}, timeout=_FAREWELL_S)
    return None


async def heard(answer: asyncio.Future[T], stop: asyncio.Event, at_most_s: float | None = None) -> T | None:
    """Return an answer that comes from a thread, or None where it does not come in time, or hardly after *stop*."""
    stopping = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {answer, stopping}
    try:
        await asyncio.wait(either, timeout=at_most_s, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done() and not answer.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(answer), _LEAVING_S)
        return answer.result() if answer.done() else None
    finally:
        stopping.cancel()
