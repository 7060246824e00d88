"""One request's way through the controller, and the routes of a whole set, with all that a reader needs to follow.

Values only: what was decided (``evidence/routes.py``) together with the port, middlewares, Services and endpoints
around it. Who decides, and how it looks, is others' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ingressdoctor.evidence.answer import PredictedAnswer, Shortfall
from ingressdoctor.evidence.backend import BackendView, PolicyVerdict
from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.routes import BackendRef, CandidateRoute, DroppedRoute, RouteDecision
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "BackendSight",
    "Clash",
    "ClashKind",
    "Comparison",
    "ControllerSight",
    "Difference",
    "HostRoutes",
    "MiddlewareSight",
    "PolicyLeg",
    "PolicySight",
    "ProxySight",
    "RouteQuestion",
    "RouteSet",
    "RouteView",
    "Skipped",
]


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the files that was not used, and why; ``where`` is ``file:line (document n)``.

    ``serious`` tells that a route may have been lost with it; False for what routing does not depend on.
    """

    where: str
    what: str
    serious: bool = True


class MiddlewareSight(msgspec.Struct, frozen=True, kw_only=True):
    """One middleware of the winner in the order of the request; ``depth`` is 1 and more inside a chain.

    ``ref`` is the object, or the qualified id where there is none; ``effect`` says what it does to the request.
    """

    ref: str
    type: str
    effect: str
    depth: int = 0


class BackendSight(msgspec.Struct, frozen=True, kw_only=True):
    """One backend of the winner: the Service with its endpoints, or why that could not be looked at."""

    ref: BackendRef
    view: BackendView | Unavailable


class PolicyLeg(StrEnum):
    """Which connection NetworkPolicies are asked about."""

    TO_CONTROLLER = "client to Traefik"
    TO_PODS = "Traefik to pods"


class PolicySight(msgspec.Struct, frozen=True, kw_only=True):
    """Whether NetworkPolicies let one connection of the way through, or why that could not be told.

    ``target`` is the Service whose pods are dialled.
    """

    leg: PolicyLeg
    target: str
    verdict: PolicyVerdict | Unavailable


class ProxySight(msgspec.Struct, frozen=True, kw_only=True):
    """What kube-proxy on one node does with a connection to a Service.

    ``address`` is the clusterIP that is dialled, empty for the node port ``port``; ``endpoints`` are where it may go as
    address:port. Without any it is refused, or ``dropped`` when only other nodes have some.
    """

    target: str
    port: int
    node: str
    address: str = ""
    endpoints: tuple[str, ...] = ()
    dropped: bool = False


class ControllerSight(msgspec.Struct, frozen=True, kw_only=True):
    """Which controller was asked: ``name`` is ``namespace/workload``, empty when none was found.

    ``kind`` is the program, "Traefik" or "ingress-nginx"; ``service`` the object in front of it, ``version`` empty when
    unknown, ``source`` where its static configuration is from ("args", "env", "file", "assumed").
    """

    kind: str = "Traefik"

    name: str
    service: str = ""
    version: str = ""
    source: str = ""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs between two controllers: what it is, how it is here, and how it is there."""

    what: str
    here: str
    there: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What another controller does with the same objects; no ``differences`` where it is all the same."""

    other: str
    differences: tuple[Difference, ...] = ()


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with everything around it.

    ``origin`` says where the objects are from ("the cluster", "3 files"); ``path`` is None when no Traefik is known
    whose Service could be followed; ``assumed`` says what was taken for granted. ``compared`` is set where it was asked
    what another controller than the real one would do.
    """

    url: str
    decision: RouteDecision
    controller: ControllerSight
    origin: str = "the cluster"
    path: PortPath | None = None
    middlewares: tuple[MiddlewareSight, ...] = ()
    backends: tuple[BackendSight, ...] = ()
    policies: tuple[PolicySight, ...] = ()
    proxied: tuple[ProxySight, ...] = ()
    assumed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = msgspec.field(default_factory=dict)
    compared: Comparison | None = None

    @property
    def answer(self) -> PredictedAnswer | None:
        """What the client is predicted to get, None where that is not known."""
        return self.decision.predicted


class ClashKind(StrEnum):
    """In which way routes of a set get in each other's way."""

    UNREACHABLE = "unreachable"
    PARTLY_SHADOWED = "partly-shadowed"
    NEVER_MATCHES = "never-matches"
    TIE = "tie"
    WIDER_FIRST = "wider-first"
    REDIRECTED = "redirected"
    PREFIX_SIBLING = "prefix-sibling"
    WAITS_FOR_CLIENT = "waits-for-client"

    @property
    def fails(self) -> bool:
        """Whether a route gets no request at all because of it."""
        return self in (ClashKind.UNREACHABLE, ClashKind.NEVER_MATCHES)

    @property
    def harmless(self) -> bool:
        """Whether it is usually meant so, and only worth knowing."""
        return self in (ClashKind.PREFIX_SIBLING, ClashKind.REDIRECTED)


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """One route that loses requests to another.

    ``route`` and ``by`` are objects, ``by`` empty when the rule itself is at fault; ``entry_points`` are those where
    it holds; ``example`` is a request to which it happens, as a URL; ``why`` one sentence.
    """

    kind: ClashKind
    host: str
    route: str
    rule: str
    priority: int
    entry_points: tuple[str, ...]
    why: str
    by: str = ""
    by_rule: str = ""
    by_priority: int = 0
    example: str = ""


class HostRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """One host with its live routes in the order they are tried, the clashes between them, and what was dropped.

    ``host`` is empty for routes without one.
    """

    host: str
    routes: tuple[CandidateRoute, ...]
    clashes: tuple[Clash, ...] = ()
    dropped: tuple[DroppedRoute, ...] = ()


class RouteSet(msgspec.Struct, frozen=True, kw_only=True):
    """Every route of a cluster or of a set of files, by host; ``shortfalls`` are parts of objects that do not count."""

    hosts: tuple[HostRoutes, ...]
    controller: ControllerSight
    routers: int
    origin: str = "the cluster"
    assumed: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = msgspec.field(default_factory=dict)

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """All clashes of all hosts."""
        return tuple(clash for host in self.hosts for clash in host.clashes)

    @property
    def dropped(self) -> int:
        """How many routes the controller leaves out; one that names several hosts counts once."""
        return len({(item.ref, item.rule) for host in self.hosts for item in host.dropped})


class RouteQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What about the request is asked beyond its URL; ``headers`` are (name, value) pairs, one line each."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    sni: str = ""
    entry_point: str = ""
