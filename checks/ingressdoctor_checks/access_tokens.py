"""Do machines pass the Access login? The configured service token, as the login and the API tell of it.

Never shows a secret, and a client id only masked.
Source: Cloudflare's documentation of service tokens: they need a policy with the action Service Auth, and expire.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AccessCoverage,
    Clock,
    Finding,
    OutsideProbe,
    Remedy,
    ServiceToken,
    Symptom,
    Target,
    TokenUse,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.access_common import shown
from ingressdoctor_checks.outside_view import SEEN

__all__ = ["service_token_expired", "service_token_rejected"]

_SOON_DAYS: Final = 14.0
_INCLUDED: Final = "include this token"
_API: Final = "Cloudflare API: GET /accounts/{id}/access/service_tokens"


@check(
    id="access.service-token-expired",
    title="The service token is valid, and will be next week",
    step="outside",
    link="machines → login",
    causes=("access.service-token-rejected", str(Symptom.ACCESS_LOGIN)),
)
def service_token_expired(
    target: Target, probe: OutsideProbe | Unavailable, coverage: AccessCoverage | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """The configured token has expired or is switched off; others of the application's policies may have too."""
    if isinstance(probe, Unavailable) or probe.gate is None:
        yield skip("No Access login stands before it that a service token would have to pass.")
        return
    gap = coverage if isinstance(coverage, Unavailable) else coverage.tokens
    if isinstance(coverage, Unavailable) or isinstance(gap, Unavailable):
        yield _unread(gap if isinstance(gap, Unavailable) else None, probe)
        return
    mine = coverage.ours
    dead = [item for item in _included(coverage) if item is not mine and _ended(item, clock)]
    if mine is not None and _ended(mine, clock):
        yield _dead(target, mine, used=probe.gate.token is TokenUse.REFUSED)
    elif mine is not None and (left := clock.days_until(mine.expires_at)) is not None and left < _SOON_DAYS:
        yield _ends_soon(mine, left)
    elif dead:
        yield _others(target, dead)
    elif mine is not None:
        yield ok(f"The service token {mine.name} is valid.", seen=_seen(mine), where=_API)
    else:
        yield skip("No service token of the account is configured here, and none of the application's has expired.")


@check(
    id="access.service-token-rejected",
    title="The configured service token passes the login",
    step="outside",
    link="machines → login",
    causes=(str(Symptom.ACCESS_LOGIN),),
)
def service_token_rejected(
    target: Target, probe: OutsideProbe | Unavailable, coverage: AccessCoverage | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """Access answers a request with the token as one without; what is behind the login stays unseen."""
    if isinstance(probe, Unavailable) or probe.gate is None:
        yield skip("No Access login stands before it.")
        return
    match probe.gate.token:
        case TokenUse.NONE:
            yield skip("No service token is configured for this host, so the look ends at the login.")
        case TokenUse.UNREADABLE:
            yield unknown(
                f"The service token could not be read: {probe.gate.detail}",
                enable_with="Correct client_id and client_secret under [cloudflare.access].",
            )
        case TokenUse.ACCEPTED:
            yield ok(f"The service token passes the login of {target.hostname}.", where=SEEN)
        case _:
            yield _refused(target, probe, coverage, clock)


def _refused(target: Target, probe: OutsideProbe, coverage: AccessCoverage | Unavailable, clock: Clock) -> Finding:
    mine = coverage.ours if isinstance(coverage, AccessCoverage) else None
    if mine is not None and _ended(mine, clock):
        return skip("The service token is not valid any more; see access.service-token-expired.")
    refusal = probe.gate.refusal if probe.gate is not None else None
    seen = {"answer to the token": str(refusal.status) if refusal is not None else "the login"}
    about = _policy_of(coverage, mine)
    included = about.get("its policies") == _INCLUDED
    verdict = fail if included else warn
    why = ", although its policies include it: the secret is not the token's" if included else ""
    return verdict(
        f"Cloudflare Access does not let the configured service token through to {target.hostname}{why}.",
        subject=target.hostname,
        seen=seen | about,
        where=SEEN,
        symptom=Symptom.ACCESS_LOGIN,
        remedy=Remedy(
            text="A service token needs a policy with the action Service Auth in the application; Allow alone ignores "
            "it. A wrong secret is answered like none, with 401 where the organisation is strict: it is shown once, "
            "and changes when the token is rotated.",
            commands=(look("ingressdoctor", "access"),),
            proof=look("ingressdoctor", target.url),
        ),
    )


def _policy_of(coverage: AccessCoverage | Unavailable, mine: ServiceToken | None) -> dict[str, str]:
    """Say what the application's policies have to do with the token, as far as it is known."""
    if isinstance(coverage, Unavailable) or coverage.match is None:
        return {}
    policies = coverage.match.application.policies
    if isinstance(policies, Unavailable):
        return {"application": shown(coverage.match), "policies": "not read"}
    included = {ident for policy in coverage.match.application.service_auth for ident in policy.service_tokens}
    every = any(policy.any_service_token for policy in coverage.match.application.service_auth)
    known = mine is not None and (every or mine.id in included)
    words = _INCLUDED if known else "do not include this token"
    if mine is None:
        words = "none with Service Auth" if not included and not every else "the token is not of this account"
    return {"application": shown(coverage.match), "its policies": words}


def _unread(gap: Unavailable | None, probe: OutsideProbe) -> Finding:
    refused = probe.gate is not None and probe.gate.token is TokenUse.REFUSED
    if gap is None or not refused:
        return skip("The service tokens were not read, and no configured one was refused.")
    return unknown(f"Whether the token has expired could not be read: {gap.reason}.", enable_with=gap.enable_with)


def _included(coverage: AccessCoverage) -> tuple[ServiceToken, ...]:
    """Return the tokens that a Service Auth policy of the application names one by one."""
    tokens = () if isinstance(coverage.tokens, Unavailable) else coverage.tokens
    policies = coverage.match.application.service_auth if coverage.match is not None else ()
    named = {ident for policy in policies for ident in policy.service_tokens}
    return tuple(item for item in tokens if item.id in named)


def _ended(item: ServiceToken, clock: Clock) -> bool:
    left = clock.days_until(item.expires_at)
    return not item.enabled or (left is not None and left < 0)


def _dead(target: Target, mine: ServiceToken, *, used: bool) -> Finding:
    what = "is switched off" if not mine.enabled else f"expired on {mine.expires_at}"
    effect = f"machines that use it end at the login of {target.hostname}" if used else "it opens no login any more"
    return fail(
        f"The service token {mine.name} {what}: {effect}.",
        subject=f"Service token {mine.name}",
        seen=_seen(mine),
        where=_API,
        symptom=Symptom.ACCESS_LOGIN if used else None,
        remedy=Remedy(
            text="In Zero Trust under Access > Service auth renew the token (refresh keeps id and secret), or create a "
            "new one, include it in the application's Service Auth policy, and replace it wherever it is used.",
            commands=(look("ingressdoctor", "access"),),
            proof=look("ingressdoctor", target.url),
        ),
    )


def _ends_soon(mine: ServiceToken, left: float) -> Finding:
    return warn(
        f"The service token {mine.name} expires in {left:.0f} days.",
        subject=f"Service token {mine.name}",
        seen=_seen(mine),
        where=_API,
        remedy=Remedy(text="In Zero Trust under Access > Service auth refresh the token; id and secret stay."),
    )


def _others(target: Target, dead: list[ServiceToken]) -> Finding:
    names = ", ".join(item.name or item.client_id for item in dead[:5])
    return warn(
        f"Service tokens that the application before {target.hostname} lets through are not valid any more: {names}.",
        subject=target.hostname,
        seen={item.name or item.client_id: item.expires_at or "switched off" for item in dead[:5]},
        where=_API,
        remedy=Remedy(
            text="Whatever still uses them ends at the login. Refresh them under Access > Service auth, or take them "
            "out of the policy."
        ),
    )


def _seen(item: ServiceToken) -> dict[str, str]:
    enabled = {} if item.enabled else {"enabled": "false"}
    return {"client id": item.client_id, "expires": item.expires_at or "(not told)"} | enabled
