"""Is the certificate renewed in time, and will it still be valid next week?

Judges dates: those that cert-manager knows, and those of the certificate that the origin serves. Windows follow the
certificate's lifetime. Source: cert-manager pkg/util/pki/renewaltime.go (a third of the lifetime before the end).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    CertificateFacts,
    ChainLink,
    Clock,
    Command,
    Finding,
    OriginProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Unavailable,
    changes,
    check,
    look,
    ok,
    parse_time,
    shorten,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_common import STEP, certificate_of, is_default, late_days, leaf_of
from ingressdoctor_checks.certificates_reasons import signature_of
from ingressdoctor_checks.certificates_shim import annotations_of, asked_for, asks, unwritten
from ingressdoctor_checks.certificates_words import describe, facts, next_try, reason_of, wait

_LINK: Final = "certificate → renewal"
_DAY_S: Final = 86_400.0
_SAME_S: Final = 3_600.0
_LONG_S: Final = 3_600.0


@check(
    id="cert.expiring",
    title="The certificate has time left",
    step=STEP,
    link=_LINK,
    causes=("cert.origin-invalid",),
)
def expiring(
    decision: RouteDecision, chain: CertificateChain | Unavailable, origin: OriginProbe | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """A certificate close to its end whose renewal is overdue will take the site down on a known day."""
    found = certificate_of(decision, chain)
    issued = found[0] if not isinstance(found, Finding) and found[0].not_after else None
    leaf = _own_leaf(origin, issued)
    if issued is None and leaf is None:
        yield found if isinstance(found, Finding) else skip("No certificate of the route's own was seen.")
        return
    subject = f"Secret {issued.namespace}/{issued.secret}" if issued else "the origin's certificate"
    ends = ([(issued.not_before, issued.not_after)] if issued else []) + (
        [(leaf.not_before, leaf.not_after)] if leaf else []
    )
    left = [(days, start, end) for start, end in ends if (days := clock.days_until(end)) is not None]
    if not left:
        yield skip("The certificate's dates cannot be read.")
        return
    days, start, end = min(left)
    window, planned = late_days(start, end), _planned(issued, clock)
    if days < 0:
        yield skip("The certificate has expired, which the check of the served certificate says.")
    elif days >= window or planned is False or (days >= window / 2 and planned is None):
        yield ok(f"The certificate is valid for {_span(days * _DAY_S, 'more ')}.", subject=subject)
    elif issued is not None and _is_trying(issued):
        yield skip("cert-manager is at its renewal; how that fares is said by itself.")
    else:
        yield _soon(days, issued, clock, subject)


def _own_leaf(origin: OriginProbe | Unavailable, issued: CertificateChain | None) -> CertificateFacts | None:
    """Return the certificate served, unless it is made up or older than the one issued, which others judge."""
    served = leaf_of(origin)
    if served is None or is_default(served[1]):
        return None
    ours, theirs = parse_time(issued.not_after) if issued else None, parse_time(served[1].not_after)
    if ours is not None and theirs is not None and (ours - theirs).total_seconds() > _SAME_S:
        return None
    return served[1]


def _planned(chain: CertificateChain | None, clock: Clock) -> bool | None:
    """Whether renewal is overdue (True), still to come or just begun (False), or nobody's plan (None)."""
    since = clock.seconds_since(chain.renewal_time) if chain is not None and chain.renewal_time else None
    return None if since is None or chain is None else since > _grace_s(chain)


def _grace_s(chain: CertificateChain) -> float:
    """How late a renewal may be without a word: a twentieth of the lifetime, from ten minutes to a day."""
    start, end = parse_time(chain.not_before), parse_time(chain.not_after)
    if start is None or end is None or end <= start:
        return _DAY_S
    return max(600.0, min(_DAY_S, (end - start).total_seconds() / 20))


def _is_trying(chain: CertificateChain) -> bool:
    return chain.ready and (chain.issuing or bool(chain.failures) or bool(chain.last_failure))


def _is_stuck(chain: CertificateChain, top: ChainLink) -> bool:
    """Whether one try has lasted for more than an hour, be it for a renewal or for a spec that changed."""
    return chain.issuing and (top.age_s or 0.0) > _LONG_S


def _soon(days: float, chain: CertificateChain | None, clock: Clock, subject: str) -> Finding:
    overdue = clock.seconds_since(chain.renewal_time) if chain is not None and chain.renewal_time else None
    late = f" although it should have been renewed {_span(overdue)} ago" if overdue and overdue > 0 else ""
    commands: tuple[Command, ...] = (look("kubectl", "get", "certificates", "-A"),)
    text = "Put a new certificate into the Secret: nobody renews this one by itself."
    proof = None
    if chain is not None and chain.certificate is not None:
        commands = (describe(chain, chain.deepest or chain.certificate), _renew(chain, chain.certificate))
        text = (
            "spec.renewal.policy of the Certificate is Disabled: renew it by hand."
            if chain.renewal_off
            else "Find out why cert-manager does not renew it, then ask it to try again."
        )
        proof = wait(chain, chain.certificate)
    return warn(
        f"The certificate expires in {_span(days * _DAY_S)}{late}.",
        subject=subject,
        where="status of the Certificate and the certificate served",
        seen=facts(chain, clock) if chain is not None else {"days left": f"{days:.1f}"},
        remedy=Remedy(text=text, commands=commands, proof=proof),
    )


def _renew(chain: CertificateChain, top: ChainLink) -> Command:
    return changes("cmctl", "renew", "-n", chain.namespace, top.ref.rpartition("/")[2])


def _span(seconds: float, more: str = "") -> str:
    """Say how long something is, in days or, below two of them, in hours."""
    hours = seconds / 3600
    return f"{hours:.0f} {more}hours" if hours < 48 else f"{hours / 24:.0f} {more}days"


@check(
    id="cert.renewal-late",
    title="cert-manager renews the certificate when it should",
    step=STEP,
    link=_LINK,
    causes=("cert.expiring", "cert.origin-invalid"),
)
def renewal_late(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    objects: RoutingObjects | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """A Certificate reads Ready until the hour it expires, however long its renewal has failed."""
    judged = certificate_of(decision, chain)
    if isinstance(judged, Finding):
        yield _unrenewed(decision, chain, origin, objects) or judged
        return
    found, top = judged
    left = clock.days_until(found.not_after) if found.not_after else None
    overdue = clock.seconds_since(found.renewal_time) if found.renewal_time else None
    if not found.ready:
        yield skip(f"{top.ref} is not ready; the links below it say why.")
    elif found.renewal_off:
        yield skip(f"{top.ref} asks not to be renewed (spec.renewal.policy).")
    elif left is None or left < 0 or (overdue is None and not _is_trying(found)):
        yield skip(f"{top.ref} tells no time of renewal that lies ahead of its end.")
    elif not found.failures and not _is_stuck(found, top) and (overdue is None or overdue <= _grace_s(found)):
        yield _on_time(found, top, overdue or 0.0)
    elif not _is_trying(found) and left < late_days(found.not_before, found.not_after):
        yield skip("Its renewal is overdue, which the check of its end says.")
    else:
        yield _late(found, top, clock, (left, overdue or 0.0))


def _unrenewed(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    objects: RoutingObjects | Unavailable,
) -> Finding | None:
    """Say that nobody renews a Secret that cert-manager is asked for: it outlives the Certificate that wrote it."""
    winner = decision.winner
    if winner is None or not winner.tls_secret or isinstance(chain, Unavailable) or chain.certificate is not None:
        return None
    notes, served = annotations_of(objects, winner), leaf_of(origin)
    if notes is None or not asks(notes) or served is None or is_default(served[1]):
        return None
    why, remedy = unwritten(notes, winner)
    owner, _, name = winner.ref.partition(" ")[2].partition("/")
    return warn(
        f"Nobody renews Secret {chain.namespace}/{chain.secret}: {why}; its certificate ends on "
        f"{served[1].not_after[:10]}.",
        subject=winner.ref,
        where="annotations of the Ingress, and cert-manager's Certificates",
        seen={
            "issuer asked for": asked_for(notes),
            "Certificate": "none writes this Secret",
            "served": f"{served[1].not_before} to {served[1].not_after}, by {served[1].issuer}",
        },
        remedy=Remedy(
            text=remedy,
            commands=(
                look("kubectl", "-n", owner, "describe", "ingress", name),
                changes("kubectl", "-n", owner, "edit", "ingress", name),
            ),
            proof=look("kubectl", "-n", chain.namespace, "get", "certificates"),
        ),
    )


def _on_time(chain: CertificateChain, top: ChainLink, overdue: float) -> Finding:
    if overdue > 0:
        return ok(f"{top.ref} has been due for renewal since {chain.renewal_time}, which is normal.", subject=top.ref)
    return ok(f"{top.ref} is renewed from {chain.renewal_time} on.", subject=top.ref)


def _late(chain: CertificateChain, top: ChainLink, clock: Clock, times: tuple[float, float]) -> Finding:
    left, overdue = times
    deepest = chain.deepest or top
    reason = reason_of(chain) if len(chain.links) > 1 or chain.failures else ""
    known = signature_of(reason)
    why = known.how if known else shorten(reason, 120).removesuffix(".")
    due = f"should have been renewed {_span(overdue)} ago" if overdue > 0 else "cannot be issued anew"
    tried = f" and has failed {chain.failures} times" if chain.failures else ""
    idle = not _is_trying(chain)
    again = next_try(chain, clock)
    if idle:
        why = why or "cert-manager has not even begun"
        remedy = "See whether cert-manager runs, and what its log says about this Certificate."
    else:
        remedy = known.remedy if known else "The deepest object of the chain carries the reason."
    pods = look("kubectl", "get", "pods", "-A", "-l", "app.kubernetes.io/name=cert-manager")
    return warn(
        f"{top.ref} {due}{tried}{f': {why}' if why else ''}; it is valid for {_span(left * _DAY_S, 'more ')}.",
        subject=top.ref,
        where="status of the Certificate, and the chain below it",
        seen={**({"reason": reason} if reason else {}), **facts(chain, clock)},
        remedy=Remedy(
            text=f"{remedy}{f' It tries again at {again}.' if again[:1].isdigit() else ''}",
            commands=(pods if idle else describe(chain, deepest), _renew(chain, top)),
            proof=wait(chain, top),
        ),
    )
