"""The time of the run, as evidence: checks have no clock of their own."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

__all__ = ["Clock", "parse_time"]


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """When the run began, in UTC."""

    now: datetime

    def days_until(self, text: str) -> float | None:
        """Days from now until an RFC 3339 time (negative: past), or None when *text* is not a time."""
        moment = parse_time(text)
        return None if moment is None else (moment - self.now).total_seconds() / 86_400

    def seconds_since(self, text: str) -> float | None:
        """Seconds from an RFC 3339 time until now, or None when *text* is not a time."""
        moment = parse_time(text)
        return None if moment is None else (self.now - moment).total_seconds()


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time; anything else is None. Times without a zone are UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last day of all have no other zone
        return None
