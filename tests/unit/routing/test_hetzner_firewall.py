"""Whom Hetzner Firewalls let in."""

from __future__ import annotations

import pytest

from ingressdoctor.evidence.firewalls import Firewall, FirewallRule, HetznerFirewalls
from ingressdoctor.routing.hetzner_firewall import admitted, open_to_world, shut_out

EDGE = ("104.16.0.0/13", "172.64.0.0/13")
WEB = FirewallRule(protocol="tcp", first=80, last=80, sources=EDGE)
ALL = FirewallRule(protocol="tcp", first=1, last=65_535, sources=("0.0.0.0/0", "::/0"))
HIGH = FirewallRule(protocol="tcp", first=1024, last=5000, sources=("10.0.0.0/8",))
UDP = FirewallRule(protocol="udp", first=80, last=80, sources=("0.0.0.0/0",))


def walls(*rules: FirewallRule) -> tuple[Firewall, ...]:
    return (Firewall(id=1, name="nodes", inbound=rules, servers=(7,)),)


@pytest.mark.parametrize(
    ("firewalls", "out", "world"),
    [
        pytest.param((), (), True, id="no-firewall-filters-nothing"),
        pytest.param(walls(), EDGE, False, id="no-rule-drops-everything"),
        pytest.param(walls(WEB), (), False, id="the-edge-alone"),
        pytest.param(walls(ALL), (), True, id="everybody"),
        pytest.param(walls(UDP, HIGH), EDGE, False, id="other-protocols-and-ports"),
        pytest.param((*walls(HIGH), *walls(WEB)), (), False, id="firewalls-add-up"),
    ],
)
def test_port_80(firewalls: tuple[Firewall, ...], out: tuple[str, ...], world: bool) -> None:
    assert shut_out(firewalls, 80, EDGE) == out
    assert open_to_world(firewalls, 80) is world


def test_sources_are_told_once() -> None:
    assert admitted((*walls(WEB), *walls(WEB)), 80) == EDGE


def test_which_stand_before_a_server() -> None:
    found = HetznerFirewalls(items=walls(WEB))

    assert found.before(7) == walls(WEB)
    assert found.before(8) == ()
