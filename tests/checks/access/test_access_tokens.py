"""The configured service token: valid, about to expire, expired, refused, unreadable."""

from __future__ import annotations

import pytest

from build.access import (
    CLOCK,
    FORBIDDEN,
    PANEL,
    application,
    at_the_login,
    coverage,
    match,
    seen_through,
    token,
    without_login,
)
from build.outside import MISSING, exchange
from ingressdoctor.api import (
    AccessCoverage,
    AccessPolicy,
    Decision,
    OutsideProbe,
    ServiceToken,
    Status,
    Target,
    TokenUse,
    Unavailable,
)
from ingressdoctor_checks.access_tokens import service_token_expired, service_token_rejected

TARGET = Target(hostname=PANEL)
PAST, SOON, LATER = "2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z", "2027-11-20T00:00:00Z"
REFUSED = at_the_login(TokenUse.REFUSED, exchange(403))
NO_LOGIN = without_login()


def with_tokens(*tokens: ServiceToken, included: tuple[str, ...] = ("t1",), every: bool = False) -> AccessCoverage:
    policy = AccessPolicy(
        name="machines", decision=Decision.SERVICE_AUTH, service_tokens=included, any_service_token=every
    )
    app = application("*.shop.example", policies=(policy,))
    return coverage(match(app=app), tokens=tokens)


@pytest.mark.parametrize(
    ("probe", "covered", "status"),
    [
        pytest.param(seen_through(), with_tokens(token(expires_at=LATER)), Status.PASS, id="valid"),
        pytest.param(seen_through(), with_tokens(token(expires_at=SOON)), Status.WARN, id="expires-in-ten-days"),
        pytest.param(seen_through(), with_tokens(token(expires_at="")), Status.PASS, id="never-expires"),
        pytest.param(seen_through(), with_tokens(token(expires_at="soon")), Status.PASS, id="a-date-that-is-none"),
        pytest.param(REFUSED, with_tokens(token(expires_at=PAST)), Status.FAIL, id="expired"),
        pytest.param(REFUSED, with_tokens(token(enabled=False)), Status.FAIL, id="switched-off"),
        pytest.param(
            seen_through(),
            with_tokens(token(), token(expires_at=PAST, ours=False, ident="t2"), included=("t2",)),
            Status.WARN,
            id="another-of-the-policy-expired",
        ),
        pytest.param(
            seen_through(),
            with_tokens(token(), token(expires_at=PAST, ours=False, ident="t3")),
            Status.PASS,
            id="one-that-has-nothing-to-do-with-it-expired",
        ),
        pytest.param(at_the_login(), with_tokens(), Status.SKIP, id="none-configured"),
        pytest.param(NO_LOGIN, with_tokens(token(expires_at=PAST)), Status.SKIP, id="no-login-to-pass"),
        pytest.param(MISSING, with_tokens(token(expires_at=PAST)), Status.SKIP, id="no-visit"),
        pytest.param(at_the_login(), FORBIDDEN, Status.SKIP, id="not-read-and-not-refused"),
        pytest.param(REFUSED, coverage(match(), tokens=FORBIDDEN), Status.UNKNOWN, id="refused-and-not-read"),
        pytest.param(REFUSED, FORBIDDEN, Status.UNKNOWN, id="refused-and-nothing-read"),
    ],
)
def test_service_token_expired(
    probe: OutsideProbe | Unavailable, covered: AccessCoverage | Unavailable, status: Status
) -> None:
    [finding] = service_token_expired(TARGET, probe, covered, CLOCK)

    assert finding.status is status


@pytest.mark.parametrize(
    ("probe", "covered", "status", "words"),
    [
        pytest.param(seen_through(), coverage(match()), Status.PASS, "passes", id="accepted"),
        pytest.param(at_the_login(), coverage(match()), Status.SKIP, "configured", id="none-configured"),
        pytest.param(at_the_login(TokenUse.UNREADABLE), MISSING, Status.UNKNOWN, "read", id="unreadable"),
        pytest.param(REFUSED, with_tokens(token()), Status.FAIL, "include this token", id="refused-though-included"),
        pytest.param(
            REFUSED, with_tokens(token(), included=()), Status.WARN, "do not include", id="refused-and-not-included"
        ),
        pytest.param(
            REFUSED, with_tokens(token(), included=(), every=True), Status.FAIL, "include this", id="any-token-passes"
        ),
        pytest.param(REFUSED, with_tokens(), Status.WARN, "not of this account", id="of-another-account"),
        pytest.param(REFUSED, coverage(match()), Status.WARN, "none with Service Auth", id="no-service-auth"),
        pytest.param(REFUSED, FORBIDDEN, Status.WARN, "403", id="nothing-read"),
        pytest.param(
            REFUSED,
            coverage(match(app=application("*", policies=MISSING))),
            Status.WARN,
            "not read",
            id="policies-unread",
        ),
        pytest.param(REFUSED, with_tokens(token(expires_at=PAST)), Status.SKIP, "expired", id="expired-says-so"),
        pytest.param(NO_LOGIN, coverage(), Status.SKIP, "No Access login", id="no-login"),
        pytest.param(MISSING, coverage(), Status.SKIP, "No Access login", id="no-visit"),
    ],
)
def test_service_token_rejected(
    probe: OutsideProbe | Unavailable, covered: AccessCoverage | Unavailable, status: Status, words: str
) -> None:
    [finding] = service_token_rejected(TARGET, probe, covered, CLOCK)

    assert finding.status is status
    assert words in f"{finding.summary} {[fact.value for fact in finding.facts]}"


def test_no_finding_shows_a_whole_client_id() -> None:
    [finding] = service_token_expired(TARGET, REFUSED, with_tokens(token(expires_at=PAST)), CLOCK)

    assert "0123abcd…" in {fact.value for fact in finding.facts}
