"""Write incidents and read them again. Members are rows of their own: a host's history asks which it was in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from ingressdoctor.history.tables import INCIDENT, MEMBER, SWEEP
from ingressdoctor.history.texts import moment_ms
from ingressdoctor.model.sweep import Incident, IncidentState

__all__ = ["incidents_of", "known_incidents", "write_incidents"]

_RECENT_MS: Final = 7 * 24 * 3600 * 1000
_MOST: Final = 10_000
_SLICE: Final = 500


def write_incidents(connection: sa.Connection, sweep: int, vantage: str, incidents: Sequence[Incident]) -> None:
    """Write *incidents* as they are now; those that are not named stay as they were."""
    for start in range(0, len(incidents), _SLICE):
        some = {incident.id[:200]: incident for incident in incidents[start : start + _SLICE]}
        known = set(connection.execute(sa.select(INCIDENT.c.id).where(INCIDENT.c.id.in_(some))).scalars())
        rows = [_row(key, incident, vantage) for key, incident in some.items()]
        if new := [row for row in rows if row["id"] not in known]:
            connection.execute(INCIDENT.insert(), new)
        old = [{f"new_{name}": value for name, value in row.items()} for row in rows if row["id"] in known]
        if old:
            changed: dict[str, object] = {name: sa.bindparam(f"new_{name}") for name in ("state", "last_seen", "body")}
            connection.execute(INCIDENT.update().where(INCIDENT.c.id == sa.bindparam("new_id")).values(changed), old)
        _write_members(connection, sweep, some)


def _row(key: str, incident: Incident, vantage: str) -> dict[str, object]:
    alone = msgspec.structs.replace(incident, members=())
    return {
        "id": key,
        "vantage": vantage,
        "state": incident.state.value,
        "last_seen": moment_ms(incident.last_seen),
        "body": zlib.compress(msgspec.json.encode(alone)),
    }


def _write_members(connection: sa.Connection, sweep: int, some: dict[str, Incident]) -> None:
    """Write who joined and who left."""
    rows = connection.execute(
        sa.select(MEMBER.c.incident_id, MEMBER.c.name, MEMBER.c.left_sweep).where(MEMBER.c.incident_id.in_(some))
    )
    before = {(row.incident_id, row.name): row.left_sweep for row in rows}
    now = {(key, name[:1_000]) for key, incident in some.items() for name in incident.members}
    joined = sorted(now - before.keys())
    if joined:
        values = [{"incident_id": key, "name": name, "joined_sweep": sweep} for key, name in joined]
        connection.execute(MEMBER.insert(), values)
    moved: list[tuple[tuple[str, str], int | None]] = [
        (pair, None) for pair in now & before.keys() if before[pair] is not None
    ]
    moved += [(pair, sweep) for pair, left in before.items() if pair not in now and left is None]
    if moved:
        statement = (
            MEMBER.update()
            .where(MEMBER.c.incident_id == sa.bindparam("of"), MEMBER.c.name == sa.bindparam("who"))
            .values(left_sweep=sa.bindparam("at"))
        )
        connection.execute(statement, [{"of": key, "who": name, "at": at} for (key, name), at in moved])


def known_incidents(connection: sa.Connection, vantage: str | None) -> tuple[Incident, ...]:
    """Return the incidents that are not closed and those closed within a week of the newest sweep, oldest first.

    Args:
        connection: In a transaction.
        vantage: Only those seen from there; None: all.
    """
    newest = connection.execute(sa.select(SWEEP.c.started_at).order_by(SWEEP.c.id.desc()).limit(1)).scalar() or 0
    query = sa.select(INCIDENT.c.id, INCIDENT.c.body).where(
        sa.or_(INCIDENT.c.state != IncidentState.CLOSED.value, INCIDENT.c.last_seen >= newest - _RECENT_MS)
    )
    if vantage is not None:
        query = query.where(INCIDENT.c.vantage == vantage)
    return _whole(connection, query.order_by(INCIDENT.c.last_seen.desc()).limit(_MOST))


def incidents_of(connection: sa.Connection, name: str, since: datetime) -> tuple[Incident, ...]:
    """Return the incidents that the target *name* is or was a member of, seen since *since*, oldest first."""
    query = (
        sa.select(INCIDENT.c.id, INCIDENT.c.body)
        .join(MEMBER, MEMBER.c.incident_id == INCIDENT.c.id)
        .where(MEMBER.c.name == name, INCIDENT.c.last_seen >= moment_ms(since))
        .order_by(INCIDENT.c.last_seen.desc())
        .limit(_SLICE)
    )
    return _whole(connection, query)


def _whole(connection: sa.Connection, query: sa.Select[tuple[str, bytes]]) -> tuple[Incident, ...]:
    bodies = {row.id: row.body for row in connection.execute(query)}
    members: dict[str, list[str]] = {key: [] for key in bodies}
    for some in _slices(list(bodies)):
        current = sa.select(MEMBER.c.incident_id, MEMBER.c.name).where(
            MEMBER.c.incident_id.in_(some), MEMBER.c.left_sweep.is_(None)
        )
        for row in connection.execute(current):
            members[row.incident_id].append(row.name)
    found = []
    for key, body in bodies.items():
        try:
            alone = msgspec.json.decode(zlib.decompress(bytes(body)), type=Incident)
        except (zlib.error, msgspec.DecodeError, msgspec.ValidationError):
            # A cause or symptom of a newer version, or a damaged row: one incident less, not none at all.
            continue
        found.append(msgspec.structs.replace(alone, members=tuple(sorted(members[key]))))
    return tuple(sorted(found, key=lambda incident: (incident.first_seen, incident.id)))


def _slices(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + _SLICE] for start in range(0, len(items), _SLICE))
