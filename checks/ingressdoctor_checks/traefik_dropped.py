"""Routes that exist as objects and that Traefik does not have: wrong class, entry point, rule or middleware.

One check per reason. Each fails where the request is without a route because of it, and warns where another takes it.
Source: the drop reasons of Traefik's Kubernetes providers and of its runtime; most of them are never logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from ingressdoctor.api import (
    Controller,
    DroppedRoute,
    DropReason,
    Finding,
    Outcome,
    Remedy,
    RouteDecision,
    RouteTrouble,
    Target,
    Unavailable,
    changes,
    check,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import (
    API,
    ELSEWHERE,
    LINK_ROUTE,
    ROUTE_EFFECTS,
    STEP,
    blame,
    cannot_use_option,
    describe,
    edit,
    kube_name,
    names_host,
    never_matches,
    proof_of,
    split_ref,
)

__all__ = ["entry_point_missing", "middleware_cross_namespace", "middleware_missing", "rule_invalid", "wrong_class"]

_INVALID: Final = (
    *(DropReason.RULE, DropReason.KIND, DropReason.PRIORITY, DropReason.OTHER),
    *(DropReason.SERVICE_OPTION, DropReason.SERVERS_TRANSPORT, DropReason.PARENT),
)
_NO_MIDDLEWARE: Final = (DropReason.MIDDLEWARE_MISSING, DropReason.MIDDLEWARE_INVALID)
_CROSSING: Final = (DropReason.MIDDLEWARE_CROSS_NAMESPACE, DropReason.SERVICE_CROSS_NAMESPACE, DropReason.TLS_OPTION)


@check(
    id="traefik.wrong-class",
    title="The route's class, namespace and labels are ones that Traefik takes",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def wrong_class(trouble: RouteTrouble) -> Iterator[Finding]:
    """Traefik skips an object of another class without a word."""
    fine = "No route of the host is hidden from Traefik by its class."
    if trouble.of is None:
        yield ok(fine)
        return
    decision, target = trouble.of

    def say(route: DroppedRoute) -> tuple[str, Remedy]:
        kind, namespace, _ = split_ref(route.ref)
        remedy = Remedy(
            text="Give the object the class that this Traefik takes, or remove the class.",
            commands=(
                describe(route.ref),
                look("kubectl", "get", "ingressclasses"),
                changes("kubectl", "-n", namespace, "annotate", kube_name(route.ref), "kubernetes.io/ingress.class-"),
            ),
            proof=proof_of(target),
        )
        if route.reason is not DropReason.CLASS or kind == "Ingress":
            remedy = Remedy(
                text="Let the object and Traefik's provider options agree: class, watched namespaces, label selector.",
                commands=(describe(route.ref), look("kubectl", "get", "ingressclasses"), changes(*edit(route.ref))),
                proof=proof_of(target),
            )
        return f"Traefik ignores {route.ref}: {route.detail}.", remedy

    yield from blame(decision, target, ELSEWHERE, say, fine=fine)


@check(
    id="traefik.entry-point-missing",
    title="The route's entry points exist",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def entry_point_missing(
    decision: RouteDecision, controller: Controller | Unavailable, target: Target
) -> Iterator[Finding]:
    """A route is attached only to entry points that Traefik was started with, spelled exactly so."""
    if isinstance(controller, Unavailable) or controller.static.unreadable:
        why = controller.reason if isinstance(controller, Unavailable) else controller.static.unreadable
        if decision.outcome in (Outcome.ROUTED, Outcome.REDIRECT):
            yield skip("Which entry points Traefik has could not be read; a route takes the request all the same.")
            return
        yield unknown(
            f"Which entry points Traefik has could not be read: {why}.",
            enable_with="Allow list on pods of Traefik's namespace, or give Traefik its entry points as arguments.",
        )
        return
    existing = {point.name for point in controller.static.entry_points}

    def say(route: DroppedRoute) -> tuple[str, Remedy]:
        summary = f"{route.ref} asks for the entry point {route.related or '(none)'}, which Traefik does not have."
        text = f"Traefik has {', '.join(sorted(existing))}: name one of them, in the same letters."
        commands = (describe(route.ref), changes(*edit(route.ref)))
        return summary, Remedy(text=text, commands=commands, proof=proof_of(target))

    fine = "The entry points of the host's routes exist."
    partly = [
        (route.ref, sorted(set(route.entry_points) - existing))
        for route in decision.candidates
        if not existing.issuperset(route.entry_points) and names_host(route.rule, target.hostname)
    ]
    for ref, missing in dict(partly).items():
        yield warn(
            f"{ref} asks for {', '.join(missing)} too, which Traefik does not have; its other entry points work.",
            subject=ref,
            where=API,
            seen={"missing": ", ".join(missing), "existing": ", ".join(sorted(existing))},
            remedy=Remedy(text="Remove or correct the name.", commands=(describe(ref),), proof=proof_of(target)),
        )
    if not partly or any(route.reason is DropReason.ENTRY_POINT for route in decision.dropped):
        yield from blame(decision, target, (DropReason.ENTRY_POINT,), say, fine=fine)


@check(
    id="traefik.rule-invalid",
    title="The route's rule is one that Traefik accepts",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def rule_invalid(trouble: RouteTrouble) -> Iterator[Finding]:
    """A rule that does not parse takes its route out, whatever else is right about it."""
    fine = "The rules of the host's routes are valid."
    if trouble.of is None:
        yield ok(fine)
        return
    decision, target = trouble.of

    def say(route: DroppedRoute) -> tuple[str, Remedy]:
        column = route.detail.split(":")[1] if route.detail[:1].isdigit() and route.detail.count(":") >= 2 else ""
        where = f" at column {column}" if column else ""
        what = {
            DropReason.KIND: "{ref} asks for something that Traefik does not support",
            DropReason.PRIORITY: "the priority of {ref} is out of range",
            DropReason.SERVICE_OPTION: "an option beside the service in {ref} cannot be used",
            DropReason.SERVERS_TRANSPORT: "the ServersTransport of {ref} cannot be used",
            DropReason.PARENT: "the parent of {ref} cannot be used",
        }.get(route.reason, "the rule of {ref} is not valid" + where)
        summary = f"Traefik leaves a route out: {what.format(ref=route.ref)} ({route.detail})."
        text = "Correct it; join matchers with && and ||, put every value into backticks, one value per matcher."
        commands = (describe(route.ref), changes(*edit(route.ref)))
        return summary, Remedy(text=text, commands=commands, proof=proof_of(target))

    if decision.dropped:
        decision = replace(decision, dropped=tuple(route for route in decision.dropped if not never_matches(route)))
    yield from blame(decision, target, _INVALID, say, fine=fine)


@check(
    id="traefik.middleware-missing",
    title="The route's middlewares exist and are sound",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def middleware_missing(trouble: RouteTrouble) -> Iterator[Finding]:
    """One missing or broken middleware takes the whole route out: visitors get 404, not an unprotected page."""
    fine = "The middlewares of the host's routes exist."
    if trouble.of is None:
        yield ok(fine)
        return
    decision, target = trouble.of

    def say(route: DroppedRoute) -> tuple[str, Remedy]:
        namespace = split_ref(route.ref)[1]
        broken = route.reason is DropReason.MIDDLEWARE_INVALID
        state = "cannot be built" if broken else "does not exist"
        summary = f"Traefik leaves {route.ref} out, because its {_as_object(route)} {state}."
        text = "Create the middleware, or correct its name in the route."
        if broken:
            text = "Correct the middleware: exactly one type, and values that Traefik accepts."
        elif route.related.endswith("@kubernetes"):
            text = f"In an Ingress write the middleware as {namespace}-<name>@kubernetescrd."
        commands = (
            look("kubectl", "-n", namespace, "get", "middlewares.traefik.io"),
            describe(route.ref),
            changes(*edit(route.ref)),
        )
        return summary, Remedy(text=text, commands=commands, proof=proof_of(target))

    gaps = [limit for limit in decision.limits if "Middleware" in limit]
    if gaps and not any(route.reason in _NO_MIDDLEWARE for route in decision.dropped):
        yield unknown(
            f"Whether the route's middlewares exist could not be seen: {gaps[0]}.",
            enable_with="Allow list on middlewares (traefik.io) in all namespaces.",
        )
        return
    yield from blame(decision, target, _NO_MIDDLEWARE, say, fine=fine)


def _as_object(route: DroppedRoute) -> str:
    """Return the middleware as the object that is meant, where Traefik's own id of it tells that."""
    namespace, (name, _, provider) = split_ref(route.ref)[1], route.related.partition("@")
    if provider == "kubernetescrd" and name.startswith(f"{namespace}-"):
        return f"Middleware {namespace}/{name.removeprefix(f'{namespace}-')}"
    return f"middleware {route.related}"


@check(
    id="traefik.middleware-cross-namespace",
    title="The route refers only to objects that it may refer to",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def middleware_cross_namespace(trouble: RouteTrouble) -> Iterator[Finding]:
    """Without allowCrossNamespace a route may use only what is in its own namespace."""
    fine = "The host's routes refer to nothing outside their namespaces."
    if trouble.of is None:
        yield ok(fine)
        return
    decision, target = trouble.of

    def say(route: DroppedRoute) -> tuple[str, Remedy]:
        namespace = split_ref(route.ref)[1]
        summary = f"Traefik leaves {route.ref} out: it refers to {route.related}, outside its namespace {namespace}."
        text = (
            f"Put a copy into namespace {namespace} and refer to that, or start Traefik with "
            "--providers.kubernetescrd.allowCrossNamespace=true if every tenant may use every other's objects."
        )
        commands = (describe(route.ref), changes(*edit(route.ref)))
        return summary, Remedy(text=text, commands=commands, proof=proof_of(target))

    if decision.dropped:
        decision = replace(decision, dropped=tuple(item for item in decision.dropped if not cannot_use_option(item)))
    yield from blame(decision, target, _CROSSING, say, fine=fine)
