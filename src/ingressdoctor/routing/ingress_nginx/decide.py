"""Which Ingress a request ends at, and which others stood by or were left out. What the client gets is ``answer``'s.

Source: as in ``table`` and ``choose``; canaries: ingress-nginx rootfs/etc/nginx/lua/balancer.lua.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.evidence.routes import (
    BackendRef,
    CandidateRoute,
    HeaderLines,
    Outcome,
    RouteDecision,
    RouteRequest,
)
from ingressdoctor.routing.ingress_nginx.answer import predict
from ingressdoctor.routing.ingress_nginx.choose import (
    BadPathError,
    Judged,
    choose_server,
    judge_locations,
    normal_path,
)
from ingressdoctor.routing.ingress_nginx.servers import CATCH_ALL, CanaryBackend, Location, NginxTable, Server
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.hosts import near
from ingressdoctor.routing.traefik.regex import compile_pattern

__all__ = ["decide_nginx"]

_MAX_CANDIDATES: Final = 50
_HTTP: Final = "http"
_HTTPS: Final = "https"
_DEFAULT_BACKEND: Final = "ingress-nginx's default backend"


def decide_nginx(table: NginxTable, request: RouteRequest) -> RouteDecision:
    """Decide one request; ``entry_point`` becomes ``http`` or ``https``."""
    asked = replace(request, entry_point=_HTTPS if request.tls else _HTTP)
    host = asked.host.lower().removesuffix(".")
    server, why_server = choose_server(table, host)
    dropped = tuple(route for hosts, route in table.dropped if _concerns(hosts, host))
    known = table.hosts
    base = RouteDecision(
        request=asked,
        outcome=Outcome.NO_ROUTE,
        dropped=dropped,
        known_hosts=known,
        near=near(host, known) if server.host == CATCH_ALL else (),
        limits=(*table.limits, *([f"nginx runs an older configuration: {table.broken}"] if table.broken else [])),
    )
    try:
        path = normal_path(asked.path)
    except BadPathError as error:
        return predict(base, None, server, table.settings, path="", why=str(error))
    judged = judge_locations(server, path)
    return _conclude(base, judged, server, table, path=path, why_server=why_server)


def _concerns(hosts: frozenset[str], host: str) -> bool:
    parent = host.partition(".")[2]
    return host in hosts or f"*.{parent}" in hosts or CATCH_ALL in hosts


def _conclude(
    base: RouteDecision, judged: Sequence[Judged], server: Server, table: NginxTable, *, path: str, why_server: str
) -> RouteDecision:
    shown = tuple(_candidate(item, server, index, len(judged)) for index, item in enumerate(judged))
    base = replace(base, candidates=shown[:_MAX_CANDIDATES])
    # Every server has a location for the root, which takes whatever no other one does.
    first = next(index for index, item in enumerate(judged) if item.takes is not False)
    item = judged[first]
    if item.takes is None:
        return replace(base, outcome=Outcome.UNDECIDED, limits=(*base.limits, item.why))
    if item.location.backend is None:
        return predict(base, item.location, server, table.settings, path=path, why=why_server)
    winner, limits = _with_canary(shown[first], item.location, base.request)
    winner = replace(winner, why=f"{why_server}; {winner.why}")
    candidates = (*shown[:first], winner, *shown[first + 1 :])[:_MAX_CANDIDATES]
    routed = replace(base, outcome=Outcome.ROUTED, winner=winner, candidates=candidates, limits=(*base.limits, *limits))
    return predict(routed, item.location, server, table.settings, path=path, why=why_server)


def _candidate(item: Judged, server: Server, index: int, count: int) -> CandidateRoute:
    location = item.location
    shape = f'~* "^{location.path}"' if server.regex else f"= {location.path}" if location.exact else location.path
    return CandidateRoute(
        ref=location.owner or _DEFAULT_BACKEND,
        rule=f"{'*' if server.host == CATCH_ALL else server.host} {shape}",
        priority=count - index,
        entry_points=(_HTTP, _HTTPS),
        matches=item.takes,
        why=item.why if location.backend is not None else f"{item.why}; no Ingress has that path",
        backends=(location.backend,) if location.backend is not None else (),
        tls_secret=server.tls_secret,
        tls=server.tls,
        provider="ingress-nginx",
        namespace=location.namespace,
    )


def _with_canary(
    winner: CandidateRoute, location: Location, request: RouteRequest
) -> tuple[CandidateRoute, tuple[str, ...]]:
    """Return the winner with its share of the requests and the canary's."""
    canary = location.canary
    if canary is None or location.backend is None:
        return winner, ()
    verdict, limit = _goes_to_canary(canary, request)
    if limit:
        return winner, (limit,)
    share = 100 if verdict else 0 if verdict is False else _percent(canary)
    parts: list[BackendRef] = [replace(location.backend, weight=100 - share), replace(canary.backend, weight=share)]
    parts = [part for part in parts if part.weight]
    return replace(winner, backends=tuple(parts)), (f"{canary.ref} is a canary that gets {share} % of such requests",)


def _percent(canary: CanaryBackend) -> int:
    total = max(canary.rule.total, 100)
    return min(100, max(0, round(100 * canary.rule.weight / total)))


def _goes_to_canary(canary: CanaryBackend, request: RouteRequest) -> tuple[bool | None, str]:
    """Return whether header or cookie send the request to the canary or away from it; None leaves it to the weight."""
    rule, headers = canary.rule, HeaderLines(request.headers.items())
    value = headers.get(rule.header) if rule.header else None
    if value is not None and rule.header_value:
        if value == rule.header_value:
            return True, ""
    elif value is not None and rule.header_pattern:
        try:
            if compile_pattern(rule.header_pattern)(value):
                return True, ""
        except RuleError as error:
            return None, f"{canary.ref} decides by a pattern that cannot be judged: {error}"
    elif value in {"always", "never"}:
        return value == "always", ""
    cookies = dict(part.strip().partition("=")[::2] for part in headers.get("Cookie", "").split(";"))
    said = cookies.get(rule.cookie) if rule.cookie else None
    return (said == "always", "") if said in {"always", "never"} else (None, "")
