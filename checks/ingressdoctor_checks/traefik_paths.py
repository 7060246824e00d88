"""Where Traefik's order differs from what Kubernetes' path types promise, and prefixes that nobody strips.

Source: Traefik's Ingress provider (``Path`` is shorter than ``PathPrefix``; prefixes are plain text; before v3.7 a
wildcard host becomes a long HostRegexp); Kubernetes' Ingress specification (Exact first, element-wise prefixes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CandidateRoute,
    ControllerLogs,
    Custom,
    Finding,
    Loaded,
    OriginProbe,
    Outcome,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Target,
    Unavailable,
    as_list,
    as_map,
    changes,
    check,
    fail,
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
    names_host,
    proof_of,
)
from ingressdoctor_checks.traefik_objects import (
    Observed,
    PathPart,
    backends_text,
    kinds_of,
    middleware_id,
    middlewares_of,
    names_exactly,
    observed,
    path_part,
    referenced_middlewares,
)
from ingressdoctor_checks.undecided import undecided

__all__ = ["by_path_type", "path_type_order", "strip_prefix_missing"]

_REWRITES: Final = frozenset(
    ["stripPrefix", "stripPrefixRegex", "replacePath", "replacePathRegex", "addPrefix", "plugin"]
)
_GO_404: Final = b"404 page not found\n"
_ANY_LABEL: Final = "[a-zA-Z0-9-]+"


def by_path_type(winner: CandidateRoute, route: CandidateRoute, path: str) -> str:
    """Say which promise of the path types *winner* breaks by coming before *route*; empty when it breaks none."""
    mine, theirs = path_part(route.rule, path), path_part(winner.rule, path)
    if mine.matcher == "path" and theirs.matcher == "pathprefix" and mine.text == theirs.text:
        return "exact"
    wildcard = winner.provider == "kubernetes" and _ANY_LABEL in winner.rule
    return "wildcard" if wildcard and mine.narrowness == theirs.narrowness else ""


@check(
    id="traefik.path-type-order",
    title="Exact paths, exact hosts and whole path segments come first",
    step=STEP,
    link=LINK_ROUTE,
    causes=ANSWERS,
)
def path_type_order(
    decision: RouteDecision, outside: OutsideProbe | Unavailable, origin: OriginProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """Traefik orders by the length of the rule's text, which is not the order that an Ingress promises."""
    winner, request = decision.winner, decision.request
    if winner is None or decision.outcome is not Outcome.ROUTED:
        yield undecided(decision) or skip("No single route takes the request, so its order is no question.")
        return
    answer = observed(decision, outside, origin)
    for route in decision.candidates:
        if route is winner or not route.matches or route.backends == winner.backends:
            continue
        if not names_exactly(route.rule, request.host):
            continue
        if kind := by_path_type(winner, route, request.path):
            yield _disorder(kind, winner, route, answer, target)
            return
        if names_host(winner.rule, request.host) and _cuts_a_segment(winner, request.path):
            yield _disorder("segment", winner, route, answer, target)
            return
    yield ok("Path types and hosts are served in the order that an Ingress promises.", subject=winner.ref, where=API)


def _cuts_a_segment(winner: CandidateRoute, path: str) -> bool:
    """Tell whether the winner's prefix ends in the middle of a word of the path (/api takes /apiary)."""
    part = path_part(winner.rule, path)
    following = path[len(part.text) : len(part.text) + 1]
    return part.matcher == "pathprefix" and part.text[-1:].isalnum() and following.isalnum()


def _disorder(kind: str, winner: CandidateRoute, loser: CandidateRoute, answer: Observed, target: Target) -> Finding:
    why = {
        "exact": "the exact path should come first, but Traefik takes the longer rule, and Path is the shorter word",
        "wildcard": "the exact host should come first, but before v3.7 Traefik makes a longer rule of the wildcard",
        "segment": "Traefik's prefixes end anywhere, also in the middle of a word",
    }[kind]
    text = {
        "exact": f"Give {loser.ref} a router.priority above {winner.priority}.",
        "wildcard": f"Give {loser.ref} a router.priority above {winner.priority}, or upgrade Traefik to v3.7.",
        "segment": "Write the prefix with its slash beside the exact path (Path and PathPrefix joined by ||), or start "
        "Traefik (v3.5 and later) with --providers.kubernetesingress.strictPrefixMatching=true.",
    }[kind]
    changed = winner.ref if kind == "segment" else loser.ref
    say = fail if answer.bad else warn
    return say(
        f"{winner.ref} takes {target.path} before {loser.ref}: {why}"
        + (f"; it answers {answer.status}." if answer.bad else "."),
        subject=winner.ref,
        where=API,
        seen={
            "winner": f"{winner.rule}, priority {winner.priority}, to {backends_text(winner)}",
            "comes after": f"{loser.ref}: {loser.rule}, priority {loser.priority}, to {backends_text(loser)}",
            "answer": str(answer),
        },
        remedy=Remedy(
            text=text,
            commands=(describe(winner.ref), describe(loser.ref), changes(*edit(changed))),
            proof=proof_of(target),
        ),
    )


@check(
    id="traefik.strip-prefix-missing",
    title="The application gets the path that it serves",
    step=STEP,
    link=LINK_ROUTE,
    causes=("app-404", "controller-404"),
)
def strip_prefix_missing(
    decision: RouteDecision,
    objects: RoutingObjects | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """PathPrefix selects, it does not cut: an application that lives at / answers 404 below /api."""
    winner = decision.winner
    if winner is None or decision.outcome is not Outcome.ROUTED:
        yield undecided(decision) or skip("No single route takes the request, so no path reaches an application.")
        return
    path = decision.request.path
    part = path_part(winner.rule, path) if path != "/" else PathPart()
    if part.matcher != "pathprefix" or not part.narrowness:
        yield skip("The route does not select by a path prefix, so there is none to strip.")
        return
    answer = observed(decision, outside, origin)
    if not _not_found_by_application(answer, logs):
        yield (
            ok("The application behind the path prefix does not answer 404.")
            if answer.status
            else unknown(
                "What the application behind the path prefix answers could not be seen.",
                enable_with="Let the tool reach the site or its origin.",
            )
        )
        return
    if any(_REWRITES.intersection(kinds_of(item)) for item in middlewares_of(winner, objects)):
        yield ok("A middleware of the route rewrites the path.", subject=winner.ref, where=API)
        return
    sign = _sign(winner, part.text, decision, objects)
    if not sign:
        yield ok("The application answers 404, but nothing in the cluster says that it wants the prefix stripped.")
        return
    ref, how = sign
    yield fail(
        f"{winner.ref} sends {target.path} on with its prefix {part.text}, and the application answers 404: {how}.",
        subject=winner.ref,
        where=API,
        seen={
            "rule": winner.rule,
            "middlewares": ", ".join(winner.middlewares) or "none",
            "backend": backends_text(winner),
            "answer": str(answer),
            "sign": ref,
        },
        remedy=Remedy(
            text=f"Add a stripPrefix middleware for {part.text} to the route. In an Ingress write it as "
            f"{winner.namespace}-<name>@kubernetescrd in the annotation "
            "traefik.ingress.kubernetes.io/router.middlewares.",
            commands=(describe(ref), describe(winner.ref), changes(*edit(winner.ref))),
            proof=proof_of(target),
        ),
    )


def _not_found_by_application(answer: Observed, logs: ControllerLogs | Unavailable) -> bool:
    """Tell whether a 404 is the application's. Many written in Go say it in Traefik's own words; the log tells."""
    if answer.status != 404 or answer.exchange is None:
        return False
    if answer.exchange.body != _GO_404:
        return True
    return not isinstance(logs, Unavailable) and any(line.origin_status == 404 for line in logs.access[-10:])


def _sign(
    winner: CandidateRoute, prefix: str, decision: RouteDecision, objects: RoutingObjects | Unavailable
) -> tuple[str, str] | None:
    """Return the object that says the prefix was to be stripped, and how it says so."""
    if isinstance(objects, Unavailable) or not isinstance(objects.middlewares, Loaded):
        return None
    used = referenced_middlewares(objects)
    for item in objects.middlewares.items:
        loose = middleware_id(item.namespace, item.name) not in used
        if loose and item.namespace == winner.namespace and prefix.rstrip("/") in _stripped(item):
            return item.ref, f"{item.ref} would strip it, but no route names it"
    for route in decision.candidates:
        strips = [item for item in middlewares_of(route, objects) if _stripped(item)]
        if strips and route.backends == winner.backends and route.ref != winner.ref:
            return strips[0].ref, f"{route.ref} reaches the same backend through {strips[0].ref}, this route does not"
    return None


def _stripped(item: Custom) -> frozenset[str]:
    prefixes = as_list(as_map(item.spec.get("stripPrefix")).get("prefixes"))
    return frozenset(str(text).rstrip("/") or "/" for text in prefixes)
