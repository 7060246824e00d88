"""Nodes that the record leads to without a load balancer: each of them is a hop of its own."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.firewalls import Firewall
from ingressdoctor.evidence.hetzner import Server
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.lan import LanNode
from ingressdoctor.evidence.net import HttpExchange
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "NodeCase",
    "NodeHop",
    "NodeHops",
    "NodeLead",
    "NodeOwner",
    "NodeState",
    "NodeStates",
    "PortClaim",
    "PortClaims",
    "RecordAddresses",
]


class RecordAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """The public addresses that visitors, or the edge, are sent to; none where they are hidden behind the edge.

    ``told_by`` is who told them, as in "its record at Cloudflare"; empty where nobody did. ``proxied`` tells that it is
    Cloudflare's edge that dials them, over ``scheme`` on ``port``; ``sure`` is False where its SSL mode is not known.
    ``missing`` tells that there is no record that could hold any.
    """

    addresses: tuple[str, ...] = ()
    told_by: str = ""
    proxied: bool = False
    scheme: str = "https"
    port: int = 443
    sure: bool = True
    missing: bool = False


class NodeOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Who has one address: the node, the server of the project, both, or nobody that is known."""

    address: str
    node: LanNode | None = None
    server: Server | None = None


class NodeLead(msgspec.Struct, frozen=True, kw_only=True):
    """That no load balancer stands before the cluster's nodes, and whose the addresses of the record are.

    Where the record is not known (it tells no addresses), the owners are all nodes. ``nodes_unread`` and
    ``servers_unread`` say why a list is empty that could not be read. ``elsewhere`` tells that an address without an
    owner belongs to nobody here: some node's public address is known.
    """

    record: RecordAddresses
    owners: tuple[NodeOwner, ...]
    nodes: tuple[LanNode, ...] = ()
    nodes_unread: Unavailable | None = None
    servers_unread: Unavailable | None = None

    @property
    def ground(self) -> str:
        """Who says that the name leads to the nodes."""
        if not self.record.addresses:
            return "the controller's pods listen on the nodes themselves, and no load balancer stands before them"
        names = [
            item.node.ref if item.node else f"server {item.server.name}" if item.server else "" for item in self.owners
        ]
        return f"{self.record.told_by} leads it to {next(filter(None, names), 'addresses of no load balancer')}"


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

    def asked(self, scheme: str) -> HttpExchange:
        """Return the exchange over one scheme."""
        return self.secure if scheme == "https" else self.plain


class NodeHops(msgspec.Struct, frozen=True, kw_only=True):
    """Every address that visitors, or the edge, may be sent to, in the record's order; the edge takes one at random."""

    hops: tuple[NodeHop, ...]
    lead: NodeLead

    def answering(self, scheme: str) -> tuple[NodeHop, ...]:
        """Return those that answer HTTP, with whatever status, over one scheme."""
        return tuple(hop for hop in self.hops if hop.asked(scheme).status)


class NodeCase(StrEnum):
    """What is the matter with one address, as far as it was seen; the checks tell what it means."""

    ANSWERS = "answers"
    STALE = "nobody's"
    OFF = "switched off"
    BLOCKED = "its address is blocked at Hetzner"
    NOT_READY = "not ready"
    FIREWALL = "its Hetzner Firewall lets Cloudflare not in"
    NOT_FOR_US = "its firewall lets Cloudflare in, and not this machine"
    DROPPED = "dropped on the way, while Traefik's pod is ready"
    PORT_TAKEN = "somebody else has the port"
    NO_POD = "no pod of Traefik runs there"
    POD_DOWN = "Traefik's pod is not ready"
    REFUSED = "refused, while Traefik's pod is ready"
    BROKEN = "connected without an answer"
    SILENT = "no connection within the time"


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """One address judged: over the scheme that the edge, or the visitor, uses.

    ``pod`` is Traefik's pod on that node; ``firewalls`` are those of Hetzner
    before the server, None where they are not known; ``shut_out`` are Cloudflare's ranges (or everybody's) that they
    keep out; ``why`` adds what makes the case.
    """

    hop: NodeHop
    asked: HttpExchange
    case: NodeCase
    pod: Pod | None = None
    firewalls: tuple[Firewall, ...] | None = None
    shut_out: tuple[str, ...] = ()
    why: str = ""

    @property
    def name(self) -> str:
        """The node as it is named in findings."""
        if self.hop.node is not None:
            return self.hop.node.ref
        return f"Server {self.hop.server.name}" if self.hop.server is not None else f"Address {self.hop.address}"

    @property
    def without_traefik(self) -> bool:
        """Whether a pod of Traefik waits for this node, or is there and not ready: somebody else may have its port."""
        waits = self.case is NodeCase.PORT_TAKEN or (self.pod is not None and not self.pod.ready)
        return waits and self.hop.node is not None and self.case is not NodeCase.STALE

    @property
    def dead(self) -> bool:
        """Whether requests that are sent there are lost; what is closed to us alone, or unknown, is not."""
        return self.case not in (NodeCase.ANSWERS, NodeCase.NOT_FOR_US, NodeCase.SILENT)


class NodeStates(msgspec.Struct, frozen=True, kw_only=True):
    """All addresses judged, and what was not known when they were.

    ``scheme`` is the one that the edge, or the visitor, dials with, ``port`` its port. ``pods_unread`` and
    ``firewalls_unread`` say why Traefik's pods or the Firewalls are not known.
    """

    states: tuple[NodeState, ...]
    lead: NodeLead
    scheme: str
    port: int
    pods_unread: Unavailable | None = None
    firewalls_unread: Unavailable | None = None

    def of(self, *cases: NodeCase) -> tuple[NodeState, ...]:
        """Return the states that are one of *cases*."""
        return tuple(state for state in self.states if state.case in cases)


class PortClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What says that somebody else has Traefik's port on a node: ``pods`` that take it, or a line of its log."""

    node: str
    port: int = 0
    pods: tuple[str, ...] = ()
    line: str = ""


class PortClaims(msgspec.Struct, frozen=True, kw_only=True):
    """Claims by node, looked for only on nodes without a ready pod of Traefik; ``unread`` is what was not read."""

    claims: tuple[PortClaim, ...] = ()
    unread: tuple[Unavailable, ...] = ()

    def on(self, node: str) -> PortClaim | None:
        """Return what was found on one node, if anything was."""
        return next((item for item in self.claims if item.node == node and (item.pods or item.line)), None)
