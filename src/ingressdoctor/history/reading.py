"""What the tables say of targets: states, histories, summaries. Reads only, on a connection of its caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from ingressdoctor.history.facts import Learned, changes, steady
from ingressdoctor.history.incidents import incidents_of
from ingressdoctor.history.recording import GAP_MS, learned_from
from ingressdoctor.history.tables import CONTENT, SPAN, SWEEP, TARGET
from ingressdoctor.history.texts import Found, moment, moment_ms, unpacked, verdict_of
from ingressdoctor.history.uptime import Kind, Piece, divide, mean_recovery, outages_in, timeline_of
from ingressdoctor.model.history import (
    Change,
    Health,
    HostHistory,
    HostSummary,
    Span,
    State,
    SweepRecord,
    health_of,
)
from ingressdoctor.model.sweep import Outcome

__all__ = [
    "begins_a_day",
    "difference_from_well",
    "history_of",
    "names_in",
    "state_of",
    "summaries",
    "sweeps_in",
    "well_among",
]

_PERIODS: Final = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
_FOUND, _FACTS, _BEFORE = CONTENT.alias("found"), CONTENT.alias("facts"), CONTENT.alias("before")
_KINDS: Final = {Health.WELL: Kind.UP, Health.FAILING: Kind.DOWN, Health.UNKNOWN: Kind.UNKNOWN}
_MOST_SPANS: Final = 20_000
_SLICE: Final = 500


def names_in(connection: sa.Connection) -> tuple[str, ...]:
    """Return the names of all targets, sorted."""
    return tuple(connection.execute(sa.select(TARGET.c.name).distinct().order_by(TARGET.c.name)).scalars())


def state_of(connection: sa.Connection, name: str, vantage: str | None) -> State | None:
    """Return how *name* is doing; None for one that was never seen."""
    rows = _rows(connection, TARGET.c.name == name, vantage)
    return _worst(_states(name, rows)) if rows else None


def well_among(connection: sa.Connection, names: Sequence[str]) -> frozenset[str]:
    """Return those of *names* that were well at some time, from wherever they were seen."""
    found: set[str] = set()
    for start in range(0, len(names), _SLICE):
        some = TARGET.c.name.in_(names[start : start + _SLICE])
        found.update(connection.execute(sa.select(TARGET.c.name).where(some, TARGET.c.well_id.is_not(None))).scalars())
    return frozenset(found)


def difference_from_well(connection: sa.Connection, outcome: Outcome, vantage: str) -> tuple[Change, ...]:
    """Return what is different in *outcome* from the last look that was well; nothing where there was none."""
    query = (
        sa.select(CONTENT.c.body, TARGET.c.learned)
        .join(CONTENT, CONTENT.c.id == TARGET.c.well_id)
        .where(TARGET.c.name == outcome.name, TARGET.c.vantage == vantage)
    )
    row = connection.execute(query).first()
    was = unpacked(row.body, outcome.name, dict[str, str]) if row is not None else None
    if row is None or was is None:
        return ()
    learned = learned_from(row.learned)
    return _different(was, steady(outcome.facts, learned.restless), outcome.causes, learned)


def history_of(
    connection: sa.Connection, name: str, since: datetime, until: datetime, vantage: str | None
) -> HostHistory | None:
    """Return everything about *name* in a period; None for one that was never seen."""
    rows = _rows(connection, TARGET.c.name == name, vantage)
    if not rows:
        return None
    start, end = moment_ms(since), moment_ms(until)
    stretches = timeline_of([_piece(row) for row in rows], end)
    outages = outages_in(stretches, start, end)
    state = _worst(_states(name, rows))
    current = {row.vantage: row.id for row in rows}
    spans = tuple(_span(name, row) for row in rows if row.last_at >= start or row.id in current.values())
    failing = [span for span in spans if span.vantage == state.vantage and health_of(span.verdict) is Health.FAILING]
    return HostHistory(
        name=name,
        since=since,
        until=until,
        state=state,
        spans=spans,
        period=divide(stretches, start, end),
        uptime=tuple(divide(stretches, end - period // timedelta(milliseconds=1), end) for period in _PERIODS),
        incidents=incidents_of(connection, name, since),
        outages=len(outages),
        mean_recovery_s=mean_recovery(outages),
        different=failing[-1].different if failing and state.health is Health.FAILING else (),
    )


def summaries(
    connection: sa.Connection, since: datetime, until: datetime, vantage: str | None
) -> Iterator[HostSummary]:
    """Yield one summary per target, by name."""
    start, end = moment_ms(since), moment_ms(until)
    ordered = _query(light=True).order_by(TARGET.c.name, SPAN.c.id)
    if vantage is not None:
        ordered = ordered.where(TARGET.c.vantage == vantage)
    own: list[Any] = []
    for row in connection.execute(ordered.execution_options(yield_per=2_000)):
        if own and own[0].name != row.name:
            yield _summary(own, start, end)
            own = []
        own.append(row)
    if own:
        yield _summary(own, start, end)


def _summary(rows: Sequence[Any], start: int, end: int) -> HostSummary:
    stretches = timeline_of([_piece(row) for row in rows], end)
    outages = outages_in(stretches, start, end)
    return HostSummary(
        state=_worst(_states(rows[0].name, rows)),
        uptime=divide(stretches, start, end),
        outages=len(outages),
        mean_recovery_s=mean_recovery(outages),
    )


def begins_a_day(connection: sa.Connection) -> bool:
    """Tell whether the newest sweep began on another day than the one before."""
    days = [record.started.date() for record in sweeps_in(connection, 2)]
    return len(days) == 2 and days[0] != days[1]


def sweeps_in(connection: sa.Connection, limit: int) -> tuple[SweepRecord, ...]:
    """Return the last sweeps, newest first."""
    rows = connection.execute(sa.select(SWEEP).order_by(SWEEP.c.id.desc()).limit(limit))
    return tuple(
        SweepRecord(
            id=row.id,
            vantage=row.vantage,
            started=moment(row.started_at),
            ended=None if row.ended_at is None else moment(row.ended_at),
            state=row.state,
            targets=row.healthy + row.degraded + row.broken + row.unknown,
            offline=row.offline,
        )
        for row in rows
    )


def _query(*, light: bool = False) -> sa.Select[Any]:
    """Spans with their targets; with their texts too, unless *light*: then only that of the current span."""
    found = sa.and_(_FOUND.c.id == SPAN.c.content_id, TARGET.c.span_id == SPAN.c.id if light else sa.true())
    columns: list[sa.ColumnElement[Any]] = [
        *SPAN.c,
        TARGET.c.name,
        TARGET.c.vantage,
        TARGET.c.learned,
        _FOUND.c.body.label("found"),
    ]
    joined = SPAN.join(TARGET, TARGET.c.id == SPAN.c.target_id).outerjoin(_FOUND, found)
    if not light:
        columns += [_FACTS.c.body.label("facts"), _BEFORE.c.body.label("before")]
        joined = joined.outerjoin(_FACTS, _FACTS.c.id == SPAN.c.facts_id)
        joined = joined.outerjoin(_BEFORE, _BEFORE.c.id == SPAN.c.before_id)
    return sa.select(*columns).select_from(joined)


def _rows(connection: sa.Connection, which: sa.ColumnElement[bool], vantage: str | None) -> list[Any]:
    """Return the spans of one target in the order in which they were recorded, the last ones if there are too many."""
    query = _query().where(which)
    if vantage is not None:
        query = query.where(TARGET.c.vantage == vantage)
    return list(connection.execute(query.order_by(SPAN.c.id.desc()).limit(_MOST_SPANS)))[::-1]


def _piece(row: Any) -> Piece:  # noqa: ANN401 - a row
    kind = Kind.SUPPRESSED if row.suppressed else _KINDS[health_of(verdict_of(row.verdict))]
    return Piece(place=row.vantage, first=row.first_at, last=max(row.first_at, row.last_at), kind=kind)


def _span(name: str, row: Any) -> Span:  # noqa: ANN401 - a row
    found = unpacked(row.found, name, Found) or Found()
    was, now = unpacked(row.before, name, dict[str, str]), unpacked(row.facts, name, dict[str, str])
    different = () if was is None or now is None else _different(was, now, found.causes, learned_from(row.learned))
    return Span(
        verdict=verdict_of(row.verdict),
        started=moment(row.first_at),
        ended=moment(max(row.first_at, row.last_at)),
        looks=row.looks,
        headline=found.headline,
        causes=found.causes,
        symptoms=found.known_symptoms(),
        error=found.error,
        suppressed=found.suppressed,
        vantage=row.vantage,
        different=different,
    )


def _different(was: dict[str, str], now: dict[str, str], causes: Sequence[Any], learned: Learned) -> tuple[Change, ...]:
    found = changes(was, now, [cause.check_id for cause in causes])
    return tuple(change for change in found if change[0] not in learned.restless)


def _states(name: str, rows: Sequence[Any]) -> list[State]:
    places: dict[str, list[Any]] = {}
    for row in rows:
        places.setdefault(row.vantage, []).append(row)
    return [_state(name, own) for own in places.values()]


def _state(name: str, rows: Sequence[Any]) -> State:
    """Return the state that the spans of one place end in; by their order, for clocks jump."""
    current = rows[-1]
    health = health_of(verdict_of(current.verdict))
    run: list[Any] = []
    last: dict[Health, int] = {}
    for row in reversed(rows):
        seen = health_of(verdict_of(row.verdict))
        last.setdefault(seen, row.last_at)
        # Once another health was seen, only what it was last is still looked for.
        over = any(one not in (health, Health.UNKNOWN) for one in last)
        if seen is health and not over:
            run.append(row)
    found = unpacked(current.found, name, Found) or Found()
    well, failing = last.get(Health.WELL), last.get(Health.FAILING)
    return State(
        name=name,
        vantage=current.vantage,
        verdict=verdict_of(current.verdict),
        since=moment(min(run[-1].first_at, current.last_at)),
        last_seen=moment(current.last_at),
        looks=sum(row.looks for row in run),
        last_well=None if well is None else moment(well),
        last_failing=None if failing is None else moment(failing),
        headline=found.headline,
        causes=found.causes,
        suppressed=found.suppressed,
    )


def _worst(states: Sequence[State]) -> State:
    """Return the worst of the places that still look: down from somewhere is down."""
    newest = max(state.last_seen for state in states)
    current = [state for state in states if newest - state.last_seen <= timedelta(milliseconds=GAP_MS)]
    order = (Health.UNKNOWN, Health.WELL, Health.FAILING)
    return max(current, key=lambda state: (order.index(state.health), state.last_seen))
