"""Certificates of the lab: issued in memory for one run, never written to the world's files.

Two authorities and self-signed certificates: the web CA stands for the public roots (its certificate is what
clients are told to trust; it issues the edge's certificates and those of `letsencrypt`), the Origin CA stands
for Cloudflare's and is trusted by the edge alone. Keys are EC P-256 because they take microseconds. Keys touch
the disk only for the moment the ssl module needs a path, in a file readable by the owner alone.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import secrets
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ISSUE_ANNOTATION = "lab.ingressdoctor/issue"
# What the controllers still serve, where they did not load the Secret again after it was renewed.
LOADED_ANNOTATION = "lab.ingressdoctor/loaded"
DEFAULT_CERTIFICATE_NAME = "TRAEFIK DEFAULT CERT"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A certificate to issue: by whom ("letsencrypt", "letsencrypt-staging", ...), for which names and days."""

    names: tuple[str, ...]
    issuer: str = "letsencrypt"
    common_name: str = ""
    organisation: str = ""
    not_before_days: float = -30
    not_after_days: float = 60

    @classmethod
    def from_annotation(cls, text: object) -> Order | None:
        """The order in a Secret's annotation; None when there is none or it is not one."""
        try:
            raw = json.loads(text) if isinstance(text, str) else text
        except ValueError:
            return None
        if not isinstance(raw, Mapping) or not isinstance(raw.get("names"), list):
            return None
        return cls(
            names=tuple(name for name in raw["names"] if isinstance(name, str) and name and name.isascii()),
            issuer=str(raw.get("issuer", "letsencrypt")),
            not_before_days=_number(raw, "not_before_days", -30),
            not_after_days=_number(raw, "not_after_days", 60),
        )


def order_in(annotations: Mapping[str, object]) -> Order | None:
    """What a controller serves of a Secret with these annotations."""
    return Order.from_annotation(annotations.get(LOADED_ANNOTATION) or annotations.get(ISSUE_ANNOTATION))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and its key, both PEM; the key stays out of repr."""

    order: Order
    certificate_pem: bytes
    key_pem: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = dataclasses.field(repr=False)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


class Pki:
    """The authorities of one lab run."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)
        self._web = self._authority("Lab Web Root X1", "Lab Encrypt")
        self._origin = self._authority("CloudFlare Origin Certificate Authority", "CloudFlare, Inc.")
        self._private = self._authority("Cluster Internal CA", "Platform")
        self._staging = self._authority("(STAGING) Pretend Pear X1", "(STAGING) Let's Encrypt")

    @property
    def ca_pem(self) -> str:
        """Certificate of the web CA: what a client outside trusts instead of the public roots."""
        return self._web.pem

    @property
    def edge_trust_pem(self) -> str:
        """What the edge trusts of an origin in strict mode: the web CA and the Origin CA."""
        return self._web.pem + self._origin.pem

    def authority_pem(self, issuer: str) -> str:
        """Certificate of an issuer's authority, as a caPool holds it; "" for one that has none."""
        known = {"letsencrypt": self._web, "cloudflare-origin": self._origin, "private": self._private}
        return known[issuer].pem if issuer in known else ""

    def issue(self, order: Order) -> Issued:
        """Issue a server certificate; an unknown issuer name signs itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = order.common_name or (order.names[0] if order.names else "localhost")
        subject = _name(name, order.organisation)
        signers = {
            "letsencrypt": self._web,
            "letsencrypt-staging": self._staging,
            "cloudflare-origin": self._origin,
            "private": self._private,
        }
        signer = signers.get(order.issuer)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer.certificate.subject if signer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + timedelta(days=min(order.not_before_days, order.not_after_days - 1)))
            .not_valid_after(self._now + timedelta(days=order.not_after_days))
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in order.names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        if signer:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
            builder = builder.add_extension(identifier, False)
        certificate = builder.sign(signer.key if signer else key, hashes.SHA256())
        return Issued(
            order=order,
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
            key_pem=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )

    def default_certificate(self) -> Issued:
        """What Traefik serves when no certificate matches: self-signed, random name, one year."""
        name = f"{secrets.token_hex(16)}.{secrets.token_hex(16)}.traefik.default"
        return self.issue(
            Order(
                names=(name,),
                issuer="self",
                common_name=DEFAULT_CERTIFICATE_NAME,
                not_before_days=0,
                not_after_days=365,
            )
        )

    def server_context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """Server side TLS with a fresh web CA certificate for *names*."""
        return server_context(self.issue(Order(names=names)))

    def client_context(self, *, strict: bool, alpn: tuple[str, ...] = ("http/1.1",)) -> ssl.SSLContext:
        """Client side TLS of the edge: any certificate, or only a valid one of the web CA or Origin CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.set_alpn_protocols(list(alpn))
        if strict:
            context.load_verify_locations(cadata=self.edge_trust_pem)
        else:
            context.verify_mode = ssl.CERT_NONE
        return context

    def _authority(self, name: str, organisation: str) -> _Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name, organisation)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=3650))
            .not_valid_after(self._now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .add_extension(usage, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        return _Authority(certificate=certificate, key=key)


def server_context(issued: Issued, alpn: tuple[str, ...] = ("http/1.1",)) -> ssl.SSLContext:
    """Server side TLS with one certificate; *alpn* are the protocols offered, best first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(list(alpn))
    # load_cert_chain takes nothing but paths; NamedTemporaryFile is created with mode 0600 and deleted at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(issued.certificate_pem + issued.key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's name covers *host*: equal, or a wildcard for exactly one label."""
    pattern, host = pattern.lower(), host.lower()
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:] and not host.startswith(".")
    return pattern == host


def names_of(certificate_der: bytes) -> tuple[str, ...]:
    """DNS names and addresses of a certificate."""
    certificate = x509.load_der_x509_certificate(certificate_der)
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(ip) for ip in san.get_values_for_type(x509.IPAddress))
    return (*san.get_values_for_type(x509.DNSName), *addresses)


def _name(common_name: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])]
    if organisation:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _number(raw: Mapping[str, Any], key: str, default: float) -> float:
    value = raw.get(key, default)
    return float(value) if isinstance(value, int | float) else default
