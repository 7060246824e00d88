"""One TCP entry point of Traefik: PROXY header, a look at the first bytes, then TCP router, TLS or plain HTTP.

The order of choices is traefik pkg/server/router/tcp/router.go: without TLS routers a non-TLS TCP router is taken
at once (server-first protocols); otherwise the first bytes decide; a TLS connection goes to HTTPS routers of its
SNI before TCP routers, and to the default certificate with a 404 when nobody wants it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import Mapping

from ingressdoctor.lab.pki import Order
from ingressdoctor.lab.serve import proxyprotocol
from ingressdoctor.lab.serve.traefik import clienthello
from ingressdoctor.lab.serve.traefik.certificates import Certificates
from ingressdoctor.lab.serve.traefik.http import HttpEntry, Tools
from ingressdoctor.lab.serve.traefik.journal import Notes
from ingressdoctor.lab.serve.traefik.matchers import Facts, in_network
from ingressdoctor.lab.serve.traefik.proxy import dial_failure
from ingressdoctor.lab.serve.traefik.runtime import Active, Tables, first_match
from ingressdoctor.lab.stream import Duplex, TlsStream, splice

_PEEK_MAX = 65_536


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Certificates for a configuration's orders, and hosts whose TLS option does not exist."""

    certificates: Certificates
    orders: Mapping[str, Order]
    default: Order | None
    broken_hosts: frozenset[str]


class EntryPointServer:
    """Serves the connections of one entry point."""

    def __init__(self, tables: Tables, tools: Tools, tls: TlsSettings, *, read_s: float, header_s: float) -> None:
        """*read_s* is readTimeout, which a PROXY header is waited for as well: *header_s*, scaled further down."""
        self._tables = tables
        self._tools = tools
        self._tls = tls
        self._read_s = read_s
        self._header_s = header_s
        self._http = HttpEntry(tables, tools)
        self._https_hosts = frozenset(host for router in tables.secure for host in router.hosts)
        self._https_catch_all = any(not router.hosts for router in tables.secure)

    async def handle(self, stream: Duplex) -> None:
        """One connection, from its first byte to its end."""
        if self._tables.entry_point.proxy and not await self._unwrap(stream):
            await stream.finish()
            return
        if self._tables.tcp and not self._tables.tcp_tls and not self._tables.secure:
            router = first_match(self._tables.tcp, Facts(client_ip=stream.peer.ip))
            if router is not None:
                await self._tcp(stream, router)
                return
        first = await self._peek(stream, 1)
        if not first:
            stream.close()
        elif first[0] == clienthello.HANDSHAKE_RECORD:
            await self._secure(stream)
        else:
            await self._plain(stream)

    async def _peek(self, stream: Duplex, count: int, limit_s: float = 0.0) -> bytes:
        """At least *count* bytes without consuming them; fewer when the client stops or readTimeout is over."""
        data = b""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(limit_s or self._read_s):
                while len(data) < count and len(data) < _PEEK_MAX and (more := await stream.read()):
                    data += more
        if data:
            stream.unread(data)
        return data

    async def _unwrap(self, stream: Duplex) -> bool:
        """Take a PROXY header off the stream; its address counts only from a trusted peer. False closes."""
        point, size = self._tables.entry_point, 1
        while True:
            began = asyncio.get_running_loop().time()
            data = await self._peek(stream, size, self._header_s)
            is_late = asyncio.get_running_loop().time() - began >= self._header_s
            try:
                header = proxyprotocol.parse(data)
            except EOFError:
                if len(data) < size:
                    # A silent client goes on without a header; for one that has left, nobody need be dialled.
                    return is_late
                size = len(data) + 1
                continue
            except proxyprotocol.ProxyHeaderError:
                return False
            break
        if header is None:
            return True
        rest = await self._peek(stream, header.length)
        await stream.read(len(rest))
        stream.unread(rest[header.length :])
        trusted = point.proxy_insecure or any(in_network(stream.peer.ip, net) for net in point.proxy_trusted)
        if trusted and header.source is not None:
            stream.peer = header.source
        elif not trusted:
            notes = Notes()
            notes.debug(
                f"IP {stream.peer.ip} is not in trusted IPs list, ignoring ProxyProtocol Headers and bypass connection"
            )
            self._tools.log(notes)
        return True

    async def _plain(self, stream: Duplex) -> None:
        router = first_match(self._tables.tcp, Facts(client_ip=stream.peer.ip))
        if router is not None:
            await self._tcp(stream, router)
        else:
            await self._http.serve(stream, secure=False)

    async def _secure(self, stream: Duplex) -> None:
        head = await self._peek(stream, 5)
        record = await self._peek(stream, clienthello.record_length(head))
        hello = clienthello.parse(record) or clienthello.Hello()
        facts = Facts(sni=hello.server_name, alpn=hello.alpn, client_ip=stream.peer.ip)
        router = None if self._is_https(hello.server_name) else self._tcp_tls(facts)
        if router is not None and router.tls is not None and router.tls.passthrough:
            await self._tcp(stream, router)
            return
        if hello.server_name in self._tls.broken_hosts:
            stream.close()
            return
        context, is_default = self._tls.certificates.choose(self._tls.orders, hello.server_name, self._tls.default)
        if is_default and hello.server_name:
            self._debug(f'Serving default certificate for request: "{hello.server_name}"')
        secured = TlsStream(stream, context)
        try:
            async with asyncio.timeout(self._read_s):
                await secured.handshake()
        except (ssl.SSLError, OSError, TimeoutError) as error:
            self._debug(f"http: TLS handshake error from {stream.peer}: {error}")
            stream.close()
            return
        if router is not None:
            await self._tcp(secured, router)
        else:
            await self._http.serve(secured, secure=True)

    def _is_https(self, server_name: str) -> bool:
        parent = server_name.partition(".")[2]
        return server_name in self._https_hosts or (bool(parent) and f"*.{parent}" in self._https_hosts)

    def _tcp_tls(self, facts: Facts) -> Active | None:
        """TCP router of a TLS connection: named ones first, the catch-all only when HTTPS has none."""
        named = tuple(router for router in self._tables.tcp_tls if "*" not in router.hosts)
        found = first_match(named, facts)
        if found is None and not self._https_catch_all:
            found = first_match(self._tables.tcp_tls, facts)
        return found

    def _debug(self, message: str) -> None:
        notes = Notes()
        notes.debug(message)
        self._tools.log(notes)

    async def _tcp(self, stream: Duplex, router: Active) -> None:
        notes = Notes()
        if not router.allowed(stream.peer.ip):
            notes.error(
                f"Connection from {stream.peer} rejected",
                error=f'"{stream.peer}" matched none of the trusted IPs',
            )
            self._tools.log(notes)
            await stream.finish()
            return
        chosen = self._tools.services.pick(router.service)
        if chosen is None:
            await stream.finish()
            return
        service, server = chosen
        try:
            upstream = await self._tools.proxy.dial(server)
        except OSError as error:
            notes.error("Error while dialing backend", error=dial_failure(error, server)[1])
            self._tools.log(notes)
            await stream.finish()
            return
        try:
            if service.proxy_protocol:
                encode = proxyprotocol.encode_v1 if service.proxy_protocol == 1 else proxyprotocol.encode_v2
                await upstream.write(encode(stream.peer, stream.local))
            await splice(stream, upstream)
        finally:
            upstream.close()
            stream.close()
