"""Secrets that are missing, and certificates that are for other names."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import a_leaf, an_outside, default_leaf, serving, some_logs
from build.backend import FORBIDDEN, NOT_ASKED
from build.certificates import a_certificate, a_chain, an_ingress_of, by_an_ingress, issuing, ready
from build.values import replace
from ingressdoctor.api import (
    CertificateChain,
    NginxLine,
    NginxLogs,
    Status,
    Unavailable,
)
from ingressdoctor_checks.certificates_secret import secret_missing, wrong_names

HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)
ABSENT = Unavailable(wanted="it", reason="cert-manager is not installed")
NOT_READY = a_chain(a_certificate(ready("False"), issuing()))
FAKE = serving(
    a_leaf(subject="CN=Kubernetes Ingress Controller Fake Certificate,O=Acme Co", names=("ingress.local",)),
    trusted=False,
    code=18,
)
TRAEFIK = serving(default_leaf(), trusted=False, code=18)
GONE = NginxLogs(
    lines=(NginxLine(code="certificate-missing", line='Error getting SSL certificate "shop/web-tls"', ours=True),)
)
REFUSED = NginxLogs(
    lines=(
        NginxLine(
            code="certificate-missing",
            line='Unexpected error validating SSL certificate "shop/web-tls" for server "www.shop.example.org"',
            ours=True,
        ),
    )
)
OTHER = NginxLogs(
    lines=(
        NginxLine(
            code="certificate-wrong-name",
            line="x509: certificate is valid for graphs.example.org, not www.shop.example.org",
            ours=True,
        ),
    )
)


MISSING: list[Any] = [
    pytest.param(HAND_MADE, FAKE, an_ingress_of(), GONE, Status.FAIL, "names no issuer", id="nobody-writes-it"),
    pytest.param(
        HAND_MADE,
        FAKE,
        an_ingress_of("cert-manager.io/cluster-issuer"),
        GONE,
        Status.FAIL,
        "asks for it by cert-manager.io/cluster-issuer, but cert-manager has made no Certificate",
        id="asked-for-and-not-made",
    ),
    pytest.param(
        HAND_MADE,
        FAKE,
        an_ingress_of("cert-manager.io/cluster-issuer", "cert-manager.io/issuer"),
        GONE,
        Status.FAIL,
        "names an issuer and a cluster-issuer",
        id="two-issuers",
    ),
    pytest.param(
        HAND_MADE,
        FAKE,
        an_ingress_of("cert-manager.io/cluster-isuer"),
        GONE,
        Status.FAIL,
        "the annotation cert-manager.io/cluster-isuer is not one of cert-manager's",
        id="misspelt-annotation",
    ),
    pytest.param(
        HAND_MADE,
        FAKE,
        an_ingress_of("certmanager.k8s.io/cluster-issuer"),
        GONE,
        Status.FAIL,
        "the annotation certmanager.k8s.io/cluster-issuer is not",
        id="annotation-of-old-releases",
    ),
    pytest.param(
        HAND_MADE,
        FAKE,
        an_ingress_of("cert-manager.io/issuer-kind"),
        GONE,
        Status.FAIL,
        "names no issuer",
        id="kind-without-a-name",
    ),
    pytest.param(
        HAND_MADE,
        FAKE,
        an_ingress_of("kubernetes.io/tls-acme"),
        GONE,
        Status.FAIL,
        "asks for it by kubernetes.io/tls-acme",
        id="asked-for-by-tls-acme",
    ),
    pytest.param(HAND_MADE, FAKE, NOT_ASKED, GONE, Status.FAIL, "removed it", id="ingress-not-read"),
    pytest.param(ABSENT, FAKE, an_ingress_of(), GONE, Status.FAIL, "does not exist", id="cert-manager-not-installed"),
    pytest.param(HAND_MADE, FAKE, an_ingress_of(), OTHER, Status.SKIP, "Nothing says", id="there-with-other-names"),
    pytest.param(HAND_MADE, FAKE, an_ingress_of(), REFUSED, Status.SKIP, "Nothing says", id="there-and-refused"),
    pytest.param(HAND_MADE, serving(), an_ingress_of(), GONE, Status.PASS, "is there", id="an-old-line-of-the-log"),
    pytest.param(HAND_MADE, TRAEFIK, an_ingress_of(), NOT_ASKED, Status.SKIP, "Nothing says", id="no-log"),
    pytest.param(a_chain(), FAKE, an_ingress_of(), GONE, Status.PASS, "cert-manager keeps", id="kept-by-cert-manager"),
    pytest.param(NOT_READY, FAKE, an_ingress_of(), GONE, Status.SKIP, "has not been issued", id="not-issued"),
    pytest.param(FORBIDDEN, FAKE, an_ingress_of(), GONE, Status.UNKNOWN, "403", id="may-not-be-read"),
]


@pytest.mark.parametrize(("chain", "origin", "found", "logs", "status", "words"), MISSING)
def test_secret_missing(chain: Any, origin: Any, found: Any, logs: Any, status: Status, words: str) -> None:
    [finding] = secret_missing(by_an_ingress(), chain, origin, NOT_ASKED, found, logs, NOT_ASKED)

    assert finding.status is status
    assert words in finding.summary


def test_a_route_without_a_secret_misses_none() -> None:
    [finding] = secret_missing(
        by_an_ingress(tls_secret=""), HAND_MADE, FAKE, NOT_ASKED, an_ingress_of(), GONE, NOT_ASKED
    )

    assert finding.status is Status.SKIP


TRAEFIK_SAYS = some_logs(errors=('ERR Error configuring TLS error="secret shop/web-tls does not exist"',))
BY_TRAEFIK: list[Any] = [
    pytest.param(
        an_ingress_of("cert-manager.io/cluster-isuer"), TRAEFIK_SAYS, Status.FAIL, "is not one of", id="misspelt"
    ),
    pytest.param(an_ingress_of("cert-manager.io/issuer"), TRAEFIK_SAYS, Status.FAIL, "has made no", id="asked-for"),
    pytest.param(an_ingress_of(), TRAEFIK_SAYS, Status.SKIP, "its own check", id="nobody-asked-cert-manager"),
    pytest.param(an_ingress_of("cert-manager.io/issuer"), some_logs(), Status.SKIP, "Nothing says", id="log-is-silent"),
    pytest.param(an_ingress_of("cert-manager.io/issuer"), FORBIDDEN, Status.SKIP, "Nothing says", id="log-not-read"),
]


@pytest.mark.parametrize(("found", "logs", "status", "words"), BY_TRAEFIK)
def test_behind_traefik_its_log_tells(found: Any, logs: Any, status: Status, words: str) -> None:
    [finding] = secret_missing(by_an_ingress(), HAND_MADE, TRAEFIK, NOT_ASKED, found, NOT_ASKED, logs)

    assert finding.status is status
    assert words in finding.summary


def for_names(*names: str, owner: str = "") -> CertificateChain:
    certificate = a_certificate()
    certificate.spec["dnsNames"] = list(names)
    return replace(a_chain(certificate), owner=owner)


NAMES: list[Any] = [
    pytest.param(a_chain(), FAKE, NOT_ASKED, Status.PASS, "is for www.shop.example.org", id="named"),
    pytest.param(for_names("*.SHOP.example.org"), FAKE, NOT_ASKED, Status.PASS, "is for", id="wildcard"),
    pytest.param(
        for_names("*.example.org"), FAKE, NOT_ASKED, Status.FAIL, "not for www.shop", id="wildcard-is-one-label"
    ),
    pytest.param(
        for_names("graphs.example.org", owner="Ingress shop/graphs"),
        FAKE,
        NOT_ASKED,
        Status.FAIL,
        "it was made for Ingress shop/graphs, and cert-manager adds no names of another Ingress",
        id="of-another-ingress",
    ),
    pytest.param(
        for_names("graphs.example.org", owner="Ingress shop/web"),
        FAKE,
        NOT_ASKED,
        Status.FAIL,
        "not for www",
        id="own-and-stale",
    ),
    pytest.param(for_names("a.example.org"), serving(), NOT_ASKED, Status.WARN, "not for www", id="another-one-serves"),
    pytest.param(for_names(), FAKE, NOT_ASKED, Status.SKIP, "lists no names", id="no-names"),
    pytest.param(
        HAND_MADE, FAKE, OTHER, Status.FAIL, "holds a certificate for graphs.example.org, not for www", id="by-hand"
    ),
    pytest.param(HAND_MADE, serving(), OTHER, Status.PASS, "is for www.shop", id="an-old-line-of-the-log"),
    pytest.param(HAND_MADE, FAKE, GONE, Status.SKIP, "not known", id="missing-is-another-matter"),
    pytest.param(HAND_MADE, TRAEFIK, NOT_ASKED, Status.SKIP, "not known", id="no-log"),
    pytest.param(FORBIDDEN, FAKE, OTHER, Status.UNKNOWN, "403", id="may-not-be-read"),
]


@pytest.mark.parametrize(("chain", "origin", "logs", "status", "words"), NAMES)
def test_wrong_names(chain: Any, origin: Any, logs: Any, status: Status, words: str) -> None:
    [finding] = wrong_names(by_an_ingress(), chain, origin, NOT_ASKED, logs)

    assert finding.status is status
    assert words in finding.summary


def test_a_missing_secret_that_visitors_do_not_notice_is_a_warning() -> None:
    asking = an_ingress_of("cert-manager.io/issuer")

    [finding] = secret_missing(by_an_ingress(), HAND_MADE, TRAEFIK, an_outside(), asking, NOT_ASKED, TRAEFIK_SAYS)

    assert finding.status is Status.WARN
