"""Ask each node that the record leads to, where no load balancer stands before them.

Two requests to every address, side by side, at most eight addresses; nothing is followed and any certificate accepted.
What a dead one means is for the checks. Source: Cloudflare's round robin over several proxied A records.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.kinds import NODES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.collect.lan import node_of
from ingressdoctor.collect.reach import not_connected, send
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.hetzner import HetznerProject, LoadBalancerLookup, Server
from ingressdoctor.evidence.lan import LanNode
from ingressdoctor.evidence.net import HttpExchange, HttpRequest
from ingressdoctor.evidence.node_hops import NodeHop, NodeHops
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.addresses import canonical_address, is_originless, is_private
from ingressdoctor.sources.base import Kubernetes, Net

__all__ = ["collect_node_hops", "origin_addresses"]

_WANTED: Final = "the nodes that the record leads to"
_MOST: Final = 8
_ANSWER_S: Final = 8.0
_PORTS: Final = {"http": 80, "https": 443}


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_node_hops(
    target: Target,
    zone: ZoneFacts,
    lookup: LoadBalancerLookup | Unavailable,
    project: HetznerProject | Unavailable,
    kube: Kubernetes,
    net: Net,
) -> NodeHops | Unavailable:
    """Look whose the record's addresses are, and ask each of them when they are nodes'."""
    addresses = origin_addresses(target, zone, lookup)
    if isinstance(addresses, Unavailable):
        return addresses
    loaded = await list_kind(kube, NODES)
    servers = () if isinstance(project, Unavailable) else project.servers
    if isinstance(loaded, Unavailable) and not servers:
        return loaded
    nodes = () if isinstance(loaded, Unavailable) else tuple(map(node_of, loaded.items))
    whose = {address: (_node(address, nodes), _server(address, servers)) for address in addresses}
    if not any(node or server for node, server in whose.values()):
        return Inapplicable(wanted=_WANTED, reason=f"{addresses[0]} is no node's address")
    hops = await asyncio.gather(*(_asked(target, net, address) for address in addresses))
    return NodeHops(
        hops=tuple(replace(hop, node=whose[hop.address][0], server=whose[hop.address][1]) for hop in hops), nodes=nodes
    )


def origin_addresses(
    target: Target, zone: ZoneFacts, lookup: LoadBalancerLookup | Unavailable
) -> tuple[str, ...] | Unavailable:
    """Return the public addresses of the record, or why they cannot be nodes'."""
    if target.protocol is Protocol.MYSQL:
        return Inapplicable(wanted=_WANTED, reason="the target does not speak HTTP")
    held = (canonical_address(address) for address in zone.origin_addresses)
    public = dict.fromkeys(a for a in held if a and not is_private(a) and not is_originless(a))
    if not public:
        return Inapplicable(wanted=_WANTED, reason="the record leads to no public address")
    found = None if isinstance(lookup, Unavailable) else lookup.found
    if found is not None and any(address in found.addresses for address in public):
        return Inapplicable(wanted=_WANTED, reason=f"the record leads to the load balancer {found.name}")
    return tuple(public)[:_MOST]


def _node(address: str, nodes: tuple[LanNode, ...]) -> LanNode | None:
    return next((node for node in nodes if address in node.addresses), None)


def _server(address: str, servers: tuple[Server, ...]) -> Server | None:
    return next((server for server in servers if server.ipv4 == address), None)


async def _asked(target: Target, net: Net, address: str) -> NodeHop:
    plain, secure = await asyncio.gather(*(_answer(target, net, address, scheme) for scheme in ("http", "https")))
    return NodeHop(address=address, plain=plain, secure=secure)


async def _answer(target: Target, net: Net, address: str, scheme: str) -> HttpExchange:
    """Send the target's request to one address; its own port goes with its own scheme."""
    side = target if target.scheme == scheme else replace(target, scheme=scheme, port=_PORTS[scheme])
    request = HttpRequest(url=side.url, address=address, verify=False, timeout_s=_ANSWER_S)
    came = await send(net, request)
    return came if isinstance(came, HttpExchange) else not_connected(request, came)
