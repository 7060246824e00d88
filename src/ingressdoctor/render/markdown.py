"""A report as Markdown, for issues and chat. No value from outside can become a link, a tag or a heading."""

from __future__ import annotations

import re
from typing import Final

from ingressdoctor.model.finding import Fact, Finding, Remedy, Status
from ingressdoctor.model.report import Cause, Report, StepReport
from ingressdoctor.model.text import clean
from ingressdoctor.render.changes import HEADING, nothing_line, told_changes, unread_line
from ingressdoctor.render.gaps import gaps_of
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import safe, safe_command
from ingressdoctor.render.style import glyph_of, status_of
from ingressdoctor.render.terminal import headline_of, short_answer
from ingressdoctor.render.words import in_short, in_words, listed

__all__ = ["report_to_markdown"]

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>#|~$&!@]|^[-+=]|(?<=^\d)[.)]")


def report_to_markdown(report: Report, page: Page) -> str:
    """Return the report as Markdown; of *page* only ``verbose`` and ``unicode`` count."""
    diagnosis = report.diagnosis
    lines = [f"## {glyph_of(status_of(diagnosis.verdict), page)} {escaped(headline_of(report))}", ""]
    lines += _meaning(report)
    lines += _walk(report, page)
    first = next(iter((*diagnosis.causes, *diagnosis.beside, *diagnosis.warnings)), None)
    if first is not None and first.finding.remedy is not None:
        lines += ["### Type next", "", *_remedy(first.finding.remedy)]
    if diagnosis.next_steps:
        lines += ["### Try next", "", *(f"- {escaped(step)}" for step in diagnosis.next_steps), ""]
    lines += _changes(report)
    if page.verbose:
        lines += _findings(report, page)
    lines += _coverage(report, page)
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return *text* as one line in which nothing is Markdown or HTML; a bare URL at most links to itself."""
    return _SPECIAL.sub(lambda match: f"\\{match.group()}", safe(text))


def code(text: str) -> str:
    """Return *text* as a code span that it cannot end by itself."""
    plain = safe(text) or " "
    longest = max((len(run) for run in re.findall(r"`+", plain)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {plain} {fence}" if longest else f"`{plain}`"


def _meaning(report: Report) -> list[str]:
    diagnosis = report.diagnosis
    lines = [
        f"- **{code(cause.check_id)}** {'could explain' if number else 'explains'}"
        f" {listed(in_words(symptom) for symptom in cause.explains)}."
        for number, cause in enumerate(diagnosis.causes)
        if cause.explains
    ]
    if diagnosis.latent:
        lines.append("- Latent: from outside it still answers, so visitors may not have noticed.")
    if diagnosis.confirmed:
        lines.append(f"- Confirmed: {escaped(diagnosis.confirmed)}")
    lines += [f"- Also broken: {_place(cause)}" for cause in diagnosis.causes[1:]]
    seen = listed(in_short(symptom) for symptom in diagnosis.symptoms)
    lines += [f"- Broken too, but does not explain {seen}: {_place(cause)}" for cause in diagnosis.beside]
    if diagnosis.unexplained:
        lines.append(f"- Not explained: {listed(in_words(s) for s in diagnosis.unexplained)}.")
    lines += [f"- Warning: {_place(cause)}" for cause in diagnosis.warnings]
    if report.suggestions:
        lines.append(f"- Did you mean {' or '.join(code(name) for name in report.suggestions)}?")
    return [*lines, ""] if lines else []


def _place(cause: Cause) -> str:
    subject = f" ({escaped(cause.finding.subject)})" if cause.finding.subject else ""
    return f"{escaped(cause.step.hop)}: {escaped(cause.finding.summary)}{subject}"


def _walk(report: Report, page: Page) -> list[str]:
    if report.walk is None:
        return []
    lines = ["| | step | answer | time |", "| --- | --- | --- | ---: |"]
    lines += [_row(item, number, page, report.diagnosis.causes) for number, item in enumerate(report.steps, start=1)]
    return [*lines, "", f"Walk {code(report.walk.id)}, because {escaped(report.ground)}.", ""]


def _row(item: StepReport, number: int, page: Page, causes: tuple[Cause, ...]) -> str:
    glyph, answer = glyph_of(item.status, page), escaped(short_answer(item, causes))
    return f"| {glyph} | {number} {escaped(item.step.question)} | {answer} | {item.elapsed_s:.2f} s |"


def _remedy(remedy: Remedy) -> list[str]:
    lines = [escaped(remedy.text), ""]
    if remedy.manifest:
        lines += [*_fenced("yaml", [clean(line) for line in remedy.manifest.splitlines()]), ""]
    shells = [
        safe_command(command.shell()) + ("  # changes something" if command.changing else "")
        for command in remedy.commands
        if command != remedy.proof
    ]
    if remedy.proof is not None:
        shells.append(safe_command(remedy.proof.shell()) + "  # proves recovery")
    if not shells:
        return lines
    return [*lines, *_fenced("sh", shells), ""]


def _fenced(language: str, lines: list[str]) -> list[str]:
    """Return lines as a code block that none of them can end."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _changes(report: Report) -> list[str]:
    """Return every change of the last day, whether or not the page is verbose."""
    if not report.timeline.looked:
        return []
    told = [
        f"- {item.age or '?'} ago: {escaped(item.text)}" + (f" **({item.hint})**" if item.hint else "")
        for item in told_changes(report)
    ]
    unread = unread_line(report)
    if not told and not unread:
        return [f"- {nothing_line(report)}", ""]
    return [f"### {HEADING.rstrip(':')}", "", *told, *([f"- {escaped(unread)}"] if unread else []), ""]


def _findings(report: Report, page: Page) -> list[str]:
    lines = ["### Findings", ""]
    for item in report.steps:
        for result in item.results:
            for finding in result.findings:
                lines += _finding(result.check.id, finding, page)
    return [*lines, ""]


def _finding(check_id: str, finding: Finding, page: Page) -> list[str]:
    subject = f" ({escaped(finding.subject)})" if finding.subject else ""
    lines = [f"- {glyph_of(finding.status, page)} {code(check_id)} {escaped(finding.summary)}{subject}"]
    lines += [f"  - {_fact(fact)}" for fact in finding.facts]
    if finding.enable_with:
        lines.append(f"  - to look: {escaped(finding.enable_with)}")
    return lines


def _fact(fact: Fact) -> str:
    where = f" (seen at {escaped(fact.where)})" if fact.where else ""
    return f"{escaped(fact.name)}: {code(fact.value)}{where}"


def _coverage(report: Report, page: Page) -> list[str]:
    coverage = report.coverage
    lines = [f"- {glyph_of(Status.UNKNOWN, page)} {escaped(gap.text)}" for gap in gaps_of(report)]
    lines = [*lines, ""] if lines else []
    if report.interrupted:
        lines += ["**Interrupted**: this is only what was known until then.", ""]
    about = f"ingressdoctor {safe(report.version)}, {safe(report.started)}"
    counted = f"Verified {coverage.verified} of {coverage.total} links in {report.timings.total_s:.2f} s"
    return [*lines, f"{counted} ({about})."]
