"""Names of the LAN: whether the answers are private, and whose addresses they are."""

from __future__ import annotations

from typing import Any

import pytest

from build.lan import NODE, OTHER, a_lan_name, a_node, around, owned
from build.outside import EDGE, HOST, MISSING, RANGES, dns_view, exchange, failed, record, resolver, visited, zone
from build.values import replace
from ingressdoctor.api import LanOwner, Reach, Status
from ingressdoctor_checks.lan import address_unowned, not_private, proxied

HOME = dns_view(resolver(NODE, server="192.168.1.1:53"), resolver(NODE))
SERVED = visited(exchange(headers=(), address=NODE), edge=False)
SILENT = visited(failed(Reach.TIMEOUT, address=NODE), edge=False)
LAN = a_lan_name()
GREY = zone(record(NODE, proxied=False))
ORANGE = zone(record(NODE))
TUNNEL = zone(record("x.cfargotunnel.com", kind="CNAME"), origin=(), chain=("x.cfargotunnel.com",))
GONE = LanOwner(address=NODE)
DOWN = LanOwner(address=NODE, node=a_node(ready=False))
NEXT = LanOwner(address=OTHER, node=a_node("n3", OTHER))
BY_SERVICE = LanOwner(address=NODE, services=("Service web/nginx",))

PRIVATE = [
    pytest.param(HOME, LAN, SERVED, Status.PASS, "an address of a LAN", id="private-answers"),
    pytest.param(dns_view(resolver("100.99.1.7")), LAN, SERVED, Status.PASS, "100.99.1.7", id="an-overlay-network"),
    pytest.param(dns_view(resolver("203.0.113.9")), MISSING, SILENT, Status.FAIL, "203.0.113.9", id="public-address"),
    pytest.param(
        dns_view(resolver("203.0.113.9")),
        a_lan_name(told_by="its record at Cloudflare"),
        SILENT,
        Status.FAIL,
        f"record at Cloudflare says {NODE}",
        id="the-record-says-otherwise",
    ),
    pytest.param(dns_view(resolver("203.0.113.9")), MISSING, SERVED, Status.WARN, "no address", id="public-but-served"),
    pytest.param(dns_view(resolver("0.0.0.0")), MISSING, SILENT, Status.FAIL, "0.0.0.0", id="a-filters-answer"),
    pytest.param(dns_view(resolver(*EDGE)), LAN, SILENT, Status.SKIP, "lan.proxied", id="cloudflare-is-another-check"),
    pytest.param(dns_view(resolver()), LAN, MISSING, Status.SKIP, "no address", id="no-answer"),
]


@pytest.mark.parametrize(("view", "lan", "probe", "status", "text"), PRIVATE)
def test_not_private(view: Any, lan: Any, probe: Any, status: Status, text: str) -> None:
    [finding] = not_private(view, lan, RANGES, probe)

    assert finding.status is status
    assert text in finding.summary


PROXIED = [
    pytest.param(HOME, GREY, Status.PASS, "DNS only", id="grey-record"),
    pytest.param(HOME, MISSING, Status.PASS, "No answer", id="no-api-and-private-answers"),
    pytest.param(dns_view(), ORANGE, Status.FAIL, f"its record ({NODE}) is proxied", id="orange-record"),
    pytest.param(HOME, ORANGE, Status.FAIL, "is proxied", id="orange-behind-a-local-override"),
    pytest.param(HOME, TUNNEL, Status.SKIP, "do not go by the record", id="a-tunnels-record-and-a-router-that-answers"),
    pytest.param(dns_view(), TUNNEL, Status.FAIL, "is proxied", id="a-tunnels-record"),
    pytest.param(dns_view(), MISSING, Status.FAIL, "the answers are addresses", id="edge-answers-without-the-api"),
    pytest.param(dns_view(resolver()), zone(bare=True), Status.SKIP, "no address", id="no-record-and-no-answer"),
    pytest.param(
        dns_view(), replace(ORANGE, wildcard=True), Status.SKIP, "lan.wildcard-in-the-way", id="a-wildcard-answers"
    ),
]


@pytest.mark.parametrize(("view", "facts", "status", "text"), PROXIED)
def test_proxied(view: Any, facts: Any, status: Status, text: str) -> None:
    [finding] = proxied(view, LAN, facts, RANGES)

    assert finding.status is status
    assert text in finding.summary


UNOWNED = [
    pytest.param(LAN, owned(), SERVED, Status.PASS, "of Node node02", id="a-ready-nodes"),
    pytest.param(LAN, owned(BY_SERVICE), SILENT, Status.PASS, "Service web/nginx", id="a-load-balancers"),
    pytest.param(LAN, owned(GONE), SILENT, Status.FAIL, "of no node and of no Service", id="a-node-that-left"),
    pytest.param(LAN, owned(GONE), MISSING, Status.FAIL, "of no node", id="nobodys-and-not-visited"),
    pytest.param(LAN, owned(GONE), SERVED, Status.PASS, "a floating address", id="nobodys-that-serves"),
    pytest.param(LAN, owned(DOWN), SILENT, Status.FAIL, "Node node02, which is not ready", id="a-dead-node"),
    pytest.param(LAN, owned(DOWN), SERVED, Status.WARN, "not ready", id="not-ready-and-serving"),
    pytest.param(LAN, owned(GONE, NEXT), SERVED, Status.WARN, "1 more of its addresses are fine", id="one-of-two-gone"),
    pytest.param(LAN, MISSING, SERVED, Status.UNKNOWN, "could not be told", id="nodes-not-readable"),
    pytest.param(
        a_lan_name(by_cluster=True), owned(GONE), SILENT, Status.SKIP, "No record leads", id="no-record-to-be-judged"
    ),
    pytest.param(MISSING, owned(), SERVED, Status.SKIP, "no private address", id="no-name-of-the-lan"),
]


@pytest.mark.parametrize(("lan", "owners", "probe", "status", "text"), UNOWNED)
def test_address_unowned(lan: Any, owners: Any, probe: Any, status: Status, text: str) -> None:
    [finding] = address_unowned(HOME, lan, owners, around(), probe)

    assert finding.status is status
    assert text in finding.summary


def test_the_remedy_names_a_node_that_lives() -> None:
    [finding] = address_unowned(HOME, LAN, owned(GONE), around(reach=Reach.TIMEOUT), SILENT)

    assert finding.remedy is not None
    assert f"{NODE} (Node node02)" in finding.remedy.text
    assert "timeout" in next(fact.value for fact in finding.facts if fact.name == NODE)
    assert HOST in finding.summary
