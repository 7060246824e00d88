"""Import the heavy client libraries, one thread at a time.

They share dependencies (urllib3, requests). Two threads that import them at once take each other's module locks in
opposite order; Python breaks that deadlock by handing out half-initialised modules, which shows as ImportError.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from ingressdoctor.sources.workers import Workers

__all__ = ["Loading", "OnDemand", "load"]

T = TypeVar("T")

_LOCK: Final = threading.RLock()


def load(*names: str) -> None:
    """Import modules by their full names; returns when they are usable from any thread."""
    with _LOCK:
        for name in names:
            importlib.import_module(name)


class Loading:
    """One module that takes long to load: loaded in a thread at the first call, and not asked about again.

    Whoever comes later does not stand in line behind the libraries of others.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._done = False
        self._lock = asyncio.Lock()
        self._workers = Workers(1, "loading")

    async def ready(self) -> None:
        """Return when the module is usable."""
        async with self._lock:
            if not self._done:
                await self._workers.run(lambda: load(self._module))
                self._done = True


class OnDemand(Generic[T]):
    """A client whose module takes long to load: loaded in a thread when it is first wanted, and made once.

    What is asked for first is loaded first, so that the requests which others wait for are sent soonest.
    """

    def __init__(self, module: str, make: Callable[[], T]) -> None:
        self._module = module
        self._make = make
        self._made: T | None = None
        self._lock = asyncio.Lock()
        self._workers = Workers(1, "loading")

    async def get(self) -> T:
        """Return the client."""
        if self._made is None:
            async with self._lock:
                if self._made is None:
                    # APIs are far away, and the longest chains of answers are theirs: who wants one in the same turn of
                    # the loop goes first. What is loaded here is asked while they are under way.
                    await asyncio.sleep(0)
                    await self._workers.run(lambda: load(self._module))
                    self._made = self._make()
        return self._made
