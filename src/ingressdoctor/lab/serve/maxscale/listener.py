"""One SQL listener of MaxScale: greeting, PROXY header, login against MaxScale's own copy of the accounts, session.

What each release says, and what it only logs, was observed on 23.08.5 and 24.02.4: a server that refuses what MaxScale
had accepted leaves the client with an OK packet and a closed connection, and the errno in this log alone.
"""

from __future__ import annotations

import dataclasses
import ssl
from datetime import UTC, datetime

from ingressdoctor.lab.serve.maxscale.core import MaxScale
from ingressdoctor.lab.serve.maxscale.options import Service
from ingressdoctor.lab.serve.maxscale.session import Gone, Refused, open_session
from ingressdoctor.lab.serve.maxscale.state import Client
from ingressdoctor.lab.serve.maxscale.users import User
from ingressdoctor.lab.serve.sql import passwords, wire
from ingressdoctor.lab.serve.sql.headers import proxy_header
from ingressdoctor.lab.serve.sql.hosts import best_match
from ingressdoctor.lab.serve.sql.pods import is_gone
from ingressdoctor.lab.stream import Address, Duplex, TlsStream

CAPABILITIES = 0x01BF_F7DE
ALONE = {23: (0x003F_F7DF, 0), 24: (0x003F_F7DE, 0x04)}
OUT_OF_ORDER = "Got packets out of order"


@dataclasses.dataclass(slots=True, kw_only=True)
class _Arrival:
    """A client between its connection and its session."""

    packets: wire.Packets
    number: int
    scramble: bytes
    remote: Address  # who it says it is
    matched: str  # the address that accounts are matched against
    sequence: int = 2


class SqlListener:
    """Serves the connections of one listener of one pod."""

    def __init__(self, maxscale: MaxScale, service: Service, tls: ssl.SSLContext | None) -> None:
        self._maxscale = maxscale
        self._service = service
        self._listener = service.listener
        self._tls = tls if service.listener.tls else None

    async def serve(self, client: Duplex) -> None:
        """One connection."""
        if self._listener.stopped:
            while await client.read():  # the kernel has accepted it, and nobody ever will
                pass
            return
        if not self._maxscale.is_started and await is_gone(client):
            return
        await self._maxscale.ensure_started()
        await self.talk(client)

    async def talk(self, client: Duplex) -> None:
        """One connection, whether or not the servers have been looked at."""
        accepts = self._maxscale.accepts
        accepts[self._listener.name] = accepts.get(self._listener.name, 0) + 1
        try:
            await self._talk(wire.Packets(client))
        except (wire.WireError, Gone):
            pass
        finally:
            await client.finish()

    async def _talk(self, packets: wire.Packets) -> None:
        one, name = self._maxscale, self._service.name
        peer = packets.stream.peer
        if refused := self._at_the_door(peer.ip):
            await packets.write(0, refused)
            return
        arrival = _Arrival(
            packets=packets, number=next(one.numbers), scramble=passwords.scramble(), remote=peer, matched=peer.ip
        )
        one.waiting[name] = one.waiting.get(name, 0) + 1
        try:
            await packets.write(0, self._greeting(arrival).encoded())
            if await self._unwrapped(arrival) and (login := await self._login(arrival)) is not None:
                await self._run(arrival, *login)
        finally:
            one.waiting[name] -= 1
            one.clients.pop(arrival.number, None)

    def _at_the_door(self, ip: str) -> bytes | None:
        """The error that takes the greeting's place; None for none."""
        one, most = self._maxscale, self._service.most
        if one.is_blocked(ip):
            text = f"Host '{ip}' is temporarily blocked due to too many authentication failures."
            return wire.error(1129, "HY000", text)
        if most and one.waiting.get(self._service.name, 0) >= most:
            # 24.02 adds the SQLSTATE.
            return wire.error(1040, "" if one.options.version < (24, 2, 0) else "08004", "Too many connections")
        return None

    def _greeting(self, arrival: _Arrival) -> wire.Greeting:
        one = self._maxscale
        versions = sorted(seen.version for seen in one.seen.values() if seen.version)
        year = 23 if one.options.version < (24, 0, 0) else 24
        capabilities, (extended, charset) = CAPABILITIES, (0x14, 1) if year == 23 else (0x1C, 45)
        version = self._service.params.get("version_string") or next(iter(versions), "")
        if not one.ever_connected or not version:
            version = f"5.5.5-10.4.32 {one.options.release}-maxscale"
            (capabilities, extended), charset = ALONE[year], 8
        return wire.Greeting(
            version=version,
            connection=arrival.number,
            scramble=arrival.scramble,
            capabilities=capabilities | (wire.SSL if self._tls else 0),
            extended=extended,
            charset=charset,
        )

    async def _unwrapped(self, arrival: _Arrival) -> bool:
        """Take a PROXY header off; False when it was refused."""
        one, packets, networks = self._maxscale, arrival.packets, self._listener.proxies
        known = one.options.knows_proxied
        if networks.empty and not known:
            return True  # it is parsed as a packet
        header = await proxy_header(packets)
        if header is None:
            return True
        sequence = 2 if known else 1
        if refused := networks.refusal(packets.stream.peer.ip, header):
            await packets.write(sequence, refused)
            return False
        if header.source is not None:
            arrival.remote = header.source
            arrival.matched = header.source.ip if known else arrival.matched
        return True

    async def _login(self, arrival: _Arrival) -> tuple[wire.Login, bytes] | None:
        """The login and the hash of its password; None when it was refused."""
        packet = await self._first(arrival)
        if packet is None:
            return None
        packets, login = arrival.packets, wire.read_login(packet.payload)
        arrival.sequence = packet.sequence + 1
        if login.plugin != wire.NATIVE:
            await packets.write(arrival.sequence, wire.switch_to_native(arrival.scramble))
            packet = await packets.expect()
            login, arrival.sequence = dataclasses.replace(login, answer=packet.payload), packet.sequence + 1
        if self._tls is not None and not isinstance(packets.stream, TlsStream):
            await self._deny(arrival, login)  # nothing tells that TLS was missing
            return None
        found = self._accepted(arrival, login)
        if found is None and await self._maxscale.refresh(login.user, arrival.matched):
            found = self._accepted(arrival, login)
        if isinstance(found, bytes):
            return login, found
        await (self._deny(arrival, login) if found is None else self._refuse(arrival, found))
        return None

    async def _first(self, arrival: _Arrival) -> wire.Packet | None:
        """The client's answer to the greeting, over TLS where it asks for that; None when it was something else."""
        packets = arrival.packets
        if (sequence := await packets.sequence()) != 1:
            self._maxscale.journal.error(
                f"Client ({packets.stream.peer.ip}) sent packet with unexpected sequence number. "
                f"Expected 1, got {sequence}.",
                session=arrival.number,
            )
            await packets.write(sequence + 1, wire.error(1156, "08S01", OUT_OF_ORDER))
            return None
        packet = await packets.expect()
        if len(packet.payload) == 32 and self._tls is not None:
            packets.stream.unread(packets.rest())
            secured = TlsStream(packets.stream, self._tls)
            await secured.handshake()
            packets.stream = secured
            packet = await packets.expect()
        return packet

    def _accepted(self, arrival: _Arrival, login: wire.Login) -> bytes | wire.ServerRefusal | None:
        """The password's hash, what to refuse the client with, or None for "access denied"."""
        user = best_match(self._maxscale.copy.users, login.user, arrival.matched)
        if user is None:
            return None
        if user.plugin not in {wire.NATIVE, ""}:
            return wire.ServerRefusal(1524, "HY000", f"Plugin '{user.plugin}' is not loaded")
        if user.stored:
            hashed = passwords.recovered(login.answer, arrival.scramble, user.stored)
        else:
            hashed = None if login.answer else b""
        return hashed if hashed is None else self._database(arrival, login, user) or hashed

    def _database(self, arrival: _Arrival, login: wire.Login, user: User) -> wire.ServerRefusal | None:
        copy, wanted = self._maxscale.copy, login.database
        if not wanted or (wanted in copy.databases and copy.may_use(user, wanted)):
            return None
        if wanted not in copy.databases:
            return wire.ServerRefusal(1049, "42000", f"Unknown database '{wanted}'")
        who = f"'{login.user}'@'{arrival.matched}'"
        return wire.ServerRefusal(1044, "42000", f"Access denied for user {who} to database '{wanted}'")

    async def _deny(self, arrival: _Arrival, login: wire.Login) -> None:
        one, peer = self._maxscale, arrival.packets.stream.peer.ip
        used = "YES" if login.answer else "NO"
        text = f"Access denied for user '{login.user}'@'{arrival.remote.ip}' (using password: {used})"
        one.journal.warning(
            f"Authentication failed for user '{login.user}'@[{arrival.remote.ip}] to service '{self._service.name}'. "
            f"Originating listener: '{self._listener.name}'. MariaDB error: '{text}'.",
            session=arrival.number,
        )
        one.count_failure(peer, self._service.name)
        await self._refuse(arrival, wire.ServerRefusal(1045, "28000", text))

    async def _refuse(self, arrival: _Arrival, refused: wire.ServerRefusal) -> None:
        await arrival.packets.write(arrival.sequence, wire.error(refused.code, refused.state, refused.text))

    async def _run(self, arrival: _Arrival, login: wire.Login, hashed: bytes) -> None:
        one, packets = self._maxscale, arrival.packets
        try:
            session = await open_session(one, self._service, login, hashed, arrival.remote, arrival.number)
        except Refused as refused:
            await self._refuse(arrival, wire.ServerRefusal(1815, "HY000", str(refused)))
            return
        except wire.ServerRefusal:
            await packets.write(arrival.sequence, wire.ok())
            return
        name = self._service.name
        one.clients[arrival.number] = Client(
            number=arrival.number,
            user=login.user,
            remote=arrival.remote,
            service=name,
            since=datetime.now(UTC),
            servers=session.names,
        )
        one.total[name] = one.total.get(name, 0) + 1
        one.peak[name] = max(one.peak.get(name, 0), sum(client.service == name for client in one.clients.values()))
        try:
            await packets.write(arrival.sequence, wire.ok())
            await session.run(packets)
        finally:
            session.close()
