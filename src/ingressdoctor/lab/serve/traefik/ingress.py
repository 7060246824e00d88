"""Traefik's Ingress provider: networking.k8s.io Ingresses to routers.

Source: traefik pkg/provider/kubernetes/ingress (v3.0 to v3.7). A Prefix is a plain string prefix, Exact a Path; how
strings are quoted depends on the version, and decides a rule's length and so its priority. spec.tls only loads
certificates.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    annotation,
    dig,
    mapping,
    name_of,
    namespace_of,
    sequence,
    text,
)
from ingressdoctor.lab.serve.traefik.annotations import router_marks, service_marks
from ingressdoctor.lab.serve.traefik.journal import Notes
from ingressdoctor.lab.serve.traefik.model import DropError, Dynamic, Router, RouterTls, Service, normalized
from ingressdoctor.lab.serve.traefik.secrets import order_of
from ingressdoctor.lab.serve.traefik.services import Reference, find_port, servers
from ingressdoctor.lab.serve.traefik.static import QUOTED_RULES, WILDCARD_HOSTS, Provider

CONTROLLER = "traefik.io/ingress-controller"
SUFFIX = "@kubernetes"
_DEFAULT_BACKEND_PRIORITY = -(2**31)


def load(cluster: Cluster, options: Provider, dynamic: Dynamic, notes: Notes) -> None:
    """Add what the Ingresses describe to *dynamic*."""
    provider = _Ingresses(cluster, options, dynamic, notes)
    for item in cluster.all("Ingress", "networking.k8s.io"):
        if provider.takes(item):
            provider.load(item)


class _Ingresses:
    def __init__(self, cluster: Cluster, options: Provider, dynamic: Dynamic, notes: Notes) -> None:
        self._cluster = cluster
        self._options = options
        self._dynamic = dynamic
        self._notes = notes

    def takes(self, item: Object) -> bool:
        """The table of traefik's shouldProcessIngress; nothing is logged for the others."""
        if self._options.namespaces and namespace_of(item) not in self._options.namespaces:
            return False
        wanted, given = self._options.ingress_class, dig(item, "spec", "ingressClassName")
        if given is not None:
            found = self._cluster.get("IngressClass", "", text(given))
            known = found is not None and dig(found, "spec", "controller") == CONTROLLER
            return known and wanted in {"", text(given)}
        marked = annotation(item, "kubernetes.io/ingress.class")
        return marked == wanted if wanted else marked in {"", "traefik"}

    def load(self, item: Object) -> None:
        """One Ingress."""
        fields = {"providerName": "kubernetes", "ingress": name_of(item), "namespace": namespace_of(item)}
        try:
            marks = router_marks(item)
        except DropError as drop:
            self._notes.error("Failed to parse annotations", error=drop.error, **fields)
            return
        self._load_certificates(item, fields)
        rules = [mapping(rule) for rule in sequence(dig(item, "spec", "rules"))]
        default = mapping(dig(item, "spec", "defaultBackend"))
        if not rules and default:
            self._load_default(item, default, marks, fields)
        found = [
            router
            for rule in rules
            for path in map(mapping, sequence(dig(rule, "http", "paths")))
            if (router := self._path_router(item, text(rule.get("host")), path, marks))
        ]
        names = [router.name for router in found]
        for router in found:
            # Within one Ingress equal keys get a hash; across Ingresses the later one overwrites without a word.
            twin = names.count(router.name) > 1
            name = f"{router.name.removesuffix(SUFFIX)}-{_digest(router.rule)}{SUFFIX}" if twin else router.name
            self._dynamic.routers[name] = dataclasses.replace(router, name=name)

    def _load_certificates(self, item: Object, fields: Mapping[str, Any]) -> None:
        for entry in map(mapping, sequence(dig(item, "spec", "tls"))):
            name = text(entry.get("secretName"))
            if not name:
                self._notes.debug("Skipping TLS sub-section: No secret name provided", **fields)
                continue
            try:
                order = order_of(self._cluster, namespace_of(item), name)
            except DropError as drop:
                # Traefik returns at the first error: the rest of the list is not loaded either.
                self._notes.error("Error configuring TLS", error=drop.error, **fields)
                return
            self._dynamic.certificates[f"{namespace_of(item)}-{name}"] = order

    def _load_default(
        self, item: Object, backend: Mapping[str, Any], marks: Mapping[str, str], fields: Mapping[str, Any]
    ) -> None:
        if "default-router" + SUFFIX in self._dynamic.routers:
            self._notes.error("The default backend already exists.", **fields)
            return
        service = self._service(item, backend, "default-backend")
        if service:
            router = _router("default-router", 'PathPrefix("/")', service, marks)
            priority = router.priority or _DEFAULT_BACKEND_PRIORITY
            self._dynamic.routers[router.name] = dataclasses.replace(router, priority=priority)

    def _path_router(self, item: Object, host: str, path: Mapping[str, Any], marks: Mapping[str, str]) -> Router | None:
        """The router of one path; None after logging why there is none."""
        backend = mapping(path.get("backend"))
        name = text(dig(backend, "service", "name"))
        port = mapping(dig(backend, "service", "port"))
        fields = {"providerName": "kubernetes", "ingress": name_of(item), "namespace": namespace_of(item)}
        if "resource" in backend:
            self._notes.error("Resource backends are not supported", **fields)
            return None
        if not name:
            self._notes.error("Missing service definition", **fields)
            return None
        where = text(path.get("path"))
        try:
            rule = _rule(host, where, text(path.get("pathType")), marks, self._options)
        except DropError as drop:
            self._notes.error("Skipping path.", error=drop.error, serviceName=name, path=where, **fields)
            return None
        label = text(port.get("number") or port.get("name"))
        service = self._service(item, backend, normalized(f"{namespace_of(item)}-{name}-{label}"))
        key = normalized(f"{namespace_of(item)}-{name_of(item)}-{host}{where}")
        return _router(key, rule, service, marks) if service else None

    def _service(self, item: Object, backend: Mapping[str, Any], key: str) -> str:
        """Add the backend's service and return its name; "" after logging why it cannot be used."""
        name = text(dig(backend, "service", "name"))
        port = mapping(dig(backend, "service", "port"))
        wanted = port.get("number") or port.get("name")
        fields = {
            "providerName": "kubernetes",
            "ingress": name_of(item),
            "namespace": namespace_of(item),
            "serviceName": name,
            "servicePort": text(wanted),
        }
        service = self._cluster.get("Service", namespace_of(item), name)
        if service is None or find_port(service, wanted) is None:
            error = "service not found" if service is None else "service port not found"
            self._notes.error("Cannot create service", error=error, **fields)
            return ""
        try:
            marks = service_marks(service, key)
            reference = Reference(
                namespace=namespace_of(item), name=name, port=wanted, scheme=marks.scheme, native=marks.native
            )
            found = servers(self._cluster, reference, self._options)
        except DropError as drop:
            if drop.error.startswith("no servers found"):
                self._notes.error("Skipping service: no endpoints found", **fields)
            else:
                self._notes.error("Cannot create service", error=drop.error, **fields)
            return ""
        self._dynamic.services[key + SUFFIX] = Service(
            name=key + SUFFIX,
            servers=found,
            pass_host=marks.pass_host,
            transport=marks.transport,
            sticky=marks.sticky,
        )
        return key + SUFFIX


def _digest(rule: str) -> str:
    return hashlib.sha256(rule.encode()).hexdigest()[:20]


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _router(key: str, rule: str, service: str, marks: Mapping[str, str]) -> Router:
    tls = marks.get("router.tls", "").lower() == "true" or any(k.startswith("router.tls.") for k in marks)
    priority = marks.get("router.priority", "")
    middlewares = (name if "@" in name else name + SUFFIX for name in _words(marks.get("router.middlewares", "")))
    return Router(
        name=key + SUFFIX,
        rule=rule,
        service=service,
        provider="kubernetes",
        entry_points=_words(marks.get("router.entrypoints", "")),
        middlewares=tuple(middlewares),
        priority=int(priority) if re.fullmatch(r"-?\d{1,19}", priority) else 0,
        tls=RouterTls(options=marks.get("router.tls.options", "")) if tls else None,
    )


def _rule(host: str, path: str, path_type: str, marks: Mapping[str, str], options: Provider) -> str:
    return " && ".join(_rule_parts(host, path, path_type, marks, options))


def _rule_parts(host: str, path: str, path_type: str, marks: Mapping[str, str], options: Provider) -> Iterator[str]:
    if host.startswith("*.") and options.version < WILDCARD_HOSTS:
        domain = re.escape(host[1:]).replace(r"\-", "-")
        yield f"HostRegexp({_quoted('^[a-zA-Z0-9-]+' + domain + '$', options)})"
    elif host:
        yield f"Host({_quoted(host, options)})"
    if not path:
        return
    matcher = marks.get("router.pathmatcher") or "PathPrefix"
    if path_type == "Exact":
        matcher = "Path"
    elif path_type == "Prefix":
        matcher = "PathPrefix"
    elif matcher not in {"Path", "PathPrefix", "PathRegexp"}:
        raise DropError(f'invalid router path matcher "{matcher}": must be one of Path, PathPrefix, PathRegexp')
    if options.strict_prefix and matcher == "PathPrefix" and path != "/":
        short = path.removesuffix("/")
        yield f"(Path({_quoted(short, options)}) || PathPrefix({_quoted(short + '/', options)}))"
        return
    yield f"{matcher}({_quoted(path, options)})"


def _quoted(value: str, options: Provider) -> str:
    """A string of the rule language; the length of the rule's text is its priority."""
    return json.dumps(value, ensure_ascii=False) if options.version >= QUOTED_RULES else f"`{value}`"
