"""Write histories as JSON, schema ``ingressdoctor.history/v1``.

One object, whether one host was asked for or all: ``hosts`` has one entry then, and that has a ``detail``. Every key is
always written; times are RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from ingressdoctor.model.history import Change, HostHistory, HostSummary, Span, State, Uptime
from ingressdoctor.model.sweep import Incident, SweptCause
from ingressdoctor.render.json_v1 import encode

__all__ = ["HistoryV1", "history_to_json", "hosts_to_json"]

VerdictV1 = Literal["healthy", "degraded", "broken", "unknown"]


class UptimeV1(msgspec.Struct, frozen=True, kw_only=True):
    """How the seconds of a period divide up; ``share`` is up among up and down, null where neither was seen."""

    period_s: float
    share: float | None
    up_s: float
    down_s: float
    unknown_s: float
    unwatched_s: float
    suppressed_s: float


class CauseOfV1(msgspec.Struct, frozen=True, kw_only=True):
    """A root cause, or a warning where nothing is broken."""

    check: str
    subject: str
    summary: str
    hop: str


class ChangeV1(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, what it was when the host was last well, and what it was when it failed; empty: not seen."""

    fact: str
    was: str
    now: str


class SpanV1(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive looks with the same result."""

    verdict: VerdictV1
    started: str
    ended: str
    looks: int
    vantage: str
    headline: str
    error: str
    suppressed: str
    causes: tuple[CauseOfV1, ...]
    symptoms: tuple[str, ...]
    different: tuple[ChangeV1, ...]


class IncidentOfV1(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that the host is or was a member of."""

    id: str
    state: str
    first_seen: str
    last_seen: str
    opened: str | None
    closed: str | None
    suppressed: str
    members: tuple[str, ...]
    cause: CauseOfV1


class DetailV1(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a single host."""

    day: UptimeV1
    week: UptimeV1
    month: UptimeV1
    different: tuple[ChangeV1, ...]
    spans: tuple[SpanV1, ...]
    incidents: tuple[IncidentOfV1, ...]


class HostOfV1(msgspec.Struct, frozen=True, kw_only=True):
    """One host: its state now, and its uptime from ``since`` to ``until`` of the whole object."""

    name: str
    verdict: VerdictV1
    since: str
    last_seen: str
    looks: int
    last_well: str | None
    last_failing: str | None
    headline: str
    suppressed: str
    vantage: str
    uptime: UptimeV1
    outages: int
    mean_recovery_s: float | None
    detail: DetailV1 | None


class HistoryV1(msgspec.Struct, frozen=True, kw_only=True):
    """What sweeps remember of hosts."""

    schema: Literal["ingressdoctor.history/v1"] = "ingressdoctor.history/v1"
    place: str
    since: str
    until: str
    hosts: tuple[HostOfV1, ...]


def hosts_to_json(hosts: Sequence[HostSummary], since: datetime, until: datetime, place: str) -> str:
    """Return summaries of all hosts as one JSON object; *place* is where the history is kept."""
    rows = tuple(_host(item.state, item.uptime, item.outages, item.mean_recovery_s) for item in hosts)
    return encode(HistoryV1(place=place, since=_time(since), until=_time(until), hosts=rows))


def history_to_json(history: HostHistory, place: str) -> str:
    """Return the history of one host as one JSON object; *place* is where it is kept."""
    detail = DetailV1(
        day=_uptime(history.uptime[0]),
        week=_uptime(history.uptime[1]),
        month=_uptime(history.uptime[2]),
        different=_changes(history.different),
        spans=tuple(map(_span, history.spans)),
        incidents=tuple(map(_incident, history.incidents)),
    )
    row = _host(history.state, history.period, history.outages, history.mean_recovery_s)
    hosts = (msgspec.structs.replace(row, detail=detail),)
    return encode(HistoryV1(place=place, since=_time(history.since), until=_time(history.until), hosts=hosts))


def _host(state: State, uptime: Uptime, outages: int, mean_recovery_s: float | None) -> HostOfV1:
    return HostOfV1(
        name=state.name,
        verdict=state.verdict.value,
        since=_time(state.since),
        last_seen=_time(state.last_seen),
        looks=state.looks,
        last_well=_maybe(state.last_well),
        last_failing=_maybe(state.last_failing),
        headline=state.headline,
        suppressed=state.suppressed,
        vantage=state.vantage,
        uptime=_uptime(uptime),
        outages=outages,
        mean_recovery_s=mean_recovery_s,
        detail=None,
    )


def _uptime(uptime: Uptime) -> UptimeV1:
    share = uptime.share
    return UptimeV1(
        period_s=uptime.period_s,
        share=None if share is None else round(share, 6),
        up_s=uptime.up_s,
        down_s=uptime.down_s,
        unknown_s=uptime.unknown_s,
        unwatched_s=uptime.unwatched_s,
        suppressed_s=uptime.suppressed_s,
    )


def _span(span: Span) -> SpanV1:
    return SpanV1(
        verdict=span.verdict.value,
        started=_time(span.started),
        ended=_time(span.ended),
        looks=span.looks,
        vantage=span.vantage,
        headline=span.headline,
        error=span.error,
        suppressed=span.suppressed,
        causes=tuple(map(_cause, span.causes)),
        symptoms=tuple(map(str, span.symptoms)),
        different=_changes(span.different),
    )


def _incident(incident: Incident) -> IncidentOfV1:
    return IncidentOfV1(
        id=incident.id,
        state=incident.state.value,
        first_seen=_time(incident.first_seen),
        last_seen=_time(incident.last_seen),
        opened=_maybe(incident.opened),
        closed=_maybe(incident.closed),
        suppressed=incident.suppressed,
        members=incident.members,
        cause=_cause(incident.cause),
    )


def _cause(cause: SweptCause) -> CauseOfV1:
    return CauseOfV1(check=cause.check_id, subject=cause.subject, summary=cause.summary, hop=cause.hop)


def _changes(changes: Sequence[Change]) -> tuple[ChangeV1, ...]:
    return tuple(ChangeV1(fact=fact, was=was, now=now) for fact, was, now in changes)


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else _time(moment)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
