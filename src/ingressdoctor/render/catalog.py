"""What can be checked: checks, walks and other lists of names, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingressdoctor.model.check import Check
from ingressdoctor.model.text import clean
from ingressdoctor.model.walk import Walk
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe

__all__ = [
    "check_to_terminal",
    "checks_to_json",
    "checks_to_terminal",
    "pairs_to_terminal",
    "walk_to_terminal",
    "walks_to_json",
    "walks_to_terminal",
]


def checks_to_json(checks: Iterable[Check]) -> str:
    """Return checks as one JSON object."""
    rows = [
        {
            "id": check.id,
            "title": check.title,
            "step": check.step,
            "link": check.link,
            "causes": check.causes,
            "needs": [need.wanted.__name__ for need in check.needs],
            "module": check.module,
        }
        for check in checks
    ]
    return encode({"schema": "ingressdoctor.checks/v1", "checks": rows})


def checks_to_terminal(checks: Sequence[Check], walks: Sequence[Walk], page: Page) -> str:
    """Return checks by step, in the order of the walks."""
    sheet = Sheet(page)
    width = max((len(check.id) for check in checks), default=0)
    steps = {step.id: step for walk in walks for step in walk.steps}
    for step in steps.values():
        mine = [check for check in checks if check.step == step.id]
        if mine:
            sheet.say((f"{safe(step.question)}  ", "bold"), (step.id, "dim"))
        for check in mine:
            sheet.say((f"  {check.id:<{width}}  ", ""), (safe(check.title), "dim"), indent=width + 4)
    return sheet.text()


def check_to_terminal(check: Check, section: str, page: Page) -> str:
    """Return what is known about one check: its documentation, and its place among the others."""
    sheet = Sheet(page)
    sheet.say((check.id, "bold"))
    sheet.say((safe(check.title), ""))
    sheet.blank()
    text = section or _docstring(check)
    # The page is Markdown as its author wrote it; lines are kept, so that commands can be copied.
    for line in text.splitlines():
        sheet.verbatim(line)
    sheet.blank()
    rows = {
        "step": check.step,
        "needs": ", ".join(need.wanted.__name__ for need in check.needs),
        "brings about": ", ".join(check.causes),
        "from": check.module,
    }
    for name, value in rows.items():
        if value:
            sheet.say((f"{name}: {safe(value)}", "dim"), indent=2)
    return sheet.text()


def _docstring(check: Check) -> str:
    text = clean(check.function.__doc__ or "There is no documentation of this check.", 4000)
    return "\n".join(line.strip() for line in text.strip().splitlines())


def walks_to_json(walks: Iterable[Walk]) -> str:
    """Return walks as one JSON object."""
    rows = [
        {
            "id": walk.id,
            "title": walk.title,
            "proof": walk.proof,
            "steps": [
                {"id": step.id, "question": step.question, "hop": step.hop, "docs": step.docs} for step in walk.steps
            ],
        }
        for walk in walks
    ]
    return encode({"schema": "ingressdoctor.walks/v1", "walks": rows})


def walks_to_terminal(walks: Iterable[Walk], page: Page) -> str:
    """Return every walk with its questions."""
    sheet = Sheet(page)
    for walk in walks:
        sheet.say((walk.id, "bold"), (f"  {safe(walk.title)}", ""), indent=4)
        for number, step in enumerate(walk.steps, start=1):
            sheet.say((f"  {number} {safe(step.question)}  ", ""), (step.id, "dim"), indent=4)
    return sheet.text()


def walk_to_terminal(walk: Walk, checks: Sequence[Check], page: Page) -> str:
    """Return a walk with the checks that answer each question."""
    sheet = Sheet(page)
    sheet.say((walk.id, "bold"), (f"  {safe(walk.title)}", ""), indent=4)
    width = max((len(check.id) for check in checks), default=0)
    for number, step in enumerate(walk.steps, start=1):
        sheet.say((f"{number} {safe(step.question)}", "bold"), (f"  {safe(step.docs)}", "dim"), indent=4)
        for check in checks:
            if check.step == step.id:
                sheet.say((f"    {check.id:<{width}}  ", ""), (safe(check.title), "dim"), indent=width + 6)
    return sheet.text()


def pairs_to_terminal(pairs: Sequence[tuple[str, str]], page: Page) -> str:
    """Return names with their titles, in two columns."""
    sheet = Sheet(page)
    width = max((len(safe(name)) for name, _ in pairs), default=0)
    for name, title in pairs:
        sheet.say((f"{safe(name):<{width}}  ", "bold"), (safe(title), ""), indent=width + 2)
    return sheet.text()
