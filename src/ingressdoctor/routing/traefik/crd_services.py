"""Resolve the services of an IngressRoute: Kubernetes Services, TraefikServices, and those of other providers.

A reference can fail twice. The provider refuses it, and the whole route with it; or the provider lets the name pass
and Traefik finds nothing usable behind it later, which disables the router. Both are told apart here.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_http.go (nameAndService, buildTraefikService),
pkg/server/service/service.go (BuildHTTP).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.routes import BackendRef, Custom, DropReason
from ingressdoctor.routing.servers import ServerReference
from ingressdoctor.routing.traefik.durations import duration_problem
from ingressdoctor.routing.traefik.middlewares import Known, Problem, as_list, as_map, resolve
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.router import Resolved
from ingressdoctor.routing.traefik.services import ServiceBook
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.traefik_service import BALANCERS, mirrored, parts_of, type_of
from ingressdoctor.routing.traefik.version import Version

__all__ = ["CrdServices", "plain_reference", "within"]

_STRATEGIES: Final = (
    (("", "RoundRobin"), (0, 0, 0)),
    (("wrr", "p2c"), (3, 4, 0)),
    (("hrw", "leasttime"), (3, 6, 0)),
)
# From here on a name with @ belongs to another provider whatever its kind, and its namespace is taken as written.
_NAMES_AS_WRITTEN: Final = ((3, 7, 0), (3, 6, 16), (2, 11, 45))
_MAX_DEPTH: Final = 20
_SUFFIX: Final = f"@{CRD_PROVIDER}"


class CrdServices(msgspec.Struct, frozen=True):
    """Everything that decides about a service reference; ``by_id`` is None when TraefikServices may not be read.

    ``transports`` are the ids of the ServersTransports, None when they were not read.
    """

    settings: ProviderSettings
    version: Version
    book: ServiceBook = msgspec.field(default_factory=ServiceBook)
    by_id: Mapping[str, Custom] | None = None
    transports: frozenset[str] | None = None

    def reference(self, service: Mapping[str, Any], parent: str) -> Resolved | Problem:
        """Return what the provider makes of one reference in an object of namespace *parent*."""
        backend = plain_reference(service, parent)
        name, settings = backend.name, self.settings
        foreign = "@" in name and self.version.since(*_NAMES_AS_WRITTEN)
        if not foreign and backend.namespace != parent and not settings.allow_cross_namespace:
            said = f"service {backend.namespace}/{name} not in the parent resource namespace {parent}"
            ref = f"{backend.kind} {backend.namespace}/{name}"
            return Problem(DropReason.SERVICE_CROSS_NAMESPACE, said, ref)
        crossing = settings.cross_provider_namespaces
        if foreign and crossing is not None and parent not in crossing:
            said = f'service "{name}" reference is not allowed: namespace "{parent}" is not in crossProviderNamespaces'
            return Problem(DropReason.SERVICE_CROSS_NAMESPACE, said, name)
        if backend.kind == "TraefikService":
            return self._named(backend, str(service.get("namespace") or "") if foreign else backend.namespace)
        if backend.kind != "Service":
            return Problem(DropReason.KIND, f"unsupported service kind {backend.kind}", name)
        if not foreign:
            backend = replace(backend, name=name.removesuffix(_SUFFIX))
        return self._kubernetes(service, backend, str(service.get("namespace") or "") if foreign else backend.namespace)

    def _named(self, backend: BackendRef, written: str) -> Resolved:
        name, at, provider = backend.name.rpartition("@")
        if not at:
            return Resolved(backend, normalize(f"{backend.namespace}-{backend.name}") + _SUFFIX)
        if provider == CRD_PROVIDER:
            return Resolved(backend, normalize(f"{written}-{name}") + _SUFFIX)
        elsewhere = BackendRef(kind="internal", namespace=backend.namespace, name=backend.name, port=backend.port)
        return Resolved(elsewhere, f"{normalize(name)}@{provider}")

    def _kubernetes(self, service: Mapping[str, Any], backend: BackendRef, namespace: str) -> Resolved | Problem:
        strategy = str(service.get("strategy") or "")
        if not any(strategy in names for names, since in _STRATEGIES if self.version.since(since)):
            said = f"load-balancer strategy {strategy} is not supported"
            if not self.version.since((3, 4, 0)):
                said = f"load balancing strategy {strategy} is not supported"
            return Problem(DropReason.SERVICE_OPTION, said, f"Service {namespace}/{backend.name}")
        native = service.get("nativeLB")
        asked = ServerReference(
            port=backend.port,
            port_by_name=isinstance(service.get("port"), str),
            scheme=backend.scheme,
            native_lb=native if isinstance(native, bool) else None,
            node_port_lb=service.get("nodePortLB") is True,
            health_check=isinstance(service.get("healthCheck"), dict),
        )
        problem = self.book.problem(namespace, backend.name, asked, self.settings, self.version)
        if problem is not None:
            return problem
        made = self._with_options(service, backend)
        if isinstance(made, Resolved) and made.transport:
            return replace(made, empty=self.book.is_empty(namespace, backend.name, asked, self.settings, self.version))
        return made

    def _with_options(self, service: Mapping[str, Any], backend: BackendRef) -> Resolved | Problem:
        interval = as_map(service.get("responseForwarding")).get("flushInterval")
        if interval and (said := duration_problem(interval)):
            # Traefik 2 finds out later, when it builds the router; it is gone either way.
            what = "unable to parse flushInterval" if self.version.major >= 3 else "error creating flush interval"
            return Problem(DropReason.SERVICE_OPTION, f"{what}: {said}", str(interval))
        transport = self._transport(str(service.get("serversTransport") or ""), backend.namespace)
        if isinstance(transport, Problem):
            return transport
        middlewares: list[str] = []
        if self.version.since((3, 7, 0)):
            for item in as_list(service.get("middlewares")):
                outcome = resolve(as_map(item), backend.namespace, self.settings, self.version)
                if isinstance(outcome, Problem):
                    said = f"could not create middleware keys: {outcome.detail}"
                    return Problem(outcome.reason, said, outcome.related)
                middlewares.append(outcome)
        return Resolved(backend, middlewares=tuple(middlewares), transport=transport)

    def _transport(self, name: str, parent: str) -> str | Problem:
        if not name:
            return ""
        if "@" not in name:
            return normalize(f"{parent}-{name}") + _SUFFIX
        if not self.settings.allow_cross_namespace and name.endswith(_SUFFIX):
            said = (
                f"invalid reference to serversTransport {name}: namespace-name@kubernetescrd format is not allowed "
                "when crossnamespace is disallowed"
            )
            return Problem(DropReason.SERVERS_TRANSPORT, said, name)
        crossing = self.settings.cross_provider_namespaces
        if crossing is not None and parent not in crossing:
            said = (
                f'serversTransport "{name}" reference is not allowed: '
                f'namespace "{parent}" is not in crossProviderNamespaces'
            )
            return Problem(DropReason.SERVERS_TRANSPORT, said, name)
        return name

    def apart(self) -> CrdServices:
        """Return what judges the references of other objects than routes: nativeLBByDefault does not reach them."""
        return replace(self, settings=replace(self.settings, native_lb_by_default=False))

    def error_page(self, service: Mapping[str, Any], parent: str) -> Resolved | Problem:
        """Return what the provider makes of the service of an errors middleware; once it had to be a Kubernetes one."""
        if self.version.since(*_NAMES_AS_WRITTEN):
            return self.apart().reference(service, parent)
        backend = plain_reference(service, parent)
        name = f"{backend.namespace}/{backend.name}"
        if backend.namespace != parent and not self.settings.allow_cross_namespace:
            said = f"load balancer service {name} is not in the parent resource namespace {parent}"
            return Problem(DropReason.SERVICE_CROSS_NAMESPACE, said, f"Service {name}")
        return self.apart().reference({**service, "kind": "Service"}, parent)

    def built(self, item: Custom) -> tuple[Resolved, ...] | Problem:
        """Return the services below a TraefikService, or why the provider leaves it out."""
        found: list[Resolved] = []
        alone = self.apart()
        parts = tuple(parts_of(item, self.version))
        if not parts:
            return Problem(DropReason.SERVICE_MISSING, "unspecified service type", item.ref)
        for prefix, service in parts:
            if service is None:
                continue
            outcome = alone.reference(service, item.namespace)
            if isinstance(outcome, Problem):
                return Problem(outcome.reason, prefix + outcome.detail, outcome.related)
            found.append(outcome)
        return tuple(found)

    def trouble(self, resolved: Resolved, known: Known, seen: tuple[str, ...] = ()) -> Problem | None:
        """Say why Traefik cannot build a service that its provider let pass; None when it can."""
        name = resolved.service
        if not name:
            return self._own_trouble(resolved, known)
        if known.providers is not None and name.rpartition("@")[2] not in known.providers:
            return Problem(DropReason.SERVICE_MISSING, f'the service "{name}" does not exist', name)
        if name in seen or len(seen) > _MAX_DEPTH:
            path = "->".join(f"service:{one}" for one in (*seen, name))
            said = f"could not instantiate service {name}: recursion detected in {path}"
            return Problem(DropReason.SERVICE_OPTION, said, name)
        if not name.endswith(_SUFFIX) or self.by_id is None:
            return None
        return self._traefik_service(name, self.by_id.get(name.removesuffix(_SUFFIX)), known, seen)

    def _traefik_service(self, name: str, item: Custom | None, known: Known, seen: tuple[str, ...]) -> Problem | None:
        missing = f'the service "{name}" does not exist'
        if item is None:
            return Problem(DropReason.SERVICE_MISSING, missing, f"TraefikService {name.removesuffix(_SUFFIX)}")
        children = self.built(item)
        if isinstance(children, Problem):
            return Problem(children.reason, f"{missing} ({children.detail})", item.ref)
        for place, child in enumerate(children):
            if problem := self.trouble(child, known, (*seen, name)):
                weighted = isinstance(item.spec.get("weighted"), dict)
                return replace(problem, detail=within(child, problem.detail)) if weighted else problem
            if place == 0 and type_of(item.spec, self.version) == "failover" and (said := self._blind(item, child)):
                return Problem(DropReason.SERVICE_OPTION, said, item.ref)
        return None

    def _blind(self, item: Custom, main: Resolved) -> str:
        """Say why a failover cannot tell when to fall back: it needs statuses to look for, or a health check."""
        section = as_map(item.spec.get("failover"))
        service = as_map(section.get("service"))
        if as_list(as_map(section.get("errors")).get("status")) or isinstance(service.get("healthCheck"), dict):
            return ""
        below = (self.by_id or {}).get(main.service.removesuffix(_SUFFIX))
        kind = type_of(below.spec, self.version) if below is not None else str(service.get("strategy") or "wrr")
        name, above = _name_of(main), normalize(f"{item.namespace}-{item.name}") + _SUFFIX
        said = f"healthCheck not enabled in config for this {BALANCERS.get(kind, 'WRR')} service"
        return f"cannot register {name} as updater for {above}: {said}"

    def _own_trouble(self, resolved: Resolved, known: Known) -> Problem | None:
        transport = resolved.transport
        nobody = known.providers is not None and transport.rpartition("@")[2] not in known.providers
        own = transport.endswith(_SUFFIX) and self.transports is not None
        if (
            transport
            and not resolved.empty
            and (nobody or (own and transport.removesuffix(_SUFFIX) not in (self.transports or ())))
        ):
            said = f"getting RoundTripper: servers transport not found {transport}"
            return Problem(DropReason.SERVERS_TRANSPORT, said, transport)
        return next((found for name in reversed(resolved.middlewares) if (found := known.problem(name))), None)

    def backends(self, resolved: Resolved, seen: frozenset[str] = frozenset()) -> tuple[BackendRef, ...]:
        """Return the Kubernetes Services that a reference ends in; itself where that is not known."""
        item = (self.by_id or {}).get(resolved.service.removesuffix(_SUFFIX)) if resolved.service else None
        children = self.built(item) if item is not None and resolved.service not in seen else None
        if children is None or isinstance(children, Problem):
            return (resolved.backend,)
        below = seen | {resolved.service}
        return tuple(ref for child in children[: mirrored(item)] for ref in self.backends(child, below))


def within(child: Resolved, said: str) -> str:
    """Return an error as the weighted service above the child passes it on."""
    return f'building HTTP service "{_name_of(child)}": {said}'


def _name_of(child: Resolved) -> str:
    backend = child.backend
    return child.service.removesuffix(_SUFFIX) or normalize(f"{backend.namespace}-{backend.name}-{backend.port}")


def plain_reference(service: Mapping[str, Any], parent: str) -> BackendRef:
    """Return what a reference says, unjudged."""
    weight, port = service.get("weight"), service.get("port")
    return BackendRef(
        kind=str(service.get("kind") or "Service"),
        namespace=str(service.get("namespace") or parent),
        name=str(service.get("name") or ""),
        port="" if port is None else str(port),
        scheme=str(service.get("scheme") or ""),
        weight=weight if isinstance(weight, int) else None,
        pass_host_header=service.get("passHostHeader") is not False,
    )
