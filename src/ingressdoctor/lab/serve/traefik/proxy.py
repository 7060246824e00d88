"""Traefik's reverse proxy: pick a server, really connect, translate failures into its status codes.

Source: traefik pkg/proxy (ComputeStatusCode): refused, reset and end of stream are 502, timeouts 504, TLS and
malformed answers 500, a client that went away 499. Services are weighted round robin over their ready servers.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import ipaddress
import itertools
import ssl
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import h11

from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.http2 import exchange_h2
from ingressdoctor.lab.serve.traefik.model import Dynamic, Server, Service, Transport
from ingressdoctor.lab.serve.wire import Request, Response, reason, until_gone
from ingressdoctor.lab.stream import Duplex, Stream, TlsStream

STATUS_CLIENT_GONE = 499


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What forwarding gave: the answer, the origin's status as the access log has it, and how long it took."""

    response: Response
    origin_ns: int
    error: str = ""


class Services:
    """Chooses servers; every service keeps its own turn."""

    def __init__(self, dynamic: Dynamic) -> None:
        self._dynamic = dynamic
        self._turns: dict[str, Iterator[int]] = {}

    def pick(self, name: str, cookies: Mapping[str, str] = MappingProxyType({})) -> tuple[Service, Server] | None:
        """The next server of a service, or the one a sticky cookie names; None when it has none at all."""
        leaves = list(self._leaves(name, 0))
        total = sum(max(weight, 0) * bool(service.servers) for service, weight in leaves)
        if not total:
            return None
        point = next(self._turns.setdefault(name, itertools.count())) % total
        for service, weight in leaves:
            span = max(weight, 0) * bool(service.servers)
            if point < span:
                if kept := _kept(service, cookies):
                    return service, kept
                turn = next(self._turns.setdefault(f"{name} {service.name}", itertools.count()))
                return service, service.servers[turn % len(service.servers)]
            point -= span
        return None

    def _leaves(self, name: str, depth: int) -> Iterator[tuple[Service, int]]:
        service = self._dynamic.services.get(name)
        if service is None or depth > 20:
            return
        if not service.children:
            yield service, 1
        for child, weight in service.children:
            for leaf, inner in self._leaves(child, depth + 1):
                yield leaf, weight * inner


def server_hash(server: Server) -> str:
    """What a sticky cookie holds for a server."""
    return hashlib.sha256(server.url.encode()).hexdigest()[:16]


def _kept(service: Service, cookies: Mapping[str, str]) -> Server | None:
    """The server that the client's cookie names, while it is still there."""
    wanted = cookies.get(service.sticky.name) if service.sticky else None
    return next((server for server in service.servers if server_hash(server) == wanted), None) if wanted else None


class Proxy:
    """Forwards requests and connections of one Traefik pod."""

    def __init__(self, network: Network, dynamic: Dynamic, *, source_ip: str, dial_s: float) -> None:
        self._network = network
        self._dynamic = dynamic
        self._source_ip = source_ip
        self._dial_s = dial_s

    async def dial(self, server: Server) -> Stream:
        """A connection to a server; a name (of an ExternalName) is not resolved here."""
        try:
            ipaddress.ip_address(server.ip)
        except ValueError as error:
            raise OSError(f"lookup {server.ip}: no such host") from error
        return await self._network.connect(server.ip, server.port, source_ip=self._source_ip, timeout_s=self._dial_s)

    async def forward(self, service: Service, server: Server, request: Request, client: Duplex) -> Outcome:
        """One request; a client that leaves meanwhile ends it."""
        started = time.monotonic_ns()
        work = asyncio.ensure_future(self._ask(service, server, request))
        watch = asyncio.ensure_future(until_gone(client))
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                status, error, response = await work
            else:
                status, error, response = STATUS_CLIENT_GONE, "context canceled", None
        finally:
            work.cancel()
            watch.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)
        if response is None:
            text = "Client Closed Request" if status == STATUS_CLIENT_GONE else reason(status)
            response = Response(status=status, body=text.encode())
        return Outcome(response=response, origin_ns=time.monotonic_ns() - started, error=error)

    async def _ask(self, service: Service, server: Server, request: Request) -> tuple[int, str, Response | None]:
        """Status, error text and answer (None when Traefik has to make it)."""
        try:
            stream = await self.dial(server)
        except OSError as error:
            return (*dial_failure(error, server), None)
        taken = False
        try:
            secured = await self._secure(service, server, stream)
            response = await (exchange_h2 if server.scheme == "h2c" else exchange)(secured, request)
        except (OSError, h11.ProtocolError) as error:
            return (*_exchange_failure(error), None)
        else:
            taken = response.then is not None
            return response.status, "", response
        finally:
            if not taken:
                stream.close()

    async def _secure(self, service: Service, server: Server, stream: Stream) -> Duplex:
        if server.scheme != "https":
            return stream
        transport = self._dynamic.transports.get(service.transport, Transport())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if transport.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        # Pods have no certificate that a public root signed: without insecureSkipVerify this fails, as it should.
        secured = TlsStream(stream, context, server_name=transport.server_name or server.ip)
        await secured.handshake()
        return secured


def dial_failure(error: OSError, server: Server) -> tuple[int, str]:
    """Status and Go's error text of a connection that did not come about."""
    if isinstance(error, TimeoutError):
        return 504, f"dial tcp {server.address}: i/o timeout"
    if isinstance(error, ConnectionRefusedError):
        return 502, f"dial tcp {server.address}: connect: connection refused"
    return 502, f"dial tcp {server.address}: {error}"


def _exchange_failure(error: Exception) -> tuple[int, str]:
    if isinstance(error, ssl.SSLError):
        return 500, f"tls: {error.reason or error}"
    if isinstance(error, h11.ProtocolError):
        return 500, f"net/http: HTTP/1.x transport connection broken: {error}"
    return 502, "EOF"
