"""Where kube-proxy sends what a request's way hands to it, node by node."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from build.controller import a_traefik_pod
from build.routing import ARGS, a_route, a_service, an_ingress_of, thing
from ingressdoctor.collect.controller import judge_controller
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.collect.route_view import view_of
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.evidence.kube import EndpointSlice, Ingress, IngressClass, Loaded, Node, Service
from ingressdoctor.evidence.route_view import ProxySight, RouteQuestion
from ingressdoctor.evidence.routes import Custom, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target

ENDPOINTS = [
    {"addresses": ["10.1.0.1"], "nodeName": "node-1", "zone": "a", "conditions": {"ready": True, "serving": True}},
    {"addresses": ["10.1.0.2"], "nodeName": "node-2", "zone": "b", "conditions": {"ready": True, "serving": True}},
]
CLASS = msgspec.convert(
    {"metadata": {"name": "traefik"}, "spec": {"controller": "traefik.io/ingress-controller"}}, IngressClass
)


def a_front(**spec: Any) -> dict[str, Any]:
    ports = [{"name": "web", "port": 80, "targetPort": "web", "nodePort": 30080}]
    selector = {"app.kubernetes.io/name": "traefik"}
    return thing(
        "Service",
        "traefik",
        {"type": "LoadBalancer", "clusterIP": "10.0.0.9", "ports": ports, "selector": selector, **spec},
        "traefik",
    )


def a_scene(
    *routes: dict[str, Any],
    ingresses: tuple[dict[str, Any], ...] = (),
    service: dict[str, Any] | None = None,
    front: dict[str, Any] | None = None,
    args: tuple[str, ...] = (),
    more: tuple[dict[str, Any], ...] = (),
) -> Scene:
    pod = a_traefik_pod(args=(*ARGS, *args), spec={"nodeName": "node-1"})
    before = msgspec.convert(front or a_front(), Service)
    controller = judge_controller([pod], Loaded(items=(before,)))
    assert not isinstance(controller, Unavailable)
    shop, part = a_service(selector={"app": "shop"}, **(service or {}))
    labels = {"kubernetes.io/service-name": "traefik"}
    own = thing("EndpointSlice", "traefik-1", None, "traefik", labels=labels, ports=[{"name": "web", "port": 8000}])
    slices = ({**part, "endpoints": ENDPOINTS}, {**own, "endpoints": ENDPOINTS[:1]})
    objects = RoutingObjects(
        ingress_routes=Loaded(items=tuple(msgspec.convert(item, Custom) for item in routes)),
        ingresses=Loaded(items=tuple(msgspec.convert(item, Ingress) for item in ingresses)),
        ingress_classes=Loaded(items=(CLASS,)),
        middlewares=Loaded(),
        traefik_services=Loaded(items=tuple(msgspec.convert(item, Custom) for item in more)),
        services=Loaded(items=(msgspec.convert(shop, Service), before)),
        endpoint_slices=Loaded(items=tuple(msgspec.convert(item, EndpointSlice) for item in slices)),
    )
    return Scene(objects=objects, controller=controller, static=static_of(pod), version="v3.7.9")


def seen(scene: Scene) -> tuple[ProxySight, ...]:
    return view_of(scene, Target.parse("http://a.com/"), RouteQuestion(entry_point="web")).proxied


NATIVE = {"name": "shop", "port": 80, "nativeLB": True}
PLAIN = {"name": "shop", "port": 80}
BY_DEFAULT = (
    "--providers.kubernetescrd.nativelbbydefault=true",
    "--providers.kubernetesingress.nativelbbydefault=true",
)
SPLIT = thing("TraefikService", "split", {"weighted": {"services": [NATIVE]}})
WORD = {"traefik.ingress.kubernetes.io/service.nativelb": "true"}
NATIVES = [
    pytest.param(a_scene(a_route(PLAIN)), False, id="servers-of-endpoints-are-traefiks-own-choice"),
    pytest.param(a_scene(a_route(NATIVE)), True, id="nativeLB-of-the-route"),
    pytest.param(a_scene(a_route(PLAIN), args=BY_DEFAULT), True, id="nativeLB-by-default"),
    pytest.param(
        a_scene(a_route({**NATIVE, "nativeLB": False}), args=BY_DEFAULT),
        False,
        id="the-routes-word-wins-over-the-default",
    ),
    pytest.param(
        a_scene(a_route({"name": "split", "kind": "TraefikService"}), more=(SPLIT,)),
        True,
        id="through-a-TraefikService",
    ),
    pytest.param(a_scene(ingresses=(an_ingress_of(),)), False, id="an-ingress-without-it"),
    pytest.param(
        a_scene(ingresses=(an_ingress_of(),), service={"annotations": WORD}), True, id="the-services-annotation"
    ),
    pytest.param(a_scene(ingresses=(an_ingress_of(),), args=BY_DEFAULT), True, id="an-ingress-by-default"),
    pytest.param(a_scene(a_route(PLAIN), service={"annotations": WORD}), False, id="not-for-an-IngressRoute"),
]


@pytest.mark.parametrize(("scene", "native"), NATIVES)
def test_a_cluster_ip_is_followed_from_traefiks_nodes(scene: Scene, native: bool) -> None:
    sights = seen(scene)

    assert [(item.node, item.address, item.port) for item in sights] == ([("node-1", "10.0.0.1", 80)] if native else [])
    assert all(item.endpoints == ("10.1.0.1:8080", "10.1.0.2:8080") for item in sights)


LOCAL = [
    pytest.param({"internalTrafficPolicy": "Local"}, ("10.1.0.1:8080",), id="local-pods-only"),
    pytest.param({"internalTrafficPolicy": "Cluster"}, ("10.1.0.1:8080", "10.1.0.2:8080"), id="all-of-the-cluster"),
]


@pytest.mark.parametrize(("service", "endpoints"), LOCAL)
def test_the_internal_policy_decides(service: dict[str, Any], endpoints: tuple[str, ...]) -> None:
    (sight,) = seen(a_scene(a_route(NATIVE), service=service))

    assert sight.endpoints == endpoints


def test_only_nodes_with_a_traefik_answer_under_the_local_policy() -> None:
    nodes = Loaded(items=tuple(msgspec.convert({"metadata": {"name": f"node-{n}"}}, Node) for n in (1, 2)))
    scene = a_scene(a_route(PLAIN), front=a_front(externalTrafficPolicy="Local"))
    scene = replace(scene, objects=replace(scene.objects, nodes=nodes))

    assert [(item.node, item.port, item.endpoints, item.dropped) for item in seen(scene)] == [
        ("node-1", 30080, ("10.1.0.1:8000",), False),
        ("node-2", 30080, (), True),
    ]


def test_where_endpoints_are_not_known_nothing_is_said() -> None:
    scene = a_scene(a_route(NATIVE))
    gap = Unavailable(wanted="slices", reason="403")

    assert seen(replace(scene, objects=replace(scene.objects, endpoint_slices=gap))) == ()
