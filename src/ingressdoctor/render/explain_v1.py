"""What lines of logs mean, as values and as JSON. Loads nothing that draws."""

from __future__ import annotations

from typing import Literal

import msgspec

from ingressdoctor.knowledge.tally import Known, Tally
from ingressdoctor.render.json_v1 import encode

__all__ = ["ExplainV1", "MeaningV1", "explain_to_json", "explanation"]


class MeaningV1(msgspec.Struct, frozen=True, kw_only=True):
    """One meaning; ``harmless`` is true where it is no fault by itself, ``line`` is the first line of it."""

    id: str
    component: str
    step: str
    cause: str
    remedy: str
    detail: str
    harmless: bool
    checks: tuple[str, ...]
    versions: str
    source: str
    count: int
    first_line: int
    last_line: int
    line: str


class ExplainV1(msgspec.Struct, frozen=True, kw_only=True):
    """What lines mean; ``unknown`` counts those that look like trouble and are not known."""

    schema: Literal["ingressdoctor.explain/v1"] = "ingressdoctor.explain/v1"
    exit_code: int
    interrupted: bool
    lines: int
    recognised: int
    unknown: int
    meanings: tuple[MeaningV1, ...]
    unknown_lines: tuple[str, ...]


def explanation(tally: Tally, *, exit_code: int, interrupted: bool = False) -> ExplainV1:
    """Return what was counted as a view."""
    return ExplainV1(
        exit_code=exit_code,
        interrupted=interrupted,
        lines=tally.lines,
        recognised=tally.recognised,
        unknown=tally.unknown,
        meanings=tuple(map(_meaning, tally.known())),
        unknown_lines=tuple(tally.examples),
    )


def _meaning(item: Known) -> MeaningV1:
    known = item.signature
    return MeaningV1(
        id=known.id,
        component=known.component,
        step=known.step,
        cause=known.cause,
        remedy=known.remedy,
        detail=known.detail,
        harmless=known.harmless,
        checks=known.checks,
        versions=known.versions,
        source=known.source,
        count=item.count,
        first_line=item.first,
        last_line=item.last,
        line=item.line,
    )


def explain_to_json(view: ExplainV1) -> str:
    """Return the view as one JSON object."""
    return encode(view)
