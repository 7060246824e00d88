"""What the checks of the Gateway API share: whether there is a route to judge, names and commands. Holds no check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    GatewayCondition,
    GatewayParent,
    GatewayRoute,
    GatewayView,
    Inapplicable,
    OutsideProbe,
    RouteDecision,
    Unavailable,
    changes,
    fail,
    look,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import works

__all__ = [
    "GRANT",
    "LINK",
    "STATUS",
    "edit_route",
    "own_troubles",
    "routes_of",
    "see_gateway",
    "see_route",
    "taker",
    "verb",
]

LINK: Final = "Gateway → route"
STATUS: Final = "status of the route and of its Gateway"
GRANT: Final = "Allow list on httproutes, grpcroutes, gateways and gatewayclasses (gateway.networking.k8s.io)."


def routes_of(view: GatewayView | Unavailable) -> tuple[GatewayRoute, ...] | Finding:
    """Return the host's routes, or the finding that says why there is none to judge."""
    if isinstance(view, Inapplicable):
        return skip(f"The Gateway API has no part in it: {view.reason}.")
    if isinstance(view, Unavailable):
        return unknown(f"The Gateway API could not be looked at: {view.reason}.", enable_with=view.enable_with or GRANT)
    if view.routes:
        return view.routes
    if view.unread:
        gap = view.unread[0]
        return unknown(
            f"Whether a route of the Gateway API names the host could not be told: {gap.reason}.",
            enable_with=gap.enable_with or GRANT,
        )
    if not view.installed:
        return skip("The Gateway API is not installed.")
    return skip("No HTTPRoute or GRPCRoute names the host.")


def taker(decision: RouteDecision | Unavailable, view: GatewayView | Unavailable) -> str:
    """Return the route that takes the request by what is written; empty when none does."""
    if isinstance(decision, RouteDecision) and decision.winner is not None:
        return decision.winner.ref
    return "" if isinstance(view, Unavailable) else view.taker


def verb(
    decision: RouteDecision | Unavailable,
    view: GatewayView | Unavailable,
    outside: OutsideProbe | Unavailable,
    concerned: tuple[GatewayRoute, ...],
) -> Callable[..., Finding]:
    """Return fail where the request goes without its route because of *concerned*, warn where it is served anyway.

    It is served by another route, by another parent of the same one, or as can be seen.
    """
    taken = taker(decision, view)
    mine = [route for route in concerned if route.ref == taken]
    if taken and (not mine or works(outside) or any(_sound(one) for route in mine for one in route.parents)):
        return warn
    return fail


def own_troubles(parent: GatewayParent) -> tuple[GatewayCondition, ...]:
    """Return the bad conditions of the very listeners that a parentRef means."""
    return tuple(one for one in parent.troubles if one.place != parent.ref)


def _sound(parent: GatewayParent) -> bool:
    there = bool(parent.exists) and parent.meant and parent.class_known is not False and not parent.waiting
    refused = parent.accepted is not None and parent.accepted.status == "False"
    return there and parent.attached is not False and not refused and not own_troubles(parent)


def see_route(route: GatewayRoute) -> Command:
    """Return the command that shows a route with its status."""
    kind, _, where = route.ref.partition(" ")
    namespace, _, name = where.partition("/")
    return look("kubectl", "-n", namespace, "get", f"{kind.lower()}s.gateway.networking.k8s.io/{name}", "-o", "yaml")


def edit_route(route: GatewayRoute) -> Command:
    """Return the command that edits a route."""
    kind, _, where = route.ref.partition(" ")
    namespace, _, name = where.partition("/")
    return changes("kubectl", "-n", namespace, "edit", f"{kind.lower()}s.gateway.networking.k8s.io/{name}")


def see_gateway(parent: GatewayParent) -> Command:
    """Return the command that shows a Gateway with its status, or all of them where it does not exist."""
    namespace, _, name = parent.ref.partition(" ")[2].partition("/")
    if not parent.exists:
        return look("kubectl", "get", "gateways.gateway.networking.k8s.io", "-A")
    return look("kubectl", "-n", namespace, "describe", f"gateways.gateway.networking.k8s.io/{name}")
