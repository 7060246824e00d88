"""Speak HTTP/1.1 over a stream: one request, one response, read by h11 unless all of it is plain.

What httpcore's connection does, without its locks, traces and pools, which cost more than the exchange itself; it
raises the same errors. Whatever the peer sends that is not plain passes through h11, which refuses what is not HTTP.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import h11
import httpcore

from ingressdoctor.sources.http_plain import Head, plain_answer, plain_request
from ingressdoctor.sources.stream import Stream

__all__ = ["Http1"]

_MOST_HEADERS: Final = 100 * 1024
_CHUNK: Final = 65_536


class Http1:
    """One exchange over one stream, which stays the caller's to close."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._engine: h11.Connection | None = None
        self._body = b""

    async def ask(self, method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Head:
        """Send a request without a body, and read the answer up to its body; what is informational is passed over.

        Raises:
            httpcore.LocalProtocolError: it cannot be put on the wire.
            httpcore.RemoteProtocolError: the answer is not HTTP, or there is none.
            OSError: the connection broke.
        """
        plain = plain_request(method, target, headers)
        if plain is None:
            engine, sent = _began(method, target, headers)
            await self._send(sent)
        else:
            await self._send(plain)
            data = await self._stream.read(_CHUNK)
            if (answer := plain_answer(data)) is not None:
                head, self._body = answer
                return head
            engine, _ = _began(method, target, headers)
            _fed(engine, data)
        self._engine = engine
        return await self._head(engine)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes.

        Raises:
            httpcore.RemoteProtocolError: it does not end as it should.
            OSError: the connection broke.
        """
        if self._engine is None:
            yield self._body
            return
        while True:
            event = await self._next(self._engine)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
                return

    async def _send(self, data: bytes) -> None:
        # A server may refuse before it has read all, and say why.
        with contextlib.suppress(httpcore.WriteError):
            await self._stream.write(data)

    async def _head(self, engine: h11.Connection) -> Head:
        while True:
            answer = await self._next(engine)
            if isinstance(answer, h11.Response) or (
                isinstance(answer, h11.InformationalResponse) and answer.status_code == 101
            ):
                break
        return Head(
            status=answer.status_code,
            version=f"HTTP/{answer.http_version.decode('ascii')}",
            headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]),
        )

    async def _next(self, engine: h11.Connection) -> h11.Event | type[h11.PAUSED]:
        while True:
            try:
                event = engine.next_event()
            except h11.RemoteProtocolError as error:
                raise httpcore.RemoteProtocolError(error) from error
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value] # the other sentinel is PAUSED
            _fed(engine, await self._stream.read(_CHUNK))


def _began(method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> tuple[h11.Connection, bytes]:
    """Return a connection on which a request was sent, and the bytes of it.

    Raises:
        httpcore.LocalProtocolError: it cannot be put on the wire.
    """
    engine = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
    try:
        request = h11.Request(method=method, target=target, headers=list(headers))
        return engine, (engine.send(request) or b"") + (engine.send(h11.EndOfMessage()) or b"")
    except h11.LocalProtocolError as error:
        raise httpcore.LocalProtocolError(error) from error


def _fed(engine: h11.Connection, data: bytes) -> None:
    """Hand on what the peer said.

    Raises:
        httpcore.RemoteProtocolError: it closed without an answer.
    """
    if not data and engine.their_state is h11.SEND_RESPONSE:
        raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
    engine.receive_data(data)
