"""The shapes of ``ingressdoctor.sweep/v1``: one object for a whole sweep, and the lines of JSON Lines.

Kept apart from the model on purpose, as schema_v1.py is: scripts depend on these keys, and the model may change. Every
field is always written; within v1 no key disappears or changes its type.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ingressdoctor.render.schema_v1 import schema_of

__all__ = [
    "CountsV1",
    "IncidentV1",
    "OutcomeLineV1",
    "OutcomeV1",
    "SummaryLineV1",
    "SummaryV1",
    "SweepV1",
    "SweptCauseV1",
    "SweptWarningV1",
    "TransitionV1",
    "line_schema",
    "sweep_schema",
]

Verdict = Literal["healthy", "degraded", "broken", "unknown"]
State = Literal["pending", "open", "recovering", "flapping", "closed"]


class SweptCauseV1(msgspec.Struct, frozen=True, kw_only=True):
    """A root cause; ``key`` is what targets share when they share it, ``command`` what to type next."""

    key: str
    check: str
    subject: str
    summary: str
    hop: str
    remedy: str
    command: str


class OutcomeV1(msgspec.Struct, frozen=True, kw_only=True):
    """What one target came to.

    ``unseen`` says why links were not looked at; ``facts`` what was seen; ``suppressed`` why it does not count now.
    """

    name: str
    verdict: Verdict
    headline: str
    started: str
    elapsed_s: float
    walk: str
    causes: tuple[SweptCauseV1, ...]
    warnings: tuple[SweptCauseV1, ...]
    symptoms: tuple[str, ...]
    verified: int
    links: int
    unseen: tuple[str, ...]
    facts: dict[str, str]
    vantage: str
    error: str
    suppressed: str


class IncidentV1(msgspec.Struct, frozen=True, kw_only=True):
    """One root cause with all targets that it breaks. Times are RFC 3339; ``opened`` and ``closed`` may be null."""

    id: str
    state: State
    active: bool
    cause: SweptCauseV1
    members: tuple[str, ...]
    symptoms: tuple[str, ...]
    first_seen: str
    last_seen: str
    opened: str | None
    closed: str | None
    failing: int
    well: int
    flips: int
    suppressed: str


class TransitionV1(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that changed its state in this sweep; ``was`` is null for a new one."""

    incident: str
    was: State | None
    now: State
    joined: tuple[str, ...]
    left: tuple[str, ...]


class SweptWarningV1(msgspec.Struct, frozen=True, kw_only=True):
    """A warning and the targets that it concerns."""

    cause: SweptCauseV1
    members: tuple[str, ...]


class CountsV1(msgspec.Struct, frozen=True, kw_only=True):
    """How many targets ended how."""

    total: int
    healthy: int
    degraded: int
    broken: int
    unknown: int
    suppressed: int


class SummaryV1(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep comes to, without its single targets. ``offline`` says why nothing could be seen, or is empty."""

    version: str
    started: str
    elapsed_s: float
    exit_code: int
    headline: str
    interrupted: bool
    vantage: str
    offline: str
    counts: CountsV1
    incidents: tuple[IncidentV1, ...]
    transitions: tuple[TransitionV1, ...]
    warnings: tuple[SweptWarningV1, ...]
    requests: dict[str, int]
    skipped: tuple[str, ...]


class SweepV1(SummaryV1, frozen=True, kw_only=True):
    """One whole sweep. ``outcomes`` are the targets that are not healthy; all with ``--verbose``."""

    schema: Literal["ingressdoctor.sweep/v1"] = "ingressdoctor.sweep/v1"
    outcomes: tuple[OutcomeV1, ...]


class OutcomeLineV1(OutcomeV1, frozen=True, kw_only=True, tag_field="type", tag="outcome"):
    """A line of JSON Lines: one target, written as soon as it is judged; its ``type`` is "outcome"."""

    schema: Literal["ingressdoctor.sweep-line/v1"] = "ingressdoctor.sweep-line/v1"


class SummaryLineV1(SummaryV1, frozen=True, kw_only=True, tag_field="type", tag="summary"):
    """The last line of JSON Lines; its ``type`` is "summary"."""

    schema: Literal["ingressdoctor.sweep-line/v1"] = "ingressdoctor.sweep-line/v1"


def sweep_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``ingressdoctor.sweep/v1``."""
    return schema_of(SweepV1, "ingressdoctor.sweep/v1")


def line_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line: either of the two, told apart by ``type``."""
    title = "ingressdoctor.sweep-line/v1"
    outcome, summary = schema_of(OutcomeLineV1, title), schema_of(SummaryLineV1, title)
    return {
        "$schema": outcome["$schema"],
        "title": title,
        "oneOf": [{"$ref": outcome["$ref"]}, {"$ref": summary["$ref"]}],
        "$defs": {**outcome["$defs"], **summary["$defs"]},
    }
