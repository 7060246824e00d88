"""Whoever asks a node directly: what its addresses answer, on public ones from outside, on private ones beside them.

A connection is judged as the network itself would judge it when the lab has started: a port that nobody serves
refuses, one that a firewall drops stays silent, and a node that is off does not answer at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ingressdoctor.lab.network import Network, canonical

PORTS = (80, 443)


class Visitors:
    """Some addresses of the nodes as somebody meets them who dials them."""

    def __init__(self, network: Network, addresses: tuple[str, ...], source: Callable[[str], str]) -> None:
        """*source* gives who dials an address."""
        self._network = network
        self._source = source
        self._addresses = tuple(dict.fromkeys(ip for ip in map(canonical, addresses) if network.knows(ip)))
        for ip in self._addresses:
            network.visited_from(ip, source(ip))

    def entries(self) -> Iterator[tuple[str, int, int]]:
        """(address, port, loopback port) of what is served there, and of the web's ports in any case."""
        listeners = self._network.listeners
        for ip in self._addresses:
            served = {port for address, port in listeners if address == ip}
            for port in sorted(served.union(PORTS)):
                end = self._network.leads_to(ip, port, source_ip=self._source(ip))
                dead = end in {self._network.closed_port, self._network.black_hole_port}
                yield ip, port, end if dead else listeners.get((ip, port), end)
