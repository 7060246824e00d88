"""Hetzner's Firewalls as the lab enforces them, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.lab.network import Verdict
from ingressdoctor.lab.serve.firewalls import covers, firewall_guard, public_addresses

EDGE, EDGE6, OFFICE = "172.69.150.20", "2a06:98c0:3600::103", "198.51.100.23"
V4, V6 = "203.0.113.21", "2001:db8:1::1"
ANY = ["0.0.0.0/0", "::/0"]


def rule(port: str | None, *sources: str, **more: str) -> dict[str, Any]:
    return {"direction": "in", "protocol": "tcp", "port": port, "source_ips": list(sources), **more}


def project(*firewalls: list[dict[str, Any]], status: str = "applied") -> dict[str, Any]:
    """One server behind Firewalls with these rules."""
    applied = [{"id": number, "status": status} for number, _ in enumerate(firewalls)]
    net = {"ipv4": {"ip": V4}, "ipv6": {"ip": "2001:db8:1::/64"}, "firewalls": applied}
    return {
        "servers": [{"id": 1, "name": "one", "public_net": net, "private_net": [{"ip": "10.0.0.2"}]}],
        "firewalls": [{"id": number, "rules": rules} for number, rules in enumerate(firewalls)],
    }


def blocked(family: str) -> dict[str, Any]:
    """A server without a Firewall, with one of its addresses blocked."""
    found = project()
    found["servers"][0]["public_net"][family]["blocked"] = True
    return found


@pytest.mark.parametrize(
    ("hetzner", "source", "address", "passes"),
    [
        pytest.param(project(), OFFICE, V4, True, id="no-firewall-no-filter"),
        pytest.param(project([]), OFFICE, V4, False, id="no-rule-shuts"),
        pytest.param(project([rule("80", *ANY)]), OFFICE, V4, True, id="everybody"),
        pytest.param(project([rule("443", *ANY)]), OFFICE, V4, False, id="another-port"),
        pytest.param(project([rule("1-1024", *ANY)]), OFFICE, V4, True, id="a-range-of-ports"),
        pytest.param(project([rule("any", *ANY)]), OFFICE, V4, True, id="any-port"),
        pytest.param(project([rule(None, *ANY)]), OFFICE, V4, True, id="no-port-is-every-port"),
        pytest.param(project([rule("http", *ANY)]), OFFICE, V4, False, id="what-is-no-port-allows-nothing"),
        pytest.param(project([rule("80", "172.64.0.0/13")]), EDGE, V4, True, id="the-edge"),
        pytest.param(project([rule("80", "172.64.0.0/13")]), OFFICE, V4, False, id="not-the-office"),
        pytest.param(project([rule("80", "172.64.0.0/13")]), EDGE6, V6, False, id="ipv6-has-ranges-of-its-own"),
        pytest.param(project([rule("80", "2a06:98c0::/29")]), EDGE6, V6, True, id="the-edge-by-ipv6"),
        pytest.param(project([rule("80", *ANY, protocol="udp")]), OFFICE, V4, False, id="another-protocol"),
        pytest.param(project([rule("80", *ANY, direction="out")]), OFFICE, V4, False, id="another-direction"),
        pytest.param(project([], [rule("80", *ANY)]), OFFICE, V4, True, id="several-add-up"),
        pytest.param(project([], status="pending"), OFFICE, V4, True, id="pending-does-not-count-yet"),
        pytest.param(project([]), OFFICE, "10.0.0.2", True, id="the-private-network-is-free"),
        pytest.param(project([]), V4, V4, True, id="the-server-itself"),
        pytest.param(blocked("ipv4"), EDGE, V4, False, id="blocked-by-hetzner"),
        pytest.param(blocked("ipv4"), EDGE6, V6, True, id="which-leaves-the-other-family"),
        pytest.param(blocked("ipv6"), EDGE6, V6, False, id="blocked-by-ipv6"),
        pytest.param({"servers": [{"public_net": None}, 5]}, OFFICE, V4, True, id="nonsense-filters-nothing"),
    ],
)
def test_who_gets_in(hetzner: dict[str, Any], source: str, address: str, *, passes: bool) -> None:
    verdict = firewall_guard(hetzner)(source, address, 80)
    assert verdict is (Verdict.PASS if passes else Verdict.DROP)


@pytest.mark.parametrize(
    ("net", "found"),
    [
        pytest.param({"ipv4": {"ip": V4}, "ipv6": {"ip": "2001:db8:1::/64"}}, (V4, V6), id="both"),
        pytest.param({"ipv4": None, "ipv6": {"ip": "2001:db8:1::/64"}}, (V6,), id="ipv6-alone"),
        pytest.param({}, (), id="none"),
    ],
)
def test_the_addresses_of_a_server(net: dict[str, Any], found: tuple[str, ...]) -> None:
    assert public_addresses({"public_net": net}) == found


def test_what_is_no_range_covers_nothing() -> None:
    assert not covers("everybody", OFFICE)
    assert not covers("0.0.0.0/0", "me")
