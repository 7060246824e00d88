"""Rules that Traefik accepts and that match nothing, and two objects that want to be the same router.

A rule that does not parse is judged in ``traefik_dropped``.
Source: Traefik's matchers v3 (host without port, RE2 without templates, Query with two arguments), its router names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Custom,
    DroppedRoute,
    DropReason,
    Finding,
    Loaded,
    Outcome,
    Remedy,
    RouteDecision,
    RouteTrouble,
    RoutingObjects,
    Target,
    Unavailable,
    as_list,
    as_map,
    changes,
    check,
    fail,
    ok,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import (
    API,
    LINK_ROUTE,
    ROUTE_EFFECTS,
    STEP,
    describe,
    edit,
    names_host,
    never_matches,
    proof_of,
)
from ingressdoctor_checks.traefik_objects import ingresses_of
from ingressdoctor_checks.undecided import undecided

__all__ = ["default_backend", "id_collision", "rule_never_matches"]

_MAX_TEMPLATE: Final = 2_000
_NOT_ALNUM: Final = re.compile(r"[^0-9A-Za-z]+")
_TEMPLATE: Final = re.compile(r"HostRegexp\(\s*[`\"][^`\"]*\{[^`\"]*\}([^`\"{}]*)[`\"]", re.IGNORECASE)


@check(
    id="traefik.rule-never-matches",
    title="The rules of the host's routes can match a request",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def rule_never_matches(trouble: RouteTrouble, objects: RoutingObjects | Unavailable) -> Iterator[Finding]:
    """Rules of the second version's syntax, ports in a Host, wildcards before v3.7: accepted, and dead."""
    fine = "Every rule that names the host can match a request."
    if trouble.of is None:
        yield ok(fine)
        return
    decision, target = trouble.of
    dead = {(route.ref, route.detail): route for route in decision.dropped if never_matches(route)}
    for route in dead.values():
        lost = _is_lost(decision, target)
        say = fail if lost else warn
        why = route.detail.partition(": ")[2] or route.detail
        yield say(
            f"The rule of {route.ref} is accepted by Traefik and can match no request: {why}.",
            subject=route.ref,
            where=API,
            seen={"rule": route.rule, "Traefik": "logs nothing about it"},
            remedy=Remedy(
                text=_cure(route),
                commands=(describe(route.ref), changes(*edit(route.ref))),
                proof=proof_of(target),
            ),
        )
    if dead:
        return
    template = _template_of(objects, target) if decision.outcome is Outcome.NO_ROUTE else None
    if template is not None:
        item, rule = template
        yield fail(
            f"The rule of {item.ref} looks written for {target.hostname}, but its braces are a template of Traefik 2, "
            "which version 3 takes for plain text.",
            subject=item.ref,
            where=API,
            seen={"rule": rule, "Traefik": "logs nothing about it"},
            remedy=Remedy(
                text="Write a regular expression, anchored: HostRegexp(`^[a-z0-9-]+\\.example\\.com$`).",
                commands=(describe(item.ref), changes(*edit(item.ref))),
                proof=proof_of(target),
            ),
        )
        return
    yield undecided(decision) or ok(fine)


def _is_lost(decision: RouteDecision, target: Target) -> bool:
    """Tell whether the request is without a route of its host."""
    if decision.outcome is Outcome.NO_ROUTE:
        return True
    winner = decision.winner
    return winner is not None and decision.outcome is Outcome.ROUTED and not names_host(winner.rule, target.hostname)


def _cure(route: DroppedRoute) -> str:
    text = "Write the host as visitors send it, in lower case, without scheme and port."
    rule = route.rule.lower()
    if "query" in rule and "=" in rule:
        text = "Write key and value as two arguments: Query(`key`, `value`)."
    elif "{" in rule:
        text = "Write a regular expression (HostRegexp, PathRegexp), or set syntax: v2 on the route until then."
    elif "*" in rule:
        text = "Upgrade Traefik to v3.7, or write HostRegexp(`^[a-z0-9-]+\\.example\\.com$`)."
    return text


def _template_of(objects: RoutingObjects | Unavailable, target: Target) -> tuple[Custom, str] | None:
    """Return an IngressRoute whose host template ends like the host; its rule names no host that could be searched."""
    if isinstance(objects, Unavailable) or not isinstance(objects.ingress_routes, Loaded):
        return None
    for item in objects.ingress_routes.items:
        for raw in as_list(item.spec.get("routes")):
            rule = str(as_map(raw).get("match") or "")[:_MAX_TEMPLATE]
            if as_map(raw).get("syntax") == "v2":
                continue
            for ending in _TEMPLATE.findall(rule):
                if ending.count(".") >= 2 and target.hostname.endswith(ending.lower()):
                    return item, rule
    return None


@check(
    id="traefik.id-collision",
    title="No two routes want to be the same router",
    step=STEP,
    link=LINK_ROUTE,
)
def id_collision(decision: RouteDecision, objects: RoutingObjects | Unavailable, target: Target) -> Iterator[Finding]:
    """Traefik joins namespace and name with a hyphen; equal ids overwrite each other without a word."""
    if isinstance(objects, Unavailable) or not isinstance(objects.ingress_routes, Loaded):
        yield unknown(
            "Whether routes overwrite each other could not be seen.",
            enable_with="Allow list on ingressroutes (traefik.io) in all namespaces.",
        )
        return
    clashes = [(rule, items) for rule, items in objects.derived(_clashes) if names_host(rule, target.hostname)]
    for rule, items in clashes:
        refs = list(dict.fromkeys(item.ref for item in items))
        what = f"{refs[0]} holds the same rule twice" if len(refs) == 1 else f"{' and '.join(refs)} get the same id"
        yield warn(
            f"{what}; Traefik keeps one of them and drops the other without a word.",
            subject=refs[0],
            where=API,
            seen={"rule": rule, "objects": ", ".join(item.ref for item in items)},
            remedy=Remedy(
                text="Rename one of the objects, or remove the rule that is there twice.",
                commands=(*(describe(ref) for ref in refs[:2]), changes(*edit(refs[0]))),
                proof=proof_of(target),
            ),
        )
    if not clashes:
        yield ok("Every route of the host has an id of its own.")


def _clashes(objects: RoutingObjects) -> tuple[tuple[str, tuple[Custom, ...]], ...]:
    """Return the rules that more than one route under the same id has, with the objects of these routes."""
    owners: dict[tuple[str, str], list[Custom]] = {}
    for item in objects.ingress_routes.items if isinstance(objects.ingress_routes, Loaded) else ():
        name = _NOT_ALNUM.sub("-", f"{item.namespace}-{item.name}")
        for raw in as_list(item.spec.get("routes")):
            owners.setdefault((name, str(as_map(raw).get("match") or "")), []).append(item)
    return tuple((rule, tuple(items)) for (_, rule), items in owners.items() if len(items) > 1)


@check(
    id="traefik.default-backend",
    title="Default backends take what they seem to take",
    step=STEP,
    link=LINK_ROUTE,
)
def default_backend(
    decision: RouteDecision, objects: RoutingObjects | Unavailable, target: Target
) -> Iterator[Finding]:
    """Traefik honours spec.defaultBackend only in an Ingress without rules, and only one of them."""
    if isinstance(objects, Unavailable) or not isinstance(objects.ingresses, Loaded):
        yield unknown(
            "Default backends could not be looked at: the Ingresses could not be read.",
            enable_with="Allow list on ingresses (networking.k8s.io) in all namespaces.",
        )
        return
    unlikely = objects.derived(_with_both)
    live = sorted({route.ref for route in decision.candidates} & unlikely) if unlikely else ()
    found = {
        item.ref: "the Ingress has rules"
        for item in ingresses_of(live, objects)
        if any((rule.host or "").lower() == target.hostname for rule in item.spec.rules or ())
    }
    for route in decision.dropped:
        if route.reason is DropReason.DEFAULT_BACKEND:
            found.setdefault(route.ref, "it has rules, or another Ingress has a default backend already")
    for ref, why in found.items():
        lost = f": nothing takes {target.path}" if decision.outcome is Outcome.NO_ROUTE else ""
        yield warn(
            f"Traefik ignores the defaultBackend of {ref}, because {why}{lost}.",
            subject=ref,
            where=API,
            seen={"defaultBackend": "set", "ignored because": why},
            remedy=Remedy(
                text="Add a rule for the host with the path / and this backend; keep one default backend per Traefik.",
                commands=(describe(ref), changes(*edit(ref))),
                proof=proof_of(target),
            ),
        )
    if not found:
        yield undecided(decision) or ok("No default backend is ignored.")


def _with_both(objects: RoutingObjects) -> frozenset[str]:
    """Return the Ingresses that have rules and a default backend."""
    items = objects.ingresses.items if isinstance(objects.ingresses, Loaded) else ()
    return frozenset(item.ref for item in items if item.spec.default_backend is not None and item.spec.rules)
