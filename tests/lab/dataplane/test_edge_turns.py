"""Several addresses behind one name: whose turn it is, and what the edge does where nobody answers."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.lab.serve.edge_origin import Turns
from lab.dataplane.kit import HOST, LB, ask, healthy, running

GONE = "203.0.113.99"


def test_each_address_takes_its_turn_for_each_host_apart() -> None:
    turns = Turns()
    three = ("a", "b", "c")
    assert [turns.take("x", three)[0] for _ in range(4)] == ["a", "b", "c", "a"]
    assert turns.take("y", three) == three
    assert turns.take("x", three) == ("b", "c", "a")


def test_an_address_that_is_alone_is_always_taken() -> None:
    turns = Turns()
    assert {turns.take("x", ("a",)) for _ in range(3)} == {("a",)}


@pytest.mark.parametrize(
    ("plan", "contents", "statuses"),
    [
        pytest.param({"legacy_id": "free"}, (GONE, LB), [522, 200, 522, 200], id="the-free-plan-tries-one"),
        pytest.param({"legacy_id": "pro"}, (GONE, LB), [200] * 4, id="a-paid-plan-tries-another"),
        pytest.param({"legacy_id": "pro"}, (GONE, "203.0.113.98", LB), [522, 200, 200], id="and-only-one-more"),
        pytest.param(None, (GONE, LB), [200] * 4, id="an-unknown-plan-is-a-paid-one"),
    ],
)
async def test_what_visitors_get_while_an_address_is_silent(
    plan: dict[str, Any] | None, contents: tuple[str, ...], statuses: list[int]
) -> None:
    parts = healthy()
    parts.settings["edge_read_s"] = 5.0
    parts.zone["zone"]["plan"] = plan
    parts.zone["dns_records"] = [{"type": "A", "name": HOST, "content": ip, "proxied": True} for ip in contents]
    async with running(parts) as plane:
        assert [(await ask(plane)).status_code for _ in statuses] == statuses


async def test_a_machines_own_process_answers_on_all_of_its_addresses_and_no_pod_is_asked() -> None:
    parts = healthy()
    pages = [{"prefix": "/", "status": 200, "body": "caddy"}]
    parts.backends.append({"name": "caddy", "node": "node1", "listen": [{"port": 80, "paths": pages}]})
    async with running(parts) as plane:
        response = await ask(plane, f"http://{HOST}/", at="203.0.113.21")
    assert response.text == "caddy"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        pytest.param({"node": "node1", "port": 80}, None, id="ufw-drops-everybody"),
        pytest.param({"node": "node1", "port": 80, "allow": ["198.51.100.0/24"]}, "caddy", id="but-these"),
        pytest.param({"node": "node1", "port": 80, "allow": ["192.0.2.0/24"]}, None, id="not-others"),
        pytest.param({"node": "node2", "port": 80}, "caddy", id="on-another-node"),
    ],
)
async def test_the_machines_own_filter(rule: dict[str, Any], text: str | None) -> None:
    parts = healthy()
    pages = [{"prefix": "/", "status": 200, "body": "caddy"}]
    parts.backends.append({"name": "caddy", "node": "node1", "listen": [{"port": 80, "paths": pages}]})
    parts.settings["firewall_drop"] = [rule]
    async with running(parts) as plane:
        hole = plane.connect_to[-1].rpartition(":")[2]
        real = next(entry for entry in plane.connect_to if entry.startswith("203.0.113.21:80:")).rpartition(":")[2]
        assert (real == hole) is (text is None)
        if text:
            assert (await ask(plane, f"http://{HOST}/", at="203.0.113.21")).text == text
