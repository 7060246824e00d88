"""The verbose parts of the terminal report: every finding with its facts, and where the time went."""

from __future__ import annotations

from collections import defaultdict

from ingressdoctor.model.finding import Command, Fact, Finding, Remedy, Status
from ingressdoctor.model.report import CheckResult, Report, StepReport
from ingressdoctor.model.text import clean
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of

__all__ = ["add_commands", "add_findings", "add_manifest", "add_sources", "applies_manifest"]

_MANIFEST_LINES = 20
_COMMANDS = 3
_FROM_INPUT = ("-f", "-")


def add_findings(sheet: Sheet, item: StepReport) -> None:
    """Add every finding of a step, each with what was seen and where."""
    for result in item.results:
        for finding in result.findings:
            _add_finding(sheet, result, finding)
        if result.error:
            sheet.say((f"      a bug in this check: {safe(result.error)}", "red"), indent=8)


def _add_finding(sheet: Sheet, result: CheckResult, finding: Finding) -> None:
    status = finding.status
    subject = safe(finding.subject)
    about = f" ({subject})" if subject and subject not in finding.summary else ""
    sheet.say(
        (f"    {glyph_of(status, sheet.page)} ", colour_of(status)),
        (result.check.id, "bold"),
        (f"  {safe(finding.summary)}{about}", "dim" if status is Status.SKIP else ""),
        indent=8,
    )
    for fact in finding.facts:
        sheet.say((f"        {_fact(fact)}", "dim"), indent=10)
    if finding.enable_with:
        sheet.say((f"        to look: {safe(finding.enable_with)}", colour_of(Status.UNKNOWN)), indent=10)
    if finding.remedy is not None and status in (Status.FAIL, Status.WARN):
        sheet.say((f"        fix: {safe(finding.remedy.text)}", ""), indent=10)
        add_commands(sheet, finding.remedy, indent=10)


def add_commands(sheet: Sheet, remedy: Remedy, *, indent: int) -> None:
    """Add a remedy's commands, changing ones marked, then the one that proves recovery."""
    typed = [command for command in remedy.commands if command != remedy.proof]  # a look that is its own proof: once
    shown = typed if sheet.page.verbose else typed[:_COMMANDS]
    for command in shown:
        note = "changes something" if command.changing else ""
        if applies_manifest(remedy) and command.argv[-2:] == _FROM_INPUT:
            _add_document(sheet, command, remedy.manifest.splitlines(), note)
        else:
            sheet.command(command.shell(), note, indent=indent)
    if len(shown) < len(typed):
        hidden = len(typed) - len(shown)
        sheet.say((f"{' ' * indent}# {hidden} more command{'' if hidden == 1 else 's'} with -v", "dim"))
    if remedy.proof is not None:
        sheet.command(remedy.proof.shell(), "proves recovery", indent=indent)


def applies_manifest(remedy: Remedy) -> bool:
    """Tell whether a command of the remedy reads its manifest from standard input."""
    return bool(remedy.manifest) and any(command.argv[-2:] == _FROM_INPUT for command in remedy.commands)


def _add_document(sheet: Sheet, command: Command, lines: list[str], note: str) -> None:
    """Add a command with its input below it, from the first column on, so that the whole can be pasted into a shell."""
    end = "EOF"
    while end in (clean(line).strip() for line in lines):
        end += "F"
    sheet.command(f"{command.shell()} <<'{end}'", note, indent=0)
    for line in (*lines, end):
        sheet.verbatim(line)


def add_manifest(sheet: Sheet, remedy: Remedy, *, indent: int) -> None:
    """Add a remedy's manifest as an indented block; verbose pages show the whole of a long one."""
    lines = remedy.manifest.splitlines()
    shown = lines if sheet.page.verbose else lines[:_MANIFEST_LINES]
    for line in shown:
        sheet.verbatim(" " * indent + line)
    if len(shown) < len(lines):
        sheet.verbatim(f"{' ' * indent}# {len(lines) - len(shown)} more lines with -v")


def _fact(fact: Fact) -> str:
    where = f"  [{safe(fact.where)}]" if fact.where else ""
    return f"{safe(fact.name)}: {safe(fact.value)}{where}"


def add_sources(sheet: Sheet, report: Report) -> None:
    """Add how often each outside system was asked, and the longest chain of calls that waited for each other."""
    spent: dict[str, list[float]] = defaultdict(list)
    for call in report.timings.calls:
        spent[call.source].append(call.elapsed_s)
    if spent:
        asked = ", ".join(f"{safe(name)} {len(times)} ({sum(times):.2f} s)" for name, times in sorted(spent.items()))
        sheet.say((f"asked: {asked}", "dim"), indent=2)
    if report.timings.longest_chain:
        chain = " → ".join(f"{safe(call.what)} {call.elapsed_s:.2f} s" for call in report.timings.longest_chain)
        sheet.say((f"longest chain: {chain}", "dim"), indent=2)
    about = [f"{safe(name)} {safe(value)}" for name, value in sorted(report.environment.items())]
    if report.version or report.started:
        sheet.say((", ".join([f"ingressdoctor {report.version}", report.started, *about]), "dim"), indent=2)
