"""Where kube-proxy sends what a request's way hands to it: node ports before Traefik, a clusterIP behind it (nativeLB).

No I/O; the rules are in ``routing.kube_proxy``. Said only where kube-proxy takes part in the choice: for a Service that
is reached by its clusterIP, and for node ports that not every node answers (externalTrafficPolicy Local).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Service, ServicePort
from ingressdoctor.evidence.route_view import BackendSight, ProxySight, RouteView
from ingressdoctor.evidence.routes import BackendRef, CandidateRoute, Custom
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.kube_proxy import Seat, sent_by_kube_proxy
from ingressdoctor.routing.service import slices_of

__all__ = ["proxied"]

_ANNOTATION: Final = "traefik.ingress.kubernetes.io/service.nativelb"
_CRD: Final = "kubernetescrd"
_INGRESS: Final = "kubernetesingress"


def proxied(scene: Scene, view: RouteView) -> tuple[ProxySight, ...]:
    """Return what kube-proxy does on each node that matters, before Traefik and behind it."""
    if not isinstance(scene.objects.endpoint_slices, Loaded):
        return ()
    slices = scene.objects.endpoint_slices.items
    return (*_before(scene, view, slices), *_behind(scene, view, slices))


def _before(scene: Scene, view: RouteView, slices: tuple[EndpointSlice, ...]) -> Iterator[ProxySight]:
    """Yield what each node does with connections to the node port, where it depends on the node."""
    service = scene.controller.service if scene.controller is not None else None
    port = view.path.service_port if view.path is not None else None
    if service is None or port is None or service.spec.external_traffic_policy != "Local":
        return
    nodes = scene.objects.nodes.items if isinstance(scene.objects.nodes, Loaded) else ()
    places = {**_zones(service, slices), **{node.name: "" for node in nodes}}
    yield from (_sight(service, port, slices, Seat(node=name), external=True) for name in places)


def _behind(scene: Scene, view: RouteView, slices: tuple[EndpointSlice, ...]) -> Iterator[ProxySight]:
    """Yield where each of Traefik's nodes sends connections to the clusterIP of a Service with nativeLB."""
    winner, controller = view.decision.winner, scene.controller
    if winner is None or controller is None:
        return
    nodes = tuple(dict.fromkeys(pod.spec.node_name for pod in controller.pods if pod.spec.node_name))
    for service, port in _native(scene, winner, view.backends):
        zones = {name: zone for item in slices for name, zone in _places(item)}
        for node in nodes:
            yield _sight(service, port, slices, Seat(node=node, zone=zones.get(node, "")), external=False)


def _sight(
    service: Service, port: ServicePort, slices: tuple[EndpointSlice, ...], seat: Seat, *, external: bool
) -> ProxySight:
    sent = sent_by_kube_proxy(service, port, slices, seat, external=external)
    return ProxySight(
        target=service.ref,
        port=(port.node_port or 0) if external else port.port,
        address="" if external else service.spec.cluster_ip or "",
        node=seat.node,
        endpoints=tuple(sorted(f"{item.address}:{item.port}" for item in sent.endpoints)),
        dropped=sent.dropped,
    )


def _native(
    scene: Scene, winner: CandidateRoute, sights: tuple[BackendSight, ...]
) -> Iterator[tuple[Service, ServicePort]]:
    for sight in sights:
        view = sight.view
        if isinstance(view, BackendView) and view.service is not None and view.port is not None:
            if view.service.spec.cluster_ip in (None, "", "None") or view.service.spec.type == "ExternalName":
                continue
            if _asks(scene, winner, sight.ref, view.service):
                yield view.service, view.port


def _asks(scene: Scene, winner: CandidateRoute, ref: BackendRef, service: Service) -> bool:
    """Tell whether the route wants the clusterIP: by its own word or the Service's annotation, else by default."""
    own = winner.provider == _CRD
    default = scene.static.enabled(f"providers.{_CRD if own else _INGRESS}.nativelbbydefault")
    if not own:
        said = service.annotations.get(_ANNOTATION, "").lower()
        return said in ("true", "1", "t") if said else default
    objects = scene.objects
    named = (item for kind in (objects.ingress_routes, objects.ingress_route_tcps) for item in _items(kind))
    every = (*(item for item in named if item.ref == winner.ref), *_items(objects.traefik_services))
    words = [
        found["nativeLB"]
        for item in every
        for found in _references(item)
        if found.get("name") == ref.name and isinstance(found.get("nativeLB"), bool)
    ]
    return bool(words[0]) if words else default


def _items(loaded: object) -> tuple[Custom, ...]:
    return loaded.items if isinstance(loaded, Loaded) else ()


def _references(item: Custom) -> Iterator[Mapping[str, Any]]:
    """Yield what a route or a TraefikService refers to as Services."""
    for route in as_list(item.spec.get("routes")):
        yield from (as_map(found) for found in as_list(as_map(route).get("services")))
    yield from (as_map(found) for found in as_list(as_map(item.spec.get("weighted")).get("services")))


def _zones(service: Service, slices: tuple[EndpointSlice, ...]) -> dict[str, str]:
    return {name: zone for item in slices_of(service, slices) for name, zone in _places(item)}


def _places(item: EndpointSlice) -> Iterator[tuple[str, str]]:
    for endpoint in item.endpoints or ():
        if endpoint.node_name:
            yield endpoint.node_name, endpoint.zone or ""
