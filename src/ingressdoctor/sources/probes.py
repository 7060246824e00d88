"""One attempt each at TCP, TLS and HTTP, on the connections, handshakes and requests of the modules beside this one.

Takes 0.1 s to load (httpcore, cryptography): loaded by net.py with the first call.
"""

from __future__ import annotations

from ingressdoctor.evidence.net import HttpExchange, HttpRequest, TcpAttempt, TlsAttempt
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.dial import Dialer
from ingressdoctor.sources.http import HttpClient
from ingressdoctor.sources.tls import Endpoint, TlsClient, late_alert
from ingressdoctor.sources.trust import ALPN, Trust

__all__ = ["Probes"]


class Probes:
    """Makes single attempts and says how far they came."""

    def __init__(self, connect_to: ConnectTo, trust: Trust) -> None:
        self._dialer = Dialer(connect_to)
        self._tls = TlsClient(self._dialer, trust)
        self._http = HttpClient(self._dialer, self._tls)

    async def tcp(self, address: str, port: int, *, timeout_s: float, redirect: bool) -> TcpAttempt:
        """Connect and close."""
        made = await self._dialer.connect(address, port, timeout_s=timeout_s, redirect=redirect)
        if made.stream is not None:
            made.stream.close()
        return TcpAttempt(
            address=address,
            port=port,
            reach=made.reach,
            detail=made.detail,
            elapsed_s=made.elapsed_s,
            dialled=made.dialled,
        )

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float) -> TlsAttempt:
        """Handshake, wait a moment for a late alert, and close."""
        secured = await self._tls.open(Endpoint(address=address, port=port, sni=sni, alpn=ALPN, timeout_s=timeout_s))
        try:
            secured = await late_alert(secured)
        finally:
            if secured.stream is not None:
                secured.stream.close()
        return secured.attempt

    async def http(self, request: HttpRequest) -> HttpExchange:
        """Send one request."""
        return await self._http.exchange(request)
