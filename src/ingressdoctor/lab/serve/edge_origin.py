"""The edge's way to an origin: a real connection, and the error code that names what went wrong with it.

Each outcome of the socket, of the handshake and of HTTP has exactly one code; nothing here looks at the world.
Source: Cloudflare's documentation of 5xx errors and of SSL modes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import ssl
from collections.abc import Iterator

import h11

from ingressdoctor.lab.network import Network
from ingressdoctor.lab.pki import covers, names_of
from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.http2 import exchange_h2
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.stream import Duplex, Stream, TlsStream

MAX_HEADER = 16_384
MAX_HEADERS = 32_768


class OriginFailure(Exception):  # noqa: N818  # an outcome with a code, shown to the visitor
    """The origin could not answer; *code* is the edge's error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"edge error {code}")
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to reach an origin: TLS context (None for plain HTTP), SNI, and the names strict mode accepts."""

    port: int
    source_ip: str
    source_ip6: str
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    accepted_names: tuple[str, ...] = ()


class Turns:
    """Whose turn it is among a host's addresses: each in order, so that a test knows which one comes next."""

    def __init__(self) -> None:
        self._counts: dict[str, Iterator[int]] = {}

    def take(self, host: str, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """The addresses, the one whose turn it is first."""
        first = next(self._counts.setdefault(host, itertools.count())) % len(addresses)
        return (*addresses[first:], *addresses[:first])


class OriginClient:
    """Asks origins on behalf of the edge."""

    def __init__(self, network: Network, *, connect_s: float, read_s: float) -> None:
        self._network = network
        self._connect_s = connect_s
        self._read_s = read_s

    async def ask(self, addresses: tuple[str, ...], way: Way, request: Request) -> Response:
        """The origin's answer; the next address is tried when one cannot be connected to.

        Raises:
            OriginFailure: with the code of the last failure.
        """
        stream = await self._connect(addresses, way)
        taken = False
        try:
            secured = await self._secure(stream, way)
            async with asyncio.timeout(self._read_s):
                response = await _exchange(secured, request)
            taken = response.then is not None
        except TimeoutError as error:
            raise OriginFailure(524) from error
        except (OSError, h11.ProtocolError) as error:
            raise OriginFailure(520) from error
        finally:
            if not taken:
                stream.close()
        sizes = [len(key) + len(value) + 4 for key, value in response.headers]
        if any(size > MAX_HEADER for size in sizes) or sum(sizes) > MAX_HEADERS:
            raise OriginFailure(520)
        return response

    async def _connect(self, addresses: tuple[str, ...], way: Way) -> Stream:
        failure = OriginFailure(523)
        for ip in addresses:
            source = way.source_ip6 if ":" in ip else way.source_ip
            try:
                return await self._network.connect(ip, way.port, source_ip=source, timeout_s=self._connect_s)
            except TimeoutError:
                failure = OriginFailure(522)
            except ConnectionRefusedError:
                failure = OriginFailure(521)
            except OSError:
                failure = OriginFailure(523)
        raise failure

    async def _secure(self, stream: Stream, way: Way) -> Duplex:
        if way.tls is None:
            return stream
        secured = TlsStream(stream, way.tls, server_name=way.server_name)
        try:
            async with asyncio.timeout(self._read_s):
                await secured.handshake()
        except ssl.SSLCertVerificationError as error:
            raise OriginFailure(526) from error
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            raise OriginFailure(525) from error
        if way.accepted_names:
            served = names_of(secured.peer_certificate() or b"")
            if not any(covers(name, wanted) for name in served for wanted in way.accepted_names):
                raise OriginFailure(526)
        return secured


async def _exchange(stream: Duplex, request: Request) -> Response:
    """One request in the protocol that ALPN chose."""
    if isinstance(stream, TlsStream) and stream.alpn() == "h2":
        return await exchange_h2(stream, request, scheme="https")
    return await exchange(stream, request)
