"""The TCP routers of one cluster as Traefik holds them, and those it leaves out, each with the reason.

A TCP router differs from an HTTP one: its provider makes it even when its only Service is bad, and Traefik disables it
later. Which router takes a connection is ``handler.py``'s business.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_tcp.go, pkg/server/router/tcp/manager.go (addTCPHandlers),
pkg/config/runtime/runtime_tcp.go (v3.7.9).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.routing.traefik.crd import left_out, tls_option
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.middlewares import Problem, as_list, as_map, resolve_tcp
from ingressdoctor.routing.traefik.settings import CRD, CRD_PROVIDER, ProviderSettings, default_entry_points
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.tcp_middlewares import TcpMiddleware, TcpMiddlewares
from ingressdoctor.routing.traefik.tcp_rules import TcpRule, compile_tcp_rule, default_priority
from ingressdoctor.routing.traefik.tcp_services import TcpService, TcpServices, latest
from ingressdoctor.routing.traefik.tls_options import TlsOptions, build_tls_options

__all__ = ["TcpRouter", "TcpTable", "build_tcp_table"]

_MAX_USER_PRIORITY: Final = 2**63 - 1 - 1000


class TcpRouter(msgspec.Struct, frozen=True, kw_only=True):
    """A TCP router that Traefik has.

    ``tls`` with ``passthrough`` hands the encrypted bytes on,
    without it Traefik ends TLS with ``tls_options``; ``broken_options`` says why those cannot be used, and then every
    connection that the rule matches is closed. ``middlewares`` are in order, None where one is not known;
    ``services`` share the connections by weight; ``lacking`` are those Traefik left out of them.
    """

    ref: str
    name: str
    namespace: str
    text: str
    rule: TcpRule
    priority: int
    entry_points: tuple[str, ...]
    tls: bool = False
    passthrough: bool = False
    tls_options: str = ""
    tls_secret: str = ""
    broken_options: str | None = ""
    middlewares: tuple[TcpMiddleware | None, ...] = ()
    services: tuple[TcpService, ...] = ()
    lacking: tuple[Problem, ...] = ()


class TcpTable(msgspec.Struct, frozen=True, kw_only=True):
    """All TCP routers by entry point, those without TLS and those with; ``unread`` says what could not be looked at."""

    plain: Mapping[str, tuple[TcpRouter, ...]]
    tls: Mapping[str, tuple[TcpRouter, ...]]
    dropped: tuple[DroppedRoute, ...] = ()
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def routers(self) -> tuple[TcpRouter, ...]:
        """Every live router once."""
        groups = (*self.plain.values(), *self.tls.values())
        return tuple({router.name: router for group in groups for router in group}.values())


class _Builder(msgspec.Struct, frozen=True):
    table: RouteTable
    settings: ProviderSettings
    options: TlsOptions
    services: TcpServices
    middlewares: TcpMiddlewares
    defaults: tuple[str, ...]


def build_tcp_table(objects: RoutingObjects, table: RouteTable, *, tls_options: TlsOptions | None = None) -> TcpTable:
    """Build every TCP router; *table* is the HTTP one of the same cluster, for static configuration and version."""
    settings = ProviderSettings.read(table.static, CRD)
    options = tls_options or build_tls_options(objects.tls_options, settings, table.version, objects.secrets)
    found = objects.ingress_route_tcps
    if not isinstance(found, Loaded):
        return TcpTable(plain={}, tls={}, unread=(f"{found.wanted}: {found.reason}",))
    builder = _Builder(
        table=table,
        settings=settings,
        options=options,
        services=TcpServices.of(objects, settings, table.static, table.version),
        middlewares=TcpMiddlewares.of(objects, settings),
        defaults=default_entry_points(table.static),
    )
    made: dict[str, TcpRouter | DroppedRoute] = {}
    pools: dict[str, _Pool] = {}
    for item in found.items:
        for name, outcome in _of_object(item, builder, pools):
            # Equal names overwrite each other in Traefik too; what has none was never made.
            made[name or f"left out {len(made)}"] = outcome
    dropped = [outcome for outcome in made.values() if isinstance(outcome, DroppedRoute)]
    routers = [outcome for outcome in made.values() if isinstance(outcome, TcpRouter)]
    return TcpTable(
        plain=_by_point([router for router in routers if not router.tls]),
        tls=_by_point([router for router in routers if router.tls]),
        dropped=tuple(dropped),
        limits=(*builder.services.limits, *builder.middlewares.limits),
        unread=found.broken,
    )


def _by_point(routers: list[TcpRouter]) -> dict[str, tuple[TcpRouter, ...]]:
    found: dict[str, list[TcpRouter]] = {}
    for router in sorted(routers, key=lambda item: -item.priority):
        for name in dict.fromkeys(router.entry_points):
            found.setdefault(name, []).append(router)
    return {name: tuple(items) for name, items in found.items()}


def _of_object(
    item: Custom, builder: _Builder, pools: dict[str, _Pool]
) -> Iterator[tuple[str, TcpRouter | DroppedRoute]]:
    """Yield each route with the name of its router; the name is empty when the provider makes none.

    ``pools`` are the Services so far, by router: a route of the same name finds those of the one before it.
    """
    filtered = left_out(item, builder.settings, builder.table.version)
    for raw in as_list(item.spec.get("routes")):
        route = as_map(raw)
        text = str(route.get("match") or "")
        problem = filtered or (None if text else Problem(DropReason.RULE, "Empty match rule"))
        references = problem or _references(item, route, builder)
        if isinstance(references, Problem):
            yield "", _dropped(item, text, references, logged=not filtered)
            continue
        name = _router_name(item, text)
        router = _router(item, route, references, builder, pools)
        if isinstance(router, Problem):
            yield name, _dropped(item, text, router, router_name=name)
        else:
            yield name, router


def _router_name(item: Custom, text: str) -> str:
    """Return the router's name; unlike those of HTTP routers it is not normalised."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20]
    return f"{item.namespace}-{item.name}-{digest}@{CRD_PROVIDER}"


class _References(msgspec.Struct, frozen=True):
    middlewares: tuple[str, ...]
    tls_option: str


def _references(item: Custom, route: Mapping[str, Any], builder: _Builder) -> _References | Problem:
    names: list[str] = []
    for reference in as_list(route.get("middlewares")):
        resolved = resolve_tcp(as_map(reference), item.namespace, builder.settings, builder.table.version)
        if isinstance(resolved, Problem):
            return resolved
        names.append(resolved)
    option = tls_option(item, as_map(item.spec.get("tls")), builder.settings, builder.table.version)
    return option if isinstance(option, Problem) else _References(tuple(names), option)


def _router(
    item: Custom,
    route: Mapping[str, Any],
    references: _References,
    builder: _Builder,
    pools: dict[str, _Pool],
) -> TcpRouter | Problem:
    text, tls = str(route.get("match") or ""), isinstance(item.spec.get("tls"), dict)
    section = as_map(item.spec.get("tls"))
    passthrough = section.get("passthrough") is True
    points = tuple(str(name) for name in as_list(item.spec.get("entryPoints"))) or builder.defaults
    if problem := _point_problem(points, builder.table):
        return problem
    rule = _compiled(text, str(route.get("syntax") or "") or builder.table.syntax, builder.table, tls=tls)
    late = isinstance(rule, Problem) and rule.detail.startswith("error while adding")
    if isinstance(rule, Problem) and not late:
        return rule
    priority = route.get("priority")
    chosen = priority if isinstance(priority, int) and priority else default_priority(text)
    if chosen > _MAX_USER_PRIORITY:
        said = f"the router priority {chosen} exceeds the max user-defined priority {_MAX_USER_PRIORITY}"
        return Problem(DropReason.PRIORITY, said)
    ends = tls and not passthrough
    broken = builder.options.problem(references.tls_option) if ends else ""
    name = _router_name(item, text)
    built = _pool(builder.services, as_list(route.get("services")), item.namespace, name, pools)
    middlewares = builder.middlewares.build(references.middlewares)
    # A router whose TLS options are broken still claims its connections, to close them.
    for outcome in () if broken else (built, middlewares):
        if isinstance(outcome, Problem):
            return outcome
    if isinstance(rule, Problem):
        return rule
    pool = _Pool() if isinstance(built, Problem) else built
    return TcpRouter(
        ref=item.ref,
        name=name,
        namespace=item.namespace,
        text=text,
        rule=rule,
        priority=chosen,
        entry_points=points,
        tls=tls,
        passthrough=passthrough,
        tls_options=(references.tls_option or "default") if ends else "",
        tls_secret=str(section.get("secretName") or "") if ends else "",
        broken_options=broken,
        middlewares=() if isinstance(middlewares, Problem) else middlewares,
        services=pool.services,
        lacking=pool.lacking,
    )


class _Pool(msgspec.Struct, frozen=True):
    """The Services below a router's name; ``shared`` when several share the connections."""

    services: tuple[TcpService, ...] = ()
    lacking: tuple[Problem, ...] = ()
    shared: bool = False


def _pool(
    services: TcpServices, references: tuple[Any, ...], namespace: str, name: str, pools: dict[str, _Pool]
) -> _Pool | Problem:
    """Return the Services of a route: with those of an earlier route of the same name, as Traefik keeps them."""
    earlier, shared = pools.get(name), len(references) > 1
    built = services.build(references, namespace, name)
    if isinstance(built, Problem):
        return earlier or built
    taken, lacking = built
    if earlier is not None and earlier.shared and shared:
        taken, lacking = latest((*earlier.services, *taken)), (*earlier.lacking, *lacking)
    pools[name] = _Pool(taken, lacking, shared)
    return pools[name]


def _point_problem(names: tuple[str, ...], table: RouteTable) -> Problem | None:
    there = {point.name for point in table.static.entry_points if point.protocol == "tcp"}
    if table.static.unreadable or there.intersection(names):
        return None
    missing, known = ", ".join(names) or "none", ", ".join(sorted(there)) or "none"
    return Problem(DropReason.ENTRY_POINT, f"entry points {missing} do not exist; there are {known}", missing)


def _compiled(text: str, syntax: str, table: RouteTable, *, tls: bool) -> TcpRule | Problem:
    try:
        return compile_tcp_rule(text, syntax, table.version, tls=tls)
    except RuleError as error:
        return Problem(DropReason.RULE, error.reason)


def _dropped(item: Custom, text: str, problem: Problem, *, logged: bool = True, router_name: str = "") -> DroppedRoute:
    line = problem.detail
    if problem.reason is DropReason.ENTRY_POINT:
        line = f"EntryPoint doesn't exist entryPointName={problem.related}"
    return DroppedRoute(
        ref=item.ref,
        rule=text,
        reason=problem.reason,
        detail=problem.detail,
        log_line=f"{line} routerName={router_name}" if router_name else (line if logged else ""),
        related=problem.related,
    )
