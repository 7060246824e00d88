"""Services to upstreams, as ingress-nginx resolves them: a port by number, by target port or by name; ready endpoints.

Source: kubernetes/ingress-nginx internal/ingress/controller/{controller.go, endpointslices.go}. What is missing leaves
an upstream without endpoints, which answers 503; a port that matches nothing says so nowhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, sequence, text
from ingressdoctor.lab.serve.nginx.journal import Notes
from ingressdoctor.lab.serve.nginx.model import DEFAULT_BACKEND, Upstream
from ingressdoctor.lab.serve.nginx.options import Options

DEFAULT_PORT = 8181  # the controller's own server behind "no such host"


class Upstreams:
    """The upstreams of one configuration, each made once."""

    def __init__(self, cluster: Cluster, options: Options, notes: Notes) -> None:
        self._cluster = cluster
        self._options = options
        self._notes = notes
        self._known: dict[str, Upstream] = {}
        self.default = self._default()

    def of(self, namespace: str, backend: Mapping[str, Any], *, service_upstream: bool) -> Upstream | None:
        """The upstream of an Ingress's backend; None for one that names no Service."""
        service = mapping(backend.get("service"))
        name = text(service.get("name"))
        if not name:
            return None
        port = mapping(service.get("port"))
        wanted = text(port.get("name") or port.get("number"))
        key = f"{namespace}-{name}-{wanted}"
        if key not in self._known:
            points = self._endpoints(namespace, name, wanted, service_upstream=service_upstream)
            self._known[key] = Upstream(name=key, endpoints=points)
        return self._known[key]

    def custom_default(self, namespace: str, name: str) -> Upstream | None:
        """The upstream of a `default-backend` annotation; None unless it has an endpoint."""
        service = self._cluster.get("Service", namespace, name)
        ports = sequence(dig(service, "spec", "ports")) if service is not None else ()
        if not ports:
            return None
        points = self._ready(namespace, name, mapping(ports[0]))
        return Upstream(name=f"custom-default-backend-{namespace}-{name}", endpoints=points) if points else None

    def _default(self) -> Upstream:
        namespace, _, name = self._options.default_backend.rpartition("/")
        service = self._cluster.get("Service", namespace, name) if name else None
        ports = sequence(dig(service, "spec", "ports")) if service is not None else ()
        points = self._ready(namespace, name, mapping(ports[0])) if ports else ()
        return Upstream(name=DEFAULT_BACKEND, endpoints=points or (("127.0.0.1", DEFAULT_PORT),))

    def _endpoints(
        self, namespace: str, name: str, wanted: str, *, service_upstream: bool
    ) -> tuple[tuple[str, int], ...]:
        where = f"{namespace}/{name}"
        service = self._cluster.get("Service", namespace, name)
        if service is None:
            problem = f'no object matching key "{where}" in local store'
            self._notes.warn("controller.go:1216", f'Error obtaining Endpoints for Service "{where}": {problem}')
            return ()
        if dig(service, "spec", "type") == "ExternalName":
            return self._external(service, wanted, where)
        port = _port(service, wanted)
        if port is None:
            return ()
        address = text(dig(service, "spec", "clusterIP"))
        if service_upstream and address not in {"", "None"}:
            return ((address, int(port.get("port") or 0)),)
        points = self._ready(namespace, name, port)
        if not points:
            self._notes.warn("controller.go:1299", f'Service "{where}" does not have any active Endpoint.')
        return points

    def _ready(self, namespace: str, name: str, port: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
        found = self._cluster.endpoints(namespace, name, text(port.get("name")))
        return tuple((point.ip, point.port) for point in found if point.ready)

    def _external(self, service: Object, wanted: str, where: str) -> tuple[tuple[str, int], ...]:
        if self._options.disable_external_name:
            self._notes.warn(
                "controller.go:1259",
                f'Service "{where}" of type ExternalName not allowed due to Ingress configuration.',
            )
            return ()
        port = _port(service, wanted)
        target = text((port.get("targetPort") or port.get("port")) if port else wanted)
        address = self._resolved(text(dig(service, "spec", "externalName")).rstrip("."))
        if not address:
            self._notes.warn("controller.go:1266", f'Service "{where}" does not have any active Endpoint.')
            return ()
        return ((address, int(target) if target.isdigit() else 80),)

    def _resolved(self, name: str) -> str:
        """The address of an external name: its own, or that of a Service of the cluster; "" for any other."""
        try:
            return str(ipaddress.ip_address(name))
        except ValueError:
            service, _, rest = name.removesuffix(".cluster.local").removesuffix(".svc").partition(".")
            address = text(dig(self._cluster.get("Service", rest, service), "spec", "clusterIP"))
            return "" if address == "None" else address


def _port(service: Object, wanted: str) -> Mapping[str, Any] | None:
    """The Service port that an Ingress means: by number, by target port, or by name."""
    for port in map(mapping, sequence(dig(service, "spec", "ports"))):
        if wanted in {text(port.get("port")), text(port.get("targetPort") or port.get("port")), text(port.get("name"))}:
            return port
    return None
