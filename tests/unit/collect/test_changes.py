"""The cluster's timeline: which requests it is worth, what each brings, and what it costs when one is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from build.backend import CLOCK, FORBIDDEN, a_controller, a_decision, a_pod, a_policy, a_service, a_view, an_event
from build.changes import LATELY, LONG_AGO, a_condition, a_happening, a_node, a_replica_set, an_edit, an_item, spec_of
from build.cluster import FakeCluster
from build.kube import TableKube, a_list
from build.routes import objects
from build.tcp import a_way, guarded, listed
from build.tunnel import a_cloudflared, a_config, a_route
from build.values import replace
from ingressdoctor.api import Answer, ClusterNodes, Loaded, PolicyVerdict, ServiceEvents, SourceError
from ingressdoctor.collect.changes import collect_cluster_timeline
from ingressdoctor.collect.changes_path import (
    maker_of,
    path_applications,
    path_makers,
    path_routes,
    path_workloads,
    routes_read,
)
from ingressdoctor.collect.changes_services import collect_service_timeline
from ingressdoctor.collect.tcp_entry import TcpObjects
from ingressdoctor.evidence.certificates import GitOpsView
from ingressdoctor.evidence.gateway import GatewayObjects, GatewayParent, GatewayRoute, GatewayView
from ingressdoctor.evidence.gitops import Applications, OwnedObject, OwningApplication, PathOwners
from ingressdoctor.evidence.routes import Custom, KnownHosts
from ingressdoctor.evidence.tcp_route import RouteEater
from ingressdoctor.evidence.timelines import ClusterTimeline, PathApplications, PathMakers, PathRoutes, PathWorkloads
from ingressdoctor.evidence.tunnel_rules import ConfigHome
from ingressdoctor.evidence.workloads import Deployments, OtherWorkloads
from ingressdoctor.model.needs import Seen

NOTHING: Seen[Any] = Seen(None)
OWNER = {"argocd.argoproj.io/tracking-id": "shop-prod:traefik.io/IngressRoute:shop/web"}
OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d4b9c6f58"}], "creationTimestamp": LONG_AGO}
EVENTS = "/api/v1/namespaces/shop/events"
REPLICA_SETS = "/apis/apps/v1/namespaces/shop/replicasets"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/web"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/applications"
NODE = "/api/v1/nodes/node-1"
ROUTES = PathRoutes(items=(an_item(an_edit(spec_of("routes")), meta={"annotations": OWNER}),), namespace="shop")
WORKLOADS = PathWorkloads(
    namespace="shop",
    selector="app=web",
    pods=(a_pod(ready=False, meta=OWNED),),
    makers=("Deployment shop/web",),
)
BEFORE = a_replica_set("web-1", "shop:1")
AFTER = a_replica_set("web-7d4b9c6f58", "shop:2", revision="2", created=LATELY)
CLUSTER: Mapping[str, Any] = {
    EVENTS: [a_happening()],
    REPLICA_SETS: [replace(item, metadata=replace(item.metadata, labels={"app": "web"})) for item in (BEFORE, AFTER)],
    DEPLOYMENT: an_item(
        an_edit(spec_of("template"), by="kubectl-set"),
        kind="Deployment",
        status={"conditions": [a_condition("Available", "False")]},
    ),
    APPLICATIONS: [
        an_item(
            kind="Application",
            meta={"name": "shop-prod", "namespace": "argocd"},
            status={"history": [{"deployedAt": LATELY, "revision": "1.2"}]},
        ),
        an_item(
            kind="Application",
            meta={"name": "shop-prod-2", "namespace": "argocd"},
            status={"history": [{"deployedAt": LATELY, "revision": "9.9"}]},
        ),
    ],
    NODE: a_node(a_condition("Ready", "False")),
}


async def timeline(
    kube: Any,
    routes: PathRoutes = ROUTES,
    workloads: PathWorkloads = WORKLOADS,
    gitops: GitOpsView | None = None,
    *makers: Any,
    listed: Any = None,
    owners: Any = None,
) -> ClusterTimeline:
    made = PathMakers(items=makers)
    owned = await path_applications.function(routes, Seen(gitops), Seen(owners), Seen(listed))
    assert isinstance(owned, PathApplications)
    found = await collect_cluster_timeline.function(kube, CLOCK, routes, workloads, made, owned)
    assert isinstance(found, ClusterTimeline)
    return found


def told(found: ClusterTimeline) -> set[tuple[str, str]]:
    return {(item.object, item.what) for item in found.changes}


async def test_what_the_run_knows_and_four_requests_more() -> None:
    kube = FakeCluster(CLUSTER)

    found = await timeline(kube)

    assert sorted(kube.asked) == sorted([EVENTS, REPLICA_SETS, DEPLOYMENT, APPLICATIONS])
    assert told(found) == {
        ("IngressRoute shop/web", "edited"),
        ("Pod shop/web-1", "warning"),
        ("Deployment shop/web", "rolled out"),
        ("Deployment shop/web", "edited"),
        ("Deployment shop/web", "lost availability"),
        ("Application argocd/shop-prod", "synced"),
    }
    assert found.unread == ()
    assert found.broke_at == LATELY


REQUESTS = [
    pytest.param(PathRoutes(), PathWorkloads(), [], id="nothing-known-nothing-asked"),
    pytest.param(PathRoutes(namespace="shop"), PathWorkloads(), [EVENTS], id="a-route-alone"),
    pytest.param(ROUTES, PathWorkloads(), [EVENTS, APPLICATIONS], id="a-route-that-argo-cd-owns"),
    pytest.param(
        PathRoutes(),
        WORKLOADS,
        [EVENTS, REPLICA_SETS, DEPLOYMENT, NODE],
        id="the-node-of-a-pod-that-is-not-ready",
    ),
    pytest.param(
        PathRoutes(),
        replace(WORKLOADS, nodes=(a_node(),)),
        [EVENTS, REPLICA_SETS, DEPLOYMENT],
        id="a-node-that-is-known",
    ),
    pytest.param(
        PathRoutes(),
        replace(WORKLOADS, pods=(a_pod(),), events=(a_happening(),)),
        [REPLICA_SETS, DEPLOYMENT],
        id="events-that-were-read",
    ),
    pytest.param(
        PathRoutes(),
        replace(WORKLOADS, pods=(), makers=("StatefulSet shop/db",)),
        [EVENTS, "/apis/apps/v1/namespaces/shop/statefulsets/db"],
        id="a-stateful-set-has-no-replica-sets",
    ),
    pytest.param(PathRoutes(), replace(WORKLOADS, pods=(), makers=()), [EVENTS, REPLICA_SETS], id="no-pods-at-all"),
    pytest.param(
        PathRoutes(), replace(WORKLOADS, pods=(), makers=("Job shop/once",)), [EVENTS], id="made-by-something-else"
    ),
]


@pytest.mark.parametrize(("routes", "workloads", "asked"), REQUESTS)
async def test_what_is_worth_a_request(routes: PathRoutes, workloads: PathWorkloads, asked: list[str]) -> None:
    kube = FakeCluster(CLUSTER)

    await timeline(kube, routes, workloads)

    assert sorted(kube.asked) == sorted(asked)


async def test_a_workload_that_was_listed_is_not_asked_for() -> None:
    kube = FakeCluster(CLUSTER)

    found = await timeline(kube, PathRoutes(), WORKLOADS, None, CLUSTER[DEPLOYMENT])

    assert DEPLOYMENT not in kube.asked
    assert ("Deployment shop/web", "lost availability") in told(found)
    assert found.broke_at == LATELY


async def test_of_a_controller_that_is_not_ready_the_workload_counts() -> None:
    path = "/apis/apps/v1/namespaces/traefik/daemonsets/traefik"
    owned = {"ownerReferences": [{"kind": "DaemonSet", "name": "traefik"}]}
    item = an_item(an_edit(spec_of("template")), kind="DaemonSet", meta={"name": "traefik", "namespace": "traefik"})
    kube = FakeCluster({path: item})
    ill = PathWorkloads(carriers=(a_pod("traefik-1", namespace="traefik", ready=False, meta=owned),))

    found = await timeline(kube, PathRoutes(), ill)

    assert told(found) == {("DaemonSet traefik/traefik", "edited")}
    assert kube.asked == [path]


async def test_the_application_may_be_known_from_elsewhere() -> None:
    view = GitOpsView(
        application="shop-prod", sync_status="", health_status="", operation="", message="", self_heal=False
    )
    kube = FakeCluster(CLUSTER)

    found = await timeline(kube, PathRoutes(), PathWorkloads(), view)

    assert told(found) == {("Application argocd/shop-prod", "synced")}


async def test_applications_that_were_listed_are_not_asked_for() -> None:
    owner = OwningApplication(name="shop-prod", namespace="argocd")
    owners = PathOwners(objects=(OwnedObject(ref="IngressRoute shop/web", application=owner),))
    kube = FakeCluster(CLUSTER)

    listed = Applications(items=tuple(CLUSTER[APPLICATIONS]))
    found = await timeline(kube, PathRoutes(), PathWorkloads(), listed=listed, owners=owners)

    assert told(found) == {("Application argocd/shop-prod", "synced")}
    assert kube.asked == []


async def test_events_of_the_controllers_service_count_where_they_are_known() -> None:
    events = ServiceEvents(events=(an_event("traefik", "SyncLoadBalancerFailed", "no", kind="Service"),), asked=True)
    controller = replace(a_controller(), service=a_service("traefik"))

    found: Any = await collect_service_timeline.function(CLOCK, Seen(controller), Seen(events))
    none: Any = await collect_service_timeline.function(CLOCK, NOTHING, Seen(events))

    assert [(item.object, item.what) for item in found.changes] == [("Service shop/traefik", "warning")]
    assert none.changes == ()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(403, "403", id="nobody-may-look"),
        pytest.param(500, "500", id="the-server-fails"),
        pytest.param(0, "the API server cannot be reached", id="it-cannot-be-reached"),
    ],
)
async def test_one_request_that_fails_costs_the_others_nothing(status: int, reason: str) -> None:
    kube = FakeCluster(CLUSTER, {EVENTS: status})

    found = await timeline(kube)

    assert ("Deployment shop/web", "rolled out") in told(found)
    (gap,) = found.unread
    assert "event" in gap.wanted.lower()
    assert reason in gap.reason


async def test_what_does_not_exist_or_is_not_installed_is_no_gap() -> None:
    found = await timeline(FakeCluster({EVENTS: [], REPLICA_SETS: []}))

    assert found.unread == ()
    assert told(found) == {("IngressRoute shop/web", "edited")}


async def test_a_request_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(FakeCluster):
        async def get(self, path: str, query: Mapping[str, str]) -> Answer:
            if path == EVENTS:
                await asyncio.Event().wait()
            return await super().get(path, query)

    monkeypatch.setattr("ingressdoctor.collect.changes._PATIENCE_S", 0.05)

    found = await timeline(Silent(CLUSTER))

    assert [gap.reason for gap in found.unread] == ["no answer within 0 s"]
    assert ("Deployment shop/web", "rolled out") in told(found)


async def test_everything_refused_leaves_what_is_known() -> None:
    kube = TableKube(dict.fromkeys((EVENTS, REPLICA_SETS, DEPLOYMENT, APPLICATIONS), SourceError("down", hint="up")))

    found = await timeline(kube)

    assert told(found) == {("IngressRoute shop/web", "edited")}
    assert len(found.unread) == 4


async def test_events_are_asked_for_without_the_normal_ones() -> None:
    kube = TableKube({EVENTS: a_list()})

    await timeline(kube, PathRoutes(namespace="shop"), PathWorkloads())

    assert kube.calls == [(EVENTS, {"fieldSelector": "type!=Normal", "limit": "500"})]


def an_ingress_route(name: str = "web", **meta: Any) -> Any:
    return an_item(an_edit(spec_of("routes")), meta={"name": name, **meta})


async def routes_of(
    decision: Any = None, hosts: Any = None, found: Any = None, view: Any = None, tcp: Any = None, **read_too: Any
) -> PathRoutes:
    read = await routes_read.function(Seen(found), Seen(read_too.get("tcp_objects")), Seen(read_too.get("gateways")))
    value = await path_routes.function(read, Seen(decision), Seen(hosts), NOTHING, Seen(tcp), Seen(view))
    assert isinstance(value, PathRoutes)
    return value


def everything(*middlewares: Any) -> Any:
    return objects(an_ingress_route(), an_ingress_route("other"), middlewares=middlewares)


async def test_the_route_that_takes_the_request_is_on_the_path() -> None:
    found = await routes_of(a_decision(ref="IngressRoute shop/web#1"), None, everything())

    assert [item.ref for item in found.items] == ["IngressRoute shop/web"]
    assert found.namespace == "shop"


async def test_its_middlewares_are_too_however_they_are_written() -> None:
    middleware = an_item(kind="Middleware", meta={"name": "auth"})
    decision = a_decision()
    winner = replace(decision.winner, middlewares=("shop-auth@kubernetescrd", "gone@file"))

    found = await routes_of(replace(decision, winner=winner), None, everything(middleware))

    assert [item.ref for item in found.items] == ["IngressRoute shop/web", "Middleware shop/auth"]


async def test_a_route_of_a_name_like_the_targets_may_be_the_one() -> None:
    decision = replace(a_decision(routed=False), near=("www.shpo.example.org",))
    hosts = KnownHosts(hosts={"www.shpo.example.org": ("IngressRoute shop/other",)})

    found = await routes_of(decision, hosts, everything())

    assert [item.ref for item in found.items] == ["IngressRoute shop/other"]


async def test_routes_and_gateways_of_the_gateway_api_are_on_the_path() -> None:
    route = an_item(kind="HTTPRoute")
    gateway, beside = (an_item(kind="Gateway", meta={"name": name}) for name in ("public", "beside"))
    gateways = GatewayObjects(http_routes=Loaded(items=(route,)), gateways=Loaded(items=(gateway, beside)))
    parent = GatewayParent(ref="Gateway shop/public")
    view = GatewayView(routes=(GatewayRoute(ref="HTTPRoute shop/web", parents=(parent,)),))

    found = await routes_of(gateways=gateways, view=view)

    assert [item.ref for item in found.items] == ["HTTPRoute shop/web", "Gateway shop/public"]


async def test_the_tcp_route_its_lists_and_what_eats_it_are_on_the_path() -> None:
    route, allow = guarded(), listed("10.0.0.0/8")
    way = a_way(route, allow)
    eater = RouteEater(ref="IngressRoute shop/web", rule="HostSNI(`*`)", kind="an HTTPS route")
    way = replace(way, entry=replace(way.entry, eaters=(eater,)))
    tcp = TcpObjects(routes=Loaded(items=(route,)), middlewares=Loaded(items=(allow,)))

    found = await routes_of(found=everything(), tcp=way, tcp_objects=tcp)

    assert {item.ref for item in found.items} == {route.ref, allow.ref, "IngressRoute shop/web"}


async def test_a_route_that_stands_beside_the_winner_is_too() -> None:
    decision = a_decision()
    assert decision.winner is not None
    beside = replace(decision.winner, ref="IngressRoute shop/other")

    found = await routes_of(replace(decision, candidates=(decision.winner, beside)), None, everything())

    assert [item.ref for item in found.items] == ["IngressRoute shop/web", "IngressRoute shop/other"]


async def test_without_a_decision_no_route_is_on_the_path() -> None:
    assert await routes_of() == PathRoutes()


async def workloads_of(**seen: Any) -> PathWorkloads:
    names = ("view", "controller", "tunnel", "nginx", "policy", "nodes")
    value = await path_workloads.function(*(Seen(seen.get(name)) for name in names))
    assert isinstance(value, PathWorkloads)
    return value


async def test_the_workloads_of_every_hop_that_was_looked_at() -> None:
    policy = PolicyVerdict(allowed=True, why="", policies=(a_policy(),))
    nodes = ClusterNodes(nodes=(a_node(),), asked=True, why="")
    view = a_view(pods=[a_pod(meta=OWNED)])

    found = await workloads_of(view=view, controller=a_controller(), policy=policy, nodes=nodes)

    assert (found.namespace, found.selector, found.makers) == ("shop", "app=web", ("Deployment shop/web",))
    assert [item.ref for item in found.services] == ["Service shop/web"]
    assert [pod.name for pod in found.carriers] == ["traefik-1"]
    assert (len(found.policies), len(found.nodes)) == (1, 1)


async def test_a_tunnel_that_leads_to_the_service_passes_the_controller_by() -> None:
    found = await workloads_of(view=replace(a_view(), tunnel=True), controller=a_controller())

    assert found.carriers == ()


async def test_where_cloudflared_has_its_rules_is_on_the_path() -> None:
    config = a_config()
    source = replace(config.source, home=ConfigHome.CONFIG_MAP, edited_at=LATELY, edited_by="kubectl-edit")
    connector = a_cloudflared(config=replace(config, source=source))
    tunnel = replace(a_route(), workloads=(connector,), config=replace(config, source=source))

    found = await workloads_of(tunnel=tunnel)
    told_of = await timeline(FakeCluster({}), PathRoutes(), found)

    assert found.configs == (source,)
    assert (source.ref, "edited") in told(told_of)


async def makers_of(workloads: PathWorkloads, **seen: Any) -> list[str]:
    names = ("tunnel", "nginx", "deployments", "others")
    value = await path_makers.function(workloads, *(Seen(seen.get(name)) for name in names))
    assert isinstance(value, PathMakers)
    return [item.ref for item in value.items]


async def test_what_makes_the_pods_may_have_been_listed() -> None:
    web = an_item(kind="Deployment")
    tunnel = an_item(kind="Deployment", meta={"name": "cloudflared", "namespace": "cloudflared"})
    beside = an_item(kind="Deployment", meta={"name": "beside"})
    listed = Deployments(loaded=Loaded(items=(web, tunnel, beside)))
    others = OtherWorkloads(daemon_sets=FORBIDDEN, stateful_sets=Loaded())

    found = await makers_of(WORKLOADS, tunnel=a_route(), deployments=listed, others=others)

    assert found == ["Deployment shop/web", "Deployment cloudflared/cloudflared"]
    assert await makers_of(WORKLOADS) == []


async def test_nothing_looked_at_is_an_empty_path() -> None:
    assert await workloads_of() == PathWorkloads()


@pytest.mark.parametrize(
    ("meta", "maker"),
    [
        pytest.param(OWNED, "Deployment shop/web", id="a-deployment"),
        pytest.param({"ownerReferences": [{"kind": "StatefulSet", "name": "db"}]}, "StatefulSet shop/db", id="set"),
        pytest.param({"ownerReferences": [{"kind": None, "name": None}]}, "", id="nulls"),
        pytest.param({}, "", id="nobody"),
    ],
)
def test_what_makes_a_pod(meta: dict[str, Any], maker: str) -> None:
    assert maker_of(a_pod(meta=meta)) == maker


def test_managed_fields_survive_the_decoding_of_every_kind() -> None:
    raw = msgspec.json.encode(an_ingress_route())
    item = msgspec.json.decode(raw, type=Custom)

    kept = [(entry.manager, entry.time, list(entry.fields or {})) for entry in item.metadata.managed_fields or ()]
    assert kept == [("kubectl-edit", LATELY, ["f:spec"])]
