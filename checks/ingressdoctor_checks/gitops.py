"""Does Argo CD own the route, and has it brought to the cluster what git says?

Judges what the Applications report; Argo CD is a convenience here, never a condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    GitOpsView,
    Remedy,
    RouteDecision,
    TrackedResource,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)

_ROUTES: Final = ("IngressRoute", "Ingress", "HTTPRoute", "GRPCRoute")
_WHERE: Final = "status of the Argo CD Applications"


@check(
    id="argocd.out-of-sync",
    title="Argo CD has brought the route to the cluster",
    step="controller",
    link="git → cluster",
    causes=(
        "argocd.not-applied",
        "argocd.sync-failed",
        "traefik.route-missing",
        "controller-404",
        "backend.service-missing",
        "backend.application-error",
        "http-503",
        "app-404",
    ),
)
def out_of_sync(decision: RouteDecision, view: GitOpsView | Unavailable) -> Iterator[Finding]:
    """A route that is in git and not in the cluster answers 404, and the cluster alone cannot say why."""
    if isinstance(view, Unavailable):
        if "not installed" in view.reason:
            yield skip("Argo CD is not installed.")
        else:
            yield unknown(
                f"Whether git holds a route for this host could not be told: {view.reason}.",
                enable_with=view.enable_with or "Allow list on applications (argoproj.io).",
            )
    elif not view.listed:
        yield (
            ok(f"The route is tracked by Application {view.application}: change it in git, not in the cluster.")
            if view.application
            else skip("No Argo CD Application tracks the route.")
        )
    else:
        yield _without_route(decision, view)


def _without_route(decision: RouteDecision, view: GitOpsView) -> Finding:
    host = decision.request.host
    missing = tuple(item for item in view.missing if item.kind in _ROUTES)
    related = tuple(item for item in missing if item.related)
    if missing:
        say = fail if related or len(missing) == 1 else warn
        return say(
            f"{(related or missing)[0].ref} is in git and not in the cluster: {_state(view)}"
            f"{'' if related else f'. It may be the route that {host} lacks'}"
            f"{f'; meanwhile {decision.winner.ref} answers in its place' if decision.winner else ''}.",
            subject=f"Application {view.application}",
            where=_WHERE,
            seen=_facts(view, missing),
            remedy=_remedy(view),
        )
    if any(item.related for item in view.stale):
        item = next(item for item in view.stale if item.related)
        return warn(
            f"Application {item.application} calls {item.ref} synced, but the cluster does not have it.",
            subject=f"Application {item.application}",
            where=_WHERE,
            seen=_facts(view, view.stale),
            remedy=_remedy(view),
        )
    if view.application and view.operation in ("Failed", "Error"):
        return warn(
            f"The last sync of Application {view.application} failed: {shorten(view.message or view.operation, 200)}",
            subject=f"Application {view.application}",
            where=_WHERE,
            seen=_facts(view, view.out_of_sync),
            remedy=_remedy(view),
        )
    return skip(f"No Argo CD Application tracks a route that is missing; {host} is not known to it by these names.")


def _state(view: GitOpsView) -> str:
    """Say in half a sentence why Argo CD has not brought it."""
    if view.operation in ("Failed", "Error"):
        return f"the last sync of Application {view.application} failed ({shorten(view.message or 'no reason', 160)})"
    trouble = next((text for text in view.conditions if text.partition(":")[0].endswith("Error")), "")
    if trouble:
        return f"Application {view.application} reports {shorten(trouble, 160)}"
    return f"Application {view.application} is {view.sync_status or 'not in sync'}, and has not been synced"


def _facts(view: GitOpsView, items: tuple[TrackedResource, ...]) -> dict[str, str]:
    found = {
        "objects": ", ".join(f"{item.ref} ({item.status})" for item in items[:5]),
        "sync": view.sync_status,
        "health": view.health_status,
        "last operation": f"{view.operation}: {shorten(view.message, 160)}" if view.operation else "",
        "conditions": "; ".join(view.conditions[:3]),
        "self-heal": "on" if view.self_heal else "off",
    }
    return {name: value for name, value in found.items() if value}


def _remedy(view: GitOpsView) -> Remedy:
    text = "Sync the Application, and see why it does not sync by itself."
    if view.self_heal:
        text += " Self-heal is on: repairs made in the cluster are reverted, so fix it in git."
    argo = ("kubectl", "-n", view.namespace or "argocd")
    commands: tuple[Command, ...] = (look(*argo, "get", "applications"),)
    if view.application:
        commands = (
            look(*argo, "describe", "application", view.application),
            changes("argocd", "app", "sync", view.application),
        )
    proof = look(*argo, "get", "application", view.application, "-o", "jsonpath={.status.sync.status}")
    return Remedy(text=text, commands=commands, proof=proof if view.application else None)
