"""All routes of a set as a tree for the terminal: hosts with what stands between their routes. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.evidence.route_view import Clash, ClashKind, HostRoutes, RouteSet
from ingressdoctor.evidence.routes import CandidateRoute
from ingressdoctor.model.finding import Status
from ingressdoctor.render.branches import Branch, draw
from ingressdoctor.render.page import Page
from ingressdoctor.render.route_parts import dropped_branch, notes, rule_text, signed, skipped_branches
from ingressdoctor.render.sheet import Sheet, Span, safe
from ingressdoctor.render.words import listed

__all__ = ["routes_to_terminal"]

_HOSTS: Final = 50
_TITLES: Final = {
    ClashKind.UNREACHABLE: "is never reached",
    ClashKind.PARTLY_SHADOWED: "loses a part",
    ClashKind.NEVER_MATCHES: "never matches",
    ClashKind.TIE: "ties",
    ClashKind.WIDER_FIRST: "comes after a wider route",
    ClashKind.REDIRECTED: "is always redirected",
    ClashKind.PREFIX_SIBLING: "takes more than its path",
    ClashKind.WAITS_FOR_CLIENT: "keeps clients waiting that wait themselves",
}


def routes_to_terminal(routes: RouteSet, page: Page) -> str:
    """Return hosts with something to say; with ``verbose`` every host with all its routes."""
    sheet = Sheet(page)
    sheet.say(*signed(_status(routes), _headline(routes), page, bold=True), indent=2)
    told = [host for host in routes.hosts if page.verbose or host.dropped or _worth(host)]
    for host in told if page.verbose else told[:_HOSTS]:
        sheet.hang((safe(host.host) or "any host", "bold"))
        draw(sheet, list(_of_host(host, page)))
    rest = list(_rest(routes, told, page))
    if rest:
        draw(sheet, rest)
    return sheet.text()


def _worth(host: HostRoutes) -> bool:
    return any(not clash.kind.harmless for clash in host.clashes)


def _status(routes: RouteSet) -> Status:
    if routes.dropped or any(clash.kind.fails for clash in routes.clashes):
        return Status.FAIL
    if any(not clash.kind.harmless for clash in routes.clashes):
        return Status.WARN
    return Status.UNKNOWN if routes.unread or any(item.serious for item in routes.skipped) else Status.PASS


def _headline(routes: RouteSet) -> str:
    hosts = sum(1 for host in routes.hosts if host.host)
    lost = len({(clash.route, clash.rule) for clash in routes.clashes if clash.kind.fails})
    warned = sum(1 for clash in routes.clashes if not clash.kind.fails and not clash.kind.harmless)
    said = f"{_count(routes.routers, 'route')} for {_count(hosts, 'host')} in {safe(routes.origin)}"
    found = [f"{routes.dropped} dropped by Traefik" if routes.dropped else "", f"{lost} never reached" if lost else ""]
    found.append(_count(warned, "warning") if warned else "")
    return f"{said}: {listed(filter(None, found)) or 'nothing in the way of anything'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _of_host(host: HostRoutes, page: Page) -> Iterator[Branch]:
    for clash in sorted(host.clashes, key=lambda item: (not item.kind.fails, item.kind.harmless)):
        if page.verbose or not clash.kind.harmless:
            yield _clash(clash, page)
    yield from (dropped_branch(item, page) for item in host.dropped)
    if host.routes:
        below = tuple(_live(route) for route in host.routes) if page.verbose or len(host.routes) <= 4 else ()
        title = f"{_count(len(host.routes), 'live route')}, in the order they are tried"
        yield Branch(spans=((title + ("" if below else "; -v lists them"), "dim"),), below=below)


def _clash(clash: Clash, page: Page) -> Branch:
    status = Status.FAIL if clash.kind.fails else (Status.SKIP if clash.kind.harmless else Status.WARN)
    spans = (
        *signed(status, safe(clash.route), page, bold=True),
        (f"  {_TITLES[clash.kind]}", "red" if clash.kind.fails else "yellow"),
        (f"  priority {clash.priority} on {listed(map(safe, clash.entry_points))}", "dim"),
    )
    lines: list[tuple[Span, ...]] = [((rule_text(clash.rule), "dim"),), ((rule_text(clash.why), ""),)]
    if clash.by:
        priority = f"  priority {clash.by_priority}" if clash.by_rule else ""
        lines.append((("by ", ""), (safe(clash.by), "bold"), (priority, "dim")))
        if clash.by_rule not in ("", clash.rule):
            lines.append(((f"   {rule_text(clash.by_rule)}", "dim"),))
    if clash.example:
        lines.append(((f"for example {safe(clash.example)}", ""),))
    return Branch(spans=spans, lines=tuple(lines))


def _live(route: CandidateRoute) -> Branch:
    goes = listed(f"{safe(item.namespace)}/{safe(item.name)}:{safe(item.port)}" for item in route.backends)
    spans = ((f"{route.priority}  ", "dim"), (safe(route.ref), ""), (f"  {goes}" if goes else "", "dim"))
    return Branch(spans=spans, lines=(((rule_text(route.rule), "dim"),),))


def _rest(routes: RouteSet, told: list[HostRoutes], page: Page) -> Iterator[Branch]:
    quiet = len(routes.hosts) - len(told)
    if quiet > 0:
        yield Branch(spans=signed(Status.PASS, f"{_count(quiet, 'host')} without a finding; -v lists them", page))
    if len(told) > _HOSTS and not page.verbose:
        yield Branch(spans=((f"{len(told) - _HOSTS} more hosts with findings; -v or --json lists them", "bold"),))
    for item in routes.shortfalls:
        spans = (*signed(Status.WARN, safe(item.ref), page, bold=True), ("  a part of it does not count", "yellow"))
        yield Branch(spans=spans, lines=(((f"Traefik logs: {safe(item.log)}", ""),), ((safe(item.effect), "dim"),)))
    yield from notes(routes.assumed, (*routes.limits, *routes.unread), page)
    yield from skipped_branches(routes.skipped, routes.ignored, page)
