"""Routing objects of the cluster, and what they decide for one request.

``RoutingObjects`` is what was read; ``RouteDecision`` is what the model in ``routing/traefik`` concludes from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from ingressdoctor.evidence.kube import Ingress, IngressClass, Loaded, Resource
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "BackendRef",
    "CandidateRoute",
    "Custom",
    "DropReason",
    "DroppedRoute",
    "KnownHosts",
    "Outcome",
    "RouteDecision",
    "RouteRequest",
    "RoutingObjects",
]


class Custom(Resource, frozen=True, kw_only=True):
    """A custom resource whose spec and status its reader interprets itself; both may hold anything."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingObjects:
    """Every routing object of the cluster, kind by kind; a kind that may not be read is Unavailable."""

    ingress_routes: Loaded[Custom] | Unavailable
    ingresses: Loaded[Ingress] | Unavailable
    middlewares: Loaded[Custom] | Unavailable
    ingress_classes: Loaded[IngressClass] | Unavailable
    traefik_services: Loaded[Custom] | Unavailable


class DropReason(StrEnum):
    """Why the controller does not have a route that exists as an object."""

    CLASS = "class"
    RULE = "rule"
    ENTRY_POINT = "entry-point"
    MIDDLEWARE_MISSING = "middleware-missing"
    MIDDLEWARE_CROSS_NAMESPACE = "middleware-cross-namespace"
    MIDDLEWARE_INVALID = "middleware-invalid"
    SERVICE_MISSING = "service-missing"
    SERVICE_PORT = "service-port"
    SERVICE_CROSS_NAMESPACE = "service-cross-namespace"
    SERVICE_EMPTY = "service-empty"
    EXTERNAL_NAME = "external-name"
    NAMESPACE = "namespace-not-watched"
    LABEL = "label-selector"
    PROVIDER = "provider-off"
    ANNOTATION = "annotation"
    TLS_OPTION = "tls-option"
    KIND = "kind"
    PRIORITY = "priority"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRequest:
    """One request as the controller sees it. ``host`` is lower case without a port; ``path`` is raw, no query."""

    host: str
    path: str = "/"
    query: str = ""
    method: str = "GET"
    tls: bool = True
    entry_point: str = ""
    sni: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    client_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRef:
    """The Service (or other backend) a route points at. ``port`` is a number or a name, as written."""

    kind: str
    namespace: str
    name: str
    port: str
    scheme: str = ""
    weight: int | None = None
    pass_host_header: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRoute:
    """One router on the entry point, in the order Traefik tries them.

    ``matches`` is True, False, or None when it cannot be decided (a matcher the model does not know); ``why`` says
    what matched or the first thing that did not.
    """

    ref: str
    rule: str
    priority: int
    entry_points: tuple[str, ...]
    matches: bool | None
    why: str
    backends: tuple[BackendRef, ...] = ()
    middlewares: tuple[str, ...] = ()
    tls_secret: str = ""
    tls: bool = False
    provider: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedRoute:
    """A route for the target's host that the controller silently or loudly leaves out.

    ``detail`` is Traefik's own text where it has one; ``log_line`` what it logs, empty when it says nothing;
    ``related`` the object or name that is at fault; ``matches`` whether the request would have been this route's,
    None when its rule cannot be judged.
    """

    ref: str
    rule: str
    reason: DropReason
    detail: str
    log_line: str = ""
    related: str = ""
    matches: bool | None = None
    backends: tuple[BackendRef, ...] = ()


class Outcome(StrEnum):
    """What the model concludes for the request."""

    ROUTED = "routed"
    NO_ROUTE = "no-route"
    AMBIGUOUS = "ambiguous"
    REDIRECT = "redirect"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecision:
    """Which router takes the request, which others stood by, and which were dropped.

    ``winner`` is set for ROUTED and REDIRECT; ``candidates`` are the live routes on the request's entry point that
    could take its host; ``elsewhere`` are live routes that would match on another entry point or without TLS;
    ``near`` are known hostnames that look like the target's; ``limits`` say what was not evaluated (unreadable
    kinds, unknown version, matchers outside the model); ``unread`` are the kinds and objects that could not be read
    and may hold a route that comes before the winner.
    """

    request: RouteRequest
    outcome: Outcome
    winner: CandidateRoute | None = None
    candidates: tuple[CandidateRoute, ...] = ()
    elsewhere: tuple[CandidateRoute, ...] = ()
    dropped: tuple[DroppedRoute, ...] = ()
    near: tuple[str, ...] = ()
    known_hosts: tuple[str, ...] = ()
    predicted_status: int | None = None
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHosts:
    """Every hostname that the cluster's routing objects name, with the objects that name it.

    ``unread`` says which kinds could not be read; a host that is missing here may then be named there.
    """

    hosts: Mapping[str, tuple[str, ...]]
    unread: tuple[Unavailable, ...] = ()

    def naming(self, hostname: str) -> tuple[str, ...]:
        """Return the objects that name the host itself or a wildcard over it."""
        wildcard = "*." + hostname.partition(".")[2]
        return (*self.hosts.get(hostname, ()), *self.hosts.get(wildcard, ()))
