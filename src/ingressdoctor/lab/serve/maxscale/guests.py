"""Clients that were at MaxScale before anybody asks: logins that failed, and sessions that stay open.

The world's settings name them (`sql.failed_logins`, `sql.sessions`). They really log in, over a pair of sockets: what
they use up, and who gets blocked for them, follows from that.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ingressdoctor.lab.cluster import mapping, sequence, text
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.sql import passwords, wire
from ingressdoctor.lab.serve.sql.accounts import Plan
from ingressdoctor.lab.serve.sql.client import Session, log_in
from ingressdoctor.lab.stream import Address, Duplex, Stream

MOST = 200
LOGIN_S = 5.0

Talk = Callable[[Duplex], Awaitable[None]]


class Guests:
    """The guests of one listener."""

    def __init__(self, network: Network, plan: Plan, settings: Mapping[str, Any]) -> None:
        """*settings* are the world's `sql`."""
        self._network = network
        self._passwords = {account.user: account.password for account in plan.accounts}
        self._settings = settings

    async def arrive(self, talk: Talk) -> None:
        """Let all of them come, one after the other; *talk* serves one connection."""
        for entry in map(mapping, sequence(self._settings.get("failed_logins"))):
            for _ in range(_count(entry)):
                session = await self._log_in(talk, entry, secrets.token_urlsafe(9))
                if session is not None:
                    session.close()
        for entry in map(mapping, sequence(self._settings.get("sessions"))):
            for _ in range(_count(entry)):
                session = await self._log_in(talk, entry, self._passwords.get(text(entry.get("user")), ""))
                if session is not None:
                    self._network.spawn(_stay(session))

    async def _log_in(self, talk: Talk, entry: Mapping[str, Any], password: str) -> Session | None:
        """The session, None when the login was refused."""
        one, other = socket.socketpair()
        here, there = Address(ip=text(entry.get("from")), port=40_000), Address(ip="0.0.0.0", port=3306)
        for sock in (one, other):
            sock.setblocking(False)
        self._network.spawn(_serve(talk, Stream(other, peer=here, local=there)))
        stream = Stream(one, peer=there, local=here)
        try:
            async with asyncio.timeout(LOGIN_S):
                return await log_in(stream, text(entry.get("user")), passwords.sha1(password.encode()))
        except (wire.ServerRefusal, wire.WireError, OSError, TimeoutError):
            stream.close()
            return None


def _count(entry: Mapping[str, Any]) -> int:
    count = entry.get("count", 1)
    return min(count, MOST) if isinstance(count, int) else 1


async def _serve(talk: Talk, stream: Stream) -> None:
    try:
        with contextlib.suppress(OSError):
            await talk(stream)
    finally:
        stream.close()


async def _stay(session: Session) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        session.close()
