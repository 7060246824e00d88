"""What a reference to a Service becomes in Traefik: pods, the clusterIP, node ports, an outside name, or an error.

Pure. Which of a Service's EndpointSlices count is the job of ``service``; what the error does to the route that
holds the reference is the router model's. Sources: traefik pkg/provider/kubernetes/crd/kubernetes_{http,tcp}.go
(loadServers, loadTCPServers) and ingress/kubernetes.go (loadService) of v2.11, v3.0, v3.1 and v3.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.evidence.backend import BackendEndpoint
from ingressdoctor.evidence.kube import EndpointSlice, Node, Service, ServicePort
from ingressdoctor.routing.release import Version
from ingressdoctor.routing.service import merge, service_port, slices_of

__all__ = ["Asks", "ServerOptions", "ServerReference", "Servers", "Way", "servers_of"]

_SLICES_READ: Final = (3, 1, 0)
_NATIVE_AFTER_NAMES: Final = (3, 0, 0)
_SCHEMES: Final = ("http", "https", "h2c")


class Asks(StrEnum):
    """Which kind of route refers to the Service; each has its own order of questions and its own error texts."""

    INGRESS_ROUTE = "IngressRoute"
    INGRESS_ROUTE_TCP = "IngressRouteTCP"
    INGRESS = "Ingress"


class Way(StrEnum):
    """What the servers are."""

    ENDPOINTS = "endpoints"
    CLUSTER_IP = "clusterIP"
    NODE_PORTS = "node ports"
    EXTERNAL_NAME = "ExternalName"
    NONE = "none"


class ServerReference(msgspec.Struct, frozen=True, kw_only=True):
    """How a route names a Service.

    ``port_by_name`` says that the port is written as text, which matches names alone, also when it is made of digits.
    ``native_lb`` is None when the route leaves that to the provider's default.
    """

    port: str
    port_by_name: bool = False
    asks: Asks = Asks.INGRESS_ROUTE
    scheme: str = ""
    native_lb: bool | None = None
    node_port_lb: bool = False
    health_check: bool = False


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider's configuration and version add.

    ``assume_endpoints`` says that nobody looked for EndpointSlices, so that the Service is taken to have some.
    """

    version: Version = msgspec.field(default_factory=Version)
    allow_external_names: bool = False
    allow_empty_services: bool = False
    native_lb_by_default: bool = False
    no_nodes: bool = False
    assume_endpoints: bool = False


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """The servers, or Traefik's own words for why there are none that it would use."""

    way: Way = Way.NONE
    servers: tuple[BackendEndpoint, ...] = ()
    problem: str = ""
    scheme: str = ""


class _Question(msgspec.Struct, frozen=True):
    service: Service
    reference: ServerReference
    options: ServerOptions
    port: ServicePort

    @property
    def name(self) -> str:
        return f"{self.service.namespace}/{self.service.name}"

    @property
    def external(self) -> bool:
        return self.service.spec.type == "ExternalName"

    @property
    def native(self) -> bool:
        wanted = self.reference.native_lb
        return self.options.native_lb_by_default if wanted is None else wanted

    @property
    def node_ports(self) -> bool:
        wanted = self.reference.node_port_lb and self.service.spec.type == "NodePort"
        return wanted and self.options.version.since(_SLICES_READ)


def servers_of(
    service: Service,
    reference: ServerReference,
    options: ServerOptions,
    slices: Iterable[EndpointSlice] = (),
    nodes: Iterable[Node] = (),
) -> Servers:
    """Return what Traefik makes of a reference to a Service that exists.

    Args:
        service: The Service referred to.
        reference: As the route has it.
        options: Of the provider that reads the route.
        slices: EndpointSlices, of this Service or of more.
        nodes: All nodes; only node ports need them.
    """
    name = f"{service.namespace}/{service.name}"
    refused = service.spec.type == "ExternalName" and not options.allow_external_names
    if refused and reference.asks is not Asks.INGRESS_ROUTE:
        return Servers(problem=f"externalName services not allowed: {name}")
    port = _port(service, reference)
    if isinstance(port, str):
        return Servers(problem=port)
    asked = _Question(service, reference, options, port)
    problem = _refusal(asked, refused=refused)
    return Servers(problem=problem) if problem else _found(asked, tuple(slices), tuple(nodes))


def _port(service: Service, reference: ServerReference) -> ServicePort | str:
    digits = reference.port.isascii() and reference.port.isdecimal()
    number = digits and not reference.port_by_name
    found = service_port(service, reference.port) if number or not digits else None
    if found is not None:
        return found
    if reference.asks is Asks.INGRESS:
        return "service port not found"
    if not reference.port or (number and not int(reference.port)):
        return "ingressRoute service port not defined"
    if service.spec.type == "ExternalName" and number:
        return ServicePort(port=int(reference.port))
    return f"service port not found: {reference.port}"


def _refusal(asked: _Question, *, refused: bool) -> str:
    """Return why an IngressRoute's reference is not taken, before any server is looked for."""
    reference = asked.reference
    if reference.asks is not Asks.INGRESS_ROUTE:
        return ""
    if reference.health_check and not asked.external and asked.options.version.since(_SLICES_READ):
        return f"healthCheck allowed only for ExternalName services: {asked.name}"
    return f"externalName services not allowed: {asked.name}" if refused else ""


def _found(asked: _Question, slices: tuple[EndpointSlice, ...], nodes: tuple[Node, ...]) -> Servers:
    outside = _outside_name if asked.external else None
    native = _cluster_ip if asked.native else None
    if not asked.options.version.since(_NATIVE_AFTER_NAMES):
        outside, native = native, outside
    first = outside or native
    # An IngressRoute asks for node ports last, the others first.
    if asked.node_ports and (first is None or asked.reference.asks is not Asks.INGRESS_ROUTE):
        return _node_ports(asked, nodes)
    return first(asked) if first is not None else _endpoints(asked, slices)


def _made(asked: _Question, way: Way, *targets: tuple[str, int]) -> Servers:
    """Return servers at these addresses, unless the scheme is none that Traefik speaks."""
    scheme = _scheme(asked)
    if not scheme:
        return Servers(problem=f'invalid scheme "{asked.reference.scheme}" specified')
    ends = tuple(BackendEndpoint(address=address, port=number, family="") for address, number in targets)
    return Servers(way=way, servers=ends, scheme=scheme)


def _scheme(asked: _Question) -> str:
    """Return how the servers are spoken to; empty for a scheme that does not exist. Layer 4 has "tcp"."""
    reference, port = asked.reference, asked.port
    if reference.asks is Asks.INGRESS_ROUTE_TCP:
        return "tcp"
    if reference.scheme:
        known = reference.scheme in _SCHEMES or reference.asks is Asks.INGRESS
        return reference.scheme if known else ""
    return "https" if port.port == 443 or (port.name or "").startswith("https") else "http"


def _outside_name(asked: _Question) -> Servers:
    return _made(asked, Way.EXTERNAL_NAME, (asked.service.spec.external_name or "", asked.port.port))


def _cluster_ip(asked: _Question) -> Servers:
    address = asked.service.spec.cluster_ip or ""
    if address == "None":
        why = "no clusterIP on headless service"
    elif not address:
        why = "no clusterIP found for service"
    else:
        return _made(asked, Way.CLUSTER_IP, (address, asked.port.port))
    return Servers(problem=f"getting native Kubernetes Service address: {why}: {asked.name}")


def _node_ports(asked: _Question, nodes: tuple[Node, ...]) -> Servers:
    if asked.options.no_nodes:
        return Servers(problem="nodes lookup is disabled")
    if not nodes:
        layer7 = asked.reference.asks is Asks.INGRESS
        where = f"in namespace {asked.service.namespace}" if layer7 else f"for NodePort service {asked.name}"
        return Servers(problem=f"nodes not found {where}")
    addresses = [item.address for node in nodes for item in node.status.addresses or () if item.type == "InternalIP"]
    if not addresses:
        layer4 = asked.reference.asks is Asks.INGRESS_ROUTE_TCP
        which = asked.name if layer4 else f"{asked.service.name} in namespace"
        return Servers(problem=f"no servers were generated for service {which}")
    return _made(asked, Way.NODE_PORTS, *((address, asked.port.node_port or 0) for address in addresses))


def _no_endpoints_object(asked: _Question, slices: tuple[EndpointSlice, ...]) -> str:
    """Say that there is no Endpoints object: nobody makes one for a Service without selector. Up to 3.0 it is read."""
    if asked.options.assume_endpoints or asked.service.spec.selector or slices_of(asked.service, slices):
        return ""
    layer7 = asked.reference.asks is Asks.INGRESS_ROUTE
    return f"endpoints not found for {asked.name}" if layer7 else "endpoints not found"


def _lists_port(asked: _Question, slices: tuple[EndpointSlice, ...]) -> bool:
    """Tell whether a slice names the port, with endpoints or without."""
    ports = (entry for item in slices_of(asked.service, slices) for entry in item.ports or () if entry.port)
    return any((entry.name or "") == (asked.port.name or "") for entry in ports)


def _endpoints(asked: _Question, slices: tuple[EndpointSlice, ...]) -> Servers:
    options, asks = asked.options, asked.reference.asks
    layer4 = asks is Asks.INGRESS_ROUTE_TCP
    merged = merge(asked.service, slices, asked.port, version=options.version, layer4=layer4)
    scheme = _scheme(asked)
    old = not options.version.since(_SLICES_READ)
    if old and (said := _no_endpoints_object(asked, slices)):
        return Servers(problem=said)
    subsets = [item for item in merged.all if old and not item.terminating]
    if subsets and layer4 and all(item.port is None for item in subsets):
        return Servers(problem="cannot define a port")
    listed = any(item.port for item in subsets) if old else _lists_port(asked, slices)
    if not scheme and (options.assume_endpoints or listed):
        return Servers(problem=f'invalid scheme "{asked.reference.scheme}" specified')
    # An Ingress with an empty Service is left out by its own rule, later; up to 3.0 a Service is empty only when the
    # Endpoints object lists no pod at all, ready or not.
    if merged.servers or options.allow_empty_services or subsets or asks is Asks.INGRESS:
        return Servers(way=Way.ENDPOINTS, servers=merged.servers, scheme=scheme)
    if not old:
        return Servers(problem=f"no servers found for {asked.name}")
    return Servers(problem="subset not found" if layer4 else f"subset not found for {asked.name}")
