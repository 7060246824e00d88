"""Hold Ctrl-C back where it would do harm: raised inside an import it shows as a traceback."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

__all__ = ["interrupts_held"]


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Answer a Ctrl-C that comes meanwhile when the body is done.

    Raises:
        KeyboardInterrupt: it came.
    """
    pressed: list[int] = []
    try:
        previous = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    except ValueError:  # not in the main thread, where no signal arrives
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if pressed:
        raise KeyboardInterrupt
