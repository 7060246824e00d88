"""Whether a tunnel's rule or an address leads to ingress-nginx, and by what: its Service, an address, a node. Pure.

Whose an address is, is said by ``address_owner``.
Source: kubernetes Services; k3s ServiceLB, which binds a LoadBalancer Service's ports on the nodes (hostPort = port).
"""

from __future__ import annotations

import ipaddress
from typing import Final

from ingressdoctor.evidence.kube import ServicePort
from ingressdoctor.evidence.lan import LanOwners
from ingressdoctor.evidence.nginx import NginxController, NginxControllers, NginxWay
from ingressdoctor.evidence.tunnel import AddressOwner, TunnelRoute
from ingressdoctor.evidence.tunnel_rules import OriginKind, TunnelOrigin
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.target import Target

__all__ = ["Way", "lan_origin", "may_lead_to_nginx", "way_in_lan", "way_to"]

_WANTED: Final = "what ingress-nginx does with the request"
_HINTS: Final = ("nginx", "ingress")
_WEB: Final = frozenset((80, 443))

Way = tuple[NginxController, NginxWay, str]


def may_lead_to_nginx(route: TunnelRoute | Unavailable, owner: AddressOwner | Unavailable) -> str:
    """Say why the rule cannot lead to ingress-nginx; empty when it may, so that the cluster is asked for it."""
    if isinstance(route, Unavailable) or not route.certain:
        return "the name does not lead to a tunnel"
    origin = route.origin
    if route.rule is None or origin is None or origin.kind is not OriginKind.HTTP:
        return "the rule leads to no web server"
    if origin.backend is not None:
        named = f"{origin.backend.namespace}/{origin.backend.name}".lower()
        return "" if any(hint in named for hint in _HINTS) else "the rule leads straight to a Service"
    if _is_loopback(origin):
        return "the rule leads to another program of cloudflared's own pod" if route.workloads else ""
    return _not_ours(owner)


def _not_ours(owner: AddressOwner | Unavailable) -> str:
    if isinstance(owner, AddressOwner):
        return "" if owner.owners else f"nobody in the cluster has the address {owner.address}"
    return "the rule leads out of the cluster" if isinstance(owner, Inapplicable) else ""


def way_to(origin: TunnelOrigin, owner: AddressOwner | Unavailable, known: NginxControllers) -> Way | Unavailable:
    """Return the controller that the rule leads to, and by what."""
    for item in known.items:
        found = _way(origin, owner, item)
        if found is not None:
            return item, found, _words(origin, owner, found)
    if not known.items:
        return Inapplicable(wanted=_WANTED, reason="no ingress-nginx runs in the cluster")
    if known.unread:
        return known.unread[0]
    names = ", ".join(item.ref for item in known.items)
    return Inapplicable(wanted=_WANTED, reason=f"{origin.service} does not lead to {names}")


def lan_origin(target: Target, lan: LanOwners) -> TunnelOrigin:
    """Return where a visitor in the LAN connects to, in the words of a rule: the name's first address."""
    address = lan.name.addresses[0]
    host = f"[{address}]" if ":" in address else address
    return TunnelOrigin(
        kind=OriginKind.HTTP,
        service=f"{target.scheme}://{host}:{target.port}",
        scheme=target.scheme,
        host=address,
        port=target.port,
        server_name=target.hostname if target.scheme == "https" else "",
        address=True,
    )


def way_in_lan(origin: TunnelOrigin, lan: LanOwners, known: NginxControllers) -> Way | Unavailable:
    """Return the controller that the address leads to, else the only one: whose the address is, is judged elsewhere."""
    refs = tuple(ref for item in lan.owners for ref in (*((item.node.ref,) if item.node else ()), *item.services))
    found = way_to(origin, AddressOwner(address=origin.host, owners=refs), known)
    if not isinstance(found, Unavailable) or not known.items:
        return found
    strangers = [ref for ref in refs if ref.startswith("Service ")]
    if strangers or len(known.items) > 1:
        return found
    return known.items[0], NginxWay.HOST_PORT, f"{origin.service}, where it should be"


def _way(origin: TunnelOrigin, owner: AddressOwner | Unavailable, item: NginxController) -> NginxWay | None:
    service = item.service
    ref = origin.backend
    if ref is not None:
        mine = ref.namespace == item.namespace and ref.name in item.services
        return NginxWay.SERVICE if mine else None
    owners = owner.owners if isinstance(owner, AddressOwner) else ()
    if service is not None and service.spec.cluster_ip == origin.host:
        return NginxWay.CLUSTER_IP
    if service is not None and service.ref in owners and any(found.port == origin.port for found in service.ports):
        return NginxWay.PUBLISHED
    on_node = _is_loopback(origin) or any(ref.startswith("Node ") for ref in owners)
    return _on_node(origin, item, owners) if on_node else None


def _on_node(origin: TunnelOrigin, item: NginxController, owners: tuple[str, ...]) -> NginxWay | None:
    service = item.service
    port = next((found for found in (service.ports if service else ()) if found.port == origin.port), None)
    if any(found.node_port == origin.port for found in (service.ports if service else ())):
        return NginxWay.NODE_PORT
    bound = origin.port in item.host_ports or (item.host_network and origin.port in _WEB)
    if bound or _balanced(item, port, owners):
        return NginxWay.HOST_PORT
    return None


def _balanced(item: NginxController, port: ServicePort | None, owners: tuple[str, ...]) -> bool:
    """Tell whether the nodes' load balancer takes the port to this Service, and to no other that has the address."""
    if item.service is None or item.service.spec.type != "LoadBalancer" or port is None:
        return False
    return all(ref == item.service.ref or not ref.startswith("Service ") for ref in owners)


def _is_loopback(origin: TunnelOrigin) -> bool:
    if origin.host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(origin.host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _words(origin: TunnelOrigin, owner: AddressOwner | Unavailable, way: NginxWay) -> str:
    whose = f" ({owner.owners[0]})" if isinstance(owner, AddressOwner) and owner.owners else ""
    return f"{origin.service}{whose}, {way}"
