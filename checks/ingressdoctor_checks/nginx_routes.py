"""Has ingress-nginx a location for the request, and is it the one that was written for it?

Source: kubernetes/ingress-nginx store.go (classes), annotations.go (what costs an Ingress its place), controller.go
(the oldest Ingress keeps a path).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    DroppedRoute,
    DropReason,
    Finding,
    NginxDecision,
    Outcome,
    OutsideProbe,
    Remedy,
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
from ingressdoctor_checks.nginx_common import (
    LINK_ROUTE,
    NO_ROUTE,
    STEP,
    describe,
    edit,
    fails,
    logs_of,
    nginx_of,
    proof_of,
    serves,
)

__all__ = ["annotation_refused", "path_taken", "route_missing", "wrong_class"]

_API: Final = "Kubernetes API"
_LIST: Final = look("kubectl", "get", "ingress", "-A")
_CLASSES: Final = (DropReason.CLASS, DropReason.NAMESPACE, DropReason.DEFAULT_BACKEND)


@check(
    id="nginx.route-missing",
    title="ingress-nginx has a route for the request",
    step=STEP,
    link=LINK_ROUTE,
    causes=NO_ROUTE,
)
def route_missing(nginx: NginxDecision | Unavailable, target: Target) -> Iterator[Finding]:
    """Some Ingress that the controller takes names host and path."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    decision = found.decision
    winner = decision.winner
    if decision.outcome is Outcome.UNDECIDED:
        yield unknown(
            f"Which location takes {decision.request.path} cannot be told: {'; '.join(decision.limits)}.",
            enable_with="Ask nginx itself: its configuration is in the controller's pod.",
        )
    elif winner is not None:
        backends = ", ".join(f"{item.namespace}/{item.name}:{item.port}" for item in winner.backends)
        yield ok(
            f"{winner.ref} takes the request and sends it to {backends}.",
            subject=winner.ref,
            where=_API,
            seen={"location": winner.rule, "reached by": found.shown},
        )
    else:
        yield _no_route(found, target)


def _no_route(found: NginxDecision, target: Target) -> Finding:
    decision = found.decision
    host, path = decision.request.host, decision.request.path
    seen = {"host": host, "path": path, "reached by": found.shown}
    text = "Write the Ingress, or bring it from git if it is only there."
    commands = [_LIST]
    summary = f"ingress-nginx has no route for {host}{path}: no Ingress names the host."
    if decision.dropped:
        refs = ", ".join(dict.fromkeys(route.ref for route in decision.dropped))
        summary = f"ingress-nginx has no route for {host}: {refs} names the host, but is left out."
        text = "Correct the Ingress that is left out; its own finding says how."
        seen["left out because"] = decision.dropped[0].detail
        commands.append(describe(decision.dropped[0].ref))
    elif host in decision.known_hosts:
        summary = f"ingress-nginx has the host {host}, but no path of an Ingress takes {path}."
        text = "Widen the path of the Ingress, or add one."
    elif decision.near:
        seen["did you mean"] = ", ".join(decision.near)
        summary = f"ingress-nginx has no route for {host}; the nearest name that has one is {decision.near[0]}."
        text = "If the Ingress was meant for this host, correct its hostname; else write one, or bring it from git."
    if len(decision.known_hosts) <= 8:
        seen["hosts that it has"] = ", ".join(decision.known_hosts) or "none"
    return fail(
        summary,
        subject=f"host {host}",
        where=_API,
        seen=seen,
        remedy=Remedy(text=text, commands=tuple(commands), proof=proof_of(target)),
    )


@check(
    id="nginx.wrong-class",
    title="The Ingress is of a class that ingress-nginx takes",
    step=STEP,
    link="Ingress → ingress-nginx",
    causes=("nginx.route-missing", *NO_ROUTE),
)
def wrong_class(nginx: NginxDecision | Unavailable, target: Target) -> Iterator[Finding]:
    """By ingressClassName, else by the annotation; one without either is nobody's."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    concerned = [route for route in found.decision.dropped if route.reason in _CLASSES]
    if not concerned:
        yield ok("No Ingress of the host is left out because of its class.")
        return
    for route in {route.ref: route for route in concerned}.values():
        yield _of_class(found, route, target)


def _of_class(found: NginxDecision, route: DroppedRoute, target: Target) -> Finding:
    if found.decision.winner is not None:
        return ok(f"{route.ref} is not for this controller; another Ingress takes the request.", subject=route.ref)
    name, controller = found.classes
    what = "has no class at all" if route.detail.startswith("ingress does not contain") else "is of another class"
    if route.reason is not DropReason.CLASS:
        what = "is outside of what the controller watches"
    kind, _, full = route.ref.partition(" ")
    namespace, _, bare = full.rpartition("/")
    words = ("-n", namespace, "patch", kind.lower(), bare, "--type=merge", "-p")
    patch = f'{{"spec":{{"ingressClassName":"{name}"}}}}'
    return fail(
        f"{route.ref} names the host, but {what}, so that ingress-nginx leaves it out.",
        subject=route.ref,
        where=_API,
        seen={"the controller says": route.detail, "its class": f"{name} ({controller})", "rule": route.rule},
        remedy=Remedy(
            text=f"Set spec.ingressClassName to a class of {controller}, here {name}, and take out the annotation "
            "kubernetes.io/ingress.class. A default class counts for new Ingresses only.",
            commands=(look("kubectl", "get", "ingressclasses"), describe(route.ref), _patch(words, patch)),
            proof=proof_of(target),
        ),
    )


def _patch(words: tuple[str, ...], patch: str) -> Command:
    return changes("kubectl", *words, patch)


@check(
    id="nginx.annotation-refused",
    title="No annotation costs the Ingress its place",
    step=STEP,
    link="Ingress → ingress-nginx",
    causes=("nginx.route-missing", *NO_ROUTE),
)
def annotation_refused(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """One annotation that is too risky or invalid, and the whole Ingress is not loaded (or stays as it was)."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    concerned = [route for route in found.decision.dropped if route.reason is DropReason.ANNOTATION]
    if not concerned:
        yield ok("No annotation keeps an Ingress of the host from being loaded.")
        return
    for route in {route.ref: route for route in concerned}.values():
        say = warn if found.decision.winner is not None or serves(probe) else fail
        yield say(
            f"{route.ref} is not loaded because of an annotation: a new one is absent, a changed one stays as it was.",
            subject=route.ref,
            where=_API,
            seen={"the controller says": route.detail, "rule": route.rule},
            remedy=Remedy(
                text="Take the annotation out or correct its value. Snippets need allow-snippet-annotations and "
                "annotations-risk-level: Critical in the controller's ConfigMap.",
                commands=(describe(route.ref), logs_of(found.controller), edit(route.ref)),
                proof=proof_of(target),
            ),
        )


@check(
    id="nginx.path-taken",
    title="No older Ingress has the same host and path",
    step=STEP,
    link=LINK_ROUTE,
    causes=(
        *("app-404", "http-503", "http-500", "edge-502", "backend.application-error", "backend.service-missing"),
        *("backend.port-missing", "backend.no-endpoints", "backend.pods-not-ready"),
    ),
)
def path_taken(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """Of two Ingresses with one path the oldest serves it; the other is ignored without an event."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    winner = found.decision.winner
    if winner is None:
        yield skip("No Ingress takes the request, so none can be in another's way.")
        return
    mine = winner.rule.split(" ")[-1].strip('"').lstrip("^").rstrip("/")
    lost = [
        route
        for route in found.decision.dropped
        if route.reason is DropReason.COLLISION
        and route.related == winner.ref
        and route.ref != winner.ref
        and route.backends != winner.backends
        and route.rule.partition("/")[2].strip("/") == mine.strip("/")
    ]
    if not lost:
        yield ok(f"{winner.ref} is the only Ingress with this host and path.", subject=winner.ref)
        return
    say = fail if fails(probe) else warn
    yield say(
        f"{winner.ref} has this host and path already: {lost[0].ref}, which is younger, is ignored there.",
        subject=lost[0].ref,
        where=_API,
        seen={"served": winner.ref, "ignored": ", ".join(route.ref for route in lost), "path": lost[0].rule},
        remedy=Remedy(
            text="Take the path out of one of them; the oldest by creationTimestamp wins, whatever it says.",
            commands=(describe(winner.ref), describe(lost[0].ref), edit(winner.ref)),
            proof=proof_of(target),
        ),
    )
