"""Judge references to Kubernetes Services as Traefik's providers do, where the Services are known.

A Service that nobody looked up counts as sound, and so does one whose EndpointSlices were not read.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_http.go (nameAndService, buildServersLB), ingress/kubernetes.go
(loadService). What a Service becomes is the business of ``routing/servers.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Node, Service
from ingressdoctor.evidence.routes import DropReason, RoutingObjects
from ingressdoctor.routing.servers import Asks, ServerOptions, ServerReference, Servers, servers_of
from ingressdoctor.routing.service import SERVICE_LABEL
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.router import Services
from ingressdoctor.routing.traefik.settings import ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["ServiceBook"]

_REASONS: Final = (
    ("externalName services not allowed", DropReason.EXTERNAL_NAME),
    ("service port not found", DropReason.SERVICE_PORT),
    ("ingressRoute service port not defined", DropReason.SERVICE_PORT),
    ("no servers found", DropReason.SERVICE_EMPTY),
    ("endpoints not found", DropReason.SERVICE_EMPTY),
    ("subset not found", DropReason.SERVICE_EMPTY),
    ("nodes not found", DropReason.SERVICE_EMPTY),
    ("no servers were generated", DropReason.SERVICE_EMPTY),
)


class ServiceBook(msgspec.Struct, frozen=True):
    """What is known of the cluster's Services.

    ``known`` maps (namespace, name) to a Service, or to None for one that does not exist; when ``complete``, every
    other one does not exist either. ``slices`` by the same key and ``nodes`` are None when they were not read.
    """

    known: Services = msgspec.field(default_factory=dict)
    complete: bool = False
    slices: Mapping[tuple[str, str], tuple[EndpointSlice, ...]] | None = None
    nodes: tuple[Node, ...] | None = None

    @classmethod
    def of(cls, objects: RoutingObjects, looked_up: Services | None = None) -> ServiceBook:
        """Collect what was read, and what was looked up besides."""
        services, slices, nodes = objects.services, objects.endpoint_slices, objects.nodes
        known: dict[tuple[str, str], Service | None] = {}
        complete = isinstance(services, Loaded) and not services.broken
        if isinstance(services, Loaded):
            known.update({(item.namespace, item.name): item for item in services.items})
        by_service: dict[tuple[str, str], list[EndpointSlice]] | None = None
        if isinstance(slices, Loaded) and not slices.broken:
            by_service = {}
            for item in slices.items:
                key = (item.namespace, item.labels.get(SERVICE_LABEL, ""))
                by_service.setdefault(key, []).append(item)
        return cls(
            known={**known, **(looked_up or {})},
            complete=complete,
            slices=None if by_service is None else {key: tuple(items) for key, items in by_service.items()},
            nodes=nodes.items if isinstance(nodes, Loaded) else None,
        )

    def problem(
        self,
        namespace: str,
        name: str,
        reference: ServerReference,
        settings: ProviderSettings,
        version: Version,
    ) -> Problem | None:
        """Say why a reference takes its route out; None when it does not, or when that cannot be told."""
        layer7 = reference.asks is Asks.INGRESS
        ref = f"Service {namespace}/{name}"
        if not settings.watches(namespace):
            said = f"failed to get service {namespace}/{name}: namespace is not within watched namespaces"
            return Problem(DropReason.NAMESPACE, said, ref)
        key = (namespace, name)
        if key not in self.known and not self.complete:
            return None
        service = self.known.get(key)
        if service is None:
            said = "service not found" if layer7 else f"kubernetes service not found: {namespace}/{name}"
            return Problem(DropReason.SERVICE_MISSING, said, ref)
        return self._of_servers(service, reference, settings, version)

    def is_empty(
        self, namespace: str, name: str, reference: ServerReference, settings: ProviderSettings, version: Version
    ) -> bool:
        """Tell whether a Service is known to have no servers, which Traefik takes all the same."""
        service = self.known.get((namespace, name))
        if service is None or self.slices is None:
            return False
        found = self._servers(service, reference, settings, version)
        return found is not None and not found.problem and not found.servers

    def _of_servers(
        self, service: Service, reference: ServerReference, settings: ProviderSettings, version: Version
    ) -> Problem | None:
        found = self._servers(service, reference, settings, version)
        if found is None:
            return None
        ref = f"Service {service.namespace}/{service.name}"
        if found.problem:
            reason = next((why for said, why in _REASONS if found.problem.startswith(said)), DropReason.SERVICE_OPTION)
            return Problem(reason, found.problem, ref)
        allowed = settings.allow_empty_services or self.slices is None
        if reference.asks is Asks.INGRESS and not found.servers and not allowed:
            return Problem(DropReason.SERVICE_EMPTY, "Skipping service: no endpoints found", ref)
        return None

    def _servers(
        self, service: Service, reference: ServerReference, settings: ProviderSettings, version: Version
    ) -> Servers | None:
        unread = self.slices is None or (reference.node_port_lb and self.nodes is None)
        options = ServerOptions(
            version=version,
            allow_external_names=settings.allow_external_names,
            allow_empty_services=settings.allow_empty_services or unread,
            native_lb_by_default=settings.native_lb_by_default,
            no_nodes=settings.no_cluster_scope,
            assume_endpoints=self.slices is None,
        )
        if reference.node_port_lb and self.nodes is None and not settings.no_cluster_scope:
            return None
        slices = (self.slices or {}).get((service.namespace, service.name), ())
        return servers_of(service, reference, options, slices, self.nodes or ())
