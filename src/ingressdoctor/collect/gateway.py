"""Read the Gateway API's objects, if it is there at all, and only as far as something depends on them.

One request says that it is not installed; routes cost two, their Gateways and classes two more. What they mean for a
host is said in ``gateway_view``. Source: gateway-api: versions (v1beta1 is served beside v1 and before it).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.kinds import (
    GATEWAY_CLASSES,
    GATEWAY_GROUP,
    GATEWAYS,
    GRPC_ROUTES,
    HTTP_ROUTES,
    NAMESPACES,
    REFERENCE_GRANTS,
    Kind,
)
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.evidence.controller import Controller, StaticConfig
from ingressdoctor.evidence.gateway import GatewayObjects
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import NOT_READ, Custom, RoutingObjects
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.gateway.shapes import gateway_of, route_of
from ingressdoctor.routing.traefik.gateway import CONTROLLER
from ingressdoctor.routing.traefik.hosts import hosts_of
from ingressdoctor.routing.traefik.settings import GATEWAY, ProviderSettings
from ingressdoctor.sources.base import Kubernetes

__all__ = [
    "collect_gateways",
    "gateway_hosts",
    "provider_on",
    "read_gateways",
    "routed_by_gateways",
    "with_assumed_class",
    "with_gateways",
]

_WANTED: Final = "the routes of the Gateway API"
_OLDEST: Final = "v1beta1"


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_gateways(kube: Kubernetes, controller: Controller | Unavailable) -> GatewayObjects:
    """Read them for all targets; a Traefik that serves them makes the question needless whether they are installed."""
    sure = isinstance(controller, Controller) and provider_on(controller.static)
    return await read_gateways(kube, ask_first=not sure)


def provider_on(static: StaticConfig) -> bool:
    """Tell whether this Traefik serves Gateways."""
    return static.derived(_gateways_on)


def _gateways_on(static: StaticConfig) -> bool:
    return ProviderSettings.read(static, GATEWAY).enabled


def with_gateways(objects: RoutingObjects, found: GatewayObjects | Unavailable) -> RoutingObjects:
    """Return the routing objects with those of the Gateway API."""
    if isinstance(found, Unavailable):
        return replace(objects, http_routes=found, grpc_routes=found)
    return replace(objects, **{name: getattr(found, name) for name in found.__struct_fields__ if name != "installed"})


def gateway_hosts(found: GatewayObjects) -> Mapping[str, tuple[str, ...]]:
    """Return every hostname that a route names, with the routes."""
    nothing: Loaded[Any] = Loaded()
    empty = RoutingObjects(
        ingress_routes=nothing,
        ingresses=nothing,
        middlewares=nothing,
        ingress_classes=nothing,
        traefik_services=nothing,
    )
    return hosts_of(with_gateways(empty, found))


def routed_by_gateways(objects: RoutingObjects) -> bool:
    """Tell whether there is a route of the Gateway API at all."""
    return any(True for _ in _items(objects.http_routes, objects.grpc_routes))


def with_assumed_class(objects: RoutingObjects) -> tuple[RoutingObjects, tuple[str, ...]]:
    """Return the objects of files with the GatewayClasses that they lack taken for Traefik's, and what was assumed."""
    there = {item.name for item in _items(objects.gateway_classes)}
    named = dict.fromkeys(gateway_of(item).class_name for item in _items(objects.gateways))
    lacking = [name for name in named if name and name not in there]
    made = tuple(
        msgspec.convert(
            {"kind": "GatewayClass", "metadata": {"name": name}, "spec": {"controllerName": CONTROLLER}}, Custom
        )
        for name in lacking
    )
    classes = (*_items(objects.gateway_classes), *made)
    assumed = tuple(f"a GatewayClass {name!r} of Traefik's, since the files hold none" for name in lacking)
    return replace(objects, gateway_classes=Loaded(items=classes)), assumed


async def read_gateways(kube: Kubernetes, *, ask_first: bool = True) -> GatewayObjects:
    """Read routes, then the Gateways and classes that they need, then what those depend on."""
    versions = await _versions(kube) if ask_first else ("v1",)
    if not versions:
        none: Loaded[Custom] = Loaded(installed=False)
        return GatewayObjects(installed=False, http_routes=none, grpc_routes=none)
    older = "v1" not in versions
    async with asyncio.TaskGroup() as group:
        http_task = group.create_task(list_or_gap(kube, _at(HTTP_ROUTES, older=older)))
        grpc_task = None if older else group.create_task(list_or_gap(kube, GRPC_ROUTES))
    found = GatewayObjects(http_routes=http_task.result(), grpc_routes=grpc_task.result() if grpc_task else Loaded())
    routes = tuple(_items(found.http_routes, found.grpc_routes))
    if not routes:
        return found
    async with asyncio.TaskGroup() as group:
        gateway_task = group.create_task(list_or_gap(kube, _at(GATEWAYS, older=older)))
        class_task = group.create_task(list_or_gap(kube, _at(GATEWAY_CLASSES, older=older)))
    found = replace(found, gateways=gateway_task.result(), gateway_classes=class_task.result())
    crossing = _crosses(routes, tuple(_items(found.gateways)))
    selecting = any(
        listener.namespaces == "Selector" for item in _items(found.gateways) for listener in gateway_of(item).listeners
    )
    async with asyncio.TaskGroup() as group:
        grant_task = group.create_task(list_or_gap(kube, REFERENCE_GRANTS)) if crossing else None
        space_task = group.create_task(list_or_gap(kube, NAMESPACES)) if selecting else None
    return replace(
        found,
        reference_grants=grant_task.result() if grant_task else NOT_READ,
        namespaces=space_task.result() if space_task else NOT_READ,
    )


async def _versions(kube: Kubernetes) -> tuple[str, ...]:
    """Return the served versions of the group, none where it is not installed; v1 where nobody would say."""
    answer = await kube.get(f"/apis/{GATEWAY_GROUP}", {})
    if answer.status == 404:
        return ()
    try:
        group = msgspec.json.decode(answer.body) if answer.status == 200 else {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        group = {}
    named = tuple(str(as_map(item).get("version")) for item in as_list(as_map(group).get("versions")))
    return named or ("v1",)


def _at(kind: Kind[Custom], *, older: bool) -> Kind[Custom]:
    if not older:
        return kind
    return Kind(kind.struct, kind.name, kind.group, _OLDEST, kind.plural, namespaced=kind.namespaced, custom=True)


def _items(*kinds: Loaded[Custom] | Unavailable) -> Iterator[Custom]:
    for kind in kinds:
        yield from kind.items if isinstance(kind, Loaded) else ()


def _crosses(routes: Iterable[Custom], gateways: Iterable[Custom]) -> bool:
    """Tell whether something refers into another namespace by what needs a ReferenceGrant."""
    backends = any(
        backend.namespace != item.namespace
        for item in routes
        for rule in route_of(item).rules
        for backend in rule.backends
    )
    return backends or any(
        (reference.get("namespace") or item.namespace) != item.namespace
        for item in gateways
        for listener in gateway_of(item).listeners
        for reference in listener.certificates
    )
