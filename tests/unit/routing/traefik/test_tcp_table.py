from __future__ import annotations

from typing import Any

import pytest

from build.entry import (
    CRD,
    UNREAD,
    a_service,
    a_slice,
    a_tcp_middleware,
    a_tcp_route,
    an_option,
    backends,
    custom,
    model,
    points,
    static,
)
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import NOT_READ, Custom, DropReason
from ingressdoctor.routing.traefik.tcp_table import TcpRouter, TcpTable


def tcp(*items: Custom, **changes: Any) -> TcpTable:
    return model(*items, **{**backends("db", "other"), **changes}).tcp


def only(table: TcpTable) -> TcpRouter:
    assert not table.dropped
    (router,) = table.routers
    return router


def services(*specs: dict[str, Any]) -> dict[str, Any]:
    return {"services": [{"name": "db", "port": 3306, **spec} for spec in specs]}


@pytest.mark.parametrize(
    ("route", "changes", "reason", "detail"),
    [
        pytest.param({"match": ""}, {}, DropReason.RULE, "Empty match rule", id="no-rule"),
        pytest.param(
            {"middlewares": [{"name": "m", "namespace": "far"}]},
            {},
            DropReason.MIDDLEWARE_CROSS_NAMESPACE,
            "invalid reference to middleware m: allowCrossNamespace is disabled",
            id="middleware-elsewhere",
        ),
        pytest.param(
            {"match": "HostSNI(`a.com`)"},
            {},
            DropReason.RULE,
            "has HostSNI matcher, but no TLS on router",
            id="sni-without-tls",
        ),
        pytest.param(
            {"match": "ClientIP(`x`)"},
            {},
            DropReason.RULE,
            "error while adding rule ClientIP(`x`)",
            id="bad-matcher",
        ),
        pytest.param(
            {"priority": 2**63 - 1},
            {},
            DropReason.PRIORITY,
            "exceeds the max user-defined priority",
            id="priority",
        ),
        pytest.param(services({"name": "gone"}), {}, DropReason.SERVICE_MISSING, "(service not found)", id="service"),
        pytest.param(services({"port": 1}), {}, DropReason.SERVICE_PORT, "(service port not found: 1)", id="port"),
        pytest.param(services({"port": None}), {}, DropReason.SERVICE_PORT, "port not defined", id="no-port"),
        pytest.param(
            services({"namespace": "far"}),
            {},
            DropReason.SERVICE_CROSS_NAMESPACE,
            "tcp service far/db is not in the parent resource namespace ns",
            id="service-elsewhere",
        ),
        pytest.param({"services": []}, {}, DropReason.SERVICE_MISSING, "the route names no Service", id="no-service"),
        pytest.param(
            {},
            backends("db", empty=("db",)),
            DropReason.SERVICE_EMPTY,
            "no servers found for ns/db",
            id="no-servers",
        ),
        pytest.param(
            {},
            {"services": Loaded(items=(a_service(type="ExternalName", externalName="x.y"),))},
            DropReason.EXTERNAL_NAME,
            "externalName services not allowed: ns/db",
            id="external-name",
        ),
        pytest.param(
            services({"serversTransport": "t@kubernetescrd"}),
            {},
            DropReason.OTHER,
            "namespace-name@kubernetescrd format is not allowed",
            id="transport-format",
        ),
        pytest.param(
            services({"serversTransport": "gone"}),
            {},
            DropReason.OTHER,
            'no transport configuration found for "ns-gone@kubernetescrd"',
            id="transport-missing",
        ),
        pytest.param(
            services({"proxyProtocol": {"version": 3}}),
            {},
            DropReason.OTHER,
            "unknown proxyProtocol version: 3",
            id="proxy-version",
        ),
        pytest.param(
            {"middlewares": [{"name": "gone"}]},
            {},
            DropReason.MIDDLEWARE_MISSING,
            'middleware "ns-gone@kubernetescrd" does not exist',
            id="middleware-missing",
        ),
    ],
)
def test_drops_as_specification(
    route: dict[str, Any], changes: dict[str, Any], reason: DropReason, detail: str
) -> None:
    whole = {"match": "HostSNI(`*`)", "services": [{"name": "db", "port": 3306}], **route}

    table = tcp(a_tcp_route(routes=[whole]), **changes)

    (dropped,) = table.dropped
    assert not table.routers
    assert dropped.reason is reason
    assert detail in dropped.detail
    assert dropped.log_line


@pytest.mark.parametrize(
    ("route", "config", "reason", "logged"),
    [
        pytest.param(
            a_tcp_route(metadata={"annotations": {"kubernetes.io/ingress.class": "nginx"}}),
            static(),
            DropReason.CLASS,
            "",
            id="class-silent",
        ),
        pytest.param(a_tcp_route(), static(**{f"{CRD}.namespaces": "far"}), DropReason.NAMESPACE, "", id="namespace"),
        pytest.param(
            a_tcp_route(entryPoints=["nope"]),
            static(),
            DropReason.ENTRY_POINT,
            "EntryPoint doesn't exist",
            id="entry-point",
        ),
        pytest.param(
            a_tcp_route(tls={"options": {"name": "o", "namespace": "far"}}),
            static(),
            DropReason.TLS_OPTION,
            'Invalid reference to TLSOption "o"',
            id="option-elsewhere",
        ),
        pytest.param(
            a_tcp_route(route={"services": [{"name": "db", "port": 1, "serversTransport": "x@file"}]}),
            static(**{f"{CRD}.crossprovidernamespaces": "far"}),
            DropReason.SERVICE_PORT,
            "",
            id="port-before-transport",
        ),
        pytest.param(
            a_tcp_route(route={"services": [{"name": "db", "port": 3306, "serversTransport": "x@file"}]}),
            static(**{f"{CRD}.crossprovidernamespaces": "far"}),
            DropReason.OTHER,
            "is not in crossProviderNamespaces",
            id="transport-of-another-provider",
        ),
    ],
)
def test_objects_left_out_as_specification(route: Custom, config: Any, reason: DropReason, logged: str) -> None:
    table = tcp(route, config=config)

    (dropped,) = table.dropped
    assert dropped.reason is reason
    assert logged in dropped.log_line
    assert bool(dropped.log_line) is (reason not in (DropReason.CLASS, DropReason.NAMESPACE))


def test_a_router_as_it_is_made() -> None:
    router = only(tcp(a_tcp_route(tls={"secretName": "cert"})))

    assert router.name.startswith("ns-db-")
    assert router.name.endswith("@kubernetescrd")
    assert (router.tls, router.passthrough, router.tls_options, router.tls_secret) == (True, False, "default", "cert")
    assert (router.priority, router.entry_points) == (-1, ("mysql",))
    (service,) = router.services
    assert (service.servers, service.weight, service.proxy_version) == (1, 1, 0)


def test_without_entry_points_a_router_is_on_every_default_one() -> None:
    table = tcp(a_tcp_route(entryPoints=None))

    assert sorted(table.plain) == ["mysql", "web", "websecure"]
    assert only(table).entry_points == ("mysql", "web", "websecure")


def test_unreadable_static_configuration_leaves_the_entry_point_open() -> None:
    config = static()
    unsure = type(config)(source="args", entry_points=(), options=config.options, unreadable="a file")

    assert only(tcp(a_tcp_route(), config=unsure)).entry_points == ("mysql",)


def test_passthrough_needs_no_options() -> None:
    router = only(tcp(a_tcp_route(tls={"passthrough": True, "options": {"name": "gone"}})))

    assert (router.passthrough, router.tls_options, router.broken_options) == (True, "", "")


def test_broken_options_keep_the_router_to_close_its_connections() -> None:
    router = only(tcp(a_tcp_route(tls={"options": {"name": "gone"}}, route={"middlewares": [{"name": "gone"}]})))

    assert router.broken_options == "unknown TLS options: ns-gone@kubernetescrd"
    bad = tcp(a_tcp_route("HostSNI(`a b`)", tls={"options": {"name": "gone"}}, route={"services": []}))
    assert [item.reason for item in bad.dropped] == [DropReason.RULE]
    poor = only(tcp(a_tcp_route(tls={"options": {"name": "gone"}}, route={"services": []})))
    assert poor.services == ()


def test_equal_priorities_and_names() -> None:
    first = a_tcp_route(
        routes=[{"match": "HostSNI(`*`)", **services({})}, {"match": "HostSNI(`*`)", **services({"port": 1})}]
    )

    router = only(tcp(first))

    assert [item.ref.port for item in router.services] == ["3306"]  # what the equal one before left behind


def test_a_weighted_list_lacks_what_is_bad() -> None:
    router = only(tcp(a_tcp_route(route=services({"weight": 2}, {"name": "gone"}, {"name": "other"}))))

    assert [(item.ref.name, item.weight) for item in router.services] == [("db", 2), ("other", 1)]
    assert [item.detail for item in router.lacking] == ["service not found"]


@pytest.mark.parametrize(
    ("transport", "spec", "version", "proxy"),
    [
        pytest.param({}, {"proxyProtocol": {}}, "3.7.9", 2, id="default-version"),
        pytest.param({}, {"proxyProtocol": {"version": 1}}, "3.7.9", 1, id="own-version"),
        pytest.param({}, {"proxyProtocol": {}, "serversTransport": "t"}, "3.7.9", 0, id="transport-overrides"),
        pytest.param({}, {"proxyProtocol": {}, "serversTransport": "t"}, "3.5.1", 2, id="not-before-3.5.2"),
        pytest.param({"proxyProtocol": {"version": 1}}, {"serversTransport": "t"}, "3.7.9", 1, id="of-the-transport"),
        pytest.param({}, {"serversTransport": "t@file"}, "3.7.9", None, id="not-known"),
    ],
)
def test_outbound_proxy_protocol_as_specification(
    transport: dict[str, Any], spec: dict[str, Any], version: str, proxy: int | None
) -> None:
    known = custom("ServersTransportTCP", "t", transport)

    router = only(tcp(a_tcp_route(route=services(spec)), known, version=version))

    assert router.services[0].proxy_version == proxy


def test_a_transport_with_an_empty_section_is_refused() -> None:
    known = custom("ServersTransportTCP", "t", {"proxyProtocol": {}})
    route = a_tcp_route(route=services({"serversTransport": "t"}))

    assert tcp(route, known).dropped[0].detail == "unknown proxyProtocol version: 0"
    empty = tcp(route, known, config=static(**{f"{CRD}.allowemptyservices": "true"}), **backends("db", empty=("db",)))
    assert only(empty).services[0].servers == 0  # nobody dials, so nobody finds out


def test_services_across_namespaces_where_that_is_allowed() -> None:
    config = static(**{f"{CRD}.allowcrossnamespace": "true", f"{CRD}.namespaces": "ns"})
    route = a_tcp_route(route=services({"namespace": "far"}, {"serversTransport": "a-b@kubernetescrd"}))

    table = tcp(route, custom("ServersTransportTCP", "b", {}, namespace="a"), config=config)

    assert "no transport configuration found" in table.dropped[0].detail  # the transport's namespace is not watched
    lacking = only(tcp(a_tcp_route(route=services({"namespace": "far"}, {})), config=config)).lacking
    assert lacking[0].detail == "failed to get service far/db: namespace is not within watched namespaces"


@pytest.mark.parametrize(
    ("spec", "changes", "servers"),
    [
        pytest.param({"nativeLB": True}, {}, 1, id="native"),
        pytest.param({}, {"endpoint_slices": UNREAD}, None, id="slices-not-read"),
        pytest.param(
            {"nodePortLB": True},
            {"services": Loaded(items=(a_service(type="NodePort"),)), "nodes": UNREAD},
            None,
            id="nodes-not-read",
        ),
        pytest.param({}, {"services": UNREAD}, None, id="services-not-read"),
        pytest.param({}, {"services": Loaded(broken=("x",))}, None, id="service-not-decoded"),
        pytest.param({}, {"endpoint_slices": Loaded(broken=("x",))}, None, id="slice-not-decoded"),
        pytest.param({}, {"endpoint_slices": Loaded(items=(a_slice(), a_slice()))}, 1, id="same-address-once"),
    ],
)
def test_servers_are_counted_only_where_they_were_looked_at(
    spec: dict[str, Any], changes: dict[str, Any], servers: int | None
) -> None:
    assert only(tcp(a_tcp_route(route=services(spec)), **changes)).services[0].servers == servers


@pytest.mark.parametrize(
    ("spec", "detail"),
    [
        pytest.param({"ipAllowList": {}}, "sourceRange is empty, IPAllowLister not created", id="empty"),
        pytest.param(
            {"ipWhiteList": {"sourceRange": []}}, "sourceRange is empty, IPWhiteLister not created", id="white"
        ),
        pytest.param(
            {"ipAllowList": {"sourceRange": ["x", "y"]}},
            "cannot parse CIDRs [x y]: parsing CIDR trusted IPs <nil>: invalid CIDR address: x",
            id="cidr",
        ),
        pytest.param({"other": {}}, "invalid middleware type or middleware does not exist", id="no-type"),
    ],
)
def test_middlewares_that_cannot_be_built_as_specification(spec: dict[str, Any], detail: str) -> None:
    table = tcp(a_tcp_route(route={"middlewares": [{"name": "office"}]}), a_tcp_middleware(**spec))

    assert table.dropped[0].reason is DropReason.MIDDLEWARE_INVALID
    assert detail in table.dropped[0].detail


def test_of_two_types_the_last_one_counts() -> None:
    both = a_tcp_middleware(
        inFlightConn={"amount": 3}, ipWhiteList={"sourceRange": ["::1"]}, ipAllowList={"sourceRange": ["10.0.0.0/8"]}
    )

    (chosen,) = only(tcp(a_tcp_route(route={"middlewares": [{"name": "office"}]}), both)).middlewares

    assert chosen is not None
    assert (chosen.kind, chosen.ranges) == ("ipAllowList", ("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        pytest.param(["x@file"], {}, id="another-provider"),
        pytest.param(["office"], {"middleware_tcps": UNREAD}, id="kind-not-read"),
        pytest.param(["office"], {"middleware_tcps": Loaded(broken=("x",))}, id="one-not-decoded"),
    ],
)
def test_middlewares_that_are_not_known(names: list[str], changes: dict[str, Any]) -> None:
    table = tcp(a_tcp_route(route={"middlewares": [{"name": name} for name in names]}), **changes)

    assert only(table).middlewares == (None,)


def test_a_limit_of_connections_is_kept_as_written() -> None:
    route = a_tcp_route(route={"middlewares": [{"name": "a"}, {"name": "b"}]})
    limits = a_tcp_middleware("a", inFlightConn={"amount": 3}), a_tcp_middleware("b", inFlightConn={"amount": "x"})

    assert [item.amount for item in only(tcp(route, *limits)).middlewares if item] == [3, 0]


def test_the_last_broken_middleware_shows() -> None:
    names = [{"name": "first"}, {"name": "second"}]

    assert '"ns-second@kubernetescrd"' in tcp(a_tcp_route(route={"middlewares": names})).dropped[0].detail


def test_a_rule_that_nests_deep_is_followed() -> None:
    assert only(tcp(a_tcp_route("(" * 3000 + "HostSNI(`*`)" + ")" * 3000))).rule.catch_all


def test_a_kind_that_was_not_read_is_said_to_be_so() -> None:
    assert tcp(ingress_route_tcps=UNREAD).unread == ("the kind: 403: may not list",)
    assert tcp(ingress_route_tcps=NOT_READ).routers == ()
    assert tcp(ingress_route_tcps=Loaded(broken=("IngressRouteTCP ns/x: bad",))).unread == (
        "IngressRouteTCP ns/x: bad",
    )


def test_options_of_other_objects_are_shared() -> None:
    router = only(tcp(a_tcp_route(tls={"options": {"name": "o"}}), an_option("o"), config=static(*points())))

    assert (router.tls_options, router.broken_options) == ("ns-o@kubernetescrd", "")


@pytest.mark.parametrize("spec", [{"routes": None}, {"routes": [None, 7]}, {"routes": "x"}, {"entryPoints": 5}])
def test_anything_may_stand_in_a_spec(spec: dict[str, Any]) -> None:
    table = tcp(custom("IngressRouteTCP", "db", spec))

    assert not table.routers


def ports(*numbers: int) -> dict[str, Any]:
    return {"match": "HostSNI(`*`)", "services": [{"name": "db", "port": number} for number in numbers]}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        pytest.param((3306, 80), (80, 3306), ["3306", "80", "80", "3306"], id="several-and-several-share"),
        pytest.param((3306, 80), (80,), ["80"], id="one-replaces-several"),
        pytest.param((3306,), (80,), ["80"], id="one-replaces-one"),
        pytest.param((3306, 80), (1, 2), ["3306", "80"], id="several-bad-ones-leave-what-was-there"),
        pytest.param((3306, 80), (1, 80), ["3306", "80", "80"], id="a-bad-one-is-lacking"),
    ],
)
def test_routes_with_an_equal_match_in_one_object(
    first: tuple[int, ...], second: tuple[int, ...], kept: list[str]
) -> None:
    item = custom("IngressRouteTCP", "db", {"entryPoints": ["mysql"], "routes": [ports(*first), ports(*second)]})

    assert [one.ref.port for one in only(tcp(item, **backends("db"))).services] == kept


def test_of_services_with_equal_name_and_port_the_last_decides() -> None:
    router = only(tcp(a_tcp_route(route=services({"serversTransport": "gone", "weight": 3}, {}))))

    assert [(item.transport, item.weight) for item in router.services] == [("", 3), ("", 1)]
