"""The client's side of HTTP/1.1: one request over a byte stream and its answer, or a change of protocol.

What is not an answer is an error of h11 or of the socket; which status a hop makes of it is the hop's to say.
"""

from __future__ import annotations

from functools import partial

import h11

from ingressdoctor.lab.serve.wire import (
    HOP_BY_HOP,
    MAX_BODY,
    MAX_HEAD,
    Request,
    Response,
    decoded,
    encoded,
    next_event,
    upgrade_of,
    without,
)
from ingressdoctor.lab.stream import Duplex, splice

_STATUS_LINE = b"HTTP/"


class NotHttpError(h11.RemoteProtocolError):
    """The first bytes of the answer are no HTTP/1; they are left unread."""


async def exchange(stream: Duplex, request: Request) -> Response:
    """Send one request and read its whole answer; one with *then* has taken the stream over.

    Raises:
        h11.RemoteProtocolError: the answer is not HTTP (NotHttpError), or too large.
        OSError: the connection broke; ConnectionAbortedError when the peer closed before it had answered.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    headers = (*without(request.headers, HOP_BY_HOP), *upgrade_of(request.headers))
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        headers = (*without(headers, ("content-length",)), ("Content-Length", str(len(request.body))))
    head = h11.Request(method=request.method, target=request.target, headers=encoded(headers))
    data = connection.send(head) or b""
    if request.body:
        data += connection.send(h11.Data(data=request.body)) or b""
    data += connection.send(h11.EndOfMessage()) or b""
    await stream.write(data)
    try:
        return await _read_answer(connection, stream)
    except h11.RemoteProtocolError as error:
        if connection.trailing_data[1]:
            raise ConnectionAbortedError("closed before the answer was complete") from error
        raise


async def _check_status_line(stream: Duplex) -> None:
    """Refuse what is no HTTP/1 answer by its first bytes; h11 would wait for a line that never ends."""
    data = b""
    while len(data) < len(_STATUS_LINE) and _STATUS_LINE.startswith(data) and (more := await stream.read()):
        data += more
    if data and not data.startswith(_STATUS_LINE[: len(data)]):
        shown = data[:40].decode("latin-1").encode("unicode_escape").decode()
        stream.unread(data)
        raise NotHttpError(f'malformed HTTP response "{shown}"')
    stream.unread(data)


async def _read_answer(connection: h11.Connection, stream: Duplex) -> Response:
    await _check_status_line(stream)
    while isinstance(answer := await next_event(connection, stream), h11.InformationalResponse):
        if answer.status_code == 101:
            stream.unread(connection.trailing_data[0])
            return Response(status=101, headers=decoded(answer.headers.raw_items()), then=partial(_relay, stream))
    if not isinstance(answer, h11.Response):
        raise h11.RemoteProtocolError("no response")
    body = bytearray()
    while isinstance(event := await next_event(connection, stream), h11.Data):
        body += event.data
        if len(body) > MAX_BODY:
            raise h11.RemoteProtocolError("response body too large")
    trailers = decoded(event.headers.raw_items()) if isinstance(event, h11.EndOfMessage) else ()
    return Response(
        status=answer.status_code,
        headers=decoded(answer.headers.raw_items()),
        body=bytes(body),
        reason=answer.reason.decode("latin-1"),
        trailers=trailers,
    )


async def _relay(upstream: Duplex, downstream: Duplex) -> None:
    try:
        await splice(downstream, upstream)
    finally:
        upstream.close()
