"""The first words of ports that behave well or badly, over real sockets, and what they are taken for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from ingressdoctor.collect.sql_wire import read_words
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import FirstWords, SqlSpeaker
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.sql import LiveSql
from unit.sources.servers import HOST, Behaviour, Pki, black_hole, free_port, greeting, hang, serve

GREETING = bytes.fromhex(
    "640000000a352e352e352d31302e31312e31392d4d6172696144422d302b6465623132753100ab0000002c60242e5b62587000fef7080200ff"
    "81150000000000001d0000004e7171637b61535e5e3c4f59006d7973716c5f6e61746976655f70617373776f726400"
)
REFUSAL = b"#HY000Proxy header is not accepted from 127.0.0.1"
ERROR = (len(REFUSAL) + 3).to_bytes(3, "little") + b"\x01\xff\x6a\x04" + REFUSAL
HEADER = b"PROXY TCP4 10.9.8.7 127.0.0.1 4444 3306\r\n"
# Long enough that no slow machine ends at it, where the end is meant to come from the other side.
PATIENCE = 30.0
SHORT = 0.4


@pytest.fixture
def calls() -> CallLog:
    return CallLog()


@pytest.fixture
def sql(calls: CallLog) -> LiveSql:
    return LiveSql(connect_to=ConnectTo(), calls=calls)


@contextlib.contextmanager
def accepting(after: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept one connection in a thread and do *after* with it, with all of a socket's options at hand."""
    listener = socket.create_server((HOST, 0))
    listener.settimeout(20)

    def run() -> None:
        with contextlib.suppress(OSError):
            plain, _ = listener.accept()
            with plain:
                plain.settimeout(20)
                after(plain)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        thread.join(30)


def reset(plain: socket.socket) -> None:
    """End with RST instead of FIN."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def finish(_: socket.socket) -> None:
    """End with FIN."""


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say the greeting one byte at a time."""
    for byte in GREETING:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.25)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announce 16 MB and send 10 of them."""
    writer.write(b"\xff\xff\xff\x00\x0a")
    for _ in range(160):
        writer.write(b"5" * 65_536)
        await writer.drain()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close in the middle of the greeting."""
    writer.write(GREETING[:50])
    await writer.drain()
    writer.close()


async def refuse_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, and refuse what comes if it is a PROXY header."""
    writer.write(GREETING)
    await writer.drain()
    if (await reader.read(100)).startswith(b"PROXY"):
        writer.write(ERROR)
        await writer.drain()
    writer.close()


async def close_silently(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def wait_for_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait for the client to speak, as HTTP servers do, and time out like some proxies."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.read(100), 0.2)
    writer.write(b"HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


@asynccontextmanager
async def heard(
    sql: LiveSql, behaviour: Behaviour, timeout_s: float, linger_s: float = 0.2
) -> AsyncIterator[FirstWords]:
    async with serve(behaviour) as port:
        yield await sql.greet(HOST, port, timeout_s=timeout_s, linger_s=linger_s)


async def test_a_greeting_is_read_whole_and_nothing_is_sent(sql: LiveSql, calls: CallLog) -> None:
    sent: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await writer.drain()
        sent.set_result(await reader.read())

    async with serve(behave) as port:
        words = await sql.greet(HOST, port, timeout_s=PATIENCE, linger_s=0.2)
        said = await asyncio.wait_for(sent, PATIENCE)

    assert (words.reach, words.first, words.more, words.end) == (Reach.OK, GREETING, b"", None)
    assert words.first_after_s is not None
    assert said == b""
    assert [(call.source, call.outcome) for _, call in calls.calls] == [("mysql", "ok")]


async def test_refused(sql: LiveSql, calls: CallLog) -> None:
    words = await sql.greet(HOST, free_port(), timeout_s=PATIENCE)

    assert (words.reach, words.first, words.detail) == (Reach.REFUSED, b"", "connection refused")
    assert calls.calls[0][1].outcome == "refused"


async def test_nobody_answers_the_connection_attempt(sql: LiveSql) -> None:
    with black_hole() as port:
        words = await sql.greet(HOST, port, timeout_s=SHORT)

    assert (words.reach, words.first_after_s) == (Reach.TIMEOUT, None)


async def test_a_port_that_does_not_exist(sql: LiveSql) -> None:
    assert (await sql.greet(HOST, 0, timeout_s=SHORT)).reach is Reach.UNREACHABLE


@pytest.mark.parametrize(
    ("after", "end"),
    [pytest.param(finish, Reach.CLOSED, id="fin"), pytest.param(reset, Reach.RESET, id="rst")],
)
async def test_an_end_without_a_byte(sql: LiveSql, after: Callable[[socket.socket], None], end: Reach) -> None:
    with accepting(after) as port:
        words = await sql.greet(HOST, port, timeout_s=PATIENCE)

    # A reset may come before the connect was noticed to have succeeded.
    assert (words.reach, words.end) == (Reach.OK, end) or (end is Reach.RESET and words.reach is Reach.RESET)
    assert (words.first, words.first_after_s) == (b"", None)
    assert read_words(words).speaker is SqlSpeaker.NOBODY


async def test_silence_ends_at_the_deadline(sql: LiveSql, calls: CallLog) -> None:
    async with heard(sql, hang, SHORT) as words:
        assert (words.reach, words.first, words.end) == (Reach.OK, b"", None)
        assert words.elapsed_s >= SHORT
        assert calls.calls[0][1].outcome == "silence"


async def test_a_packet_that_drips_is_cut_off_at_the_deadline(sql: LiveSql) -> None:
    async with heard(sql, drip, 1.0) as words:
        assert GREETING.startswith(words.first)
        assert 0 < len(words.first) < len(GREETING)
        assert words.first_after_s is None
        assert read_words(words).speaker is SqlSpeaker.OTHER


async def test_ten_megabytes_are_not_read(sql: LiveSql) -> None:
    async with heard(sql, endless, PATIENCE, 0.1) as words:
        assert len(words.first) <= 16_384 + 4_096
        assert read_words(words).speaker is SqlSpeaker.OTHER
        assert len(read_words(words).start) <= 200


async def test_a_close_within_a_packet(sql: LiveSql) -> None:
    async with heard(sql, half, PATIENCE) as words:
        assert (words.first, words.end) == (GREETING[:50], Reach.CLOSED)
        assert read_words(words).speaker is SqlSpeaker.OTHER


@pytest.mark.parametrize(
    ("raw", "speaker"),
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2p1\r\n", SqlSpeaker.SSH, id="ssh"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", SqlSpeaker.TLS, id="tls"),
        pytest.param(b"220 mail.example.org ESMTP\r\n", SqlSpeaker.OTHER, id="smtp"),
        pytest.param(bytes(range(256)) * 4, SqlSpeaker.OTHER, id="garbage"),
        pytest.param(b"\x00" * 64, SqlSpeaker.OTHER, id="zeros"),
    ],
)
async def test_another_protocol_that_speaks_first(sql: LiveSql, raw: bytes, speaker: SqlSpeaker) -> None:
    async with heard(sql, greeting(raw), 1.0) as words:
        assert read_words(words).speaker is speaker


async def test_an_http_server_that_gives_up_waiting(sql: LiveSql) -> None:
    async with heard(sql, wait_for_request, PATIENCE) as words:
        assert read_words(words).speaker is SqlSpeaker.HTTP


async def test_a_tls_server_waits_for_the_client_in_silence(sql: LiveSql, pki: Pki) -> None:
    async with serve(hang, pki.context("db.example.com")) as port:
        words = await sql.greet(HOST, port, timeout_s=SHORT)

    assert (words.reach, words.first) == (Reach.OK, b"")


async def test_a_header_that_is_not_expected_shows_as_a_second_packet(sql: LiveSql) -> None:
    async with serve(refuse_headers) as port:
        words = await sql.greet(HOST, port, say=HEADER, timeout_s=PATIENCE, linger_s=PATIENCE)

    seen = read_words(words)
    assert words.end is Reach.CLOSED
    assert seen.second is not None
    assert (seen.second.errno, seen.second.sequence) == (1130, 1)
    assert seen.second.text == "Proxy header is not accepted from 127.0.0.1"


async def test_what_is_said_to_a_peer_that_is_gone_is_no_error(sql: LiveSql) -> None:
    with accepting(reset) as port:
        words = await sql.greet(HOST, port, say=HEADER * 1_000, timeout_s=20.0, linger_s=0.1)

    assert words.first == b""


async def test_it_goes_where_connect_to_leads(calls: CallLog) -> None:
    async with serve(greeting(GREETING)) as port:
        sql = LiveSql(connect_to=ConnectTo.parse([f"203.0.113.10:3306:{HOST}:{port}"]), calls=calls)
        words = await sql.greet("203.0.113.10", 3306, timeout_s=PATIENCE, linger_s=0.1)

    assert (words.address, words.port, words.dialled) == ("203.0.113.10", 3306, f"{HOST}:{port}")
    assert words.first == GREETING


async def test_many_greetings_at_once_wait_for_each_other_not(sql: LiveSql) -> None:
    """Twenty silent ports cost the time of one."""
    async with serve(hang) as port:
        began = time.monotonic()
        found = await asyncio.gather(*(sql.greet(HOST, port, timeout_s=2.0) for _ in range(20)))

    assert {words.reach for words in found} == {Reach.OK}
    assert time.monotonic() - began < 20.0
