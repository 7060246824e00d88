from __future__ import annotations

from typing import Any

import pytest

from build.entry import (
    UNREAD,
    a_tcp_middleware,
    a_tcp_route,
    an_option,
    backends,
    http_route,
    https_route,
    model,
    points,
    static,
)
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.routing.traefik.handler import EntryPointHandlers, Handler, HandlerDecision, Speaks, select_handler
from ingressdoctor.routing.traefik.tcp_matchers import Connection

PLAIN, TLS, NOTHING, POSTGRES = Speaks.PLAIN, Speaks.TLS, Speaks.NOTHING, Speaks.POSTGRES
EVERYWHERE = ["web", "websecure", "mysql"]


def handlers(*items: Custom, point: str = "websecure", **changes: Any) -> EntryPointHandlers:
    return model(*items, **{**backends("db", "shop", "hostless", "exact", "wild", "plain"), **changes}).points[point]


def decide(found: EntryPointHandlers, speaks: Speaks, sni: str = "", **seen: Any) -> HandlerDecision:
    return select_handler(found, Connection(server_name=sni, **seen), speaks)


def route(match: str, *, name: str = "db", **changes: Any) -> Custom:
    return a_tcp_route(match, name=name, **{"entryPoints": EVERYWHERE, **changes})


ANY = route("HostSNI(`*`)", name="any")
THROUGH = route("HostSNI(`db.example.com`)", name="through", tls={"passthrough": True})
THROUGH_ANY = route("HostSNI(`*`)", name="throughany", tls={"passthrough": True})
ENDED = route("HostSNI(`db.example.com`)", name="ended", tls={})
SHOP = https_route("Host(`db.example.com`)")
HOSTLESS = https_route("PathPrefix(`/`)", name="hostless")


@pytest.mark.parametrize(
    ("items", "speaks", "sni", "handler"),
    [
        pytest.param((ANY,), NOTHING, "", Handler.TCP, id="1-only-plain-routers-no-byte-awaited"),
        pytest.param((ANY,), TLS, "x", Handler.TCP, id="1-even-tls-bytes-go-there"),
        pytest.param((ANY, SHOP), NOTHING, "", Handler.STALLED, id="2-an-https-router-stalls-server-first"),
        pytest.param((ANY, THROUGH), NOTHING, "", Handler.STALLED, id="2-a-tcp-tls-router-stalls-server-first"),
        pytest.param((), NOTHING, "", Handler.STALLED, id="2-nothing-there-stalls"),
        pytest.param((ANY, SHOP), PLAIN, "", Handler.TCP, id="3-plain-tcp-before-http"),
        pytest.param((SHOP,), PLAIN, "", Handler.HTTP, id="3-plain-http"),
        pytest.param((SHOP, THROUGH), TLS, "DB.example.com", Handler.HTTPS, id="4b-https-hides-tcp-of-that-sni"),
        pytest.param((HOSTLESS, THROUGH), TLS, "db.example.com", Handler.PASSTHROUGH, id="4c-passthrough"),
        pytest.param((HOSTLESS, ENDED), TLS, "db.example.com", Handler.TCP_TLS, id="4c-termination"),
        pytest.param((HOSTLESS, THROUGH_ANY), TLS, "other", Handler.HTTPS, id="4d-hostless-hides-catch-all"),
        pytest.param((SHOP, THROUGH_ANY), TLS, "other", Handler.PASSTHROUGH, id="4e-tcp-catch-all"),
        pytest.param((SHOP,), TLS, "other", Handler.HTTPS, id="4f-default-https"),
        pytest.param((SHOP,), TLS, "", Handler.HTTPS, id="4f-no-sni"),
        pytest.param((THROUGH,), POSTGRES, "db.example.com", Handler.PASSTHROUGH, id="postgres-asks-tcp-only"),
        pytest.param((SHOP,), POSTGRES, "db.example.com", Handler.CLOSED, id="postgres-without-router"),
    ],
)
def test_selection_as_specification(items: tuple[Custom, ...], speaks: Speaks, sni: str, handler: Handler) -> None:
    assert decide(handlers(*items), speaks, sni).handler is handler


def test_a_catch_all_without_entry_points_swallows_plain_http() -> None:
    found = handlers(a_tcp_route(entryPoints=None), http_route(), point="web")

    decision = decide(found, PLAIN)

    assert decision.handler is Handler.TCP
    assert decision.router is not None
    assert decision.router.ref == "IngressRouteTCP ns/db"


def test_what_kills_an_entry_point_for_mysql_is_named() -> None:
    found = handlers(a_tcp_route(), https_route("Host(`a.com`)", spec={"entryPoints": ["mysql"]}), point="mysql")

    decision = decide(found, NOTHING)

    assert (decision.handler, decision.after_s) == (Handler.STALLED, 60.0)
    assert len(found.blockers) == 1
    assert found.blockers[0] in decision.why
    assert handlers(a_tcp_route(), point="mysql").blockers == ()
    assert handlers(point="mysql").blockers == ()


def test_a_disabled_https_router_still_claims_its_host() -> None:
    broken = https_route("Host(`db.example.com`)", route={"middlewares": [{"name": "gone"}]})

    decision = decide(handlers(broken, THROUGH), TLS, "db.example.com")

    assert decision.handler is Handler.HTTPS
    assert [router.ref for router in decision.hidden] == ["IngressRouteTCP ns/through"]


def test_hidden_routers_are_named_for_catch_alls_too() -> None:
    assert [item.ref for item in decide(handlers(HOSTLESS, THROUGH_ANY), TLS, "x").hidden] == [
        "IngressRouteTCP ns/throughany"
    ]
    assert decide(handlers(HOSTLESS), TLS, "x").hidden == ()
    assert decide(handlers(SHOP), TLS, "db.example.com").hidden == ()


def test_without_a_read_timeout_the_stall_never_ends() -> None:
    config = static(*points(websecure={"read_timeout_s": 0.0}))

    assert decide(handlers(config=config), NOTHING).after_s is None


def test_no_plain_router_for_this_peer_waits_for_bytes() -> None:
    found = handlers(route("ClientIP(`10.0.0.0/8`)"))

    assert decide(found, NOTHING, client_ip="10.1.1.1").handler is Handler.TCP
    assert decide(found, NOTHING, client_ip="8.8.8.8").handler is Handler.STALLED
    assert decide(found, PLAIN, client_ip="8.8.8.8").handler is Handler.HTTP
    unknown = decide(found, NOTHING)
    assert unknown.handler is Handler.UNDECIDED
    assert "depends on the address of the client" in unknown.limits[0]


def test_unknown_peers_leave_tls_undecided_only_where_it_matters() -> None:
    found = handlers(route("HostSNI(`a.com`) && ClientIP(`10.0.0.0/8`)", tls={}), SHOP)

    assert decide(found, TLS, "a.com").handler is Handler.UNDECIDED
    assert decide(found, TLS, "db.example.com").handler is Handler.HTTPS
    assert decide(found, TLS, "b.com").handler is Handler.HTTPS


def test_equal_priorities_are_undecided_unless_it_makes_no_difference() -> None:
    one, two = route("HostSNI(`*`)", name="one"), route("HostSNI(`*`)", name="two")
    other = route("HostSNI(`*`)", name="three", route={"middlewares": [{"name": "office"}]})

    assert decide(handlers(one, two), NOTHING).handler is Handler.TCP
    tie = decide(handlers(one, other, a_tcp_middleware()), NOTHING)
    assert tie.handler is Handler.UNDECIDED
    assert "equal priority -1" in tie.limits[0]


def test_the_higher_priority_wins() -> None:
    low = route(
        "HostSNI(`*`)",
        name="low",
        routes=[{"match": "HostSNI(`*`)", "priority": 1, "services": [{"name": "db", "port": 3306}]}],
    )
    high = route("ClientIP(`0.0.0.0/0`)", name="high")

    decision = decide(handlers(low, high), NOTHING, client_ip="8.8.8.8")

    assert decision.router is not None
    assert decision.router.ref == "IngressRouteTCP ns/high"


def test_a_catch_all_of_high_priority_still_comes_last() -> None:
    first = route(
        "HostSNI(`*`)",
        name="first",
        tls={"passthrough": True},
        routes=[{"match": "HostSNI(`*`)", "priority": 99, "services": [{"name": "db", "port": 3306}]}],
    )

    assert decide(handlers(first, ENDED, HOSTLESS), TLS, "db.example.com").handler is Handler.HTTPS


def test_broken_options_close_the_connection() -> None:
    of_https = decide(handlers(https_route("Host(`a.com`)", option="gone")), TLS, "a.com")
    of_tcp = decide(handlers(route("HostSNI(`a.com`)", tls={"options": {"name": "gone"}})), TLS, "a.com")

    for decision in (of_https, of_tcp):
        assert decision.handler is Handler.CLOSED
        assert decision.why == "unknown TLS options: ns-gone@kubernetescrd"


def test_options_that_were_not_read_are_a_limit() -> None:
    found = handlers(https_route("Host(`a.com`)", option="some"), tls_options=UNREAD)

    decision = decide(found, TLS, "a.com")

    assert decision.handler is Handler.HTTPS
    assert decision.limits == ("the TLS options ns-some@kubernetescrd were not read",)


def test_rules_of_equal_length_leave_the_options_open() -> None:
    exact = https_route("Host(`x.a.com`)", option="one", name="exact")
    wild = https_route("Host(`*.a.com`)", option="two", name="wild")

    decision = decide(handlers(exact, wild, an_option("one"), an_option("two")), TLS, "x.a.com")

    assert decision.tls_options == ("ns-one@kubernetescrd", "ns-two@kubernetescrd")
    assert "not determined" in decision.limits[0]


def test_the_acme_challenge_comes_first() -> None:
    config = static(certificatesResolvers__le__acme__tlschallenge="true")
    bypass = static(
        certificatesResolvers__le__acme__tlschallenge="true", entrypoints__websecure__allowacmebypass="true"
    )
    found = handlers(THROUGH_ANY, config=config)

    assert decide(found, TLS, "a.com", protocols=("acme-tls/1",)).handler is Handler.ACME
    assert decide(found, TLS, "a.com").handler is Handler.PASSTHROUGH
    assert decide(handlers(THROUGH_ANY, config=bypass), TLS, protocols=("acme-tls/1",)).handler is Handler.PASSTHROUGH


def test_version_2_knows_nothing_of_postgres() -> None:
    assert decide(handlers(THROUGH, version="2.11.53"), POSTGRES, "db.example.com").handler is Handler.HTTP


def test_a_rule_that_nests_deep_is_followed() -> None:
    deep = route("(" * 3000 + "HostSNI(`*`)" + ")" * 3000, tls={"passthrough": True})

    assert decide(handlers(deep), TLS, "a.com").handler is Handler.PASSTHROUGH


def test_what_was_not_read_is_said() -> None:
    assert decide(handlers(ingress_route_tcps=UNREAD), PLAIN).limits == (
        "not read, could take it: the kind: 403: may not list",
    )


@pytest.mark.parametrize(
    ("match", "sni", "handler"),
    [
        pytest.param("HostSNI(`a.com`) && ALPN(`h2`)", "a.com", Handler.PASSTHROUGH, id="and"),
        pytest.param("HostSNI(`a.com`) || HostSNI(`b.com.`)", "b.com", Handler.PASSTHROUGH, id="or"),
        pytest.param("HostSNI(`a.com`) || ALPN(`h2`)", "c.com", Handler.PASSTHROUGH, id="or-without-a-host"),
        pytest.param("HostSNI(`*.a.com`)", "x.a.com", Handler.PASSTHROUGH, id="wildcard"),
        pytest.param("ALPN(`h2`) && ClientIP(`0.0.0.0/0`)", "c.com", Handler.PASSTHROUGH, id="and-without-a-host"),
        pytest.param("!HostSNI(`a.com`)", "a.com", Handler.HTTPS, id="negated"),
        pytest.param("HostSNI(`a.com`)", "c.com", Handler.HTTPS, id="another-host"),
    ],
)
def test_the_index_by_host_loses_no_router(match: str, sni: str, handler: Handler) -> None:
    others = [route(f"HostSNI(`h{index}.com`)", name=f"h{index}", tls={"passthrough": True}) for index in range(5)]
    found = handlers(*others, route(match, tls={"passthrough": True}))

    assert decide(found, TLS, sni, client_ip="8.8.8.8", protocols=("h2",)).handler is handler
