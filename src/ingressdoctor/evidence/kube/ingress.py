"""Ingresses, IngressClasses and NetworkPolicies. Source: kubernetes/api networking/v1.

Every field may be missing or null in the wild, so every field has a default and nullable ones are read
through the accessors.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingressdoctor.evidence.kube.meta import Base, Resource
from ingressdoctor.evidence.kube.service import LoadBalancerIngress, LoadBalancerStatus

__all__ = [
    "Backend",
    "BackendPort",
    "BackendService",
    "Ingress",
    "IngressClass",
    "IngressClassSpec",
    "IngressHttp",
    "IngressPath",
    "IngressRule",
    "IngressSpec",
    "IngressStatus",
    "IngressTls",
    "NetworkPolicy",
]


class BackendPort(Base, frozen=True, kw_only=True):
    """service.port of an Ingress backend."""

    number: int | None = None
    name: str | None = None


class BackendService(Base, frozen=True, kw_only=True):
    """service of an Ingress backend."""

    name: str | None = None
    port: BackendPort | None = None


class Backend(Base, frozen=True, kw_only=True):
    """backend of an Ingress path."""

    service: BackendService | None = None
    resource: dict[str, Any] | None = None


class IngressPath(Base, frozen=True, kw_only=True):
    """http.paths[] of an Ingress rule."""

    path: str | None = None
    path_type: str | None = None
    backend: Backend = Backend()


class IngressHttp(Base, frozen=True, kw_only=True):
    """http of an Ingress rule."""

    paths: tuple[IngressPath, ...] | None = None


class IngressRule(Base, frozen=True, kw_only=True):
    """spec.rules[] of an Ingress."""

    host: str | None = None
    http: IngressHttp | None = None


class IngressTls(Base, frozen=True, kw_only=True):
    """spec.tls[] of an Ingress."""

    hosts: tuple[str, ...] | None = None
    secret_name: str | None = None


class IngressSpec(Base, frozen=True, kw_only=True):
    """spec of an Ingress."""

    ingress_class_name: str | None = None
    rules: tuple[IngressRule, ...] | None = None
    tls: tuple[IngressTls, ...] | None = None
    default_backend: Backend | None = None


class IngressStatus(Base, frozen=True, kw_only=True):
    """status of an Ingress."""

    load_balancer: LoadBalancerStatus | None = None


class Ingress(Resource, frozen=True, kw_only=True):
    """networking.k8s.io/v1 Ingress."""

    spec: IngressSpec = IngressSpec()
    status: IngressStatus | None = None

    @property
    def published(self) -> tuple[LoadBalancerIngress, ...]:
        """status.loadBalancer.ingress, empty when null."""
        status = self.status.load_balancer if self.status else None
        return (status.ingress or ()) if status else ()


class IngressClassSpec(Base, frozen=True, kw_only=True):
    """spec of an IngressClass."""

    controller: str | None = None


class IngressClass(Resource, frozen=True, kw_only=True):
    """networking.k8s.io/v1 IngressClass."""

    spec: IngressClassSpec = IngressClassSpec()


class NetworkPolicy(Resource, frozen=True, kw_only=True):
    """networking.k8s.io/v1 NetworkPolicy; the spec is read by the policy model."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
