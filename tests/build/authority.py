"""A certificate authority for tests: what it signs may be late, early, weak or for somebody else."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Issued", "self_signed"]

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
# PKCS #1: the identifiers of both algorithms in DER, as long as each other, and what stands before a SHA-1 digest.
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")
_SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate with its key; ``above`` are those that belong after it in a file, nearest first."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    def write(self, folder: Path, name: str, *, chain: tuple[x509.Certificate, ...] | None = None) -> str:
        """Write ``name.crt`` and ``name.key``, return nginx's directives for them; *chain* in place of ``above``."""
        below = self.above if chain is None else chain
        (folder / f"{name}.crt").write_bytes(b"".join(_pem(item) for item in (self.certificate, *below)))
        (folder / f"{name}.key").write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return f"ssl_certificate {folder / name}.crt; ssl_certificate_key {folder / name}.key;"


class Authority:
    """Signs certificates; one with a parent is an intermediate of it."""

    def __init__(self, name: str, parent: Authority | None = None, *, key: Key | None = None) -> None:
        self._parent = parent
        self._key: Key = key or ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        signer = parent or self
        builder = _builder(self._name, signer._name, self._key, days=(-3650.0, 3650.0)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = builder.sign(signer._key, hashes.SHA256())

    @property
    def above(self) -> tuple[x509.Certificate, ...]:
        """This authority and those above it, without the root."""
        return () if self._parent is None else (self.certificate, *self._parent.above)

    def pem(self) -> bytes:
        """Its own certificate."""
        return _pem(self.certificate)

    def issue(
        self,
        *names: str,
        days: tuple[float, float] = (-1.0, 89.0),
        key: Key | None = None,
        common_name: str = "",
    ) -> Issued:
        """Sign a certificate for hostnames and addresses, valid from and until so many days from now."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_named(common_name or (names[0] if names else "")), self._name, own, days=days)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
        signed = builder.sign(self._key, hashes.SHA256())
        return Issued(certificate=signed, key=own, above=self.above)

    def issue_by_sha1(self, name: str) -> Issued:
        """Sign as nobody may any more. The library refuses to: it is done by hand, over what it signed by SHA-256."""
        assert isinstance(self._key, rsa.RSAPrivateKey)
        good = self.issue(name)
        body = good.certificate.tbs_certificate_bytes.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
        digest = hashlib.sha1(body, usedforsecurity=False).digest()
        number = int.from_bytes(b"\0\1" + b"\xff" * (256 - 3 - 35) + b"\0" + _SHA1_INFO + digest)
        secret = self._key.private_numbers()
        signature = pow(number, secret.d, secret.public_numbers.n).to_bytes(256)
        der = good.certificate.public_bytes(serialization.Encoding.DER)
        der = der.replace(good.certificate.tbs_certificate_bytes, body).replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
        der = der.replace(good.certificate.signature, signature)
        return Issued(certificate=x509.load_der_x509_certificate(der), key=good.key, above=self.above)


def self_signed(*names: str) -> Issued:
    """A certificate that nobody but its own key vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named(names[0])
    builder = _builder(name, name, key, days=(-1.0, 89.0)).add_extension(
        x509.SubjectAlternativeName([_alternative(item) for item in names]), critical=False
    )
    return Issued(certificate=builder.sign(key, hashes.SHA256()), key=key)


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, *, days: tuple[float, float]) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])] if name else [])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
