"""The history as a sweep uses it: begin, record, finish, and ask. Knows which tables, not which database.

Writing never fails a sweep: what cannot be written waits, bounded, and is tried again; ``trouble`` says so. Asking
about the past raises ``HistoryError`` where the answer would matter (incidents, timelines), and says "nothing known"
where it only adds to a line. ``announce``, ``record`` and ``save_incidents`` return at once; everything else waits for
the database, seconds where it is locked, and may be called from any thread.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from ingressdoctor.errors import HistoryError
from ingressdoctor.history import reading as read
from ingressdoctor.history.incidents import known_incidents
from ingressdoctor.history.journal import RETRY_S, Begun, Ended, Entry, Journal, Kept, Told
from ingressdoctor.history.opening import engine_for, prepare, reading, writing
from ingressdoctor.history.place import Place, place_of
from ingressdoctor.history.pruning import Pruned, prune
from ingressdoctor.history.receipts import Receipts
from ingressdoctor.history.texts import moment_ms
from ingressdoctor.history.trouble import Trouble, explain
from ingressdoctor.history.writing import write_entries
from ingressdoctor.model.history import Change, HostHistory, HostSummary, State, SweepRecord
from ingressdoctor.model.sweep import Incident, Outcome, SweepReport

__all__ = ["History", "open_history"]

T = TypeVar("T")

_PRUNE_S: Final = 10.0
_SWEEPS: Final = 100


def open_history(url: str, *, retention_days: int = 90, password: str = "", create: bool = True) -> History:
    """Open the history at *url*, and make or upgrade its tables.

    Args:
        url: A path, ``sqlite:///PATH``, or ``postgresql://USER@HOST/DATABASE``.
        retention_days: How long ``prune`` keeps what is over.
        password: For PostgreSQL, where the URL has none.
        create: Whether a file that is not there is made.

    Raises:
        HistoryError: it cannot be opened, is somebody else's, or is from a newer version.
    """
    place = place_of(url, password)
    engine = engine_for(place, create=create)
    try:
        prepare(engine, place)
        return History(engine, place, retention_days)
    except BaseException:
        engine.dispose()
        raise


class History:
    """An open history. Several sweeps, also of other processes, may write at once."""

    def __init__(self, engine: sa.Engine, place: Place, retention_days: int) -> None:
        self._engine = engine
        self._place = place
        self._retention_days = retention_days
        self._inode = self._file_id()
        self._ids: dict[int, int] = {}
        self._vantages: dict[int, str] = {}
        self._vantage: str | None = None
        self._begun = 0
        self._incidents: tuple[Incident, ...] | None = None
        self._journal = Journal(self._write)
        self._read_error: HistoryError | None = None
        self._read_failed = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and close. Whether all of it could be written, ``trouble`` still says afterwards."""
        self._journal.close()
        self._engine.dispose()

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        return self._place.shown

    @property
    def receipts(self) -> Receipts:
        """Which notifications were delivered, for whoever sends them."""
        return Receipts(self._engine, self._place)

    @property
    def trouble(self) -> Trouble | None:
        """Why results are not in the database, or why the last question had no answer; None while all is well."""
        waiting, lost = self._journal.waiting, self._journal.lost
        error = self._journal.error or self._read_error
        if error is not None:
            return Trouble(message=error.message, hint=error.hint, waiting=waiting, lost=lost)
        if lost:
            message = f"The history {self.shown} could not be written for a while, and is whole no more."
            return Trouble(message=message, waiting=waiting, lost=lost)
        return None

    def begin(self, started: datetime, vantage: str) -> int:
        """Note that a sweep begins, and that what this vantage point left unfinished was interrupted.

        Returns:
            The sweep's number; negative where the database cannot be written now and will give one later.
        """
        local = self.announce(started, vantage)
        self.flush()
        with contextlib.suppress(HistoryError):
            # Should the database go away during the sweep, this is what its end is compared with.
            self.incidents()
        return self._ids.get(local, local)

    def announce(self, started: datetime, vantage: str) -> int:
        """Begin a sweep without waiting for the database; returns a number that is as good, and negative."""
        self._begun += 1
        local = -self._begun
        if vantage[:200] != self._vantage:
            self._incidents = None
        self._vantages[local] = self._vantage = vantage[:200]
        self._journal.add(Begun(sweep=local, vantage=vantage[:200], started_ms=moment_ms(started)))
        return local

    def record(self, sweep: int, outcome: Outcome) -> None:
        """Keep a result, to be in the database within a second. Never fails; waits a moment behind 20,000 others."""
        self._journal.add(Kept(sweep=sweep, outcome=outcome))

    def flush(self) -> bool:
        """Write everything that waits; False where that is not possible, and ``trouble`` says why."""
        return self._journal.flush()

    def save_incidents(self, sweep: int, incidents: Sequence[Incident]) -> None:
        """Keep incidents as they are now, soon; those not among them stay as they were."""
        self._incidents = tuple(incidents)
        self._journal.add(Told(sweep=sweep, incidents=tuple(incidents)))

    def finish(self, sweep: int, report: SweepReport) -> None:
        """Note that a sweep has ended, with its counts; writes everything that waits.

        After the first sweep of a day what is older than the retention is forgotten.
        """
        self._journal.add(Ended(sweep=sweep, report=report))
        if not self.flush():
            return
        for known in (self._ids, self._vantages):
            for old in list(known)[:-_SWEEPS]:
                del known[old]
        if self._tell(read.begins_a_day, False):
            self.prune(report.started, at_most_s=_PRUNE_S)

    def incidents(self) -> tuple[Incident, ...]:
        """Return the incidents that are not closed, or closed within a week, of the vantage point of the last begin.

        Raises:
            HistoryError: they cannot be read, and were not read or saved here before.
        """
        if self._journal.error is None and self._journal.has_incidents:
            self.flush()
        try:
            self._incidents = self._ask(lambda connection: known_incidents(connection, self._vantage))
        except HistoryError as error:
            if self._incidents is None:
                raise
            self._read_error = error
        return self._incidents

    def since(self, name: str, vantage: str | None = None) -> State | None:
        """Return how a target is doing and since when; None for one that was never seen, or when nobody can tell."""
        if self._journal.error is None and self._journal.has(name):
            self.flush()
        return self._tell(lambda connection: read.state_of(connection, name, vantage), None)

    def worked(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of *names* that some look found well; none where nobody can tell."""
        nobody: frozenset[str] = frozenset()
        return self._tell(lambda connection: read.well_among(connection, names), nobody)

    def difference(self, outcome: Outcome) -> tuple[Change, ...]:
        """Return (fact, was, now) against the last look at this target that was well; nothing where there was none."""
        vantage = outcome.vantage or self._vantage or ""
        nothing: tuple[Change, ...] = ()
        return self._tell(lambda connection: read.difference_from_well(connection, outcome, vantage), nothing)

    def timeline(
        self, name: str, since: datetime, *, until: datetime | None = None, vantage: str | None = None
    ) -> HostHistory | None:
        """Return everything about a target from *since* until now; None for one that was never seen.

        Raises:
            HistoryError: it cannot be read.
        """
        self.flush()
        end = until or datetime.now(UTC)
        return self._ask(lambda connection: read.history_of(connection, name, since, end, vantage))

    def hosts(
        self, since: datetime, *, until: datetime | None = None, vantage: str | None = None
    ) -> tuple[HostSummary, ...]:
        """Return a summary of every target, by name.

        Raises:
            HistoryError: they cannot be read.
        """
        self.flush()
        end = until or datetime.now(UTC)
        return self._ask(lambda connection: tuple(read.summaries(connection, since, end, vantage)))

    def names(self) -> tuple[str, ...]:
        """Return the names of all targets, sorted.

        Raises:
            HistoryError: they cannot be read.
        """
        return self._ask(read.names_in)

    def sweeps(self, limit: int = 20) -> tuple[SweepRecord, ...]:
        """Return the last sweeps, newest first.

        Raises:
            HistoryError: they cannot be read.
        """
        return self._ask(lambda connection: read.sweeps_in(connection, limit))

    def prune(self, now: datetime, *, at_most_s: float = math.inf) -> Pruned:
        """Forget what is older than the retention. What cannot be forgotten now will be later; ``trouble`` says so."""
        try:
            done = prune(self._engine, now, self._retention_days, at_most_s)
        except (SQLAlchemyError, OSError) as error:
            self._read_error = explain(error, self._place)
            return Pruned()
        self._read_error = None
        return done

    def age(self, now: datetime | None = None) -> timedelta | None:
        """Return how long ago the last sweep began; None where there was none, or when nobody can tell."""
        none: tuple[SweepRecord, ...] = ()
        sweeps = self._tell(lambda connection: read.sweeps_in(connection, 1), none)
        return max(timedelta(0), (now or datetime.now(UTC)) - sweeps[0].started) if sweeps else None

    def _ask(self, question: Callable[[sa.Connection], T]) -> T:
        try:
            with reading(self._engine) as connection:
                answer = question(connection)
        except (SQLAlchemyError, OSError) as error:
            raise explain(error, self._place) from None
        self._read_error = None
        return answer

    def _tell(self, question: Callable[[sa.Connection], T], nothing: T) -> T:
        # Hundreds of targets ask for one line each: a database that does not answer is not asked every time.
        if self._read_error is not None and time.monotonic() - self._read_failed < RETRY_S:
            return nothing
        try:
            return self._ask(question)
        except HistoryError as error:
            self._read_error, self._read_failed = error, time.monotonic()
            return nothing

    def _write(self, entries: Sequence[Entry]) -> None:
        """Write a batch in one transaction, or nothing of it."""
        try:
            if self._file_id() != self._inode:
                raise HistoryError(
                    f"The history {self.shown} was removed or replaced while it was open.",
                    hint="Put it back, or start the sweep again to begin a new one.",
                )
            with writing(self._engine) as connection:
                made = write_entries(connection, entries, self._ids, self._vantages)
        except (DataError, IntegrityError) as error:
            # What is to be written is at fault, not the database; its texts may hold the values.
            raise ValueError(type(error).__name__) from None
        except (SQLAlchemyError, OSError) as error:
            raise explain(error, self._place) from None
        self._ids.update(made)
        self._vantages.update({made[local]: self._vantages[local] for local in made})

    def _file_id(self) -> tuple[int, int]:
        """Return what tells this file from another one of the same name; nothing of the sort with PostgreSQL."""
        with contextlib.suppress(OSError):
            if self._place.file is not None:
                stat = self._place.file.stat()
                return stat.st_dev, stat.st_ino
        return 0, 0
