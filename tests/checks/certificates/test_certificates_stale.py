"""Controllers that serve an older certificate than the Secret holds."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import a_handshake, a_leaf, an_exchange, an_outside, default_leaf, serving
from build.backend import CLOCK, FORBIDDEN, NOT_ASKED, a_decision
from build.certificates import a_certificate, a_chain, issuing, ready
from ingressdoctor.api import CertificateChain, Status
from ingressdoctor_checks.certificates_stale import served_stale

HAND_MADE = CertificateChain(secret="web-tls", namespace="shop", certificate=None)
RENEWED = a_chain(a_certificate(notBefore="2026-11-01T00:00:00Z", notAfter="2027-01-30T00:00:00Z"))
FRESH = a_chain(a_certificate(notBefore="2026-11-21T10:50:00Z", notAfter="2027-02-19T10:50:00Z"))
OLD = a_leaf(not_before="2026-09-01T00:00:00Z", not_after="2026-11-30T00:00:00Z")
EXPIRED = a_leaf(not_before="2026-08-20T00:00:00Z", not_after="2026-11-18T00:00:00Z")
OWN = a_leaf(not_before="2026-11-01T00:00:00Z", not_after="2027-01-30T00:00:00Z")
NEWER = a_leaf(not_before="2026-11-10T00:00:00Z", not_after="2027-02-08T00:00:00Z")
LONG = a_leaf(not_before="2026-11-15T00:00:00Z", not_after="2027-01-20T00:00:00Z")


def visited(leaf: Any, *, edge: bool = False) -> Any:
    return an_outside(an_exchange(tls=a_handshake(leaf)), edge=edge)


CASES: list[Any] = [
    pytest.param(RENEWED, serving(OWN), NOT_ASKED, Status.PASS, "is the one", id="the-same"),
    pytest.param(RENEWED, serving(NEWER), NOT_ASKED, Status.PASS, "or a newer one", id="newer"),
    pytest.param(RENEWED, serving(LONG), NOT_ASKED, Status.PASS, "or a newer one", id="begun-later-is-not-older"),
    pytest.param(
        RENEWED,
        serving(OLD),
        NOT_ASKED,
        Status.WARN,
        "it expires in 8 days, the renewed one lasts until 2027-01-30",
        id="older-and-valid",
    ),
    pytest.param(
        RENEWED,
        serving(EXPIRED, trusted=False, code=10),
        NOT_ASKED,
        Status.FAIL,
        "it expired 4 days ago",
        id="expired",
    ),
    pytest.param(
        RENEWED,
        serving(EXPIRED, trusted=False, code=10),
        visited(OWN, edge=True),
        Status.WARN,
        "it expired 4 days ago",
        id="expired-and-let-pass",
    ),
    pytest.param(RENEWED, NOT_ASKED, visited(OLD), Status.WARN, "older certificate", id="seen-by-visitors"),
    pytest.param(RENEWED, serving(OWN), visited(OLD, edge=True), Status.PASS, "is the one", id="the-edges-is-its-own"),
    pytest.param(FRESH, serving(OWN), NOT_ASKED, Status.PASS, "the one before is still served", id="an-hour-ago"),
    pytest.param(RENEWED, serving(default_leaf()), NOT_ASKED, Status.SKIP, "No certificate", id="default-certificate"),
    pytest.param(RENEWED, NOT_ASKED, NOT_ASKED, Status.SKIP, "No certificate", id="nothing-seen"),
    pytest.param(
        a_chain(a_certificate(ready("False"), issuing())),
        serving(OLD),
        NOT_ASKED,
        Status.SKIP,
        "compare",
        id="not-ready",
    ),
    pytest.param(a_chain(a_certificate(notAfter="x")), serving(), NOT_ASKED, Status.SKIP, "compare", id="not-a-date"),
    pytest.param(HAND_MADE, serving(OLD), NOT_ASKED, Status.SKIP, "by hand", id="made-by-hand"),
    pytest.param(FORBIDDEN, serving(OLD), NOT_ASKED, Status.UNKNOWN, "403", id="may-not-be-read"),
]


@pytest.mark.parametrize(("chain", "origin", "outside", "status", "words"), CASES)
def test_served_stale(chain: Any, origin: Any, outside: Any, status: Status, words: str) -> None:
    [finding] = served_stale(a_decision(), chain, origin, outside, NOT_ASKED, CLOCK)

    assert finding.status is status
    assert words in finding.summary


def test_the_three_are_shown_side_by_side() -> None:
    [finding] = served_stale(a_decision(), RENEWED, serving(OLD), visited(OWN, edge=True), NOT_ASKED, CLOCK)

    assert {"expected", "in the Secret", "served", "at the edge"} <= {fact.name for fact in finding.facts}
