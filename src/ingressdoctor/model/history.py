"""What is remembered of targets over many sweeps: spans of the same result, uptime, outages. Values only.

Time is told apart in five kinds and never guessed: up, down, unknown (looked, could not tell), unwatched (nobody
looked), and suppressed (maintenance, excused). Uptime is the share of up in up and down; the other three are shown.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Incident, SweptCause
from ingressdoctor.model.symptom import Symptom

__all__ = [
    "Change",
    "Health",
    "HostHistory",
    "HostSummary",
    "Span",
    "State",
    "SweepRecord",
    "Uptime",
    "health_of",
]

Change = tuple[str, str, str]
"""A fact ("check id/fact name"), what it was, and what it is; empty where it was not seen."""


class Health(StrEnum):
    """A verdict in the one respect that uptime knows."""

    WELL = "well"
    FAILING = "failing"
    UNKNOWN = "unknown"


def health_of(verdict: Verdict) -> Health:
    """Return what a verdict means for uptime: warnings are well."""
    match verdict:
        case Verdict.HEALTHY | Verdict.DEGRADED:
            return Health.WELL
        case Verdict.BROKEN:
            return Health.FAILING
        case Verdict.UNKNOWN:
            return Health.UNKNOWN


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How a target is doing, and since when.

    ``since`` is when the run of equal health began: a look that could not tell does not end a run of failures, and no
    gap in the looks does. ``looks`` count sweeps of that run in a row; ``last_well`` and ``last_failing`` are the last
    moments at which it was seen so, None where it never was.
    """

    name: str
    verdict: Verdict
    since: datetime
    last_seen: datetime
    looks: int
    last_well: datetime | None = None
    last_failing: datetime | None = None
    headline: str = ""
    causes: tuple[SweptCause, ...] = ()
    suppressed: str = ""
    vantage: str = ""

    @property
    def health(self) -> Health:
        """What the verdict means for uptime."""
        return health_of(self.verdict)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive looks with the same result: same verdict, same causes.

    ``ended`` is the last look, not the next result. ``headline`` and ``causes`` are those of the first look;
    ``different`` is what had changed, when a failure began, since the target was last seen well.
    """

    verdict: Verdict
    started: datetime
    ended: datetime
    looks: int
    headline: str = ""
    causes: tuple[SweptCause, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    error: str = ""
    suppressed: str = ""
    vantage: str = ""
    different: tuple[Change, ...] = ()


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """How the seconds of a period divide up."""

    period_s: float
    up_s: float = 0.0
    down_s: float = 0.0
    unknown_s: float = 0.0
    unwatched_s: float = 0.0
    suppressed_s: float = 0.0

    @property
    def share(self) -> float | None:
        """Up among up and down, from 0 to 1; None where neither was seen."""
        seen = self.up_s + self.down_s
        return self.up_s / seen if seen else None

    @property
    def seen_share(self) -> float:
        """How much of the period was seen up or down, from 0 to 1."""
        return (self.up_s + self.down_s) / self.period_s if self.period_s else 0.0


class HostHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything remembered of one target from ``since`` until ``until``.

    ``spans`` are in the order in which they were recorded, which need not be that of the clock. ``period`` is how the
    whole time divides up, ``uptime`` that of the last 24 hours, 7 and 30 days. ``outages`` touch the period;
    ``mean_recovery_s`` is over those that ended in it. ``different`` is what has changed since it was last well, if it
    fails.
    """

    name: str
    since: datetime
    until: datetime
    state: State
    spans: tuple[Span, ...]
    period: Uptime
    uptime: tuple[Uptime, ...]
    incidents: tuple[Incident, ...] = ()
    outages: int = 0
    mean_recovery_s: float | None = None
    different: tuple[Change, ...] = ()


class HostSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One target in a list of all: its state, and its uptime since the moment that was asked for."""

    state: State
    uptime: Uptime
    outages: int = 0
    mean_recovery_s: float | None = None


class SweepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep as it is remembered; ``ended`` is None while it runs or where it was interrupted."""

    id: int
    vantage: str
    started: datetime
    ended: datetime | None
    state: str
    targets: int = 0
    offline: str = ""
