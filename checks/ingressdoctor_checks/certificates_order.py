"""Did the request for the route's certificate get as far as a challenge, and if not, who refused it?

The request is refused inside the cluster (approval, policy, a bad spec), the order by the authority or for want of a
solver. Source: cert-manager pkg/controller/certificaterequests, pkg/controller/acmeorders (selectors of solvers).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    ChainLink,
    ChallengeRecords,
    Clock,
    Finding,
    IssuerSolver,
    IssuerView,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Unavailable,
    check,
    fail,
    ok,
    shorten,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_challenge import commands_for, gap_of
from ingressdoctor_checks.certificates_common import (
    CHAIN_EFFECTS,
    LINK,
    PATIENCE_S,
    STEP,
    issuer_trouble,
    still_served,
    unfinished,
)
from ingressdoctor_checks.certificates_reasons import retry_after, signature_of
from ingressdoctor_checks.certificates_records import admitted, caa_facts
from ingressdoctor_checks.certificates_words import describe, facts, next_try, reason_of, stop, wait

__all__ = ["order_failed", "request_failed", "takes"]

_ENDED: Final = ("invalid", "errored", "expired")


@check(
    id="cert.request-failed",
    title="The request for the certificate is approved and valid",
    step=STEP,
    link=LINK,
    causes=("cert.order-failed", *CHAIN_EFFECTS),
)
def request_failed(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """A request that is denied, invalid or failed ends there: a new one is made after the waiting time."""
    judged = unfinished(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, top = judged
    request = next((link for link in found.links if link.kind == "CertificateRequest"), None)
    if request is None:
        yield gap_of(found) or skip(f"cert-manager has made no request for {top.ref} yet, or removed a failed one.")
        return
    why = _refusal(request, is_last=request is found.deepest)
    if why is None:
        yield ok(f"{request.ref} is not refused.", subject=request.ref)
        return
    how, remedy = why
    again = next_try(found, clock)
    said = shorten(request.reason, 160)
    say = warn if still_served(origin, outside) else fail
    yield say(
        f"{request.ref} {how}{f': {said}' if said else ''}{stop(said)}",
        subject=request.ref,
        where="conditions of the CertificateRequest",
        seen={
            **{entry.type: f"{entry.status} {entry.reason}: {entry.message}" for entry in request.conditions[:4]},
            **facts(found, clock),
        },
        remedy=Remedy(
            text=f"{remedy}{f' cert-manager asks again at {again}.' if again[:1].isdigit() else ''}",
            commands=(describe(found, request),),
            proof=wait(found, top),
        ),
    )


def _refusal(request: ChainLink, *, is_last: bool) -> tuple[str, str] | None:
    """Say how a request was refused, and what to do; None when it was not."""
    denied, invalid, ready = (request.condition(kind) for kind in ("Denied", "InvalidRequest", "Ready"))
    if denied is not None and denied.status == "True":
        by = f" by {denied.reason}" if denied.reason else ""
        return f"was denied{by}", "Change the Certificate so that the policy admits it, or the policy."
    if invalid is not None and invalid.status == "True":
        return "is invalid", "Correct the Certificate's spec: names, usages, duration, private key."
    if is_last and ready is not None and ready.reason in ("Failed", "Denied"):
        return "failed", "The issuer's own answer says why; where it is no ACME one, look at that program's log."
    approved = request.condition("Approved")
    waited = request.age_s is not None and request.age_s > PATIENCE_S
    if is_last and approved is None and waited:
        return (
            "has not been approved",
            "Nothing approves it: cert-manager's own approver is switched off, and no policy takes its place.",
        )
    return None


@check(
    id="cert.order-failed",
    title="The authority takes the order for the certificate",
    step=STEP,
    link=LINK,
    causes=CHAIN_EFFECTS,
)
def order_failed(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    records: ChallengeRecords | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """An order fails at the authority (rate limit, CAA, policy), or waits for a solver that nobody has."""
    judged = unfinished(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, _ = judged
    order = found.deepest
    if order is None or order.kind != "Order":
        yield gap_of(found) or skip("The certificate has not come to an order, or its challenge says more.")
        return
    waits = order.state in ("pending", "processing", "ready")
    if waits and (order.age_s or 0.0) <= PATIENCE_S:
        yield ok(f"{order.ref} has been under way for {(order.age_s or 0) / 60:.0f} min, which is normal.")
        return
    if not waits and order.state not in _ENDED:
        yield ok(f"{order.ref} is {order.state}.", subject=order.ref)
        return
    if waits and issuer_trouble(found):
        yield skip(f"{order.ref} waits for its issuer, which is not ready.")
        return
    asked = records if isinstance(records, ChallengeRecords) else None
    yield _failed(found, order, clock, asked, fine=still_served(origin, outside))


def _failed(
    chain: CertificateChain, order: ChainLink, clock: Clock, records: ChallengeRecords | None, *, fine: bool
) -> Finding:
    reason = order.reason or (reason_of(chain) if order.state == "pending" else "")
    known = signature_of(reason)
    name = next(iter(chain.dns_names), "") or chain.secret
    how = known.how if known else shorten(reason or f"its state is {order.state}", 120)
    remedy = known.remedy if known else "The reason is the certificate authority's own."
    solvers = chain.issuer_seen if isinstance(chain.issuer_seen, IssuerView) else None
    if records is not None and records.caa and known is not None and known.topic == "caa":
        how = admitted(records)
    if order.state == "pending" and not order.reason:
        how, remedy = _without_challenge(chain, solvers, how, remedy)
    until, again = retry_after(reason), next_try(chain, clock)
    tail = f" (until {until} UTC)" if until else ""
    say = warn if fine else fail
    return say(
        f"The order for {name} {'waits' if order.state == 'pending' else 'failed'}: {how}{tail}{stop(how + tail)}",
        subject=order.ref,
        where="the Order",
        seen={
            "state": order.state,
            "reason": order.reason or "none given",
            **({f"solvers of {solvers.ref}": _scopes(solvers)} if solvers is not None and solvers.solvers else {}),
            **(caa_facts(records) if records is not None else {}),
            **({"visitors": "still served"} if fine else {}),
            **facts(chain, clock),
        },
        remedy=Remedy(
            text=f"{remedy}{f' cert-manager tries again at {again}.' if again[:1].isdigit() else ''}",
            commands=(*commands_for(known, name, records), describe(chain, order)),
            proof=wait(chain, chain.certificate or order),
        ),
    )


def _without_challenge(chain: CertificateChain, issuer: IssuerView | None, how: str, remedy: str) -> tuple[str, str]:
    """Say why a waiting order has no challenge: by the solvers' selectors, if they are known."""
    if issuer is None or issuer.solvers is None:
        return f"it has no challenge, as {how}", remedy
    left = [name for name in chain.dns_names[:100] if all(takes(solver, name) is False for solver in issuer.solvers)]
    if not issuer.solvers:
        return f"{issuer.ref} has no solver at all", "Add a solver under spec.acme.solvers."
    if left:
        return f"no solver of {issuer.ref} takes {left[0]}", remedy
    return (
        f"it has no challenge, although a solver of {issuer.ref} takes its names",
        "See whether cert-manager is running and what its log says about the order.",
    )


def takes(solver: IssuerSolver, name: str) -> bool | None:
    """Whether a solver's selector takes a name; None where labels decide. All that is set must match."""
    bare = name.lower().removeprefix("*.")
    if name.startswith("*.") and solver.kind == "http01":
        return False
    if solver.names and name.lower() not in solver.names:
        return False
    zones = [zone.removeprefix("*.").rstrip(".") for zone in solver.zones]
    if zones and not any(bare == zone or bare.endswith(f".{zone}") for zone in zones):
        return False
    return None if solver.labels else True


def _scopes(issuer: IssuerView) -> str:
    """Name what each solver is for."""
    words = []
    for solver in (issuer.solvers or ())[:6]:
        scope = ", ".join((*solver.zones, *solver.names)) or ("certain labels" if solver.labels else "every name")
        words.append(f"{solver.kind} for {scope}")
    return shorten("; ".join(words), 300)
