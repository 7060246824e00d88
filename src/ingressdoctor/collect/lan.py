"""Whether the target is a name of the LAN, whose its addresses are, and whether a wildcard stands beside it.

Two Kubernetes requests, a connect to each address and two DNS questions, all of them for names of the LAN only. Where
no record leads a name anywhere, its Ingress tells whether it was one.
What they mean is for the checks. Source: RFC 4592 for what a wildcard answers; RFC 1918, 4193, 6598 for addresses.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ingressdoctor.collect.kinds import NODES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.collect.reach import CONNECT_S
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.kube import Loaded, Node, Service
from ingressdoctor.evidence.lan import LanName, LanNode, LanOwner, LanOwners, LanSurroundings
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.evidence.workloads import ClusterServices
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.text import clean
from ingressdoctor.routing.addresses import canonical_address
from ingressdoctor.routing.lan import lan_name, lan_of_cluster, nowhere
from ingressdoctor.sources.base import Dns, Kubernetes, Net

__all__ = ["collect_lan_name", "collect_owners", "collect_surroundings", "node_of", "owners_of"]

_NAME: Final = "whether the name is one of the LAN"
# Nobody has a host of this name, so that only a wildcard answers for it.
_BESIDE: Final = "no-such-host-ingressdoctor"


@collector(wanted=_NAME)
async def collect_lan_name(
    target: Target,
    dns: DnsView | Unavailable,
    zone: ZoneFacts | Unavailable,
    objects: Later[RoutingObjects],
    route: Later[TunnelRoute],
) -> LanName | Unavailable:
    """Judge by the zone's record, else by what the resolvers answer; of a name without either, by its Ingress.

    What a rule of a tunnel names is reached through that tunnel, wherever its Ingress listens.
    """
    if target.protocol is Protocol.MYSQL:
        return Inapplicable(wanted=_NAME, reason="the target does not speak HTTP")
    found = lan_name(dns, zone)
    if found is None and nowhere(dns, zone):
        found = lan_of_cluster(target.hostname, await objects.get())
        way = await route.get() if found is not None else None
        found = None if isinstance(way, TunnelRoute) and way.certain else found
    return found or Inapplicable(wanted=_NAME, reason="the name leads to no address of a LAN")


@collector(wanted="whose addresses the name has")
async def collect_owners(kube: Kubernetes, lan: LanName, listed: Later[ClusterServices]) -> LanOwners | Unavailable:
    """List nodes and Services."""
    nodes, known = await asyncio.gather(list_kind(kube, NODES), listed.get())
    services = known if isinstance(known, Unavailable) else known.loaded
    if isinstance(nodes, Unavailable):
        return nodes
    if isinstance(services, Unavailable):
        return services
    return owners_of(lan, nodes, services)


def owners_of(lan: LanName, nodes: Loaded[Node], services: Loaded[Service]) -> LanOwners:
    """Match addresses with those of nodes, and with those that Services publish."""
    known = tuple(map(node_of, nodes.items))
    owners = []
    for address in lan.addresses:
        has = next((node for node in known if address in node.addresses), None)
        publish = (item.ref for item in services.items if address in _published(item))
        owners.append(LanOwner(address=address, node=has, services=tuple(dict.fromkeys(publish))))
    return LanOwners(name=lan, owners=tuple(owners), nodes=known)


def node_of(node: Node) -> LanNode:
    """Return a node with its addresses in canonical form."""
    addresses = (canonical_address(item.address) for item in node.status.addresses or ())
    ready = next((item.status for item in node.status.conditions or () if item.type == "Ready"), None)
    return LanNode(
        ref=node.ref,
        addresses=tuple(dict.fromkeys(address for address in addresses if address)),
        ready=None if ready is None else ready == "True",
    )


def _published(service: Service) -> tuple[str, ...]:
    return tuple(canonical_address(item.ip or "") for item in service.published)


@collector(wanted="how the addresses of the LAN answer", timeout_s=12.0)
async def collect_surroundings(target: Target, lan: LanName, net: Net, dns: Dns) -> LanSurroundings:
    """Connect to each address, and ask for a name beside the target's."""
    parent = target.hostname.partition(".")[2]
    beside = f"{_BESIDE}.{parent}" if "." in parent and dns.resolvers else ""
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(net.tcp(address, target.port, timeout_s=CONNECT_S)) for address in lan.addresses]
        # This machine's own resolver may hold private names only: what the world is told is asked elsewhere too.
        servers = dict.fromkeys((dns.resolvers[0], dns.resolvers[-1])) if beside else {}
        asked = [
            group.create_task(dns.query(beside, rdtype, server)) for server in servers for rdtype in ("A", "HTTPS")
        ]
    return LanSurroundings(
        attempts=tuple(task.result() for task in tries),
        beside=clean(beside, 253),
        wildcard=tuple(task.result() for task in asked),
    )
