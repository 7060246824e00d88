"""What the Gateway API has for the host: its routes, their parents, and what the controllers say. Nothing is judged.

The objects are read only where Traefik serves Gateways, or where no other route takes the request. Which listener a
route attaches to is the model's business (``routing/gateway``), the conditions are the controllers' own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingressdoctor.collect.gateway import provider_on
from ingressdoctor.collect.gateway_status import accepted_by, condition_of, troubles_of
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.gateway import GatewayObjects, GatewayParent, GatewayRoute, GatewayView
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import BackendRef, Custom, Outcome, RouteDecision, RouteRequest
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.gateway.attach import Attachment, attach, host_matches
from ingressdoctor.routing.gateway.choose import Taken, choose
from ingressdoctor.routing.gateway.grants import is_granted
from ingressdoctor.routing.gateway.shapes import GROUP, Gateway, Listener, Parent, Route, gateway_of, route_of
from ingressdoctor.routing.traefik.gateway import CONTROLLER

__all__ = ["collect_gateway_view", "judge_gateways"]

_WANTED: Final = "the host's routes of the Gateway API"
_TAKEN: Final = Inapplicable(wanted=_WANTED, reason="a route of another kind takes the request")


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_gateway_view(
    target: Target,
    decision: RouteDecision | Unavailable,
    controller: Controller | Unavailable,
    objects: Later[GatewayObjects],
    tunnel: Later[TunnelRoute],
) -> GatewayView | Unavailable:
    """Say what the Gateway API has for the host, unless another kind of route serves it."""
    if target.protocol is Protocol.MYSQL:
        return Inapplicable(wanted=_WANTED, reason="MySQL is asked for, not HTTP")
    on = isinstance(controller, Controller) and provider_on(controller.static)
    if isinstance(decision, Unavailable):
        return decision
    if not on and decision.outcome not in (Outcome.NO_ROUTE, Outcome.UNDECIDED):
        return _TAKEN
    if not on and isinstance(route := await tunnel.get(), TunnelRoute) and route.certain:
        return Inapplicable(wanted=_WANTED, reason="the rules of a tunnel decide about this name")
    found = await objects.get()
    if isinstance(found, Unavailable):
        return found
    serves = on or (isinstance(controller, Controller) and bool(controller.static.unreadable))
    return judge_gateways(found, decision.request, serves=serves)


def judge_gateways(objects: GatewayObjects, request: RouteRequest, *, serves: bool) -> GatewayView:
    """Put together what the objects hold for the host of a request; *serves* tells that Traefik may serve Gateways."""
    scene = _Scene(objects, serves)
    seen: list[tuple[Custom, Route, tuple[Attachment, ...]]] = []
    for item in (*_items(objects.http_routes), *_items(objects.grpc_routes)):
        route = route_of(item)
        attached = tuple(attach(route, parent, scene.gateways, scene.labels) for parent in route.parents)
        if _concerns(route, attached, request.host):
            seen.append((item, route, attached))
    taken = choose([(route, one) for _, route, found in seen for one in found], request)
    serving = _by_another(taken, seen, scene)
    routes = tuple(
        GatewayRoute(
            ref=route.ref,
            hostnames=route.hostnames,
            parents=tuple(scene.parent(item, one) for one in attached),
            unresolved=tuple(_ungranted(route, scene)),
            serving=any(one.route is route for one in taken),
        )
        for item, route, attached in seen
    )
    return GatewayView(
        installed=objects.installed,
        routes=routes,
        taker=serving.route.ref if serving else "",
        controller=scene.controller_of(serving.attachment.gateway) if serving else "",
        backends=tuple(_backends(serving)) if serving else (),
        unread=objects.unread,
    )


def _by_another(
    taken: tuple[Taken, ...], seen: list[tuple[Custom, Route, tuple[Attachment, ...]]], scene: _Scene
) -> Taken | None:
    """Return the rule that takes the request for a controller other than Traefik, as far as that has accepted it."""
    items = {route.ref: item for item, route, _ in seen}
    first = next((one for one in taken if scene.controller_of(one.attachment.gateway) != CONTROLLER), None)
    if first is None or not first.certain:
        return None
    parent = scene.parent(items[first.route.ref], first.attachment)
    fine = parent.accepted is not None and parent.accepted.status == "True" and not parent.waiting
    return first if fine and parent.class_known else None


def _concerns(route: Route, attached: tuple[Attachment, ...], host: str) -> bool:
    """Tell whether a route is the host's: by its hostnames, or, without any, by those of its listeners."""
    if route.hostnames:
        return any(host_matches(name, host) for name in route.hostnames)
    return any(host_matches(name, host) for one in attached for _, names in one.listeners for name in names or ("",))


def _backends(taken: Taken) -> Iterator[BackendRef]:
    for item in taken.rule.backends:
        if (item.group, item.kind) == ("", "Service"):
            yield BackendRef(
                kind="Service",
                namespace=item.namespace,
                name=item.name,
                port=str(item.port),
                weight=item.weight,
            )


def _ungranted(route: Route, scene: _Scene) -> Iterator[str]:
    grants = scene.objects.reference_grants
    for backend in (item for rule in route.rules for item in rule.backends):
        target = (backend.group, backend.kind, backend.namespace, backend.name)
        granted = not isinstance(grants, Loaded) or is_granted((route.kind, route.namespace), target, grants.items)
        if not granted:
            yield f"{backend.kind} {backend.namespace}/{backend.name} without a ReferenceGrant there"


class _Scene:
    """The objects, ready to be looked up."""

    def __init__(self, objects: GatewayObjects, serves: bool) -> None:
        self.objects = objects
        self._serves = serves
        self._raw = {(item.namespace, item.name): item for item in _items(objects.gateways)}
        self._classes = {item.name: item for item in _items(objects.gateway_classes)}
        self.gateways: Mapping[tuple[str, str], Gateway] = {key: gateway_of(item) for key, item in self._raw.items()}
        spaces = objects.namespaces
        self.labels = {item.name: item.labels for item in spaces.items} if isinstance(spaces, Loaded) else {}

    def controller_of(self, gateway: Gateway | None) -> str:
        """Return the controller's name by the class of a Gateway."""
        found = self._classes.get(gateway.class_name) if gateway is not None else None
        return str(found.spec.get("controllerName") or "") if found is not None else ""

    def parent(self, item: Custom, found: Attachment) -> GatewayParent:
        """Describe one parent of a route."""
        parent, gateway = found.parent, found.gateway
        raw = self._raw.get((parent.namespace, parent.name))
        status = _status_of(item, parent)
        readable = isinstance(self.objects.gateways, Loaded)
        name = gateway.class_name if gateway is not None else ""
        known = isinstance(self.objects.gateway_classes, Loaded)
        return GatewayParent(
            ref=parent.ref,
            section=parent.section,
            port=parent.port,
            exists=gateway is not None if readable else None,
            listeners=tuple(_shown(one) for one in gateway.listeners) if gateway is not None else (),
            meant=bool(found.meant),
            class_name=name,
            class_known=name in self._classes if known else None,
            controller=self.controller_of(gateway),
            waiting=self._waiting(name),
            reported=status is not None,
            accepted=condition_of(item, status, "Accepted"),
            resolved=condition_of(item, status, "ResolvedRefs"),
            troubles=troubles_of(raw, tuple(one.name for one in found.meant)) if raw is not None else (),
            attached=None if found.undecided or not readable else bool(found.listeners),
            why=found.refusal.value if found.refusal is not None else "",
        )

    def _waiting(self, name: str) -> str:
        """Say why no controller looks after a class; empty where one does, or where that is not known."""
        found = self._classes.get(name)
        if found is None:
            return ""
        if found.spec.get("controllerName") == CONTROLLER and not self._serves:
            return "it is Traefik's, and no Traefik here has the provider kubernetesGateway switched on"
        return accepted_by(found)


def _status_of(item: Custom, parent: Parent) -> Mapping[str, Any] | None:
    """Return the entry of status.parents for one parentRef."""
    entries = (as_map(entry) for entry in as_list(item.status.get("parents")))
    return next((entry for entry in entries if _same(as_map(entry.get("parentRef")), item, parent)), None)


def _same(said: Mapping[str, Any], item: Custom, parent: Parent) -> bool:
    group, namespace = said.get("group") or GROUP, said.get("namespace") or item.namespace
    where = (said.get("kind") or "Gateway", namespace, said.get("name"))
    section, port = said.get("sectionName") or "", said.get("port") or 0
    wanted = (parent.kind, parent.namespace, parent.name)
    return group == GROUP and where == wanted and (section, port) == (parent.section, parent.port)


def _shown(listener: Listener) -> str:
    host = f" {listener.hostname}" if listener.hostname else ""
    return f"{listener.name} ({listener.protocol} {listener.port}{host}, from {listener.namespaces})"


def _items(found: Loaded[Custom] | Unavailable) -> tuple[Custom, ...]:
    return found.items if isinstance(found, Loaded) else ()
