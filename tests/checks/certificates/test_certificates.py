"""cert-manager's objects: not ready, stuck on a challenge, or not renewed in time."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import default_leaf, serving
from build.backend import CLOCK, FORBIDDEN, NOT_ASKED, a_decision
from build.certificates import a_certificate, a_chain, a_challenge, a_request, an_order, issuing, ready
from build.values import replace
from ingressdoctor.api import CertificateChain, Status, Unavailable
from ingressdoctor_checks.certificates import not_ready
from ingressdoctor_checks.certificates_challenge import challenge_stuck
from ingressdoctor_checks.certificates_reasons import retry_after, signature_of

ABSENT = Unavailable(wanted="it", reason="cert-manager is not installed")
HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)
NOT_READY = a_certificate(ready("False", "DoesNotExist", "Issuing certificate as Secret does not exist"), issuing())
YOUNG = a_certificate(
    ready("False", "DoesNotExist", "does not exist", "2026-11-21T11:58:00Z"), issuing(when="2026-11-21T11:58:00Z")
)
DEFAULT = serving(default_leaf(), trusted=False, code=18)
TOKEN = 'while querying the Cloudflare API for GET "/zones?name=x" Error: 9109: Invalid access token'
SLOW_DNS = 'Waiting for DNS-01 challenge propagation: DNS record for "x" not yet propagated'
CAA = "403 urn:ietf:params:acme:error:caa: CAA record for shop.example.org prevents issuance"
LIMIT = (
    "429 urn:ietf:params:acme:error:rateLimited: too many certificates (5) already issued for this exact set of"
    " identifiers in the last 168h0m0s, retry after 2026-11-23 10:00:00 UTC: see https://letsencrypt.org/docs"
)


def judge(check: Any, chain: Any, origin: Any = DEFAULT, **decision: Any) -> Any:
    records = (NOT_ASKED,) if check is challenge_stuck else ()
    [finding] = check(a_decision(**decision), chain, origin, NOT_ASKED, *records, CLOCK)
    return finding


SKIPPED: list[Any] = [
    pytest.param(a_chain(), {"routed": False}, Status.SKIP, id="no-route"),
    pytest.param(a_chain(), {"tls_secret": ""}, Status.SKIP, id="route-without-a-secret"),
    pytest.param(ABSENT, {}, Status.SKIP, id="cert-manager-not-installed"),
    pytest.param(HAND_MADE, {}, Status.SKIP, id="secret-made-by-hand"),
    pytest.param(FORBIDDEN, {}, Status.UNKNOWN, id="may-not-be-read"),
    pytest.param(a_chain(), {}, Status.PASS, id="ready"),
]


@pytest.mark.parametrize("check", [not_ready, challenge_stuck], ids=lambda item: item.id)
@pytest.mark.parametrize(("chain", "decision", "status"), SKIPPED)
def test_when_there_is_no_certificate_to_judge(
    check: Any, chain: Any, decision: dict[str, Any], status: Status
) -> None:
    assert judge(check, chain, **decision).status is status


STATES: list[Any] = [
    pytest.param(a_chain(NOT_READY), DEFAULT, Status.FAIL, "Secret does not exist", id="not-ready"),
    pytest.param(
        a_chain(NOT_READY, a_request(), an_order(), a_challenge(TOKEN)), DEFAULT, Status.FAIL, "9109", id="deep"
    ),
    pytest.param(a_chain(a_certificate(ready("False"))), DEFAULT, Status.FAIL, "no reason given", id="no-request"),
    pytest.param(a_chain(NOT_READY), serving(), Status.WARN, "is not ready", id="old-certificate-still-serves"),
    pytest.param(a_chain(YOUNG), DEFAULT, Status.WARN, "is being issued", id="two-minutes-old"),
    pytest.param(
        a_chain(rivals=(a_certificate(name="web2"),)), serving(), Status.WARN, "write the same Secret", id="two-writers"
    ),
]


@pytest.mark.parametrize(("chain", "origin", "status", "words"), STATES)
def test_not_ready(chain: Any, origin: Any, status: Status, words: str) -> None:
    finding = judge(not_ready, chain, origin)

    assert finding.status is status
    assert words in finding.summary


def test_the_next_try_is_computed_from_the_failures() -> None:
    failed = a_certificate(
        ready("False"), issuing("False", "failed"), lastFailureTime="2026-11-21T10:00:00Z", failedIssuanceAttempts=3
    )

    finding = judge(not_ready, a_chain(failed))

    assert ("next try", "2026-11-21T14:00:00Z") in [(fact.name, fact.value) for fact in finding.facts]


STUCK: list[Any] = [
    pytest.param((a_request(), an_order(), a_challenge(TOKEN)), DEFAULT, Status.FAIL, "(9109)", id="token"),
    pytest.param(
        (a_request(), an_order(), a_challenge(SLOW_DNS)), DEFAULT, Status.FAIL, "TXT record", id="propagation"
    ),
    pytest.param(
        (a_request(), an_order("invalid"), a_challenge(CAA, "invalid")), DEFAULT, Status.FAIL, "CAA record", id="caa"
    ),
    pytest.param(
        (a_request(), an_order(), a_challenge(SLOW_DNS, created="2026-11-21T11:51:00Z")),
        DEFAULT,
        Status.PASS,
        "9 min",
        id="nine-minutes-are-normal",
    ),
    pytest.param(
        (a_request(), an_order(), a_challenge(CAA, "invalid", created="2026-11-21T11:59:00Z")),
        DEFAULT,
        Status.FAIL,
        "CAA",
        id="refused-is-refused-at-once",
    ),
    pytest.param(
        (a_request(), an_order(), a_challenge(TOKEN)), serving(), Status.WARN, "API token", id="renewal-with-time-left"
    ),
    pytest.param((a_request(),), DEFAULT, Status.SKIP, "not come to a challenge", id="request-only"),
    pytest.param((a_request(), an_order("valid")), DEFAULT, Status.SKIP, "not come to a challenge", id="order-only"),
    pytest.param(
        (a_request(), a_challenge("", "valid")), DEFAULT, Status.PASS, "No challenge is waiting", id="challenge-done"
    ),
]


@pytest.mark.parametrize(("below", "origin", "status", "words"), STUCK)
def test_challenge_stuck(below: Any, origin: Any, status: Status, words: str) -> None:
    finding = judge(challenge_stuck, a_chain(NOT_READY, *below), origin)

    assert finding.status is status
    assert words in finding.summary


def test_challenges_that_may_not_be_read_are_unknown() -> None:
    finding = judge(challenge_stuck, replace(a_chain(NOT_READY, a_request()), unread=(FORBIDDEN,)))

    assert finding.status is Status.UNKNOWN
    assert finding.enable_with == "Grant list on it."


REASONS = [
    pytest.param('error getting cloudflare secret: secret "t" not found', "token", id="secret-missing"),
    pytest.param("the Cloudflare API token is invalid (does the API token contain a newline?)", "token", id="newline"),
    pytest.param("Error: 6003: Invalid request headers<- 6111: Invalid format", "token", id="6111"),
    pytest.param("Error: 10000: Authentication error", "token", id="10000"),
    pytest.param("Found no Zones for domain _acme-challenge.x. make sure", "token", id="no-zones"),
    pytest.param("NS a.ns.example:53 returned REFUSED for x", "dns", id="refused"),
    pytest.param("dial udp 1.1.1.1:53: i/o timeout", "dns", id="egress-blocked"),
    pytest.param('Could not determine authoritative nameservers for "x"', "dns", id="split-horizon"),
    pytest.param("While processing CAA for x: DNS problem: SERVFAIL", "caa", id="caa-lookup-fails"),
    pytest.param("too many failed authorizations (5) for x in the last 1h", "limit", id="failed-authorizations"),
    pytest.param("DNS problem: NXDOMAIN looking up TXT for _acme-challenge.x", "dns", id="nxdomain"),
    pytest.param("429 rateLimited: Your account is temporarily prevented from requesting", "limit", id="paused"),
    pytest.param('Get "https://api.cloudflare.com/x": dial tcp: lookup api.cloudflare.com: no', "egress", id="egress"),
    pytest.param("API key and API token secret references are both present", "token", id="key-and-token"),
    pytest.param(
        "while querying the Cloudflare API for POST Error: 81058: A record exists", "dns", id="record-in-the-way"
    ),
    pytest.param(
        "During secondary validation: No TXT record found at _acme-challenge.x", "dns", id="one-vantage-point"
    ),
    pytest.param("urn:ietf:params:acme:error:invalidProfile: no such profile", "account", id="profile"),
    pytest.param(
        "failed to perform self check GET request 'http://x/.well-known/acme-challenge/y': dial tcp 192.0.2.1:80",
        "solver",
        id="http-01-from-inside",
    ),
    pytest.param("Zone one. not found in CloudFlare for domain _acme-challenge.x.one", "dns", id="zone-of-the-parent"),
    pytest.param("Could not find the start of authority", "dns", id="no-soa"),
    pytest.param("wrong status code '404', expected '200'", "solver", id="http-01"),
    pytest.param('Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io "x"', "account", id="no-issuer"),
    pytest.param("Referenced issuer does not have a Ready status condition", "account", id="issuer-not-ready"),
    pytest.param("something nobody has seen", None, id="unknown"),
]


@pytest.mark.parametrize(("reason", "topic"), REASONS)
def test_signatures(reason: str, topic: str | None) -> None:
    found = signature_of(reason)

    assert (found.topic if found else None) == topic


def test_retry_after() -> None:
    assert retry_after(LIMIT) == "2026-11-23 10:00:00"
    assert retry_after("no time here") == ""


def test_a_certificate_that_nobody_asks_for_points_at_cert_manager() -> None:
    finding = judge(not_ready, a_chain(NOT_READY))

    assert finding.remedy.text.startswith("cert-manager has made no request")
    assert "app.kubernetes.io/name=cert-manager" in finding.remedy.commands[-1].shell()
