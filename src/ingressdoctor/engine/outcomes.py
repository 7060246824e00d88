"""Reduce what a run found about one target to what a sweep keeps of it. Pure, and free of content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from ingressdoctor.engine.choose import Choice
from ingressdoctor.engine.diagnosis import coverage_of, explain
from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Cause, CheckResult, Verdict
from ingressdoctor.model.sweep import Outcome, SweepTarget, SweptCause

__all__ = ["outcome_of", "unjudged"]

_MOST_CAUSES: Final = 8
_MOST_FACTS: Final = 200
_LONGEST: Final = 300
_FACTS_OF: Final = frozenset({Status.PASS, Status.WARN, Status.FAIL})


def outcome_of(
    *,
    causes: Mapping[str, tuple[str, ...]],
    asked: SweepTarget,
    choice: Choice,
    results: Sequence[CheckResult],
    started: datetime,
    elapsed_s: float,
) -> Outcome:
    """Diagnose the results of one target and keep the causes, the symptoms, and the facts.

    ``causes`` are the ids of the walk's checks with the ids that they bring about.
    """
    walk = choice.walk
    if walk is None:
        searched = ", ".join(choice.searched)
        return Outcome(
            name=asked.name,
            verdict=Verdict.BROKEN,
            headline=f"{asked.target.hostname} is not known anywhere that was searched.",
            started=started,
            elapsed_s=elapsed_s,
            causes=(
                SweptCause(
                    check_id="target.unknown",
                    subject=asked.name,
                    summary=f"Nothing names {asked.target.hostname}; searched: {searched}.",
                    hop="the list of targets",
                    remedy="Correct the name or take it off the list.",
                ),
            ),
        )
    diagnosis = explain(asked.target.hostname, walk, results, causes)
    said = [item for item in results if item.status is not Status.SKIP]
    coverage = coverage_of(said)
    told = diagnosis.causes or diagnosis.beside or diagnosis.warnings
    vantage = {item.check.id for item in results if item.check.vantage} if told else set()
    return Outcome(
        name=asked.name,
        verdict=diagnosis.verdict,
        headline=diagnosis.headline,
        started=started,
        elapsed_s=elapsed_s,
        walk=walk.id,
        causes=tuple(_swept(item, vantage) for item in (*diagnosis.causes, *diagnosis.beside)[:_MOST_CAUSES]),
        warnings=tuple(_swept(item, vantage) for item in diagnosis.warnings[:_MOST_CAUSES]),
        symptoms=diagnosis.symptoms,
        verified=coverage.verified,
        links=coverage.total,
        unseen=tuple(dict.fromkeys(_gaps(said))) if coverage.unverified else (),
        facts=_facts(said),
    )


def unjudged(asked: SweepTarget, why: str, started: datetime, elapsed_s: float = 0.0) -> Outcome:
    """Say that a target could not be judged at all."""
    return Outcome(
        name=asked.name,
        verdict=Verdict.UNKNOWN,
        headline=f"{asked.target.hostname}: could not tell. {why}",
        started=started,
        elapsed_s=elapsed_s,
        error=why,
    )


def _swept(cause: Cause, vantage: set[str]) -> SweptCause:
    remedy = cause.finding.remedy
    commands = remedy.commands if remedy else ()
    return SweptCause(
        check_id=cause.check_id,
        subject=cause.finding.subject,
        summary=cause.finding.summary,
        hop=cause.step.hop,
        remedy=remedy.text if remedy else "",
        command=commands[0].shell() if commands else "",
        vantage=cause.check_id in vantage,
        root=cause.finding.root,
    )


def _gaps(results: Sequence[CheckResult]) -> Iterator[str]:
    for result in results:
        if result.status is Status.UNKNOWN:
            if result.missing is not None:
                yield f"{result.missing.wanted}: {result.missing.reason}"
            else:
                yield from (item.summary for item in result.findings if item.status is Status.UNKNOWN)


def _facts(results: Sequence[CheckResult]) -> dict[str, str]:
    facts: dict[str, str] = {}
    left = _MOST_FACTS
    for result in results:
        for finding in result.findings:
            if finding.facts and finding.status in _FACTS_OF:
                for fact in finding.facts[:left]:
                    facts[f"{result.check.id}/{fact.name}"] = fact.value[:_LONGEST]
                    left -= 1
    return facts
