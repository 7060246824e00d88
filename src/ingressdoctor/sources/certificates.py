"""Decode X.509 certificates as served into facts.

No judgement here: whether a chain is trusted is OpenSSL's verdict (tls.py), what follows from it a check's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from ingressdoctor.evidence.net import CertificateFacts

__all__ = ["certificate_facts", "chain_facts"]

_MAX_CHAIN: Final = 16
_MAX_NAMES: Final = 1_000
_UNREADABLE: Final = "(cannot be decoded)"


def chain_facts(chain: Sequence[bytes]) -> tuple[CertificateFacts, ...]:
    """Decode a served chain, leaf first; a chain of absurd length is cut."""
    return tuple(certificate_facts(der) for der in chain[:_MAX_CHAIN])


# Many hosts of a sweep serve the same few certificates.
@lru_cache(maxsize=512)
def certificate_facts(der: bytes) -> CertificateFacts:
    """Decode one DER certificate; one that cannot be decoded keeps its fingerprint only."""
    digest = hashlib.sha256(der).hexdigest()
    try:
        certificate = x509.load_der_x509_certificate(der)
        return CertificateFacts(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=_names(certificate),
            not_before=_rfc3339(certificate.not_valid_before_utc),
            not_after=_rfc3339(certificate.not_valid_after_utc),
            serial=f"{certificate.serial_number:x}",
            sha256=digest,
            self_signed=_self_signed(certificate),
        )
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return CertificateFacts(
            subject=_UNREADABLE, issuer=_UNREADABLE, names=(), not_before="", not_after="", sha256=digest
        )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in extension.value.get_values_for_type(x509.IPAddress))
    return (*extension.value.get_values_for_type(x509.DNSName), *addresses)[:_MAX_NAMES]


def _self_signed(certificate: x509.Certificate) -> bool:
    if certificate.issuer != certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _rfc3339(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
