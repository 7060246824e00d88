"""A small HTTP/1.1 server for the lab's APIs: keep-alive, optional TLS, a request log, and misbehaviour on demand.

HTTP itself is wire.serve_http; this module adds what an API endpoint needs around it: a loopback port, an added
latency, and the ways an API fails as a whole (a proxy's HTML page, half a body, 500, 429, no answer), which no
handler has to know about.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from ingressdoctor.errors import LabError
from ingressdoctor.lab.serve.wire import Hangup, Headers, Request, Response
from ingressdoctor.lab.serve.wire import serve_http as serve_stream
from ingressdoctor.lab.stream import CHUNK, Address, Duplex

LOOPBACK = "127.0.0.1"
STOP_S = 0.15
HANG_S = 60.0

MISBEHAVIOURS = ("html", "half", "500", "hang", "429")

Handler = Callable[[Request], Awaitable[Response]]
ErrorBody = Callable[[int], Response]
"""How this API words an error of a status."""

_PROXY_PAGE = b"<!doctype html>\n<html><head><title>Sign in to the network</title></head><body>...</body></html>\n"


def json_response(status: int, body: object, headers: Headers = ()) -> Response:
    """A JSON answer."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status=status, headers=(("Content-Type", "application/json"), *headers), body=data)


def query_of(request: Request) -> dict[str, str]:
    """Query parameters; of a repeated one the last value."""
    return dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))


class _Connection:
    """An asyncio connection as the Duplex that wire.py speaks HTTP over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pushed = b""
        ip, port = (writer.get_extra_info("peername") or (LOOPBACK, 0))[:2]
        self.peer = Address(ip=ip, port=port)
        ip, port = (writer.get_extra_info("sockname") or (LOOPBACK, 0))[:2]
        self.local = Address(ip=ip, port=port)

    async def read(self, limit: int = CHUNK) -> bytes:
        if self._pushed:
            data, self._pushed = self._pushed[:limit], self._pushed[limit:]
            return data
        return await self._reader.read(limit)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def unread(self, data: bytes) -> None:
        self._pushed = data + self._pushed

    async def end(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def finish(self) -> None:
        self.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()

    def close(self) -> None:
        self._writer.close()


@dataclasses.dataclass(slots=True, kw_only=True)
class Server:
    """A running API: its port and every request seen, as (method, path, query)."""

    port: int
    requests: list[tuple[str, str, str]]
    _server: asyncio.Server
    _tasks: set[asyncio.Task[Any]]

    async def stop(self) -> None:
        """Close the port and every connection; returns within STOP_S."""
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=STOP_S)
        # An aborted transport is closed by the loop's next round.
        await asyncio.sleep(0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an API behaves as a whole: seconds before each answer, and one of MISBEHAVIOURS or ""."""

    latency_s: float = 0.0
    misbehave: str = ""


async def serve_http(
    handler: Handler,
    *,
    tls: ssl.SSLContext | None = None,
    manner: Manner | None = None,
    error: ErrorBody | None = None,
) -> Server:
    """Serve *handler* on an ephemeral loopback port until the Server is stopped; LabError for a bad Manner."""
    requests: list[tuple[str, str, str]] = []
    tasks: set[asyncio.Task[Any]] = set()
    how = manner or Manner()
    if how.misbehave not in {"", *MISBEHAVIOURS}:
        raise LabError(f"no misbehaviour {how.misbehave!r}", hint=f"known: {', '.join(MISBEHAVIOURS)}")
    words = error or (lambda status: json_response(status, {"error": status}))

    async def app(request: Request, stream: Duplex) -> Response:
        path, _, query = request.target.partition("?")
        requests.append((request.method, path, query))
        await asyncio.sleep(how.latency_s)
        if how.misbehave and how.misbehave != "half":
            return await _misbehaving(how.misbehave, words)
        response = await handler(request)
        if how.misbehave == "half":
            await _send_half(response, stream)
        return response

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        try:
            await serve_stream(_Connection(reader, writer), app)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client left, or the server is stopping
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, LOOPBACK, 0, ssl=tls)
    port = int(server.sockets[0].getsockname()[1])
    return Server(port=port, requests=requests, _server=server, _tasks=tasks)


async def _misbehaving(how: str, words: ErrorBody) -> Response:
    if how == "html":
        return Response(status=200, headers=(("Content-Type", "text/html; charset=utf-8"),), body=_PROXY_PAGE)
    if how == "hang":
        await asyncio.sleep(HANG_S)
        raise Hangup
    status = int(how)
    answer = words(status)
    extra: Headers = (("Retry-After", "1"),) if status == 429 else ()
    return dataclasses.replace(answer, headers=(*answer.headers, *extra))


async def _send_half(response: Response, stream: Duplex) -> None:
    """Announce the whole body, send half of it and close."""
    head = f"HTTP/1.1 {response.status} OK\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(response.body)}\r\n\r\n"
    await stream.write(head.encode() + response.body[: len(response.body) // 2])
    raise Hangup
