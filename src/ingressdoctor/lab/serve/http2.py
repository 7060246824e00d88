"""HTTP/2 (RFC 9113) over a byte stream, on h2: the connection, and the client's side; http2_server.py is the other.

Whole messages in, whole messages out, trailers kept apart from the headers. One request on a connection of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from ingressdoctor.lab.serve.wire import MAX_BODY, Headers, Request, Response, first, without
from ingressdoctor.lab.stream import Duplex

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ALPN = ("h2", "http/1.1")  # what a server of both offers, and what a client of both asks for
MAX_FRAME = 16_384
_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "upgrade", "host"))


class Http2Error(OSError):
    """The peer does not speak HTTP/2, or ended the stream before it had answered."""


async def exchange_h2(stream: Duplex, request: Request, *, scheme: str = "http") -> Response:
    """Send one request on a connection that speaks HTTP/2 and read its whole answer.

    Raises:
        OSError: the connection broke, the peer does not speak HTTP/2, or it reset the stream (Http2Error).
    """
    connection = Connection(stream, client=True)
    fields = (
        (":method", request.method),
        (":scheme", scheme),
        (":authority", request.get("host")),
        (":path", request.target),
        *lowered(request.headers),
        *((("te", "trailers"),) if _wants_trailers(request) else ()),
    )
    await connection.start()
    try:
        number = connection.h2.get_next_available_stream_id()
        connection.h2.send_headers(number, fields, end_stream=not request.body)
        await connection.flush()
        answer = _Answer(connection, number)
        reader = asyncio.ensure_future(answer.read())
        try:
            await connection.send_body(number, request.body[:MAX_BODY])
        except (h2.exceptions.ProtocolError, OSError):
            pass  # the peer has answered, or hung up, before it had read the whole request: the reader knows
        except BaseException:
            reader.cancel()
            raise
        return await reader
    except h2.exceptions.ProtocolError as error:
        raise Http2Error(f"malformed HTTP/2: {error}") from error


def _wants_trailers(request: Request) -> bool:
    grpc = request.get("content-type").startswith("application/grpc")
    return grpc or "trailers" in request.get("te").lower()


class Connection:
    """An h2 state machine on a stream; writes of several tasks do not mix."""

    def __init__(self, stream: Duplex, *, client: bool) -> None:
        config = h2.config.H2Configuration(client_side=client, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config)
        self.stream = stream
        self._writing = asyncio.Lock()
        self._window = asyncio.Event()

    async def start(self) -> None:
        """Send the preface and settings; nobody pushes here."""
        if self.h2.config.client_side:
            self.h2.local_settings = h2.settings.Settings(
                client=True, initial_values={h2.settings.SettingCodes.ENABLE_PUSH: 0}
            )
        self.h2.initiate_connection()
        await self.flush()

    async def flush(self) -> None:
        """Send what h2 wants to be sent."""
        async with self._writing:
            await self.stream.write(self.h2.data_to_send())

    async def events(self) -> list[h2.events.Event] | None:
        """What the next bytes mean; None once the peer has finished."""
        data = await self.stream.read()
        if not data:
            return None
        found = self.h2.receive_data(data)
        if any(isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged) for event in found):
            self._window.set()
        await self.flush()
        return found

    async def send_body(self, number: int, body: bytes, *, end: bool = True) -> None:
        """Send *body* within the peer's windows; somebody else has to read meanwhile."""
        while body:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if room <= 0:
                self._window.clear()
                await self._window.wait()
                continue
            piece, body = body[:room], body[room:]
            self.h2.send_data(number, piece, end_stream=end and not body)
            await self.flush()


class _Answer:
    """Collects the answer of one stream of a client."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number
        self._status = 0
        self._headers: Headers = ()
        self._trailers: Headers = ()
        self._body = bytearray()

    async def read(self) -> Response:
        await _check_first_frame(self._connection.stream)
        while (events := await self._connection.events()) is not None:
            for event in events:
                if self._take(event):
                    return Response(
                        status=self._status, headers=self._headers, body=bytes(self._body), trailers=self._trailers
                    )
            await self._connection.flush()
        raise Http2Error("unexpected EOF")

    def _take(self, event: h2.events.Event) -> bool:
        """Note one event; True when the answer is whole."""
        if isinstance(event, h2.events.ConnectionTerminated):
            raise Http2Error("the peer closed the connection: GOAWAY")
        if getattr(event, "stream_id", None) != self._number:
            return False
        match event:
            case h2.events.ResponseReceived():
                fields = texts(event.headers)
                self._status = int(first(fields, ":status", "0"))
                self._headers = tuple(item for item in fields if not item[0].startswith(":"))
            case h2.events.TrailersReceived():
                self._trailers = texts(event.headers)
            case h2.events.DataReceived():
                self._body += event.data or b""
                self._connection.h2.acknowledge_received_data(event.flow_controlled_length or 0, self._number)
                if len(self._body) > MAX_BODY:
                    raise Http2Error("answer too large")
            case h2.events.StreamReset():
                raise Http2Error(f"the peer reset the stream: {_code(event.error_code)}")
            case h2.events.StreamEnded():
                return True
            case _:
                pass
        return False


async def _check_first_frame(stream: Duplex) -> None:
    """Refuse a first frame that cannot be one: h2 would wait for the megabytes that "HTTP" stands for as a length."""
    seen = b""
    while len(seen) < 9 and (more := await stream.read()):
        seen += more
    stream.unread(seen)
    length = int.from_bytes(seen[:3], "big")
    if length > MAX_FRAME:
        raise Http2Error(f"malformed HTTP/2: overlong frame: {length}")


def lowered(headers: Headers) -> Headers:
    """Headers as HTTP/2 wants them: lower case, and none that belongs to one HTTP/1.1 connection."""
    return tuple((key.lower(), value.strip()) for key, value in without(headers, _HOP))


def texts(headers: Iterable[tuple[bytes | str, bytes | str]] | None) -> Headers:
    """h2's headers as text."""
    return tuple((_text(key), _text(value)) for key, value in headers or ())


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _code(code: object) -> str:
    return code.name if isinstance(code, h2.errors.ErrorCodes) else str(code)
