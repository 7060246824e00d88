"""Routes of the Gateway API as Traefik's provider makes routers of them: rules, filters, what is left out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.controller import a_traefik_pod
from build.gateway import (
    HOST,
    a_class,
    a_gateway,
    a_grant,
    a_grpc_route,
    a_listener,
    a_plain_listener,
    a_rule,
    an_http_route,
    routing_objects,
)
from build.routes import a_traefik_args
from ingressdoctor.api import DropReason, Loaded, Outcome, RouteDecision, Service, StaticConfig, Unavailable
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.evidence.routes import NOT_READ, Custom, RouteRequest
from ingressdoctor.routing.gateway.attach import attach
from ingressdoctor.routing.gateway.choose import choose
from ingressdoctor.routing.gateway.shapes import Match, gateway_of, route_of
from ingressdoctor.routing.traefik.answer import build_answers, with_prediction
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.effects import sights_of
from ingressdoctor.routing.traefik.gateway_rules import rule_of
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.table import build_table

ON = "--providers.kubernetesgateway=true"
INFRA = (a_class(), a_gateway(a_listener(), a_plain_listener()))


def static(*args: str) -> StaticConfig:
    """The usual configuration, without the redirect of everything that comes in the clear."""
    usual = (word for word in a_traefik_args() if "redirections" not in word)
    return static_of(a_traefik_pod(args=(*usual, *args)))


def decided(*items: Custom, args: tuple[str, ...] = (ON,), services: Any = NOT_READ, **request: Any) -> RouteDecision:
    """What Traefik does with a request on websecure (or web), with what the client gets."""
    objects = routing_objects(*items, services=services)
    table = build_table(objects, static(*args), "v3.7.9")
    asked = RouteRequest(**({"host": HOST} | request))
    return with_prediction(build_answers(objects, table), decide_in(table, asked))


@pytest.mark.parametrize(
    ("match", "grpc", "rule", "priority"),
    [
        pytest.param(Match(), False, 'PathPrefix("/")', 1, id="everything"),
        pytest.param(Match(path_type="Exact", path="/a"), False, 'Path("/a")', 100_000, id="exact"),
        pytest.param(
            Match(path="/a/"), False, '(Path("/a") || PathPrefix("/a/"))', 10_300, id="prefix-ends-at-a-slash"
        ),
        pytest.param(
            Match(path_type="RegularExpression", path="/a.*"), False, 'PathRegexp("/a.*")', 10_400, id="expression"
        ),
        pytest.param(Match(path_type="Other"), False, 'PathPrefix("/")', 1, id="unknown-type"),
        pytest.param(
            Match(verb="GET", headers=(("X-A", "1", False), ("X-B", "2", True)), queries=(("q", "3", False),)),
            False,
            'PathPrefix("/") && Method("GET") && Header("X-A","1") && HeaderRegexp("X-B","2") && Query("q","3")',
            1_211,
            id="method-headers-query",
        ),
        pytest.param(Match(), True, 'PathPrefix("/")', 15, id="grpc-everything"),
        pytest.param(
            Match(grpc=True, service="a.B", method="C", path_type="Exact"),
            True,
            'PathRegexp("/a\\\\.B/C")',
            22,
            id="grpc-method",
        ),
        pytest.param(
            Match(grpc=True, service="a.B", path="/a.B"), True, 'PathRegexp("/a\\\\.B/[^/]+")', 26, id="grpc-service"
        ),
        pytest.param(
            Match(grpc=True, path_type="RegularExpression", path="/a.*/C"),
            True,
            'PathRegexp("/a.*/C")',
            20,
            id="grpc-expression",
        ),
    ],
)
def test_rules(match: Match, grpc: bool, rule: str, priority: int) -> None:
    assert rule_of((), match, grpc=grpc) == (rule, priority)


def test_hosts_stand_before_the_path_and_the_longest_counts() -> None:
    rule, priority = rule_of(("a.io", "*.b-c.io"), Match(), grpc=False)

    assert rule == '(Host("a.io") || HostRegexp("^[a-z0-9-\\\\.]+\\\\.b-c\\\\.io$")) && PathPrefix("/")'
    assert priority == 1 + len("*.b-c.io")


@pytest.mark.parametrize(
    ("items", "request_", "backend"),
    [
        pytest.param((an_http_route(),), {}, "web", id="attached"),
        pytest.param((an_http_route(),), {"tls": False}, "web", id="attached-in-the-clear"),
        pytest.param((an_http_route(hostnames=["*.example.com"]),), {"host": "x.y.example.com"}, "web", id="wildcard"),
        pytest.param(
            (an_http_route(a_rule("/", backend="root"), a_rule("/api", backend="api")),),
            {"path": "/api/x"},
            "api",
            id="the-longer-prefix",
        ),
        pytest.param((a_grpc_route(),), {"path": "/a.B/C"}, "web", id="grpc"),
        pytest.param(
            (an_http_route(hostnames=[], parentRefs=[{"name": "main", "namespace": "infra", "port": 8443}]),),
            {"host": "any.io"},
            "web",
            id="any-host-on-one-port",
        ),
    ],
)
def test_routed(items: tuple[Custom, ...], request_: dict[str, Any], backend: str) -> None:
    found = decided(*INFRA, *items, **request_)

    assert found.outcome is Outcome.ROUTED
    assert found.winner is not None
    assert [ref.name for ref in found.winner.backends] == [backend]
    assert found.winner.provider == "kubernetesgateway"


@pytest.mark.parametrize(
    ("gateway", "route", "detail"),
    [
        pytest.param(None, {"parentRefs": [{"name": "gone"}]}, "Gateway shop/gone does not exist", id="no-gateway"),
        pytest.param(None, {"parentRefs": []}, "it names no parent", id="no-parent"),
        pytest.param(
            None,
            {"parentRefs": [{"kind": "Service", "group": "", "name": "x"}]},
            "Service. shop/x is no Gateway",
            id="a-mesh",
        ),
        pytest.param(
            a_gateway(class_name="gone"),
            {},
            "the GatewayClass gone of Gateway infra/main does not exist",
            id="no-class",
        ),
        pytest.param(
            a_gateway(a_listener(hostname="a.io")),
            {},
            "no listener of Gateway infra/main takes its hostnames (NoMatchingListenerHostname)",
            id="hostname",
        ),
        pytest.param(
            a_gateway(a_listener(allowedRoutes=None)),
            {},
            "no listener of Gateway infra/main takes routes of its kind and namespace (NotAllowedByListeners)",
            id="namespace",
        ),
        pytest.param(
            a_gateway(
                a_listener(allowedRoutes={"namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}})
            ),
            {},
            "whether Gateway infra/main takes routes of this namespace depends on labels that were not read",
            id="labels-not-read",
        ),
        pytest.param(
            None,
            {"parentRefs": [{"name": "main", "namespace": "infra", "sectionName": "x"}]},
            "Gateway infra/main has no listener x that it means (NoMatchingParent)",
            id="section",
        ),
        pytest.param(
            a_gateway(a_listener(port=443)),
            {},
            "listener websecure of Gateway infra/main: Cannot find entryPoint for Gateway: no matching entryPoint for "
            "port 443",
            id="port",
        ),
        pytest.param(
            a_gateway(a_listener("first", hostname="b.io"), a_listener("one"), a_listener("two")),
            {"parentRefs": [{"name": "main", "namespace": "infra", "sectionName": "two"}]},
            "listener two of Gateway infra/main: A listener with same protocol, port and hostname already exists",
            id="duplicate",
        ),
        pytest.param(
            a_gateway(a_listener(tls=None)),
            {},
            "listener websecure of Gateway infra/main: One TLS CertificateRef is required in Terminate mode",
            id="no-certificate",
        ),
    ],
)
def test_left_out(gateway: Custom | None, route: dict[str, Any], detail: str) -> None:
    found = decided(a_class(), gateway or a_gateway(), an_http_route(**route))

    assert found.outcome is Outcome.NO_ROUTE
    assert [(item.ref, item.reason, item.detail) for item in found.dropped] == [
        ("HTTPRoute shop/shop", DropReason.GATEWAY, detail)
    ]


def test_a_switched_off_provider_has_no_routes() -> None:
    found = decided(*INFRA, an_http_route(), args=())

    assert "kubernetesGateway is not switched on" in found.dropped[0].detail


def test_gateways_of_another_controller_are_its_own() -> None:
    found = decided(a_class(controller="example.net/x"), a_gateway(), an_http_route())

    assert (found.outcome, found.dropped) == (Outcome.NO_ROUTE, ())


def test_a_plain_listener_does_not_take_an_entry_point_with_tls() -> None:
    found = decided(
        a_class(),
        a_gateway(a_plain_listener()),
        an_http_route(),
        args=(ON, "--entryPoints.web.http.tls=true"),
        tls=False,
    )

    assert found.outcome is Outcome.NO_ROUTE


def test_kinds_that_may_not_be_read_leave_it_open() -> None:
    gap = Unavailable(wanted="the cluster's HTTPRoutes", reason="403")
    table = build_table(routing_objects(http_routes=gap), static(ON), "v3.7.9")

    assert "the cluster's HTTPRoutes: 403" in table.unread
    assert decide_in(table, RouteRequest(host=HOST)).outcome is Outcome.UNDECIDED


def test_routes_without_gateways_read_make_nothing() -> None:
    table = build_table(routing_objects(an_http_route(), gateways=NOT_READ), static(), "v3.7.9")

    assert (table.unread, table.all_dropped) == ((), ())


@pytest.mark.parametrize(
    ("gateway", "secret"),
    [
        pytest.param(a_gateway(), "infra/tls", id="of-the-gateway"),
        pytest.param(
            a_gateway(a_listener(tls={"certificateRefs": [{"name": "tls", "namespace": "shop"}]})),
            "tls",
            id="of-the-route",
        ),
        pytest.param(a_gateway(a_plain_listener()), "", id="without-tls"),
        pytest.param(a_gateway(a_listener(tls={"certificateRefs": [{}]})), "", id="without-a-name"),
    ],
)
def test_the_secret_of_the_certificate(gateway: Custom, secret: str) -> None:
    winner = decided(
        a_class(), gateway, an_http_route(), tls=gateway.spec["listeners"][0]["protocol"] == "HTTPS"
    ).winner

    assert winner is not None
    assert winner.tls_secret == secret


def filtered(kind: str, spec: dict[str, Any], path: str = "/old") -> Custom:
    field = {"URLRewrite": "urlRewrite", "CORS": "cors"}.get(kind, kind[:1].lower() + kind[1:])
    return an_http_route(a_rule(path, filters=[{"type": kind, field: spec}]))


@pytest.mark.parametrize(
    ("spec", "asked", "status", "location"),
    [
        pytest.param({"scheme": "https", "statusCode": 301}, {}, 301, f"https://{HOST}/old/x?a=1", id="scheme"),
        pytest.param({"hostname": "new.io"}, {}, 302, "https://new.io/old/x?a=1", id="hostname-with-302"),
        pytest.param({"port": 8443}, {}, 302, f"https://{HOST}:8443/old/x?a=1", id="port"),
        pytest.param({"scheme": "http"}, {"tls": False}, 302, f"http://{HOST}/old/x?a=1", id="in-the-clear"),
        pytest.param({}, {"tls": False}, 302, f"http://{HOST}/old/x?a=1", id="the-scheme-of-the-request"),
        pytest.param(
            {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}},
            {},
            302,
            f"https://{HOST}/new?a=1",
            id="path",
        ),
        pytest.param(
            {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}},
            {},
            302,
            f"https://{HOST}/new/x?a=1",
            id="prefix",
        ),
        pytest.param(
            {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
            {"path": "/old/"},
            302,
            f"https://{HOST}/?a=1",
            id="prefix-by-nothing",
        ),
        pytest.param(
            {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}},
            {"path": "/old/x/"},
            302,
            f"https://{HOST}/new/x/?a=1",
            id="the-slash-at-the-end-stays",
        ),
    ],
)
def test_redirects(spec: dict[str, Any], asked: dict[str, Any], status: int, location: str) -> None:
    found = decided(*INFRA, filtered("RequestRedirect", spec), **({"path": "/old/x", "query": "a=1"} | asked))

    assert found.predicted is not None
    assert (found.predicted.status, found.predicted.headers.get("Location")) == (status, location)


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("URLRewrite", {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"}}, "/v2/x"),
        ("URLRewrite", {"hostname": "inner"}, "/old/x"),
        ("RequestHeaderModifier", {"set": [{"name": "X-A", "value": "1"}]}, "/old/x"),
        ("ResponseHeaderModifier", {"remove": ["Server"]}, "/old/x"),
        ("CORS", {"allowOrigins": ["https://a.io"]}, "/old/x"),
    ],
)
def test_what_the_backend_sees(kind: str, spec: dict[str, Any], path: str) -> None:
    found = decided(*INFRA, filtered(kind, spec), path="/old/x")

    assert found.predicted is not None
    assert (found.predicted.status, found.predicted.path) == (None, path)


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(filtered("RequestMirror", {}), id="unsupported-filter"),
        pytest.param(filtered("URLRewrite", {}), id="empty-rewrite"),
        pytest.param(filtered("RequestRedirect", {"statusCode": 200}), id="unsupported-status"),
        pytest.param(filtered("ExtensionRef", {"group": "x", "kind": "Y", "name": "z"}), id="unsupported-extension"),
        pytest.param(
            a_grpc_route({"filters": [{"type": "URLRewrite"}], "backendRefs": [{"name": "web", "port": 80}]}),
            id="grpc-with-a-filter-of-http",
        ),
        pytest.param(
            a_grpc_route(
                {"filters": [{"type": "ResponseHeaderModifier"}], "backendRefs": [{"name": "web", "port": 80}]}
            ),
            id="grpc-response-headers",
        ),
        pytest.param(an_http_route(a_rule("/old", backendRefs=[])), id="no-backend"),
        pytest.param(an_http_route(a_rule("/old", backendRefs=[{"name": "web"}])), id="no-port"),
        pytest.param(
            an_http_route(a_rule("/old", backendRefs=[{"name": "web", "port": 80, "namespace": "other"}])),
            id="not-granted",
        ),
        pytest.param(
            an_http_route(a_rule("/old", backendRefs=[{"name": "b", "kind": "Bucket", "group": "x.io"}])),
            id="no-service",
        ),
    ],
)
def test_what_cannot_be_used_answers_500(route: Custom) -> None:
    found = decided(*INFRA, route, path="/old/x")

    assert found.predicted is not None
    assert (found.predicted.status, found.predicted.body) == (500, "")


def a_service(port: int = 80, **spec: Any) -> Service:
    metadata = {"name": "web", "namespace": "shop"}
    return msgspec.convert({"metadata": metadata, "spec": {"ports": [{"port": port}], **spec}}, Service)


@pytest.mark.parametrize(
    ("services", "status"),
    [
        pytest.param(Loaded(items=(a_service(),)), None, id="there"),
        pytest.param(Loaded(), 500, id="not-there"),
        pytest.param(Loaded(items=(a_service(81),)), 500, id="another-port"),
        pytest.param(Loaded(items=(a_service(type="ExternalName", externalName="a.io"),)), 500, id="external-name"),
        pytest.param(NOT_READ, None, id="nobody-looked"),
    ],
)
def test_services(services: Any, status: int | None) -> None:
    found = decided(*INFRA, an_http_route(), services=services)

    assert found.predicted is not None
    assert found.predicted.status == status


@pytest.mark.parametrize(
    ("backends", "items", "names"),
    [
        pytest.param(
            [{"name": "web", "port": 80, "weight": 9}, {"name": "new", "port": 80, "weight": 0}],
            (),
            ["web", "new"],
            id="weights",
        ),
        pytest.param([{"name": "web", "port": 80}, {"name": "x"}], (), ["web"], id="one-cannot-be-used"),
        pytest.param([{"name": "web", "port": 80, "namespace": "other"}], (a_grant(),), ["web"], id="granted"),
        pytest.param(
            [{"name": "api@internal", "kind": "TraefikService", "group": "traefik.io"}],
            (),
            ["api@internal"],
            id="a-service-of-traefik",
        ),
    ],
)
def test_backends(backends: list[dict[str, Any]], items: tuple[Custom, ...], names: list[str]) -> None:
    winner = decided(*INFRA, *items, an_http_route(a_rule(backendRefs=backends))).winner

    assert winner is not None
    assert [ref.name for ref in winner.backends] == names


def test_a_middleware_by_extension_is_the_object_of_that_name() -> None:
    reference = {"group": "traefik.io", "kind": "Middleware", "name": "strip"}
    winner = decided(*INFRA, filtered("ExtensionRef", reference, "/"), services=NOT_READ).dropped

    assert {item.reason for item in winner} == {DropReason.MIDDLEWARE_MISSING}


def test_filters_are_said_in_words() -> None:
    objects = routing_objects(*INFRA, filtered("RequestHeaderModifier", {"set": [{"name": "X-A"}], "remove": ["X-B"]}))
    table = build_table(objects, static(ON), "v3.7.9")
    winner = decide_in(table, RouteRequest(host=HOST, path="/old")).winner

    assert winner is not None
    sights = sights_of(winner.middlewares, (), ProviderSettings.read(table.static, CRD), table.filters)
    assert [(item.ref, item.effect) for item in sights] == [("HTTPRoute shop/shop", "changes request headers X-A, X-B")]


@pytest.mark.parametrize(
    ("kind", "spec", "effect"),
    [
        ("RequestRedirect", {"statusCode": 308}, "redirects with 308"),
        ("ResponseHeaderModifier", {"add": [{"name": "X-C"}]}, "changes response headers X-C"),
        ("URLRewrite", {"hostname": "a", "path": {"type": "ReplaceFullPath"}}, "rewrites hostname and path"),
        ("RequestMirror", {}, "answers 500: unsupported filter RequestMirror"),
    ],
)
def test_the_effect_of_each_filter(kind: str, spec: dict[str, Any], effect: str) -> None:
    table = build_table(routing_objects(*INFRA, filtered(kind, spec)), static(ON), "v3.7.9")
    winner = decide_in(table, RouteRequest(host=HOST, path="/old")).winner

    assert winner is not None
    sights = sights_of(winner.middlewares, None, ProviderSettings.read(table.static, CRD), table.filters)
    assert [item.effect for item in sights] == [effect]


def by_specification(items: tuple[Custom, ...], **request: Any) -> str:
    """Name the backend that the specification prefers, of all routes on all Gateways given."""
    gateways = {(item.namespace, item.name): gateway_of(item) for item in items if item.kind == "Gateway"}
    routes = [route_of(item) for item in items if item.kind == "HTTPRoute"]
    attached = [(route, attach(route, parent, gateways, {})) for route in routes for parent in route.parents]
    found = choose(attached, RouteRequest(**({"host": HOST} | request)))
    return found[0].rule.backends[0].name if found else ""


WIDE = an_http_route(a_rule("/api", backend="wide"), name="wide", hostnames=["*.example.com"])
NARROW = an_http_route(a_rule("/", backend="narrow"), name="narrow")
POST = a_rule(backend="method", matches=[{"path": {"value": "/a"}, "method": "POST"}])


@pytest.mark.parametrize(
    ("items", "request_", "specification", "traefik"),
    [
        pytest.param((*INFRA, WIDE, NARROW), {"path": "/"}, "narrow", "narrow", id="they-agree"),
        pytest.param(
            (*INFRA, WIDE, NARROW), {"path": "/api"}, "narrow", "wide", id="a-longer-path-outweighs-an-exact-hostname"
        ),
        pytest.param(
            (*INFRA, an_http_route(a_rule("/a/b", backend="path"), POST)),
            {"path": "/a/b", "method": "POST"},
            "path",
            "method",
            id="a-method-outweighs-ten-characters-of-a-path",
        ),
        pytest.param(
            (*INFRA, an_http_route(name="b"), an_http_route(a_rule(backend="other"), name="a")),
            {},
            "other",
            "",
            id="neither-age-nor-name-decides",
        ),
        pytest.param(
            (
                a_class(),
                a_gateway(a_listener("wide", hostname="*.example.com"), a_listener("narrow", hostname=HOST)),
                an_http_route(parentRefs=[{"name": "main", "namespace": "infra", "sectionName": "wide"}]),
            ),
            {},
            "",
            "web",
            id="listeners-are-not-kept-apart",
        ),
    ],
)
def test_where_traefik_differs_from_the_specification(
    items: tuple[Custom, ...], request_: dict[str, Any], specification: str, traefik: str
) -> None:
    winner = decided(*items, **request_).winner

    assert by_specification(items, **request_) == specification
    assert (winner.backends[0].name if winner is not None else "") == traefik
