"""Build routers from IngressRoutes, and say which ones the CRD provider leaves out.

What becomes of a route's services is the business of ``crd_services.py``.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go, kubernetes_http.go (v2.11, v3.0 to v3.7.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.crd_services import CrdServices, plain_reference
from ingressdoctor.routing.traefik.middlewares import ONE_RULE_FOR_NAMES, Problem, resolve
from ingressdoctor.routing.traefik.naming import crd_router_name
from ingressdoctor.routing.traefik.router import Built, Draft, Resolved
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["build_ingress_routes", "left_out", "tls_option"]

_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_DEFAULT_CLASS: Final = "traefik"


class _Provider(msgspec.Struct, frozen=True):
    services: CrdServices
    routes: Mapping[tuple[str, str], Custom]

    @property
    def settings(self) -> ProviderSettings:
        return self.services.settings

    @property
    def version(self) -> Version:
        return self.services.version


def build_ingress_routes(routes: tuple[Custom, ...], services: CrdServices) -> Built:
    """Return the routers of all IngressRoutes, in the order given."""
    settings = services.settings
    seen = (item for item in routes if settings.watches(item.namespace) and settings.selects(item.labels))
    provider = _Provider(services, {(item.namespace, item.name): item for item in seen})
    drafts: dict[str, Draft] = {}
    dropped: list[DroppedRoute] = []
    for item in routes:
        for outcome in _of_object(item, provider):
            if isinstance(outcome, DroppedRoute):
                dropped.append(outcome)
                continue
            if outcome.name in drafts:
                dropped.append(collided(drafts[outcome.name], outcome))
            drafts[outcome.name] = outcome
    return Built(tuple(drafts.values()), tuple(dropped))


def collided(lost: Draft, kept: Draft) -> DroppedRoute:
    """Return the route that has no router because another one, with the same router name, replaced it."""
    same = "the same rule twice in one object" if lost.ref == kept.ref else f"{kept.ref} makes the same name"
    return DroppedRoute(
        ref=lost.ref,
        rule=lost.rule,
        reason=DropReason.COLLISION,
        detail=f"two routers are called {kept.name} and Traefik keeps one of them ({same}); nothing is logged",
        related=kept.ref,
        backends=lost.backends,
    )


def _of_object(item: Custom, provider: _Provider) -> Iterator[Draft | DroppedRoute]:
    filtered = left_out(item, provider.settings, provider.version)
    parents = () if filtered else _parents(item, provider)
    whole = filtered or (parents if isinstance(parents, Problem) else None)
    for raw in as_list(item.spec.get("routes")):
        route = as_map(raw)
        rule = str(route.get("match") or "")
        above = () if isinstance(parents, Problem) else parents
        outcome = whole or _route_problem(route, provider.version) or _draft(item, route, rule, provider, above)
        if isinstance(outcome, Problem):
            yield DroppedRoute(
                ref=item.ref,
                rule=rule,
                reason=outcome.reason,
                detail=outcome.detail,
                related=outcome.related,
                log_line="" if filtered else outcome.detail,
                backends=tuple(plain_reference(as_map(one), item.namespace) for one in as_list(route.get("services"))),
            )
        else:
            yield outcome


def _parents(item: Custom, provider: _Provider) -> tuple[str, ...] | Problem:
    """Return the names of the routers that an IngressRoute hangs below."""
    if not provider.version.since((3, 6, 0)):
        return ()
    names: list[str] = []
    for raw in as_list(item.spec.get("parentRefs")):
        reference = as_map(raw)
        name, namespace = str(reference.get("name") or ""), str(reference.get("namespace") or "") or item.namespace
        related = f"IngressRoute {namespace}/{name}"
        said = "Error resolving parent routers: "
        if namespace != item.namespace and not provider.settings.allow_cross_namespace:
            said += f"cross-namespace reference to parent IngressRoute {namespace}/{name} not allowed"
            return Problem(DropReason.PARENT, said, related)
        parent = provider.routes.get((namespace, name))
        if parent is None:
            said += f"parent IngressRoute {namespace}/{name} does not exist"
            return Problem(DropReason.PARENT, said, related)
        rules = (str(as_map(route).get("match") or "") for route in as_list(parent.spec.get("routes")))
        names += (f"{crd_router_name(namespace, name, rule)}@{CRD_PROVIDER}" for rule in rules)
    return tuple(names)


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


def _route_problem(route: Mapping[str, Any], version: Version) -> Problem | None:
    kind = str(route.get("kind") or "")
    if kind != "Rule" and (kind or not version.since((3, 3, 0))):
        return Problem(DropReason.KIND, f'Unsupported match kind: {kind}. Only "Rule" is supported for now.')
    if not route.get("match"):
        return Problem(DropReason.RULE, "Empty match rule")
    return None


def _draft(
    item: Custom, route: Mapping[str, Any], rule: str, provider: _Provider, parents: tuple[str, ...]
) -> Draft | Problem:
    middlewares: list[str] = []
    for reference in as_list(route.get("middlewares")):
        name = resolve(as_map(reference), item.namespace, provider.settings, provider.version)
        if isinstance(name, Problem):
            return name
        middlewares.append(name)
    resolved: list[Resolved] = []
    for raw in as_list(route.get("services")):
        found = provider.services.reference(as_map(raw), item.namespace)
        if isinstance(found, Problem):
            return found
        resolved.append(found)
    tls = item.spec.get("tls")
    tls_map = as_map(tls)
    if isinstance(option := tls_option(item, tls_map, provider.settings, provider.version), Problem):
        return option
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
        backends=tuple(ref for one in resolved for ref in provider.services.backends(one)),
        resolved=tuple(resolved),
        tls=isinstance(tls, dict),
        tls_options=option,
        tls_secret=str(tls_map.get("secretName") or ""),
        observed=isinstance(route.get("observability"), dict),
        parents=bool(parents),
        parent_names=parents,
    )


def tls_option(
    item: Custom, tls: Mapping[str, Any], settings: ProviderSettings, version: Version | None = None
) -> str | Problem:
    """Return the qualified id of the TLS options that an object's tls section names, empty when it names none."""
    reference = as_map(tls.get("options"))
    if not reference.get("name"):
        return ""
    if version is not None and not version.since(*ONE_RULE_FOR_NAMES):
        return _older_tls_option(item, str(reference["name"]), str(reference.get("namespace") or ""), settings)
    resolved = resolve(reference, item.namespace, settings, version)
    if isinstance(resolved, Problem):
        detail = f'Invalid reference to TLSOption "{reference.get("name")}": {resolved.detail.partition(": ")[2]}'
        return Problem(DropReason.TLS_OPTION, detail, str(reference.get("name")))
    return resolved


def _older_tls_option(item: Custom, name: str, namespace: str, settings: ProviderSettings) -> str | Problem:
    """Return the id as it was built before names in references had one rule: a namespace counts even beside an @."""
    foreign = "@" in name
    namespace = namespace if foreign else namespace or item.namespace
    if not settings.allow_cross_namespace and namespace != item.namespace:
        detail = f"TLSOption {namespace}/{name} is not in the {item.kind} namespace {item.namespace}"
        return Problem(DropReason.TLS_OPTION, detail, name)
    return name if foreign else f"{namespace}-{name}@{CRD_PROVIDER}"
