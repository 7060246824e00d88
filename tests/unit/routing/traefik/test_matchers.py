"""What rules match: the tricky cases of syntax v3, checked against Traefik's own muxer, and those of v2."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.evidence.routes import RouteRequest
from ingressdoctor.routing.traefik.compiled import compile_rule, judge
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.request import canonical_host, routing_path, see
from ingressdoctor.routing.traefik.version import Version


def matches(rule: str, *, host: str = "a.com", url: str = "/", version: str = "v3.7.9", **parts: Any) -> bool | None:
    path, _, query = url.partition("?")
    chosen = Version.parse(version)
    syntax = parts.pop("syntax", "v3")
    request = RouteRequest(host=host, path=path, query=query, **parts)
    return judge(compile_rule(rule, syntax, chosen), see(request, chosen)).matches


V3 = [
    pytest.param("PathPrefix(`/api`)", {"url": "/apiary"}, True, id="prefix-is-by-characters"),
    pytest.param("PathPrefix(`/api/`)", {"url": "/api"}, False, id="prefix-slash-is-literal"),
    pytest.param("Path(`/api`)", {"url": "/api/"}, False, id="path-is-exact"),
    pytest.param("Path(`/api`)", {"url": "/api?x=1"}, True, id="query-is-not-path"),
    pytest.param("PathPrefix(`/foo/bar`)", {"url": "/foo%2Fbar"}, False, id="encoded-slash-stays"),
    pytest.param("PathPrefix(`/foo/bar`)", {"url": "/foo%2Fbar", "version": "v3.4.0"}, True, id="encoded-slash-3.4.0"),
    pytest.param("PathPrefix(`/foo/bar`)", {"url": "/foo%2fbar"}, False, id="escapes-are-upper-cased-first"),
    pytest.param("PathPrefix(`/foo bar`)", {"url": "/foo%20bar"}, True, id="space-is-decoded"),
    pytest.param("PathPrefix(`/admin`)", {"url": "/x/../admin"}, True, id="dots-are-collapsed"),
    pytest.param("PathPrefix(`/admin`)", {"url": "/x/../admin", "version": "v3.3.5"}, False, id="dots-before-3.3.6"),
    pytest.param("PathPrefix(`/bar`)", {"url": "/foo/%2E%2E/bar"}, True, id="encoded-dots-are-collapsed"),
    pytest.param("Path(`/API`)", {"url": "/api"}, False, id="path-is-case-sensitive"),
    pytest.param("Host(`example.com`)", {"host": "EXAMPLE.com:8443"}, True, id="host-case-and-port"),
    pytest.param("Host(`Example.COM`)", {"host": "example.com"}, True, id="rule-case"),
    pytest.param("Host(`example.com:8080`)", {"host": "example.com:8080"}, False, id="port-in-rule-never"),
    pytest.param("Host(`https://example.com`)", {"host": "example.com"}, False, id="scheme-in-rule-never"),
    pytest.param("Host(`example.com`)", {"host": "example.com."}, True, id="trailing-dot-in-request"),
    pytest.param("Host(`example.com.`)", {"host": "example.com"}, True, id="trailing-dot-in-rule"),
    pytest.param("Host(`*.example.com`)", {"host": "a.example.com"}, True, id="wildcard"),
    pytest.param("Host(`*.example.com`)", {"host": "a.example.com", "version": "v3.6.24"}, False, id="wildcard-3.6"),
    pytest.param("Host(`*.example.com`)", {"host": "example.com"}, False, id="wildcard-needs-a-label"),
    pytest.param("Host(`*.example.com`)", {"host": "a.b.example.com"}, False, id="wildcard-is-one-label"),
    pytest.param("Host(`*`)", {"host": "a.example.com"}, True, id="star-3.7.9"),
    pytest.param("Host(`*`)", {"host": "a.example.com", "version": "v3.7.6"}, False, id="star-3.7.6"),
    pytest.param("Host(`*`)", {"host": "localhost", "version": "v3.7.6"}, True, id="star-3.7.6-one-label"),
    pytest.param("Host(`*foo.example.com`)", {"host": "xfoo.example.com"}, False, id="half-a-wildcard"),
    pytest.param("HostRegexp(`{sub:[a-z]+}.a.com`)", {"host": "x.a.com"}, False, id="template-braces-are-literal"),
    pytest.param("HostRegexp(`example.com`)", {"host": "notexample.com.evil.net"}, True, id="regexp-is-unanchored"),
    pytest.param("HostRegexp(`^WWW\\.`)", {"host": "www.x.com"}, False, id="host-is-lower-case-pattern-is-not"),
    pytest.param("HostRegexp(`(?i)^WWW\\.`)", {"host": "www.x.com"}, True, id="unless-told"),
    pytest.param("Path(`/user/{id}`)", {"url": "/user/7"}, False, id="placeholder-is-literal"),
    pytest.param("Query(`mobile=true`)", {"url": "/?mobile=true"}, False, id="query-of-v2"),
    pytest.param("Query(`mobile`, `true`)", {"url": "/?mobile=true"}, True, id="query-of-v3"),
    pytest.param("Query(`mobile`)", {"url": "/?mobile=1"}, False, id="one-argument-means-empty-value"),
    pytest.param("Query(`mobile`)", {"url": "/?mobile"}, True, id="empty-value"),
    pytest.param("Query(`a`, `1 2`)", {"url": "/?a=1+2"}, True, id="plus-is-space"),
    pytest.param("Header(`Accept`,`text/html`)", {"headers": {"accept": "text/html, */*"}}, False, id="whole-header"),
    pytest.param("Header(`x-a`,`1`)", {"headers": {"X-A": "1"}}, True, id="header-name-any-case"),
    pytest.param("ClientIP(`203.0.113.7`)", {"client_ip": "10.0.0.5"}, False, id="peer-is-the-balancer"),
    pytest.param("ClientIP(`10.0.0.0/8`)", {"client_ip": "10.0.0.5"}, True, id="peer-in-range"),
    pytest.param("ClientIP(`10.0.0.0/8`)", {"client_ip": "::ffff:10.0.0.5"}, True, id="mapped-address"),
    pytest.param("ClientIP(`10.0.0.0/8`)", {}, None, id="peer-not-known"),
    pytest.param("!Host(`a.com`) && PathPrefix(`/x`)", {"host": "b.com", "url": "/x"}, True, id="not-binds-tightest"),
    pytest.param("Host(`a.com`) || Host(`b.com`) && Path(`/x`)", {"url": "/y"}, True, id="and-before-or"),
    pytest.param("!(Host(`a.com`) && Path(`/x`))", {"url": "/y"}, True, id="de-morgan"),
    pytest.param("!(Host(`a.com`) || Path(`/x`))", {"url": "/y"}, False, id="de-morgan-or"),
    pytest.param("PathRegexp(`/v1`)", {"url": "/foo/v1/bar"}, True, id="path-regexp-is-unanchored"),
    pytest.param("Method(`get`)", {}, True, id="method-is-upper-cased"),
    pytest.param("Host(`a.com`)", {"host": ""}, False, id="no-host"),
    pytest.param("PathPrefix(`/`)", {"host": ""}, True, id="no-host-but-path"),
    pytest.param("Path(`/é`)", {"url": "/%C3%A9"}, True, id="utf-8-is-decoded"),
    pytest.param("HostRegexp(`^$`)", {"host": "x.com"}, True, id="empty-flattened-name-is-tried-too"),
]


@pytest.mark.parametrize(("rule", "request_parts", "expected"), V3)
def test_syntax_v3(rule: str, request_parts: dict[str, Any], expected: bool | None) -> None:
    assert matches(rule, **request_parts) is expected


V2 = [
    pytest.param("Host(`a.com`, `b.com`)", {"host": "b.com"}, True, id="several-hosts"),
    pytest.param("Host(`*.a.com`)", {"host": "x.a.com"}, False, id="no-wildcards"),
    pytest.param("HostRegexp(`{sub:[a-z]+}.a.com`)", {"host": "X.a.com"}, True, id="template-any-case"),
    pytest.param("HostRegexp(`{sub:[a-z]+}.a.com`)", {"host": "x.a.com.evil.net"}, False, id="template-is-anchored"),
    pytest.param("Path(`/user/{id}`)", {"url": "/user/7"}, True, id="placeholder"),
    pytest.param("Path(`/user/{id}`)", {"url": "/user/7/x"}, False, id="placeholder-is-one-segment"),
    pytest.param("PathPrefix(`/{p:.*}`)", {"url": "/x/y"}, True, id="placeholder-with-pattern"),
    pytest.param("PathPrefix(`/api`)", {"url": "/apiary"}, True, id="prefix-is-by-characters"),
    pytest.param("Query(`mobile=true`)", {"url": "/?mobile=true"}, True, id="query-pair"),
    pytest.param("Headers(`X-A`, `1`)", {"headers": {"x-a": "1"}}, True, id="header"),
    pytest.param("Method(`GET`, `POST`)", {"method": "POST"}, True, id="several-methods"),
]


@pytest.mark.parametrize(("rule", "request_parts", "expected"), V2)
def test_syntax_v2(rule: str, request_parts: dict[str, Any], expected: bool) -> None:
    assert matches(rule, syntax="v2", **request_parts) is expected


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        pytest.param("Path(`api`)", 'mux: path must start with a slash, got "api"', id="path-without-slash"),
        pytest.param("Path(`/{x`)", 'mux: unbalanced braces in "/{x"', id="open-brace"),
        pytest.param("Path(`/{:y}`)", 'mux: missing name or pattern in "{:y}"', id="placeholder-without-name"),
        pytest.param("Query(`a={x}`, `b={x}`)", 'mux: duplicated route variable "x"', id="same-name-twice"),
        pytest.param("Headers(`X-A`)", "mux: number of parameters must be multiple of 2, got [X-A]", id="half-a-pair"),
    ],
)
def test_syntax_v2_refuses(rule: str, reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, "v2", Version.parse("v3.7.9"))

    assert caught.value.reason.endswith(reason)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("[::1]:80", "::1", id="ipv6-with-port"),
        pytest.param("[::1]", "::1", id="ipv6"),
        pytest.param("A.com:", "a.com", id="empty-port"),
        pytest.param("::1", "::1", id="bare-ipv6-is-left"),
    ],
)
def test_canonical_host(host: str, expected: str) -> None:
    assert canonical_host(host) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/a//b/./c/", "/a/b/c/", id="collapsed-with-trailing-slash"),
        pytest.param("/..", "/", id="never-above-the-root"),
        pytest.param("/%41%2f%zz", None, id="bad-escape"),
        pytest.param("/a%25b", "/a%25b", id="percent-stays"),
        pytest.param("", "/", id="empty"),
    ],
)
def test_routing_path(path: str, expected: str | None) -> None:
    assert routing_path(path, Version.parse("v3.7.9")) == expected


@pytest.mark.parametrize(
    ("tag", "numbers", "known"),
    [
        pytest.param("v3.7.9", (3, 7, 9), True, id="usual"),
        pytest.param("2.11.2-debian", (2, 11, 2), True, id="suffix"),
        pytest.param("v3.6", (3, 6, 999), True, id="floating-patch-is-the-newest"),
        pytest.param("latest", (3, 7, 9), False, id="unknown-counts-as-newest"),
        pytest.param("", (3, 7, 9), False, id="none"),
    ],
)
def test_versions(tag: str, numbers: tuple[int, int, int], known: bool) -> None:
    version = Version.parse(tag)

    assert (version.numbers, version.known) == (numbers, known)


def test_back_ported_changes_count_per_line() -> None:
    assert not Version.parse("2.11.23").since((3, 3, 6), (2, 11, 24))
    assert Version.parse("2.11.24").since((3, 3, 6), (2, 11, 24))
    assert not Version.parse("3.3.5").since((3, 3, 6), (2, 11, 24))
    assert Version.parse("3.4.0").since((3, 3, 6), (2, 11, 24))
