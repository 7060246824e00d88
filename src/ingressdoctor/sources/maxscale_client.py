"""Connections to MaxScale's REST API: capped answers, a deadline for each, failures told apart.

An API that speaks TLS closes a plain request without an answer; one that speaks HTTP answers a handshake in the clear.
Loaded by maxscale.py with the first call.

Source: MaxScale server/core/admin.cc (libmicrohttpd), observed on 23.08 and 24.02.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, cast
from urllib.parse import urlsplit

import httpcore
import msgspec

from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.maxscale import ApiPlace, ApiTrouble, RestReply
from ingressdoctor.evidence.net import Reach
from ingressdoctor.model.text import Secret, clean
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.dial import Dialer
from ingressdoctor.sources.failures import reason_of
from ingressdoctor.sources.forward import Forwarder
from ingressdoctor.sources.stream import Stream
from ingressdoctor.sources.tls import tls_failure
from ingressdoctor.sources.trust import Trust

__all__ = ["MaxScaleClient"]

_MAX_BODY: Final = 8 * 1024 * 1024
_HTTP1: Final = ("http/1.1",)
_TROUBLE: Final = {Reach.REFUSED: ApiTrouble.REFUSED, Reach.TIMEOUT: ApiTrouble.TIMEOUT}


class _Place(msgspec.Struct, frozen=True):
    """Where to connect, and how: ``tls`` None means plain first, and TLS where that is closed on us."""

    host: str
    port: int
    tls: bool | None
    server_name: str
    pod: ApiPlace | None = None


class _Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A connection, or the reply that says why there is none."""

    stream: Stream | None = None
    failure: RestReply | None = None


class MaxScaleClient:
    """Opens a connection for each look; see ``RestSettings`` for the arguments."""

    def __init__(self, *, url: str, ca_file: str, forward: Forwarder | None, timeout_s: float) -> None:
        self._url = url
        self._trust = Trust(ca_file)
        self._forward = forward
        self._timeout_s = timeout_s
        self._dialer = Dialer(ConnectTo())

    async def read(
        self, place: ApiPlace | None, paths: Sequence[str], authorization: Secret | None
    ) -> tuple[RestReply, ...]:
        """GET *paths* over one connection; ends at the first trouble, or when the first answer is not 200."""
        where = _place(self._url, place)
        if isinstance(where, RestReply):
            return (where,)
        replies = await self._over(where, paths, authorization, tls=bool(where.tls))
        if where.tls is None and replies[0].trouble is ApiTrouble.CLOSED:
            return await self._over(where, paths, authorization, tls=True)
        return replies

    async def _over(
        self, where: _Place, paths: Sequence[str], authorization: Secret | None, *, tls: bool
    ) -> tuple[RestReply, ...]:
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                opened = await self._open(where, tls=tls)
        except TimeoutError:
            return (RestReply(trouble=ApiTrouble.TIMEOUT, detail="the connection did not come about in time"),)
        if opened.stream is None:
            return (opened.failure or RestReply(trouble=ApiTrouble.OTHER),)
        replies: list[RestReply] = []
        try:
            origin = httpcore.Origin(b"https" if tls else b"http", where.host.encode("latin-1", "replace"), where.port)
            connection = httpcore.AsyncHTTP11Connection(origin=origin, stream=opened.stream)
            for path in paths:
                reply = await self._get(connection, origin, path, authorization)
                if reply.trouble is ApiTrouble.CLOSED and not replies and opened.stream.said:
                    said = clean(opened.stream.said[:60].decode("latin-1"), 60)
                    reply = RestReply(trouble=ApiTrouble.NOT_MAXSCALE, detail=f"it says {said!r}")
                replies.append(reply)
                if reply.trouble is not None or replies[0].status != 200:
                    break
        finally:
            opened.stream.close()
        return tuple(replies)

    async def _open(self, where: _Place, *, tls: bool) -> _Opened:
        stream = await self._connect(where)
        if isinstance(stream, RestReply):
            return _Opened(failure=stream)
        if not tls:
            return _Opened(stream=stream)
        context = self._trust.context(verify=True, hostname=bool(where.server_name), alpn=_HTTP1)
        try:
            await stream.handshake(context, where.server_name)
        except ssl.SSLCertVerificationError as error:
            failure = RestReply(trouble=ApiTrouble.UNTRUSTED, detail=clean(error.verify_message, 200))
        except ssl.SSLError as error:
            failure = RestReply(trouble=ApiTrouble.TLS, detail=tls_failure(error, stream.first, stream.received)[1])
        except (OSError, ValueError, TypeError) as error:
            failure = RestReply(trouble=ApiTrouble.TLS, detail=reason_of(error))
        except BaseException:
            stream.close()
            raise
        else:
            return _Opened(stream=stream)
        stream.close()
        return _Opened(failure=failure)

    async def _connect(self, where: _Place) -> Stream | RestReply:
        if where.pod is None:
            connection = await self._dialer.connect(where.host, where.port, timeout_s=self._timeout_s)
            if connection.stream is not None:
                return connection.stream
            trouble = _TROUBLE.get(connection.reach, ApiTrouble.OTHER)
            return RestReply(trouble=trouble, detail=connection.detail or connection.reach.value)
        if self._forward is None:
            return RestReply(trouble=ApiTrouble.OTHER, detail="there is no way to the pods")
        try:
            port = await self._forward(where.pod.namespace, where.pod.pod, where.port)
        except SourceError as error:
            denied = error.message.startswith("403")
            trouble = ApiTrouble.NOT_GRANTED if denied else ApiTrouble.OTHER
            return RestReply(trouble=trouble, detail=error.message)
        return Stream(port.socket)

    async def _get(
        self,
        connection: httpcore.AsyncHTTP11Connection,
        origin: httpcore.Origin,
        path: str,
        authorization: Secret | None,
    ) -> RestReply:
        host = f"{origin.host.decode('latin-1')}:{origin.port}"
        headers = [
            (b"Host", host.encode("latin-1")),
            (b"Accept", b"application/json"),
            (b"User-Agent", b"ingressdoctor"),
        ]
        if authorization is not None:
            headers.append((b"Authorization", authorization.reveal().encode("latin-1")))
        request = httpcore.Request(
            method=b"GET",
            url=httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=path.encode("ascii")),
            headers=headers,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await connection.handle_async_request(request)
                return await _answer(response)
        except TimeoutError:
            return RestReply(trouble=ApiTrouble.TIMEOUT, detail="no answer in time")
        except (httpcore.ProtocolError, httpcore.NetworkError, OSError, ValueError) as error:
            reason = reason_of(error)
            closed = "without an answer" in reason or "was closed" in reason or "was reset" in reason
            return RestReply(trouble=ApiTrouble.CLOSED if closed else ApiTrouble.NOT_MAXSCALE, detail=reason)


async def _answer(response: httpcore.Response) -> RestReply:
    body = bytearray()
    chunks = cast(AsyncGenerator[bytes, None], aiter(cast(AsyncGenerator[bytes, None], response.stream)))
    async with aclosing(chunks):
        async for chunk in chunks:
            body += chunk
            if len(body) > _MAX_BODY:
                detail = f"an answer of more than {_MAX_BODY} bytes"
                return RestReply(status=response.status, trouble=ApiTrouble.NOT_MAXSCALE, detail=detail)
    await response.aclose()
    return RestReply(status=response.status, body=bytes(body))


def _place(url: str, place: ApiPlace | None) -> _Place | RestReply:
    if place is not None:
        return _Place("127.0.0.1", place.port, place.tls, place.server_name, place)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in {"http", "https"}:
        return RestReply(trouble=ApiTrouble.OTHER, detail="the configured URL cannot be used")
    secure = parts.scheme == "https"
    return _Place(host, port or (443 if secure else 80), secure, host if secure else "")
