"""The server's side of HTTP/2: any number of streams of one connection, each answered by the app as HTTP/1.1 is.

Which protocol a connection speaks is settled before: by ALPN, by prior knowledge (h2c), or by `serve_any`, which looks
at the first bytes. What HTTP/1.1 says to a server that speaks nothing else is answered as gRPC servers do: SETTINGS,
then GOAWAY, which an HTTP/1.1 client calls a malformed response.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct

import h2.errors
import h2.events
import h2.exceptions

from ingressdoctor.lab.serve.http2 import PREFACE, Connection, Http2Error, lowered, texts
from ingressdoctor.lab.serve.wire import MAX_BODY, App, Hangup, Headers, Request, serve_http
from ingressdoctor.lab.stream import CHUNK, Duplex

IDLE_S = 15.0
_SETTINGS, _GOAWAY = 4, 7


async def serve_any(stream: Duplex, app: App, *, bad_request: bytes = b"") -> None:
    """Answer requests on *stream*, in HTTP/2 when the client starts with its preface, else in HTTP/1.1."""
    seen = await _peek_preface(stream)
    if seen.startswith(PREFACE):
        await serve_h2(stream, app)
    else:
        await serve_http(stream, app, bad_request=bad_request)


async def serve_h2_only(stream: Duplex, app: App) -> None:
    """Answer requests of clients with prior knowledge; one that speaks HTTP/1.1 is turned away."""
    seen = await _peek_preface(stream)
    if seen.startswith(PREFACE):
        await serve_h2(stream, app)
        return
    if seen:
        goaway = struct.pack(">II", 0, 1) + b"Invalid HTTP/2 preface"
        await stream.write(_frame(_SETTINGS, b"") + _frame(_GOAWAY, goaway))
    await stream.finish()


async def serve_h2(stream: Duplex, app: App) -> None:
    """Answer the requests of one HTTP/2 connection, side by side, until it closes."""
    connection = Connection(stream, client=False)
    server = _Server(connection, app)
    try:
        await connection.start()
        await server.run()
    except (h2.exceptions.ProtocolError, TimeoutError):
        await connection.flush()  # h2 has put a GOAWAY there
    finally:
        server.stop()
    await stream.finish()


class _Server:
    """Reads requests and runs the app for each in a task of its own."""

    def __init__(self, connection: Connection, app: App) -> None:
        self._connection = connection
        self._app = app
        self._partial: dict[int, tuple[Headers, bytearray]] = {}
        self._visits: dict[int, tuple[asyncio.Task[None], H2Stream]] = {}

    async def run(self) -> None:
        while True:
            async with asyncio.timeout(IDLE_S):
                events = await self._connection.events()
            if events is None:
                return
            for event in events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    return
                self._take(event)
            await self._connection.flush()

    def stop(self) -> None:
        """End every answer under way."""
        for task, _ in self._visits.values():
            task.cancel()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(number)):
                self._partial[number] = (texts(event.headers), bytearray())
            case h2.events.DataReceived(stream_id=int(number)) if number in self._partial:
                body = self._partial[number][1]
                body += event.data or b""
                self._connection.h2.acknowledge_received_data(event.flow_controlled_length or 0, number)
                if len(body) > MAX_BODY:
                    del self._partial[number]
                    self._connection.h2.reset_stream(number, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            case h2.events.StreamEnded(stream_id=int(number)) if number in self._partial:
                self._start(number, *self._partial.pop(number))
            case h2.events.StreamReset(stream_id=int(number)):
                self._partial.pop(number, None)
                if number in self._visits:
                    self._visits[number][1].leave()
            case _:
                pass

    def _start(self, number: int, fields: Headers, body: bytearray) -> None:
        known = dict(fields)
        host = known.get(":authority") or known.get("host", "")
        request = Request(
            method=known.get(":method", ""),
            target=known.get(":path", ""),
            headers=(("Host", host), *(item for item in fields if item[0] != "host" and item[0][:1] != ":")),
            body=bytes(body),
            version="2.0",
        )
        visitor = H2Stream(self._connection.stream)
        task = asyncio.get_running_loop().create_task(self._answer(number, request, visitor))
        self._visits[number] = (task, visitor)
        task.add_done_callback(lambda _: self._visits.pop(number, None))

    async def _answer(self, number: int, request: Request, visitor: H2Stream) -> None:
        machine = self._connection.h2
        with contextlib.suppress(h2.exceptions.ProtocolError, OSError):  # the client has gone
            try:
                response = await self._app(request, visitor)
            except Hangup:
                machine.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
                await self._connection.flush()
                return
            body = b"" if request.method == "HEAD" else response.body
            fields = ((":status", str(response.status)), *lowered(response.headers))
            machine.send_headers(number, fields, end_stream=not body and not response.trailers)
            await self._connection.flush()
            await self._connection.send_body(number, body, end=not response.trailers)
            if response.trailers:
                machine.send_headers(number, lowered(response.trailers), end_stream=True)
            await self._connection.flush()


class H2Stream:
    """One stream of a connection as the Duplex that apps are given: it can be waited on, and nothing else.

    *below* is the connection.
    """

    def __init__(self, below: Duplex) -> None:
        self.peer = below.peer
        self.local = below.local
        self.below = below
        self._gone = asyncio.Event()

    def leave(self) -> None:
        """The client has given up."""
        self._gone.set()

    async def read(self, limit: int = CHUNK) -> bytes:
        """b"" once the client has given up."""
        del limit
        await self._gone.wait()
        return b""

    async def write(self, data: bytes) -> None:
        """Bytes past HTTP/2 would break the connection."""
        raise Http2Error(f"{len(data)} bytes outside of a frame")

    def unread(self, data: bytes) -> None:
        """Nothing was read."""
        del data

    async def end(self) -> None:
        """The answer ends the stream."""

    async def finish(self) -> None:
        """The answer ends the stream."""

    def close(self) -> None:
        """The answer ends the stream."""


async def _peek_preface(stream: Duplex) -> bytes:
    """As many first bytes as it takes to tell whether they are the preface; they stay unread."""
    seen = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(IDLE_S):
            while len(seen) < len(PREFACE) and PREFACE.startswith(seen) and (more := await stream.read()):
                seen += more
    stream.unread(seen)
    return seen


def _frame(kind: int, payload: bytes) -> bytes:
    """A frame of the connection itself, without flags."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, 0, 0) + payload
