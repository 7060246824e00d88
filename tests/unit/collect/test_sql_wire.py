"""The first packets of MySQL ports: recorded ones of real servers, damaged ones, and any bytes at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingressdoctor.collect.sql_wire import parse_error, parse_greeting, read_words, split_packets
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import FirstWords, SqlGreeting, SqlSpeaker

RECORDED = Path(__file__).parents[4] / "shared" / "reference" / "mysql-wire-observations.json"
RECORDS: list[dict[str, Any]] = json.loads(RECORDED.read_text())["cases"] if RECORDED.exists() else []
needs_records = pytest.mark.skipif(not RECORDS, reason="the recorded observations are not beside this repository")

# Of MariaDB 10.11 and 11.8, and of MaxScale 23.08.5 and 24.02.4, plain and with TLS, alive and alone.
MARIADB_10 = (
    "640000000a352e352e352d31302e31312e31392d4d6172696144422d302b6465623132753100ab0000002c60242e5b62587000fef7080200ff"
    "81150000000000001d0000004e7171637b61535e5e3c4f59006d7973716c5f6e61746976655f70617373776f726400"
)
MARIADB_11 = (
    "6c0000000a31312e382e362d4d6172696144422d302b646562313375312066726f6d2044656269616e2d6c6f67000b000000346831584a4a74"
    "2c00feff2d0200ff81150000000000003d000000783b5a37432a466035235048006d7973716c5f6e61746976655f70617373776f726400"
)
MAXSCALE = (
    "6c0000000a31312e382e362d4d6172696144422d302b646562313375312066726f6d2044656269616e2d6c6f6700160000005846374c4e4c"
    "6f2100def7010200bf011500000000000014000000486e5028546a57615678255b006d7973716c5f6e61746976655f70617373776f726400"
)
MAXSCALE_TLS = (
    "6c0000000a31312e382e362d4d6172696144422d302b646562313375312066726f6d2044656269616e2d6c6f67000e0000005f3941722e586b"
    "5900deff010200bf0115000000000000140000002a26483c6039576d4c2e597e006d7973716c5f6e61746976655f70617373776f726400"
)
ALONE = (
    "620000000a352e352e352d31302e342e33322032332e30382e352d6d61787363616c65000100000055526f5c604a534700dff70802003f0015"
    "00000000000000000000323339496422602942446b57006d7973716c5f6e61746976655f70617373776f726400"
)
NOBODY_ALLOWED = (
    "44000000ff6a04486f737420273132372e302e302e3327206973206e6f7420616c6c6f77656420746f20636f6e6e65637420746f2074686973"
    "204d61726961444220736572766572"
)
FULL = "17000000ff1004546f6f206d616e7920636f6e6e656374696f6e73"
BLOCKED = (
    "59000000ff6904234859303030486f737420273132372e302e302e37272069732074656d706f726172696c7920626c6f636b65642064756520"
    "746f20746f6f206d616e792061757468656e7469636174696f6e206661696c757265732e"
)
SSH = "5353482d322e302d4f70656e5353485f392e3270310d0a"


def heard(first: bytes, more: bytes = b"", end: Reach | None = None) -> SqlGreeting:
    """Make sense of bytes as they came."""
    return read_words(
        FirstWords(address="127.0.0.1", port=3306, reach=Reach.OK, first=first, first_after_s=0.0, more=more, end=end)
    )


@pytest.mark.parametrize(
    ("packet", "speaker", "version", "tls", "plugin", "number"),
    [
        pytest.param(
            MARIADB_10,
            SqlSpeaker.MARIADB,
            "5.5.5-10.11.19-MariaDB-0+deb12u1",
            False,
            "mysql_native_password",
            171,
            id="mariadb-10-with-its-old-prefix",
        ),
        pytest.param(
            MARIADB_11,
            SqlSpeaker.MARIADB,
            "11.8.6-MariaDB-0+deb13u1 from Debian-log",
            True,
            "mysql_native_password",
            11,
            id="mariadb-11-with-tls",
        ),
        pytest.param(
            MAXSCALE,
            SqlSpeaker.MAXSCALE,
            "11.8.6-MariaDB-0+deb13u1 from Debian-log",
            False,
            "mysql_native_password",
            22,
            id="maxscale-says-its-servers-version",
        ),
        pytest.param(
            MAXSCALE_TLS,
            SqlSpeaker.MAXSCALE,
            "11.8.6-MariaDB-0+deb13u1 from Debian-log",
            True,
            "mysql_native_password",
            14,
            id="maxscale-with-tls",
        ),
        pytest.param(
            ALONE,
            SqlSpeaker.MAXSCALE_ALONE,
            "5.5.5-10.4.32 23.08.5-maxscale",
            False,
            "mysql_native_password",
            1,
            id="maxscale-that-never-reached-a-server",
        ),
    ],
)
def test_a_greeting_tells_who_greets(
    packet: str, speaker: SqlSpeaker, version: str, tls: bool, plugin: str, number: int
) -> None:
    seen = heard(bytes.fromhex(packet))

    assert seen.speaker is speaker
    assert seen.greeting is not None
    assert seen.greeting.version == version
    assert (seen.greeting.offers_tls, seen.greeting.plugin, seen.greeting.connection_id) == (tls, plugin, number)
    assert (seen.error, seen.second, seen.start) == (None, None, "")


@pytest.mark.parametrize(
    ("packet", "errno", "state", "text"),
    [
        pytest.param(
            NOBODY_ALLOWED, 1130, "", "Host '127.0.0.3' is not allowed to connect to this MariaDB server", id="1130"
        ),
        pytest.param(FULL, 1040, "", "Too many connections", id="1040-without-a-state"),
        pytest.param(
            BLOCKED,
            1129,
            "HY000",
            "Host '127.0.0.7' is temporarily blocked due to too many authentication failures.",
            id="1129-of-maxscale-with-a-state",
        ),
    ],
)
def test_an_error_in_place_of_the_greeting(packet: str, errno: int, state: str, text: str) -> None:
    seen = heard(bytes.fromhex(packet), end=Reach.CLOSED)

    assert seen.speaker is SqlSpeaker.ERROR
    assert seen.error is not None
    assert (seen.error.errno, seen.error.sqlstate, seen.error.text, seen.error.sequence) == (errno, state, text, 0)


@pytest.mark.parametrize(
    ("second", "errno", "sequence"),
    [
        pytest.param("1d000001ff6a0423485930303050726f7879206865616465722069732e2e2e", 1130, 1, id="mariadb"),
        pytest.param("1b000059ff84042330385330314f7574206f66206f726465722e2e2e2e2e2e", 1156, 89, id="maxscale-v1"),
        pytest.param("1b00000bff84042330385330314f7574206f66206f726465722e2e2e2e2e2e", 1156, 11, id="maxscale-v2"),
    ],
)
@pytest.mark.parametrize("together", [pytest.param(True, id="in-one-read"), pytest.param(False, id="in-two-reads")])
def test_an_error_after_the_greeting(second: str, errno: int, sequence: int, together: bool) -> None:
    one, two = bytes.fromhex(MAXSCALE), bytes.fromhex(second)
    two = (len(two) - 4).to_bytes(3, "little") + two[3:]
    seen = heard(one + two) if together else heard(one, two)

    assert seen.speaker is SqlSpeaker.MAXSCALE
    assert seen.second is not None
    assert (seen.second.errno, seen.second.sequence) == (errno, sequence)


@pytest.mark.parametrize(
    ("first", "speaker"),
    [
        pytest.param(b"", SqlSpeaker.NOBODY, id="nothing"),
        pytest.param(bytes.fromhex(SSH), SqlSpeaker.SSH, id="ssh"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", SqlSpeaker.HTTP, id="http"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", SqlSpeaker.TLS, id="tls-alert"),
        pytest.param(b"\x16\x03\x03\x00\x7a\x02\x00", SqlSpeaker.TLS, id="tls-handshake"),
        pytest.param(b"220 mail.example.org ESMTP\r\n", SqlSpeaker.OTHER, id="smtp"),
        pytest.param(bytes.fromhex(MARIADB_10)[:8], SqlSpeaker.OTHER, id="eight-bytes-of-a-greeting"),
        pytest.param(bytes.fromhex(MARIADB_10)[:-60], SqlSpeaker.OTHER, id="half-a-greeting"),
        pytest.param(b"\xff\xff\xff\x00" + b"\x0a" * 16_380, SqlSpeaker.OTHER, id="a-packet-of-16-megabytes"),
        pytest.param(b"\x03\x00\x00\x00\x0a11", SqlSpeaker.OTHER, id="a-greeting-that-is-only-a-version"),
        pytest.param(b"\x02\x00\x00\x00\xff\x10", SqlSpeaker.OTHER, id="an-error-without-a-number"),
        pytest.param(b"\x00\x00\x00\x00", SqlSpeaker.OTHER, id="an-empty-packet"),
        pytest.param(bytes.fromhex("64000007") + bytes.fromhex(MARIADB_10)[4:], SqlSpeaker.OTHER, id="out-of-sequence"),
    ],
)
def test_what_is_no_greeting(first: bytes, speaker: SqlSpeaker) -> None:
    seen = heard(first)

    assert seen.speaker is speaker
    assert seen.greeting is None
    assert bool(seen.start) is bool(first)


def test_mysql_itself_is_told_from_mariadb() -> None:
    packet = bytes.fromhex(MARIADB_11).replace(b"MariaDB", b"someSQL")

    assert heard(packet).speaker is SqlSpeaker.MYSQL


def test_control_characters_and_megabytes_do_not_come_through() -> None:
    payload = b"\x0a" + b"\x1b[31mred" + b"\0" + bytes(60)
    seen = heard(len(payload).to_bytes(3, "little") + b"\0" + payload)
    error = parse_error(b"\xff\x10\x04#\x1b[2Jx" + b"\x1b]0;" * 1_000, 0)

    assert seen.greeting is not None
    assert seen.greeting.version == "\\x1b[31mred"
    assert error is not None
    assert "\x1b" not in error.text + error.sqlstate
    assert len(error.text) <= 300


@settings(deadline=None)
@given(first=st.binary(max_size=300), more=st.binary(max_size=100), end=st.sampled_from([None, Reach.CLOSED]))
def test_any_bytes_make_a_greeting_or_none(first: bytes, more: bytes, end: Reach | None) -> None:
    seen = heard(first, more, end)

    assert (seen.speaker is SqlSpeaker.NOBODY) is (first == b"")
    assert seen.start.isprintable()


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(min_value=0, max_value=103), st.integers(min_value=0, max_value=104))
def test_a_damaged_greeting_stops_nobody(noise: bytes, at: int, length: int) -> None:
    """Overwrite a part of a real greeting, and cut it."""
    real = bytes.fromhex(MARIADB_10)
    damaged = (real[:at] + noise + real[at + len(noise) :])[:length]

    assert heard(damaged).words.first == damaged
    parse_greeting(damaged[4:])
    assert all(len(payload) <= len(damaged) for _, payload in split_packets(damaged))


def by_server(record: dict[str, Any]) -> set[SqlSpeaker]:
    """Return who may be speaking, by the record's own words about the server."""
    decoded = record["first_packet_decoded"]
    if decoded == "not a whole packet":
        return {SqlSpeaker.SSH, SqlSpeaker.HTTP, SqlSpeaker.OTHER}
    if decoded["kind"] == "ERR":
        return {SqlSpeaker.ERROR}
    if decoded["version"].endswith("-maxscale"):
        return {SqlSpeaker.MAXSCALE_ALONE}
    return {SqlSpeaker.MAXSCALE if record["server_version"].startswith("MaxScale") else SqlSpeaker.MARIADB}


@needs_records
@pytest.mark.parametrize(
    "record", [record for record in RECORDS if record["bytes_hex_first_packet"]], ids=lambda record: record["case"]
)
def test_every_recorded_first_packet_is_told_rightly(record: dict[str, Any]) -> None:
    seen = heard(bytes.fromhex(record["bytes_hex_first_packet"]))
    decoded = record["first_packet_decoded"]

    assert seen.speaker in by_server(record)
    if seen.greeting is not None:
        assert seen.greeting.version == decoded["version"]
        assert seen.greeting.plugin == "mysql_native_password"
    if seen.error is not None:
        assert (seen.error.errno, seen.error.sqlstate or None) == (decoded["errno"], decoded["sqlstate"])
        assert seen.error.text == decoded["message"]


@needs_records
@pytest.mark.parametrize(
    "record",
    [
        record
        for record in RECORDS
        if (record["second_packet_decoded"] or {}) and "ERR" in str(record["second_packet_decoded"])
    ],
    ids=lambda record: record["case"],
)
def test_every_recorded_error_is_read(record: dict[str, Any]) -> None:
    decoded = record["second_packet_decoded"]
    ((sequence, payload),) = split_packets(bytes.fromhex(record["bytes_hex_second_packet"]))[:1]
    error = parse_error(payload, sequence)

    assert error is not None
    assert (error.errno, error.sqlstate, error.sequence) == (decoded["errno"], decoded["sqlstate"], decoded["sequence"])
    unasked = heard(bytes.fromhex(MAXSCALE), bytes.fromhex(record["bytes_hex_second_packet"]))
    assert unasked.second == error


def test_an_empty_state_and_a_cut_one() -> None:
    whole = parse_error(b"\xff\x10\x04#08004full", 0)
    cut = parse_error(b"\xff\x10\x04#0800", 0)

    assert whole is not None
    assert (whole.sqlstate, whole.text) == ("08004", "full")
    assert cut is not None
    assert (cut.sqlstate, cut.text) == ("", "#0800")
