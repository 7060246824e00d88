"""Do the host's routes of the Gateway API hang on a Gateway that takes them, and do their references lead anywhere?

The conditions are the controllers' own words. A failure where the request goes without its route, a warning where
another one takes it. Source: gateway-api: reasons of the conditions Accepted and ResolvedRefs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    GatewayParent,
    GatewayRoute,
    GatewayView,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Target,
    Unavailable,
    check,
    fail,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.gateway_common import (
    GRANT,
    LINK,
    STATUS,
    edit_route,
    routes_of,
    see_gateway,
    see_route,
    taker,
    verb,
)
from ingressdoctor_checks.outside_view import works
from ingressdoctor_checks.traefik_common import STEP, proof_of

__all__ = ["parent_missing", "refs_not_resolved", "route_not_accepted"]

_NO_ROUTE: Final = ("traefik.route-missing", "controller-404", "app-404", "traefik.default-certificate")
_REASONS: Final = {
    "NoMatchingListenerHostname": "none of its hostnames is one that the listener takes",
    "NotAllowedByListeners": "the listener takes no routes of its kind or from its namespace",
    "NoMatchingParent": "no listener is what it means, or that listener does not work",
    "UnsupportedValue": "the controller does not support a value in it",
    "IncompatibleFilters": "its filters cannot stand together",
    "Pending": "the controller has not come to it yet",
}
_FIXES: Final = {
    "NoMatchingListenerHostname": "Let the route's hostnames and the listener's hostname intersect.",
    "NotAllowedByListeners": "Let the listener allow routes of this kind and namespace (allowedRoutes).",
}
_REFS: Final = {
    "BackendNotFound": "a backend that it names does not exist",
    "RefNotPermitted": "no ReferenceGrant lets it refer into another namespace",
    "InvalidKind": "it refers to a kind that the controller does not know as a backend",
    "UnsupportedProtocol": "the controller does not speak the protocol of the Service port",
}


@check(
    id="gateway.parent-missing",
    title="The Gateways and listeners that the host's routes name exist",
    step=STEP,
    link=LINK,
    causes=("gateway.route-not-accepted", *_NO_ROUTE),
)
def parent_missing(
    decision: RouteDecision | Unavailable,
    view: GatewayView | Unavailable,
    outside: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """A route whose parent does not exist belongs to nobody: no controller even writes a status."""
    routes = routes_of(view)
    if isinstance(routes, Finding):
        yield routes
        return
    found = False
    for route in routes:
        for parent in route.parents:
            if parent.exists is None:
                yield unknown(f"Whether {parent.ref} exists could not be told.", enable_with=GRANT)
                found = True
            elif not parent.exists or not parent.meant:
                yield _missing(route, parent, verb(decision, view, outside, (route,)), target)
                found = True
    if not found:
        names = tuple(dict.fromkeys(parent.named for route in routes for parent in route.parents))
        does = "exists" if len(names) == 1 else "exist"
        yield ok(f"{', '.join(names)} {does}.") if names else skip("The host's routes name no parent.")


def _missing(route: GatewayRoute, parent: GatewayParent, say: Callable[..., Finding], target: Target) -> Finding:
    if parent.exists:
        what = f"{parent.ref} has no listener {parent.section or f'on port {parent.port}'}"
    else:
        what = f"{parent.ref} does not exist"
    return say(
        f"{route.ref} names a parent that is not there: {what}.",
        subject=route.ref,
        where="Kubernetes API",
        seen={"parent": parent.named, "listeners": ", ".join(parent.listeners) or "none"},
        remedy=Remedy(
            text="Correct parentRefs (name, namespace, sectionName, port), or create the Gateway.",
            commands=(see_gateway(parent), edit_route(route)),
            proof=proof_of(target),
        ),
    )


@check(
    id="gateway.route-not-accepted",
    title="A Gateway has accepted the host's routes",
    step=STEP,
    link=LINK,
    causes=_NO_ROUTE,
)
def route_not_accepted(
    decision: RouteDecision | Unavailable,
    view: GatewayView | Unavailable,
    outside: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """Accepted is the controller's answer to the route, one for each parent; no answer means that nobody took it."""
    routes = routes_of(view)
    if isinstance(routes, Finding):
        yield routes
        return
    said = False
    for route in routes:
        for parent in route.parents:
            finding = _acceptance(route, parent, verb(decision, view, outside, (route,)), target)
            if finding is not None:
                yield finding
                said = True
    if not said:
        yield skip("No parent of the host's routes exists that could accept them.")


def _acceptance(
    route: GatewayRoute, parent: GatewayParent, say: Callable[..., Finding], target: Target
) -> Finding | None:
    if parent.exists is False or parent.class_known is False or parent.waiting:
        return None
    condition = parent.accepted
    if condition is not None and condition.status == "True" and not (condition.stale and parent.attached is False):
        return ok(f"{parent.named} has accepted {route.ref}.", subject=route.ref, where=STATUS)
    reason = condition.reason if condition is not None and condition.status != "True" else parent.why
    words = _REASONS.get(reason, reason or "it does not say why")
    if condition is None:
        summary = f"No controller has taken {route.ref}: nobody wrote a status for {parent.named}."
        if parent.why:
            summary = f"{summary[:-1]}, and {words}."
    else:
        summary = f"{parent.named} does not accept {route.ref}: {words} ({reason or 'no reason'})."
    if condition is not None and condition.stale:
        summary += " That is said of an older version of the route."
        say = warn if parent.attached else say
    return say(
        summary,
        subject=route.ref,
        where=STATUS,
        seen={
            "condition": shorten(condition.said, 200) if condition is not None else "none",
            "hostnames of the route": ", ".join(route.hostnames) or "any",
            "listeners": ", ".join(parent.listeners) or "none",
        },
        remedy=Remedy(
            text=_FIXES.get(reason, "Correct what the condition names; its controller writes it anew within seconds."),
            commands=(see_route(route), see_gateway(parent), edit_route(route)),
            proof=proof_of(target),
        ),
    )


@check(
    id="gateway.refs-not-resolved",
    title="What the host's routes refer to exists and may be referred to",
    step=STEP,
    link="route → backend",
    causes=(
        *("backend.service-missing", "backend.port-missing", "backend.application-error", "http-500", "edge-500"),
        *("http-503", "grpc.status", *_NO_ROUTE),
    ),
)
def refs_not_resolved(
    decision: RouteDecision | Unavailable,
    view: GatewayView | Unavailable,
    outside: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """The share of a backend that does not resolve is answered with 500, whatever the others do."""
    routes = routes_of(view)
    if isinstance(routes, Finding):
        yield routes
        return
    taken = taker(decision, view)
    for route in routes:
        bad = next((one.resolved for one in route.parents if one.resolved and one.resolved.status == "False"), None)
        if bad is None and not route.unresolved:
            yield ok(f"Every reference of {route.ref} resolves.", subject=route.ref, where=STATUS)
            continue
        reason = bad.reason if bad is not None else "RefNotPermitted"
        say = fail if taken in ("", route.ref) and not works(outside) else warn
        words = _REFS.get(reason, reason or "the controller does not say why")
        yield say(
            f"A reference of {route.ref} does not resolve: {words}; its share of the requests is answered with 500.",
            subject=route.ref,
            where=STATUS,
            seen={
                "condition": shorten(bad.said, 240) if bad is not None else "none yet",
                "not permitted": ", ".join(route.unresolved[:4]),
            },
            remedy=Remedy(
                text=_fix_of(reason),
                commands=(see_route(route), edit_route(route)),
                proof=proof_of(target),
            ),
        )


def _fix_of(reason: str) -> str:
    if reason == "RefNotPermitted":
        return "Create a ReferenceGrant in the namespace of the backend: from this kind and namespace, to Service."
    return "Correct backendRefs (name, namespace, port), or create the Service that they name."
