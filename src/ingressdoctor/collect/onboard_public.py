"""The checklist of a new public hostname: DNS record, route, certificate, Argo CD, Traefik.

Collects what each item needs and judges them in that order; records, routes and certificates to paste are made from
those of the most similar hostname.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from ingressdoctor.collect.cloudflare import parse_records
from ingressdoctor.collect.gitops import judge
from ingressdoctor.collect.kinds import CERTIFICATES
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.collect.onboard_certificate import Certificates, certificate_item, secret_for
from ingressdoctor.collect.onboard_common import Applications, list_applications, nearest, read_zone_list, sync_action
from ingressdoctor.collect.onboard_record import record_item
from ingressdoctor.collect.onboard_route import Routing, named_item, neighbour_of, routed_item
from ingressdoctor.collect.onboard_sides import NameSide
from ingressdoctor.collect.onboard_sync import argo_item
from ingressdoctor.evidence.certificates import CertificateChain
from ingressdoctor.evidence.cloudflare import ZoneFacts, ZoneRecord
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.nginx import NginxDecision
from ingressdoctor.evidence.onboarding import NextAction, PublicOnboarding
from ingressdoctor.evidence.routes import Custom, KnownHosts, RouteDecision, RoutingObjects
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Cloudflare, Kubernetes

__all__ = ["RouteSide", "collect_public", "collect_route_side", "judge_public"]

_RECORDS: Final = "the zone's records"
_ROUTES: Final = ("IngressRoute", "Ingress", "HTTPRoute")


class RouteSide(msgspec.Struct, frozen=True, kw_only=True):
    """The routes of the cluster, and what Traefik makes of the request."""

    hosts: KnownHosts | Unavailable
    objects: RoutingObjects | Unavailable
    routing: Routing
    chain: CertificateChain | Unavailable


@collector(wanted="the routes of the cluster")
async def collect_route_side(
    hosts: KnownHosts | Unavailable,
    objects: RoutingObjects | Unavailable,
    decision: RouteDecision | Unavailable,
    chain: CertificateChain | Unavailable,
    controller: Controller | Unavailable,
    nginx: NginxDecision | Unavailable,
) -> RouteSide:
    """Gather what is known of routes."""
    routing = Routing(decision=decision, controller=controller, nginx=nginx)
    return RouteSide(hosts=hosts, objects=objects, routing=routing, chain=chain)


@collector(wanted="how far the public hostname is set up", timeout_s=40.0)
async def collect_public(
    target: Target, kube: Kubernetes, cloudflare: Cloudflare, name: NameSide, routes: RouteSide
) -> PublicOnboarding:
    """Read Applications, Certificates and the zone's other records beside what a diagnosis reads, and judge."""
    argo, listed, others = await asyncio.gather(
        list_applications(kube), list_or_gap(kube, CERTIFICATES), _records(cloudflare, name.zone)
    )
    return judge_public(target.hostname, name, routes, _Read(argo=argo, certificates=listed, records=others))


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """What was read for the checklist alone."""

    argo: Applications | Unavailable
    certificates: Loaded[Custom] | Unavailable
    records: tuple[ZoneRecord, ...] | Unavailable


async def _records(cloudflare: Cloudflare, zone: ZoneFacts | Unavailable) -> tuple[ZoneRecord, ...] | Unavailable:
    """Read the proxied records of the zone, where the name has none of its own."""
    if isinstance(zone, Unavailable):
        return zone
    if zone.records:
        return ()
    path, query = f"/zones/{zone.id}/dns_records", {"proxied": "true"}
    listed = await read_zone_list(cloudflare, path, query, _RECORDS, "Zone > DNS > Read")
    if isinstance(listed, Unavailable):
        return listed
    names = dict.fromkeys(as_text(as_map(raw).get("name")).lower() for raw in listed)
    return tuple(record for name in names if name for record in parse_records(listed, name))


def judge_public(host: str, name: NameSide, routes: RouteSide, read: _Read) -> PublicOnboarding:
    """Say of each item whether it is done, and what would get it done."""
    neighbour = neighbour_of(host, routes.hosts, routes.objects)
    waiting = _waiting(host, read.argo, routes)
    naming = () if isinstance(routes.hosts, Unavailable) else routes.hosts.naming(host)
    decision = routes.routing.decision
    winner = None if isinstance(decision, Unavailable) else decision.winner
    certificates = Certificates(listed=read.certificates, chain=routes.chain, winner=winner)
    named = None if isinstance(routes.hosts, Unavailable) else bool(naming)
    known = () if isinstance(routes.hosts, Unavailable) or naming else nearest(host, routes.hosts.hosts)
    secret = secret_for(host, read.certificates, neighbour.item.namespace) if neighbour is not None else ""
    return PublicOnboarding(
        hostname=host,
        management=False,
        items=(
            record_item(host, name, read.records),
            named_item(host, routes.hosts, neighbour, waiting, secret),
            certificate_item(host, certificates, neighbour),
            argo_item(_unread(routes.hosts, naming) or naming, read.argo, waiting),
            routed_item(host, routes.routing, named=named),
        ),
        near=known[:3],
    )


def _unread(hosts: KnownHosts | Unavailable, naming: tuple[str, ...]) -> Unavailable | None:
    """Return why nothing can be said of the objects that name the host, where some could not be read."""
    if isinstance(hosts, Unavailable):
        return hosts
    return next(iter(hosts.unread), None) if not naming else None


def _waiting(host: str, argo: Applications | Unavailable, routes: RouteSide) -> NextAction | None:
    """Return how to let Argo CD bring a route that is in git and not in the cluster, and sounds like the host's."""
    if isinstance(argo, Unavailable) or isinstance(routes.objects, Unavailable):
        return None
    loaded = (routes.objects.ingress_routes, routes.objects.ingresses)
    if any(isinstance(item, Unavailable) for item in loaded):
        return None
    present = frozenset(
        (item.kind or "", item.namespace, item.name)
        for each in loaded
        if isinstance(each, Loaded)
        for item in each.items
    )
    view = judge(argo.items, present, host)
    gone = next((item for item in view.missing if item.kind in _ROUTES and item.related), None)
    owner = next((item for item in argo.items if gone is not None and item.name == gone.application), None)
    return sync_action(owner, gone.ref) if owner is not None and gone is not None else None
