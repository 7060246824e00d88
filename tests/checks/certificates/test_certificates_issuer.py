"""Issuers that do not exist or are not ready, and what their conditions mean."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import default_leaf, serving
from build.backend import CLOCK, FORBIDDEN, NOT_ASKED, a_decision
from build.certificates import (
    a_certificate,
    a_chain,
    a_request,
    an_issuer_view,
    an_order,
    issuing,
    ready,
)
from build.values import replace
from ingressdoctor.api import CertificateChain, Status
from ingressdoctor_checks.certificates_issuer import issuer_not_ready, why_not_ready

WAITING = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
YOUNG = a_certificate(ready("False", "DoesNotExist", "", "2026-11-21T11:58:00Z"), issuing(when="2026-11-21T11:58:00Z"))
DEFAULT = serving(default_leaf(), trusted=False, code=18)
UNREADY = "Referenced issuer does not have a Ready status condition"
UNKNOWN = 'Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io "letsencrypt" not found'
DOWN = an_issuer_view(
    ready=False,
    reason="ErrRegisterACMEAccount",
    message='Failed to register ACME account: Get "https://acme-v02.example/directory": dial tcp: i/o timeout',
)
HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)


def chain(said: str, seen: Any, top: Any = WAITING) -> CertificateChain:
    return replace(a_chain(top, a_request(said)), issuer_seen=seen)


CASES: list[Any] = [
    pytest.param(chain(UNREADY, DOWN), DEFAULT, Status.FAIL, "cannot reach the authority", id="account-not-registered"),
    pytest.param(
        chain(UNKNOWN, an_issuer_view(found=False, ready=False, others=("letsencrypt-dns", "vault"))),
        DEFAULT,
        Status.FAIL,
        "does not exist; letsencrypt-dns may be meant",
        id="misspelt",
    ),
    pytest.param(
        chain(UNKNOWN, an_issuer_view(found=False, ready=False, others=("vault",))),
        DEFAULT,
        Status.FAIL,
        "does not exist.",
        id="absent-and-nothing-near",
    ),
    pytest.param(chain(UNREADY, FORBIDDEN), DEFAULT, Status.FAIL, "is not ready", id="unread-but-the-request-tells"),
    pytest.param(chain(UNKNOWN, FORBIDDEN), DEFAULT, Status.FAIL, "does not exist", id="unread-and-not-there"),
    pytest.param(
        chain(UNREADY, an_issuer_view(ready=False)), DEFAULT, Status.FAIL, "no status yet", id="without-a-status"
    ),
    pytest.param(chain("waiting", FORBIDDEN), DEFAULT, Status.UNKNOWN, "403", id="may-not-be-read"),
    pytest.param(chain("waiting", an_issuer_view()), DEFAULT, Status.PASS, "is ready", id="ready"),
    pytest.param(chain("waiting", None), DEFAULT, Status.SKIP, "has taken the request", id="nobody-had-to-look"),
    pytest.param(chain(UNREADY, DOWN), serving(), Status.WARN, "cannot reach", id="old-certificate-still-serves"),
    pytest.param(chain(UNREADY, DOWN, YOUNG), DEFAULT, Status.WARN, "cannot reach", id="two-minutes-old"),
    pytest.param(
        replace(a_chain(WAITING, a_request(), an_order()), issuer_seen=DOWN),
        DEFAULT,
        Status.FAIL,
        "cannot reach",
        id="order-waits-for-it",
    ),
    pytest.param(a_chain(), DEFAULT, Status.PASS, "nothing is under way", id="issued"),
    pytest.param(
        a_chain(a_certificate(ready(), issuing()), a_request(UNREADY)),
        DEFAULT,
        Status.SKIP,
        "good for now",
        id="renewal",
    ),
    pytest.param(HAND_MADE, DEFAULT, Status.SKIP, "by hand", id="made-by-hand"),
    pytest.param(FORBIDDEN, DEFAULT, Status.UNKNOWN, "403", id="certificates-may-not-be-read"),
]


@pytest.mark.parametrize(("evidence", "origin", "status", "words"), CASES)
def test_issuer_not_ready(evidence: Any, origin: Any, status: Status, words: str) -> None:
    [finding] = issuer_not_ready(a_decision(), evidence, origin, NOT_ASKED, CLOCK)

    assert finding.status is status
    assert words in finding.summary


MEANINGS = [
    pytest.param("x509: certificate signed by unknown authority", "does not trust", id="private-authority"),
    pytest.param("dial tcp: lookup acme on 10.43.0.10:53: server misbehaving", "cannot reach", id="cluster-dns"),
    pytest.param("400 urn:ietf:params:acme:error:invalidContact: Error", "e-mail address", id="contact"),
    pytest.param("urn:ietf:params:acme:error:externalAccountRequired", "external account", id="binding"),
    pytest.param("too many new registrations (10) from this IP address", "new accounts", id="registrations"),
    pytest.param("urn:ietf:params:acme:error:accountDoesNotExist", "does not know its account", id="account-lost"),
    pytest.param('ACME private key in "x" is not of type RSA', "no usable key", id="account-key"),
    pytest.param('InvalidSolver failed to get secret "token"', "a Secret that it names", id="secret"),
    pytest.param("InvalidURL cannot parse", "configuration is refused", id="server-url"),
    pytest.param("something nobody has seen", "", id="unknown"),
]


@pytest.mark.parametrize(("text", "words"), MEANINGS)
def test_what_a_condition_means(text: str, words: str) -> None:
    how, remedy = why_not_ready(text)

    assert words in how
    assert bool(remedy) is bool(how)
