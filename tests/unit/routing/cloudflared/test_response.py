from __future__ import annotations

import pytest

from build.cloudflared import rule, table
from ingressdoctor.routing.cloudflared import NO_CONNECTOR, AnsweredBy, OriginFailure, answer_of, log_of

HTTP = "hostname: a, service: 'http://x'"
HTTPS = "hostname: a, service: 'https://x'"
LAX = f"{HTTPS}, originRequest: {{noTLSVerify: true}}"
GUARDED = f"{HTTP}, originRequest: {{access: {{required: true, teamName: t, audTag: [a]}}}}"


@pytest.mark.parametrize(
    ("line", "failure", "status", "log"),
    [
        pytest.param(HTTP, OriginFailure.REFUSED, 502, "connect: connection refused", id="refused"),
        pytest.param(HTTP, OriginFailure.NO_SUCH_HOST, 502, "no such host", id="no-such-host"),
        pytest.param(HTTP, OriginFailure.TIMEOUT, 502, "i/o timeout", id="timeout"),
        pytest.param(HTTP, OriginFailure.CLOSED, 502, "Unable to reach the origin service", id="closed"),
        pytest.param(HTTP, OriginFailure.TLS_ORIGIN, 502, "malformed HTTP response", id="http-to-tls"),
        pytest.param(HTTP, OriginFailure.SLOW, 524, "context canceled", id="slow"),
        pytest.param(
            HTTPS, OriginFailure.UNKNOWN_AUTHORITY, 502, "x509: certificate signed by unknown", id="authority"
        ),
        pytest.param(HTTPS, OriginFailure.PLAIN_ORIGIN, 502, "server gave HTTP response", id="tls-to-http"),
        pytest.param(LAX, OriginFailure.TLS_ALERT, 502, "remote error: tls:", id="alert-without-verification"),
        pytest.param("hostname: a, service: 'tcp://x'", OriginFailure.REFUSED, 502, "connection refused", id="tcp"),
        pytest.param("hostname: a, service: bastion", None, 502, "Did not receive final destination", id="bastion"),
    ],
)
def test_a_failing_origin_is_the_edges_error(line: str, failure: OriginFailure | None, status: int, log: str) -> None:
    found = answer_of(rule(line), failure)

    assert found is not None
    assert (found.status, found.by) == (status, AnsweredBy.EDGE)
    assert log in found.log


@pytest.mark.parametrize(
    ("line", "status", "empty"),
    [
        pytest.param("hostname: a, service: http_status:404", 404, True, id="status"),
        pytest.param("hostname: a, service: hello_world", 200, False, id="hello"),
        pytest.param("hostname: a, service: 'ssh://x'", 200, True, id="raw-tcp"),
        pytest.param("hostname: a, service: socks-proxy", 200, True, id="socks"),
    ],
)
def test_cloudflared_answers_itself(line: str, status: int, empty: bool) -> None:
    found = answer_of(rule(line))

    assert found is not None
    assert (found.status, found.empty, found.by) == (status, empty, AnsweredBy.CLOUDFLARED)


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        pytest.param(HTTP, None, id="healthy"),
        pytest.param("hostname: a, service: 'unix:/x'", None, id="unix"),
        pytest.param(LAX, OriginFailure.UNKNOWN_AUTHORITY, id="any-certificate-will-do"),
        pytest.param(HTTP, OriginFailure.EXPIRED, id="no-tls-no-certificate"),
        pytest.param(HTTPS, OriginFailure.TLS_ORIGIN, id="tls-to-tls"),
        pytest.param(GUARDED, None, id="with-a-token"),
    ],
)
def test_the_origin_answers(line: str, failure: OriginFailure | None) -> None:
    assert answer_of(rule(line), failure) is None


def test_a_rule_that_demands_a_token() -> None:
    without = answer_of(rule(GUARDED), with_token=False)
    unusable = answer_of(rule(f"{HTTP}, originRequest: {{access: {{required: true}}}}"))

    assert without is not None
    assert (without.status, without.empty) == (403, True)
    assert without.log.endswith("no access token in request")
    assert unusable is not None
    assert unusable.log.endswith("Invalid token in jwt")
    assert answer_of(rule(f"{HTTP}, originRequest: {{access: {{audTag: [a]}}}}"), with_token=False) is None


def test_no_rules_and_no_connector() -> None:
    built_in = answer_of(table("tunnel: x").rules[0], built_in=True)

    assert built_in is not None
    assert (built_in.status, built_in.log) == (503, "No ingress rules were defined in provided config")
    assert (NO_CONNECTOR.status, NO_CONNECTOR.error_code) == (530, 1033)


def test_every_failure_has_words_in_the_log() -> None:
    assert all(log_of(failure) for failure in OriginFailure)
