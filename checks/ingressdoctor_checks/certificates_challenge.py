"""What does the challenge of the route's certificate wait for?

The object's own reason is held against what the zone's servers hold. Orders without a challenge are judged in
``certificates_order``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    ChainLink,
    ChallengeRecords,
    Clock,
    Command,
    Finding,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Unavailable,
    as_map,
    as_text,
    changes,
    check,
    fail,
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.certificates_common import CHAIN_EFFECTS, LINK, PATIENCE_S, STEP, still_served, unfinished
from ingressdoctor_checks.certificates_reasons import Signature, retry_after, signature_of
from ingressdoctor_checks.certificates_records import admitted, caa_facts, record_facts, verdict_on
from ingressdoctor_checks.certificates_words import facts, reason_of, wait

__all__ = ["challenge_stuck", "commands_for", "gap_of"]

_FAILED: Final = ("invalid", "errored", "expired")
_DONE: Final = ("valid", "ready")


@check(
    id="cert.challenge-stuck",
    title="No challenge for the certificate is stuck",
    step=STEP,
    link=LINK,
    causes=("cert.order-failed", *CHAIN_EFFECTS),
)
def challenge_stuck(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    records: ChallengeRecords | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """The deepest object knows why no certificate comes: token, DNS, CAA, rate limit."""
    judged = unfinished(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, _ = judged
    deepest = found.deepest
    if deepest is None or deepest.kind != "Challenge":
        yield gap_of(found) or skip("The certificate has not come to a challenge.")
        return
    if deepest.state in _DONE:
        yield ok("No challenge is waiting.", subject=deepest.ref)
        return
    age = deepest.age_s or 0.0
    if deepest.state not in _FAILED and age <= PATIENCE_S:
        yield ok(f"{deepest.ref} has been under way for {age / 60:.0f} min, which is normal.", subject=deepest.ref)
        return
    yield _stuck(found, deepest, clock, records, fine=still_served(origin, outside))


def gap_of(chain: CertificateChain) -> Finding | None:
    """Say what of the chain could not be read; None when all was."""
    if not chain.unread:
        return None
    gap = chain.unread[0]
    return unknown(
        f"What the certificate waits for could not be looked at: {gap.reason}.",
        enable_with=gap.enable_with or "Allow list on certificaterequests, orders and challenges.",
    )


def _stuck(
    chain: CertificateChain, link: ChainLink, clock: Clock, records: ChallengeRecords | Unavailable, *, fine: bool
) -> Finding:
    reason = reason_of(chain)
    known = signature_of(reason)
    name = as_text(as_map(as_map(link.raw).get("spec")).get("dnsName")) or next(iter(chain.dns_names), "")
    how = known.how if known else shorten(reason or f"its state is {link.state}", 80)
    remedy = known.remedy if known else "The reason is the certificate authority's or the DNS provider's own."
    seen = {"state": link.state, "reason": reason or "none given"}
    asked = records if isinstance(records, ChallengeRecords) else None
    if asked is not None:
        seen |= record_facts(asked) | caa_facts(asked)
    # What the zone's own servers hold says more than "not yet propagated"; of a token it says nothing.
    verdict = verdict_on(asked, link) if asked is not None and (known is None or known.topic == "dns") else None
    if verdict is not None:
        how, remedy = verdict.how, verdict.remedy
    if asked is not None and asked.caa and known is not None and known.topic == "caa":
        how = admitted(asked)
    until = retry_after(reason)
    since = f"{(link.age_s or 0) / 60:.0f} min" if (link.age_s or 0) < 7200 else f"{(link.age_s or 0) / 3600:.0f} h"
    say = warn if fine else fail
    return say(
        f"The certificate for {name or chain.secret} cannot be issued: {how}"
        f"{f' (until {until} UTC)' if until else ''}.",
        subject=link.ref,
        where=f"{link.kind} status, {since} old",
        seen={**seen, **({"visitors": "still served"} if fine else {}), **facts(chain, clock)},
        remedy=Remedy(
            text=remedy,
            commands=(*commands_for(known, name, asked), _describe(chain, link)),
            proof=wait(chain, chain.certificate or link),
        ),
    )


def _describe(chain: CertificateChain, link: ChainLink) -> Command:
    return look("kubectl", "-n", chain.namespace, "describe", link.kind.lower(), link.ref.rpartition("/")[2])


def commands_for(known: Signature | None, name: str, records: ChallengeRecords | None = None) -> tuple[Command, ...]:
    """Return the next looks for a reason, by its topic."""
    bare = name.removeprefix("*.")
    issuers = look("kubectl", "get", "clusterissuers,issuers", "-A", "-o", "wide")
    match known.topic if known else "":
        case "token":
            return (issuers, changes("kubectl", "-n", "cert-manager", "edit", "secret", "SECRET-OF-THE-SOLVER"))
        case "caa":
            return (look("dig", "+short", "CAA", (records.caa_name if records else "") or _zone(bare)),)
        case "dns":
            asked = (records.target or records.name) if records is not None else f"_acme-challenge.{bare}"
            return (
                look("dig", "+trace", "TXT", asked),
                look("dig", "+short", "NS", (records.zone if records else "") or _zone(bare)),
            )
        case _:
            return (issuers,)


def _zone(name: str) -> str:
    """Return the last two labels: CAA is looked up from the name upwards, and mostly stands there."""
    return ".".join(name.split(".")[-2:])
