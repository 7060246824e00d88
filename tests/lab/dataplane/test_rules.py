"""The lab's reading of Traefik rules, held to the tables of Traefik's documented behaviour."""

from __future__ import annotations

import pytest

from ingressdoctor.lab.serve.traefik.matchers import HTTP, TCP, Facts, compile_rule, facts_of, sanitize
from ingressdoctor.lab.serve.traefik.rules import RuleError, parse


def matches(rule: str, target: str = "/", host: str = "a.com", method: str = "GET", **headers: str) -> bool:
    sent = (("Host", host), *((key.replace("_", "-"), value) for key, value in headers.items()))
    test, _ = compile_rule(rule, HTTP)
    return test(facts_of(method, target, sent, "10.0.0.7"))


MATCHES = [
    pytest.param("PathPrefix(`/api`)", "/apiary", "a.com", True, id="prefix-is-by-character"),
    pytest.param("PathPrefix(`/api/`)", "/api", "a.com", False, id="slash-is-literal"),
    pytest.param("Path(`/api`)", "/api/", "a.com", False, id="path-is-exact"),
    pytest.param("Path(`/api`)", "/api?x=1", "a.com", True, id="query-is-not-path"),
    pytest.param("PathPrefix(`/foo/bar`)", "/foo%2Fbar", "a.com", False, id="reserved-escape-stays"),
    pytest.param("PathPrefix(`/foo bar`)", "/foo%20bar", "a.com", True, id="space-is-decoded"),
    pytest.param("PathPrefix(`/admin`)", "/x/../admin", "a.com", True, id="dot-segments-collapse"),
    pytest.param("PathPrefix(`/bar`)", "/foo/%2E%2E/bar", "a.com", True, id="escaped-dots-collapse"),
    pytest.param("Path(`/API`)", "/api", "a.com", False, id="path-is-case-sensitive"),
    pytest.param("Host(`example.com`)", "/", "EXAMPLE.com:8443", True, id="host-lower-cased-port-cut"),
    pytest.param("Host(`example.com:8080`)", "/", "example.com:8080", False, id="rule-with-a-port-never"),
    pytest.param("Host(`example.com`)", "/", "example.com.", True, id="trailing-dot"),
    pytest.param("Host(`*.example.com`)", "/", "a.example.com", True, id="wildcard-one-label"),
    pytest.param("Host(`*.example.com`)", "/", "a.b.example.com", False, id="wildcard-not-two-labels"),
    pytest.param("Host(`*.example.com`)", "/", "example.com", False, id="wildcard-not-apex"),
    pytest.param("HostRegexp(`{sub:[a-z]+}.example.com`)", "/", "a.example.com", False, id="v2-template-never"),
    pytest.param("HostRegexp(`example.com`)", "/", "notexample.com.evil.net", True, id="regexp-unanchored"),
    pytest.param("HostRegexp(`^WWW\\.`)", "/", "www.x.com", False, id="regexp-sees-lower-case"),
    pytest.param("Query(`mobile=true`)", "/?mobile=true", "a.com", False, id="v2-query-form-never"),
    pytest.param("Query(`mobile`)", "/?mobile=1", "a.com", False, id="one-argument-means-empty-value"),
    pytest.param("Query(`mobile`, `1`)", "/?mobile=1", "a.com", True, id="query-value"),
    pytest.param("QueryRegexp(`m`, `^\\d+$`)", "/?m=17", "a.com", True, id="query-regexp"),
    pytest.param("!Host(`a.com`) && PathPrefix(`/x`)", "/x", "b.com", True, id="not-binds-to-host-only"),
    pytest.param("Host(`a.com`) || Host(`b.com`) && Path(`/x`)", "/y", "a.com", True, id="and-before-or"),
    pytest.param("(Host(`a.com`) || Host(`b.com`)) && Path(`/x`)", "/y", "a.com", False, id="parentheses"),
    pytest.param("!(Host(`a.com`) && Path(`/x`))", "/y", "a.com", True, id="negated-group"),
    pytest.param("PathRegexp(`/v1`)", "/foo/v1/bar", "a.com", True, id="path-regexp-unanchored"),
    pytest.param("ClientIP(`10.0.0.0/8`)", "/", "a.com", True, id="client-network"),
    pytest.param("ClientIP(`203.0.113.7`)", "/", "a.com", False, id="client-is-the-peer"),
    pytest.param("METHOD(`get`)", "/", "a.com", True, id="upper-case-spelling"),
    pytest.param('Host("a.com") && PathPrefix("/")', "/", "a.com", True, id="double-quotes"),
    pytest.param("Host(`a.com`) &&\n  Path(`/`)\n", "/", "a.com", True, id="operator-at-line-end"),
    pytest.param("Host(`a.com`)", "/", "", False, id="no-host-header"),
]


@pytest.mark.parametrize(("rule", "target", "host", "expected"), MATCHES)
def test_rule_on_request(rule: str, target: str, host: str, *, expected: bool) -> None:
    assert matches(rule, target, host) is expected


def test_header_compares_the_whole_line_and_never_host() -> None:
    assert matches("Header(`X-A`, `1`)", X_A="1")
    assert not matches("Header(`Accept`, `text/html`)", Accept="text/html, */*")
    assert matches("HeaderRegexp(`Accept`, `html`)", Accept="text/html, */*")
    assert not matches("Header(`Host`, `a.com`)")


ERRORS = [
    pytest.param("Host(`a.com`, `b.com`)", "unexpected number of parameters; got 2, expected one of [1]", id="two"),
    pytest.param("Headers(`X-A`,`1`)", "unsupported function: Headers", id="v2-name"),
    pytest.param("pathPrefix(`/`)", "unsupported function: pathPrefix", id="spelling"),
    pytest.param("PathRegexp(`^/(?!api)`)", "invalid or unsupported Perl syntax", id="look-ahead"),
    pytest.param("Host(example.com)", "example.com is not defined", id="bare-name"),
    pytest.param("Host('example.com')", "illegal rune literal", id="single-quotes"),
    pytest.param("Host(`a.com`) PathPrefix(`/x`)", "expected 'EOF'", id="missing-operator"),
    pytest.param("Host(`a.com`) & Path(`/`)", "& is not supported", id="single-ampersand"),
    pytest.param("Host(`a.com`)\n&& Path(`/`)", "expected 'EOF'", id="operator-at-line-start"),
    pytest.param("Host(`münchen.de`)", "non-ASCII characters are not allowed", id="not-punycode"),
    pytest.param("PathPrefix(`api`)", "path \"api\" does not start with a '/'", id="no-slash"),
    pytest.param("Host()", "no args for matcher Host", id="no-argument"),
    pytest.param("Host(``)", "empty args for matcher Host", id="empty-argument"),
    pytest.param("", "expected operand, found 'EOF'", id="empty"),
    pytest.param("Host(`a.com`", "missing ','", id="open-parenthesis"),
    pytest.param("!" * 500 + "Host(`a`)", "nested too deeply", id="hostile-nesting"),
    pytest.param("(" * 500, "nested too deeply", id="hostile-parentheses"),
    pytest.param("a" * 70_000, "too long", id="hostile-length"),
]


@pytest.mark.parametrize(("rule", "text"), ERRORS)
def test_rule_that_does_not_build(rule: str, text: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, HTTP)

    assert text in str(caught.value)
    assert str(caught.value).startswith("error while parsing rule")


SNI = [
    pytest.param("HostSNI(`*`)", "", True, id="catch-all-without-sni"),
    pytest.param("HostSNI(`Db.Example.com`)", "db.example.com", True, id="case-folded"),
    pytest.param("HostSNI(`*.example.com`)", "a.example.com", True, id="wildcard"),
    pytest.param("HostSNI(`db.example.com`)", "", False, id="name-needs-sni"),
    pytest.param("HostSNIRegexp(`^db`)", "db.example.com", True, id="regexp"),
]


@pytest.mark.parametrize(("rule", "name", "expected"), SNI)
def test_tcp_rule(rule: str, name: str, *, expected: bool) -> None:
    test, _ = compile_rule(rule, TCP)

    assert test(Facts(sni=name)) is expected


def test_alpn_challenge_protocol_is_refused() -> None:
    with pytest.raises(RuleError, match="invalid protocol value for ALPN matcher"):
        compile_rule("ALPN(`acme-tls/1`)", TCP)


PATHS = [
    pytest.param("/a//b", "/a/b", id="double-slash"),
    pytest.param("/a/./b/", "/a/b/", id="dot-keeps-final-slash"),
    pytest.param("/..", "/", id="above-the-root"),
    pytest.param("//evil/x", "/evil/x", id="leading-double-slash"),
    pytest.param("/%7euser/%2f", "/~user/%2F", id="escapes-normalised"),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_path_is_sanitised(path: str, expected: str) -> None:
    assert sanitize(path) == expected


def test_tree_keeps_every_call_in_order() -> None:
    assert "Host" in str(parse("Host(`a`) && (Path(`/b`) || !Method(`GET`))"))
