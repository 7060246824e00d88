"""TCP, TLS and HTTP towards chosen addresses, over real sockets.

No judgement and no retries: each method makes one attempt and says how far it came.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach, TcpAttempt, TlsAttempt
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo, join_host_port
from ingressdoctor.sources.dial import Dialer
from ingressdoctor.sources.http import HttpClient
from ingressdoctor.sources.tls import ALPN, Endpoint, TlsClient, Trust, late_alert

__all__ = ["LiveNet"]

_CONNECTIONS: Final = 64


class LiveNet:
    """Implements the ``Net`` protocol.

    Args:
        ca_file: PEM file trusted instead of the system's roots; empty for those.
        connect_to: Redirections of what is dialled.
        anchors: "host:port" that prove we are online. Never redirected: they test this machine's network.
        calls: Where calls are logged.

    Raises:
        ConfigError: the CA file cannot be used.
    """

    def __init__(self, *, ca_file: str, connect_to: ConnectTo, anchors: tuple[str, ...], calls: CallLog) -> None:
        self.anchors = anchors
        self._dialer = Dialer(connect_to)
        self._tls = TlsClient(self._dialer, Trust(ca_file))
        self._http = HttpClient(self._dialer, self._tls)
        self._calls = calls
        self._slots = asyncio.Semaphore(_CONNECTIONS)

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        """Connect and close."""
        where = join_host_port(address, port)
        async with self._slots:
            with self._calls.call("tcp", where) as call:
                made = await self._dialer.connect(
                    address, port, timeout_s=timeout_s, redirect=where not in self.anchors
                )
                if made.stream is not None:
                    made.stream.close()
                call.outcome = made.reach.value
        return TcpAttempt(
            address=address,
            port=port,
            reach=made.reach,
            detail=made.detail,
            elapsed_s=made.elapsed_s,
            dialled=made.dialled,
        )

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float = 5.0) -> TlsAttempt:
        """Handshake with a chosen SNI, reporting the served chain whether or not it can be trusted."""
        endpoint = Endpoint(address=address, port=port, sni=sni, alpn=ALPN, timeout_s=timeout_s)
        async with self._slots:
            with self._calls.call("tls", f"{join_host_port(address, port)} SNI {sni or '(none)'}") as call:
                secured = await self._tls.open(endpoint)
                try:
                    secured = await late_alert(secured)
                finally:
                    if secured.stream is not None:
                        secured.stream.close()
                call.outcome = secured.attempt.reach.value
        return replace(secured.attempt, address=address)

    async def http(self, request: HttpRequest) -> HttpExchange:
        """Send one request to one address; redirects are not followed here."""
        what = f"{request.method} {request.url}" + (f" at {request.address}" if request.address else "")
        async with self._slots:
            with self._calls.call("http", what) as call:
                exchange = await self._http.exchange(request)
                call.outcome = str(exchange.status) if exchange.reach is Reach.OK else exchange.reach.value
        return exchange

    async def aclose(self) -> None:
        """Nothing stays open between calls."""
