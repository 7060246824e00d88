"""Objects of the Gateway API, with overridable parts."""

from __future__ import annotations

from typing import Any

import msgspec

from ingressdoctor.api import GatewayCondition, GatewayObjects, GatewayParent, GatewayRoute, GatewayView, Loaded
from ingressdoctor.evidence.kube import Resource
from ingressdoctor.evidence.routes import Custom, RoutingObjects

HOST = "shop.example.com"
TRAEFIK = "traefik.io/gateway-controller"


def a_custom(kind: str, name: str, namespace: str = "", *, status: Any = None, **parts: Any) -> Custom:
    metadata = {"name": name, "namespace": namespace or None, **parts.pop("metadata", {})}
    return msgspec.convert({"kind": kind, "metadata": metadata, "spec": parts, "status": status or {}}, Custom)


def a_class(name: str = "traefik", controller: str = TRAEFIK, accepted: str = "True") -> Custom:
    status = {"conditions": [{"type": "Accepted", "status": accepted, "reason": "Handled"}]} if accepted else {}
    return a_custom("GatewayClass", name, status=status, controllerName=controller)


def a_listener(name: str = "websecure", **parts: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "name": name,
        "port": 8443,
        "protocol": "HTTPS",
        "allowedRoutes": {"namespaces": {"from": "All"}},
        "tls": {"certificateRefs": [{"name": "tls"}]},
    }
    return {key: value for key, value in (defaults | parts).items() if value is not None}


def a_plain_listener(name: str = "web", **parts: Any) -> dict[str, Any]:
    return a_listener(name, **({"port": 8000, "protocol": "HTTP", "tls": None} | parts))


def a_gateway(
    *listeners: dict[str, Any],
    name: str = "main",
    namespace: str = "infra",
    class_name: str = "traefik",
    status: Any = None,
) -> Custom:
    return a_custom(
        "Gateway",
        name,
        namespace,
        status=status,
        gatewayClassName=class_name,
        listeners=list(listeners or (a_listener(),)),
    )


def a_rule(path: str = "/", kind: str = "PathPrefix", backend: str = "web", **parts: Any) -> dict[str, Any]:
    defaults = {
        "matches": [{"path": {"type": kind, "value": path}}],
        "backendRefs": [{"name": backend, "port": 80}],
    }
    return defaults | parts


def an_http_route(
    *rules: dict[str, Any], name: str = "shop", namespace: str = "shop", kind: str = "HTTPRoute", **parts: Any
) -> Custom:
    defaults: dict[str, Any] = {
        "parentRefs": [{"name": "main", "namespace": "infra"}],
        "hostnames": [HOST],
        "rules": list(rules or (a_rule(),)),
    }
    metadata, status = parts.pop("metadata", {}), parts.pop("status", None)
    return a_custom(kind, name, namespace, metadata=metadata, status=status, **(defaults | parts))


def a_grpc_route(*rules: dict[str, Any], **parts: Any) -> Custom:
    return an_http_route(*(rules or ({"backendRefs": [{"name": "web", "port": 80}]},)), kind="GRPCRoute", **parts)


def a_grant(kind: str = "HTTPRoute", **parts: Any) -> Custom:
    defaults: dict[str, Any] = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": "shop"}],
        "to": [{"group": "", "kind": "Service"}],
    }
    return a_custom("ReferenceGrant", "grant", "other", **(defaults | parts))


def gateway_objects(*items: Custom, namespaces: tuple[Resource, ...] | None = None) -> GatewayObjects:
    """Sort objects by kind; every kind was read."""
    found: dict[str, Any] = {
        name: Loaded(items=tuple(item for item in items if item.kind == kind))
        for name, kind in (
            ("http_routes", "HTTPRoute"),
            ("grpc_routes", "GRPCRoute"),
            ("gateways", "Gateway"),
            ("gateway_classes", "GatewayClass"),
            ("reference_grants", "ReferenceGrant"),
        )
    }
    objects = GatewayObjects(**found)
    return objects if namespaces is None else msgspec.structs.replace(objects, namespaces=Loaded(items=namespaces))


def routing_objects(*items: Custom, **parts: Any) -> RoutingObjects:
    """The same among the other routing objects, of which there are none."""
    found = gateway_objects(*items)
    fields = {name: getattr(found, name) for name in found.__struct_fields__ if name != "installed"}
    none: dict[str, Any] = dict.fromkeys(
        ("ingress_routes", "ingresses", "middlewares", "ingress_classes", "traefik_services"), Loaded()
    )
    return RoutingObjects(**(none | fields | parts))


def a_condition(
    kind: str = "Accepted", status: str = "True", reason: str = "Accepted", **parts: Any
) -> GatewayCondition:
    return GatewayCondition(
        **({"place": "HTTPRoute shop/shop", "type": kind, "status": status, "reason": reason} | parts)
    )


def a_parent(**parts: Any) -> GatewayParent:
    defaults: dict[str, Any] = {
        "ref": "Gateway infra/main",
        "listeners": ("websecure (HTTPS 8443, from All)",),
        "class_name": "traefik",
        "controller": TRAEFIK,
        "accepted": a_condition(),
    }
    return GatewayParent(**(defaults | parts))


def a_view(*parents: GatewayParent, **parts: Any) -> GatewayView:
    route = {"ref": "HTTPRoute shop/shop", "hostnames": (HOST,), **parts.pop("route", {})}
    found = GatewayRoute(parents=parents or (a_parent(),), **route)
    return GatewayView(**({"routes": (found,)} | parts))
