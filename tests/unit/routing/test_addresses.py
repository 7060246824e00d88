import pytest

from build.outside import RANGES
from ingressdoctor.routing.addresses import (
    canonical_address,
    in_ranges,
    is_cloudflare,
    is_originless,
    is_private,
    is_tunnel_placeholder,
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("104.16.0.0", True, id="the-first-address-of-a-range"),
        pytest.param("104.23.255.255", True, id="the-last-address-of-a-range"),
        pytest.param("104.24.0.0", False, id="one-past-the-range"),
        pytest.param("104.15.255.255", False, id="one-before-the-range"),
        pytest.param("2606:4700:3031::1", True, id="IPv6-in-range"),
        pytest.param("2606:4701::1", False, id="IPv6-out-of-range"),
        pytest.param("::ffff:104.16.1.1", True, id="IPv4-mapped-counts-as-IPv4"),
        pytest.param("203.0.113.10", False, id="somebody-else"),
        pytest.param("", False, id="no-address"),
        pytest.param("104.16.1.1.evil", False, id="a-name-is-no-address"),
        pytest.param("fe80::1%eth0", False, id="a-scoped-address"),
    ],
)
def test_cloudflare(address: str, *, expected: bool) -> None:
    assert is_cloudflare(RANGES, address) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("10.0.0.1", True, id="rfc-1918-ten"),
        pytest.param("172.15.255.255", False, id="just-below-rfc-1918"),
        pytest.param("172.31.255.255", True, id="rfc-1918-end"),
        pytest.param("192.168.1.1", True, id="rfc-1918-home"),
        pytest.param("100.64.0.1", True, id="carrier-grade-nat"),
        pytest.param("127.0.0.1", True, id="loopback"),
        pytest.param("169.254.1.1", True, id="link-local"),
        pytest.param("203.0.113.10", False, id="documentation-counts-as-public"),
        pytest.param("fd00::1", True, id="unique-local"),
        pytest.param("2001:db8::1", False, id="documentation-v6-counts-as-public"),
        pytest.param("::ffff:10.0.0.1", True, id="mapped-private"),
        pytest.param("nonsense", False, id="nonsense"),
    ],
)
def test_private(address: str, *, expected: bool) -> None:
    assert is_private(address) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(" 203.0.113.10 ", "203.0.113.10", id="spaces-go"),
        pytest.param("2001:DB8:0:0::1", "2001:db8::1", id="shortest-form"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="mapped"),
        pytest.param("203.0.113.010", "", id="leading-zero-is-ambiguous"),
        pytest.param("lb.example.org", "", id="a-name"),
    ],
)
def test_canonical(text: str, expected: str) -> None:
    assert canonical_address(text) == expected


def test_a_tunnel_answers_one_placeholder_for_every_name() -> None:
    assert is_tunnel_placeholder("fd10:aec2:5dae::")
    assert not is_tunnel_placeholder("fd10:aec2:5daf::1")


def test_originless_placeholders() -> None:
    assert is_originless("192.0.2.0")
    assert is_originless("100::")
    assert not is_originless("192.0.2.1")


def test_a_malformed_range_holds_nothing() -> None:
    assert not in_ranges(("not a range", "10.0.0.0/99"), "10.0.0.1")
    assert in_ranges(("not a range", "10.0.0.0/8"), "10.0.0.1")
