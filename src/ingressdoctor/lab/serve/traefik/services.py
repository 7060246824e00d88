"""Kubernetes Services to servers, as both Kubernetes providers of Traefik do it.

Source: traefik pkg/provider/kubernetes/{crd/kubernetes_http.go, ingress/kubernetes.go}. The server's port is that
of the EndpointSlice port with the Service port's name; endpoints count while they serve. Failures are DropErrors
with the caller's provider wording.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, sequence, text
from ingressdoctor.lab.serve.traefik.model import DropError, Server
from ingressdoctor.lab.serve.traefik.static import Provider

_SCHEMES = frozenset(("http", "https", "h2c"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference to a Service port. *port* is a number or a name."""

    namespace: str
    name: str
    port: int | str | None
    scheme: str = ""
    native: bool = False
    tcp: bool = False


def find_port(service: Object, wanted: int | str | None) -> Mapping[str, Any] | None:
    """The Service port by number or name."""
    for port in map(mapping, sequence(dig(service, "spec", "ports"))):
        if wanted is not None and wanted in (port.get("port"), port.get("name")):
            return port
        if isinstance(wanted, str) and wanted.isdigit() and port.get("port") == int(wanted):
            return port
    return None


def servers(cluster: Cluster, reference: Reference, options: Provider) -> tuple[Server, ...]:
    """The servers behind a Service port; () only when the provider allows empty services.

    Raises:
        DropError: with the wording of the CRD provider.
    """
    where = f"{reference.namespace}/{reference.name}"
    service = cluster.get("Service", reference.namespace, reference.name)
    if service is None:
        raise DropError("service not found" if reference.tcp else f"kubernetes service not found: {where}")
    if reference.port is None:
        raise DropError("ingressRoute service port not defined")
    port = find_port(service, reference.port)
    if dig(service, "spec", "type") == "ExternalName":
        return _external(service, reference, options, where)
    if port is None:
        raise DropError(f"service port not found: {reference.port}")
    scheme = _scheme(port, reference)
    if reference.native:
        cluster_ip = text(dig(service, "spec", "clusterIP"))
        if cluster_ip in {"", "None"}:
            raise DropError(f"getting native Kubernetes Service address: no clusterIP on headless service: {where}")
        return (Server(scheme=scheme, ip=cluster_ip, port=int(port.get("port") or 0)),)
    points = cluster.endpoints(reference.namespace, reference.name, text(port.get("name")))
    # TCP needs ready endpoints; HTTP keeps those that serve, without the terminating ones ("fenced").
    usable = tuple(
        point for point in points if (point.ready if reference.tcp else point.serving and not point.terminating)
    )
    if not usable and not options.allow_empty_services:
        raise DropError(f"no servers found for {where}")
    return tuple(Server(scheme=scheme, ip=point.ip, port=point.port) for point in usable)


def _external(service: Object, reference: Reference, options: Provider, where: str) -> tuple[Server, ...]:
    if not options.allow_external_names:
        raise DropError(f"externalName services not allowed: {where}")
    name = text(dig(service, "spec", "externalName"))
    number = reference.port if isinstance(reference.port, int) else 80
    return (Server(scheme=reference.scheme or "http", ip=name, port=number),)


def _scheme(port: Mapping[str, Any], reference: Reference) -> str:
    if reference.scheme and reference.scheme not in _SCHEMES:
        raise DropError(f'invalid scheme "{reference.scheme}" specified')
    if reference.scheme:
        return reference.scheme
    if port.get("port") == 443 or text(port.get("name")).startswith("https"):
        return "https"
    return "http"
