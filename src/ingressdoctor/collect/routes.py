"""List the routing objects once, and let the model decide which route takes the target's request.

Four requests, up to six where TraefikServices or TLSOptions matter. What the objects mean is the business of
``routing/traefik``.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

from msgspec.structs import replace

from ingressdoctor.collect.controller import NO_TRAEFIK
from ingressdoctor.collect.gateway import provider_on, with_gateways
from ingressdoctor.collect.kinds import (
    INGRESS_CLASSES,
    INGRESS_ROUTES,
    INGRESSES,
    MIDDLEWARES,
    TLS_OPTIONS,
    TRAEFIK_SERVICES,
    Kind,
)
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.gateway import GatewayObjects
from ingressdoctor.evidence.kube import Ingress, Loaded, Resource
from ingressdoctor.evidence.nginx import NginxDecision
from ingressdoctor.evidence.routes import (
    NOT_READ,
    Custom,
    DropReason,
    KnownHosts,
    Outcome,
    RouteDecision,
    RouteRequest,
    RoutingObjects,
)
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.traefik.answer import AnswerModel, build_answers, with_prediction
from ingressdoctor.routing.traefik.decide import decide_in, with_suggestions
from ingressdoctor.routing.traefik.hosts import hosts_of
from ingressdoctor.routing.traefik.middlewares import as_list, as_map
from ingressdoctor.routing.traefik.settings import assumed_static
from ingressdoctor.routing.traefik.table import RouteTable, build_table
from ingressdoctor.sources.base import Kubernetes

__all__ = ["build_answer_model", "build_routes", "collect_decision", "collect_hosts", "collect_objects", "request_for"]

T = TypeVar("T", bound=Resource)

_LISTING_TIMEOUT_S: Final = 20.0
_OPTION_ANNOTATION: Final = "traefik.ingress.kubernetes.io/router.tls.options"


@collector(wanted="the cluster's routing objects", timeout_s=_LISTING_TIMEOUT_S)
async def collect_objects(kube: Kubernetes) -> RoutingObjects | Unavailable:
    """List IngressRoutes, Ingresses with their classes, and Middlewares, then the kinds that one of them refers to."""
    async with asyncio.TaskGroup() as group:
        # Nearly every Ingress names its class: to see that first would cost everybody a round trip.
        class_task = group.create_task(list_or_gap(kube, INGRESS_CLASSES))
        route_task = group.create_task(list_or_gap(kube, INGRESS_ROUTES))
        ingress_task = group.create_task(list_or_gap(kube, INGRESSES))
        middleware_task = group.create_task(list_or_gap(kube, MIDDLEWARES))
    routes, ingresses = route_task.result(), ingress_task.result()
    if isinstance(routes, Unavailable) and isinstance(ingresses, Unavailable):
        return routes
    async with asyncio.TaskGroup() as group:
        service_task = group.create_task(_listed(kube, TRAEFIK_SERVICES, wanted=_refers_to_services(routes)))
        options = _names_options(routes, ingresses)
        option_task = group.create_task(list_or_gap(kube, TLS_OPTIONS)) if options else None
    return RoutingObjects(
        ingress_routes=routes,
        ingresses=ingresses,
        middlewares=middleware_task.result(),
        ingress_classes=class_task.result() if _names_classes(ingresses) else Loaded(),
        traefik_services=service_task.result(),
        tls_options=option_task.result() if option_task else NOT_READ,
    )


async def _listed(kube: Kubernetes, kind: Kind[T], *, wanted: bool) -> Loaded[T] | Unavailable:
    return await list_or_gap(kube, kind) if wanted else Loaded()


def _refers_to_services(routes: Loaded[Custom] | Unavailable) -> bool:
    if isinstance(routes, Unavailable):
        return False
    services = (
        as_map(service)
        for item in routes.items
        for route in as_list(item.spec.get("routes"))
        for service in as_list(as_map(route).get("services"))
    )
    return any(service.get("kind") == "TraefikService" and "@" not in str(service.get("name")) for service in services)


def _names_options(routes: Loaded[Custom] | Unavailable, ingresses: Loaded[Ingress] | Unavailable) -> bool:
    """Tell whether some route names a TLSOption: only then their existence decides anything."""
    named = isinstance(routes, Loaded) and any(
        as_map(as_map(item.spec.get("tls")).get("options")).get("name") for item in routes.items
    )
    return named or (
        isinstance(ingresses, Loaded)
        and any(key.lower() == _OPTION_ANNOTATION for item in ingresses.items for key in item.annotations)
    )


def _names_classes(ingresses: Loaded[Ingress] | Unavailable) -> bool:
    return isinstance(ingresses, Loaded) and any(item.spec.ingress_class_name is not None for item in ingresses.items)


@collector(wanted="the routes that Traefik has", timeout_s=_LISTING_TIMEOUT_S)
async def build_routes(
    controller: Controller | Unavailable, objects: RoutingObjects, gateways: Later[GatewayObjects]
) -> RouteTable:
    """Build the table of routers once for all targets; routes of the Gateway API count where Traefik serves them."""
    if isinstance(controller, Unavailable):
        assumed = replace(assumed_static(), unreadable=f"{controller.reason}; the Helm chart's defaults are assumed")
        return build_table(objects, assumed, "")
    static = controller.static
    if not static.entry_points:
        static = replace(assumed_static(), unreadable=f"{static.unreadable}; the Helm chart's defaults are assumed")
    if provider_on(static):
        objects = with_gateways(objects, await gateways.get())
    return build_table(objects, static, controller.version)


@collector(wanted="what Traefik answers", timeout_s=_LISTING_TIMEOUT_S)
async def build_answer_model(
    objects: RoutingObjects, table: RouteTable, gateways: Later[GatewayObjects]
) -> AnswerModel:
    """Build what answers requests on the entry points once for all targets.

    IngressRouteTCPs are not listed for it: a host that an HTTPS router names never reaches one.
    """
    if provider_on(table.static):
        objects = with_gateways(objects, await gateways.get())
    return build_answers(replace(objects, ingress_route_tcps=Loaded()), table)


_DECISION: Final = "which route takes the request"


@collector(wanted=_DECISION)
async def collect_decision(
    table: RouteTable,
    model: AnswerModel,
    controller: Controller | Unavailable,
    target: Target,
    nginx: Later[NginxDecision],
    tunnel: Later[TunnelRoute],
) -> RouteDecision | Unavailable:
    """Decide which router takes the target's request, and what the client must get; no HTTP router takes MySQL.

    Where there is no Traefik, ingress-nginx decides on names of the LAN, and an Ingress of another class is that
    controller's: nobody leaves it out. Behind a tunnel the checks of the backend go on with the request alone.
    """
    if target.protocol is Protocol.MYSQL:
        return RouteDecision(request=request_for(target, controller), outcome=Outcome.NO_ROUTE)
    found = await nginx.get() if isinstance(controller, Unavailable) else None
    if isinstance(found, NginxDecision) and found.direct:
        return found.decision
    decided = with_prediction(model, with_suggestions(table, decide_in(table, request_for(target, controller))))
    if isinstance(controller, Controller) or isinstance(found, NginxDecision):
        return decided
    if not controller.reason.startswith(NO_TRAEFIK) or not _of_others(decided):
        return decided
    if isinstance(await tunnel.get(), Unavailable):
        reason = f"no Traefik runs here, and {decided.dropped[0].ref} is of another controller's class"
        return Inapplicable(wanted=_DECISION, reason=reason)
    return decided


def _of_others(decision: RouteDecision) -> bool:
    """Tell whether Ingresses name the host, and all of them are of a class that is not Traefik's."""
    if decision.outcome is not Outcome.NO_ROUTE or not decision.dropped:
        return False
    return all(item.ref.startswith("Ingress ") and item.reason is DropReason.CLASS for item in decision.dropped)


def request_for(target: Target, controller: Controller | Unavailable) -> RouteRequest:
    """Describe the target's request as Traefik sees it, on the entry point that its port leads to."""
    path, _, query = target.path.partition("?")
    tls = target.scheme == "https"
    point = None if isinstance(controller, Unavailable) else controller.path_of(target.port).entry_point
    return RouteRequest(
        host=target.hostname,
        path=path or "/",
        query=query,
        tls=tls,
        entry_point=point.name if point else "",
        sni=target.hostname if tls else "",
        client_ip=target.client_ip,
        raw_port=target.port if target.protocol is Protocol.MYSQL else 0,
    )


@collector(wanted="the hostnames that the cluster's routes name")
async def collect_hosts(objects: RoutingObjects) -> KnownHosts:
    """Collect every hostname that a routing object names."""
    kinds = (objects.ingress_routes, objects.ingresses)
    return KnownHosts(hosts=hosts_of(objects), unread=tuple(kind for kind in kinds if isinstance(kind, Unavailable)))
