"""A report for the terminal: the first line names the cause, then the walk, then what to type.

Twelve lines where the findings allow it; ``verbose`` adds every finding with its facts (details.py). A partial trace is
never drawn as a complete one: what was not looked at stands on the last line of every report.
"""

from __future__ import annotations

from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Cause, CheckResult, Diagnosis, Report, StepReport, Verdict
from ingressdoctor.render.changes import add_changes
from ingressdoctor.render.details import add_commands, add_findings, add_manifest, add_sources, applies_manifest
from ingressdoctor.render.gaps import gaps_of
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of, status_of
from ingressdoctor.render.words import in_short, in_words, listed

__all__ = ["report_to_terminal"]

_MAX_WARNINGS = 2
_MAX_BESIDE = 2
_MAX_GAPS = 1
_MAX_NEXT = 3


def report_to_terminal(report: Report, page: Page) -> str:
    """Return the report as lines for *page*, ending with a line break."""
    sheet = Sheet(page)
    _add_headline(sheet, report)
    _add_meaning(sheet, report)
    _add_walk(sheet, report)
    _add_remedy(sheet, report)
    add_changes(sheet, report)
    _add_coverage(sheet, report)
    if page.verbose:
        add_sources(sheet, report)
    return sheet.text()


def _add_headline(sheet: Sheet, report: Report) -> None:
    status = status_of(report.diagnosis.verdict)
    sheet.say((f"{glyph_of(status, sheet.page)} {headline_of(report)}", colour_of(status)), indent=2)


def headline_of(report: Report) -> str:
    """Return the diagnosis in one sentence, with the object to blame where the sentence does not name it."""
    headline = safe(report.diagnosis.headline)
    causes = report.diagnosis.causes
    subject = safe(causes[0].finding.subject) if causes else ""
    named = not subject or subject.rpartition(" ")[2].rpartition("/")[2] in headline
    return headline if named else f"{headline.rstrip('.')} ({subject})"


def _add_meaning(sheet: Sheet, report: Report) -> None:
    diagnosis = report.diagnosis
    for number, cause in enumerate(diagnosis.causes):
        if number:
            sheet.say(("  also broken at ", ""), (_place(cause), colour_of(Status.FAIL)), indent=4)
        if cause.explains and diagnosis.verdict is Verdict.BROKEN:
            # What lies before it on the way is the reason; that it alone would do the same, nobody has seen.
            explained = ("  could explain " if number else "  explains ") + listed(in_words(s) for s in cause.explains)
            sheet.say(
                (explained + ("; the predicted answer came" if diagnosis.confirmed and not number else ""), ""),
                indent=4,
            )
    if diagnosis.latent:
        sheet.say(("  latent: from outside it still answers, so visitors may not have noticed", "yellow"), indent=4)
    observed = listed(in_short(symptom) for symptom in diagnosis.symptoms)
    for cause in _some(sheet, diagnosis.beside, _MAX_BESIDE):
        sheet.say((f"  broken too, but does not explain {observed}: {_place(cause)}", "yellow"), indent=4)
    if diagnosis.unexplained:
        _add_unexplained(sheet, report)
    _add_warnings(sheet, diagnosis)
    if report.walk is None:
        for searched in diagnosis.next_steps:
            sheet.say((f"  {safe(searched)}", ""), indent=4)
    if not all(name in diagnosis.headline for name in report.suggestions):
        sheet.say((f"  did you mean {' or '.join(safe(name) for name in report.suggestions)}?", "bold"), indent=4)


def _add_warnings(sheet: Sheet, diagnosis: Diagnosis) -> None:
    """Add the warnings, one line each unless ``verbose``; the first of a site that works is in the headline already."""
    verbose = sheet.page.verbose
    told = diagnosis.warnings[1:] if diagnosis.verdict is Verdict.DEGRADED and not verbose else diagnosis.warnings
    add = sheet.say if verbose else sheet.row
    for cause in _some(sheet, told, _MAX_WARNINGS):
        add((f"  {glyph_of(Status.WARN, sheet.page)} {_place(cause)}", colour_of(Status.WARN)))
    hidden = 0 if verbose else len(told) - _MAX_WARNINGS
    if hidden > 0:
        sheet.row((f"  {hidden} more warning{'s' if hidden > 1 else ''} with -v", "dim"))


def _some(sheet: Sheet, causes: tuple[Cause, ...], limit: int) -> tuple[Cause, ...]:
    return causes if sheet.page.verbose else causes[:limit]


def _place(cause: Cause) -> str:
    subject = safe(cause.finding.subject)
    summary = safe(cause.finding.summary).rstrip(".")
    return f"{safe(cause.step.hop)}: {summary}" + (f" ({subject})" if subject and subject not in summary else "")


def _add_unexplained(sheet: Sheet, report: Report) -> None:
    diagnosis = report.diagnosis
    sheet.say(("  not explained: " + listed(in_words(s) for s in diagnosis.unexplained), "yellow"), indent=4)
    if diagnosis.healthy_hops:
        sheet.say((f"  seen healthy: {listed(map(safe, diagnosis.healthy_hops))}", ""), indent=4)
    if diagnosis.unseen_hops:
        sheet.say((f"  not looked at: {listed(map(safe, diagnosis.unseen_hops))}", "magenta"), indent=4)


def _add_walk(sheet: Sheet, report: Report) -> None:
    if report.walk is None:
        return
    if sheet.page.verbose:
        sheet.say((f"  walk {safe(report.walk.id)}, because {safe(report.ground)}", "dim"), indent=4)
    widest = max((len(safe(item.step.question)) for item in report.steps), default=0)
    # The answer gets at least half of the line; a longer question is cut.
    column = min(widest, (sheet.page.width - 14) // 2)
    for number, item in enumerate(report.steps, start=1):
        _add_step(sheet, item, number, column, report.diagnosis.causes)
        if sheet.page.verbose:
            add_findings(sheet, item)


def _add_step(sheet: Sheet, item: StepReport, number: int, column: int, causes: tuple[Cause, ...]) -> None:
    status = item.status
    question = safe(item.step.question)
    question = question if len(question) <= column else question[: column - 1] + "…"
    strong = colour_of(status) if status in (Status.FAIL, Status.WARN, Status.UNKNOWN) else ""
    sheet.row(
        (glyph_of(status, sheet.page), colour_of(status)),
        (f" {number} {question:<{column}}  ", ""),
        (short_answer(item, causes), strong),
        right=(f"{item.elapsed_s:.2f} s", "dim"),
    )


def short_answer(item: StepReport, causes: tuple[Cause, ...] = ()) -> str:
    """Return the step's worst finding as one line; among equals a cause speaks first, then the step's speaker."""
    result = _speaking(item, {cause.check_id for cause in causes})
    if result is None:
        return "no check of this step was run"
    if item.status is Status.SKIP:
        # What could be looked at, and was not, is no question that does not apply.
        left = next((finding for finding in result.findings if finding.enable_with), None)
        return safe(left.summary).rstrip(".") if left is not None else "does not apply"
    if result.missing is not None:
        return f"not looked at: {safe(result.missing.reason)}"
    finding = next(finding for finding in result.findings if finding.status is result.status)
    return safe(finding.summary).rstrip(".")


def _speaking(item: StepReport, causes: set[str]) -> CheckResult | None:
    def rank(result: CheckResult) -> tuple[int, bool, bool, bool]:
        name = result.check.id
        has_facts = any(finding.facts for finding in result.findings)
        return result.status.severity, name in causes, name == item.step.speaker, has_facts

    return max(item.results, key=rank, default=None)


def _add_remedy(sheet: Sheet, report: Report) -> None:
    diagnosis = report.diagnosis
    if diagnosis.unexplained or diagnosis.verdict is Verdict.UNKNOWN:
        _add_next_steps(sheet, report)
    first = next(iter((*diagnosis.causes, *diagnosis.beside, *diagnosis.warnings)), None)
    if first is None or first.finding.remedy is None:
        return
    remedy = first.finding.remedy
    opening = "Type next: " if remedy.commands or remedy.proof else "Do next: "
    if first not in diagnosis.causes and diagnosis.verdict is Verdict.BROKEN:
        opening = "For what is broken beside it: "
    sheet.say((opening, "bold"), (safe(remedy.text), ""), indent=2)
    if not applies_manifest(remedy):
        add_manifest(sheet, remedy, indent=4)
    add_commands(sheet, remedy, indent=2)


def _add_next_steps(sheet: Sheet, report: Report) -> None:
    steps = report.diagnosis.next_steps
    if not steps:
        return
    sheet.say(("Try next:", "bold"))
    for step in steps if sheet.page.verbose else steps[:_MAX_NEXT]:
        sheet.say((f"  - {safe(step)}", ""), indent=4)


def _add_coverage(sheet: Sheet, report: Report) -> None:
    coverage, diagnosis = report.coverage, report.diagnosis
    if report.interrupted:
        sheet.say(("interrupted: this is only what was known until then", "bold magenta"), indent=2)
    # What "Try next" has said already is not said again.
    said = diagnosis.next_steps[:_MAX_NEXT] if diagnosis.unexplained or diagnosis.verdict is Verdict.UNKNOWN else ()
    gaps = [gap for gap in gaps_of(report) if gap.enable_with not in said]
    limit = len(gaps) if sheet.page.verbose else _MAX_GAPS
    for gap in gaps[:limit]:
        sheet.say((f"{glyph_of(Status.UNKNOWN, sheet.page)} {gap.text}", colour_of(Status.UNKNOWN)), indent=2)
    hidden = len(gaps) - limit
    more = f"; {hidden} more gap{'s' if hidden != 1 else ''} with -v" if hidden > 0 else ""
    whole = coverage.total > 0 and coverage.verified == coverage.total
    links = f"verified {coverage.verified} of {coverage.total} links" if coverage.total else "no link was verified"
    sheet.say((links, "" if whole else "magenta"), (f" in {report.timings.total_s:.2f} s{more}", "dim"), indent=2)
