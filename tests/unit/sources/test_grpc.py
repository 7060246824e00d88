"""One gRPC call against servers that behave well or badly, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events
import pytest

from ingressdoctor.evidence.grpc import GrpcExchange
from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.sources.access_token import LiveAccessToken
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.grpc import LiveGrpc
from unit.sources.servers import HOST, Behaviour, Pki, close_at_once, free_port, greeting, hang, serve

API = "api.example"
GRPC = ((":status", "200"), ("content-type", "application/grpc"))
SERVING = b"\0\0\0\0\x02\x08\x01"
Answer = Callable[[h2.connection.H2Connection, int], None]


def answers(answer: Answer, seen: list[tuple[dict[str, str], bytes]] | None = None) -> Behaviour:
    """Speak HTTP/2 and answer the first request."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        head: dict[str, str] = {}
        body = b""
        while True:
            writer.write(connection.data_to_send())
            await writer.drain()
            data = await reader.read(65_536)
            if not data:
                return
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    head = {str(key): str(value) for key, value in event.headers or ()}
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data or b""
                elif isinstance(event, h2.events.StreamEnded):
                    if seen is not None:
                        seen.append((head, body))
                    answer(connection, event.stream_id or 1)

    return behave


def whole(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, GRPC)
    connection.send_data(stream, SERVING)
    connection.send_headers(stream, (("grpc-status", "0"), ("grpc-message", "")), end_stream=True)


def without_trailers(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, GRPC)
    connection.send_data(stream, SERVING, end_stream=True)


def trailers_only(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, (*GRPC, ("grpc-status", "12")), end_stream=True)


def reset(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, GRPC)
    connection.reset_stream(stream, 2)


def goaway(connection: h2.connection.H2Connection, stream: int) -> None:
    del stream
    connection.close_connection(error_code=1, last_stream_id=0)


def endless(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, GRPC)
    for _ in range(4):
        connection.send_data(stream, b"x" * 16_000)


def source(pki: Pki, *, access: LiveAccessToken | None = None, calls: CallLog | None = None) -> LiveGrpc:
    return LiveGrpc(
        ca_file=str(pki.ca_file),
        connect_to=ConnectTo(),
        calls=calls or CallLog(),
        access=access or LiveAccessToken(),
    )


def request(port: int, *, timeout_s: float = 5.0, scheme: str = "https", max_body: int = 65_536) -> HttpRequest:
    url = f"{scheme}://{API}:{port}/"
    return HttpRequest(url=url, address=HOST, host=API, timeout_s=timeout_s, max_body=max_body)


async def call(pki: Pki, behaviour: Behaviour, *alpn: str, timeout_s: float = 5.0, service: str = "") -> GrpcExchange:
    context = pki.context(API)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    async with serve(behaviour, context) as port:
        return await source(pki).health(request(port, timeout_s=timeout_s), service)


async def test_what_is_sent_and_what_came_back(pki: Pki) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []
    exchange = await call(pki, answers(whole, seen), "h2", service="shop.v1.Cart")

    [(head, body)] = seen
    assert (head[":method"], head[":path"]) == ("POST", "/grpc.health.v1.Health/Check")
    assert (head[":authority"], head["content-type"], head["te"]) == (API, "application/grpc", "trailers")
    assert body == b"\0\0\0\0\x0e\x0a\x0cshop.v1.Cart"
    assert (exchange.reach, exchange.status, exchange.alpn) == (Reach.OK, 200, "h2")
    assert (exchange.body, exchange.trailed, exchange.ended) == (SERVING, True, True)
    assert exchange.trailer("grpc-status") == "0"
    assert exchange.phases.first_byte_s is not None


BEHAVIOURS = [
    pytest.param(without_trailers, {"status": 200, "trailed": False, "ended": True}, id="no-trailers"),
    pytest.param(trailers_only, {"status": 200, "trailed": False, "ended": True, "body": b""}, id="trailers-only"),
    pytest.param(reset, {"status": 200, "ended": False, "reset": "INTERNAL_ERROR"}, id="reset-stream"),
    pytest.param(goaway, {"status": 0, "ended": False, "reset": "PROTOCOL_ERROR"}, id="goaway"),
]


@pytest.mark.parametrize(("answer", "expected"), BEHAVIOURS)
async def test_the_ways_of_an_answer_stay_apart(pki: Pki, answer: Answer, expected: dict[str, object]) -> None:
    exchange = await call(pki, answers(answer), "h2")

    assert {name: getattr(exchange, name) for name in expected} == expected
    assert exchange.reach is Reach.OK


FAILURES = [
    pytest.param(close_at_once, ("h2",), Reach.CLOSED, id="closed-without-an-answer"),
    pytest.param(greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("h2",), Reach.PROTOCOL, id="http-1-in-spite-of-h2"),
    pytest.param(hang, ("h2",), Reach.READ_TIMEOUT, id="silence"),
    pytest.param(answers(whole), ("http/1.1",), Reach.PROTOCOL, id="http-1.1-by-alpn"),
    pytest.param(answers(whole), (), Reach.PROTOCOL, id="no-alpn-at-all"),
]


@pytest.mark.parametrize(("behaviour", "alpn", "reach"), FAILURES)
async def test_failures_are_values(pki: Pki, behaviour: Behaviour, alpn: tuple[str, ...], reach: Reach) -> None:
    exchange = await call(pki, behaviour, *alpn, timeout_s=1.5 if reach is Reach.READ_TIMEOUT else 20.0)

    assert (exchange.reach, exchange.status) == (reach, 0)
    assert exchange.detail
    if "h2" not in alpn:
        assert exchange.alpn == (alpn[0] if alpn else "")


async def test_nobody_listens(pki: Pki) -> None:
    exchange = await source(pki).health(request(free_port()))

    assert (exchange.reach, exchange.status) == (Reach.REFUSED, 0)


async def test_with_prior_knowledge_in_plain_text(pki: Pki) -> None:
    async with serve(answers(whole)) as port:
        exchange = await source(pki).health(request(port, scheme="http"))

    assert (exchange.status, exchange.alpn, exchange.trailer("grpc-status")) == (200, "h2c", "0")


async def test_a_certificate_for_another_host_ends_it(pki: Pki) -> None:
    context = pki.context("other.example")
    context.set_alpn_protocols(["h2"])
    async with serve(answers(whole), context) as port:
        exchange = await source(pki).health(request(port))

    assert (exchange.reach, exchange.status) == (Reach.TLS_OTHER, 0)
    assert "not trusted" in exchange.detail


async def test_bodies_are_capped(pki: Pki) -> None:
    context = pki.context(API)
    context.set_alpn_protocols(["h2"])
    async with serve(answers(endless), context) as port:
        exchange = await source(pki).health(request(port, max_body=1_000))

    assert len(exchange.body) == 1_000
    assert exchange.ended is False


async def test_a_call_is_logged_without_its_headers(pki: Pki) -> None:
    calls = CallLog()
    context = pki.context(API)
    context.set_alpn_protocols(["h2"])
    async with serve(answers(trailers_only), context) as port:
        await source(pki, calls=calls).health(request(port))

    ((_, logged),) = calls.calls
    assert (logged.source, logged.outcome) == ("grpc", "200, grpc-status 12")
