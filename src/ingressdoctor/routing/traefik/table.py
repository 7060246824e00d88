"""The routers of one cluster as Traefik holds them, indexed by host. Built once, asked for many requests.

A router is live, or it was dropped with a reason; nothing in between is lost. Which live router wins a request is
``decide.py``'s business.

Source: traefik: pkg/server/aggregator.go (defaults, models), pkg/server/router/router.go (buildEntryPointHandler),
pkg/config/runtime/runtime_http.go, pkg/provider/traefik/internal.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.routing.traefik.compiled import Compiled, anchors, compile_rule, named_hosts, never_reason
from ingressdoctor.routing.traefik.crd import build_ingress_routes
from ingressdoctor.routing.traefik.errors import NestingError, RuleError
from ingressdoctor.routing.traefik.hosts import hosts_of, plain_hosts
from ingressdoctor.routing.traefik.ingress import build_ingresses
from ingressdoctor.routing.traefik.middlewares import Known, Problem
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.router import Draft, Services
from ingressdoctor.routing.traefik.settings import CRD, INGRESS, ProviderSettings, default_entry_points, precedence
from ingressdoctor.routing.traefik.version import Version

__all__ = ["LiveRouter", "RouteTable", "build_table"]

_MAX_USER_PRIORITY: Final = 2**63 - 1 - 1000


@dataclass(frozen=True, slots=True)
class LiveRouter:
    """A router that Traefik has; ``compiled`` is None when the rule nests too deep for this model."""

    draft: Draft
    compiled: Compiled | None
    priority: int
    entry_points: tuple[str, ...]
    hosts: tuple[str, ...]
    order: int

    def on(self, point: EntryPoint | None, name: str, *, tls: bool) -> bool:
        """Tell whether the router takes connections of this kind on an entry point."""
        with_tls = self.draft.tls or (point is not None and point.tls)
        return name in self.entry_points and with_tls is tls


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All routers of the cluster, live and dropped, and what could not be evaluated.

    ``disabled`` are those that Traefik itself takes out after its providers made them; they serve nothing, but one
    with TLS still claims its hosts on its entry points (``tls_options.py``).
    """

    static: StaticConfig
    version: Version
    syntax: str
    by_host: dict[str, tuple[LiveRouter, ...]]
    anywhere: tuple[LiveRouter, ...]
    dropped_by_host: dict[str, tuple[DroppedRoute, ...]]
    broken_points: dict[str, Problem]
    known_hosts: tuple[str, ...]
    limits: tuple[str, ...]
    unread: tuple[str, ...]
    disabled: tuple[LiveRouter, ...] = ()
    all_dropped: tuple[DroppedRoute, ...] = ()

    def live(self, host: str) -> tuple[LiveRouter, ...]:
        """Return every live router that could take a request for the host, in no particular order."""
        plain = host.removesuffix(".")
        wild = "*." + plain.partition(".")[2]
        found = {id(item): item for key in (plain, wild, "*") for item in self.by_host.get(key, ())}
        return (*found.values(), *self.anywhere)

    def dropped(self, host: str) -> tuple[DroppedRoute, ...]:
        """Return the dropped routes that name the host, or a wildcard over it."""
        plain = host.removesuffix(".")
        wild = "*." + plain.partition(".")[2]
        return (*self.dropped_by_host.get(plain, ()), *self.dropped_by_host.get(wild, ()))


def build_table(
    objects: RoutingObjects, static: StaticConfig, version: str, *, services: Services | None = None
) -> RouteTable:
    """Build every router of the cluster.

    ``version`` is the image tag, empty when unknown. ``services`` may hold Services that were looked up, with None
    for one that does not exist.
    """
    chosen = Version.parse(version)
    crd, ingress = ProviderSettings.read(static, CRD), ProviderSettings.read(static, INGRESS)
    drafts, dropped, unread = _drafts(objects, (crd, ingress), static, chosen, services)
    known = Known(_middlewares(objects, crd), crd, chosen)
    points = {point.name: point for point in static.entry_points}
    live: list[LiveRouter] = []
    disabled: list[LiveRouter] = []
    assumed = bool(static.unreadable)
    defaults = default_entry_points(static)
    syntax = _default_syntax(static, chosen)
    ranks = {name: rank for rank, name in enumerate(precedence(static))} if chosen.since((3, 7, 0)) else {}
    for draft in drafts:
        names = draft.entry_points or defaults
        problem = _entry_point_problem(names, points, assumed=assumed) or _middleware_problem(draft, known)
        built = problem or _compile(draft, draft.syntax or syntax, chosen)
        if isinstance(built, Problem):
            dropped.append(_drop(draft, built))
            disabled.append(LiveRouter(draft, None, draft.priority, names, (), 0))
            continue
        priority = draft.priority or len(draft.rule.encode("utf-8", "replace"))
        order = ranks.get(draft.provider, len(ranks))
        compiled = built if not isinstance(built, NestingError) else None
        hosts = named_hosts(compiled) if compiled else plain_hosts(draft.rule)
        live.append(LiveRouter(draft, compiled, priority, names, hosts, order))
    broken = {point.name: found for point in static.entry_points if (found := _point_problem(point, known))}
    by_host, anywhere = _index(live)
    return RouteTable(
        static=static,
        version=chosen,
        syntax=syntax,
        by_host=by_host,
        anywhere=anywhere,
        dropped_by_host=_index_dropped(dropped),
        broken_points=broken,
        known_hosts=tuple(sorted(hosts_of(objects))),
        limits=_limits(static, chosen, (crd, ingress), objects),
        unread=unread,
        disabled=tuple(disabled),
        all_dropped=tuple(dropped),
    )


def _drafts(
    objects: RoutingObjects,
    settings: tuple[ProviderSettings, ProviderSettings],
    static: StaticConfig,
    version: Version,
    services: Services | None,
) -> tuple[list[Draft], list[DroppedRoute], tuple[str, ...]]:
    drafts: list[Draft] = []
    dropped: list[DroppedRoute] = []
    unread: list[str] = []
    if isinstance(objects.ingress_routes, Loaded):
        found = objects.traefik_services
        traefik_services = found.items if isinstance(found, Loaded) else None
        built = build_ingress_routes(
            objects.ingress_routes.items, settings[0], version, traefik_services=traefik_services, services=services
        )
        drafts += built.drafts
        dropped += built.dropped
        unread += objects.ingress_routes.broken
    else:
        unread.append(f"{objects.ingress_routes.wanted}: {objects.ingress_routes.reason}")
    if isinstance(objects.ingresses, Loaded):
        classes = objects.ingress_classes.items if isinstance(objects.ingress_classes, Loaded) else None
        syntax = _default_syntax(static, version)
        built = build_ingresses(
            objects.ingresses.items, settings[1], version, classes=classes, default_syntax=syntax, services=services
        )
        drafts += built.drafts
        dropped += built.dropped
        unread += objects.ingresses.broken
    else:
        unread.append(f"{objects.ingresses.wanted}: {objects.ingresses.reason}")
    return drafts, dropped, tuple(unread)


def _middlewares(objects: RoutingObjects, settings: ProviderSettings) -> dict[str, Custom] | None:
    # One that does not decode may be the very one that a route names.
    if not isinstance(objects.middlewares, Loaded) or objects.middlewares.broken:
        return None
    # The provider's filters hold for middlewares too: an unlabelled one looks missing.
    seen = (m for m in objects.middlewares.items if settings.watches(m.namespace) and settings.selects(m.labels))
    return {normalize(f"{item.namespace}-{item.name}"): item for item in seen}


def _default_syntax(static: StaticConfig, version: Version) -> str:
    chosen = static.flag("core.defaultrulesyntax")
    if version.major < 3:
        return "v2"
    return chosen if chosen in ("v2", "v3") else "v3"


def _entry_point_problem(names: tuple[str, ...], points: dict[str, EntryPoint], *, assumed: bool) -> Problem | None:
    if assumed or any(name in points for name in names):
        return None
    there = ", ".join(sorted(points)) or "none"
    missing = ", ".join(names) or "none"
    return Problem(DropReason.ENTRY_POINT, f"entry points {missing} do not exist; there are {there}", missing)


def _middleware_problem(draft: Draft, known: Known) -> Problem | None:
    return next((found for name in draft.middlewares if (found := known.problem(name))), None)


def _point_problem(point: EntryPoint, known: Known) -> Problem | None:
    return next((found for name in point.middlewares if (found := known.problem(name))), None)


def _compile(draft: Draft, syntax: str, version: Version) -> Compiled | NestingError | Problem:
    if draft.priority > _MAX_USER_PRIORITY:
        said = f"the router priority {draft.priority} exceeds the max user-defined priority {_MAX_USER_PRIORITY}"
        return Problem(DropReason.PRIORITY, said)
    if not draft.backends and not draft.parents and draft.provider == "kubernetescrd":
        return Problem(DropReason.OTHER, "router has no service and no child routers")
    try:
        compiled = compile_rule(draft.rule, syntax, version)
    except RuleError as error:
        return Problem(DropReason.RULE, error.reason)
    except NestingError as error:
        return error
    if never := never_reason(compiled):
        return Problem(DropReason.RULE, f"the rule is accepted but can never match: {never}", related="never-matches")
    return compiled


def _drop(draft: Draft, problem: Problem) -> DroppedRoute:
    silent = problem.related == "never-matches"
    line = f"{problem.detail} routerName={draft.name}"
    if problem.reason is DropReason.RULE and not silent:
        line = f"error while parsing rule {draft.rule}: {problem.detail} routerName={draft.name}"
    elif problem.reason is DropReason.ENTRY_POINT:
        line = f"EntryPoint doesn't exist entryPointName={problem.related} routerName={draft.name}"
    return DroppedRoute(
        ref=draft.ref,
        rule=draft.rule,
        reason=problem.reason,
        detail=problem.detail,
        log_line="" if silent else line,
        related="" if silent else problem.related,
        backends=draft.backends,
    )


def _index(live: list[LiveRouter]) -> tuple[dict[str, tuple[LiveRouter, ...]], tuple[LiveRouter, ...]]:
    by_host: dict[str, list[LiveRouter]] = {}
    anywhere: list[LiveRouter] = []
    for router in live:
        keys = anchors(router.compiled) if router.compiled else None
        if keys is None:
            anywhere.append(router)
            continue
        for key in keys:
            by_host.setdefault(key, []).append(router)
    return {key: tuple(items) for key, items in by_host.items()}, tuple(anywhere)


def _index_dropped(dropped: list[DroppedRoute]) -> dict[str, tuple[DroppedRoute, ...]]:
    by_host: dict[str, list[DroppedRoute]] = {}
    for item in dropped:
        for host in plain_hosts(item.rule):
            by_host.setdefault(host, []).append(item)
    return {host: tuple(items) for host, items in by_host.items()}


def _limits(
    static: StaticConfig, version: Version, settings: tuple[ProviderSettings, ...], objects: RoutingObjects
) -> tuple[str, ...]:
    limits: list[str] = []
    if static.unreadable:
        limits.append(f"Traefik's static configuration: {static.unreadable}")
    if not version.known:
        limits.append(f"Traefik's version is {version}")
    limits += [
        f"the label selector {one.label_selector!r} was not evaluated"
        for one in settings
        if one.label_selector and one.selector is None
    ]
    for kind in (objects.middlewares, objects.ingress_classes, objects.traefik_services):
        if not isinstance(kind, Loaded):
            limits.append(f"{kind.wanted}: {kind.reason}")
        else:
            limits += [f"could not be decoded: {name}" for name in kind.broken]
    return tuple(limits)
