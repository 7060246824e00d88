"""Write a report as JSON, schema ``ingressdoctor.report/v1`` (schema_v1.py).

Strings from outside are data here: they are escaped by JSON and nothing else.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Command, Finding, Remedy
from ingressdoctor.model.report import Cause, CheckResult, Report, SourceCall, StepReport
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.timeline import Change
from ingressdoctor.render.schema_v1 import (
    CallV1,
    CauseV1,
    ChangeV1,
    CheckV1,
    CommandV1,
    CoverageV1,
    DiagnosisV1,
    ErrorOnlyV1,
    ErrorV1,
    FactV1,
    FindingV1,
    MissingV1,
    RemedyV1,
    ReportV1,
    StepV1,
    TargetV1,
    TimingsV1,
    WalkV1,
)

__all__ = ["encode", "error_to_json", "report_to_json"]


def report_to_json(report: Report, *, exit_code: int, compact: bool = False) -> str:
    """Return the report as one JSON object, ending with a line break; *compact* puts it on one line."""
    diagnosis, timings = report.diagnosis, report.timings
    value = ReportV1(
        version=report.version,
        started=report.started,
        verdict=diagnosis.verdict.value,
        exit_code=exit_code,
        headline=diagnosis.headline,
        interrupted=report.interrupted,
        target=_target(report.target),
        walk=None if report.walk is None else WalkV1(id=report.walk.id, title=report.walk.title),
        ground=report.ground,
        diagnosis=DiagnosisV1(
            causes=_causes(diagnosis.causes),
            beside=_causes(diagnosis.beside),
            warnings=_causes(diagnosis.warnings),
            symptoms=tuple(map(str, diagnosis.symptoms)),
            unexplained=tuple(map(str, diagnosis.unexplained)),
            latent=diagnosis.latent,
            confirmed=diagnosis.confirmed,
            healthy_hops=diagnosis.healthy_hops,
            unseen_hops=diagnosis.unseen_hops,
            next_steps=diagnosis.next_steps,
        ),
        steps=tuple(_step(item) for item in report.steps),
        coverage=CoverageV1(
            verified=report.coverage.verified, total=report.coverage.total, unverified=report.coverage.unverified
        ),
        timings=TimingsV1(
            total_s=_seconds(timings.total_s),
            calls=tuple(map(_call, timings.calls)),
            longest_chain=tuple(map(_call, timings.longest_chain)),
        ),
        environment=dict(report.environment),
        suggestions=report.suggestions,
        changes=tuple(map(_change, report.timeline.changes)),
        changes_unread=tuple(filter(None, map(_missing, report.timeline.unread))),
        broke_at=report.timeline.broke_at,
    )
    return encode(value, indent=0 if compact else 2)


def error_to_json(error: ErrorV1, *, version: str, exit_code: int, as_report: bool = True) -> str:
    """Return an error as one JSON object: with every key of a report, or alone for commands that make none."""
    error = ErrorV1(kind=error.kind, message=clean(error.message), hint=clean(error.hint))
    if not as_report:
        return encode(ErrorOnlyV1(exit_code=exit_code, error=error))
    return encode(
        ReportV1(
            version=version,
            verdict="error",
            exit_code=exit_code,
            headline=error.message,
            interrupted=error.kind == "interrupted",
            error=error,
        )
    )


def encode(value: object, *, indent: int = 2) -> str:
    """Return *value* as JSON, ending with a line break; lone surrogates are made visible first."""
    try:
        raw = msgspec.json.encode(value)
    except UnicodeEncodeError:
        raw = msgspec.json.encode(_printable(msgspec.to_builtins(value)))
    return (msgspec.json.format(raw, indent=indent) if indent else raw).decode() + "\n"


def _printable(value: Any) -> Any:  # noqa: ANN401 - plain data of any shape
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list | tuple) else value


def _seconds(value: float) -> float:
    return round(value, 4)


def _target(target: Target) -> TargetV1:
    return TargetV1(
        url=target.url,
        hostname=target.hostname,
        scheme=target.scheme,
        port=target.port,
        path=target.path,
        protocol=str(target.protocol),
        client_ip=target.client_ip,
    )


def _step(item: StepReport) -> StepV1:
    step = item.step
    return StepV1(
        id=step.id,
        question=step.question,
        hop=step.hop,
        docs=step.docs,
        status=item.status.value,
        elapsed_s=_seconds(item.elapsed_s),
        checks=tuple(_check(result) for result in item.results),
    )


def _check(result: CheckResult) -> CheckV1:
    return CheckV1(
        id=result.check.id,
        title=result.check.title,
        link=result.check.link,
        status=result.status.value,
        elapsed_s=_seconds(result.elapsed_s),
        error=result.error,
        missing=_missing(result.missing),
        findings=tuple(_finding(finding) for finding in result.findings),
    )


def _missing(missing: Unavailable | None) -> MissingV1 | None:
    if missing is None:
        return None
    return MissingV1(wanted=missing.wanted, reason=missing.reason, enable_with=missing.enable_with)


def _causes(causes: tuple[Cause, ...]) -> tuple[CauseV1, ...]:
    return tuple(
        CauseV1(
            check=cause.check_id,
            step=cause.step.id,
            hop=cause.step.hop,
            explains=tuple(map(str, cause.explains)),
            brings_about=cause.brings_about,
            finding=_finding(cause.finding),
        )
        for cause in causes
    )


def _finding(finding: Finding) -> FindingV1:
    return FindingV1(
        status=finding.status.value,
        summary=finding.summary,
        subject=finding.subject,
        facts=tuple(FactV1(name=fact.name, value=fact.value, where=fact.where) for fact in finding.facts),
        remedy=_remedy(finding.remedy),
        symptom=None if finding.symptom is None else str(finding.symptom),
        enable_with=finding.enable_with,
    )


def _remedy(remedy: Remedy | None) -> RemedyV1 | None:
    if remedy is None:
        return None
    proof = None if remedy.proof is None else _command(remedy.proof)
    return RemedyV1(
        text=remedy.text, commands=tuple(map(_command, remedy.commands)), proof=proof, manifest=remedy.manifest
    )


def _command(command: Command) -> CommandV1:
    return CommandV1(argv=command.argv, shell=command.shell(), changing=command.changing)


def _change(change: Change) -> ChangeV1:
    return ChangeV1(at=change.at, what=change.what, object=change.object, by=change.by, detail=change.detail)


def _call(call: SourceCall) -> CallV1:
    return CallV1(
        source=call.source,
        what=call.what,
        started_s=_seconds(call.started_s),
        elapsed_s=_seconds(call.elapsed_s),
        outcome=call.outcome,
    )
