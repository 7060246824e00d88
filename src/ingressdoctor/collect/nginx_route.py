"""What ingress-nginx does with the target's request, where a tunnel's rule or a name of the LAN leads to it.

The rules of ingress-nginx are in ``routing/ingress_nginx``; this puts the request together as cloudflared sends it.
Source: cloudflared originRequest (httpHostHeader, originServerName, matchSNItoHost); Go's crypto/tls sends no server
name for an address.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.nginx_way import Way, lan_origin, may_lead_to_nginx, way_in_lan, way_to
from ingressdoctor.evidence.kube import Ingress, IngressClass, Loaded
from ingressdoctor.evidence.lan import LanOwners
from ingressdoctor.evidence.nginx import NginxController, NginxControllers, NginxDecision
from ingressdoctor.evidence.routes import RouteRequest, RoutingObjects
from ingressdoctor.evidence.tunnel import AddressOwner, TunnelRoute
from ingressdoctor.evidence.tunnel_rules import TunnelOrigin
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Target
from ingressdoctor.routing.ingress_nginx.answer import refusal_of
from ingressdoctor.routing.ingress_nginx.choose import BadPathError, choose_server, judge_locations, normal_path
from ingressdoctor.routing.ingress_nginx.decide import decide_nginx
from ingressdoctor.routing.ingress_nginx.servers import Location, NginxTable, Server
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings, settings_from
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table
from ingressdoctor.routing.lan import dialled_in_lan

__all__ = ["collect_nginx_route", "decide_for", "nginx_request", "settings_of", "table_for"]

_WANTED: Final = "what ingress-nginx does with the request"


@collector(wanted=_WANTED, timeout_s=25.0)
async def collect_nginx_route(
    target: Target,
    route: TunnelRoute | Unavailable,
    owner: AddressOwner | Unavailable,
    objects: RoutingObjects | Unavailable,
    controllers: Later[NginxControllers],
    lan: LanOwners | Unavailable,
) -> NginxDecision | Unavailable:
    """Look for ingress-nginx only where the rule or the address may lead to it, and ask the model."""
    if isinstance(lan, LanOwners) and dialled_in_lan(lan.name, route):
        return await _from_lan(target, lan, objects, controllers)
    why = may_lead_to_nginx(route, owner)
    if why or isinstance(route, Unavailable) or route.origin is None:
        return Inapplicable(wanted=_WANTED, reason=why or "the rule leads nowhere")
    known = await controllers.get()
    way = known if isinstance(known, Unavailable) else way_to(route.origin, owner, known)
    if isinstance(way, Unavailable):
        return way
    table = objects if isinstance(objects, Unavailable) else _table(way[0], objects)
    return table if isinstance(table, Unavailable) else decide_for(target, route.origin, way, table)


async def _from_lan(
    target: Target, lan: LanOwners, objects: RoutingObjects | Unavailable, controllers: Later[NginxControllers]
) -> NginxDecision | Unavailable:
    """Ask the model what a visitor gets who dials the address of the LAN himself."""
    known = await controllers.get()
    if isinstance(known, Unavailable):
        return known
    origin = lan_origin(target, lan)
    found = way_in_lan(origin, lan, known)
    if isinstance(found, Unavailable):
        return found
    if isinstance(objects, Unavailable):
        return objects
    table = _table(found[0], objects)
    if isinstance(table, Unavailable):
        return table
    address = origin.host if lan.owners[0].known else ""
    return replace(decide_for(target, origin, found, table), direct=True, address=address)


def _table(controller: NginxController, objects: RoutingObjects) -> NginxTable | Unavailable:
    ingresses, classes = objects.ingresses, objects.ingress_classes
    if isinstance(ingresses, Unavailable):
        return ingresses
    return table_for(controller, ingresses.items, classes.items if isinstance(classes, Loaded) else None)


def settings_of(controller: NginxController) -> NginxSettings:
    """Return the settings that a controller runs with; the defaults where its ConfigMap could not be read."""
    config = None if isinstance(controller.config, Unavailable) else controller.config
    return settings_from(controller.args, config, controller.version)


def table_for(
    controller: NginxController, ingresses: tuple[Ingress, ...], classes: tuple[IngressClass, ...] | None
) -> NginxTable:
    """Build the controller's servers; *classes* None where they could not be read, which matters if one is named."""
    named = any(item.spec.ingress_class_name is not None for item in ingresses)
    return build_nginx_table(ingresses, settings_of(controller), classes if classes is not None or named else ())


def nginx_request(target: Target, origin: TunnelOrigin) -> RouteRequest:
    """Describe the target's request as cloudflared sends it to the rule's service.

    The edge says by X-Forwarded-Proto how the visitor came, and cloudflared passes that on.
    """
    path, _, query = target.path.partition("?")
    host = (origin.host_header or target.hostname).partition(":")[0].lower()
    return RouteRequest(
        host=host,
        path=path or "/",
        query=query,
        tls=origin.tls,
        sni=_server_name(origin) if origin.tls else "",
        headers={"X-Forwarded-Proto": target.scheme},
    )


def _server_name(origin: TunnelOrigin) -> str:
    try:
        ipaddress.ip_address(origin.server_name.strip("[]").partition("%")[0])
    except ValueError:
        return origin.server_name.lower()
    return ""


def decide_for(target: Target, origin: TunnelOrigin, way: Way, table: NginxTable) -> NginxDecision:
    """Ask the model, and put beside its decision what the checks want to know of server and location."""
    controller, kind, shown = way
    settings = table.settings
    request = nginx_request(target, origin)
    decision = decide_nginx(table, request)
    server, _ = choose_server(table, request.host)
    location = _location(server, request.path)
    asked = location.annotations if location is not None else None
    answer = decision.predicted
    limits = decision.limits
    if isinstance(controller.config, Unavailable):
        limits = (*limits, f"its ConfigMap could not be read ({controller.config.reason}); defaults are assumed")
    same = f"https://{request.host}{target.path}".rstrip("/")
    return NginxDecision(
        controller=controller,
        way=kind,
        shown=shown,
        port=origin.port,
        decision=replace(decision, limits=limits),
        refused=refusal_of(table, request),
        bound=server.tls,
        certificate=answer.certificate if answer is not None else "",
        protocol=asked.protocol if asked is not None else "HTTP",
        ignored=asked.ignored if asked is not None else (),
        denied=asked.denied if asked is not None else "",
        broken=table.broken,
        classes=(settings.ingress_class, settings.controller_class),
        loops=answer is not None and target.scheme == "https" and answer.location.rstrip("/") == same,
    )


def _location(server: Server, path: str) -> Location | None:
    """Return the location that takes a path, None when none does or nginx refuses the path."""
    try:
        judged = judge_locations(server, normal_path(path))
    except BadPathError:
        return None
    return next((item.location for item in judged if item.takes), None)
