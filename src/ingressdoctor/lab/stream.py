"""Byte streams of the simulated network: a loopback socket with simulated addresses, and TLS on top of one.

TLS runs over memory BIOs, not over an asyncio transport, because the controller must look at the first bytes of
a connection (PROXY header, ClientHello or plain HTTP?) before it decides whether to speak TLS at all. Nothing
here knows HTTP, worlds or routing. Waits are bounded by the caller (asyncio.timeout).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import struct
from typing import Protocol

CHUNK = 65_536
DRAIN_S = 0.25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A simulated IP address and port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Duplex(Protocol):
    """What HTTP and TCP handlers need of a connection, whether or not TLS is below."""

    peer: Address
    local: Address

    async def read(self, limit: int = CHUNK) -> bytes:
        """Next bytes; b"" once the peer has finished."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of *data*."""
        ...

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what read() returns next."""
        ...

    async def end(self) -> None:
        """Say that nothing more will be written."""
        ...

    async def finish(self) -> None:
        """Close in an orderly way: the peer sees the end of the stream, not a reset."""
        ...

    def close(self) -> None:
        """Close at once."""
        ...


class Stream:
    """One end of a TCP connection on loopback, which believes in its simulated addresses."""

    def __init__(self, sock: socket.socket, *, peer: Address, local: Address) -> None:
        self._sock = sock
        self._pushed = b""
        self.peer = peer
        self.local = local

    @property
    def closed(self) -> bool:
        """Whether the socket is closed on our side."""
        return self._sock.fileno() < 0

    async def read(self, limit: int = CHUNK) -> bytes:
        """Next bytes; b"" once the peer has finished; ConnectionError on a reset."""
        if self._pushed:
            data, self._pushed = self._pushed[:limit], self._pushed[limit:]
            return data
        return await asyncio.get_running_loop().sock_recv(self._sock, limit)

    async def write(self, data: bytes) -> None:
        """Send all of *data*."""
        if data:
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what read() returns next."""
        self._pushed = data + self._pushed

    async def end(self) -> None:
        """Send FIN; reading goes on."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    async def finish(self) -> None:
        """FIN, then read what is still coming: closing with unread bytes would send a reset instead."""
        await self.end()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while await self.read():
                    pass
        self.close()

    def close(self) -> None:
        """Close the socket at once."""
        self._sock.close()

    def reset(self) -> None:
        """Close with RST, as a crashing process or a strict firewall does."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()


class TlsStream:
    """TLS over another stream. Call handshake() first; it raises ssl.SSLError or ConnectionError."""

    def __init__(self, below: Duplex, context: ssl.SSLContext, *, server_name: str | None = None) -> None:
        """Server side, unless *server_name* (the SNI to send; "" for none) is given."""
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._pushed = b""
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_name is None,
            server_hostname=server_name or None,
        )
        self.peer = below.peer
        self.local = below.local

    async def handshake(self) -> None:
        """Shake hands; on failure the alert has been sent to the peer."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()
                raise
        await self._flush()

    def peer_certificate(self) -> bytes | None:
        """DER of the peer's certificate."""
        return self._tls.getpeercert(binary_form=True)

    def version(self) -> str:
        """Protocol version such as TLSv1.3."""
        return self._tls.version() or ""

    def alpn(self) -> str:
        """The protocol agreed on, such as h2; "" when there was no agreement."""
        return self._tls.selected_alpn_protocol() or ""

    def cipher(self) -> str:
        """Name of the cipher suite."""
        suite = self._tls.cipher()
        return suite[0] if suite else ""

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._below.write(self._outgoing.read())

    async def _feed(self) -> None:
        data = await self._below.read()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def read(self, limit: int = CHUNK) -> bytes:
        """Next decrypted bytes; b"" once the peer has finished, with or without close_notify."""
        if self._pushed:
            data, self._pushed = self._pushed[:limit], self._pushed[limit:]
            return data
        while True:
            try:
                return self._tls.read(limit)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise ConnectionAbortedError(str(error)) from error

    async def write(self, data: bytes) -> None:
        """Send all of *data*, encrypted."""
        for start in range(0, len(data), CHUNK):
            try:
                self._tls.write(data[start : start + CHUNK])
            except ssl.SSLError as error:
                raise ConnectionAbortedError(str(error)) from error
            await self._flush()

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what read() returns next."""
        self._pushed = data + self._pushed

    async def end(self) -> None:
        """Send close_notify and FIN."""
        # unwrap() raises SSLWantRead when the peer has not said goodbye yet: our alert is in the buffer anyway.
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            await self._flush()
        await self._below.end()

    async def finish(self) -> None:
        """close_notify, FIN, drain, close."""
        await self.end()
        await self._below.finish()

    def close(self) -> None:
        """Close the socket at once."""
        self._below.close()


async def splice(left: Duplex, right: Duplex) -> None:
    """Copy bytes both ways until both sides have finished."""

    async def copy(source: Duplex, sink: Duplex) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read():
                await sink.write(data)
        await sink.end()

    await asyncio.gather(copy(left, right), copy(right, left))
