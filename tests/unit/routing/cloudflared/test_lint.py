from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from build.cloudflared import END, configuration, lints, rules
from ingressdoctor.routing.cloudflared import Grade, LintCode, RuleIndex, lint_configuration, read_remote
from ingressdoctor.routing.cloudflared.configuration import Configuration
from ingressdoctor.routing.cloudflared.paths import covers, is_everything, never_matches, wants_query

SPITIKOS = """ingress:
  - hostname: api.taehoonlee.cloud
    service: https://10.0.0.200:443
    originRequest:
      noTLSVerify: true
      http2Origin: true
  - hostname: "*.taehoonlee.cloud"
    service: https://10.0.0.200:443
    originRequest:
      noTLSVerify: true
      http2Origin: true
  - hostname: "k8s.taehoonlee.cloud"
    service: "tcp://127.0.0.1:6443"
  - hostname: "ssh.taehoonlee.cloud"
    service: "ssh://127.0.0.1:22"
  - service: http_status:404
"""
X = "service: 'http://x'"


def test_the_wildcard_before_two_names_of_spitikos_is_found() -> None:
    found = lint_configuration(configuration(SPITIKOS))

    assert [(item.code, item.grade, item.rule, item.by, item.line, item.detail) for item in found] == [
        (LintCode.SHADOWED, Grade.PROBLEM, 2, 1, 12, "wildcard"),
        (LintCode.SHADOWED, Grade.PROBLEM, 3, 1, 14, "wildcard"),
    ]
    assert found[0].text == (
        "rule #3 (k8s.taehoonlee.cloud) never takes a request: rule #2 (*.taehoonlee.cloud) stands before it and is a "
        "wildcard that takes its hostname"
    )
    assert found[0].instead == "move it before rule #2"


@pytest.mark.parametrize(
    ("first", "second", "code", "detail"),
    [
        pytest.param("hostname: a", "hostname: a", LintCode.DUPLICATE, "duplicate", id="same-host"),
        pytest.param("hostname: a, path: /x", "hostname: a, path: /x", LintCode.DUPLICATE, "duplicate", id="same-path"),
        pytest.param("path: /x", "path: /x", LintCode.DUPLICATE, "duplicate", id="same-path-any-host"),
        pytest.param("path: /x", "path: /x/y", LintCode.SHADOWED, "same-host", id="wider-path-any-host"),
        pytest.param("hostname: a", "hostname: a, path: /x", LintCode.SHADOWED, "same-host", id="host-before-path"),
        pytest.param("hostname: a, path: /x", "hostname: a, path: ^/x/y", LintCode.SHADOWED, "same-host", id="paths"),
        pytest.param('hostname: "*.a"', "hostname: b.a", LintCode.SHADOWED, "wildcard", id="wildcard-before-name"),
        pytest.param('hostname: "*.a"', 'hostname: "*.b.a"', LintCode.SHADOWED, "wildcard", id="wildcard-below"),
        pytest.param('hostname: "*.a"', "hostname: c.b.a", LintCode.SHADOWED, "wildcard", id="two-labels-below"),
        pytest.param('hostname: "*.a", path: /', "hostname: b.a", LintCode.SHADOWED, "wildcard", id="path-of-all"),
        pytest.param("path: /", "hostname: b.a", LintCode.SHADOWED, "everything", id="every-host"),
        pytest.param(
            "hostname: bücher.de", "hostname: xn--bcher-kva.de", LintCode.SHADOWED, "same-host", id="punycode"
        ),
        pytest.param("hostname: b.a", "hostname: B.a", LintCode.SHADOWED, "same-host", id="capitals"),
    ],
)
def test_a_rule_behind_a_wider_one(first: str, second: str, code: LintCode, detail: str) -> None:
    found = lints(f"{first}, {X}", f"{second}, {X}")

    assert [(item.code, item.rule, item.by, item.detail) for item in found] == [(code, 1, 0, detail)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("hostname: b.a", 'hostname: "*.a"', id="name-before-wildcard"),
        pytest.param("hostname: a, path: /x", "hostname: a", id="path-before-host"),
        pytest.param('hostname: "*.a"', "hostname: a", id="apex"),
        pytest.param('hostname: "*.b.a"', 'hostname: "*.a"', id="narrow-wildcard-first"),
        pytest.param('hostname: "*.a", path: /x', "hostname: b.a", id="wildcard-with-path"),
        pytest.param("hostname: a, path: ^/x", "hostname: a, path: /x", id="anchored-first"),
        pytest.param("hostname: a, path: /x/y", "hostname: a, path: /x", id="long-first"),
        pytest.param("path: /x", "hostname: a", id="path-of-any-host"),
        pytest.param("hostname: a, path: '(?i)/x'", "hostname: a, path: /x/y", id="not-simple-enough-to-prove"),
        pytest.param("hostname: a", "path: /x", id="any-host-later"),
    ],
)
def test_rules_that_both_take_something(first: str, second: str) -> None:
    assert lints(f"{first}, {X}", f"{second}, {X}") == ()


def test_the_first_rule_to_blame_is_named() -> None:
    found = lints(*(f"{line}, {X}" for line in ('hostname: "*.a"', "hostname: c.a, path: /y", "hostname: c.a")))

    assert [(item.rule, item.by) for item in found] == [(1, 0), (2, 0)]
    later = lints(
        *(f"{line}, {X}" for line in ("hostname: a, path: /x", "hostname: a, path: ^/y", "hostname: a, path: /x/z"))
    )
    assert [(item.rule, item.by) for item in later] == [(2, 0)]


def test_the_catch_all_is_never_blamed_for_standing_last() -> None:
    assert lints(f"path: /, {X}") == ()


def test_a_catch_all_in_front_is_said_once() -> None:
    found = lint_configuration(configuration(f"ingress:\n- {X}\n- hostname: a\n  {X}\n- hostname: b\n  {X}\n{END}"))

    assert [(item.code, item.rule, item.detail) for item in found] == [(LintCode.REFUSED, 0, "catch-all-not-last")]


def test_a_refused_configuration_is_linted_all_the_same() -> None:
    found = lint_configuration(
        configuration("ingress:\n- {hostname: '*.a', service: x}\n- {hostname: b.a, service: 'http://x'}")
    )

    assert [(item.code, item.rule) for item in found] == [
        (LintCode.REFUSED, 0),
        (LintCode.REFUSED, 1),
        (LintCode.SHADOWED, 1),
    ]


@pytest.mark.parametrize(
    ("line", "code", "grade"),
    [
        pytest.param("hostname: '*a.com'", LintCode.NEVER_HOST, Grade.PROBLEM, id="star-without-dot"),
        pytest.param("hostname: '*.A.com'", LintCode.NEVER_HOST, Grade.WARNING, id="capitals-in-wildcard"),
        pytest.param("hostname: a, path: ^api", LintCode.NEVER_PATH, Grade.PROBLEM, id="no-slash"),
        pytest.param(r"hostname: a, path: '/x\?y=1'", LintCode.QUERY_IN_PATH, Grade.WARNING, id="query"),
        pytest.param("hostname: a, path: '/api/*'", LintCode.GLOB_PATH, Grade.NOTE, id="glob"),
    ],
)
def test_patterns_that_match_nothing_or_something_else(line: str, code: LintCode, grade: Grade) -> None:
    found = lints(f"{line}, {X}")

    assert [(item.code, item.grade, item.rule) for item in found] == [(code, grade, 0)]


@pytest.mark.parametrize(
    ("line", "detail", "grade"),
    [
        pytest.param(f"{X}, originRequest: {{noTLSVerify: true}}", "idle-setting", Grade.NOTE, id="verify-on-http"),
        pytest.param(f"{X}, originRequest: {{http2Origin: true}}", "idle-setting", Grade.NOTE, id="http2-on-http"),
        pytest.param(f"{X}, originRequest: {{originServerName: y}}", "idle-setting", Grade.NOTE, id="sni-on-http"),
        pytest.param(
            "service: http_status:404, originRequest: {httpHostHeader: y}", "idle-setting", Grade.NOTE, id="status"
        ),
        pytest.param("service: 'tcp://y', originRequest: {caPool: y}", "idle-setting", Grade.NOTE, id="tcp"),
        pytest.param("service: 'unix:/y', originRequest: {httpHostHeader: y}", "idle-setting", Grade.NOTE, id="unix"),
        pytest.param(
            "service: hello_world, originRequest: {originServerName: y}", "idle-setting", Grade.NOTE, id="hello"
        ),
        pytest.param(f"{X}, originRequest: {{ipRules: [{{}}]}}", "idle-ip-rules", Grade.NOTE, id="ip-rules"),
        pytest.param("service: 'h2c://y:1'", "unknown-scheme", Grade.PROBLEM, id="h2c"),
        pytest.param("service: 'gopher://y:1'", "unknown-scheme", Grade.PROBLEM, id="unknown-scheme"),
        pytest.param("service: 'http://y:99999'", "port-out-of-range", Grade.PROBLEM, id="port"),
        pytest.param(f"{X}, originRequest: {{bastionMode: true}}", "bastion-mode", Grade.WARNING, id="bastion-mode"),
        pytest.param(
            "service: 'https://y', originRequest: {matchSNItoHost: true, http2Origin: true}",
            "sni-without-http2",
            Grade.NOTE,
            id="sni-and-http2",
        ),
        pytest.param(
            f"{X}, originRequest: {{access: {{required: true, teamName: t}}}}",
            "access-without-audience",
            Grade.PROBLEM,
            id="access-without-audience",
        ),
        pytest.param(
            f"{X}, originRequest: {{access: {{teamName: t, audTag: [a]}}}}",
            "access-not-required",
            Grade.WARNING,
            id="access-not-required",
        ),
    ],
)
def test_settings_without_effect(line: str, detail: str, grade: Grade) -> None:
    found = lints(f"hostname: a, {line}")

    assert [(item.code, item.detail, item.grade) for item in found] == [(LintCode.SETTING, detail, grade)]


def test_a_scheme_without_a_port_has_nothing_to_dial() -> None:
    assert [item.detail for item in lints("hostname: a, service: 'ftp://y'")] == ["unknown-scheme", "port-missing"]
    assert [item.detail for item in lints("hostname: a, service: 'ftp://y:0'")] == [
        "port-out-of-range",
        "unknown-scheme",
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("service: 'https://y', originRequest: {noTLSVerify: true, originServerName: y}", id="https"),
        pytest.param("service: 'unix+tls:/y', originRequest: {noTLSVerify: true}", id="unix-tls"),
        pytest.param("service: bastion", id="bastion"),
        pytest.param("service: 'http://y', originRequest: {noTLSVerify: false}", id="switched-off"),
        pytest.param("service: socks-proxy, originRequest: {ipRules: [{prefix: '::/0'}]}", id="ip-rules"),
        pytest.param(
            "service: 'http://y', originRequest: {access: {required: true, teamName: t, audTag: [a]}}", id="access"
        ),
        pytest.param("service: 'http://y', originRequest: {access: {}}", id="empty-access"),
    ],
)
def test_settings_that_are_right(line: str) -> None:
    assert lints(f"hostname: a, {line}", top="originRequest: {http2Origin: true}") == ()


def test_the_top_level_is_judged_too() -> None:
    found = lints(f"hostname: a, {X}", top="url: http://y\noriginRequest: {access: {required: true}, timeout: 1s}")

    assert [(item.code, item.detail, item.grade) for item in found] == [
        (LintCode.IGNORED_KEY, "", Grade.WARNING),
        (LintCode.SETTING, "url-beside-rules", Grade.NOTE),
        (LintCode.SETTING, "access-at-top-level", Grade.PROBLEM),
    ]
    meant = lint_configuration(configuration("Ingress: []\n"))
    assert [(item.code, item.instead) for item in meant] == [(LintCode.IGNORED_KEY, "ingress"), (LintCode.NO_RULES, "")]


def test_no_rules() -> None:
    assert [item.code for item in lint_configuration(configuration("tunnel: x"))] == [LintCode.NO_RULES]
    assert [item.code for item in lint_configuration(configuration("url: ftp://x"))] == [LintCode.REFUSED]
    assert lint_configuration(configuration("url: http://x")) == ()
    remote = read_remote({})
    assert isinstance(remote, Configuration)
    assert [item.code for item in lint_configuration(remote)] == [LintCode.NO_RULES]


PATTERNS = r"""
/ ^/ .* ^.*$ ^/.* /api ^/api ^/api/ /api$ ^/api$ api ^/api/v[0-9]+ /api/* /a? ^/api.* ^/api(/.*)? ^/api(/.*)?$ /v1|/api
(?i)/api \.php$ /x\.php$ /x\.php ^$ $ ^ .*api .*$ /api+ /apix? /ap{1,2}i /\d+ /api/v1.*? ^/api/v1/users$ v1 ^api x*
^^/api /apix?y* /a\.*p /a(pi)?
"""
SAMPLES = (
    "/ /api /api/ /api/v1 /v1/api /API /x.php /y.php /xxphp /api/v1/users /apixy /a /ap /appi /apii /v1 /7 /x.php/ //"
)
PATHS = [*SAMPLES.split(), "/api\n", "/\n", "/api/v1\n/x"]


@given(st.sampled_from(["", *PATTERNS.split()]), st.sampled_from(["", *PATTERNS.split()]))
def test_what_is_proven_about_paths_holds_for_every_path(wide: str, narrow: str) -> None:
    if covers(wide, narrow):
        assert [path for path in PATHS if re2.search(narrow, path) and not re2.search(wide, path)] == []
    if is_everything(wide):
        assert [path for path in PATHS if not re2.search(wide, path)] == []
    if never_matches(wide):
        assert [path for path in PATHS if re2.search(wide, path)] == []


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        pytest.param("", "/x", id="no-filter"),
        pytest.param("/", "", id="slash"),
        pytest.param(".*", "/x", id="anything"),
        pytest.param(".*$", "/x", id="anything-to-the-end"),
        pytest.param("/api", "/api/v2", id="contained"),
        pytest.param("^/api", "^/api/v[0-9]+", id="prefix"),
        pytest.param("^/api(/.*)?", "^/api/x", id="optional-rest"),
        pytest.param("^/apix?", "^/api/x", id="optional-letter"),
        pytest.param(r"\.php$", r"/x\.php$", id="suffix"),
        pytest.param("^/a$", "^/a$", id="the-same"),
        pytest.param("^/a-b$", r"^/a\-b$", id="the-same-spelt-differently"),
        pytest.param("(a|b)", "(a|b)", id="the-same-text"),
        pytest.param("/v1", "^/v1/x+", id="literal-before-a-repetition"),
    ],
)
def test_paths_that_are_covered(wide: str, narrow: str) -> None:
    assert covers(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        pytest.param("/x", "", id="no-filter"),
        pytest.param("^/api", "/api", id="anchored"),
        pytest.param("/api$", "/api", id="end"),
        pytest.param("^/a$", "^/a", id="both-ends"),
        pytest.param("/api", "/api|/v2", id="alternative"),
        pytest.param("/api", "(?i)/api", id="flag"),
        pytest.param("/apix", "/apix?", id="optional"),
        pytest.param("/apix", "/apix?y+", id="optional-in-the-middle"),
        pytest.param(r"/a\.", r"/a\.*y+", id="escaped-and-optional"),
        pytest.param("^$", "/x", id="only-empty"),
        pytest.param(r"/a\d*", "/ab", id="class"),
        pytest.param("/api", r"\d", id="nothing-demanded"),
    ],
)
def test_paths_of_which_nothing_is_proven(wide: str, narrow: str) -> None:
    assert not covers(wide, narrow)


@pytest.mark.parametrize(
    ("pattern", "never"),
    [
        pytest.param("^api", True, id="letter"),
        pytest.param(r"^\.x", True, id="escaped-point"),
        pytest.param("^/api", False, id="slash"),
        pytest.param(r"^\/api", False, id="escaped-slash"),
        pytest.param("^a?/", False, id="optional"),
        pytest.param(r"^\.?/", False, id="escaped-and-optional"),
        pytest.param("^a|/b", False, id="alternative"),
        pytest.param("^.x", False, id="any"),
        pytest.param(r"^\w", False, id="class"),
        pytest.param("^(a)", False, id="group"),
        pytest.param("^", False, id="nothing"),
        pytest.param("api", False, id="unanchored"),
        pytest.param(r"^\*", False, id="the-path-of-options"),
    ],
)
def test_paths_that_never_match(pattern: str, never: bool) -> None:
    assert never_matches(pattern) is never


def test_patterns_that_want_a_query() -> None:
    assert wants_query(r"/x\?a=1")
    assert wants_query("/x[?]a")
    assert not wants_query(r"/x\?$")
    assert not wants_query("/xa?b")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("a.com", "b.a.com", "*.a.com", "*.b.a.com", "*", "A.com", "c.b.a.com", "*.com")),
            st.sampled_from(("", "/", "^/api", "/api", "/api/v1", "^/x$")),
        ),
        max_size=7,
    ).filter(lambda found: all(path or host != "*" for host, path in found))
)
def test_a_rule_that_is_called_shadowed_takes_nothing(found: list[tuple[str, str]]) -> None:
    lines = [f"hostname: {host!r}, path: {path!r}, {X}" for host, path in found]
    dead = {item.rule for item in lints(*lines) if item.code in (LintCode.SHADOWED, LintCode.DUPLICATE)}
    index = RuleIndex(rules(*lines))

    hosts = ("a.com", "b.a.com", "c.b.a.com", "x.a.com", "x.b.a.com", "com", "x.com", "z.net")
    taken = {index.first(host, path) for host in hosts for path in ("/", "/api", "/api/v1", "/v/api", "/x", "/y")}

    assert dead & taken == set()


def test_thousands_of_rules_are_linted() -> None:
    lines = "".join(f"- {{hostname: h{i % 25}.a.com, path: '^/{i}/', {X}}}\n" for i in range(5_000))

    found = lint_configuration(
        configuration(f"ingress:\n{lines}- {{hostname: '*.a.com', {X}}}\n- {{hostname: h1.a.com, {X}}}\n{END}")
    )

    assert [(item.rule, item.by) for item in found] == [(5_001, 5_000)]
