"""Whether certificates are renewed in time, by lifetimes of 90, 47 and 6 days."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import a_leaf, default_leaf, serving
from build.backend import CLOCK, FORBIDDEN, NOT_ASKED, a_decision
from build.certificates import (
    a_certificate,
    a_chain,
    a_challenge,
    a_request,
    an_ingress_of,
    by_an_ingress,
    issuing,
    ready,
)
from ingressdoctor.api import CertificateChain, Status, Unavailable
from ingressdoctor_checks.certificates_common import late_days
from ingressdoctor_checks.certificates_renewal import expiring, renewal_late

HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)
ABSENT = Unavailable(wanted="it", reason="cert-manager is not installed")
DEFAULT = serving(default_leaf(), trusted=False, code=18)
TOKEN = 'while querying the Cloudflare API for GET "/zones?name=x" Error: 9109: Invalid access token'


def dated(not_after: str, renewal: str = "", *conditions: Any, **status: Any) -> CertificateChain:
    return a_chain(a_certificate(*conditions, notAfter=not_after, renewalTime=renewal or None, **status))


def failing(not_after: str, renewal: str, *below: Any, **status: Any) -> CertificateChain:
    tried = {"lastFailureTime": "2026-11-21T10:00:00Z", "failedIssuanceAttempts": 3, **status}
    top = a_certificate(ready(), issuing("False", "failed"), notAfter=not_after, renewalTime=renewal or None, **tried)
    return a_chain(top, *below)


DATES: list[Any] = [
    pytest.param(a_chain(), NOT_ASKED, Status.PASS, "50 more days", id="far-away"),
    pytest.param(
        dated("2026-11-26T12:00:00Z", "2026-10-27T12:00:00Z"),
        NOT_ASKED,
        Status.WARN,
        "expires in 5 days although it should have been renewed 25 days ago",
        id="five-days-and-overdue",
    ),
    pytest.param(
        dated("2026-12-05T11:00:00Z", "2026-11-18T12:00:00Z"),
        NOT_ASKED,
        Status.WARN,
        "14 days",
        id="fortnight-and-overdue",
    ),
    pytest.param(
        dated("2026-12-06T12:00:00Z", "2026-11-18T12:00:00Z"), NOT_ASKED, Status.PASS, "15", id="fifteen-days"
    ),
    pytest.param(
        dated("2026-11-24T12:00:00Z", "2026-11-22T12:00:00Z"),
        NOT_ASKED,
        Status.PASS,
        "3 more",
        id="short-lived-on-plan",
    ),
    pytest.param(
        dated("2026-11-22T12:00:00Z", "2026-11-20T20:00:00Z", notBefore="2026-11-15T20:00:00Z"),
        NOT_ASKED,
        Status.WARN,
        "expires in 24 hours although it should have been renewed 16 hours ago",
        id="six-days-of-which-one-is-left",
    ),
    pytest.param(
        dated("2026-11-23T00:00:00Z", "2026-11-20T20:00:00Z", notBefore="2026-11-16T08:00:00Z"),
        NOT_ASKED,
        Status.PASS,
        "36 more hours",
        id="six-days-of-which-more-than-a-fifth-is-left",
    ),
    pytest.param(
        dated("2026-11-28T12:00:00Z", "2026-11-13T12:00:00Z", notBefore="2026-10-12T12:00:00Z"),
        NOT_ASKED,
        Status.WARN,
        "7 days",
        id="forty-seven-days-of-which-seven-are-left",
    ),
    pytest.param(
        dated("2026-12-01T12:00:00Z", "2026-11-13T12:00:00Z", notBefore="2026-10-15T12:00:00Z"),
        NOT_ASKED,
        Status.PASS,
        "10 more days",
        id="forty-seven-days-of-which-ten-are-left",
    ),
    pytest.param(
        failing("2026-11-26T12:00:00Z", "2026-10-27T12:00:00Z"),
        NOT_ASKED,
        Status.SKIP,
        "at its renewal",
        id="renewal-that-fails-is-told-by-itself",
    ),
    pytest.param(
        dated("2027-01-10T00:00:00Z", "2026-12-10T00:00:00Z"),
        serving(a_leaf(not_after="2026-11-24T12:00:00Z")),
        Status.PASS,
        "50 more days",
        id="an-older-one-served-is-told-by-itself",
    ),
    pytest.param(
        HAND_MADE,
        serving(a_leaf(not_before="2026-08-29T12:00:00Z", not_after="2026-11-27T12:00:00Z")),
        Status.WARN,
        "6 days",
        id="by-hand-six",
    ),
    pytest.param(
        HAND_MADE, serving(a_leaf(not_after="2026-12-01T12:00:00Z")), Status.PASS, "10 more", id="by-hand-ten"
    ),
    pytest.param(
        HAND_MADE, serving(a_leaf(not_after="2026-11-20T12:00:00Z")), Status.SKIP, "has expired", id="expired"
    ),
    pytest.param(HAND_MADE, DEFAULT, Status.SKIP, "put there by hand", id="default-certificate"),
    pytest.param(HAND_MADE, NOT_ASKED, Status.SKIP, "put there by hand", id="nothing-seen"),
    pytest.param(FORBIDDEN, NOT_ASKED, Status.UNKNOWN, "403", id="may-not-be-read"),
    pytest.param(a_chain(a_certificate(notAfter="soon")), NOT_ASKED, Status.SKIP, "cannot be read", id="not-a-date"),
]


@pytest.mark.parametrize(("chain", "origin", "status", "words"), DATES)
def test_expiring(chain: Any, origin: Any, status: Status, words: str) -> None:
    [finding] = expiring(a_decision(), chain, origin, CLOCK)

    assert finding.status is status
    assert words in finding.summary


RENEWALS: list[Any] = [
    pytest.param(a_chain(), Status.PASS, "is renewed from 2026-12-10", id="ahead"),
    pytest.param(
        dated("2026-12-20T12:00:00Z", "2026-11-20T13:00:00Z"), Status.PASS, "which is normal", id="late-by-hours"
    ),
    pytest.param(
        dated("2026-12-20T12:00:00Z", "2026-11-19T12:00:00Z"),
        Status.WARN,
        "should have been renewed 2 days ago: cert-manager has not even begun",
        id="nobody-tries",
    ),
    pytest.param(
        dated("2026-11-23T20:00:00Z", "2026-11-21T01:00:00Z", notBefore="2026-11-17T04:00:00Z"),
        Status.WARN,
        "11 hours ago",
        id="six-days-allow-eight-hours",
    ),
    pytest.param(
        dated("2026-11-23T20:00:00Z", "2026-11-21T05:00:00Z", notBefore="2026-11-17T04:00:00Z"),
        Status.PASS,
        "which is normal",
        id="six-days-and-seven-hours",
    ),
    pytest.param(
        failing("2026-11-26T12:00:00Z", "2026-10-27T12:00:00Z", a_request(), a_challenge(TOKEN)),
        Status.WARN,
        "25 days ago and has failed 3 times: Cloudflare does not accept the API token any more (9109); it is valid",
        id="each-try-fails",
    ),
    pytest.param(
        failing("2027-01-10T00:00:00Z", "2026-12-10T00:00:00Z"),
        Status.WARN,
        "cannot be issued anew and has failed 3 times: failed",
        id="fails-before-it-is-due",
    ),
    pytest.param(
        a_chain(a_certificate(ready(), issuing(when="2026-11-21T10:00:00Z"))),
        Status.WARN,
        "cannot be issued anew",
        id="one-try-lasts-for-hours",
    ),
    pytest.param(
        a_chain(a_certificate(ready(), issuing(when="2026-11-21T11:30:00Z"))),
        Status.PASS,
        "is renewed from",
        id="one-try-of-half-an-hour",
    ),
    pytest.param(
        dated("2026-11-26T12:00:00Z", "2026-10-27T12:00:00Z"), Status.SKIP, "check of its end", id="end-is-near"
    ),
    pytest.param(dated("2026-11-20T12:00:00Z", "2026-10-21T12:00:00Z"), Status.SKIP, "ahead of its end", id="expired"),
    pytest.param(dated("2026-12-20T12:00:00Z"), Status.SKIP, "no time of renewal", id="no-time-known"),
    pytest.param(a_chain(a_certificate(ready("False"))), Status.SKIP, "not ready", id="not-ready"),
    pytest.param(HAND_MADE, Status.SKIP, "by hand", id="made-by-hand"),
    pytest.param(ABSENT, Status.SKIP, "not installed", id="not-installed"),
    pytest.param(FORBIDDEN, Status.UNKNOWN, "403", id="may-not-be-read"),
]


@pytest.mark.parametrize(("chain", "status", "words"), RENEWALS)
def test_renewal_late(chain: Any, status: Status, words: str) -> None:
    [finding] = renewal_late(a_decision(), chain, NOT_ASKED, NOT_ASKED, CLOCK)

    assert finding.status is status
    assert words in finding.summary


TRIES: list[Any] = [
    pytest.param({"failedIssuanceAttempts": 1}, "2026-11-21T11:00:00Z (overdue)", id="first-an-hour"),
    pytest.param({"failedIssuanceAttempts": None}, "2026-11-21T11:00:00Z (overdue)", id="not-counted-is-the-first"),
    pytest.param({"failedIssuanceAttempts": 3}, "2026-11-21T14:00:00Z", id="third-four-hours"),
    pytest.param({"failedIssuanceAttempts": 6}, "2026-11-22T18:00:00Z", id="sixth-thirty-two"),
    pytest.param({"failedIssuanceAttempts": 40}, "2026-11-22T18:00:00Z", id="never-longer"),
    pytest.param({"lastFailureTime": "9999-12-31T23:30:00Z"}, "", id="beyond-all-times"),
]


@pytest.mark.parametrize(("status", "when"), TRIES)
def test_when_it_tries_again(status: dict[str, Any], when: str) -> None:
    chain = failing("2026-11-26T12:00:00Z", "2026-10-27T12:00:00Z", **status)

    [finding] = renewal_late(a_decision(), chain, NOT_ASKED, NOT_ASKED, CLOCK)

    assert next((fact.value for fact in finding.facts if fact.name == "next try"), "") == when


def test_a_certificate_that_asks_not_to_be_renewed_is_not_late() -> None:
    certificate = a_certificate(notAfter="2026-11-23T12:00:00Z", renewalTime=None, notBefore="2026-08-25T12:00:00Z")
    certificate.spec["renewal"] = {"policy": "Disabled"}
    chain = a_chain(certificate)

    [late], [soon] = (
        renewal_late(a_decision(), chain, NOT_ASKED, NOT_ASKED, CLOCK),
        expiring(a_decision(), chain, NOT_ASKED, CLOCK),
    )

    assert late.status is Status.SKIP
    assert soon.status is Status.WARN
    assert soon.remedy is not None
    assert "Disabled" in soon.remedy.text


LIFETIMES = [
    pytest.param("2026-09-01T00:00:00Z", "2026-11-30T00:00:00Z", 14.0, id="ninety-days"),
    pytest.param("2026-10-01T00:00:00Z", "2026-11-17T00:00:00Z", 9.4, id="forty-seven-days"),
    pytest.param("2026-11-01T00:00:00Z", "2026-11-07T16:00:00Z", 1.33, id="six-days-and-sixteen-hours"),
    pytest.param("", "2026-11-07T16:00:00Z", 14.0, id="no-beginning"),
    pytest.param("2026-11-08T00:00:00Z", "2026-11-07T16:00:00Z", 14.0, id="ends-before-it-begins"),
]


@pytest.mark.parametrize(("start", "end", "days"), LIFETIMES)
def test_windows_follow_the_lifetime(start: str, end: str, days: float) -> None:
    assert late_days(start, end) == pytest.approx(days, abs=0.01)


def test_a_secret_that_outlives_its_certificate_is_renewed_by_nobody() -> None:
    asking = an_ingress_of("cert-manager.io/cluster-issuer")

    [finding] = renewal_late(by_an_ingress(), HAND_MADE, serving(), asking, CLOCK)

    assert finding.status is Status.WARN
    assert "Nobody renews Secret" in finding.summary
    assert "ends on 2027-01-10" in finding.summary


QUIET: list[Any] = [
    pytest.param(HAND_MADE, serving(), an_ingress_of(), id="nobody-asks"),
    pytest.param(HAND_MADE, DEFAULT, an_ingress_of("cert-manager.io/cluster-issuer"), id="nothing-to-renew"),
    pytest.param(HAND_MADE, NOT_ASKED, an_ingress_of("cert-manager.io/cluster-issuer"), id="nothing-seen"),
    pytest.param(HAND_MADE, serving(), an_ingress_of("cert-manager.io/issuer-kind"), id="not-an-issuer"),
    pytest.param(ABSENT, serving(), an_ingress_of("cert-manager.io/cluster-issuer"), id="not-installed"),
]


@pytest.mark.parametrize(("chain", "origin", "objects"), QUIET)
def test_a_secret_made_by_hand_is_not_late(chain: Any, origin: Any, objects: Any) -> None:
    [finding] = renewal_late(by_an_ingress(), chain, origin, objects, CLOCK)

    assert finding.status is Status.SKIP
