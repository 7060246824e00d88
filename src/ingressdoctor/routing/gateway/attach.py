"""Which listeners of which Gateway a route attaches to, and if none, why not, in the words of its conditions.

Source: gateway-api: apis/v1/shared_types.go (ParentReference, RouteConditionReason), gateway_types.go (AllowedRoutes),
httproute_types.go (Hostnames).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ingressdoctor.routing.gateway.shapes import Gateway, Listener, Parent, Route
from ingressdoctor.routing.selectors import selector_matches

__all__ = ["Attachment", "Refusal", "attach", "host_matches", "intersect"]

Labels = Mapping[str, Mapping[str, str]]
"""Labels of Namespaces by name; one that is missing was not read."""


class Refusal(StrEnum):
    """Why a parent takes nothing of a route; all but the first are reasons of the condition Accepted."""

    NO_GATEWAY = "the Gateway does not exist"
    NO_LISTENER = "NoMatchingParent"
    NOT_ALLOWED = "NotAllowedByListeners"
    HOSTNAME = "NoMatchingListenerHostname"


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one parentRef: the listeners that take the route, each with the hostnames that they share.

    ``refusal`` is None where a listener takes it; ``undecided`` tells that labels of the route's Namespace are needed
    and were not read. ``meant`` are the listeners that section and port mean.
    """

    parent: Parent
    gateway: Gateway | None = None
    listeners: tuple[tuple[Listener, tuple[str, ...]], ...] = ()
    meant: tuple[Listener, ...] = ()
    refusal: Refusal | None = None
    undecided: bool = False


def attach(route: Route, parent: Parent, gateways: Mapping[tuple[str, str], Gateway], labels: Labels) -> Attachment:
    """Say what becomes of one parentRef of a route; *gateways* are by namespace and name."""
    gateway = gateways.get((parent.namespace, parent.name))
    if gateway is None:
        return Attachment(parent=parent, refusal=Refusal.NO_GATEWAY)
    meant = tuple(item for item in gateway.listeners if _is_meant(item, parent))
    verdicts = [(item, _allowed(item, gateway, route, labels)) for item in meant]
    allowing = tuple(item for item, verdict in verdicts if verdict)
    taking = tuple(
        (item, shared) for item in allowing if (shared := intersect(item.hostname, route.hostnames)) is not None
    )
    undecided = any(
        verdict is None and intersect(item.hostname, route.hostnames) is not None for item, verdict in verdicts
    )
    refusal: Refusal | None = None
    if not taking and not undecided:
        refusal = Refusal.HOSTNAME if allowing else Refusal.NOT_ALLOWED if meant else Refusal.NO_LISTENER
    return Attachment(
        parent=parent, gateway=gateway, listeners=taking, meant=meant, refusal=refusal, undecided=undecided
    )


def _is_meant(listener: Listener, parent: Parent) -> bool:
    return parent.section in ("", listener.name) and parent.port in (0, listener.port)


def _allowed(listener: Listener, gateway: Gateway, route: Route, labels: Labels) -> bool | None:
    if route.kind not in listener.kinds:
        return False
    if listener.namespaces == "All":
        return True
    if listener.namespaces != "Selector":
        return route.namespace == gateway.namespace
    known = labels.get(route.namespace)
    own = {"kubernetes.io/metadata.name": route.namespace, **(known or {})}
    return selector_matches(listener.selector, own, complete=known is not None)


def intersect(listener: str, route: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the hostnames that a listener and a route share, none at all meaning any; None when there is none.

    Of a name and a wildcard over it, or of two wildcards, it is the narrower one.
    """
    if not listener:
        return route
    if not route:
        return (listener,)
    shared = tuple(found for name in route if (found := _narrower(listener, name)))
    return shared or None


def _narrower(one: str, other: str) -> str:
    if one == other or _covers(one, other):
        return other
    return one if _covers(other, one) else ""


def _covers(wildcard: str, name: str) -> bool:
    return wildcard.startswith("*.") and name.endswith(wildcard[1:]) and name != wildcard


def host_matches(pattern: str, host: str) -> bool:
    """Tell whether a hostname of a route or listener takes a host; a wildcard takes any number of labels."""
    return pattern in ("", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
