"""The certificate that the origin serves, judged as the edge judges it in Full (strict) mode."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import a_leaf, an_exchange, an_origin, an_outside, default_leaf, serving, some_logs
from build.backend import CLOCK, FORBIDDEN, NOT_ASKED
from build.certificates import a_certificate, a_chain, issuing, ready
from ingressdoctor.api import CertificateChain, Reach, Status, TlsAttempt, ZoneFacts
from ingressdoctor_checks.certificates_common import covers
from ingressdoctor_checks.certificates_served import origin_invalid

HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)
DEFAULT = serving(default_leaf(), trusted=False, code=18)
EXPIRED = serving(a_leaf(not_after="2026-11-18T12:00:00Z"), trusted=False, code=10)
ORIGIN_CA = "CN=CloudFlare Origin Certificate Authority,O=CloudFlare, Inc."
SECRET_GONE = 'ERR Error configuring TLS error="secret shop/web-tls does not exist" providerName=kubernetescrd'


def zone(mode: str) -> ZoneFacts:
    return ZoneFacts(
        id="z",
        name="example.org",
        status="active",
        paused=False,
        name_servers=(),
        records=(),
        wildcard=False,
        origin_addresses=(),
        settings={"ssl": mode},
    )


def judge(
    origin: Any, zone: Any = NOT_ASKED, outside: Any = NOT_ASKED, chain: Any = NOT_ASKED, logs: Any = NOT_ASKED
) -> Any:
    [finding] = origin_invalid(origin, zone, outside, chain, logs, CLOCK)
    return finding


def with_chain(root: str, issuer: str) -> Any:
    authority = a_leaf(subject=issuer, issuer=root, names=())
    shown = TlsAttempt(
        address="203.0.113.10",
        port=443,
        sni="www.shop.example.org",
        reach=Reach.OK,
        trusted=False,
        verify_code=20,
        chain=(a_leaf(issuer=issuer), authority),
    )
    return an_origin(an_exchange(tls=shown))


CASES: list[Any] = [
    pytest.param(serving(), Status.PASS, "issued by", id="valid"),
    pytest.param(serving(a_leaf(names=("*.shop.example.org",))), Status.PASS, "valid", id="wildcard-of-one-label"),
    pytest.param(serving(a_leaf(issuer=ORIGIN_CA), trusted=False, code=20), Status.PASS, "Origin CA", id="origin-ca"),
    pytest.param(
        serving(a_leaf(issuer=ORIGIN_CA, not_after="2026-11-01T00:00:00Z"), trusted=False),
        Status.FAIL,
        "expired 20 days ago",
        id="origin-ca-expires-too",
    ),
    pytest.param(EXPIRED, Status.FAIL, "expired 3 days ago", id="expired"),
    pytest.param(
        serving(a_leaf(names=("shop.example.org",)), trusted=False, code=62),
        Status.FAIL,
        "it is for shop",
        id="wrong-name",
    ),
    pytest.param(
        serving(a_leaf(names=("*.example.org",)), trusted=False, code=62),
        Status.FAIL,
        "not for www",
        id="wildcard-too-high",
    ),
    pytest.param(serving(a_leaf(self_signed=True), trusted=False, code=18), Status.FAIL, "by itself", id="self-signed"),
    pytest.param(serving(trusted=False, code=20), Status.FAIL, "chain is incomplete", id="intermediate-missing"),
    pytest.param(with_chain("CN=Corp Root", "CN=Corp Issuing"), Status.FAIL, "CN=Corp Root", id="authority-unknown"),
    pytest.param(
        serving(a_leaf(issuer="CN=(STAGING) Ersatz Edamame E1,O=(STAGING) Let's Encrypt"), trusted=False, code=20),
        Status.FAIL,
        "staging environment",
        id="staging",
    ),
    pytest.param(serving(trusted=False, code=99), Status.FAIL, "not trusted", id="any-other-reason"),
    pytest.param(
        serving(a_leaf(not_before="2026-11-22T12:00:00Z"), trusted=False, code=9),
        Status.FAIL,
        "only from",
        id="not-yet",
    ),
    pytest.param(FORBIDDEN, Status.UNKNOWN, "403", id="origin-not-asked"),
    pytest.param(an_origin(an_exchange(0, reach=Reach.REFUSED)), Status.SKIP, "showed no certificate", id="refused"),
    pytest.param(
        an_origin(an_exchange(0, tls=TlsAttempt(address="203.0.113.10", port=443, sni="x", reach=Reach.TLS_EOF))),
        Status.SKIP,
        "showed no certificate",
        id="handshake-broke-off",
    ),
]


@pytest.mark.parametrize(("origin", "status", "words"), CASES)
def test_in_strict_mode(origin: Any, status: Status, words: str) -> None:
    finding = judge(origin, zone("strict"))

    assert finding.status is status
    assert words in finding.summary


GROUNDS: list[Any] = [
    pytest.param(zone("strict"), NOT_ASKED, Status.FAIL, id="zone-is-strict"),
    pytest.param(zone("full"), NOT_ASKED, Status.WARN, id="full-lets-it-pass"),
    pytest.param(NOT_ASKED, an_outside(edge_code=526), Status.FAIL, id="526-was-seen"),
    pytest.param(NOT_ASKED, NOT_ASKED, Status.WARN, id="mode-unknown"),
    pytest.param(NOT_ASKED, an_outside(EXPIRED.https, edge=False), Status.FAIL, id="visitors-come-without-the-edge"),
]


@pytest.mark.parametrize(("zone", "outside", "status"), GROUNDS)
def test_on_what_ground_it_is_refused(zone: Any, outside: Any, status: Status) -> None:
    assert judge(EXPIRED, zone, outside).status is status


NOT_ISSUED = a_chain(a_certificate(ready("False"), issuing()))
OWNERS: list[Any] = [
    pytest.param(NOT_ISSUED, some_logs(), Status.SKIP, id="certificate-not-issued"),
    pytest.param(HAND_MADE, some_logs(errors=(SECRET_GONE,)), Status.SKIP, id="log-says-the-secret-is-missing"),
    pytest.param(HAND_MADE, FORBIDDEN, Status.SKIP, id="log-unread"),
    pytest.param(FORBIDDEN, some_logs(), Status.SKIP, id="chain-unread"),
    pytest.param(HAND_MADE, some_logs(), Status.FAIL, id="secret-is-there-for-another-name"),
    pytest.param(a_chain(), some_logs(), Status.FAIL, id="certificate-ready-for-another-name"),
    pytest.param(
        HAND_MADE, some_logs(errors=("ERR secret other/tls does not exist",)), Status.FAIL, id="log-of-another-secret"
    ),
]


@pytest.mark.parametrize(("chain", "logs", "status"), OWNERS)
def test_who_explains_the_default_certificate(chain: Any, logs: Any, status: Status) -> None:
    assert judge(DEFAULT, zone("strict"), chain=chain, logs=logs).status is status


NAMES = [
    pytest.param("www.example.org", True, id="exact"),
    pytest.param("WWW.Example.ORG.", True, id="case-and-dot"),
    pytest.param("a.b.example.org", False, id="wildcard-is-one-label"),
    pytest.param("example.org", False, id="wildcard-is-not-the-apex"),
]


@pytest.mark.parametrize(("hostname", "expected"), NAMES)
def test_covers(hostname: str, expected: bool) -> None:
    assert covers(a_leaf(names=("*.example.org",)), hostname) is expected
