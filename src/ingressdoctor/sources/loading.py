"""Import the heavy client libraries, one thread at a time.

They share dependencies (urllib3, requests). Two threads that import them at once take each other's module locks in
opposite order; Python breaks that deadlock by handing out half-initialised modules, which shows as ImportError.
"""

from __future__ import annotations

import importlib
import threading
from typing import Final

__all__ = ["load"]

_LOCK: Final = threading.RLock()


def load(*names: str) -> None:
    """Import modules by their full names; returns when they are usable from any thread."""
    with _LOCK:
        for name in names:
            importlib.import_module(name)
