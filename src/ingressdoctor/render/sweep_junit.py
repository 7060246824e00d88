"""A sweep as JUnit XML, for build servers: a test case a target, a failure with its causes.

Source of the form: the schema that Jenkins' xUnit plugin publishes, which GitLab reads as well. Characters that XML 1.0
cannot hold, escaped or not, are shown as escapes.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import Final
from xml.etree import ElementTree as ET

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome, SweepReport
from ingressdoctor.model.text import clean
from ingressdoctor.render.sheet import safe, safe_command
from ingressdoctor.render.sweep_words import about, blamed, headline, warned
from ingressdoctor.render.words import in_words

__all__ = ["sweep_to_junit"]

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sweep_to_junit(report: SweepReport) -> str:
    """Return the sweep as one XML document, ending with a line break."""
    excused = {
        name: item.suppressed for item in report.incidents if item.active and item.suppressed for name in item.members
    }
    cases = [_case(outcome, outcome.suppressed or excused.get(outcome.name, "")) for outcome in report.outcomes]
    numbers = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{report.elapsed_s:.3f}",
    }
    root = ET.Element("testsuites", {"name": "ingressdoctor", **numbers})
    started = report.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.SubElement(
        root, "testsuite", {"name": "ingressdoctor sweep", "timestamp": started, "hostname": _name(report), **numbers}
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("headline", headline(report)), ("version", report.version), ("vantage", report.vantage)):
        ET.SubElement(properties, "property", {"name": name, "value": _legal(safe(value))})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _legal("\n".join(safe(line) for line in report.skipped))
    ET.SubElement(suite, "system-err").text = _legal(safe(report.offline))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _name(report: SweepReport) -> str:
    return _legal(safe(report.vantage)) or "localhost"


def _case(outcome: Outcome, excuse: str) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "name": _legal(safe(outcome.name)),
            "classname": _legal(f"ingressdoctor.{safe(outcome.walk) or 'unknown'}"),
            "time": f"{outcome.elapsed_s:.3f}",
        },
    )
    message = _legal(safe(outcome.error or outcome.headline))
    if excuse and outcome.verdict in (Verdict.BROKEN, Verdict.UNKNOWN):
        ET.SubElement(case, "skipped", {"message": _legal(safe(excuse))})
    elif outcome.verdict is Verdict.BROKEN:
        kind = _legal(safe(outcome.causes[0].check_id)) if outcome.causes else "unexplained"
        ET.SubElement(case, "failure", {"message": message, "type": kind}).text = _told(outcome)
    elif outcome.verdict is Verdict.UNKNOWN:
        ET.SubElement(case, "error", {"message": message, "type": "unknown"}).text = _told(outcome)
    if outcome.warnings:
        text = "\n".join(f"warning: {warned(cause)}" for cause in outcome.warnings)
        ET.SubElement(case, "system-out").text = _legal(text)
    return case


def _told(outcome: Outcome) -> str:
    """Return causes, what visitors see, what could not be looked at and what to type, a line each."""
    lines = []
    for cause in outcome.causes:
        lines.append(f"{blamed(cause)}: {about(cause)}")
        lines += [f"  {safe(cause.remedy)}"] if cause.remedy else []
        lines += [f"  $ {safe_command(cause.command)}"] if cause.command else []
    lines += [f"visitors see {in_words(symptom)}" for symptom in outcome.symptoms]
    lines += [f"not looked at: {safe(reason)}" for reason in outcome.unseen]
    return _legal("\n".join(lines))


def _legal(text: str) -> str:
    """Return *text* without what XML cannot hold; ``clean`` has shown most of it as escapes."""
    return _ILLEGAL.sub(lambda match: f"\\u{ord(match.group()):04x}", clean(text))
