"""NetworkPolicy: may this connection pass? The lab's own evaluator, written apart from the product's.

Rules: networking.k8s.io/v1 (types.go). Policies add up, there is no order and no deny; a side that is not a
policed pod passes by itself. ipBlock never matches pods here, as with Cilium; node addresses are plain addresses, and
what runs on the host's network has its node's: no selector matches it. On Flannel's VXLAN it reaches pods of other
nodes from the node's address in the overlay, the .0 of its podCIDR (k3s: kube-router, pkg/controllers/netpol).
A connection from the pod's own node always passes (kubelet probes). Pure: no I/O, no product.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    addresses,
    annotation,
    dig,
    labels_of,
    mapping,
    matches,
    name_of,
    namespace_of,
    on_host_network,
    pod_address,
    sequence,
    text,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One end of a connection: an address, and the pod that owns it (None: outside, node, hostNetwork)."""

    ip: str
    pod: Object | None = None


class Policies:
    """The NetworkPolicies of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._policies = cluster.all("NetworkPolicy")
        self._namespaces = {name_of(item): labels_of(item) for item in cluster.all("Namespace")}
        self._pods = {
            pod_address(pod): pod for pod in cluster.all("Pod") if pod_address(pod) and not on_host_network(pod)
        }

        self._overlay = {ip: overlay for node in cluster.all("Node") for ip, overlay in _overlay(node)}
        self._homes = {
            ip: name_of(node) for node in cluster.all("Node") for found in addresses(node).values() for ip in found
        }

    @property
    def empty(self) -> bool:
        """Whether there is nothing to enforce."""
        return not self._policies

    def side(self, ip: str) -> Side:
        """Who has this address."""
        return Side(ip=ip, pod=self._pods.get(ip))

    def allows(self, source: Side, target: Side, port: int, protocol: str = "TCP") -> bool:
        """Whether a new connection from *source* to the pod port *port* of *target* may pass."""
        if source.pod is not None and source.pod is target.pod:
            return True
        if target.pod is not None:
            if source.ip == text(dig(target.pod, "status", "hostIP")):
                return True
            if self._homes.get(source.ip) == text(dig(target.pod, "spec", "nodeName")):
                return True
            source = Side(ip=self._overlay.get(source.ip, source.ip), pod=source.pod)

        def port_of(rule: Mapping[str, Any]) -> bool:
            return _port_matches(rule, target.pod, port, protocol)

        return self._passes(source.pod, "Egress", target, port_of) and self._passes(
            target.pod, "Ingress", source, port_of
        )

    def _passes(
        self, pod: Object | None, direction: str, other: Side, port_of: Callable[[Mapping[str, Any]], bool]
    ) -> bool:
        if pod is None:
            return True
        selecting = [item for item in self._policies if _selects(item, pod, direction)]
        if not selecting:
            return True
        entries, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        return any(
            self._peer_matches(mapping(rule), peers, namespace_of(policy), other) and port_of(mapping(rule))
            for policy in selecting
            for rule in sequence(dig(policy, "spec", entries))
        )

    def _peer_matches(self, rule: Mapping[str, Any], key: str, namespace: str, other: Side) -> bool:
        peers = sequence(rule.get(key))
        return not peers or any(self._is_peer(mapping(peer), namespace, other) for peer in peers)

    def _is_peer(self, peer: Mapping[str, Any], namespace: str, other: Side) -> bool:
        if "ipBlock" in peer:
            return other.pod is None and _in_block(mapping(peer["ipBlock"]), other.ip)
        if other.pod is None:
            return False
        home = namespace_of(other.pod)
        namespaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
        if namespaces is None and home != namespace:
            return False
        # Kubernetes puts this label on every namespace, so a world's file need not.
        labels = {"kubernetes.io/metadata.name": home, **self._namespaces.get(home, {})}
        if namespaces is not None and not matches(labels, namespaces):
            return False
        return pods is None or matches(labels_of(other.pod), pods)


def _overlay(node: Object) -> Iterator[tuple[str, str]]:
    """A node's addresses, each with what pods of other nodes see in its place."""
    if annotation(node, "flannel.alpha.coreos.com/backend-type") != "vxlan":
        return
    network = text(dig(node, "spec", "podCIDR")).partition("/")[0]
    if network:
        yield from ((ip, network) for found in addresses(node).values() for ip in found)


def _selects(policy: Object, pod: Object, direction: str) -> bool:
    spec = mapping(policy.get("spec"))
    types = sequence(spec.get("policyTypes")) or ("Ingress", *(("Egress",) if spec.get("egress") else ()))
    return (
        direction in types
        and namespace_of(policy) == namespace_of(pod)
        and matches(labels_of(pod), spec.get("podSelector"))
    )


def _in_block(block: Mapping[str, Any], ip: str) -> bool:
    try:
        address = ipaddress.ip_address(ip)
        inside = address in ipaddress.ip_network(text(block.get("cidr")), strict=False)
        excepted = (ipaddress.ip_network(text(net), strict=False) for net in sequence(block.get("except")))
        return inside and not any(address in net for net in excepted)
    except ValueError:
        return False


def _port_matches(rule: Mapping[str, Any], pod: Object | None, port: int, protocol: str) -> bool:
    ports = sequence(rule.get("ports"))
    return not ports or any(_one_port(mapping(item), pod, port, protocol) for item in ports)


def _one_port(item: Mapping[str, Any], pod: Object | None, port: int, protocol: str) -> bool:
    if text(item.get("protocol") or "TCP") != protocol:
        return False
    wanted, end = item.get("port"), item.get("endPort")
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return wanted <= port <= (end if isinstance(end, int) else wanted)
    containers = sequence(dig(pod, "spec", "containers")) if pod is not None else ()
    return any(
        mapping(entry).get("name") == wanted
        and mapping(entry).get("containerPort") == port
        and text(mapping(entry).get("protocol") or "TCP") == protocol
        for container in containers
        for entry in sequence(mapping(container).get("ports"))
    )
