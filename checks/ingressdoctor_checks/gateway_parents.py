"""Does somebody look after the Gateways of the host's routes, and are their listeners in service?

Source: gateway-api: conditions of GatewayClass, Gateway and its listeners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    GatewayCondition,
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
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.gateway_common import GRANT, LINK, STATUS, own_troubles, routes_of, see_gateway, verb
from ingressdoctor_checks.traefik_common import STEP, proof_of

__all__ = ["class_unknown", "not_programmed"]

_EFFECTS: Final = (
    "gateway.route-not-accepted",
    "traefik.route-missing",
    "controller-404",
    "app-404",
    "traefik.default-certificate",
)
_REASONS: Final = {
    "PortUnavailable": "no entry point of the controller has the listener's port",
    "HostnameConflict": "another listener has the same port and hostname",
    "ProtocolConflict": "another listener speaks another protocol on the same port",
    "DuplicateListener": "another listener has the same port, protocol and hostname",
    "InvalidCertificateRef": "the Secret of its certificate does not exist or cannot be used",
    "RefNotPermitted": "no ReferenceGrant lets it use a Secret of another namespace",
    "InvalidRouteKinds": "it allows kinds of routes that its protocol cannot carry",
    "UnsupportedProtocol": "the controller does not speak its protocol",
    "AddressNotAssigned": "it has no address yet",
    "NoResources": "the controller has no resources for it",
    "ListenersNotValid": "one of its listeners is not valid",
    "Pending": "the controller has not come to it yet",
}


@check(
    id="gateway.class-unknown",
    title="A controller looks after the Gateways of the host's routes",
    step=STEP,
    link="GatewayClass → controller",
    causes=("gateway.not-programmed", *_EFFECTS),
)
def class_unknown(
    decision: RouteDecision | Unavailable,
    view: GatewayView | Unavailable,
    outside: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """A Gateway of a class that no controller has accepted stays without a status for ever."""
    routes = routes_of(view)
    if isinstance(routes, Finding):
        yield routes
        return
    say = verb(decision, view, outside, routes)
    parents = {parent.ref: parent for route in routes for parent in route.parents if parent.exists}
    if not parents:
        yield _nothing(routes)
    for parent in parents.values():
        name = f"GatewayClass {parent.class_name}"
        if parent.class_known is None:
            yield unknown(f"Whether {name} exists could not be told.", enable_with=GRANT, subject=parent.ref)
        elif parent.class_known and not parent.waiting:
            yield ok(f"{parent.controller} looks after {parent.ref}.", subject=parent.ref)
        else:
            what = f"{name} does not exist" if not parent.class_known else f"{name}: {parent.waiting}"
            yield say(
                f"No controller looks after {parent.ref}: {what}.",
                subject=parent.ref,
                where="status of the GatewayClass",
                seen={"class": parent.class_name, "controller of the class": parent.controller or "unknown"},
                remedy=Remedy(
                    text="Name a class that a running controller has accepted, or switch its Gateway provider on.",
                    commands=(look("kubectl", "get", "gatewayclasses"), see_gateway(parent)),
                    proof=proof_of(target),
                ),
            )


@check(
    id="gateway.not-programmed",
    title="The Gateways and listeners of the host's routes are in service",
    step=STEP,
    link=LINK,
    causes=_EFFECTS,
)
def not_programmed(
    decision: RouteDecision | Unavailable,
    view: GatewayView | Unavailable,
    outside: OutsideProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """A listener that is not accepted, not programmed or in conflict takes no routes, whatever they say."""
    routes = routes_of(view)
    if isinstance(routes, Finding):
        yield routes
        return
    parents = [parent for route in routes for parent in route.parents if parent.exists]
    if not parents:
        yield _nothing(routes)
    say = verb(decision, view, outside, routes)
    for parent in {item.named: item for item in parents}.values():
        # What another listener lacks shows at the Gateway too, and is no matter of this host.
        mine = list(own_troubles(parent))
        others = [one for one in parent.troubles if one.reason != "ListenersNotValid"]
        blamed = mine or others or list(parent.troubles if say is fail else ())
        yield _trouble(parent, blamed, say, target) if blamed else _fine(parent)


def _nothing(routes: tuple[GatewayRoute, ...]) -> Finding:
    """Say why there is no Gateway to judge; one that could not be read is not one that does not exist."""
    if any(parent.exists is None for route in routes for parent in route.parents):
        return unknown("The Gateways of the host's routes could not be looked at.", enable_with=GRANT)
    return skip("No Gateway of the host's routes exists.")


def _fine(parent: GatewayParent) -> Finding:
    if parent.troubles:
        return ok(f"{parent.ref} has a listener that is not valid, but not one of this host's.", subject=parent.ref)
    return ok(f"{parent.named} is in service, as far as its status tells.", subject=parent.ref, where=STATUS)


def _trouble(
    parent: GatewayParent, blamed: list[GatewayCondition], say: Callable[..., Finding], target: Target
) -> Finding:
    first = blamed[0]
    place = first.place[:1].upper() + first.place[1:]
    if all(one.stale for one in blamed):
        say = warn
    return say(
        f"{place} is not in service: {_REASONS.get(first.reason, first.reason or 'it does not say why')}.",
        subject=parent.ref,
        where=STATUS,
        seen={
            "conditions": "; ".join(shorten(one.said, 160) for one in blamed[:4]),
            "listeners": ", ".join(parent.listeners),
        },
        remedy=Remedy(
            text="Correct the listener: port, hostname, protocol or certificateRefs, as the condition says.",
            commands=(see_gateway(parent),),
            proof=proof_of(target),
        ),
    )
