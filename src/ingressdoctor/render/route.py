"""Which router takes a request, as text and as JSON (``ingressdoctor.route/v1``)."""

from __future__ import annotations

from typing import Literal

import msgspec

from ingressdoctor.evidence.routes import BackendRef, CandidateRoute, DroppedRoute, Outcome, RouteDecision
from ingressdoctor.model.finding import Status
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of
from ingressdoctor.render.words import listed

__all__ = ["RouteV1", "exit_code_of", "route_to_json", "route_to_terminal"]


class BackendV1(msgspec.Struct, frozen=True, kw_only=True):
    """A Service, or another backend, that a route points at; ``weight`` is null where none is written."""

    kind: str
    namespace: str
    name: str
    port: str
    scheme: str
    weight: int | None


class CandidateV1(msgspec.Struct, frozen=True, kw_only=True):
    """One router in the order in which they are tried; ``matches`` is null when it cannot be decided."""

    ref: str
    rule: str
    priority: int
    entry_points: tuple[str, ...]
    matches: bool | None
    why: str
    backends: tuple[BackendV1, ...]
    middlewares: tuple[str, ...]
    tls: bool
    tls_secret: str
    provider: str


class DroppedV1(msgspec.Struct, frozen=True, kw_only=True):
    """A route that exists as an object, but not in the controller."""

    ref: str
    rule: str
    reason: str
    detail: str
    log_line: str
    backends: tuple[BackendV1, ...]


class RouteV1(msgspec.Struct, frozen=True, kw_only=True):
    """What the model of the controller concludes for one request."""

    schema: Literal["ingressdoctor.route/v1"] = "ingressdoctor.route/v1"
    url: str
    exit_code: int
    outcome: str
    winner: CandidateV1 | None
    candidates: tuple[CandidateV1, ...]
    dropped: tuple[DroppedV1, ...]
    near: tuple[str, ...]
    predicted_status: int | None
    limits: tuple[str, ...]


def exit_code_of(decision: RouteDecision) -> int:
    """Return 0 when a router takes the request, 1 when none does, 3 when it could not be decided."""
    match decision.outcome:
        case Outcome.ROUTED | Outcome.REDIRECT:
            return 0
        case Outcome.NO_ROUTE:
            return 1
        case Outcome.AMBIGUOUS | Outcome.UNDECIDED:
            return 3


def route_to_json(decision: RouteDecision, url: str, *, exit_code: int) -> str:
    """Return the decision as one JSON object."""
    return encode(
        RouteV1(
            url=url,
            exit_code=exit_code,
            outcome=str(decision.outcome),
            winner=None if decision.winner is None else _candidate(decision.winner),
            candidates=tuple(map(_candidate, decision.candidates)),
            dropped=tuple(map(_dropped, decision.dropped)),
            near=decision.near,
            predicted_status=decision.predicted_status,
            limits=decision.limits,
        )
    )


def route_to_terminal(decision: RouteDecision, url: str, page: Page) -> str:
    """Return the decision as lines: the winner, the routers in order with why, what was dropped and why."""
    sheet = Sheet(page)
    status = _status(decision)
    sheet.say((f"{glyph_of(status, page)} {_headline(decision, safe(url))}", colour_of(status)), indent=2)
    if decision.candidates:
        sheet.say(("Routers, in the order they are tried:", "bold"))
    for number, route in enumerate(decision.candidates, start=1):
        _add_candidate(sheet, route, number, won=route == decision.winner)
    if decision.dropped:
        sheet.say(("Left out by the controller:", "bold"))
    for dropped in decision.dropped:
        _add_dropped(sheet, dropped)
    if decision.near and decision.winner is None:
        sheet.say((f"Did you mean {' or '.join(map(safe, decision.near[:3]))}?", "bold"), indent=2)
    for limit in decision.limits:
        sheet.say((f"{glyph_of(Status.UNKNOWN, page)} {safe(limit)}", colour_of(Status.UNKNOWN)), indent=2)
    return sheet.text()


def _status(decision: RouteDecision) -> Status:
    match decision.outcome:
        case Outcome.ROUTED | Outcome.REDIRECT:
            return Status.PASS
        case Outcome.NO_ROUTE:
            return Status.FAIL
        case Outcome.AMBIGUOUS:
            return Status.WARN
        case Outcome.UNDECIDED:
            return Status.UNKNOWN


def _headline(decision: RouteDecision, url: str) -> str:
    answer = f", predicted answer {decision.predicted_status}" if decision.predicted_status else ""
    winner = safe(decision.winner.ref) if decision.winner else ""
    match decision.outcome:
        case Outcome.ROUTED:
            goes = listed(map(_backend_text, decision.winner.backends)) if decision.winner else ""
            return f"{url} is taken by {winner}" + (f" and goes to {goes}" if goes else "") + answer
        case Outcome.REDIRECT:
            return f"{url} is redirected by {winner}{answer}"
        case Outcome.NO_ROUTE:
            return f"{url} is taken by no router{answer}"
        case Outcome.AMBIGUOUS:
            return f"{url} is claimed by several routers with the same priority{answer}"
        case Outcome.UNDECIDED:
            return f"{url}: which router takes it could not be decided"


def _add_candidate(sheet: Sheet, route: CandidateRoute, number: int, *, won: bool) -> None:
    status = {True: Status.PASS, False: Status.SKIP, None: Status.UNKNOWN}[route.matches]
    mark = "  takes the request" if won else ""
    sheet.say(
        (f"{glyph_of(status, sheet.page)} {number} ", colour_of(status)),
        (safe(route.ref), "bold" if won else ""),
        (f"  priority {route.priority}", "dim"),
        (mark, colour_of(Status.PASS)),
        indent=4,
    )
    sheet.say((f"    {safe(route.rule)}", "dim"), indent=6)
    if route.why:
        sheet.say((f"    {safe(route.why)}", ""), indent=6)
    if won or sheet.page.verbose:
        details = {
            "backends": listed(map(_backend_text, route.backends)),
            "middlewares": listed(map(safe, route.middlewares)),
            "entry points": listed(map(safe, route.entry_points)),
            "certificate": safe(route.tls_secret) or ("default" if route.tls else ""),
        }
        for name, value in details.items():
            if value:
                sheet.say((f"    {name}: {value}", ""), indent=6)


def _add_dropped(sheet: Sheet, route: DroppedRoute) -> None:
    sheet.say(
        (f"{glyph_of(Status.FAIL, sheet.page)} ", colour_of(Status.FAIL)),
        (safe(route.ref), "bold"),
        (f"  {safe(route.detail) or route.reason}", ""),
        indent=4,
    )
    sheet.say((f"    {safe(route.rule)}", "dim"), indent=6)
    if route.log_line and sheet.page.verbose:
        sheet.say((f"    the controller logs: {safe(route.log_line)}", "dim"), indent=6)


def _backend_text(backend: BackendRef) -> str:
    weight = f" (weight {backend.weight})" if backend.weight is not None else ""
    return f"{safe(backend.kind)} {safe(backend.namespace)}/{safe(backend.name)}:{safe(backend.port)}{weight}"


def _backend(backend: BackendRef) -> BackendV1:
    return BackendV1(
        kind=backend.kind,
        namespace=backend.namespace,
        name=backend.name,
        port=backend.port,
        scheme=backend.scheme,
        weight=backend.weight,
    )


def _candidate(route: CandidateRoute) -> CandidateV1:
    return CandidateV1(
        ref=route.ref,
        rule=route.rule,
        priority=route.priority,
        entry_points=route.entry_points,
        matches=route.matches,
        why=route.why,
        backends=tuple(map(_backend, route.backends)),
        middlewares=route.middlewares,
        tls=route.tls,
        tls_secret=route.tls_secret,
        provider=route.provider,
    )


def _dropped(route: DroppedRoute) -> DroppedV1:
    return DroppedV1(
        ref=route.ref,
        rule=route.rule,
        reason=str(route.reason),
        detail=route.detail,
        log_line=route.log_line,
        backends=tuple(map(_backend, route.backends)),
    )
