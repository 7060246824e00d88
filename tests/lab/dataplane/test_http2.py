"""h2c between the lab's Traefik and its gRPC pods, and what HTTP/1.1 hears from such a pod."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import h11
import pytest

from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.http2 import Http2Error, answer_h2, exchange_h2, receive_h2
from ingressdoctor.lab.serve.wire import Headers, Request, Response
from ingressdoctor.lab.stream import Address, Stream

NOBODY = Address(ip="127.0.0.1", port=0)


def pair() -> tuple[Stream, Stream]:
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    return Stream(left, peer=NOBODY, local=NOBODY), Stream(right, peer=NOBODY, local=NOBODY)


async def talk(
    client: Callable[[Stream], Awaitable[Response]], server: Callable[[Stream], Awaitable[None]]
) -> Response:
    near, far = pair()
    try:
        async with asyncio.timeout(3):
            _, answer = await asyncio.gather(server(far), client(near))
    finally:
        near.close()
        far.close()
    return answer


def serving(
    response: Response, trailers: Headers = (), seen: list[Request] | None = None
) -> Callable[[Stream], Awaitable[None]]:
    async def serve(stream: Stream) -> None:
        request = await receive_h2(stream)
        if request is not None:
            (seen if seen is not None else []).append(request)
            await answer_h2(stream, response, trailers)
        await stream.end()

    return serve


@pytest.mark.parametrize(
    ("body", "trailers"),
    [
        pytest.param(b"", (), id="empty"),
        pytest.param(b"", (("grpc-status", "12"),), id="trailers-only"),
        pytest.param(b"hello", (), id="body"),
        pytest.param(b"x" * 40_000, (("grpc-status", "0"),), id="several-frames-and-trailers"),
    ],
)
async def test_request_and_answer_arrive_whole(body: bytes, trailers: Headers) -> None:
    seen: list[Request] = []
    long = "v" * 300
    sent = Request(method="POST", target="/a?b=c", headers=(("Host", "h.test"), ("X-Long", long)), body=body)
    answer = await talk(
        lambda stream: exchange_h2(stream, sent),
        serving(Response(status=200, headers=(("A", "b"),), body=body), trailers, seen),
    )
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers == (("a", "b"), *trailers)
    assert (seen[0].method, seen[0].target, seen[0].body) == ("POST", "/a?b=c", body)
    assert seen[0].headers == (("Host", "h.test"), ("x-long", long))


async def test_http_1_hears_something_malformed() -> None:
    request = Request(method="GET", target="/", headers=(("Host", "h.test"),))
    with pytest.raises(h11.RemoteProtocolError, match="malformed HTTP response"):
        await talk(lambda stream: exchange(stream, request), serving(Response(status=200)))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", id="http-1"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\x82\x00\x00\x00\x00", id="indexed-headers"),
        pytest.param(b"\x00\x00\x02\x01\x05\x00\x00\x00\x01\x00\x7f", id="a-cut-header"),
    ],
)
async def test_a_peer_that_does_not_speak_it_is_an_error_of_the_connection(garbage: bytes) -> None:
    async def serve(stream: Stream) -> None:
        await stream.read()
        await stream.write(garbage)
        await stream.end()

    with pytest.raises(Http2Error):
        await talk(lambda stream: exchange_h2(stream, Request(method="GET", target="/")), serve)
