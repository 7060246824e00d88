"""The load balancer on a target's path where the cluster does not say which one that is: by its record's address."""

from __future__ import annotations

import pytest

from build.cluster import later
from build.hetzner import a_balancer, a_lookup, a_server
from build.outside import EDGE, RANGES, dns_view, record, resolver, zone
from build.values import replace
from ingressdoctor.collect.hetzner_target import by_address, collect_target_balancer
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.hetzner import ClusterBalancer, HetznerProject, LoadBalancerLookup
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later

NO_CLUSTER = Unavailable(wanted="the ingress controller", reason="no kubeconfig", enable_with="set one")
NO_TOKEN = Unavailable(wanted="the zone", reason="no token")
MINE = a_balancer(name="mine", ipv4="203.0.113.10", ipv6="2001:db8::1", labels={})
OTHER = a_balancer(id=8, name="other", ipv4="203.0.113.8", ipv6="", private_ips=("10.0.1.9",), labels={})
V6_SERVER = replace(a_server(2), ipv6="2001:db8:5::/64")
PROJECT = HetznerProject(load_balancers=(OTHER, MINE), servers=(a_server(1), V6_SERVER))
SILENT = ClusterBalancer(lookup=NO_CLUSTER, by_address=by_address(PROJECT), project=PROJECT)


def leading(*addresses: str) -> ZoneFacts:
    return zone(*map(record, addresses))


async def on_path(
    cluster: ClusterBalancer, known: ZoneFacts | Unavailable, dns: DnsView | Unavailable = NO_TOKEN
) -> object:
    return await collect_target_balancer.function(
        cluster=cluster, zone=later(known), dns=later(dns), ranges=later(RANGES)
    )


FOUND = [
    pytest.param(leading("203.0.113.10"), NO_TOKEN, "mine", id="by-the-record-behind-the-edge"),
    pytest.param(leading("2001:0db8:0:0::1"), NO_TOKEN, "mine", id="by-ipv6-however-it-is-written"),
    pytest.param(leading("198.51.100.77", "203.0.113.8"), NO_TOKEN, "other", id="by-any-of-its-addresses"),
    pytest.param(NO_TOKEN, dns_view(resolver("203.0.113.8")), "other", id="by-dns-where-nothing-hides-it"),
]


@pytest.mark.parametrize(("known", "dns", "name"), FOUND)
async def test_it_is_found_by_the_address_that_the_record_leads_to(
    known: ZoneFacts | Unavailable, dns: DnsView | Unavailable, name: str
) -> None:
    lookup = await on_path(SILENT, known, dns)

    assert isinstance(lookup, LoadBalancerLookup)
    assert lookup.found is not None
    assert lookup.found.name == name
    assert lookup.by_record
    assert lookup.nodes_here is None
    assert lookup.servers == PROJECT.servers


NOT_FOUND = [
    pytest.param(NO_TOKEN, dns_view(resolver(*EDGE)), "no kubeconfig", id="the-edge-hides-the-address"),
    pytest.param(NO_TOKEN, NO_TOKEN, "no kubeconfig", id="neither-zone-nor-dns"),
    pytest.param(leading("10.0.1.9"), NO_TOKEN, "no kubeconfig", id="a-private-address-is-the-lan-s"),
    pytest.param(leading("192.0.2.0"), NO_TOKEN, "no kubeconfig", id="a-placeholder"),
    pytest.param(leading("198.51.100.77"), NO_TOKEN, "has 198.51.100.77", id="nobody-s-address-here"),
    pytest.param(
        replace(leading("203.0.113.10"), chain=("5c1d.cfargotunnel.com",)), NO_TOKEN, "no kubeconfig", id="a-tunnel"
    ),
]


@pytest.mark.parametrize(("known", "dns", "reason"), NOT_FOUND)
async def test_what_is_not_found_is_not_absent(
    known: ZoneFacts | Unavailable, dns: DnsView | Unavailable, reason: str
) -> None:
    gap = await on_path(SILENT, known, dns)

    assert isinstance(gap, Unavailable)
    assert reason in gap.reason
    assert "no kubeconfig" in gap.reason
    assert gap.enable_with == "set one"


@pytest.mark.parametrize("address", ["198.51.100.11", "2001:db8:5::1"], ids=["by-ipv4", "in-its-ipv6-network"])
async def test_a_server_that_the_record_leads_to_has_no_load_balancer_before_it(address: str) -> None:
    lookup = await on_path(SILENT, leading(address))

    assert isinstance(lookup, LoadBalancerLookup)
    assert lookup.found is None
    assert "itself" in lookup.not_in_path


async def test_targets_of_one_address_share_one_object_so_that_checks_judge_once() -> None:
    first, second = await on_path(SILENT, leading("203.0.113.10")), await on_path(SILENT, leading("203.0.113.10"))

    assert first is second


async def _never() -> object:
    raise AssertionError("asked for")


UNASKED = [
    pytest.param(ClusterBalancer(lookup=a_lookup()), id="the-cluster-says-which"),
    pytest.param(ClusterBalancer(lookup=a_lookup(missing=True)), id="the-cluster-says-that-it-is-gone"),
    pytest.param(ClusterBalancer(lookup=NO_CLUSTER), id="nobody-may-read-the-project"),
]


@pytest.mark.parametrize("cluster", UNASKED)
async def test_record_and_dns_are_not_waited_for_where_they_cannot_tell(cluster: ClusterBalancer) -> None:
    waits: Later[object] = Later(_never)

    found = await collect_target_balancer.function(cluster=cluster, zone=waits, dns=waits, ranges=waits)

    assert found is cluster.lookup
