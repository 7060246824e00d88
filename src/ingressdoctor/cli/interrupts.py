"""Ctrl-C is noted, and answered where that does no harm.

Python's own handler raises KeyboardInterrupt wherever the program happens to be. Inside an import, a destructor or the
telling of an error it shows as a traceback, or is lost. So the program notes the key from its first line on, and lets
it raise only around what may take long.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

__all__ = ["NotedInterrupts", "interrupts_raise", "refuse_if_interrupted"]


class NotedInterrupts:
    """The handler of SIGINT that only remembers the key."""

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Remember that it came."""
        self.pressed = True


def refuse_if_interrupted() -> None:
    """Answer a Ctrl-C that was noted.

    Raises:
        KeyboardInterrupt: it came.
    """
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, NotedInterrupts) and handler.pressed:
        raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts_raise() -> Iterator[None]:
    """Let Ctrl-C end the body, and one that was noted before it keep the body from starting.

    Changes nothing where nobody notes the key: in a program that calls this one, and outside the main thread.

    Raises:
        KeyboardInterrupt: it came.
    """
    noted = signal.getsignal(signal.SIGINT)
    if not isinstance(noted, NotedInterrupts):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if noted.pressed:
            raise KeyboardInterrupt
        yield
    finally:
        signal.signal(signal.SIGINT, noted)
