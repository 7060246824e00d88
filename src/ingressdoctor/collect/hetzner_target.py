"""The load balancer on one target's path: the cluster's, else the one whose address the target's record holds. Pure.

What each address of the project stands for is worked out once for all targets. A record tells whom visitors reach, not
whose load balancer that is: which one the controller's Service has is for the cluster to say.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.hetzner import ClusterBalancer, HetznerProject, LoadBalancerLookup, Server
from ingressdoctor.evidence.outside import AddressRanges, DnsView
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.routing.addresses import canonical_address, in_ranges, is_cloudflare, is_originless, is_private

__all__ = ["by_address", "collect_target_balancer", "origin_addresses", "server_of"]

_WANTED: Final = "the load balancer in front of the ingress controller"


@collector(wanted=_WANTED)
async def collect_target_balancer(
    cluster: ClusterBalancer, zone: Later[ZoneFacts], dns: Later[DnsView], ranges: Later[AddressRanges]
) -> LoadBalancerLookup | Unavailable:
    """Return the cluster's load balancer; record and DNS are waited for only where nobody tells which one that is."""
    if not isinstance(cluster.lookup, Unavailable) or cluster.project is None:
        return cluster.lookup
    known, edge = await zone.get(), await ranges.get()
    held = origin_addresses(known, await dns.get() if isinstance(known, Unavailable) else known, edge)
    if not held:
        return cluster.lookup
    found = next((cluster.by_address[address] for address in held if address in cluster.by_address), None)
    return found or _no_balancer(cluster.lookup, cluster.project, held)


def origin_addresses(
    zone: ZoneFacts | Unavailable, dns: DnsView | ZoneFacts | Unavailable, ranges: AddressRanges | Unavailable
) -> tuple[str, ...]:
    """Return the public addresses that a record leads to: by the zone, else by DNS unless those are the edge's."""
    if isinstance(zone, ZoneFacts):
        held: tuple[str, ...] = () if zone.tunnel else zone.origin_addresses
    else:
        held = dns.addresses if isinstance(dns, DnsView) else ()
        if isinstance(ranges, Unavailable) or any(is_cloudflare(ranges, address) for address in held):
            held = ()
    plain = (canonical_address(address) for address in held)
    return tuple(dict.fromkeys(a for a in plain if a and not is_private(a) and not is_originless(a)))


def by_address(project: HetznerProject) -> dict[str, LoadBalancerLookup]:
    """Return what each public address of the project stands for: a load balancer, or a server without one before it."""
    found = {item.ipv4: _past(item, project) for item in project.servers if item.ipv4}
    for balancer in project.load_balancers:
        for address in filter(None, (balancer.ipv4, balancer.ipv6)):
            found[address] = LoadBalancerLookup(
                found=balancer,
                matched_by=f"address {address}, which the record leads to",
                looked_for=(f"address {address}",),
                project=tuple(item.name for item in project.load_balancers),
                servers=project.servers,
                servers_unread=project.servers_unread,
                by_record=True,
            )
    return found


def server_of(address: str, servers: tuple[Server, ...]) -> Server | None:
    """Return the server that has a public address; of IPv6 it has a whole network."""
    return next(
        (item for item in servers if address == item.ipv4 or (item.ipv6 and in_ranges((item.ipv6,), address))), None
    )


def _past(server: Server, project: HetznerProject) -> LoadBalancerLookup:
    return LoadBalancerLookup(
        found=None,
        matched_by="",
        looked_for=(),
        project=tuple(item.name for item in project.load_balancers),
        not_in_path=f"the record leads to server {server.name} itself",
        by_record=True,
    )


def _no_balancer(gap: Unavailable, project: HetznerProject, held: tuple[str, ...]) -> LoadBalancerLookup | Unavailable:
    """Say that the record leads to no load balancer of the project, which may well be right."""
    server = next(filter(None, (server_of(address, project.servers) for address in held)), None)
    if server is not None:
        return _past(server, project)
    return Unavailable(
        wanted=_WANTED,
        reason=f"{gap.reason}; and no load balancer of the Hetzner project has {held[0]}, which the record leads to",
        enable_with=gap.enable_with,
    )
