"""What the Services of an IngressRouteTCP become: pools of servers, how they are dialled, or what disables the router.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_tcp.go (createLoadBalancerServerTCP, loadTCPServers),
pkg/server/service/tcp/service.go (BuildTCP), pkg/tcp/dialer.go (Build).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Node, Service
from ingressdoctor.evidence.routes import BackendRef, Custom, DropReason, RoutingObjects
from ingressdoctor.routing.servers import Asks, ServerOptions, ServerReference, servers_of
from ingressdoctor.routing.traefik.middlewares import Problem, as_map
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD, CRD_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["TcpService", "TcpServices", "latest"]

_SUFFIX: Final = f"@{CRD_PROVIDER}"
_SERVICE_LABEL: Final = "kubernetes.io/service-name"
_TRANSPORT_RULES: Final = (3, 5, 2)  # from here on a named transport decides about the PROXY protocol
_TRANSPORTS: Final = (3, 0, 0)
_TLS_IS_SPOKEN: Final = (3, 2, 4)  # before, the field was there and nothing read it
_REASONS: Final = (
    ("service not found", DropReason.SERVICE_MISSING),
    ("service port not", DropReason.SERVICE_PORT),
    ("ingressRoute service port", DropReason.SERVICE_PORT),
    ("externalName", DropReason.EXTERNAL_NAME),
)


class TcpService(msgspec.Struct, frozen=True, kw_only=True):
    """One Service of a route.

    ``servers`` counts the pool, None when the Service or its endpoints were not looked at; ``proxy_version`` is the
    PROXY protocol spoken to them (0 none, None not known); ``tls`` tells that Traefik speaks TLS to them.
    """

    ref: BackendRef
    servers: int | None = None
    weight: int = 1
    tls: bool = False
    proxy_version: int | None = 0
    transport: str = ""


class TcpServices(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to judge references to Services; the mappings are None for kinds that were not read.

    ``word`` is what Traefik calls the Services: tcp or udp.
    """

    settings: ProviderSettings
    options: ServerOptions
    services: Mapping[tuple[str, str], Service] | None = None
    slices: Mapping[tuple[str, str], list[EndpointSlice]] | None = None
    nodes: tuple[Node, ...] | None = None
    transports: Mapping[str, Custom] | None = None
    limits: tuple[str, ...] = msgspec.field(default=())
    word: str = "tcp"

    @classmethod
    def of(
        cls, objects: RoutingObjects, settings: ProviderSettings, static: StaticConfig, version: Version
    ) -> TcpServices:
        """Index the kinds that were read."""
        services, slices, nodes = objects.services, objects.endpoint_slices, objects.nodes
        transports = objects.servers_transport_tcps
        indexed: dict[tuple[str, str], list[EndpointSlice]] = {}
        for item in slices.items if isinstance(slices, Loaded) else ():
            indexed.setdefault((item.namespace, item.labels.get(_SERVICE_LABEL, "")), []).append(item)
        return cls(
            settings=settings,
            options=ServerOptions(
                version=version,
                allow_external_names=settings.allow_external_names,
                allow_empty_services=settings.allow_empty_services,
                native_lb_by_default=static.enabled(f"{CRD}.nativelbbydefault"),
                no_nodes=static.enabled(f"{CRD}.disableclusterscoperesources"),
            ),
            services={(item.namespace, item.name): item for item in services.items}
            if isinstance(services, Loaded) and not services.broken
            else None,
            slices=indexed if isinstance(slices, Loaded) and not slices.broken else None,
            nodes=nodes.items if isinstance(nodes, Loaded) else None,
            transports={
                normalize(f"{item.namespace}-{item.name}"): item
                for item in transports.items
                if settings.watches(item.namespace) and settings.selects(item.labels)
            }
            if isinstance(transports, Loaded) and not transports.broken
            else None,
            limits=tuple(
                f"{kind.wanted}: {kind.reason}" for kind in (services, slices) if not isinstance(kind, Loaded)
            ),
        )

    def build(
        self, references: tuple[Any, ...], namespace: str, router: str
    ) -> tuple[tuple[TcpService, ...], tuple[Problem, ...]] | Problem:
        """Return the Services and what is left out of them, or what disables the router."""
        taken: list[TcpService] = []
        lacking: list[Problem] = []
        for raw in references:
            outcome = self._one(as_map(raw), namespace)
            if isinstance(outcome, Problem):
                lacking.append(outcome)
            else:
                taken.append(outcome)
        if not taken:
            name = f"{router.removesuffix(_SUFFIX)}{_SUFFIX}"
            first = lacking[0] if lacking else Problem(DropReason.SERVICE_MISSING, "the route names no Service")
            what = "UDP service" if self.word == "udp" else "service"
            said = f'the {what} "{name}" does not exist ({first.detail})'
            return Problem(first.reason, said, first.related)
        found = latest(tuple(taken))
        for service in found:
            if problem := self._dialer_problem(service):
                return problem
        return found, tuple(lacking)

    def _one(self, spec: Mapping[str, Any], parent: str) -> TcpService | Problem:
        reference = _reference(spec, parent)
        ref = f"Service {reference.namespace}/{reference.name}"
        if reference.namespace != parent and not self.settings.allow_cross_namespace:
            said = (
                f"{self.word} service {reference.namespace}/{reference.name} is not in the parent resource namespace "
                f"{parent}"
            )
            return Problem(DropReason.SERVICE_CROSS_NAMESPACE, said, ref)
        servers = self._servers(reference, spec)
        if isinstance(servers, str):
            reason = next((one for text, one in _REASONS if servers.startswith(text)), DropReason.SERVICE_EMPTY)
            return Problem(reason, servers, ref)
        transport = self._transport(str(spec.get("serversTransport") or ""), parent)
        if isinstance(transport, Problem):
            return transport
        return TcpService(
            ref=reference,
            servers=servers,
            weight=1 if reference.weight is None else reference.weight,
            tls=spec.get("tls") is True and self.options.version.since(_TLS_IS_SPOKEN),
            proxy_version=self._proxy_version(spec, transport),
            transport=transport,
        )

    def _servers(self, reference: BackendRef, spec: Mapping[str, Any]) -> int | str | None:
        """Count the servers; a text is the provider's error, None means that nobody looked."""
        if self.services is None:
            return None
        service = self.services.get((reference.namespace, reference.name))
        if service is None or not self.settings.watches(reference.namespace):
            watched = self.settings.watches(reference.namespace)
            key = f"{reference.namespace}/{reference.name}"
            unwatched = f"failed to get service {key}: namespace is not within watched namespaces"
            return "service not found" if watched else unwatched
        native = spec.get("nativeLB")
        asked = ServerReference(
            port=reference.port,
            port_by_name=isinstance(spec.get("port"), str),
            asks=Asks.INGRESS_ROUTE_TCP,
            native_lb=native if isinstance(native, bool) else None,
            node_port_lb=spec.get("nodePortLB") is True,
        )
        slices = (self.slices or {}).get((reference.namespace, reference.name), [])
        found = servers_of(service, asked, self.options, slices, self.nodes or ())
        unread = (self.slices is None and "no servers" in found.problem) or (
            self.nodes is None and "nodes not found" in found.problem
        )
        if found.problem:
            return None if unread else found.problem
        return None if self.slices is None and not found.servers else len(found.servers)

    def _transport(self, name: str, parent: str) -> str | Problem:
        """Return the qualified id of a ServersTransportTCP, empty for the default one."""
        if not self.options.version.since(_TRANSPORTS):
            return ""
        if "@" not in name:
            return normalize(f"{parent}-{name}") + _SUFFIX if name else ""
        if name.endswith(_SUFFIX) and not self.settings.allow_cross_namespace:
            said = (
                f"invalid reference to serversTransport {name}: namespace-name@kubernetescrd format is not allowed "
                "when crossnamespace is disallowed"
            )
            return Problem(DropReason.OTHER, said, name)
        allowed = self.settings.cross_provider_namespaces
        if allowed is not None and parent not in allowed:
            said = (
                f'serversTransport "{name}" reference is not allowed: namespace "{parent}" is not in '
                "crossProviderNamespaces"
            )
            return Problem(DropReason.OTHER, said, name)
        return name

    def _proxy_version(self, spec: Mapping[str, Any], transport: str) -> int | None:
        own = _version_of(spec.get("proxyProtocol"), default=2)
        if not transport or not self.options.version.since(_TRANSPORT_RULES):
            return own
        found = self._known_transport(transport)
        return None if found is None else _version_of(found.spec.get("proxyProtocol"), default=-1)

    def _known_transport(self, name: str) -> Custom | None:
        if self.transports is None or not name.endswith(_SUFFIX):
            return None
        return self.transports.get(name.removesuffix(_SUFFIX))

    def _dialer_problem(self, service: TcpService) -> Problem | None:
        """Say why the servers cannot be dialled; Traefik finds out only when the pool has any."""
        if service.servers == 0:
            return None
        name = service.transport
        if name.endswith(_SUFFIX) and self.transports is not None and self._known_transport(name) is None:
            said = f'no transport configuration found for "{name}"'
            return Problem(DropReason.OTHER, said, f"ServersTransportTCP {name.removesuffix(_SUFFIX)}")
        if service.proxy_version is not None and not 0 <= service.proxy_version <= 2:
            said = f"unknown proxyProtocol version: {max(service.proxy_version, 0)}"
            return Problem(DropReason.OTHER, said, name)
        return None


def latest(services: tuple[TcpService, ...]) -> tuple[TcpService, ...]:
    """Return the Services of one router as Traefik has them: by name and port, and of equal ones the last for all."""
    by_key = {(service.ref.name, service.ref.port): service for service in services}
    return tuple(replace(by_key[service.ref.name, service.ref.port], weight=service.weight) for service in services)


def _version_of(section: object, *, default: int) -> int:
    """Return the PROXY protocol's version, 0 without a section; -1 stands for a version 0 that was written."""
    if not isinstance(section, dict):
        return 0
    version = section.get("version")
    return version if isinstance(version, int) and version else default


def _reference(spec: Mapping[str, Any], parent: str) -> BackendRef:
    weight, port = spec.get("weight"), spec.get("port")
    return BackendRef(
        kind="Service",
        namespace=str(spec.get("namespace") or parent),
        name=str(spec.get("name") or ""),
        port="" if port is None else str(port),
        weight=weight if isinstance(weight, int) else None,
    )
