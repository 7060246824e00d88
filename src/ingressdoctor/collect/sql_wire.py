"""Read MySQL's first packets: the greeting, an error in its place, or something that is not MySQL at all.

Pure. Whatever comes is read without trust: every length is checked, and nothing raises.
"""

from __future__ import annotations

import struct
from typing import Final

from ingressdoctor.evidence.sql import FirstWords, Greeting, ServerError, SqlGreeting, SqlSpeaker
from ingressdoctor.model.text import clean

__all__ = ["parse_error", "parse_greeting", "read_words", "split_packets"]

_HEADER: Final = 4
_PROTOCOL: Final = 10
_ERR: Final = 0xFF
_COMPRESS: Final = 0x00000020
_SESSION_BITS: Final = 0x80000000
_CLIENT_MYSQL: Final = 0x0001
_NEVER_CONNECTED: Final = "-maxscale"
_STARTS: Final = (
    (b"HTTP/", SqlSpeaker.HTTP),
    (b"SSH-", SqlSpeaker.SSH),
    (b"\x15\x03", SqlSpeaker.TLS),
    (b"\x16\x03", SqlSpeaker.TLS),
)


def read_words(words: FirstWords) -> SqlGreeting:
    """Make sense of what a port said."""
    if not words.first:
        return SqlGreeting(words=words, speaker=SqlSpeaker.NOBODY)
    for start, speaker in _STARTS:
        if words.first.startswith(start):
            return SqlGreeting(words=words, speaker=speaker, start=_shown(words.first))
    packets = split_packets(words.first + words.more)
    sequence, payload = packets[0] if packets else (0, b"")
    if sequence == 0 and (error := parse_error(payload, sequence)):
        return SqlGreeting(words=words, speaker=SqlSpeaker.ERROR, error=error)
    greeting = parse_greeting(payload) if sequence == 0 else None
    if greeting is None:
        return SqlGreeting(words=words, speaker=SqlSpeaker.OTHER, start=_shown(words.first))
    second = parse_error(packets[1][1], packets[1][0]) if len(packets) > 1 else None
    return SqlGreeting(words=words, speaker=_speaker(greeting), greeting=greeting, second=second)


def split_packets(data: bytes) -> list[tuple[int, bytes]]:
    """Return the whole packets in *data* as (sequence, payload)."""
    found: list[tuple[int, bytes]] = []
    while len(data) >= _HEADER:
        length = int.from_bytes(data[:3], "little")
        if len(data) < _HEADER + length:
            break
        found.append((data[3], data[_HEADER : _HEADER + length]))
        data = data[_HEADER + length :]
    return found


def parse_error(payload: bytes, sequence: int) -> ServerError | None:
    """Return the ERR packet that a payload is, or None."""
    if len(payload) < 3 or payload[0] != _ERR:
        return None
    errno, rest, state = int.from_bytes(payload[1:3], "little"), payload[3:], ""
    if rest[:1] == b"#" and len(rest) >= 6:
        state, rest = rest[1:6].decode("latin-1"), rest[6:]
    return ServerError(
        errno=errno, sqlstate=clean(state), text=clean(rest.decode("utf-8", "replace"), 300), sequence=sequence
    )


def parse_greeting(payload: bytes) -> Greeting | None:
    """Return the greeting that a payload is, or None when it is none or cut short."""
    end = payload.find(b"\0", 1, 200)
    if payload[:1] != bytes([_PROTOCOL]) or end < 0 or len(payload) < end + 32:
        return None
    low, charset, _, high, length = struct.unpack_from("<HBHHB", payload, end + 14)
    capabilities = low | high << 16
    extended = 0 if low & _CLIENT_MYSQL else int.from_bytes(payload[end + 28 : end + 32], "little")
    tail = payload[end + 32 + max(13, length - 8) :]
    return Greeting(
        version=clean(payload[1:end].decode("utf-8", "replace"), 200),
        connection_id=int.from_bytes(payload[end + 1 : end + 5], "little"),
        capabilities=capabilities,
        extended=extended,
        charset=charset,
        plugin=clean(tail.partition(b"\0")[0].decode("utf-8", "replace"), 100),
    )


def _speaker(greeting: Greeting) -> SqlSpeaker:
    """Tell who greets.

    The version is no proof, since MaxScale repeats its server's; two capabilities are, which it never has.
    """
    if greeting.version.endswith(_NEVER_CONNECTED):
        return SqlSpeaker.MAXSCALE_ALONE
    bits = greeting.capabilities & (_COMPRESS | _SESSION_BITS)
    if not bits:
        return SqlSpeaker.MAXSCALE
    return SqlSpeaker.MARIADB if "mariadb" in greeting.version.lower() else SqlSpeaker.MYSQL


def _shown(data: bytes) -> str:
    return clean(data[:80].decode("latin-1").encode("unicode_escape").decode("ascii"), 200)
