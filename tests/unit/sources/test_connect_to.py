"""Redirecting what would be dialled, as curl's --connect-to does."""

from __future__ import annotations

import pytest

from ingressdoctor.errors import UsageError
from ingressdoctor.sources.connect_to import ConnectTo, join_host_port, split_host_port

RESOLVED = [
    pytest.param((), "shop.example", 443, ("shop.example", 443), id="no-entry-changes-nothing"),
    pytest.param(("a.example:443:b.example:8443",), "a.example", 443, ("b.example", 8443), id="host-and-port"),
    pytest.param(("a.example:443:b.example:8443",), "a.example", 80, ("a.example", 80), id="other-port-is-kept"),
    pytest.param(("a.example:443:b.example:8443",), "A.Example.", 443, ("b.example", 8443), id="case-and-dot-ignored"),
    pytest.param(("::127.0.0.1:9",), "any.example", 25, ("127.0.0.1", 9), id="empty-host-and-port-match-all"),
    pytest.param((":443:b.example:",), "a.example", 443, ("b.example", 443), id="empty-target-port-keeps-it"),
    pytest.param(("a.example:443::8443",), "a.example", 443, ("a.example", 8443), id="empty-target-host-keeps-it"),
    pytest.param(
        ("203.0.113.10:443:127.0.0.1:4433", "::127.0.0.1:9"),
        "203.0.113.10",
        443,
        ("127.0.0.1", 4433),
        id="matched-on-the-address-and-first-wins",
    ),
    pytest.param(
        ("::127.0.0.1:9", "a.example:443:b.example:1"), "a.example", 443, ("127.0.0.1", 9), id="earlier-catch-all-wins"
    ),
    pytest.param(("[2001:db8::1]:443:[::1]:4433",), "2001:db8::1", 443, ("::1", 4433), id="ipv6-in-brackets"),
    pytest.param(("[2001:DB8:0:0::1]:443:[::1]:4433",), "2001:db8::1", 443, ("::1", 4433), id="ipv6-in-any-spelling"),
]


@pytest.mark.parametrize(("entries", "host", "port", "expected"), RESOLVED)
def test_resolve(entries: tuple[str, ...], host: str, port: int, expected: tuple[str, int]) -> None:
    assert ConnectTo.parse(entries).resolve(host, port) == expected


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("", id="nothing"),
        pytest.param("a.example:443:b.example", id="three-parts"),
        pytest.param("a:443:b:1:2", id="five-parts"),
        pytest.param("a:https:b:443", id="port-name"),
        pytest.param("a:0:b:443", id="port-zero"),
        pytest.param("a:443:b:65536", id="port-too-large"),
        pytest.param("a:443:b:٤٤٣", id="digits-of-another-script"),
        pytest.param("2001:db8::1:443:b:443", id="ipv6-without-brackets"),
    ],
)
def test_a_malformed_entry_is_named(entry: str) -> None:
    with pytest.raises(UsageError) as caught:
        ConnectTo.parse(("ok:1:ok:2", entry))

    assert repr(entry) in caught.value.message
    assert "HOST:PORT:HOST:PORT" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("127.0.0.1:5353", ("127.0.0.1", 5353), id="v4-with-port"),
        pytest.param("127.0.0.1", ("127.0.0.1", 53), id="v4-alone"),
        pytest.param("[::1]:5353", ("::1", 5353), id="v6-with-port"),
        pytest.param("[::1]", ("::1", 53), id="v6-in-brackets"),
        pytest.param("2001:db8::53", ("2001:db8::53", 53), id="v6-bare"),
    ],
)
def test_split_host_port(text: str, expected: tuple[str, int]) -> None:
    assert split_host_port(text, 53) == expected
    assert split_host_port(join_host_port(*expected), 1) == expected


@pytest.mark.parametrize("text", ["", ":53", "a:b", "a:99999", "[::1]53", "[::1]:x", "[]:53"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        split_host_port(text, 53)
