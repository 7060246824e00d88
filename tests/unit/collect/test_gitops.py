"""Finding the Argo CD Application of a route that is there, and of one that is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.answers import an_exchange, an_outside
from build.backend import (
    a_decision,
)
from build.certificates import (
    a_resource,
    an_application,
)
from build.cluster import FakeCluster, asked_later, later
from build.gateway import an_http_route, gateway_objects
from build.routes import a_candidate
from build.routes import a_decision as a_route_decision
from ingressdoctor.api import (
    GitOpsView,
    Loaded,
    RoutingObjects,
    Unavailable,
)
from ingressdoctor.collect.gitops import collect_applications, gitops_view, owner_of
from ingressdoctor.evidence.routes import Custom

APPLICATIONS = "/apis/argoproj.io/v1alpha1/applications"


def route(annotation: str = "", name: str = "web") -> Custom:
    meta = {"name": name, "namespace": "shop", "annotations": {"argocd.argoproj.io/tracking-id": annotation}}
    return msgspec.convert({"kind": "IngressRoute", "metadata": meta}, Custom)


def objects_of(*routes: Custom) -> RoutingObjects:
    return RoutingObjects(
        ingress_routes=Loaded(items=routes),
        ingresses=Loaded(),
        middlewares=Loaded(),
        ingress_classes=Loaded(),
        traefik_services=Loaded(),
    )


TRACKED = [
    pytest.param("shop-prod:traefik.io/IngressRoute:shop/web", "shop-prod", id="its-own"),
    pytest.param("team_shop:traefik.io/IngressRoute:shop/web", "team/shop", id="application-in-another-namespace"),
    pytest.param("shop-prod:traefik.io/IngressRoute:shop/other", "", id="copied-from-another-object"),
    pytest.param("shop-prod:/Service:shop/web", "", id="another-kind"),
    pytest.param("nonsense", "", id="nonsense"),
]


@pytest.mark.parametrize(("annotation", "expected"), TRACKED)
def test_owner_of(annotation: str, expected: str) -> None:
    assert owner_of(route(annotation)) == expected


TRACKING = "argocd.argoproj.io/tracking-id"
OWNED = "gate:gateway.networking.k8s.io/HTTPRoute:shop/shop"


async def test_a_route_of_the_gateway_api_names_its_owner_too() -> None:
    winner = a_candidate(ref="HTTPRoute shop/shop")
    view = await seen(FakeCluster({}), a_route_decision(winner), objects_of(), an_outside())

    assert isinstance(view, GitOpsView)
    assert view.application == "gate"


async def seen(cluster: FakeCluster, decision: Any, objects: Any, outside: Any) -> GitOpsView | Unavailable:
    found = await gitops_view.function(
        cluster,
        decision,
        objects,
        outside,
        asked_later(cluster, collect_applications),
        later(gateway_objects(an_http_route(metadata={"annotations": {TRACKING: OWNED}}))),
    )
    assert isinstance(found, GitOpsView | Unavailable)
    return found


async def test_a_live_route_names_its_owner_without_a_request() -> None:
    cluster = FakeCluster({})
    objects = objects_of(route("shop-prod:traefik.io/IngressRoute:shop/web"))

    view = await seen(cluster, a_decision(), objects, an_outside())

    assert isinstance(view, GitOpsView)
    assert (view.application, view.listed) == ("shop-prod", False)
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("resources", "missing"),
    [
        pytest.param([a_resource(), a_resource(name="api")], ["IngressRoute shop/api"], id="a-sibling-is-in-git-only"),
        pytest.param([a_resource(status="Synced")], [], id="all-routes-are-there"),
        pytest.param([a_resource("Service", "api", health={"status": "Missing"})], [], id="no-route-is-missing"),
    ],
)
async def test_when_the_application_answers_404_its_owner_is_asked_for_routes_that_are_missing(
    resources: list[dict[str, Any]], missing: list[str]
) -> None:
    others = an_application("other", resources=[a_resource(name="elsewhere")])
    cluster = FakeCluster({APPLICATIONS: [an_application(resources=resources), others]})
    objects = objects_of(route("shop-prod:traefik.io/IngressRoute:shop/web"))

    view = await seen(cluster, a_decision(), objects, an_outside(an_exchange(404)))

    assert isinstance(view, GitOpsView)
    assert (view.application, view.listed) == ("shop-prod", bool(missing))
    assert [item.ref for item in view.missing] == missing
    assert cluster.asked == [APPLICATIONS]


async def test_a_404_of_a_route_that_nobody_owns_asks_nothing_more_and_a_refusal_hides_nothing() -> None:
    unowned, refused = FakeCluster({}), FakeCluster({}, {APPLICATIONS: 403})
    answer, owned = an_outside(an_exchange(404)), route("shop-prod:traefik.io/IngressRoute:shop/web")

    nobody = await seen(unowned, a_decision(), objects_of(route()), answer)
    somebody = await seen(refused, a_decision(), objects_of(owned), answer)

    assert unowned.asked == []
    assert isinstance(nobody, GitOpsView)
    assert isinstance(somebody, GitOpsView)
    assert (nobody.application, somebody.application) == ("", "shop-prod")


async def test_without_a_route_the_applications_are_listed_once() -> None:
    cluster = FakeCluster({APPLICATIONS: [an_application(resources=[a_resource()])]})

    view = await seen(cluster, a_decision(routed=False), objects_of(), an_outside())

    assert cluster.asked == [APPLICATIONS]
    assert isinstance(view, GitOpsView)
    assert [item.ref for item in view.missing] == ["IngressRoute shop/web"]


async def test_argo_cd_need_not_be_there() -> None:
    absent = await seen(FakeCluster({}), a_decision(routed=False), objects_of(), an_outside())
    refused = await seen(FakeCluster({}, {APPLICATIONS: 403}), a_decision(routed=False), objects_of(), an_outside())

    assert isinstance(absent, Unavailable)
    assert absent.reason == "Argo CD is not installed"
    assert isinstance(refused, Unavailable)
    assert "403" in refused.reason
