"""Read the cluster's nodes, but only when the project's servers do not tell which target is which node.

Servers usually carry their node's name, so nodes are worth a request only for targets without a server, for servers
that could not be read, and to find out which label keeps every node out. Which node should be a target is judged by
the checks.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.collect.hetzner_objects import address_of
from ingressdoctor.collect.kinds import NODES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import (
    ClusterBalancer,
    ClusterNodes,
    LoadBalancerLookup,
    NodeAddresses,
    ServiceEvents,
)
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_addresses", "collect_nodes", "mapping_needed"]

_HETZNER: Final = "load-balancer.hetzner.cloud/"


@collector(wanted="the cluster's nodes")
async def collect_nodes(
    kube: Kubernetes, controller: Controller, balancer: ClusterBalancer, events: ServiceEvents | Unavailable
) -> ClusterNodes | Unavailable:
    """Return the nodes if the load balancer's targets cannot be understood without them."""
    lookup = balancer.lookup
    if isinstance(lookup, Unavailable):
        return lookup
    why = mapping_needed(lookup, controller, events)
    if not why:
        return ClusterNodes(nodes=(), asked=False, why="the project's servers tell enough about the targets")
    loaded = await list_kind(kube, NODES)
    if isinstance(loaded, Unavailable):
        return loaded
    return ClusterNodes(nodes=loaded.items, asked=True, why=why)


@collector(wanted="the addresses of the cluster's nodes")
async def collect_addresses(kube: Kubernetes, controller: Controller) -> NodeAddresses | Unavailable:
    """Return the nodes' addresses if the controller's Service may publish them, so that no load balancer is missed."""
    if not _may_publish_nodes(controller):
        return NodeAddresses()
    loaded = await list_kind(kube, NODES)
    if isinstance(loaded, Unavailable):
        return loaded
    found = (address_of(item.address) for node in loaded.items for item in node.status.addresses or ())
    return NodeAddresses(addresses=tuple(dict.fromkeys(filter(None, found))))


def _may_publish_nodes(controller: Controller) -> bool:
    """Tell whether the Service publishes addresses that nothing yet says to be a load balancer's or a pod's node's."""
    service = controller.service
    if service is None or service.spec.type != "LoadBalancer" or service.spec.load_balancer_class:
        return False
    if any(key.startswith(_HETZNER) for key in service.annotations):
        return False
    hosts = {address_of(pod.status.host_ip) for pod in controller.pods}
    return any(address_of(item.ip) not in hosts for item in service.published if item.ip)


def mapping_needed(lookup: LoadBalancerLookup, controller: Controller, events: ServiceEvents | Unavailable) -> str:
    """Say why targets must be compared with nodes; empty when they need not be."""
    balancer = lookup.found
    if balancer is None:
        return ""
    if not balancer.targets:
        return "the load balancer has no targets" if _may_lack_nodes(events) else ""
    ill = any("unhealthy" in target.health.values() for target in balancer.targets)
    if lookup.servers_unread:
        return "a target is unhealthy and the servers could not be read" if ill else ""
    known = {item.id for item in lookup.servers}
    if any(target.server_id not in known for target in balancer.targets if target.server_id is not None):
        return "a target is a server that the project no longer holds"
    targeted = {target.server_id for target in balancer.targets}
    by_address = {address: item.id for item in lookup.servers for address in (item.ipv4, *item.private_ips) if address}
    for pod in controller.ready_pods:
        server = by_address.get(pod.status.host_ip or "")
        if server is not None and server not in targeted:
            return f"the node of {pod.ref} is no target"
    return ""


def _may_lack_nodes(events: ServiceEvents | Unavailable) -> bool:
    """Tell whether labels may keep every node out: the cloud controller says so in an event, or nothing at all."""
    if isinstance(events, Unavailable) or not events.events:
        return True
    return any(event.reason == "UnAvailableLoadBalancer" for event in events.events)
