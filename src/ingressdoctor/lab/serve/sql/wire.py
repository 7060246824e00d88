"""The MySQL protocol as far as the lab's servers and its own client need it: packets, handshake, OK and ERR.

Source: MariaDB's protocol documentation; which bits each peer sets was observed. Only mysql_native_password is spoken.
Sizes are bounded: a packet longer than MAX_PACKET ends the connection.
"""

from __future__ import annotations

import dataclasses
import struct

from ingressdoctor.lab.stream import Duplex

MAX_PACKET = 4 * 1_048_576
NATIVE = "mysql_native_password"

# Capabilities.
CONNECT_WITH_DB = 0x0000_0008
PROTOCOL_41 = 0x0000_0200
SSL = 0x0000_0800
SECURE_CONNECTION = 0x0000_8000
MULTI_STATEMENTS = 0x0001_0000
MULTI_RESULTS = 0x0002_0000
PLUGIN_AUTH = 0x0008_0000
CONNECT_ATTRS = 0x0010_0000
LENENC_AUTH = 0x0020_0000
DEPRECATE_EOF = 0x0100_0000

# Status flags of OK and EOF packets.
IN_TRANSACTION = 0x0001
AUTOCOMMIT = 0x0002
MORE_RESULTS = 0x0008
IN_READ_ONLY_TRANSACTION = 0x2000

COM_QUIT, COM_INIT_DB, COM_QUERY, COM_PING = 1, 2, 3, 14


class WireError(Exception):
    """The peer broke the protocol, or left in the middle of a packet."""


class ServerRefusal(Exception):  # noqa: N818  # what a server answered, not a fault of ours
    """An ERR packet: errno, SQLSTATE and text."""

    def __init__(self, code: int, state: str, text: str) -> None:
        super().__init__(f"{code}, #{state or 'HY000'}: {text}")
        self.code = code
        self.state = state
        self.text = text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet: its sequence number and what it carries."""

    sequence: int
    payload: bytes

    @property
    def is_error(self) -> bool:
        """Whether it is an ERR packet."""
        return self.payload[:1] == b"\xff"


class Packets:
    """Reads and writes packets on a stream."""

    def __init__(self, stream: Duplex) -> None:
        self.stream = stream
        self._data = b""

    async def more(self, count: int) -> bytes:
        """At least *count* bytes without consuming them; fewer once the peer has finished."""
        while len(self._data) < count and (data := await self.stream.read()):
            self._data += data
        return self._data

    def skip(self, count: int) -> None:
        """Consume bytes that more() has shown."""
        self._data = self._data[count:]

    def rest(self) -> bytes:
        """Take what was read and not consumed."""
        rest, self._data = self._data, b""
        return rest

    async def read(self) -> Packet | None:
        """The next packet; None once the peer has finished between two.

        Raises:
            WireError: it ends in the middle of one, or one is too long.
        """
        head = await self.more(4)
        if not head:
            return None
        size = int.from_bytes(head[:3], "little")
        if len(head) < 4 or size > MAX_PACKET or len(whole := await self.more(4 + size)) < 4 + size:
            raise WireError("half a packet, or a packet too long")
        self.skip(4 + size)
        return Packet(sequence=head[3], payload=whole[4 : 4 + size])

    async def sequence(self) -> int:
        """The next packet's sequence number, before the rest of it is there; WireError when there is none."""
        head = await self.more(4)
        if len(head) < 4:
            raise WireError("the connection ended")
        return head[3]

    async def expect(self) -> Packet:
        """The next packet; WireError when there is none."""
        packet = await self.read()
        if packet is None:
            raise WireError("the connection ended")
        return packet

    async def write(self, sequence: int, payload: bytes) -> None:
        """Send one packet."""
        await self.stream.write(framed(sequence, payload))


def framed(sequence: int, payload: bytes) -> bytes:
    """A packet as bytes."""
    return len(payload).to_bytes(3, "little") + bytes((sequence & 255,)) + payload


def error(code: int, state: str, text: str) -> bytes:
    """Payload of an ERR packet; "" as *state* leaves the SQLSTATE out, as errors before the greeting do."""
    return b"\xff" + struct.pack("<H", code) + (f"#{state}" if state else "").encode() + text.encode()


def refusal(payload: bytes) -> ServerRefusal:
    """An ERR packet read."""
    code, rest = int.from_bytes(payload[1:3], "little"), payload[3:].decode("utf-8", "replace")
    state, text = (rest[1:6], rest[6:]) if rest.startswith("#") else ("", rest)
    return ServerRefusal(code, state, text)


def ok(status: int = AUTOCOMMIT, *, affected: int = 0) -> bytes:
    """Payload of an OK packet."""
    return b"\x00" + lenenc(affected) + b"\x00" + struct.pack("<HH", status, 0)


def lenenc(value: int) -> bytes:
    """A length-encoded integer."""
    if value < 251:
        return bytes((value,))
    size, mark = (2, 0xFC) if value < 65_536 else (3, 0xFD)
    return bytes((mark,)) + value.to_bytes(size, "little")


def text_of(value: str | None) -> bytes:
    """A value of a row: length-encoded, or NULL."""
    if value is None:
        return b"\xfb"
    raw = value.encode()
    return lenenc(len(raw)) + raw


def read_lenenc(data: bytes, at: int) -> tuple[int | None, int]:
    """A length-encoded integer (None for NULL) and the place behind it; WireError when it is cut."""
    if at >= len(data):
        raise WireError("a packet ends early")
    first = data[at]
    if first == 0xFB:
        return None, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
    return (int.from_bytes(data[at + 1 : at + 1 + size], "little") if size else first), at + 1 + size


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a server says first."""

    version: str
    connection: int
    scramble: bytes
    capabilities: int
    extended: int = 0
    charset: int = 8

    def encoded(self) -> bytes:
        """Payload of the packet."""
        caps = self.capabilities
        head = b"\x0a" + self.version.encode() + b"\0" + struct.pack("<I", self.connection) + self.scramble[:8] + b"\0"
        middle = struct.pack("<HBHHB", caps & 0xFFFF, self.charset, AUTOCOMMIT, caps >> 16, 21)
        tail = bytes(6) + struct.pack("<I", self.extended) + self.scramble[8:] + b"\0" + NATIVE.encode() + b"\0"
        return head + middle + tail


def read_greeting(payload: bytes) -> Greeting:
    """The greeting in a packet.

    Raises:
        ServerRefusal: it is an ERR packet.
        WireError: it is something else.
    """
    if payload[:1] == b"\xff":
        raise refusal(payload)
    end = payload.find(b"\0", 1)
    if payload[:1] != b"\x0a" or end < 0 or len(payload) < end + 44:
        raise WireError("not a greeting")
    version, rest = payload[1:end].decode("utf-8", "replace"), payload[end + 1 :]
    low, charset, _, high = struct.unpack("<HBHH", rest[13:20])
    return Greeting(
        version=version,
        connection=int.from_bytes(rest[:4], "little"),
        scramble=rest[4:12] + rest[31:43],
        capabilities=low | high << 16,
        extended=int.from_bytes(rest[27:31], "little"),
        charset=charset,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A client's answer to the greeting."""

    user: str
    capabilities: int
    answer: bytes = dataclasses.field(default=b"", repr=False)
    database: str = ""
    plugin: str = NATIVE
    charset: int = 45

    def encoded(self) -> bytes:
        """Payload of the packet."""
        caps = (self.capabilities | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH) & ~(
            CONNECT_ATTRS | LENENC_AUTH | SSL
        )
        caps = caps | CONNECT_WITH_DB if self.database else caps & ~CONNECT_WITH_DB
        named = self.database.encode() + b"\0" if self.database else b""
        return (
            struct.pack("<IIB", caps, MAX_PACKET, self.charset)
            + bytes(23)
            + self.user.encode()
            + b"\0"
            + bytes((len(self.answer),))
            + self.answer
            + named
            + self.plugin.encode()
            + b"\0"
        )


def read_login(payload: bytes) -> Login:
    """The answer in a packet; WireError for anything else."""
    if len(payload) < 33:
        raise WireError("not a handshake response")
    caps, charset = int.from_bytes(payload[:4], "little"), payload[8]
    user, rest = _until_nul(payload[32:])
    if not caps & PROTOCOL_41:
        raise WireError("a client before 4.1")
    if caps & LENENC_AUTH:
        size, at = read_lenenc(rest, 0)
        answer, rest = rest[at : at + (size or 0)], rest[at + (size or 0) :]
    else:
        size = rest[0] if rest else 0
        answer, rest = rest[1 : 1 + size], rest[1 + size :]
    database = b""
    if caps & CONNECT_WITH_DB:
        database, rest = _until_nul(rest)
    plugin = _until_nul(rest)[0] if caps & PLUGIN_AUTH else NATIVE.encode()
    return Login(
        user=user.decode("utf-8", "replace"),
        capabilities=caps,
        answer=answer,
        database=database.decode("utf-8", "replace"),
        plugin=plugin.decode("latin-1") or NATIVE,
        charset=charset,
    )


def _until_nul(data: bytes) -> tuple[bytes, bytes]:
    head, _, rest = data.partition(b"\0")
    return head, rest


def switch_to_native(challenge: bytes) -> bytes:
    """Payload of a request to log in by mysql_native_password instead."""
    return b"\xfe" + NATIVE.encode() + b"\0" + challenge + b"\0"
