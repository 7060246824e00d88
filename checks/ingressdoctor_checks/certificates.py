"""Does cert-manager keep the certificate that the route asks for, and if not, what keeps it from doing so?

Judges cert-manager's objects; what the origin really serves is judged in ``certificates_served``, what will be next
week in ``certificates_renewal``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    ChainLink,
    Clock,
    Command,
    Finding,
    OriginProbe,
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
from ingressdoctor_checks.certificates_common import (
    LINK,
    STEP,
    TLS_EFFECTS,
    certificate_of,
    still_served,
)
from ingressdoctor_checks.certificates_reasons import retry_after, signature_of
from ingressdoctor_checks.certificates_words import advice, describe, facts, stop, wait

_PATIENCE_S: Final = 600.0
_FAILED: Final = ("invalid", "errored", "expired")
_DONE: Final = ("valid", "ready")


@check(id="cert.not-ready", title="The route's certificate is issued", step=STEP, link=LINK, causes=TLS_EFFECTS)
def not_ready(
    decision: RouteDecision, chain: CertificateChain | Unavailable, origin: OriginProbe | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """A Certificate that is not Ready has no usable Secret, and Traefik serves its default one."""
    judged = certificate_of(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, top = judged
    if found.ready:
        yield _ready(found, top, clock)
        return
    deepest = found.deepest or top
    young = top.age_s is not None and top.age_s < _PATIENCE_S and not found.failures
    say = warn if young or still_served(origin) else fail
    reason = deepest.reason or top.reason or "no reason given"
    lead = "is being issued" if young else "is not ready"
    said = shorten(reason, 80)
    yield say(
        f"{top.ref} {lead}: {said}{stop(said)}",
        subject=top.ref,
        where="cert-manager, from the Certificate down",
        seen={
            "reason": reason,
            **({"served until now": "still good"} if still_served(origin) else {}),
            **facts(found, clock),
        },
        remedy=Remedy(
            text=advice(reason),
            commands=(describe(found, top), describe(found, deepest)),
            proof=wait(found, top),
        ),
    )


def _ready(chain: CertificateChain, top: ChainLink, clock: Clock) -> Finding:
    if chain.rivals:
        return warn(
            f"{top.ref} and {', '.join(chain.rivals)} write the same Secret {chain.secret}; only one is renewed.",
            subject=top.ref,
            seen={"secretName": chain.secret, "others": ", ".join(chain.rivals)},
            remedy=Remedy(
                text="Give each Certificate a Secret of its own.",
                commands=(look("kubectl", "-n", chain.namespace, "get", "certificates"),),
            ),
        )
    if chain.last_failure and chain.failures:
        deepest = chain.deepest or top
        return warn(
            f"{top.ref} is still valid, but its renewal has failed {chain.failures} times:"
            f" {shorten(deepest.reason or top.reason, 200)}{stop(deepest.reason or top.reason)}",
            subject=top.ref,
            seen=facts(chain, clock),
            remedy=Remedy(
                text=advice(deepest.reason or top.reason),
                commands=(describe(chain, deepest),),
                proof=wait(chain, top),
            ),
        )
    return ok(f"{top.ref} is ready.", subject=top.ref)


@check(
    id="cert.challenge-stuck",
    title="No challenge for the certificate is stuck",
    step=STEP,
    link=LINK,
    causes=("cert.not-ready", "cert.expiring", *TLS_EFFECTS),
)
def challenge_stuck(
    decision: RouteDecision, chain: CertificateChain | Unavailable, origin: OriginProbe | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """The deepest object knows why no certificate comes: token, DNS, CAA, rate limit."""
    judged = certificate_of(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, _ = judged
    deepest = found.deepest
    kind = deepest.ref.partition(" ")[0] if deepest is not None else ""
    if deepest is None or kind not in ("Order", "Challenge"):
        yield from _nothing_deep(found)
        return
    if deepest.state in _DONE:
        yield ok("No challenge is waiting.", subject=deepest.ref)
        return
    age = deepest.age_s or 0.0
    ended = deepest.state in _FAILED
    if not ended and age <= _PATIENCE_S:
        yield ok(f"{deepest.ref} has been under way for {age / 60:.0f} min, which is normal.", subject=deepest.ref)
        return
    yield _stuck(found, deepest, clock, fine=still_served(origin))


def _nothing_deep(chain: CertificateChain) -> Iterator[Finding]:
    if chain.unread:
        gap = chain.unread[0]
        yield unknown(
            f"What the certificate waits for could not be looked at: {gap.reason}.",
            enable_with=gap.enable_with or "Allow list on certificaterequests, orders and challenges.",
        )
    elif chain.ready and not chain.issuing:
        yield ok("No challenge is waiting.")
    else:
        yield skip("The certificate has not come to a challenge.")


def _stuck(chain: CertificateChain, link: ChainLink, clock: Clock, *, fine: bool) -> Finding:
    kind = link.ref.partition(" ")[0]
    reason = link.reason
    if not reason:
        above = next((item.reason for item in reversed(chain.links) if item.reason), "")
        reason = "no configured challenge solvers can be used" if kind == "Order" and link.state == "pending" else above
    known = signature_of(reason)
    name = _challenged(link) or next(iter(chain.dns_names), "")
    how = known.how if known else shorten(reason or f"its state is {link.state}", 80)
    until = retry_after(reason)
    since = f"{(link.age_s or 0) / 60:.0f} min" if (link.age_s or 0) < 7200 else f"{(link.age_s or 0) / 3600:.0f} h"
    say = warn if fine else fail
    return say(
        f"The certificate for {name or chain.secret} cannot be issued: {how}"
        f"{f' (until {until} UTC)' if until else ''}.",
        subject=link.ref,
        where=f"{kind} status, {since} old",
        seen={
            "state": link.state,
            "reason": reason or "none given",
            **({"served until now": "still good"} if fine else {}),
            **facts(chain, clock),
        },
        remedy=Remedy(
            text=known.remedy if known else "The reason is the certificate authority's or the DNS provider's own.",
            commands=(*_commands(known.topic if known else "", name), describe(chain, link)),
            proof=wait(chain, chain.certificate or link),
        ),
    )


def _challenged(link: ChainLink) -> str:
    return as_text(as_map(as_map(link.raw).get("spec")).get("dnsName"))


def _commands(topic: str, name: str) -> tuple[Command, ...]:
    match topic:
        case "token":
            return (
                look("kubectl", "get", "clusterissuers,issuers", "-A", "-o", "wide"),
                changes("kubectl", "-n", "cert-manager", "edit", "secret", "SECRET-OF-THE-SOLVER"),
            )
        case "caa":
            return (look("dig", "+short", "CAA", _zone(name)),)
        case "dns":
            return (look("dig", "+trace", "TXT", f"_acme-challenge.{name.removeprefix('*.')}"),)
        case _:
            return (look("kubectl", "get", "clusterissuers,issuers", "-A", "-o", "wide"),)


def _zone(name: str) -> str:
    """Return the last two labels: CAA is looked up from the name upwards, and mostly stands there."""
    return ".".join(name.split(".")[-2:])
