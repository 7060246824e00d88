"""Service references of the CRD provider: Kubernetes Services, weighted lists, TraefikServices.

One bad service of a weighted list condemns the whole list, as in Traefik. Failures are DropErrors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.serve.traefik.annotations import cookie_name
from ingressdoctor.lab.serve.traefik.model import DropError, Dynamic, Service, Sticky, normalized
from ingressdoctor.lab.serve.traefik.services import Reference, servers
from ingressdoctor.lab.serve.traefik.static import Provider

SUFFIX = "@kubernetescrd"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Whose route is being built: namespace, and the fields of its log lines."""

    namespace: str
    fields: Mapping[str, Any]


class CrdServices:
    """Builds services into *dynamic*."""

    def __init__(self, cluster: Cluster, options: Provider, dynamic: Dynamic) -> None:
        self._cluster = cluster
        self._options = options
        self._dynamic = dynamic

    def weighted(self, specs: list[Mapping[str, Any]], name: str, context: Context) -> Service:
        """A weighted list of references."""
        children = tuple((self.child(spec, context), number(spec.get("weight"), 1)) for spec in specs)
        return Service(name=name, children=children)

    def child(self, spec: Mapping[str, Any], context: Context) -> str:
        """Name of a referenced service; a Kubernetes Service is added under its own name."""
        kind, name = text(spec.get("kind") or "Service"), text(spec.get("name"))
        if kind not in {"Service", "TraefikService"}:
            raise DropError(f"unsupported service kind {kind}")
        if "@" in name:
            return name
        namespace = self._namespace(spec, context)
        if kind == "TraefikService":
            return normalized(f"{namespace}-{name}") + SUFFIX
        key = normalized(f"{namespace}-{name}-{text(spec.get('port'))}") + SUFFIX
        self._dynamic.services[key] = self.leaf(spec, key, context)
        return key

    def _namespace(self, spec: Mapping[str, Any], context: Context, *, tcp: bool = False) -> str:
        namespace = text(spec.get("namespace")) or context.namespace
        if namespace != context.namespace and not self._options.allow_cross_namespace:
            where = f"{namespace}/{text(spec.get('name'))}"
            label = "tcp service" if tcp else "service"
            raise DropError(f"{label} {where} not in the parent resource namespace {context.namespace}")
        return namespace

    def leaf(self, spec: Mapping[str, Any], name: str, context: Context, *, tcp: bool = False) -> Service:
        """One Kubernetes Service reference."""
        reference = Reference(
            namespace=self._namespace(spec, context, tcp=tcp),
            name=text(spec.get("name")),
            port=spec.get("port"),
            scheme="" if tcp else text(spec.get("scheme")),
            native=spec.get("nativeLB") is True,
            tcp=tcp,
        )
        transport = text(spec.get("serversTransport"))
        if transport and "@" not in transport:
            transport = normalized(f"{reference.namespace}-{transport}") + SUFFIX
        return Service(
            name=name,
            servers=servers(self._cluster, reference, self._options),
            pass_host=spec.get("passHostHeader") is not False,
            transport=transport,
            proxy_protocol=proxy_version(spec, 2),
            tls=tcp and spec.get("tls") is True,
            sticky=None if tcp else _sticky(dig(spec, "sticky", "cookie"), name),
        )

    def traefik_service(self, item: Object, context: Context) -> Service:
        """A TraefikService; mirroring is served by its main service alone."""
        spec, name = mapping(item.get("spec")), object_id(item) + SUFFIX
        if "weighted" in spec:
            specs = [mapping(entry) for entry in sequence(dig(spec, "weighted", "services"))]
            return self.weighted(specs, name, context)
        if "mirroring" in spec:
            return Service(name=name, children=((self.child(mapping(spec["mirroring"]), context), 1),))
        raise DropError("unspecified service type")


def _sticky(cookie: object, service: str) -> Sticky | None:
    if not isinstance(cookie, Mapping):
        return None
    return Sticky(
        name=text(cookie.get("name")) or cookie_name(service),
        secure=cookie.get("secure") is True,
        http_only=cookie.get("httpOnly") is True,
        same_site=text(cookie.get("sameSite")),
        max_age=number(cookie.get("maxAge")),
        path=text(cookie.get("path") or "/"),
        domain=text(cookie.get("domain")),
    )


def proxy_version(spec: object, default: int) -> int:
    """The PROXY protocol's version that a service or transport wants to send; 0 for none."""
    block = mapping(spec).get("proxyProtocol")
    return number(mapping(block).get("version"), default) if block is not None else 0


def object_id(item: Object) -> str:
    """The id Traefik gives an object of one of its kinds."""
    return normalized(f"{namespace_of(item)}-{name_of(item)}")


def number(value: object, default: int = 0) -> int:
    """*value* when it is an integer, else *default*."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default
