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
    OriginProbe,
    RouteDecision,
    TlsAttempt,
    Unavailable,
    skip,
    unknown,
)
from ingressdoctor_checks.undecided import undecided

__all__ = ["LINK", "STEP", "TLS_EFFECTS", "certificate_of", "covers", "from_origin_ca", "leaf_of", "still_served"]

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
        return skip(f"No Certificate writes Secret {chain.namespace}/{chain.secret}: it was put there by hand.")
    return chain, chain.certificate


def leaf_of(origin: OriginProbe | Unavailable) -> tuple[TlsAttempt, CertificateFacts] | None:
    """Return the handshake with the origin and the certificate it serves, if one was seen."""
    tls = None if isinstance(origin, Unavailable) else origin.https.tls
    return (tls, tls.chain[0]) if tls is not None and tls.chain else None


def still_served(origin: OriginProbe | Unavailable) -> bool:
    """Whether the origin serves a certificate that a visitor, or the edge in strict mode, accepts."""
    served = leaf_of(origin)
    return served is not None and (served[0].trusted is True or from_origin_ca(served[1]))


def from_origin_ca(leaf: CertificateFacts) -> bool:
    """Whether Cloudflare's Origin CA signed it, which the edge trusts and browsers do not."""
    issuer = leaf.issuer.lower()
    return "cloudflare" in issuer and "origin" in issuer


def covers(leaf: CertificateFacts, hostname: str) -> bool:
    """Whether one of the certificate's names is the hostname; a wildcard stands for exactly one label."""
    host = hostname.lower().rstrip(".")
    wild = f"*.{host.partition('.')[2]}"
    return any(name.lower().rstrip(".") in (host, wild) for name in leaf.names)
