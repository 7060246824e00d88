"""Traefik's CRD provider: IngressRoute, IngressRouteTCP, Middleware, TraefikService, ServersTransport to routers.

What it drops, and with which log line, follows traefik pkg/provider/kubernetes/crd (v3.7). Objects outside the
class, the namespaces or the label selector vanish without a word, as they do in Traefik.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    annotation,
    dig,
    labels_of,
    mapping,
    matches,
    name_of,
    namespace_of,
    sequence,
    text,
)
from ingressdoctor.lab.serve.traefik.crd_services import SUFFIX, Context, CrdServices, number, object_id, proxy_version
from ingressdoctor.lab.serve.traefik.journal import Notes
from ingressdoctor.lab.serve.traefik.model import (
    DropError,
    Dynamic,
    Router,
    RouterTls,
    Service,
    Transport,
    normalized,
)
from ingressdoctor.lab.serve.traefik.secrets import order_of
from ingressdoctor.lab.serve.traefik.static import TRANSPORT_DECIDES, Provider

GROUP = "traefik.io"


def load(cluster: Cluster, options: Provider, dynamic: Dynamic, notes: Notes) -> None:
    """Add what the CRDs describe to *dynamic*."""
    provider = _Crd(cluster, options, dynamic, notes)
    provider.load_parts()
    for item in provider.watched("IngressRoute"):
        if provider.in_class(item):
            provider.load_route(item)
    for item in provider.watched("IngressRouteTCP"):
        if provider.in_class(item):
            provider.load_tcp_route(item)


class _Crd:
    def __init__(self, cluster: Cluster, options: Provider, dynamic: Dynamic, notes: Notes) -> None:
        self._cluster = cluster
        self._options = options
        self._dynamic = dynamic
        self._notes = notes
        self._services = CrdServices(cluster, options, dynamic)

    def watched(self, kind: str) -> tuple[Object, ...]:
        """Objects of a kind within the provider's namespaces and label selector."""
        return tuple(
            item
            for item in self._cluster.all(kind, GROUP)
            if namespace_of(item) in (self._options.namespaces or (namespace_of(item),))
            and _labelled(item, self._options.label_selector)
        )

    def in_class(self, item: Object) -> bool:
        """The class test: a plain comparison, no IngressClass object is looked up."""
        given = text(dig(item, "spec", "ingressClassName")) or annotation(item, "kubernetes.io/ingress.class")
        wanted = self._options.ingress_class
        return given == wanted if wanted else given in {"", "traefik"}

    def load_parts(self) -> None:
        """Middlewares, transports and TraefikServices."""
        for item in self.watched("Middleware"):
            self._load_middleware(item)
        for item in self.watched("MiddlewareTCP"):
            self._dynamic.tcp_middlewares[object_id(item) + SUFFIX] = mapping(item.get("spec"))
        for item in self.watched("TLSOption"):
            self._dynamic.tls_options.add(object_id(item) + SUFFIX)
        for item in self.watched("TLSStore"):
            self._load_store(item)
        for item in self.watched("ServersTransport"):
            self._dynamic.transports[object_id(item) + SUFFIX] = Transport(
                insecure=dig(item, "spec", "insecureSkipVerify") is True,
                server_name=text(dig(item, "spec", "serverName")),
            )
        for item in self.watched("ServersTransportTCP"):
            self._dynamic.tcp_transports[object_id(item) + SUFFIX] = proxy_version(item.get("spec"), -1)
        for item in self.watched("TraefikService"):
            context = Context(
                namespace=namespace_of(item),
                fields={"providerName": "kubernetescrd", "serviceName": name_of(item)},
            )
            try:
                self._dynamic.services[object_id(item) + SUFFIX] = self._services.traefik_service(item, context)
            except DropError as drop:
                self._notes.error("Error while building TraefikService", error=drop.error, **context.fields)

    def _load_store(self, item: Object) -> None:
        """Only the store called default serves: its own default certificate, and further ones."""
        if name_of(item) != "default":
            return
        default = text(dig(item, "spec", "defaultCertificate", "secretName"))
        for entry in ({"secretName": default}, *map(mapping, sequence(dig(item, "spec", "certificates")))):
            secret = text(entry.get("secretName"))
            if not secret:
                continue
            try:
                order = order_of(self._cluster, namespace_of(item), secret)
            except DropError as drop:
                self._notes.warn(drop.error.replace("secret", "Secret", 1), TLSStore="default")
                continue
            self._dynamic.certificates[f"{namespace_of(item)}/{secret}"] = order
            if secret == default:
                self._dynamic.default_certificate = order

    def _load_middleware(self, item: Object) -> None:
        spec, key = mapping(item.get("spec")), object_id(item)
        for kind, label in (("basicAuth", "basic auth"), ("digestAuth", "digest auth")):
            if kind not in spec:
                continue
            name = text(mapping(spec[kind]).get("secret"))
            missing = self._cluster.get("Secret", namespace_of(item), name) is None
            error = f"secret '{namespace_of(item)}/{name}' not found" if name else "auth secret must be set"
            if not name or missing:
                self._notes.error(
                    f"Error while reading {label} middleware",
                    error=error,
                    middlewareName=key,
                    providerName="kubernetescrd",
                )
                return
        self._dynamic.middlewares[key + SUFFIX] = {**spec, "_namespace": namespace_of(item)}

    def load_route(self, item: Object) -> None:
        """One IngressRoute."""
        context = _context(item)
        tls = self._load_tls(item, context)
        points = tuple(map(text, sequence(dig(item, "spec", "entryPoints"))))
        for route in map(mapping, sequence(dig(item, "spec", "routes"))):
            kind, match = text(route.get("kind") or "Rule"), text(route.get("match"))
            if kind != "Rule":
                self._notes.error(
                    f'Unsupported match kind: {kind}. Only "Rule" is supported for now.', **context.fields
                )
                continue
            if not match:
                self._notes.error("Empty match rule", **context.fields)
                continue
            try:
                middlewares = self._middleware_keys(route, context)
                key = normalized(f"{object_id(item)}-{_digest(match)}")
                service = self._route_service(route, key, context)
            except DropError as drop:
                self._notes.error(drop.message, error=drop.error, **context.fields)
                continue
            self._dynamic.routers[key + SUFFIX] = Router(
                name=key + SUFFIX,
                rule=match,
                service=service,
                provider="kubernetescrd",
                entry_points=points,
                middlewares=middlewares,
                priority=number(route.get("priority")),
                tls=tls,
            )

    def load_tcp_route(self, item: Object) -> None:
        """One IngressRouteTCP: a bad service keeps the router, which then fails at run time."""
        context = _context(item)
        tls = self._load_tls(item, context)
        for route in map(mapping, sequence(dig(item, "spec", "routes"))):
            match = text(route.get("match"))
            if not match:
                self._notes.error("Empty match rule", **context.fields)
                continue
            key = f"{object_id(item)}-{_digest(match)}"
            try:
                middlewares = self._middleware_keys(route, context)
            except DropError as drop:
                self._notes.error(drop.message, error=drop.error, **context.fields)
                continue
            self._load_tcp_services(route, key, context)
            self._dynamic.tcp_routers[key + SUFFIX] = Router(
                name=key + SUFFIX,
                rule=match,
                service=key + SUFFIX,
                provider="kubernetescrd",
                entry_points=tuple(map(text, sequence(dig(item, "spec", "entryPoints")))),
                middlewares=middlewares,
                priority=number(route.get("priority")),
                tls=tls,
            )

    def _load_tcp_services(self, route: Mapping[str, Any], key: str, context: Context) -> None:
        children: list[tuple[str, int]] = []
        for index, spec in enumerate(map(mapping, sequence(route.get("services")))):
            try:
                service = self._services.leaf(spec, f"{key}-{index}{SUFFIX}", context, tcp=True)
            except DropError as drop:
                self._notes.error(
                    "Cannot create service",
                    error=drop.error,
                    serviceName=text(spec.get("name")),
                    servicePort=text(spec.get("port")),
                    **context.fields,
                )
                continue
            self._dynamic.services[service.name] = self._transported(service)
            children.append((service.name, number(spec.get("weight"), 1)))
        if children:
            name = key + SUFFIX
            self._dynamic.services[name] = Service(name=name, children=tuple(children))

    def _transported(self, service: Service) -> Service:
        """A TCP service as its transport has it: that decides alone about the PROXY protocol, since 3.5.2."""
        if not service.transport or self._options.version < TRANSPORT_DECIDES:
            return service
        version = self._dynamic.tcp_transports.get(service.transport, 0)
        return dataclasses.replace(service, proxy_protocol=version)

    def _load_tls(self, item: Object, context: Context) -> RouterTls | None:
        spec = dig(item, "spec", "tls")
        if spec is None:
            return None
        tls = mapping(spec)
        secret = text(tls.get("secretName"))
        if secret:
            try:
                order = order_of(self._cluster, context.namespace, secret)
                self._dynamic.certificates[f"{context.namespace}/{secret}"] = order
            except DropError as drop:
                self._notes.error("Error configuring TLS", error=drop.error, **context.fields)
        else:
            self._notes.debug("No secret name provided", **context.fields)
        return RouterTls(options=_options_key(tls, context), passthrough=tls.get("passthrough") is True)

    def _middleware_keys(self, route: Mapping[str, Any], context: Context) -> tuple[str, ...]:
        keys: list[str] = []
        for entry in map(mapping, sequence(route.get("middlewares"))):
            name, namespace = text(entry.get("name")), text(entry.get("namespace"))
            allowed = self._options.allow_cross_namespace
            if "@" in name:
                if not allowed and name.endswith(SUFFIX):
                    raise DropError(
                        f"invalid reference to middleware {name}: when allowCrossNamespace is disabled, "
                        f"{SUFFIX} references are disallowed",
                        "Failed to create middleware keys",
                    )
                keys.append(name)
                continue
            if namespace not in {"", context.namespace} and not allowed:
                raise DropError(
                    f"invalid reference to middleware {name}: allowCrossNamespace is disabled, "
                    "cross-namespace are disallowed",
                    "Failed to create middleware keys",
                )
            keys.append(normalized(f"{namespace or context.namespace}-{name}") + SUFFIX)
        return tuple(keys)

    def _route_service(self, route: Mapping[str, Any], key: str, context: Context) -> str:
        specs = [mapping(spec) for spec in sequence(route.get("services"))]
        if len(specs) == 1 and text(specs[0].get("kind") or "Service") == "Service":
            service = self._services.leaf(specs[0], key + SUFFIX, context)
            self._dynamic.services[service.name] = service
            return service.name
        if len(specs) == 1:
            return self._services.child(specs[0], context)
        weighted = self._services.weighted(specs, key + SUFFIX, context)
        self._dynamic.services[weighted.name] = weighted
        return weighted.name


def _options_key(tls: Mapping[str, Any], context: Context) -> str:
    name = text(dig(tls, "options", "name"))
    if not name or name == "default" or "@" in name:
        return name
    namespace = text(dig(tls, "options", "namespace")) or context.namespace
    return normalized(f"{namespace}-{name}") + SUFFIX


def _digest(match: str) -> str:
    return hashlib.sha256(match.encode()).hexdigest()[:20]


def _context(item: Object) -> Context:
    fields = {"providerName": "kubernetescrd", "ingress": name_of(item), "namespace": namespace_of(item)}
    return Context(namespace=namespace_of(item), fields=fields)


def _labelled(item: Object, selector: str) -> bool:
    wanted = dict(term.partition("=")[::2] for term in selector.replace("==", "=").split(",") if "=" in term)
    return matches(labels_of(item), {"matchLabels": {k.strip(): v.strip() for k, v in wanted.items()}})
