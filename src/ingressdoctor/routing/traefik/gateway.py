"""Build routers from HTTPRoutes and GRPCRoutes, and say which of them Traefik's Gateway provider has no router for.

It is narrower than the specification in what a listener may be, and wider in which listener takes a request: Traefik
makes rules of the hostnames that a route shares with each listener and lets a number decide between them.

Source: traefik: pkg/provider/kubernetes/gateway/{kubernetes,httproute,grpcroute}.go (v3.7.9).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import BackendRef, Custom, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.routing.gateway.attach import Attachment, Refusal, attach
from ingressdoctor.routing.gateway.grants import is_granted
from ingressdoctor.routing.gateway.shapes import (
    Backend,
    Gateway,
    Listener,
    Match,
    Route,
    Rule,
    gateway_of,
    route_of,
)
from ingressdoctor.routing.traefik.gateway_filters import filters_of, no_backend
from ingressdoctor.routing.traefik.gateway_rules import rule_of
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.router import Draft
from ingressdoctor.routing.traefik.services import ServiceBook
from ingressdoctor.routing.traefik.settings import GATEWAY, GATEWAY_PROVIDER, ProviderSettings

__all__ = ["CONTROLLER", "GatewayRouters", "build_gateway_routes", "listener_problem"]

CONTROLLER: Final = "traefik.io/gateway-controller"


class GatewayRouters(msgspec.Struct, frozen=True):
    """What the provider makes: routers, routes without one, middlewares of filters; and what was not read."""

    drafts: tuple[Draft, ...] = ()
    dropped: tuple[DroppedRoute, ...] = ()
    filters: Mapping[str, Custom] = msgspec.field(default_factory=dict)
    unread: tuple[str, ...] = ()


class _Provider(msgspec.Struct, frozen=True, kw_only=True):
    static: StaticConfig
    enabled: bool
    gateways: Mapping[tuple[str, str], Gateway]
    mine: frozenset[str]
    others: frozenset[str]
    labels: Mapping[str, Mapping[str, str]]
    grants: tuple[Custom, ...] | None
    book: ServiceBook
    filters: dict[str, Custom]


def build_gateway_routes(objects: RoutingObjects, static: StaticConfig, book: ServiceBook) -> GatewayRouters:
    """Return the routers of all HTTPRoutes and GRPCRoutes; nothing where the kinds were not read."""
    routes = [item for kind in (objects.http_routes, objects.grpc_routes) for item in _items(kind) or ()]
    settings = ProviderSettings.read(static, GATEWAY)
    unread = tuple(_unread(objects)) if settings.enabled else ()
    gateways, classes = _items(objects.gateways), _items(objects.gateway_classes)
    if not routes or gateways is None or classes is None:
        return GatewayRouters(unread=unread)
    controllers = {item.name: as_text(item.spec.get("controllerName")) for item in classes}
    namespaces = objects.namespaces
    provider = _Provider(
        static=static,
        enabled=settings.enabled,
        gateways={(item.namespace, item.name): gateway_of(item) for item in gateways},
        mine=frozenset(name for name, controller in controllers.items() if controller == CONTROLLER),
        others=frozenset(name for name, controller in controllers.items() if controller != CONTROLLER),
        labels={item.name: item.labels for item in namespaces.items} if isinstance(namespaces, Loaded) else {},
        grants=_items(objects.reference_grants),
        book=book,
        filters={},
    )
    drafts: dict[str, Draft] = {}
    dropped: list[DroppedRoute] = []
    for item in routes:
        route = route_of(item)
        made = list(_of_route(route, provider))
        drafts.update({draft.name: draft for draft in made if isinstance(draft, Draft)})
        if not any(isinstance(one, Draft) for one in made):
            dropped += (one for one in made if isinstance(one, DroppedRoute))
    return GatewayRouters(tuple(drafts.values()), tuple(dropped), provider.filters, unread)


def _items(found: Loaded[Custom] | Unavailable) -> tuple[Custom, ...] | None:
    return found.items if isinstance(found, Loaded) else None


def _unread(objects: RoutingObjects) -> Iterator[str]:
    for found in (objects.http_routes, objects.grpc_routes, objects.gateways, objects.gateway_classes):
        if isinstance(found, Unavailable):
            yield f"{found.wanted}: {found.reason}"
        else:
            yield from found.broken


def _of_route(route: Route, provider: _Provider) -> Iterator[Draft | DroppedRoute]:
    for parent in route.parents:
        found = attach(route, parent, provider.gateways, provider.labels)
        if found.gateway is not None and found.gateway.class_name in provider.others:
            continue  # another controller's
        problem = _problem(found, provider)
        if problem:
            yield _dropped(route, problem, parent.ref)
            continue
        for listener, hostnames in found.listeners:
            gateway = provider.gateways[parent.namespace, parent.name]
            point = _entry_point(listener, provider.static)
            if detail := listener_problem(gateway, listener, provider.static):
                yield _dropped(route, f"listener {listener.name} of {parent.ref}: {detail}", parent.ref)
                continue
            yield from _routers(route, gateway, (listener, hostnames, point), provider)
    if not route.parents:
        yield _dropped(route, "it names no parent", "")


def _problem(found: Attachment, provider: _Provider) -> str:
    gateway, parent = found.gateway, found.parent
    if not parent.ref.startswith("Gateway "):
        return f"{parent.ref} is no Gateway"
    if gateway is None:
        return f"{parent.ref} does not exist"
    if gateway.class_name not in provider.mine:
        return f"the GatewayClass {gateway.class_name} of {parent.ref} does not exist"
    if not provider.enabled:
        return f"Traefik's provider kubernetesGateway is not switched on, so nobody looks at {parent.ref}"
    if found.undecided:
        return f"whether {parent.ref} takes routes of this namespace depends on labels that were not read"
    section = f" {parent.section}" if parent.section else ""
    said = {
        Refusal.NO_LISTENER: f"{parent.ref} has no listener{section} that it means",
        Refusal.NOT_ALLOWED: f"no listener{section} of {parent.ref} takes routes of its kind and namespace",
        Refusal.HOSTNAME: f"no listener{section} of {parent.ref} takes its hostnames",
    }
    return f"{said[found.refusal]} ({found.refusal.value})" if found.refusal is not None else ""


def _dropped(route: Route, detail: str, related: str) -> DroppedRoute:
    hosts = " || ".join(f"Host({json.dumps(host)})" for host in route.hostnames)
    backends = (_backend(item) for rule in route.rules for item in rule.backends)
    return DroppedRoute(
        ref=route.ref,
        rule=hosts or 'PathPrefix("/")',
        reason=DropReason.GATEWAY,
        detail=detail,
        related=related,
        backends=tuple(backends),
    )


def listener_problem(gateway: Gateway, listener: Listener, static: StaticConfig) -> str:
    """Say why Traefik does not serve a listener; empty when it does, or when only a Secret would tell."""
    if not _entry_point(listener, static):
        return f"Cannot find entryPoint for Gateway: no matching entryPoint for port {listener.port}"
    key = (listener.protocol, listener.hostname, listener.port)
    first = next(item for item in gateway.listeners if (item.protocol, item.hostname, item.port) == key)
    if first is not listener:
        return "A listener with same protocol, port and hostname already exists"
    if listener.tls and not listener.certificates:
        return "One TLS CertificateRef is required in Terminate mode"
    return ""


def _entry_point(listener: Listener, static: StaticConfig) -> str:
    fit = (
        point.name
        for point in static.entry_points
        if point.protocol == "tcp" and point.port == listener.port and not (listener.protocol == "HTTP" and point.tls)
    )
    return next(fit, "")


def _routers(
    route: Route, gateway: Gateway, taken: tuple[Listener, tuple[str, ...], str], provider: _Provider
) -> Iterator[Draft]:
    listener, hostnames, point = taken
    where = f"{gateway.namespace}-{gateway.name}"
    for number, rule in enumerate(route.rules):
        key = normalize(f"{route.kind.lower()}-{route.namespace}-{route.name}-gw-{where}-ep-{point}-{number}")
        sound = tuple(item for item in rule.backends if not _unusable(item, route, provider))
        for match in rule.matches:
            text, priority = rule_of(hostnames, match, grpc=route.kind == "GRPCRoute")
            name = f"{key}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:20]}"
            yield Draft(
                ref=route.ref,
                name=f"{name}@{GATEWAY_PROVIDER}",
                namespace=route.namespace,
                provider=GATEWAY_PROVIDER,
                rule=text,
                priority=priority if route.kind == "GRPCRoute" else priority + len(route.rules) - number,
                entry_points=(point,),
                middlewares=tuple(_middlewares(route, rule, match, name, provider)),
                backends=tuple(_backend(item) for item in sound),
                tls=listener.tls,
                tls_secret=_secret(listener, gateway, route),
            )


def _secret(listener: Listener, gateway: Gateway, route: Route) -> str:
    """Return the Secret of a listener, with its namespace where that is not the route's."""
    if not listener.tls or not listener.certificates:
        return ""
    name = as_text(listener.certificates[0].get("name"))
    owner = as_text(listener.certificates[0].get("namespace")) or gateway.namespace
    return name if owner == route.namespace or not name else f"{owner}/{name}"


def _middlewares(route: Route, rule: Rule, match: Match, name: str, provider: _Provider) -> Iterator[str]:
    made = filters_of(route, rule, match, name)
    problem = made if isinstance(made, str) else ""
    items: list[tuple[str, Custom | None]] = [] if isinstance(made, str) else list(made)
    redirects = any(item is not None and "requestRedirect" in item.spec for _, item in items)
    if not problem and not redirects:
        share = [item for item in rule.backends if item.weight]
        reasons = [_unusable(item, route, provider) for item in share]
        problem = "; ".join(reasons) if all(reasons) and (reasons or not rule.backends) else ""
        problem = problem or ("it has no backend" if not rule.backends else "")
    if problem:
        items.append(no_backend(route, name, problem))
    provider.filters.update({key: item for key, item in items if item is not None})
    yield from (key for key, _ in items)


def _unusable(backend: Backend, route: Route, provider: _Provider) -> str:
    """Say why Traefik answers 500 for a backend's share; empty when it does not, or when that is not known."""
    ref = f"{backend.kind} {backend.namespace}/{backend.name}"
    target = (backend.group, backend.kind, backend.namespace, backend.name)
    if provider.grants is not None and not is_granted((route.kind, route.namespace), target, provider.grants):
        return f"{ref}: missing ReferenceGrant"
    if (backend.group, backend.kind) != ("", "Service"):
        return "" if re.fullmatch(r"[^@]{1,250}@[a-z]{1,40}", backend.name) else f"{ref} is no Service"
    if not backend.port:
        return f"{ref}: port is required"
    key = (backend.namespace, backend.name)
    service = provider.book.known.get(key)
    if service is None:
        return f"{ref} does not exist" if key in provider.book.known or provider.book.complete else ""
    if service.spec.type == "ExternalName":
        return f"{ref}: type ExternalName is not supported"
    ports = {as_map(msgspec.to_builtins(item)).get("port") for item in service.spec.ports or ()}
    return "" if backend.port in ports else f"{ref}: service port {backend.port} not found"


def _backend(item: Backend) -> BackendRef:
    return BackendRef(
        kind=item.kind,
        namespace=item.namespace,
        name=item.name,
        port=str(item.port) if item.port else "",
        weight=item.weight,
    )
