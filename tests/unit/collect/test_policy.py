"""Reading the policies between controller and backend, no more of them than there is reason to."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import an_exchange, an_origin
from build.backend import (
    NOT_ASKED,
    a_controller,
    a_pod,
    a_policy,
    a_view,
)
from build.cluster import FakeCluster
from build.values import replace
from ingressdoctor.api import (
    BackendView,
    PolicyVerdict,
    Reach,
    Unavailable,
)
from ingressdoctor.collect.policy import backend_policies, judge, pairs, policy_verdict
from ingressdoctor.evidence.backend import BackendDialler, ChosenBackend

POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"


DENY = a_policy("deny", podSelector={}, policyTypes=["Ingress"])
SILENT = a_policy("silent", namespace="traefik", podSelector={}, policyTypes=["Egress"])
BY_LABEL = a_policy(podSelector={}, ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]}])
BROKEN = an_origin(an_exchange(504))


async def verdict_of(cluster: FakeCluster, origin: Any = NOT_ASKED, view: BackendView | None = None) -> Any:
    dialler = BackendDialler(pods=a_controller().pods)
    return await judged_by(cluster, dialler, origin, view or a_view())


async def judged_by(cluster: FakeCluster, dialler: BackendDialler, origin: Any, view: BackendView) -> Any:
    listed = await backend_policies.function(cluster, ChosenBackend(ref=view.ref, route="IngressRoute shop/web"))
    return await policy_verdict.function(cluster, listed, view, dialler, origin, NOT_ASKED)


def policies(shop: list[Any], traefik: list[Any], **more: Any) -> FakeCluster:
    namespace = {"kind": "Namespace", "metadata": {"name": "traefik", "labels": {"team": "edge"}}}
    return FakeCluster(
        {POLICIES.format("shop"): shop, POLICIES.format("traefik"): traefik, "/api/v1/namespaces/traefik": namespace},
        **more,
    )


VERDICTS: list[Any] = [
    pytest.param([], [], an_origin(), True, 1, id="requests-pass-so-one-list-is-enough"),
    pytest.param([], [SILENT], BROKEN, False, 3, id="504-makes-the-controllers-namespace-suspect-and-the-plugin"),
    pytest.param([], [SILENT], NOT_ASKED, False, 2, id="so-does-not-knowing"),
    pytest.param([DENY], [SILENT], BROKEN, False, 1, id="denied-already"),
    pytest.param([BY_LABEL], [], an_origin(), True, 2, id="namespace-labels-on-demand"),
]


@pytest.mark.parametrize(("shop", "traefik", "origin", "allowed", "requests"), VERDICTS)
async def test_policies(shop: list[Any], traefik: list[Any], origin: Any, allowed: bool, requests: int) -> None:
    cluster = policies(shop, traefik)

    verdict = await verdict_of(cluster, origin)

    assert isinstance(verdict, PolicyVerdict)
    assert verdict.allowed is allowed
    assert len(cluster.asked) == requests


async def test_namespace_labels_that_may_not_be_read_leave_it_open() -> None:
    cluster = policies([BY_LABEL], [], statuses={"/api/v1/namespaces/traefik": 403})

    assert (await verdict_of(cluster, an_origin())).allowed is None


async def test_policies_that_may_not_be_read() -> None:
    refused = await verdict_of(policies([], [], statuses={POLICIES.format("shop"): 403}))
    assert isinstance(refused, Unavailable)

    half = await verdict_of(policies([], [], statuses={POLICIES.format("traefik"): 403}))
    assert half.allowed is True
    assert any("namespace traefik" in limit for limit in half.limits)


async def test_without_pods_there_is_nothing_to_judge() -> None:
    cluster = policies([DENY], [])

    verdict = await verdict_of(cluster, view=a_view(pods=()))

    assert isinstance(verdict, Unavailable)
    assert "no pair of a pod" in verdict.reason
    assert len(cluster.asked) == 1


GROUPS = {
    "kind": "APIGroupList",
    "groups": [
        {"name": "cilium.io", "preferredVersion": {"version": "v2"}},
        {"name": "policy.networking.k8s.io", "preferredVersion": {"version": "v1alpha1"}},
        {"name": "apps", "preferredVersion": {"version": "v1"}},
    ],
}
CILIUM = "/apis/cilium.io/v2"
ELSEWHERE = {"kind": "CiliumNetworkPolicy", "metadata": {"name": "other", "namespace": "elsewhere"}}
LOCK = {"kind": "CiliumNetworkPolicy", "metadata": {"name": "lock", "namespace": "shop"}}


def with_plugin(statuses: dict[str, int] | None = None, objects: dict[str, Any] | None = None) -> FakeCluster:
    cluster = policies([], [], statuses=statuses or {})
    cluster.objects = {
        **cluster.objects,
        "/apis": GROUPS,
        f"{CILIUM}/ciliumnetworkpolicies": [LOCK, ELSEWHERE],
        f"{CILIUM}/ciliumclusterwidenetworkpolicies": [],
        **(objects or {}),
    }
    return cluster


async def test_policies_of_the_network_plugin_are_named_when_there_is_a_doubt() -> None:
    cluster = with_plugin()

    verdict = await verdict_of(cluster, BROKEN)

    assert verdict.allowed is True
    assert verdict.foreign == ("1 CiliumNetworkPolicy of namespace shop (lock)",)
    assert len(cluster.asked) == 8


async def test_policies_for_the_whole_cluster_count_and_so_do_those_that_do_not_decode() -> None:
    wide = {"metadata": {"name": "everyone"}}
    cluster = with_plugin(objects={f"{CILIUM}/ciliumclusterwidenetworkpolicies": [wide, {"metadata": {"name": 5}}]})

    assert (await verdict_of(cluster, BROKEN)).foreign[1:] == (
        "1 CiliumClusterwideNetworkPolicy (everyone)",
        "1 CiliumClusterwideNetworkPolicy of an unexpected shape",
    )


CALM = [
    pytest.param(an_origin(), id="requests-pass"),
    pytest.param(NOT_ASKED, id="the-origin-was-not-asked"),
    pytest.param(an_origin(an_exchange(0, reach=Reach.REFUSED)), id="requests-do-not-even-arrive"),
]


@pytest.mark.parametrize("origin", CALM)
async def test_without_a_doubt_nobody_asks_for_them(origin: Any) -> None:
    cluster = with_plugin()

    verdict = await verdict_of(cluster, origin)

    assert verdict.foreign == ()
    assert "/apis" not in cluster.asked
    assert any("were not read" in limit for limit in verdict.limits)


async def test_policies_of_the_plugin_that_may_not_be_read_are_a_limit() -> None:
    verdict = await verdict_of(with_plugin({f"{CILIUM}/ciliumclusterwidenetworkpolicies": 403}), BROKEN)

    assert any("CiliumClusterwideNetworkPolicy could not be read" in limit for limit in verdict.limits)


GROUP_ANSWERS = [
    pytest.param({"groups": None}, {}, "not known", id="null-groups"),
    pytest.param({"groups": [None]}, {}, "not known", id="null-group"),
    pytest.param({"groups": []}, {"/apis": 403}, "not known", id="forbidden"),
    pytest.param({"groups": []}, {"/apis": 0}, "cannot be reached", id="unreachable"),
]


@pytest.mark.parametrize(("answer", "statuses", "words"), GROUP_ANSWERS)
async def test_api_groups_that_cannot_be_told(answer: Any, statuses: dict[str, int], words: str) -> None:
    verdict = await verdict_of(with_plugin(statuses, {"/apis": answer}), BROKEN)

    assert verdict.foreign == ()
    assert any(words in limit for limit in verdict.limits)


async def test_a_cluster_without_such_kinds_has_none() -> None:
    verdict = await verdict_of(with_plugin(objects={"/apis": {"groups": []}}), BROKEN)

    assert (verdict.foreign, verdict.limits) == ((), ())


async def test_labels_that_may_not_be_read_on_the_far_side_leave_it_open() -> None:
    """The controller's own policies ask for labels of the backend's namespace."""
    peer = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
    out = a_policy("out", namespace="traefik", podSelector={}, policyTypes=["Egress"], egress=[{"to": [peer]}])

    for origin in (BROKEN, NOT_ASKED):
        verdict = await verdict_of(policies([], [out], statuses={"/api/v1/namespaces/shop": 403}), origin)
        assert isinstance(verdict, Unavailable)
        assert "403" in verdict.reason


async def test_a_namespace_that_is_gone_has_no_labels_to_go_by() -> None:
    cluster = policies([BY_LABEL], [])
    del cluster.objects["/api/v1/namespaces/traefik"]  # type: ignore[attr-defined]

    assert (await verdict_of(cluster, an_origin())).allowed is None


async def test_a_controller_in_the_backends_namespace_costs_one_list() -> None:
    cluster = policies([], [])

    dialler = BackendDialler(pods=a_controller(namespace="shop").pods)
    verdict = await judged_by(cluster, dialler, NOT_ASKED, a_view())

    assert isinstance(verdict, PolicyVerdict)
    assert len(cluster.asked) == 1


def test_some_denied_and_some_not_is_no_plain_answer() -> None:
    own = a_policy("own", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Ingress"])
    near = a_pod("near", namespace="traefik", node="node-1", spec={"hostNetwork": True})
    far = a_pod("far", namespace="traefik", node="node-9", spec={"hostNetwork": True})
    target = a_pod("web", node="node-1")

    verdict = judge(((near, target, 8080), (far, target, 8080)), (own,), {})

    assert verdict.allowed is None
    assert "from Pod near to Pod web it is allowed: it depends on the node" in verdict.why


def test_without_the_port_there_is_no_connection_to_judge() -> None:
    assert pairs(replace(a_view(), port=None), a_controller()) == ()
