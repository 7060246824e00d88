"""Whoever asks from inside the nodes' network: what the private addresses of the nodes answer there.

A connection is judged as the network itself would judge it when the lab has started: a port that nobody serves
refuses, one that a firewall drops stays silent, and a node that is off does not answer at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.nodes import Nodes

PORTS = (80, 443)


class Lan:
    """The nodes' private addresses as a client beside them meets them."""

    def __init__(self, network: Network, nodes: Nodes, client_ip: str) -> None:
        self._network = network
        self._client_ip = client_ip
        self._addresses = tuple(ip for name in nodes.names() if nodes.is_up(name) for ip in nodes.internal(name))
        for ip in self._addresses:
            network.visited_from(ip, client_ip)

    def entries(self) -> Iterator[tuple[str, int, int]]:
        """(address, port, loopback port) of what is served there, and of the web's ports in any case."""
        listeners = self._network.listeners
        for ip in self._addresses:
            served = {port for address, port in listeners if address == ip}
            for port in sorted(served.union(PORTS)):
                end = self._network.leads_to(ip, port, source_ip=self._client_ip)
                dead = end in {self._network.closed_port, self._network.black_hole_port}
                yield ip, port, end if dead else listeners[ip, port]
