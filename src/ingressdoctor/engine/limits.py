"""The time limits of one target of a sweep, which stand still while it waits for its turn at an address.

A host that hangs keeps its turn; those behind it at the same load balancer must not be taken for hosts that do not
answer. Knows nothing of what a turn is for: who hands them out says when somebody waits (``standing_still``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final

__all__ = ["Limits", "begin_limits", "standing_still"]


class Limits:
    """What one target may take. Made, and used, within its running loop; its tasks share it.

    Args:
        seconds: The time for everything that the target needs.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._open: dict[asyncio.Timeout, float] = {}
        self._waits = 0
        self._since = 0.0

    def within(self, seconds: float, *, beyond_s: float = 0.0) -> AbstractAsyncContextManager[None]:
        """Give the body so many seconds, and what is left of the target's time plus *beyond_s* at most.

        Raises:
            TimeoutError: they are over.
        """
        return _Within(self, seconds, beyond_s)

    async def begin(self, seconds: float, beyond_s: float) -> asyncio.Timeout:
        """Begin a limit of the running task."""
        now = self._loop.time()
        # While somebody waits the clock stands where it stood when the waiting began.
        read = self._since if self._waits else now
        when = min(read + seconds, self._until + beyond_s)
        limit = asyncio.timeout_at(None if self._waits else when)
        await limit.__aenter__()
        self._open[limit] = when
        return limit

    def end(self, limit: asyncio.Timeout) -> None:
        """Forget a limit that is over."""
        del self._open[limit]

    def stop(self) -> None:
        """Let the clock stand until ``go`` was called as often."""
        self._waits += 1
        if self._waits == 1:
            self._since = self._loop.time()
            for limit in self._open:
                _move(limit, None)

    def go(self) -> None:
        """Let the clock go on, if nobody else waits."""
        self._waits -= 1
        if self._waits:
            return
        stood = self._loop.time() - self._since
        self._until += stood
        for limit, when in self._open.items():
            self._open[limit] = when + stood
            _move(limit, when + stood)


class _Within:
    """What ``Limits.within`` returns; a class, because a generator for each wait costs as much as the wait."""

    __slots__ = ("_beyond_s", "_limit", "_limits", "_seconds")

    def __init__(self, limits: Limits, seconds: float, beyond_s: float) -> None:
        self._limits = limits
        self._seconds = seconds
        self._beyond_s = beyond_s

    async def __aenter__(self) -> None:
        self._limit = await self._limits.begin(self._seconds, self._beyond_s)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.end(self._limit)
        await self._limit.__aexit__(kind, error, trace)


def _move(limit: asyncio.Timeout, when: float | None) -> None:
    if not limit.expired():
        limit.reschedule(when)


_CURRENT: Final[ContextVar[Limits | None]] = ContextVar("limits", default=None)


def begin_limits(seconds: float) -> Limits:
    """Make the limits of the target that the running task judges from now on."""
    limits = Limits(seconds)
    _CURRENT.set(limits)
    return limits


@contextmanager
def standing_still() -> Iterator[None]:
    """Let the clock of the running target stand while the body waits; where there is none this does nothing."""
    limits = _CURRENT.get()
    if limits is None:
        yield
        return
    limits.stop()
    try:
        yield
    finally:
        limits.go()
