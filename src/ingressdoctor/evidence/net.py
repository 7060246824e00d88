"""What happened on the wire: connects, handshakes, certificates, HTTP exchanges.

A refusal, a timeout or a wrong name is evidence, never an error.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = [
    "CertificateFacts",
    "HttpExchange",
    "HttpRequest",
    "Phases",
    "Reach",
    "TcpAttempt",
    "TlsAttempt",
]


class Reach(StrEnum):
    """How far an attempt came; anything but ``OK`` is how it failed."""

    OK = "ok"
    NAME = "name-not-resolved"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    CLOSED = "closed-without-a-byte"
    TLS_ALERT = "tls-alert"
    TLS_NOT_TLS = "not-tls"
    TLS_EOF = "tls-eof"
    TLS_OTHER = "tls-failed"
    PROTOCOL = "not-http"
    TOO_LARGE = "too-large"
    READ_TIMEOUT = "no-answer-in-time"


class TcpAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One TCP connect to ``address:port``; ``dialled`` differs when --connect-to redirected it."""

    address: str
    port: int
    reach: Reach
    detail: str = ""
    elapsed_s: float = 0.0
    dialled: str = ""


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One X.509 certificate as served. Times are RFC 3339 in UTC.

    ``names`` are the hostnames of the SAN, then its addresses. At most a thousand are kept: whether a
    name is among all of them is told by the handshake's verdict.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: str
    not_after: str
    serial: str = ""
    sha256: str = ""
    self_signed: bool = False


class TlsAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One handshake: outcome, and the chain even where verification fails.

    ``trusted`` is the verdict of a verifying client (None when the handshake failed before a certificate was
    seen); ``verify_code``/``verify_text`` are OpenSSL's.
    """

    address: str
    port: int
    sni: str
    reach: Reach
    trusted: bool | None = None
    verify_code: int = 0
    verify_text: str = ""
    version: str = ""
    alpn: str = ""
    chain: tuple[CertificateFacts, ...] = ()
    detail: str = ""
    elapsed_s: float = 0.0


class Phases(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds spent per phase of an exchange; None for a phase that was not reached."""

    connect_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    total_s: float = 0.0


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to send.

    ``url`` decides scheme, Host and SNI; ``address`` (empty: resolve the URL's host by the system) is where the
    connection goes; ``verify`` False accepts any certificate and still reports it in the exchange's ``tls``.
    ``service_token`` asks for the service token of Access to be sent along: over verified https only, and added by
    the source that sends it.
    """

    url: str
    method: str = "GET"
    address: str = ""
    port: int | None = None
    sni: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    verify: bool = True
    timeout_s: float = 10.0
    max_body: int = 65_536
    service_token: bool = False


class HttpExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what came back. ``status`` is 0 when no status line arrived.

    ``headers`` keep order, names in lower case; ``body`` is capped at the request's ``max_body``.
    """

    url: str
    method: str
    address: str
    port: int
    reach: Reach
    status: int = 0
    http_version: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    tls: TlsAttempt | None = None
    phases: Phases = Phases()
    detail: str = ""

    def header(self, name: str) -> str:
        """Return the first value of a header, or the empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), "")
