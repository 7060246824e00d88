"""One TCP connection, in the clear or under TLS, over a plain non-blocking socket.

Why not asyncio's own TLS: it reports an orderly close and a reset alike, throws away bytes that are no TLS record, and
drops what was received before a reset. Those are exactly the things a diagnosis turns on. The TLS engine is OpenSSL
through ``ssl.SSLObject`` either way; only the shovelling of bytes is done here.

Timeouts are the caller's: every method is cancelled by ``asyncio.timeout`` around it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Final

import httpcore

__all__ = ["Stream"]

_CHUNK: Final = 65_536
_KEPT: Final = 512


class Stream(httpcore.AsyncNetworkStream):
    """A connected socket that httpcore can speak HTTP over.

    ``received`` counts raw bytes and ``first`` keeps the first few of them: what a port that does not speak TLS said
    instead. ``said`` keeps the first few bytes above TLS: what a port that does not speak HTTP said instead.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls: ssl.SSLObject | None = None
        self.received = 0
        self.first = b""
        self.said = b""

    async def handshake(self, context: ssl.SSLContext, server_hostname: str) -> ssl.SSLObject:
        """Put TLS on the connection; an empty *server_hostname* sends no SNI.

        Raises:
            ssl.SSLError: as OpenSSL says; ``ssl.SSLEOFError`` when the peer closed.
            OSError: the connection broke.
            ValueError, TypeError: the name cannot be sent.
        """
        engine = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname or None)
        while True:
            try:
                engine.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except ssl.SSLError:
                await self._flush_quietly()
                raise
            else:
                break
        # Our last flight of TLS 1.3 waits for what is written first, or for the first read: one packet instead of two.
        self.tls = engine
        return engine

    async def settle(self) -> None:
        """Take in one batch of what a TLS 1.3 server sends after the handshake: tickets, or a late alert.

        Raises:
            ssl.SSLError: the server sent an alert, such as certificate_required.
            OSError: the connection broke.
        """
        if self.tls is None:
            return
        await self._flush()
        await self._feed()
        try:
            self.tls.read(1)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """Return some bytes, or none at the end; *timeout* is not used."""
        data = await self._decrypt(self.tls, max_bytes) if self.tls else await self._receive(max_bytes)
        if len(self.said) < _KEPT:
            self.said += data[: _KEPT - len(self.said)]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Send all of *buffer*; *timeout* is not used.

        Raises:
            httpcore.WriteError: the peer closed or reset. httpcore then still reads what it said before.
        """
        try:
            if self.tls is None:
                await asyncio.get_running_loop().sock_sendall(self._socket, buffer)
            elif buffer:
                self.tls.write(buffer)
                await self._flush()
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close the socket; nothing is awaited, so a peer that does not read cannot delay it."""
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> Stream:
        """Put TLS on the connection, as httpcore asks for it."""
        await self.handshake(ssl_context, server_hostname or "")
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        """Return what httpcore may ask about the connection."""
        return {"ssl_object": self.tls, "socket": self._socket}.get(info)

    async def _decrypt(self, engine: ssl.SSLObject, max_bytes: int) -> bytes:
        while True:
            try:
                return engine.read(max_bytes)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # Many servers close without close_notify; whether the message was complete is for HTTP to say.
                return b""

    async def _receive(self, max_bytes: int) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self._socket, max_bytes)
        if len(self.first) < _KEPT:
            self.first += data[: _KEPT - len(self.first)]
        self.received += len(data)
        return data

    async def _feed(self) -> None:
        data = await self._receive(_CHUNK)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def _flush_quietly(self) -> None:
        """Let the peer have our alert, if it still listens."""
        try:
            await self._flush()
        except OSError:
            return
