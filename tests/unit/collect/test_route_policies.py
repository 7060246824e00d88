"""Which NetworkPolicies an answer of the application names as not judged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from build.controller import a_traefik_pod
from build.routing import ARGS, a_route, a_service
from ingressdoctor.collect.controller import judge_controller
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.collect.route_view import view_of
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, NetworkPolicy, Service
from ingressdoctor.evidence.route_view import RouteQuestion
from ingressdoctor.evidence.routes import Custom, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target


def a_policy(namespace: str = "ns", labels: dict[str, str] | None = None, **spec: Any) -> NetworkPolicy:
    found = {"podSelector": {"matchLabels": labels} if labels else {}, **spec}
    return msgspec.convert({"metadata": {"name": "deny", "namespace": namespace}, "spec": found}, NetworkPolicy)


def a_scene(*policies: NetworkPolicy) -> Scene:
    pod = a_traefik_pod(args=ARGS)
    controller = judge_controller([pod], Loaded())
    assert not isinstance(controller, Unavailable)
    service, part = a_service(selector={"app": "shop"})
    objects = RoutingObjects(
        ingress_routes=Loaded(items=(msgspec.convert(a_route(), Custom),)),
        ingresses=Loaded(),
        ingress_classes=Loaded(),
        middlewares=Loaded(),
        traefik_services=Loaded(),
        services=Loaded(items=(msgspec.convert(service, Service),)),
        endpoint_slices=Loaded(items=(msgspec.convert(part, EndpointSlice),)),
    )
    return Scene(
        objects=objects, controller=controller, static=static_of(pod), version="v3.7.9", policies=Loaded(items=policies)
    )


def said(scene: Scene, url: str = "http://a.com/") -> str:
    answer = view_of(scene, Target.parse(url), RouteQuestion()).answer
    assert answer is not None
    return " ".join(item for item in answer.limits if "NetworkPolic" in item)


HOME = a_traefik_pod(args=ARGS).namespace


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        pytest.param(a_policy(), True, id="selects-every-pod"),
        pytest.param(a_policy(labels={"app": "shop"}), True, id="selects-the-pods-of-the-service"),
        pytest.param(a_policy(labels={"tier": "web"}), True, id="a-label-that-the-service-does-not-tell"),
        pytest.param(a_policy(labels={"app": "other"}), False, id="selects-pods-of-another-service"),
        pytest.param(a_policy("other"), False, id="of-another-namespace"),
        pytest.param(a_policy(policyTypes=["Egress"]), False, id="egress-of-the-backend"),
        pytest.param(a_policy(HOME), False, id="ingress-of-the-controller"),
        pytest.param(a_policy(HOME, policyTypes=["Egress"]), True, id="egress-of-the-controller"),
        pytest.param(a_policy(HOME, egress=[{}]), True, id="egress-rules-of-the-controller"),
        pytest.param(a_policy(HOME, {"app.kubernetes.io/name": "other"}, egress=[{}]), False, id="egress-of-others"),
        pytest.param(a_policy(podSelector=None, policyTypes="x"), True, id="junk"),
    ],
)
def test_policies_that_may_stand_in_the_way_are_named(policy: NetworkPolicy, named: bool) -> None:
    assert (f"{policy.namespace}/deny" in said(a_scene(policy))) is named


def test_only_some_are_named() -> None:
    assert said(a_scene(*[a_policy()] * 5)).count("ns/deny") == 3
    assert " and 2 more " in said(a_scene(*[a_policy()] * 5))


def test_not_allowed_to_look_is_not_none() -> None:
    scene = replace(a_scene(), policies=Unavailable(wanted="NetworkPolicies", reason="403"))

    assert said(scene) == "whether NetworkPolicies keep Traefik from the pods is not known: 403"


def test_those_of_files_are_counted() -> None:
    scene = replace(a_scene(), policies=None)

    assert said(scene) == ""
    assert said(replace(scene, ignored={"NetworkPolicy": 2})) == "not judged: the NetworkPolicies among the files (2)"


def test_an_answer_of_traefiks_own_does_not_depend_on_them() -> None:
    assert said(a_scene(a_policy()), "http://b.com/") == ""
