"""What lines of logs mean, as text and as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from ingressdoctor.knowledge.signatures import titles
from ingressdoctor.knowledge.tally import Known, Tally
from ingressdoctor.model.finding import Status
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of

__all__ = ["ExplainV1", "MeaningV1", "explain_to_json", "explain_to_terminal", "explanation"]


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


def explain_to_terminal(view: ExplainV1, page: Page) -> str:
    """Return one paragraph per meaning, then what is not known."""
    sheet = Sheet(page)
    names = titles()
    for item in view.meanings:
        _tell(sheet, item, names[item.component], page)
    for line in view.unknown_lines:
        sheet.hang(
            (f"{glyph_of(Status.UNKNOWN, page)} not known: ", colour_of(Status.UNKNOWN)), (safe(line), ""), rest="  "
        )
    if view.unknown > len(view.unknown_lines):
        sheet.say((f"  and {view.unknown - len(view.unknown_lines)} more that look like trouble", "dim"))
    if view.unknown_lines or view.unknown:
        sheet.blank()
    many = "line" if view.lines == 1 else "lines"
    sheet.say((f"{view.lines} {many} read, {view.recognised} recognised, {view.unknown} unknown complaints.", "bold"))
    if view.interrupted:
        sheet.say(("Interrupted: what came after is not counted.", colour_of(Status.UNKNOWN)))
    return sheet.text()


def _tell(sheet: Sheet, item: MeaningV1, name: str, page: Page) -> None:
    status = Status.SKIP if item.harmless else Status.FAIL
    sheet.hang(
        (f"{glyph_of(status, page)} ", colour_of(status)),
        (f"{name}: {item.cause}", "bold"),
        (f"  {item.id}", "dim"),
        rest="  ",
    )
    times = (
        f"{item.count} lines, {item.first_line} to {item.last_line}" if item.count > 1 else f"line {item.first_line}"
    )
    sheet.hang((f"{times}: {safe(item.line)}", "dim"), first="  ", rest="    ")
    if item.detail:
        sheet.hang((item.detail, ""), first="  ", rest="  ")
    sheet.hang(("What to do: ", "bold"), (item.remedy, ""), first="  ", rest="    ")
    if item.checks:
        sheet.hang(("Checks: ", "dim"), (", ".join(item.checks), "dim"), first="  ", rest="    ")
    sheet.blank()
