"""IngressRouteTCPs and MiddlewareTCPs as they are written, beside what the model made of them. Pure.

A route that Traefik drops is still the one that somebody meant, so its middlewares and Services are looked at too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import BackendRef, Custom, DroppedRoute
from ingressdoctor.evidence.tcp_route import AllowList, WrittenRoute, WrittenService
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.tcp_services import TcpService
from ingressdoctor.routing.traefik.tcp_table import TcpRouter, TcpTable

__all__ = ["allow_list", "looks_like_sql", "written_routes"]

# Of several types in one object the last of these counts.
_TYPES: Final = ("inFlightConn", "ipWhiteList", "ipAllowList")
_SQL_PORTS: Final = frozenset(("3306", "4006", "4008"))
_SQL_WORDS: Final = ("mysql", "maria", "maxscale", "percona", "galera", "sql")
_MOST_RANGES: Final = 2_000


def written_routes(
    found: Loaded[Custom] | Unavailable, table: TcpTable, defaults: tuple[str, ...], here: str
) -> tuple[WrittenRoute, ...]:
    """Return every route of every IngressRouteTCP; *here* is the entry point that is asked about."""
    if isinstance(found, Unavailable):
        return ()
    live = {(router.ref, router.text): router for router in table.routers}
    lost = {(item.ref, item.rule): item for item in table.dropped}
    return tuple(
        _written(item, as_map(raw), live, lost, points=_points(item, defaults), here=here)
        for item in found.items
        for raw in as_list(item.spec.get("routes"))
    )


def _points(item: Custom, defaults: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(name) for name in as_list(item.spec.get("entryPoints"))) or defaults


def _written(
    item: Custom,
    route: Mapping[str, Any],
    live: Mapping[tuple[str, str], TcpRouter],
    lost: Mapping[tuple[str, str], DroppedRoute],
    *,
    points: tuple[str, ...],
    here: str,
) -> WrittenRoute:
    rule = str(route.get("match") or "")
    router = live.get((item.ref, rule))
    services = router.services if router is not None else ()
    return WrittenRoute(
        ref=item.ref,
        namespace=item.namespace,
        name=item.name,
        rule=clean(rule, 500),
        entry_points=points,
        tls=isinstance(item.spec.get("tls"), dict),
        middlewares=tuple(_middlewares(route, item.namespace)),
        services=tuple(_service(as_map(raw), item.namespace, services) for raw in as_list(route.get("services"))),
        dropped=None if router is not None else lost.get((item.ref, rule)),
        here=here in points,
    )


def _middlewares(route: Mapping[str, Any], namespace: str) -> Iterator[str]:
    for raw in as_list(route.get("middlewares")):
        reference = as_map(raw)
        yield f"{as_text(reference.get('namespace')) or namespace}/{as_text(reference.get('name'))}"


def _service(spec: Mapping[str, Any], namespace: str, built: tuple[TcpService, ...]) -> WrittenService:
    port, weight = spec.get("port"), spec.get("weight")
    ref = BackendRef(
        kind="Service",
        namespace=as_text(spec.get("namespace")) or namespace,
        name=as_text(spec.get("name")),
        port="" if port is None else str(port),
        weight=weight if isinstance(weight, int) else None,
    )
    section, transport = spec.get("proxyProtocol"), as_text(spec.get("serversTransport"))
    version = as_map(section).get("version")
    asked = (version if isinstance(version, int) and version else 2) if isinstance(section, dict) else 0
    made = next((one for one in built if (one.ref.name, one.ref.port) == (ref.name, ref.port)), None)
    real = made.proxy_version if made is not None else (None if transport else asked)
    return WrittenService(
        ref=ref,
        proxy_version=real,
        asked_version=asked,
        transport=transport,
        overridden=bool(transport and asked) and real is not None and real != asked,
    )


def looks_like_sql(route: WrittenRoute, port: int) -> bool:
    """Tell whether a route leads to what may be a database, by port and names."""
    ports = _SQL_PORTS | {str(port)}
    named = (text.lower() for service in route.services for text in (service.ref.name, service.ref.port))
    names = (route.name.lower(), *(point.lower() for point in route.entry_points), *named)
    by_port = any(service.ref.port in ports for service in route.services)
    return by_port or any(word in name for name in names for word in _SQL_WORDS)


def allow_list(reference: str, found: Loaded[Custom] | Unavailable) -> AllowList:
    """Return one middleware by ``namespace/name``; of whom it lets through only what needs no address."""
    ref = f"MiddlewareTCP {reference}"
    namespace, _, name = reference.partition("/")
    if isinstance(found, Unavailable) or "@" in name:
        return AllowList(ref=ref, exists=None)
    item = next((one for one in found.items if (one.namespace, one.name) == (namespace, name)), None)
    if item is None:
        there = [f"{one.namespace}/{one.name}" for one in found.items]
        near = get_close_matches(reference, there, n=3, cutoff=0.6)
        return AllowList(ref=ref, exists=None if found.broken else False, near=tuple(near))
    kinds = [kind for kind in _TYPES if isinstance(item.spec.get(kind), dict)]
    if not kinds:
        return AllowList(ref=ref)
    spec = as_map(item.spec[kinds[-1]])
    amount = spec.get("amount")
    if kinds[-1] == "inFlightConn":
        return AllowList(ref=ref, kind=kinds[-1], amount=amount if isinstance(amount, int) else 0)
    ranges = tuple(clean(str(text), 100) for text in as_list(spec.get("sourceRange"))[:_MOST_RANGES])
    invalid = tuple(text for text in ranges if _refused(text))
    return AllowList(
        ref=ref, kind=kinds[-1], ranges=ranges, invalid=invalid, open_to_world=not invalid and _is_world(ranges)
    )


def _refused(text: str) -> bool:
    try:
        IpChecker.parse((text,))
    except RuleError:
        return True
    return False


def _is_world(ranges: tuple[str, ...]) -> bool:
    """Tell whether the ranges together leave no IPv4 address out, or no IPv6 address."""
    if not ranges:
        return False
    networks = IpChecker.parse(ranges).networks
    v4 = ipaddress.collapse_addresses(item for item in networks if isinstance(item, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(item for item in networks if isinstance(item, ipaddress.IPv6Network))
    return any(item.prefixlen == 0 for item in v4) or any(item.prefixlen == 0 for item in v6)
