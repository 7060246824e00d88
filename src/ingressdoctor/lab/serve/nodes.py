"""Nodes and kube-proxy: who has which address, and where node ports and cluster addresses lead.

kube-proxy rewrites packets, it does not accept connections: a connection to a node port ends at a pod, and a
refusal by that pod is a refusal to the caller. So node ports are translations of the network, not listeners.
Rules: no endpoint refuses; externalTrafficPolicy Local drops on nodes without a ready one and keeps the source
address, Cluster replaces it by the node's. Settings: nodes_down [name], node_ports {name: refuse|drop},
firewall_drop [{node, port, allow}], expose_node_ports.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Endpoint,
    Object,
    addresses,
    dig,
    mapping,
    name_of,
    namespace_of,
    on_host_network,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.network import Guard, Handler, Network, Route, Translator, Verdict
from ingressdoctor.lab.serve.firewalls import covers, public_addresses
from ingressdoctor.lab.stream import Duplex, splice

FORWARD_S = 1.0
_REFUSE = Route(ip="127.0.0.1", port=0, source_ip="")
_DROP = Route(ip=None, port=0, source_ip="")


class Nodes:
    """The nodes of a world, their addresses and what kube-proxy does on them."""

    def __init__(self, cluster: Cluster, hetzner: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._servers = {
            text(mapping(server).get("name")): mapping(server) for server in sequence(hetzner.get("servers"))
        }
        self._nodes = {name_of(node): node for node in cluster.all("Node")}

    def is_up(self, name: str) -> bool:
        """Whether the machine is switched on."""
        server = self._servers.get(name)
        if name in sequence(self._settings.get("nodes_down")):
            return False
        return server is None or server.get("status", "running") == "running"

    def internal(self, name: str) -> tuple[str, ...]:
        """Addresses inside the private network: InternalIP, and the server's private addresses."""
        private = [
            text(mapping(net).get("ip")) for net in sequence(mapping(self._servers.get(name)).get("private_net"))
        ]
        return _unique((*addresses(self._nodes.get(name, {})).get("InternalIP", ()), *private))

    def external(self, name: str) -> tuple[str, ...]:
        """Public addresses: ExternalIP, and those of the server."""
        public = public_addresses(mapping(self._servers.get(name)))
        return _unique((*addresses(self._nodes.get(name, {})).get("ExternalIP", ()), *public))

    def names(self) -> tuple[str, ...]:
        """Nodes of the cluster and servers that are none."""
        return _unique((*self._nodes, *self._servers))

    def every(self, kind: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
        """The addresses of one kind (internal or external) of every machine that is on."""
        return tuple(ip for name in filter(self.is_up, self.names()) for ip in kind(name))

    def attach(self, network: Network) -> None:
        """Give every machine and pod its address, and install kube-proxy on the nodes."""
        for name in self.names():
            if self.is_up(name):
                for ip in (*self.internal(name), *self.external(name)):
                    network.add_host(ip)
        for pod in self._cluster.all("Pod"):
            if pod_address(pod) and self.is_up(text(dig(pod, "spec", "nodeName"))):
                network.add_host(pod_address(pod))
        for service in self._cluster.all("Service"):
            for port in map(mapping, sequence(dig(service, "spec", "ports"))):
                self._publish(network, service, port)
        network.guard(self._firewall())

    def expose(self, network: Network) -> None:
        """Let clients outside reach the node ports on public addresses (setting expose_node_ports).

        What kube-proxy refuses or drops is left to connect_to's refusing port and black hole.
        """
        for service in self._cluster.all("Service"):
            for port in map(mapping, sequence(dig(service, "spec", "ports"))):
                node_port = port.get("nodePort")
                if isinstance(node_port, int) and self._usable(service, port):
                    for name in filter(self.is_up, self._nodes):
                        for ip in self.external(name):
                            network.listen(ip, node_port, forwarder(network, ip, node_port))

    def _publish(self, network: Network, service: Object, port: Mapping[str, Any]) -> None:
        number, node_port = port.get("port"), port.get("nodePort")
        cluster_ip = text(dig(service, "spec", "clusterIP"))
        if isinstance(number, int) and cluster_ip not in {"", "None"}:
            network.add_host(cluster_ip)
            network.translate(cluster_ip, number, self._inside(service, port))
        if not isinstance(node_port, int):
            return
        for name in self._nodes:
            if not self.is_up(name):
                continue
            for ip in (*self.internal(name), *self.external(name)):
                network.translate(ip, node_port, self._node_port(service, port, name))

    def _usable(self, service: Object, port: Mapping[str, Any]) -> tuple[Endpoint, ...]:
        """Ready endpoints; when there is none, those that still serve while terminating."""
        points = self._cluster.endpoints(namespace_of(service), name_of(service), text(port.get("name")))
        ready = tuple(point for point in points if point.ready)
        return ready or tuple(point for point in points if point.serving and point.terminating)

    def _inside(self, service: Object, port: Mapping[str, Any]) -> Translator:
        points = itertools.cycle(self._usable(service, port))

        def choose(source_ip: str) -> Route:
            point = next(points, None)
            return Route(ip=point.ip, port=point.port, source_ip=source_ip) if point else _REFUSE

        return choose

    def _node_port(self, service: Object, port: Mapping[str, Any], node: str) -> Translator:
        points = self._usable(service, port)
        local = dig(service, "spec", "externalTrafficPolicy") == "Local"
        if local and points:
            points = tuple(point for point in points if point.node == node)
            if not points:
                return lambda _: _DROP
        # Every node starts at another endpoint, as kube-proxy's random choice would spread them.
        first = list(self._nodes).index(node)
        turn = itertools.islice(itertools.cycle(points), first, None)
        own = next(iter(self.internal(node)), "")

        def choose(source_ip: str) -> Route:
            point = next(turn, None)
            if point is None:
                return _REFUSE
            return Route(ip=point.ip, port=point.port, source_ip=source_ip if local or not own else own)

        behaviour = mapping(self._settings.get("node_ports")).get(node)
        if behaviour in {"refuse", "drop"}:
            return lambda _: _REFUSE if behaviour == "refuse" else _DROP
        drops = {
            (text(mapping(rule).get("node")), mapping(rule).get("port"))
            for rule in sequence(self._settings.get("firewall_drop"))
        }
        return (lambda _: _DROP) if (node, port.get("nodePort")) in drops else choose

    def _firewall(self) -> Guard:
        """What the machines' own filters drop; a rule may let some sources pass."""
        dropped: dict[tuple[str, object], tuple[str, ...]] = {}
        for rule in map(mapping, sequence(self._settings.get("firewall_drop"))):
            name = text(rule.get("node"))
            for ip in (*self.internal(name), *self.external(name)):
                dropped[ip, rule.get("port")] = tuple(map(text, sequence(rule.get("allow"))))

        def guard(source: str, ip: str, port: int) -> Verdict:
            allowed = dropped.get((ip, port))
            shut = allowed is not None and not any(covers(cidr, source) for cidr in allowed)
            return Verdict.DROP if shut else Verdict.PASS

        return guard


def forwarder(network: Network, ip: str, port: int) -> Handler:
    """Pass connections from outside on to whatever a node's translation says."""

    async def forward(client: Duplex) -> None:
        upstream = await network.connect(ip, port, source_ip=client.peer.ip, timeout_s=FORWARD_S)
        try:
            await splice(client, upstream)
        finally:
            upstream.close()

    return forward


def host_addresses(nodes: Nodes, pod: Object) -> tuple[str, ...]:
    """Where a pod's containers listen: its own address, or every address of its node with hostNetwork."""
    node = text(dig(pod, "spec", "nodeName"))
    if not pod_address(pod) or not nodes.is_up(node):
        return ()
    if on_host_network(pod):
        return _unique((pod_address(pod), *nodes.internal(node), *nodes.external(node)))
    return (pod_address(pod),)


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
