"""HTTP/2 between the hops of the lab: whole messages, trailers, flow control, and what HTTP/1.1 hears from it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import h2.connection
import h2.events
import h11
import pytest

from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.http2 import Http2Error, exchange_h2
from ingressdoctor.lab.serve.http2_server import serve_any, serve_h2_only
from ingressdoctor.lab.serve.wire import App, Hangup, Headers, Request, Response
from ingressdoctor.lab.stream import Address, Duplex, Stream

NOBODY = Address(ip="127.0.0.1", port=0)
Server = Callable[[Stream], Awaitable[None]]


def pair() -> tuple[Stream, Stream]:
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    return Stream(left, peer=NOBODY, local=NOBODY), Stream(right, peer=NOBODY, local=NOBODY)


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Stream]:
    near, far = pair()
    serving = asyncio.ensure_future(server(far))
    try:
        async with asyncio.timeout(5):
            yield near
    finally:
        near.close()
        await asyncio.wait((serving,), timeout=2)
        far.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def answering(response: Response, seen: list[Request] | None = None) -> App:
    async def app(request: Request, _: Duplex) -> Response:
        (seen if seen is not None else []).append(request)
        return response

    return app


def only(app: App) -> Server:
    return lambda stream: serve_h2_only(stream, app)


@pytest.mark.parametrize(
    ("body", "trailers"),
    [
        pytest.param(b"", (), id="empty"),
        pytest.param(b"", (("grpc-status", "12"),), id="trailers-without-a-body"),
        pytest.param(b"hello", (), id="body"),
        pytest.param(b"x" * 40_000, (("grpc-status", "0"),), id="several-frames-and-trailers"),
        pytest.param(b"x" * 300_000, (("grpc-status", "0"),), id="more-than-the-initial-window"),
    ],
)
async def test_request_and_answer_arrive_whole(body: bytes, trailers: Headers) -> None:
    seen: list[Request] = []
    long = "v" * 300
    sent = Request(method="POST", target="/a?b=c", headers=(("Host", "h.test"), ("X-Long", long)), body=body)
    answer = Response(status=200, headers=(("A", "b"),), body=body, trailers=trailers)
    async with connected(only(answering(answer, seen))) as stream:
        got = await exchange_h2(stream, sent)
    assert (got.status, got.body) == (200, body)
    assert got.headers == (("a", "b"),)
    assert got.trailers == trailers
    assert (seen[0].method, seen[0].target, seen[0].body) == ("POST", "/a?b=c", body)
    assert seen[0].headers == (("Host", "h.test"), ("x-long", long))


@pytest.mark.parametrize(
    ("ask", "trailers"),
    [
        pytest.param(exchange_h2, (("grpc-status", "0"),), id="http-2-keeps-trailers"),
        pytest.param(exchange, (), id="http-1-loses-them-unless-asked-by-te"),
    ],
)
async def test_one_port_serves_both(ask: Callable[..., Awaitable[Response]], trailers: Headers) -> None:
    answer = Response(status=200, body=b"hello", trailers=(("grpc-status", "0"),))

    async def serve(stream: Stream) -> None:
        await serve_any(stream, answering(answer))

    async with connected(serve) as stream:
        got = await ask(stream, Request(method="POST", target="/", headers=(("Host", "h.test"),), body=b"x"))
    assert (got.status, got.body, got.trailers) == (200, b"hello", trailers)


async def test_an_http_1_client_that_asks_by_te_gets_trailers() -> None:
    answer = Response(status=200, body=b"hello", trailers=(("grpc-status", "0"),))

    async def serve(stream: Stream) -> None:
        await serve_any(stream, answering(answer))

    async with connected(serve) as stream:
        await stream.write(b"GET / HTTP/1.1\r\nHost: h.test\r\nTE: trailers\r\nConnection: close\r\n\r\n")
        said = b""
        while more := await stream.read():
            said += more
    assert said.endswith(b"5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n")


async def test_a_handler_that_hangs_up_resets_its_stream() -> None:
    async def app(_: Request, __: Duplex) -> Response:
        raise Hangup

    async with connected(only(app)) as stream:
        with pytest.raises(Http2Error, match="INTERNAL_ERROR"):
            await exchange_h2(stream, Request(method="GET", target="/", headers=(("Host", "h.test"),)))


async def test_streams_of_one_connection_are_answered_side_by_side() -> None:
    waiting = asyncio.Event()

    async def app(request: Request, _: Duplex) -> Response:
        if request.path == "/first":
            await waiting.wait()
        waiting.set()
        return Response(status=200, body=request.path.encode())

    async with connected(only(app)) as stream:
        machine = h2.connection.H2Connection()
        machine.initiate_connection()
        for number, where in ((1, "/first"), (3, "/second")):
            head = [(":method", "GET"), (":scheme", "http"), (":authority", "h.test"), (":path", where)]
            machine.send_headers(number, head, end_stream=True)
        await stream.write(machine.data_to_send())
        order: list[bytes] = []
        while len(order) < 2:
            events = machine.receive_data(await stream.read())
            order += [event.data or b"" for event in events if isinstance(event, h2.events.DataReceived)]
    assert order == [b"/second", b"/first"]


async def test_a_request_that_is_given_up_is_told_to_its_handler() -> None:
    gone = asyncio.Event()

    async def app(_: Request, visitor: Duplex) -> Response:
        assert await visitor.read() == b""
        gone.set()
        raise Hangup

    async with connected(only(app)) as stream:
        machine = h2.connection.H2Connection()
        machine.initiate_connection()
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "h.test"), (":path", "/")]
        machine.send_headers(1, head, end_stream=True)
        machine.reset_stream(1)
        await stream.write(machine.data_to_send())
        await gone.wait()


async def test_http_1_hears_something_malformed() -> None:
    request = Request(method="GET", target="/", headers=(("Host", "h.test"),))
    async with connected(only(answering(Response(status=200)))) as stream:
        with pytest.raises(h11.RemoteProtocolError, match="malformed HTTP response"):
            await exchange(stream, request)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", id="http-1"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff\xff", id="a-broken-header-block"),
        pytest.param(b"\x00\x00\x02\x01\x05\x00\x00\x00\x01\x00\x7f", id="a-cut-header"),
    ],
)
async def test_a_peer_that_does_not_speak_it_is_an_error_of_the_connection(garbage: bytes) -> None:
    async def serve(stream: Stream) -> None:
        await stream.read()
        await stream.write(garbage)
        await stream.end()

    async with connected(serve) as stream:
        with pytest.raises(Http2Error):
            await exchange_h2(stream, Request(method="GET", target="/", headers=(("Host", "h.test"),)))
