from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker, parse_address
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.tcp_rules import compile_tcp_rule, default_priority, judge_tcp
from ingressdoctor.routing.traefik.version import Version

NEW, V36, V32, V2 = (Version.parse(text) for text in ("3.7.9", "3.6.24", "3.2.5", "2.11.53"))


def matches(rule: str, version: Version = NEW, syntax: str = "v3", **seen: Any) -> bool | None:
    return judge_tcp(compile_tcp_rule(rule, syntax, version), Connection(**seen)).matches


@pytest.mark.parametrize(
    ("rule", "seen", "expected"),
    [
        pytest.param("HostSNI(`*`)", {}, True, id="catch-all-takes-no-sni"),
        pytest.param("HostSNI(`a.com`)", {}, False, id="name-wants-an-sni"),
        pytest.param("HostSNI(`a.com`)", {"server_name": "a.com"}, True, id="name-equal"),
        pytest.param("HostSNI(`DB.A.com`)", {"server_name": "db.a.com"}, True, id="any-case-since-3.7"),
        pytest.param("HostSNI(`a.com.`)", {"server_name": "a.com"}, True, id="trailing-dot-cut"),
        pytest.param("HostSNI(`*.a.com`)", {"server_name": "x.a.com"}, True, id="wildcard-one-label"),
        pytest.param("HostSNI(`*.a.com`)", {"server_name": "y.x.a.com"}, False, id="wildcard-not-two-labels"),
        pytest.param("HostSNI(`*.a.com`)", {"server_name": "a.com"}, False, id="wildcard-not-the-name-itself"),
        pytest.param("HostSNIRegexp(`a`)", {"server_name": "bad"}, True, id="regexp-unanchored"),
        pytest.param("HostSNIRegexp(`^$`)", {}, True, id="regexp-sees-empty-sni"),
        pytest.param("ClientIP(`10.0.0.0/8`)", {"client_ip": "10.2.3.4"}, True, id="peer-in-cidr"),
        pytest.param("ClientIP(`10.0.0.0/8`)", {"client_ip": "::ffff:10.2.3.4"}, True, id="mapped-peer"),
        pytest.param("ClientIP(`10.0.0.0/8`)", {}, None, id="peer-not-known"),
        pytest.param("!ClientIP(`10.0.0.0/8`)", {}, None, id="negated-peer-not-known"),
        pytest.param("ALPN(`h2`)", {"protocols": ("h2",)}, True, id="alpn-offered"),
        pytest.param("ALPN(`h2`)", {}, False, id="alpn-not-offered"),
        pytest.param("!HostSNI(`a.com`)", {"server_name": "b.com"}, True, id="negation"),
        pytest.param("HostSNI(`*`) && ClientIP(`10.0.0.0/8`)", {}, None, id="and-with-unknown"),
        pytest.param("ClientIP(`10.0.0.0/8`) || HostSNI(`*`)", {}, True, id="or-despite-unknown"),
        pytest.param("ClientIP(`10.0.0.0/8`) || HostSNI(`a.com`)", {}, None, id="or-left-unknown"),
        pytest.param("HostSNI(`a.com`) && HostSNI(`*`)", {}, False, id="and-false-wins"),
    ],
)
def test_v3_as_specification(rule: str, seen: dict[str, Any], expected: bool | None) -> None:
    assert matches(rule, **seen) is expected


@pytest.mark.parametrize(
    ("rule", "seen", "expected"),
    [
        pytest.param("HostSNI(`a.com`, `b.com`)", {"server_name": "b.com"}, True, id="several-names"),
        pytest.param("HostSNI(`A.com`)", {"server_name": "a.com"}, True, id="lower-cased"),
        pytest.param("HostSNI(`*`, `a.com`)", {}, True, id="catch-all-first"),
        pytest.param("HostSNI(`a.com`, `*`)", {}, False, id="catch-all-later-wants-an-sni"),
        pytest.param("HostSNI(`a.com`, `*`)", {"server_name": "z"}, True, id="catch-all-later"),
        pytest.param("HostSNIRegexp(`{s:[a-z]+}.a.com`)", {"server_name": "DB.a.com"}, True, id="template-any-case"),
        pytest.param("HostSNIRegexp(`{s}.a.com`)", {"server_name": "x.y.a.com"}, False, id="template-anchored"),
        pytest.param("ClientIP(`10.0.0.1`, `::1`)", {"client_ip": "::1"}, True, id="several-peers"),
        pytest.param("ALPN(`h2`, `x`)", {"protocols": ("x",)}, True, id="several-protocols"),
    ],
)
def test_v2_as_specification(rule: str, seen: dict[str, Any], expected: bool) -> None:
    assert matches(rule, V2, "v2", **seen) is expected


@pytest.mark.parametrize(
    ("version", "rule", "sni", "expected"),
    [
        pytest.param(V36, "HostSNI(`Db.A.com`)", "db.a.com", False, id="upper-case-never-before-3.7"),
        pytest.param(V36, "HostSNI(`a.com.`)", "a.com", True, id="dot-cut-before-3.7"),
        pytest.param(NEW, "HostSNI(`a_b.com`)", "a_b.com", True, id="underscore"),
    ],
)
def test_versions_as_specification(version: Version, rule: str, sni: str, expected: bool) -> None:
    assert matches(rule, version, server_name=sni) is expected


@pytest.mark.parametrize(
    ("rule", "syntax", "version", "tls", "reason"),
    [
        pytest.param(
            "HostSNI(`a.com`)",
            "v3",
            NEW,
            False,
            'invalid rule: "HostSNI(`a.com`)" , has HostSNI matcher, but no TLS on router',
            id="sni-without-tls",
        ),
        pytest.param(
            "Host(`a`)\n",
            "v3",
            NEW,
            True,
            'invalid rule: "Host(`a`)\\n" , unsupported function: Host',
            id="http-matcher",
        ),
        pytest.param(
            "HostSNI(`*.a.com`)",
            "v3",
            V36,
            True,
            "error while adding rule HostSNI(`*.a.com`): invalid value for HostSNI matcher, "
            '"*.a.com" is not a valid hostname',
            id="no-wildcard-before-3.7",
        ),
        pytest.param(
            "HostSNI(`a_b`)",
            "v3",
            V32,
            True,
            'error while adding rule HostSNI(`a_b`): invalid value for HostSNI matcher, "a_b" is not a valid hostname',
            id="no-underscore-before-3.3.5",
        ),
        pytest.param(
            "HostSNI(`a`, `b`)",
            "other",
            NEW,
            True,
            "error while adding rule HostSNI(`a`, `b`): unexpected number of parameters; got 2, expected 1",
            id="unknown-syntax-is-v3",
        ),
        pytest.param(
            "HostSNI()",
            "v3",
            NEW,
            True,
            "error while adding rule HostSNI(): no args for matcher HostSNI",
            id="no-argument",
        ),
        pytest.param(
            'HostSNI("", "a")',
            "v2",
            NEW,
            True,
            'error while adding rule HostSNI("", "a"): empty args for matcher HostSNI, [ a]',
            id="empty-argument",
        ),
        pytest.param(
            "HostSNIRegexp(`é`)",
            "v3",
            NEW,
            True,
            "error while adding rule HostSNIRegexp(`é`): invalid value for HostSNIRegexp matcher, "
            '"é" is not a valid hostname',
            id="regexp-not-ascii",
        ),
        pytest.param(
            "HostSNIRegexp(`[`)",
            "v3",
            NEW,
            True,
            "error while adding rule HostSNIRegexp(`[`): compiling HostSNIRegexp matcher: "
            "error parsing regexp: missing closing ]: `[`",
            id="regexp-broken",
        ),
        pytest.param(
            "HostSNIRegexp(`{`)",
            "v2",
            NEW,
            True,
            'error while adding rule HostSNIRegexp(`{`): invalid pattern value for "HostSNIRegexp" matcher, '
            '"{" is not a valid pattern: mux: unbalanced braces in "{"',
            id="template-broken",
        ),
        pytest.param(
            "ClientIP(`x`)",
            "v3",
            NEW,
            True,
            "error while adding rule ClientIP(`x`): initializing IP checker for ClientIP matcher: "
            "parsing CIDR trusted IPs <nil>: invalid CIDR address: x",
            id="no-address",
        ),
        pytest.param(
            "ClientIP(`x`)",
            "v2",
            NEW,
            True,
            'error while adding rule ClientIP(`x`): could not initialize IP Checker for "ClientIP" matcher: '
            "parsing CIDR trusted IPs <nil>: invalid CIDR address: x",
            id="no-address-v2",
        ),
        pytest.param(
            "ALPN(`acme-tls/1`)",
            "v3",
            NEW,
            True,
            "error while adding rule ALPN(`acme-tls/1`): invalid protocol value for ALPN matcher, "
            '"acme-tls/1" is not allowed',
            id="acme-refused",
        ),
        pytest.param(
            "ALPN(`acme-tls/1`)",
            "v2",
            NEW,
            True,
            'error while adding rule ALPN(`acme-tls/1`): invalid protocol value for "ALPN" matcher, '
            '"acme-tls/1" is not allowed',
            id="acme-refused-v2",
        ),
        pytest.param(
            "HostSNI(`a b`)",
            "v2",
            NEW,
            True,
            'error while adding rule HostSNI(`a b`): invalid value for "HostSNI" matcher, '
            '"a b" is not a valid hostname or IP',
            id="no-name-v2",
        ),
    ],
)
def test_refused_as_specification(rule: str, syntax: str, version: Version, tls: bool, reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_tcp_rule(rule, syntax, version, tls=tls)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("rule", "version", "never"),
    [
        pytest.param("HostSNI(`db:3306`)", NEW, "no client sends a port in its SNI", id="port"),
        pytest.param("HostSNI(`Db`)", V36, "Traefik 3.6.24 compares it with the lower-case SNI as written", id="case"),
        pytest.param("HostSNIRegexp(`{s:[a-z]+}.a`)", NEW, "placeholders are rule syntax v2", id="template"),
        pytest.param("HostSNI(`a:1`) && HostSNI(`*`)", NEW, "no client sends a port", id="and"),
        pytest.param("HostSNI(`a:1`) || HostSNI(`b:1`)", NEW, "HostSNI(`a:1`)", id="or-all"),
        pytest.param("HostSNI(`a:1`) || HostSNI(`*`)", NEW, "", id="or-some"),
        pytest.param("!HostSNI(`a:1`)", NEW, "", id="negated"),
    ],
)
def test_rules_that_never_match_are_known(rule: str, version: Version, never: str) -> None:
    compiled = compile_tcp_rule(rule, "v3", version)

    assert never in compiled.never
    assert bool(compiled.never) is bool(never)


def test_a_verdict_names_its_reason() -> None:
    seen = Connection(server_name="b")

    assert judge_tcp(compile_tcp_rule("HostSNI(`a:1`)", "v3", NEW), seen).why.startswith("HostSNI(`a:1`) never matches")
    assert judge_tcp(compile_tcp_rule("HostSNI(`a`)", "v3", NEW), seen).why == "HostSNI(`a`) does not match"
    assert judge_tcp(compile_tcp_rule("!HostSNI(`a`)", "v3", NEW), seen).why == "!HostSNI(`a`) matches"


@pytest.mark.parametrize(
    ("rule", "priority"),
    [
        pytest.param("HostSNI(`*`)", -1, id="catch-all"),
        pytest.param(' hostsni( "*" ) ', -1, id="spaces-and-spelling-ignored"),
        pytest.param("!HostSNI(`*`)", -1, id="negation-forgotten"),
        pytest.param("HostSNI(`a.com`)", 16, id="length"),
        pytest.param("HostSNI(`é`)", 13, id="length-in-bytes"),
        pytest.param("HostSNI(`*`) && ClientIP(`::1`)", 31, id="not-alone"),
        pytest.param("broken(", 7, id="broken"),
        pytest.param("(" * 5000 + "HostSNI(`*`)" + ")" * 5000, -1, id="nested-deep"),
    ],
)
def test_default_priority_as_specification(rule: str, priority: int) -> None:
    assert default_priority(rule) == priority


def test_depth_does_not_matter() -> None:
    deep = compile_tcp_rule("HostSNI(`a.com`) && (!ALPN(`x`) && (" * 20_000 + "HostSNI(`*`)" + "))" * 20_000, "v3", NEW)

    assert judge_tcp(deep, Connection(server_name="a.com")).matches is True
    assert judge_tcp(deep, Connection(server_name="b.com")).matches is False


def test_what_a_rule_names() -> None:
    compiled = compile_tcp_rule("!HostSNI(`A.com`) || HostSNI(`b.com`)", "v3", NEW)

    assert (compiled.hosts, compiled.catch_all) == (("a.com", "b.com"), False)
    assert compile_tcp_rule("HostSNI(`*`)", "v3", NEW, tls=False).catch_all


@pytest.mark.parametrize(
    ("char", "shown"),
    [
        pytest.param("\x01", "\\x01", id="control"),
        pytest.param("\u200b", "\\u200b", id="format-character"),
        pytest.param("\U000e0001", "\\U000e0001", id="beyond-the-first-plane"),
        pytest.param('"', '\\"', id="quote"),
    ],
)
def test_quoting_as_go_does(char: str, shown: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_tcp_rule(f"x{char}", "v3", NEW)

    assert f'"x{shown}"' in caught.value.reason


def refusal(text: str) -> str:
    try:
        compile_tcp_rule(text, "v3", NEW)
    except RuleError as error:
        return error.reason
    return "taken"


@given(st.text(max_size=60))
def test_no_text_crashes_the_compiler(text: str) -> None:
    assert refusal(text).startswith(("taken", "invalid rule: ", "error while adding rule "))


@pytest.mark.parametrize(
    ("entry", "address", "inside"),
    [
        pytest.param("203.0.113.7", "203.0.113.7", True, id="address"),
        pytest.param("203.0.113.7/24", "203.0.113.200", True, id="host-bits-are-fine"),
        pytest.param("::ffff:203.0.113.0/120", "203.0.113.9", True, id="mapped-network"),
        pytest.param("::ffff:0:0/90", "203.0.113.9", False, id="wider-than-mapped"),
        pytest.param("::/0", "203.0.113.9", False, id="ipv6-holds-no-ipv4"),
        pytest.param("fe80::/10", "fe80::1%eth0", True, id="zone-of-the-peer-dropped"),
        pytest.param("0.0.0.0/0", "nonsense", False, id="no-address"),
    ],
)
def test_ip_lists_as_specification(entry: str, address: str, inside: bool) -> None:
    assert IpChecker.parse((entry,)).contains(address) is inside


@pytest.mark.parametrize("entry", ["", "fe80::1%eth0", "10.0.0.0/255.0.0.0", "010.0.0.1", "10.0.0.0/33", "a/8", " ::1"])
def test_ip_list_entries_that_go_refuses(entry: str) -> None:
    with pytest.raises(RuleError, match="invalid CIDR address"):
        IpChecker.parse((entry,))


def test_control_characters_in_names_are_shown_as_go_does() -> None:
    assert refusal("HostSNI(`a\x7f`)").endswith('"a\\x7f" is not a valid hostname')


def test_an_empty_ip_list_is_refused() -> None:
    with pytest.raises(RuleError, match="no trusted IPs provided"):
        IpChecker.parse(())
    assert parse_address("x") is None
