"""Whether a record leads to nodes, and not to a load balancer; whose its addresses are."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster
from build.controller import a_traefik, a_traefik_pod
from build.hetzner import a_balancer
from build.lan import a_lan_name
from build.nodes import a_cloud_server, a_node_pod
from build.outside import EDGE, HOST, MISSING, RANGES, dns_view, lookup, record, resolver, zone
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.api import (
    Bypass,
    HetznerProject,
    Inapplicable,
    NodeLead,
    Rcode,
    RecordAddresses,
    SourceError,
    Target,
    Unavailable,
)
from ingressdoctor.collect.bypass import collect_bypass
from ingressdoctor.collect.hetzner_target import server_of
from ingressdoctor.collect.node_lead import collect_addresses, collect_lead
from ingressdoctor.model.needs import Later

NODES = "/api/v1/nodes"
ONE, TWO, STALE, V6 = "203.0.113.21", "203.0.113.22", "203.0.113.29", "2001:db8:7:1::5"
TARGET = Target(hostname=HOST)
FLEXIBLE = {"ssl": "flexible"}
TUNNEL = "6ff42ae2-765d-4adf-8112-31c55c1551ef.cfargotunnel.com"
PLAIN = RecordAddresses(addresses=(ONE,), told_by="its record at Cloudflare", proxied=True, scheme="http", port=80)


def node(name: str, *addresses: str, ready: str = "True", provider: str = "") -> dict[str, Any]:
    status = {
        "addresses": [{"type": "InternalIP", "address": address} for address in addresses],
        "conditions": [{"type": "Ready", "status": ready}],
    }
    return {"kind": "Node", "metadata": {"name": name}, "spec": {"providerID": provider}, "status": status}


CLUSTER = FakeCluster({NODES: [node("node-1", ONE), node("node-2", TWO, "10.0.0.2", ready="False")]})
INSIDE = FakeCluster({NODES: [node("node-1", "10.0.0.1"), node("other", "10.0.0.2", provider="hcloud://2")]})
FORBIDDEN = FakeCluster({NODES: []}, {NODES: 403})
SERVERS = HetznerProject(load_balancers=(), servers=(a_cloud_server(1), a_cloud_server(2, private_ips=("10.0.0.2",))))
ON_NODES = a_traefik(pods=(a_node_pod(),), no_service=True)
INSIDE_ONLY = a_traefik(pods=(a_traefik_pod(),), no_service=True)


async def addresses(zone_facts: Any, dns: Any = MISSING, target: Target = TARGET) -> Any:
    return await collect_addresses.function(target, zone_facts, dns, RANGES)


RECORDS = [
    pytest.param(zone(record(ONE), settings=FLEXIBLE), (ONE,), "http", 80, True, id="flexible"),
    pytest.param(zone(record(ONE), record(TWO), settings={"ssl": "full"}), (ONE, TWO), "https", 443, True, id="full"),
    pytest.param(zone(record(ONE), settings=MISSING), (ONE,), "https", 443, False, id="mode-not-readable"),
    pytest.param(zone(record(ONE, proxied=False), settings=FLEXIBLE), (ONE,), "https", 443, True, id="grey"),
    pytest.param(zone(record("10.0.0.1"), record(ONE)), (ONE,), "https", 443, True, id="a-private-one-beside"),
]


@pytest.mark.parametrize(("facts", "held", "scheme", "port", "sure"), RECORDS)
async def test_the_records_addresses_and_how_they_are_dialled(
    facts: Any, held: tuple[str, ...], scheme: str, port: int, sure: bool
) -> None:
    found = await addresses(facts)

    assert (found.addresses, found.scheme, found.port, found.sure) == (held, scheme, port, sure)
    assert found.told_by == "its record at Cloudflare"


@pytest.mark.parametrize(
    ("dns", "held", "proxied"),
    [
        pytest.param(dns_view(resolver(ONE)), (ONE,), False, id="dns-tells-them"),
        pytest.param(dns_view(resolver(*EDGE)), (), True, id="behind-the-edge"),
        pytest.param(MISSING, (), True, id="nobody-tells"),
    ],
)
async def test_without_the_zone_dns_may_tell(dns: Any, held: tuple[str, ...], proxied: bool) -> None:
    found = await addresses(MISSING, dns)

    assert (found.addresses, found.proxied) == (held, proxied)


@pytest.mark.parametrize(
    ("facts", "target", "reason"),
    [
        pytest.param(zone(record("10.0.0.9")), TARGET, "no public address", id="private"),
        pytest.param(zone(bare=True), TARGET, "no public address", id="no-record"),
        pytest.param(zone(bare=True, chain=(TUNNEL,)), TARGET, "a tunnel", id="tunnel"),
        pytest.param(zone(record(ONE)), Target.parse("mysql://db.shop.example"), "not speak HTTP", id="mysql"),
    ],
)
async def test_records_that_lead_to_no_node(facts: Any, target: Target, reason: str) -> None:
    found = await addresses(facts, target=target)

    assert isinstance(found, Inapplicable)
    assert reason in found.reason


def later(value: Any) -> Any:
    async def fetch() -> Any:
        return value

    return Later(fetch)


async def lead(
    held: RecordAddresses = PLAIN,
    *,
    project: Any = MISSING,
    balancer: Any = MISSING,
    controller: Any = ON_NODES,
    kube: Any = CLUSTER,
) -> Any:
    return await collect_lead.function(held, project, later(balancer), later(controller), kube)


def at(*held: str) -> RecordAddresses:
    return replace(PLAIN, addresses=held)


OWNED = [
    pytest.param(at(ONE, STALE), CLUSTER, MISSING, [("node-1", ""), ("", "")], id="by-the-nodes-alone"),
    pytest.param(at(ONE, TWO), FORBIDDEN, SERVERS, [("", "node-1"), ("", "node-2")], id="by-the-servers-alone"),
    pytest.param(at(ONE, TWO), INSIDE, SERVERS, [("node-1", "node-1"), ("other", "node-2")], id="by-both"),
    pytest.param(at(TWO), CLUSTER, SERVERS, [("node-2", "node-2")], id="a-server-found-by-its-node"),
    pytest.param(at(STALE), CLUSTER, MISSING, [("", "")], id="nobodys-before-a-traefik-on-the-nodes"),
]


@pytest.mark.parametrize(("held", "kube", "project", "owners"), OWNED)
async def test_whose_the_addresses_are(held: Any, kube: Any, project: Any, owners: list[tuple[str, str]]) -> None:
    found = await lead(held, kube=kube, project=project)

    assert isinstance(found, NodeLead)
    assert [(o.node.name if o.node else "", o.server.name if o.server else "") for o in found.owners] == owners


async def test_a_hidden_record_is_that_of_all_nodes() -> None:
    found = await lead(RecordAddresses(proxied=True), kube=INSIDE, project=SERVERS)

    assert [owner.address for owner in found.owners] == [ONE]
    assert "no load balancer" in found.ground


async def test_servers_that_could_not_be_listed_are_a_gap() -> None:
    found = await lead(project=HetznerProject(load_balancers=(), servers_unread="403"))

    assert found.servers_unread is not None
    assert found.ground == "its record at Cloudflare leads it to Node node-1"


BALANCED = HetznerProject(load_balancers=(a_balancer(ipv4=ONE),))
NOT_NODES = [
    pytest.param({"project": BALANCED}, "the load balancer lb", id="a-load-balancer-has-it"),
    pytest.param({"controller": a_traefik()}, "asks for a load balancer", id="the-service-asks-for-one"),
    pytest.param({"balancer": lookup()}, "shop-lb stands before", id="one-was-found"),
    pytest.param({"held": at(STALE), "controller": INSIDE_ONLY}, f"{STALE} is no node's address", id="nobodys"),
    pytest.param({"held": RecordAddresses(), "controller": INSIDE_ONLY}, "not known, and no pod", id="hidden"),
    pytest.param({"held": RecordAddresses(), "kube": INSIDE}, "no node has a public", id="nodes-behind-a-router"),
    pytest.param({"held": at(STALE), "kube": INSIDE}, "no node's address", id="a-routers-address"),
]


@pytest.mark.parametrize(("given", "reason"), NOT_NODES)
async def test_what_is_no_lead_to_nodes(given: Any, reason: str) -> None:
    found = await lead(**given)

    assert isinstance(found, Inapplicable)
    assert reason in found.reason


class DeadCluster:
    """An API server that does not answer."""

    context = "dead"

    async def get(self, path: str, query: Any) -> Any:
        raise SourceError("the API server did not answer")


async def test_a_dead_api_server_leaves_the_servers_to_tell() -> None:
    found = await lead(kube=DeadCluster(), project=SERVERS, controller=MISSING)
    blind = await lead(kube=DeadCluster(), controller=MISSING)

    assert isinstance(found, NodeLead)
    assert found.nodes_unread is not None
    assert isinstance(blind, Unavailable)
    assert not isinstance(blind, Inapplicable)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        pytest.param(ONE, "node-1", id="its-ipv4"),
        pytest.param(V6, "node-1", id="any-of-its-ipv6"),
        pytest.param("2001:db8:7:2::5", "", id="a-neighbours"),
        pytest.param(STALE, "", id="nobodys"),
    ],
)
def test_which_server_has_an_address(address: str, name: str) -> None:
    found = server_of(address, (a_cloud_server(1, ipv6="2001:db8:7:1::/64"),))

    assert (found.name if found else "") == name


async def test_what_leads_past_a_load_balancer() -> None:
    assert await collect_bypass.function(MISSING, await lead(), MISSING) == Bypass(nodes=True)
    assert await collect_bypass.function(a_route(), MISSING, MISSING) == Bypass(tunnel=True)
    assert await collect_bypass.function(MISSING, MISSING, a_lan_name()) == Bypass(lan=True)
    assert await collect_bypass.function(MISSING, MISSING, a_lan_name(mixed=True)) == Bypass()
    assert await collect_bypass.function(MISSING, MISSING, MISSING) == Bypass()


async def test_where_no_record_leads_anywhere_the_edge_would_dial_as_the_zone_says() -> None:
    gone = dns_view(resolver(rcode=Rcode.NXDOMAIN))

    found = await addresses(zone(bare=True, settings=FLEXIBLE), gone)

    assert found == RecordAddresses(proxied=True, scheme="http", port=80, missing=True)
    assert isinstance(await addresses(zone(bare=True), dns_view()), Inapplicable)
