"""Many targets judged in one go, and what is remembered of each: values only, no I/O, no clock.

A report is reduced to an ``Outcome`` as soon as it is there, so that a sweep's memory does not grow with what each
report holds. Targets that share a root cause are members of one ``Incident``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.target import Target

__all__ = [
    "Counts",
    "Incident",
    "IncidentState",
    "Outcome",
    "SweepReport",
    "SweepTarget",
    "SweptCause",
    "Transition",
]


class SweepTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to judge in a sweep, and where it came from.

    ``name`` is how it is called in history and incidents: the hostname, or the URL where it is not plain https.
    ``sources`` say what names it ("Ingress shop/web", "hosts.txt line 3"); ``namespaces`` are of those objects;
    ``only_record`` tells that nothing but a DNS record does.
    """

    name: str
    target: Target
    sources: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    only_record: bool = False


class SweptCause(msgspec.Struct, frozen=True, kw_only=True):
    """One root cause (or warning) of one target, reduced to what incidents and notifications need.

    ``key`` is what two targets share when they share a cause: check id and subject, as a rule. ``command`` is what to
    type next.
    ``vantage`` tells that it speaks of the place we look from and not of the target. ``root`` is what is at fault where
    causes of other checks or subjects share it; it is then the key.
    """

    check_id: str
    subject: str
    summary: str
    hop: str
    remedy: str = ""
    command: str = ""
    vantage: bool = False
    root: str = ""

    @property
    def key(self) -> str:
        """What two targets share when they share this cause."""
        return self.root or self.named

    @property
    def named(self) -> str:
        """Check id and subject, as one text."""
        return f"{self.check_id} {self.subject}".rstrip()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one sweep found about one target.

    ``causes`` are root causes, best first; ``unseen`` why links were not looked at, without repetition; ``facts`` map
    "check id/fact name" to what was seen, so that a failing run can be compared with the last one that was well.
    ``error`` is set where the target could not be judged at all; the verdict is then unknown. ``suppressed`` is why it
    does not count now (a maintenance window, an excuse of the configuration), whatever its verdict.
    """

    name: str
    verdict: Verdict
    headline: str
    started: datetime
    elapsed_s: float
    walk: str = ""
    causes: tuple[SweptCause, ...] = ()
    warnings: tuple[SweptCause, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    verified: int = 0
    links: int = 0
    unseen: tuple[str, ...] = ()
    facts: Mapping[str, str] = msgspec.field(default_factory=dict)
    vantage: str = ""
    error: str = ""
    suppressed: str = ""

    @property
    def broken(self) -> bool:
        """Whether it was seen broken, by a cause of its own rather than of the place we look from."""
        return self.verdict is Verdict.BROKEN


class IncidentState(StrEnum):
    """Where an incident stands. ``pending`` and ``recovering`` wait for the threshold; ``flapping`` comes and goes."""

    PENDING = "pending"
    OPEN = "open"
    RECOVERING = "recovering"
    FLAPPING = "flapping"
    CLOSED = "closed"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One root cause and everything that it breaks, over as many sweeps as it lasts.

    ``id`` is stable over its life and new when the cause comes back later; ``key`` is the cause's. ``members`` are
    names of targets, sorted; ``failing`` and ``well`` count the sweeps in a row that saw it and did not see it;
    ``flips`` are the moments at which it came or went. ``suppressed`` is the reason why nobody is told, if so.
    """

    id: str
    key: str
    cause: SweptCause
    state: IncidentState
    members: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    symptoms: tuple[Symptom, ...] = ()
    opened: datetime | None = None
    closed: datetime | None = None
    failing: int = 0
    well: int = 0
    flips: tuple[datetime, ...] = ()
    suppressed: str = ""

    @property
    def active(self) -> bool:
        """Whether it counts as broken now."""
        return self.state in {IncidentState.OPEN, IncidentState.RECOVERING, IncidentState.FLAPPING}


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that changed its state in this sweep; ``was`` is None for one that is new."""

    incident: Incident
    was: IncidentState | None = None
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many targets ended how. ``suppressed`` of them are in maintenance or excused, whatever their verdict."""

    healthy: int = 0
    degraded: int = 0
    broken: int = 0
    unknown: int = 0
    suppressed: int = 0

    @property
    def total(self) -> int:
        """All targets judged."""
        return self.healthy + self.degraded + self.broken + self.unknown


class SweepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One whole sweep, after its last target: what every renderer draws at the end.

    ``warnings`` are causes of warnings with the targets they concern; ``offline`` says why nothing could be seen from
    here, empty otherwise; ``requests`` count calls per source; ``skipped`` are targets, lines or kinds that were left
    out, each with its reason. ``outcomes`` hold the targets that are not healthy (all with ``--verbose``).
    """

    started: datetime
    elapsed_s: float
    counts: Counts
    incidents: tuple[Incident, ...] = ()
    transitions: tuple[Transition, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    warnings: tuple[tuple[SweptCause, tuple[str, ...]], ...] = ()
    offline: str = ""
    requests: Mapping[str, int] = msgspec.field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    vantage: str = ""
    version: str = ""
    interrupted: bool = False

    @property
    def blind(self) -> bool:
        """Whether it learnt nothing: offline, or stopped before its first target. Its incidents are remembered ones."""
        return bool(self.offline) or (self.interrupted and not self.counts.total)

    def exit_code(self, *, strict: bool = False) -> int:
        """0 all healthy · 1 something is broken, *strict*: or warns · 3 could not tell, or nothing was to judge."""
        if self.blind:
            return 3
        active = any(item.active and not item.suppressed for item in self.incidents)
        if active or (self.counts.broken and not self.incidents):
            return 1
        # No target at all: a mistyped pattern must not look healthy to whoever reads codes only.
        if self.interrupted or self.counts.unknown or not self.counts.total:
            return 3
        return 1 if strict and self.counts.degraded else 0
