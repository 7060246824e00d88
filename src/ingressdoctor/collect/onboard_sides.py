"""What the checklists of a new hostname look at, in bundles: the name, the tunnel's side, the cluster, Access.

Only gathers; what may be missing stays a gap of its own.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from ingressdoctor.collect.access_apps import APPS_READ
from ingressdoctor.collect.access_objects import parse_application
from ingressdoctor.collect.onboard_common import Applications, list_applications, list_services, read_zone_list
from ingressdoctor.evidence.access_apps import AccessApplication
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.dns import Rcode
from ingressdoctor.evidence.kube import Service
from ingressdoctor.evidence.outside import AddressRanges, DnsView
from ingressdoctor.evidence.tunnel import Cloudflareds, TunnelRoute
from ingressdoctor.evidence.tunnel_api import TunnelFacts
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_list
from ingressdoctor.routing.addresses import is_cloudflare
from ingressdoctor.sources.base import Cloudflare, Kubernetes

__all__ = [
    "AccessSide",
    "ClusterSide",
    "NameSide",
    "TunnelSide",
    "collect_access_side",
    "collect_cluster_side",
    "collect_name_side",
    "collect_tunnel_side",
]

_APPS: Final = "the Access applications"


class NameSide(msgspec.Struct, frozen=True, kw_only=True):
    """The name at Cloudflare and in DNS."""

    zone: ZoneFacts | Unavailable
    dns: DnsView | Unavailable
    ranges: AddressRanges | Unavailable

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that visitors get."""
        return () if isinstance(self.dns, Unavailable) else self.dns.addresses

    @property
    def absent(self) -> bool:
        """Whether DNS says that there is no such name, rather than nothing."""
        views = () if isinstance(self.dns, Unavailable) else self.dns.resolvers
        codes = {reply.rcode for view in views for reply in view.replies}
        return not self.addresses and bool(codes & {Rcode.NXDOMAIN, Rcode.NODATA})

    @property
    def at_edge(self) -> bool | None:
        """Whether visitors are led to Cloudflare's edge; None where its ranges are not known."""
        if isinstance(self.ranges, Unavailable) or not self.addresses:
            return None
        return all(is_cloudflare(self.ranges, address) for address in self.addresses)


class TunnelSide(msgspec.Struct, frozen=True, kw_only=True):
    """The connectors, the way of the name through them, and what the API says of the tunnels."""

    cloudflareds: Cloudflareds | Unavailable
    route: TunnelRoute | Unavailable
    facts: TunnelFacts | Unavailable


class ClusterSide(msgspec.Struct, frozen=True, kw_only=True):
    """Argo CD's Applications, and the Services that a rule could lead to."""

    argo: Applications | Unavailable
    services: tuple[Service, ...] = ()


class AccessSide(msgspec.Struct, frozen=True, kw_only=True):
    """The applications of Access."""

    apps: tuple[AccessApplication, ...] | Unavailable


@collector(wanted="the name")
async def collect_name_side(
    zone: ZoneFacts | Unavailable, dns: DnsView | Unavailable, ranges: AddressRanges | Unavailable
) -> NameSide:
    """Gather what is known of the name."""
    return NameSide(zone=zone, dns=dns, ranges=ranges)


@collector(wanted="the tunnel's side")
async def collect_tunnel_side(
    cloudflareds: Cloudflareds | Unavailable, route: TunnelRoute | Unavailable, facts: TunnelFacts | Unavailable
) -> TunnelSide:
    """Gather what is known of tunnels."""
    return TunnelSide(cloudflareds=cloudflareds, route=route, facts=facts)


@collector(wanted="Applications and Services of the cluster", timeout_s=20.0)
async def collect_cluster_side(kube: Kubernetes) -> ClusterSide:
    """List Argo CD's Applications and the cluster's Services."""
    argo, services = await asyncio.gather(list_applications(kube), list_services(kube))
    return ClusterSide(argo=argo, services=services)


@collector(wanted=_APPS, timeout_s=15.0)
async def collect_access_side(cloudflare: Cloudflare, zone: ZoneFacts | Unavailable) -> AccessSide:
    """List the applications of the account that holds the zone."""
    if isinstance(zone, Unavailable):
        gap = Unavailable(wanted=_APPS, reason=zone.reason, enable_with=zone.enable_with)
        return AccessSide(apps=gap)
    if not zone.account_id:
        reason = f"the API does not tell which account owns the zone {zone.name}"
        gap = Unavailable(wanted=_APPS, reason=reason, enable_with=f"Give the API token {APPS_READ}.")
        return AccessSide(apps=gap)
    listed = await read_zone_list(cloudflare, f"/accounts/{zone.account_id}/access/apps", {}, _APPS, APPS_READ)
    if isinstance(listed, Unavailable):
        return AccessSide(apps=listed)
    return AccessSide(apps=tuple(app for raw in as_list(listed) if (app := parse_application(raw)) is not None))
