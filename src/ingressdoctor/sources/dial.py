"""Connect over TCP to a chosen address, after --connect-to.

How a connect fails is a value here, never an exception: refused, timed out and unreachable are evidence.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from functools import lru_cache
from typing import Final

import msgspec

from ingressdoctor.evidence.net import Reach
from ingressdoctor.model.begun import begin
from ingressdoctor.model.text import clean
from ingressdoctor.sources.connect_to import ConnectTo, join_host_port
from ingressdoctor.sources.stream import Stream
from ingressdoctor.sources.workers import Workers

__all__ = ["Connection", "Dialer", "reach_of"]

_MAX_ADDRESSES: Final = 8
_REACH_BY_ERRNO: Final = {
    errno.ECONNREFUSED: Reach.REFUSED,
    errno.ETIMEDOUT: Reach.TIMEOUT,
    errno.ECONNRESET: Reach.RESET,
    errno.ECONNABORTED: Reach.RESET,
    errno.EPIPE: Reach.RESET,
}


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One connect: ``stream`` is there exactly when ``reach`` is OK.

    ``address`` is the address meant (resolved, where a name was given), ``dialled`` the host:port it went to.
    """

    address: str
    dialled: str
    reach: Reach
    stream: Stream | None = None
    detail: str = ""
    elapsed_s: float = 0.0


class _Place(msgspec.Struct, frozen=True):
    """One address to try: the one meant, and the socket address to dial instead."""

    address: str
    dialled: str
    family: int
    sockaddr: tuple[object, ...]


_Found = tuple[int, tuple[object, ...]]


class Dialer:
    """Opens TCP connections, redirected by ``--connect-to``."""

    def __init__(self, connect_to: ConnectTo) -> None:
        self._connect_to = connect_to
        self._plain = ConnectTo()
        self._resolving = Workers(8, "resolver")

    async def connect(self, host: str, port: int, *, timeout_s: float, redirect: bool = True) -> Connection:
        """Connect to an address or, resolved by the system, to a name; *redirect* False ignores --connect-to."""
        started = time.monotonic()
        place = _Place(host, join_host_port(host, port), 0, ())
        stream: Stream | None = None
        try:
            places, resolving = begin(self._places(self._connect_to if redirect else self._plain, host, port))
            if resolving is not None:
                async with asyncio.timeout(timeout_s):
                    places = await resolving
            for left in range(len(places), 0, -1):
                place = places[len(places) - left]
                share = (timeout_s - (time.monotonic() - started)) / left
                try:
                    async with asyncio.timeout(share):
                        stream = await _open(place)
                    break
                except OSError:
                    if left == 1:
                        raise
        except OSError as error:
            reach, detail = reach_of(error)
            return Connection(
                address=place.address,
                dialled=place.dialled,
                reach=reach,
                detail=detail,
                elapsed_s=time.monotonic() - started,
            )
        return Connection(
            address=place.address,
            dialled=place.dialled,
            reach=Reach.OK,
            stream=stream,
            elapsed_s=time.monotonic() - started,
        )

    async def _places(self, connect_to: ConnectTo, host: str, port: int) -> tuple[_Place, ...]:
        to_host, to_port = connect_to.resolve(host, port)
        found = await self._resolve(to_host, to_port)
        if (to_host, to_port) != (host, port):
            return tuple(
                _Place(host if _is_address(host) else str(sockaddr[0]), _dialled(sockaddr), family, sockaddr)
                for family, sockaddr in found
            )
        places: list[_Place] = []
        for family, sockaddr in found:
            address = str(sockaddr[0])
            # A name's addresses may be redirected too: the entry may have been written for the address.
            again = connect_to.resolve(address, port)
            if again == (address, port):
                places.append(_Place(address, _dialled(sockaddr), family, sockaddr))
            else:
                places.extend(_Place(address, _dialled(new), kind, new) for kind, new in await self._resolve(*again))
        return tuple(places)

    async def _resolve(self, host: str, port: int) -> tuple[_Found, ...]:
        if not 0 < port < 65_536:
            raise OSError(errno.EADDRNOTAVAIL, f"there is no port {port}")
        found = _numeric(host, port)
        if found is None:
            found = await self._resolving.run(lambda: _getaddrinfo(host, port, 0))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return found[:_MAX_ADDRESSES]


# A sweep dials the same few addresses again and again.
@lru_cache(maxsize=1024)
def _numeric(host: str, port: int) -> tuple[_Found, ...] | None:
    """Return an address as it is dialled; None for what is a name."""
    try:
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return None


def _getaddrinfo(host: str, port: int, flags: int) -> tuple[_Found, ...]:
    # As bytes where possible: for text, Python loads its IDNA tables, a tenth of a second for nothing.
    name = host.encode("ascii") if host.isascii() else host
    try:
        answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    except (ValueError, TypeError) as error:  # a label over 63 octets, a zero byte: names that cannot exist
        raise socket.gaierror(socket.EAI_NONAME, "not a hostname") from error
    return tuple((family, sockaddr) for family, _, _, _, sockaddr in answers)


async def _open(place: _Place) -> Stream:
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place.sockaddr)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return Stream(sock)


def _is_address(host: str) -> bool:
    return _numeric(host, 0) is not None


def _dialled(sockaddr: tuple[object, ...]) -> str:
    return join_host_port(str(sockaddr[0]), int(str(sockaddr[1])))


def reach_of(error: OSError) -> tuple[Reach, str]:
    """Return how far a connection came that broke with *error*, and the system's words for it."""
    if isinstance(error, socket.gaierror):
        return Reach.NAME, clean(error.strerror or "not resolved", 200)
    if isinstance(error, TimeoutError) and error.errno is None:
        return Reach.TIMEOUT, ""
    if error.errno is None:
        return Reach.UNREACHABLE, clean(str(error), 200)
    # The system's words for the number: asyncio puts the address dialled in their place.
    text = os.strerror(error.errno) if error.errno in errno.errorcode else str(error)
    return _REACH_BY_ERRNO.get(error.errno, Reach.UNREACHABLE), clean(text, 200).lower()
