"""A sweep as Markdown, for issues and chat. No value from outside can become a link, a tag or a heading."""

from __future__ import annotations

from ingressdoctor.model.finding import Status
from ingressdoctor.model.sweep import Incident, IncidentState, SweepReport
from ingressdoctor.render.markdown import code, escaped
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import safe_command
from ingressdoctor.render.style import glyph_of, status_of
from ingressdoctor.render.sweep_words import (
    about,
    blamed,
    gaps_of,
    headline,
    in_order,
    members_of,
    standing,
    status_of_sweep,
    tally,
    warned,
)

__all__ = ["sweep_to_markdown"]


def sweep_to_markdown(report: SweepReport, page: Page) -> str:
    """Return the sweep as Markdown; of *page* only ``verbose`` and ``unicode`` count."""
    lines = [f"## {glyph_of(status_of_sweep(report), page)} {escaped(headline(report))}", ""]
    for incident in in_order(report.incidents):
        lines += _incident(incident, report, page)
    lines += _folded(report, page)
    if page.verbose:
        lines += _targets(report, page)
    if report.interrupted:
        lines += ["**Interrupted**: this is only what was known until then.", ""]
    where = f", seen from {escaped(report.vantage)}" if report.vantage else ""
    lines.append(f"{escaped(tally(report))} (ingressdoctor {escaped(report.version)}{where}).")
    return "\n".join(lines).rstrip() + "\n"


def _incident(incident: Incident, report: SweepReport, page: Page) -> list[str]:
    cause, stands = incident.cause, standing(incident, report)
    lines = [
        f"### {escaped(blamed(cause))}",
        "",
        f"{escaped(about(cause))}.",
        "",
        f"- {len(incident.members)} broken: {escaped(members_of(incident.members, verbose=page.verbose))}",
        f"- {stands[0].upper()}{escaped(stands[1:])}",
    ]
    if incident.suppressed:
        lines.append(f"- Nobody is told: {escaped(incident.suppressed)}")
    if incident.state is IncidentState.CLOSED:
        return [*lines, ""]
    if cause.remedy:
        lines.append(f"- {'Type' if cause.command else 'Do'} next: {escaped(cause.remedy)}")
    if cause.command:
        lines.append(f"- {code(safe_command(cause.command))}")
    return [*lines, ""]


def _folded(report: SweepReport, page: Page) -> list[str]:
    """Return warnings, gaps and what was left out, as one list."""
    lines = []
    for cause, members in sorted(report.warnings, key=lambda pair: (-len(pair[1]), pair[0].key)):
        concerned = escaped(members_of(members, verbose=page.verbose))
        lines.append(f"- {glyph_of(Status.WARN, page)} {escaped(warned(cause))} ({concerned})")
    for gap in gaps_of(report.outcomes):
        which = escaped(members_of(gap.members, verbose=page.verbose))
        lines.append(f"- {glyph_of(Status.UNKNOWN, page)} Not judged: {escaped(gap.reason)} ({which})")
    lines += [f"- {glyph_of(Status.SKIP, page)} Left out: {escaped(line)}" for line in report.skipped]
    return ["### Warnings and gaps", "", *lines, ""] if lines else []


def _targets(report: SweepReport, page: Page) -> list[str]:
    if not report.outcomes:
        return []
    lines = ["| | hostname | answer | time |", "| --- | --- | --- | ---: |"]
    lines += [
        f"| {glyph_of(status_of(item.verdict), page)} | {escaped(item.name)} | {escaped(item.error or item.headline)}"
        f" | {item.elapsed_s:.2f} s |"
        for item in report.outcomes
    ]
    return [*lines, ""]
