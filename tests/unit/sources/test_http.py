"""One HTTP request against servers that behave well or badly."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import pytest

from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.net import LiveNet
from unit.sources.servers import (
    HOST,
    Behaviour,
    Pki,
    answering,
    black_hole,
    close_at_once,
    endless_body,
    free_port,
    greeting,
    hang,
    huge_headers,
    read_request,
    reset,
    serve,
)

NetMaker = Callable[..., LiveNet]
SHOP = "shop.example"
OK = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 5\r\n\r\nhello"


async def test_headers_keep_order_in_lower_case_and_time_is_split(net: NetMaker, pki: Pki, calls: CallLog) -> None:
    async with serve(answering(OK), pki.context(SHOP)) as port:
        exchange = await net().http(HttpRequest(url=f"https://{SHOP}/", address=HOST, port=port))

    assert (exchange.reach, exchange.status, exchange.http_version) == (Reach.OK, 200, "HTTP/1.1")
    assert (exchange.address, exchange.port) == (HOST, port)
    assert exchange.headers == (
        ("server", "nginx"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-length", "5"),
    )
    assert (exchange.body, exchange.truncated) == (b"hello", False)
    assert exchange.tls is not None
    assert (exchange.tls.trusted, exchange.tls.alpn, exchange.tls.chain[0].names) == (True, "", (SHOP,))
    phases = exchange.phases
    assert phases.connect_s is not None
    assert phases.tls_s is not None
    assert phases.first_byte_s is not None
    assert phases.connect_s + phases.tls_s + phases.first_byte_s <= phases.total_s
    ((_, call),) = calls.calls
    assert (call.source, call.what, call.outcome) == ("http", f"GET https://{SHOP}/ at {HOST}", "200")


async def test_what_is_sent(net: NetMaker) -> None:
    seen: list[str] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader)).decode())
        writer.write(OK)
        await writer.drain()

    async with serve(remember) as port:
        await net().http(
            HttpRequest(
                url=f"http://{SHOP}:8080/a b/ü?q=1&r=%20", address=HOST, port=port, headers=(("accept", "text/plain"),)
            )
        )

    lines = seen[0].split("\r\n")
    assert lines[0] == "GET /a%20b/%C3%BC?q=1&r=%20 HTTP/1.1"
    assert f"Host: {SHOP}:8080" in lines
    assert [line for line in lines if line.lower().startswith("accept:")] == ["accept: text/plain"]
    (agent,) = [line for line in lines if line.startswith("User-Agent: ")]
    assert agent.startswith("User-Agent: Mozilla/5.0 ")
    assert agent.rpartition(" ")[2].startswith("ingressdoctor/")


async def test_address_sni_and_host_are_chosen_apart(net: NetMaker, pki: Pki) -> None:
    seen: list[str | None] = []
    hosts: list[bytes] = []
    context = pki.context("sni.example")
    context.sni_callback = lambda _socket, name, _context: seen.append(name)

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.extend(line for line in (await read_request(reader)).split(b"\r\n") if line.startswith(b"Host"))
        writer.write(OK)
        await writer.drain()

    async with serve(remember, context) as port:
        exchange = await net(f"203.0.113.10:443:{HOST}:{port}").http(
            HttpRequest(url=f"https://{SHOP}/", address="203.0.113.10", sni="sni.example", host="host.example")
        )

    assert (exchange.status, exchange.address, exchange.port) == (200, "203.0.113.10", 443)
    assert seen == ["sni.example"]
    assert hosts == [b"Host: host.example"]


async def test_without_an_address_the_name_is_redirected_before_it_is_resolved(net: NetMaker) -> None:
    async with serve(answering(OK)) as port:
        exchange = await net(f"{SHOP}:80:{HOST}:{port}").http(HttpRequest(url=f"http://{SHOP}/"))

    assert (exchange.status, exchange.address) == (200, HOST)


async def test_redirects_are_reported_not_followed(net: NetMaker) -> None:
    raw = b"HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
    async with serve(answering(raw)) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/"))

    assert (exchange.status, exchange.header("Location")) == (301, "http://192.0.2.1/")


FAILURES = [
    pytest.param(close_at_once, Reach.CLOSED, "the connection closed without an answer", id="close-after-zero-bytes"),
    pytest.param(reset, Reach.RESET, "connection reset by peer", id="reset"),
    pytest.param(hang, Reach.READ_TIMEOUT, "the request was sent, but no answer came in time", id="hang"),
    pytest.param(
        greeting(b"J\0\0\0\x0a8.0.30-MariaDB\r\n\r\n"),
        Reach.PROTOCOL,
        "the answer is not HTTP: J\\x00\\x00\\x00",
        id="mysql-greeting",
    ),
    pytest.param(
        answering(b"\x00\x01\x02garbage\x1b[2J\r\n\r\n"),
        Reach.PROTOCOL,
        "the answer is not HTTP: \\x00\\x01\\x02garbage\\x1b[2J",
        id="garbage",
    ),
    pytest.param(huge_headers, Reach.TOO_LARGE, "the response headers are larger than 100 KiB", id="headers-of-2-mb"),
    pytest.param(
        answering(b"HTTP/1.1 200 OK\r\n"),
        Reach.PROTOCOL,
        "the answer is not HTTP: HTTP/1.1 200 OK",
        id="headers-that-do-not-end",
    ),
    pytest.param(
        answering(b"HTTP/1.1 2xx OK\r\n\r\n"),
        Reach.PROTOCOL,
        "the answer is not HTTP: HTTP/1.1 2xx OK",
        id="status-that-is-no-number",
    ),
]


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(("behaviour", "reach", "detail"), FAILURES)
async def test_failures_keep_their_names(
    net: NetMaker, pki: Pki, behaviour: Behaviour, reach: Reach, detail: str, secure: bool
) -> None:
    context = pki.context(SHOP) if secure else None
    async with serve(behaviour, context) as port:
        url = f"{'https' if secure else 'http'}://{SHOP}/"
        timeout_s = 1.5 if reach is Reach.READ_TIMEOUT else 20.0
        exchange = await net().http(HttpRequest(url=url, address=HOST, port=port, timeout_s=timeout_s))

    assert (exchange.reach, exchange.status, exchange.detail) == (reach, 0, detail)
    assert "\x1b" not in exchange.detail


async def test_refused_and_unanswered(net: NetMaker) -> None:
    refused = await net().http(HttpRequest(url=f"http://{HOST}:{free_port()}/"))
    with black_hole() as port:
        late = await net().http(HttpRequest(url=f"https://{HOST}:{port}/", timeout_s=0.2))

    assert (refused.reach, refused.phases.connect_s) == (Reach.REFUSED, None)
    assert (late.reach, late.phases.connect_s) == (Reach.TIMEOUT, None)


async def test_a_body_without_end_is_cut_and_still_an_answer(net: NetMaker) -> None:
    async with serve(endless_body) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/", max_body=1_000))

    assert (exchange.reach, exchange.status, exchange.truncated) == (Reach.OK, 200, True)
    assert len(exchange.body) == 1_000


@pytest.mark.parametrize(
    ("raw", "reach", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", Reach.RESET, b"half", id="half-a-body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            Reach.RESET,
            b"hello",
            id="chunks-without-end",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", Reach.OK, b"hello", id="close-ends-the-body"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            Reach.OK,
            b"",
            id="early-hints-come-first",
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            Reach.OK,
            b"",
            id="upgrade",
        ),
    ],
)
async def test_bodies(net: NetMaker, raw: bytes, reach: Reach, body: bytes) -> None:
    upgrade = (("Connection", "Upgrade"), ("Upgrade", "websocket"))
    async with serve(answering(raw)) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/", headers=upgrade))

    assert (exchange.reach, exchange.body) == (reach, body)
    assert exchange.status in {101, 200}


async def test_a_body_that_stalls_keeps_what_came(net: NetMaker) -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(60)

    async with serve(stall) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/", timeout_s=2.0))

    assert (exchange.reach, exchange.status, exchange.body) == (Reach.READ_TIMEOUT, 200, b"half")


@pytest.mark.parametrize(
    ("payload", "body", "truncated"),
    [
        pytest.param(gzip.compress(b"hello"), b"hello", False, id="undone"),
        pytest.param(gzip.compress(b"\0" * 50_000_000), b"\0" * 65_536, True, id="bomb-is-cut"),
        pytest.param(b"not gzip", b"not gzip", False, id="a-lie-stays-as-it-came"),
    ],
)
async def test_gzip_that_was_not_asked_for(net: NetMaker, payload: bytes, body: bytes, truncated: bool) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(payload)}\r\n\r\n".encode()
    async with serve(answering(head + payload)) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/"))

    assert exchange.body == body
    assert exchange.truncated is truncated


@pytest.mark.parametrize("verify", [True, False], ids=["verifying", "accepting"])
async def test_an_untrusted_certificate_stops_only_a_verifying_request(net: NetMaker, pki: Pki, verify: bool) -> None:
    async with serve(answering(OK), pki.expired(SHOP)) as port:
        exchange = await net().http(HttpRequest(url=f"https://{SHOP}/", address=HOST, port=port, verify=verify))

    assert exchange.tls is not None
    assert (exchange.tls.trusted, exchange.tls.verify_code, exchange.tls.chain[0].names) == (False, 10, (SHOP,))
    assert (exchange.reach, exchange.status) == ((Reach.TLS_OTHER, 0) if verify else (Reach.OK, 200))
    assert exchange.detail == ("the certificate is not trusted: certificate has expired" if verify else "")


async def test_plain_http_on_the_tls_port_is_told(net: NetMaker) -> None:
    async with serve(greeting(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")) as port:
        exchange = await net().http(HttpRequest(url=f"https://{SHOP}/", address=HOST, port=port))

    assert exchange.reach is Reach.TLS_NOT_TLS
    assert exchange.tls is not None
    assert exchange.tls.reach is Reach.TLS_NOT_TLS


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(HttpRequest(url="ftp://shop.example/"), id="other-scheme"),
        pytest.param(HttpRequest(url="shop.example"), id="no-scheme"),
        pytest.param(HttpRequest(url="http://[::1/"), id="broken-brackets"),
        pytest.param(HttpRequest(url="http://shop.example:99999/"), id="port-out-of-range"),
        pytest.param(HttpRequest(url="http:///path"), id="no-host"),
        pytest.param(HttpRequest(url="http://ümläut..example/"), id="not-idna"),
        pytest.param(HttpRequest(url="http://127.0.0.1/", method="GET / HTTP/1.1\r\nX"), id="method-with-a-line-break"),
    ],
)
async def test_urls_that_cannot_be_asked_for(net: NetMaker, request_: HttpRequest) -> None:
    exchange = await net().http(request_)

    assert (exchange.reach, exchange.status) == (Reach.PROTOCOL, 0)
    assert exchange.detail


@pytest.mark.parametrize("header", [("X-A", "a\r\nX-B: b"), ("X A", "a"), ("", "x")])
async def test_headers_cannot_be_smuggled(net: NetMaker, header: tuple[str, str]) -> None:
    async with serve(answering(OK)) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/", headers=(header,)))

    assert exchange.reach is Reach.PROTOCOL
    assert exchange.detail.startswith("the request cannot be sent")


async def test_an_early_answer_to_a_reset_connection_is_kept(net: NetMaker) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with serve(refuse) as port:
        exchange = await net().http(HttpRequest(url=f"http://{HOST}:{port}/"))

    assert exchange.status == 413
