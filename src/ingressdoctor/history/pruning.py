"""Forget what is older than it should be, a little at a time, so that a sweep that runs beside it is not kept waiting.

What a target's current state needs is kept as long as the target is seen at all.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from ingressdoctor.history.opening import reading, writing
from ingressdoctor.history.receipts import forget_receipts
from ingressdoctor.history.recording import drop_unused, unused_texts
from ingressdoctor.history.tables import INCIDENT, MEMBER, SPAN, SWEEP, TARGET
from ingressdoctor.history.texts import moment_ms
from ingressdoctor.model.sweep import IncidentState

__all__ = ["Pruned", "cutoff_ms", "prune"]

_SLICE: Final = 500
_DAY_MS: Final = 24 * 3600 * 1000
_CONTEXT_SWEEPS: Final = 10
_PAGES: Final = 1_000


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows were forgotten."""

    spans: int = 0
    targets: int = 0
    incidents: int = 0
    sweeps: int = 0
    receipts: int = 0
    texts: int = 0


def prune(engine: sa.Engine, now: datetime, retention_days: int, at_most_s: float = math.inf) -> Pruned:
    """Forget what ended more than *retention_days* before *now*, in transactions of at most 500 rows each.

    After *at_most_s* seconds what is left is left for the next time.
    """
    with reading(engine) as connection:
        cutoff = cutoff_ms(connection, now, retention_days)
    until = time.monotonic() + at_most_s

    def _until_done(step: Callable[[sa.Connection], int]) -> int:
        total, count = 0, _SLICE
        while count == _SLICE and time.monotonic() < until:
            with writing(engine) as connection:
                count = step(connection)
            total += count
        return total

    done = Pruned(
        spans=_until_done(lambda connection: _spans(connection, cutoff)),
        targets=_until_done(lambda connection: _targets(connection, cutoff)),
        incidents=_until_done(lambda connection: _incidents(connection, cutoff)),
        sweeps=_until_done(lambda connection: _sweeps(connection, cutoff)),
        receipts=_until_done(lambda connection: forget_receipts(connection, cutoff, _SLICE)),
        texts=_until_done(_texts),
    )
    if engine.dialect.name == "sqlite" and any(msgspec.structs.astuple(done)):
        _shrink(engine, until)
    return done


def cutoff_ms(connection: sa.Connection, now: datetime, retention_days: int) -> int:
    """Return before which moment everything is forgotten.

    A clock that jumped ahead must not erase everything: *now* counts at most as a day after the middle one of the last
    ten sweeps.
    """
    starts = connection.execute(sa.select(SWEEP.c.started_at).order_by(SWEEP.c.id.desc()).limit(_CONTEXT_SWEEPS))
    usual = [row.started_at for row in starts]
    believed = min(moment_ms(now), round(statistics.median(usual)) + _DAY_MS) if usual else moment_ms(now)
    return believed - retention_days * _DAY_MS


def _spans(connection: sa.Connection, cutoff: int) -> int:
    current = sa.exists().where(TARGET.c.span_id == SPAN.c.id, TARGET.c.id == SPAN.c.target_id)
    return _delete(connection, SPAN, sa.select(SPAN.c.id).where(SPAN.c.last_at < cutoff, ~current))


def _targets(connection: sa.Connection, cutoff: int) -> int:
    """Forget targets that nobody has looked at for so long, with all that is known of them."""
    query = sa.select(TARGET.c.id).outerjoin(SPAN, SPAN.c.id == TARGET.c.span_id)
    old = connection.execute(
        query.where(sa.or_(SPAN.c.last_at < cutoff, SPAN.c.id.is_(None))).order_by(TARGET.c.id).limit(_SLICE)
    )
    ids = list(old.scalars())
    connection.execute(SPAN.delete().where(SPAN.c.target_id.in_(ids)))
    connection.execute(TARGET.delete().where(TARGET.c.id.in_(ids)))
    return len(ids)


def _incidents(connection: sa.Connection, cutoff: int) -> int:
    query = sa.select(INCIDENT.c.id).where(
        INCIDENT.c.last_seen < cutoff,
        INCIDENT.c.state.in_((IncidentState.CLOSED.value, IncidentState.PENDING.value)),
    )
    ids = list(connection.execute(query.limit(_SLICE)).scalars())
    connection.execute(MEMBER.delete().where(MEMBER.c.incident_id.in_(ids)))
    connection.execute(INCIDENT.delete().where(INCIDENT.c.id.in_(ids)))
    return len(ids)


def _sweeps(connection: sa.Connection, cutoff: int) -> int:
    newest = sa.select(sa.func.max(SWEEP.c.id)).scalar_subquery()
    return _delete(connection, SWEEP, sa.select(SWEEP.c.id).where(SWEEP.c.started_at < cutoff, SWEEP.c.id < newest))


def _delete(connection: sa.Connection, table: sa.Table, which: sa.Select[tuple[int]]) -> int:
    ids = list(connection.execute(which.limit(_SLICE)).scalars())
    connection.execute(table.delete().where(table.c.id.in_(ids)))
    return len(ids)


def _texts(connection: sa.Connection) -> int:
    """Delete texts that nothing points at any more."""
    ids = list(connection.execute(unused_texts().limit(_SLICE)).scalars())
    drop_unused(connection, ids)
    return len(ids)


def _shrink(engine: sa.Engine, until: float) -> None:
    """Give free pages back to the file system, so many at a time."""
    while time.monotonic() < until:
        with writing(engine) as connection:
            before = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            # One page is freed for every row that is fetched, of a result that says it has no columns.
            cursor = connection.connection.cursor()
            cursor.execute(f"PRAGMA incremental_vacuum({_PAGES})")
            cursor.fetchall()
            cursor.close()
            if connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() in (0, before):
                return
