"""What waits to be written: kept in order, bounded, and tried again. Knows no table.

A thread of its own writes at least every second or every 500 results: a sweep does not wait for the database, and a
process that is killed loses no result older than that. Where more comes than it can write, each result is held up for
a moment, so that whoever hands them in can still turn to other things. Whatever is handed in is written in that order.
"""

from __future__ import annotations

import collections
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ingressdoctor.errors import HistoryError
from ingressdoctor.model.sweep import Incident, Outcome, SweepReport

__all__ = ["Begun", "Ended", "Entry", "Journal", "Kept", "Told"]

BATCH: Final = 500
EVERY_S: Final = 1.0
RETRY_S: Final = 5.0
MOST_WAITING: Final = 20_000
MOST_TOLD: Final = 20
MOMENT_S: Final = 0.01
_ROOM_BESIDES: Final = 2


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that began."""

    sweep: int
    vantage: str
    started_ms: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A result of a sweep."""

    sweep: int
    outcome: Outcome


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents as a sweep left them."""

    sweep: int
    incidents: tuple[Incident, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that ended."""

    sweep: int
    report: SweepReport


Entry = Begun | Kept | Told | Ended


class Journal:
    """Entries on their way into the database. Safe to use from several threads."""

    def __init__(self, write: Callable[[Sequence[Entry]], None], *, most: int = MOST_WAITING) -> None:
        """*write* takes up to 500 entries in one transaction, and raises ``HistoryError`` where it cannot."""
        self._write = write
        self._most = most
        self._waiting: collections.deque[Entry] = collections.deque()
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._under_way: Sequence[Entry] = ()
        self._results = 0
        self._one_by_one = 0
        self._failed_at = float("-inf")
        self.error: HistoryError | None = None
        self.lost = 0

    @property
    def waiting(self) -> int:
        """How many results are not in the database."""
        with self._changed:
            return self._results + sum(isinstance(entry, Kept) for entry in self._under_way)

    def has(self, name: str) -> bool:
        """Tell whether a result of this target waits."""
        with self._changed:
            every = itertools.chain(self._under_way, self._waiting)
            return any(isinstance(entry, Kept) and entry.outcome.name == name for entry in every)

    @property
    def has_incidents(self) -> bool:
        """Whether incidents wait."""
        with self._changed:
            return any(isinstance(entry, Told) for entry in itertools.chain(self._under_way, self._waiting))

    def add(self, entry: Entry) -> None:
        """Hand in an entry, to be written soon; never fails, and waits a moment where the database cannot keep pace."""
        with self._changed:
            if isinstance(entry, Told):
                self._supersede()
            self._waiting.append(entry)
            self._results += isinstance(entry, Kept)
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="history", daemon=True)
                self._thread.start()
            if len(self._waiting) in (1, BATCH):
                self._changed.notify_all()
            if self._results > self._most:
                # A database that is only slow is waited for; one that fails is not.
                self._changed.wait_for(self._has_room, MOMENT_S)
                self._bound()

    def _has_room(self) -> bool:
        """Tell whether nobody needs to wait: there is room, or no hope for it."""
        return self._results <= self._most or self.error is not None

    def flush(self) -> bool:
        """Write everything that waits now; False where it cannot be written, and ``error`` says why."""
        asked = time.monotonic()
        with self._writing:
            if self.error is not None and self._failed_at > asked:
                # Another thread has just tried in vain: waiting as long once more helps nobody.
                return False
            while batch := self._take():
                try:
                    self._write(batch)
                except HistoryError as error:
                    self.error, self._failed_at = error, time.monotonic()
                    self._put_back(batch)
                    return False
                except Exception as error:  # noqa: BLE001 - one result that cannot be written must not stop the others
                    self._find_culprit(batch, error)
                    continue
                with self._changed:
                    self._under_way, self.error = (), None
                    self._changed.notify_all()
            return True

    def close(self) -> None:
        """Write what waits, once more unless that has failed just now, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        if self.error is None or time.monotonic() - self._failed_at > EVERY_S:
            self.flush()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                pause = RETRY_S if self.error is not None else EVERY_S
                until = time.monotonic() + pause
                # After a failure a full batch is no reason for haste.
                self._changed.wait_for(
                    lambda: self._closing or (self.error is None and len(self._waiting) >= BATCH),
                    max(0.0, until - time.monotonic()),
                )
                if self._closing:
                    return
            self.flush()

    def _take(self) -> list[Entry]:
        """Take the next batch: entries in order, and no target twice."""
        with self._changed:
            batch: list[Entry] = []
            seen: set[tuple[str, str]] = set()
            size = 1 if self._one_by_one else BATCH
            self._one_by_one = max(0, self._one_by_one - 1)
            while self._waiting and len(batch) < size:
                entry = self._waiting[0]
                if isinstance(entry, Kept):
                    key = (entry.outcome.name, entry.outcome.vantage)
                    if key in seen:
                        break
                    seen.add(key)
                    self._results -= 1
                batch.append(self._waiting.popleft())
            self._under_way = batch
            return batch

    def _find_culprit(self, batch: Sequence[Entry], error: Exception) -> None:
        """Write a batch again entry by entry, and leave out the one that no database would take."""
        if len(batch) > 1:
            self._one_by_one = len(batch)
            self._put_back(batch)
            return
        with self._changed:
            self._under_way = ()
            self.lost += 1
        self.error = HistoryError(f"A result cannot be stored ({type(error).__name__}); it is left out.")

    def _put_back(self, batch: Sequence[Entry]) -> None:
        with self._changed:
            self._under_way = ()
            self._waiting.extendleft(reversed(batch))
            self._results += sum(isinstance(entry, Kept) for entry in batch)
            self._changed.notify_all()
            self._bound()

    def _supersede(self) -> None:
        """Let the incidents of many sweeps that nobody could write not pile up: later ones tell what became of them."""
        waiting = [entry for entry in self._waiting if isinstance(entry, Told)]
        if len(waiting) >= MOST_TOLD:
            self._waiting.remove(waiting[0])

    def _bound(self) -> None:
        """Drop the oldest results beyond what may wait; what frames them is small and stays."""
        most = self._most if self.error is not None else _ROOM_BESIDES * self._most
        while self._results > most:
            del self._waiting[next(n for n, entry in enumerate(self._waiting) if isinstance(entry, Kept))]
            self._results -= 1
            self.lost += 1
