"""Routing objects of the cluster, and what they decide for one request.

``RoutingObjects`` is what was read; ``RouteDecision`` is what the model in ``routing/traefik`` concludes from it.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from ingressdoctor.evidence.answer import PredictedAnswer
from ingressdoctor.evidence.kube import EndpointSlice, Ingress, IngressClass, Loaded, Node, Resource, Service
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "NOT_READ",
    "BackendRef",
    "CandidateRoute",
    "Custom",
    "DropReason",
    "DroppedRoute",
    "HeaderLines",
    "KnownHosts",
    "Outcome",
    "RouteDecision",
    "RouteRequest",
    "RoutingObjects",
    "SecretShape",
]

T = TypeVar("T")

NOT_READ: Final = Unavailable(wanted="this kind", reason="not read: nothing asked for it")


class Custom(Resource, frozen=True, kw_only=True):
    """A custom resource whose spec and status its reader interprets itself; both may hold anything."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


class SecretShape(Resource, frozen=True, kw_only=True):
    """What may be known of a Secret without holding it: its type, its keys, and those with something in them."""

    type: str = "Opaque"
    keys: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()


class RoutingObjects(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every routing object of the cluster, kind by kind; a kind that may not be read is Unavailable.

    The kinds with a default are read only where a question needs them. ``NOT_READ`` means that nobody looked: the
    model then takes what refers to them as sound. A kind that is Loaded is complete: what it lacks does not exist.
    """

    ingress_routes: Loaded[Custom] | Unavailable
    ingresses: Loaded[Ingress] | Unavailable
    middlewares: Loaded[Custom] | Unavailable
    ingress_classes: Loaded[IngressClass] | Unavailable
    traefik_services: Loaded[Custom] | Unavailable
    ingress_route_tcps: Loaded[Custom] | Unavailable = NOT_READ
    ingress_route_udps: Loaded[Custom] | Unavailable = NOT_READ
    middleware_tcps: Loaded[Custom] | Unavailable = NOT_READ
    tls_options: Loaded[Custom] | Unavailable = NOT_READ
    tls_stores: Loaded[Custom] | Unavailable = NOT_READ
    servers_transports: Loaded[Custom] | Unavailable = NOT_READ
    servers_transport_tcps: Loaded[Custom] | Unavailable = NOT_READ
    services: Loaded[Service] | Unavailable = NOT_READ
    endpoint_slices: Loaded[EndpointSlice] | Unavailable = NOT_READ
    nodes: Loaded[Node] | Unavailable = NOT_READ
    secrets: Loaded[SecretShape] | Unavailable = NOT_READ
    certificates: Loaded[Custom] | Unavailable = NOT_READ
    gateway_classes: Loaded[Custom] | Unavailable = NOT_READ
    gateways: Loaded[Custom] | Unavailable = NOT_READ
    http_routes: Loaded[Custom] | Unavailable = NOT_READ
    grpc_routes: Loaded[Custom] | Unavailable = NOT_READ
    reference_grants: Loaded[Custom] | Unavailable = NOT_READ
    namespaces: Loaded[Resource] | Unavailable = NOT_READ

    def derived(self, make: Callable[[RoutingObjects], T]) -> T:
        """Return what the pure function *make* makes of these objects; made once, for all targets that ask."""
        made: dict[object, Any] = vars(self).setdefault("made", {})
        if make not in made:
            made[make] = make(self)
        value: T = made[make]
        return value


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
    SERVICE_OPTION = "service-option"
    SERVERS_TRANSPORT = "servers-transport"
    EXTERNAL_NAME = "external-name"
    NAMESPACE = "namespace-not-watched"
    LABEL = "label-selector"
    PROVIDER = "provider-off"
    ANNOTATION = "annotation"
    TLS_OPTION = "tls-option"
    KIND = "kind"
    PRIORITY = "priority"
    PARENT = "parent-route"
    COLLISION = "name-collision"
    DEFAULT_BACKEND = "default-backend"
    GATEWAY = "gateway"
    OTHER = "other"


class HeaderLines(Mapping[str, str]):
    """Header lines of a request as a mapping: a name's lines joined by commas, as RFC 9110 has it, any case.

    ``items`` gives every line as it was sent, a name that is repeated as often as it is.
    """

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self.lines = tuple(lines)

    def __getitem__(self, name: str) -> str:
        found = [value for key, value in self.lines if key.lower() == name.lower()]
        if not found:
            raise KeyError(name)
        return ", ".join(found)

    def __iter__(self) -> Iterator[str]:
        return iter({key.lower(): key for key, _ in reversed(self.lines)}.values())

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self.lines})

    def items(self) -> ItemsView[str, str]:
        """Return every line."""
        return _Lines(self)


class _Lines(ItemsView[str, str]):
    """The lines of a request in order, names repeated."""

    def __init__(self, headers: HeaderLines) -> None:
        super().__init__(headers)
        self._lines = headers.lines

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the controller sees it. ``host`` is lower case without a port; ``path`` is raw, no query.

    ``raw_port`` is set where no HTTP is spoken: the port of a protocol in which the server speaks first. Then TCP
    routes decide (``evidence/tcp_route.py``), and the decision that holds this request says nothing.
    """

    host: str
    path: str = "/"
    query: str = ""
    method: str = "GET"
    tls: bool = True
    entry_point: str = ""
    sni: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    client_ip: str = ""
    raw_port: int = 0


class BackendRef(msgspec.Struct, frozen=True, kw_only=True):
    """The Service (or other backend) a route points at. ``port`` is a number or a name, as written."""

    kind: str
    namespace: str
    name: str
    port: str
    scheme: str = ""
    weight: int | None = None
    pass_host_header: bool = True


class CandidateRoute(msgspec.Struct, frozen=True, kw_only=True):
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


class DroppedRoute(msgspec.Struct, frozen=True, kw_only=True):
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


class RouteDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Which router takes the request, which others stood by, and which were dropped.

    ``winner`` is set for ROUTED and REDIRECT; ``candidates`` are the live routes on the request's entry point that
    could take its host; ``elsewhere`` are live routes that would match on another entry point or without TLS;
    ``near`` are known hostnames that look like the target's; ``limits`` say what was not evaluated (unreadable
    kinds, unknown version, matchers outside the model); ``unread`` are the kinds and objects that could not be read
    and may hold a route that comes before the winner. ``predicted`` is what the client gets, None where nobody asked
    for that; ``predicted_status`` is its status when the controller itself answers.
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
    predicted: PredictedAnswer | None = None
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class KnownHosts(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every hostname that the cluster's routing objects name, with the objects that name it.

    ``unread`` says which kinds could not be read; a host that is missing here may then be named there.
    """

    hosts: Mapping[str, tuple[str, ...]]
    unread: tuple[Unavailable, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them; made once, for all targets that ask."""
        made: dict[str, tuple[str, ...]] = vars(self)
        if "names" not in made:
            made["names"] = tuple(self.hosts)
        return made["names"]

    def naming(self, hostname: str) -> tuple[str, ...]:
        """Return the objects that name the host itself or a wildcard over it."""
        wildcard = "*." + hostname.partition(".")[2]
        return (*self.hosts.get(hostname, ()), *self.hosts.get(wildcard, ()))
