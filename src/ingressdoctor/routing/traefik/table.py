"""The routers of one cluster as Traefik holds them, indexed by host. Built once, asked for many requests.

A router is live, or it was dropped with a reason; nothing in between is lost. Which live router wins a request is
``decide.py``'s business.

Source: traefik: pkg/server/aggregator.go (defaults, models), pkg/server/router/router.go (buildEntryPointHandler),
pkg/config/runtime/runtime_http.go, pkg/provider/traefik/internal.go.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.traefik.compiled import Compiled, anchors, named_hosts
from ingressdoctor.routing.traefik.crd import build_ingress_routes
from ingressdoctor.routing.traefik.crd_services import CrdServices
from ingressdoctor.routing.traefik.gateway import build_gateway_routes
from ingressdoctor.routing.traefik.hosts import hosts_of, plain_hosts
from ingressdoctor.routing.traefik.ingress import build_ingresses
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.router import Draft, Services
from ingressdoctor.routing.traefik.runtime import Runtime, drop, known_middlewares, point_problem
from ingressdoctor.routing.traefik.services import ServiceBook
from ingressdoctor.routing.traefik.settings import CRD, INGRESS, ProviderSettings, default_entry_points, precedence
from ingressdoctor.routing.traefik.tls_options import build_tls_options
from ingressdoctor.routing.traefik.tree import tree_problems
from ingressdoctor.routing.traefik.version import CHECKED, Version

__all__ = ["LiveRouter", "Made", "RouteTable", "build_table"]


class Made(msgspec.Struct, frozen=True):
    """A router that a provider has made, and the entry points that it asks for."""

    draft: Draft
    entry_points: tuple[str, ...]

    def on(self, point: EntryPoint | None, name: str, *, tls: bool) -> bool:
        """Tell whether the router takes connections of this kind on an entry point."""
        with_tls = self.draft.tls or (point is not None and point.tls)
        return name in self.entry_points and with_tls is tls


class LiveRouter(Made, frozen=True):
    """A router that Traefik has."""

    compiled: Compiled
    priority: int
    hosts: tuple[str, ...]
    order: int


class RouteTable(msgspec.Struct, frozen=True):
    """All routers of the cluster, live and dropped, and what could not be evaluated.

    ``disabled`` are those that Traefik itself takes out after its providers made them; they serve nothing, but one
    with TLS still claims its hosts on its entry points (``tls_options.py``). ``all_dropped`` are the dropped routes
    of every host and of none; ``children`` the routers below others, by the upper one's name; ``points`` remembers
    entry points by what requests ask for; ``filters`` are those of HTTPRoutes, by the id of the middleware they become.
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
    disabled: tuple[Made, ...] = ()
    all_dropped: tuple[DroppedRoute, ...] = ()
    children: dict[str, tuple[LiveRouter, ...]] = msgspec.field(default_factory=dict)
    points: dict[tuple[str, bool], tuple[EntryPoint | None, bool]] = msgspec.field(default_factory=dict)
    filters: Mapping[str, Custom] = msgspec.field(default_factory=dict)

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
    book = ServiceBook.of(objects, services)
    references = _crd_services(objects, crd, chosen, book)
    drafts, dropped, unread = _drafts(objects, ingress, static, references)
    attached = build_gateway_routes(objects, static, book)
    drafts += attached.drafts
    dropped += attached.dropped
    points = {point.name: point for point in static.entry_points if point.protocol == "tcp"}
    known = known_middlewares(objects, crd, references, static)
    options = build_tls_options(objects.tls_options, crd, chosen, objects.secrets)
    families = frozenset(name for draft in drafts for name in draft.parent_names)
    runtime = Runtime(static, points, known, references, options, families)
    live, disabled, refused = _judged(drafts, runtime, _default_syntax(static, chosen))
    by_host, anywhere = _index(live)
    return RouteTable(
        static=static,
        version=chosen,
        syntax=_default_syntax(static, chosen),
        by_host=by_host,
        anywhere=anywhere,
        dropped_by_host=_index_dropped([*dropped, *refused]),
        broken_points={point.name: found for point in static.entry_points if (found := point_problem(point, known))},
        known_hosts=tuple(sorted(hosts_of(objects))),
        limits=_limits(static, chosen, (crd, ingress), objects),
        unread=(*unread, *attached.unread),
        disabled=disabled,
        all_dropped=(*dropped, *refused),
        children=children_of(live),
        filters=attached.filters,
    )


def _judged(
    drafts: list[Draft], runtime: Runtime, syntax: str
) -> tuple[list[LiveRouter], tuple[Made, ...], list[DroppedRoute]]:
    live: list[LiveRouter] = []
    disabled: list[Made] = []
    refused: list[DroppedRoute] = []
    static, version = runtime.static, runtime.known.version
    defaults = default_entry_points(static)
    ranks = {name: rank for rank, name in enumerate(precedence(static))} if version.since((3, 7, 0)) else {}
    trees = tree_problems({draft.name: draft for draft in drafts})
    for draft in drafts:
        names = draft.entry_points or (() if draft.parents else defaults)
        problem = trees.get(draft.name) or runtime.problem(draft, names)
        built = problem or runtime.compiled(draft, draft.syntax or syntax)
        if isinstance(built, Problem):
            refused.append(drop(draft, built))
            disabled.append(Made(draft, names))
            continue
        priority = draft.priority or len(draft.rule.encode("utf-8", "replace"))
        order = ranks.get(draft.provider, len(ranks))
        live.append(LiveRouter(draft, names, built, priority, named_hosts(built), order))
    childless = without_children(live, runtime.families)
    for router, problem in childless:
        refused.append(drop(router.draft, problem))
        disabled.append(router)
    lost = {id(router) for router, _ in childless}
    return [router for router in live if id(router) not in lost], tuple(disabled), refused


def children_of(live: list[LiveRouter]) -> dict[str, tuple[LiveRouter, ...]]:
    """Return the routers below others by the upper one's name."""
    found: dict[str, list[LiveRouter]] = {}
    for router in live:
        for name in router.draft.parent_names:
            found.setdefault(name, []).append(router)
    return {name: tuple(routers) for name, routers in found.items()}


def without_children(live: list[LiveRouter], families: frozenset[str]) -> list[tuple[LiveRouter, Problem]]:
    """Return the routers of which no router below could be built; that may cost those above them, too."""
    lost: dict[str, tuple[LiveRouter, Problem]] = {}
    while families:
        kept = [router for router in live if router.draft.name not in lost]
        children = children_of(kept)
        more = [one for one in kept if one.draft.name in families and one.draft.name not in children]
        if not more:
            break
        said = "building child routers muxer: no child routers could be added to muxer"
        lost |= {one.draft.name: (one, Problem(DropReason.PARENT, said)) for one in more}
    return list(lost.values())


def _crd_services(
    objects: RoutingObjects, settings: ProviderSettings, version: Version, book: ServiceBook
) -> CrdServices:
    def ids(found: Loaded[Custom] | Unavailable) -> dict[str, Custom] | None:
        if not isinstance(found, Loaded) or found.broken:
            return None
        seen = (one for one in found.items if settings.watches(one.namespace) and settings.selects(one.labels))
        return {normalize(f"{one.namespace}-{one.name}"): one for one in seen}

    transports = ids(objects.servers_transports)
    return CrdServices(
        settings=settings,
        version=version,
        book=book,
        by_id=ids(objects.traefik_services),
        transports=None if transports is None else frozenset(transports),
    )


def _drafts(
    objects: RoutingObjects, ingress: ProviderSettings, static: StaticConfig, services: CrdServices
) -> tuple[list[Draft], list[DroppedRoute], tuple[str, ...]]:
    drafts: list[Draft] = []
    dropped: list[DroppedRoute] = []
    unread: list[str] = []
    if isinstance(objects.ingress_routes, Loaded):
        built = build_ingress_routes(objects.ingress_routes.items, services)
        drafts += built.drafts
        dropped += built.dropped
        unread += objects.ingress_routes.broken
    else:
        unread.append(f"{objects.ingress_routes.wanted}: {objects.ingress_routes.reason}")
    if isinstance(objects.ingresses, Loaded):
        classes = objects.ingress_classes.items if isinstance(objects.ingress_classes, Loaded) else None
        version = services.version
        syntax = _default_syntax(static, version)
        built = build_ingresses(
            objects.ingresses.items, ingress, version, classes=classes, default_syntax=syntax, book=services.book
        )
        drafts += built.drafts
        dropped += built.dropped
        unread += objects.ingresses.broken
    else:
        unread.append(f"{objects.ingresses.wanted}: {objects.ingresses.reason}")
    return drafts, dropped, tuple(unread)


def _default_syntax(static: StaticConfig, version: Version) -> str:
    chosen = static.flag("core.defaultrulesyntax")
    if version.major < 3:
        return "v2"
    return chosen if chosen in ("v2", "v3") else "v3"


def _index(live: list[LiveRouter]) -> tuple[dict[str, tuple[LiveRouter, ...]], tuple[LiveRouter, ...]]:
    by_host: dict[str, list[LiveRouter]] = {}
    anywhere: list[LiveRouter] = []
    for router in live:
        keys = anchors(router.compiled)
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
    elif version.untested:
        limits.append(f"Traefik {version} is not among the versions that this model was checked against: {CHECKED}")
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
