"""The little of HTTP/2 (RFC 9113) that h2c needs: one request on one connection, both sides.

Header blocks are literals without Huffman codes and without an index (RFC 7541, 6.2.2), which every peer must
understand; this module understands nothing else, because both ends are the lab's. No flow control beyond the initial
windows, no push, no priorities. What HTTP/1.1 says to such a server is answered as gRPC servers do: SETTINGS, then
GOAWAY, which an HTTP/1.1 client calls a malformed response.
"""

from __future__ import annotations

import dataclasses
import struct

from ingressdoctor.lab.serve.wire import Headers, Request, Response, without
from ingressdoctor.lab.stream import Duplex

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME = 16_384
MAX_BODY = 60_000  # stays within the initial window of 65,535
_DATA, _HEADERS, _RST, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_STREAM = 1
_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "upgrade", "host"))


class Http2Error(OSError):
    """The peer does not speak HTTP/2, or stopped in the middle."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes


async def exchange_h2(stream: Duplex, request: Request) -> Response:
    """Send one request with prior knowledge and read its answer; trailers come behind the headers.

    Raises:
        OSError: the connection broke or the peer does not speak HTTP/2.
    """
    pseudo = (
        (":method", request.method),
        (":scheme", "http"),
        (":authority", request.get("host")),
        (":path", request.target),
    )
    fields = tuple((key.lower(), value) for key, value in without(request.headers, _HOP))
    body = request.body[:MAX_BODY]
    head = _frame(_HEADERS, _END_HEADERS | (0 if body else _END_STREAM), _STREAM, _encode((*pseudo, *fields)))
    await stream.write(PREFACE + _frame(_SETTINGS, 0, 0, b"") + head + _body(body))
    headers: Headers = ()
    received = bytearray()
    while True:
        frame = await _read_frame(stream)
        if frame.kind in {_RST, _GOAWAY}:
            raise Http2Error("stream error: the peer closed the stream")
        if frame.stream != _STREAM:
            continue
        if frame.kind == _HEADERS:
            headers = (*headers, *_decode(frame.payload))
        elif frame.kind == _DATA:
            received += frame.payload
        if frame.flags & _END_STREAM and frame.kind in {_HEADERS, _DATA}:
            break
    status = next((value for key, value in headers if key == ":status"), "")
    if not status.isdigit():
        raise Http2Error("malformed response: no :status")
    kept = tuple((key, value) for key, value in headers if not key.startswith(":"))
    return Response(status=int(status), headers=kept, body=bytes(received))


async def receive_h2(stream: Duplex) -> Request | None:
    """The request of a client with prior knowledge; None after turning away one that speaks HTTP/1.1."""
    seen = b""
    while len(seen) < len(PREFACE) and PREFACE.startswith(seen) and (more := await stream.read()):
        seen += more
    if not seen.startswith(PREFACE):
        goaway = struct.pack(">II", 0, 1) + b"Invalid HTTP/2 preface"
        await stream.write(_frame(_SETTINGS, 0, 0, b"") + _frame(_GOAWAY, 0, 0, goaway))
        return None
    stream.unread(seen[len(PREFACE) :])
    await stream.write(_frame(_SETTINGS, 0, 0, b""))
    fields: Headers = ()
    body = bytearray()
    while True:
        frame = await _read_frame(stream)
        if frame.kind == _SETTINGS and not frame.flags & _ACK:
            await stream.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif frame.kind == _HEADERS:
            fields = (*fields, *_decode(frame.payload))
        elif frame.kind == _DATA:
            body += frame.payload
            if len(body) > MAX_BODY:
                raise Http2Error("request body too large")
        if frame.flags & _END_STREAM and frame.kind in {_HEADERS, _DATA}:
            break
    known = dict(fields)
    headers = (("Host", known.get(":authority", "")), *(item for item in fields if not item[0].startswith(":")))
    return Request(
        method=known.get(":method", ""), target=known.get(":path", ""), headers=headers, body=bytes(body), version="2"
    )


async def answer_h2(stream: Duplex, response: Response, trailers: Headers = ()) -> None:
    """Send the answer of the only stream; without a body and with trailers it is a Trailers-Only one."""
    fields = ((":status", str(response.status)), *((key.lower(), value) for key, value in response.headers))
    if not response.body:
        block = _encode((*fields, *trailers))
        await stream.write(_frame(_HEADERS, _END_HEADERS | _END_STREAM, _STREAM, block))
        return
    data = _frame(_HEADERS, _END_HEADERS, _STREAM, _encode(fields)) + _body(response.body[:MAX_BODY], last=not trailers)
    if trailers:
        data += _frame(_HEADERS, _END_HEADERS | _END_STREAM, _STREAM, _encode(trailers))
    await stream.write(data)


def _body(body: bytes, *, last: bool = True) -> bytes:
    pieces = [body[start : start + MAX_FRAME] for start in range(0, len(body), MAX_FRAME)]
    return b"".join(
        _frame(_DATA, _END_STREAM if last and piece is pieces[-1] else 0, _STREAM, piece) for piece in pieces
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


async def _read_frame(stream: Duplex) -> _Frame:
    head = await _exactly(stream, 9)
    kind, flags, number = struct.unpack(">BBI", head[3:])
    size = int.from_bytes(head[:3], "big")
    if size > MAX_FRAME:
        raise Http2Error("malformed frame")
    return _Frame(kind=kind, flags=flags, stream=number & 0x7FFFFFFF, payload=await _exactly(stream, size))


async def _exactly(stream: Duplex, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.read()
        if not more:
            raise Http2Error("unexpected EOF")
        data += more
    stream.unread(data[count:])
    return data[:count]


def _encode(fields: Headers) -> bytes:
    return b"".join(b"\x00" + _text(key) + _text(value) for key, value in fields)


def _text(value: str) -> bytes:
    raw = value.encode("latin-1", "replace")
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    rest, size = len(raw) - 127, bytearray((127,))
    while rest >= 128:
        size.append(rest % 128 + 128)
        rest //= 128
    return bytes((*size, rest)) + raw


def _decode(block: bytes) -> Headers:
    fields: list[tuple[str, str]] = []
    at = 0
    try:
        while at < len(block):
            if block[at]:
                raise Http2Error("COMPRESSION_ERROR")
            key, at = _take(block, at + 1)
            value, at = _take(block, at)
            fields.append((key, value))
    except IndexError as error:
        raise Http2Error("COMPRESSION_ERROR") from error
    return tuple(fields)


def _take(block: bytes, at: int) -> tuple[str, int]:
    size, at = block[at], at + 1
    if size >= 128:
        raise Http2Error("COMPRESSION_ERROR")
    if size == 127:
        shift = 0
        while True:
            more, at = block[at], at + 1
            size += (more & 127) << shift
            shift += 7
            if more < 128 or shift > 28:
                break
    if at + size > len(block):
        raise IndexError
    return block[at : at + size].decode("latin-1"), at + size
