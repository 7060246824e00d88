"""Host ports: pods that take a port of their node, and ServiceLB's pods, which pass it on to a Service.

A host port is a translation on the node, like a node port: the connection ends at the pod, or, for a pod of k3s'
ServiceLB (klipper-lb), at the Service that its labels name, with the pod's own address as the source. Clients outside
reach them on the node's public addresses. Source: CNI portmap plugin; k3s pkg/cloudprovider/servicelb.go, klipper-lb.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    dig,
    is_running,
    labels_of,
    mapping,
    on_host_network,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.network import Network, Route, Translator
from ingressdoctor.lab.serve.nodes import Nodes, forwarder

SERVICE_LABEL = "svccontroller.k3s.cattle.io/svcname"
NAMESPACE_LABEL = "svccontroller.k3s.cattle.io/svcnamespace"


def publish_host_ports(network: Network, cluster: Cluster, nodes: Nodes, *, lan: bool = False) -> None:
    """Translate every host port of a running container, and let clients outside reach it.

    With *lan* there are clients inside the nodes' network too, who reach it on the private addresses.
    """
    for pod in cluster.all("Pod"):
        node = text(dig(pod, "spec", "nodeName"))
        if not pod_address(pod) or on_host_network(pod) or not nodes.is_up(node):
            continue
        for host_port, container_port in _ports(pod):
            translator = _translator(cluster, pod, host_port, container_port)
            if translator is None:
                continue
            for ip in (*nodes.internal(node), *nodes.external(node)):
                network.translate(ip, host_port, translator)
            for ip in (*nodes.external(node), *(nodes.internal(node) if lan else ())):
                network.listen(ip, host_port, forwarder(network, ip, host_port))


def _ports(pod: Object) -> Iterator[tuple[int, int]]:
    """Host port and container port of the containers that run."""
    for container in map(mapping, sequence(dig(pod, "spec", "containers"))):
        if not is_running(pod, text(container.get("name"))):
            continue
        for port in map(mapping, sequence(container.get("ports"))):
            host_port, number = port.get("hostPort"), port.get("containerPort")
            if isinstance(host_port, int) and isinstance(number, int):
                yield host_port, number


def _translator(cluster: Cluster, pod: Object, host_port: int, container_port: int) -> Translator | None:
    """Where a host port leads; None when ServiceLB's Service does not exist (any more)."""
    own = pod_address(pod)
    name = text(labels_of(pod).get(SERVICE_LABEL))
    if not name:
        return lambda source_ip: Route(ip=own, port=container_port, source_ip=source_ip)
    service = cluster.get("Service", text(labels_of(pod).get(NAMESPACE_LABEL)), name)
    address = text(dig(service, "spec", "clusterIP"))
    if address in {"", "None"}:
        return None
    return lambda _: Route(ip=address, port=host_port, source_ip=own)
