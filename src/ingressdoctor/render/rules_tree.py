"""cloudflared's rules as a tree for the terminal. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.evidence.rules_view import RuleFinding, RuleRow, RulesView
from ingressdoctor.model.finding import Status
from ingressdoctor.render.branches import Branch, draw
from ingressdoctor.render.page import Page
from ingressdoctor.render.route_parts import rule_text, signed
from ingressdoctor.render.sheet import Sheet, Span, safe
from ingressdoctor.render.words import listed

__all__ = ["rules_to_terminal"]

_ROWS: Final = 30
_FINDINGS: Final = 30
_STATUS: Final = {"problem": Status.FAIL, "warning": Status.WARN, "note": Status.SKIP}


def rules_to_terminal(view: RulesView, page: Page, *, exit_code: int) -> str:
    """Return the view drawn; with ``verbose`` every rule and every setting."""
    sheet = Sheet(page)
    status = Status.FAIL if exit_code else Status.WARN if _warned(view) else Status.PASS
    sheet.say(*signed(status, _headline(view), page, bold=True), indent=2)
    draw(sheet, list(_branches(view, page)))
    return sheet.text()


def _warned(view: RulesView) -> bool:
    return any(item.grade != "note" for item in view.findings)


def _headline(view: RulesView) -> str:
    where = safe(view.where)
    if view.refused:
        place = f" line {view.error_line}" if view.error_line else ""
        return f"cloudflared refuses {where}{place} as a whole"
    taker = view.taker
    if view.internal:
        return f"{safe(view.host)} is cloudflared's own: no rule is asked"
    if taker is None:
        problems, others = len(view.problems), len(view.findings) - len(view.problems)
        found = [_count(problems, "problem") if problems else "", _count(others, "remark") if others else ""]
        said = listed(filter(None, found)) or "nothing wrong"
        return f"{_count(len(view.rows), 'rule')} in {where}: {said}"
    request = f"{safe(view.host)}{safe(view.path)}"
    if view.built_in:
        return f"{request} gets cloudflared's own 503: {where} holds no rules"
    last = ", the catch-all," if taker.hostname in ("", "*") and not taker.path else ""
    return f"{request} is taken by rule {taker.number}{last} and goes to {safe(taker.service)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _branches(view: RulesView, page: Page) -> Iterator[Branch]:
    if view.refused:
        yield Branch(spans=(("cloudflared says: ", "bold"), (safe(view.error), "")))
    if view.rows and (view.host or page.verbose):
        yield _rules(view, page)
    if view.service is not None:
        yield _service(view, page)
    if view.answer is not None:
        empty = ", with an empty body" if view.answer.empty else ""
        spans = (("answer  ", "bold"), (f"{view.answer.status} by {safe(view.answer.by)}{empty}", ""))
        yield Branch(spans=spans, lines=(((safe(view.answer.why), "dim"),),))
    if view.near:
        yield Branch(spans=(("did you mean  ", "bold"), (listed(map(safe, view.near)), "")))
    told = view.findings if page.verbose else view.findings[:_FINDINGS]
    yield from (_finding(item, page) for item in told if not (view.refused and item.text == view.error))
    if len(view.findings) > len(told):
        yield Branch(spans=((f"{len(view.findings) - len(told)} more findings; -v or --json lists them", "bold"),))


def _rules(view: RulesView, page: Page) -> Branch:
    asked = view.taker is not None
    rows = view.rows if page.verbose or not asked else [row for row in view.rows if row.taken or _close(row)]
    shown = rows if page.verbose else rows[:_ROWS]
    below = [_rule(row, page, asked=asked) for row in shown]
    hidden = len(view.rows) - len(shown)
    if hidden:
        below.append(Branch(spans=((f"{_count(hidden, 'more rule')}; -v lists all", "dim"),)))
    return Branch(spans=(("rules, in the order they are tried", "bold"),), below=tuple(below))


def _close(row: RuleRow) -> bool:
    return row.why not in ("", "another host") and row.hostname not in ("", "*")


def _rule(row: RuleRow, page: Page, *, asked: bool) -> Branch:
    line = f"  line {row.line}" if row.line else ""
    spans: tuple[Span, ...] = ((f"{row.number} {rule_text(row.what)}", ""), (line, "dim"))
    if asked:
        status = Status.PASS if row.taken else Status.SKIP
        spans = (*signed(status, f"{row.number} {rule_text(row.what)}", page, bold=row.taken), (line, "dim"))
    why = "takes the request" if row.taken else safe(row.why)
    lines = ((((f"{why}: " if why else ""), ""), (safe(row.service), "dim")),)
    return Branch(spans=spans, lines=lines)


def _service(view: RulesView, page: Page) -> Branch:
    service = view.service
    if service is None:
        return Branch(spans=())
    told = [item for item in view.settings if page.verbose or item.source != "default"]
    below = tuple(
        Branch(spans=((f"{item.key} {safe(item.value) or '(empty)'}", ""), (f"  {item.source}", "dim")))
        for item in told
    )
    port = f" port {service.port}" if service.port else ""
    how = f"{safe(service.host)}{port}{' over TLS' if service.tls else ''}" if service.host else service.kind
    return Branch(spans=(("origin  ", "bold"), (f"{safe(service.text)}  ", ""), (how, "dim")), below=below)


def _finding(item: RuleFinding, page: Page) -> Branch:
    line = f"  line {item.line}" if item.line else ""
    lines: list[tuple[Span, ...]] = (
        [((item.instead and f"instead: {safe(item.instead)}", "dim"),)] if item.instead else []
    )
    return Branch(
        spans=(*signed(_STATUS[item.grade], safe(item.text), page), (f"  {item.code}{line}", "dim")), lines=tuple(lines)
    )
