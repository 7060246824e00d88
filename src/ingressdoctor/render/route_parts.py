"""Parts that the trees of one request and of all routes share: signs, dropped routes, notes, skipped documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ingressdoctor.evidence.answer import AnswerSource, PredictedAnswer
from ingressdoctor.evidence.kube import ServicePort
from ingressdoctor.evidence.route_view import RouteView, Skipped
from ingressdoctor.evidence.routes import DroppedRoute, DropReason
from ingressdoctor.model.finding import Status
from ingressdoctor.render.branches import Branch
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Span, safe
from ingressdoctor.render.style import colour_of, glyph_of
from ingressdoctor.render.words import listed
from ingressdoctor.routing.traefik.columns import fault_column

__all__ = [
    "answer_branch",
    "compared_branches",
    "dropped_branch",
    "notes",
    "port_text",
    "rule_text",
    "signed",
    "skipped_branches",
]

_SKIPPED: Final = 10
_LIMITS: Final = 4
_RULE: Final = 600
_LOGGED: Final = 800


def signed(status: Status, text: str, page: Page, *, bold: bool = False) -> tuple[Span, ...]:
    """Return a text with the sign of a status before it."""
    return (f"{glyph_of(status, page)} ", colour_of(status)), (text, "bold" if bold else "")


def port_text(port: ServicePort) -> str:
    """Return a Service port as number and name."""
    return f"{port.port} ({safe(port.name)})" if port.name else str(port.port)


def rule_text(rule: str) -> str:
    """Return a rule as one line; of one longer than anybody reads only its beginning (the JSON has it whole)."""
    return _cut(safe(rule), _RULE)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… ({len(text)} characters)"


def dropped_branch(route: DroppedRoute, page: Page, kind: str = "Traefik") -> Branch:
    """Return a dropped route with its rule, the reason, and what the controller logs about it."""
    lines: list[tuple[Span, ...]] = [((rule_text(route.rule) or "(no rule)", "dim"),)]
    column = fault_column(route.rule, route.detail) if route.reason is DropReason.RULE else None
    if column is not None:
        lines.append(((f"at column {column}: {safe(route.rule[column - 1 : column + 29]) or 'its end'}", "yellow"),))
    if route.detail != route.log_line:
        lines.append(((_cut(safe(route.detail), _LOGGED) or str(route.reason), ""),))
    logged = (
        f"{kind} logs: {_cut(safe(route.log_line), _LOGGED)}" if route.log_line else f"{kind} logs nothing about it"
    )
    lines.append(((logged, "" if route.detail == route.log_line else "dim"),))
    mark = "  would match this request" if route.matches else ""
    spans = (*signed(Status.FAIL, safe(route.ref), page, bold=True), (f"  {route.reason}", "red"), (mark, ""))
    return Branch(spans=spans, lines=tuple(lines))


def compared_branches(view: RouteView, page: Page) -> Iterator[Branch]:
    """Yield what another controller does otherwise with the same objects."""
    compared = view.compared
    if compared is None:
        return
    if not compared.differences:
        yield Branch(spans=signed(Status.PASS, f"{safe(compared.other)} does the same with it", page))
        return
    below = tuple(
        Branch(
            spans=((safe(item.what), "bold"),),
            lines=(
                ((f"{view.controller.kind}: {safe(item.here) or 'nothing'}", ""),),
                ((f"{safe(compared.other)}: {safe(item.there) or 'nothing'}", "dim"),),
            ),
        )
        for item in compared.differences
    )
    yield Branch(spans=signed(Status.WARN, f"not as {safe(compared.other)} does it", page, bold=True), below=below)


def answer_branch(answer: PredictedAnswer, page: Page, kind: str) -> Branch:
    """Return what the client gets, and who makes it; *kind* is the controller."""
    makers = {
        AnswerSource.CONTROLLER: f"by {kind} itself",
        AnswerSource.BACKEND: "by the application",
        AnswerSource.NOBODY: "no HTTP answer",
        AnswerSource.UNKNOWN: "not known",
    }
    status = f"{answer.status} " if answer.status else ""
    lead = f"{status}{makers[answer.source]}: {safe(answer.why)}"
    lines: list[tuple[Span, ...]] = []
    if answer.location:
        lines.append(((f"Location: {safe(answer.location)}", ""),))
    if answer.path:
        lines.append(((f"the application sees {safe(answer.path)}", ""),))
    if answer.certificate:
        lines.append(((f"certificate: {safe(answer.certificate)}", "dim"),))
    if answer.log:
        lines.append(((f"{kind} logs: {safe(answer.log)}", "dim"),))
    lines += [signed(Status.UNKNOWN, safe(limit), page) for limit in answer.limits[:_LIMITS]]
    return Branch(spans=(("answer  ", "bold"), (lead, "")), lines=tuple(lines))


def notes(assumed: Sequence[str], limits: Sequence[str], page: Page) -> Iterator[Branch]:
    """Yield what was assumed, and what could not be looked at."""
    if assumed:
        yield Branch(spans=((f"assumed: {listed(map(safe, assumed))}", "dim"),))
    for limit in dict.fromkeys(limits):
        yield Branch(spans=signed(Status.UNKNOWN, safe(limit), page))


def skipped_branches(skipped: Sequence[Skipped], ignored: Mapping[str, int], page: Page) -> Iterator[Branch]:
    """Yield what of the files was not used, each with its place; harmless ones are only counted."""
    serious = [item for item in skipped if item.serious]
    shown = list(skipped) if page.verbose else serious[:_SKIPPED]
    if shown:
        hidden = len(serious) - len([item for item in shown if item.serious])
        title = "skipped" + (f" ({hidden} more; -v shows all)" if hidden else "")
        below = tuple(
            Branch(
                spans=signed(Status.UNKNOWN if item.serious else Status.SKIP, safe(item.where), page),
                lines=(((safe(item.what), ""),),),
            )
            for item in shown
        )
        yield Branch(spans=((title, "bold"),), below=below)
    harmless = len(skipped) - len(serious)
    parts = [f"{count} {safe(kind)}" for kind, count in ignored.items()]
    parts += [f"{harmless} documents that are no Kubernetes objects"] if harmless and not page.verbose else []
    if parts:
        yield Branch(spans=((f"not needed for routing: {listed(parts, limit=0 if page.verbose else 6)}", "dim"),))
