"""The summary of a sweep for a terminal: what is broken first, then what to type, then what is not known.

Pure: values in, text out. A value from outside is one line on a page, never markup and never a control character.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ingressdoctor.model.finding import Status
from ingressdoctor.model.sweep import Incident, IncidentState, SweepReport
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of, status_of
from ingressdoctor.render.sweep_words import (
    about,
    blamed,
    gaps_of,
    headline,
    hostnames,
    in_order,
    members_of,
    standing,
    status_of_sweep,
    tally,
    warned,
)

__all__ = ["sweep_to_terminal"]

T = TypeVar("T")

_MAX_INCIDENTS = 10
_MAX_FOLDED = 3


def sweep_to_terminal(report: SweepReport, page: Page) -> str:
    """Return the summary as lines for *page*, ending with a line break."""
    sheet = Sheet(page)
    status = status_of_sweep(report)
    sheet.say((f"{glyph_of(status, page)} {headline(report)}", colour_of(status)), indent=2)
    incidents = in_order(report.incidents)
    shown = incidents if page.verbose else incidents[:_MAX_INCIDENTS]
    for incident in shown:
        _add_incident(sheet, incident, report)
    if len(shown) < len(incidents):
        sheet.say((f"  {len(incidents) - len(shown)} more incidents with -v", "dim"))
    _add_warnings(sheet, report)
    _add_gaps(sheet, report)
    _add_skipped(sheet, report)
    if page.verbose:
        _add_targets(sheet, report)
    _add_counts(sheet, report)
    return sheet.text()


def _look_of(incident: Incident, report: SweepReport) -> Status:
    if incident.state is IncidentState.CLOSED:
        return Status.PASS
    if report.blind:
        return Status.UNKNOWN
    return Status.SKIP if incident.suppressed else Status.FAIL if incident.active else Status.WARN


def _add_incident(sheet: Sheet, incident: Incident, report: SweepReport) -> None:
    look, cause = _look_of(incident, report), incident.cause
    sheet.blank()
    sheet.row(
        (f"{glyph_of(look, sheet.page)} ", colour_of(look)),
        (blamed(cause), "bold"),
        right=(hostnames(len(incident.members)), ""),
    )
    sheet.say((f"  {about(cause)}", ""), indent=4)
    sheet.say((f"  {members_of(incident.members, verbose=sheet.page.verbose)}", ""), indent=4)
    sheet.say((f"  {standing(incident, report)}", "dim"), indent=4)
    if incident.suppressed:
        sheet.say((f"  nobody is told: {safe(incident.suppressed)}", "dim"), indent=4)
    if incident.state is IncidentState.CLOSED:
        return
    if cause.remedy:
        sheet.say(("  Type next: " if cause.command else "  Do next: ", "bold"), (safe(cause.remedy), ""), indent=4)
    if cause.command:
        sheet.command(cause.command, indent=4)


def _add_warnings(sheet: Sheet, report: SweepReport) -> None:
    ranked = sorted(report.warnings, key=lambda pair: (-len(pair[1]), pair[0].key))
    if ranked:
        sheet.blank()
    for cause, members in _some(sheet, ranked):
        sign = f"{glyph_of(Status.WARN, sheet.page)} {warned(cause)}"
        sheet.say((sign, colour_of(Status.WARN)), (f" {_concerned(sheet, members)}", "dim"), indent=4)
    _add_hidden(sheet, len(ranked), "warning")


def _concerned(sheet: Sheet, members: Sequence[str]) -> str:
    if sheet.page.verbose or len(members) == 1:
        return f"({members_of(members, verbose=True)})"
    return f"({hostnames(len(members))}: {members_of(members)})"


def _add_gaps(sheet: Sheet, report: SweepReport) -> None:
    gaps = gaps_of(report.outcomes)
    if gaps:
        sheet.blank()
    for gap in _some(sheet, gaps):
        sign = f"{glyph_of(Status.UNKNOWN, sheet.page)} not judged: {gap.reason}"
        sheet.say((sign, colour_of(Status.UNKNOWN)), (f" {_concerned(sheet, gap.members)}", "dim"), indent=4)
    _add_hidden(sheet, len(gaps), "reason")


def _add_skipped(sheet: Sheet, report: SweepReport) -> None:
    if report.skipped:
        sheet.blank()
    for line in _some(sheet, report.skipped):
        sheet.say((f"{glyph_of(Status.SKIP, sheet.page)} left out: {safe(line)}", "dim"), indent=4)
    _add_hidden(sheet, len(report.skipped), "left out", plural="left out")


def _some(sheet: Sheet, items: Sequence[T]) -> Sequence[T]:
    return items if sheet.page.verbose else items[:_MAX_FOLDED]


def _add_hidden(sheet: Sheet, count: int, noun: str, *, plural: str = "") -> None:
    hidden = 0 if sheet.page.verbose else count - _MAX_FOLDED
    if hidden > 0:
        sheet.say((f"  {hidden} more {noun if hidden == 1 else plural or f'{noun}s'} with -v", "dim"))


def _add_targets(sheet: Sheet, report: SweepReport) -> None:
    """Add one line a target, where somebody wants to see them all."""
    if report.outcomes:
        sheet.blank()
    for outcome in report.outcomes:
        status, name, told = status_of(outcome.verdict), safe(outcome.name), safe(outcome.error or outcome.headline)
        sheet.row(
            (f"{glyph_of(status, sheet.page)} ", colour_of(status)),
            (name if told.startswith(name) else f"{name}  ", "bold"),
            (told.removeprefix(name), ""),
            (f" (excused: {safe(outcome.suppressed)})" if outcome.suppressed else "", "dim"),
            right=(f"{outcome.elapsed_s:.2f} s", "dim"),
        )


def _add_counts(sheet: Sheet, report: SweepReport) -> None:
    sheet.blank()
    if report.interrupted:
        sheet.say(("interrupted: this is only what was known until then", "bold magenta"), indent=2)
    sheet.say((tally(report), ""), indent=2)
    if sheet.page.verbose and report.requests:
        asked = ", ".join(f"{safe(name)} {number}" for name, number in sorted(report.requests.items()))
        sheet.say((f"asked: {asked}", "dim"), indent=2)
