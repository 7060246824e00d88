"""Which kinds of manifests routing depends on, how each is decoded, and what marks one that was not rendered. Data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ingressdoctor.evidence.kube import EndpointSlice, Ingress, IngressClass, NetworkPolicy, Pod, Resource, Service
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.text import clean

__all__ = ["APART", "CLUSTER_SCOPED", "FIELDS", "HARMLESS", "KINDS", "OLD_FIELDS", "OUTDATED", "WORKLOADS", "rendered"]

_TRAEFIK: Final = "traefik.io"
_OLD_TRAEFIK: Final = "traefik.containo.us"
_NETWORK: Final = "networking.k8s.io"
_GATEWAY: Final = "gateway.networking.k8s.io"

OLD_FIELDS: Final = {
    "IngressRoute": "ingress_routes",
    "IngressRouteTCP": "ingress_route_tcps",
    "IngressRouteUDP": "ingress_route_udps",
    "Middleware": "middlewares",
    "MiddlewareTCP": "middleware_tcps",
    "ServersTransport": "servers_transports",
    "TLSOption": "tls_options",
    "TLSStore": "tls_stores",
    "TraefikService": "traefik_services",
}

KINDS: Final[dict[tuple[str, str], type[Resource]]] = {
    (_TRAEFIK, "IngressRoute"): Custom,
    (_TRAEFIK, "IngressRouteTCP"): Custom,
    (_TRAEFIK, "IngressRouteUDP"): Custom,
    (_TRAEFIK, "Middleware"): Custom,
    (_TRAEFIK, "MiddlewareTCP"): Custom,
    (_TRAEFIK, "ServersTransport"): Custom,
    (_TRAEFIK, "ServersTransportTCP"): Custom,
    (_TRAEFIK, "TLSOption"): Custom,
    (_TRAEFIK, "TLSStore"): Custom,
    (_TRAEFIK, "TraefikService"): Custom,
    **{(_OLD_TRAEFIK, kind): Custom for kind in OLD_FIELDS},
    (_GATEWAY, "GatewayClass"): Custom,
    (_GATEWAY, "Gateway"): Custom,
    (_GATEWAY, "HTTPRoute"): Custom,
    (_GATEWAY, "GRPCRoute"): Custom,
    (_GATEWAY, "ReferenceGrant"): Custom,
    (_NETWORK, "Ingress"): Ingress,
    (_NETWORK, "IngressClass"): IngressClass,
    (_NETWORK, "NetworkPolicy"): NetworkPolicy,
    ("extensions", "Ingress"): Ingress,
    ("", "Service"): Service,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSlice,
    ("", "Pod"): Pod,
    ("", "Namespace"): Resource,
    ("cert-manager.io", "Certificate"): Custom,
    ("apps", "Deployment"): Custom,
    ("apps", "DaemonSet"): Custom,
    ("apps", "StatefulSet"): Custom,
}

FIELDS: Final[dict[tuple[str, str], str]] = {
    (_TRAEFIK, "IngressRoute"): "ingress_routes",
    (_TRAEFIK, "IngressRouteTCP"): "ingress_route_tcps",
    (_TRAEFIK, "IngressRouteUDP"): "ingress_route_udps",
    (_TRAEFIK, "Middleware"): "middlewares",
    (_TRAEFIK, "MiddlewareTCP"): "middleware_tcps",
    (_TRAEFIK, "ServersTransport"): "servers_transports",
    (_TRAEFIK, "ServersTransportTCP"): "servers_transport_tcps",
    (_TRAEFIK, "TLSOption"): "tls_options",
    (_TRAEFIK, "TLSStore"): "tls_stores",
    (_TRAEFIK, "TraefikService"): "traefik_services",
    **{(_OLD_TRAEFIK, kind): "old" for kind in OLD_FIELDS},
    ("cert-manager.io", "Certificate"): "certificates",
    (_GATEWAY, "GatewayClass"): "gateway_classes",
    (_GATEWAY, "Gateway"): "gateways",
    (_GATEWAY, "HTTPRoute"): "http_routes",
    (_GATEWAY, "GRPCRoute"): "grpc_routes",
    (_GATEWAY, "ReferenceGrant"): "reference_grants",
    (_NETWORK, "Ingress"): "ingresses",
    (_NETWORK, "IngressClass"): "ingress_classes",
    (_NETWORK, "NetworkPolicy"): "policies",
    ("", "Namespace"): "namespaces",
    ("", "Service"): "services",
    ("discovery.k8s.io", "EndpointSlice"): "endpoint_slices",
}

# What does not belong to the routing objects; of the harmless ones no route is lost.
APART: Final = frozenset(["old", "policies", "namespaces"])
HARMLESS: Final = frozenset(["policies", "namespaces", "certificates"])

CLUSTER_SCOPED: Final = frozenset(["GatewayClass", "IngressClass", "Namespace"])
WORKLOADS: Final = frozenset(["Deployment", "DaemonSet", "StatefulSet"])

OUTDATED: Final = {
    "extensions/v1beta1": "API servers since 1.22 do not know it; write networking.k8s.io/v1",
    "networking.k8s.io/v1beta1": "API servers since 1.22 do not know it; write networking.k8s.io/v1",
    "apps/v1beta1": "API servers since 1.16 do not know it; write apps/v1",
    "apps/v1beta2": "API servers since 1.16 do not know it; write apps/v1",
    "discovery.k8s.io/v1beta1": "API servers since 1.25 do not know it; write discovery.k8s.io/v1",
}

_TEMPLATE: Final = re.compile(r"\{\{.{0,60}")
_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]{0,60}[^}]{0,40}\}")
# Their options may be templates of their own, as in headers and plugins.
_MAY_HOLD_BRACES: Final = frozenset(["Middleware", "MiddlewareTCP", "Pod", *WORKLOADS])
_WITH_VARIABLES: Final = frozenset(["GRPCRoute", "HTTPRoute", "IngressRoute", "IngressRouteTCP", "Ingress"])
_MAX_TEXTS: Final = 20_000


def rendered(value: dict[str, Any], kind: str) -> str:
    """Say what in an object shows that it is still a template; empty when nothing does."""
    parts = [value.get("metadata")] if kind in _MAY_HOLD_BRACES else [value.get("metadata"), value.get("spec")]
    for number, text in enumerate(_texts(parts)):
        if number > _MAX_TEXTS:
            break
        if "{{" in text and (found := _TEMPLATE.search(text)):
            return f"a template that was not rendered: {clean(found.group(), 60)}"
        if "${" in text and kind in _WITH_VARIABLES and (found := _VARIABLE.search(text)):
            return f"a variable that was not replaced: {clean(found.group(), 60)}"
    return ""


def _texts(parts: list[Any]) -> Iterator[str]:
    """Yield every string below, not descending forever: aliases of YAML may share values."""
    waiting, seen = list(parts), 0
    while waiting and seen < _MAX_TEXTS:
        seen += 1
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
