"""What NetworkPolicies say about the way of one request: with which policy and rule, and where that is not known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from build.cluster import FakeCluster
from build.controller import a_traefik_pod, a_traefik_service
from build.routing import ARGS, a_route, a_service
from ingressdoctor.collect.controller import judge_controller
from ingressdoctor.collect.route_around import Around, look_around, of_files
from ingressdoctor.collect.route_policies import with_around
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.collect.route_view import view_of
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.evidence.backend import PolicyVerdict
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, NetworkPolicy, Pod, Resource, Service
from ingressdoctor.evidence.route_view import PolicyLeg, PolicySight, RouteQuestion, RouteView
from ingressdoctor.evidence.routes import Custom, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target

HOME = "traefik"
TRAEFIK = {"app.kubernetes.io/name": "traefik"}
PODS = "/api/v1/namespaces/ns/pods"


def a_policy(namespace: str = "ns", labels: dict[str, str] | None = None, **spec: Any) -> NetworkPolicy:
    found = {"podSelector": {"matchLabels": labels} if labels else {}, **spec}
    raw = {"kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": namespace}, "spec": found}
    return msgspec.convert(raw, NetworkPolicy)


def a_pod(name: str = "shop-1", **spec: Any) -> Pod:
    raw = {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "ns", "labels": {"app": "shop"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "shop"}], **spec},
        "status": {"phase": "Running", "podIP": "10.1.0.7", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    return msgspec.convert(raw, Pod)


def a_scene(*policies: NetworkPolicy, pod: Pod | None = None, front: Service | None = None) -> Scene:
    pod = pod or a_traefik_pod(args=ARGS)
    controller = judge_controller([pod], Loaded(items=(front,) if front else ()))
    assert not isinstance(controller, Unavailable)
    service, part = a_service(selector={"app": "shop"}, ports=[{"port": 80, "name": "http", "targetPort": 8080}])
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


def around(*pods: Pod, **more: Any) -> Around:
    return Around(pods={("ns", "shop"): pods or (a_pod(),)}, **more)


def seen(scene: Scene, here: Around | None = None, url: str = "http://a.com/", client: str = "") -> RouteView:
    view = view_of(scene, Target.parse(url, client_ip=client), RouteQuestion(entry_point="web"))
    return with_around(scene, view, here or around())


def to_pods(view: RouteView) -> PolicyVerdict | Unavailable:
    (sight,) = (item for item in view.policies if item.leg is PolicyLeg.TO_PODS)
    return sight.verdict


def judged(view: RouteView) -> PolicyVerdict:
    verdict = to_pods(view)
    assert isinstance(verdict, PolicyVerdict)
    return verdict


def said(view: RouteView) -> str:
    assert view.answer is not None
    return " ".join((view.answer.why, *view.answer.limits))


FROM_TRAEFIK = {
    "from": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": HOME}},
            "podSelector": {"matchLabels": TRAEFIK},
        }
    ]
}
TO_SHOP = {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ns"}}}]}


def ports(number: int) -> dict[str, Any]:
    return {"ports": [{"protocol": "TCP", "port": number}]}


VERDICTS = [
    pytest.param([], True, "", 0, id="no-policy-at-all"),
    pytest.param([a_policy()], False, "NetworkPolicy ns/deny", 0, id="default-deny-without-a-rule"),
    pytest.param([a_policy(labels={"app": "other"})], True, "", 0, id="selects-other-pods"),
    pytest.param([a_policy("elsewhere")], True, "", 0, id="of-another-namespace"),
    pytest.param([a_policy(ingress=[FROM_TRAEFIK])], True, "NetworkPolicy ns/deny", 1, id="allowed-by-its-first-rule"),
    pytest.param(
        [a_policy(ingress=[{"from": [{"podSelector": {}}]}, {**FROM_TRAEFIK, **ports(8080)}])],
        True,
        "NetworkPolicy ns/deny",
        2,
        id="allowed-by-its-second-rule",
    ),
    pytest.param(
        [a_policy(ingress=[{**FROM_TRAEFIK, **ports(80)}])],
        False,
        "NetworkPolicy ns/deny",
        1,
        id="the-service-port-is-not-the-pods-port",
    ),
    pytest.param([a_policy(HOME, policyTypes=["Egress"])], False, "NetworkPolicy traefik/deny", 0, id="egress-denied"),
    pytest.param([a_policy(HOME, egress=[TO_SHOP])], True, "NetworkPolicy traefik/deny", 1, id="egress-allowed"),
    pytest.param([a_policy("ns", policyTypes=["Egress"])], True, "", 0, id="egress-of-the-backend-does-not-matter"),
    pytest.param(
        [a_policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]}])],
        None,
        "NetworkPolicy ns/deny",
        1,
        id="labels-of-the-namespace-unknown",
    ),
]


@pytest.mark.parametrize(("policies", "allowed", "policy", "rule"), VERDICTS)
def test_the_verdict_names_policy_and_rule(
    policies: list[NetworkPolicy], allowed: bool | None, policy: str, rule: int
) -> None:
    verdict = judged(seen(a_scene(*policies)))

    assert (verdict.allowed, verdict.deciding, verdict.rule) == (allowed, policy, rule)
    assert [side.direction for side in verdict.sides] == ["ingress", "egress"]
    assert verdict.port == 8080


def test_labels_of_the_namespace_decide_once_they_are_known() -> None:
    policy = a_policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]}])
    known = around(namespaces={HOME: {"team": "edge"}})

    assert judged(seen(a_scene(policy), known)).allowed is True
    assert judged(seen(a_scene(policy), around(namespaces={HOME: {}}))).allowed is False


def test_a_denial_is_what_the_client_gets() -> None:
    view = seen(a_scene(a_policy()))

    assert view.answer is not None
    assert view.answer.source == "controller"
    assert view.answer.status is None
    assert "NetworkPolicy ns/deny keeps Traefik from the pods: 504" in view.answer.why


def test_pods_on_some_nodes_denied_is_undecided() -> None:
    node = {"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}
    here = around(a_pod(), a_pod("shop-2", nodeName="node-2"))
    source = a_traefik_pod(args=ARGS, spec={"hostNetwork": True, "nodeName": "node-1"})

    verdict = judged(seen(a_scene(a_policy(ingress=[node]), pod=source), here))

    assert verdict.allowed is None
    assert "it depends on the node" in verdict.why


def test_a_host_network_is_told() -> None:
    source = a_traefik_pod(args=ARGS, spec={"hostNetwork": True, "nodeName": "node-9"})

    verdict = judged(seen(a_scene(a_policy(ingress=[FROM_TRAEFIK]), pod=source)))

    assert verdict.allowed is False
    assert any("no podSelector means it" in limit for limit in verdict.limits)
    there = judged(seen(a_scene(a_policy()), around(a_pod(hostNetwork=True))))
    assert (there.allowed, there.limits) == (
        True,
        ("the pods use their node's network, where NetworkPolicies do not hold",),
    )


def test_policies_of_the_plugin_are_named_and_not_evaluated() -> None:
    verdict = judged(seen(a_scene(), around(foreign=("1 CiliumNetworkPolicy of namespace ns (lock)",))))

    assert verdict.allowed is True
    assert verdict.foreign == ("1 CiliumNetworkPolicy of namespace ns (lock)",)


UNKNOWN = Around(pods={("ns", "shop"): Unavailable(wanted="pods", reason="403")})
SELECTING = [
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
]


@pytest.mark.parametrize(("policy", "named"), SELECTING)
def test_without_pods_those_that_may_matter_are_named(policy: NetworkPolicy, named: bool) -> None:
    view = seen(a_scene(policy), UNKNOWN)

    assert isinstance(to_pods(view), Unavailable) is named
    assert (f"{policy.namespace}/deny" in said(view)) is named
    assert ("are not known: 403" in said(view)) is named


def test_only_some_are_named() -> None:
    assert said(seen(a_scene(*[a_policy()] * 5), UNKNOWN)).count("ns/deny") == 3
    assert " and 2 more " in said(seen(a_scene(*[a_policy()] * 5), UNKNOWN))


def test_not_allowed_to_look_is_not_none() -> None:
    scene = replace(a_scene(), policies=Unavailable(wanted="NetworkPolicies", reason="403"))

    assert "whether NetworkPolicies let Traefik reach the pods is not known: 403" in said(seen(scene))


GAPS = [
    pytest.param(around(a_pod(nodeName="n")), "", id="known"),
    pytest.param(Around(pods={("ns", "shop"): ()}), "has no pod to reach", id="no-pod"),
    pytest.param(Around(pods={}), "are not known: not listed", id="nobody-looked"),
]


@pytest.mark.parametrize(("here", "reason"), GAPS)
def test_what_is_missing_is_said(here: Around, reason: str) -> None:
    verdict = to_pods(seen(a_scene(a_policy()), here))

    assert isinstance(verdict, Unavailable) is bool(reason)
    assert reason in (verdict.reason if isinstance(verdict, Unavailable) else "")


def test_an_answer_of_traefiks_own_does_not_depend_on_them() -> None:
    assert seen(a_scene(a_policy()), url="http://b.com/").policies == ()


def front(**spec: Any) -> Service:
    made = a_traefik_service()
    return replace(made, spec=replace(made.spec, **spec))


def to_controller(view: RouteView) -> PolicySight | None:
    return next((item for item in view.policies if item.leg is PolicyLeg.TO_CONTROLLER), None)


WEB = {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}
LOCAL = front(external_traffic_policy="Local")
CLIENTS = [
    pytest.param(LOCAL, [], "198.51.100.7", None, None, id="no-policy-selects-traefik"),
    pytest.param(LOCAL, [WEB], "198.51.100.7", True, "", id="the-clients-own-address-is-let-in"),
    pytest.param(LOCAL, [WEB], "203.0.113.9", False, "", id="another-is-not"),
    pytest.param(LOCAL, [WEB], "", None, "--client-ip", id="which-client-is-not-said"),
    pytest.param(front(), [WEB], "198.51.100.7", False, "from a node's address", id="nodes-stand-in-for-clients"),
    pytest.param(LOCAL, [{}], "", True, "", id="everybody-is-let-in"),
]


@pytest.mark.parametrize(("service", "rules", "client", "allowed", "limit"), CLIENTS)
def test_clients_must_reach_traefik_itself(
    service: Service, rules: list[Any], client: str, allowed: bool | None, limit: str | None
) -> None:
    policies = [a_policy(HOME, ingress=rules)] if limit is not None else []

    sight = to_controller(seen(a_scene(*policies, front=service), client=client))

    assert (sight is None) is (limit is None)
    if sight is not None and limit is not None:
        assert isinstance(sight.verdict, PolicyVerdict)
        assert sight.verdict.allowed is allowed
        assert limit in " ".join(sight.verdict.limits)


def test_behind_proxy_protocol_the_balancer_is_the_client() -> None:
    pod = a_traefik_pod(args=(*ARGS, "--entrypoints.web.proxyprotocol.insecure=true"))
    sight = to_controller(seen(a_scene(a_policy(HOME, ingress=[WEB]), pod=pod, front=LOCAL), client="198.51.100.7"))

    assert sight is not None
    assert isinstance(sight.verdict, PolicyVerdict)
    assert sight.verdict.allowed is None
    assert "load balancer's address" in sight.verdict.limits[0]


BY_LABEL = a_policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]}])


def a_cluster(**more: Any) -> FakeCluster:
    pod = msgspec.to_builtins(a_pod())
    namespaces = {
        f"/api/v1/namespaces/{name}": {"kind": "Namespace", "metadata": {"name": name, "labels": {"team": "edge"}}}
        for name in ("ns", HOME)
    }
    return FakeCluster({PODS: [pod], "/apis": {"groups": []}, **namespaces}, **more)


async def looked(cluster: FakeCluster, scene: Scene) -> Around:
    view = view_of(scene, Target.parse("http://a.com/"), RouteQuestion(entry_point="web"))
    return await look_around(cluster, scene, view)


async def test_a_cluster_is_asked_for_the_pods_of_the_service_only() -> None:
    cluster = a_cluster()

    found = await looked(cluster, a_scene())

    assert [pod.name for pod in found.pods["ns", "shop"]] == ["shop-1"]  # type: ignore[union-attr]
    assert len(cluster.asked) == 2


async def test_labels_of_namespaces_are_read_where_a_policy_asks_for_them() -> None:
    found = await looked(a_cluster(), a_scene(BY_LABEL))

    assert found.namespaces == {"ns": {"team": "edge"}, HOME: {"team": "edge"}}


async def test_what_a_cluster_refuses_is_a_gap() -> None:
    refused = {PODS: 403, f"/api/v1/namespaces/{HOME}": 403, "/api/v1/namespaces/ns": 404}

    found = await looked(a_cluster(statuses=refused), a_scene(BY_LABEL))

    assert isinstance(found.pods["ns", "shop"], Unavailable)
    assert len(found.gaps) == 2


async def test_nothing_is_asked_where_traefik_answers_itself() -> None:
    cluster, scene = a_cluster(), a_scene(BY_LABEL)
    view = view_of(scene, Target.parse("http://b.com/"), RouteQuestion(entry_point="web"))

    await look_around(cluster, scene, view)

    assert cluster.asked == []


def test_files_know_the_labels_of_the_namespaces_that_they_hold() -> None:
    labelled = msgspec.convert({"kind": "Namespace", "metadata": {"name": HOME, "labels": {"team": "edge"}}}, Resource)
    scene = replace(a_scene(BY_LABEL), pods=(a_pod(),), namespaces=(labelled,))
    view = view_of(scene, Target.parse("http://a.com/"), RouteQuestion(entry_point="web"))

    found = of_files(scene, view)

    assert judged(with_around(scene, view, found)).allowed is True
    assert found.gaps == ("the labels of namespace ns are not known: the files hold no such Namespace",)
