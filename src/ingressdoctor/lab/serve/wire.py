"""HTTP/1.1 over a byte stream, for both sides, on h11: what every hop of the lab speaks.

Bodies are held in memory and capped; a message that breaks the rules is reported, never guessed at. No routing,
no headers of any product: those belong to the hop that answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import Awaitable, Callable, Iterable

import h11

from ingressdoctor.lab.stream import Duplex

MAX_BODY = 8_388_608  # more than nginx takes by default, so that its own refusal shows
MAX_HEAD = 131_072
IDLE_S = 15.0
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade")
)

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP/1\.[01]")

Headers = tuple[tuple[str, str], ...]


class Hangup(Exception):  # noqa: N818  # not an error: the way a handler says "close without an answer"
    """Raised by a handler that closes the connection without answering."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; *target* is the path with its query, as sent."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    version: str = "1.1"

    def get(self, name: str, default: str = "") -> str:
        """First value of a header, whatever its case."""
        return first(self.headers, name, default)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response. *trickle_s* is a pause before each kilobyte of the body; *then* goes on after a 101.

    *trailers* follow the body: always in HTTP/2, in HTTP/1.1 (chunked) when the client has asked for them by TE.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    reason: str = ""
    trickle_s: float = 0.0
    trailers: Headers = ()
    then: Callable[[Duplex], Awaitable[None]] | None = dataclasses.field(default=None, repr=False, compare=False)

    def get(self, name: str, default: str = "") -> str:
        """First value of a header, whatever its case."""
        return first(self.headers, name, default)


App = Callable[[Request, Duplex], Awaitable[Response]]


def first(headers: Headers, name: str, default: str = "") -> str:
    """First value of a header, whatever its case."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), default)


def without(headers: Iterable[tuple[str, str]], names: Iterable[str]) -> Headers:
    """The headers that are not called one of *names* (lower case)."""
    gone = frozenset(names)
    return tuple((key, value) for key, value in headers if key.lower() not in gone)


def decoded(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """h11's headers as text."""
    return tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in raw)


def encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as h11 takes them."""
    return [(key.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for key, value in headers]


async def next_event(connection: h11.Connection, stream: Duplex) -> object:
    """The next h11 event, fed from the stream; PAUSED when the other side has to act first."""
    while True:
        event: object = connection.next_event()
        if event is not h11.NEED_DATA:
            return event
        connection.receive_data(await stream.read())


async def serve_http(stream: Duplex, app: App, *, bad_request: bytes = b"") -> None:
    """Answer requests on *stream* until it closes; *bad_request* is sent for what is not HTTP."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                request = await _receive(connection, stream)
        except h11.RemoteProtocolError:
            await stream.write(bad_request)
            break
        except TimeoutError:
            break
        if request is None:
            break
        try:
            response = await app(request, stream)
        except Hangup:
            break
        if response.then is not None:
            await _switch(connection, stream, response)
            return
        try:
            await _answer(connection, stream, request, response)
        except h11.LocalProtocolError:
            break  # the answer itself is not valid HTTP (a header with a line break, say)
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            break
        connection.start_next_cycle()
    await stream.finish()


async def _receive(connection: h11.Connection, stream: Duplex) -> Request | None:
    """The next whole request; None when the peer has finished."""
    await _check_request_line(connection, stream)
    head = await next_event(connection, stream)
    if not isinstance(head, h11.Request):
        return None
    if connection.they_are_waiting_for_100_continue:
        await stream.write(
            connection.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")) or b""
        )
    body = bytearray()
    while isinstance(event := await next_event(connection, stream), h11.Data):
        body += event.data
        if len(body) > MAX_BODY:
            raise h11.RemoteProtocolError("request body too large", error_status_hint=413)
    if not isinstance(event, h11.EndOfMessage):
        return None
    return Request(
        method=head.method.decode("latin-1"),
        target=head.target.decode("latin-1"),
        headers=decoded(head.headers.raw_items()),
        body=bytes(body),
        version=head.http_version.decode("latin-1"),
    )


async def _check_request_line(connection: h11.Connection, stream: Duplex) -> None:
    """Refuse what is no HTTP by its first line, as servers do, instead of waiting for the end of the headers."""
    data = connection.trailing_data[0]
    if data:
        return  # a pipelined request: h11 has it already
    # A ClientHello may hold no line break at all, so that the first byte has to do.
    while b"\n" not in data.lstrip(b"\r\n") and len(data) < MAX_HEAD and (more := await stream.read()):
        data += more
        start = data.lstrip(b"\r\n")[:1]
        if start and not start.isalpha():
            break
    line = data.lstrip(b"\r\n").partition(b"\n")[0].rstrip(b"\r")
    if line and not _REQUEST_LINE.fullmatch(line):
        raise h11.RemoteProtocolError("malformed request line")
    stream.unread(data)


def upgrade_of(headers: Headers) -> Headers:
    """The two headers that ask for another protocol, or grant it; () when both are not there."""
    wanted, connection = first(headers, "upgrade"), first(headers, "connection").lower()
    return (("Connection", "Upgrade"), ("Upgrade", wanted)) if wanted and "upgrade" in connection else ()


async def _switch(connection: h11.Connection, stream: Duplex, response: Response) -> None:
    """Grant another protocol and leave the stream to it."""
    headers = (*without(response.headers, (*HOP_BY_HOP, "content-length")), *upgrade_of(response.headers))
    head = h11.InformationalResponse(status_code=101, headers=encoded(headers), reason=b"Switching Protocols")
    await stream.write(connection.send(head) or b"")
    stream.unread(connection.trailing_data[0])
    if response.then is not None:
        await response.then(stream)
    await stream.finish()


async def _answer(connection: h11.Connection, stream: Duplex, request: Request, response: Response) -> None:
    bodiless = request.method == "HEAD" or response.status in {204, 304} or response.status < 200
    headers = without(response.headers, HOP_BY_HOP)
    if not (request.method == "HEAD" and first(headers, "content-length")):
        headers = without(headers, ("content-length",))
        if response.trailers and not bodiless and "trailers" in request.get("te").lower():
            headers = (*headers, ("Transfer-Encoding", "chunked"))
        elif response.status not in {204, 304}:
            headers = (*headers, ("Content-Length", str(len(response.body))))
    if first(response.headers, "connection").lower() == "close":
        headers = (*headers, ("Connection", "close"))
    head = h11.Response(
        status_code=response.status,
        headers=encoded(headers),
        reason=(response.reason or reason(response.status)).encode("latin-1", "replace"),
    )
    data = connection.send(head) or b""
    body = b"" if bodiless else response.body
    if response.trickle_s:
        for start in range(0, len(body), 1024):
            await stream.write(data)
            await asyncio.sleep(response.trickle_s)
            data = connection.send(h11.Data(data=body[start : start + 1024])) or b""
    elif body:
        data += connection.send(h11.Data(data=body)) or b""
    chunked = bool(first(headers, "transfer-encoding"))
    data += connection.send(h11.EndOfMessage(headers=encoded(response.trailers) if chunked else [])) or b""
    await stream.write(data)


async def until_gone(stream: Duplex) -> None:
    """Return when the peer has finished; bytes of a pipelined request are kept for later."""
    kept = b""
    with contextlib.suppress(OSError):
        try:
            while data := await stream.read():
                kept += data
                if len(kept) > MAX_BODY:
                    break
        finally:
            if kept:
                stream.unread(kept)


_REASONS = {
    200: "OK",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    418: "I'm a teapot",
    421: "Misdirected Request",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def reason(status: int) -> str:
    """Reason phrase of a status; empty for those without one (520 to 530)."""
    return _REASONS.get(status, "")
