"""A MySQL port over real sockets: what it says unasked, and what one login comes to.

For the greeting, nothing is sent but what the caller gives: one packet is read with a deadline, and away. Through
MaxScale that leaves no trace, and MariaDB counts it once as an aborted handshake. No meaning is read into the bytes
here; ``collect/sql_wire.py`` does that.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import FirstWords, LoginRequest, SqlLogin
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.dial import Dialer, reach_of
from ingressdoctor.sources.forward import Forwarder
from ingressdoctor.sources.stream import Stream
from ingressdoctor.sources.workers import Workers

__all__ = ["MySqlPorts"]

_CHUNK: Final = 4_096
_MOST: Final = 16_384  # a greeting has a hundred bytes; whoever sends megabytes is not MySQL
_HEADER: Final = 4


class MySqlPorts:
    """Opens the connections; loaded when the first one is wanted."""

    def __init__(self, connect_to: ConnectTo) -> None:
        self._connect_to = connect_to
        self._dialer = Dialer(connect_to)
        self._workers = Workers(4, "mysql")

    async def login(self, request: LoginRequest, password: Secret) -> SqlLogin:
        """Log in once; what takes longer than asked for is left to end by itself."""
        from ingressdoctor.sources.mysql_login import log_in

        try:
            return await self._workers.run(lambda: log_in(request, password, self._connect_to), request.timeout_s + 1.0)
        except TimeoutError:
            return SqlLogin(
                address=request.address,
                port=request.port,
                user=request.user,
                database=request.database,
                reach=Reach.READ_TIMEOUT,
                client_error="the login did not end in time",
                elapsed_s=request.timeout_s,
            )

    async def greet(self, address: str, port: int, *, say: bytes, timeout_s: float, linger_s: float) -> FirstWords:
        """Connect, send *say* (a PROXY header, or nothing), and return the first packet and what follows it unasked.

        *timeout_s* is for connecting and for the first packet together; a whole packet is waited for, whatever pace it
        comes at, but not for longer.
        """
        started = time.monotonic()
        connection = await self._dialer.connect(address, port, timeout_s=timeout_s)
        words = FirstWords(
            address=connection.address,
            port=port,
            reach=connection.reach,
            dialled=connection.dialled,
            detail=connection.detail,
        )
        if connection.stream is None:
            return replace(words, elapsed_s=time.monotonic() - started)
        return await _listen(connection.stream, words, _Patience(started, timeout_s, linger_s), say)

    async def greet_pod(
        self, forward: Forwarder, place: tuple[str, str, int], *, say: bytes, timeout_s: float, linger_s: float
    ) -> FirstWords:
        """Do the same at a port of a pod, through a port-forward; *place* is namespace, pod and port.

        A port on which nobody listens counts as refused, as the kubelet's own connection to it is.

        Raises:
            SourceError: there is no port-forward to that pod.
        """
        namespace, pod, port = place
        started = time.monotonic()
        forwarded = await forward(namespace, pod, port)
        opened = time.monotonic()
        words = FirstWords(address=f"{namespace}/{pod}", port=port, reach=Reach.OK, dialled="a port-forward")
        heard = await _listen(Stream(forwarded.socket), words, _Patience(opened, timeout_s, linger_s), say)
        if forwarded.trouble and not heard.first:
            refused = "refused" in forwarded.trouble
            heard = replace(heard, reach=Reach.REFUSED if refused else Reach.CLOSED, detail=forwarded.trouble, end=None)
        return replace(heard, elapsed_s=time.monotonic() - started)


class _Patience(msgspec.Struct, frozen=True):
    """When the waiting began, how long for the first packet, and how long for what follows it; in seconds."""

    started: float
    timeout_s: float
    linger_s: float


async def _listen(stream: Stream, words: FirstWords, patience: _Patience, say: bytes) -> FirstWords:
    """Send *say*, read the first packet and what follows it, and close the connection."""
    try:
        first, end = await _send_and_read(stream, say, patience.timeout_s - (time.monotonic() - patience.started))
        words = replace(words, end=end, first=first)
        if _complete(first) or (first and end is not None):
            words = replace(words, first_after_s=time.monotonic() - patience.started)
        if first and end is None:
            more, end = await _read(stream, b"", patience.linger_s, whole=False)
            words = replace(words, more=more, end=end)
    finally:
        stream.close()
    return replace(words, elapsed_s=time.monotonic() - patience.started)


async def _send_and_read(stream: Stream, say: bytes, timeout_s: float) -> tuple[bytes, Reach | None]:
    try:
        if say:
            async with asyncio.timeout(timeout_s):
                await stream.write(say)
    except TimeoutError:
        return b"", None
    except Exception:  # noqa: BLE001 - the peer is gone; what it said before that is still read
        return await _read(stream, b"", 0.5, whole=True)
    return await _read(stream, b"", timeout_s, whole=True)


async def _read(stream: Stream, data: bytes, timeout_s: float, *, whole: bool) -> tuple[bytes, Reach | None]:
    """Read until one packet is whole (or, with *whole* False, until time is up), and say how it ended if it did."""
    try:
        async with asyncio.timeout(max(timeout_s, 0.05)):
            while len(data) < _MOST and not (whole and _complete(data)):
                chunk = await stream.read(_CHUNK)
                if not chunk:
                    return data, Reach.CLOSED
                data += chunk
    except TimeoutError:
        return data, None
    except OSError as error:
        return data, reach_of(error)[0]
    return data, None


def _complete(data: bytes) -> bool:
    """Tell whether *data* holds a whole packet, or is so long that it can be none."""
    return len(data) >= _HEADER and len(data) >= _HEADER + min(int.from_bytes(data[:3], "little"), _MOST)
