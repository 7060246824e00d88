"""Keep a log of every call to an outside system, for the timings of the report.

Records what was asked and how it ended, never bodies, headers or credentials.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ingressdoctor.errors import IngressDoctorError
from ingressdoctor.model.report import SourceCall
from ingressdoctor.model.text import clean

__all__ = ["CallLog", "OpenCall", "current_collector"]

current_collector: ContextVar[str] = ContextVar("current_collector", default="")
"""The collector on whose behalf the running task calls a source; set by the broker."""


class OpenCall:
    """A call that has not ended yet; set ``outcome`` to something else than "ok" before it does."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome = "ok"


class CallLog:
    """Append-only, thread-safe log of source calls; the clock starts with the log.

    Who judges many targets only counts: a log of every call would grow with their number.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._calls: list[tuple[str, SourceCall]] = []
        self._counts: dict[str, int] = {}
        self._keeps = True

    def only_count(self) -> None:
        """Keep no call from now on, and drop those that were kept."""
        with self._lock:
            self._keeps = False
            self._calls.clear()

    @property
    def counts(self) -> dict[str, int]:
        """How many calls each source has made."""
        with self._lock:
            return dict(self._counts)

    @property
    def calls(self) -> tuple[tuple[str, SourceCall], ...]:
        """Every ended call so far as (collector, call), in the order in which they ended."""
        with self._lock:
            return tuple(self._calls)

    @contextmanager
    def call(self, source: str, what: str) -> Iterator[OpenCall]:
        """Measure one call; an exception that passes through becomes its outcome."""
        started = time.monotonic()
        opened = OpenCall()
        try:
            yield opened
        except asyncio.CancelledError:
            opened.outcome = "cancelled"
            raise
        except IngressDoctorError as error:
            opened.outcome = error.message
            raise
        except Exception as error:
            opened.outcome = type(error).__name__
            raise
        finally:
            self._append(source, what, started, opened.outcome)

    def _append(self, source: str, what: str, started: float, outcome: str) -> None:
        with self._lock:
            self._counts[source] = self._counts.get(source, 0) + 1
            if not self._keeps:
                return
        call = SourceCall(
            source=source,
            what=clean(what, 300),
            started_s=started - self._began,
            elapsed_s=time.monotonic() - started,
            outcome=clean(outcome, 300),
        )
        with self._lock:
            self._calls.append((current_collector.get(), call))
