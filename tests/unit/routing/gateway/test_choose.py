"""Which rule takes a request, by the specification's order of precedence."""

from __future__ import annotations

from typing import Any

import pytest

from build.gateway import HOST, a_gateway, a_grpc_route, a_listener, a_plain_listener, a_rule, an_http_route
from ingressdoctor.evidence.routes import Custom, RouteRequest
from ingressdoctor.routing.gateway.attach import attach
from ingressdoctor.routing.gateway.choose import Taken, choose, match_request
from ingressdoctor.routing.gateway.shapes import Match, gateway_of, route_of


def taken(*routes: Custom, gateway: Custom | None = None, port: int = 0, **request: Any) -> tuple[Taken, ...]:
    found = {("infra", "main"): gateway_of(gateway or a_gateway())}
    read = [route_of(item) for item in routes]
    attached = [(route, attach(route, parent, found, {})) for route in read for parent in route.parents]
    return choose(attached, RouteRequest(**({"host": HOST} | request)), port=port)


def first(*routes: Custom, **asked: Any) -> str:
    """Name the route that takes the request and its first backend."""
    found = taken(*routes, **asked)
    return f"{found[0].route.name}/{found[0].rule.backends[0].name}" if found else ""


def at(created: str) -> dict[str, str]:
    return {"creationTimestamp": created}


@pytest.mark.parametrize(
    ("routes", "request_", "expected"),
    [
        pytest.param(
            (an_http_route(name="wild", hostnames=["*.example.com"]), an_http_route(name="exact")),
            {},
            "exact/web",
            id="an-exact-hostname-before-a-wildcard",
        ),
        pytest.param(
            (
                an_http_route(name="wide", hostnames=["*.example.com"]),
                an_http_route(name="narrow", hostnames=["*.shop.example.com"]),
            ),
            {"host": "a.shop.example.com"},
            "narrow/web",
            id="the-longer-wildcard",
        ),
        pytest.param(
            (an_http_route(name="any", hostnames=[]), an_http_route(name="wild", hostnames=["*.example.com"])),
            {},
            "wild/web",
            id="a-wildcard-before-none",
        ),
        pytest.param(
            (an_http_route(a_rule("/a/b", backend="prefix"), a_rule("/a/b", "Exact", "exact")),),
            {"path": "/a/b"},
            "shop/exact",
            id="exact-path-before-prefix",
        ),
        pytest.param(
            (an_http_route(a_rule("/", backend="root"), a_rule("/api", backend="api")),),
            {"path": "/api/x"},
            "shop/api",
            id="the-longest-prefix",
        ),
        pytest.param(
            (an_http_route(a_rule("/api", backend="api"), a_rule("/", backend="root")),),
            {"path": "/apix"},
            "shop/root",
            id="a-prefix-ends-at-a-slash",
        ),
        pytest.param(
            (
                an_http_route(
                    a_rule(backend="any"), a_rule(backend="post", matches=[{"path": {"value": "/"}, "method": "POST"}])
                ),
            ),
            {"method": "POST"},
            "shop/post",
            id="a-method-before-none",
        ),
        pytest.param(
            (
                an_http_route(
                    a_rule(backend="one", matches=[{"headers": [{"name": "X-A", "value": "1"}]}]),
                    a_rule(
                        backend="two",
                        matches=[{"headers": [{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "2"}]}],
                    ),
                ),
            ),
            {"headers": {"X-A": "1", "X-B": "2"}},
            "shop/two",
            id="more-headers",
        ),
        pytest.param(
            (
                an_http_route(
                    a_rule(backend="none"),
                    a_rule(backend="query", matches=[{"queryParams": [{"name": "beta", "value": "1"}]}]),
                ),
            ),
            {"query": "beta=1"},
            "shop/query",
            id="more-query-parameters",
        ),
        pytest.param(
            (
                an_http_route(name="new", metadata=at("2026-02-01T00:00:00Z")),
                an_http_route(name="old", metadata=at("2026-01-01T00:00:00Z")),
            ),
            {},
            "old/web",
            id="the-older-route",
        ),
        pytest.param((an_http_route(name="b"), an_http_route(name="a")), {}, "a/web", id="then-by-name"),
        pytest.param(
            (an_http_route(a_rule(backend="first"), a_rule(backend="second")),),
            {},
            "shop/first",
            id="then-the-first-rule",
        ),
        pytest.param((an_http_route(a_rule("/api")),), {"path": "/"}, "", id="no-rule-matches"),
        pytest.param((an_http_route(),), {"host": "other.example.com"}, "", id="no-hostname-matches"),
        pytest.param((an_http_route(),), {"tls": False}, "", id="the-listener-takes-tls-only"),
        pytest.param((an_http_route(),), {"port": 8000}, "", id="another-port"),
        pytest.param((an_http_route(),), {"port": 8443}, "shop/web", id="the-port"),
    ],
)
def test_precedence(routes: tuple[Custom, ...], request_: dict[str, Any], expected: str) -> None:
    assert first(*routes, **request_) == expected


def test_only_the_listener_with_the_most_specific_hostname_takes_a_request() -> None:
    gateway = a_gateway(a_listener("wide", hostname="*.example.com"), a_listener("narrow", hostname=HOST))
    wide = an_http_route(name="a-wide", parentRefs=[{"name": "main", "namespace": "infra", "sectionName": "wide"}])

    assert first(wide, gateway=gateway) == ""
    assert first(wide, an_http_route(name="both"), gateway=gateway) == "both/web"


def test_a_listener_in_the_clear_takes_requests_in_the_clear() -> None:
    assert first(an_http_route(), gateway=a_gateway(a_plain_listener()), tls=False) == "shop/web"


def test_a_regular_expression_leaves_it_open() -> None:
    found = taken(an_http_route(a_rule("/a.*", "RegularExpression"), a_rule("/b")), path="/b")

    assert [(one.match.path, one.certain) for one in found] == [("/a.*", False), ("/b", True)]


@pytest.mark.parametrize(
    ("match", "path", "verdict"),
    [
        pytest.param({}, "/any.Service/Call", True, id="without-a-method-every-call"),
        pytest.param({"service": "a.B", "method": "C"}, "/a.B/C", True, id="service-and-method"),
        pytest.param({"service": "a.B", "method": "C"}, "/a.B/D", False, id="another-method"),
        pytest.param({"service": "a.B"}, "/a.B/D", True, id="a-whole-service"),
        pytest.param({"service": "a.B"}, "/a.BC/D", False, id="not-a-longer-service"),
        pytest.param({"method": "C"}, "/x.Y/C", True, id="a-method-of-any-service"),
        pytest.param({"method": "C"}, "/x.Y/D", False, id="another-method-of-any-service"),
        pytest.param({"service": "a.*", "type": "RegularExpression"}, "/a.B/C", None, id="an-expression"),
    ],
)
def test_grpc_methods(match: dict[str, str], path: str, verdict: bool | None) -> None:
    rule = {"matches": [{"method": match}] if match else [], "backendRefs": [{"name": "web", "port": 80}]}
    found = taken(a_grpc_route(rule), path=path)

    assert [one.certain for one in found] == ([] if verdict is False else [verdict is True])


@pytest.mark.parametrize(
    ("pairs", "headers", "verdict"),
    [
        ((("X-A", "1", False),), {"X-A": "1"}, True),
        ((("X-A", "1", False),), {"X-A": "2"}, False),
        ((("X-A", "1", True),), {"X-A": "2"}, None),
        ((("X-A", "1", True),), {}, False),
    ],
)
def test_header_matches(pairs: Any, headers: dict[str, str], verdict: bool | None) -> None:
    assert match_request(Match(headers=pairs), RouteRequest(host=HOST, headers=headers)) is verdict
