"""The last day, as every timeline counts it: which times lie in it, and how they are written. Pure.

Times of objects may be missing, mistyped or in the future: what is no time of the last day is no change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from ingressdoctor.evidence.clock import Clock, parse_time
from ingressdoctor.model.text import clean
from ingressdoctor.model.timeline import Change

__all__ = ["Day", "change", "shown"]

_LENGTH: Final = timedelta(hours=24)
_SKEW: Final = timedelta(minutes=5)  # clocks of two machines that are both kept in time differ by less
_TEXT: Final = 300
_NAME: Final = 200


class Day(msgspec.Struct, frozen=True):
    """The 24 hours before *now*."""

    now: datetime

    @classmethod
    def of(cls, clock: Clock) -> Day:
        """Return the day that ends with the run's time."""
        return cls(clock.now)

    def at(self, text: object) -> str:
        """Return an RFC 3339 time of this day in UTC, to the second; empty when *text* is none.

        A few minutes in the future are a clock that is ahead, and count as now; more is no time to be trusted.
        """
        moment = parse_time(text) if isinstance(text, str) else None
        if moment is None or not self.now - _LENGTH <= moment <= self.now + _SKEW:
            return ""
        return min(moment, self.now).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def change(at: str, what: str, ref: str, *, by: str = "", detail: str = "") -> Change:
    """Make a change of texts from outside, each made harmless and short."""
    return Change(at=at, what=shown(what, 60), object=shown(ref), by=shown(by, 80), detail=shown(detail.strip(), _TEXT))


def shown(text: str, limit: int = _NAME) -> str:
    """Return a text from outside as one harmless line."""
    return clean(" ".join(text[: 4 * limit].split()), limit)
