"""Services and EndpointSlices. Source: kubernetes/api core/v1, discovery/v1.

Every field may be missing or null in the wild, so every field has a default and nullable ones are read
through the accessors.
"""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.kube.meta import Base, ObjectReference, Resource

__all__ = [
    "Endpoint",
    "EndpointConditions",
    "EndpointHints",
    "EndpointPort",
    "EndpointSlice",
    "LoadBalancerIngress",
    "LoadBalancerStatus",
    "NodeHint",
    "Service",
    "ServicePort",
    "ServiceSpec",
    "ServiceStatus",
    "ZoneHint",
]


class ServicePort(Base, frozen=True, kw_only=True):
    """spec.ports[] of a Service; ``target_port`` is a number, a name, or None (then it equals ``port``)."""

    port: int = 0
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None
    node_port: int | None = None
    app_protocol: str | None = None


class ServiceSpec(Base, frozen=True, kw_only=True):
    """spec of a Service."""

    type: str | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    ip_families: tuple[str, ...] | None = None
    ports: tuple[ServicePort, ...] | None = None
    selector: dict[str, str | None] | None = None
    external_name: str | None = None
    external_traffic_policy: str | None = None
    internal_traffic_policy: str | None = None
    load_balancer_class: str | None = None
    publish_not_ready_addresses: bool | None = None


class LoadBalancerIngress(Base, frozen=True, kw_only=True):
    """status.loadBalancer.ingress[]."""

    ip: str | None = None
    hostname: str | None = None
    ip_mode: str | None = None


class LoadBalancerStatus(Base, frozen=True, kw_only=True):
    """status.loadBalancer."""

    ingress: tuple[LoadBalancerIngress, ...] | None = None


class ServiceStatus(Base, frozen=True, kw_only=True):
    """status of a Service."""

    load_balancer: LoadBalancerStatus | None = None


class Service(Resource, frozen=True, kw_only=True):
    """core/v1 Service."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus | None = None

    @property
    def ports(self) -> tuple[ServicePort, ...]:
        """spec.ports, empty when null."""
        return self.spec.ports or ()

    @property
    def published(self) -> tuple[LoadBalancerIngress, ...]:
        """status.loadBalancer.ingress, empty when null."""
        status = self.status.load_balancer if self.status else None
        return (status.ingress or ()) if status else ()


class ZoneHint(Base, frozen=True, kw_only=True):
    """hints.forZones[] of an endpoint."""

    name: str | None = None


class NodeHint(Base, frozen=True, kw_only=True):
    """hints.forNodes[] of an endpoint."""

    name: str | None = None


class EndpointHints(Base, frozen=True, kw_only=True):
    """hints of an endpoint: the zones and nodes whose clients should prefer it."""

    for_zones: tuple[ZoneHint, ...] | None = None
    for_nodes: tuple[NodeHint, ...] | None = None


class EndpointConditions(Base, frozen=True, kw_only=True):
    """Null means ready true, serving true, terminating false (discovery/v1)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Base, frozen=True, kw_only=True):
    """endpoints[] of an EndpointSlice."""

    addresses: tuple[str, ...] | None = None
    conditions: EndpointConditions | None = None
    node_name: str | None = None
    zone: str | None = None
    hints: EndpointHints | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(Base, frozen=True, kw_only=True):
    """ports[] of an EndpointSlice; the name repeats the Service port's."""

    name: str | None = None
    port: int | None = None
    protocol: str | None = None


class EndpointSlice(Resource, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointSlice."""

    address_type: str | None = None
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None
