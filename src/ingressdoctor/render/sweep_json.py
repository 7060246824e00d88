"""Write a sweep as JSON, schema ``ingressdoctor.sweep/v1`` (sweep_v1.py). Strings are data: JSON escapes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingressdoctor.model.sweep import Incident, Outcome, SweepReport, SweptCause, Transition
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.sweep_v1 import (
    CountsV1,
    IncidentV1,
    OutcomeV1,
    SweepV1,
    SweptCauseV1,
    SweptWarningV1,
    TransitionV1,
)
from ingressdoctor.render.sweep_words import headline, in_order

__all__ = ["outcome_fields", "summary_fields", "sweep_to_json"]


def sweep_to_json(report: SweepReport, *, exit_code: int) -> str:
    """Return the sweep as one JSON object, ending with a line break."""
    outcomes = tuple(OutcomeV1(**outcome_fields(item)) for item in report.outcomes)
    return encode(SweepV1(outcomes=outcomes, **summary_fields(report, exit_code)))


def summary_fields(report: SweepReport, exit_code: int) -> dict[str, Any]:
    """Return the fields of ``SummaryV1``."""
    counts = report.counts
    return {
        "version": report.version,
        "started": stamp(report.started),
        "elapsed_s": round(report.elapsed_s, 4),
        "exit_code": exit_code,
        "headline": headline(report),
        "interrupted": report.interrupted,
        "vantage": report.vantage,
        "offline": report.offline,
        "counts": CountsV1(
            total=counts.total,
            healthy=counts.healthy,
            degraded=counts.degraded,
            broken=counts.broken,
            unknown=counts.unknown,
            suppressed=counts.suppressed,
        ),
        "incidents": tuple(map(_incident, in_order(report.incidents))),
        "transitions": tuple(map(_transition, report.transitions)),
        "warnings": tuple(SweptWarningV1(cause=_cause(cause), members=names) for cause, names in report.warnings),
        "requests": dict(report.requests),
        "skipped": report.skipped,
    }


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Return the fields of ``OutcomeV1``."""
    return {
        "name": outcome.name,
        "verdict": outcome.verdict.value,
        "headline": outcome.headline,
        "started": stamp(outcome.started),
        "elapsed_s": round(outcome.elapsed_s, 4),
        "walk": outcome.walk,
        "causes": tuple(map(_cause, outcome.causes)),
        "warnings": tuple(map(_cause, outcome.warnings)),
        "symptoms": tuple(map(str, outcome.symptoms)),
        "verified": outcome.verified,
        "links": outcome.links,
        "unseen": outcome.unseen,
        "facts": dict(outcome.facts),
        "vantage": outcome.vantage,
        "error": outcome.error,
        "suppressed": outcome.suppressed,
    }


def stamp(moment: datetime) -> str:
    """Return a moment in UTC as RFC 3339 writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _cause(cause: SweptCause) -> SweptCauseV1:
    return SweptCauseV1(
        key=cause.key,
        check=cause.check_id,
        subject=cause.subject,
        summary=cause.summary,
        hop=cause.hop,
        remedy=cause.remedy,
        command=cause.command,
    )


def _incident(incident: Incident) -> IncidentV1:
    return IncidentV1(
        id=incident.id,
        state=incident.state.value,
        active=incident.active,
        cause=_cause(incident.cause),
        members=incident.members,
        symptoms=tuple(map(str, incident.symptoms)),
        first_seen=stamp(incident.first_seen),
        last_seen=stamp(incident.last_seen),
        opened=None if incident.opened is None else stamp(incident.opened),
        closed=None if incident.closed is None else stamp(incident.closed),
        failing=incident.failing,
        well=incident.well,
        flips=len(incident.flips),
        suppressed=incident.suppressed,
    )


def _transition(transition: Transition) -> TransitionV1:
    return TransitionV1(
        incident=transition.incident.id,
        was=None if transition.was is None else transition.was.value,
        now=transition.incident.state.value,
        joined=transition.joined,
        left=transition.left,
    )
