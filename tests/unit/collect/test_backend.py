"""Reading the backend: what is asked when it is well and when it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from build.backend import (
    NOT_ASKED,
    a_controller,
    a_decision,
    a_pod,
    a_ref,
    a_service,
    a_view,
    an_event,
    slices_of,
    waiting,
)
from build.cluster import FakeCluster, later
from build.outside import TARGET
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.api import (
    BackendView,
    DroppedRoute,
    DropReason,
    RouteDecision,
    SourceError,
    Unavailable,
)
from ingressdoctor.collect.backend import backend_view, nearest_pods
from ingressdoctor.collect.destination import collect_destination, collect_routed
from ingressdoctor.evidence.backend import ChosenBackend, PodMaker, RoutedBackend, chosen_backend

CHOSEN = chosen_backend(a_decision())
LATER = later(NOT_ASKED)
SERVICES = "/api/v1/namespaces/shop/services"
PODS = "/api/v1/namespaces/shop/pods"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
EVENTS = "/api/v1/namespaces/shop/events"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


def a_cluster(*pods: Any, statuses: Mapping[str, int] | None = None, **more: list[Any]) -> FakeCluster:
    names = {"events": EVENTS, "deployments": DEPLOYMENTS}
    objects: dict[str, Any] = {
        f"{SERVICES}/web": a_service(),
        SERVICES: [a_service(), a_service("api")],
        PODS: list(pods),
        SLICES: list(slices_of([pod for pod in pods if pod.labels == {"app": "web"}])),
        EVENTS: [],
        DEPLOYMENTS: [],
        **{names[key]: value for key, value in more.items()},
    }
    return FakeCluster(objects, statuses)


async def routed(decision: RouteDecision | Unavailable) -> RoutedBackend | Unavailable:
    if isinstance(decision, Unavailable):
        return decision
    found = await collect_routed.function(decision, LATER)
    assert isinstance(found, RoutedBackend)
    return found


async def view_of(cluster: FakeCluster, **decision: Any) -> BackendView:
    own = await routed(a_decision(**decision))
    chosen = await collect_destination.function(TARGET, own, NOT_ASKED, NOT_ASKED, NOT_ASKED, LATER)
    view = await backend_view.function(cluster, chosen, a_controller())
    assert isinstance(view, BackendView)
    return view


async def test_a_healthy_backend_costs_three_requests() -> None:
    cluster = a_cluster(a_pod(), a_pod("web-2", ip="10.42.2.6"), a_pod("other", labels={"app": "db"}))

    view = await view_of(cluster)

    assert sorted(cluster.asked) == sorted([f"{SERVICES}/web", SLICES, PODS])
    assert [pod.name for pod in view.current_pods] == ["web-1", "web-2"]
    assert [item.address for item in view.serving] == ["10.42.1.5", "10.42.2.6"]


async def test_unwell_pods_cost_the_events_too() -> None:
    event = an_event("web-1", "BackOff", "restarting")
    sick = a_pod(ready=False, status=waiting("CrashLoopBackOff"))
    cluster = a_cluster(sick, events=[event, an_event("other", "x", "y")])

    view = await view_of(cluster)

    assert cluster.asked[3:] == [EVENTS]
    assert view.events == (event,)


async def test_no_pods_cost_the_namespaces_pods_and_deployments() -> None:
    maker = {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "web", "x": "y"}}}},
        "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]},
    }
    other = {"kind": "Deployment", "metadata": {"name": "db"}, "spec": {"template": None}}
    cluster = a_cluster(a_pod("wob-1", labels={"app": "wob"}), deployments=[maker, other])

    view = await view_of(cluster)

    assert sorted(cluster.asked[3:]) == sorted([PODS, DEPLOYMENTS])
    assert [pod.name for pod in view.near_pods] == ["wob-1"]
    assert view.makers == (PodMaker(ref="Deployment shop/web", replicas=3, message="exceeded quota"),)
    assert view.namespace_pods == 1


async def test_a_missing_service_costs_the_names_of_its_siblings() -> None:
    cluster = a_cluster(a_pod(), statuses={f"{SERVICES}/web": 404})

    view = await view_of(cluster)

    assert view.service is None
    assert view.siblings == ("web", "api")
    assert len(cluster.asked) == 3


async def test_what_may_not_be_read_is_said_part_by_part() -> None:
    refused = await backend_view.function(a_cluster(statuses={f"{SERVICES}/web": 403}), CHOSEN, NOT_ASKED)
    assert isinstance(refused, Unavailable)
    assert "services" in refused.enable_with

    view = await view_of(a_cluster(a_pod(), statuses={SLICES: 403, PODS: 403}))
    assert isinstance(view.slices, Unavailable)
    assert isinstance(view.endpoints, Unavailable)
    assert isinstance(view.pods, Unavailable)


async def test_an_api_server_that_cannot_be_reached_is_one_plain_error() -> None:
    cluster = a_cluster(statuses={f"{SERVICES}/web": 0, SLICES: 0})

    with pytest.raises(SourceError, match="cannot be reached"):
        await backend_view.function(cluster, CHOSEN, NOT_ASKED)


@pytest.mark.parametrize(
    ("decision", "route", "name", "tunnel"),
    [
        pytest.param(a_decision(), NOT_ASKED, "web", False, id="the-winner-of-the-controller"),
        pytest.param(a_decision(routed=False), NOT_ASKED, "", False, id="no-route-no-backend"),
        pytest.param(NOT_ASKED, NOT_ASKED, "", False, id="routes-could-not-be-read"),
        pytest.param(a_decision(), a_route(), "grafana", True, id="the-rule-of-a-tunnel-comes-before-routes"),
        pytest.param(NOT_ASKED, a_route(), "grafana", True, id="the-rule-of-a-tunnel-needs-no-route"),
        pytest.param(
            a_decision(),
            a_route(by_record=False, named=""),
            "web",
            False,
            id="names-of-the-same-pattern-decide-nothing",
        ),
        pytest.param(a_decision(), a_route(config=NOT_ASKED), "", False, id="rules-could-not-be-read"),
        pytest.param(a_decision(), a_route(rule=None, origin=None), "", False, id="rules-that-cloudflared-refuses"),
        pytest.param(a_decision(), a_route(service="http_status:404"), "", False, id="a-rule-without-a-service"),
    ],
)
async def test_destination(decision: Any, route: Any, name: str, tunnel: bool) -> None:
    found = await collect_destination.function(TARGET, await routed(decision), route, NOT_ASKED, NOT_ASKED, LATER)

    assert (found.ref.name if isinstance(found, ChosenBackend) else "") == name
    assert isinstance(found, ChosenBackend) is bool(name)
    assert (found.tunnel if isinstance(found, ChosenBackend) else False) is tunnel


async def test_behind_a_tunnel_the_backend_says_who_dials_and_where_the_rule_is() -> None:
    chosen = await collect_destination.function(TARGET, NOT_ASKED, a_route(), NOT_ASKED, NOT_ASKED, LATER)

    assert isinstance(chosen, ChosenBackend)
    assert (chosen.dialler, chosen.home) == ("cloudflared", ("-n", "cloudflared", "configmap", "cloudflared-config"))
    assert chosen.route == "Rule 2 of ConfigMap cloudflared/cloudflared-config, key config.yaml"


def dropped(reason: DropReason, name: str) -> DroppedRoute:
    return DroppedRoute(ref=f"IngressRoute shop/{name}", rule="x", reason=reason, detail="x", backends=(a_ref(name),))


CHOICES: list[Any] = [
    pytest.param(a_decision(), "web", True, id="the-winners"),
    pytest.param(
        a_decision(backends=(a_ref("old", weight=0), a_ref("new", weight=9))), "new", True, id="no-share-no-look"
    ),
    pytest.param(a_decision(backends=(a_ref("old", weight=0),)), "old", True, id="only-one-without-a-share"),
    pytest.param(
        a_decision(routed=False, dropped=(dropped(DropReason.RULE, "a"), dropped(DropReason.SERVICE_MISSING, "b"))),
        "b",
        False,
        id="the-dropped-route-that-lacks-its-service-first",
    ),
    pytest.param(a_decision(routed=False), None, False, id="none"),
    pytest.param(a_decision(backends=()), None, False, id="winner-without-a-service"),
]


@pytest.mark.parametrize(("decision", "name", "live"), CHOICES)
def test_which_backend_is_looked_at(decision: Any, name: str | None, live: bool) -> None:
    chosen = chosen_backend(decision)

    assert (chosen.ref.name if chosen else None) == name
    assert (chosen.live if chosen else False) is live


def test_the_nearest_pod_is_the_one_with_the_likest_value() -> None:
    pods = tuple(a_pod(name, labels={"name": name, "team": "a"}) for name in ("redis", "shop-api", "shopp"))

    assert [pod.name for pod in nearest_pods(pods, {"name": "shop", "team": "a"})] == ["shopp", "shop-api", "redis"]
    assert nearest_pods(pods, {"unheard": "of"}) == ()


def test_a_view_tells_its_unready_pods_and_one_made_from_it_its_own() -> None:
    gone, stuck = a_pod("web-3", phase="Succeeded"), a_pod("web-2", ready=False)
    view = a_view(pods=(a_pod(), stuck, gone))

    assert view.current_pods == (a_pod(), stuck)
    assert view.unready_pods == (stuck,)
    assert replace(view, pods=(a_pod(),)).unready_pods == ()
    assert replace(view, pods=NOT_ASKED).current_pods == ()
