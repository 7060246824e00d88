"""Corners of the routing model that no other table reaches: what was not read, providers that are off, long rules."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, a_table, an_ingress_of, only_drop, routers, thing
from ingressdoctor.api import DropReason, Outcome, RouteRequest, Unavailable
from ingressdoctor.routing.traefik.decide import decide_in, with_suggestions
from ingressdoctor.routing.traefik.request import canonical_header

UNREAD = Unavailable(wanted="this kind", reason="403")
NODE_PORTS = a_route({"name": "np", "port": 80, "nodePortLB": True})
INGRESS = "--providers.kubernetesingress"
NOT_TAKEN = [
    pytest.param((f"{INGRESS}=false",), DropReason.PROVIDER, id="provider-off"),
    pytest.param((f"{INGRESS}.namespaces=other",), DropReason.NAMESPACE, id="namespace"),
    pytest.param((f"{INGRESS}.labelselector=a=b",), DropReason.LABEL, id="label"),
]


@pytest.mark.parametrize(("args", "reason"), NOT_TAKEN)
def test_ingresses_that_the_provider_does_not_see(args: tuple[str, ...], reason: DropReason) -> None:
    dropped = only_drop(a_table(an_ingress_of(), *a_service(), args=args))

    assert (dropped.reason, dropped.log_line) == (reason, "")


def test_nodes_that_were_not_read_are_not_judged() -> None:
    assert len(routers(a_table(NODE_PORTS, *a_service("np", type="NodePort"), nodes=UNREAD))) == 1


def test_slices_that_were_not_read_are_not_judged() -> None:
    assert len(routers(a_table(a_route(), *a_service(endpoints=0), endpoint_slices=UNREAD))) == 1


def test_traefik_services_that_were_not_read_are_not_judged() -> None:
    route = a_route({"name": "x", "kind": "TraefikService"})

    assert len(routers(a_table(route, traefik_services=UNREAD))) == 1


def test_a_transport_by_its_whole_name() -> None:
    route = a_route({"name": "shop", "port": 80, "serversTransport": "ns-t@kubernetescrd"})
    args = ("--providers.kubernetescrd.allowcrossnamespace=true",)

    assert len(routers(a_table(route, *a_service(), thing("ServersTransport", "t", {}), args=args))) == 1


def test_a_transport_of_a_file() -> None:
    route = a_route({"name": "shop", "port": 80, "serversTransport": "t@file"})

    assert len(routers(a_table(route, *a_service(), args=("--providers.file.directory=/x",)))) == 1


def test_a_node_without_an_internal_address() -> None:
    node = thing("Node", "n1", status={"addresses": [{"type": "ExternalIP", "address": "192.0.2.1"}]})

    dropped = only_drop(a_table(NODE_PORTS, *a_service("np", type="NodePort"), node))

    assert dropped.detail == "no servers were generated for service np in namespace"


def test_a_rule_that_nests_deep_is_followed() -> None:
    table = a_table(a_route(rule="(" * 2_000 + "Host(`a.com`)" + ")" * 2_000), *a_service())

    decision = decide_in(table, RouteRequest(host="a.com", tls=False, entry_point="web"))

    assert decision.outcome is Outcome.ROUTED


def test_a_class_that_could_not_be_read_leaves_the_answer_open() -> None:
    table = a_table(an_ingress_of(spec={"ingressClassName": "x"}), *a_service(), ingress_classes=UNREAD)

    decision = decide_in(table, RouteRequest(host="a.com", tls=False, entry_point="web"))

    assert decision.outcome is Outcome.UNDECIDED


def test_a_client_that_is_not_known_leaves_a_lost_request_open() -> None:
    table = a_table(a_route(rule="ClientIP(`10.0.0.0/8`) && Host(`a.com`)"), *a_service())

    decision = decide_in(table, RouteRequest(host="a.com", tls=False, entry_point="web"))

    assert decision.outcome is Outcome.UNDECIDED
    assert "for some client addresses" in decision.limits[-1]


def test_routes_elsewhere_that_would_not_match_are_not_offered() -> None:
    there = a_route(rule="Host(`a.com`) && Path(`/x`)", spec={"entryPoints": ["websecure"]})

    decision = decide_in(a_table(there, *a_service()), RouteRequest(host="a.com", tls=False, entry_point="web"))

    assert decision.elsewhere == ()


def test_entry_points_are_remembered_within_bounds() -> None:
    table = a_table(a_route(), *a_service())

    for number in range(300):
        decide_in(table, RouteRequest(host="a.com", entry_point=f"point{number}"))

    assert len(table.points) <= 200


def test_only_unrouted_hosts_get_suggestions() -> None:
    table = a_table(a_route(rule="Host(`shop.example.com`)"), *a_service())
    routed = decide_in(table, RouteRequest(host="shop.example.com", tls=False, entry_point="web"))
    lost = decide_in(table, RouteRequest(host="shpo.example.com", tls=False, entry_point="web"))

    assert with_suggestions(table, routed) is routed
    assert (lost.near, with_suggestions(table, lost).near) == ((), ("shop.example.com",))


def test_a_circle_below_a_router_ends() -> None:
    def below(name: str, *parents: str) -> dict[str, Any]:
        refs = [{"name": parent} for parent in parents]
        return a_route(name=name, rule=f"PathPrefix(`/{name}`)", spec={"entryPoints": [], "parentRefs": refs})

    up = a_route(name="up")
    up["spec"]["routes"][0]["services"] = []

    assert len(routers(a_table(up, below("a", "up", "b"), below("b", "a"), *a_service()))) == 3


def test_header_names_with_odd_characters_stay() -> None:
    assert canonical_header("x y") == "x y"


def test_the_version_is_said_to_be_unknown() -> None:
    table = a_table(a_route(), *a_service(), version="")

    assert "Traefik's version is unknown (judged as 3.7.9)" in table.limits


@pytest.mark.parametrize(
    ("version", "said"),
    [
        pytest.param("v3.7.9", [], id="newest-checked"),
        pytest.param("v2.10.7", [], id="oldest-checked"),
        pytest.param(
            "v3.8.0",
            ["Traefik 3.8.0 is not among the versions that this model was checked against: 2.10, 2.11 and 3.0 to 3.7"],
            id="newer",
        ),
        pytest.param(
            "v1.7",
            ["Traefik 1.7 is not among the versions that this model was checked against: 2.10, 2.11 and 3.0 to 3.7"],
            id="older",
        ),
        pytest.param("latest", ["Traefik's version is unknown (judged as 3.7.9)"], id="unknown"),
    ],
)
def test_a_version_that_the_model_does_not_know_is_said_to_be_so(version: str, said: list[str]) -> None:
    assert [item for item in a_table(a_route(), *a_service(), version=version).limits if "version" in item] == said
