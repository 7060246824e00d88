"""One request's way through the controller as a tree for the terminal. It draws; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ingressdoctor.evidence.answer import ConnectionEnd
from ingressdoctor.evidence.backend import BackendEndpoint, BackendView
from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.route_view import BackendSight, MiddlewareSight, RouteView
from ingressdoctor.evidence.routes import BackendRef, CandidateRoute, DroppedRoute, Outcome
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Status
from ingressdoctor.render.branches import Branch, draw
from ingressdoctor.render.page import Page
from ingressdoctor.render.route_parts import (
    answer_branch,
    compared_branches,
    dropped_branch,
    notes,
    port_text,
    rule_text,
    signed,
    skipped_branches,
)
from ingressdoctor.render.route_policies import keeping, policies_branches
from ingressdoctor.render.route_proxied import proxied_branches
from ingressdoctor.render.sheet import Sheet, Span, safe
from ingressdoctor.render.words import listed

__all__ = ["route_to_terminal"]

_SHOWN: Final = 12
_ENDPOINTS: Final = 8


def route_to_terminal(view: RouteView, page: Page) -> str:
    """Return the tree: the conclusion, the way in, the routers, the winner's way on, and what was left out."""
    sheet = Sheet(page)
    sheet.say(*signed(_status(view), _headline(view), page, bold=True), indent=2)
    draw(sheet, [*_branches(view, page), *skipped_branches(view.skipped, view.ignored, page)])
    return sheet.text()


def _status(view: RouteView) -> Status:
    match view.decision.outcome:
        case Outcome.ROUTED | Outcome.REDIRECT:
            answer = view.answer
            served = answer is None or (answer.end in (None, ConnectionEnd.OPEN) and (answer.status or 0) < 400)
            served = served and not keeping(view)
            return Status.PASS if served else Status.WARN
        case Outcome.NO_ROUTE:
            return Status.FAIL
        case Outcome.AMBIGUOUS:
            return Status.WARN
        case Outcome.UNDECIDED:
            return Status.UNKNOWN


def _headline(view: RouteView) -> str:
    decision, url = view.decision, safe(view.url)
    winner = safe(decision.winner.ref) if decision.winner else ""
    status = view.answer.status if view.answer is not None else decision.predicted_status
    answer = f": {status}" if status else ""
    match decision.outcome:
        case Outcome.ROUTED:
            goes = listed(map(_backend_text, decision.winner.backends), limit=2) if decision.winner else ""
            kept = f", but {safe(keeping(view))} lets nothing through" if keeping(view) else ""
            return f"{url} is taken by {winner}" + (f" and goes to {goes}" if goes else "") + answer + kept
        case Outcome.REDIRECT:
            return f"{url} is redirected by {winner}{answer}"
        case Outcome.NO_ROUTE:
            would = next((item for item in _likely(decision.dropped) if item.matches is not False), None)
            if would is not None:
                by = view.controller.kind
                return f"{url} is taken by no {_unit(view)}: {safe(would.ref)} was dropped by {by}{answer}"
            return f"{url} is taken by no {_unit(view)}{answer}"
        case Outcome.AMBIGUOUS:
            return f"{url} is claimed by several routers with the same priority{answer}"
        case Outcome.UNDECIDED:
            return f"{url}: which router takes it could not be decided"


def _unit(view: RouteView) -> str:
    return "router" if view.controller.kind == "Traefik" else "location"


def _branches(view: RouteView, page: Page) -> Iterator[Branch]:
    decision = view.decision
    yield _way_in(view, page)
    if decision.candidates:
        yield _routers(view, page)
    if view.middlewares:
        below = _nested(view.middlewares, 0)
        yield Branch(spans=(("middlewares, in the order of the request", "bold"),), below=below)
    yield from (_backend(sight, page) for sight in view.backends)
    yield from proxied_branches(view, page)
    yield from policies_branches(view, page)
    if view.answer is not None:
        yield answer_branch(view.answer, page, view.controller.kind)
    if decision.dropped:
        ordered = _likely(decision.dropped)
        below = tuple(dropped_branch(item, page, view.controller.kind) for item in _first(ordered, page))
        yield Branch(
            spans=((_title(f"dropped by {view.controller.kind}", len(ordered), len(below)), "bold"),), below=below
        )
    yield from compared_branches(view, page)
    if decision.elsewhere and decision.outcome is not Outcome.ROUTED:
        below = tuple(_elsewhere(item, page) for item in _first(list(decision.elsewhere), page))
        yield Branch(spans=(("would take it, were it to arrive there", "bold"),), below=below)
    if decision.near and decision.winner is None and not decision.dropped:
        names = " or ".join(map(safe, decision.near[:3]))
        yield Branch(spans=((f"did you mean {names}?", "bold"),))
    yield from notes(view.assumed, (*decision.limits, *decision.unread), page)


def _likely(dropped: Sequence[DroppedRoute]) -> list[DroppedRoute]:
    """Return dropped routes with those first that would have taken the request."""
    return sorted(dropped, key=lambda item: {True: 0, None: 1, False: 2}[item.matches])


def _nested(sights: Sequence[MiddlewareSight], depth: int) -> tuple[Branch, ...]:
    """Return the middlewares of one depth, those of chains below them."""
    starts = [number for number, item in enumerate(sights) if item.depth == depth]
    return tuple(
        Branch(
            spans=((safe(item.ref), "bold"), (f"  {item.type}: " if item.type else "  ", ""), (safe(item.effect), "")),
            below=_nested(sights[start + 1 : end], depth + 1),
        )
        for start, end in zip(starts, [*starts[1:], len(sights)], strict=False)
        for item in (sights[start],)
    )


def _first(items: list, page: Page) -> list:  # type: ignore[type-arg]
    return items if page.verbose else items[:_SHOWN]


def _title(text: str, all_of: int, shown: int) -> str:
    return text if shown == all_of else f"{text} ({shown} of {all_of}; -v shows all)"


def _way_in(view: RouteView, page: Page) -> Branch:
    """The listen port, the Service port, the target port and the entry point, as far as they are known."""
    arrow = " → " if page.unicode else " -> "
    request, path = view.decision.request, view.path
    stops = _stops(view, path)
    name = request.entry_point
    kind = "TLS" if request.tls else "no TLS"
    if name and view.controller.kind != "Traefik":
        stops.append(f"{safe(name)} ({kind})")
    elif name and (path is None or path.entry_point is None or path.entry_point.name != name):
        stops.append(f"entry point {safe(name)} ({'asked for' if path is not None else 'assumed'}, {kind})")
    elif name:
        stops.append(f"entry point {safe(name)} ({kind})")
    lines: list[tuple[Span, ...]] = []
    if path is not None and path.gap:
        lines.append(signed(Status.FAIL, f"the way ends here: {safe(path.gap)}", page))
    sight = view.controller
    version = f" {safe(sight.version)}" if sight.version else ", version unknown"
    where = f" {safe(sight.name)}" if sight.name else ""
    lines.append(((f"{sight.kind}{where}{version}, objects of {safe(view.origin)}", "dim"),))
    if request.method != "GET" or request.headers or request.sni not in ("", request.host):
        shown = [request.method, *(f"{key}: {value}" for key, value in request.headers.items())]
        shown += [f"SNI {request.sni}"] if request.sni not in ("", request.host) else []
        lines.append(((f"asked with {listed(map(safe, shown))}", "dim"),))
    return Branch(spans=(("way in  ", "bold"), (arrow.join(stops), "")), lines=tuple(lines))


def _stops(view: RouteView, path: PortPath | None) -> list[str]:
    if path is None:
        return []
    stops = [f"port {path.port}"]
    if path.service_port is not None:
        stops.append(f"{safe(view.controller.service)} port {port_text(path.service_port)}")
    if path.container_port:
        stops.append(f"container port {path.container_port}")
    return stops


def _routers(view: RouteView, page: Page) -> Branch:
    decision = view.decision
    every = list(decision.candidates)
    place = next((number for number, item in enumerate(every) if item == decision.winner), -1)
    shown = every if page.verbose else every[: max(_SHOWN, min(place + 2, 3 * _SHOWN))]
    below = tuple(_candidate(item, number, decision.winner, page) for number, item in enumerate(shown, start=1))
    if place >= len(shown) and decision.winner is not None:
        below = (*below, _candidate(decision.winner, place + 1, decision.winner, page))
    title = f"{_unit(view)}s for {safe(decision.request.host)} in the order they are tried"
    return Branch(spans=((_title(title, len(every), len(below)), "bold"),), below=below)


def _candidate(route: CandidateRoute, number: int, winner: CandidateRoute | None, page: Page) -> Branch:
    won = route == winner
    status = {True: Status.PASS, False: Status.SKIP, None: Status.UNKNOWN}[route.matches]
    if route.matches and not won and winner is not None:
        status = Status.SKIP
    said = "takes the request" if won else ""
    if route.matches and not won:
        said = "would match, but comes later" if winner is not None else "matches"
    spans = (
        *signed(status, f"{number} ", page),
        (safe(route.ref), "bold" if won else ""),
        (f"  priority {route.priority}" if route.provider != "ingress-nginx" else "", "dim"),
        (f"  {said}" if said else "", "green" if won else ""),
    )
    lines: list[tuple[Span, ...]] = [((rule_text(route.rule), "dim"),)]
    if route.why:
        lines.append(((rule_text(route.why), ""),))
    if won and route.tls_secret:
        lines.append(((f"certificate from Secret {safe(route.tls_secret)}", "dim"),))
    return Branch(spans=spans, lines=tuple(lines))


def _elsewhere(route: CandidateRoute, page: Page) -> Branch:
    return Branch(
        spans=(*signed(Status.SKIP, safe(route.ref), page), (f"  {safe(route.why)}", "")),
        lines=(((rule_text(route.rule), "dim"),),),
    )


def _backend(sight: BackendSight, page: Page) -> Branch:
    view, title = sight.view, _backend_text(sight.ref)
    if isinstance(view, Unavailable):
        return Branch(spans=signed(Status.UNKNOWN, f"{title}: {safe(view.reason)}", page))
    if view.service is None:
        near = f"; there are {listed(map(safe, view.siblings), limit=5)}" if view.siblings else ""
        return Branch(spans=signed(Status.FAIL, f"{title} does not exist{near}", page))
    if view.port is None:
        there = listed((port_text(port) for port in view.service.ports), limit=8) or "none"
        return Branch(spans=signed(Status.FAIL, f"{title}: no such port; the Service has {there}", page))
    target = view.port.target_port if view.port.target_port is not None else view.port.port
    arrow = "→" if page.unicode else "->"
    return _endpoints(view, f"{title} {arrow} targetPort {safe(str(target))}", page)


def _endpoints(view: BackendView, title: str, page: Page) -> Branch:
    if isinstance(view.endpoints, Unavailable):
        return _selected(view, title, view.endpoints, page)
    fresh = set(view.endpoints.fresh)
    every = sorted(view.endpoints.all, key=lambda item: item in fresh)
    ready = len(fresh)
    shown = every if page.verbose else every[:_ENDPOINTS]
    below = tuple(_endpoint(item, used=item in fresh, page=page) for item in shown)
    said = f", {ready} of {len(every)} endpoints ready"
    said += "" if len(shown) == len(every) else f" ({len(shown)} shown; -v shows all)"
    return Branch(spans=signed(Status.PASS if ready else Status.FAIL, title + said, page), below=below)


def _endpoint(item: BackendEndpoint, *, used: bool, page: Page) -> Branch:
    state = "ready" if item.ready else "not ready"
    state += ", terminating" if item.terminating else ""
    if item.port is None:
        state += ", but its EndpointSlice has no port of that name"
    address = f"[{item.address}]" if ":" in item.address else item.address
    pod = f"  pod {safe(item.pod)}" if item.pod else ""
    status = Status.PASS if used else Status.FAIL
    return Branch(spans=signed(status, f"{safe(address)}:{item.port or '?'}{pod}  {state}", page))


def _selected(view: BackendView, title: str, gap: Unavailable, page: Page) -> Branch:
    """Where endpoints are not known, the pods or workloads that the Service selects tell something."""
    if isinstance(view.pods, Unavailable):
        return Branch(spans=signed(Status.UNKNOWN, f"{title}; endpoints: {safe(gap.reason)}", page))
    pods = [safe(pod.name) for pod in view.current_pods if pod.kind in (None, "Pod")]
    makers = [f"those of {safe(pod.ref)}" for pod in view.current_pods if pod.kind not in (None, "Pod")]
    if pods or makers:
        return Branch(spans=signed(Status.PASS, f"{title}, pods {listed([*pods, *makers], limit=4)}", page))
    selector = (view.service.spec.selector if view.service is not None else None) or {}
    if not selector:
        return Branch(spans=signed(Status.UNKNOWN, f"{title}; it selects no pods by label", page))
    wanted = listed(f"{safe(key)}={safe(value or '')}" for key, value in selector.items())
    said = f"{title}; nothing among the files carries its selector {wanted}"
    return Branch(spans=signed(Status.WARN, said, page))


def _backend_text(backend: BackendRef) -> str:
    weight = f" (weight {backend.weight})" if backend.weight is not None else ""
    port = f" port {safe(backend.port)}" if backend.port else ""
    if backend.kind == "internal":
        return f"{safe(backend.name)}{weight}"
    return f"{safe(backend.kind or 'Service')} {safe(backend.namespace)}/{safe(backend.name)}{port}{weight}"
