"""Say which router takes a request, which others stood by, and which were dropped.

Source: traefik: pkg/muxer/http/mux.go (first match over the sorted routes), pkg/server/router/tcp/router.go,
pkg/provider/traefik/internal.go (redirections).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.evidence.routes import (
    CandidateRoute,
    DroppedRoute,
    DropReason,
    Outcome,
    RouteDecision,
    RouteRequest,
    RoutingObjects,
)
from ingressdoctor.routing.traefik.compiled import compile_rule, judge
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.hosts import near
from ingressdoctor.routing.traefik.judged import Judged, judge_router
from ingressdoctor.routing.traefik.request import Seen, canonical_host, see
from ingressdoctor.routing.traefik.router import Services
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable, build_table

__all__ = ["decide", "decide_in", "with_suggestions"]

_MAX_INT: Final = 2**63 - 1
_MAX_CANDIDATES: Final = 200


class _Conclusion(msgspec.Struct, frozen=True):
    """What the routers of the entry point come to for one request."""

    outcome: Outcome
    winner: CandidateRoute | None = None
    status: int | None = None
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def decide(
    objects: RoutingObjects,
    static: StaticConfig,
    version: str,
    request: RouteRequest,
    *,
    services: Services | None = None,
) -> RouteDecision:
    """Build the table and decide one request; for many requests keep the table and use ``decide_in``."""
    table = build_table(objects, static, version, services=services)
    return with_suggestions(table, decide_in(table, request))


def with_suggestions(table: RouteTable, decision: RouteDecision) -> RouteDecision:
    """Add the known hostnames that an unrouted host may have meant; that compares it with all of them."""
    if decision.outcome is Outcome.ROUTED:
        return decision
    return replace(decision, near=near(canonical_host(decision.request.host), table.known_hosts))


def decide_in(table: RouteTable, request: RouteRequest) -> RouteDecision:
    """Decide one request; an empty ``entry_point`` becomes the one that usually takes such connections.

    Fast enough for tens of thousands of requests a second: it does not look for hostnames that may have been meant
    (``with_suggestions``).
    """
    point, sanitize = _point_of(table, request)
    name = point.name if point else request.entry_point
    asked = request if request.entry_point == name else replace(request, entry_point=name)
    encoded = ";" in asked.query and table.static.enabled(f"entrypoints.{name}.http.encodequerysemicolons")
    seen = see(asked, table.version, sanitize=sanitize, semicolons=not encoded)
    routers = table.live(seen.host)
    here = [item for item in routers if item.on(point, name, tls=request.tls)]
    judged = _in_order([judge_router(item, seen, table) for item in here])
    dropped = tuple([replace(item, matches=_would_match(item, seen, table)) for item in table.dropped(seen.host)])
    if broken := table.broken_points.get(name):
        dropped += tuple(_dropped_by_point(item, broken.detail, broken.reason, broken.related) for item in judged)
        judged = []
    if point is not None and (problem := table.static.redirect_problem(point)):
        dropped += (_no_redirect(point, problem),)
    elif point is None or point.tls is request.tls:  # the redirection takes TLS only where the entry point does
        judged = [*_internal(table.static, point, seen), *judged]
    found = _conclude(judged, table)
    return RouteDecision(
        request=asked,
        outcome=found.outcome,
        winner=found.winner,
        candidates=tuple([item.route for item in judged[:_MAX_CANDIDATES]]),
        elsewhere=tuple(_elsewhere(table, routers, here, seen)) if len(here) < len(routers) else (),
        dropped=dropped,
        known_hosts=table.known_hosts,
        predicted_status=found.status,
        limits=(*table.limits, *found.limits),
        unread=found.unread,
    )


def _in_order(judged: list[Judged]) -> list[Judged]:
    """Return routers in the order in which Traefik asks them."""
    return judged if len(judged) < 2 else sorted(judged, key=lambda item: (-item.route.priority, item.order))


def _point_of(table: RouteTable, request: RouteRequest) -> tuple[EntryPoint | None, bool]:
    """Return the entry point of a request and whether it cleans paths; remembered, as there are few of them."""
    key = (request.entry_point, request.tls)
    found = table.points.get(key)
    if found is None:
        point = _entry_point(table.static, request)
        name = point.name if point else request.entry_point
        found = (point, table.static.enabled(f"entrypoints.{name}.http.sanitizepath", default=True))
        if len(table.points) < _MAX_CANDIDATES:  # names come from outside
            table.points[key] = found
    return found


def _entry_point(static: StaticConfig, request: RouteRequest) -> EntryPoint | None:
    if request.entry_point:
        return static.entry_point(request.entry_point)
    usual = ("websecure", "https") if request.tls else ("web", "http")
    ports = (8443, 443) if request.tls else (8000, 80)
    tcp = [point for point in static.entry_points if point.protocol == "tcp"]
    named = (point for name in usual for point in tcp if point.name == name)
    return next(named, next((point for port in ports for point in tcp if point.port == port), None))


def _would_match(item: DroppedRoute, seen: Seen, table: RouteTable) -> bool | None:
    try:
        return judge(compile_rule(item.rule, table.syntax, table.version), seen).matches
    except RuleError:
        return None


def _no_redirect(point: EntryPoint, problem: str) -> DroppedRoute:
    return DroppedRoute(
        ref=f"redirection of entry point {point.name}",
        rule="HostRegexp(`^.+$`)",
        reason=DropReason.ENTRY_POINT,
        detail=f"the redirection to {point.redirect_to} is not made: there is no entry point of that name",
        log_line=problem,
        related=point.redirect_to,
    )


def _internal(static: StaticConfig, point: EntryPoint | None, seen: Seen) -> Iterator[Judged]:
    """Yield the router that an entry point's own redirection makes; it outranks everything users can write."""
    if point is None or not point.redirect_to:
        return
    base = f"entrypoints.{point.name}"
    bypass = static.enabled(f"{base}.allowacmebypass")
    acme = bypass and (seen.path or "").startswith("/.well-known/acme-challenge/")
    raw = static.flag(f"{base}.http.redirections.entrypoint.priority")
    priority = int(raw) if raw.lstrip("-").isdecimal() else _MAX_INT - 1
    matches = bool(seen.host) and not acme
    yield Judged(
        CandidateRoute(
            ref=f"entry point {point.name}",
            rule="HostRegexp(`^.+$`)" + (" && !PathPrefix(`/.well-known/acme-challenge/`)" if bypass else ""),
            priority=priority,
            entry_points=(point.name,),
            matches=matches,
            why=f"the entry point redirects everything to {point.redirect_to}"
            if matches
            else "exempt from redirection",
            provider="internal",
        ),
        order=_MAX_INT,
    )


def _conclude(judged: list[Judged], table: RouteTable) -> _Conclusion:
    limits: list[str] = []
    ordered = _in_order(judged)
    for position, item in enumerate(ordered):
        route = item.route
        if route.matches is False:
            continue
        if route.matches is None and item.by_client:
            limits.append(f"{route.ref} takes it for some client addresses: {route.why}")
            continue
        if item.lost and not limits and not table.unread:
            return _Conclusion(Outcome.NO_ROUTE, status=404, limits=(f"{route.ref}: {route.why}",))
        if route.matches is None or item.lost:
            return _Conclusion(Outcome.UNDECIDED, limits=(*limits, f"{route.ref}: {route.why}"))
        if route.provider == "internal":
            return _redirected(route, table, tuple(limits))
        return _won(item, ordered[position + 1 :], table, tuple(limits))
    if table.unread or limits:
        return _Conclusion(Outcome.UNDECIDED, limits=(*limits, *table.unread))
    return _Conclusion(Outcome.NO_ROUTE, status=404)


def _won(item: Judged, rest: list[Judged], table: RouteTable, limits: tuple[str, ...]) -> _Conclusion:
    route = item.route
    limits = (*limits, *[f"not read, could outrank it: {name}" for name in table.unread])
    tied = [
        other.route
        for other in rest
        if other.route.matches and other.route.priority == route.priority and other.order == item.order
    ]
    if tied and any((other.backends, other.middlewares) != (route.backends, route.middlewares) for other in tied):
        names = ", ".join(other.ref for other in tied)
        limits = (*limits, f"equal priority {route.priority}: {route.ref} and {names}; Traefik may take either")
        return _Conclusion(Outcome.AMBIGUOUS, limits=limits)
    return _Conclusion(Outcome.ROUTED, route, limits=limits, unread=table.unread)


def _redirected(route: CandidateRoute, table: RouteTable, limits: tuple[str, ...]) -> _Conclusion:
    base = f"entrypoints.{route.entry_points[0]}.http.redirections.entrypoint"
    permanent = table.static.enabled(f"{base}.permanent", default=True)
    return _Conclusion(Outcome.REDIRECT, route, 301 if permanent else 302, limits)


def _dropped_by_point(item: Judged, detail: str, reason: DropReason, related: str) -> DroppedRoute:
    point = item.route.entry_points[0] if item.route.entry_points else ""
    return DroppedRoute(
        ref=item.route.ref,
        rule=item.route.rule,
        reason=reason,
        detail=f"a middleware of the entry point {point} takes all its routes out: {detail}",
        log_line=detail,
        related=related,
        backends=item.route.backends,
    )


def _elsewhere(
    table: RouteTable, routers: tuple[LiveRouter, ...], here: list[LiveRouter], seen: Seen
) -> Iterator[CandidateRoute]:
    """Yield live routes that would match, were they on this entry point and of this kind of connection."""
    excluded = {id(item) for item in here}
    points = {point.name: point for point in table.static.entry_points}
    for item in routers:
        if id(item) in excluded or not item.hosts:
            continue
        judged = judge_router(item, seen, table)
        if judged.route.matches:
            tls = item.draft.tls or any(points[name].tls for name in item.entry_points if name in points)
            kind = "TLS" if tls else "plain HTTP"
            where = ", ".join(item.entry_points) or "no entry point"
            yield replace(judged.route, why=f"it takes only {kind} on {where}")
