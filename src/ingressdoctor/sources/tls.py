"""Handshake with a chosen SNI, and report the served chain whether or not it can be trusted.

Two handshakes where verification fails: OpenSSL keeps the peer's chain only after a successful verification, and
Python exposes the verification result of an unverified handshake nowhere. So the first handshake verifies, as a
browser does; when it fails on the certificate, the verdict is kept and a second one on a new connection, which accepts
anything, reads the chain. A healthy server sees one handshake.

Source of the failure table: Python's ssl, OpenSSL's ssl/ssl_stat.c and the alert registry of RFC 8446, section 6.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.net import Reach, TlsAttempt
from ingressdoctor.model.text import clean
from ingressdoctor.sources.certificates import chain_facts
from ingressdoctor.sources.dial import Connection, Dialer, reach_of
from ingressdoctor.sources.stream import Stream
from ingressdoctor.sources.trust import Trust

__all__ = ["Endpoint", "Secured", "TlsClient", "late_alert", "tls_failure"]

_LATE_ALERT_S: Final = 0.25
_DER: Final = 2  # of the module beneath ssl, ENCODING_DER
_ALERT: Final = re.compile(r"(?:SSLV3_ALERT|TLSV1_ALERT|TLSV13_ALERT|TLSV1)_(\w+)", re.ASCII)
_ALERT_NUMBERS: Final = {
    "CLOSE_NOTIFY": 0,
    "UNEXPECTED_MESSAGE": 10,
    "BAD_RECORD_MAC": 20,
    "HANDSHAKE_FAILURE": 40,
    "NO_CERTIFICATE": 41,
    "BAD_CERTIFICATE": 42,
    "UNSUPPORTED_CERTIFICATE": 43,
    "CERTIFICATE_REVOKED": 44,
    "CERTIFICATE_EXPIRED": 45,
    "CERTIFICATE_UNKNOWN": 46,
    "ILLEGAL_PARAMETER": 47,
    "UNKNOWN_CA": 48,
    "ACCESS_DENIED": 49,
    "DECODE_ERROR": 50,
    "DECRYPT_ERROR": 51,
    "PROTOCOL_VERSION": 70,
    "INSUFFICIENT_SECURITY": 71,
    "INTERNAL_ERROR": 80,
    "INAPPROPRIATE_FALLBACK": 86,
    "USER_CANCELLED": 90,
    "MISSING_EXTENSION": 109,
    "UNSUPPORTED_EXTENSION": 110,
    "UNRECOGNIZED_NAME": 112,
    "BAD_CERTIFICATE_STATUS_RESPONSE": 113,
    "UNKNOWN_PSK_IDENTITY": 115,
    "CERTIFICATE_REQUIRED": 116,
    "NO_APPLICATION_PROTOCOL": 120,
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where to shake hands, under which name, and how long it may take in all."""

    address: str
    port: int
    sni: str
    alpn: tuple[str, ...]
    timeout_s: float


class Secured(msgspec.Struct, frozen=True, kw_only=True):
    """A handshake and the connection it ran on; ``stream`` is open exactly when the attempt's reach is OK."""

    attempt: TlsAttempt
    connection: Connection
    stream: Stream | None = None


class TlsClient:
    """Opens TLS connections and says how far they came."""

    def __init__(self, dialer: Dialer, trust: Trust) -> None:
        self._dialer = dialer
        self._trust = trust

    async def open(self, endpoint: Endpoint) -> Secured:
        """Connect and shake hands, verifying first; the stream is open even when the certificate is not trusted."""
        deadline = time.monotonic() + endpoint.timeout_s
        first = await self._once(endpoint, deadline, verify=True)
        if first.attempt.trusted is not False:
            return first
        second = await self._once(endpoint, deadline, verify=False)
        verdict = replace(
            second.attempt,
            trusted=False,
            verify_code=first.attempt.verify_code,
            verify_text=first.attempt.verify_text,
        )
        return replace(second, attempt=verdict)

    async def _once(self, endpoint: Endpoint, deadline: float, *, verify: bool) -> Secured:
        left = max(deadline - time.monotonic(), 0.001)
        connection = await self._dialer.connect(endpoint.address, endpoint.port, timeout_s=left)
        attempt = TlsAttempt(
            address=connection.address,
            port=endpoint.port,
            sni=endpoint.sni,
            reach=connection.reach,
            detail=connection.detail,
        )
        if connection.stream is None:
            return Secured(attempt=attempt, connection=connection)
        context = self._trust.context(verify=verify, hostname=bool(endpoint.sni), alpn=endpoint.alpn)
        started = time.monotonic()
        try:
            attempt = await _shake(attempt, connection.stream, context, deadline)
        except BaseException:
            connection.stream.close()
            raise
        attempt = replace(attempt, elapsed_s=time.monotonic() - started)
        if attempt.reach is not Reach.OK:
            connection.stream.close()
            return Secured(attempt=attempt, connection=connection)
        return Secured(attempt=attempt, connection=connection, stream=connection.stream)


async def _shake(attempt: TlsAttempt, stream: Stream, context: ssl.SSLContext, deadline: float) -> TlsAttempt:
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            engine = await stream.handshake(context, attempt.sni)
    except ssl.SSLCertVerificationError as error:
        return replace(
            attempt,
            reach=Reach.TLS_OTHER,
            trusted=False,
            verify_code=error.verify_code,
            verify_text=clean(error.verify_message, 300),
            detail=clean(error.verify_message, 300),
        )
    except ssl.SSLError as error:
        reach, detail = tls_failure(error, stream.first, stream.received)
        return replace(attempt, reach=reach, detail=detail)
    except TimeoutError:
        return replace(
            attempt, reach=Reach.READ_TIMEOUT, detail="connected, but the handshake was not answered in time"
        )
    except OSError as error:
        reach, detail = reach_of(error)
        return replace(attempt, reach=reach, detail=detail)
    except (ValueError, TypeError):
        return replace(attempt, reach=Reach.TLS_OTHER, detail="the name cannot be sent as SNI")
    return replace(
        attempt,
        trusted=True if context.verify_mode is ssl.CERT_REQUIRED else None,
        version=engine.version() or "",
        alpn=engine.selected_alpn_protocol() or "",
        chain=chain_facts(_served_chain(engine)),
    )


async def late_alert(secured: Secured) -> Secured:
    """Wait a moment for what TLS 1.3 says only after the handshake: a client certificate was wanted.

    A server that is content sends its session tickets in the same moment, so this rarely waits in full.
    """
    stream, attempt = secured.stream, secured.attempt
    if stream is None or attempt.version != "TLSv1.3":
        return secured
    try:
        async with asyncio.timeout(_LATE_ALERT_S):
            await stream.settle()
    except ssl.SSLError as error:
        reach, detail = tls_failure(error, stream.first, stream.received)
        return replace(secured, attempt=replace(attempt, reach=reach, detail=detail))
    except OSError as error:
        # A timeout is the good case; a server that closes after a complete handshake is HTTP's to judge.
        if not isinstance(error, TimeoutError):
            return replace(secured, attempt=replace(attempt, detail=reach_of(error)[1]))
    return secured


def tls_failure(error: ssl.SSLError, first: bytes, received: int) -> tuple[Reach, str]:
    """Tell apart an alert, a peer that speaks something else, a close and the rest.

    Args:
        error: As OpenSSL raised it.
        first: The first raw bytes that the peer sent.
        received: How many raw bytes it sent in all.
    """
    if first and not _is_record(first):
        said = clean(first.split(b"\n", 1)[0].decode("latin-1").rstrip("\r"), 120)
        return Reach.TLS_NOT_TLS, f"the server answered in the clear: {said}"
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError) or "UNEXPECTED_EOF" in reason:
        return Reach.TLS_EOF, f"the server closed the connection after {received} bytes"
    alert = _ALERT.fullmatch(reason)
    if alert is not None and alert.group(1) in _ALERT_NUMBERS:
        name = alert.group(1)
        return Reach.TLS_ALERT, f"alert {_ALERT_NUMBERS[name]} {name.lower()}"
    if "_ALERT_" in reason:
        return Reach.TLS_ALERT, f"alert {clean(reason, 100).lower()}"
    return Reach.TLS_OTHER, clean(reason or type(error).__name__, 100).replace("_", " ").lower()


def _is_record(first: bytes) -> bool:
    """Tell whether bytes can be a TLS record: a content type of 20 to 24, then major version 3."""
    return first[0] in range(20, 25) and (len(first) < 2 or first[1] == 3)


def _served_chain(engine: ssl.SSLObject) -> list[bytes]:
    """Return the chain as the server sent it, leaf first, in DER.

    Public from Python 3.13 on; before, the same method sits on the C object beneath. The leaf alone is public
    everywhere, and is what remains should the private name go away.
    """
    public: Any = getattr(engine, "get_unverified_chain", None)
    if public is not None:
        return list(public() or ())
    beneath: Any = getattr(getattr(engine, "_sslobj", None), "get_unverified_chain", None)
    if beneath is not None:
        return [certificate.public_bytes(_DER) for certificate in beneath() or ()]
    leaf = engine.getpeercert(binary_form=True)
    return [leaf] if leaf else []
