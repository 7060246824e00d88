"""Which rule of which route takes a request, by the precedence that the specification sets for every implementation.

A regular expression has no defined dialect and counts as undecided, so a rule behind one is only taken when the
expression cannot match. Source: gateway-api: apis/v1/httproute_types.go (HTTPRouteRule.Matches), grpcroute_types.go
(GRPCRouteRule.Matches), gateway_types.go (Listener.Hostname).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs

import msgspec

from ingressdoctor.evidence.routes import RouteRequest
from ingressdoctor.routing.gateway.attach import Attachment, host_matches
from ingressdoctor.routing.gateway.shapes import Listener, Match, Route, Rule
from ingressdoctor.routing.selectors import all_of

__all__ = ["Taken", "choose", "match_request"]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that takes the request: of which route, through which attachment, at which hostname and match.

    ``certain`` is False where a regular expression decides.
    """

    route: Route
    rule: Rule
    match: Match
    attachment: Attachment
    listener: Listener
    hostname: str
    certain: bool


def choose(attached: Iterable[tuple[Route, Attachment]], request: RouteRequest, *, port: int = 0) -> tuple[Taken, ...]:
    """Return the rules that take a request, the one that the specification prefers first.

    *port* is that of the Gateway, 0 for any. Of one Gateway's listeners only the one with the most specific hostname
    takes the request at all.
    """
    found = tuple(attached)
    return tuple(sorted(_fitting(found, request, port), key=_order))


def _fitting(found: tuple[tuple[Route, Attachment], ...], request: RouteRequest, port: int) -> Iterator[Taken]:
    for route, attachment in found:
        for listener, hostnames in attachment.listeners:
            if not _takes(listener, request, port) or listener != _best(attachment, request, listener.port):
                continue
            hits = [name for name in hostnames or ("",) if host_matches(name, request.host)]
            for hostname in sorted(hits, key=_host_rank)[:1]:
                yield from _rules(route, attachment, listener, hostname, request)


def _rules(
    route: Route, attachment: Attachment, listener: Listener, hostname: str, request: RouteRequest
) -> Iterator[Taken]:
    for rule in route.rules:
        verdicts = [(match, match_request(match, request)) for match in rule.matches]
        fit = sorted(((match, sure) for match, sure in verdicts if sure is not False), key=lambda one: rank(one[0]))
        for match, sure in fit[:1]:
            yield Taken(
                route=route,
                rule=rule,
                match=match,
                attachment=attachment,
                listener=listener,
                hostname=hostname,
                certain=sure is True,
            )


def _takes(listener: Listener, request: RouteRequest, port: int) -> bool:
    return listener.tls is request.tls and port in (0, listener.port) and host_matches(listener.hostname, request.host)


def _best(attachment: Attachment, request: RouteRequest, port: int) -> Listener | None:
    """Return the listener of the Gateway that takes the host's requests on a port: the most specific hostname wins."""
    mine = attachment.gateway.listeners if attachment.gateway is not None else ()
    fit = [item for item in mine if _takes(item, request, port)]
    return min(fit, key=lambda item: _host_rank(item.hostname), default=None)


def _host_rank(pattern: str) -> tuple[int, int]:
    kind = 2 if not pattern else 1 if pattern.startswith("*") else 0
    return kind, -len(pattern)


def rank(match: Match) -> tuple[int, int, int, int, int]:
    """Return the sort key of a match: exact path, longest path, method, most headers, most query parameters."""
    exact = 0 if match.path_type == "Exact" else 1
    return exact, -len(match.path), 0 if match.verb else 1, -len(match.headers), -len(match.queries)


def _order(taken: Taken) -> tuple[object, ...]:
    route = taken.route
    age = route.created or "9999"
    position = next(index for index, rule in enumerate(route.rules) if rule is taken.rule)
    return (*_host_rank(taken.hostname), *rank(taken.match), age, route.namespace, route.name, position)


def match_request(match: Match, request: RouteRequest) -> bool | None:
    """Tell whether a match takes a request; None where a regular expression decides."""
    query = parse_qs(request.query, keep_blank_values=True)
    return all_of(
        (
            _path(match, request.path),
            match.verb in ("", request.method),
            *(_value(request.headers.get(name), value, regex) for name, value, regex in match.headers),
            *(_value(next(iter(query.get(name, ())), None), value, regex) for name, value, regex in match.queries),
        )
    )


def _path(match: Match, path: str) -> bool | None:
    if match.path_type == "Exact":
        return path == match.path
    if match.path_type != "PathPrefix":
        return None
    if match.grpc and match.method:
        return path.endswith(f"/{match.method}")
    prefix = match.path.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _value(found: str | None, wanted: str, regex: bool) -> bool | None:
    if found is None:
        return False
    return None if regex else found == wanted
