"""Send one HTTP request to one address, and report what came back, however broken.

No redirects, cookies, proxies or retries: those are a diagnosis of their own. The parsers are h11 (http1.py), and
httpcore's for HTTP/2 where the ``h2`` package is there; the connection is ours, so that the address dialled, the SNI
and the Host can each be chosen, and so that every way of failing stays apart from the others.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib import metadata, util
from typing import Final, cast
from urllib.parse import SplitResult, quote, urlsplit

import httpcore
import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach, TlsAttempt
from ingressdoctor.model.text import clean
from ingressdoctor.sources.dial import Dialer, reach_of
from ingressdoctor.sources.http1 import Head, Http1
from ingressdoctor.sources.http_failure import http_failure
from ingressdoctor.sources.stream import Stream
from ingressdoctor.sources.tls import Endpoint, TlsClient, tls_failure
from ingressdoctor.sources.trust import ALPN

__all__ = ["HttpClient", "user_agent"]

_HTTP1: Final = ("http/1.1",)
_SAFE: Final = "/%:@!$&'()*+,;=-._~?[]|"
_MAX_HEADER_SENT: Final = 16_384


def user_agent() -> str:
    """Return the User-Agent of every probe.

    It begins like a browser's: agents of plain HTTP libraries trip Cloudflare's Browser Integrity Check (error 1010),
    and the diagnosis would be of ourselves. It ends in our name, so that whoever reads the log knows who asked.
    """
    try:
        version = metadata.version("ingressdoctor")
    except metadata.PackageNotFoundError:
        version = "0"
    return (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 "
        f"ingressdoctor/{version}"
    )


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """A request's URL taken apart, with its overrides applied."""

    secure: bool
    host: str
    port: int
    dial: str
    dial_port: int
    sni: str
    host_header: str
    target: bytes


@dataclass(slots=True)
class _Progress:
    """What is known so far of a running exchange, so that a deadline or an error loses nothing of it."""

    exchange: HttpExchange
    began: float
    body: bytearray = field(default_factory=bytearray)
    stream: Stream | None = None

    def phases(self, **seconds: float) -> None:
        self.exchange = replace(self.exchange, phases=replace(self.exchange.phases, **seconds))

    def failed(self, reach: Reach, detail: str) -> None:
        self.exchange = replace(self.exchange, reach=reach, detail=detail)


class HttpClient:
    """Sends single requests over connections of its own."""

    def __init__(self, dialer: Dialer, tls: TlsClient) -> None:
        self._dialer = dialer
        self._tls = tls
        self._agent = user_agent()
        self._http2 = util.find_spec("h2") is not None

    async def exchange(self, request: HttpRequest) -> HttpExchange:
        """Send *request*; whatever happens is in the exchange's ``reach``, and nothing is raised."""
        blank = HttpExchange(
            url=request.url, method=request.method, address=request.address, port=request.port or 0, reach=Reach.OK
        )
        place = _place(request)
        if isinstance(place, str):
            return replace(blank, reach=Reach.PROTOCOL, detail=place)
        progress = _Progress(exchange=replace(blank, port=place.dial_port), began=time.monotonic())
        try:
            # Connecting and shaking hands keep their own time, to tell which of them did not end.
            progress.stream = await self._connect(request, place, progress)
            if progress.stream is not None:
                async with asyncio.timeout(request.timeout_s - (time.monotonic() - progress.began)):
                    await self._speak(request, place, progress, progress.stream)
        except TimeoutError as error:
            progress.failed(*_late(error, progress))
        except ssl.SSLError as error:
            stream = progress.stream
            progress.failed(*tls_failure(error, b"", stream.received if stream else 0))
        except OSError as error:
            progress.failed(*reach_of(error))
        except (httpcore.ProtocolError, httpcore.NetworkError) as error:
            said = progress.stream.said if progress.stream is not None else b""
            progress.failed(*http_failure(error, status=progress.exchange.status, said=said))
        except (ValueError, TypeError) as error:  # h2 and h11 refuse what cannot be put on the wire
            progress.failed(Reach.PROTOCOL, f"the request cannot be sent: {clean(str(error), 200)}")
        finally:
            if progress.stream is not None:
                progress.stream.close()
        return _finished(progress, request.max_body)

    async def _speak(self, request: HttpRequest, place: _Place, progress: _Progress, stream: Stream) -> None:
        secured = progress.exchange.tls
        is_http2 = secured is not None and secured.alpn == "h2"
        headers, sent = _headers(request, place, self._agent, is_http2=is_http2), time.monotonic()
        if is_http2:
            head, chunks = await _ask_http2(request, place, headers, stream)
        else:
            connection = Http1(stream)
            head, chunks = (
                await connection.ask(request.method.encode("ascii"), place.target, headers),
                connection.chunks(),
            )
        progress.phases(first_byte_s=time.monotonic() - sent)
        progress.exchange = replace(
            progress.exchange, status=head.status, http_version=head.version, headers=head.headers
        )
        await _read_body(chunks, progress, request.max_body)

    async def _connect(self, request: HttpRequest, place: _Place, progress: _Progress) -> Stream | None:
        if not place.secure:
            connection = await self._dialer.connect(place.dial, place.dial_port, timeout_s=request.timeout_s)
            progress.exchange = replace(progress.exchange, address=connection.address)
            if connection.stream is None:
                progress.failed(connection.reach, connection.detail)
            else:
                progress.phases(connect_s=connection.elapsed_s)
            return connection.stream
        upgrade = any(name.lower() == "upgrade" for name, _ in request.headers)
        secured = await self._tls.open(
            Endpoint(
                address=place.dial,
                port=place.dial_port,
                sni=place.sni,
                alpn=ALPN if self._http2 and not upgrade else _HTTP1,
                timeout_s=request.timeout_s,
            )
        )
        attempt: TlsAttempt = secured.attempt
        progress.exchange = replace(progress.exchange, address=attempt.address, tls=attempt)
        if secured.connection.reach is Reach.OK:
            progress.phases(connect_s=secured.connection.elapsed_s)
        if secured.stream is None:
            progress.failed(attempt.reach, attempt.detail)
            return None
        progress.phases(tls_s=attempt.elapsed_s)
        if request.verify and attempt.trusted is False:
            secured.stream.close()
            progress.failed(Reach.TLS_OTHER, f"the certificate is not trusted: {attempt.verify_text}")
            return None
        return secured.stream


async def _ask_http2(
    request: HttpRequest, place: _Place, headers: list[tuple[bytes, bytes]], stream: Stream
) -> tuple[Head, AsyncGenerator[bytes, None]]:
    origin = httpcore.Origin(b"https", place.host_header.encode("latin-1"), place.port)
    outgoing = httpcore.Request(
        method=request.method.encode("ascii"),
        url=httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=place.target),
        headers=headers,
    )
    response = await httpcore.AsyncHTTP2Connection(origin=origin, stream=stream).handle_async_request(outgoing)
    version: bytes = response.extensions.get("http_version", b"")
    head = Head(
        status=response.status,
        version=version.decode("latin-1"),
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers),
    )
    return head, cast(AsyncGenerator[bytes, None], aiter(cast(AsyncGenerator[bytes, None], response.stream)))


async def _read_body(chunks: AsyncGenerator[bytes, None], progress: _Progress, most: int) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            progress.body += chunk
            if len(progress.body) > most:
                progress.exchange = replace(progress.exchange, truncated=True)
                return


def _finished(progress: _Progress, most: int) -> HttpExchange:
    progress.phases(total_s=time.monotonic() - progress.began)
    exchange = progress.exchange
    body, cut = _decoded(bytes(progress.body), exchange.header("content-encoding"), most)
    return replace(exchange, body=body[:most], truncated=exchange.truncated or cut)


def _decoded(body: bytes, encoding: str, most: int) -> tuple[bytes, bool]:
    """Undo gzip that was not asked for, never past *most* bytes; what cannot be undone stays as it came."""
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return body, False
    engine = zlib.decompressobj(wbits=47)
    try:
        plain = engine.decompress(body, most + 1)
    except zlib.error:
        return body, False
    return plain, len(plain) > most


def _late(error: TimeoutError, progress: _Progress) -> tuple[Reach, str]:
    if error.errno is not None:  # the kernel gave up on the connection, not our clock
        return reach_of(error)
    exchange = progress.exchange
    if exchange.status:
        return Reach.READ_TIMEOUT, "the headers came, but the body did not end in time"
    return Reach.READ_TIMEOUT, "the request was sent, but no answer came in time"


def _headers(request: HttpRequest, place: _Place, agent: str, *, is_http2: bool) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in request.headers}
    defaults = [
        ("Host", place.host_header),
        ("User-Agent", agent),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept-Language", "en"),
        ("Accept-Encoding", "identity"),
    ]
    if not is_http2:
        defaults.append(("Connection", "close"))
    chosen = [(name, value) for name, value in defaults if name.lower() not in given]
    return [(name.encode("latin-1", "replace"), value.encode()) for name, value in (*chosen, *request.headers)]


def _place(request: HttpRequest) -> _Place | str:
    """Take the URL apart, or say why it cannot be asked for: URLs come from Location headers too."""
    try:
        parts = urlsplit(request.url)
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        return f"{clean(request.url, 200)} is not a URL"
    if parts.scheme not in {"http", "https"}:
        return f"{clean(parts.scheme, 20) or 'a URL without a scheme'} is not http or https"
    if not host or not request.method.isascii() or not request.method.isalpha():
        return f"{clean(request.url, 200)} cannot be asked for"
    secure = parts.scheme == "https"
    actual = port or (443 if secure else 80)
    bracketed = f"[{host}]" if ":" in host else host
    named = bracketed if actual == (443 if secure else 80) else f"{bracketed}:{actual}"
    return _Place(
        secure=secure,
        host=host,
        port=actual,
        dial=request.address or host,
        dial_port=request.port or actual,
        sni=request.sni or host,
        host_header=request.host or named,
        target=_target(parts),
    )


def _ascii_host(host: str) -> str:
    """Return a host as it goes on the wire.

    Raises:
        ValueError: it is no hostname.
    """
    if host.isascii():
        return host
    import idna

    return idna.encode(host, uts46=True).decode("ascii")


def _target(parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, safe=_SAFE).encode("ascii")[:_MAX_HEADER_SENT]
