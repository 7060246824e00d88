"""Does a route take the request, and is it the one that was written for the host?

Routes that exist but were left out are judged in ``traefik_dropped``; they explain a missing one.
Source: Traefik's priorities (rule length unless set; the first match wins and never falls through).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CandidateRoute,
    Finding,
    GatewayView,
    KnownHosts,
    Outcome,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RouteRequest,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import (
    ANSWERS,
    API,
    LINK_ROUTE,
    STEP,
    describe,
    edit,
    explicit,
    names_host,
    proof_of,
)
from ingressdoctor_checks.traefik_objects import backends_text, extra_conditions, names_exactly, path_part
from ingressdoctor_checks.traefik_paths import by_path_type
from ingressdoctor_checks.undecided import undecided

__all__ = ["route_missing", "route_shadowed"]

_LIST: Final = look("kubectl", "get", "ingressroutes.traefik.io,ingresses.networking.k8s.io", "-A")


@check(
    id="traefik.route-missing",
    title="Traefik has a route for the request",
    step=STEP,
    link=LINK_ROUTE,
    causes=("controller-404", "app-404", "traefik.default-certificate", "traefik.log-errors"),
)
def route_missing(
    decision: RouteDecision, hosts: KnownHosts | Unavailable, target: Target, gateway: GatewayView | Unavailable
) -> Iterator[Finding]:
    """Some live router takes the request on the entry point where it arrives."""
    request, winner = decision.request, decision.winner
    if (gap := undecided(decision)) is not None:
        yield gap
    elif decision.outcome is Outcome.REDIRECT:
        yield ok(f"The entry point {request.entry_point} redirects every request.", where=API)
    elif decision.outcome is Outcome.AMBIGUOUS:
        yield ok("More than one route takes the request.", where=API)
    elif winner is not None and not _lost(decision, winner, target):
        backends = ", ".join([f"{item.namespace}/{item.name}:{item.port}" for item in winner.backends]) or "no Service"
        yield ok(
            f"{winner.ref} takes the request and sends it to {backends}.",
            subject=winner.ref,
            where=API,
            seen={"rule": winner.rule, "priority": str(winner.priority), "entry point": request.entry_point},
        )
    elif isinstance(gateway, GatewayView) and gateway.taker and not decision.dropped:
        yield skip(f"{gateway.taker} takes the request for {gateway.controller}; Traefik has no part in it.")
    else:
        yield _no_route(decision, hosts, target)


def _lost(decision: RouteDecision, winner: CandidateRoute, target: Target) -> bool:
    """Tell whether the host's own routes were all left out, so that a catch-all takes its requests."""
    if not any(route.matches is not False for route in decision.dropped):
        return False
    return not any(names_host(route.rule, target.hostname) for route in (winner, *decision.candidates) if route.matches)


def _no_route(decision: RouteDecision, hosts: KnownHosts | Unavailable, target: Target) -> Finding:
    request = decision.request
    seen = {
        "host": request.host,
        "path": request.path,
        "entry point": request.entry_point or "unknown",
        "searched": f"{len(decision.known_hosts)} hostnames of routes",
    }
    text = "Write the route, or bring it from git if it is only there."
    commands = [_LIST]
    summary = f"Traefik has no route for {request.host}{request.path} on its entry point {request.entry_point}."
    dropped = [route for route in decision.dropped if route.matches is not False]
    here = [route for route in decision.candidates if names_host(route.rule, target.hostname)]
    if dropped:
        refs = ", ".join(dict.fromkeys(route.ref for route in dropped))
        summary = f"Traefik has no route for {request.host}: {refs} names the host, but Traefik leaves it out."
        text = "Correct the route that is left out; its own finding says how."
        seen["left out because"] = dropped[0].detail
        commands.append(describe(dropped[0].ref))
    elif decision.elsewhere:
        route = decision.elsewhere[0]
        kind = "TLS" if request.tls else "plain HTTP"
        arrival = f"{request.host} on {request.entry_point} with {kind}"
        summary = f"Traefik has no route for {arrival}: {route.ref} exists, but {route.why}."
        text = "Add the entry point to the route, and a tls section if it must take https."
        commands += [describe(route.ref), changes(*edit(route.ref))]
    elif here:
        summary = f"{here[0].ref} names {request.host}, but its rule does not match this request: {here[0].why}."
        text = "Widen the rule, or add a route for this path."
        seen["rule"] = here[0].rule
        commands.append(describe(here[0].ref))
    elif decision.near:
        seen["did you mean"] = ", ".join(decision.near)
        nearest = decision.near[0]
        naming = () if isinstance(hosts, Unavailable) else hosts.hosts.get(nearest, ())
        commands += [describe(ref) for ref in naming[:1]]
        seen["named by"] = ", ".join(naming) or "unknown"
        summary = f"Traefik has no route for {request.host}; the nearest name that has one is {nearest}."
        text = "If the route was meant for this host, correct its hostname; else write the route, or bring it from git."
    return fail(
        summary,
        subject=f"host {request.host}",
        where=API,
        seen=seen,
        remedy=Remedy(text=text, commands=tuple(commands), proof=proof_of(target)),
    )


@check(
    id="traefik.route-shadowed",
    title="The route written for the host is the one that takes the request",
    step=STEP,
    link=LINK_ROUTE,
    causes=ANSWERS,
)
def route_shadowed(decision: RouteDecision, outside: OutsideProbe | Unavailable, target: Target) -> Iterator[Finding]:
    """No other object with a higher priority takes the host's requests away."""
    if decision.outcome is Outcome.AMBIGUOUS:
        yield skip("Routes of equal priority take the request; none of them comes before another for certain.")
        return
    winner = decision.winner
    if winner is None or decision.outcome is not Outcome.ROUTED:
        yield undecided(decision) or skip("No single route takes the request, so none can be in another's way.")
        return
    others = [route for route in decision.candidates if _is_shadowed(route, winner, decision.request)]
    if not others and decision.unread:
        yield unknown(
            f"{winner.ref} takes the request, unless one comes before it that could not be read: {decision.unread[0]}.",
            enable_with="Allow list on ingressroutes (traefik.io) and ingresses (networking.k8s.io), or correct the "
            "object.",
        )
        return
    if not others:
        yield ok(
            f"{winner.ref} takes the request, and no other route was written for it.", subject=winner.ref, where=API
        )
        return
    yield _shadow(winner, others[0], outside, target)


def _is_shadowed(route: CandidateRoute, winner: CandidateRoute, request: RouteRequest) -> bool:
    """Tell whether *route* was meant to take the request, and *winner* comes before it without being narrower."""
    host, path = request.host, request.path
    if not route.matches or route.ref == winner.ref or route.backends == winner.backends:
        return False
    if not names_host(route.rule, host) or extra_conditions(winner.rule) - extra_conditions(route.rule):
        return False
    if names_host(winner.rule, host) and not names_exactly(route.rule, host):
        return False
    if by_path_type(winner, route, path):
        return False
    mine, theirs = path_part(route.rule, path).narrowness, path_part(winner.rule, path).narrowness
    return mine == theirs or (mine > theirs and not names_host(winner.rule, host))


def _shadow(
    winner: CandidateRoute, loser: CandidateRoute, outside: OutsideProbe | Unavailable, target: Target
) -> Finding:
    status = 0 if isinstance(outside, Unavailable) else outside.last.status
    hurts = isinstance(outside, Unavailable) or status >= 400 or status == 0
    say = fail if hurts else warn
    how = "it sets this priority itself" if explicit(winner) else "its rule is longer"
    return say(
        f"{winner.ref} takes the requests of {target.hostname} away from {loser.ref}: "
        f"its priority is {winner.priority} against {loser.priority}.",
        subject=winner.ref,
        where=API,
        seen={
            "winner": f"{winner.rule} with priority {winner.priority} ({how})",
            "its backend": backends_text(winner),
            "shadowed": f"{loser.ref}: {loser.rule} with priority {loser.priority}",
            "backend that gets nothing": backends_text(loser),
            "answer from outside": str(status) if status else "none seen",
        },
        remedy=Remedy(
            text="Remove the route that is in the way, or give the right one the higher priority.",
            commands=(describe(winner.ref), describe(loser.ref), changes(*edit(winner.ref))),
            proof=proof_of(target),
        ),
    )
