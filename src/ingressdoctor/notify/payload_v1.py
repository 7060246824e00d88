"""The shape of ``ingressdoctor.notification/v1``: what webhooks and commands are given.

Kept apart from the model on purpose: receivers depend on these keys. Within v1 no key disappears or changes its type.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from ingressdoctor.model.text import clean
from ingressdoctor.notify.notice import Notice

__all__ = ["NotificationV1", "NotifiedIncidentV1", "payload_of", "stamp"]

_MAX_MEMBERS: Final = 500


class NotifiedIncidentV1(msgspec.Struct, frozen=True, kw_only=True):
    """The incident. ``members`` are the first 500 of ``member_count``; times are RFC 3339, or null."""

    id: str
    key: str
    state: Literal["pending", "open", "recovering", "flapping", "closed"]
    check: str
    subject: str
    summary: str
    hop: str
    remedy: str
    command: str
    members: tuple[str, ...]
    member_count: int
    symptoms: tuple[str, ...]
    first_seen: str
    last_seen: str
    opened: str | None
    closed: str | None


class NotificationV1(msgspec.Struct, frozen=True, kw_only=True):
    """One notification. ``event`` is what happened; ``id`` is the same for every attempt to deliver it."""

    schema: Literal["ingressdoctor.notification/v1"] = "ingressdoctor.notification/v1"
    id: str
    event: Literal["opened", "flapping", "closed", "test"]
    severity: str
    incident: NotifiedIncidentV1
    vantage: str
    version: str


def payload_of(notice: Notice, channel: str, severity: str) -> bytes:
    """Return the notification as one line of JSON."""
    incident, cause = notice.incident, notice.incident.cause
    value = NotificationV1(
        id=notice.key(channel),
        event=notice.event.value,
        severity=severity,
        incident=NotifiedIncidentV1(
            id=incident.id,
            key=incident.key,
            state=incident.state.value,
            check=cause.check_id,
            subject=cause.subject,
            summary=cause.summary,
            hop=cause.hop,
            remedy=cause.remedy,
            command=cause.command,
            members=incident.members[:_MAX_MEMBERS],
            member_count=len(incident.members),
            symptoms=tuple(map(str, incident.symptoms)),
            first_seen=stamp(incident.first_seen),
            last_seen=stamp(incident.last_seen),
            opened=None if incident.opened is None else stamp(incident.opened),
            closed=None if incident.closed is None else stamp(incident.closed),
        ),
        vantage=notice.vantage,
        version=notice.version,
    )
    return msgspec.json.encode(_harmless(msgspec.to_builtins(value)))


def stamp(moment: datetime) -> str:
    """Return a moment in UTC as RFC 3339 writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _harmless(value: Any) -> Any:  # noqa: ANN401 - plain data of any shape
    """Clean every text: a command's standard input ends up in terminals and logs."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _harmless(item) for name, item in value.items()}
    return [_harmless(item) for item in value] if isinstance(value, list | tuple) else value
