"""Following a Certificate down to the object that carries the reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.backend import (
    CLOCK,
    a_decision,
)
from build.certificates import (
    a_certificate,
    a_challenge,
    a_condition,
    a_refused_request,
    a_request,
    an_issuer,
    an_order,
    issuing,
    ready,
)
from build.cluster import FakeCluster
from ingressdoctor.api import (
    CertificateChain,
    IssuerSolver,
    IssuerView,
    Unavailable,
)
from ingressdoctor.collect.certificates import certificate_chain, order_of

CERTS = "/apis/cert-manager.io/v1/namespaces/shop/certificates"
REQUESTS = "/apis/cert-manager.io/v1/namespaces/shop/certificaterequests"
ORDERS = "/apis/acme.cert-manager.io/v1/namespaces/shop/orders"
ISSUERS = "/apis/cert-manager.io/v1/clusterissuers"
CHALLENGES = "/apis/acme.cert-manager.io/v1/namespaces/shop/challenges"


WAITING = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
FAILED = a_request('Failed to wait for order resource "web" to become ready: order is in "errored" state: 429 limit')
TOLD = a_certificate(
    ready("False", "DoesNotExist", "Secret does not exist"),
    issuing(
        "False",
        'The certificate request has failed to complete and will be retried: Failed to wait for order resource "web-1"'
        ' to become ready: order is in "errored" state: 429 limit',
    ),
    lastFailureTime="2026-11-21T11:30:00Z",
)
EMPTY = a_request('Failed to wait for order resource "web" to become ready: order is in "invalid" state: ')
CHAINS: list[Any] = [
    pytest.param({CERTS: [a_certificate()]}, ["Certificate"], 1, id="ready-is-one-request"),
    pytest.param({CERTS: [WAITING], REQUESTS: [], ISSUERS: []}, ["Certificate"], 3, id="no-request-yet"),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_request()], CHALLENGES: [a_challenge("9109")]},
        ["Certificate", "CertificateRequest", "Challenge"],
        3,
        id="the-challenge-of-the-order-that-the-request-names",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [FAILED]},
        ["Certificate", "CertificateRequest", "Order"],
        2,
        id="an-order-of-which-the-request-tells-why",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [EMPTY], CHALLENGES: [a_challenge("caa", "invalid")]},
        ["Certificate", "CertificateRequest", "Challenge"],
        3,
        id="an-order-that-did-not",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_request()], CHALLENGES: [], ISSUERS: [an_issuer()]},
        ["Certificate", "CertificateRequest", "Order"],
        4,
        id="an-order-without-a-challenge",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [EMPTY], CHALLENGES: [], ORDERS: [an_order("invalid")]},
        ["Certificate", "CertificateRequest", "Order"],
        4,
        id="an-order-whose-challenges-are-gone",
    ),
    pytest.param(
        {CERTS: [TOLD], REQUESTS: []},
        ["Certificate", "Order"],
        2,
        id="an-order-of-which-the-certificate-tells",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_refused_request(a_condition("Denied"))]},
        ["Certificate", "CertificateRequest"],
        2,
        id="a-request-that-was-denied",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_request('Referenced "ClusterIssuer" not found')], ISSUERS: []},
        ["Certificate", "CertificateRequest"],
        3,
        id="no-order-at-all",
    ),
]


@pytest.mark.parametrize(("objects", "kinds", "requests"), CHAINS)
async def test_the_chain_is_followed_to_its_end(objects: dict[str, Any], kinds: list[str], requests: int) -> None:
    cluster = FakeCluster(objects)

    chain = await certificate_chain.function(cluster, a_decision(), CLOCK)

    assert isinstance(chain, CertificateChain)
    assert [link.ref.split()[0] for link in chain.links] == kinds
    assert len(cluster.asked) == requests


async def test_what_answers_a_challenge_is_not_kept() -> None:
    cluster = FakeCluster({CERTS: [WAITING], REQUESTS: [a_request()], CHALLENGES: [a_challenge("x")]})

    chain = await certificate_chain.function(cluster, a_decision(), CLOCK)

    assert "K3Y" not in repr(chain)
    assert "T0KEN" not in repr(chain)


GONE: list[Any] = [
    pytest.param({}, {}, {"tls_secret": ""}, "names no TLS Secret", 0, id="no-secret"),
    pytest.param({}, {}, {}, "not installed", 1, id="crd-absent"),
    pytest.param({CERTS: []}, {CERTS: 403}, {}, "403", 1, id="may-not-look"),
]


@pytest.mark.parametrize(("objects", "statuses", "decision", "reason", "requests"), GONE)
async def test_no_chain(objects: Any, statuses: Any, decision: Any, reason: str, requests: int) -> None:
    cluster = FakeCluster(objects, statuses)

    chain = await certificate_chain.function(cluster, a_decision(**decision), CLOCK)

    assert isinstance(chain, Unavailable)
    assert reason in chain.reason
    assert len(cluster.asked) == requests


async def test_a_secret_that_no_certificate_writes_is_made_by_hand() -> None:
    cluster = FakeCluster({CERTS: [a_certificate(secret="other-tls")]})

    chain = await certificate_chain.function(cluster, a_decision(), CLOCK)

    assert isinstance(chain, CertificateChain)
    assert chain.certificate is None


async def test_the_oldest_of_two_certificates_owns_the_secret() -> None:
    old, new = a_certificate(name="old"), a_certificate(name="new")
    new = msgspec.structs.replace(
        new, metadata=msgspec.structs.replace(new.metadata, creation_timestamp="2026-11-21T11:30:00Z")
    )

    chain = await certificate_chain.function(FakeCluster({CERTS: [new, old]}), a_decision(), CLOCK)

    assert isinstance(chain, CertificateChain)
    assert chain.certificate is not None
    assert chain.certificate.ref == "Certificate shop/old"
    assert chain.rivals == ("Certificate shop/new",)


ORDERS_NAMED = [
    pytest.param('Waiting on certificate issuance from order shop/web-5-123: "pending"', "web-5-123", id="pending"),
    pytest.param('Failed to wait for order resource "web-5-1" to become ready: order is in', "web-5-1", id="failed"),
    pytest.param('Referenced "Issuer" not found', "", id="no-order"),
]


@pytest.mark.parametrize(("message", "expected"), ORDERS_NAMED)
def test_order_of(message: str, expected: str) -> None:
    assert order_of(a_request(message)) == expected


DOWN = an_issuer("letsencrypt", a_condition("Ready", "False", "ErrRegisterACMEAccount", "dial tcp: i/o timeout"))
SCOPED = an_issuer(
    "letsencrypt",
    solvers=[
        {"dns01": {}, "selector": {"dnsZones": ["Shop.example.org", 5], "matchLabels": {"a": "b"}}},
        {"http01": {}, "selector": {"dnsNames": ["www.shop.example.org"]}},
        None,
    ],
)
ISSUER_CASES: list[Any] = [
    pytest.param([DOWN], {"found": True, "ready": False, "reason": "ErrRegisterACMEAccount"}, id="not-ready"),
    pytest.param([an_issuer("letsencrypt-dns")], {"found": False, "others": ("letsencrypt-dns",)}, id="not-there"),
    pytest.param([an_issuer()], {"found": True, "ready": True, "others": ()}, id="ready"),
    pytest.param(
        [SCOPED],
        {
            "solvers": (
                IssuerSolver(kind="dns01", zones=("shop.example.org",), labels=True),
                IssuerSolver(kind="http01", names=("www.shop.example.org",)),
                IssuerSolver(kind="unknown"),
            )
        },
        id="selectors",
    ),
]


@pytest.mark.parametrize(("issuers", "parts"), ISSUER_CASES)
async def test_the_issuer_is_read_where_the_request_waits_without_an_order(issuers: Any, parts: dict[str, Any]) -> None:
    said = "Referenced issuer does not have a Ready status condition"
    cluster = FakeCluster({CERTS: [WAITING], REQUESTS: [a_request(said)], ISSUERS: issuers})

    chain = await certificate_chain.function(cluster, a_decision(), CLOCK)

    assert isinstance(chain, CertificateChain)
    assert isinstance(chain.issuer_seen, IssuerView)
    assert {name: getattr(chain.issuer_seen, name) for name in parts} == parts


UNREAD_CASES: list[Any] = [
    pytest.param(403, "403", id="may-not-be-read"),
    pytest.param(0, "cannot be reached", id="not-reached"),
    pytest.param(404, "not installed", id="not-installed"),
]


@pytest.mark.parametrize(("status", "reason"), UNREAD_CASES)
async def test_an_issuer_that_cannot_be_read_costs_nothing_else(status: int, reason: str) -> None:
    objects = {CERTS: [WAITING], REQUESTS: [a_request("Referenced issuer")], ISSUERS: []}

    chain = await certificate_chain.function(FakeCluster(objects, {ISSUERS: status}), a_decision(), CLOCK)

    assert isinstance(chain, CertificateChain)
    assert isinstance(chain.issuer_seen, Unavailable)
    assert reason in chain.issuer_seen.reason


async def test_an_issuer_of_another_program_is_left_alone() -> None:
    certificate = a_certificate(ready("False"), issuing())
    certificate.spec["issuerRef"] = {"group": "awspca.cert-manager.io", "kind": "AWSPCAClusterIssuer", "name": "pca"}
    cluster = FakeCluster({CERTS: [certificate], REQUESTS: [a_request("waiting")]})

    chain = await certificate_chain.function(cluster, a_decision(), CLOCK)

    assert isinstance(chain, CertificateChain)
    assert chain.issuer_seen is None
