"""Which rules Traefik accepts, and with which words it refuses the others. Texts are those of Traefik 3.7.9."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingressdoctor.api import RouteRequest
from ingressdoctor.routing.traefik.compiled import anchors, compile_rule, judge, named_hosts, never_reason
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.matchers import V3 as MATCHERS
from ingressdoctor.routing.traefik.request import see
from ingressdoctor.routing.traefik.rules import parse_rule, print_rule, spellings
from ingressdoctor.routing.traefik.version import Version

V3 = Version.parse("v3.7.9")

REFUSED = [
    pytest.param("", "1:1: expected operand, found 'EOF'", id="empty"),
    pytest.param("Host(`a.com`) PathPrefix(`/x`)", "1:15: expected 'EOF', found PathPrefix", id="missing-operator"),
    pytest.param("Host(`a.com`) & Path(`/`)", "& is not supported", id="single-ampersand"),
    pytest.param("Host(`a.com`) == Path(`/`)", "== is not supported", id="comparison"),
    pytest.param("Host(example.com)", "example.com is not defined", id="unquoted-argument"),
    pytest.param("Host('example.com')", "1:6: illegal rune literal", id="single-quotes-are-runes"),
    pytest.param("Host('a')", "unsupported function argument type: 'CHAR'", id="one-rune"),
    pytest.param("Host(`a.com`", "1:13: missing ',' before newline in argument list", id="unclosed-call"),
    pytest.param("Host(`a.com`))", "1:14: expected 'EOF', found ')'", id="one-parenthesis-too-many"),
    pytest.param("(Host(`a.com`)", "1:15: expected ')', found newline", id="unclosed-group"),
    pytest.param("Host(`a.com", "1:6: raw string literal not terminated", id="unclosed-backtick"),
    pytest.param('Host("a\\.com")', "1:9: unknown escape sequence", id="single-backslash-in-double-quotes"),
    pytest.param("Host(`a`)\n&& Path(`/`)", "2:1: expected 'EOF', found '&&'", id="operator-after-line-end"),
    pytest.param("Host(`a`\n)", "1:9: missing ',' before newline in argument list", id="line-end-before-parenthesis"),
    pytest.param("Host(“a.com”)", "1:6: curly quotation mark '“' (use neutral '\"')", id="curly-quotes"),
    pytest.param("pathPrefix(`/`)", "unsupported function: pathPrefix", id="spelling-in-camel-case"),
    pytest.param("Headers(`X-A`,`1`)", "unsupported function: Headers", id="matcher-of-v2"),
    pytest.param("HostHeader(`a.com`)", "unsupported function: HostHeader", id="host-matcher-of-v2"),
    pytest.param("HostSNI(`a`)", "unsupported function: HostSNI", id="matcher-of-tcp"),
    pytest.param("`a.com`", "obtaining build tree", id="bare-string"),
    pytest.param("Host(1)", "reflect: cannot use int as type string in Call", id="number"),
    pytest.param("Host()", "error while checking rule Host: no args for matcher Host", id="no-arguments"),
    pytest.param("Host(``)", "error while checking rule Host: empty args for matcher Host, []", id="empty-argument"),
    pytest.param(
        "Host(`a.com`, `b.com`)",
        "error while adding rule Host: unexpected number of parameters; got 2, expected one of [1]",
        id="two-hosts",
    ),
    pytest.param(
        "Host(`münchen.de`)",
        'error while adding rule Host: invalid value "münchen.de" for Host matcher, '
        "non-ASCII characters are not allowed",
        id="host-not-in-punycode",
    ),
    pytest.param(
        "PathPrefix(`api`)",
        "error while adding rule PathPrefix: path \"api\" does not start with a '/'",
        id="path-without-slash",
    ),
    pytest.param(
        "PathRegexp(`^/(?!api)`)",
        "error while adding rule PathRegexp: compiling PathPrefix matcher: error parsing regexp: "
        "invalid or unsupported Perl syntax: `(?!`",
        id="look-ahead",
    ),
    pytest.param(
        "HostRegexp(`(`)",
        "error while adding rule HostRegexp: compiling HostRegexp matcher: "
        "error parsing regexp: missing closing ): `(`",
        id="open-group",
    ),
    pytest.param(
        "ClientIP(`x`)",
        "error while adding rule ClientIP: initializing IP checker for ClientIP matcher: "
        "parsing CIDR trusted IPs <nil>: invalid CIDR address: x",
        id="no-address",
    ),
    pytest.param(
        "Host(`a`, `b`) && Path(`/`)",
        "error while adding rule and: error while adding rule Host: "
        "unexpected number of parameters; got 2, expected one of [1]",
        id="left-branch-wraps-its-error",
    ),
    pytest.param(
        "Path(`/`) && Host(`a`, `b`)",
        "error while adding rule Host: unexpected number of parameters; got 2, expected one of [1]",
        id="right-branch-does-not",
    ),
]


@pytest.mark.parametrize(("rule", "reason"), REFUSED)
def test_traefik_refuses_in_these_words(rule: str, reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, "v3", V3)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("PATHPREFIX(`/`) && Pathprefix(`/`) && pathprefix(`/`)", id="four-spellings"),
        pytest.param("Host(`a`)\n", id="trailing-line-end"),
        pytest.param("Host(`a`) &&\nPath(`/`)", id="operator-at-line-end"),
        pytest.param("Host (\n`a`,\n)", id="trailing-comma-and-free-space"),
        pytest.param("Host(`a`) /* why */ // and how", id="comments"),
        pytest.param('Host("\\u0061")', id="escape-in-double-quotes"),
        pytest.param("!!Host(`a`)", id="double-negation"),
        pytest.param("Host(`a`...)", id="ellipsis"),
    ],
)
def test_traefik_accepts(rule: str) -> None:
    compile_rule(rule, "v3", V3)


def test_column_counts_bytes() -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule("Path(`/é`) x", "v3", V3)

    assert (caught.value.line, caught.value.column) == (1, 13)


DEEP = 8_000
A, B = "Host(`a.com`)", "Host(`b.com`)"


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        pytest.param("(" * DEEP + A + ")" * DEEP, True, id="parentheses"),
        pytest.param("!" * DEEP + A, True, id="negations"),
        pytest.param("!(" * (DEEP + 1) + A + ")" * (DEEP + 1), False, id="odd-negations-of-parentheses"),
        pytest.param(f"{A} && (" * DEEP + A + ")" * DEEP, True, id="and-to-the-right"),
        pytest.param(f"{B} || (" * DEEP + A + ")" * DEEP, True, id="or-to-the-right"),
        pytest.param(f"{A} && ({B} || (" * (DEEP // 2) + B + "))" * (DEEP // 2), False, id="and-or-by-turns"),
        pytest.param("(" * DEEP + A + f" || {B})" * DEEP, True, id="to-the-left"),
        pytest.param(f"{A} && !(" * DEEP + A + ")" * DEEP, True, id="negated-by-turns"),
        pytest.param(f"{A} && {A} || " * (DEEP // 2) + A, True, id="chain"),
    ],
)
def test_depth_does_not_matter(rule: str, matches: bool) -> None:
    compiled = compile_rule(rule, "v3", V3)
    request = see(RouteRequest(host="a.com", tls=False), V3)

    assert judge(compiled, request).matches is matches
    assert set(named_hosts(compiled)) <= {"a.com", "b.com"}
    assert never_reason(compiled) == ""
    assert len(anchors(compiled) or ()) <= 2
    printed = print_rule(parse_rule(rule, spellings(tuple(MATCHERS))))
    assert judge(compile_rule(printed, "v3", V3), request).matches is matches


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        pytest.param("(" * 100_000 + A + ")" * 100_000, 100_001, id="parentheses"),
        pytest.param("!" * 100_000 + A, 100_001, id="prefixes"),
        pytest.param(f"{A}&&" * 100_000 + A, 1_499_968, id="operators"),
        pytest.param("a" + "()" * 100_000, 200_000, id="calls"),
        pytest.param("a" + ".b" * 100_000, 200_000, id="selectors"),
    ],
)
def test_go_follows_a_hundred_thousand_levels(rule: str, column: int) -> None:
    with pytest.raises(RuleError, match="exceeded max nesting depth") as caught:
        compile_rule(rule, "v3", V3)

    assert caught.value.column == column


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        pytest.param("Host(" * 30_000 + "`a`" + ")" * 30_000, "cannot use rules.TreeBuilder as type", id="calls"),
        pytest.param("a" + ".b" * 90_000, ".b.b is not defined", id="selectors"),
        pytest.param("a" + "[1]" * 90_000, "properties are not supported", id="indices"),
        pytest.param("a" + "()" * 90_000, "expected identifier, got: *ast.CallExpr", id="calls-of-calls"),
        pytest.param("*" * 90_000 + A, "*ast.StarExpr is not supported", id="stars"),
        pytest.param("(" * 90_000, "expected operand, found 'EOF'", id="open-parentheses"),
        pytest.param("\0" * 200_000, "1:1: illegal character NUL", id="nul"),
        pytest.param("#" * 200_000, "1:1: illegal character U+0023 '#'", id="illegal"),
        pytest.param("'ab'" * 50_000, "1:1: illegal rune literal", id="runes"),
    ],
)
def test_hostile_depth_and_length_are_refused_as_go_does(rule: str, reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, "v3", V3)

    assert reason in caught.value.reason


def test_a_deep_rule_of_many_hosts_needs_no_index() -> None:
    levels = "".join(f"Path(`/`) && (Host(`h{number}.com`) || (" for number in range(6_000))

    assert anchors(compile_rule(levels + "Host(`a.com`)" + "))" * 6_000, "v3", V3)) is None


def test_long_chains_are_not_deep() -> None:
    rule = compile_rule(" || ".join(f"Host(`h{number}.com`)" for number in range(3_000)), "v3", V3)

    assert len(named_hosts(rule)) == 3_000


@given(st.text() | st.text(alphabet="Hostah(`\"'),.&|! \n\\/*{}[];:10"))
@example("Host(`a`" + "\0")
@example("\ufeffHost(`a`)")
@example('Host("\\xff")')
@example("Host(`\ud800`)")
@example("1.e")
def test_any_text_is_a_rule_or_a_refusal(text: str) -> None:
    try:
        compile_rule(text, "v3", V3)
        compile_rule(text, "v2", V3)
    except RuleError:
        pass


@pytest.mark.parametrize(
    ("rule", "hosts"),
    [
        pytest.param("Host(`a.com`) && Path(`/x`)", ("a.com",), id="narrowed-by-path"),
        pytest.param("Host(`a.com`) || Host(`B.com.`)", ("a.com", "b.com"), id="either"),
        pytest.param("Path(`/x`)", None, id="any-host"),
        pytest.param("!Host(`a.com`)", None, id="negated-names-none"),
        pytest.param("Host(`a.com`) || Path(`/x`)", None, id="one-branch-open"),
        pytest.param("HostRegexp(`a`) && Host(`a.com`)", ("a.com",), id="narrowest-of-all"),
    ],
)
def test_index_keys_never_lose_a_match(rule: str, hosts: tuple[str, ...] | None) -> None:
    assert anchors(compile_rule(rule, "v3", V3)) == hosts


@pytest.mark.parametrize(
    ("rule", "version", "never"),
    [
        pytest.param("Host(`a.com:8080`)", "v3.7.9", "port", id="host-with-port"),
        pytest.param("Host(`https://a.com`)", "v3.7.9", "scheme", id="host-with-scheme"),
        pytest.param("Host(`*.a.com`)", "v3.6.24", "wildcard", id="wildcard-before-3.7"),
        pytest.param("Host(`*.a.com`)", "v3.7.0", "", id="wildcard-since-3.7"),
        pytest.param("Host(`*foo.a.com`)", "v3.7.9", "first label", id="half-a-wildcard"),
        pytest.param("HostRegexp(`{sub:[a-z]+}.a.com`)", "v3.7.9", "v2", id="template"),
        pytest.param("PathPrefix(`/{p:.*}`)", "v3.7.9", "v2", id="placeholder-in-path"),
        pytest.param("Query(`mobile=true`)", "v3.7.9", "v2", id="query-in-one-argument"),
        pytest.param("Header(`Host`, `a.com`)", "v3.7.9", "Host header", id="host-as-header"),
        pytest.param("Host(`a.com:80`) || Host(`a.com`)", "v3.7.9", "", id="another-branch-can-match"),
        pytest.param("!Host(`a.com:80`)", "v3.7.9", "", id="negated-always-matches"),
    ],
)
def test_accepted_rules_that_never_match_are_noticed(rule: str, version: str, never: str) -> None:
    reason = never_reason(compile_rule(rule, "v3", Version.parse(version)))

    assert (never in reason) if never else reason == ""
