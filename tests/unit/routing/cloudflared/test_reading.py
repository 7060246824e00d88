from __future__ import annotations

import pytest

from build.cloudflared import END, configuration, refused_text
from ingressdoctor.collect.cloudflared_yaml import configuration_of
from ingressdoctor.routing.cloudflared import (
    Access,
    Flaw,
    Ignored,
    IpRule,
    OriginRequest,
    Source,
    Unreadable,
    WarpRouting,
)

TYPES = "yaml: unmarshal errors:\n  "


def test_a_whole_configuration_is_read() -> None:
    found = configuration(
        """tunnel: 6ff42ae2-765d-4adf-8112-31c55c1551ef
credentials-file: /etc/cloudflared/creds/credentials.json
protocol: http2
metrics: 0.0.0.0:2000
no-autoupdate: true
retries: 5
unknown: {a: 1}
warp-routing: {connectTimeout: 3s, maxActiveFlows: 10, tcpKeepAlive: 1m}
originRequest:
  connectTimeout: 1m30s
ingress:
- hostname: a.example.com
  path: ^/api
  service: https://a.shop.svc:8443
  originRequest:
    noTLSVerify: yes
    caPool: /ca.pem
    keepAliveConnections: 5
    proxyPort: 1080
    ipRules: [{prefix: 10.0.0.0/8, ports: [80, 443], allow: true}, {}]
    access: {required: true, teamName: t, audTag: [x, y], environment: fed}
- service: http_status:404
"""
    )

    assert (found.source, found.tunnel) == (Source.FILE, "6ff42ae2-765d-4adf-8112-31c55c1551ef")
    assert (found.credentials_file, found.holds_credentials) == ("/etc/cloudflared/creds/credentials.json", False)
    assert (found.protocol, found.metrics, found.version, found.empty) == ("http2", "0.0.0.0:2000", -1, False)
    assert found.warp_routing == WarpRouting(connect_timeout=3.0, max_active_flows=10, tcp_keep_alive=60.0)
    assert found.origin_request == OriginRequest(connect_timeout=90.0)
    assert found.rules[0].origin_request == OriginRequest(
        no_tls_verify=True,
        ca_pool="/ca.pem",
        keep_alive_connections=5,
        proxy_port=1080,
        ip_rules=(IpRule(prefix="10.0.0.0/8", ports=(80, 443), allow=True), IpRule()),
        access=Access(required=True, team_name="t", aud_tags=("x", "y"), environment="fed"),
    )
    assert (found.rules[0].hostname, found.rules[0].path, found.rules[0].line) == ("a.example.com", "^/api", 12)
    assert (found.setting("retries"), found.setting("no-autoupdate"), found.setting("unknown")) == (5, True, None)


def test_secrets_in_the_file_are_noticed_and_dropped() -> None:
    found = configuration("token: eyJhIjoiYSJ9\ncredentials-contents: '{}'\ntoken-file: /t\n")

    assert (found.holds_token, found.holds_credentials, found.token_file) == (True, True, "/t")
    assert found.setting("token") is None
    assert "eyJ" not in repr(found)


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        pytest.param("", True, id="nothing"),
        pytest.param("# only a comment\n", True, id="comment"),
        pytest.param("---\n", False, id="null-document"),
        pytest.param("~", False, id="null"),
    ],
)
def test_a_file_may_be_empty(text: str, empty: bool) -> None:
    found = configuration(text)

    assert (found.empty, found.rules) == (empty, ())


@pytest.mark.parametrize(
    ("text", "flaw", "said", "line"),
    [
        pytest.param(
            "ingress:\n- hostname: *\n",
            Flaw.SYNTAX,
            "yaml: line 2: did not find expected alphabetic or numeric character",
            2,
            id="bare-star",
        ),
        pytest.param(
            "ingress:\n- hostname: *.a.com\n",
            Flaw.SYNTAX,
            "yaml: line 2: did not find expected alphabetic or numeric character",
            2,
            id="bare-wildcard",
        ),
        pytest.param(
            "a:\n\t- b\n", Flaw.SYNTAX, "yaml: line 2: found character that cannot start any token", 2, id="tab"
        ),
        pytest.param("a: b: c", Flaw.SYNTAX, "yaml: mapping values are not allowed in this context", 1, id="colons"),
        pytest.param("a: *x", Flaw.SYNTAX, "yaml: unknown anchor 'x' referenced", 1, id="unknown-anchor"),
        pytest.param("a: &x [*x]", Flaw.SYNTAX, "yaml: anchor 'x' value contains itself", 0, id="anchor-in-itself"),
        pytest.param("a: \x07", Flaw.SYNTAX, "yaml: control characters are not allowed", 0, id="bell"),
        pytest.param("a: \ud800", Flaw.SYNTAX, "yaml: control characters are not allowed", 0, id="lone-surrogate"),
        pytest.param("a: {b?: c}", Flaw.SYNTAX, "yaml: did not find expected ',' or '}'", 1, id="question"),
        pytest.param(
            "x:\n\ny: [a, b?]", Flaw.SYNTAX, "yaml: line 2: did not find expected ',' or ']'", 3, id="question-2"
        ),
        pytest.param("a: 1\n...\n]:", Flaw.SYNTAX, "yaml: line 3: ", 3, id="broken-text-behind-the-first-document"),
        pytest.param(
            "a: !!binary '%'", Flaw.SYNTAX, "yaml: !!binary value contains invalid base64 data", 0, id="base64"
        ),
        pytest.param("a: !!bool x", Flaw.SYNTAX, "yaml: cannot decode !!str `x` as a !!bool", 0, id="tag-against-text"),
        pytest.param(
            "x: &x 1\nwarp-routing: {<<: *x}",
            Flaw.SYNTAX,
            "yaml: map merge requires map or sequence of maps as the value",
            0,
            id="merge-of-a-scalar",
        ),
        pytest.param("x: {[a]: b}", Flaw.SYNTAX, "yaml: invalid map key", 0, id="list-as-key"),
        pytest.param(
            "x: &x {}\n<<: *x\n{}: 1",
            Flaw.SYNTAX,
            "yaml: a key is a list or a mapping",
            3,
            id="mapping-as-key-beside-merge",
        ),
        pytest.param(
            "ingress:\n- path: a\n  service: x\n  path: b\n",
            Flaw.TYPES,
            f'{TYPES}line 4: mapping key "path" already defined at line 2',
            4,
            id="duplicate-key",
        ),
        pytest.param(
            "x: {a: 1, a: 2}",
            Flaw.TYPES,
            f'{TYPES}line 1: mapping key "a" already defined at line 1',
            1,
            id="duplicate-below",
        ),
        pytest.param(
            "ingress: 3",
            Flaw.TYPES,
            f"{TYPES}line 1: cannot unmarshal !!int `3` into []config.UnvalidatedIngressRule",
            1,
            id="rules-are-a-number",
        ),
        pytest.param(
            "ingress: {a: b}",
            Flaw.TYPES,
            f"{TYPES}line 1: cannot unmarshal !!map into []config.UnvalidatedIngressRule",
            1,
            id="rules-are-a-mapping",
        ),
        pytest.param(
            "ingress: [a.example.com]",
            Flaw.TYPES,
            f"{TYPES}line 1: cannot unmarshal !!str `a.examp...` into config.UnvalidatedIngressRule",
            1,
            id="rule-is-text",
        ),
        pytest.param(
            "- a", Flaw.TYPES, f"{TYPES}line 1: cannot unmarshal !!seq into config.configFileSettings", 1, id="list"
        ),
        pytest.param(
            "originRequest:\n  connectTimeout: 30\n",
            Flaw.TYPES,
            f"{TYPES}line 2: cannot unmarshal !!int `30` into time.Duration",
            2,
            id="duration-without-unit",
        ),
        pytest.param(
            "originRequest: {connectTimeout: [1s], noTLSVerify: 'true', proxyPort: -1, keepAliveConnections: .nan}",
            Flaw.TYPES,
            f"{TYPES}line 1: cannot unmarshal !!seq into time.Duration\n"
            "  line 1: cannot unmarshal !!str `true` into bool\n"
            "  line 1: cannot unmarshal !!int `-1` into uint\n"
            "  line 1: cannot unmarshal !!float `.nan` into int",
            1,
            id="all-wrong-types-at-once",
        ),
        pytest.param(
            "originRequest: {access: {audTag: x}, ipRules: [{ports: [a]}]}",
            Flaw.TYPES,
            f"{TYPES}line 1: cannot unmarshal !!str `x` into []string\n  line 1: cannot unmarshal !!str `a` into int",
            1,
            id="lists-of-scalars",
        ),
        pytest.param(
            "? [a]\n: 1",
            Flaw.TYPES,
            f"{TYPES}line 1: cannot unmarshal !!seq into string",
            1,
            id="list-as-key-of-the-top",
        ),
        pytest.param(
            "!!str tunnel: a\ntunnel : b",
            Flaw.TYPES,
            f'{TYPES}line 2: mapping key "tunnel" already defined at line 1',
            2,
            id="duplicate-with-tag",
        ),
        pytest.param(
            "!!binary dHVubmVs: a\ntunnel: b",
            Flaw.TYPES,
            f"{TYPES}line 2: field tunnel already set in type config.configFileSettings",
            2,
            id="duplicate-in-another-spelling",
        ),
        pytest.param(
            "edge-ip-version: 4", Flaw.SETTING, "expected string found int for edge-ip-version", 1, id="unquoted-number"
        ),
        pytest.param(
            "no-autoupdate: 'yes'",
            Flaw.SETTING,
            "expected boolean found string for no-autoupdate",
            1,
            id="boolean-as-text",
        ),
        pytest.param("retries: 1.5", Flaw.SETTING, "expected int found float64 for retries", 1, id="fraction"),
        pytest.param(
            "retries: 9999999999999999999", Flaw.SETTING, "expected int found uint64 for retries", 1, id="huge"
        ),
        pytest.param(
            "grace-period: 30", Flaw.SETTING, "expected duration found int for grace-period", 1, id="duration"
        ),
        pytest.param(
            "grace-period: 30x", Flaw.SETTING, 'time: unknown unit "x" in duration "30x"', 1, id="duration-unit"
        ),
        pytest.param("metrics:", Flaw.SETTING, "expected string found <nil> for metrics", 1, id="null"),
        pytest.param("metrics: 2026-01-01", Flaw.SETTING, "expected string found time.Time for metrics", 1, id="date"),
        pytest.param("tag: x", Flaw.SETTING, "expected string slice found string for tag", 1, id="list-as-text"),
        pytest.param("tag: [a=b, 1]", Flaw.SETTING, "expected string, found int for tag", 1, id="list-of-numbers"),
        pytest.param(
            "logfile: {a: b}",
            Flaw.SETTING,
            "expected string found map[string]interface {} for logfile",
            1,
            id="mapping",
        ),
        pytest.param(
            "logfile: [a]", Flaw.SETTING, "expected string found []interface {} for logfile", 1, id="list-for-text"
        ),
        pytest.param("url: true", Flaw.SETTING, "expected string found bool for url", 1, id="boolean-for-text"),
    ],
)
def test_a_text_is_refused_in_cloudflareds_words(text: str, flaw: Flaw, said: str, line: int) -> None:
    found = refused_text(text)

    assert (found.flaw, found.line) == (flaw, line)
    assert found.text.startswith(said)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("yes", True, id="word-of-yaml-1.1"),
        pytest.param("'on'", True, id="quoted-word"),
        pytest.param("N", False, id="letter"),
        pytest.param("", None, id="null"),
    ],
)
def test_booleans(written: str, value: bool | None) -> None:
    assert configuration(f"originRequest: {{noTLSVerify: {written}}}").origin_request.no_tls_verify is value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("80", 80, id="decimal"),
        pytest.param("0x50", 80, id="hexadecimal"),
        pytest.param("0o120", 80, id="octal"),
        pytest.param("0120", 80, id="octal-of-yaml-1.1"),
        pytest.param("0b1010000", 80, id="binary"),
        pytest.param("8_0", 80, id="underscore"),
        pytest.param("+80", 80, id="sign"),
        pytest.param("80.9", 80, id="fraction-cut-off"),
        pytest.param("8e1", 80, id="exponent"),
        pytest.param(".5", 0, id="point-first"),
        pytest.param("080", 80, id="not-octal-so-a-float"),
        pytest.param("-.inf", -(2**63), id="below-everything-passes"),
        pytest.param("-9223372036854775809", -(2**63), id="below-64-bits-passes"),
        pytest.param("!!float 80", 80, id="integer-as-float"),
        pytest.param("!!int '80'", 80, id="tag-on-text"),
        pytest.param("~", None, id="null"),
    ],
)
def test_integers(written: str, value: int | None) -> None:
    assert (
        configuration(f"originRequest: {{keepAliveConnections: {written}}}").origin_request.keep_alive_connections
        == value
    )


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("0x", id="prefix-alone"),
        pytest.param("9223372036854775808", id="beyond-64-bits"),
        pytest.param("99999999999999999999", id="beyond-unsigned"),
        pytest.param("+18446744073709551615", id="unsigned-with-a-sign"),
        pytest.param("1e400", id="beyond-floats"),
        pytest.param(".5x", id="point-and-letters"),
        pytest.param(".inf", id="infinite"),
        pytest.param("true", id="boolean"),
        pytest.param("2026-01-01T00:00:00Z", id="time"),
        pytest.param("<<", id="merge-word-as-value"),
    ],
)
def test_what_is_no_integer(written: str) -> None:
    assert refused_text(f"originRequest: {{keepAliveConnections: {written}}}").flaw is Flaw.TYPES


def test_months_that_do_not_exist_are_text() -> None:
    assert configuration("tag: [2026-13-01]\nmetrics: 2026-00-01").metrics == "2026-00-01"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        pytest.param("30", "30", id="number"),
        pytest.param("true", "true", id="boolean"),
        pytest.param("2026-01-01", "2026-01-01", id="date"),
        pytest.param("!!binary aHR0cDovL3g=", "http://x", id="binary"),
        pytest.param("!custom x", "x", id="tag-of-ones-own"),
        pytest.param("! 30", "30", id="bare-tag"),
        pytest.param("", "", id="null"),
    ],
)
def test_text_takes_every_scalar(written: str, text: str) -> None:
    assert configuration(f"ingress:\n- service: {written}\n").rules[0].service == text


def test_empty_rules_vanish() -> None:
    assert [rule.service for rule in configuration("ingress: [null, {service: a}, ~, {}]").rules] == ["a", ""]


def test_merges_fill_in_what_is_not_set() -> None:
    found = configuration(
        f"""base: &base {{service: "http://x", originRequest: {{noTLSVerify: true, caPool: a}}}}
more: &more
  <<: *base
  path: /more
both: &both {{connectTimeout: 1s}}
ingress:
- {{<<: *base, hostname: a}}
- {{<<: [*more, *base, {{hostname: never}}], hostname: b, service: "http://y"}}
- {{service: "http://z", originRequest: {{<<: *both, caPool: own}}}}
{END}"""
    )

    assert [(rule.hostname, rule.service, rule.path) for rule in found.rules[:3]] == [
        ("a", "http://x", ""),
        ("b", "http://y", "/more"),
        ("", "http://z", ""),
    ]
    assert found.rules[0].origin_request == OriginRequest(no_tls_verify=True, ca_pool="a")
    assert found.rules[2].origin_request == OriginRequest(connect_timeout=1.0, ca_pool="own")


def test_merges_between_mappings_of_no_known_shape() -> None:
    found = configuration("x: &x {a: 1, b: 2}\ny: &y [1]\nz: {<<: *x, a: 3}\n2: {~: 1, 3: *y}\n? ~\n: 1\n")

    assert found.settings == ()


def test_aliases_stand_for_whole_rules() -> None:
    found = configuration("x: &r {service: http_status:404}\nn: &n ~\ningress: [*r, *n]\n")

    assert [rule.service for rule in found.rules] == ["http_status:404"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Ingress: []", Ignored(key="Ingress", meant="ingress", line=1, column=1), id="case-at-the-top"),
        pytest.param(
            "credentials_file: x",
            Ignored(key="credentials_file", meant="credentials-file", line=1, column=1),
            id="underscore",
        ),
        pytest.param(
            "noTLSVerify: true",
            Ignored(key="noTLSVerify", meant="originRequest.noTLSVerify", line=1, column=1),
            id="setting-at-the-top",
        ),
        pytest.param(
            "ingress:\n- {Hostname: a}",
            Ignored(key="Hostname", meant="hostname", line=2, column=4),
            id="case-in-a-rule",
        ),
        pytest.param(
            "originRequest: {noTlsVerify: true}",
            Ignored(key="noTlsVerify", meant="noTLSVerify", line=1, column=17),
            id="case-of-a-setting",
        ),
        pytest.param("originRequest: {timeout: 3s}", Ignored(key="timeout", line=1, column=17), id="unknown-setting"),
    ],
)
def test_ignored_keys_are_named_with_what_was_meant(text: str, expected: Ignored) -> None:
    assert configuration(text).ignored == (expected,)


def test_keys_of_the_top_that_resemble_nothing_are_left_alone() -> None:
    assert configuration("x-anchors: {a: b}\nprotocol: quic\n").ignored == ()


def test_keys_that_are_no_text_beside_a_merge() -> None:
    found = configuration("x: &x {tunnel: a, protocol: quic}\n<<: *x\n1: b\nprotocol: http2\n")

    assert (found.tunnel, found.protocol) == ("a", "http2")


def test_thousands_of_ignored_keys_are_cut() -> None:
    found = configuration("originRequest:\n" + "".join(f"  key{i}: 1\n" for i in range(5_000)))

    assert len(found.ignored) == 200


def laughs(depth: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, depth)]
    return "\n".join(lines)


def test_a_bomb_of_anchors_is_refused_as_cloudflared_does() -> None:
    assert refused_text(laughs(9)).text == "yaml: document contains excessive aliasing"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 200 + "]" * 200, id="nested"),
        pytest.param("a: [" + "x, " * 450_000 + "]", id="wide"),
        pytest.param("x" * 6_000_000, id="long"),
        pytest.param("ingress:\n" + "- {service: x}\n" * 20_001, id="many-rules"),
    ],
)
def test_texts_beyond_measure_are_one_clear_error(text: str) -> None:
    found = configuration_of(text)

    assert isinstance(found, Unreadable)
    assert found.flaw in (Flaw.TOO_LARGE, Flaw.SYNTAX)
    assert len(found.text) < 400


def test_an_unquoted_list_of_thousands_of_mistakes_is_cut() -> None:
    found = refused_text("ingress:\n" + "- 3\n" * 5_000)

    assert found.text.count("\n") == 50
