"""cloudflared's configuration in the lab: what it refuses and in which words, and which rule a request takes."""

from __future__ import annotations

import pytest

from ingressdoctor.lab.serve.cloudflared.config import ConfigError, read_file
from ingressdoctor.lab.serve.cloudflared.rules import build_rules, find_rule

PATH = "/etc/cloudflared/config.yml"
LAST = "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)"
CATCH_ALL = "- service: http_status:404\n"


def refusal(content: str) -> str:
    try:
        build_rules(read_file(content, PATH))
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("ingress:\n- {hostname: a.com, service: http://x}\n", LAST, id="no-catch-all"),
        pytest.param(
            f"ingress:\n{CATCH_ALL}- {{hostname: a.com, service: http://x}}\n{CATCH_ALL}",
            "Rule #1 is matching the hostname '', but this will match every hostname, meaning the rules which follow it"
            " will never be triggered.",
            id="catch-all-in-front",
        ),
        pytest.param(
            f"ingress:\n- {{hostname: 'a.com:443', service: http://x}}\n{CATCH_ALL}",
            "Hostname cannot contain a port",
            id="port-in-the-hostname",
        ),
        pytest.param(
            f"ingress:\n- {{hostname: 'a.*.com', service: http://x}}\n{CATCH_ALL}",
            'Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, '
            'e.g. "*.example.com"',
            id="wildcard-in-the-middle",
        ),
        pytest.param(
            f"ingress:\n- {{hostname: a.com, service: 'http://x/'}}\n{CATCH_ALL}",
            "http://x/ is an invalid address, ingress rules don't support proxying to a different path on the origin "
            "service. The path will be the same as the eyeball request's path",
            id="service-with-a-path",
        ),
        pytest.param(
            f"ingress:\n- {{hostname: a.com, service: 'localhost:80'}}\n{CATCH_ALL}",
            "localhost:80 is an invalid address, please make sure it has a scheme and a hostname",
            id="service-without-a-scheme",
        ),
        pytest.param(
            f"ingress:\n- {{hostname: a.com, service: '10.0.0.1:80'}}\n{CATCH_ALL}",
            'parse "10.0.0.1:80": first path segment in URL cannot contain colon',
            id="service-is-an-address",
        ),
        pytest.param("ingress:\n- service: http_status:99\n", "invalid HTTP status code: 99", id="status-too-small"),
        pytest.param(
            "ingress:\n- service: http_status:no\n",
            'invalid HTTP status code: strconv.Atoi: parsing "no": invalid syntax',
            id="status-is-no-number",
        ),
        pytest.param(
            f"ingress:\n- {{hostname: a.com, path: '*.js', service: http://x}}\n{CATCH_ALL}",
            "Rule #1 has an invalid regex: error parsing regexp: no argument for repetition operator: *",
            id="path-is-a-glob",
        ),
        pytest.param(
            "ingress:\n- hostname: a.com\n  service: http://x\n"
            f"  originRequest: {{access: {{required: true, audTag: [x]}}}}\n{CATCH_ALL}",
            "access.TeamName cannot be blank when access.audTags are present",
            id="audience-without-a-team",
        ),
        pytest.param(
            "ingress:\n- hostname: *.a.com\n",
            f"error parsing YAML in config file at {PATH}: yaml: line 2: did not find expected alphabetic or numeric "
            "character",
            id="unquoted-wildcard",
        ),
        pytest.param(
            "ingress:\n- service: http_status:404\n  service: http_status:503\n",
            f"error parsing YAML in config file at {PATH}: yaml: unmarshal errors:\n  line 3: mapping key "
            '"service" already defined at line 2',
            id="duplicate-key",
        ),
        pytest.param(
            "originRequest: {connectTimeout: 30}\n",
            f"error parsing YAML in config file at {PATH}: yaml: unmarshal errors:\n  cannot unmarshal !!int `30` into "
            "time.Duration",
            id="duration-without-a-unit",
        ),
        pytest.param("", "", id="an-empty-file"),
        pytest.param("Ingress:\n- service: nonsense\n", "", id="a-key-it-does-not-know"),
        pytest.param("ingress:\n- service: h2c://x:1\n  hostname: a.com\n" + CATCH_ALL, "", id="any-scheme"),
    ],
)
def test_what_it_refuses(content: str, words: str) -> None:
    assert refusal(content) == words


MATCHES = [
    pytest.param("*.a.com", "", "a.com", "/", False, id="1-the-apex-of-a-wildcard"),
    pytest.param("*.a.com", "", "x.y.a.com", "/", True, id="2-two-labels"),
    pytest.param("*.a.com", "", "xa.com", "/", False, id="3-no-dot"),
    pytest.param("*a.com", "", "xa.com", "/", False, id="4-star-without-dot"),
    pytest.param("a.com", "", "a.com:8443", "/", True, id="5-port-of-the-request"),
    pytest.param("a.com", "", "A.com", "/", False, id="6-case-of-the-request"),
    pytest.param("A.com", "", "a.com", "/", True, id="7-case-of-the-rule"),
    pytest.param("*.A.com", "", "x.a.com", "/", False, id="8-case-of-a-wildcard"),
    pytest.param("Foo_bar.a.com", "", "foo_bar.a.com", "/", False, id="9-underscore"),
    pytest.param("a.com.", "", "a.com", "/", False, id="10-trailing-dot"),
    pytest.param("môô.cloudflare.com", "", "xn--m-xgaa.cloudflare.com", "/", True, id="11-punycode"),
    pytest.param("*.môô.com", "", "x.xn--m-xgaa.com", "/", False, id="12-punycode-of-a-wildcard"),
    pytest.param("a.com", "/api", "a.com", "/v1/api/x", True, id="13-unanchored"),
    pytest.param("a.com", "^/api", "a.com", "/v1/api/x", False, id="14-anchored"),
    pytest.param("a.com", "/api$", "a.com", "/api/", False, id="16-end"),
    pytest.param("a.com", "/api/*", "a.com", "/apifoo", True, id="17-no-glob"),
    pytest.param("a.com", r"\?x=1", "a.com", "/p?x=1", False, id="19-no-query"),
    pytest.param("a.com", "(?i)api", "a.com", "/API", True, id="20-case-of-a-path"),
    pytest.param("a.com", "/a/b", "a.com", "/a%2Fb", True, id="22-decoded"),
]


@pytest.mark.parametrize(("hostname", "path", "host", "target", "taken"), MATCHES)
def test_which_rule_a_request_takes(hostname: str, path: str, host: str, target: str, taken: bool) -> None:
    entry = f"ingress:\n- {{hostname: '{hostname}', path: '{path}', service: http://x}}\n{CATCH_ALL}"

    assert find_rule(build_rules(read_file(entry, PATH)), host, target)[0] == (0 if taken else 1)


def test_a_rule_inherits_key_by_key() -> None:
    content = (
        "originRequest: {noTLSVerify: true, httpHostHeader: top, access: {required: true}}\n"
        f"ingress:\n- {{hostname: a.com, service: https://x, originRequest: {{httpHostHeader: own}}}}\n{CATCH_ALL}"
    )
    rule = build_rules(read_file(content, PATH))[0]

    assert (rule.origin["noTLSVerify"], rule.origin["httpHostHeader"], dict(rule.access)) == (True, "own", {})
