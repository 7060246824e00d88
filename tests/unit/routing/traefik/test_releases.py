"""What older releases of Traefik do otherwise; every row was seen in that release itself, run on the same objects."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.routes import static
from build.routing import a_route, a_service, a_table, an_ingress_of, routers, thing
from ingressdoctor.evidence.kube import EndpointSlice, Loaded, Service
from ingressdoctor.evidence.routes import NOT_READ, Custom, Outcome, RouteRequest, RoutingObjects
from ingressdoctor.routing.servers import Asks, ServerOptions, ServerReference, servers_of
from ingressdoctor.routing.traefik.compiled import compile_rule, judge, never_reason
from ingressdoctor.routing.traefik.crd import tls_option
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.durations import duration_problem
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.middlewares import Problem, resolve_tcp
from ingressdoctor.routing.traefik.request import see
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.tcp_services import TcpServices
from ingressdoctor.routing.traefik.version import Version

OWN = "@kubernetescrd"
ROUTE_KINDS = ("ingress_routes", "ingresses", "middlewares", "ingress_classes", "traefik_services")


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
        pytest.param({"forwardAuth": {"address": "http://a", "tls": {"certSecret": "pair"}}}, "live", id="whole-pair"),
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


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("v2.11.53", "error creating flush interval", id="late-in-2.11"),
        pytest.param("v3.0.4", "unable to parse flushInterval", id="early-since-3.0"),
    ],
)
def test_a_flush_interval_that_is_no_duration_costs_the_route(version: str, expected: str) -> None:
    service = {"name": "shop", "port": 80, "responseForwarding": {"flushInterval": "x"}}

    assert outcome(a_route(service), *a_service(), version=version) == f'{expected}: time: invalid duration "x"'


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("v3.3.7", "", id="any-service-is-of-kubernetes-before-3.6.16"),
        pytest.param("v3.6.16", "unsupported service kind Foo", id="kinds-since-3.6.16"),
    ],
)
def test_the_kind_of_an_error_page_service(version: str, expected: str) -> None:
    page = thing("Middleware", "web", {"errors": {"service": {"name": "shop", "port": 80, "kind": "Foo"}}})
    route = a_route(middlewares=[{"name": "web"}])

    assert (expected in outcome(route, page, *a_service(), version=version)) is True
    assert bool(routers(a_table(route, page, *a_service(), version=version))) is not bool(expected)


def test_an_error_page_service_of_another_namespace() -> None:
    page = thing("Middleware", "web", {"errors": {"service": {"name": "shop", "port": 80, "namespace": "other"}}})

    said = outcome(a_route(middlewares=[{"name": "web"}]), page, *a_service(), version="v3.3.7")
    assert "load balancer service other/shop is not in the parent resource namespace ns" in said


@pytest.mark.parametrize(
    ("version", "options", "expected"),
    [
        pytest.param("v3.6.16", {"name": "a.b"}, f"ns-a.b{OWN}", id="id-keeps-dots-before-3.6.17"),
        pytest.param("v3.6.17", {"name": "a.b"}, f"ns-a-b{OWN}", id="id-loses-dots-since-3.6.17"),
        pytest.param("v2.11.45", {"name": "a", "namespace": "ns"}, f"ns-a{OWN}", id="own-namespace-before-2.11.46"),
        pytest.param("v3.6.16", {"name": f"x-a{OWN}", "namespace": "ns"}, f"x-a{OWN}", id="own-suffix-before-3.6.17"),
        pytest.param(
            "v3.6.16",
            {"name": "x@file"},
            "TLSOption /x@file is not in the IngressRoute namespace ns",
            id="other-suffix-needs-a-namespace-before-3.6.17",
        ),
        pytest.param("v3.6.17", {"name": "x@file"}, "x@file", id="other-suffix-since-3.6.17"),
        pytest.param(
            "v3.6.16",
            {"name": "a", "namespace": "other"},
            "TLSOption other/a is not in the IngressRoute namespace ns",
            id="other-namespace-before-3.6.17",
        ),
    ],
)
def test_references_to_tls_options(version: str, options: dict[str, Any], expected: str) -> None:
    route = msgspec.convert(a_route(spec={"tls": {"options": options}}), Custom)
    settings = ProviderSettings.read(static(), CRD)

    found = tls_option(route, route.spec["tls"], settings, Version.parse(version))
    assert (found.detail if isinstance(found, Problem) else found) == expected


@pytest.mark.parametrize(
    ("version", "reference", "expected"),
    [
        pytest.param("v3.6.16", {"name": f"x-a{OWN}"}, f"x-a{OWN}", id="own-suffix-before-3.6.17"),
        pytest.param(
            "v3.6.17",
            {"name": f"x-a{OWN}"},
            f"invalid reference to middleware x-a{OWN}: when allowCrossNamespace is disabled, "
            "@kubernetescrd references are disallowed",
            id="own-suffix-since-3.6.17",
        ),
        pytest.param("v3.6.16", {"name": "a"}, f"ns-a{OWN}", id="plain-before-3.6.17"),
        pytest.param(
            "v3.6.16",
            {"name": "a", "namespace": "other"},
            "middleware other/a is not in the IngressRouteTCP namespace ns",
            id="other-namespace-before-3.6.17",
        ),
    ],
)
def test_references_to_tcp_middlewares(version: str, reference: dict[str, Any], expected: str) -> None:
    found = resolve_tcp(reference, "ns", ProviderSettings.read(static(), CRD), Version.parse(version))

    assert (found.detail if isinstance(found, Problem) else found) == expected


@pytest.mark.parametrize(
    ("version", "matcher", "expected"),
    [
        pytest.param("v3.6.17", "Foo", "error while parsing rule", id="any-matcher-before-3.6.18"),
        pytest.param("v3.6.18", "Foo", "must be one of Path, PathPrefix, PathRegexp", id="matchers-since-3.6.18"),
        pytest.param("v2.11.46", "PathRegexp", "error while parsing rule", id="path-regexp-before-2.11.47"),
        pytest.param("v2.11.47", "PathRegexp", "must be one of Path, PathPrefix", id="path-regexp-since-2.11.47"),
    ],
)
def test_path_matchers_of_annotations(version: str, matcher: str, expected: str) -> None:
    annotations = {"router.pathmatcher": matcher}
    ingress = an_ingress_of({"path": "/x", "pathType": "ImplementationSpecific"}, annotations=annotations)
    table = a_table(ingress, *a_service(), version=version)

    assert [item.log_line for item in table.all_dropped if expected in item.log_line] != []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("v3.2.0", "HostRegexp(`^[a-zA-Z0-9-]+\\.a\\.com$`)", id="re2-in-3.2.0"),
        pytest.param("v3.2.1", "HostRegexp(`{subdomain:[a-zA-Z0-9-]+}.a.com`)", id="template-since-3.2.1"),
        pytest.param("v2.11.40", "HostRegexp(`{subdomain:[a-zA-Z0-9-]+}.a.com`)", id="template-in-2.11"),
    ],
)
def test_wildcard_rules_under_the_default_rule_syntax_v2(version: str, expected: str) -> None:
    args = ("--core.defaultrulesyntax=v2",)
    table = a_table(an_ingress_of(host="*.a.com"), *a_service(), version=version, args=args)

    assert [item.draft.rule for item in routers(table)] == [f"{expected} && PathPrefix(`/`)"]


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        pytest.param(Asks.INGRESS_ROUTE, "endpoints not found for ns/shop", id="ingress-route-in-3.0"),
        pytest.param(Asks.INGRESS_ROUTE_TCP, "endpoints not found", id="tcp-in-3.0"),
        pytest.param(Asks.INGRESS, "endpoints not found", id="ingress-in-3.0"),
    ],
)
def test_a_service_without_selector_has_no_endpoints_object(asks: Asks, expected: str) -> None:
    service = msgspec.convert(a_service()[0], Service)
    options = ServerOptions(version=Version.parse("v3.0.4"), allow_empty_services=True)

    assert servers_of(service, ServerReference(port="80", asks=asks), options).problem == expected
    unread = ServerOptions(version=Version.parse("v3.0.4"), allow_empty_services=True, assume_endpoints=True)
    assert servers_of(service, ServerReference(port="80", asks=asks), unread).problem == ""


@pytest.mark.parametrize(
    ("asks", "scheme", "expected"),
    [
        pytest.param(Asks.INGRESS_ROUTE, "", "", id="ingress-route-has-an-empty-service"),
        pytest.param(Asks.INGRESS_ROUTE_TCP, "", "cannot define a port", id="tcp-refuses-it"),
        pytest.param(Asks.INGRESS_ROUTE, "tcp", 'invalid scheme "tcp" specified', id="scheme-with-endpoints"),
    ],
)
def test_endpoints_without_the_port_before_3_1(asks: Asks, scheme: str, expected: str) -> None:
    service, part = a_service()
    port = 8080 if scheme else None
    part = msgspec.convert(part | {"ports": [{"name": "http", "port": port}]}, EndpointSlice)
    options = ServerOptions(version=Version.parse("v3.0.4"))
    reference = ServerReference(port="80", asks=asks, scheme=scheme)

    assert servers_of(msgspec.convert(service, Service), reference, options, [part]).problem == expected


@pytest.mark.parametrize(
    ("version", "tls", "transport"),
    [
        pytest.param("v2.11.53", False, "", id="neither-in-2.11"),
        pytest.param("v3.0.0", False, f"ns-st{OWN}", id="transports-since-3.0"),
        pytest.param("v3.2.3", False, f"ns-st{OWN}", id="tls-is-not-spoken-in-3.2.3"),
        pytest.param("v3.2.4", True, f"ns-st{OWN}", id="tls-is-spoken-since-3.2.4"),
    ],
)
def test_how_tcp_servers_are_dialled(version: str, transport: str, *, tls: bool) -> None:
    objects = RoutingObjects(**{field: Loaded() for field in ROUTE_KINDS}, services=NOT_READ)
    settings = ProviderSettings.read(static(), CRD)
    services = TcpServices.of(objects, settings, static(), Version.parse(version))

    built = services.build(({"name": "shop", "port": 80, "tls": True, "serversTransport": "st"},), "ns", "r")
    assert not isinstance(built, Problem)
    assert [(item.tls, item.transport) for item in built[0]] == [(tls, transport)]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        pytest.param(
            "Host(`é`)", 'invalid value "é" for "Host" matcher, non-ASCII characters are not allowed', id="value"
        ),
        pytest.param("Host() || Path(`/`)", "no args for matcher Host", id="no-arguments"),
        pytest.param("Path(`/`) && Host(``)", "empty args for matcher Host, []", id="empty-argument"),
        pytest.param("Query(`a`)", "mux: number of parameters must be multiple of 2, got [a]", id="half-a-pair"),
    ],
)
def test_traefik_2_gives_the_reason_of_a_bad_rule_alone(rule: str, reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, "v2", Version.parse("v2.11.53"))

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("v3.0.4", "live", id="no-endpoints-no-question-in-3.0"),
        pytest.param("v3.1.0", 'invalid scheme "tcp" specified', id="port-of-a-slice-is-enough-since-3.1"),
    ],
)
def test_a_scheme_that_does_not_exist_for_a_service_without_pods(version: str, expected: str) -> None:
    things = (a_route({"name": "shop", "port": 80, "scheme": "tcp"}), *a_service(endpoints=0))

    assert outcome(*things, version=version, args=("--providers.kubernetescrd.allowemptyservices=true",)) == expected


@pytest.mark.parametrize(
    ("version", "spec", "said"),
    [
        pytest.param(
            "v2.11.53", {"ipAllowList": {"sourceRange": ["::1"], "rejectStatusCode": 999}}, "", id="status-in-2.11"
        ),
        pytest.param("v2.11.53", {"compress": {"encodings": ["foo"]}}, "", id="encodings-in-2.11"),
        pytest.param("v3.1.7", {"compress": {"defaultEncoding": "foo"}}, "", id="default-encoding-in-3.1"),
        pytest.param(
            "v3.2.0", {"compress": {"encodings": ["foo"]}}, "unsupported encoding: foo", id="encodings-since-3.2"
        ),
        pytest.param(
            "v2.11.53",
            {"compress": {"excludedContentTypes": ["a/b"], "includedContentTypes": ["a/b"]}},
            "",
            id="included-types-in-2.11",
        ),
        pytest.param(
            "v3.3.7",
            {"rateLimit": {"sourceCriterion": {"requestHost": True, "requestHeaderName": "X"}}},
            "requestHost and RequestHeaderName are mutually exclusive",
            id="source-of-a-rate-limit-in-3.3",
        ),
        pytest.param(
            "v3.4.0",
            {"rateLimit": {"sourceCriterion": {"requestHost": True, "requestHeaderName": "X"}}},
            "getting source extractor: requestHost and RequestHeaderName are mutually exclusive",
            id="source-of-a-rate-limit-since-3.4",
        ),
        pytest.param("v3.6.24", {"headers": {"sslForceHost": True}}, "", id="ssl-force-host-is-a-header-in-3.6"),
        pytest.param(
            "v3.6.24",
            {"ipAllowList": {"sourceRange": ["::1"], "ipStrategy": {"ipv6Subnet": 129}}},
            "invalid IPv6 subnet 129 value, should be greater to 0 and lower or equal to 128",
            id="subnet-in-3.6",
        ),
        pytest.param(
            "v2.11.53",
            {"forwardAuth": {"address": "http://a", "authResponseHeadersRegex": "["}},
            "error compiling regular expression [: error parsing regexp: missing closing ]: `[`",
            id="regex-of-forward-auth-in-2.11",
        ),
        pytest.param(
            "v3.6.24",
            {"forwardAuth": {"address": "http://a", "authResponseHeadersRegex": "^X"}},
            "",
            id="good-regex-of-forward-auth",
        ),
        pytest.param(
            "v3.1.7",
            {"ipAllowList": {"sourceRange": ["::1"], "ipStrategy": {"ipv6Subnet": 129}}},
            "",
            id="subnet-in-3.1",
        ),
        pytest.param(
            "v3.6.9", {"headers": {"stsSeconds": 0}}, "headers configuration not valid", id="zero-is-nothing-in-3.6.9"
        ),
        pytest.param("v3.6.10", {"headers": {"stsSeconds": 0}}, "", id="zero-is-a-value-since-3.6.10"),
        pytest.param(
            "v3.7.5", {"headers": {"accessControlMaxAge": 0}}, "headers configuration not valid", id="max-age-in-3.7.5"
        ),
        pytest.param("v3.6.22", {"headers": {"accessControlMaxAge": 0}}, "", id="max-age-since-3.6.22"),
        pytest.param("v3.6.24", {"circuitBreaker": {}}, "1:1: expected operand, found 'EOF'", id="breaker-in-3.6"),
    ],
)
def test_middlewares_that_traefik_cannot_build(version: str, spec: dict[str, Any], said: str) -> None:
    middleware = thing("Middleware", "web", spec)

    assert outcome(a_route(middlewares=[{"name": "web"}]), middleware, *a_service(), version=version) == (
        said or "live"
    )


RESOURCE = {"resource": {"apiGroup": "x", "kind": "Bucket", "name": "b"}}


@pytest.mark.parametrize(
    ("version", "parts", "stopped"),
    [
        pytest.param("v3.4.0", {"paths": [{"backend": RESOURCE}]}, True, id="path-stops-all-before-3.4.1"),
        pytest.param("v3.4.1", {"paths": [{"backend": RESOURCE}]}, False, id="path-alone-since-3.4.1"),
        pytest.param("v2.11.24", {"paths": [{"backend": RESOURCE}]}, True, id="path-stops-all-before-2.11.25"),
        pytest.param("v2.11.25", {"paths": [{"backend": RESOURCE}]}, False, id="path-alone-since-2.11.25"),
        pytest.param("v3.6.6", {"spec": {"defaultBackend": RESOURCE, "rules": []}}, True, id="default-before-3.6.7"),
        pytest.param("v3.6.7", {"spec": {"defaultBackend": RESOURCE, "rules": []}}, False, id="default-since-3.6.7"),
        pytest.param("v2.11.53", {"spec": {"defaultBackend": RESOURCE, "rules": []}}, True, id="default-in-2.11.53"),
        pytest.param(
            "v3.4.0",
            {"paths": [{"backend": RESOURCE}], "annotations": {"router.x": "y"}},
            False,
            id="unread-annotations",
        ),
        pytest.param("v3.4.0", {"spec": {"rules": [{"host": "b.com"}]}}, False, id="rule-without-paths"),
    ],
)
def test_a_backend_that_is_no_service(version: str, parts: dict[str, Any], *, stopped: bool) -> None:
    options = {key: value for key, value in parts.items() if key != "paths"}
    bad = an_ingress_of(*parts.get("paths", [{}]), name="bad", host="b.com", **options)
    table = a_table(an_ingress_of(), bad, *a_service(), version=version)

    assert bool(routers(table)) is not stopped
    said = [item.detail for item in table.all_dropped if item.ref == "Ingress ns/shop"]
    crash = f"Traefik {Version.parse(version)} crashes on a backend of Ingress ns/bad that is no Service"
    assert said == ([f"{crash}, and has no Ingress at all"] if stopped else [])


@pytest.mark.parametrize(
    ("args", "query", "expected"),
    [
        pytest.param((), "x=1;mobile=true", Outcome.ROUTED, id="separates"),
        pytest.param(
            ("--entrypoints.web.http.encodequerysemicolons=true",), "x=1;mobile=true", Outcome.NO_ROUTE, id="encoded"
        ),
        pytest.param(
            ("--entrypoints.web.http.encodequerysemicolons=true",), "x=1&mobile=true", Outcome.ROUTED, id="none-there"
        ),
    ],
)
def test_semicolons_on_an_entry_point(args: tuple[str, ...], query: str, expected: Outcome) -> None:
    table = a_table(a_route(rule="Query(`mobile`, `true`)"), *a_service(), args=args)
    decision = decide_in(table, RouteRequest(host="a.com", query=query, entry_point="web", tls=False))

    assert decision.outcome is expected
