"""What the certificate checks share: whether there is a Certificate to judge, and whether the old one still serves.

Holds no check.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    CertificateFacts,
    ChainLink,
    Finding,
    IssuerView,
    OriginProbe,
    OutsideProbe,
    RouteDecision,
    TlsAttempt,
    Unavailable,
    ok,
    parse_time,
    skip,
    unknown,
)
from ingressdoctor_checks.outside_view import came_through
from ingressdoctor_checks.undecided import undecided

__all__ = [
    "CHAIN_EFFECTS",
    "DEFAULTS",
    "LINK",
    "PATIENCE_S",
    "STEP",
    "TLS_EFFECTS",
    "WEAK",
    "by_common_name",
    "certificate_of",
    "covers",
    "from_origin_ca",
    "is_default",
    "issuer_trouble",
    "late_days",
    "leaf_of",
    "missing_issuer",
    "named",
    "still_served",
    "top_issuer",
    "unfinished",
]

STEP: Final = "controller"
LINK: Final = "certificate → TLS Secret"
TLS_EFFECTS: Final = (
    "traefik.default-certificate",
    "nginx.default-certificate",
    "cert.origin-invalid",
    "edge.certificate-invalid",
    "edge-526",
    "tls-untrusted",
)
# What any link of the chain that fails brings about.
CHAIN_EFFECTS: Final = ("cert.not-ready", "cert.renewal-late", "cert.expiring", *TLS_EFFECTS)
# How long each link may be under way before that is worth a word.
PATIENCE_S: Final = 600.0
# Subjects of the certificates that controllers make up.
DEFAULTS: Final = ("TRAEFIK DEFAULT CERT", "KUBERNETES INGRESS CONTROLLER FAKE CERTIFICATE")
# OpenSSL's verify codes for what is too weak to be believed.
WEAK: Final = {
    66: "its key is too short",
    67: "the key of its authority is too short",
    68: "it, or its authority's certificate, is signed with SHA-1 or MD5",
}
_MOST_DAYS: Final = 14.0
_ISSUER_WORDS: Final = ("does not have a Ready status condition", "issuer not initialised")
_GRANT: Final = "Allow list on certificates (cert-manager.io) in the route's namespace."


def certificate_of(
    decision: RouteDecision, chain: CertificateChain | Unavailable
) -> tuple[CertificateChain, ChainLink] | Finding:
    """Return the chain and the Certificate at its top, or the finding that says why there is none to judge."""
    if decision.winner is None:
        return undecided(decision) or skip("No route serves this host, so there is no certificate to ask for.")
    if not decision.winner.tls_secret:
        return skip("The route names no TLS Secret.")
    if isinstance(chain, Unavailable):
        if "not installed" in chain.reason:
            return skip("cert-manager is not installed; the Secret was put there by other means.")
        return unknown(
            f"The Certificate could not be looked at: {chain.reason}.", enable_with=chain.enable_with or _GRANT
        )
    if chain.certificate is None:
        return skip(
            f"No Certificate writes Secret {chain.namespace}/{chain.secret}: it was put there by hand, if it is there."
        )
    return chain, chain.certificate


def unfinished(
    decision: RouteDecision, chain: CertificateChain | Unavailable
) -> tuple[CertificateChain, ChainLink] | Finding:
    """Return the chain of a Certificate that has not been issued, or what to say of any other.

    While the one in use is good, ``cert.renewal-late`` alone speaks of its renewal.
    """
    judged = certificate_of(decision, chain)
    if isinstance(judged, Finding):
        return judged
    found, top = judged
    if found.ready and len(found.links) > 1:
        return skip(f"{top.ref} is good for now; how its renewal fares is said by itself.")
    return ok(f"{top.ref} is ready, and nothing is under way.", subject=top.ref) if found.ready else judged


def issuer_trouble(chain: CertificateChain) -> bool:
    """Whether the Certificate waits for an issuer that does not exist or is not ready."""
    seen, deepest = chain.issuer_seen, chain.deepest
    if isinstance(seen, IssuerView):
        return not (seen.found and seen.ready)
    if deepest is None or deepest.kind != "CertificateRequest":
        return False
    missing = deepest.reason.startswith("Referenced ") and "not found" in deepest.reason
    return missing or any(words in deepest.reason for words in _ISSUER_WORDS)


def leaf_of(origin: OriginProbe | Unavailable) -> tuple[TlsAttempt, CertificateFacts] | None:
    """Return the handshake with the origin and the certificate it serves, if one was seen."""
    tls = None if isinstance(origin, Unavailable) else origin.https.tls
    return (tls, tls.chain[0]) if tls is not None and tls.chain else None


def still_served(origin: OriginProbe | Unavailable, outside: OutsideProbe | Unavailable) -> bool:
    """Whether visitors are none the worse: the origin's certificate is accepted, or an edge lets any of them pass."""
    served = leaf_of(origin)
    if served is not None and (served[0].trusted is True or from_origin_ca(served[1])):
        return True
    return isinstance(outside, OutsideProbe) and outside.edge and came_through(outside)


def from_origin_ca(leaf: CertificateFacts) -> bool:
    """Whether Cloudflare's Origin CA signed it, which the edge trusts and browsers do not."""
    issuer = leaf.issuer.lower()
    return "cloudflare" in issuer and "origin" in issuer


def is_default(leaf: CertificateFacts) -> bool:
    """Whether a controller made it up."""
    return any(name in leaf.subject.upper() for name in DEFAULTS)


def covers(leaf: CertificateFacts, hostname: str) -> bool:
    """Whether one of the certificate's names is the hostname."""
    return named(leaf.names, hostname)


def named(names: tuple[str, ...], hostname: str) -> bool:
    """Whether one of *names* is the hostname; a wildcard stands for exactly one label."""
    host = hostname.lower().rstrip(".")
    wild = f"*.{host.partition('.')[2]}"
    return any(name.lower().rstrip(".") in (host, wild) for name in names)


def by_common_name(leaf: CertificateFacts, hostname: str) -> bool:
    """Whether the certificate names the host in its common name and has no subjectAltName at all."""
    names = tuple(part[3:] for part in leaf.subject.split(",") if part.startswith("CN="))
    return not leaf.names and named(names, hostname)


def missing_issuer(chain: tuple[CertificateFacts, ...]) -> str:
    """Return the issuer of the first certificate where others were sent along, but not that issuer's; else nothing."""
    others = {item.subject for item in chain[1:]}
    return chain[0].issuer if others and chain[0].issuer not in others and not chain[0].self_signed else ""


def top_issuer(chain: tuple[CertificateFacts, ...]) -> str:
    """Return the authority that the chain ends in, whatever order its certificates were sent in."""
    by_subject = {item.subject: item for item in reversed(chain)}
    issuer = chain[0].issuer
    for _ in chain:
        above = by_subject.get(issuer)
        if above is None or above.issuer == issuer:
            break
        issuer = above.issuer
    return issuer


def late_days(not_before: str, not_after: str) -> float:
    """Return the days before the end from which on a certificate that is not renewed is a worry.

    A fifth of its lifetime, well below the third that renewal by default leaves, and never more than 14 days: 14 of 90,
    9 of 47, a good one of six.
    """
    start, end = parse_time(not_before), parse_time(not_after)
    if start is None or end is None or end <= start:
        return _MOST_DAYS
    return min(_MOST_DAYS, (end - start).total_seconds() / 86_400 / 5)
