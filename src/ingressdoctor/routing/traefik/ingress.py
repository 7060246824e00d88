"""Build routers from Ingresses: class selection, annotations, and the rule text that decides their priority.

Source: traefik: pkg/provider/kubernetes/ingress/kubernetes.go, annotations.go (v3.7.9; older rule texts v3.0, v2.11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ingressdoctor.evidence.kube import Backend, Ingress, IngressClass, IngressPath
from ingressdoctor.evidence.routes import BackendRef, DroppedRoute, DropReason
from ingressdoctor.routing.traefik.annotations import RouterOptions, read_router_options
from ingressdoctor.routing.traefik.matchers import quoted
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.naming import ingress_router_name
from ingressdoctor.routing.traefik.router import Built, Draft, Services
from ingressdoctor.routing.traefik.services import service_problem
from ingressdoctor.routing.traefik.settings import INGRESS_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["build_ingresses", "path_rule"]

_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_CONTROLLER: Final = "traefik.io/ingress-controller"
_DEFAULT_CLASS: Final = "traefik"
_ANY_LABEL: Final = r"^[a-zA-Z0-9-]+\."
_DEFAULT_BACKEND_PRIORITY: Final = -(2**31)


@dataclass(frozen=True, slots=True)
class _Provider:
    settings: ProviderSettings
    version: Version
    classes: frozenset[str] | None
    services: Services
    default_syntax: str


def build_ingresses(
    ingresses: tuple[Ingress, ...],
    settings: ProviderSettings,
    version: Version,
    *,
    classes: tuple[IngressClass, ...] | None,
    default_syntax: str = "v3",
    services: Services | None = None,
) -> Built:
    """Return the routers of all Ingresses; ``classes`` is None when the IngressClasses may not be read."""
    provider = _Provider(settings, version, _known_classes(classes, settings), services or {}, default_syntax)
    drafts: dict[str, Draft] = {}
    dropped: list[DroppedRoute] = []
    default_taken = False
    for item in ingresses:
        problem, uncertain = _filtered(item, provider)
        options = problem or read_router_options(item.annotations)
        for outcome in _of_object(item, options, provider):
            if isinstance(outcome, DroppedRoute):
                dropped.append(outcome)
            elif outcome.name.startswith("default-router@") and default_taken:
                dropped.append(
                    _dropped(item, outcome.rule, Problem(DropReason.OTHER, "The default backend already exists."))
                )
            else:
                default_taken = default_taken or outcome.name.startswith("default-router@")
                name = outcome.name
                if name in drafts and drafts[name].ref == outcome.ref:
                    name += f"#{len(drafts)}"  # Traefik adds a hash of the rule
                drafts[name] = replace(outcome, uncertain=uncertain)
    return Built(tuple(drafts.values()), tuple(dropped))


def _known_classes(classes: tuple[IngressClass, ...] | None, settings: ProviderSettings) -> frozenset[str] | None:
    """Return the class names whose Ingresses are taken; without a lookup there are none."""
    if settings.no_class_lookup:
        return frozenset()
    if classes is None:
        return None
    names = frozenset(item.name for item in classes if item.spec.controller == _CONTROLLER)
    return names & {settings.ingress_class} if settings.ingress_class else names


def _filtered(item: Ingress, provider: _Provider) -> tuple[Problem | None, str]:
    """Say why the provider does not look at the Ingress (never logged), and what makes that uncertain."""
    settings = provider.settings
    if not settings.enabled:
        return Problem(DropReason.PROVIDER, "the provider kubernetesIngress is not switched on"), ""
    if not settings.watches(item.namespace):
        watched = ", ".join(sorted(settings.namespaces))
        return Problem(DropReason.NAMESPACE, f"Traefik watches only the namespaces {watched}"), ""
    if not settings.selects(item.labels):
        return Problem(DropReason.LABEL, f"the label selector {settings.label_selector!r} leaves it out"), ""
    return _class_problem(item, provider)


def _class_problem(item: Ingress, provider: _Provider) -> tuple[Problem | None, str]:
    named, wanted = item.spec.ingress_class_name, provider.settings.ingress_class
    if named is not None:
        if provider.classes is None and (not wanted or named == wanted):
            return None, f"whether the class {named!r} is Traefik's: the IngressClasses could not be read"
        if named in (provider.classes or ()):
            return None, ""
        return Problem(DropReason.CLASS, _class_reason(named, provider), related=named), ""
    annotated = item.annotations.get(_CLASS_ANNOTATION, "")
    if annotated == wanted or (not wanted and annotated == _DEFAULT_CLASS):
        return None, ""
    reason = _other_class(annotated, wanted)
    if not annotated:
        reason = f"it has no class; this Traefik takes only the class {wanted!r}"
    return Problem(DropReason.CLASS, reason, related=annotated), ""


def _class_reason(named: str, provider: _Provider) -> str:
    wanted = provider.settings.ingress_class
    if provider.settings.no_class_lookup:
        return f"it has ingressClassName {named!r}, but the lookup of IngressClasses is switched off"
    if wanted and named != wanted:
        return _other_class(named, wanted)
    return f"no IngressClass {named!r} with the controller {_CONTROLLER} exists"


def _other_class(named: str, wanted: str) -> str:
    taken = f"only the class {wanted!r}" if wanted else "only objects without a class or of the class 'traefik'"
    return f"it has the class {named!r}; this Traefik takes {taken}"


def _of_object(item: Ingress, options: RouterOptions | Problem, provider: _Provider) -> Iterator[Draft | DroppedRoute]:
    rules = item.spec.rules or ()
    if not rules and item.spec.default_backend is not None:
        yield _finish(item, options, 'PathPrefix("/")', item.spec.default_backend, provider, "default-router")
    for rule in rules:
        for path in (rule.http.paths if rule.http else None) or ():
            host = rule.host or ""
            text = _rule_text(host, path, options, provider)
            if isinstance(text, Problem):
                yield _dropped(item, host, text)
                continue
            name = ingress_router_name(item.namespace, item.name, host, path.path or "")
            yield _finish(item, options, text, path.backend, provider, name)


def _finish(
    item: Ingress,
    options: RouterOptions | Problem,
    rule: str,
    backend: Backend,
    provider: _Provider,
    name: str,
) -> Draft | DroppedRoute:
    if isinstance(options, Problem):
        return _dropped(item, rule, options, backend)
    crossing = provider.settings.cross_provider_namespaces
    if crossing is not None and item.namespace not in crossing and options.middlewares:
        said = f'Skipping Ingress: cross-provider middleware reference is not allowed from namespace "{item.namespace}"'
        return _dropped(item, rule, Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, said), backend)
    reference = _backend(item, backend)
    if isinstance(reference, Problem):
        return _dropped(item, rule, reference, backend)
    if problem := service_problem(reference, provider.services, provider.settings):
        return _dropped(item, rule, problem, backend)
    is_default = name == "default-router"
    return Draft(
        ref=item.ref,
        name=f"{name}@{INGRESS_PROVIDER}",
        namespace=item.namespace,
        provider=INGRESS_PROVIDER,
        rule=rule,
        syntax="default" if is_default else options.rule_syntax,
        priority=_DEFAULT_BACKEND_PRIORITY if is_default else options.priority,
        entry_points=options.entry_points,
        middlewares=tuple(_qualified(name) for name in options.middlewares),
        backends=(reference,),
        tls=options.tls,
        tls_secret=_secret_for(item, rule),
        tls_options=_qualified(options.tls_options),
    )


def _qualified(name: str) -> str:
    """Return a name as Traefik completes it: without a provider it is one of the Ingress provider's own."""
    return name if not name or "@" in name else f"{name}@{INGRESS_PROVIDER}"


def _secret_for(item: Ingress, rule: str) -> str:
    """Return the Secret whose hosts cover the rule's; spec.tls only loads certificates."""
    sections = [section for section in item.spec.tls or () if section.secret_name]
    for section in sections:
        if any(quoted(host) in rule or f"`{host}`" in rule for host in section.hosts or ()):
            return section.secret_name or ""
    return (sections[0].secret_name or "") if len(sections) == 1 and not sections[0].hosts else ""


def _backend(item: Ingress, backend: Backend) -> BackendRef | Problem:
    if backend.resource is not None:
        return Problem(DropReason.KIND, "Resource backends are not supported")
    service = backend.service
    if service is None or not service.name:
        return Problem(DropReason.SERVICE_MISSING, "Missing service definition")
    port = service.port
    shown = (port.name or (str(port.number) if port.number else "")) if port else ""
    return BackendRef(kind="Service", namespace=item.namespace, name=service.name, port=shown)


def _dropped(item: Ingress, rule: str, problem: Problem, backend: Backend | None = None) -> DroppedRoute:
    found = _backend(item, backend) if backend else None
    silent = problem.reason in (DropReason.CLASS, DropReason.NAMESPACE, DropReason.LABEL, DropReason.PROVIDER)
    return DroppedRoute(
        ref=item.ref,
        rule=rule,
        reason=problem.reason,
        detail=problem.detail,
        related=problem.related,
        log_line="" if silent else problem.detail,
        backends=(found,) if isinstance(found, BackendRef) else (),
    )


def _rule_text(host: str, path: IngressPath, options: RouterOptions | Problem, provider: _Provider) -> str | Problem:
    chosen = options if isinstance(options, RouterOptions) else RouterOptions()
    parts: list[str] = []
    if host:
        parts.append(_host_rule(host, chosen, provider))
    if path.path:
        matcher = "PathPrefix"
        if path.path_type in (None, "", "ImplementationSpecific"):
            matcher = chosen.path_matcher
            if matcher not in ("Path", "PathPrefix", "PathRegexp"):
                said = f'invalid router path matcher "{matcher}": must be one of Path, PathPrefix, PathRegexp'
                return Problem(DropReason.ANNOTATION, said)
        elif path.path_type == "Exact":
            matcher = "Path"
        parts.append(path_rule(matcher, path.path, provider.version, strict=provider.settings.strict_prefix))
    return " && ".join(parts)


def path_rule(matcher: str, path: str, version: Version, *, strict: bool = False) -> str:
    """Return the rule text of an Ingress path, in the quotes that the version writes."""
    if strict and matcher == "PathPrefix" and version.since((3, 5, 0)) and path != "/":
        plain = path.removesuffix("/")
        return f"(Path({_literal(plain, version)}) || PathPrefix({_literal(plain + '/', version)}))"
    return f"{matcher}({_literal(path, version)})"


def _literal(text: str, version: Version) -> str:
    return quoted(text) if version.since((3, 6, 11), (2, 11, 47)) else f"`{text}`"


def _host_rule(host: str, options: RouterOptions, provider: _Provider) -> str:
    version = provider.version
    syntax = options.rule_syntax or provider.default_syntax
    if host.startswith("*.") and syntax == "v2":
        return f"HostRegexp({_literal('{subdomain:[a-zA-Z0-9-]+}' + host[1:], version)})"
    if host.startswith("*.") and not version.since((3, 7, 0)):
        pattern = re.sub(r"[.+*?()|\[\]{}^$\\]", lambda match: "\\" + match.group(), host[2:])
        return f"HostRegexp({_literal(_ANY_LABEL + pattern + '$', version)})"
    return f"Host({_literal(host, version)})"
