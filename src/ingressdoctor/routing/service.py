"""From a Service to the addresses behind it: ports, targetPorts, and merged EndpointSlices as Traefik reads them.

Pure, and apart from what a check thinks of the result. Where kube-proxy sends a connection is the job of
``kube_proxy``, what a reference with nativeLB and the like becomes that of ``servers``.
Sources: kubernetes/endpointslice utils.go (FindPort); kubernetes/api discovery/v1/types.go; traefik
pkg/provider/kubernetes/crd/kubernetes_{http,tcp}.go and ingress/kubernetes.go of v2.11, v3.0 to v3.7, and
k8s/endpointslice_indexer.go for the order.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from ingressdoctor.evidence.backend import BackendEndpoint, BackendEndpoints, ServiceForm
from ingressdoctor.evidence.kube import (
    Container,
    EndpointConditions,
    EndpointSlice,
    Pod,
    Service,
    ServicePort,
)
from ingressdoctor.routing.release import Version

__all__ = [
    "SERVICE_LABEL",
    "belongs_in_slices",
    "form_of",
    "is_address",
    "merge",
    "service_port",
    "slices_of",
    "target_port",
]

SERVICE_LABEL: Final = "kubernetes.io/service-name"
_NOTHING_SAID: Final = EndpointConditions()
_FINISHED: Final = ("Succeeded", "Failed")
# Which condition makes a server, by release; before 3.1 the Endpoints object was read, which knows "ready" alone.
_SLICES_READ: Final = (3, 1, 0)
_SERVING_COUNTS: Final = (3, 3, 0)
_NULL_IS_SERVING: Final = (3, 6, 7)


def form_of(service: Service) -> ServiceForm:
    """Return how the Service comes to its endpoints."""
    spec = service.spec
    if spec.type == "ExternalName":
        return ServiceForm.EXTERNAL_NAME
    if not spec.selector:
        return ServiceForm.MANUAL
    return ServiceForm.HEADLESS if spec.cluster_ip == "None" else ServiceForm.SELECTOR


def service_port(service: Service, wanted: str) -> ServicePort | None:
    """Return the Service port that a route means by a number or a name.

    Numbers are those of ``ports[].port``; a targetPort is never meant. Kubernetes gives no port a name of digits only.
    """
    if wanted.isascii() and wanted.isdecimal():
        number = int(wanted)
        for item in service.ports:
            if item.port == number:
                return item
        return None
    return next((item for item in service.ports if wanted and item.name == wanted), None)


def target_port(port: ServicePort, pod: Pod) -> int | None:
    """Return the number that *port* means on one pod, or None when the pod has no port of that name.

    A number is taken unchecked, since containerPort lists are documentation; unset means the Service port itself. A
    name is looked up together with the protocol, in the containers and then in the sidecars.
    """
    target = port.target_port
    if target is None or target in (0, ""):
        return port.port
    if isinstance(target, int):
        return target
    if target.isascii() and target.isdecimal():
        return int(target)
    protocol = port.protocol or "TCP"
    found = _port_named(target, protocol, pod.containers)
    return _port_named(target, protocol, _sidecars(pod)) if found is None else found


def _port_named(name: str, protocol: str, containers: tuple[Container, ...]) -> int | None:
    for container in containers:
        for entry in container.ports or ():
            if entry.name == name and (entry.protocol or "TCP") == protocol:
                return entry.container_port
    return None


def _sidecars(pod: Pod) -> tuple[Container, ...]:
    """Return the init containers that keep running beside the others."""
    return tuple(item for item in pod.spec.init_containers or () if item.restart_policy == "Always")


def belongs_in_slices(pod: Pod) -> bool:
    """Whether the cluster lists the pod in EndpointSlices at all: unfinished and with an address."""
    has_address = bool(pod.status.pod_ip) or any(item.ip for item in pod.status.pod_ips or ())
    return has_address and pod.status.phase not in _FINISHED


def slices_of(service: Service, slices: Iterable[EndpointSlice]) -> tuple[EndpointSlice, ...]:
    """Return the slices that belong to *service*, oldest first: the label says so, never the slice's own name."""
    namespace, name = service.namespace, service.name
    mine = [item for item in slices if item.namespace == namespace and item.labels.get(SERVICE_LABEL) == name]
    if len(mine) > 1:
        mine.sort(key=lambda item: (item.metadata.creation_timestamp or "", item.name))
    return tuple(mine)


def merge(
    service: Service,
    slices: Iterable[EndpointSlice],
    port: ServicePort,
    *,
    version: Version | None = None,
    layer4: bool = False,
) -> BackendEndpoints:
    """Merge the slices of *service* for one of its ports, as Traefik does.

    Slices repeat the Service port's name (empty when it has none). There are several: for many endpoints, for each
    address family, and for pods that resolve a named targetPort to different numbers. Traefik looks neither at the
    address family nor at the port's protocol.

    Args:
        service: Whose slices are meant; those of others are left out.
        slices: Of the namespace, or more.
        port: One port of the Service.
        version: Traefik's, which decides what the conditions mean to it.
        layer4: Whether a TCP or UDP route asks, for which only "ready" counts.
    """
    release = version or Version()
    counts, reads_slices = _condition_of(release, layer4=layer4), release.since(_SLICES_READ)
    found: dict[tuple[str, int | None], BackendEndpoint] = {}
    for item in slices_of(service, slices):
        number, family = _port_of(item, port), item.address_type or "IPv4"
        for endpoint in item.endpoints or ():
            said = endpoint.conditions or _NOTHING_SAID
            taken, fenced = _as_server(said, counts)
            for address in endpoint.addresses or ():
                made = BackendEndpoint(
                    address=address,
                    port=number,
                    pod=(endpoint.target_ref.name or "") if endpoint.target_ref else "",
                    node=endpoint.node_name or "",
                    family=family,
                    ready=said.ready is not False,
                    serving=said.serving is not False,
                    terminating=said.terminating is True,
                    taken=taken and (reads_slices or _in_endpoints_object(service, address)),
                    fenced=fenced,
                )
                known = found.get((address, number))
                # Slices overlap while the cluster rewrites them: the one that Traefik takes counts.
                if known is None or (made.taken and not known.taken):
                    found[address, number] = made
    return BackendEndpoints(all=tuple(found.values()))


class _Counts(Enum):
    """Which of its conditions make a server of an endpoint."""

    READY = auto()
    READY_OR_SERVING = auto()
    SERVING = auto()


def _condition_of(release: Version, *, layer4: bool) -> _Counts:
    if layer4 or not release.since(_SERVING_COUNTS):
        return _Counts.READY
    return _Counts.SERVING if release.since(_NULL_IS_SERVING) else _Counts.READY_OR_SERVING


def _as_server(said: EndpointConditions, counts: _Counts) -> tuple[bool, bool]:
    """Tell whether Traefik takes an endpoint, and whether only for sessions that are bound to it.

    ``publishNotReadyAddresses`` sets "ready" and leaves "serving" false: since 3.6.7 that is no help for HTTP.
    """
    if counts is _Counts.READY:
        return said.ready is True, False
    if counts is _Counts.SERVING:
        return said.serving is not False, said.terminating is True
    return said.ready is True or said.serving is True, said.terminating is True and said.serving is True


def _in_endpoints_object(service: Service, address: str) -> bool:
    """Whether the Endpoints object, which Traefik read before 3.1, lists an address: of the primary family only."""
    families = service.spec.ip_families or ()
    primary = families[0] if families else "IPv6" if ":" in (service.spec.cluster_ip or "") else "IPv4"
    return is_address(address, primary)


def is_address(text: str, family: str) -> bool:
    """Whether *text* is an address of the family ``IPv4`` or ``IPv6``."""
    try:
        return f"IPv{ipaddress.ip_address(text).version}" == family
    except ValueError:
        return False


def _port_of(item: EndpointSlice, port: ServicePort) -> int | None:
    """Return the number of the slice's first port of that name; one without a number is no port to dial."""
    name = port.name or ""
    for entry in item.ports or ():
        if (entry.name or "") == name:
            return entry.port or None
    return None
