"""Rarer refusals of the rule parser in Go's and Traefik's words, and rules that survive being printed.

Every text was compared with what Traefik 3.7.9 itself says.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.traefik.compiled import compile_rule, judge
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.matchers import V3
from ingressdoctor.routing.traefik.request import Seen
from ingressdoctor.routing.traefik.rules import AllOf, AnyOf, Matcher, Rule, parse_rule, print_rule, spellings
from ingressdoctor.routing.traefik.version import Version

NAMES = spellings(tuple(V3))
NEWEST = Version.parse("v3.7.9")
REFUSED = [
    pytest.param("-Host(`a`)", "- is not supported", id="minus"),
    pytest.param("*Host(`a`)", "*ast.StarExpr is not supported", id="star"),
    pytest.param("Host(`a`)[1]", "properties are not supported", id="index"),
    pytest.param("Host(`a`).x", "unsupported selector type: *ast.CallExpr", id="selector-of-a-call"),
    pytest.param('Host(`a`)["b"](`c`)', "expected identifier, got: *ast.IndexExpr", id="call-of-an-index"),
    pytest.param("a.b(`c`)", "unsupported function: a.b", id="dotted-function"),
    pytest.param("a.b.c(`d`)", "expected selector identifier, got: *ast.SelectorExpr", id="two-dots"),
    pytest.param("(a)(`b`)", "expected identifier, got: *ast.ParenExpr", id="function-in-parentheses"),
    pytest.param("Host(f(1).b)", "unsupported selector type: *ast.CallExpr", id="selector-as-argument"),
    pytest.param("Host(Path(`/`))", "cannot use rules.TreeBuilder as type string", id="matcher-as-argument"),
    pytest.param("Host(0x1)", 'strconv.Atoi: parsing "0x1": invalid syntax', id="hexadecimal"),
    pytest.param("Host(1.5)", "cannot use float64 as type string", id="fraction"),
    pytest.param("Host(1i)", "unsupported function argument type: 'IMAG'", id="imaginary"),
    pytest.param("1 && Host(`a`)", "reflect: Call using int as type rules.TreeBuilder", id="number-as-operand"),
    pytest.param("Host(9999999999999999999)", "value out of range", id="number-out-of-range"),
    pytest.param("Host(1, x)", "x is not defined", id="all-arguments-before-their-types"),
    pytest.param("Host(`a` ... x)", "1:14: missing ',' in argument list", id="behind-an-ellipsis"),
    pytest.param("!\n", "1:3: expected operand, found 'EOF'", id="line-end-at-the-end"),
    pytest.param("`a` && Host(`b`)", "Call using string as type rules.TreeBuilder", id="string-as-operand"),
    pytest.param("Host(`a`) = Path(`/`)", "1:11: expected '==', found '='", id="assignment"),
    pytest.param("Host{`a`}", "*ast.CompositeLit is not supported", id="braces"),
    pytest.param("Host(a...,)", "a is not defined", id="dots-after-an-argument"),
    pytest.param("ClientIP(`fe80::1%eth0`)", "invalid CIDR address: fe80::1%eth0", id="zone-of-an-address"),
    pytest.param("Host(`a`).(", "1:12: expected type, found 'EOF'", id="open-type-assertion"),
    pytest.param("Host(`a`).(x)", "*ast.TypeAssertExpr is not supported", id="type-assertion"),
    pytest.param('Path("/\\777")', "1:9: escape sequence is invalid Unicode code point", id="octal-too-large"),
    pytest.param('Path("/\\7Z")', "1:10: illegal character U+005A 'Z' in escape sequence", id="octal-too-short"),
    pytest.param('Path("/\\xZZ")', "1:10: illegal character U+005A 'Z' in escape sequence", id="hex"),
    pytest.param('Path("/\\u12")', "1:12: illegal character U+0022 '\"' in escape sequence", id="hex-too-short"),
    pytest.param('Path("/\\uD800")', "1:9: escape sequence is invalid Unicode code point", id="surrogate"),
    pytest.param("Query(`a`,`b`,`c`)", "got 3, expected one of [1 2]", id="three-arguments"),
    pytest.param("QueryRegexp(`a`,`(`)", "compiling QueryRegexp matcher: error parsing regexp", id="query-regexp"),
    pytest.param("HostRegexp(`é`)", "non-ASCII characters are not allowed", id="host-regexp-not-ascii"),
    pytest.param("HostRegexp(`\\`)", "trailing backslash at end of expression: ``", id="trailing-backslash"),
    pytest.param("HostRegexp(`\\C`)", "invalid escape sequence: `\\C`", id="one-byte"),
    pytest.param("Host(`a\tb`) && Path(`x`)", "path \"x\" does not start with a '/'", id="tab-in-a-host"),
    pytest.param("Path(`a\tb\x01\u200b\U000e0001`)", 'path "a\\tb\\x01\\u200b\\U000e0001"', id="quoted-as-go-does"),
]


@pytest.mark.parametrize(("rule", "words"), REFUSED)
def test_refused(rule: str, words: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, "v3", NEWEST)

    assert words in caught.value.reason


REFUSED_V2 = [
    pytest.param("HostRegexp(`é`)", "non-ASCII characters are not allowed", id="host-regexp-not-ascii"),
    pytest.param("HostRegexp(`a}{b`)", 'mux: unbalanced braces in "a}{b"', id="braces-the-wrong-way-round"),
    pytest.param("Host(`é`)", 'invalid value "é" for "Host" matcher', id="host-not-ascii"),
    pytest.param("HostRegexp(`{a`)", 'mux: unbalanced braces in "{a"', id="open-brace"),
    pytest.param("HostRegexp(`a}`)", 'mux: unbalanced braces in "a}"', id="closing-brace"),
    pytest.param("HostRegexp(`{:x}`)", 'mux: missing name or pattern in "{:x}"', id="no-name"),
    pytest.param("Path(`a`)", 'mux: path must start with a slash, got "a"', id="relative-path"),
    pytest.param("Headers(`a`)", "mux: number of parameters must be multiple of 2, got [a]", id="one-parameter"),
    pytest.param("Query(`a={x}`,`b={x}`)", 'mux: duplicated route variable "x"', id="placeholder-twice"),
    pytest.param("ClientIP(`zz`)", 'could not initialize IP Checker for "ClientIP" matcher', id="client-ip"),
]


@pytest.mark.parametrize(("rule", "words"), REFUSED_V2)
def test_refused_in_v2(rule: str, words: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, "v2", NEWEST)

    assert words in caught.value.reason


def seen(**parts: object) -> Seen:
    defaults = {"host": "a.com", "path": "/x", "method": "GET", "query": {}, "headers": {}, "client_ip": ""}
    return Seen(**(defaults | parts))  # type: ignore[arg-type]


MATCHED = [
    pytest.param('Path("/\\101\\x42\\u0043\\"\\n")', "v3", {"path": '/ABC"\n'}, True, id="escapes"),
    pytest.param("Host(`*`)", "v3", {"host": ""}, True, id="any-host"),
    pytest.param("Host(`a.com`)", "v3", {"host": ""}, False, id="no-host"),
    pytest.param("HeaderRegexp(`X`, `^a`)", "v3", {"headers": {"X": ("b", "ab")}}, True, id="header-regexp"),
    pytest.param("QueryRegexp(`q`, `^a`)", "v3", {"query": {"q": ("ab",)}}, True, id="query-regexp"),
    pytest.param("QueryRegexp(`q`)", "v3", {"query": {"q": ("",)}}, True, id="query-regexp-of-one"),
    pytest.param("ClientIP(`10.0.0.0/8`)", "v3", {"client_ip": "x"}, False, id="no-address"),
    pytest.param("ClientIP(`10.0.0.0/8`)", "v3", {"client_ip": "10.1.1.1"}, True, id="address"),
    pytest.param("ClientIP(`10.0.0.0/8`)", "v3", {}, None, id="address-not-known"),
    pytest.param("HeadersRegexp(`X`, `^a`)", "v2", {"headers": {"X": ("ab",)}}, True, id="v2-header-regexp"),
    pytest.param("Query(`a=`)", "v2", {"query": {"a": ("anything",)}}, True, id="v2-any-value"),
    pytest.param("Method(`get`, `post`)", "v2", {"method": "POST"}, True, id="v2-methods"),
    pytest.param("PathPrefix(`/{a:x+}/`)", "v2", {"path": "/xx/y"}, True, id="v2-template"),
    pytest.param("PathPrefix(`/{a:x{2}}/`)", "v2", {"path": "/xx/y"}, True, id="v2-braces-in-braces"),
    pytest.param("PathPrefix(`/x`)", "v2", {"path": None}, False, id="v2-broken-path"),
    pytest.param("ClientIP(`10.0.0.1`, `10.0.0.2`)", "v2", {"client_ip": "10.0.0.2"}, True, id="v2-addresses"),
]


@pytest.mark.parametrize(("rule", "syntax", "parts", "expected"), MATCHED)
def test_matched(rule: str, syntax: str, parts: dict[str, object], expected: bool | None) -> None:
    assert judge(compile_rule(rule, syntax, NEWEST), seen(**parts)).matches is expected


def test_a_pattern_of_megabytes_is_refused() -> None:
    with pytest.raises(RuleError, match="expression too large"):
        compile_rule(f"HostRegexp(`{'a' * 1_000_000}`)", "v3", NEWEST)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){25}", "((a*)*)*b"])
def test_hostile_patterns_take_no_time(pattern: str) -> None:
    rule = compile_rule(f"PathRegexp(`{pattern}`)", "v3", NEWEST)

    assert judge(rule, seen(path="/" + "a" * 50_000 + "!")).matches in (True, False)


def matcher(negated: bool = False) -> st.SearchStrategy[Rule]:
    texts = st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable() or "\n" in text)
    return st.builds(Matcher, st.sampled_from(sorted(V3)), st.lists(texts, max_size=3).map(tuple), st.booleans())


RULES: st.SearchStrategy[Rule] = st.recursive(
    matcher(),
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


@given(RULES)
def test_a_printed_rule_is_read_back_as_it_was(rule: Rule) -> None:
    assert parse_rule(print_rule(rule), NAMES) == rule


@given(st.text(alphabet="Host(`a.)'\"&|! P\\x41{}[],"))
def test_printing_what_was_parsed_is_stable(text: str) -> None:
    try:
        rule = parse_rule(text, NAMES)
    except RuleError:
        return
    printed = print_rule(rule)

    assert parse_rule(printed, NAMES) == rule
    assert print_rule(parse_rule(printed, NAMES)) == printed


@given(RULES)
def test_the_short_way_reads_as_the_grammar_does(rule: Rule) -> None:
    text = print_rule(rule)

    assert parse_rule(f"({text})", NAMES) == parse_rule(text, NAMES)
