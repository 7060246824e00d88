"""The walk of public names that lead to nodes without a load balancer, as data, and on what ground one belongs to it.

Holds no check. The questions are those of the documented debugging sequence, each node being a hop of its own.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Claim, KnownHosts, NodeLead, Step, Target, TunnelRoute, Unavailable, Walk, claims

__all__ = ["NODES", "WALKS", "claim_nodes"]

NODES: Final = Walk(
    id="nodes",
    title="A public site on nodes without a load balancer: Cloudflare, every node's own ports, Traefik, Service, pods",
    steps=(
        Step(
            id="outside",
            question="Is it up from outside?",
            hop="Cloudflare's edge",
            docs="walks/nodes.md#1-is-it-up-from-outside",
            speaker="edge.http-error",
        ),
        Step(
            id="dns",
            question="Does DNS resolve to Cloudflare anycast?",
            hop="DNS",
            docs="walks/nodes.md#2-does-dns-resolve-to-cloudflare-anycast",
            speaker="dns.not-proxied",
            # What the record's addresses are is the next step's question; no load balancer has them.
            takes=(
                "dns.no-such-name",
                "dns.not-proxied",
                "dns.resolver-failing",
                "dns.split-answers",
                "dns.zone-inactive",
            ),
        ),
        Step(
            id="nodes",
            question="Does every node answer on its own address?",
            hop="the nodes",
            docs="walks/nodes.md#3-does-every-node-answer-on-its-own-address",
            speaker="node.one-of-many",
        ),
        Step(
            id="controller",
            question="Has Traefik the route, and do requests arrive?",
            hop="Traefik",
            docs="walks/nodes.md#4-has-traefik-the-route-and-do-requests-arrive",
            speaker="traefik.route-missing",
        ),
        Step(
            id="backend",
            question="Is the backend healthy?",
            hop="the backend",
            docs="walks/nodes.md#5-is-the-backend-healthy",
            speaker="backend.pods-not-ready",
        ),
    ),
    proof=("edge.http-error", "edge.error-page", "edge.unreachable"),
    prediction="traefik.prediction-mismatch",
)

WALKS: Final = (NODES,)


@claims("nodes")
def claim_nodes(
    lead: NodeLead | Unavailable, hosts: KnownHosts | Unavailable, tunnel: TunnelRoute | Unavailable, target: Target
) -> Claim:
    """Claim names whose record leads to nodes or servers, and to no load balancer.

    Where the record is hidden, a controller on the nodes' own ports is a ground only for hosts that a route names.
    """
    if isinstance(lead, Unavailable):
        return Claim(strength=0, ground="")
    naming = () if isinstance(hosts, Unavailable) else hosts.naming(target.hostname)
    ground = f"{lead.ground}, and {naming[0]} names the host" if naming else lead.ground
    if lead.record.addresses:
        return Claim(strength=100 if naming else 92, ground=ground)
    behind = isinstance(tunnel, TunnelRoute) and (tunnel.by_record or tunnel.named == "exact")
    return Claim(strength=60 if behind else 100 if naming else 0, ground=ground)
