"""A client's session in MaxScale: which servers it uses, and which of them answers a statement.

readwritesplit: what only reads goes to a replica, unless a transaction is open or autocommit is off; session settings
go to all; everything else to the primary. readconnroute: one server for everything. Statements that are neither queries
nor the choice of a database (prepared ones, say) pin the rest of the session to the primary.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable

from ingressdoctor.lab.serve.maxscale.core import MaxScale
from ingressdoctor.lab.serve.maxscale.options import Server, Service
from ingressdoctor.lab.serve.maxscale.state import Seen
from ingressdoctor.lab.serve.sql import wire
from ingressdoctor.lab.serve.sql.client import Session
from ingressdoctor.lab.stream import Address, splice

_SESSION = re.compile(r"(?:set|use)\b", re.IGNORECASE)
_READ = re.compile(r"(?:select|show|describe|desc|explain|with|values)\b", re.IGNORECASE)
_LOCKS = re.compile(r"\bfor\s+update\b|\block\s+in\s+share\b|\binto\s+(?:out|dump)file\b|get_lock|:=", re.IGNORECASE)
_READ_ONLY = re.compile(r"start\s+transaction\s+read\s+only\b", re.IGNORECASE)
_COMMENT = re.compile(r"^(?:\s|/\*(?!!).*?\*/|--[^\n]*\n|#[^\n]*\n)+", re.DOTALL)


class Refused(Exception):  # noqa: N818  # what the client is told
    """No session can be made."""


class Gone(Exception):  # noqa: N818  # not an error of ours
    """The session ends without a word to the client."""


async def open_session(
    maxscale: MaxScale, service: Service, login: wire.Login, hashed: bytes, remote: Address, number: int
) -> ClientSession:
    """Log in to the servers of a session.

    Raises:
        Refused: there is none to log in to.
        wire.ServerRefusal: one refused what MaxScale had accepted.
        Gone: one could not be reached.
    """
    chosen = _chosen(maxscale, service)
    backends: list[_Backend] = []
    try:
        for server in chosen:
            backend = await _log_in(maxscale, server, login, hashed, remote)
            backends.append(backend)
    except wire.ServerRefusal as refused:
        _close(backends)
        name = chosen[len(backends)].name
        maxscale.seen[name].failed += 1
        maxscale.journal.error(
            "All backends are now permanently unusable, closing session. Error from "
            f"'{name}': Authentication to '{name}' failed: {refused.code}, #{refused.state}: {refused.text}",
            session=number,
        )
        raise
    except (OSError, TimeoutError, wire.WireError) as error:
        _close(backends)
        maxscale.journal.error(f"Lost connection to backend server: {error}", session=number)
        raise Gone from error
    splits = service.router == "readwritesplit"
    return ClientSession(maxscale, tuple(backends), f"{login.user}@{remote.ip}", number, splits=splits)


def _chosen(maxscale: MaxScale, service: Service) -> tuple[Server, ...]:
    """Servers of a session, the one that takes writes first."""
    running = [server for server in maxscale.options.servers if maxscale.seen[server.name].is_running]
    masters = [server for server in running if "Master" in maxscale.seen[server.name].tokens]
    slaves = [server for server in running if "Slave" in maxscale.seen[server.name].tokens]
    if most := service.most_lag_s:
        slaves = [server for server in slaves if maxscale.lag_s(server.name) <= most]
    if service.router == "readconnroute":
        wanted = service.params.get("router_options", "running")
        found = {"master": masters, "slave": slaves}.get(wanted, masters or running)
        if not found:
            maxscale.journal.error("Couldn't find eligible candidate server.", once=True)
            raise Refused("Internal error: Session creation failed")
        return (min(found, key=lambda item: maxscale.seen[item.name].sessions),)
    instantly = "fail_instantly" if maxscale.options.fails_instantly else "fail_on_write"
    if not masters and not slaves and not maxscale.options.fails_instantly:
        lost = "Could not find valid server for target type TARGET_ALL (COM_QUERY: set names), closing connection."
        maxscale.journal.error(lost, once=True)
        raise wire.ServerRefusal(0, "", lost)
    if not masters and service.params.get("master_failure_mode", instantly) == "fail_instantly":
        candidates = len(maxscale.options.servers)
        maxscale.journal.error(f"Couldn't find suitable Primary from {candidates} candidates.", once=True)
        maxscale.journal.error(f"Failed to create new router session for service '{service.name}'.", once=True)
        raise Refused("Internal error: Session creation failed")
    slaves.sort(key=lambda item: maxscale.seen[item.name].sessions)
    return (*masters[:1], *slaves[:1])


class _Backend:
    """One server's part of a session."""

    def __init__(self, name: str, session: Session, seen: Seen, *, writes: bool) -> None:
        self.name = name
        self.writes = writes
        self.packets = session.packets
        self._seen = seen
        seen.sessions += 1
        seen.total += 1
        seen.most = max(seen.most, seen.sessions)

    def close(self) -> None:
        self.packets.stream.close()
        self._seen.sessions -= 1


async def _log_in(maxscale: MaxScale, server: Server, login: wire.Login, hashed: bytes, remote: Address) -> _Backend:
    session = await maxscale.open(
        server, login.user, hashed, client=remote, database=login.database, capabilities=login.capabilities
    )
    seen = maxscale.seen[server.name]
    return _Backend(server.name, session, seen, writes="Master" in seen.tokens)


def _close(backends: list[_Backend]) -> None:
    for backend in backends:
        backend.close()


class ClientSession:
    """Carries the statements of one client."""

    def __init__(
        self, maxscale: MaxScale, backends: tuple[_Backend, ...], who: str, number: int, *, splits: bool
    ) -> None:
        self._maxscale = maxscale
        self._backends = backends
        self._who = who
        self._number = number
        self._splits = splits
        self._primary = next((item for item in backends if item.writes), None)
        self._replica = next((item for item in backends if not item.writes), None)
        self._in_transaction: _Backend | None = None
        self._autocommit = True

    @property
    def names(self) -> tuple[str, ...]:
        """Its servers."""
        return tuple(item.name for item in self._backends)

    def close(self) -> None:
        """Leave every server."""
        _close(list(self._backends))

    async def run(self, client: wire.Packets) -> None:
        """Carry statements until the client leaves or a server is lost."""
        while (packet := await client.read()) is not None:
            command = packet.payload[0] if packet.payload else wire.COM_QUIT
            if command == wire.COM_QUIT:
                return
            text = _COMMENT.sub("", packet.payload[1:].decode("utf-8", "replace"))
            if command not in {wire.COM_QUERY, wire.COM_INIT_DB, wire.COM_PING}:
                await self._pin(client, packet)
                return
            if command != wire.COM_QUERY or _SESSION.match(text):
                await self._to_all(client, packet)
                continue
            backend = self._target(text)
            if backend is None:
                self._maxscale.journal.warning(
                    f"Write query received from {self._who}. Could not find a valid master connection. "
                    "Closing client connection.",
                    session=self._number,
                )
                raise Gone
            await self._one(client, backend, packet)

    def _target(self, text: str) -> _Backend | None:
        if not self._splits:
            return self._backends[0]
        if self._in_transaction is not None:
            return self._in_transaction
        reads = bool(_READ.match(text)) and not _LOCKS.search(text) and self._autocommit
        if reads or _READ_ONLY.match(text):
            return self._replica or self._primary
        return self._primary

    async def _one(self, client: wire.Packets, backend: _Backend, packet: wire.Packet) -> None:
        await backend.packets.write(packet.sequence, packet.payload)
        status = await _carry(backend.packets, client)
        if status is not None:
            self._in_transaction = backend if status & wire.IN_TRANSACTION else None

    async def _to_all(self, client: wire.Packets, packet: wire.Packet) -> None:
        """Send to every server; the first one's answer is the client's."""
        for backend in self._backends:
            await backend.packets.write(packet.sequence, packet.payload)
        for index, backend in enumerate(self._backends):
            status = await _carry(backend.packets, None if index else client)
            if status is not None and not index:
                self._autocommit = bool(status & wire.AUTOCOMMIT)

    async def _pin(self, client: wire.Packets, packet: wire.Packet) -> None:
        backend = self._primary or self._backends[0]
        await backend.packets.write(packet.sequence, packet.payload)
        for packets in (client, backend.packets):
            packets.stream.unread(packets.rest())
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await splice(client.stream, backend.packets.stream)


async def _carry(server: wire.Packets, client: wire.Packets | None) -> int | None:
    """Carry one whole answer; its status flags, None for an error. Without a *client* it is dropped."""

    async def take() -> wire.Packet:
        packet = await server.expect()
        if client is not None:
            await client.write(packet.sequence, packet.payload)
        return packet

    while True:
        first = await take()
        if first.is_error:
            return None
        if first.payload[:1] == b"\0":
            status = _status_of_ok(first.payload)
        else:
            columns, _ = wire.read_lenenc(first.payload, 0)
            for _ in range(columns or 0):
                await take()
            status_or_error = await _rows(take)
            if status_or_error is None:
                return None
            status = status_or_error
        if not status & wire.MORE_RESULTS:
            return status


async def _rows(take: Callable[[], Awaitable[wire.Packet]]) -> int | None:
    """Carry the rows of a result set, with the EOF packet before them if there is one; status flags at its end."""
    started = False
    while True:
        packet = await take()
        if packet.is_error:
            return None
        if packet.payload[:1] == b"\xfe":
            if started or len(packet.payload) > 5:
                return _status_at_the_end(packet.payload)
            started = True


def _status_of_ok(payload: bytes) -> int:
    _, at = wire.read_lenenc(payload, 1)
    _, at = wire.read_lenenc(payload, at)
    return int.from_bytes(payload[at : at + 2], "little")


def _status_at_the_end(payload: bytes) -> int:
    """Flags of an EOF packet, or of the OK packet that has taken its place."""
    return int.from_bytes(payload[3:5], "little") if len(payload) == 5 else _status_of_ok(payload)
