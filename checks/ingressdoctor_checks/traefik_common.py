"""What the Traefik checks share: names, commands, and which dropped routes are to blame. Holds no check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from ingressdoctor.api import (
    CandidateRoute,
    Clock,
    Command,
    Controller,
    DroppedRoute,
    DropReason,
    Finding,
    Outcome,
    Remedy,
    RouteDecision,
    Status,
    Target,
    fail,
    look,
    ok,
    warn,
)
from ingressdoctor_checks.traefik_objects import path_part
from ingressdoctor_checks.undecided import undecided

__all__ = [
    "ANSWERS",
    "API",
    "ELSEWHERE",
    "LINK_ROUTE",
    "ROUTE_EFFECTS",
    "STEP",
    "blame",
    "cannot_use_option",
    "describe",
    "edit",
    "explicit",
    "is_recent",
    "kube_name",
    "logs_of",
    "names_host",
    "never_matches",
    "proof_of",
    "split_ref",
    "weight_of",
]

STEP: Final = "controller"
LINK_ROUTE: Final = "Traefik → route"
API: Final = "Kubernetes API"
ROUTE_EFFECTS: Final = ("traefik.route-missing", "traefik.log-errors", "controller-404", "app-404")
# What visitors may see when the wrong route takes their request.
ANSWERS: Final = (
    *("http-400", "http-401", "http-403", "http-421", "http-429", "http-500", "http-502", "http-503", "http-504"),
    *("app-404", "controller-404", "redirect-loop", "edge-502", "edge-504", "response-timeout"),
    "backend.application-error",
)
ELSEWHERE: Final = (DropReason.CLASS, DropReason.NAMESPACE, DropReason.LABEL, DropReason.PROVIDER)
_PLURALS: Final = {
    "IngressRoute": "ingressroutes.traefik.io",
    "Ingress": "ingresses.networking.k8s.io",
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "GRPCRoute": "grpcroutes.gateway.networking.k8s.io",
    "Middleware": "middlewares.traefik.io",
    "TraefikService": "traefikservices.traefik.io",
    "Service": "services",
}
_NEVER: Final = "the rule is accepted but can never match"
_COMPLAINT_S: Final = 1_800.0
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_REF: Final = re.compile(r"(\w+) (?:([^/ ]+)/)?([^/ ]+)")


def split_ref(ref: str) -> tuple[str, str, str]:
    """Split ``Kind namespace/name`` into its parts; empty strings for what is not there."""
    match = _REF.fullmatch(ref)
    return (match.group(1), match.group(2) or "", match.group(3)) if match else ("", "", ref)


def kube_name(ref: str) -> str:
    """Return ``plural/name`` for kubectl."""
    kind, _, name = split_ref(ref)
    return f"{_PLURALS.get(kind, kind.lower())}/{name}"


def describe(ref: str) -> Command:
    """Return the command that shows an object whole."""
    return look("kubectl", "-n", split_ref(ref)[1], "get", kube_name(ref), "-o", "yaml")


def edit(ref: str) -> tuple[str, ...]:
    """Return the words of the command that edits an object."""
    return ("kubectl", "-n", split_ref(ref)[1], "edit", kube_name(ref))


def logs_of(controller: Controller) -> Command:
    """Return the command that shows the controller's log."""
    return look("kubectl", "-n", controller.namespace, "logs", "-l", "app.kubernetes.io/name=traefik", "--tail=100")


def proof_of(target: Target) -> Command:
    """Return the request that proves recovery."""
    return look("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}\\n", target.url)


def is_recent(line: str, clock: Clock) -> bool:
    """Tell whether a log line is of the last half hour; a line without a full date counts."""
    stamp = _STAMP.search(line)
    age = clock.seconds_since(stamp.group()) if stamp else None
    return age is None or age <= _COMPLAINT_S


def names_host(rule: str, hostname: str) -> bool:
    """Tell whether a rule names the host itself, or a wildcard over it."""
    text = rule.lower()
    if _quotes(text, hostname):
        return True
    return "*." in text and _quotes(text, "*." + hostname.partition(".")[2])


def _quotes(text: str, name: str) -> bool:
    return f"`{name}`" in text or f'"{name}"' in text


def explicit(route: CandidateRoute) -> bool:
    """Tell whether the route sets its priority itself; by default it is the length of the rule."""
    return route.priority != len(route.rule.encode("utf-8", "replace"))


def never_matches(route: DroppedRoute) -> bool:
    """Tell whether Traefik accepts the route's rule, which no request can match."""
    return route.reason is DropReason.RULE and route.detail.startswith(_NEVER)


def cannot_use_option(route: DroppedRoute) -> bool:
    """Tell whether the route is left out because its TLS option is missing or broken, not because of a namespace."""
    return route.reason is DropReason.TLS_OPTION and route.detail.startswith("building router handler")


def weight_of(route: DroppedRoute, decision: RouteDecision, hostname: str) -> Status:
    """Say how much a dropped route matters: a failure where the request is without its route because of it."""
    if route.matches is False:
        return Status.WARN
    if decision.outcome is Outcome.NO_ROUTE:
        return Status.FAIL
    winner = decision.winner
    if winner is None:
        return Status.WARN
    if not names_host(winner.rule, hostname):
        return Status.FAIL
    # Another route of the host stands in. Where the lost one was written for this very path, that is a wrong answer;
    # an object of another class may be meant for another controller.
    path = decision.request.path
    narrower = path_part(route.rule, path).narrowness > path_part(winner.rule, path).narrowness
    lost = narrower and bool(route.matches) and route.backends != winner.backends and route.reason not in ELSEWHERE
    return Status.FAIL if lost else Status.WARN


def blame(
    decision: RouteDecision,
    target: Target,
    reasons: tuple[DropReason, ...],
    say: Callable[[DroppedRoute], tuple[str, Remedy]],
    *,
    fine: str,
) -> Iterator[Finding]:
    """Yield one finding per route of the host that was dropped for one of *reasons*; *fine* when there is none."""
    concerned = [route for route in decision.dropped if route.reason in reasons]
    if not concerned:
        yield undecided(decision) or ok(fine)
        return
    seen: set[tuple[str, str]] = set()
    for route in concerned:
        if (route.ref, route.detail) in seen:
            continue
        seen.add((route.ref, route.detail))
        summary, remedy = say(route)
        facts = {"rule": route.rule, "Traefik": route.detail}
        if route.log_line:
            facts["log line to look for"] = route.log_line
        verb = fail if weight_of(route, decision, target.hostname) is Status.FAIL else warn
        yield verb(summary, subject=route.ref, where=API, seen=facts, remedy=remedy)
