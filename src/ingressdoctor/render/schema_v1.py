"""The shape of schema ``ingressdoctor.report/v1``.

Kept apart from the model on purpose: scripts depend on these keys, and the model may change. Every field is always
written. Within v1 no key disappears or changes its type; an error fills the same keys, so that a reader never has to
ask which object it got.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "CallV1",
    "CauseV1",
    "ChangeV1",
    "CheckV1",
    "CommandV1",
    "CoverageV1",
    "DiagnosisV1",
    "ErrorKind",
    "ErrorOnlyV1",
    "ErrorV1",
    "FactV1",
    "FindingV1",
    "MissingV1",
    "RemedyV1",
    "ReportV1",
    "StepV1",
    "TargetV1",
    "TimingsV1",
    "WalkV1",
    "report_schema",
    "schema_of",
]

Status = Literal["pass", "warn", "fail", "unknown", "skip"]
Verdict = Literal["healthy", "degraded", "broken", "unknown", "error"]
ErrorKind = Literal["usage", "config", "plugin", "lab", "source", "interrupted", "internal"]


class CommandV1(msgspec.Struct, frozen=True, kw_only=True):
    """A command; ``shell`` is ``argv`` quoted for a POSIX shell."""

    argv: tuple[str, ...]
    shell: str
    changing: bool


class RemedyV1(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, and the command that proves recovery; ``manifest`` is YAML for a command that reads it, or empty."""

    text: str
    commands: tuple[CommandV1, ...]
    proof: CommandV1 | None
    manifest: str = ""


class FactV1(msgspec.Struct, frozen=True, kw_only=True):
    """One observed value and where it was seen."""

    name: str
    value: str
    where: str


class FindingV1(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of one check."""

    status: Status
    summary: str
    subject: str
    facts: tuple[FactV1, ...]
    remedy: RemedyV1 | None
    symptom: str | None
    enable_with: str


class MissingV1(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be looked at, why, and what would enable it."""

    wanted: str
    reason: str
    enable_with: str


class CheckV1(msgspec.Struct, frozen=True, kw_only=True):
    """One check with all it said; ``error`` is set when the check itself is broken."""

    id: str
    title: str
    link: str
    status: Status
    elapsed_s: float
    error: str
    missing: MissingV1 | None
    findings: tuple[FindingV1, ...]


class StepV1(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the walk."""

    id: str
    question: str
    hop: str
    docs: str
    status: Status
    elapsed_s: float
    checks: tuple[CheckV1, ...]


class CauseV1(msgspec.Struct, frozen=True, kw_only=True):
    """A root cause (or a failure or warning beside it) and the symptoms and checks that it accounts for."""

    check: str
    step: str
    hop: str
    explains: tuple[str, ...]
    brings_about: tuple[str, ...]
    finding: FindingV1


class DiagnosisV1(msgspec.Struct, frozen=True, kw_only=True):
    """Root causes, best first, and what they leave open."""

    causes: tuple[CauseV1, ...] = ()
    beside: tuple[CauseV1, ...] = ()
    warnings: tuple[CauseV1, ...] = ()
    symptoms: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    latent: bool = False
    confirmed: str = ""
    healthy_hops: tuple[str, ...] = ()
    unseen_hops: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


class TargetV1(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked about."""

    url: str
    hostname: str
    scheme: str
    port: int
    path: str
    protocol: str
    client_ip: str


class WalkV1(msgspec.Struct, frozen=True, kw_only=True):
    """The walk taken."""

    id: str
    title: str


class CoverageV1(msgspec.Struct, frozen=True, kw_only=True):
    """How many links of the path were verified, and which were not."""

    verified: int = 0
    total: int = 0
    unverified: tuple[str, ...] = ()


class CallV1(msgspec.Struct, frozen=True, kw_only=True):
    """One call to an outside system; times in seconds since the run began."""

    source: str
    what: str
    started_s: float
    elapsed_s: float
    outcome: str


class TimingsV1(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time went, in seconds."""

    total_s: float = 0.0
    calls: tuple[CallV1, ...] = ()
    longest_chain: tuple[CallV1, ...] = ()


class ChangeV1(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened on the path in the last day; ``at`` is RFC 3339 in UTC."""

    at: str
    what: str
    object: str
    by: str
    detail: str


class ErrorV1(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no report."""

    kind: ErrorKind
    message: str
    hint: str


class ReportV1(msgspec.Struct, frozen=True, kw_only=True):
    """One diagnosis, or the error in its place.

    ``exit_code`` is that of the process; ``ground`` says why this walk was taken, or why none. ``changes`` are looked
    for only where something failed.
    """

    schema: Literal["ingressdoctor.report/v1"] = "ingressdoctor.report/v1"
    version: str
    started: str = ""
    verdict: Verdict
    exit_code: int
    headline: str
    interrupted: bool = False
    target: TargetV1 | None = None
    walk: WalkV1 | None = None
    ground: str = ""
    diagnosis: DiagnosisV1 = DiagnosisV1()
    steps: tuple[StepV1, ...] = ()
    coverage: CoverageV1 = CoverageV1()
    timings: TimingsV1 = TimingsV1()
    environment: dict[str, str] = {}
    suggestions: tuple[str, ...] = ()
    changes: tuple[ChangeV1, ...] = ()
    changes_unread: tuple[MissingV1, ...] = ()
    broke_at: str = ""
    error: ErrorV1 | None = None


class ErrorOnlyV1(msgspec.Struct, frozen=True, kw_only=True):
    """What commands without a report write in place of their result."""

    schema: Literal["ingressdoctor.error/v1"] = "ingressdoctor.error/v1"
    exit_code: int
    error: ErrorV1


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``ingressdoctor.report/v1``."""
    return schema_of(ReportV1, "ingressdoctor.report/v1")


def schema_of(struct: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """Return a struct's JSON Schema, in which every key is required, as every key is always written."""
    schema = msgspec.json.schema(struct)
    for definition in schema.get("$defs", {}).values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}
