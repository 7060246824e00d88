"""Write a batch of outcomes: each either prolongs its target's span or begins a new one.

Works on a connection in a transaction of its caller, and remembers nothing between two batches: another sweep may write
at the same time. A batch costs the same few statements whatever its size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ingressdoctor.history.facts import Learned, changes, learn, steady
from ingressdoctor.history.tables import CONTENT, SPAN, TARGET
from ingressdoctor.history.texts import (
    code_of,
    digest_of_facts,
    moment_ms,
    packed_facts,
    packed_found,
    sameness_of,
    unpacked,
)
from ingressdoctor.model.history import Health, health_of
from ingressdoctor.model.sweep import Outcome

__all__ = ["GAP_MS", "drop_unused", "insert_new", "key_of", "learned_from", "unused_texts", "write_outcomes"]

GAP_MS: Final = 2 * 3600 * 1000
"""How long a look speaks for a target. After a longer silence a new span begins, and the time between is unwatched."""
_MAX_KEY: Final = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """One target as the database knows it, with its current span and the facts of when it was last well."""

    id: int
    span_id: int | None
    well_id: int | None
    learned: bytes | None
    sameness: bytes | None
    last_at: int | None
    looks: int | None
    well_digest: bytes | None


@dataclasses.dataclass(slots=True, kw_only=True)
class _Look:
    """One outcome on its way into the tables."""

    outcome: Outcome
    row: _Known
    sameness: bytes
    at: int
    span_id: int = 0
    found: tuple[bytes, bytes] = (b"", b"")
    facts: dict[str, str] = dataclasses.field(default_factory=dict)
    packed: tuple[bytes, bytes] = (b"", b"")
    learned: Learned | None = None

    @property
    def well(self) -> bool:
        return health_of(self.outcome.verdict) is Health.WELL

    @property
    def failing(self) -> bool:
        return health_of(self.outcome.verdict) is Health.FAILING

    @property
    def prolongs(self) -> bool:
        """Same result as the current span, and no clock or silence in between that nobody can vouch for."""
        return self.row.sameness == self.sameness and abs(self.at - (self.row.last_at or 0)) <= GAP_MS

    @property
    def looks(self) -> int:
        return (self.row.looks or 0) + 1 if self.prolongs else 1


def key_of(outcome: Outcome, vantage: str) -> tuple[str, str]:
    """Return the target's name and the place that it was seen from."""
    return _storable(outcome.name)[:1_000], _storable(outcome.vantage or vantage)[:_MAX_KEY]


def _storable(text: str) -> str:
    """Return *text* as every database takes it: without NUL and half characters."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def write_outcomes(connection: sa.Connection, sweep: int, vantage: str, outcomes: Sequence[Outcome]) -> None:
    """Write *outcomes*, which are of different targets."""
    rows = _targets(connection, {key_of(outcome, vantage) for outcome in outcomes})
    looks = [
        _Look(
            outcome=outcome,
            row=rows[key_of(outcome, vantage)],
            sameness=sameness_of(outcome),
            at=moment_ms(outcome.started),
        )
        for outcome in outcomes
    ]
    _prolong(connection, sweep, [look for look in looks if look.prolongs])
    _begin(connection, sweep, [look for look in looks if not look.prolongs])
    _remember_well(connection, [look for look in looks if look.well])


def _targets(connection: sa.Connection, keys: set[tuple[str, str]]) -> dict[tuple[str, str], _Known]:
    """Return the targets with their current spans; those that are new are made."""
    found = _find(connection, keys)
    missing = sorted(keys - found.keys())
    if missing:
        insert_new(connection, TARGET, [{"name": name, "vantage": vantage} for name, vantage in missing])
        found |= _find(connection, set(missing))
    return found


def _find(connection: sa.Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], _Known]:
    places: dict[str, list[str]] = {}
    for name, vantage in keys:
        places.setdefault(vantage, []).append(name)
    query = (
        sa.select(
            *(TARGET.c.id, TARGET.c.name, TARGET.c.vantage, TARGET.c.span_id, TARGET.c.well_id, TARGET.c.learned),
            *(SPAN.c.sameness, SPAN.c.last_at, SPAN.c.looks),
            CONTENT.c.digest.label("well_digest"),
        )
        .outerjoin(SPAN, SPAN.c.id == TARGET.c.span_id)
        .outerjoin(CONTENT, CONTENT.c.id == TARGET.c.well_id)
    )
    return {
        (row.name, row.vantage): _Known(**{name: getattr(row, name) for name in _Known.__slots__})
        for vantage, names in places.items()
        for row in connection.execute(query.where(TARGET.c.vantage == vantage, TARGET.c.name.in_(names)))
    }


def _prolong(connection: sa.Connection, sweep: int, looks: Sequence[_Look]) -> None:
    for look in looks:
        look.span_id = look.row.span_id or 0
    if not looks:
        return
    # A sweep that ran beside this one may have looked later.
    moments = [{"span": look.span_id, "at": max(look.at, look.row.last_at or 0)} for look in looks]
    longer: dict[str, object] = {"looks": SPAN.c.looks + 1, "last_sweep": sweep}
    if connection.dialect.name == "postgresql":
        # One statement with two arrays: a server far away answers once, not five hundred times.
        columns = [sa.cast([one[name] for one in moments], postgresql.ARRAY(sa.BigInteger)) for name in ("span", "at")]
        given = sa.func.unnest(*columns).table_valued("span", "at", name="given").render_derived()
        connection.execute(SPAN.update().where(SPAN.c.id == given.c.span).values(last_at=given.c.at, **longer))
    else:
        statement = SPAN.update().where(SPAN.c.id == sa.bindparam("span"))
        connection.execute(statement.values(last_at=sa.bindparam("at"), **longer), moments)


def _begin(connection: sa.Connection, sweep: int, looks: Sequence[_Look]) -> None:
    if not looks:
        return
    for look in looks:
        look.found = packed_found(look.outcome)
        if look.failing:
            look.facts = steady(look.outcome.facts, learned_from(look.row.learned).restless)
            look.packed = packed_facts(look.facts, look.outcome.name)
    failing = [look for look in looks if look.failing]
    ids = _contents(connection, [*(look.found for look in looks), *(look.packed for look in failing)])
    values = [
        {
            "target_id": look.row.id,
            "verdict": code_of(look.outcome.verdict),
            "suppressed": bool(look.outcome.suppressed),
            "sameness": look.sameness,
            "first_at": look.at,
            "last_at": look.at,
            "looks": 1,
            "first_sweep": sweep,
            "last_sweep": sweep,
            "content_id": ids[look.found[0]],
            "facts_id": ids[look.packed[0]] if look.failing else None,
            "before_id": look.row.well_id if look.failing else None,
        }
        for look in looks
    ]
    made = connection.execute(SPAN.insert().returning(SPAN.c.id, sort_by_parameter_order=True), values).scalars()
    for look, span_id in zip(looks, made, strict=True):
        look.span_id = span_id
    connection.execute(
        TARGET.update().where(TARGET.c.id == sa.bindparam("target")).values(span_id=sa.bindparam("span")),
        [{"target": look.row.id, "span": look.span_id} for look in looks],
    )


def _remember_well(connection: sa.Connection, looks: Sequence[_Look]) -> None:
    """Keep the facts of looks that were well, where they are not those of the last one."""
    changed = []
    for look in looks:
        look.learned = learned_from(look.row.learned)
        look.facts = steady(look.outcome.facts, look.learned.restless)
        if digest_of_facts(look.facts, look.outcome.name) != look.row.well_digest:
            changed.append(look)
    if not changed:
        return
    old = _bodies(connection, [look.row.well_id for look in changed if look.row.well_id is not None])
    for look in changed:
        was = unpacked(old.get(look.row.well_id or 0), look.outcome.name, dict[str, str])
        if was is not None and look.learned is not None:
            names = [name for name, _, _ in changes(was, look.facts)]
            look.learned = learn(look.learned, names, look.span_id, look.looks)
            look.facts = steady(look.facts, look.learned.restless)
        look.packed = packed_facts(look.facts, look.outcome.name)
    ids = _contents(connection, [look.packed for look in changed])
    connection.execute(
        TARGET.update()
        .where(TARGET.c.id == sa.bindparam("target"))
        .values(well_id=sa.bindparam("well"), learned=sa.bindparam("lesson")),
        [
            {"target": look.row.id, "well": ids[look.packed[0]], "lesson": msgspec.json.encode(look.learned)}
            for look in changed
        ],
    )
    drop_unused(connection, {look.row.well_id for look in changed if look.row.well_id is not None})


def learned_from(body: bytes | None) -> Learned:
    """Return what was learned of a target; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(body, type=Learned) if body else Learned()
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Learned()


def _bodies(connection: sa.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    rows = connection.execute(sa.select(CONTENT.c.id, CONTENT.c.body).where(CONTENT.c.id.in_(set(ids))))
    return {row.id: row.body for row in rows}


def _contents(connection: sa.Connection, texts: Iterable[tuple[bytes, bytes]]) -> dict[bytes, int]:
    """Return the ids of texts, by digest; those that are new are written."""
    wanted = dict(texts)
    query = sa.select(CONTENT.c.digest, CONTENT.c.id).where(CONTENT.c.digest.in_(wanted))
    found = {row.digest: row.id for row in connection.execute(query)}
    new = [{"digest": digest, "body": body} for digest, body in wanted.items() if digest not in found]
    if new:
        insert_new(connection, CONTENT, new)
        found |= {row.digest: row.id for row in connection.execute(query)}
    return found


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; one that is there already stays as it is."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(table).on_conflict_do_nothing(), rows)


def drop_unused(connection: sa.Connection, ids: Iterable[int]) -> int:
    """Delete those of the texts *ids* that nothing points at any more, and return how many that were."""
    gone = unused_texts().where(CONTENT.c.id.in_(set(ids)))
    return connection.execute(CONTENT.delete().where(CONTENT.c.id.in_(gone))).rowcount


def unused_texts() -> sa.Select[int]:
    """Return the query for the ids of texts that nothing points at."""
    used = (TARGET.c.well_id, SPAN.c.content_id, SPAN.c.facts_id, SPAN.c.before_id)
    return sa.select(CONTENT.c.id).where(*(~sa.exists().where(column == CONTENT.c.id) for column in used))
