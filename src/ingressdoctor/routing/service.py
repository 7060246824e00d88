"""From a Service reference to the addresses that get the request: ports, targetPorts, merged EndpointSlices.

Pure, and apart from what a check thinks of the result. It answers twice where the products differ: what Traefik
takes as servers (endpoints of its own accord, clusterIP unused) and where kube-proxy sends a connection.
Sources: kubernetes/endpointslice utils.go FindPort; kubernetes/api discovery/v1/types.go; kubernetes pkg/proxy
topology.go; traefik pkg/provider/kubernetes/crd/kubernetes_http.go and k8s/endpoint.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingressdoctor.evidence.backend import BackendEndpoint, BackendEndpoints, ServiceForm
from ingressdoctor.evidence.kube import (
    Container,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    Pod,
    Service,
    ServicePort,
)

__all__ = ["belongs_in_slices", "form_of", "kube_proxy_endpoints", "merge", "service_port", "target_port"]

_FINISHED = ("Succeeded", "Failed")


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
        return next((item for item in service.ports if item.port == number), None)
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
    for container in (*pod.containers, *_sidecars(pod)):
        for entry in container.ports or ():
            if entry.name == target and (entry.protocol or "TCP") == protocol:
                return entry.container_port
    return None


def _sidecars(pod: Pod) -> tuple[Container, ...]:
    """Return the restartable init containers, told by their state.

    Once a pod is initialised every ordinary init container has terminated, so one that has not is a sidecar.
    """
    initialised = pod.condition("Initialized")
    if initialised is None or initialised.status != "True":
        return ()
    alive = {
        status.name
        for status in pod.status.init_container_statuses or ()
        if status.state is not None and status.state.terminated is None
    }
    return tuple(item for item in pod.spec.init_containers or () if item.name in alive)


def belongs_in_slices(pod: Pod) -> bool:
    """Whether the cluster lists the pod in EndpointSlices at all: unfinished and with an address."""
    has_address = bool(pod.status.pod_ip) or any(item.ip for item in pod.status.pod_ips or ())
    return has_address and pod.status.phase not in _FINISHED


def merge(slices: Iterable[EndpointSlice], port: ServicePort) -> BackendEndpoints:
    """Merge all slices of a Service for one of its ports.

    Slices repeat the Service port's name (empty when it has none). There are several: for many endpoints, for each
    address family, and for pods that resolve a named targetPort to different numbers.
    """
    found: dict[tuple[str, int | None], BackendEndpoint] = {}
    for item in slices:
        number = _port_of(item, port)
        for endpoint in item.endpoints or ():
            for address in endpoint.addresses or ():
                found.setdefault((address, number), _endpoint(endpoint, address, number, item.address_type or "IPv4"))
    return BackendEndpoints(all=tuple(found.values()))


def _port_of(item: EndpointSlice, port: ServicePort) -> int | None:
    """Return the slice's port of the same name and protocol; a port without a number means no restriction, not one."""
    return next(
        (
            entry.port
            for entry in item.ports or ()
            if (entry.name or "") == (port.name or "") and (entry.protocol or "TCP") == (port.protocol or "TCP")
        ),
        None,
    )


def _endpoint(endpoint: Endpoint, address: str, number: int | None, family: str) -> BackendEndpoint:
    conditions = endpoint.conditions or EndpointConditions()
    ready = conditions.ready is not False
    return BackendEndpoint(
        address=address,
        port=number,
        pod=(endpoint.target_ref.name or "") if endpoint.target_ref else "",
        node=endpoint.node_name or "",
        family=family,
        ready=ready,
        serving=ready if conditions.serving is None else conditions.serving,
        terminating=conditions.terminating is True,
        taken=conditions.ready is True or conditions.serving is True,
    )


def kube_proxy_endpoints(
    service: Service, endpoints: BackendEndpoints, *, node: str = "", external: bool = False
) -> tuple[BackendEndpoint, ...]:
    """Return where kube-proxy on *node* sends a connection to the Service's clusterIP or (*external*) nodePort.

    Ready endpoints; when there is none, those that still serve while terminating. With the traffic policy Local only
    those on *node* count: none of them means that the connection is dropped.
    """
    spec = service.spec
    policy = spec.external_traffic_policy if external else spec.internal_traffic_policy
    usable = [item for item in endpoints.all if item.port is not None]
    if policy == "Local":
        usable = [item for item in usable if item.node == node]
    return _ready_or_draining(usable)


def _ready_or_draining(candidates: Sequence[BackendEndpoint]) -> tuple[BackendEndpoint, ...]:
    ready = tuple(item for item in candidates if item.ready)
    return ready or tuple(item for item in candidates if item.serving and item.terminating)
