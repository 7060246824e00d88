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
    a_request,
    an_order,
    issuing,
    ready,
)
from build.cluster import FakeCluster
from ingressdoctor.api import (
    CertificateChain,
    Unavailable,
)
from ingressdoctor.collect.certificates import certificate_chain, order_of

CERTS = "/apis/cert-manager.io/v1/namespaces/shop/certificates"
REQUESTS = "/apis/cert-manager.io/v1/namespaces/shop/certificaterequests"
ORDERS = "/apis/acme.cert-manager.io/v1/namespaces/shop/orders"
CHALLENGES = "/apis/acme.cert-manager.io/v1/namespaces/shop/challenges"


WAITING = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
FAILED = a_request('Failed to wait for order resource "web" to become ready: order is in "errored" state: 429 limit')
EMPTY = a_request('Failed to wait for order resource "web" to become ready: order is in "invalid" state: ')
CHAINS: list[Any] = [
    pytest.param({CERTS: [a_certificate()]}, ["Certificate"], 1, id="ready-is-one-request"),
    pytest.param({CERTS: [WAITING], REQUESTS: []}, ["Certificate"], 2, id="no-request-yet"),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_request()], CHALLENGES: [a_challenge("9109")]},
        ["Certificate", "CertificateRequest", "Challenge"],
        3,
        id="the-challenge-of-the-order-that-the-request-names",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [FAILED], ORDERS: [an_order("errored", "429 limit")]},
        ["Certificate", "CertificateRequest", "Order"],
        3,
        id="an-order-that-said-why",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [EMPTY], CHALLENGES: [a_challenge("caa", "invalid")]},
        ["Certificate", "CertificateRequest", "Challenge"],
        3,
        id="an-order-that-did-not",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_request()], CHALLENGES: [], ORDERS: [an_order()]},
        ["Certificate", "CertificateRequest", "Order"],
        4,
        id="an-order-without-a-challenge",
    ),
    pytest.param(
        {CERTS: [WAITING], REQUESTS: [a_request('Referenced "ClusterIssuer" not found')]},
        ["Certificate", "CertificateRequest"],
        2,
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
