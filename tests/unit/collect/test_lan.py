"""Names of the LAN: what is asked of the cluster, of the network and of DNS."""

from __future__ import annotations

import pytest

from build.cluster import FakeCluster, later
from build.lan import a_lan_name
from build.nginx import a_class, an_ingress
from build.outside import HOST, MISSING, dns_view, resolver
from build.routes import objects
from build.sources import TableDns
from build.tunnel import a_route
from ingressdoctor.api import (
    Inapplicable,
    LanName,
    LanOwners,
    LanSurroundings,
    Rcode,
    Reach,
    Target,
    TcpAttempt,
    Unavailable,
)
from ingressdoctor.collect.lan import collect_lan_name, collect_owners, collect_surroundings
from ingressdoctor.collect.workloads import collect_services
from ingressdoctor.evidence.workloads import ClusterServices
from ingressdoctor.model.needs import Later

NODES, SERVICES = "/api/v1/nodes", "/api/v1/services"
NODE = {
    "kind": "Node",
    "metadata": {"name": "n2"},
    "status": {
        "addresses": [{"type": "InternalIP", "address": "192.168.1.82"}, {"type": "Hostname", "address": "n2"}],
        "conditions": [{"type": "Ready", "status": "False"}],
    },
}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "nginx", "namespace": "web"},
    "status": {"loadBalancer": {"ingress": [{"ip": "192.168.1.82"}, {"ip": "192.168.1.90"}]}},
}


class Wire:
    """Connects to everything."""

    anchors = ()

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        return TcpAttempt(address=address, port=port, reach=Reach.OK)


def cluster(**statuses: int) -> FakeCluster:
    paths = {"nodes": NODES, "services": SERVICES}
    return FakeCluster({NODES: [NODE], SERVICES: [SERVICE]}, {paths[name]: code for name, code in statuses.items()})


def services(**statuses: int) -> Later[ClusterServices]:
    async def fetch() -> ClusterServices:
        found = await collect_services.function(cluster(**statuses))
        assert isinstance(found, ClusterServices)
        return found

    return Later(fetch)


async def test_whose_addresses_they_are() -> None:
    name = a_lan_name("192.168.1.82", "192.168.1.90", "192.168.1.99")
    found = await collect_owners.function(cluster(), name, services())

    assert isinstance(found, LanOwners)
    assert [(item.node.ref if item.node else "", item.services) for item in found.owners] == [
        ("Node n2", ("Service web/nginx",)),
        ("", ("Service web/nginx",)),
        ("", ()),
    ]
    assert [node.ready for node in found.nodes] == [False]
    assert not found.living


@pytest.mark.parametrize("kind", ["nodes", "services"])
async def test_what_may_not_be_listed_is_a_gap(kind: str) -> None:
    assert isinstance(
        await collect_owners.function(cluster(**{kind: 403}), a_lan_name(), services(**{kind: 403})), Unavailable
    )


async def test_a_name_that_nobody_made_shows_a_wildcard() -> None:
    beside = "no-such-host-ingressdoctor.shop.example"
    dns = TableDns({(beside, "A"): ("104.21.32.11",)})
    found = await collect_surroundings.function(Target(hostname=HOST), a_lan_name("192.168.1.82"), Wire(), dns)

    assert isinstance(found, LanSurroundings)
    assert found.beside == beside
    assert {reply.of("A") for reply in found.wildcard if reply.rdtype == "A"} == {("104.21.32.11",)}
    assert [attempt.address for attempt in found.attempts] == ["192.168.1.82"]


async def test_a_name_below_a_top_level_domain_has_nothing_beside_it() -> None:
    found = await collect_surroundings.function(Target(hostname="shop.lan"), a_lan_name(), Wire(), TableDns({}))

    assert isinstance(found, LanSurroundings)
    assert found.wildcard == ()


async def which(target: Target, dns: object, known: object = MISSING, *, rules: object = MISSING) -> object:
    """Whether a name is one of the LAN, in a cluster whose Ingress listens at private addresses."""
    return await collect_lan_name.function(target, dns, known, later(CLUSTER), later(rules))


CLUSTER = objects(ingresses=(an_ingress(name="shop", host=HOST, published=("192.168.1.82",)),), classes=(a_class(),))
HOME, GONE = dns_view(resolver("192.168.1.82")), dns_view(resolver(rcode=Rcode.NXDOMAIN))
MYSQL = Target.parse("mysql://db.shop.example")
NAMES = [
    pytest.param(Target(hostname=HOST), HOME, MISSING, True, id="private-answers"),
    pytest.param(Target(hostname=HOST), dns_view(), MISSING, False, id="the-edge-answers"),
    pytest.param(MYSQL, HOME, MISSING, False, id="mysql"),
    pytest.param(Target(hostname=HOST), GONE, MISSING, True, id="no-record-and-an-ingress-at-private-addresses"),
    pytest.param(Target(hostname=HOST), GONE, a_route(named="exact"), False, id="a-rule-of-a-tunnel-names-it"),
    pytest.param(Target(hostname=HOST), GONE, a_route(named="wildcard"), False, id="a-rule-takes-all-names"),
    pytest.param(
        Target(hostname=HOST), GONE, a_route(named="", by_record=False), True, id="rules-that-name-others-only"
    ),
    pytest.param(Target(hostname="x.other.example"), GONE, MISSING, False, id="no-ingress-names-it"),
]


@pytest.mark.parametrize(("target", "dns", "rules", "expected"), NAMES)
async def test_which_target_is_asked_about(target: Target, dns: object, rules: object, expected: bool) -> None:
    found = await which(target, dns, rules=rules)

    assert isinstance(found, LanName if expected else Inapplicable)
