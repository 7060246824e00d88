"""Speak HTTP/1.1 over a stream: one request, one response, read by h11.

What httpcore's connection does, without its locks, traces and pools, which cost more than the exchange itself; it
raises the same errors. Whatever the peer sends passes through h11, which refuses what is not HTTP.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import h11
import httpcore
import msgspec

from ingressdoctor.sources.stream import Stream

__all__ = ["Head", "Http1"]

_MOST_HEADERS: Final = 100 * 1024
_CHUNK: Final = 65_536


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A response up to its body; names of headers are in lower case."""

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]


class Http1:
    """One exchange over one stream, which stays the caller's to close."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._engine = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)

    async def ask(self, method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Head:
        """Send a request without a body, and read the answer up to its body; what is informational is passed over.

        Raises:
            httpcore.LocalProtocolError: it cannot be put on the wire.
            httpcore.RemoteProtocolError: the answer is not HTTP, or there is none.
            OSError: the connection broke.
        """
        try:
            event = h11.Request(method=method, target=target, headers=list(headers))
            sent = (self._engine.send(event) or b"") + (self._engine.send(h11.EndOfMessage()) or b"")
        except h11.LocalProtocolError as error:
            raise httpcore.LocalProtocolError(error) from error
        # A server may refuse before it has read all, and say why.
        with contextlib.suppress(httpcore.WriteError):
            await self._stream.write(sent)
        while True:
            answer = await self._next()
            if isinstance(answer, h11.Response) or (
                isinstance(answer, h11.InformationalResponse) and answer.status_code == 101
            ):
                break
        return Head(
            status=answer.status_code,
            version=f"HTTP/{answer.http_version.decode('ascii')}",
            headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]),
        )

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes.

        Raises:
            httpcore.RemoteProtocolError: it does not end as it should.
            OSError: the connection broke.
        """
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
                return

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            try:
                event = self._engine.next_event()
            except h11.RemoteProtocolError as error:
                raise httpcore.RemoteProtocolError(error) from error
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value] # the other sentinel is PAUSED
            data = await self._stream.read(_CHUNK)
            if not data and self._engine.their_state is h11.SEND_RESPONSE:
                raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
            self._engine.receive_data(data)
