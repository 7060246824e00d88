"""Build routers from IngressRoutes, and say which ones the CRD provider leaves out.

Services are judged only where the caller knows them; otherwise the backend's own checks do.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go, kubernetes_http.go (v3.7.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingressdoctor.evidence.routes import BackendRef, Custom, DroppedRoute, DropReason
from ingressdoctor.routing.traefik.middlewares import Problem, as_list, as_map, resolve
from ingressdoctor.routing.traefik.naming import crd_router_name, normalize
from ingressdoctor.routing.traefik.router import Built, Draft, Services
from ingressdoctor.routing.traefik.services import service_problem
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["build_ingress_routes", "left_out", "tls_option"]

_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_DEFAULT_CLASS: Final = "traefik"
_MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class _Provider:
    settings: ProviderSettings
    version: Version
    traefik_services: Mapping[tuple[str, str], Custom] | None
    services: Services


def build_ingress_routes(
    routes: tuple[Custom, ...],
    settings: ProviderSettings,
    version: Version,
    *,
    traefik_services: tuple[Custom, ...] | None = None,
    services: Services | None = None,
) -> Built:
    """Return the routers of all IngressRoutes, in the order given.

    ``traefik_services`` is None when they are not known; ``services`` holds only those that were looked up, with
    None for one that does not exist.
    """
    by_name = None
    if traefik_services is not None:
        by_name = {(item.namespace, item.name): item for item in traefik_services}
    provider = _Provider(settings, version, by_name, services or {})
    drafts: dict[str, Draft] = {}
    dropped: list[DroppedRoute] = []
    for item in routes:
        for outcome in _of_object(item, provider):
            if isinstance(outcome, DroppedRoute):
                dropped.append(outcome)
            else:
                drafts[outcome.name] = outcome  # equal names overwrite each other in Traefik too
    return Built(tuple(drafts.values()), tuple(dropped))


def _of_object(item: Custom, provider: _Provider) -> Iterator[Draft | DroppedRoute]:
    filtered = left_out(item, provider.settings, provider.version)
    for raw in as_list(item.spec.get("routes")):
        route = as_map(raw)
        rule = str(route.get("match") or "")
        problem = filtered or _route_problem(route)
        outcome = problem or _draft(item, route, rule, provider)
        if isinstance(outcome, Problem):
            yield DroppedRoute(
                ref=item.ref,
                rule=rule,
                reason=outcome.reason,
                detail=outcome.detail,
                related=outcome.related,
                log_line="" if filtered else outcome.detail,
                backends=tuple(_plain_backends(item, route)),
            )
        else:
            yield outcome


def left_out(item: Custom, settings: ProviderSettings, version: Version) -> Problem | None:
    """Say why the provider does not look at an object with routes at all; none of these is ever logged."""
    if not settings.enabled:
        return Problem(DropReason.PROVIDER, "the provider kubernetesCRD is not switched on")
    if not settings.watches(item.namespace):
        watched = ", ".join(sorted(settings.namespaces))
        return Problem(DropReason.NAMESPACE, f"Traefik watches only the namespaces {watched}")
    if not settings.selects(item.labels):
        return Problem(DropReason.LABEL, f"the label selector {settings.label_selector!r} leaves it out")
    name = _class_of(item, version)
    wanted = settings.ingress_class
    if name == wanted or (not wanted and name == _DEFAULT_CLASS):
        return None
    expected = f"only the class {wanted!r}" if wanted else "only objects without a class or of the class 'traefik'"
    return Problem(DropReason.CLASS, f"it has the class {name!r}; this Traefik takes {expected}", related=name)


def _class_of(item: Custom, version: Version) -> str:
    named = item.spec.get("ingressClassName")
    if isinstance(named, str) and version.since((3, 7, 0)):
        return named
    return item.annotations.get(_CLASS_ANNOTATION, "")


def _route_problem(route: Mapping[str, Any]) -> Problem | None:
    kind = str(route.get("kind") or "")
    if kind not in ("", "Rule"):
        return Problem(DropReason.KIND, f'Unsupported match kind: {kind}. Only "Rule" is supported for now.')
    if not route.get("match"):
        return Problem(DropReason.RULE, "Empty match rule")
    return None


def _draft(item: Custom, route: Mapping[str, Any], rule: str, provider: _Provider) -> Draft | Problem:
    middlewares: list[str] = []
    for reference in as_list(route.get("middlewares")):
        resolved = resolve(as_map(reference), item.namespace, provider.settings)
        if isinstance(resolved, Problem):
            return resolved
        middlewares.append(resolved)
    backends: list[BackendRef] = []
    for raw in as_list(route.get("services")):
        found = _backends(as_map(raw), item.namespace, provider)
        if isinstance(found, Problem):
            return found
        backends.extend(found)
    tls = item.spec.get("tls")
    tls_map = as_map(tls)
    if isinstance(option := tls_option(item, tls_map, provider.settings), Problem):
        return option
    parents = bool(as_list(item.spec.get("parentRefs"))) and provider.version.since((3, 6, 0))
    priority = route.get("priority")
    return Draft(
        ref=item.ref,
        name=f"{crd_router_name(item.namespace, item.name, rule)}@{CRD_PROVIDER}",
        namespace=item.namespace,
        provider=CRD_PROVIDER,
        rule=rule,
        syntax=str(route.get("syntax") or ""),
        priority=priority if isinstance(priority, int) else 0,
        entry_points=tuple(str(name) for name in as_list(item.spec.get("entryPoints"))),
        middlewares=tuple(middlewares),
        backends=tuple(backends),
        tls=isinstance(tls, dict),
        tls_secret=str(tls_map.get("secretName") or ""),
        tls_options=option,
        parents=parents,
    )


def tls_option(item: Custom, tls: Mapping[str, Any], settings: ProviderSettings) -> str | Problem:
    """Return the qualified id of the TLS options that an object's tls section names, empty when it names none."""
    reference = as_map(tls.get("options"))
    if not reference.get("name"):
        return ""
    resolved = resolve(reference, item.namespace, settings)
    if isinstance(resolved, Problem):
        detail = f'Invalid reference to TLSOption "{reference.get("name")}": {resolved.detail.partition(": ")[2]}'
        return Problem(DropReason.TLS_OPTION, detail, str(reference.get("name")))
    return resolved


def _plain_backends(item: Custom, route: Mapping[str, Any]) -> Iterator[BackendRef]:
    """Yield what a dropped route points at, as written and unjudged."""
    for raw in as_list(route.get("services")):
        yield _reference(as_map(raw), item.namespace)


def _reference(service: Mapping[str, Any], parent: str) -> BackendRef:
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


def _backends(
    service: Mapping[str, Any], parent: str, provider: _Provider, depth: int = 0
) -> tuple[BackendRef, ...] | Problem:
    """Resolve one service reference down to Kubernetes Services."""
    reference = _reference(service, parent)
    name = reference.name
    if "@" in name:
        allowed = provider.settings.cross_provider_namespaces
        if allowed is not None and parent not in allowed:
            detail = (
                f'service "{name}" reference is not allowed: namespace "{parent}" is not in crossProviderNamespaces'
            )
            return Problem(DropReason.SERVICE_CROSS_NAMESPACE, detail, name)
        return (BackendRef(kind="internal", namespace=parent, name=name, port=reference.port),)
    if reference.namespace != parent and not provider.settings.allow_cross_namespace:
        detail = f"service {reference.namespace}/{name} not in the parent resource namespace {parent}"
        return Problem(DropReason.SERVICE_CROSS_NAMESPACE, detail, f"{reference.kind} {reference.namespace}/{name}")
    if reference.kind == "TraefikService":
        return _traefik_service(reference, provider, depth)
    if reference.kind != "Service":
        return Problem(DropReason.KIND, f"unsupported service kind {reference.kind}", name)
    problem = service_problem(reference, provider.services, provider.settings)
    return problem or (reference,)


def _traefik_service(reference: BackendRef, provider: _Provider, depth: int) -> tuple[BackendRef, ...] | Problem:
    if provider.traefik_services is None:
        return (reference,)
    found = provider.traefik_services.get((reference.namespace, reference.name))
    ref = f"TraefikService {reference.namespace}/{reference.name}"
    qualified = f"{normalize(f'{reference.namespace}-{reference.name}')}@{CRD_PROVIDER}"
    if found is None or depth >= _MAX_DEPTH:
        return Problem(DropReason.SERVICE_MISSING, f'the service "{qualified}" does not exist', ref)
    children = _children(found)
    if not children:
        return Problem(DropReason.SERVICE_MISSING, f'the service "{qualified}" does not exist', ref)
    backends: list[BackendRef] = []
    for child in children:
        resolved = _backends(child, found.namespace, provider, depth + 1)
        if isinstance(resolved, Problem):
            return Problem(resolved.reason, f'the service "{qualified}" does not exist ({resolved.detail})', ref)
        backends.extend(resolved)
    return tuple(backends)


def _children(found: Custom) -> tuple[Mapping[str, Any], ...]:
    """Return the services that take requests; of several types the first in Traefik's order counts."""
    for kind in ("weighted", "mirroring", "highestRandomWeight", "failover"):
        spec = found.spec.get(kind)
        if not isinstance(spec, dict):
            continue
        if kind == "mirroring":
            return (spec,)
        if kind == "failover":
            return tuple(as_map(spec[key]) for key in ("service", "fallback") if isinstance(spec.get(key), dict))
        return tuple(as_map(item) for item in as_list(spec.get("services")))
    return ()
