"""The Service that the request ends at, its endpoints and pods, and what stands in between."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

import msgspec

from ingressdoctor.evidence.kube import EndpointSlice, Event, NetworkPolicy, Pod, Service, ServicePort
from ingressdoctor.evidence.routes import BackendRef, DropReason, RouteDecision
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "BackendDialler",
    "BackendEndpoint",
    "BackendEndpoints",
    "BackendPolicies",
    "BackendView",
    "ChosenBackend",
    "PodMaker",
    "PolicySide",
    "PolicyVerdict",
    "RoutedBackend",
    "ServiceForm",
    "chosen_backend",
]

_ABOUT_SERVICES = (DropReason.SERVICE_MISSING, DropReason.SERVICE_PORT, DropReason.SERVICE_EMPTY)


class ChosenBackend(msgspec.Struct, frozen=True, kw_only=True):
    """The backend that a request ends at, or would end at if the controller had not dropped its route.

    ``route`` names the route object, or the rule of a tunnel; ``others`` are further backends of it; ``live`` is False
    for a dropped route. ``dialler`` is who connects to the backend. ``tunnel`` tells that a rule of cloudflared leads
    here, ``home`` where that rule is kept, as the words that kubectl takes after get or edit (empty: not in this
    cluster). ``nginx`` tells that it leads to ingress-nginx, which connects to the backend; ``listed`` are the Services
    of the namespace where somebody listed them already, else None. ``gateway`` tells that a Gateway leads to it whose
    controller is not known here, nor its pods.
    """

    ref: BackendRef
    route: str
    others: tuple[BackendRef, ...] = ()
    live: bool = True
    dialler: str = "the controller"
    tunnel: bool = False
    home: tuple[str, ...] = ()
    nginx: bool = False
    gateway: bool = False
    listed: tuple[Service, ...] | None = None


class RoutedBackend(msgspec.Struct, frozen=True, kw_only=True):
    """The backend that a route leads to, before tunnels and other controllers are considered."""

    chosen: ChosenBackend | Unavailable


class BackendDialler(msgspec.Struct, frozen=True, kw_only=True):
    """The pods that connect to the backend: the controller's, cloudflared's, or ingress-nginx's behind that."""

    pods: tuple[Pod, ...] | Unavailable


def chosen_backend(decision: RouteDecision) -> ChosenBackend | None:
    """Return the backend to look at: the winner's, else that of a route of the host which was dropped.

    Of several backends the first that gets any share (``weight`` other than 0). None when no route ends at a Service.
    """
    if decision.winner is not None:
        return _choose(decision.winner.ref, decision.winner.backends, live=True)
    dropped = sorted(decision.dropped, key=lambda route: route.reason not in _ABOUT_SERVICES)
    found = (_choose(route.ref, route.backends, live=False) for route in dropped)
    return next((item for item in found if item is not None), None)


def _choose(route: str, backends: tuple[BackendRef, ...], *, live: bool) -> ChosenBackend | None:
    services = [item for item in backends if item.kind in ("", "Service") and "@" not in item.name]
    weighty = [item for item in services if item.weight != 0] or services
    if not weighty:
        return None
    others = tuple(item for item in services if item is not weighty[0])
    return ChosenBackend(ref=weighty[0], route=route, others=others, live=live)


class ServiceForm(StrEnum):
    """How a Service comes to its endpoints."""

    SELECTOR = "selector"
    HEADLESS = "headless"
    MANUAL = "without a selector"
    EXTERNAL_NAME = "ExternalName"


class BackendEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address of one EndpointSlice, its conditions with the API's defaults for null.

    ``port`` is None when the slice has no port of the Service port's name. ``taken`` tells that the Traefik at hand
    makes a server of it, ``fenced`` that this server gets only the requests of sessions that stick to it.
    """

    address: str
    port: int | None
    pod: str = ""
    node: str = ""
    family: str = "IPv4"
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    taken: bool = True
    fenced: bool = False


class BackendEndpoints(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All EndpointSlices of one Service port, merged; each address and port once."""

    all: tuple[BackendEndpoint, ...] = ()

    @cached_property
    def servers(self) -> tuple[BackendEndpoint, ...]:
        """What Traefik balances over: taken, with a port; each address once, fenced ones included."""
        found: dict[str, BackendEndpoint] = {}
        for item in self.all:
            if item.taken and item.port is not None:
                found.setdefault(item.address, item)
        return tuple(found.values())

    @cached_property
    def fresh(self) -> tuple[BackendEndpoint, ...]:
        """The servers that get new sessions: those that are not on their way out."""
        return tuple([item for item in self.servers if not item.fenced])

    @cached_property
    def portless(self) -> tuple[BackendEndpoint, ...]:
        """Addresses that serve, in slices that lack the named port: nobody sends anything there."""
        return tuple(item for item in self.all if item.port is None and item.taken)


class PodMaker(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment whose pods the Service would select: how many it wants, and why it has none (if it says so)."""

    ref: str
    replicas: int
    message: str = ""


class BackendView(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything about the winning route's Service.

    ``service`` is None when the API says 404: it does not exist (``siblings`` then names the Services of the
    namespace). ``port`` is the Service port the route means, None when there is no such port. ``pods`` are those the
    selector matches; ``namespace_pods`` counts all pods of the namespace, or is None when they were not listed.
    ``events`` are read only when some pod is not well, ``near_pods`` and ``makers`` only when there is no pod;
    otherwise they are empty tuples. ``live`` is False when the controller dropped the route that names this backend;
    ``others`` are further backends of the route. ``dialler``, ``tunnel``, ``home`` and ``nginx`` are those of
    ``ChosenBackend``.
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
    makers: tuple[PodMaker, ...] = ()
    form: ServiceForm = ServiceForm.SELECTOR
    endpoints: BackendEndpoints | Unavailable = BackendEndpoints()
    others: tuple[BackendRef, ...] = ()
    live: bool = True
    namespace_pods: int | None = None
    dialler: str = "the controller"
    tunnel: bool = False
    home: tuple[str, ...] = ()
    nginx: bool = False

    @cached_property
    def serving(self) -> tuple[BackendEndpoint, ...]:
        """The endpoints that take new requests; none when they could not be read."""
        return () if isinstance(self.endpoints, Unavailable) else self.endpoints.fresh

    @cached_property
    def current_pods(self) -> tuple[Pod, ...]:
        """The selected pods that should be serving: neither finished nor being deleted."""
        if isinstance(self.pods, Unavailable):
            return ()
        return tuple(
            [
                pod
                for pod in self.pods
                if pod.status.phase not in ("Succeeded", "Failed") and not pod.metadata.deletion_timestamp
            ]
        )

    @cached_property
    def ready_pods(self) -> tuple[Pod, ...]:
        """Those of the current pods that can take traffic."""
        return tuple(pod for pod in self.current_pods if pod.ready) if self.unready_pods else self.current_pods

    @cached_property
    def unready_pods(self) -> tuple[Pod, ...]:
        """Those of the current pods that are not ready."""
        return tuple(pod for pod in self.current_pods if not pod.ready)


class PolicySide(msgspec.Struct, frozen=True, kw_only=True):
    """What the policies of one end say: of the destination's for "ingress", of the source's for "egress".

    ``deciding`` is the policy to look at, empty when none selects that end; ``rule`` numbers its rule, 0 for none.
    """

    direction: str
    allowed: bool | None
    why: str
    deciding: str = ""
    rule: int = 0


class BackendPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """The NetworkPolicies of the backend's namespace."""

    policies: tuple[NetworkPolicy, ...]


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """May the controller's pods open a connection to the backend's pods?

    ``allowed`` is None when it cannot be decided (``why`` says so); ``policies`` are those that select the pods;
    ``limits`` name what was not looked at, ``foreign`` policies of the network plugin's own kinds, which exist and were
    not evaluated (empty unless there was a doubt). ``deciding`` names the policy to look at first,
    ``rule`` the number of its rule (0: none comes near), ``direction`` is "ingress" or "egress", ``sides`` are both of
    them. ``source`` and ``destination`` are the pods judged, ``port`` the pod port. ``named`` is the policy that would
    let the dialling pods in if they did not live in their node's network, where no selector matches them.
    """

    allowed: bool | None
    why: str
    policies: tuple[NetworkPolicy, ...] = ()
    deciding: str = ""
    limits: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    direction: str = ""
    rule: int = 0
    sides: tuple[PolicySide, ...] = ()
    source: Pod | None = None
    destination: Pod | None = None
    port: int | None = None
    named: str = ""
