"""When the next sweep is due, and who may sweep: one at a time, and an interval is counted from start to start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from ingressdoctor.errors import UsageError
from ingressdoctor.model.text import clean

__all__ = ["alone", "interval_of", "repeat"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART: Final = re.compile(r"(\d{1,7})([smhd])", re.ASCII)
_LEAST_S: Final = 1
_MOST_S: Final = 7 * 86_400


def interval_of(text: str) -> float:
    """Read ``5m``, ``90s``, ``1h30m`` or a plain number of seconds.

    Raises:
        UsageError: it is no length of time, or not one between a second and a week.
    """
    word = text.strip().lower()
    parts = _PART.findall(word)
    if word.isascii() and word.isdigit():
        seconds = int(word[:8])
    elif parts and "".join(number + unit for number, unit in parts) == word:
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    else:
        raise UsageError(f"{clean(text, 40)!r} is no length of time.", hint="Write 30s, 5m, 1h or 1h30m.")
    if not _LEAST_S <= seconds <= _MOST_S:
        raise UsageError(f"{clean(text, 40)!r} is not between a second and a week.", hint="Write 30s, 5m, 1h or 1h30m.")
    return float(seconds)


async def repeat(
    every_s: float, once: Callable[[], Awaitable[None]], stop: asyncio.Event, late: Callable[[int], None]
) -> None:
    """Run *once* at every interval until *stop* is set; *late* is told how many runs were left out.

    A run that takes longer than the interval is never overtaken: the runs that came due meanwhile are left out. The
    monotonic clock decides, so that a clock that is set does not bring a burst of runs or none for hours.
    """
    due = time.monotonic()
    while not stop.is_set():
        await once()
        due += every_s
        missed = int(max(0.0, time.monotonic() - due) // every_s)
        if missed:
            late(missed)
            due += missed * every_s
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, due - time.monotonic()))


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file for as long as the block lasts; the system lets go of it when the process ends, however.

    Raises:
        UsageError: another process holds it, or it cannot be made.
    """
    import fcntl

    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(
            f"Cannot make the lock {clean(str(lock), 200)}: {error.strerror or error}.",
            hint="Set XDG_STATE_HOME to a folder that can be written, or sweep without --no-overlap.",
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            who = f" (process {holder})" if holder.isdigit() else ""
            raise UsageError(
                f"Another sweep is still going on{who}.",
                hint="Leave it its time, or sweep less often or fewer targets.",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
