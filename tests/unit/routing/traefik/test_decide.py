"""Which router wins, which stand by, and which Traefik leaves out."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from build.routes import (
    HOST,
    a_middleware,
    an_ingress,
    an_ingress_route,
    decided,
    objects,
    static,
)
from ingressdoctor.api import Custom, DropReason, Outcome, RouteRequest, Service
from ingressdoctor.routing.traefik.decide import decide, decide_in
from ingressdoctor.routing.traefik.settings import assumed_static
from ingressdoctor.routing.traefik.table import build_table

WIDE = {"middlewares": [{"name": "headers", "namespace": "shared"}]}
CROSSING = "--providers.kubernetescrd.allowCrossNamespace=true"


def route(name: str = "headers", **parts: Any) -> dict[str, Any]:
    return {"middlewares": [{"name": name, **parts}]}


DROPS = [
    pytest.param(an_ingress_route(), (), None, "", id="sound"),
    pytest.param(
        an_ingress_route(metadata={"annotations": {"kubernetes.io/ingress.class": "nginx"}}),
        *((), DropReason.CLASS, "nginx"),
        id="class-of-another-controller",
    ),
    pytest.param(
        an_ingress_route(metadata={"annotations": {"kubernetes.io/ingress.class": "traefik"}}),
        *((), None, ""),
        id="class-traefik-is-taken-without-option",
    ),
    pytest.param(
        an_ingress_route(spec={"ingressClassName": "internal"}),
        *(("--providers.kubernetescrd.ingressClass=internal",), None, ""),
        id="class-is-the-option",
    ),
    pytest.param(
        an_ingress_route(),
        *(("--providers.kubernetescrd.ingressClass=internal",), DropReason.CLASS, "internal"),
        id="no-class-but-an-option",
    ),
    pytest.param(
        an_ingress_route(),
        *(("--providers.kubernetescrd.namespaces=other",), DropReason.NAMESPACE, "other"),
        id="namespace-not-watched",
    ),
    pytest.param(
        an_ingress_route(),
        *(("--providers.kubernetescrd.labelSelector=public=yes",), DropReason.LABEL, "public=yes"),
        id="label-selector",
    ),
    pytest.param(
        an_ingress_route(), ("--providers.kubernetescrd=false",), DropReason.PROVIDER, "switched on", id="provider-off"
    ),
    pytest.param(
        an_ingress_route(spec={"entryPoints": ["https"]}), (), DropReason.ENTRY_POINT, "https", id="entry-point-missing"
    ),
    pytest.param(
        an_ingress_route(spec={"entryPoints": ["WebSecure"]}), (), DropReason.ENTRY_POINT, "WebSecure", id="exact-case"
    ),
    pytest.param(
        an_ingress_route(spec={"entryPoints": ["https", "websecure"]}), (), None, "", id="one-entry-point-is-enough"
    ),
    pytest.param(an_ingress_route(spec={"entryPoints": []}), (), None, "", id="default-entry-points"),
    pytest.param(
        an_ingress_route(f"Host(`{HOST}`) PathPrefix(`/`)"), (), DropReason.RULE, "1:25: expected 'EOF'", id="bad-rule"
    ),
    pytest.param(an_ingress_route(f"Host(`{HOST}:443`)"), (), DropReason.RULE, "never match", id="never-matches"),
    pytest.param(an_ingress_route(route={"kind": "Path"}), (), DropReason.KIND, "Path", id="unknown-kind"),
    pytest.param(an_ingress_route(route=route()), (), None, "", id="middleware-of-the-namespace"),
    pytest.param(
        an_ingress_route(route=route("heders")),
        *((), DropReason.MIDDLEWARE_MISSING, '"ns-heders@kubernetescrd" does not exist'),
        id="middleware-missing",
    ),
    pytest.param(
        an_ingress_route(route=route(namespace="shared")),
        *((), DropReason.MIDDLEWARE_CROSS_NAMESPACE, "allowCrossNamespace is disabled"),
        id="middleware-elsewhere",
    ),
    pytest.param(an_ingress_route(route=route(namespace="shared")), (CROSSING,), None, "", id="crossing-allowed"),
    pytest.param(
        an_ingress_route(route=route("ns-headers@kubernetescrd")),
        *((), DropReason.MIDDLEWARE_CROSS_NAMESPACE, "@kubernetescrd"),
        id="qualified-name-counts-as-crossing",
    ),
    pytest.param(
        an_ingress_route(route=route("auth@file")),
        *(("--providers.file.directory=/etc/more",), None, ""),
        id="middleware-of-a-file-is-not-judged",
    ),
    pytest.param(
        an_ingress_route(route=route("auth@file")),
        *((), DropReason.MIDDLEWARE_MISSING, 'middleware "auth@file" does not exist'),
        id="middleware-of-a-file-that-no-provider-reads",
    ),
    pytest.param(
        an_ingress_route(route=route("two")), (), DropReason.MIDDLEWARE_INVALID, "multi-types", id="two-types"
    ),
    pytest.param(
        an_ingress_route(route=route("none")), (), DropReason.MIDDLEWARE_INVALID, "invalid middleware", id="no-type"
    ),
    pytest.param(
        an_ingress_route(route=route("loop")), (), DropReason.MIDDLEWARE_INVALID, "recursion", id="chain-of-itself"
    ),
    pytest.param(
        an_ingress_route(route=route("chain")), (), DropReason.MIDDLEWARE_MISSING, "gone", id="chain-with-a-gap"
    ),
    pytest.param(
        an_ingress_route(route=route("allow")), (), DropReason.MIDDLEWARE_INVALID, "CIDR", id="invalid-allow-list"
    ),
    pytest.param(
        an_ingress_route(route={"services": [{"name": "s", "namespace": "other", "port": 80}]}),
        *((), DropReason.SERVICE_CROSS_NAMESPACE, "not in the parent"),
        id="service-elsewhere",
    ),
    pytest.param(
        an_ingress_route(route={"services": [{"name": "split", "kind": "TraefikService"}]}), (), None, "", id="weighted"
    ),
    pytest.param(
        an_ingress_route(route={"services": [{"name": "gone", "kind": "TraefikService"}]}),
        *((), DropReason.SERVICE_MISSING, "ns-gone@kubernetescrd"),
        id="traefik-service-missing",
    ),
    pytest.param(an_ingress_route(route={"services": []}), (), DropReason.OTHER, "no service", id="no-service"),
    pytest.param(
        an_ingress_route(route={"priority": 2**63 - 1}), (), DropReason.PRIORITY, "exceeds", id="reserved-priority"
    ),
    pytest.param(
        an_ingress_route(spec={"tls": {"options": {"name": "o", "namespace": "shared"}}}),
        *((), DropReason.TLS_OPTION, "TLSOption"),
        id="tls-option-elsewhere",
    ),
]
MIDDLEWARES = (
    a_middleware(),
    a_middleware(namespace="shared"),
    a_middleware("two", headers={}, compress={}),
    msgspec.structs.replace(a_middleware("none"), spec={}),
    a_middleware("loop", chain={"middlewares": [{"name": "loop"}]}),
    a_middleware("chain", chain={"middlewares": [{"name": "headers"}, {"name": "gone"}]}),
    a_middleware("allow", ipAllowList={"sourceRange": ["10.0.0.0/33"]}),
)
SPLIT = msgspec.convert(
    {
        "kind": "TraefikService",
        "metadata": {"name": "split", "namespace": "ns"},
        "spec": {"weighted": {"services": [{"name": "a", "port": 80, "weight": 9}, {"name": "b", "port": 80}]}},
    },
    Custom,
)


@pytest.mark.parametrize(("item", "args", "reason", "detail"), DROPS)
def test_what_drops_an_ingress_route(
    item: Custom, args: tuple[str, ...], reason: DropReason | None, detail: str
) -> None:
    decision = decided(objects(item, middlewares=MIDDLEWARES, traefik_services=(SPLIT,)), *args)

    assert [drop.reason for drop in decision.dropped] == ([] if reason is None else [reason])
    assert decision.outcome is (Outcome.ROUTED if reason is None else Outcome.NO_ROUTE)
    assert detail in "".join(drop.detail for drop in decision.dropped)


def test_weighted_service_is_followed_to_its_services() -> None:
    item = an_ingress_route(route={"services": [{"name": "split", "kind": "TraefikService"}]})

    decision = decided(objects(item, traefik_services=(SPLIT,)))

    assert decision.winner is not None
    assert [(ref.name, ref.weight) for ref in decision.winner.backends] == [("a", 9), ("b", None)]


WINNERS = [
    pytest.param([("one", f"Host(`{HOST}`)", 0), ("two", "HostRegexp(`.*`)", 0)], "/", "one", id="longer-rule"),
    pytest.param(
        [("one", f"Host(`{HOST}`)", 0), ("two", f"Host(`{HOST}`) && PathPrefix(`/api`)", 0)], "/api", "two", id="path"
    ),
    pytest.param(
        [("one", f"Host(`{HOST}`)", 0), ("two", f"Host(`{HOST}`) && PathPrefix(`/api`)", 0)],
        "/",
        "one",
        id="other-path",
    ),
    pytest.param([("one", f"Host(`{HOST}`)", 0), ("two", "PathPrefix(`/`)", 1000)], "/", "two", id="set-priority"),
    pytest.param([("one", f"Host(`{HOST}`)", 0), ("two", "PathPrefix(`/`)", -1)], "/", "one", id="negative-priority"),
    pytest.param([("one", f"Host(`{HOST}`)", 0), ("two", f'Host("{HOST}")', 0)], "/", None, id="tie-is-ambiguous"),
]


@pytest.mark.parametrize(("routes", "path", "winner"), WINNERS)
def test_priorities(routes: list[tuple[str, str, int]], path: str, winner: str | None) -> None:
    items = [an_ingress_route(rule, name=name, route={"priority": priority}) for name, rule, priority in routes]

    decision = decided(objects(*items), path=path)

    assert (decision.winner.ref if decision.winner else None) == (f"IngressRoute ns/{winner}" if winner else None)
    assert decision.outcome is (Outcome.ROUTED if winner else Outcome.AMBIGUOUS)


def test_rule_length_is_in_bytes() -> None:
    decision = decided(objects(an_ingress_route("PathPrefix(`/é`)")), path="/é")

    assert decision.winner is not None
    assert decision.winner.priority == 17


def test_tie_between_providers_goes_by_precedence_since_3_7() -> None:
    rule = f'Host("{HOST}") && PathPrefix("/")'
    found = objects(an_ingress_route(rule, name="crd"), ingresses=(an_ingress(),))

    assert decided(found).winner is not None
    assert decided(found).winner.ref == "IngressRoute ns/crd"  # type: ignore[union-attr]
    assert decided(found, version="v3.6.24").outcome is Outcome.AMBIGUOUS


def test_tie_with_the_same_backend_is_no_trouble() -> None:
    twins = [an_ingress_route(name=name, route={"services": [{"name": "s", "port": 80}]}) for name in ("a", "b")]

    assert decided(objects(*twins)).outcome is Outcome.ROUTED


def test_plain_request_is_redirected_by_the_entry_point() -> None:
    decision = decided(objects(an_ingress_route()), tls=False)

    assert (decision.outcome, decision.predicted_status) == (Outcome.REDIRECT, 301)
    assert decision.winner is not None
    assert decision.winner.ref == "entry point web"


@pytest.mark.parametrize(
    "to",
    [
        pytest.param("secure", id="no-entry-point-of-that-name"),
        pytest.param("443", id="port-without-its-colon"),
        pytest.param(":https", id="port-by-name"),
    ],
)
def test_a_redirection_that_leads_nowhere_is_none(to: str) -> None:
    plain = an_ingress_route(spec={"entryPoints": ["web"], "tls": None})

    decision = decided(objects(plain), f"--entrypoints.web.http.redirections.entrypoint.to={to}", tls=False)

    assert decision.outcome is Outcome.ROUTED
    assert [(item.ref, item.log_line) for item in decision.dropped] == [
        ("redirection of entry point web", f"'to' entry point field references a non-existing entry point: {to}")
    ]


def test_a_redirection_may_name_what_could_not_be_read() -> None:
    partly = replace(static("--entrypoints.web.http.redirections.entrypoint.to=secure"), unreadable="envFrom")
    table = build_table(objects(an_ingress_route()), partly, "v3.7.9")

    assert decide_in(table, RouteRequest(host=HOST, tls=False)).outcome is Outcome.REDIRECT


def test_route_of_another_entry_point_is_shown_as_elsewhere() -> None:
    decision = decided(objects(an_ingress_route(spec={"entryPoints": ["web"], "tls": None})))

    assert decision.outcome is Outcome.NO_ROUTE
    assert [item.why for item in decision.elsewhere] == ["it takes only plain HTTP on web"]


def test_router_with_tls_takes_no_plain_connection() -> None:
    assert decided(objects(an_ingress_route(spec={"entryPoints": ["traefik"]})), entry_point="traefik").outcome is (
        Outcome.ROUTED
    )
    assert decided(
        objects(an_ingress_route(spec={"entryPoints": ["traefik"]})), entry_point="traefik", tls=False
    ).outcome is (Outcome.NO_ROUTE)


def test_broken_middleware_of_an_entry_point_takes_all_its_routes_out() -> None:
    decision = decided(objects(an_ingress_route()), "--entryPoints.websecure.http.middlewares=ns-gone@kubernetescrd")

    assert decision.outcome is Outcome.NO_ROUTE
    assert "ns-gone@kubernetescrd" in decision.dropped[0].detail


def test_client_address_rules_are_said_to_be_undecided() -> None:
    office = an_ingress_route(f"Host(`{HOST}`) && ClientIP(`10.0.0.0/8`)", name="office")

    decision = decided(objects(office, an_ingress_route()))

    assert decision.winner is not None
    assert decision.winner.ref == "IngressRoute ns/shop"
    assert any("office" in limit for limit in decision.limits)
    assert decided(objects(office, an_ingress_route()), client_ip="10.1.1.1").winner != decision.winner


def test_unreadable_kind_never_means_no_route() -> None:
    assert decided(objects(unread=("ingress_routes",))).outcome is Outcome.UNDECIDED
    assert decided(objects(an_ingress_route(), unread=("ingresses",))).outcome is Outcome.ROUTED
    assert decided(objects(an_ingress_route(route=route("gone")), unread=("middlewares",))).outcome is Outcome.ROUTED


def test_unreadable_entry_points_drop_nothing() -> None:
    item = an_ingress_route(spec={"entryPoints": ["public"]})
    request = RouteRequest(host=HOST, entry_point="public")

    assert decide(objects(item), assumed_static(), "", request).outcome is Outcome.ROUTED


def test_known_services_are_judged() -> None:
    port = {"port": 8080}
    service = msgspec.convert({"metadata": {"name": "shop"}, "spec": {"ports": [port]}}, Service)
    request = RouteRequest(host=HOST)

    missing = decide(objects(an_ingress_route()), static(), "v3.7.9", request, services={("ns", "shop"): None})
    without = decide(objects(an_ingress_route()), static(), "v3.7.9", request, services={("ns", "shop"): service})

    assert missing.dropped[0].reason is DropReason.SERVICE_MISSING
    assert without.dropped[0].reason is DropReason.SERVICE_PORT


def test_near_names_are_offered() -> None:
    decision = decided(
        objects(an_ingress_route("Host(`www.exmaple.com`)"), an_ingress_route("Host(`x.org`)", name="x"))
    )

    assert decision.near == ("www.exmaple.com",)


def test_nonsense_in_specs_is_survived() -> None:
    odd: tuple[Any, ...] = (
        {"routes": None},
        {"routes": [None, 7, {"match": 5, "services": 3, "middlewares": "x"}]},
        {"routes": [{"match": "Host(`a`)", "services": [None], "middlewares": [None]}], "tls": 1, "entryPoints": "web"},
    )
    items = [msgspec.structs.replace(an_ingress_route(name=f"r{i}"), spec=spec) for i, spec in enumerate(odd)]

    assert decided(objects(*items)).outcome is Outcome.NO_ROUTE


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["Host(`www.example.com`)", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["match", "services", "name", "port", "namespace", "middlewares"]), inner)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(["routes", "tls", "entryPoints", "ingressClassName", "parentRefs"])


@given(st.dictionaries(KEYS, JSON | st.lists(JSON, max_size=3)))
def test_any_spec_is_decided(spec: dict[str, Any]) -> None:
    item = msgspec.structs.replace(an_ingress_route(), spec=spec)
    middleware = msgspec.structs.replace(a_middleware(), spec=spec)

    decided(objects(item, middlewares=(middleware,), traefik_services=(item,)))


def test_ten_thousand_routes_are_decided_quickly() -> None:
    items = [an_ingress_route(f"Host(`h{n}.example.com`) && PathPrefix(`/p`)", name=f"r{n}") for n in range(10_000)]
    table = build_table(objects(*items), static(), "v3.7.9")
    start = time.process_time()

    decisions = [decide_in(table, RouteRequest(host=f"h{n}.example.com", path="/p")) for n in range(100)]

    assert time.process_time() - start < 2.0
    assert all(item.outcome is Outcome.ROUTED and len(item.candidates) == 1 for item in decisions)
