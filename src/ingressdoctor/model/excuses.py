"""What may be broken for a while without anybody being told: maintenance windows and suppressions. Pure.

Both name a reason and an end. Patterns are those of the configuration: ``*`` and ``?``, letters of any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

__all__ = ["DAYS", "Suppression", "Weekly", "Window", "excuse_of", "suppression_of"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Weekly(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of one day of every week, in minutes from midnight in a time zone; it may end after midnight."""

    day: int
    first: int
    last: int
    zone: str = "UTC"

    def holds(self, now: datetime) -> bool:
        """Tell whether *now* is within."""
        local = now.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        if self.first < self.last:
            return local.weekday() == self.day and self.first <= minute < self.last
        yesterday = (local - timedelta(days=1)).weekday()
        return (local.weekday() == self.day and minute >= self.first) or (yesterday == self.day and minute < self.last)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Targets that are in maintenance: from ``start`` to ``end``, or in hours of every week until ``end``.

    No pattern at all covers every target; with patterns of hosts and of namespaces a target must match one of each.
    """

    reason: str
    end: datetime
    start: datetime | None = None
    weekly: Weekly | None = None
    hosts: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def covers(self, name: str, namespaces: Sequence[str], now: datetime) -> bool:
        """Tell whether a target is in maintenance now."""
        if now >= self.end or (self.start is not None and now < self.start):
            return False
        if self.weekly is not None and not self.weekly.holds(now):
            return False
        return _any(self.hosts, (name,)) and _any(self.namespaces, namespaces)


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """Causes that nobody is told of until the day ``until`` is over (UTC)."""

    reason: str
    until: date
    check: str = "*"
    subject: str = "*"
    hosts: tuple[str, ...] = ()

    def covers(self, check_id: str, subject: str, now: datetime) -> bool:
        """Tell whether a cause is suppressed now; for which targets, ``hosts`` say."""
        return now.date() <= self.until and fnmatchcase(check_id, self.check) and fnmatchcase(subject, self.subject)


def excuse_of(windows: Sequence[Window], name: str, namespaces: Sequence[str], now: datetime) -> str:
    """Return why a target may be broken now, empty where it may not."""
    return next((item.reason for item in windows if item.covers(name, namespaces, now)), "")


def suppression_of(
    suppressions: Sequence[Suppression], check_id: str, subject: str, members: Sequence[str], now: datetime
) -> str:
    """Return why nobody is told of a cause, empty where somebody is: one target that is not covered is enough."""
    for item in suppressions:
        if item.covers(check_id, subject, now) and all(_any(item.hosts, (name,)) for name in members):
            return item.reason
    return ""


def _any(patterns: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether some name matches some pattern; no pattern is no restriction."""
    if not patterns:
        return True
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in names for pattern in patterns)
