"""Names of the LAN: those that lead to private addresses, whose these are, and what else DNS says about the name."""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.evidence.dns import DnsReply
from ingressdoctor.evidence.net import TcpAttempt

__all__ = ["BY_DNS", "LanName", "LanNode", "LanOwner", "LanOwners", "LanSurroundings"]

BY_DNS: Final = "DNS"


class LanName(msgspec.Struct, frozen=True, kw_only=True):
    """That the target is a name of the LAN: all that is known of its addresses lies in private ranges.

    ``told_by`` is who said so first, as in "its record at Cloudflare"; ``mixed`` tells that some resolver answers with
    other addresses all the same, ``own`` that this machine's own resolver does not. ``by_cluster`` tells that no record
    leads the name anywhere, and that the addresses are those at which its Ingress can be reached.
    """

    addresses: tuple[str, ...]
    told_by: str
    mixed: bool = False
    own: bool = False
    by_cluster: bool = False

    @property
    def certain(self) -> bool:
        """Whether nothing speaks against it; a public name may well be answered with private addresses inside."""
        return not self.mixed or self.told_by != BY_DNS


class LanNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node and its addresses; ``ready`` is None where its conditions do not say."""

    ref: str
    addresses: tuple[str, ...]
    ready: bool | None = None

    @property
    def name(self) -> str:
        """The node's own name."""
        return self.ref.rpartition(" ")[2]


class LanOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Who has one address: the node, and the Services that publish it (those of a load balancer or of klipper)."""

    address: str
    node: LanNode | None = None
    services: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether anybody in the cluster has it."""
        return self.node is not None or bool(self.services)


class LanOwners(msgspec.Struct, frozen=True, kw_only=True):
    """Whose addresses the name has, one entry each, and the nodes of the cluster as they are."""

    name: LanName
    owners: tuple[LanOwner, ...]
    nodes: tuple[LanNode, ...] = ()

    @property
    def living(self) -> bool:
        """Whether every address is one that is expected to answer: a ready node's, or a Service's without a node."""
        return all(item.known and (item.node is None or item.node.ready is not False) for item in self.owners)


class LanSurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """How the addresses can be connected to from here, and what DNS answers for a name beside the target's.

    ``beside`` is a name in the same domain that nobody made: only a wildcard answers for it. ``wildcard`` holds the
    answers to A and HTTPS questions for it.
    """

    attempts: tuple[TcpAttempt, ...]
    beside: str = ""
    wildcard: tuple[DnsReply, ...] = ()
