"""The Service that the request ends at, its endpoints and pods, and what stands in between."""

from __future__ import annotations

from dataclasses import dataclass

from ingressdoctor.evidence.kube import EndpointSlice, Event, NetworkPolicy, Node, Pod, Service, ServicePort
from ingressdoctor.evidence.routes import BackendRef
from ingressdoctor.model.evidence import Unavailable

__all__ = ["BackendView", "PolicyVerdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendView:
    """Everything about the winning route's Service.

    ``service`` is None when the API says 404: it does not exist (``siblings`` then names the Services of the
    namespace). ``port`` is the Service port the route means, None when there is no such port. ``pods`` are those the
    selector matches; ``namespace_pods`` counts all pods of the namespace. ``events`` and ``nodes`` are read only
    when some pod is not well; otherwise they are empty tuples.
    """

    ref: BackendRef
    route: str
    service: Service | None
    port: ServicePort | None
    slices: tuple[EndpointSlice, ...] | Unavailable
    pods: tuple[Pod, ...] | Unavailable
    near_pods: tuple[Pod, ...] = ()
    siblings: tuple[str, ...] = ()
    events: tuple[Event, ...] | Unavailable = ()
    nodes: tuple[Node, ...] | Unavailable = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """May the controller's pods open a connection to the backend's pods?

    ``allowed`` is None when it cannot be decided (``why`` says so); ``policies`` are those that select the pods;
    ``limits`` name what was not evaluated (CNI policies).
    """

    allowed: bool | None
    why: str
    policies: tuple[NetworkPolicy, ...] = ()
    deciding: str = ""
    limits: tuple[str, ...] = ()
