"""Which names are those of a LAN."""

from __future__ import annotations

from typing import Any

import pytest

from build.lan import a_lan_name
from build.outside import EDGE, MISSING, dns_view, record, resolver, zone
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.routing.addresses import is_lan
from ingressdoctor.routing.lan import dialled_in_lan, lan_name

NODE, OTHER = "192.168.1.82", "10.0.0.9"
HOME = dns_view(resolver(NODE))
SPLIT = dns_view(resolver(NODE), resolver("203.0.113.9"))
GREY = zone(record(NODE, proxied=False))
TUNNEL = zone(record("x.cfargotunnel.com", kind="CNAME"), chain=("x.cfargotunnel.com",), origin=())

NAMES = [
    pytest.param(HOME, MISSING, (NODE,), True, id="private-answers"),
    pytest.param(HOME, GREY, (NODE,), True, id="a-private-record"),
    pytest.param(dns_view(), zone(record(NODE)), (NODE,), True, id="a-private-record-that-is-proxied"),
    pytest.param(dns_view(resolver()), GREY, (NODE,), True, id="a-record-that-resolvers-hide"),
    pytest.param(MISSING, GREY, (NODE,), True, id="no-dns"),
    pytest.param(SPLIT, MISSING, (NODE,), False, id="split-horizon-is-in-doubt"),
    pytest.param(SPLIT, GREY, (NODE,), True, id="split-horizon-with-a-private-record"),
    pytest.param(HOME, zone(), (NODE,), True, id="private-answers-and-a-public-record"),
    pytest.param(dns_view(), MISSING, (), False, id="the-edge"),
    pytest.param(dns_view(), zone(record(NODE), record("203.0.113.9")), (), False, id="mixed-records"),
    pytest.param(dns_view(resolver(NODE, EDGE[0])), MISSING, (), False, id="mixed-answers"),
    pytest.param(dns_view(), TUNNEL, (), False, id="a-tunnel"),
    pytest.param(MISSING, MISSING, (), False, id="nobody-could-look"),
    pytest.param(
        replace(HOME, resolvers=(), authoritative=resolver(OTHER)), MISSING, (OTHER,), True, id="the-zones-own"
    ),
]


@pytest.mark.parametrize(("dns", "facts", "addresses", "certain"), NAMES)
def test_lan_name(dns: Any, facts: Any, addresses: tuple[str, ...], certain: bool) -> None:
    found = lan_name(dns, facts)

    assert (found.addresses if found else ()) == addresses
    assert (found is not None and found.certain) is certain


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("192.168.1.1", True, id="rfc-1918"),
        pytest.param("fd00::1", True, id="unique-local"),
        pytest.param("fd10:aec2:5dae::", False, id="a-tunnels-placeholder"),
        pytest.param("127.0.0.1", False, id="loopback"),
        pytest.param("0.0.0.0", False, id="a-filters-answer"),
        pytest.param("203.0.113.9", False, id="public"),
    ],
)
def test_is_lan(address: str, expected: bool) -> None:
    assert is_lan(address) is expected


ASIDE = a_route(by_record=True, named="")
NAMED = a_route()


@pytest.mark.parametrize(
    ("lan", "route", "expected"),
    [
        pytest.param(a_lan_name(), MISSING, True, id="private-answers-everywhere"),
        pytest.param(a_lan_name(), NAMED, False, id="a-tunnel-whose-rules-name-it"),
        pytest.param(a_lan_name(mixed=True), MISSING, False, id="split-horizon"),
        pytest.param(a_lan_name(mixed=True, own=True), MISSING, False, id="split-horizon-at-home"),
        pytest.param(a_lan_name(mixed=True, own=True), ASIDE, True, id="a-tunnels-record-without-a-rule"),
        pytest.param(a_lan_name(mixed=True, own=True), NAMED, False, id="a-tunnels-record-with-a-rule"),
        pytest.param(a_lan_name(mixed=True), ASIDE, False, id="others-answer-so"),
        pytest.param(MISSING, ASIDE, False, id="no-private-address"),
    ],
)
def test_who_is_dialled_in_the_lan(lan: Any, route: Any, expected: bool) -> None:
    assert dialled_in_lan(lan, route) is expected


@pytest.mark.parametrize(
    ("dns", "own"),
    [
        pytest.param(SPLIT, True, id="own-resolver-first"),
        pytest.param(dns_view(resolver("203.0.113.9"), resolver(NODE)), False, id="another-resolver"),
        pytest.param(replace(HOME, resolvers=(), authoritative=resolver(NODE)), False, id="no-resolver"),
    ],
)
def test_whose_resolver_says_so(dns: Any, own: bool) -> None:
    found = lan_name(dns, MISSING)

    assert found is not None
    assert found.own is own
