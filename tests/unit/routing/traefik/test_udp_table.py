"""UDP routers: one for each entry point, and every way in which Traefik leaves one out."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_service, a_table, objects_of, thing
from ingressdoctor.api import DropReason, Unavailable
from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.routing.traefik.answer import build_answers
from ingressdoctor.routing.traefik.table import build_table
from ingressdoctor.routing.traefik.udp_table import UdpTable

DNS = "--entrypoints.dns.address=:53/udp"
CRD = "--providers.kubernetescrd."
SHOP = {"name": "shop", "port": 80}


def a_udp_route(
    *routes: tuple[dict[str, Any], ...], name: str = "r", namespace: str = "ns", **spec: Any
) -> dict[str, Any]:
    chosen = {"routes": [{"services": list(services)} for services in routes or ((SHOP,),)], **spec}
    return thing("IngressRouteUDP", name, chosen, namespace)


def udp(*things: dict[str, Any], args: tuple[str, ...] = (), **unread: Any) -> UdpTable:
    others = (*things, *a_service())
    return build_answers(objects_of(*others, **unread), a_table(*others, args=(DNS, *args), **unread)).udp


DROPS = [
    pytest.param(
        a_udp_route(({"name": "gone", "port": 80},)),
        (),
        DropReason.SERVICE_MISSING,
        "service not found",
        id="service-not-found",
    ),
    pytest.param(
        a_udp_route(({"name": "shop", "port": 81},)),
        (),
        DropReason.SERVICE_PORT,
        "service port not found: 81",
        id="service-port",
    ),
    pytest.param(
        a_udp_route(({"name": "idle", "port": 80},)),
        (),
        DropReason.SERVICE_EMPTY,
        "no servers found for ns/idle",
        id="no-servers",
    ),
    pytest.param(
        a_udp_route(({"name": "out", "port": 80},)),
        (),
        DropReason.EXTERNAL_NAME,
        "externalName services not allowed: ns/out",
        id="external-name",
    ),
    pytest.param(
        a_udp_route(({"name": "shop", "namespace": "x", "port": 80},)),
        *((), DropReason.SERVICE_CROSS_NAMESPACE, "udp service x/shop is not in the parent resource namespace ns"),
        id="udp-service-elsewhere",
    ),
    pytest.param(a_udp_route(()), (), DropReason.SERVICE_MISSING, "the route names no Service", id="no-service"),
    pytest.param(
        a_udp_route(entryPoints=["web"]),
        (),
        DropReason.ENTRY_POINT,
        "no valid entryPoint for this router: web",
        id="entry-point-of-tcp",
    ),
    pytest.param(a_udp_route(ingressClassName="x"), (), DropReason.CLASS, "it has the class 'x'", id="class-silent"),
    pytest.param(
        a_udp_route(), (CRD + "namespaces=x",), DropReason.NAMESPACE, "only the namespaces x", id="namespace-silent"
    ),
]


@pytest.mark.parametrize(("route", "args", "reason", "words"), DROPS)
def test_routes_that_traefik_leaves_out(
    route: dict[str, Any], args: tuple[str, ...], reason: DropReason, words: str
) -> None:
    more = (*a_service("idle", endpoints=0), *a_service("out", type="ExternalName", externalName="x.org")[:1])
    found = udp(route, *more, args=args)

    (dropped,) = found.dropped
    assert (dropped.reason, found.by_point) == (reason, {})
    assert words in dropped.detail
    assert bool(dropped.log_line) is (reason not in (DropReason.CLASS, DropReason.NAMESPACE))
    if "Service" in dropped.related:
        assert 'the UDP service "ns-r-0@kubernetescrd" does not exist' in dropped.detail


def test_without_entry_points_all_of_udp_are_meant() -> None:
    found = udp(a_udp_route(), args=("--entrypoints.a.address=:54/udp",))

    assert {name: router.name for name, router in found.by_point.items()} == {
        "dns": "ns-r-0@kubernetescrd",
        "a": "ns-r-0@kubernetescrd",
    }


def test_entry_points_that_may_be_in_a_file_are_not_judged() -> None:
    files = ("--configfile=/x.yml",)

    assert udp(a_udp_route(entryPoints=["udp"]), args=files).by_point["udp"].ref == "IngressRouteUDP ns/r"
    objects = objects_of(a_udp_route(), *a_service())
    table = build_table(
        objects, StaticConfig(source="none", entry_points=(), unreadable="403", options={CRD[2:-1]: "true"}), "v3.7.9"
    )
    assert build_answers(objects, table).udp == UdpTable()


def test_of_several_on_one_entry_point_the_last_name_wins() -> None:
    found = udp(
        a_udp_route((SHOP,), (SHOP,)), a_udp_route(name="a"), a_udp_route(({"name": "gone", "port": 1},), name="z")
    )

    assert found.by_point["dns"].name == "ns-r-1@kubernetescrd"
    beaten = [item for item in found.dropped if item.reason is DropReason.COLLISION]
    assert [item.ref for item in beaten] == ["IngressRouteUDP ns/r", "IngressRouteUDP ns/a"]
    assert beaten[0].log_line == "Config has more than one udp router for a given entrypoint."


def test_equal_names_overwrite_each_other_silently() -> None:
    found = udp(
        a_udp_route(name="b-c", namespace="a"),
        a_udp_route(name="c", namespace="a-b"),
        services=Unavailable(wanted="x", reason="403"),
    )

    assert [(item.ref, item.log_line) for item in found.dropped] == [("IngressRouteUDP a/b-c", "")]
    assert found.by_point["dns"].ref == "IngressRouteUDP a-b/c"


def test_a_weighted_list_lacks_what_is_bad() -> None:
    router = udp(a_udp_route((SHOP, {"name": "gone", "port": 80}))).by_point["dns"]

    assert [one.ref.name for one in router.services] == ["shop"]
    assert [one.detail for one in router.lacking] == ["service not found"]


def test_a_kind_that_was_not_read_is_said_to_be_so() -> None:
    assert udp(ingress_route_udps=Unavailable(wanted="UDP routes", reason="403")).unread == ("UDP routes: 403",)
