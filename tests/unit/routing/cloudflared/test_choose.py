from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.cloudflared import rules, table
from ingressdoctor.routing.cloudflared import RuleIndex, RuleTable, WhyNot, choose_rule, host_of


@pytest.mark.parametrize(
    ("rule", "host", "path", "taken"),
    [
        pytest.param('hostname: "*.a.com"', "a.com", "/", False, id="wildcard-not-the-apex"),
        pytest.param('hostname: "*.a.com"', "x.y.a.com", "/", True, id="wildcard-any-depth"),
        pytest.param('hostname: "*.a.com"', "xa.com", "/", False, id="wildcard-needs-the-dot"),
        pytest.param('hostname: "*a.com"', "xa.com", "/", False, id="star-without-dot-is-literal"),
        pytest.param('hostname: "*a.com"', "*a.com", "/", True, id="star-without-dot-matches-itself"),
        pytest.param("hostname: a.com", "a.com:8443", "/", True, id="port-of-the-request-cut"),
        pytest.param("hostname: a.com", "A.com", "/", False, id="case-of-the-request-counts"),
        pytest.param("hostname: A.com", "a.com", "/", True, id="case-of-the-rule-does-not"),
        pytest.param("hostname: A.com", "A.com", "/", True, id="exact-case-too"),
        pytest.param('hostname: "*.A.com"', "x.a.com", "/", False, id="upper-case-wildcard"),
        pytest.param('hostname: "*.A.com"', "x.A.com", "/", True, id="upper-case-wildcard-literal"),
        pytest.param("hostname: Foo_bar.a.com", "foo_bar.a.com", "/", False, id="underscore-has-no-second-form"),
        pytest.param("hostname: foo_bar.a.com", "foo_bar.a.com", "/", True, id="underscore-literal"),
        pytest.param("hostname: a.com.", "a.com", "/", False, id="dot-at-the-end-of-the-rule"),
        pytest.param("hostname: a.com", "a.com.", "/", False, id="dot-at-the-end-of-the-request"),
        pytest.param("hostname: môô.cloudflare.com", "xn--m-xgaa.cloudflare.com", "/", True, id="punycode"),
        pytest.param("hostname: môô.cloudflare.com", "môô.cloudflare.com", "/", True, id="unicode-literal"),
        pytest.param("hostname: xn--m-xgaa.cloudflare.com", "môô.cloudflare.com", "/", False, id="punycode-one-way"),
        pytest.param('hostname: "*.môô.com"', "x.xn--m-xgaa.com", "/", False, id="unicode-wildcard"),
        pytest.param("hostname: ☃.net", "xn--n3h.net", "/", True, id="emoji-as-go-has-it"),
        pytest.param("hostname: a.com, path: /api", "a.com", "/v1/api/x", True, id="path-unanchored"),
        pytest.param("hostname: a.com, path: ^/api", "a.com", "/v1/api/x", False, id="path-anchored"),
        pytest.param("hostname: a.com, path: ^api", "a.com", "/api", False, id="path-without-slash-never"),
        pytest.param("hostname: a.com, path: /api$", "a.com", "/api/", False, id="path-end"),
        pytest.param('hostname: a.com, path: "/api/*"', "a.com", "/apifoo", True, id="path-is-no-glob"),
        pytest.param("hostname: a.com, path: /a.c", "a.com", "/abc", True, id="dot-is-any-character"),
        pytest.param("hostname: a.com, path: api", "a.com", "/API", False, id="path-case"),
        pytest.param('hostname: a.com, path: "(?i)api"', "a.com", "/API", True, id="path-case-flag"),
        pytest.param("hostname: a.com, path: ^/$", "a.com", "", False, id="empty-path"),
        pytest.param("hostname: a.com, path: /a/b", "a.com", "/a/b", True, id="decoded-path"),
        pytest.param(r"hostname: a.com, path: '\z'", "a.com", "/", True, id="go-accepts-what-python-does-not"),
        pytest.param("hostname: a.com, path: '[[:alpha:]]$'", "a.com", "/7", False, id="posix-class"),
        pytest.param("hostname: a.com, path: x$", "a.com", "/x\n", False, id="dollar-is-the-very-end"),
        pytest.param("path: /health", "any.example", "/health", True, id="path-for-every-host"),
        pytest.param('hostname: "*", path: /health', "any.example", "/x", False, id="star-with-path"),
        pytest.param('hostname: "::1"', "[::1]:80", "/", True, id="brackets-cut-with-the-port"),
        pytest.param('hostname: "[x]"', "[x]", "/", True, id="brackets-kept-without-port"),
    ],
)
def test_a_rule_takes_what_cloudflared_lets_it_take(rule: str, host: str, path: str, taken: bool) -> None:
    choice = choose_rule(rules(f"{rule}, service: 'http://x'"), host, path)

    assert (choice.index == 0) is taken
    assert choice.rule is not None
    assert choice.rule.is_catch_all is not taken


THREE = """
ingress:
- {hostname: tunnel-a.example.com, service: "http://a"}
- {hostname: tunnel-b.example.com, path: /health, service: "http://b"}
- {hostname: "*", service: "http://c"}
"""


@pytest.mark.parametrize(
    ("host", "path", "index"),
    [
        pytest.param("tunnel-a.example.com:443", "/x", 0, id="first"),
        pytest.param("tunnel-b.example.com", "/health", 1, id="by-path"),
        pytest.param("tunnel-b.example.com", "/index.html", 2, id="falls-through"),
        pytest.param("tunnel-c.example.com", "/", 2, id="catch-all"),
    ],
)
def test_the_first_rule_that_matches_takes_the_request(host: str, path: str, index: int) -> None:
    assert choose_rule(table(THREE), host, path).index == index


def test_every_rule_that_was_not_chosen_says_why() -> None:
    found = rules(
        'hostname: b.a.com, service: "http://1"',
        'hostname: A.com, path: "^/x", service: "http://2"',
        'hostname: "*.a.com", service: "http://3"',
        'hostname: "*.A.COM", service: "http://4"',
        'hostname: a.com, service: "http://5"',
        'hostname: c.com, service: "http://6"',
    )

    choice = choose_rule(found, "a.com", "/")

    assert choice.index == 4
    assert [(item.rule.index, item.why) for item in choice.not_chosen] == [
        (0, WhyNot.HOST),
        (1, WhyNot.PATH),
        (2, WhyNot.APEX),
        (3, WhyNot.HOST),
        (5, WhyNot.HOST),
        (6, WhyNot.LATER),
    ]
    assert [item.matches for item in choice.not_chosen] == [False] * 5 + [True]
    assert choose_rule(found, "x.a.CoM", "/").not_chosen[2].why is WhyNot.CASE


def test_a_hostname_of_cloudflareds_own_asks_no_rule() -> None:
    found = rules('hostname: management.argotunnel.com, service: "http://x"')

    choice = choose_rule(found, "management.argotunnel.com:443", "/")

    assert (choice.rule, choice.index) == (None, -1)
    assert {item.why for item in choice.not_chosen} == {WhyNot.INTERNAL}
    assert RuleIndex(found).first("management.fed.argotunnel.com", "/") == -1


@pytest.mark.parametrize(
    ("host", "cut"),
    [
        pytest.param("a.com:80", "a.com", id="port"),
        pytest.param("a.com", "a.com", id="none"),
        pytest.param("[::1]:80", "::1", id="address"),
        pytest.param("::1", "::1", id="bare-address"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_port_is_cut_as_go_cuts_it(host: str, cut: str) -> None:
    assert host_of(host) == cut


HOSTS = ("a.com", "b.a.com", "*.a.com", "*.b.a.com", "A.com", "*", "", "*.com", "c.d", "bücher.de")
ASKED = ("a.com", "b.a.com", "x.b.a.com", "A.com", "c.d", "com", "xn--bcher-kva.de", "z.com:443", "")
PATHS = ("", "/", "^/api", "api$", "/v[0-9]+", "^/(a|b)")


@given(
    st.lists(st.tuples(st.sampled_from(HOSTS), st.sampled_from(PATHS)), max_size=8).filter(
        lambda found: all(path or host not in ("", "*") for host, path in found)
    ),
    st.sampled_from(ASKED),
    st.sampled_from(("/", "/api", "/v12/api", "/b", "")),
)
def test_choice_agrees_with_brute_force(found: list[tuple[str, str]], host: str, path: str) -> None:
    made = rules(*(f"hostname: {host!r}, path: {pattern!r}, service: 'http://x'" for host, pattern in found))

    expected = brute_force(found, host, path)

    assert choose_rule(made, host, path).index == expected
    assert RuleIndex(made).first(host, path) == expected


def brute_force(found: list[tuple[str, str]], host: str, path: str) -> int:
    """The documented rules, written down once more and for these patterns only."""
    bare = host.removesuffix(":443")
    for index, (name, pattern) in enumerate(found):
        forms = {name, *({"A.com": ["a.com"], "bücher.de": ["xn--bcher-kva.de"]}.get(name, []))}
        by_form = any(form == bare or (form[:2] == "*." and bare.endswith(form[1:])) for form in forms)
        if (name in ("", "*") or by_form) and re.search(pattern, path):
            return index
    return len(found)


def test_thousands_of_rules_are_indexed() -> None:
    lines = "".join(f"- {{hostname: h{i}.example.com, path: '^/{i}', service: 'http://x'}}\n" for i in range(5_000))
    found: RuleTable = table(f"ingress:\n{lines}- service: http_status:404\n")
    index = RuleIndex(found)

    assert [index.first(f"h{i}.example.com", f"/{i}") for i in range(0, 5_000, 499)] == list(range(0, 5_000, 499))
    assert index.first("h7.example.com", "/8") == 5_000
    assert choose_rule(found, "h4999.example.com", "/4999").index == 4_999
    assert [rule.index for rule in index.matching("h7.example.com")] == [7, 5_000]


def test_a_host_that_is_the_pattern_itself_is_found_once() -> None:
    index = RuleIndex(rules("hostname: '*.a.com', service: 'http://x'"))

    assert [rule.index for rule in index.matching("*.a.com")] == [0, 1]
