"""Will the certificate still be valid next week?

Judges dates only: those that cert-manager knows, and those of the certificate that the origin serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    Clock,
    Command,
    Finding,
    OriginProbe,
    Remedy,
    RouteDecision,
    Unavailable,
    changes,
    check,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_common import (
    STEP,
    certificate_of,
    leaf_of,
)
from ingressdoctor_checks.certificates_words import describe, facts, wait

_WEEK: Final = 7.0
_FORTNIGHT: Final = 14.0


@check(
    id="cert.expiring",
    title="The certificate is renewed in time",
    step=STEP,
    link="certificate → renewal",
    causes=("cert.origin-invalid",),
)
def expiring(
    decision: RouteDecision, chain: CertificateChain | Unavailable, origin: OriginProbe | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """A certificate close to its end whose renewal is overdue will take the site down on a known day."""
    found = certificate_of(decision, chain)
    issued = found[0] if not isinstance(found, Finding) and found[0].not_after else None
    served = leaf_of(origin)
    if issued is None and served is None:
        yield found if isinstance(found, Finding) else skip("Neither cert-manager nor the origin shows a certificate.")
        return
    subject = f"Secret {issued.namespace}/{issued.secret}" if issued else "the origin's certificate"
    dates = [issued.not_after] if issued else []
    if served is not None and not _is_default(served[1].subject):
        dates.append(served[1].not_after)
    left = [days for days in map(clock.days_until, dates) if days is not None]
    if not left:
        yield skip("The certificate served is Traefik's own default, which another check judges.")
        return
    days, planned = min(left), _planned(issued, clock)
    if days < 0:
        yield skip("The certificate has expired, which the check of the served certificate says.")
    elif days >= _FORTNIGHT or planned is False or (days >= _WEEK and planned is None):
        yield ok(f"The certificate is valid for {days:.0f} more days.", subject=subject)
    else:
        yield _soon(days, issued, clock, subject)


def _is_default(text: str) -> bool:
    return "TRAEFIK DEFAULT CERT" in text.upper()


def _planned(chain: CertificateChain | None, clock: Clock) -> bool | None:
    """Whether renewal is overdue by more than a day (True), still to come (False) or nobody's plan (None)."""
    since = clock.seconds_since(chain.renewal_time) if chain is not None and chain.renewal_time else None
    return None if since is None else since > timedelta(days=1).total_seconds()


def _soon(days: float, chain: CertificateChain | None, clock: Clock, subject: str) -> Finding:
    overdue = clock.seconds_since(chain.renewal_time) if chain is not None and chain.renewal_time else None
    late = f" although it should have been renewed {overdue / 86_400:.0f} days ago" if overdue and overdue > 0 else ""
    commands: tuple[Command, ...] = (look("kubectl", "get", "certificates", "-A"),)
    text = "Put a new certificate into the Secret: nobody renews this one by itself."
    proof = None
    if chain is not None and chain.certificate is not None:
        name = chain.certificate.ref.rpartition("/")[2]
        commands = (
            describe(chain, chain.deepest or chain.certificate),
            changes("cmctl", "renew", "-n", chain.namespace, name),
        )
        text = "Find out why cert-manager does not renew it, then ask it to try again."
        proof = wait(chain, chain.certificate)
    return warn(
        f"The certificate expires in {days:.0f} days{late}.",
        subject=subject,
        where="status of the Certificate and the certificate served",
        seen=facts(chain, clock) if chain is not None else {"days left": f"{days:.1f}"},
        remedy=Remedy(text=text, commands=commands, proof=proof),
    )
