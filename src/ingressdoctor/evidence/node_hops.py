"""Nodes that the record leads to without a load balancer: each of them is a hop of its own."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.hetzner import Server
from ingressdoctor.evidence.lan import LanNode
from ingressdoctor.evidence.net import HttpExchange

__all__ = ["NodeHop", "NodeHops"]


class NodeHop(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the record, whose it is, and what it answers to the target's request over http and https.

    ``node`` is None where no node of the cluster has the address, ``server`` where no server of the project does.
    """

    address: str
    plain: HttpExchange
    secure: HttpExchange
    node: LanNode | None = None
    server: Server | None = None

    @property
    def known(self) -> bool:
        """Whether anybody is known to have the address."""
        return self.node is not None or self.server is not None


class NodeHops(msgspec.Struct, frozen=True, kw_only=True):
    """Every address that visitors, or the edge, may be sent to, in the record's order; the edge takes one at random."""

    hops: tuple[NodeHop, ...]
    nodes: tuple[LanNode, ...] = ()

    def answering(self, scheme: str) -> tuple[NodeHop, ...]:
        """Return those that answer HTTP, with whatever status, over one scheme."""
        return tuple(hop for hop in self.hops if (hop.secure if scheme == "https" else hop.plain).status)
