"""Keep many probes from falling on one place at once: so many overall, and so many at one address.

Wraps the ``Net`` source of a sweep; a diagnosis needs none of it. Changes no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext

from ingressdoctor.evidence.net import HttpExchange, HttpRequest, TcpAttempt, TlsAttempt
from ingressdoctor.sources.base import Net

__all__ = ["PoliteNet", "Turns"]


class Turns:
    """So many at a time overall, and so many for each key; a key is forgotten when nobody waits for it.

    Args:
        overall: How many at a time.
        each: How many for each key.
        waiting: Entered while somebody waits for a turn.
    """

    def __init__(
        self, overall: int, each: int, waiting: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._waiting = waiting
        self._overall = asyncio.Semaphore(overall)
        self._each = each
        self._keys: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Wait for a turn, and give it back at the end."""
        semaphore, users = self._keys.get(key, (None, 0))
        if semaphore is None:
            semaphore = asyncio.Semaphore(self._each)
        self._keys[key] = (semaphore, users + 1)
        try:
            if semaphore.locked() or self._overall.locked():
                async with AsyncExitStack() as turn:
                    with self._waiting():
                        await turn.enter_async_context(semaphore)
                        await turn.enter_async_context(self._overall)
                    yield
            else:
                async with semaphore, self._overall:
                    yield
        finally:
            users = self._keys[key][1] - 1
            if users:
                self._keys[key] = (semaphore, users)
            else:
                del self._keys[key]


class PoliteNet:
    """A ``Net`` that takes turns by address."""

    def __init__(self, net: Net, turns: Turns) -> None:
        self.anchors = net.anchors
        self._net = net
        self._turns = turns

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        """Connect and close."""
        async with self._turns.turn(address):
            return await self._net.tcp(address, port, timeout_s=timeout_s)

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float = 5.0) -> TlsAttempt:
        """Handshake with a chosen SNI."""
        async with self._turns.turn(address):
            return await self._net.tls(address, port, sni=sni, timeout_s=timeout_s)

    async def http(self, request: HttpRequest) -> HttpExchange:
        """Send one request to one address.

        Raises:
            SourceError: it is to carry the service token, which cannot be had or must not be sent there.
        """
        async with self._turns.turn(request.address):
            return await self._net.http(request)
