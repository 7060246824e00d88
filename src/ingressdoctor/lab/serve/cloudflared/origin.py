"""cloudflared's way to a service: real connections, and Go's error text for what went wrong with them.

Source: ingress/origin_service.go and origin_proxy.go (http.Transport: dial, TLS, HTTP/1.1 or h2 by ALPN), crypto/x509
for the order of complaints about a certificate: its dates, then its names, then who signed it. Trusted are the system's
roots, Cloudflare's Origin CA and the rule's caPool.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import h11
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ingressdoctor.lab.cluster import text
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.pki import covers, names_of
from ingressdoctor.lab.serve.cloudflared.names import NoSuchHostError, Resolver
from ingressdoctor.lab.serve.cloudflared.rules import Rule
from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.http2 import exchange_h2
from ingressdoctor.lab.serve.wire import Request, Response, without
from ingressdoctor.lab.stream import Duplex, Stream, TlsStream

_ALERTS = {
    "HANDSHAKE_FAILURE": "handshake failure",
    "UNRECOGNIZED_NAME": "unrecognized name",
    "INTERNAL_ERROR": "internal error",
    "CERTIFICATE_REQUIRED": "certificate required",
    "NO_APPLICATION_PROTOCOL": "no application protocol",
    "PROTOCOL_VERSION": "protocol version not supported",
}


class OriginError(Exception):
    """The service could not be reached; the text is Go's, without cloudflared's own words in front."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds until a dial and a TLS handshake are given up; for an answer the edge alone runs out of patience."""

    dial_s: float
    tls_s: float


class Origins:
    """Asks services on behalf of one cloudflared process."""

    def __init__(self, network: Network, resolver: Resolver, roots: Callable[[str], str], waits: Waits) -> None:
        """*roots* gives the PEM that is trusted with a caPool ("" for none)."""
        self._network = network
        self._resolver = resolver
        self._roots = roots
        self._waits = waits

    async def ask(self, rule: Rule, request: Request) -> Response:
        """The service's answer, trailers and all; OriginError when there is none."""
        service, host = rule.service, request.get("host")
        if service.kind == "unix":
            raise OriginError(f"dial unix {service.host}: connect: no such file or directory")
        if forced := text(rule.origin.get("httpHostHeader")):
            kept = without(request.headers, ("host", "x-forwarded-host"))
            request = dataclasses.replace(request, headers=(("Host", forced), *kept, ("X-Forwarded-Host", host)))
            host = forced
        stream = await self.dial(service.host, service.port)
        taken = False
        try:
            secured, protocol = await self._secure(rule, host, stream)
            response = await self._exchange(secured, protocol, request)
            taken = response.then is not None
        finally:
            if not taken:
                stream.close()
        return response

    async def dial(self, host: str, port: int) -> Stream:
        """A connection to the first address that takes one."""
        if not port:
            raise OriginError(f"dial tcp: address {host}: missing port in address")
        try:
            addresses = self._resolver.resolve(host)
        except NoSuchHostError as error:
            raise OriginError(f"dial tcp: {error}") from error
        failure = OriginError("no address")
        for ip in addresses:
            shown = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
            try:
                return await self._network.connect(ip, port, source_ip=self._resolver.own, timeout_s=self._waits.dial_s)
            except TimeoutError:
                failure = OriginError(f"dial tcp {shown}: i/o timeout")
            except ConnectionRefusedError:
                failure = OriginError(f"dial tcp {shown}: connect: connection refused")
            except OSError:
                failure = OriginError(f"dial tcp {shown}: connect: no route to host")
        raise failure

    async def _exchange(self, stream: Duplex, protocol: str, request: Request) -> Response:
        try:
            if protocol == "h2":
                return await exchange_h2(stream, request, scheme="https")
            return await exchange(stream, request)
        except h11.ProtocolError as error:
            words = str(error)
            broken = words.startswith("malformed HTTP")
            raise OriginError(
                f"net/http: HTTP/1.x transport connection broken: {words}" if broken else words
            ) from error
        except ConnectionResetError as error:
            raise OriginError(f"read tcp {stream.local}->{stream.peer}: read: connection reset by peer") from error
        except OSError as error:
            raise OriginError("EOF") from error

    async def _secure(self, rule: Rule, host: str, stream: Stream) -> tuple[Duplex, str]:
        """The stream to speak HTTP over, and the protocol that ALPN chose."""
        if rule.service.scheme != "https":
            return stream, ""
        name = text(rule.origin.get("originServerName")) or rule.service.host
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if rule.origin.get("matchSNItoHost") is True:
            name = host.rpartition(":")[0] if host.count(":") == 1 else host
        else:
            offers_h2 = rule.origin.get("http2Origin") is True
            context.set_alpn_protocols(["h2", "http/1.1"] if offers_h2 else ["http/1.1"])
        secured = TlsStream(stream, context, server_name="" if _is_address(name) else name)
        try:
            async with asyncio.timeout(self._waits.tls_s):
                await secured.handshake()
        except TimeoutError as error:
            raise OriginError("net/http: TLS handshake timeout") from error
        except ssl.SSLError as error:
            raise OriginError(_tls_failure(error)) from error
        except OSError as error:
            raise OriginError("EOF") from error
        if rule.origin.get("noTLSVerify") is not True:
            roots = self._roots(text(rule.origin.get("caPool")))
            complaint = judge(secured.peer_certificate() or b"", name, roots, datetime.now(UTC))
            if complaint:
                raise OriginError(f"tls: failed to verify certificate: x509: {complaint}")
        return secured, secured.alpn()


def judge(der: bytes, name: str, roots_pem: str, now: datetime) -> str:
    """What crypto/x509 has against a certificate for *name*; "" when it is fine."""
    certificate = x509.load_der_x509_certificate(der)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    after = certificate.not_valid_after_utc
    if now > after or now < certificate.not_valid_before_utc:
        order = "after" if now > after else "before"
        bound = after if now > after else certificate.not_valid_before_utc
        shown = bound.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"certificate has expired or is not yet valid: current time {stamp} is {order} {shown}"
    if complaint := _name_complaint(names_of(der), name):
        return complaint
    for root in x509.load_pem_x509_certificates(roots_pem.encode()) if roots_pem else ():
        try:
            certificate.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return ""
    return "certificate signed by unknown authority"


def _name_complaint(names: tuple[str, ...], wanted: str) -> str:
    addresses = [name for name in names if _is_address(name)]
    if _is_address(wanted):
        if not addresses:
            return f"cannot validate certificate for {wanted} because it doesn't contain any IP SANs"
        return "" if wanted in addresses else f"certificate is valid for {', '.join(addresses)}, not {wanted}"
    if any(covers(name, wanted) for name in names if not _is_address(name)):
        return ""
    valid = ", ".join(name for name in names if not _is_address(name))
    return (
        f"certificate is valid for {valid}, not {wanted}"
        if valid
        else (f"certificate is not valid for any names, but wanted to match {wanted}")
    )


def _tls_failure(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError) or "EOF" in reason:
        return "EOF"
    for part, words in _ALERTS.items():
        if part in reason and "ALERT" in reason:
            return f"remote error: tls: {words}"
    if reason in {"HTTP_REQUEST", "WRONG_VERSION_NUMBER"}:
        return "http: server gave HTTP response to HTTPS client"
    return "tls: first record does not look like a TLS handshake"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
