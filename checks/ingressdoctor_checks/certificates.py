"""Does cert-manager keep the certificate that the route asks for, and if not, what keeps it from doing so?

Judges the Certificate itself; the links below it are judged in ``certificates_issuer``, ``certificates_order`` and
``certificates_challenge``, what the origin really serves in ``certificates_served``, what will be next week in
``certificates_renewal``.
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
    OutsideProbe,
    Remedy,
    RouteDecision,
    Unavailable,
    check,
    fail,
    look,
    ok,
    shorten,
    warn,
)
from ingressdoctor_checks.certificates_common import (
    LINK,
    PATIENCE_S,
    STEP,
    TLS_EFFECTS,
    certificate_of,
    issuer_trouble,
    still_served,
)
from ingressdoctor_checks.certificates_words import advice, describe, facts, stop, wait

_IDLE: Final = "cert-manager has made no request for it: see whether it is running, and what its log says."


@check(id="cert.not-ready", title="The route's certificate is issued", step=STEP, link=LINK, causes=TLS_EFFECTS)
def not_ready(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """A Certificate that is not Ready has no usable Secret, and Traefik serves its default one."""
    judged = certificate_of(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, top = judged
    if found.ready:
        yield _ready(found, top)
        return
    deepest = found.deepest or top
    young = top.age_s is not None and top.age_s < PATIENCE_S and not found.failures
    idle = deepest is top and not young and not found.failures and not found.unread and not issuer_trouble(found)
    say = warn if young or still_served(origin, outside) else fail
    reason = deepest.reason or top.reason or "no reason given"
    lead = "is being issued" if young else "is not ready"
    said = shorten(reason, 80)
    yield say(
        f"{top.ref} {lead}: {said}{stop(said)}",
        subject=top.ref,
        where="cert-manager, from the Certificate down",
        seen={
            "reason": reason,
            **({"visitors": "still served"} if still_served(origin, outside) else {}),
            **facts(found, clock),
        },
        remedy=Remedy(
            text=_IDLE if idle else advice(reason),
            commands=(describe(found, top), _pods() if idle else describe(found, deepest)),
            proof=wait(found, top),
        ),
    )


def _pods() -> Command:
    return look("kubectl", "get", "pods", "-A", "-l", "app.kubernetes.io/name=cert-manager")


def _ready(chain: CertificateChain, top: ChainLink) -> Finding:
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
    return ok(f"{top.ref} is ready.", subject=top.ref)
