"""Is the issuer there that the Certificate names, and is it ready to issue?

Source: cert-manager pkg/controller/issuers and pkg/issuer/acme/setup.go (reasons and messages of the Ready condition).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    ChainLink,
    Clock,
    Finding,
    IssuerView,
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
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.certificates_common import (
    CHAIN_EFFECTS,
    PATIENCE_S,
    STEP,
    issuer_trouble,
    still_served,
    unfinished,
)
from ingressdoctor_checks.certificates_words import facts, wait

__all__ = ["issuer_not_ready", "why_not_ready"]

_REACH: Final = ("dial tcp", "i/o timeout", "no such host", "server misbehaving", "deadline exceeded", "handshake time")
# Words of the Ready condition's message, what they mean as the end of a sentence, and what to do; first match counts.
_KNOWN: Final = (
    (
        ("x509:", "unknown authority"),
        "cert-manager does not trust the authority's own server",
        "Give its root as spec.acme.caBundle, or take the proxy that opens TLS out of the way.",
    ),
    (
        _REACH,
        "cert-manager cannot reach the authority",
        "Let cert-manager's pods resolve the server and connect to port 443: cluster DNS, NetworkPolicies, proxy.",
    ),
    (
        ("invalidContact", "validating contact"),
        "the authority refuses the account's e-mail address",
        "Correct spec.acme.email.",
    ),
    (
        ("externalAccountRequired", "external account"),
        "the authority wants an external account binding",
        "Set spec.acme.externalAccountBinding with the key that the authority gave you.",
    ),
    (
        ("rateLimited", "too many new registrations"),
        "the authority's limit for new accounts is used up",
        "Wait, and keep the account key's Secret: each new one is a registration.",
    ),
    (
        ("accountDoesNotExist", "ErrVerifyACMEAccount"),
        "the authority does not know its account any more",
        "Delete the Secret of spec.acme.privateKeySecretRef, so that it registers again.",
    ),
    (
        ("private key is invalid", "is not of type RSA"),
        "the Secret with its account key holds no usable key",
        "Delete the Secret of spec.acme.privateKeySecretRef, so that a new key is made.",
    ),
    (
        ("failed to get secret", "does not have key", "secrets"),
        "a Secret that it names is missing or lacks the key",
        "Create it: for a ClusterIssuer in cert-manager's own namespace, for an Issuer in its own.",
    ),
    (("InvalidURL", "InvalidConfig"), "its configuration is refused", "Correct the server URL and the solvers."),
)


def why_not_ready(text: str) -> tuple[str, str]:
    """Return what a reason and message of an issuer mean, and what to do; empty strings where nobody knows."""
    lowered = text.lower()
    return next(
        ((how, remedy) for signs, how, remedy in _KNOWN if any(sign.lower() in lowered for sign in signs)), ("", "")
    )


@check(
    id="cert.issuer-not-ready",
    title="The certificate's issuer is ready",
    step=STEP,
    link="issuer → certificate",
    causes=("cert.request-failed", "cert.order-failed", *CHAIN_EFFECTS),
)
def issuer_not_ready(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """Without an issuer no request is signed, and cert-manager waits without a word."""
    judged = unfinished(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, top = judged
    seen = found.issuer_seen
    if issuer_trouble(found):
        young = top.age_s is not None and top.age_s < PATIENCE_S
        yield _trouble(found, top, clock, mild=young or still_served(origin, outside))
    elif isinstance(seen, Unavailable):
        yield unknown(
            f"{found.issuer} could not be looked at: {seen.reason}.",
            enable_with=seen.enable_with or "Allow list on issuers and clusterissuers (cert-manager.io).",
        )
    elif seen is None:
        yield skip("The issuer has taken the request; what came of it is said by itself.")
    else:
        yield ok(f"{seen.ref} is ready.", subject=seen.ref)


def _trouble(chain: CertificateChain, top: ChainLink, clock: Clock, *, mild: bool) -> Finding:
    view = chain.issuer_seen if isinstance(chain.issuer_seen, IssuerView) else None
    said = chain.deepest.reason if chain.deepest is not None else ""
    ref = view.ref if view is not None else chain.issuer
    missing = not view.found if view is not None else "not found" in said
    how, remedy = _absent(chain, view) if missing else _unready(view, said)
    kind, _, name = chain.issuer.partition(" ")
    place = ("-n", chain.namespace) if kind == "Issuer" else ()
    listing = look("kubectl", *place, "get", f"{kind.lower()}s", "-o", "wide")
    say = warn if mild else fail
    return say(
        f"{ref}, which {top.ref} names, {how}.",
        subject=ref,
        where="the issuer's Ready condition" if view is not None and view.found else "cert-manager's issuers",
        seen={
            "request": said or "none made yet",
            **({"reason": view.reason, "message": view.message} if view is not None and view.message else {}),
            **({"others of its kind": ", ".join(view.others[:8])} if view is not None and view.others else {}),
            **facts(chain, clock),
        },
        remedy=Remedy(
            text=remedy,
            commands=(listing,) if missing else (listing, look("kubectl", *place, "describe", kind.lower(), name)),
            proof=wait(chain, top),
        ),
    )


def _absent(chain: CertificateChain, view: IssuerView | None) -> tuple[str, str]:
    name = chain.issuer.partition(" ")[2]
    near = (
        get_close_matches(name[:100], [item[:100] for item in view.others], n=1, cutoff=0.6) if view is not None else []
    )
    meant = f"; {near[0]} may be meant" if near else ""
    remedy = (
        "Correct issuerRef of the Certificate, or the annotation of the Ingress that it is made from. Its kind is "
        "Issuer unless it says ClusterIssuer, and an Issuer counts in its own namespace only."
    )
    return f"does not exist{meant}", remedy


def _unready(view: IssuerView | None, said: str) -> tuple[str, str]:
    if view is None:
        return "is not ready", "Look at the issuer's conditions: account, token Secret, server URL."
    known, remedy = why_not_ready(f"{view.reason} {view.message}")
    words = known or shorten(view.message or view.reason or "it has no status yet", 120).removesuffix(".")
    return f"is not ready: {words}", remedy or "Look at the issuer's conditions: account, token Secret, server URL."
