"""What older releases of Traefik do otherwise; every row was seen in that release itself, run on the same objects."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, a_table, an_ingress_of, routers, thing
from ingressdoctor.evidence.routes import NOT_READ, RouteRequest
from ingressdoctor.routing.traefik.compiled import compile_rule, judge, never_reason
from ingressdoctor.routing.traefik.durations import duration_problem
from ingressdoctor.routing.traefik.request import see
from ingressdoctor.routing.traefik.version import Version

OWN = "@kubernetescrd"


def outcome(*things: dict[str, Any], version: str, args: tuple[str, ...] = ()) -> str:
    """The reasons of all dropped routes, or the services of the live ones."""
    table = a_table(*things, args=args, version=version)
    return "; ".join(item.detail for item in table.all_dropped) or "live"


@pytest.mark.parametrize(
    ("version", "rule", "path", "expected"),
    [
        pytest.param("v2.11.53", "Path(`/a:b`)", "/a%3Ab", True, id="path-decodes-reserved-characters-in-2.11.53"),
        pytest.param("v2.11.53", "PathPrefix(`/a%2Fb`)", "/a%2Fb", False, id="prefix-holds-no-escapes-in-2.11.53"),
        pytest.param("v3.6.24", "Path(`/a:b`)", "/a%3Ab", False, id="path-keeps-reserved-characters-in-3.6.24"),
        pytest.param("v3.6.24", "PathPrefix(`/a%2Fb`)", "/a%2Fb", True, id="prefix-holds-escapes-in-3.6.24"),
    ],
)
def test_paths_of_rule_syntax_v2(version: str, rule: str, path: str, *, expected: bool) -> None:
    chosen = Version.parse(version)

    assert (
        judge(compile_rule(rule, "v2", chosen), see(RouteRequest(host="a.com", path=path), chosen)).matches is expected
    )


@pytest.mark.parametrize("version", ["v3.0.4", "v3.3.7", "v3.6.24", "v3.7.9"])
def test_a_semicolon_separates_parts_of_the_query(version: str) -> None:
    chosen = Version.parse(version)
    seen = see(RouteRequest(host="a.com", query="x=1;mobile=true"), chosen)

    assert judge(compile_rule("Query(`mobile`, `true`)", "v3", chosen), seen).matches is True


@pytest.mark.parametrize(
    ("pattern", "never"),
    [
        pytest.param(r"^\p{L}+\.a\.com$", False, id="class-of-unicode-is-no-placeholder"),
        pytest.param(r"^\x{61}\.a\.com$", False, id="code-point-is-no-placeholder"),
        pytest.param("{name}.a.com", True, id="placeholder-without-pattern"),
    ],
)
def test_braces_that_re2_knows(pattern: str, *, never: bool) -> None:
    assert bool(never_reason(compile_rule(f"HostRegexp(`{pattern}`)", "v3", Version()))) is never


@pytest.mark.parametrize(
    ("version", "strategy", "expected"),
    [
        pytest.param("v2.11.53", "RoundRobin", "live", id="round-robin-in-2.11"),
        pytest.param("v2.11.53", "wrr", "load balancing strategy wrr is not supported", id="wrr-in-2.11"),
        pytest.param("v3.3.7", "p2c", "load balancing strategy p2c is not supported", id="p2c-in-3.3"),
        pytest.param("v3.4.0", "p2c", "live", id="p2c-since-3.4"),
        pytest.param("v3.5.6", "hrw", "load-balancer strategy hrw is not supported", id="hrw-in-3.5"),
        pytest.param("v3.6.0", "leasttime", "live", id="leasttime-since-3.6"),
    ],
)
def test_strategies(version: str, strategy: str, expected: str) -> None:
    route = a_route({"name": "shop", "port": 80, "strategy": strategy})

    assert outcome(route, *a_service(), version=version) == expected


@pytest.mark.parametrize(
    ("version", "service", "expected"),
    [
        pytest.param("v3.5.6", {"name": f"shop{OWN}"}, "live", id="own-suffix-is-cut-off-before-3.6.16"),
        pytest.param("v2.11.44", {"name": f"shop{OWN}"}, "live", id="own-suffix-is-cut-off-before-2.11.45"),
        pytest.param(
            "v3.6.16",
            {"name": f"shop{OWN}"},
            f"kubernetes service not found: /shop{OWN}",
            id="own-suffix-is-part-of-the-name-since-3.6.16",
        ),
        pytest.param(
            "v3.5.6",
            {"name": "shop@file"},
            "kubernetes service not found: ns/shop@file",
            id="other-suffix-is-part-of-the-name-before-3.6.16",
        ),
        pytest.param(
            "v3.5.6",
            {"name": f"wrr{OWN}", "kind": "TraefikService", "namespace": "other"},
            f"service other/wrr{OWN} not in the parent resource namespace ns",
            id="namespaces-hold-for-names-with-a-suffix-before-3.6.16",
        ),
        pytest.param(
            "v3.5.6", {"name": f"wrr{OWN}", "kind": "TraefikService"}, "live", id="own-namespace-before-3.6.16"
        ),
        pytest.param(
            "v3.6.16",
            {"name": f"ns-wrr{OWN}", "kind": "TraefikService"},
            "live",
            id="namespace-is-taken-as-written-since-3.6.16",
        ),
    ],
)
def test_services_with_a_suffix(version: str, service: dict[str, Any], expected: str) -> None:
    wrr = thing("TraefikService", "wrr", {"weighted": {"services": [{"name": "shop", "port": 80}]}})
    port = {} if service.get("kind") else {"port": 80}

    assert outcome(a_route({**service, **port}), wrr, *a_service(), version=version) == expected


@pytest.mark.parametrize("version", ["v3.0.4", "v3.6.24", "v3.7.9"])
def test_native_lb_by_default_does_not_reach_traefik_services(version: str) -> None:
    wrr = thing("TraefikService", "wrr", {"weighted": {"services": [{"name": "shop", "port": 80}]}})
    route = a_route({"name": "wrr", "kind": "TraefikService"})
    args = ("--providers.kubernetescrd.nativelbbydefault=true",)

    assert outcome(route, wrr, *a_service(clusterIP="None"), version=version, args=args) == "live"
    said = outcome(a_route(), *a_service(clusterIP="None"), version=version, args=args)
    assert said.startswith("getting native Kubernetes Service address: no clusterIP")


@pytest.mark.parametrize(
    ("version", "key", "known"),
    [
        pytest.param("v2.11.53", "maxage", False, id="maxage-in-2.11"),
        pytest.param("v3.0.0", "maxage", True, id="maxage-since-3.0"),
        pytest.param("v3.2.5", "path", False, id="path-in-3.2"),
        pytest.param("v3.3.0", "path", True, id="path-since-3.3"),
        pytest.param("v3.3.7", "domain", False, id="domain-in-3.3"),
        pytest.param("v3.4.0", "domain", True, id="domain-since-3.4"),
    ],
)
def test_cookie_annotations(version: str, key: str, *, known: bool) -> None:
    annotations = {f"traefik.ingress.kubernetes.io/service.sticky.cookie.{key}": "5"}
    table = a_table(an_ingress_of(), *a_service(annotations=annotations), version=version)

    assert bool(routers(table)) is known
    said = [item.detail for item in table.all_dropped]
    assert said == ([] if known else [f"Cannot create service: field not found, node: {key}"])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"rateLimit": {"average": 1, "period": "x"}}, 'time: invalid duration "x"', id="rate-limit"),
        pytest.param(
            {"retry": {"attempts": 2, "initialInterval": "5x"}}, 'time: unknown unit "x" in duration "5x"', id="retry"
        ),
        pytest.param(
            {"circuitBreaker": {"expression": "x", "checkPeriod": "1s", "recoveryDuration": "1.5"}},
            'time: missing unit in duration "1.5"',
            id="circuit-breaker",
        ),
        pytest.param(
            {"forwardAuth": {"address": "http://a", "tls": {"caSecret": "gone"}}},
            "failed to load auth ca secret: secret 'ns/gone' not found",
            id="ca-that-is-gone",
        ),
        pytest.param(
            {"forwardAuth": {"address": "http://a", "tls": {"caSecret": "pair"}}},
            "failed to load auth ca secret: secret 'ns/pair' has no CA block: "
            "secret ns/pair contains neither tls.ca nor ca.crt",
            id="ca-without-the-key",
        ),
        pytest.param(
            {"forwardAuth": {"address": "http://a", "tls": {"caSecret": "ca", "certSecret": "gone"}}},
            "failed to load auth secret: secret 'ns/gone' does not exist",
            id="certificate-that-is-gone",
        ),
        pytest.param(
            {"forwardAuth": {"address": "http://a", "tls": {"certSecret": "ca"}}},
            "failed to load auth secret: secret ns/ca is missing the following TLS data entries: tls.crt, tls.key",
            id="certificate-without-its-keys",
        ),
        pytest.param(
            {"forwardAuth": {"address": "http://a", "tls": {"certSecret": "hollow"}}},
            "failed to load auth secret: secret ns/hollow contains the following empty TLS data entries: tls.key",
            id="certificate-without-a-key",
        ),
    ],
)
def test_middlewares_that_the_provider_leaves_out(spec: dict[str, Any], said: str) -> None:
    middleware = thing("Middleware", "web", spec)
    secrets = [
        thing("SecretShape", name, keys=keys, filled=filled)
        for name, keys, filled in (
            ("ca", ["any"], ["any"]),
            ("pair", ["tls.crt", "tls.key"], ["tls.crt", "tls.key"]),
            ("hollow", ["tls.crt", "tls.key"], ["tls.crt"]),
        )
    ]

    assert said in outcome(a_route(middlewares=[{"name": "web"}]), middleware, *a_service(), *secrets, version="v3.3.7")


def test_secrets_that_nobody_read_are_taken_as_sound() -> None:
    spec = {"forwardAuth": {"address": "http://a", "tls": {"caSecret": "gone"}}}
    things = (a_route(middlewares=[{"name": "web"}]), thing("Middleware", "web", spec), *a_service())

    assert a_table(*things, secrets=NOT_READ).all_dropped == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("5", "", id="seconds"),
        pytest.param(5, "", id="number"),
        pytest.param("1m30s", "", id="units"),
        pytest.param("", 'time: invalid duration ""', id="nothing"),
        pytest.param("x" * 300, f'time: invalid duration "{"x" * 200}"', id="long-text-is-cut"),
    ],
)
def test_durations(text: object, said: str) -> None:
    assert duration_problem(text) == said


@pytest.mark.parametrize("version", ["v2.11.53", "v3.0.4", "v3.6.24"])
def test_a_flush_interval_that_is_no_duration_costs_the_route(version: str) -> None:
    service = {"name": "shop", "port": 80, "responseForwarding": {"flushInterval": "x"}}

    said = outcome(a_route(service), *a_service(), version=version)
    assert said == 'unable to parse flushInterval: time: invalid duration "x"'
