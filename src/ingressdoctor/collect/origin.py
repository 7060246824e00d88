"""The same request straight to the origin, past DNS and past the edge.

One address, https and http side by side, nothing followed, any certificate accepted. A private address is tried for
names of the LAN only: elsewhere, whether this machine can reach it says nothing about visitors.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.online import offline_reason
from ingressdoctor.collect.reach import not_connected, send
from ingressdoctor.collect.together import together
from ingressdoctor.collect.upgrade import upgrade_headers
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import LoadBalancerLookup
from ingressdoctor.evidence.lan import LanName
from ingressdoctor.evidence.net import HttpExchange, HttpRequest
from ingressdoctor.evidence.node_hops import NodeHops
from ingressdoctor.evidence.outside import Online, OriginProbe
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.addresses import canonical_address, is_originless, is_private
from ingressdoctor.routing.lan import dialled_in_lan
from ingressdoctor.sources.base import Net
from ingressdoctor.sources.left_out import refuse_left_out

__all__ = [
    "BalancedOrigin",
    "Origin",
    "choose_origin",
    "collect_address",
    "collect_balanced",
    "collect_origin",
    "of_nodes",
]

_WANTED: Final = "the origin's own answer"
_ADDRESS: Final = "the origin's address"
_ANSWER_S: Final = 8.0
_OWN_ERRORS: Final = (b"Bad Gateway", b"Gateway Timeout", b"no available server", b"Service Unavailable")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The origin's address, and how it was found; ``asked`` is what it answered to somebody who asked it already."""

    address: str
    source: str
    asked: OriginProbe | None = None


class BalancedOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The origin where one address stands for all: a load balancer's, the Service's, the record's."""

    origin: Origin | Unavailable


@collector(wanted=_ADDRESS)
async def collect_address(balanced: BalancedOrigin, hops: NodeHops | Unavailable) -> Origin | Unavailable:
    """Prefer the node that answers, where there is no load balancer: a dead one says nothing about what is behind."""
    if isinstance(hops, Unavailable) or isinstance(balanced.origin, Inapplicable):
        return balanced.origin
    return of_nodes(hops)


def of_nodes(hops: NodeHops) -> Origin:
    """Return the first node that answers over the scheme that the edge uses, else the first."""
    record = hops.lead.record
    source = record.told_by or "the nodes' own addresses"
    sides = (record.scheme, "http", "https")
    scheme = next((side for side in sides if hops.answering(side)), record.scheme)
    hop = min(hops.answering(scheme) or hops.hops, key=lambda item: _strange(item.asked(scheme)))
    probe = OriginProbe(address=hop.address, source=source, https=hop.secure, http=hop.plain)
    return Origin(address=hop.address, source=source, asked=probe)


def _strange(asked: HttpExchange) -> bool:
    """Tell whether an error is none that a controller makes: of many nodes, whoever else has its port may answer so."""
    return asked.status >= 500 and asked.body.strip() not in _OWN_ERRORS


@collector(wanted=_ADDRESS)
async def collect_balanced(
    lookup: LoadBalancerLookup | Unavailable,
    controller: Controller | Unavailable,
    zone: ZoneFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    lan: LanName | Unavailable,
) -> BalancedOrigin:
    """Find the address to ask; behind a tunnel there is none that anybody but cloudflared could dial.

    Visitors of a name of the LAN dial its private address themselves.
    """
    if isinstance(lan, LanName) and dialled_in_lan(lan, route):
        source = lan.told_by if lan.by_cluster else "its DNS record"
        return BalancedOrigin(origin=Origin(address=lan.addresses[0], source=source))
    if isinstance(route, TunnelRoute) and route.certain:
        reason = "the name leads to a tunnel, whose origin has no public address"
        return BalancedOrigin(origin=Inapplicable(wanted=_WANTED, reason=reason))
    return BalancedOrigin(origin=choose_origin(lookup, controller, zone))


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_origin(
    target: Target, net: Net, origin: Origin, online: Online | Unavailable
) -> OriginProbe | Unavailable:
    """Ask the origin for the target's path over https and over http."""
    if target.protocol is Protocol.MYSQL:
        return Inapplicable(wanted=_WANTED, reason="the target does not speak HTTP")
    if origin.asked is not None:
        return origin.asked
    refuse_left_out(net)
    secure = target if target.scheme == "https" else replace(target, scheme="https", port=443)
    plain = target if target.scheme == "http" else replace(target, scheme="http", port=80)
    requests = [
        HttpRequest(
            url=side.url,
            address=origin.address,
            headers=upgrade_headers(target),
            verify=False,
            timeout_s=_ANSWER_S,
        )
        for side in (secure, plain)
    ]
    answers = await together(*(send(net, request) for request in requests))
    https, http = (
        came if isinstance(came, HttpExchange) else not_connected(request, came)
        for request, came in zip(requests, answers, strict=True)
    )
    probe = OriginProbe(address=origin.address, source=origin.source, https=https, http=http)
    if (offline := offline_reason(online)) and not (probe.https.status or probe.http.status):
        return Unavailable(wanted=_WANTED, reason=offline, enable_with="Connect this machine to the internet.")
    return probe


def choose_origin(
    lookup: LoadBalancerLookup | Unavailable, controller: Controller | Unavailable, zone: ZoneFacts | Unavailable
) -> Origin | Unavailable:
    """Return the public address to ask, by the load balancer, else by the Service's status, else by the zone."""
    known: list[str] = []
    for source, written in (_by_load_balancer(lookup), _by_service(controller), _by_zone(zone)):
        addresses = [canonical_address(text) for text in written]
        public = [text for text in addresses if text and not is_private(text) and not is_originless(text)]
        if public:
            return Origin(address=min(public, key=lambda text: ":" in text), source=source)
        known += addresses
    if known:
        return Unavailable(
            wanted=_ADDRESS,
            reason=f"the only address known, {known[0] or 'a name'}, cannot be dialled from the internet",
            enable_with="Run this inside the cluster's network, or give the load balancer a public address.",
        )
    return Unavailable(
        wanted=_ADDRESS,
        reason="its address is not known: neither the load balancer, nor a Service, nor the zone's records tell it",
        enable_with="Set HCLOUD_TOKEN or CLOUDFLARE_API_TOKEN, or let the kubeconfig read Services.",
    )


def _by_load_balancer(lookup: LoadBalancerLookup | Unavailable) -> tuple[str, tuple[str, ...]]:
    """Return who tells the addresses, and them; also below."""
    if isinstance(lookup, Unavailable) or lookup.found is None:
        return "", ()
    found = lookup.found
    addresses = (found.ipv4, found.ipv6) if found.public_enabled else ()
    return f"load balancer {found.name}", tuple([text for text in addresses if text])


def _by_service(controller: Controller | Unavailable) -> tuple[str, tuple[str, ...]]:
    service = None if isinstance(controller, Unavailable) else controller.service
    published = () if service is None else service.published
    return "the status of the controller's Service", tuple([item.ip for item in published if item.ip])


def _by_zone(zone: ZoneFacts | Unavailable) -> tuple[str, tuple[str, ...]]:
    return "its DNS record", () if isinstance(zone, Unavailable) else zone.origin_addresses
