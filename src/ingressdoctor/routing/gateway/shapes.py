"""Read Gateways, HTTPRoutes and GRPCRoutes into values with the API's defaults. Nothing is judged here.

Source: gateway-api: apis/v1/gateway_types.go, httproute_types.go, grpcroute_types.go (defaults of the CRDs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["GROUP", "Backend", "Gateway", "Listener", "Match", "Parent", "Route", "Rule", "gateway_of", "route_of"]

GROUP: Final = "gateway.networking.k8s.io"
_LAYER7: Final = ("HTTPRoute", "GRPCRoute")
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "HTTP": _LAYER7,
    "HTTPS": _LAYER7,
    "TLS": ("TLSRoute",),
    "TCP": ("TCPRoute",),
    "UDP": ("UDPRoute",),
}


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """One listener of a Gateway. ``namespaces`` is Same, All or Selector; ``kinds`` are those it takes."""

    name: str
    port: int
    protocol: str
    hostname: str = ""
    namespaces: str = "Same"
    selector: Mapping[str, Any] | None = None
    kinds: tuple[str, ...] = ()
    certificates: tuple[Mapping[str, Any], ...] = ()

    @property
    def tls(self) -> bool:
        """Whether TLS ends here."""
        return self.protocol == "HTTPS"


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A Gateway."""

    ref: str
    namespace: str
    name: str
    class_name: str
    listeners: tuple[Listener, ...]


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """One parentRef; ``section`` and ``port`` are empty and 0 where it means every listener."""

    kind: str
    namespace: str
    name: str
    section: str = ""
    port: int = 0

    @property
    def ref(self) -> str:
        """The parent as it is named in findings."""
        return f"{self.kind} {self.namespace}/{self.name}"


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One match of a rule. ``path_type`` is Exact, PathPrefix or RegularExpression.

    A GRPCRoute's method is a path; ``service`` and ``method`` are its parts, empty for any. ``headers`` and
    ``queries`` are (name, value, is a regular expression).
    """

    path_type: str = "PathPrefix"
    path: str = "/"
    verb: str = ""
    headers: tuple[tuple[str, str, bool], ...] = ()
    queries: tuple[tuple[str, str, bool], ...] = ()
    grpc: bool = False
    service: str = ""
    method: str = ""


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """One backendRef; ``group`` is empty for the core group, ``port`` 0 when it names none."""

    group: str
    kind: str
    namespace: str
    name: str
    port: int
    weight: int


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a route; its matches are never none."""

    matches: tuple[Match, ...]
    backends: tuple[Backend, ...]
    filters: tuple[Mapping[str, Any], ...] = ()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTPRoute or GRPCRoute; ``hostnames`` empty means any."""

    kind: str
    ref: str
    namespace: str
    name: str
    created: str
    hostnames: tuple[str, ...]
    parents: tuple[Parent, ...]
    rules: tuple[Rule, ...]


def gateway_of(item: Custom) -> Gateway:
    """Read a Gateway."""
    return Gateway(
        ref=item.ref,
        namespace=item.namespace,
        name=item.name,
        class_name=as_text(item.spec.get("gatewayClassName")),
        listeners=tuple(_listener(as_map(raw)) for raw in as_list(item.spec.get("listeners"))),
    )


def _listener(raw: Mapping[str, Any]) -> Listener:
    allowed = as_map(raw.get("allowedRoutes"))
    namespaces = as_map(allowed.get("namespaces"))
    protocol = as_text(raw.get("protocol"))
    supported = _KINDS.get(protocol, ())
    wanted = tuple(
        as_text(as_map(item).get("kind"))
        for item in as_list(allowed.get("kinds"))
        if (as_map(item).get("group") or GROUP) == GROUP
    )
    selector = namespaces.get("selector")
    return Listener(
        name=as_text(raw.get("name")),
        port=_number(raw.get("port")),
        protocol=protocol,
        hostname=_host(raw.get("hostname")),
        namespaces=as_text(namespaces.get("from")) or "Same",
        selector=selector if isinstance(selector, dict) else None,
        kinds=tuple(kind for kind in supported if kind in wanted) if as_list(allowed.get("kinds")) else supported,
        certificates=tuple(as_map(item) for item in as_list(as_map(raw.get("tls")).get("certificateRefs"))),
    )


def route_of(item: Custom) -> Route:
    """Read an HTTPRoute or GRPCRoute."""
    kind = item.kind or ""
    return Route(
        kind=kind,
        ref=item.ref,
        namespace=item.namespace,
        name=item.name,
        created=item.metadata.creation_timestamp or "",
        hostnames=tuple(host for raw in as_list(item.spec.get("hostnames")) if (host := _host(raw))),
        parents=tuple(_parent(as_map(raw), item.namespace) for raw in as_list(item.spec.get("parentRefs"))),
        rules=_rules(item.spec.get("rules"), kind, item.namespace),
    )


def _parent(raw: Mapping[str, Any], namespace: str) -> Parent:
    group = raw.get("group")
    kind = as_text(raw.get("kind")) or "Gateway"
    return Parent(
        kind=kind if group is None or group == GROUP else f"{kind}.{as_text(group)}",
        namespace=as_text(raw.get("namespace")) or namespace,
        name=as_text(raw.get("name")),
        section=as_text(raw.get("sectionName")),
        port=_number(raw.get("port")),
    )


def _rules(raw: object, kind: str, namespace: str) -> tuple[Rule, ...]:
    # The CRD fills in one rule that matches everything, where none is written.
    return tuple(_rule(as_map(rule), kind, namespace) for rule in as_list(raw) or ({},))


def _rule(raw: Mapping[str, Any], kind: str, namespace: str) -> Rule:
    read = _grpc_match if kind == "GRPCRoute" else _http_match
    return Rule(
        matches=tuple(read(as_map(item)) for item in as_list(raw.get("matches")) or ({},)),
        backends=tuple(_backend(as_map(item), namespace) for item in as_list(raw.get("backendRefs"))),
        filters=tuple(as_map(item) for item in as_list(raw.get("filters"))),
    )


def _http_match(raw: Mapping[str, Any]) -> Match:
    path = as_map(raw.get("path"))
    return Match(
        path_type=as_text(path.get("type")) or "PathPrefix",
        path=as_text(path.get("value")) or "/",
        verb=as_text(raw.get("method")),
        headers=_pairs(raw.get("headers")),
        queries=_pairs(raw.get("queryParams")),
    )


def _grpc_match(raw: Mapping[str, Any]) -> Match:
    method = as_map(raw.get("method"))
    service, name = as_text(method.get("service")), as_text(method.get("method"))
    if method.get("type") == "RegularExpression":
        path_type, path = "RegularExpression", f"/{service or '[^/]+'}/{name or '[^/]+'}"
    elif service and name:
        path_type, path = "Exact", f"/{service}/{name}"
    else:
        path_type, path = "PathPrefix", f"/{service}"
    return Match(
        path_type=path_type,
        path=path,
        headers=_pairs(raw.get("headers")),
        grpc=bool(method),
        service=service,
        method=name,
    )


def _pairs(raw: object) -> tuple[tuple[str, str, bool], ...]:
    items = (as_map(item) for item in as_list(raw))
    return tuple(
        (as_text(item.get("name")), as_text(item.get("value")), item.get("type") == "RegularExpression")
        for item in items
    )


def _backend(raw: Mapping[str, Any], namespace: str) -> Backend:
    weight = raw.get("weight")
    return Backend(
        group=as_text(raw.get("group")),
        kind=as_text(raw.get("kind")) or "Service",
        namespace=as_text(raw.get("namespace")) or namespace,
        name=as_text(raw.get("name")),
        port=_number(raw.get("port")),
        weight=weight if isinstance(weight, int) else 1,
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _host(value: object) -> str:
    return as_text(value).lower().removesuffix(".")
