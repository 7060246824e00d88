"""Judge a reference to a Kubernetes Service as Traefik's providers do, where the Service is known.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_http.go (loadServers), kubernetes.go (getServicePort).
"""

from __future__ import annotations

from ingressdoctor.evidence.kube import Service, ServicePort
from ingressdoctor.evidence.routes import BackendRef, DropReason
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.router import Services
from ingressdoctor.routing.traefik.settings import ProviderSettings

__all__ = ["find_port", "service_problem"]


def find_port(service: Service, port: str) -> ServicePort | None:
    """Return the Service port that a reference by number or name means."""
    if port.isdecimal():
        return next((item for item in service.ports if item.port == int(port)), None)
    return next((item for item in service.ports if port and item.name == port), None)


def service_problem(reference: BackendRef, services: Services, settings: ProviderSettings) -> Problem | None:
    """Say why a Service reference takes its route out; None when it does not, or the Service was not looked up."""
    key = (reference.namespace, reference.name)
    if key not in services:
        return None
    service, ref = services[key], f"Service {reference.namespace}/{reference.name}"
    if service is None:
        detail = f"kubernetes service not found: {reference.namespace}/{reference.name}"
        return Problem(DropReason.SERVICE_MISSING, detail, ref)
    if find_port(service, reference.port) is None:
        detail = (
            f"service port not found: {reference.port}" if reference.port else "ingressRoute service port not defined"
        )
        return Problem(DropReason.SERVICE_PORT, detail, ref)
    if service.spec.type == "ExternalName" and not settings.allow_external_names:
        detail = f"externalName services not allowed: {reference.namespace}/{reference.name}"
        return Problem(DropReason.EXTERNAL_NAME, detail, ref)
    return None
