"""TCP, TLS and HTTP towards chosen addresses, over real sockets.

No judgement and no retries: each method makes one attempt and says how far it came.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from msgspec.structs import replace

from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach, TcpAttempt, TlsAttempt
from ingressdoctor.sources.access_token import LiveAccessToken
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo, join_host_port
from ingressdoctor.sources.loading import OnDemand
from ingressdoctor.sources.trust import Trust

__all__ = ["LiveNet"]

_CONNECTIONS: Final = 64


class _Probes(Protocol):
    """What probes.py offers; named here because importing it is put off to the first call."""

    async def tcp(self, address: str, port: int, *, timeout_s: float, redirect: bool) -> TcpAttempt: ...

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float) -> TlsAttempt: ...

    async def http(self, request: HttpRequest) -> HttpExchange: ...


class LiveNet:
    """Implements the ``Net`` protocol.

    Args:
        ca_file: PEM file trusted instead of the system's roots; empty for those.
        connect_to: Redirections of what is dialled.
        anchors: "host:port" that prove we are online. Never redirected: they test this machine's network.
        calls: Where calls are logged.
        access: The service token for requests that ask for one.

    Raises:
        ConfigError: the CA file cannot be used.
    """

    def __init__(
        self,
        *,
        ca_file: str,
        connect_to: ConnectTo,
        anchors: tuple[str, ...],
        calls: CallLog,
        access: LiveAccessToken | None = None,
    ) -> None:
        self.anchors = anchors
        self._access = access or LiveAccessToken()
        trust = Trust(ca_file)

        def make() -> _Probes:
            from ingressdoctor.sources.probes import Probes

            return Probes(connect_to, trust)

        self._probes = OnDemand("ingressdoctor.sources.probes", make)
        self._calls = calls
        self._slots = asyncio.Semaphore(_CONNECTIONS)

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        """Connect and close."""
        where, probes = join_host_port(address, port), await self._probes.get()
        async with self._slots:
            with self._calls.call("tcp", where) as call:
                attempt = await probes.tcp(address, port, timeout_s=timeout_s, redirect=where not in self.anchors)
                call.outcome = attempt.reach.value
        return attempt

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float = 5.0) -> TlsAttempt:
        """Handshake with a chosen SNI, reporting the served chain whether or not it can be trusted."""
        probes = await self._probes.get()
        async with self._slots:
            with self._calls.call("tls", f"{join_host_port(address, port)} SNI {sni or '(none)'}") as call:
                attempt = await probes.tls(address, port, sni=sni, timeout_s=timeout_s)
                call.outcome = attempt.reach.value
        return replace(attempt, address=address)

    async def http(self, request: HttpRequest) -> HttpExchange:
        """Send one request to one address; redirects are not followed here.

        Raises:
            SourceError: it is to carry the service token, which cannot be had or must not be sent there.
        """
        if request.service_token:
            request = await self._access.laden(request)
        what = f"{request.method} {request.url}" + (f" at {request.address}" if request.address else "")
        probes = await self._probes.get()
        async with self._slots:
            with self._calls.call("http", what) as call:
                exchange = await probes.http(request)
                call.outcome = str(exchange.status) if exchange.reach is Reach.OK else exchange.reach.value
        return exchange

    async def aclose(self) -> None:
        """Nothing stays open between calls."""
