"""Look for garbage less often where many objects all stay, as of a large cluster: going through them costs seconds.

Reference counts free what targets leave behind; only what refers to itself in a circle waits longer. Touches nothing
but the interpreter's collector, which all threads share: nothing here puts back a state that it has noted, so that uses
which overlap, or never end, leave nothing behind.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["rarely", "spared"]

_RARELY: Final = (50_000, 20, 50)


def rarely() -> None:
    """Collect garbage rarely from now on; for who has a process to itself and begins it. The program begins so too."""
    gc.set_threshold(*_RARELY)


@contextmanager
def spared() -> Iterator[None]:
    """Spare what exists by now from being looked at: for judging many targets over what was read.

    Of uses that overlap the first to end ends it for all, which costs time and nothing else.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
