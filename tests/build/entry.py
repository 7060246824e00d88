"""Whole entry points for tests of TCP routers, TLS options and answers: objects in, models out."""

from __future__ import annotations

from typing import Any

import msgspec

from build.routes import a_middleware, an_ingress_route
from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Node, Service
from ingressdoctor.evidence.routes import NOT_READ, Custom, RouteRequest, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.traefik.answer import AnswerModel, build_answers
from ingressdoctor.routing.traefik.table import build_table

NEWEST = "3.7.9"
CRD = "providers.kubernetescrd"


def custom(kind: str, name: str, spec: dict[str, Any], *, namespace: str = "ns", **metadata: Any) -> Custom:
    raw = {"kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata}, "spec": spec}
    return msgspec.convert(raw, Custom)


def a_tcp_route(
    match: str = "HostSNI(`*`)",
    *,
    name: str = "db",
    route: dict[str, Any] | None = None,
    namespace: str = "ns",
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> Custom:
    routes = [{"match": match, "services": [{"name": "db", "port": 3306}], **(route or {})}]
    chosen = {"entryPoints": ["mysql"], "routes": routes, **spec}
    return custom("IngressRouteTCP", name, chosen, namespace=namespace, **(metadata or {}))


def a_tcp_middleware(name: str = "office", **spec: Any) -> Custom:
    return custom("MiddlewareTCP", name, spec or {"ipAllowList": {"sourceRange": ["10.0.0.0/8"]}})


def an_option(name: str, *, namespace: str = "ns", **spec: Any) -> Custom:
    return custom("TLSOption", name, spec, namespace=namespace)


def a_service(name: str = "db", port: int = 3306, *, namespace: str = "ns", **spec: Any) -> Service:
    raw = {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.9.0.1",
            "ports": [{"name": "p", "port": port}, {"name": "web", "port": 80}],
            **spec,
        },
    }
    return msgspec.convert(raw, Service)


def a_slice(name: str = "db", *, ready: bool = True, namespace: str = "ns") -> EndpointSlice:
    labels = {"kubernetes.io/service-name": name}
    raw = {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-x", "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": ready}}],
        "ports": [{"name": "p", "port": 3306}, {"name": "web", "port": 8080}],
    }
    return msgspec.convert(raw, EndpointSlice)


def points(**changes: Any) -> tuple[EntryPoint, ...]:
    """The usual three entry points; ``web={...}`` changes one of them."""
    plain: dict[str, dict[str, Any]] = {"web": {"port": 8000}, "websecure": {"port": 8443}, "mysql": {"port": 3306}}
    return tuple(EntryPoint(name=name, **{**base, **changes.get(name, {})}) for name, base in plain.items())


def static(*entry_points: EntryPoint, **options: str) -> StaticConfig:
    """Static configuration; option names with ``__`` for dots, below no prefix."""
    named = {key.replace("__", ".").lower(): value for key, value in options.items()}
    return StaticConfig(source="args", entry_points=entry_points or points(), options={CRD: "true", **named})


def objects(*items: Custom, **kinds: Any) -> RoutingObjects:
    """Sort objects into their kinds; every kind counts as read unless ``kind=...`` says otherwise."""

    def of(kind: str) -> Loaded[Custom]:
        return Loaded(items=tuple(item for item in items if item.kind == kind))

    chosen: dict[str, Any] = {
        "ingress_routes": of("IngressRoute"),
        "ingresses": Loaded(),
        "middlewares": of("Middleware"),
        "ingress_classes": Loaded(),
        "traefik_services": Loaded(),
        "ingress_route_tcps": of("IngressRouteTCP"),
        "middleware_tcps": of("MiddlewareTCP"),
        "tls_options": of("TLSOption"),
        "servers_transport_tcps": of("ServersTransportTCP"),
    }
    return RoutingObjects(**{**chosen, **kinds})


def backends(*names: str, empty: tuple[str, ...] = ()) -> dict[str, Any]:
    """Services that exist, with one ready pod each, save those in *empty*."""
    return {
        "services": Loaded(items=tuple(a_service(name) for name in names)),
        "endpoint_slices": Loaded(items=tuple(a_slice(name, ready=name not in empty) for name in names)),
        "nodes": Loaded[Node](),
    }


def model(*items: Custom, config: StaticConfig | None = None, version: str = NEWEST, **kinds: Any) -> AnswerModel:
    found = objects(*items, **kinds)
    return build_answers(found, build_table(found, config or static(), version))


def https_route(match: str, *, option: str = "", name: str = "shop", **changes: Any) -> Custom:
    tls: dict[str, Any] = {"options": {"name": option}} if option else {}
    return an_ingress_route(match, name=name, spec={"tls": tls, **changes.pop("spec", {})}, **changes)


def http_route(match: str = "Host(`www.example.com`)", *, name: str = "plain", **route: Any) -> Custom:
    return an_ingress_route(match, name=name, route=route, spec={"entryPoints": ["web"], "tls": None})


def asked(host: str = "www.example.com", path: str = "/", **changes: Any) -> RouteRequest:
    chosen = {"tls": False, "entry_point": "web", **changes}
    return RouteRequest(host=host, path=path, **chosen)


UNREAD = Unavailable(wanted="the kind", reason="403: may not list")
__all__ = ["NOT_READ", "a_middleware", "an_ingress_route"]
