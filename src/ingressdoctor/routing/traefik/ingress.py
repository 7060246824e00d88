"""Build routers from Ingresses: class selection, annotations, and the rule text that decides their priority.

Source: traefik: pkg/provider/kubernetes/ingress/kubernetes.go, annotations.go (v2.11, v3.0 to v3.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.kube import Backend, Ingress, IngressClass
from ingressdoctor.evidence.routes import BackendRef, DroppedRoute, DropReason
from ingressdoctor.routing.servers import Asks, ServerReference
from ingressdoctor.routing.traefik.annotations import (
    RouterOptions,
    ServiceOptions,
    read_router_options,
    read_service_options,
)
from ingressdoctor.routing.traefik.crd import collided
from ingressdoctor.routing.traefik.ingress_panics import first_panic
from ingressdoctor.routing.traefik.ingress_rules import RuleForm, rule_text
from ingressdoctor.routing.traefik.matchers import quoted
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.naming import ingress_router_name, with_hash
from ingressdoctor.routing.traefik.router import Built, Draft, Resolved
from ingressdoctor.routing.traefik.services import ServiceBook
from ingressdoctor.routing.traefik.settings import INGRESS_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["build_ingresses"]

_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_CONTROLLER: Final = "traefik.io/ingress-controller"
_DEFAULT_CLASS: Final = "traefik"
_DEFAULT_BACKEND_PRIORITY: Final = -(2**31)
_DEFAULT_NAME: Final = f"default-router@{INGRESS_PROVIDER}"
_EVERYTHING: Final = 'PathPrefix("/")'
_BEFORE_ANNOTATIONS: Final = (
    DropReason.NAMESPACE,
    DropReason.SERVICE_MISSING,
    DropReason.EXTERNAL_NAME,
    DropReason.SERVICE_PORT,
)
_CROSSING_RULES: Final = ((3, 7, 1), (3, 6, 17), (2, 11, 46))


class _Provider(msgspec.Struct, frozen=True):
    settings: ProviderSettings
    version: Version
    classes: frozenset[str] | None
    book: ServiceBook
    form: RuleForm


def build_ingresses(
    ingresses: tuple[Ingress, ...],
    settings: ProviderSettings,
    version: Version,
    *,
    classes: tuple[IngressClass, ...] | None,
    default_syntax: str = "v3",
    book: ServiceBook | None = None,
) -> Built:
    """Return the routers of all Ingresses; ``classes`` is None when the IngressClasses may not be read."""
    known = _known_classes(classes, settings)
    form = RuleForm(version, default_syntax, settings.strict_prefix)
    provider = _Provider(settings, version, known, book or ServiceBook(), form)
    drafts: dict[str, Draft] = {}
    dropped: list[DroppedRoute] = []
    filtered = [_filtered(item, provider) for item in ingresses]
    panic = first_panic([item for item, found in zip(ingresses, filtered, strict=True) if not found[0]], version)
    for item, (problem, uncertain) in zip(ingresses, filtered, strict=True):
        options = problem or panic or read_router_options(item.annotations, version)
        made: dict[str, list[Draft]] = {}
        for outcome in _of_object(item, options, provider, taken=_DEFAULT_NAME in drafts):
            if isinstance(outcome, DroppedRoute):
                dropped.append(outcome)
            else:
                made.setdefault(outcome.name, []).append(
                    replace(outcome, uncertain=uncertain) if uncertain else outcome
                )
        for outcome in _named(made):
            if outcome.name in drafts:
                dropped.append(collided(drafts[outcome.name], outcome))
            drafts[outcome.name] = outcome
    return Built(tuple(drafts.values()), tuple(dropped))


def _named(made: dict[str, list[Draft]]) -> Iterator[Draft]:
    """Yield the routers of one Ingress under their final names: those that share one get a hash of their rule."""
    for name, drafts in made.items():
        if len(drafts) == 1:
            yield drafts[0]
            continue
        plain, _, provider = name.rpartition("@")
        yield from (replace(draft, name=f"{with_hash(plain, draft.rule)}@{provider}") for draft in drafts)


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


def _of_object(
    item: Ingress, options: RouterOptions | Problem, provider: _Provider, *, taken: bool
) -> Iterator[Draft | DroppedRoute]:
    rules = item.spec.rules or ()
    whole = options if isinstance(options, Problem) else _crossing_problem(item, options, provider)
    chosen = RouterOptions() if isinstance(options, Problem) else options
    if not rules and item.spec.default_backend is not None:
        if taken and whole is None:
            whole = Problem(DropReason.DEFAULT_BACKEND, "The default backend already exists.")
        yield _default(item, item.spec.default_backend, chosen, whole, provider)
    elif rules and item.spec.default_backend is not None and whole is None:
        said = "the default backend of an Ingress with rules is ignored; nothing is logged"
        ignored = Problem(DropReason.DEFAULT_BACKEND, said)
        yield replace(_dropped(item, _EVERYTHING, ignored, item.spec.default_backend), log_line="")
    for rule in rules:
        for path in (rule.http.paths if rule.http else None) or ():
            host = rule.host or ""
            text, refused = rule_text(host, path, chosen, provider.form)
            backend = whole or _resolved(item, _backend(item, path.backend), provider)
            outcome = refused if refused and not isinstance(backend, Problem) else backend
            if isinstance(outcome, Problem):
                yield _dropped(item, text, outcome, path.backend)
                continue
            name = ingress_router_name(item.namespace, item.name, host, path.path or "")
            yield _draft(item, chosen, text, outcome, f"{name}@{INGRESS_PROVIDER}")


def _default(
    item: Ingress, backend: Backend, options: RouterOptions, whole: Problem | None, provider: _Provider
) -> Draft | DroppedRoute:
    reference = whole or _resolved(item, _backend(item, backend, default=True), provider)
    if isinstance(reference, Problem):
        return _dropped(item, _EVERYTHING, reference, backend)
    draft = _draft(item, options, _EVERYTHING, reference, _DEFAULT_NAME)
    return replace(draft, syntax="default", priority=_DEFAULT_BACKEND_PRIORITY)


def _crossing_problem(item: Ingress, options: RouterOptions, provider: _Provider) -> Problem | None:
    crossing = provider.settings.cross_provider_namespaces
    if crossing is None or item.namespace in crossing or not provider.version.since(*_CROSSING_RULES):
        return None
    for kind, named in (("middleware", bool(options.middlewares)), ("TLS option", bool(options.tls_options))):
        if named:
            said = f'Skipping Ingress: cross-provider {kind} reference is not allowed from namespace "{item.namespace}"'
            reason = DropReason.MIDDLEWARE_CROSS_NAMESPACE if kind == "middleware" else DropReason.TLS_OPTION
            return Problem(reason, said)
    return None


def _resolved(item: Ingress, backend: BackendRef | Problem, provider: _Provider) -> Resolved | Problem:
    """Return what the provider makes of a backend, with what the Service's own annotations ask for."""
    if isinstance(backend, Problem):
        return backend
    options = _service_options(backend, provider)
    plain = ServiceOptions() if isinstance(options, str) else options
    asked = ServerReference(
        port=backend.port,
        asks=Asks.INGRESS,
        scheme=plain.scheme,
        native_lb=plain.native_lb,
        node_port_lb=plain.node_port_lb,
    )
    problem = provider.book.problem(item.namespace, backend.name, asked, provider.settings, provider.version)
    if problem and problem.reason in _BEFORE_ANNOTATIONS:
        return replace(problem, detail=f"Cannot create service: {problem.detail}")
    if isinstance(options, str):
        ref = f"Service {item.namespace}/{backend.name}"
        return Problem(DropReason.ANNOTATION, f"Cannot create service: {options}", ref)
    crossing = provider.settings.cross_provider_namespaces
    refused = crossing is not None and item.namespace not in crossing and provider.version.since(*_CROSSING_RULES)
    if options.transport and refused:
        said = f'cross-provider serversTransport reference is not allowed from namespace "{item.namespace}"'
        return Problem(DropReason.SERVERS_TRANSPORT, f"Cannot create service: {said}", options.transport)
    if problem and not problem.detail.startswith("Skipping"):
        return replace(problem, detail=f"Cannot create service: {problem.detail}")
    transport = _qualified(options.transport) if options.transport else ""
    book, settings, version = provider.book, provider.settings, provider.version
    empty = bool(transport) and book.is_empty(item.namespace, backend.name, asked, settings, version)
    return problem or Resolved(backend, "", tuple(_qualified(one) for one in options.middlewares), transport, empty)


def _service_options(backend: BackendRef, provider: _Provider) -> ServiceOptions | str:
    service = provider.book.known.get((backend.namespace, backend.name))
    return ServiceOptions() if service is None else read_service_options(service.annotations, provider.version)


def _draft(item: Ingress, options: RouterOptions, rule: str, backend: Resolved, name: str) -> Draft:
    return Draft(
        ref=item.ref,
        name=name,
        namespace=item.namespace,
        provider=INGRESS_PROVIDER,
        rule=rule,
        syntax=options.rule_syntax,
        priority=options.priority,
        entry_points=options.entry_points,
        middlewares=tuple(_qualified(name) for name in options.middlewares),
        backends=(backend.backend,),
        resolved=(backend,),
        tls=options.tls,
        tls_options=_qualified(options.tls_options) if options.tls_options not in ("", "default") else "",
        tls_secret=_secret_for(item, rule),
    )


def _qualified(name: str) -> str:
    """Return a name as Traefik completes it: without a provider it is one of the Ingress provider's own."""
    return name if "@" in name else f"{name}@{INGRESS_PROVIDER}"


def _secret_for(item: Ingress, rule: str) -> str:
    """Return the Secret whose hosts cover the rule's; spec.tls only loads certificates."""
    sections = [section for section in item.spec.tls or () if section.secret_name]
    for section in sections:
        if any(quoted(host) in rule or f"`{host}`" in rule for host in section.hosts or ()):
            return section.secret_name or ""
    return (sections[0].secret_name or "") if len(sections) == 1 and not sections[0].hosts else ""


def _backend(item: Ingress, backend: Backend, *, default: bool = False) -> BackendRef | Problem:
    if backend.resource is not None:
        said = "Resource is not supported for default backend" if default else "Resource backends are not supported"
        return Problem(DropReason.KIND, said)
    service = backend.service
    if service is None:
        said = "Default backend is missing service definition" if default else "Missing service definition"
        return Problem(DropReason.SERVICE_MISSING, said)
    port = service.port
    shown = (port.name or (str(port.number) if port.number else "")) if port else ""
    return BackendRef(kind="Service", namespace=item.namespace, name=service.name or "", port=shown)


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
