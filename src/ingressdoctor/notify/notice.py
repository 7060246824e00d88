"""What there is to tell after a sweep: one notice an incident whose state somebody wants to know. Pure values."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from ingressdoctor.config import ChannelSettings
from ingressdoctor.model.sweep import Incident, IncidentState, SweepReport, SweptCause
from ingressdoctor.model.text import clean

__all__ = ["Event", "Notice", "about", "blamed", "is_wanted", "notices_of", "one_line", "some_of", "trial"]

_TRIAL_LASTS = timedelta(minutes=1)


class Event(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    FLAPPING = "flapping"
    CLOSED = "closed"
    TEST = "test"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell. ``vantage`` and ``version`` are of the sweep that saw it."""

    event: Event
    incident: Incident
    vantage: str = ""
    version: str = ""

    def key(self, channel: str, event: Event | None = None) -> str:
        """Return what makes it the same notification: channel, incident and event."""
        return f"{channel} {self.incident.id} {event or self.event}"[:300]

    def __str__(self) -> str:
        """How it is called in messages: the cause and what happened."""
        return f"{blamed(self.incident.cause)} {self.event}"


def notices_of(report: SweepReport) -> tuple[Notice, ...]:
    """Return a notice for every incident that is open, flaps or is over.

    All of them, not only those that changed in this sweep: one that could not be delivered is told after a later one.
    Incidents that wait for their threshold and excused ones are not told.
    """
    latest = {item.incident.id: item.incident for item in report.transitions}
    latest |= {item.id: item for item in report.incidents}
    found = []
    for incident in latest.values():
        event = _event(incident)
        if event is not None and not incident.suppressed:
            found.append(Notice(event=event, incident=incident, vantage=report.vantage, version=report.version))
    return tuple(found)


def _event(incident: Incident) -> Event | None:
    match incident.state:
        case IncidentState.OPEN | IncidentState.RECOVERING:
            return Event.OPENED
        case IncidentState.FLAPPING:
            return Event.FLAPPING
        case IncidentState.CLOSED:
            return None if incident.opened is None else Event.CLOSED
        case IncidentState.PENDING:
            return None


def is_wanted(notice: Notice, channel: ChannelSettings) -> bool:
    """Tell whether a channel is told: its patterns match the check or a member, or it is the end of something.

    Whoever was told of the beginning is told of the end, also when its members have left by then.
    """
    if notice.event is Event.CLOSED:
        return channel.send_resolved
    names = (notice.incident.cause.check_id, *notice.incident.members)
    return not channel.only or any(fnmatchcase(name.lower(), glob) for glob in channel.only for name in names)


def trial(now: datetime) -> Notice:
    """Return a notice that says it is only a test."""
    cause = SweptCause(
        check_id="ingressdoctor.test",
        subject="this notification",
        summary="this is a test, nothing is broken",
        hop="ingressdoctor",
        remedy="Nothing needs to be done.",
    )
    incident = Incident(
        id=f"test-{now:%Y%m%dT%H%M%S}",
        key=cause.key,
        cause=cause,
        state=IncidentState.CLOSED,
        members=(),
        first_seen=now,
        last_seen=now,
        opened=now,
        closed=now + _TRIAL_LASTS,
    )
    return Notice(event=Event.TEST, incident=incident)


def one_line(text: str, limit: int = 500) -> str:
    """Return *text* as one printable line."""
    return " ".join(clean(text, limit).split())


def blamed(cause: SweptCause) -> str:
    """Return the check and the object to blame."""
    return one_line(f"{cause.check_id} on {cause.subject}" if cause.subject else cause.check_id, 300)


def about(cause: SweptCause) -> str:
    """Return where it breaks and how."""
    return one_line(f"{cause.hop}: {cause.summary}" if cause.hop else cause.summary)


def some_of(members: tuple[str, ...], limit: int) -> str:
    """Return the first few names and how many more there are."""
    shown = ", ".join(one_line(name, 260) for name in members[:limit])
    return f"{shown} and {len(members) - limit} more" if len(members) > limit else shown
