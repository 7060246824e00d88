"""Which account a login uses: MariaDB's documentation on host name components, and MaxScale's own order."""

from __future__ import annotations

import pytest

from build.maxscale import an_account
from ingressdoctor.routing.mysql_accounts import HostFit, fit_of, match_account

YES, NO, BY_NAME, SHORT = HostFit.YES, HostFit.NO, HostFit.BY_NAME, HostFit.SHORT_MASK


@pytest.mark.parametrize(
    ("pattern", "address", "fit"),
    [
        pytest.param("%", "203.0.113.7", YES, id="percent-is-everybody"),
        pytest.param("", "203.0.113.7", YES, id="empty-is-everybody"),
        pytest.param("203.0.113.7", "203.0.113.7", YES, id="the-address-itself"),
        pytest.param("203.0.113.7", "203.0.113.8", NO, id="another-address"),
        pytest.param("203.0.113.%", "203.0.113.8", YES, id="percent-at-the-end"),
        pytest.param("203.0.113.%", "203.0.114.8", NO, id="percent-keeps-what-stands-before-it"),
        pytest.param("203.%.8", "203.0.113.8", YES, id="percent-in-the-middle"),
        pytest.param("203.0.113._", "203.0.113.8", YES, id="underscore-is-one-character"),
        pytest.param("203.0.113._", "203.0.113.18", NO, id="underscore-is-not-two"),
        pytest.param("203.0.113.1_", "203.0.113.1", NO, id="underscore-is-not-none"),
        pytest.param("%.%.%.%", "203.0.113.1", YES, id="several-wildcards"),
        pytest.param("10.%x", "10.0.0.1", BY_NAME, id="letters-make-it-a-name"),
        pytest.param("10.0.0.0/255.0.0.0", "10.42.1.17", YES, id="netmask"),
        pytest.param("10.0.0.0/255.0.0.0", "11.42.1.17", NO, id="netmask-of-another-network"),
        pytest.param("10.42.1.1/255.0.0.0", "10.42.1.17", NO, id="netmask-whose-base-has-host-bits-matches-nothing"),
        pytest.param("10.0.0.0/8", "10.42.1.17", SHORT, id="short-netmask"),
        pytest.param("10.0.0.0/x", "10.42.1.17", NO, id="no-netmask"),
        pytest.param("10.0.0.0/255.0.0.0", "2001:db8::1", NO, id="netmask-is-for-ipv4"),
        pytest.param("erp.example.org", "203.0.113.7", BY_NAME, id="a-name"),
        pytest.param("%.example.org", "203.0.113.7", BY_NAME, id="a-pattern-of-names"),
        pytest.param("cafe.de", "203.0.113.7", BY_NAME, id="a-name-of-hexadecimal-letters"),
        pytest.param("localhost", "127.0.0.1", BY_NAME, id="localhost-is-a-name"),
        pytest.param("2001:db8::1", "2001:DB8:0::1", YES, id="ipv6-in-another-form"),
        pytest.param("2001:db8::%", "2001:db8::1", YES, id="ipv6-pattern"),
        pytest.param("10.42.%", "::ffff:10.42.1.17", YES, id="ipv4-within-ipv6"),
        pytest.param("10.42.1.17", "not-an-address", NO, id="an-unreadable-address"),
    ],
)
def test_hosts_of_accounts(pattern: str, address: str, fit: HostFit) -> None:
    assert fit_of(pattern, address) is fit


@pytest.mark.parametrize(
    ("hosts", "address", "chosen"),
    [
        pytest.param(("%", "10.42.1.17"), "10.42.1.17", "10.42.1.17", id="no-wildcard-before-any"),
        pytest.param(("%", "10.%", "10.42.%"), "10.42.1.17", "10.42.%", id="the-later-wildcard-first"),
        pytest.param(("10.42._.17", "10.42.%"), "10.42.1.17", "10.42.%", id="equally-late-by-their-text"),
        pytest.param(("", "10.%"), "10.42.1.17", "10.%", id="the-empty-host-last"),
        pytest.param(("192.0.2.1", "%"), "10.42.1.17", "%", id="the-first-that-matches"),
    ],
)
def test_the_most_specific_host_wins(hosts: tuple[str, ...], address: str, chosen: str) -> None:
    match = match_account("erp", address, [an_account("erp", host) for host in hosts])

    assert match.account == an_account("erp", chosen)
    assert {item.host for item in match.of_user} == set(hosts)


def test_an_account_without_a_name_stands_in() -> None:
    match = match_account("erp", "10.42.1.17", [an_account("erp", "192.0.2.1"), an_account("", "%")])

    assert match.account == an_account("", "%")
    assert match.anonymous


def test_nobody_is_chosen_where_no_host_matches() -> None:
    match = match_account("erp", "10.42.1.17", [an_account("erp", "192.0.2.1"), an_account("erp", "erp.example.org")])

    assert match.account is None
    assert not match.anonymous
    assert match.by_name == (an_account("erp", "erp.example.org"),)


def test_a_login_without_a_name_uses_accounts_without_one() -> None:
    match = match_account("", "10.42.1.17", [an_account("", "%")])

    assert match.account == an_account("", "%")
    assert not match.anonymous
