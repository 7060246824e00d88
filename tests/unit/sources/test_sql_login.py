"""One login, at servers that end it in every way there is; the password is in none of what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest

from build.planted import password
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import LoginRequest, SqlLogin
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.mysql_login import _failed
from ingressdoctor.sources.sql import LiveSql
from unit.sources.servers import HOST, Behaviour, Pki, close_at_once, free_port, greeting, hang, serve
from unit.sources.test_sql import GREETING

PASSWORD = password("in-the-login")
OK = bytes.fromhex("0700000200000002000000")


def error(errno: int, text: str, *, sequence: int = 2, state: str = "HY000") -> bytes:
    """Return an ERR packet."""
    payload = b"\xff" + errno.to_bytes(2, "little") + f"#{state}{text}".encode()
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


def switch(plugin: str) -> bytes:
    """Return the packet that asks for another way of authenticating."""
    payload = b"\xfe" + plugin.encode() + b"\0" + b"x" * 32 + b"\0"
    return len(payload).to_bytes(3, "little") + b"\x02" + payload


def answering(*packets: bytes, reset: bool = False, pause: bool = False) -> Behaviour:
    """Greet, take the login, send one packet for each that the client sends, and end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        for packet in packets:
            await reader.read(4_096)
            writer.write(packet)
            await writer.drain()
        if pause:
            await asyncio.sleep(60)
        if reset:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return behave


async def log_in(
    behaviour: Behaviour, *, timeout_s: float = 20.0, tls: bool = False, database: str = ""
) -> tuple[SqlLogin, CallLog]:
    calls = CallLog()
    sql = LiveSql(connect_to=ConnectTo(), calls=calls, password=Secret(PASSWORD))
    async with serve(behaviour) as port:
        request = LoginRequest(address=HOST, port=port, user="erp", database=database, tls=tls, timeout_s=timeout_s)
        found = await sql.login(request)
    assert PASSWORD not in repr(found) + repr(calls.calls) + repr(request)
    return found, calls


@pytest.mark.parametrize(
    ("errno", "state", "text"),
    [
        pytest.param(1045, "28000", "Access denied for user 'erp'@'10.0.0.1' (using password: YES)", id="1045"),
        pytest.param(1815, "HY000", "Internal error: Session creation failed", id="1815"),
        pytest.param(1524, "HY000", "Plugin 'ed25519' is not loaded", id="1524"),
        pytest.param(3159, "08004", "Connections using insecure transport are prohibited", id="3159"),
        pytest.param(1130, "HY000", "Proxy header is not accepted from 127.0.0.1", id="1130-of-maxscale-24"),
    ],
)
async def test_an_error_is_kept_as_the_server_said_it(errno: int, state: str, text: str) -> None:
    found, calls = await log_in(answering(error(errno, text, state=state)))

    assert found.error is not None
    assert (found.error.errno, found.error.sqlstate, found.error.text) == (errno, state, text)
    assert (found.accepted, found.closed_after_ok, found.reach) == (False, False, Reach.OK)
    assert calls.calls[0][1].outcome == str(errno)


async def test_a_refused_login_is_not_repeated_at_once(calls: CallLog) -> None:
    """Whoever watches a target would else have the address blocked within two minutes."""
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(error(1045, "Access denied", state="28000"))(reader, writer)

    sql = LiveSql(connect_to=ConnectTo(), calls=calls, password=Secret(PASSWORD))
    async with serve(count) as port:
        request = LoginRequest(address=HOST, port=port, user="erp")
        found = [await sql.login(request) for _ in range(5)]
        other = await sql.login(LoginRequest(address=HOST, port=port, user="shop"))

    assert connections == 2
    assert {item.error.errno for item in (*found, other) if item.error} == {1045}
    assert [item.age_s > 0 for item in found] == [False, True, True, True, True]


async def test_any_other_failure_is_tried_again(calls: CallLog) -> None:
    sql = LiveSql(connect_to=ConnectTo(), calls=calls, password=Secret(PASSWORD))
    async with serve(answering(error(1815, "Internal error"))) as port:
        found = [await sql.login(LoginRequest(address=HOST, port=port, user="erp")) for _ in range(2)]

    assert [item.age_s for item in found] == [0.0, 0.0]


async def test_a_password_in_the_servers_text_is_cut_out() -> None:
    found, _ = await log_in(answering(error(1045, f"Access denied: {PASSWORD} is wrong")))

    assert found.error is not None
    assert found.error.text == "Access denied: *** is wrong"


@pytest.mark.parametrize("reset", [pytest.param(False, id="fin"), pytest.param(True, id="rst")])
async def test_ok_and_then_the_end(reset: bool) -> None:
    found, _ = await log_in(answering(OK, reset=reset))

    assert (found.accepted, found.closed_after_ok, found.error) == (True, True, None)
    assert found.greeting_id == 171


async def test_ok_and_then_an_error_is_the_error() -> None:
    found, _ = await log_in(answering(OK, error(1815, "no server", sequence=1)))

    assert found.accepted
    assert found.error is not None
    assert found.error.errno == 1815


@pytest.mark.parametrize("sequence", [pytest.param(n, id=f"sequence-{n}") for n in (1, 11, 89)])
async def test_a_refused_header_is_told_by_its_sequence(sequence: int) -> None:
    found, _ = await log_in(answering(error(1156, "out of order", sequence=sequence, state="08S01")))

    assert found.error is None
    assert f"sequence number wrong - got {sequence} expected 2" in found.client_error


@pytest.mark.parametrize(
    ("behaviour", "reach"),
    [
        pytest.param(close_at_once, Reach.READ_TIMEOUT, id="waits-for-us-to-speak"),
        pytest.param(hang, Reach.READ_TIMEOUT, id="silent"),
        pytest.param(greeting(GREETING[:40]), Reach.READ_TIMEOUT, id="half-a-greeting"),
        pytest.param(answering(b"", pause=True), Reach.READ_TIMEOUT, id="silent-after-the-login"),
        pytest.param(answering(), Reach.CLOSED, id="closed-after-the-greeting"),
        pytest.param(answering(b"", reset=True), Reach.RESET, id="reset-after-the-login"),
    ],
)
async def test_an_end_that_is_no_error(behaviour: Behaviour, reach: Reach) -> None:
    found, _ = await log_in(behaviour, timeout_s=2.0 if reach is Reach.READ_TIMEOUT else 20.0)

    # Whether the end of a closed connection shows as FIN or as RST is a race that the kernel decides.
    assert found.reach in {reach, Reach.RESET} if reach is Reach.CLOSED else found.reach is reach
    assert (found.accepted, found.closed_after_ok, found.error, found.identity) == (False, False, None, None)


async def test_one_byte_a_second_does_not_outlast_the_deadline() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in GREETING:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.3)

    found, _ = await log_in(drip, timeout_s=1.0)

    assert found.reach is Reach.READ_TIMEOUT
    assert found.elapsed_s < 15.0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 4, "sequence number wrong", id="ssh"),
        pytest.param(b"HTTP/1.0 408 Request Time-out\r\n\r\n", "sequence number wrong", id="http"),
        pytest.param(b"\x05\x00\x00\x00\x0a1\x0011", "", id="a-greeting-that-is-too-short"),
        pytest.param(b"\x00\x00\x00\x00", "", id="an-empty-greeting"),
        pytest.param(b"\x03\x00\x00\x00\xff\x10\x04", "", id="an-error-without-a-text"),
        pytest.param(b"\x40\x00\x00\x00" + b"\xfe" * 64, "", id="noise"),
        pytest.param(b"\x40\x00\x00\x00\x0a\xff\xfe\x00" + b"\xff" * 60, "", id="a-version-that-is-no-text"),
    ],
)
async def test_garbage_raises_nothing(raw: bytes, words: str) -> None:
    found, _ = await log_in(greeting(raw))

    assert not found.accepted
    assert words in found.client_error


async def test_megabytes_are_not_read() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xff\xff\x00\x0a")
        while True:
            writer.write(b"5" * 65_536)
            await writer.drain()

    found, _ = await log_in(endless)

    assert found.client_error == "InternalError: the server sends more than any login needs"


async def test_ok_and_then_silence_is_not_ok_and_then_the_end() -> None:
    found, _ = await log_in(answering(OK, b"", pause=True), timeout_s=3.0)

    assert (found.accepted, found.closed_after_ok, found.reach) == (True, False, Reach.READ_TIMEOUT)


async def test_refused() -> None:
    sql = LiveSql(connect_to=ConnectTo(), calls=CallLog(), password=Secret(PASSWORD))
    found = await sql.login(LoginRequest(address=HOST, port=free_port(), user="erp"))

    assert (found.reach, found.client_error) == (Reach.REFUSED, "connection refused")


async def test_without_a_password_nobody_connects(calls: CallLog) -> None:
    async with serve(hang) as port:
        with pytest.raises(SourceError, match="no password"):
            await LiveSql(connect_to=ConnectTo(), calls=calls).login(LoginRequest(address=HOST, port=port, user="erp"))

    assert calls.calls == ()


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        pytest.param("client_ed25519", "'pynacl' package is required", id="ed25519-names-pynacl"),
        pytest.param("parsec", "2059", id="parsec-is-not-known"),
        pytest.param("auth_gssapi_client", "2059", id="gssapi-is-not-known"),
    ],
)
async def test_a_way_of_authenticating_that_is_not_there(plugin: str, words: str) -> None:
    found, _ = await log_in(answering(switch(plugin)))

    assert (found.error, found.accepted) == (None, False)
    assert words in found.client_error


async def test_tls_where_none_is_offered_is_not_done_in_the_clear() -> None:
    found, _ = await log_in(greeting(GREETING), tls=True, timeout_s=20.0)

    assert found.error is None
    assert "SSL is required" in found.client_error


async def test_a_tls_server_that_is_no_mysql(pki: Pki) -> None:
    sql = LiveSql(connect_to=ConnectTo(), calls=CallLog(), password=Secret(PASSWORD))
    async with serve(hang, pki.context("db.example.com")) as port:
        found = await sql.login(LoginRequest(address=HOST, port=port, user="erp", timeout_s=1.0))

    assert found.reach is Reach.READ_TIMEOUT


def test_a_password_of_bytes_that_no_packet_holds_is_not_shown() -> None:
    """Whatever an exception carries, the password is cut out of its text."""
    blank = SqlLogin(address=HOST, port=1, user="erp", reach=Reach.OK)
    found = _failed(ValueError(f"cannot encode {PASSWORD!r}"), blank, Secret(PASSWORD))

    assert found.client_error == "ValueError: cannot encode '***'"
    assert _failed(RuntimeError(), blank, Secret("")).client_error == "RuntimeError: "
