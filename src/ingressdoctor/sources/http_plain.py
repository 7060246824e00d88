"""Write HTTP/1.1 requests that are plain, and read whole answers that are: what most servers say to most probes.

Anything else is left to h11, which reads all of it and refuses what is not HTTP; what is read here reads the same
there. Source: RFC 9110 section 5.5 and 5.6.2 (fields and tokens), RFC 9112 section 3, 4 and 6.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

__all__ = ["Head", "plain_answer", "plain_request"]

_METHOD: Final = re.compile(rb"[A-Z]{3,7}")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")
_NAME: Final = re.compile(rb"[A-Za-z0-9-]+")
_VALUE: Final = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [\x20-\x7e]*)?")
_FIELD: Final = re.compile(rb"([A-Za-z0-9_-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*")
_LENGTH: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
# What these frame, or ask for, is h11's business.
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"te"})
_BODYLESS: Final = frozenset({204, 304})
_MOST_FIELDS: Final = 100


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A response up to its body; names of headers are in lower case."""

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]


def plain_request(method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """Return a request without a body as it goes on the wire; None where h11 has to look at it."""
    if method == b"HEAD" or not (_METHOD.fullmatch(method) and _TARGET.fullmatch(target)):
        return None
    if not headers or headers[0][0] != b"Host":
        return None
    lines = [b"%s %s HTTP/1.1" % (method, target)]
    for number, (name, value) in enumerate(headers):
        lowered = name.lower()
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            return None
        if lowered in _FRAMING or (number and lowered == b"host"):
            return None
        lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join((*lines, b"", b""))


def plain_answer(data: bytes) -> tuple[Head, bytes] | None:
    """Return an answer and its body where *data* is the whole of it; None where h11 has to read it."""
    end = data.find(b"\r\n\r\n")
    first, *fields = data[: max(end, 0)].split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None or len(fields) > _MOST_FIELDS or int(status[1]) in _BODYLESS:
        return None
    headers: list[tuple[str, str]] = []
    length = ""
    for line in fields:
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        name, value = field[1].decode("ascii").lower(), field[2].decode("ascii")
        if name == "transfer-encoding" or (name == "content-length" and length):
            return None
        if name == "content-length":
            length = value
        headers.append((name, value))
    body = data[end + 4 :]
    if _LENGTH.fullmatch(length) is None or int(length) != len(body):
        return None
    return Head(status=int(status[1]), version="HTTP/1.1", headers=tuple(headers)), body
