"""Which TCP route takes a connection whose server speaks first, which was meant to, and when the cluster is asked."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster
from build.entry import a_tcp_route, custom, https_route, objects, points
from build.tcp import CLIENT, a_scene, an_entry, guarded, listed, traefik
from ingressdoctor.api import Inapplicable, Target, TcpEntry, Unavailable
from ingressdoctor.collect.destination import behind_tcp
from ingressdoctor.collect.tcp_entry import TcpObjects, TcpScene, collect_scene, collect_tcp_objects
from ingressdoctor.model.needs import Later
from ingressdoctor.routing.traefik.table import build_table

TCPS = "/apis/traefik.io/v1alpha1/ingressroutetcps"
MIDDLEWARES = "/apis/traefik.io/v1alpha1/middlewaretcps"
TRANSPORTS = "/apis/traefik.io/v1alpha1/serverstransporttcps"
WEB = custom("IngressRoute", "shop", {"entryPoints": ["websecure"], "routes": [{"match": "Host(`a.example`)"}]})
NAMED = guarded(services=[{"name": "maxscale", "port": 3306, "serversTransport": "mxs"}])

TAKEN = [
    pytest.param((guarded(), listed(CLIENT)), "maxscale-tcp-route", False, id="the-route-of-the-entry-point"),
    pytest.param((), "", True, id="no-route-and-clients-wait"),
    pytest.param((a_tcp_route("HostSNI(`db.example`)"),), "", True, id="a-name-without-tls"),
    pytest.param((a_tcp_route(tls={}),), "", True, id="a-tls-section"),
    pytest.param((a_tcp_route(entryPoints=["websecure"]),), "", True, id="another-entry-point"),
    pytest.param((a_tcp_route(entryPoints=["mysq"]),), "", True, id="an-entry-point-that-does-not-exist"),
    pytest.param((a_tcp_route(entryPoints=[]),), "db", False, id="no-entry-points-means-all"),
    pytest.param((guarded(), listed("10.0.0.0/33")), "", True, id="a-list-that-cannot-be-read"),
    pytest.param((guarded(),), "", True, id="a-middleware-that-is-missing"),
    pytest.param(
        (a_tcp_route(), https_route("Host(`a.example`)", spec={"entryPoints": ["mysql"]})),
        "",
        True,
        id="an-https-route-beside-it",
    ),
]


@pytest.mark.parametrize(("items", "winner", "stalled"), TAKEN)
def test_who_takes_the_connection(items: tuple[Any, ...], winner: str, stalled: bool) -> None:
    entry = an_entry(*items, client_ip=CLIENT)

    assert (entry.winner.ref.rpartition("/")[2] if entry.winner else "") == winner
    assert entry.stalled is stalled
    assert entry.entry_point == "mysql"


MEANT = [
    pytest.param((guarded(),), "maxscale-tcp-route", id="dropped-for-want-of-its-middleware"),
    pytest.param((a_tcp_route("HostSNI(`db.example`)"),), "db", id="dropped-for-its-rule"),
    pytest.param((a_tcp_route(entryPoints=["websecure"]),), "db", id="on-another-entry-point"),
    pytest.param(
        (a_tcp_route(name="mqtt", route={"services": [{"name": "mqtt", "port": 1883}]}, entryPoints=["mqtt"]),),
        "",
        id="what-is-no-database-is-not-meant",
    ),
    pytest.param(
        (
            a_tcp_route(entryPoints=["websecure"]),
            a_tcp_route("HostSNI(`x`)", name="odd", route={"services": [{"name": "x", "port": 9}]}),
        ),
        "odd",
        id="the-entry-point-counts-more-than-the-port",
    ),
]


@pytest.mark.parametrize(("items", "name"), MEANT)
def test_which_route_was_meant(items: tuple[Any, ...], name: str) -> None:
    meant = an_entry(*items).meant

    assert (meant.name if meant else "") == name
    chosen = behind_tcp(an_entry(*items))
    assert isinstance(chosen, Inapplicable) is not bool(name)
    assert getattr(chosen, "live", False) is False


def test_a_route_that_only_some_clients_match_is_not_decided_without_the_client() -> None:
    item = a_tcp_route("HostSNI(`*`) && ClientIP(`203.0.113.0/24`)")

    assert an_entry(item).undecided
    assert an_entry(item, client_ip=CLIENT).winner is not None
    assert an_entry(item, client_ip="192.0.2.1").stalled


def test_eaters_are_named_as_objects() -> None:
    entry = an_entry(a_tcp_route(), https_route("Host(`a.example`)", spec={"entryPoints": ["mysql"]}))

    assert [(eater.ref, eater.kind) for eater in entry.eaters] == [("IngressRoute ns/shop", "an HTTPS route")]


TRANSPORT = custom("ServersTransportTCP", "mxs", {"proxyProtocol": {"version": 1}})
BARE = custom("ServersTransportTCP", "mxs", {})


@pytest.mark.parametrize(
    ("service", "transports", "proxy", "overridden"),
    [
        pytest.param({}, (), 0, False, id="nothing-asked-for"),
        pytest.param({"proxyProtocol": {}}, (), 2, False, id="an-empty-block-is-version-two"),
        pytest.param({"proxyProtocol": {"version": 1}}, (), 1, False, id="version-one"),
        pytest.param({"serversTransport": "mxs"}, (TRANSPORT,), 1, False, id="the-transport-alone"),
        pytest.param({"serversTransport": "mxs", "proxyProtocol": {}}, (BARE,), 0, True, id="a-transport-voids-it"),
        pytest.param(
            {"serversTransport": "mxs", "proxyProtocol": {"version": 1}}, (TRANSPORT,), 1, False, id="both-say-the-same"
        ),
    ],
)
def test_the_proxy_protocol_towards_the_backend(
    service: dict[str, Any], transports: tuple[Any, ...], proxy: int, overridden: bool
) -> None:
    item = a_tcp_route(route={"services": [{"name": "maxscale", "port": 3306, **service}]})
    meant = an_entry(item, *transports).meant

    assert meant is not None
    assert (meant.services[0].proxy_version, meant.services[0].overridden) == (proxy, overridden)


def test_a_port_without_an_entry_point_still_knows_which_route_was_meant() -> None:
    controller = traefik(*(point for point in points() if point.name != "mysql"))
    entry = an_entry(guarded(), controller=controller)

    assert entry.path.gap == "no entry point listens on port 3306 of the container"
    assert entry.meant is not None
    assert entry.winner is None


async def scene_for(target: Target, cluster: FakeCluster) -> TcpScene | Unavailable:
    controller, found = traefik(), objects(WEB)
    table = build_table(found, controller.static, controller.version)

    async def read() -> TcpObjects | Unavailable:
        return await collect_tcp_objects.function(cluster)  # type: ignore[return-value]

    return await collect_scene.function(  # type: ignore[return-value]
        target=target, controller=controller, objects=found, table=table, tcp=Later[TcpObjects](read)
    )


def a_cluster(*routes: Any, statuses: dict[str, int] | None = None) -> FakeCluster:
    return FakeCluster({TCPS: list(routes), MIDDLEWARES: [], TRANSPORTS: []}, statuses)


ASKED = [
    pytest.param(Target.parse("https://a.example"), (), [], id="https-asks-nothing"),
    pytest.param(Target.parse("http://a.example"), (), [], id="http-asks-nothing"),
    pytest.param(Target.parse("a.example", port=8888), (), [], id="a-port-that-leads-nowhere"),
    pytest.param(Target.parse("mysql://a.example"), (guarded(),), [TCPS, MIDDLEWARES], id="mysql-asks-for-two-kinds"),
    pytest.param(Target.parse("mysql://a.example"), (NAMED,), [TCPS, MIDDLEWARES, TRANSPORTS], id="a-transport-too"),
]


@pytest.mark.parametrize(("target", "routes", "paths"), ASKED)
async def test_what_the_cluster_is_asked(target: Target, routes: tuple[Any, ...], paths: list[str]) -> None:
    cluster = a_cluster(*routes)
    found = await scene_for(target, cluster)

    assert sorted(cluster.asked) == sorted(paths)
    assert isinstance(found, Inapplicable) is not bool(paths)


async def test_routes_that_may_not_be_listed_are_a_gap_and_no_absence() -> None:
    found = await scene_for(Target.parse("mysql://a.example"), a_cluster(statuses={TCPS: 403}))

    assert isinstance(found, Unavailable)
    assert not isinstance(found, Inapplicable)
    assert "403" in found.reason


ODD: list[Any] = [
    pytest.param({"routes": None}, id="null-routes"),
    pytest.param({"routes": [None, 7, {}]}, id="routes-of-other-types"),
    pytest.param({"entryPoints": "mysql", "routes": [{"match": 5, "services": "x"}]}, id="wrong-types"),
    pytest.param(
        {"entryPoints": ["mysql"], "routes": [{"match": "HostSNI(`*`)", "services": [{"port": None}, None]}]},
        id="a-service-without-anything",
    ),
    pytest.param(
        {"routes": [{"match": "HostSNI(`*`)", "middlewares": [None, {"name": None}], "services": [{"name": "d"}]}]},
        id="middlewares-without-a-name",
    ),
]


@pytest.mark.parametrize("spec", ODD)
def test_damaged_routes_raise_nothing(spec: dict[str, Any]) -> None:
    entry = an_entry(custom("IngressRouteTCP", "odd", spec))

    assert isinstance(entry, TcpEntry)
    assert isinstance(behind_tcp(entry), object)
    assert a_scene(custom("IngressRouteTCP", "odd", spec)).port == 3306
