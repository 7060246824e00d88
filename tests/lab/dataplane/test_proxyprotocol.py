"""PROXY protocol headers, written and read."""

from __future__ import annotations

import pytest

from ingressdoctor.lab.serve.proxyprotocol import (
    V2_SIGNATURE,
    ProxyHeaderError,
    encode_v1,
    encode_v2,
    parse,
)
from ingressdoctor.lab.stream import Address

CLIENT = Address(ip="198.51.100.23", port=51000)
SERVER = Address(ip="203.0.113.10", port=443)
CLIENT6 = Address(ip="2001:db8::23", port=51000)


def test_v1_is_one_line_of_text() -> None:
    assert encode_v1(CLIENT, SERVER) == b"PROXY TCP4 198.51.100.23 203.0.113.10 51000 443\r\n"


def test_v2_layout() -> None:
    header = encode_v2(CLIENT, SERVER)

    assert header[:12] == V2_SIGNATURE
    assert header[12:16] == b"\x21\x11\x00\x0c"
    assert header[16:20] == bytes([198, 51, 100, 23])


ROUND = [
    pytest.param(encode_v1, CLIENT, SERVER, id="v1-ipv4"),
    pytest.param(encode_v2, CLIENT, SERVER, id="v2-ipv4"),
    pytest.param(encode_v1, CLIENT6, Address(ip="2001:db8::1", port=443), id="v1-ipv6"),
    pytest.param(encode_v2, CLIENT6, Address(ip="2001:db8::1", port=443), id="v2-ipv6"),
]


@pytest.mark.parametrize(("encode", "source", "target"), ROUND)
def test_what_is_written_is_read(encode: object, source: Address, target: Address) -> None:
    assert callable(encode)
    data = encode(source, target)
    header = parse(data + b"GET / HTTP/1.1\r\n")

    assert header is not None
    assert (header.source, header.target, header.length) == (source, target, len(data))
    for cut in range(1, len(data)):
        with pytest.raises(EOFError):
            parse(data[:cut])


def test_mixed_families_become_mapped_addresses() -> None:
    header = parse(encode_v1(CLIENT6, SERVER))

    assert header is not None
    assert header.target == Address(ip="::ffff:cb00:710a", port=443)


NOT_HEADERS = [
    pytest.param(b"GET / HTTP/1.1\r\n", id="http"),
    pytest.param(b"\x16\x03\x01\x02\x00", id="tls"),
    pytest.param(b"PROXIES ", id="similar-word"),
    pytest.param(b"\r\nGET", id="empty-line"),
]


@pytest.mark.parametrize("data", NOT_HEADERS)
def test_other_bytes_are_no_header(data: bytes) -> None:
    assert parse(data) is None


NOBODY = [
    pytest.param(b"PROXY UNKNOWN\r\n", id="v1-unknown"),
    pytest.param(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", id="v1-unknown-with-addresses"),
    pytest.param(V2_SIGNATURE + b"\x20\x00\x00\x00", id="v2-local"),
    pytest.param(V2_SIGNATURE + b"\x21\x31\x00\x04abcd", id="v2-unix-socket"),
]


@pytest.mark.parametrize("data", NOBODY)
def test_header_without_addresses(data: bytes) -> None:
    header = parse(data)

    assert header is not None
    assert (header.source, header.length) == (None, len(data))


WRONG = [
    pytest.param(b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", id="v1-port-missing"),
    pytest.param(b"PROXY TCP4 ::1 ::2 1 2\r\n", id="v1-wrong-family"),
    pytest.param(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n", id="v1-port-out-of-range"),
    pytest.param(b"PROXY " + b"x" * 200, id="v1-no-line-end"),
    pytest.param(V2_SIGNATURE + b"\x31\x11\x00\x0c" + b"\0" * 12, id="v2-version-3"),
    pytest.param(V2_SIGNATURE + b"\x21\x11\xff\xff", id="v2-too-long"),
    pytest.param(V2_SIGNATURE + b"\x21\x11\x00\x04abcd", id="v2-short-block"),
]


@pytest.mark.parametrize("data", WRONG)
def test_broken_header_is_an_error(data: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        parse(data)
