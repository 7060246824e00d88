"""Traefik's Gateway provider: Gateways, HTTPRoutes and GRPCRoutes to routers. It writes no status; the files hold it.

A listener works if an entry point has its port; each match of an attached route becomes one router on that entry
point, with a number for its priority. Source: traefik pkg/provider/kubernetes/gateway (v3.7).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    dig,
    labels_of,
    mapping,
    matches,
    name_of,
    namespace_of,
    sequence,
    text,
)
from ingressdoctor.lab.serve.traefik.gateway_rules import Rule, grpc_rule, host_rule, http_rule
from ingressdoctor.lab.serve.traefik.journal import Notes
from ingressdoctor.lab.serve.traefik.model import DropError, Dynamic, Router, RouterTls, Server, Service, normalized
from ingressdoctor.lab.serve.traefik.secrets import order_of
from ingressdoctor.lab.serve.traefik.static import Static

API = "gateway.networking.k8s.io"
CONTROLLER = "traefik.io/gateway-controller"
SUFFIX = "@kubernetesgateway"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """A listener that works: on which entry point, for whom, with which hostname."""

    gateway: Object
    name: str
    port: int
    entry_point: str
    hostname: str
    secure: bool
    kinds: tuple[str, ...]
    allowed: Mapping[str, Any]


def load(cluster: Cluster, static: Static, dynamic: Dynamic, notes: Notes) -> None:
    """Add what Gateways and their routes describe to *dynamic*."""
    provider = _Gateways(cluster, static, dynamic, notes)
    classes = [name_of(item) for item in cluster.all("GatewayClass", API) if _ours(item)]
    spots = [
        spot
        for gateway in cluster.all("Gateway", API)
        if dig(gateway, "spec", "gatewayClassName") in classes
        for spot in provider.spots(gateway)
    ]
    for kind in ("HTTPRoute", "GRPCRoute"):
        for route in cluster.all(kind, API):
            provider.load(route, kind, spots)


def _ours(item: Object) -> bool:
    return bool(dig(item, "spec", "controllerName") == CONTROLLER)


class _Gateways:
    def __init__(self, cluster: Cluster, static: Static, dynamic: Dynamic, notes: Notes) -> None:
        self._cluster = cluster
        self._static = static
        self._dynamic = dynamic
        self._notes = notes

    def spots(self, gateway: Object) -> Iterator[_Spot]:
        """The listeners of a Gateway that work; the others are said once, as Traefik does."""
        for listener in map(mapping, sequence(dig(gateway, "spec", "listeners"))):
            try:
                yield self._spot(gateway, listener)
            except DropError as drop:
                self._notes.error("Gateway Not Accepted", error=drop.error, gateway=name_of(gateway))

    def _spot(self, gateway: Object, listener: Mapping[str, Any]) -> _Spot:
        protocol, port = text(listener.get("protocol")), listener.get("port")
        point = next(
            (item for item in self._static.entry_points if item.port == port and not (protocol == "HTTP" and item.tls)),
            None,
        )
        if point is None:
            raise DropError(
                f'Cannot find entryPoint for Gateway: no matching entryPoint for port {port} and protocol "{protocol}"'
            )
        if protocol == "HTTPS":
            self._certificates(gateway, listener)
        asked = [text(mapping(item).get("kind")) for item in sequence(dig(listener, "allowedRoutes", "kinds"))]
        return _Spot(
            gateway=gateway,
            name=text(listener.get("name")),
            port=int(point.port),
            entry_point=point.name,
            hostname=text(listener.get("hostname")),
            secure=protocol == "HTTPS",
            kinds=tuple(asked) or ("HTTPRoute", "GRPCRoute"),
            allowed=mapping(dig(listener, "allowedRoutes", "namespaces")),
        )

    def _certificates(self, gateway: Object, listener: Mapping[str, Any]) -> None:
        references = [mapping(item) for item in sequence(dig(listener, "tls", "certificateRefs"))]
        if not references:
            raise DropError("One TLS CertificateRef is required in Terminate mode")
        for reference in references:
            home = text(reference.get("namespace")) or namespace_of(gateway)
            name = text(reference.get("name"))
            if not self._granted("Gateway", namespace_of(gateway), "Secret", home, name):
                raise DropError(f"Cannot reference CertificateRef {home}/{name}: missing ReferenceGrant")
            self._dynamic.certificates[f"{home}/{name}"] = order_of(self._cluster, home, name)

    def _granted(self, kind: str, origin: str, wanted: str, home: str, name: str) -> bool:
        if origin == home:
            return True
        for grant in self._cluster.all("ReferenceGrant", API):
            sources = [mapping(item) for item in sequence(dig(grant, "spec", "from"))]
            targets = [mapping(item) for item in sequence(dig(grant, "spec", "to"))]
            if (
                namespace_of(grant) == home
                and any((item.get("kind"), item.get("namespace")) == (kind, origin) for item in sources)
                and any(item.get("kind") == wanted and item.get("name") in {None, name} for item in targets)
            ):
                return True
        return False

    def load(self, route: Object, kind: str, spots: list[_Spot]) -> None:
        """Routers of one route on every listener that takes it."""
        for parent in map(mapping, sequence(dig(route, "spec", "parentRefs"))):
            for spot in spots:
                if self._takes(spot, route, kind, parent):
                    names = _common(spot.hostname, [text(item) for item in sequence(dig(route, "spec", "hostnames"))])
                    if names is not None:
                        self._attach(route, kind, spot, names)

    def _takes(self, spot: _Spot, route: Object, kind: str, parent: Mapping[str, Any]) -> bool:
        home = text(parent.get("namespace")) or namespace_of(route)
        if (home, parent.get("name")) != (namespace_of(spot.gateway), name_of(spot.gateway)):
            return False
        if parent.get("sectionName", spot.name) != spot.name or parent.get("port", spot.port) != spot.port:
            return False
        if kind not in spot.kinds:
            return False
        origin = spot.allowed.get("from", "Same")
        if origin == "Selector":
            space = self._cluster.get("Namespace", "", namespace_of(route))
            return space is not None and matches(labels_of(space), spot.allowed.get("selector"))
        return origin == "All" or namespace_of(route) == namespace_of(spot.gateway)

    def _attach(self, route: Object, kind: str, spot: _Spot, names: list[str]) -> None:
        hosts = host_rule(names)
        rules = [mapping(item) for item in sequence(dig(route, "spec", "rules"))] or [{}]
        where = f"gw-{namespace_of(spot.gateway)}-{name_of(spot.gateway)}-ep-{spot.entry_point}"
        for place, rule in enumerate(rules):
            key = normalized(f"{kind.lower()}-{namespace_of(route)}-{name_of(route)}-{where}-{place}")
            for match in [mapping(item) for item in sequence(rule.get("matches"))] or [{}]:
                made = grpc_rule(match, hosts) if kind == "GRPCRoute" else http_rule(match, hosts, len(rules) - place)
                name = f"{key}-{hashlib.sha256(made.text.encode()).hexdigest()[:20]}"
                self._router(route, kind, spot, rule, (name, made))

    def _router(self, route: Object, kind: str, spot: _Spot, rule: Mapping[str, Any], made: tuple[str, Rule]) -> None:
        name, text_and_priority = made
        layers: list[str] = []
        for number, raw in enumerate(map(mapping, sequence(rule.get("filters")))):
            words = text(raw.get("type"))
            field = words[:1].lower() + words[1:] if not words.startswith("URL") else "urlRewrite"
            own = f"{name}-{words.lower()}-{number}{SUFFIX}"
            options = {**mapping(raw.get(field)), "matched": text_and_priority.path}
            self._dynamic.middlewares[own] = {field: options}
            layers.append(own)
        service = f"{name}-wrr{SUFFIX}"
        children: list[tuple[str, int]] = []
        for number, backend in enumerate(map(mapping, sequence(rule.get("backendRefs")))):
            child = f"{name}-svc-{number}{SUFFIX}"
            self._dynamic.services[child] = self._backend(route, kind, backend, child)
            children.append((child, int(backend.get("weight", 1))))
        self._dynamic.services[service] = Service(name=service, children=tuple(children))
        self._dynamic.routers[name + SUFFIX] = Router(
            name=name + SUFFIX,
            rule=text_and_priority.text,
            service=service,
            provider="kubernetesgateway",
            entry_points=(spot.entry_point,),
            middlewares=tuple(layers),
            priority=text_and_priority.priority,
            tls=RouterTls() if spot.secure else None,
        )

    def _backend(self, route: Object, kind: str, backend: Mapping[str, Any], name: str) -> Service:
        """The servers of one backend; what does not resolve answers 500 for its share."""
        try:
            return Service(name=name, servers=tuple(self._servers(route, kind, backend)))
        except DropError as drop:
            self._notes.error(f"Unable to load {kind} backend: {drop.error}", route=name_of(route))
            broken = Server(scheme="http", ip="0.0.0.0", port=0)
            return Service(name=name, servers=(broken,), status=500)

    def _servers(self, route: Object, kind: str, backend: Mapping[str, Any]) -> Iterator[Server]:
        home = text(backend.get("namespace")) or namespace_of(route)
        name, wanted = text(backend.get("name")), text(backend.get("kind") or "Service")
        where = f"Cannot load {kind.removesuffix('Route')}BackendRef {home}/{name}"
        if not self._granted(kind, namespace_of(route), wanted, home, name):
            raise DropError(f"{where}: missing ReferenceGrant")
        if wanted != "Service" or text(backend.get("group")):
            raise DropError(f"{where}: unsupported kind {wanted}")
        service = self._cluster.get("Service", home, name)
        if service is None:
            raise DropError(f'{where}: getting service: service "{name}" not found')
        ports = [mapping(item) for item in sequence(dig(service, "spec", "ports"))]
        port = next((item for item in ports if item.get("port") == backend.get("port")), None)
        if port is None:
            raise DropError(f"{where}: service port {backend.get('port')} not found")
        label = text(port.get("name"))
        plain = "https" if port.get("port") == 443 or label.startswith("https") else "http"
        scheme = {"kubernetes.io/h2c": "h2c", "https": "https"}.get(text(port.get("appProtocol")), plain)
        if kind == "GRPCRoute" and not port.get("appProtocol"):
            scheme = "h2c"
        for point in self._cluster.endpoints(home, name, label):
            if point.ready:
                yield Server(scheme=scheme, ip=point.ip, port=point.port)


def _common(listener: str, asked: list[str]) -> list[str] | None:
    """Hostnames that both sides have; None when they have none in common, [] when both take any."""
    if not listener or not asked:
        return asked or ([listener] if listener else [])
    found: list[str] = []
    for name in asked:
        if name == listener or (listener.startswith("*.") and name.endswith(listener[1:])):
            found.append(name)
        elif name.startswith("*.") and listener.endswith(name[1:]):
            found.append(listener)
    return found or None
