"""The time limits of one target of a sweep, which stand still while it waits for its turn at an address.

A host that hangs keeps its turn; those behind it at the same load balancer must not be taken for hosts that do not
answer. Knows nothing of what a turn is for: who hands them out says when somebody waits (``standing_still``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
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

    @asynccontextmanager
    async def within(self, seconds: float, *, beyond_s: float = 0.0) -> AsyncIterator[None]:
        """Give the body so many seconds, and what is left of the target's time plus *beyond_s* at most.

        Raises:
            TimeoutError: they are over.
        """
        now = self._loop.time()
        # While somebody waits the clock stands where it stood when the waiting began.
        read = self._since if self._waits else now
        when = min(now + seconds - (now - read), self._until + beyond_s)
        async with asyncio.timeout_at(None if self._waits else when) as limit:
            self._open[limit] = when
            try:
                yield
            finally:
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
