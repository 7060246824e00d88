"""Kept connections to the Cloudflare API: capped answers, one deadline per call, errors in clear words.

On httpcore, the transport that the probes use anyway, and not on httpx above it: what httpx adds for a dozen GETs
(cookies, redirects, content negotiation, a command line) is not wanted here and takes longer to import than all the
calls take. What of it is wanted stands here: the query string, the environment's proxy, and undoing gzip.

Loaded by cloudflare.py with the first call.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.failures import lower_headers, reason_of
from ingressdoctor.sources.trust import Trust

__all__ = ["CloudflareClient"]

_HTTP1: Final = ("http/1.1",)
_MAX_BODY: Final = 16 * 1024 * 1024
_CONNECTIONS: Final = 6
_FAILURES: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
    ValueError,
)
_HINT: Final = "Check the network, or the endpoint under [cloudflare] in the configuration."


class DecodingError(ValueError):
    """The body is not encoded as its headers claim; failures.py knows it by this name."""


class CloudflareClient:
    """Keeps connections between calls; *timeout* is seconds for connecting, and for a whole call."""

    def __init__(self, token: Secret, endpoint: str, timeout: tuple[float, float]) -> None:
        self._token = token
        self._endpoint = endpoint
        self._total_s = timeout[1]
        self._timeouts = {"connect": timeout[0], "read": timeout[1], "write": timeout[1], "pool": timeout[1]}
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; any HTTP status is an answer.

        Raises:
            SourceError: no connection, timeout, or a body over the cap.
        """
        try:
            if self._pool is None:
                self._pool = _pool_for(self._endpoint)
            async with asyncio.timeout(self._total_s):
                return await self._read(self._pool, path, query)
        except _FAILURES as error:
            raise _unanswered(reason_of(error)) from None

    async def aclose(self) -> None:
        """Drop the connections."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _read(self, pool: httpcore.AsyncConnectionPool, path: str, query: Mapping[str, str]) -> Answer:
        sent: Mapping[bytes | str, bytes | str] = {
            "Host": urlsplit(self._endpoint).netloc.rpartition("@")[2],
            "Authorization": f"Bearer {self._token.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "ingressdoctor",
        }
        url = self._endpoint + path + (f"?{urlencode(dict(query))}" if query else "")
        async with pool.stream("GET", url, headers=sent, extensions={"timeout": self._timeouts}) as response:
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > _MAX_BODY:
                    raise _too_large()
        headers = lower_headers({name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers})
        plain = _decoded(bytes(body), headers.get("content-encoding", ""))
        return Answer(status=response.status, body=plain, headers=headers)


def _decoded(body: bytes, encoding: str) -> bytes:
    """Undo gzip, never past the cap.

    Raises:
        DecodingError: it is not gzip, or not all of it.
    """
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"} or not body:
        return body
    engine = zlib.decompressobj(wbits=47)
    try:
        plain = engine.decompress(body, _MAX_BODY + 1)
    except zlib.error as error:
        raise DecodingError(str(error)) from None
    if len(plain) > _MAX_BODY:
        raise _too_large()
    if not engine.eof:
        raise DecodingError("it ends too early")
    return plain


def _pool_for(endpoint: str) -> httpcore.AsyncConnectionPool:
    """Return a pool that goes where the environment's proxy settings say, as curl would.

    Raises:
        SourceError: the endpoint is not a URL of HTTP.
    """
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
    except ValueError:
        host = None
    if not host:
        raise _unanswered("the endpoint is not a usable URL")
    trusted = Trust("").context(verify=True, hostname=True, alpn=_HTTP1) if parts.scheme == "https" else None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(host):
        return httpcore.AsyncConnectionPool(ssl_context=trusted, max_connections=_CONNECTIONS)
    return httpcore.AsyncConnectionPool(ssl_context=trusted, max_connections=_CONNECTIONS, proxy=_proxy(proxy))


def _proxy(text: str) -> httpcore.Proxy:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore.Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", auth=auth)


def _unanswered(reason: str) -> SourceError:
    return SourceError(f"The Cloudflare API did not answer: {reason}.", hint=_HINT)


def _too_large() -> SourceError:
    return SourceError(f"The Cloudflare API answered with more than {_MAX_BODY} bytes.")
