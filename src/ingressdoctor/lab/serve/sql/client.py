"""A client of MySQL servers for the lab itself: log in over a stream of the simulated network, ask, read rows.

Waits are the caller's (asyncio.timeout). Failures are ServerRefusal (what the server said), WireError and OSError.
"""

from __future__ import annotations

from ingressdoctor.lab.serve.sql import passwords, wire
from ingressdoctor.lab.stream import Duplex

CAPABILITIES = (
    wire.PROTOCOL_41
    | wire.SECURE_CONNECTION
    | wire.PLUGIN_AUTH
    | wire.MULTI_RESULTS
    | 0x0000_2005  # long password, long flag, transactions
)

Row = tuple[str | None, ...]


class Session:
    """One connection that is logged in."""

    def __init__(self, packets: wire.Packets, greeting: wire.Greeting) -> None:
        self.packets = packets
        self.greeting = greeting

    async def query(self, statement: str) -> list[Row]:
        """Rows of one statement; [] for one without a result.

        Raises:
            ServerRefusal: the server refused it.
        """
        await self.packets.write(0, bytes((wire.COM_QUERY,)) + statement.encode())
        first = await self.packets.expect()
        if first.is_error:
            raise wire.refusal(first.payload)
        if first.payload[:1] == b"\0":
            return []
        columns, _ = wire.read_lenenc(first.payload, 0)
        for _ in range((columns or 0) + 1):  # definitions, and EOF
            await self.packets.expect()
        rows: list[Row] = []
        while not _is_eof(packet := await self.packets.expect()):
            if packet.is_error:
                raise wire.refusal(packet.payload)
            rows.append(_row(packet.payload))
        return rows

    def close(self) -> None:
        """Leave."""
        self.packets.stream.close()


async def log_in(
    stream: Duplex, user: str, hashed: bytes, *, database: str = "", capabilities: int = CAPABILITIES
) -> Session:
    """Log in as *user* with the hash (SHA1) of a password, b"" for none."""
    packets = wire.Packets(stream)
    greeting = wire.read_greeting((await packets.expect()).payload)
    answer = passwords.token(hashed, greeting.scramble) if hashed else b""
    caps = capabilities & greeting.capabilities | CAPABILITIES
    login = wire.Login(user=user, capabilities=caps, answer=answer, database=database)
    await packets.write(1, login.encoded())
    reply = await packets.expect()
    if reply.payload[:1] == b"\xfe":
        plugin, _, challenge = reply.payload[1:].partition(b"\0")
        if plugin != wire.NATIVE.encode():
            raise wire.ServerRefusal(2059, "HY000", f"Authentication plugin '{plugin.decode('latin-1')}' is not known")
        await packets.write(reply.sequence + 1, passwords.token(hashed, challenge[:20]) if hashed else b"")
        reply = await packets.expect()
    if reply.is_error:
        raise wire.refusal(reply.payload)
    return Session(packets, greeting)


def _is_eof(packet: wire.Packet) -> bool:
    return packet.payload[:1] == b"\xfe" and len(packet.payload) < 9


def _row(payload: bytes) -> Row:
    values: list[str | None] = []
    at = 0
    while at < len(payload):
        size, at = wire.read_lenenc(payload, at)
        values.append(None if size is None else payload[at : at + size].decode("utf-8", "replace"))
        at += size or 0
    return tuple(values)
