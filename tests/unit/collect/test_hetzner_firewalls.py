"""Reading Hetzner Firewalls: rules, ports as people write them, servers by name and by label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ingressdoctor.collect.hetzner_firewalls import collect_firewalls, parse_firewall
from ingressdoctor.evidence.firewalls import Firewall, FirewallRule, HetznerFirewalls
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Answer


def a_rule(port: Any = "80", **more: Any) -> dict[str, Any]:
    """One inbound rule."""
    return {"direction": "in", "protocol": "tcp", "port": port, "source_ips": ["0.0.0.0/0"], "description": None} | more


APPLIED = [
    {"type": "server", "server": {"id": 7}},
    {
        "type": "label_selector",
        "label_selector": {"selector": "cluster=x"},
        "applied_to_resources": [{"type": "server", "server": {"id": 8}}, {"type": "server", "server": {"id": 7}}],
    },
    None,
]
RAW = {"id": 1, "name": "nodes", "rules": [a_rule(), a_rule(direction="out"), None], "applied_to": APPLIED}


class Project:
    """Answers one status and body to everything."""

    def __init__(self, body: Any, status: int = 200) -> None:
        self._answer = Answer(status=status, body=json.dumps(body).encode())

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        assert path == "/firewalls"
        return self._answer


async def test_rules_and_servers() -> None:
    found = await collect_firewalls.function(Project({"firewalls": [RAW, {"name": "no id"}, {"id": True}]}))

    rule = FirewallRule(protocol="tcp", first=80, last=80, sources=("0.0.0.0/0",))
    assert found == HetznerFirewalls(items=(Firewall(id=1, name="nodes", inbound=(rule,), servers=(7, 8)),), broken=2)


async def test_a_token_that_may_not_look_is_a_gap() -> None:
    found = await collect_firewalls.function(Project({"error": {"code": "forbidden", "message": "no"}}, 403))

    assert isinstance(found, Unavailable)
    assert "403" in found.reason


@pytest.mark.parametrize(
    ("port", "ports"),
    [
        pytest.param("80", (80, 80), id="one"),
        pytest.param("1024-5000", (1024, 5000), id="a-range"),
        pytest.param(None, (1, 65_535), id="null-is-all"),
        pytest.param("any", (1, 65_535), id="any-is-all"),
        pytest.param("http", None, id="no-number"),
        pytest.param("70000", None, id="no-port"),
        pytest.param(80, None, id="no-text"),
        pytest.param("80-", None, id="half-a-range"),
    ],
)
def test_ports(port: Any, ports: tuple[int, int] | None) -> None:
    found = parse_firewall({"id": 1, "rules": [a_rule(port)]})

    assert found is not None
    assert [(rule.first, rule.last) for rule in found.inbound] == ([ports] if ports else [])


@pytest.mark.parametrize("raw", [None, [], {"id": "1"}, {"id": None}], ids=str)
def test_what_has_no_id_is_none(raw: Any) -> None:
    assert parse_firewall(raw) is None


@pytest.mark.parametrize("value", [None, 7, "x", {}, [None], [[]], [{"server": None}]], ids=str)
def test_hostile_parts_are_empty(value: Any) -> None:
    found = parse_firewall({"id": 1, "name": value, "rules": value, "applied_to": value})

    assert found is not None
    assert (found.inbound, found.servers) == ((), ())
