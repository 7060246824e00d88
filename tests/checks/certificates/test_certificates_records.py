"""What the TXT records of a challenge say about why it waits."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import default_leaf, serving
from build.backend import CLOCK, NOT_ASKED, a_decision
from build.certificates import RECORD, a_certificate, a_chain, a_challenge, a_request, a_txt, issuing, ready
from ingressdoctor.api import ChallengeRecords, Rcode, Status
from ingressdoctor_checks.certificates_challenge import challenge_stuck
from ingressdoctor_checks.certificates_records import verdict_on

NOT_READY = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
DEFAULT = serving(default_leaf(), trusted=False, code=18)
SLOW_DNS = 'Waiting for DNS-01 challenge propagation: DNS record for "x" not yet propagated'
TOKEN = 'while querying the Cloudflare API for GET "/zones?name=x" Error: 9109: Invalid access token'
FIRST, SECOND = "192.0.2.53:53", "192.0.2.54:53"
NONE = a_txt(rcode=Rcode.NXDOMAIN)
GONE = a_txt(rcode=Rcode.REFUSED)


def records(*replies: Any, right: tuple[str, ...] | None = (), **more: Any) -> ChallengeRecords:
    return ChallengeRecords(name=RECORD, zone="shop.example.org", replies=replies, right=right, **more)


def chain(reason: str = SLOW_DNS, *, presented: bool = True) -> Any:
    return a_chain(NOT_READY, a_request(), a_challenge(reason, presented=presented))


CASES: list[Any] = [
    pytest.param(records(NONE), True, "hold no TXT record for", id="written-and-gone"),
    pytest.param(records(NONE), False, "has not written the TXT record", id="not-written-yet"),
    pytest.param(records(a_txt("old")), True, "hold another value", id="of-another-challenge"),
    pytest.param(records(a_txt("K3Y"), right=(FIRST,)), True, "is shown other ones", id="right-and-not-seen"),
    pytest.param(
        records(a_txt("K3Y"), a_txt(server=SECOND, rcode=Rcode.NXDOMAIN), right=(FIRST,)),
        True,
        "only 1 of 2 servers",
        id="on-one-server-only",
    ),
    pytest.param(
        records(a_txt("K3Y"), a_txt(server=SECOND, rcode=Rcode.TIMEOUT), right=(FIRST,)),
        True,
        "is shown other ones",
        id="a-silent-server-is-not-counted",
    ),
    pytest.param(records(GONE), True, "do not answer", id="lame-delegation"),
    pytest.param(
        records(a_txt("K3Y"), right=(FIRST,), target="x.acme.example"),
        True,
        "is a CNAME to x.acme.example, and the solver",
        id="alias-not-followed",
    ),
    pytest.param(
        records(NONE, target="x.acme.example", by_cname=True), True, "for x.acme.example (where", id="alias-empty"
    ),
    pytest.param(records(a_txt("any"), right=None), True, "becomes visible", id="value-not-known"),
    pytest.param(records(), True, "becomes visible", id="no-server-found"),
    pytest.param(NOT_ASKED, True, "becomes visible", id="not-looked-up"),
]


@pytest.mark.parametrize(("evidence", "presented", "words"), CASES)
def test_records_say_more_than_not_yet_propagated(evidence: Any, presented: bool, words: str) -> None:
    [finding] = challenge_stuck(a_decision(), chain(presented=presented), DEFAULT, NOT_ASKED, evidence, CLOCK)

    assert finding.status is Status.FAIL
    assert words in finding.summary


def test_a_refused_token_is_not_explained_by_missing_records() -> None:
    [finding] = challenge_stuck(a_decision(), chain(TOKEN, presented=False), DEFAULT, NOT_ASKED, records(NONE), CLOCK)

    assert "(9109)" in finding.summary


def test_each_server_is_shown() -> None:
    evidence = records(a_txt("old"), a_txt(server=SECOND, rcode=Rcode.NXDOMAIN), target="x.acme.example", by_cname=True)

    [finding] = challenge_stuck(a_decision(), chain(), DEFAULT, NOT_ASKED, evidence, CLOCK)

    seen = {fact.name: fact.value for fact in finding.facts}
    assert seen[f"TXT at {FIRST}"] == '"old"'
    assert seen[f"TXT at {SECOND}"] == "NXDOMAIN"
    assert seen["CNAME"] == f"{RECORD} → x.acme.example"


def test_nothing_is_judged_without_an_answer() -> None:
    link = chain().deepest

    assert link is not None
    assert verdict_on(records(), link) is None
