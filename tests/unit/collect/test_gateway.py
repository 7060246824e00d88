"""The Gateway API's objects: what is read and when, and what is put together for a host."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster, later
from build.gateway import (
    HOST,
    a_class,
    a_custom,
    a_gateway,
    a_grant,
    a_grpc_route,
    a_listener,
    a_rule,
    an_http_route,
    gateway_objects,
)
from build.routes import a_decision
from build.tunnel import a_route
from ingressdoctor.api import (
    GatewayObjects,
    GatewayParent,
    GatewayView,
    Inapplicable,
    Loaded,
    Protocol,
    Target,
    Unavailable,
)
from ingressdoctor.collect.destination import behind_gateway
from ingressdoctor.collect.gateway import (
    gateway_hosts,
    read_gateways,
    routed_by_gateways,
    with_assumed_class,
    with_gateways,
)
from ingressdoctor.collect.gateway_view import collect_gateway_view, judge_gateways
from ingressdoctor.evidence.routes import NOT_READ, Custom, RouteRequest, RoutingObjects

GROUP = "/apis/gateway.networking.k8s.io"
V1 = f"{GROUP}/v1"
GONE = Unavailable(wanted="it", reason="no Traefik runs in the cluster")
TARGET = Target(hostname=HOST)


def an_api(*items: Custom, versions: tuple[str, ...] = ("v1", "v1beta1"), prefix: str = V1, **more: Any) -> FakeCluster:
    kinds = {
        "httproutes": "HTTPRoute",
        "grpcroutes": "GRPCRoute",
        "gateways": "Gateway",
        "gatewayclasses": "GatewayClass",
    }
    objects: dict[str, Any] = {
        f"{prefix}/{plural}": [i for i in items if i.kind == kind] for plural, kind in kinds.items()
    }
    objects[f"{GROUP}/v1beta1/referencegrants"] = [item for item in items if item.kind == "ReferenceGrant"]
    objects["/api/v1/namespaces"] = []
    objects[GROUP] = {"kind": "APIGroup", "versions": [{"version": version} for version in versions]}
    return FakeCluster(objects, more.get("statuses"))


async def test_one_request_says_that_it_is_not_installed() -> None:
    cluster = FakeCluster({})
    found = await read_gateways(cluster)

    assert (found.installed, found.unread, cluster.asked) == (False, (), [GROUP])


@pytest.mark.parametrize(
    ("items", "asked"),
    [
        pytest.param((), {"httproutes", "grpcroutes"}, id="without-routes-no-gateways"),
        pytest.param(
            (an_http_route(),), {"httproutes", "grpcroutes", "gateways", "gatewayclasses"}, id="gateways-of-routes"
        ),
        pytest.param(
            (a_grpc_route({"backendRefs": [{"name": "x", "port": 1, "namespace": "other"}]}),),
            {"httproutes", "grpcroutes", "gateways", "gatewayclasses", "referencegrants"},
            id="grants-where-a-route-crosses-namespaces",
        ),
        pytest.param(
            (an_http_route(), a_gateway(a_listener(tls={"certificateRefs": [{"name": "x", "namespace": "other"}]}))),
            {"httproutes", "grpcroutes", "gateways", "gatewayclasses", "referencegrants"},
            id="grants-where-a-certificate-does",
        ),
        pytest.param(
            (an_http_route(), a_gateway(a_listener(allowedRoutes={"namespaces": {"from": "Selector"}}))),
            {"httproutes", "grpcroutes", "gateways", "gatewayclasses", "namespaces"},
            id="namespaces-where-a-listener-selects",
        ),
    ],
)
async def test_only_what_something_depends_on_is_read(items: tuple[Custom, ...], asked: set[str]) -> None:
    cluster = an_api(*items)
    found = await read_gateways(cluster, ask_first=False)

    assert {path.rpartition("/")[2] for path in cluster.asked} == asked
    assert len(cluster.asked) == len(asked)
    assert found.unread == ()


async def test_an_old_cluster_serves_v1beta1_only() -> None:
    cluster = an_api(an_http_route(), versions=("v1beta1",), prefix=f"{GROUP}/v1beta1")
    found = await read_gateways(cluster)

    assert isinstance(found.http_routes, Loaded)
    assert len(found.http_routes.items) == 1
    assert found.grpc_routes == Loaded()
    assert not any(path.startswith(V1 + "/") for path in cluster.asked)


@pytest.mark.parametrize("answer", [[], "text", {"versions": None}, {"versions": [None, 3]}])
async def test_an_odd_answer_means_v1(answer: Any) -> None:
    cluster = an_api(an_http_route())
    cluster.objects = {**cluster.objects, GROUP: answer}

    assert isinstance((await read_gateways(cluster)).http_routes, Loaded)


async def test_what_may_not_be_read_is_said() -> None:
    found = await read_gateways(an_api(statuses={f"{V1}/httproutes": 403, f"{V1}/grpcroutes": 403}))

    assert [gap.wanted for gap in found.unread] == ["the cluster's HTTPRoutes", "the cluster's GRPCRoutes"]


def test_hostnames_with_their_routes() -> None:
    found = gateway_objects(an_http_route(hostnames=["A.io", "*.b.io"]), a_grpc_route(name="calls", hostnames=["a.io"]))

    assert gateway_hosts(found) == {
        "a.io": ("HTTPRoute shop/shop", "GRPCRoute shop/calls"),
        "*.b.io": ("HTTPRoute shop/shop",),
    }


def test_a_class_that_files_lack_is_taken_for_traefiks() -> None:
    empty = RoutingObjects(**dict.fromkeys(RoutingObjects.__struct_fields__, NOT_READ))
    objects = with_gateways(empty, gateway_objects(an_http_route(), a_gateway(), a_gateway(name="b", class_name="c")))
    changed, assumed = with_assumed_class(objects)

    assert routed_by_gateways(objects)
    assert isinstance(changed.gateway_classes, Loaded)
    assert [item.name for item in changed.gateway_classes.items] == ["traefik", "c"]
    assert len(assumed) == 2


def test_a_gap_is_one_of_both_kinds_of_routes() -> None:
    empty = RoutingObjects(**dict.fromkeys(RoutingObjects.__struct_fields__, Loaded()))

    assert with_gateways(empty, GONE).http_routes is GONE


@pytest.mark.parametrize(
    ("decision", "target", "route", "looks"),
    [
        pytest.param(a_decision(), TARGET, GONE, True, id="no-route-takes-the-request"),
        pytest.param(GONE, TARGET, GONE, False, id="routes-could-not-be-read"),
        pytest.param(a_decision(), Target(hostname=HOST, protocol=Protocol.MYSQL), GONE, False, id="mysql"),
        pytest.param(a_decision(), TARGET, a_route(), False, id="a-tunnel-decides"),
    ],
)
async def test_when_it_is_looked_at(decision: Any, target: Target, route: Any, looks: bool) -> None:
    found = await collect_gateway_view.function(
        target, decision, GONE, later(gateway_objects(an_http_route())), later(route)
    )

    assert isinstance(found, GatewayView) is looks


async def test_a_gap_of_the_objects_is_one_of_the_view() -> None:
    assert await collect_gateway_view.function(TARGET, a_decision(), GONE, later(GONE), later(GONE)) is GONE


def seen(*items: Custom, serves: bool = True, **request: Any) -> GatewayView:
    return judge_gateways(gateway_objects(*items), RouteRequest(**({"host": HOST} | request)), serves=serves)


def parent(*items: Custom, serves: bool = True) -> GatewayParent:
    return seen(*items, serves=serves).routes[0].parents[0]


def accepted(status: str = "True", **parts: Any) -> dict[str, Any]:
    condition = {"type": "Accepted", "status": status, "reason": "Accepted"} | parts
    return {"parents": [None, {"parentRef": {"name": "main", "namespace": "infra"}, "conditions": [condition, None]}]}


@pytest.mark.parametrize(
    ("items", "names"),
    [
        pytest.param((an_http_route(),), ["HTTPRoute shop/shop"], id="by-hostname"),
        pytest.param((an_http_route(hostnames=["*.example.com"]),), ["HTTPRoute shop/shop"], id="by-wildcard"),
        pytest.param((an_http_route(hostnames=["a.io"]),), [], id="another-host"),
        pytest.param((an_http_route(hostnames=[]), a_gateway()), ["HTTPRoute shop/shop"], id="any-host-of-a-listener"),
        pytest.param((an_http_route(hostnames=[]),), [], id="any-host-of-no-listener"),
        pytest.param(
            (an_http_route(hostnames=[]), a_gateway(a_listener(hostname="a.io"))), [], id="another-host-of-the-listener"
        ),
    ],
)
def test_routes_of_the_host(items: tuple[Custom, ...], names: list[str]) -> None:
    assert [route.ref for route in seen(*items).routes] == names


def test_a_parent_with_all_that_is_said_of_it() -> None:
    status = {
        "conditions": [{"type": "Programmed", "status": "False", "reason": "Pending"}],
        "listeners": [
            {
                "name": "websecure",
                "conditions": [{"type": "Conflicted", "status": "True", "reason": "HostnameConflict"}],
            },
            {"name": "other", "conditions": [{"type": "Accepted", "status": "False"}]},
        ],
    }
    found = parent(a_class(), a_gateway(status=status), an_http_route(status=accepted()))

    assert (found.ref, found.exists, found.meant, found.attached) == ("Gateway infra/main", True, True, True)
    assert found.listeners == ("websecure (HTTPS 8443, from All)",)
    assert [(one.place, one.reason) for one in found.troubles] == [
        ("listener websecure of Gateway infra/main", "HostnameConflict"),
        ("Gateway infra/main", "Pending"),
    ]
    assert found.accepted is not None
    assert (found.accepted.said, found.reported, found.waiting) == ("Accepted=True (Accepted)", True, "")


@pytest.mark.parametrize(
    ("condition", "generation", "stale"),
    [({"observedGeneration": 1}, 2, True), ({"observedGeneration": 2}, 2, False), ({}, 2, False), ({}, None, False)],
)
def test_what_is_said_of_an_older_version_is_stale(condition: Any, generation: int | None, stale: bool) -> None:
    metadata = {"generation": generation} if generation else {}
    found = parent(a_gateway(), an_http_route(metadata=metadata, status=accepted(**condition))).accepted

    assert found is not None
    assert found.stale is stale


@pytest.mark.parametrize(
    ("status", "reported"),
    [
        pytest.param(None, False, id="nothing"),
        pytest.param({"parents": "x"}, False, id="nonsense"),
        pytest.param({"parents": [{"parentRef": {"name": "other", "namespace": "infra"}}]}, False, id="another-parent"),
        pytest.param({"parents": [{"parentRef": {"name": "main"}}]}, False, id="another-namespace"),
        pytest.param(accepted(), True, id="this-one"),
    ],
)
def test_whether_somebody_reported(status: Any, reported: bool) -> None:
    assert parent(a_gateway(), an_http_route(status=status)).reported is reported


@pytest.mark.parametrize(
    ("items", "serves", "known", "waiting"),
    [
        pytest.param((a_class(),), True, True, "", id="accepted"),
        pytest.param((), True, False, "", id="no-such-class"),
        pytest.param((a_class(),), False, True, "kubernetesGateway switched on", id="no-traefik-serves-it"),
        pytest.param((a_class(controller="a.io/b", accepted=""),), True, True, "no controller has said", id="silence"),
        pytest.param((a_class(controller="a.io/b", accepted="False"),), True, True, "Accepted=False", id="refused"),
    ],
)
def test_classes(items: tuple[Custom, ...], serves: bool, known: bool, waiting: str) -> None:
    found = parent(*items, a_gateway(), an_http_route(), serves=serves)

    assert found.class_known is known
    assert waiting in found.waiting
    assert bool(waiting) is bool(found.waiting)


def test_a_class_that_waits() -> None:
    status = {"conditions": [{"type": "Accepted", "status": "Unknown", "reason": "Pending"}]}
    item = a_custom("GatewayClass", "traefik", status=status, controllerName="a.io/b")

    assert parent(item, a_gateway(), an_http_route()).waiting == "no controller has accepted it yet"


def test_gateways_that_were_not_read_neither_exist_nor_not() -> None:
    found = judge_gateways(
        GatewayObjects(http_routes=Loaded(items=(an_http_route(),)), gateways=GONE, gateway_classes=GONE),
        RouteRequest(host=HOST),
        serves=True,
    )
    (route,) = found.routes

    assert (route.parents[0].exists, route.parents[0].class_known, route.parents[0].attached) == (None, None, None)
    assert found.unread == (GONE, GONE)


CROSSING = an_http_route(a_rule(backendRefs=[{"name": "web", "port": 80, "namespace": "other"}]))


@pytest.mark.parametrize(
    ("items", "unresolved"), [((CROSSING,), 1), ((CROSSING, a_grant()), 0), ((an_http_route(),), 0)]
)
def test_references_without_a_grant(items: tuple[Custom, ...], unresolved: int) -> None:
    assert len(seen(*items).routes[0].unresolved) == unresolved


ENVOY = a_class("envoy", "gateway.envoyproxy.io/gatewayclass-controller")
BEYOND = a_gateway(a_listener(port=443), class_name="envoy")
SPLIT = a_rule(
    backendRefs=[{"name": "old", "port": 80, "weight": 0}, {"name": "new", "port": 80}, {"kind": "B", "group": "x"}]
)


@pytest.mark.parametrize(
    ("items", "taker"),
    [
        pytest.param((ENVOY, BEYOND, an_http_route(SPLIT, status=accepted())), "HTTPRoute shop/shop", id="accepted"),
        pytest.param((ENVOY, BEYOND, an_http_route(SPLIT, status=accepted("False"))), "", id="not-accepted"),
        pytest.param((ENVOY, BEYOND, an_http_route(SPLIT)), "", id="nobody-said-anything"),
        pytest.param((BEYOND, an_http_route(SPLIT, status=accepted())), "", id="class-unknown"),
        pytest.param((a_class(), a_gateway(), an_http_route(status=accepted())), "", id="traefiks-are-its-decision"),
        pytest.param(
            (ENVOY, BEYOND, an_http_route(a_rule("/.*", "RegularExpression"), status=accepted())),
            "",
            id="an-expression",
        ),
    ],
)
def test_what_another_controller_serves(items: tuple[Custom, ...], taker: str) -> None:
    found = seen(*items)
    backend = behind_gateway(found)

    assert found.taker == taker
    assert (backend is not None) is bool(taker)
    if backend is not None:
        assert (backend.ref.name, backend.route, backend.gateway) == ("new", taker, True)
        assert [ref.name for ref in backend.others] == ["old"]


def test_nothing_behind_what_was_not_looked_at() -> None:
    assert behind_gateway(Inapplicable(wanted="it", reason="because")) is None
