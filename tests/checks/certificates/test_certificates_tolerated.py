"""Where an edge lets any certificate pass, what keeps a new one from coming is a warning."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import an_exchange, an_outside, default_leaf, serving
from build.backend import CLOCK, NOT_ASKED, a_decision
from build.certificates import (
    a_certificate,
    a_chain,
    a_challenge,
    a_condition,
    a_refused_request,
    a_request,
    an_order,
    issuing,
    ready,
)
from ingressdoctor.api import Status
from ingressdoctor_checks.certificates import not_ready
from ingressdoctor_checks.certificates_challenge import challenge_stuck
from ingressdoctor_checks.certificates_issuer import issuer_not_ready
from ingressdoctor_checks.certificates_order import order_failed, request_failed
from ingressdoctor_checks.certificates_secret import wrong_names

DEFAULT = serving(default_leaf(), trusted=False, code=18)
WAITING = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
UNREADY = "Referenced issuer does not have a Ready status condition"


def others() -> Any:
    certificate = a_certificate()
    certificate.spec["dnsNames"] = ["graphs.example.org"]
    return a_chain(certificate)


CHECKS: list[Any] = [
    pytest.param(not_ready, a_chain(WAITING), (CLOCK,), id="not-ready"),
    pytest.param(issuer_not_ready, a_chain(WAITING, a_request(UNREADY)), (CLOCK,), id="issuer"),
    pytest.param(request_failed, a_chain(WAITING, a_refused_request(a_condition("Denied"))), (CLOCK,), id="request"),
    pytest.param(
        order_failed, a_chain(WAITING, a_request(), an_order("errored", "429")), (NOT_ASKED, CLOCK), id="order"
    ),
    pytest.param(
        challenge_stuck, a_chain(WAITING, a_request(), a_challenge("9109")), (NOT_ASKED, CLOCK), id="challenge"
    ),
    pytest.param(wrong_names, others(), (NOT_ASKED,), id="names"),
]
VISITS: list[Any] = [
    pytest.param(an_outside(), Status.WARN, id="the-edge-answers"),
    pytest.param(an_outside(an_exchange(500)), Status.WARN, id="with-the-applications-own-error"),
    pytest.param(an_outside(edge_code=526), Status.FAIL, id="the-edge-refuses"),
    pytest.param(an_outside(edge=False), Status.FAIL, id="without-an-edge"),
    pytest.param(NOT_ASKED, Status.FAIL, id="not-visited"),
]


@pytest.mark.parametrize(("outside", "status"), VISITS)
@pytest.mark.parametrize(("check", "chain", "rest"), CHECKS)
def test_where_visitors_are_none_the_worse(check: Any, chain: Any, rest: Any, outside: Any, status: Status) -> None:
    [finding] = check(a_decision(), chain, DEFAULT, outside, *rest)

    assert finding.status is status
