"""One request's way through ingress-nginx, and what the other controller would do with the same objects. Pure.

Which location wins is the model's business (``routing/ingress_nginx``). To ask a controller about Ingresses of the
other's class, they are given its class first; what it does not read of them is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.nginx_route import settings_of
from ingressdoctor.collect.route_scene import TRAEFIK_CLASS, Scene, class_of, may_be_nginx
from ingressdoctor.collect.route_view import backends_of, view_of
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.kube import Ingress, IngressClass, Loaded
from ingressdoctor.evidence.nginx import NginxController
from ingressdoctor.evidence.route_view import (
    Comparison,
    ControllerSight,
    Difference,
    RouteQuestion,
    RouteView,
)
from ingressdoctor.evidence.routes import DropReason, HeaderLines, Outcome, RouteDecision, RouteRequest
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.routing.ingress_nginx.answer import with_handshake
from ingressdoctor.routing.ingress_nginx.classes import CLASS_ANNOTATION
from ingressdoctor.routing.ingress_nginx.decide import decide_nginx
from ingressdoctor.routing.ingress_nginx.settings import DEFAULT_CONTROLLER, NginxSettings
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table

__all__ = ["NGINX", "TRAEFIK", "view_as", "view_of_either"]

NGINX: Final = "ingress-nginx"
TRAEFIK: Final = "Traefik"
_CHART: Final = "an ingress-nginx with its Helm chart's defaults (class nginx)"
_CLASS: Final = "traefik"
_TRAEFIK_CONTROLLER: Final = "traefik.io/ingress-controller"
_PREFIX: Final = NginxSettings().annotations_prefix + "/"


def view_of_either(scene: Scene, target: Target, question: RouteQuestion) -> RouteView:
    """Ask the controller that the host's routes belong to: Traefik, unless only ingress-nginx has one for it.

    Raises:
        UsageError: there is no entry point of the name that was asked for.
    """
    usual = view_of(scene, target, question)
    if usual.decision.outcome is not Outcome.NO_ROUTE or target.protocol is Protocol.MYSQL or question.entry_point:
        return usual
    if scene.nginx is None and not (scene.pods is not None and may_be_nginx(scene)):
        return usual
    other = _nginx_view(scene, target, question)
    left_out = any(route.reason not in (DropReason.CLASS, DropReason.NAMESPACE) for route in other.decision.dropped)
    alone = scene.controller is None and _without_routes(scene)
    return other if other.decision.outcome is not Outcome.NO_ROUTE or left_out or alone else usual


def _without_routes(scene: Scene) -> bool:
    routes = scene.objects.ingress_routes
    return isinstance(routes, Unavailable) or not routes.items


def view_as(scene: Scene, target: Target, question: RouteQuestion, kind: str) -> RouteView:
    """Ask one controller what it does, or would do with objects of the other's class, and compare.

    Raises:
        UsageError: ingress-nginx is asked for an entry point, or about something else than HTTP.
    """
    real = view_of_either(scene, target, question)
    if real.controller.kind == kind:
        return real
    if kind == NGINX and (question.entry_point or target.protocol is Protocol.MYSQL):
        raise UsageError("ingress-nginx has no entry points, and routes HTTP only.", hint="Leave the option out.")
    changed, count = _given_class(scene, kind)
    asked = _nginx_view(changed, target, question) if kind == NGINX else view_of(changed, target, question)
    word = "Ingress was" if count == 1 else "Ingresses were"
    assumed = (*asked.assumed, f"{count} {word} given the class of {kind}")
    compared = Comparison(other=real.controller.kind, differences=tuple(_differences(asked, real, scene)))
    return replace(asked, assumed=assumed, compared=compared)


def _nginx_view(scene: Scene, target: Target, question: RouteQuestion) -> RouteView:
    controller = scene.nginx
    ingresses, classes = scene.objects.ingresses, scene.objects.ingress_classes
    items = ingresses.items if isinstance(ingresses, Loaded) else ()
    settings = NginxSettings() if controller is None else settings_of(controller)
    known = classes.items if isinstance(classes, Loaded) else None
    if scene.pods is not None:
        # Files seldom hold the IngressClass: a class by the controller's usual name is taken on trust.
        known = tuple(item for item in known or () if item.spec.controller == settings.controller_class) or None
    table = build_nginx_table(items, settings, known)
    table = table if scene.pods is None else replace(table, limits=())
    request = _request(target, question)
    decision = with_handshake(table, decide_nginx(table, request))
    if isinstance(ingresses, Unavailable):
        decision = replace(decision, unread=(f"Ingresses: {ingresses.reason}",), outcome=Outcome.UNDECIDED)
    winner = decision.winner
    return RouteView(
        url=target.url,
        decision=decision,
        controller=_sight(controller),
        origin=scene.origin,
        backends=tuple(backends_of(scene, winner)) if winner is not None else (),
        assumed=(_CHART,) if controller is None else (),
        skipped=scene.skipped,
        ignored=scene.ignored,
    )


def _sight(controller: NginxController | None) -> ControllerSight:
    if controller is None:
        return ControllerSight(kind=NGINX, name="", source="assumed")
    return ControllerSight(
        kind=NGINX,
        name=f"{controller.namespace}/{controller.name}",
        service=controller.service.ref if controller.service is not None else "",
        version=controller.version,
        source="args",
    )


def _request(target: Target, question: RouteQuestion) -> RouteRequest:
    raw, _, query = target.path.partition("?")
    tls = target.scheme == "https"
    host = next((value for name, value in question.headers if name.lower() == "host"), target.hostname)
    return RouteRequest(
        host=host.partition(":")[0].lower(),
        path=raw or "/",
        query=query,
        method=question.method,
        tls=tls,
        sni=question.sni or (target.hostname if tls else ""),
        headers=HeaderLines(line for line in question.headers if line[0].lower() != "host"),
        client_ip=target.client_ip,
    )


def _given_class(scene: Scene, kind: str) -> tuple[Scene, int]:
    """Return the scene with every Ingress of the other controller's class given this one's, and how many those are."""
    objects = scene.objects
    if not isinstance(objects.ingresses, Loaded):
        return scene, 0
    name, controller = (TRAEFIK_CLASS, _TRAEFIK_CONTROLLER) if kind == TRAEFIK else ("nginx", DEFAULT_CONTROLLER)
    foreign = [item for item in objects.ingresses.items if _is_foreign(item, kind)]
    items = tuple(_of_class(item, name) if item in foreign else item for item in objects.ingresses.items)
    mine = msgspec.convert({"metadata": {"name": name}, "spec": {"controller": controller}}, IngressClass)
    classes = objects.ingress_classes.items if isinstance(objects.ingress_classes, Loaded) else ()
    rest = tuple(item for item in classes if item.name != name)
    changed = replace(
        objects,
        ingresses=replace(objects.ingresses, items=items),
        ingress_classes=Loaded(items=(*rest, mine)),
    )
    return replace(scene, objects=changed), len(foreign)


def _is_foreign(ingress: Ingress, kind: str) -> bool:
    named = class_of(ingress).lower()
    return "nginx" in named if kind == TRAEFIK else TRAEFIK_CLASS in named or not named


def _of_class(ingress: Ingress, name: str) -> Ingress:
    notes = {key: value for key, value in (ingress.metadata.annotations or {}).items() if key != CLASS_ANNOTATION}
    meta = replace(ingress.metadata, annotations=notes)
    return replace(ingress, metadata=meta, spec=replace(ingress.spec, ingress_class_name=name))


def _differences(here: RouteView, there: RouteView, scene: Scene) -> Iterator[Difference]:
    """Yield what becomes of the request otherwise."""
    for what, one, other in zip(_ROWS, _facts(here), _facts(there), strict=True):
        if one != other:
            yield Difference(what=what, here=one, there=other)
    if here.controller.kind == TRAEFIK and there.decision.winner is not None:
        for key in _unread(scene, there.decision.winner.ref):
            yield Difference(what=f"annotation {key}", here="not read", there="read")


_ROWS: Final = ("takes it", "goes to", "status", "redirects to", "the application sees", "left out")


def _facts(view: RouteView) -> tuple[str, ...]:
    decision, answer = view.decision, view.answer
    winner = decision.winner
    goes = ", ".join(f"{item.namespace}/{item.name}:{item.port}" for item in winner.backends) if winner else ""
    asked = decision.request.path + (f"?{decision.request.query}" if decision.request.query else "")
    seen = (answer.path or asked) if answer is not None and winner is not None and not answer.status else ""
    return (
        winner.ref.partition("#")[0].strip() if winner is not None else str(decision.outcome),
        goes if answer is None or not answer.location else "",
        _status(decision),
        answer.location if answer is not None else "",
        seen,
        ", ".join(dict.fromkeys(route.ref for route in decision.dropped if route.reason is not DropReason.CLASS)),
    )


def _status(decision: RouteDecision) -> str:
    answer = decision.predicted
    if answer is not None and answer.end is not None:
        return str(answer.end)
    status = answer.status if answer is not None else decision.predicted_status
    return str(status) if status else "the application's"


def _unread(scene: Scene, ref: str) -> Iterator[str]:
    """Yield the annotations of ingress-nginx on an Ingress."""
    loaded = scene.objects.ingresses
    for item in loaded.items if isinstance(loaded, Loaded) else ():
        if item.ref == ref:
            yield from sorted(key for key in item.annotations if key.startswith(_PREFIX))
