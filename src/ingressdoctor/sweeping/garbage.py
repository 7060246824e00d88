"""Look for garbage less often while a sweep holds many objects that all stay: going through them costs seconds.

Reference counts free what targets leave behind; only what refers to itself in a circle waits longer. Touches nothing
but the interpreter's collector.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["rarely", "spared"]

_RARELY: Final = (50_000, 20, 50)


@contextmanager
def rarely() -> Iterator[None]:
    """Collect garbage rarely: for reading a cluster, where all that is made stays."""
    before = gc.get_threshold()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def spared() -> Iterator[None]:
    """Spare what exists by now from being looked at: for judging many targets over what was read."""
    gc.freeze()
    try:
        with rarely():
            yield
    finally:
        gc.unfreeze()
