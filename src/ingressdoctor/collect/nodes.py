"""Read the cluster's nodes, but only when the load balancer's targets have to be mapped to them.

A load balancer whose targets are all healthy needs no names; then no request is spent. Which node should be a
target is judged by the checks.
"""

from __future__ import annotations

from ingressdoctor.collect.kinds import NODES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import ClusterNodes, LoadBalancerLookup
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_nodes", "mapping_needed"]


@collector(wanted="the cluster's nodes")
async def collect_nodes(
    kube: Kubernetes, controller: Controller, lookup: LoadBalancerLookup
) -> ClusterNodes | Unavailable:
    """Return the nodes if some target of the load balancer is unhealthy or missing."""
    why = mapping_needed(lookup, controller)
    if not why:
        return ClusterNodes(nodes=(), asked=False, why="every target of the load balancer is healthy")
    loaded = await list_kind(kube, NODES)
    if isinstance(loaded, Unavailable):
        return loaded
    return ClusterNodes(nodes=loaded.items, asked=True, why=why)


def mapping_needed(lookup: LoadBalancerLookup, controller: Controller) -> str:
    """Say why targets must be compared with nodes; empty when they need not be."""
    balancer = lookup.found
    if balancer is None:
        return ""
    if not balancer.targets:
        return "the load balancer has no targets"
    ill = sum(1 for target in balancer.targets if "unhealthy" in target.health.values())
    if ill:
        return f"{ill} of {len(balancer.targets)} targets fail a health check"
    known = {item.id for item in lookup.servers}
    if not lookup.servers_unread and any(t.server_id not in known for t in balancer.targets if t.server_id is not None):
        return "a target is a server that the project no longer holds"
    targeted = {target.server_id for target in balancer.targets}
    by_address = {address: item.id for item in lookup.servers for address in (item.ipv4, *item.private_ips) if address}
    for pod in controller.ready_pods:
        server = by_address.get(pod.status.host_ip or "")
        if server is not None and server not in targeted:
            return f"the node of {pod.ref} is no target"
    return ""
