"""Reading the policies between controller and backend, no more of them than there is reason to."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import an_exchange, an_origin
from build.backend import (
    NOT_ASKED,
    a_controller,
    a_policy,
    a_view,
)
from build.cluster import FakeCluster
from ingressdoctor.api import (
    BackendView,
    PolicyVerdict,
    Unavailable,
)
from ingressdoctor.collect.policy import policy_verdict

POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"


DENY = a_policy("deny", podSelector={}, policyTypes=["Ingress"])
SILENT = a_policy("silent", namespace="traefik", podSelector={}, policyTypes=["Egress"])
BY_LABEL = a_policy(podSelector={}, ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]}])
BROKEN = an_origin(an_exchange(504))


async def verdict_of(cluster: FakeCluster, origin: Any = NOT_ASKED, view: BackendView | None = None) -> Any:
    return await policy_verdict.function(cluster, view or a_view(), a_controller(), origin)


def policies(shop: list[Any], traefik: list[Any], **more: Any) -> FakeCluster:
    namespace = {"kind": "Namespace", "metadata": {"name": "traefik", "labels": {"team": "edge"}}}
    return FakeCluster(
        {POLICIES.format("shop"): shop, POLICIES.format("traefik"): traefik, "/api/v1/namespaces/traefik": namespace},
        **more,
    )


VERDICTS: list[Any] = [
    pytest.param([], [], an_origin(), True, 1, id="requests-pass-so-one-list-is-enough"),
    pytest.param([], [SILENT], BROKEN, False, 2, id="504-makes-the-controllers-namespace-suspect"),
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


async def test_without_pods_no_policy_is_read() -> None:
    cluster = policies([], [])

    assert isinstance(await verdict_of(cluster, view=a_view(pods=())), Unavailable)
    assert cluster.asked == []
