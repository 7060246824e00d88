"""Write a batch of entries in the order in which they came: sweeps, their results, their incidents.

Works on a connection in a transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import sqlalchemy as sa

from ingressdoctor.history.incidents import write_incidents
from ingressdoctor.history.journal import Begun, Ended, Entry, Kept, Told
from ingressdoctor.history.recording import write_outcomes
from ingressdoctor.history.tables import SWEEP
from ingressdoctor.model.text import shorten

__all__ = ["write_entries"]

RUNNING, FINISHED, INTERRUPTED = "running", "finished", "interrupted"


def write_entries(
    connection: sa.Connection, entries: Sequence[Entry], known: Mapping[int, int], vantages: Mapping[int, str]
) -> dict[int, int]:
    """Write *entries* and return the numbers that the database gave to sweeps among them.

    Args:
        connection: In a transaction.
        entries: What to write.
        known: Sweeps' own numbers to those of the database, as far as they have one.
        vantages: Where each sweep looks from.
    """
    made: dict[int, int] = {}
    for (kind, sweep), group in groupby(entries, key=lambda entry: (type(entry), entry.sweep)):
        number = made.get(sweep, known.get(sweep, sweep))
        vantage = vantages.get(sweep, "")
        if kind is Kept:
            write_outcomes(connection, number, vantage, [one.outcome for one in group if isinstance(one, Kept)])
            continue
        for entry in group:
            match entry:
                case Begun():
                    made[sweep] = _begin(connection, entry)
                case Told():
                    write_incidents(connection, number, vantage, entry.incidents)
                case Ended():
                    _end(connection, number, entry)
                case Kept():
                    pass
    return made


def _begin(connection: sa.Connection, entry: Begun) -> int:
    """Note a new sweep. Whoever is still running here was killed, or will say otherwise when it ends."""
    left = sa.and_(SWEEP.c.vantage == entry.vantage, SWEEP.c.state == RUNNING)
    connection.execute(SWEEP.update().where(left).values(state=INTERRUPTED))
    values = {"vantage": entry.vantage, "state": RUNNING, "started_at": entry.started_ms}
    return int(connection.execute(SWEEP.insert().values(values).returning(SWEEP.c.id)).scalar_one())


def _end(connection: sa.Connection, number: int, entry: Ended) -> None:
    report, counts = entry.report, entry.report.counts
    # The end is counted from the beginning: a clock that jumped in between cannot make it end before it began.
    ended = SWEEP.c.started_at + max(0, round(report.elapsed_s * 1000))
    connection.execute(
        SWEEP.update()
        .where(SWEEP.c.id == number)
        .values(
            state=INTERRUPTED if report.interrupted else FINISHED,
            ended_at=ended,
            healthy=counts.healthy,
            degraded=counts.degraded,
            broken=counts.broken,
            unknown=counts.unknown,
            suppressed=counts.suppressed,
            offline=shorten(report.offline, 1_000),
            version=report.version[:64],
        )
    )
