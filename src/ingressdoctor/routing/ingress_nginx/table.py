"""The servers and locations that the controller writes for all Ingresses it takes, and what became of the others.

Ingresses come oldest first: whoever names a host and path first keeps it, and so with a host's other settings.
Source: ingress-nginx controller.go (createServers, getBackendServers, mergeAlternativeBackends), location.go,
store.go (sortIngressSlice), internal/k8s/main.go (SetDefaultNGINXPathType).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import msgspec

from ingressdoctor.evidence.kube import Backend, Ingress, IngressClass
from ingressdoctor.evidence.routes import BackendRef, DroppedRoute, DropReason
from ingressdoctor.routing.ingress_nginx.annotations import Canary, NginxAnnotations, read_annotations
from ingressdoctor.routing.ingress_nginx.classes import known_classes, refusal
from ingressdoctor.routing.ingress_nginx.drafts import ROOT, Draft, TlsChoice
from ingressdoctor.routing.ingress_nginx.servers import (
    CATCH_ALL,
    CanaryBackend,
    Location,
    NginxTable,
    Server,
)
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings
from ingressdoctor.routing.ingress_nginx.upstreams import Upstreams, name_of

__all__ = ["build_nginx_table"]


class _Taken(msgspec.Struct, frozen=True):
    ingress: Ingress
    annotations: NginxAnnotations


def build_nginx_table(
    ingresses: Iterable[Ingress], settings: NginxSettings, classes: Iterable[IngressClass] | None = None
) -> NginxTable:
    """Build the table.

    Args:
        ingresses: All of the cluster, in any order.
        settings: Of the controller.
        classes: The cluster's IngressClasses, None where they could not be read.
    """
    names = None if classes is None else known_classes(classes, settings)
    taken: list[_Taken] = []
    dropped: list[tuple[frozenset[str], DroppedRoute]] = []
    for ingress in _oldest_first(ingresses):
        annotations = read_annotations(ingress.annotations, settings, ingress.namespace)
        problem = refusal(ingress, settings, names)
        if problem is None and annotations.refused:
            problem = DropReason.ANNOTATION, annotations.refused
        if problem is None:
            taken.append(_Taken(ingress, annotations))
        else:
            dropped += _left_out(ingress, *problem)
    drafts, upstreams = _drafts(taken), _upstreams(taken)
    for item in taken:
        dropped += _write(item, drafts, upstreams)
    crash = ""
    if any(item.annotations.canary is None for item in taken):
        for item in taken:
            if item.annotations.canary is not None:
                dropped += _merge_canary(item, drafts, upstreams)
                crash = crash or _crash(item.ingress)
    limits = [] if names is not None else ["the IngressClasses could not be read"]
    if settings.namespace_selector:
        limits.append(f"--watch-namespace-selector={settings.namespace_selector} was not evaluated")
    servers = {host: draft.finished(drafts, upstreams.canary_of) for host, draft in drafts.items()}
    return NginxTable(
        servers=servers,
        settings=settings,
        dropped=tuple(dropped),
        limits=tuple(limits),
        broken=crash or _complaint(servers),
    )


def _complaint(servers: Mapping[str, Server]) -> str:
    """Return nginx's complaint about a location that is written twice; regular expressions may be."""
    for server in servers.values():
        seen: set[tuple[str, bool]] = set()
        for item in () if server.regex else server.locations:
            if (item.path, item.exact) in seen:
                return f'nginx: [emerg] duplicate location "{item.path}" in server {server.host}'
            seen.add((item.path, item.exact))
    return ""


def _oldest_first(ingresses: Iterable[Ingress]) -> list[Ingress]:
    """Sort as the controller does: by age, and at the same age the name that sorts last comes first."""

    def compare(one: Ingress, other: Ingress) -> int:
        ages = (one.metadata.creation_timestamp or "", other.metadata.creation_timestamp or "")
        if ages[0] != ages[1]:
            return -1 if ages[0] < ages[1] else 1
        keys = (f"{one.namespace}/{one.name}", f"{other.namespace}/{other.name}")
        return 0 if keys[0] == keys[1] else -1 if keys[0] > keys[1] else 1

    return sorted(ingresses, key=functools.cmp_to_key(compare))


def _left_out(ingress: Ingress, reason: DropReason, detail: str) -> list[tuple[frozenset[str], DroppedRoute]]:
    spec = ingress.spec
    hosts = frozenset((rule.host or CATCH_ALL).lower() for rule in spec.rules or ()) or frozenset({CATCH_ALL})
    backends = tuple(
        found
        for rule in spec.rules or ()
        for path in (rule.http.paths if rule.http else None) or ()
        if (found := _ref(ingress, path.backend, "HTTP"))
    )
    rules = [
        f"{rule.host or '*'}{path.path or ROOT}"
        for rule in spec.rules or ()
        for path in (rule.http.paths if rule.http else None) or ()
    ]
    dropped = DroppedRoute(ref=ingress.ref, rule=", ".join(rules[:5]), reason=reason, detail=detail, backends=backends)
    return [(hosts, dropped)]


def _drafts(taken: list[_Taken]) -> dict[str, Draft]:
    """Make a server for every host, with the location ``/`` that each of them has, and its certificate."""
    drafts = {CATCH_ALL: Draft(CATCH_ALL, Location(path=ROOT, generated=True))}
    drafts[CATCH_ALL].tls = TlsChoice()
    usual = [item for item in taken if item.annotations.canary is None]
    for item in usual:
        spec, backend = item.ingress.spec, None
        if spec.default_backend is not None:
            backend = _ref(item.ingress, spec.default_backend, item.annotations.protocol)
        if backend is not None and not spec.rules and drafts[CATCH_ALL].locations[0].generated:
            found = _location(item, ROOT, backend)
            drafts[CATCH_ALL].locations[0] = msgspec.structs.replace(found, annotations=found.annotations.at_catch_all)
        for rule in spec.rules or ():
            host = (rule.host or CATCH_ALL).lower()
            if host not in drafts:
                drafts[host] = Draft(host, msgspec.structs.replace(_location(item, ROOT, backend), generated=True))
    for item in usual:
        for rule in item.ingress.spec.rules or ():
            drafts[(rule.host or CATCH_ALL).lower()].set_up(item.ingress, item.annotations)
    return drafts


def _location(item: _Taken, path: str, backend: BackendRef | None, *, exact: bool = False) -> Location:
    return Location(
        path=path,
        exact=exact,
        owner=item.ingress.ref,
        namespace=item.ingress.namespace,
        ingress_path=path,
        backend=backend,
        annotations=item.annotations,
    )


def _upstreams(taken: list[_Taken]) -> Upstreams:
    """Make an upstream for every Service port that is named."""
    upstreams = Upstreams()
    for item in taken:
        canary, spec = item.annotations.canary is not None, item.ingress.spec
        if spec.default_backend is not None:
            upstreams.add(_ref(item.ingress, spec.default_backend, ""), canary=canary, anew=True)
        for rule in spec.rules or ():
            for path in (rule.http.paths if rule.http else None) or ():
                upstreams.add(_ref(item.ingress, path.backend, ""), canary=canary)
    return upstreams


def _crash(ingress: Ingress) -> str:
    """Say that the controller dies of a canary's rule without paths: it looks into them without asking."""
    if all(rule.http is not None for rule in ingress.spec.rules or ()):
        return ""
    return f"panic: {ingress.ref} is a canary with a rule that has no http, which the controller dies of"


def _write(item: _Taken, drafts: dict[str, Draft], upstreams: Upstreams) -> list[tuple[frozenset[str], DroppedRoute]]:
    """Add an Ingress's paths to its servers; an upstream that a canary made first gets no location."""
    lost: list[tuple[frozenset[str], DroppedRoute]] = []
    for rule in item.ingress.spec.rules or ():
        host = (rule.host or CATCH_ALL).lower()
        draft = drafts.get(host, drafts[CATCH_ALL])
        for path in (rule.http.paths if rule.http else None) or ():
            backend = _ref(item.ingress, path.backend, item.annotations.protocol)
            if backend is None or not upstreams.serves(backend):
                continue
            new = _location(item, path.path or ROOT, backend, exact=path.path_type == "Exact")
            standing = draft.place(new)
            if standing is not None:
                detail = f"{standing.owner} is older and has {rule.host or '*'}{new.path} already"
                route = _dropped(item, f"{host}{new.path}", DropReason.COLLISION, detail, backend)
                lost.append((frozenset({host}), msgspec.structs.replace(route, related=standing.owner)))
    return lost


def _merge_canary(
    item: _Taken, drafts: dict[str, Draft], upstreams: Upstreams
) -> list[tuple[frozenset[str], DroppedRoute]]:
    """Put a canary beside the locations of the same host, path and path type; without one it is deleted."""
    rule_of = item.annotations.canary or Canary()
    lost: list[tuple[frozenset[str], DroppedRoute]] = []
    spec = item.ingress.spec
    whole = _ref(item.ingress, spec.default_backend, item.annotations.protocol) if spec.default_backend else None
    if whole is not None:
        beside = CanaryBackend(ref=item.ingress.ref, backend=whole, rule=rule_of)
        detail = upstreams.merge(beside, ((twin, True) for twin in drafts[CATCH_ALL].locations))
        if detail:
            lost.append((frozenset({CATCH_ALL}), _deleted(item, CATCH_ALL, detail, whole)))
    for rule in item.ingress.spec.rules or ():
        host = (rule.host or CATCH_ALL).lower()
        for path in (rule.http.paths if rule.http else None) or ():
            backend = _ref(item.ingress, path.backend, item.annotations.protocol)
            if backend is None:
                continue
            beside = CanaryBackend(ref=item.ingress.ref, backend=backend, rule=rule_of)
            if host not in drafts:
                name = name_of(backend)
                detail = f"cannot merge alternative backend {name} into hostname {host} that does not exist"
            else:
                wanted = (path.path or ROOT, path.path_type == "Exact")
                twins = ((twin, (twin.path, twin.exact) == wanted) for twin in drafts[host].locations)
                detail = upstreams.merge(beside, twins)
            if detail:
                lost.append((frozenset({host}), _deleted(item, f"{host}{path.path or ROOT}", detail, backend)))
    return lost


def _deleted(item: _Taken, rule: str, detail: str, backend: BackendRef) -> DroppedRoute:
    return msgspec.structs.replace(_dropped(item, rule, DropReason.PARENT, detail, backend), log_line=detail)


def _dropped(item: _Taken, rule: str, reason: DropReason, detail: str, backend: BackendRef) -> DroppedRoute:
    return DroppedRoute(ref=item.ingress.ref, rule=rule, reason=reason, detail=detail, backends=(backend,))


def _ref(ingress: Ingress, backend: Backend, protocol: str) -> BackendRef | None:
    service = backend.service
    if service is None or not service.name:
        return None
    port = service.port
    text = "" if port is None else port.name or str(port.number or "")
    scheme = {"HTTPS": "https", "GRPC": "grpc", "GRPCS": "grpcs"}.get(protocol, "http")
    return BackendRef(kind="Service", namespace=ingress.namespace, name=service.name, port=text, scheme=scheme)
