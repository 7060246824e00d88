"""The Gateway API's objects, and what they and their conditions say about one host."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.kube import Loaded, Resource
from ingressdoctor.evidence.routes import NOT_READ, BackendRef, Custom
from ingressdoctor.model.evidence import Unavailable

__all__ = ["GatewayCondition", "GatewayObjects", "GatewayParent", "GatewayRoute", "GatewayView"]


class GatewayObjects(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds of the Gateway API that were read; ``installed`` is False where the API server does not serve them.

    Gateways and classes are read where there are routes, grants and Namespaces where something depends on them. The
    fields are those of ``RoutingObjects``.
    """

    installed: bool = True
    http_routes: Loaded[Custom] | Unavailable = NOT_READ
    grpc_routes: Loaded[Custom] | Unavailable = NOT_READ
    gateways: Loaded[Custom] | Unavailable = NOT_READ
    gateway_classes: Loaded[Custom] | Unavailable = NOT_READ
    reference_grants: Loaded[Custom] | Unavailable = NOT_READ
    namespaces: Loaded[Resource] | Unavailable = NOT_READ

    @property
    def unread(self) -> tuple[Unavailable, ...]:
        """The kinds that something depends on and that could not be read."""
        kinds = (self.http_routes, self.grpc_routes, self.gateways, self.gateway_classes, self.reference_grants)
        return tuple(kind for kind in kinds if isinstance(kind, Unavailable) and kind is not NOT_READ)


class GatewayCondition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. ``place`` is whose it is; ``stale`` tells that it speaks of an older generation of the object."""

    place: str
    type: str
    status: str
    reason: str = ""
    message: str = ""
    stale: bool = False

    @property
    def said(self) -> str:
        """The condition in a few words."""
        message = f": {self.message}" if self.message else ""
        return f"{self.type}={self.status} ({self.reason or 'no reason'}){message}"


class GatewayParent(msgspec.Struct, frozen=True, kw_only=True):
    """One parentRef of a route: the Gateway that it means, its class, and what their controller says.

    ``exists`` is None where Gateways could not be read; ``listeners`` are all that the Gateway has, in words;
    ``meant`` tells that one of them is what section and port mean. ``class_known`` is None where classes could not be
    read; ``waiting`` is why no controller looks after the class, empty where one does. ``reported`` tells that some
    controller wrote a status for this parent. ``troubles`` are conditions of the Gateway and of the listeners meant
    that are not as they should be. ``attached`` is what the model says, None where it cannot tell; ``why`` in words.
    """

    ref: str
    section: str = ""
    port: int = 0
    exists: bool | None = True
    listeners: tuple[str, ...] = ()
    meant: bool = True
    class_name: str = ""
    class_known: bool | None = True
    controller: str = ""
    waiting: str = ""
    reported: bool = True
    accepted: GatewayCondition | None = None
    resolved: GatewayCondition | None = None
    troubles: tuple[GatewayCondition, ...] = ()
    attached: bool | None = True
    why: str = ""

    @property
    def named(self) -> str:
        """The parent with its listener."""
        port = f" port {self.port}" if self.port else ""
        return f"{self.ref} listener {self.section}" if self.section else f"{self.ref}{port}"


class GatewayRoute(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTPRoute or GRPCRoute of the host. ``serving`` tells that one of its rules takes the very request."""

    ref: str
    hostnames: tuple[str, ...] = ()
    parents: tuple[GatewayParent, ...] = ()
    unresolved: tuple[str, ...] = ()
    serving: bool = False


class GatewayView(msgspec.Struct, frozen=True, kw_only=True):
    """What the Gateway API has for the host.

    ``taker`` is the route that takes the request by the specification, with its backends, where it is a ``controller``
    other than Traefik that has accepted it; what Traefik takes is in the ``RouteDecision``.
    """

    installed: bool = True
    routes: tuple[GatewayRoute, ...] = ()
    taker: str = ""
    controller: str = ""
    backends: tuple[BackendRef, ...] = ()
    unread: tuple[Unavailable, ...] = ()
