"""Requests that are refused, orders that fail, and solvers that take no name."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import default_leaf, serving
from build.backend import CLOCK, FORBIDDEN, NOT_ASKED, a_decision
from build.certificates import (
    a_certificate,
    a_chain,
    a_challenge,
    a_condition,
    a_refused_request,
    a_request,
    an_issuer_view,
    an_order,
    issuing,
    ready,
)
from build.values import replace
from ingressdoctor.api import CertificateChain, ChallengeRecords, IssuerSolver, Status
from ingressdoctor_checks.certificates_order import order_failed, request_failed, takes

WAITING = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
FAILED_ONCE = a_certificate(
    ready("False"), issuing("False"), lastFailureTime="2026-11-21T11:30:00Z", failedIssuanceAttempts=2
)
DEFAULT = serving(default_leaf(), trusted=False, code=18)
HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)
APPROVED = a_condition("Approved", "True", "cert-manager.io")
DENIED = a_condition("Denied", "True", "policy.cert-manager.io", "No policy approved this request")
INVALID = a_condition("InvalidRequest", "True", "", "The CSR PEM requests a commonName that is not in dnsNames")
FAILED = a_condition("Ready", "False", "Failed", "vault is sealed")
PENDING = a_condition("Ready", "False", "Pending", "Waiting")
LIMIT = (
    "429 urn:ietf:params:acme:error:rateLimited: too many certificates (5) already issued for this exact set of"
    " identifiers in the last 168h0m0s, retry after 2026-11-23 10:00:00 UTC: see https://letsencrypt.org/docs"
)
CAA = "403 urn:ietf:params:acme:error:caa: CAA record for shop.example.org prevents issuance"
ELSEWHERE = IssuerSolver(kind="dns01", zones=("other.example",))


def asked(*conditions: Any, top: Any = WAITING, **more: Any) -> CertificateChain:
    return a_chain(top, a_refused_request(*conditions, **more))


REQUESTS: list[Any] = [
    pytest.param(
        asked(DENIED), DEFAULT, Status.FAIL, "was denied by policy.cert-manager.io: No policy approved", id="denied"
    ),
    pytest.param(asked(INVALID), DEFAULT, Status.FAIL, "is invalid: The CSR PEM", id="invalid"),
    pytest.param(asked(APPROVED, FAILED), DEFAULT, Status.FAIL, "failed: vault is sealed", id="failed-at-the-issuer"),
    pytest.param(asked(), DEFAULT, Status.FAIL, "has not been approved", id="nobody-approves"),
    pytest.param(asked(created="2026-11-21T11:58:00Z"), DEFAULT, Status.PASS, "is not refused", id="not-yet-approved"),
    pytest.param(asked(APPROVED, PENDING), DEFAULT, Status.PASS, "is not refused", id="waits"),
    pytest.param(asked(DENIED), serving(), Status.WARN, "was denied", id="old-certificate-still-serves"),
    pytest.param(
        a_chain(WAITING, a_refused_request(APPROVED, FAILED), an_order("errored", LIMIT)),
        DEFAULT,
        Status.PASS,
        "is not refused",
        id="its-order-says-why",
    ),
    pytest.param(a_chain(WAITING), DEFAULT, Status.SKIP, "no request", id="no-request-yet"),
    pytest.param(
        replace(a_chain(WAITING), unread=(FORBIDDEN,)), DEFAULT, Status.UNKNOWN, "403", id="requests-may-not-be-read"
    ),
    pytest.param(a_chain(), DEFAULT, Status.PASS, "nothing is under way", id="issued"),
    pytest.param(HAND_MADE, DEFAULT, Status.SKIP, "by hand", id="made-by-hand"),
    pytest.param(FORBIDDEN, DEFAULT, Status.UNKNOWN, "403", id="certificates-may-not-be-read"),
]


@pytest.mark.parametrize(("chain", "origin", "status", "words"), REQUESTS)
def test_request_failed(chain: Any, origin: Any, status: Status, words: str) -> None:
    [finding] = request_failed(a_decision(), chain, origin, NOT_ASKED, CLOCK)

    assert finding.status is status
    assert words in finding.summary


def test_a_refused_request_says_when_the_next_one_is_made() -> None:
    [finding] = request_failed(a_decision(), asked(DENIED, top=FAILED_ONCE), DEFAULT, NOT_ASKED, CLOCK)

    assert finding.remedy is not None
    assert "asks again at 2026-11-21T13:30:00Z" in finding.remedy.text


def ordered(order: Any, issuer: Any = None, top: Any = WAITING) -> CertificateChain:
    return replace(a_chain(top, a_request(), order), issuer_seen=issuer)


ORDERS: list[Any] = [
    pytest.param(
        ordered(an_order("errored", LIMIT)),
        DEFAULT,
        Status.FAIL,
        "failed: the certificate authority's rate limit is used up (until 2026-11-23 10:00:00 UTC).",
        id="rate-limit",
    ),
    pytest.param(
        ordered(an_order(), an_issuer_view(solvers=(ELSEWHERE,))),
        DEFAULT,
        Status.FAIL,
        "waits: no solver of ClusterIssuer letsencrypt takes www.shop.example.org",
        id="solvers-for-other-zones",
    ),
    pytest.param(
        ordered(an_order(), an_issuer_view(solvers=())), DEFAULT, Status.FAIL, "has no solver at all", id="no-solvers"
    ),
    pytest.param(
        ordered(an_order(), an_issuer_view()),
        DEFAULT,
        Status.FAIL,
        "it has no challenge, although a solver",
        id="nobody-makes-the-challenge",
    ),
    pytest.param(ordered(an_order(), FORBIDDEN), DEFAULT, Status.FAIL, "no solver", id="issuer-may-not-be-read"),
    pytest.param(
        ordered(an_order(), an_issuer_view(ready=False)), DEFAULT, Status.SKIP, "waits for its issuer", id="issuer-down"
    ),
    pytest.param(
        ordered(an_order(created="2026-11-21T11:55:00Z"), an_issuer_view(solvers=())),
        DEFAULT,
        Status.PASS,
        "5 min, which is normal",
        id="five-minutes",
    ),
    pytest.param(ordered(an_order("errored", LIMIT)), serving(), Status.WARN, "rate limit", id="still-serves"),
    pytest.param(ordered(an_order("expired")), DEFAULT, Status.FAIL, "its state is expired", id="without-a-reason"),
    pytest.param(ordered(an_order("valid")), DEFAULT, Status.PASS, "is valid", id="done"),
    pytest.param(
        a_chain(WAITING, a_request(), a_challenge("x", "invalid")), DEFAULT, Status.SKIP, "says more", id="challenge"
    ),
    pytest.param(a_chain(WAITING, a_request()), DEFAULT, Status.SKIP, "not come to an order", id="no-order"),
    pytest.param(
        replace(a_chain(WAITING, a_request()), unread=(FORBIDDEN,)), DEFAULT, Status.UNKNOWN, "403", id="may-not-look"
    ),
    pytest.param(a_chain(), DEFAULT, Status.PASS, "nothing is under way", id="issued"),
    pytest.param(HAND_MADE, DEFAULT, Status.SKIP, "by hand", id="made-by-hand"),
]


@pytest.mark.parametrize(("chain", "origin", "status", "words"), ORDERS)
def test_order_failed(chain: Any, origin: Any, status: Status, words: str) -> None:
    [finding] = order_failed(a_decision(), chain, origin, NOT_ASKED, NOT_ASKED, CLOCK)

    assert finding.status is status
    assert words in finding.summary


def test_caa_records_are_told_as_they_are() -> None:
    records = ChallengeRecords(name="_acme-challenge.x", caa_name="example.org", caa=('0 issue "digicert.com"',))

    [finding] = order_failed(a_decision(), ordered(an_order("errored", CAA)), DEFAULT, NOT_ASKED, records, CLOCK)

    assert 'the CAA records of example.org do not admit this authority (0 issue "digicert.com")' in finding.summary


SOLVERS = [
    pytest.param(IssuerSolver(kind="http01"), "www.a.example", True, id="no-selector-takes-all"),
    pytest.param(IssuerSolver(kind="http01"), "*.a.example", False, id="wildcards-need-dns"),
    pytest.param(IssuerSolver(kind="dns01"), "*.a.example", True, id="wildcard-by-dns"),
    pytest.param(IssuerSolver(kind="dns01", zones=("a.example",)), "www.a.example", True, id="zone"),
    pytest.param(IssuerSolver(kind="dns01", zones=("a.example",)), "*.a.example", True, id="wildcard-in-the-zone"),
    pytest.param(IssuerSolver(kind="dns01", zones=("a.example",)), "wwwa.example", False, id="zone-ends-at-a-dot"),
    pytest.param(IssuerSolver(kind="dns01", names=("www.a.example",)), "www.a.example", True, id="name"),
    pytest.param(IssuerSolver(kind="dns01", names=("a.example",)), "www.a.example", False, id="other-name"),
    pytest.param(IssuerSolver(kind="dns01", names=("*.a.example",)), "*.a.example", True, id="wildcard-written-out"),
    pytest.param(
        IssuerSolver(kind="dns01", zones=("a.example",), names=("b.example",)), "a.example", False, id="all-must-match"
    ),
    pytest.param(IssuerSolver(kind="dns01", labels=True), "a.example", None, id="labels-decide"),
]


@pytest.mark.parametrize(("solver", "name", "taken"), SOLVERS)
def test_selectors(solver: IssuerSolver, name: str, taken: bool | None) -> None:
    assert takes(solver, name) is taken
