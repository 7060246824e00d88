"""Whether no load balancer stands before the nodes that the record leads to, and whose its addresses are.

One Kubernetes request, made only where no load balancer was found. Behind the edge the addresses are Cloudflare's to
tell; where nobody may ask, a controller that listens on the nodes themselves tells that those are dialled.
Source: k3s' documentation of hostNetwork set-ups; Hetzner's of server addresses.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.hetzner_target import server_of
from ingressdoctor.collect.kinds import NODES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.collect.lan import node_of
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import HetznerProject, LoadBalancerLookup, Server
from ingressdoctor.evidence.kube import Loaded, Node
from ingressdoctor.evidence.lan import LanNode
from ingressdoctor.evidence.node_hops import NodeLead, NodeOwner, RecordAddresses
from ingressdoctor.evidence.outside import AddressRanges, DnsView
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.addresses import canonical_address, is_cloudflare, is_originless, is_private
from ingressdoctor.routing.lan import nowhere
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_addresses", "collect_lead", "listens_on_nodes"]

_WANTED: Final = "the nodes that the record leads to"
_MOST: Final = 8
_PLAIN_MODES: Final = ("flexible", "off")
_NOT_MEANT: Final = "no pod of the controller listens on the nodes themselves"


@collector(wanted=_WANTED)
async def collect_addresses(
    target: Target, zone: ZoneFacts | Unavailable, dns: DnsView | Unavailable, ranges: AddressRanges
) -> RecordAddresses | Unavailable:
    """Take the public addresses from the record, else from DNS where nothing proxies the name."""
    if target.protocol is Protocol.MYSQL:
        return Inapplicable(wanted=_WANTED, reason="the target does not speak HTTP")
    if isinstance(zone, ZoneFacts):
        if zone.tunnel:
            return Inapplicable(wanted=_WANTED, reason="the record leads to a tunnel")
        if nowhere(dns, zone):
            # Where it should lead is for the controller to tell; the edge would dial it as the zone's mode says.
            return replace(_dialled(target, proxied=True, mode=zone.setting("ssl")), missing=True)
        dialled = _dialled(target, proxied=zone.proxied, mode=zone.setting("ssl"))
        held, told_by = zone.origin_addresses, "its record at Cloudflare"
    else:
        held, told_by = () if isinstance(dns, Unavailable) else dns.addresses, "DNS"
        hidden = not held or any(is_cloudflare(ranges, address) for address in held)
        dialled = _dialled(target, proxied=hidden, mode="")
        if hidden:
            return dialled
    plain = (canonical_address(address) for address in held)
    public = dict.fromkeys(a for a in plain if a and not is_private(a) and not is_originless(a))
    if not public:
        return Inapplicable(wanted=_WANTED, reason="the record leads to no public address")
    return replace(dialled, addresses=tuple(public)[:_MOST], told_by=told_by)


def _dialled(target: Target, *, proxied: bool, mode: str) -> RecordAddresses:
    """Say how the addresses are dialled: in modes Flexible and Off the edge asks the origin over http."""
    if proxied and mode in _PLAIN_MODES and target.port == 443:
        return RecordAddresses(proxied=True, scheme="http", port=80)
    return RecordAddresses(
        proxied=proxied, scheme=target.scheme, port=target.port, sure=not proxied or bool(mode) or target.port != 443
    )


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_lead(
    record: RecordAddresses,
    project: HetznerProject | Unavailable,
    lookup: Later[LoadBalancerLookup],
    controller: Later[Controller],
    kube: Kubernetes,
) -> NodeLead | Unavailable:
    """Rule load balancers out, the cheapest way first; then look whose the addresses are.

    Where a server of the project has one of them, nobody waits for the controller before the nodes are asked for: of
    servers that are switched off, the cluster's API may be among what is down.
    """
    if (owner := _balancer_of(record.addresses, project)) is not None:
        return Inapplicable(wanted=_WANTED, reason=f"the record leads to the load balancer {owner}")
    servers = () if isinstance(project, Unavailable) else project.servers
    early = any(server_of(address, servers) for address in record.addresses)
    asked = asyncio.ensure_future(_nodes(kube)) if early else None
    try:
        runs = await controller.get()
        on_nodes = isinstance(runs, Controller) and listens_on_nodes(runs)
        if not record.addresses and not on_nodes:
            reason = f"the addresses behind the edge are not known, and {_NOT_MEANT}"
            return Inapplicable(wanted=_WANTED, reason=reason)
        if reason := _before(runs, await lookup.get()):
            return Inapplicable(wanted=_WANTED, reason=reason)
        loaded = await (asked or _nodes(kube))
    finally:
        if asked is not None:
            asked.cancel()
    if isinstance(loaded, Unavailable) and not servers:
        return loaded
    return _judged(_lead(record, loaded, servers, project), on_nodes=on_nodes)


def _judged(lead: NodeLead, *, on_nodes: bool) -> NodeLead | Unavailable:
    """Tell whether the addresses are nodes'; nobody's may be, before a controller that listens on nodes themselves."""
    if lead.owners and (on_nodes or any(item.node or item.server for item in lead.owners)):
        return lead
    addresses = lead.record.addresses
    whose = f"{addresses[0]} is no node's address" if addresses else "no node has a public address"
    return Inapplicable(wanted=_WANTED, reason=whose)


async def _nodes(kube: Kubernetes) -> Loaded[Node] | Unavailable:
    """List the nodes; a failing call leaves the project's servers to tell."""
    try:
        return await list_kind(kube, NODES)
    except SourceError as error:
        return Unavailable(wanted="the cluster's nodes", reason=error.message, enable_with=error.hint)


def _before(controller: Controller | Unavailable, lookup: LoadBalancerLookup | Unavailable) -> str:
    """Say which load balancer stands before the nodes; empty when none is known."""
    service = controller.service if isinstance(controller, Controller) else None
    if service is not None and service.spec.type == "LoadBalancer":
        return f"{service.ref} asks for a load balancer before the nodes"
    if isinstance(lookup, LoadBalancerLookup) and lookup.found is not None:
        return f"the load balancer {lookup.found.name} stands before the nodes"
    return ""


def _balancer_of(addresses: tuple[str, ...], project: HetznerProject | Unavailable) -> str | None:
    """Return the name of the project's load balancer that has one of the addresses."""
    balancers = () if isinstance(project, Unavailable) else project.load_balancers
    return next((item.name for item in balancers if any(address in item.addresses for address in addresses)), None)


def listens_on_nodes(controller: Controller) -> bool:
    """Tell whether the controller's pods take ports of their nodes, by the host network or by host ports."""
    return any(
        pod.spec.host_network or any(port.host_port for item in pod.containers for port in item.ports or ())
        for pod in controller.pods
    )


def _lead(
    record: RecordAddresses,
    loaded: Loaded[Node] | Unavailable,
    servers: tuple[Server, ...],
    project: HetznerProject | Unavailable,
) -> NodeLead:
    raw = () if isinstance(loaded, Unavailable) else loaded.items
    known = tuple((node, node_of(node)) for node in raw)
    public = _public(tuple(node for _, node in known), servers)
    owners = tuple(_owner(address, known, servers) for address in (record.addresses or public)[:_MOST])
    if not public and not any(item.node or item.server for item in owners):
        owners = ()  # nobody knows whether an address that none of them shows is theirs, as behind a router
    unread = project if isinstance(project, Unavailable) else None
    if isinstance(project, HetznerProject) and project.servers_unread:
        unread = Unavailable(wanted="the servers of the Hetzner project", reason=project.servers_unread)
    return NodeLead(
        record=record,
        owners=owners,
        nodes=tuple(node for _, node in known),
        nodes_unread=loaded if isinstance(loaded, Unavailable) else None,
        servers_unread=unread,
    )


def _public(nodes: tuple[LanNode, ...], servers: tuple[Server, ...]) -> tuple[str, ...]:
    """Return one public address of each node, its own or that of the server of its name."""
    found: list[str] = []
    for node in nodes:
        server = next((item for item in servers if item.name == node.name), None)
        own = (a for a in (*node.addresses, server.ipv4 if server else "") if a and not is_private(a))
        found.extend(sorted(own, key=lambda address: ":" in address)[:1])
    return tuple(found)


def _owner(address: str, nodes: tuple[tuple[Node, LanNode], ...], servers: tuple[Server, ...]) -> NodeOwner:
    server = server_of(address, servers)
    node = next((item for _, item in nodes if address in item.addresses), None)
    if node is None and server is not None:
        node = next((item for raw, item in nodes if _is_of(raw, item, server)), None)
    if server is None and node is not None:
        server = next((item for item in servers for raw, own in nodes if own == node and _is_of(raw, own, item)), None)
    return NodeOwner(address=address, node=node, server=server)


def _is_of(raw: Node, node: LanNode, server: Server) -> bool:
    """Tell whether a node runs on a server: by its provider id, its name, or an address."""
    private = any(address in node.addresses for address in (server.ipv4, *server.private_ips) if address)
    return raw.spec.provider_id == f"hcloud://{server.id}" or node.name == server.name or private
