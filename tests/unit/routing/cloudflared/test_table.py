from __future__ import annotations

import pytest

from build.cloudflared import configuration, refused, rule, rules, table
from ingressdoctor.routing.cloudflared import (
    Configuration,
    IngressRule,
    Reason,
    Refused,
    RuleTable,
    ServiceKind,
    Source,
    no_configuration,
    validate,
)

LAST = "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)"
WILDCARD = (
    'Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. '
    '"*.example.com"'
)
PATH = (
    " is an invalid address, ingress rules don't support proxying to a different path on the origin service. The path "
    "will be the same as the eyeball request's path"
)
ADDRESS = " is an invalid address, please make sure it has a scheme and a hostname"
END = "- service: http_status:404"


@pytest.mark.parametrize(
    ("text", "reason", "said", "index"),
    [
        pytest.param(
            "- {hostname: a.com, service: 'http://x'}", Reason.NO_CATCH_ALL, LAST, 0, id="last-rule-with-hostname"
        ),
        pytest.param("- {path: /, service: 'http://x'}", Reason.NO_CATCH_ALL, LAST, 0, id="last-rule-with-path"),
        pytest.param(
            f"- {{hostname: '*', service: 'http://x'}}\n{END}",
            Reason.EARLY_CATCH_ALL,
            "Rule #1 is matching the hostname '*', but this will match every hostname, meaning the rules which follow "
            "it will never be triggered.",
            0,
            id="catch-all-first",
        ),
        pytest.param(f"{END}\n{END}", Reason.EARLY_CATCH_ALL, None, 0, id="catch-all-twice"),
        pytest.param(
            f"- {{hostname: a.*.com, service: 'http://x'}}\n{END}", Reason.WILDCARD, WILDCARD, 0, id="star-inside"
        ),
        pytest.param(
            f"- {{hostname: '*.*.c', service: 'http://x'}}\n{END}", Reason.WILDCARD, WILDCARD, 0, id="two-stars"
        ),
        pytest.param(
            f"- {{hostname: 'a.com:80', service: 'http://x'}}\n{END}",
            Reason.HOST_PORT,
            "Hostname cannot contain a port",
            0,
            id="port",
        ),
        pytest.param(
            f"- {{hostname: 'https://a.com', service: 'http://x'}}\n{END}", Reason.HOST_PORT, None, 0, id="url"
        ),
        pytest.param(f"- {{hostname: '*:80', service: 'http://x'}}\n{END}", Reason.HOST_PORT, None, 0, id="port-first"),
        pytest.param("- service: localhost", Reason.ADDRESS, f"localhost{ADDRESS}", 0, id="no-scheme"),
        pytest.param(
            "- service: localhost:8080", Reason.ADDRESS, f"localhost:8080{ADDRESS}", 0, id="host-and-port-only"
        ),
        pytest.param("- {hostname: a.com}\n- service: http://x", Reason.ADDRESS, ADDRESS, 0, id="no-service"),
        pytest.param("- service: http://x/", Reason.SERVICE_PATH, f"http://x/{PATH}", 0, id="slash"),
        pytest.param("- service: https://x/app", Reason.SERVICE_PATH, f"https://x/app{PATH}", 0, id="path"),
        pytest.param(
            "- service: 10.0.0.1:80",
            Reason.URL,
            'parse "10.0.0.1:80": first path segment in URL cannot contain colon',
            0,
            id="address-only",
        ),
        pytest.param("- service: http_status:99", Reason.STATUS, "invalid HTTP status code: 99", 0, id="status-low"),
        pytest.param(
            "- service: http_status:1000", Reason.STATUS, "invalid HTTP status code: 1000", 0, id="status-high"
        ),
        pytest.param(
            "- service: http_status:teapot",
            Reason.STATUS,
            'invalid HTTP status code: strconv.Atoi: parsing "teapot": invalid syntax',
            0,
            id="status-word",
        ),
        pytest.param(
            f"- service: http_status:{'9' * 30}",
            Reason.STATUS,
            f'invalid HTTP status code: strconv.Atoi: parsing "{"9" * 30}": value out of range',
            0,
            id="status-beyond-any-integer",
        ),
        pytest.param(
            f"- {{hostname: a.com, path: '*.js', service: 'http://x'}}\n{END}",
            Reason.REGEX,
            "Rule #1 has an invalid regex: error parsing regexp: missing argument to repetition operator: `*`",
            0,
            id="glob-as-regex",
        ),
        pytest.param(
            f"- {{hostname: a.com, service: 'http://x'}}\n- {{path: '(?=x)', service: 'http://x'}}\n{END}",
            Reason.REGEX,
            "Rule #2 has an invalid regex: error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
            1,
            id="look-ahead",
        ),
        pytest.param(
            "- {service: 'http://x', originRequest: {access: {required: true, audTag: [a]}}}",
            Reason.ACCESS_TEAM,
            "access.TeamName cannot be blank when access.audTags are present",
            0,
            id="access-without-team",
        ),
        pytest.param(
            "- {service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.0/40}]}}",
            Reason.IP_RULE,
            "unable to create ip rule for socks-proxy: unable to parse cidr: 10.0.0.0/40",
            0,
            id="ip-rule-mask",
        ),
        pytest.param(
            "- {service: socks-proxy, originRequest: {ipRules: [{allow: true}]}}",
            Reason.IP_RULE,
            "unable to create ip rule for socks-proxy: no prefix provided",
            0,
            id="ip-rule-empty",
        ),
        pytest.param(
            "- {service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.1}]}}",
            Reason.IP_RULE,
            "unable to create ip rule for socks-proxy: unable to parse cidr: 10.0.0.1",
            0,
            id="ip-rule-without-mask",
        ),
        pytest.param(
            "- {service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.1/8, ports: [80, 0]}]}}",
            Reason.IP_RULE,
            "unable to create ip rule for socks-proxy: invalid port 0, needs to be between 1 and 65535",
            0,
            id="ip-rule-port",
        ),
    ],
)
def test_a_rule_is_refused_in_cloudflareds_words(text: str, reason: Reason, said: str | None, index: int) -> None:
    first = refused(f"ingress:\n{text}\n").first

    assert (first.reason, first.rule) == (reason, index)
    assert said is None or first.text == said


def test_every_refused_rule_is_named_and_the_first_is_the_one_printed() -> None:
    found = refused(
        "ingress:\n- {hostname: 'a:1', service: 'http://x'}\n- {hostname: b, service: 'http://x'}\n"
        "- {service: 'http://x/y', path: '('}\n"
    )

    assert [(item.rule, item.reason, item.line) for item in found.refusals] == [
        (0, Reason.HOST_PORT, 2),
        (2, Reason.SERVICE_PATH, 4),
    ]
    assert found.first.rule == 0


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("service: 'http://x', originRequest: {access: {required: false, audTag: [a]}}", id="not-required"),
        pytest.param("service: 'http://x', originRequest: {access: {required: true}}", id="set-up-step-by-step"),
        pytest.param("service: 'http://x', originRequest: {ipRules: [{prefix: nonsense}]}", id="ip-rules-not-read"),
        pytest.param("service: socks-proxy, originRequest: {ipRules: [{prefix: '::/0', ports: [80]}]}", id="ip-rules"),
        pytest.param("service: 'http://x', hostname: a.com/x", id="host-with-slash"),
        pytest.param("service: 'http://x', path: '(?P<n>x)\\z'", id="syntax-of-go-alone"),
    ],
)
def test_what_cloudflared_accepts_is_accepted(line: str) -> None:
    assert rules(f"hostname: ok.example, {line}" if "hostname" not in line else line).rules[0].index == 0


def test_without_rules_everything_gets_503() -> None:
    found = table("tunnel: x\n")

    assert (found.built_in, found.rules[0].service.status, found.rules[0].is_catch_all) == (True, 503, True)
    assert validate(no_configuration()) == RuleTable(rules=found.rules, source=Source.NONE, built_in=True)


def test_a_remote_configuration_without_rules_ignores_flags() -> None:
    found = validate(Configuration(source=Source.REMOTE))

    assert isinstance(found, RuleTable)
    assert found.built_in


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        pytest.param("url: http://localhost:8000/x?y", ServiceKind.HTTP, "http://localhost:8000", id="url"),
        pytest.param("url: localhost:8000", ServiceKind.HTTP, "http://localhost:8000", id="url-without-scheme"),
        pytest.param("url: '::1'", ServiceKind.HTTP, "http://[::1]", id="address"),
        pytest.param("url: ssh://h", ServiceKind.TCP, "ssh://h:22", id="tcp"),
        pytest.param("hello-world: true", ServiceKind.HELLO, "hello_world", id="hello"),
        pytest.param("bastion: true\nurl: http://x", ServiceKind.BASTION, "bastion", id="bastion-first"),
        pytest.param("unix-socket: /run/x", ServiceKind.UNIX, "unix:/run/x", id="socket"),
    ],
)
def test_without_rules_a_flag_of_the_file_names_the_service(text: str, kind: ServiceKind, shown: str) -> None:
    found = table(text)

    assert (found.rules[0].service.kind, found.rules[0].service.text, found.built_in) == (kind, shown, False)


def test_flags_of_the_file_are_the_settings_of_the_single_service() -> None:
    found = table(
        "url: https://x\nno-tls-verify: true\nproxy-connect-timeout: 5s\nproxy-tls-timeout: -1s\nsocks5: true\n"
        "http-host-header: y\n"
    )

    settings = found.rules[0].settings
    assert (settings.no_tls_verify, settings.connect_timeout, settings.tls_timeout) == (True, 5.0, 10.0)
    assert (settings.proxy_type, settings.http_host_header) == ("socks", "y")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("ftp://x", "Currently Cloudflare Tunnel does not support ftp protocol", id="scheme"),
        pytest.param("http://x:y", "URL http://x:y has invalid format", id="port"),
        pytest.param("http://", "URL http:// has invalid format", id="empty"),
    ],
)
def test_a_single_service_is_refused(url: str, said: str) -> None:
    found = validate(configuration(f"url: {url}"))

    assert isinstance(found, Refused)
    assert said in found.first.text


def test_a_rule_keeps_its_second_name_and_line() -> None:
    found = rule("hostname: Bücher.example, service: 'http://x'")

    assert (found.ascii, found.line) == ("xn--bcher-kva.example", 3)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("a" * 30_000, id="long"),
        pytest.param(r"(\pL\PN){1000}", id="heavy"),
    ],
)
def test_a_pattern_beyond_measure_is_not_run_and_cloudflared_is_not_blamed(path: str) -> None:
    raw = IngressRule(hostname="a.com", path=path, service="http://x")
    found = validate(Configuration(rules=(raw, IngressRule(service="http://x"))))

    assert isinstance(found, Refused)
    assert found.first.reason is Reason.TOO_LARGE
    assert "cloudflared may accept it" in found.first.text


def test_thousands_of_heavy_patterns_are_not_all_compiled() -> None:
    raw = tuple(IngressRule(hostname=f"h{i}", path=rf"\pL{{{i % 900 + 99}}}", service="http://x") for i in range(5_000))
    found = validate(Configuration(rules=(*raw, IngressRule(service="http://x"))))

    assert isinstance(found, Refused)
    assert {item.reason for item in found.refusals} == {Reason.TOO_LARGE}
    assert len(found.refusals) > 4_900


def test_one_heavy_pattern_is_followed() -> None:
    assert rules(r"hostname: a, path: '^/x{1000}\p{Greek}', service: 'http://x'").rules[0].path
