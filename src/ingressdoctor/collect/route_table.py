"""The model's table for a scene, and what both answers say about the controller and its outdated objects. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from ingressdoctor.collect.manifest_kinds import OLD_FIELDS
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.evidence.kube import Loaded, Service
from ingressdoctor.evidence.route_view import ControllerSight
from ingressdoctor.evidence.routes import NOT_READ, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.routing.traefik.middlewares import as_list, as_map
from ingressdoctor.routing.traefik.table import RouteTable, build_table
from ingressdoctor.routing.traefik.version import Version

__all__ = ["controller_of", "outdated_routes", "table_of"]

_MAX_VALUES: Final = 100_000  # of one object


def table_of(scene: Scene) -> RouteTable:
    """Build the table of routers, with the Services as far as they are known."""
    objects = _with_outdated(scene)
    if scene.pods is None or not isinstance(objects.services, Loaded):
        return build_table(objects, scene.static, scene.version)
    # Files seldom hold everything: a Service is missed only where they hold Services of its namespace.
    known: dict[tuple[str, str], Service | None] = {
        (item.namespace, item.name): item for item in objects.services.items
    }
    namespaces = {item.namespace for item in objects.services.items}
    for key in _named_services(objects):
        if key[0] in namespaces:
            known.setdefault(key, None)
    return build_table(replace(objects, services=NOT_READ), scene.static, scene.version, services=known)


def _with_outdated(scene: Scene) -> RoutingObjects:
    """Add the objects of the old API group for a Traefik 2; of two with one name the one of the new group counts."""
    if Version.parse(scene.version).major >= 3 or not scene.outdated:
        return scene.objects
    objects = scene.objects
    for kind, name in OLD_FIELDS.items():
        known = getattr(objects, name)
        here = {(item.namespace, item.name) for item in known.items} if isinstance(known, Loaded) else set()
        more = (item for item in scene.outdated if item.kind == kind and (item.namespace, item.name) not in here)
        if isinstance(known, Loaded):
            objects = replace(objects, **{name: Loaded(items=(*known.items, *more), broken=known.broken)})
    return objects


def _named_services(objects: RoutingObjects) -> Iterator[tuple[str, str]]:
    """Yield (namespace, name) of everything that routes may mean as a Service."""
    for kind in (objects.ingress_routes, objects.traefik_services, objects.ingress_route_tcps):
        for item in kind.items if isinstance(kind, Loaded) else ():
            for found in _maps(item.spec):
                if isinstance(found.get("name"), str):
                    yield str(found.get("namespace") or item.namespace), found["name"]
    ingresses = objects.ingresses
    for ingress in ingresses.items if isinstance(ingresses, Loaded) else ():
        paths = (path for rule in ingress.spec.rules or () if rule.http for path in rule.http.paths or ())
        backends = [*(path.backend for path in paths), *filter(None, [ingress.spec.default_backend])]
        yield from ((ingress.namespace, item.service.name) for item in backends if item.service and item.service.name)


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a JSON value, itself included."""
    waiting = [value]
    for _ in range(_MAX_VALUES):
        if not waiting:
            return
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def controller_of(scene: Scene) -> ControllerSight:
    """Say which Traefik was asked."""
    found = scene.controller
    if found is None:
        return ControllerSight(name="", version=scene.version, source=scene.static.source)
    service = found.service
    return ControllerSight(
        name=f"{found.namespace}/{found.workload}",
        service=service.ref if service is not None else "",
        version=scene.version,
        source=scene.static.source,
    )


def outdated_routes(scene: Scene) -> Iterator[DroppedRoute]:
    """Yield the routes of the API group that Traefik 3 no longer reads."""
    if Version.parse(scene.version).major < 3:
        return
    for item in scene.outdated:
        if item.kind != "IngressRoute":
            continue
        for route in as_list(item.spec.get("routes")):
            yield DroppedRoute(
                ref=item.ref,
                rule=str(as_map(route).get("match") or ""),
                reason=DropReason.OTHER,
                detail="Traefik 3 does not read the API group traefik.containo.us; write traefik.io/v1alpha1",
                related="traefik.containo.us/v1alpha1",
            )
