"""Say a diagnosis in one sentence. Pure, and free of content."""

from __future__ import annotations

from collections.abc import Sequence

from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import CheckResult, Diagnosis, Verdict

__all__ = ["headline_of"]


def headline_of(diagnosis: Diagnosis, host: str, results: Sequence[CheckResult], left_out: int) -> str:
    """Return the sentence; *left_out* is how many checks of the walk were not selected."""
    part = f" in the part that was asked for ({len(results)} of {len(results) + left_out} checks)" if left_out else ""
    match diagnosis.verdict:
        case Verdict.HEALTHY:
            return f"{host}: no failure{part}." if part else f"{host} is healthy."
        case Verdict.DEGRADED:
            first, count = diagnosis.warnings[0].finding.summary, len(diagnosis.warnings)
            warned = f"{count} warning{'s' if count != 1 else ''}"
            return f"{host}: {warned}{part}: {first}" if part else f"{host} works, with {warned}: {first}"
        case Verdict.UNKNOWN:
            if diagnosis.causes:
                return f"{host}: could not tell. {diagnosis.causes[0].finding.summary}"
            return f"{host}: could not tell. No failure was seen, but links that matter could not be looked at."
        case Verdict.BROKEN:
            return _broken_headline(diagnosis, host, results)


def _broken_headline(diagnosis: Diagnosis, host: str, results: Sequence[CheckResult]) -> str:
    if diagnosis.causes:
        cause = diagnosis.causes[0]
        if any(symptom.is_ours for symptom in cause.explains):
            return f"{host} could not be looked at from here: {cause.finding.summary}"
        answers = bool(diagnosis.symptoms) and all(symptom.answers for symptom in diagnosis.symptoms)
        how = "answers, but something is broken" if diagnosis.latent or answers else "is down"
        if not diagnosis.latent and not diagnosis.symptoms:
            how = "is broken"  # nobody saw what a visitor gets
        return f"{host} {how} at {cause.step.hop}: {cause.finding.summary}"
    seen = next((f.summary for r in results for f in r.findings if f.symptom and f.status is Status.FAIL), "it fails")
    return f"{host} is down, and nothing that was looked at explains it: {seen}"
