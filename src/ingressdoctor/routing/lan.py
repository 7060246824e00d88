"""Whether a name is one of the LAN: by its record, by what resolvers answer, else by where its Ingress listens. Pure.

A public name is often answered with private addresses inside (split horizon); that alone makes it none. Nor does an
Ingress at private addresses, which a tunnel may lead to: it tells only where no record leads the name anywhere.
Source: ingress-nginx's publish-status-address (status.loadBalancer of Ingresses).
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.dns import Rcode
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.lan import BY_DNS, LanName
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.addresses import canonical_address, is_lan

__all__ = ["dialled_in_lan", "lan_name", "lan_of_cluster", "nowhere"]

_MAX_ADDRESSES: Final = 8
_CLASS: Final = "kubernetes.io/ingress.class"
_NGINX: Final = "nginx"
_ABSENT: Final = (Rcode.NXDOMAIN, Rcode.NODATA)


def lan_name(dns: DnsView | Unavailable, zone: ZoneFacts | Unavailable) -> LanName | None:
    """Return the private addresses that a name has by its record or by DNS, None when they are not all private."""
    seen = _answers(dns)
    if isinstance(zone, ZoneFacts) and not zone.tunnel:
        held = _addresses(zone.origin_addresses)
        if held:
            return LanName(addresses=held, told_by="its record at Cloudflare", mixed=any(not is_lan(a) for a in seen))
    private = [address for address in seen if is_lan(address)]
    first = next((answer for answer in _views(dns) if any(map(is_lan, answer))), ())
    found = _addresses(first)
    if not private or not found:
        return None
    own = isinstance(dns, DnsView) and bool(dns.resolvers) and dns.resolvers[0].addresses == first
    return LanName(addresses=found, told_by=BY_DNS, mixed=len(private) < len(seen), own=own)


def nowhere(dns: DnsView | Unavailable, zone: ZoneFacts | Unavailable) -> bool:
    """Tell whether DNS says that the name does not exist, and no zone that could be read holds a record for it."""
    if isinstance(dns, Unavailable) or dns.cname_chain or _views(dns):
        return False
    if isinstance(zone, ZoneFacts) and zone.records:
        return False
    replies = [reply for view in dns.resolvers for reply in view.replies if reply.rdtype in ("A", "AAAA")]
    return any(reply.rcode in _ABSENT for reply in replies)


def lan_of_cluster(host: str, objects: RoutingObjects | Unavailable) -> LanName | None:
    """Return the private addresses at which ingress-nginx listens for the host, None unless all of them are private."""
    loaded = objects if isinstance(objects, Unavailable) else objects.ingresses
    if isinstance(objects, Unavailable) or not isinstance(loaded, Loaded):
        return None
    naming = (item for item in loaded.items if any(rule.host == host for rule in item.spec.rules or ()))
    for item in naming:
        published = tuple(address.ip or address.hostname or "" for address in item.published)
        if (found := _addresses(published)) and _is_nginx(item, objects):
            return LanName(addresses=found, told_by=f"the status of {item.ref}", by_cluster=True)
    return None


def _is_nginx(item: Ingress, objects: RoutingObjects) -> bool:
    """Tell whether the Ingress is for ingress-nginx: by what its class names, else by the name of the class."""
    name = item.spec.ingress_class_name or item.annotations.get(_CLASS, "")
    classes = objects.ingress_classes.items if isinstance(objects.ingress_classes, Loaded) else ()
    controller = next((known.spec.controller for known in classes if known.name == name), None)
    return _NGINX in (controller or name)


def dialled_in_lan(lan: LanName | Unavailable, route: TunnelRoute | Unavailable) -> bool:
    """Tell whether visitors here dial a private address, whatever the rest of the world is told.

    So it is where nothing but private addresses is known, and where this machine's own resolver knows none but those
    and the record leads to a tunnel whose rules do not name the host: then that is a record in the way.
    """
    if not isinstance(lan, LanName):
        return False
    tunnel = isinstance(route, TunnelRoute) and route.certain
    if lan.certain and not tunnel:
        return True
    return lan.own and isinstance(route, TunnelRoute) and route.by_record and route.named != "exact"


def _addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses when all of them are a LAN's, else none."""
    found = tuple(dict.fromkeys(canonical_address(text) for text in texts))
    return found[:_MAX_ADDRESSES] if found and all(map(is_lan, found)) else ()


def _views(dns: DnsView | Unavailable) -> tuple[tuple[str, ...], ...]:
    if isinstance(dns, Unavailable):
        return ()
    views = (*dns.resolvers, *((dns.authoritative,) if dns.authoritative else ()))
    return tuple(view.addresses for view in views if view.addresses)


def _answers(dns: DnsView | Unavailable) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for answer in _views(dns) for address in answer))
