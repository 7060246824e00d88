"""Who comes first when several routes match: equal priorities, and a broad route before a narrow one.

A route as narrow as the winner that gets nothing is judged in ``traefik_routes``; orders that only Kubernetes'
path types promise are judged in ``traefik_paths``.
Source: Traefik's priorities (length of the rule in bytes unless set; ties in undefined order; no fall-through).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CandidateRoute,
    Controller,
    ControllerLogs,
    Finding,
    OriginProbe,
    Outcome,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RouteTrouble,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    ok,
    skip,
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
from ingressdoctor_checks.traefik_objects import (
    Observed,
    backends_text,
    extra_conditions,
    names_exactly,
    observed,
    path_part,
)
from ingressdoctor_checks.undecided import undecided

__all__ = ["priority_order", "priority_tie", "tied"]

_MACHINES: Final = frozenset(
    ["api", "graphql", "rpc", "rest", "ws", "socket.io", "webhook", "webhooks", "v1", "v2", "v3"]
)


def tied(decision: RouteDecision) -> tuple[CandidateRoute, ...]:
    """Return the matching routes of the highest priority, when which of them wins is not defined."""
    matching = [route for route in decision.candidates if route.matches]
    if decision.outcome is not Outcome.AMBIGUOUS or not matching:
        return ()
    return tuple(route for route in matching if route.priority == matching[0].priority)


@check(
    id="traefik.priority-tie",
    title="No two routes for the request have the same priority",
    step=STEP,
    link=LINK_ROUTE,
    causes=ANSWERS,
)
def priority_tie(
    trouble: RouteTrouble,
    controller: Controller | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
) -> Iterator[Finding]:
    """Among equal priorities Traefik's choice is undefined: it may differ per reload and per replica."""
    fine = "No two routes with different backends have the same priority for this request."
    if trouble.of is None:
        yield ok(fine)
        return
    decision, target = trouble.of
    if not (top := tied(decision)):
        yield undecided(decision) or ok(fine)
        return
    answer = observed(decision, outside, origin)
    refs = tuple(dict.fromkeys(route.ref for route in top))
    version = "" if isinstance(controller, Unavailable) else f" {controller.version}"
    seen = {_named(route, top): f"{route.rule}, priority {route.priority}, to {backends_text(route)}" for route in top}
    seen["answer"] = str(answer)
    if not isinstance(logs, Unavailable):
        routers = list(dict.fromkeys(line.router for line in logs.access if line.router))
        seen["routers in the access log"] = ", ".join(routers[:4]) or "none"
    # Traefik's own 404 comes from no router at all, so no choice among routers explains it.
    explains = answer.bad and not _no_router(answer)
    say = fail if explains else warn
    yield say(
        f"{' and '.join(refs)} have the same priority {top[0].priority} for this request; Traefik{version} may take "
        "either, and it may differ per reload and per replica"
        + (f": one of them answers {answer.status}." if explains else "."),
        subject=refs[0],
        where=API,
        seen=seen,
        remedy=Remedy(
            text="Give the route that must win an explicit priority, and remove the one that is not needed.",
            commands=(*(describe(ref) for ref in refs[:2]), changes(*edit(refs[0]))),
            proof=proof_of(target),
        ),
    )


def _named(route: CandidateRoute, top: tuple[CandidateRoute, ...]) -> str:
    same = [item for item in top if item.ref == route.ref]
    return route.ref if len(same) == 1 else f"{route.ref} ({same.index(route) + 1})"


def _no_router(answer: Observed) -> bool:
    return answer.exchange is not None and answer.status == 404 and answer.exchange.body == b"404 page not found\n"


@check(
    id="traefik.priority-order",
    title="No broader route comes before the one written for this path",
    step=STEP,
    link=LINK_ROUTE,
    causes=ANSWERS,
)
def priority_order(
    decision: RouteDecision, outside: OutsideProbe | Unavailable, origin: OriginProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """The highest priority wins, however narrow the others are: a client's route can eat its API."""
    winner = decision.winner
    if winner is None or decision.outcome is not Outcome.ROUTED:
        yield undecided(decision) or skip("No single route takes the request, so none can come before another.")
        return
    others = [route for route in decision.candidates if _outranked(route, winner, decision)]
    if not others:
        yield ok("No route written for a narrower path of this request is outranked.", subject=winner.ref, where=API)
        return
    best = max(others, key=lambda route: path_part(route.rule, decision.request.path).narrowness)
    yield _eaten(winner, best, decision, observed(decision, outside, origin), target)


def _outranked(route: CandidateRoute, winner: CandidateRoute, decision: RouteDecision) -> bool:
    """Tell whether *route* is written for a narrower path of this very host, and still comes after *winner*."""
    if not route.matches or route == winner or route.backends == winner.backends:
        return False
    host, path = decision.request.host, decision.request.path
    if not names_host(route.rule, host) or not names_host(winner.rule, host):
        return False
    if names_exactly(winner.rule, host) and not names_exactly(route.rule, host):
        return False
    mine, theirs = path_part(route.rule, path), path_part(winner.rule, path)
    return mine.narrowness > theirs.narrowness


def _eaten(
    winner: CandidateRoute, loser: CandidateRoute, decision: RouteDecision, answer: Observed, target: Target
) -> Finding:
    path = decision.request.path
    mine, theirs = path_part(loser.rule, path), path_part(winner.rule, path)
    # A route with a condition more (method, header, address) is meant to take its share of the narrower one's path.
    certain = not extra_conditions(winner.rule) - extra_conditions(loser.rule)
    page = _page_for_a_machine(answer, path)
    wrong = answer.bad or page or not answer.where
    say = fail if certain and wrong else warn
    told = f"; it answers {answer.status}" if answer.bad else "; it answers a web page" if page else ""
    return say(
        f"{winner.ref} (for {theirs}) takes {path} away from {loser.ref}, which is written for {mine}: its priority is "
        f"{winner.priority} against {loser.priority}{told}.",
        subject=winner.ref,
        where=API,
        seen={
            "winner": f"{winner.rule}, priority {winner.priority} ({_how(winner)})",
            "its backend": backends_text(winner),
            "outranked": f"{loser.ref}: {loser.rule}, priority {loser.priority} ({_how(loser)})",
            "backend that gets nothing here": backends_text(loser),
            "answer": str(answer),
        },
        remedy=Remedy(
            text=f"Give {loser.ref} a priority above {winner.priority}, or take the explicit priority of "
            f"{winner.ref} away: by default the longer rule wins. In an Ingress the annotation is "
            "traefik.ingress.kubernetes.io/router.priority, and it holds for all its paths.",
            commands=(describe(winner.ref), describe(loser.ref), changes(*edit(loser.ref))),
            proof=proof_of(target),
        ),
    )


def _how(route: CandidateRoute) -> str:
    length = len(route.rule.encode("utf-8", "replace"))
    return f"set; the rule has {length} bytes" if explicit(route) else f"the rule's {length} bytes"


def _page_for_a_machine(answer: Observed, path: str) -> bool:
    """Tell whether a path that programs ask for is answered with a web page: the client's index."""
    kind = "" if answer.exchange is None else answer.exchange.header("content-type").lower()
    return answer.status == 200 and kind.startswith("text/html") and not _MACHINES.isdisjoint(path.lower().split("/"))
