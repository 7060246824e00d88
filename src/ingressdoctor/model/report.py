"""One value that every renderer draws: what was asked, what was seen, what it means."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ingressdoctor.model.check import Check
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Finding, Status
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.target import Target
from ingressdoctor.model.timeline import Timeline
from ingressdoctor.model.walk import Step, Walk

__all__ = [
    "Cause",
    "CheckResult",
    "Coverage",
    "Diagnosis",
    "Report",
    "SourceCall",
    "StepReport",
    "Timings",
    "Verdict",
    "result_of",
]


class Verdict(StrEnum):
    """The whole report in one word."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    BROKEN = "broken"
    UNKNOWN = "unknown"


def _severity(status: Status) -> int:
    return status.severity


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one check said, never empty.

    ``status`` is the worst among the findings (``result_of`` works it out); ``missing`` is the evidence that stood in
    the way; ``error`` is the text of a bug in the check itself.
    """

    check: Check
    findings: tuple[Finding, ...]
    status: Status
    missing: Unavailable | None = None
    error: str = ""
    elapsed_s: float = 0.0


def result_of(
    check: Check, findings: tuple[Finding, ...], *, missing: Unavailable | None = None, error: str = ""
) -> CheckResult:
    """Put together what one check said; its status is the worst among the findings."""
    worst = findings[0].status if len(findings) == 1 else max((item.status for item in findings), key=_severity)
    return CheckResult(check=check, findings=findings, status=worst, missing=missing, error=error)


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the walk with the results of its checks, in check order."""

    step: Step
    results: tuple[CheckResult, ...]
    elapsed_s: float = 0.0

    @property
    def status(self) -> Status:
        """The worst status among the checks; ``SKIP`` when nothing applied."""
        return max((result.status for result in self.results), key=_severity, default=Status.SKIP)


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A failing finding with no failing ancestor, and what it explains.

    ``explains`` are the symptoms observed that it reaches over the ``causes`` graph; ``brings_about`` the ids of
    failing checks that it accounts for. ``observed`` tells whether there was a symptom to explain at all.
    """

    check_id: str
    step: Step
    finding: Finding
    explains: tuple[Symptom, ...] = ()
    brings_about: tuple[str, ...] = ()


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Root causes, best first, and what they leave open.

    ``latent`` are causes found although the target answered well from outside; ``next_steps`` is what to try
    when a symptom stays unexplained; ``confirmed`` says that the answer which the first cause predicts is the one
    that came, empty where nothing predicts it.
    """

    verdict: Verdict
    headline: str
    causes: tuple[Cause, ...] = ()
    beside: tuple[Cause, ...] = ()
    warnings: tuple[Cause, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    unexplained: tuple[Symptom, ...] = ()
    latent: bool = False
    confirmed: str = ""
    healthy_hops: tuple[str, ...] = ()
    unseen_hops: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many links of the path were verified, out of how many, and which were not."""

    verified: int
    total: int
    unverified: tuple[str, ...] = ()


class SourceCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call to an outside system: which, for what, from when to when (seconds since the run began)."""

    source: str
    what: str
    started_s: float
    elapsed_s: float
    outcome: str = "ok"


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time went: the whole run, and the longest chain of calls that waited for each other."""

    total_s: float = 0.0
    calls: tuple[SourceCall, ...] = ()
    longest_chain: tuple[SourceCall, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one run on one target.

    ``timeline`` is what changed lately on its path; it is looked at only where something failed.
    """

    target: Target
    walk: Walk | None
    ground: str
    steps: tuple[StepReport, ...]
    diagnosis: Diagnosis
    coverage: Coverage
    timings: Timings
    started: str = ""
    version: str = ""
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    interrupted: bool = False
    suggestions: tuple[str, ...] = ()
    timeline: Timeline = Timeline()

    def exit_code(self, *, strict: bool = False) -> int:
        """0 healthy · 1 broken · 3 could not tell; with *strict* warnings count as broken."""
        match self.diagnosis.verdict:
            case Verdict.BROKEN:
                return 1
            case Verdict.UNKNOWN:
                return 3
            case Verdict.DEGRADED:
                return 1 if strict else 0
            case Verdict.HEALTHY:
                return 0
