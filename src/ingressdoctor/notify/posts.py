"""Bodies and headers for each kind of receiver. Pure: secrets come in as ``Secret`` and leave in headers only.

Sources: Alertmanager's API v2 (api/v2/openapi.yaml in its repository), Slack's pages on incoming webhooks, Block Kit
and the formatting of text.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from ingressdoctor.model.text import Secret
from ingressdoctor.notify.notice import Event, Notice, about, blamed, one_line, some_of
from ingressdoctor.notify.payload_v1 import payload_of, stamp

__all__ = ["DELIVERY_HEADER", "SIGNATURE_HEADER", "TIMESTAMP_HEADER", "Post", "alerts", "signature", "signed", "slack"]

SIGNATURE_HEADER: Final = "Ingressdoctor-Signature"
TIMESTAMP_HEADER: Final = "Ingressdoctor-Timestamp"
DELIVERY_HEADER: Final = "Ingressdoctor-Delivery"
_JSON: Final = ("Content-Type", "application/json")
_MAX_HEADING, _MAX_SECTION, _MAX_NAMES = 150, 2_900, 20


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One request: a body and its headers."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = (_JSON,)


def alerts(notices: Sequence[Notice], severity: str, *, now: datetime, lasts: timedelta, token: Secret | None) -> Post:
    """Return the alerts of Alertmanager's API v2; an active one ends *lasts* from *now* unless it is sent again."""
    body = msgspec.json.encode([_alert(notice, severity, now, lasts) for notice in notices])
    if token is None:
        return Post(body=body)
    return Post(body=body, headers=(_JSON, ("Authorization", f"Bearer {token.reveal()}")))


def _alert(notice: Notice, severity: str, now: datetime, lasts: timedelta) -> dict[str, Any]:
    incident, cause = notice.incident, notice.incident.cause
    over = notice.event in (Event.CLOSED, Event.TEST)
    # Labels are what makes an alert the same one: nothing that changes over an incident's life may stand there.
    labels = {
        "alertname": one_line(cause.check_id),
        "incident": one_line(incident.id),
        "subject": one_line(cause.subject),
        "severity": severity,
    }
    annotations = {
        "summary": f"{blamed(cause)} breaks {_hostnames(len(incident.members))}",
        "description": about(cause),
        "members": some_of(incident.members, _MAX_NAMES),
        "symptoms": ", ".join(map(str, incident.symptoms)),
        "remedy": one_line(cause.remedy),
        "command": one_line(cause.command, 1_000),
        "state": str(incident.state),
        "vantage": one_line(notice.vantage),
    }
    # After a clock that jumped back, an end may lie before the beginning; such an alert would be refused.
    ends = max((incident.closed or now) if over else now + lasts, incident.first_seen + timedelta(seconds=1))
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": stamp(incident.first_seen),
        "endsAt": stamp(ends),
    }


def slack(notice: Notice) -> Post:
    """Return a message for an incoming webhook of Slack; ``text`` is all that those who imitate it need to know."""
    incident, cause = notice.incident, notice.incident.cause
    heading = f"{notice.event.capitalize()}: {blamed(cause)}"
    members = f"Breaks {_hostnames(len(incident.members))}: {some_of(incident.members, _MAX_NAMES)}"
    seen = ", ".join(map(str, incident.symptoms))
    sections = [
        "\n".join(
            (
                _escaped(about(cause), 1_000),
                _escaped(members if incident.members else "", 1_500),
                _escaped(f"Since {incident.first_seen.astimezone(UTC):%Y-%m-%d %H:%M} UTC{_end(notice)}", 100),
                _escaped(f"Visitors see: {seen}" if seen else "", 200),
            )
        ).replace("\n\n", "\n")
    ]
    if notice.event is not Event.CLOSED and (cause.remedy or cause.command):
        command = one_line(cause.command, 1_000)
        fenced = f"\n```{_escaped(command, 1_500)}```" if command else ""
        sections.append(_escaped(f"Next: {one_line(cause.remedy)}", 1_000) + fenced)
    where = f" · seen from {one_line(notice.vantage, 100)}" if notice.vantage else ""
    context = _escaped(f"{one_line(incident.id, 100)}{where} · ingressdoctor {one_line(notice.version, 40)}", 500)
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": _escaped(heading, _MAX_HEADING), "emoji": False}},
        *({"type": "section", "text": {"type": "mrkdwn", "text": text.strip(), "verbatim": True}} for text in sections),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": context, "verbatim": True}]},
    ]
    told = f"{heading} breaks {_hostnames(len(incident.members))}: {about(cause)}"
    message = {"text": _escaped(told, 1_000), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
    return Post(body=msgspec.json.encode(message))


def _end(notice: Notice) -> str:
    closed = notice.incident.closed
    if notice.event is not Event.CLOSED or closed is None:
        return ""
    return f" until {closed.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _escaped(text: str, limit: int) -> str:
    """Return *text* with Slack's three characters escaped and at most *limit* long; no escape is cut in two.

    Nothing in it begins or ends a block of code.
    """
    parts: list[str] = []
    left = min(limit, _MAX_SECTION)
    for char in text.replace("```", "'''"):
        part = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(char, char)
        if len(part) > left - 1:
            return "".join(parts) + "…"
        parts.append(part)
        left -= len(part)
    return "".join(parts)


def signed(notice: Notice, channel: str, severity: str, *, secret: Secret, now: datetime) -> Post:
    """Return the notification as JSON with the time and a signature over both, made anew for every attempt."""
    body = payload_of(notice, channel, severity)
    timestamp = str(int(now.timestamp()))
    return Post(
        body=body,
        headers=(
            _JSON,
            (TIMESTAMP_HEADER, timestamp),
            (SIGNATURE_HEADER, f"v1={signature(secret, timestamp, body)}"),
            (DELIVERY_HEADER, hashlib.sha256(notice.key(channel).encode("utf-8", "replace")).hexdigest()[:32]),
        ),
    )


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256, in hexadecimal digits, over the timestamp, a dot and the body."""
    return hmac.new(secret.reveal().encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _hostnames(count: int) -> str:
    return f"{count} hostname{'' if count == 1 else 's'}"
