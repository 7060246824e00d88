"""Which address Traefik sees behind a load balancer, whom the lists let through, and what a client gets."""

from __future__ import annotations

from typing import Any

import pytest

from build.entry import a_tcp_middleware, model, points
from build.hetzner import a_lookup
from build.tcp import CLIENT, GONE, NODE, a_way, balanced, guarded, listed, traefik
from build.values import replace
from ingressdoctor.api import Custom, Ending, LoadBalancerLookup, SeenAs, Unavailable
from ingressdoctor.collect.route_taken import tcp_candidate, tcp_sights

OFF = traefik(trusted=None)
DIRECT = a_lookup(missing=True, not_in_path="the Service is of type NodePort")
ANNOTATED = traefik(annotations={"name": "lb", "uses-proxyprotocol": "true"})

SEEN = [
    pytest.param(traefik(), balanced(), SeenAs.CLIENT, (CLIENT,), id="on-and-trusted"),
    pytest.param(traefik(trusted=("*",)), balanced(), SeenAs.CLIENT, (CLIENT,), id="insecure-trusts-all"),
    pytest.param(
        traefik(trusted=("192.0.2.0/24",)), balanced(), SeenAs.NODE, (NODE, "10.0.1.12"), id="on-and-not-trusted"
    ),
    pytest.param(traefik(trusted=(f"{NODE}/32",)), balanced(), SeenAs.UNKNOWN, (), id="only-one-node-is-trusted"),
    pytest.param(OFF, balanced(proxy=False), SeenAs.NODE, (NODE, "10.0.1.12"), id="off-under-policy-cluster"),
    pytest.param(
        traefik(trusted=None, policy="Local"),
        balanced(proxy=False),
        SeenAs.BALANCER,
        ("10.0.1.5",),
        id="off-under-policy-local",
    ),
    pytest.param(traefik(trusted=None, policy="Local"), DIRECT, SeenAs.CLIENT, (CLIENT,), id="no-balancer-and-local"),
    pytest.param(OFF, DIRECT, SeenAs.NODE, (NODE, "10.0.1.12"), id="no-balancer-and-cluster"),
    pytest.param(ANNOTATED, GONE, SeenAs.CLIENT, (CLIENT,), id="the-annotation-where-the-balancer-is-not-seen"),
    pytest.param(traefik(), GONE, SeenAs.UNKNOWN, (), id="nobody-says"),
]


@pytest.mark.parametrize(("controller", "lookup", "kind", "addresses"), SEEN)
def test_the_address_that_traefik_sees(
    controller: Any, lookup: LoadBalancerLookup | Unavailable, kind: SeenAs, addresses: tuple[str, ...]
) -> None:
    seen = a_way(controller=controller, lookup=lookup).seen

    assert (seen.kind, seen.addresses) == (kind, addresses)
    assert seen.why


LISTS = [
    pytest.param(listed(CLIENT), True, True, False, id="the-client-alone"),
    pytest.param(listed("203.0.113.0/24", "192.0.2.1"), True, True, False, id="a-network-it-is-in"),
    pytest.param(listed("192.0.2.0/24"), False, False, False, id="another-network"),
    pytest.param(listed("0.0.0.0/0"), True, True, True, id="the-world"),
    pytest.param(listed("0.0.0.0/1", "128.0.0.0/1"), True, True, True, id="the-world-in-two-halves"),
    pytest.param(listed("::/0"), False, False, True, id="the-other-world"),
    pytest.param(listed("::ffff:203.0.113.7"), True, True, False, id="mapped-into-ipv6"),
    pytest.param(listed(CLIENT, kind="ipWhiteList"), True, True, False, id="by-its-old-name"),
]


@pytest.mark.parametrize(("item", "seen", "client", "world"), LISTS)
def test_whom_a_list_lets_through(item: Custom, seen: bool, client: bool, world: bool) -> None:
    (found,) = a_way(guarded(), item).lists

    assert (found.lets_seen, found.lets_client, found.open_to_world) == (seen, client, world)


def test_of_a_list_that_traefik_refuses_nobody_is_judged() -> None:
    (found,) = a_way(guarded(), listed(CLIENT, "office.example", " 10.0.0.1")).lists

    assert found.invalid == ("office.example", " 10.0.0.1")
    assert found.lets_client is None


def test_nodes_that_a_list_holds_in_part_leave_it_open() -> None:
    (found,) = a_way(guarded(), listed(NODE), controller=OFF, lookup=balanced(proxy=False)).lists

    assert found.lets_seen is None
    assert found.lets_client is False


ENDS = [
    pytest.param((), {}, Ending.GREETING, 0.0, id="listed-and-through"),
    pytest.param((guarded(), listed("192.0.2.1")), {}, Ending.CLOSED, 0.0, id="not-listed"),
    pytest.param(
        (guarded(), a_tcp_middleware(inFlightConn={"amount": 0})), {}, Ending.CLOSED, 0.0, id="no-connection-allowed"
    ),
    pytest.param((guarded(middlewares=[]),), {"lookup": balanced(proxy=False)}, Ending.LATE, 60.0, id="header-awaited"),
    pytest.param(
        (guarded(middlewares=[]),),
        {"lookup": balanced(proxy=False), "controller": traefik(*points(mysql={"proxy_protocol": ("*",)}))},
        Ending.LATE,
        60.0,
        id="header-awaited-from-anybody",
    ),
    pytest.param((guarded(middlewares=[]),), {"controller": OFF}, Ending.REFUSED_LATER, 0.0, id="header-as-data"),
    pytest.param((), {"ingress_route_tcps": GONE}, Ending.UNKNOWN, None, id="routes-unread"),
    pytest.param((guarded(),), {}, Ending.STALLED, 60.0, id="middleware-missing"),
    pytest.param((), {"lookup": GONE}, Ending.UNKNOWN, None, id="the-balancer-is-not-seen"),
    pytest.param(
        (guarded(middlewares=[]),),
        {"controller": traefik(*(point for point in points() if point.name != "mysql"))},
        Ending.UNKNOWN,
        None,
        id="no-entry-point",
    ),
]


@pytest.mark.parametrize(("items", "parts", "kind", "after"), ENDS)
def test_what_a_client_gets(items: tuple[Any, ...], parts: dict[str, Any], kind: Ending, after: float | None) -> None:
    end = a_way(*items, **parts).end

    assert (end.kind, end.after_s) == (kind, after)
    assert end.why


def test_what_could_not_be_judged_is_said() -> None:
    assert any("which address" in limit for limit in a_way(client_ip="").end.limits)
    unread = a_way(guarded(), middleware_tcps=GONE)
    assert [item.exists for item in unread.lists] == [None]
    assert any("was not read" in limit for limit in unread.end.limits)


SIGHTS = [
    pytest.param(listed("203.0.113.0/24"), CLIENT, "lets through 203.0.113.0/24; 203.0.113.7 is listed", id="listed"),
    pytest.param(listed("192.0.2.1"), CLIENT, "not listed: its connection is closed at once", id="not-listed"),
    pytest.param(listed("192.0.2.1"), "", "lets through 192.0.2.1", id="nobody-named"),
    pytest.param(a_tcp_middleware(inFlightConn={"amount": 3}), CLIENT, "closes more than 3 connections", id="a-limit"),
]


@pytest.mark.parametrize(("item", "client_ip", "effect"), SIGHTS)
def test_what_route_says_of_a_middleware(item: Custom, client_ip: str, effect: str) -> None:
    made = model(guarded(), item)
    (router,) = made.tcp.routers
    (sight,) = tcp_sights(made, tcp_candidate(router), client_ip)

    assert sight.ref == "MiddlewareTCP ns/office"
    assert effect in sight.effect


def test_of_a_router_that_is_not_tcp_no_middleware_is_said() -> None:
    made = model(guarded(), listed(CLIENT))
    other = replace(tcp_candidate(made.tcp.routers[0]), ref="IngressRoute ns/shop")

    assert tcp_sights(made, other, CLIENT) == ()


def test_a_middleware_that_was_not_read_is_said_to_be() -> None:
    made = model(guarded(), middleware_tcps=GONE)

    assert "not read" in tcp_sights(made, tcp_candidate(made.tcp.routers[0]), CLIENT)[0].effect
