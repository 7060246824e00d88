"""What lines of logs mean, as text."""

from __future__ import annotations

from ingressdoctor.knowledge.signatures import titles
from ingressdoctor.model.finding import Status
from ingressdoctor.render.explain_v1 import ExplainV1, MeaningV1
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of

__all__ = ["explain_to_terminal"]


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
