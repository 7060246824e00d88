"""From configuration to tables: which routers are alive on which entry point, sorted by priority.

A router that cannot be built is disabled and logged with Traefik's text; the others go on. Source: traefik
pkg/server/aggregator.go, pkg/server/router, pkg/config/runtime (v3.7).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from ingressdoctor.lab.serve.traefik.journal import Notes
from ingressdoctor.lab.serve.traefik.layers import BuildError, Layer
from ingressdoctor.lab.serve.traefik.matchers import HTTP, HTTP_WITHOUT_WILDCARDS, TCP, Facts, Test, compile_rule
from ingressdoctor.lab.serve.traefik.middlewares import build, redirect_scheme, tcp_allow_list
from ingressdoctor.lab.serve.traefik.model import Dynamic, Router, RouterTls
from ingressdoctor.lab.serve.traefik.rules import RuleError, calls
from ingressdoctor.lab.serve.traefik.static import WILDCARD_HOSTS, EntryPoint, Static

MAX_USER_PRIORITY = 2**63 - 1 - 1000
MAX_PRIORITY = 2**63 - 1
_PRECEDENCE = ("kubernetesgateway", "kubernetescrd", "kubernetes", "internal")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """A router that works. *hosts* are its Host() values; *allowed* is the TCP allow list."""

    name: str
    service: str
    test: Test
    priority: int
    provider: str
    hosts: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    tls: RouterTls | None = None
    allowed: Callable[[str], bool] = lambda _: True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The routers of one entry point, best first."""

    entry_point: EntryPoint
    plain: tuple[Active, ...]
    secure: tuple[Active, ...]
    tcp: tuple[Active, ...]
    tcp_tls: tuple[Active, ...]


def first_match(routers: tuple[Active, ...], facts: Facts) -> Active | None:
    """The router that takes a request; it never falls through to the next."""
    return next((router for router in routers if router.test(facts)), None)


def build_tables(static: Static, dynamic: Dynamic, notes: Notes) -> dict[str, Tables]:
    """Tables by entry point."""
    alive = _attached(static, dynamic.routers, notes)
    alive_tcp = _attached(static, dynamic.tcp_routers, notes)
    return {
        point.name: Tables(
            entry_point=point,
            plain=_sorted(
                (
                    *_http(static, dynamic, alive[point.name], point, notes, secure=False),
                    *_internal(static, point, notes),
                )
            ),
            secure=_sorted(tuple(_http(static, dynamic, alive[point.name], point, notes, secure=True))),
            tcp=_sorted(tuple(_tcp(dynamic, alive_tcp, point, notes, secure=False))),
            tcp_tls=_sorted(tuple(_tcp(dynamic, alive_tcp, point, notes, secure=True))),
        )
        for point in static.entry_points
        if point.protocol == "tcp"
    }


def _attached(static: Static, routers: dict[str, Router], notes: Notes) -> dict[str, tuple[Router, ...]]:
    """Routers by entry-point name, after the default set and the check that entry points exist."""
    found: dict[str, tuple[Router, ...]] = {point.name: () for point in static.entry_points}
    for router in routers.values():
        names = router.entry_points or static.defaults
        existing = [name for name in names if name in found]
        for name in names:
            if name not in found:
                notes.error("EntryPoint doesn't exist", entryPointName=name, routerName=router.name)
        if not existing:
            notes.error("No valid entryPoint for this router", routerName=router.name)
        for name in existing:
            found[name] = (*found[name], router)
    return found


def _http(
    static: Static, dynamic: Dynamic, routers: tuple[Router, ...], point: EntryPoint, notes: Notes, *, secure: bool
) -> Iterator[Active]:
    http_matchers = HTTP if static.version >= WILDCARD_HOSTS else HTTP_WITHOUT_WILDCARDS
    for router in routers:
        tls = router.tls or (RouterTls(options=point.tls_options) if point.tls else None)
        if (tls is not None) is not secure:
            continue
        name = router.name
        try:
            layers = tuple(
                layer for key in (*point.middlewares, *router.middlewares) for layer in build(key, dynamic.middlewares)
            )
            if router.service not in static.internal_services:
                _check_service(dynamic, router.service)
            test, tree = compile_rule(router.rule, http_matchers)
            priority = _priority(router, len(router.rule.encode()))
            _check_options(dynamic, tls)
        except (BuildError, RuleError) as error:
            notes.error("", error=str(error), entryPointName=point.name, routerName=name)
            continue
        yield Active(
            name=name,
            service=router.service,
            test=test,
            priority=priority,
            provider=router.provider,
            hosts=tuple(call.args[0].lower() for call in calls(tree) if call.name.lower() == "host"),
            layers=layers,
            tls=tls,
        )


def _check_options(dynamic: Dynamic, tls: RouterTls | None) -> None:
    if tls is not None and tls.options not in {"", "default", *dynamic.tls_options}:
        raise BuildError(f"building router handler: unknown TLS options: {tls.options}")


def _check_service(dynamic: Dynamic, name: str, depth: int = 0) -> None:
    service = dynamic.services.get(name)
    if service is None:
        raise BuildError(f'the service "{name}" does not exist')
    if depth > 20:
        raise BuildError(f"could not instantiate service {name}: recursion detected")
    for child, _ in service.children:
        _check_service(dynamic, child, depth + 1)
    if service.transport and service.transport not in dynamic.transports:
        url = service.servers[0].url if service.servers else ""
        raise BuildError(
            f"error building proxy for server URL {url}: getting RoundTripper: servers transport not found "
            f"{service.transport}"
        )


def _check_tcp_service(dynamic: Dynamic, name: str) -> None:
    service = dynamic.services.get(name)
    if service is None:
        raise BuildError(f'the service "{name}" does not exist')
    for child, _ in service.children:
        _check_tcp_service(dynamic, child)
    if service.transport and service.transport not in dynamic.tcp_transports:
        raise BuildError(f'no transport configuration found for "{service.transport}"')
    if service.proxy_protocol not in {0, 1, 2}:
        raise BuildError(f"unknown proxyProtocol version: {max(service.proxy_protocol, 0)}")


def _priority(router: Router, default: int) -> int:
    if router.priority > MAX_USER_PRIORITY:
        raise BuildError(
            f"the router priority {router.priority} exceeds the max user-defined priority {MAX_USER_PRIORITY}"
        )
    return router.priority or default


def _tcp(
    dynamic: Dynamic, attached: dict[str, tuple[Router, ...]], point: EntryPoint, notes: Notes, *, secure: bool
) -> Iterator[Active]:
    for router in attached[point.name]:
        if (router.tls is not None) is not secure:
            continue
        try:
            test, tree = compile_rule(router.rule, TCP)
            names = [call.args[0] for call in calls(tree) if call.name.lower() == "hostsni"]
            _check_sni(router, names)
            allowed = [tcp_allow_list(_tcp_middleware(dynamic, key)) for key in router.middlewares]
            _check_tcp_service(dynamic, router.service)
            catch_all = "".join(router.rule.split()).lower() in {"hostsni(`*`)", 'hostsni("*")'}
            priority = _priority(router, -1 if catch_all else len(router.rule.encode()))
        except (BuildError, RuleError) as error:
            notes.error("", error=str(error), entryPointName=point.name, routerName=router.name)
            continue
        yield Active(
            name=router.name,
            service=router.service,
            test=test,
            priority=priority,
            provider=router.provider,
            hosts=tuple(name.lower() for name in names),
            tls=router.tls,
            allowed=_all_of(allowed),
        )


def _check_sni(router: Router, names: list[str]) -> None:
    if router.tls is None and names and names[0] != "*":
        raise RuleError(f'invalid rule: "{router.rule}" , has HostSNI matcher, but no TLS on router')


def _tcp_middleware(dynamic: Dynamic, key: str) -> dict[str, object]:
    if key not in dynamic.tcp_middlewares:
        raise BuildError(f'middleware "{key}" does not exist')
    return dict(dynamic.tcp_middlewares[key])


def _all_of(tests: list[Callable[[str], bool]]) -> Callable[[str], bool]:
    return lambda ip: all(test(ip) for test in tests)


def _internal(static: Static, point: EntryPoint, notes: Notes) -> Iterator[Active]:
    if static.ping and point.name == "traefik":
        yield Active(
            name="ping@internal",
            service="ping@internal",
            test=lambda facts: facts.path.startswith("/ping"),
            priority=MAX_PRIORITY,
            provider="internal",
        )
    redirection = point.redirection
    if redirection is None:
        return
    port = redirection.to.removeprefix(":")
    if not redirection.to.startswith(":"):
        target = static.entry_point(redirection.to)
        if target is None:
            notes.error(
                f"'to' entry point field references a non-existing entry point: {redirection.to}",
                entryPointName=point.name,
            )
            return
        port = str(target.port)
    options = {"scheme": redirection.scheme, "port": port, "permanent": redirection.permanent}
    yield Active(
        name=f"{point.name}-to-{port}@internal",
        service="noop@internal",
        test=lambda facts: bool(facts.host),
        priority=redirection.priority,
        provider="internal",
        layers=(redirect_scheme(options),),
    )


def _sorted(routers: tuple[Active, ...]) -> tuple[Active, ...]:
    """Highest priority first; ties by provider, then by name (undefined in Traefik, stable here)."""
    return tuple(sorted(routers, key=lambda item: (-item.priority, _PRECEDENCE.index(item.provider), item.name)))
