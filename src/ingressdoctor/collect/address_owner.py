"""Whose address a tunnel's rule leads to, when it names one instead of a Service: a node's, a Service's, or nobody's.

Two requests, made only for rules with a private address that is not the connector's own machine. Whether that is good
is the checks' business.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final

from ingressdoctor.collect.kinds import NODES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.kube import Loaded, Node, Service
from ingressdoctor.evidence.tunnel import AddressOwner, TunnelRoute
from ingressdoctor.evidence.workloads import ClusterServices
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_owner", "owners_of"]

_WANTED: Final = "whose address the rule names"


@collector(wanted=_WANTED)
async def collect_owner(
    kube: Kubernetes, route: TunnelRoute, listed: Later[ClusterServices]
) -> AddressOwner | Unavailable:
    """List nodes and Services, and look for the address among theirs."""
    address = _address(route)
    if address is None:
        return Inapplicable(wanted=_WANTED, reason="the rule names no private address")
    if address.is_loopback:
        return Inapplicable(wanted=_WANTED, reason="the rule names the connector's own machine")
    if not address.is_private:
        return Inapplicable(wanted=_WANTED, reason="the rule names a public address")
    async with asyncio.TaskGroup() as group:
        node_task = group.create_task(list_kind(kube, NODES))
        service_task = group.create_task(_all(listed))
    nodes, services = node_task.result(), service_task.result()
    if isinstance(nodes, Unavailable):
        return nodes
    if isinstance(services, Unavailable):
        return services
    return owners_of(str(address), nodes, services)


async def _all(listed: Later[ClusterServices]) -> Loaded[Service] | Unavailable:
    found = await listed.get()
    return found if isinstance(found, Unavailable) else found.loaded


def _address(route: TunnelRoute) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if route.origin is None or not route.origin.address:
        return None
    try:
        return ipaddress.ip_address(route.origin.host.partition("%")[0])
    except ValueError:
        return None


def owners_of(address: str, nodes: Loaded[Node], services: Loaded[Service]) -> AddressOwner:
    """Return who has an address, and the addresses that could be meant instead: of nodes, and published ones."""
    owners: list[str] = []
    others: dict[str, str] = {}
    for node in nodes.items:
        for item in node.status.addresses or ():
            _sort(address, item.address, node.ref, (owners, others))
    for service in services.items:
        for published in service.published:
            _sort(address, published.ip or "", service.ref, (owners, others))
        if service.spec.cluster_ip == address:
            owners.append(service.ref)
    return AddressOwner(address=address, owners=tuple(dict.fromkeys(owners)), others=tuple(others.items())[:20])


def _sort(wanted: str, found: str, ref: str, into: tuple[list[str], dict[str, str]]) -> None:
    try:
        address = str(ipaddress.ip_address(found))
    except ValueError:
        return
    if address == wanted:
        into[0].append(ref)
    else:
        into[1].setdefault(ref, address)
