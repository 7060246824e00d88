"""Look into a TLS ClientHello without answering it: server name and ALPN. Pure, bounded, forgiving.

Source: RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301. A hello split over several records is not read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

HANDSHAKE_RECORD = 0x16
_SERVER_NAME = 0
_ALPN = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a client said first."""

    server_name: str = ""
    alpn: tuple[str, ...] = ()


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise EOFError
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> bytes:
        """Bytes preceded by their length in *size* bytes."""
        return self.take(self.number(size))


def record_length(data: bytes) -> int:
    """Bytes of the first record, header included; 5 while the header is incomplete."""
    return 5 + int.from_bytes(data[3:5], "big") if len(data) >= 5 else 5


def parse(record: bytes) -> Hello | None:
    """The hello in a whole record; None when there is none."""
    try:
        cursor = _Cursor(record)
        if cursor.number(1) != HANDSHAKE_RECORD:
            return None
        cursor.take(4)
        if cursor.number(1) != 1:
            return None
        body = _Cursor(cursor.block(3))
        body.take(34)
        body.block(1)
        body.block(2)
        body.block(1)
        found = dict(_extensions(body.block(2))) if body.left else {}
        return Hello(server_name=_name(found.get(_SERVER_NAME, b"")), alpn=_protocols(found.get(_ALPN, b"")))
    except EOFError:
        return None


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    cursor = _Cursor(data)
    while cursor.left:
        yield cursor.number(2), cursor.block(2)


def _name(data: bytes) -> str:
    if not data:
        return ""
    names = _Cursor(_Cursor(data).block(2))
    while names.left:
        kind, value = names.number(1), names.block(2)
        if kind == 0:
            return value.decode("ascii", "replace").lower()
    return ""


def _protocols(data: bytes) -> tuple[str, ...]:
    if not data:
        return ()
    found, cursor = [], _Cursor(_Cursor(data).block(2))
    while cursor.left:
        found.append(cursor.block(1).decode("ascii", "replace"))
    return tuple(found)
