"""nginx's two ports: PROXY protocol if it is set, TLS by SNI, HTTP/1.1 and HTTP/2, and the page for plain HTTP on 443.

HTTP/2 comes by ALPN on TLS and with prior knowledge on the plain port (`http2 on` of the server, nginx 1.25.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from ingressdoctor.lab.network import HANDSHAKE_S
from ingressdoctor.lab.serve import proxyprotocol
from ingressdoctor.lab.serve.http2_server import serve_any, serve_h2
from ingressdoctor.lab.serve.nginx.certificates import Certificates, Shown
from ingressdoctor.lab.serve.nginx.http import Front
from ingressdoctor.lab.serve.nginx.journal import Journal
from ingressdoctor.lab.serve.nginx.pages import page
from ingressdoctor.lab.serve.wire import Request, Response, serve_http
from ingressdoctor.lab.stream import Duplex, TlsStream

HEADER_S = 5.0
_HANDSHAKE = 0x16
_PEEK_MAX = 4_096


def _bad_request(detail: str = "") -> bytes:
    made = page(400, detail)
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: {len(made.body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + made.body


class Entry:
    """The listeners of one controller pod."""

    def __init__(self, table: Shown, certificates: Certificates, front: Front, journal: Journal) -> None:
        self._table = table
        self._config = table.configuration.options.config
        self._certificates = certificates
        self._front = front
        self._journal = journal

    async def plain(self, stream: Duplex) -> None:
        """One connection to the http port."""
        if await self._unwrapped(stream):
            await self._serve(stream, secure=False)

    async def secure(self, stream: Duplex) -> None:
        """One connection to the https port."""
        if not await self._unwrapped(stream):
            return
        first = await _peek(stream, 1)
        if not first:
            stream.close()
        elif first[0] != _HANDSHAKE:
            self._journal.info(
                f"client sent plain HTTP request to HTTPS port while reading client request headers, client: "
                f"{stream.peer.ip}"
            )
            await stream.write(_bad_request("The plain HTTP request was sent to HTTPS port"))
            await stream.finish()
        else:
            await self._tls(stream)

    async def _tls(self, stream: Duplex) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            found = self._table.context(self._certificates, name or "")
            if found is None:
                return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            connection.context = found
            return None

        context.sni_callback = choose
        secured = TlsStream(stream, context)
        async with asyncio.timeout(HANDSHAKE_S):
            await secured.handshake()
        if secured.alpn() == "h2":
            await serve_h2(secured, self._app(secure=True))
        else:
            await serve_http(secured, self._app(secure=True), bad_request=_bad_request())

    async def _serve(self, stream: Duplex, *, secure: bool) -> None:
        serve = serve_any if self._config.use_http2 else serve_http
        await serve(stream, self._app(secure=secure), bad_request=_bad_request())

    def _app(self, *, secure: bool) -> _App:
        return _App(self._front, secure=secure)

    async def _unwrapped(self, stream: Duplex) -> bool:
        """Take the PROXY header off; without one nginx closes the connection."""
        if not self._config.use_proxy_protocol:
            return True
        data, size = b"", 1
        while True:
            data = await _peek(stream, size)
            try:
                header = proxyprotocol.parse(data)
            except EOFError:
                if len(data) >= size:
                    size = len(data) + 1
                    continue
                header = None
            except proxyprotocol.ProxyHeaderError:
                header = None
            break
        if header is None:
            shown = data[:64].decode("latin-1").encode("unicode_escape").decode()
            self._journal.info(
                f'broken header: "{shown}" while reading PROXY protocol, client: {stream.peer.ip}, server: 0.0.0.0'
            )
            stream.close()
            return False
        rest = await _peek(stream, header.length)
        await stream.read(len(rest))
        stream.unread(rest[header.length :])
        stream.peer = header.source or stream.peer
        stream.local = header.target or stream.local
        return True


class _App:
    """The front as the app of one connection."""

    def __init__(self, front: Front, *, secure: bool) -> None:
        self._front = front
        self._secure = secure

    async def __call__(self, request: Request, stream: Duplex) -> Response:
        return await self._front.answer(request, stream, secure=self._secure)


async def _peek(stream: Duplex, count: int) -> bytes:
    """At least *count* bytes without consuming them; fewer when the client stops or is slow."""
    data = b""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(HEADER_S):
            while len(data) < count and len(data) < _PEEK_MAX and (more := await stream.read()):
                data += more
    if data:
        stream.unread(data)
    return data
