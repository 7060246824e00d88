"""A whole cluster from plain objects, as the routing model reads it."""

from __future__ import annotations

from typing import Any

import msgspec

from build.controller import a_traefik_pod
from ingressdoctor.api import Custom, EndpointSlice, Ingress, IngressClass, Loaded, Node, RoutingObjects, Service
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.evidence.routes import DroppedRoute, SecretShape
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable, build_table

KINDS: dict[str, tuple[str, type]] = {
    "IngressRoute": ("ingress_routes", Custom),
    "IngressRouteTCP": ("ingress_route_tcps", Custom),
    "IngressRouteUDP": ("ingress_route_udps", Custom),
    "Middleware": ("middlewares", Custom),
    "TraefikService": ("traefik_services", Custom),
    "TLSOption": ("tls_options", Custom),
    "TLSStore": ("tls_stores", Custom),
    "ServersTransport": ("servers_transports", Custom),
    "Service": ("services", Service),
    "EndpointSlice": ("endpoint_slices", EndpointSlice),
    "Node": ("nodes", Node),
    "Ingress": ("ingresses", Ingress),
    "IngressClass": ("ingress_classes", IngressClass),
    "SecretShape": ("secrets", SecretShape),
}
ARGS = (
    "--entrypoints.web.address=:8000",
    "--entrypoints.websecure.address=:8443",
    "--providers.kubernetescrd=true",
    "--providers.kubernetesingress=true",
)


def thing(
    kind: str, name: str, spec: dict[str, Any] | None = None, namespace: str = "ns", **more: Any
) -> dict[str, Any]:
    """One object; ``labels`` and ``annotations`` go to its metadata."""
    metadata = {"name": name, "namespace": namespace}
    metadata |= {key: more.pop(key) for key in ("labels", "annotations") if key in more}
    return {"kind": kind, "metadata": metadata, **({} if spec is None else {"spec": spec}), **more}


def a_service(name: str = "shop", *, endpoints: int = 1, **spec: Any) -> tuple[dict[str, Any], ...]:
    """A Service with port 80 and its EndpointSlice."""
    annotations = spec.pop("annotations", {})
    ports = [{"port": 80, "name": "http"}]
    service = thing("Service", name, {"ports": ports, "clusterIP": "10.0.0.1", **spec}, annotations=annotations)
    addresses = [
        {"addresses": [f"10.1.0.{n}"], "conditions": {"ready": True, "serving": True}} for n in range(endpoints)
    ]
    labels = {"kubernetes.io/service-name": name}
    part = thing("EndpointSlice", f"{name}-1", None, labels=labels, ports=[{"name": "http", "port": 8080}])
    return service, part | {"endpoints": addresses}


def a_route(*services: dict[str, Any], name: str = "shop", rule: str = "Host(`a.com`)", **parts: Any) -> dict[str, Any]:
    """An IngressRoute with one route; ``spec`` adds to the object, the rest to the route."""
    spec, namespace = parts.pop("spec", {}), parts.pop("namespace", "ns")
    metadata = {key: parts.pop(key) for key in ("labels", "annotations") if key in parts}
    wanted = list(services) or [{"name": "shop", "port": 80}]
    route = {"kind": "Rule", "match": rule, "services": wanted, **parts}
    return thing("IngressRoute", name, {"entryPoints": ["web"], "routes": [route], **spec}, namespace, **metadata)


def an_ingress_of(
    *paths: dict[str, Any], name: str = "shop", host: str | None = "a.com", **parts: Any
) -> dict[str, Any]:
    """An Ingress with one rule; annotations below ``router.`` may be written without their prefix."""
    spec = parts.pop("spec", {})
    prefix = "traefik.ingress.kubernetes.io/"
    annotations = {prefix + key: value for key, value in parts.pop("annotations", {}).items()}
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    made = [{"path": "/", "pathType": "Prefix", "backend": backend, **path} for path in paths or ({},)]
    rules = [{"host": host, "http": {"paths": made}}]
    return thing("Ingress", name, {"rules": rules, **spec}, annotations=annotations, **parts)


def a_table(*things: dict[str, Any], args: tuple[str, ...] = (), version: str = "v3.7.9", **unread: Any) -> RouteTable:
    """The table of a cluster that holds these objects and no others; *unread* replaces whole kinds."""
    return build_table(objects_of(*things, **unread), static_with(*args), version)


def objects_of(*things: dict[str, Any], **unread: Any) -> RoutingObjects:
    """The objects of a cluster that holds these and no others; *unread* replaces whole kinds."""
    loaded: dict[str, Any] = {field: Loaded() for field, _ in KINDS.values()}
    for item in things:
        field, kind = KINDS[item["kind"]]
        found = loaded[field]
        loaded[field] = Loaded(items=(*found.items, msgspec.convert(item, kind)))
    return RoutingObjects(**(loaded | unread))


def static_with(*args: str) -> StaticConfig:
    """The static configuration of the usual arguments and these."""
    return static_of(a_traefik_pod(args=(*ARGS, *args)))


def routers(table: RouteTable) -> list[LiveRouter]:
    """Every live router once."""
    found = {id(item): item for group in (*table.by_host.values(), table.anywhere) for item in group}
    return list(found.values())


def only_drop(table: RouteTable) -> DroppedRoute:
    """The one route that was dropped, when nothing is live."""
    assert routers(table) == []
    (dropped,) = table.all_dropped
    return dropped
