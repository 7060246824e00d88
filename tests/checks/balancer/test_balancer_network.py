"""The load balancer's interfaces: public for visitors, private for targets."""

from __future__ import annotations

import pytest

from build.hetzner import NETWORK, a_balancer, a_controller, a_lookup, a_server, a_service, a_target
from ingressdoctor.api import LoadBalancerLookup, Service, Status
from ingressdoctor_checks.balancer_network import network_detached, public_disabled

PUBLIC = [
    pytest.param(a_lookup(), Status.PASS, id="enabled"),
    pytest.param(a_lookup(a_balancer(public_enabled=False)), Status.FAIL, id="switched-off"),
    pytest.param(a_lookup(a_balancer(ipv4="", ipv6="")), Status.FAIL, id="no-public-address"),
    pytest.param(a_lookup(a_balancer(ipv6="")), Status.PASS, id="ipv4-alone"),
    pytest.param(a_lookup(a_balancer(blocked=("203.0.113.10",))), Status.FAIL, id="ipv4-blocked"),
    pytest.param(a_lookup(a_balancer(blocked=("2001:db8::1",))), Status.WARN, id="only-ipv6-blocked"),
    pytest.param(a_lookup(missing=True), Status.SKIP, id="no-balancer"),
]


@pytest.mark.parametrize(("lookup", "status"), PUBLIC)
def test_public_disabled(lookup: LoadBalancerLookup, status: Status) -> None:
    [finding] = public_disabled(lookup, a_controller())

    assert finding.status is status


@pytest.mark.parametrize(
    ("service", "tool"),
    [
        pytest.param(a_service(), "hcloud", id="switched-off-by-hand"),
        pytest.param(
            a_service(annotations={"disable-public-network": "true"}), "kubectl", id="asked-for-by-annotation"
        ),
    ],
)
def test_the_public_interface_is_switched_on_where_it_was_switched_off(service: Service, tool: str) -> None:
    [finding] = public_disabled(a_lookup(a_balancer(public_enabled=False)), a_controller(service=service))

    assert finding.remedy is not None
    assert finding.remedy.commands[0].argv[0] == tool


OTHER = NETWORK + 1
PUBLIC_TARGETS = tuple(a_target(number, private=False) for number in (1, 2, 3))
PRIVATE = a_service(annotations={"use-private-ip": "true"})
NETWORKS = [
    pytest.param(a_lookup(), a_service(), Status.PASS, id="same-network"),
    pytest.param(a_lookup(a_balancer(networks=(), private_ips=())), a_service(), Status.FAIL, id="detached"),
    pytest.param(
        a_lookup(a_balancer(networks=(), private_ips=(), targets=())),
        PRIVATE,
        Status.FAIL,
        id="detaching-dropped-the-private-targets",
    ),
    pytest.param(
        a_lookup(a_balancer(networks=(), targets=PUBLIC_TARGETS)), a_service(), Status.SKIP, id="public-targets-only"
    ),
    pytest.param(a_lookup(a_balancer(networks=(OTHER,))), a_service(), Status.FAIL, id="all-servers-elsewhere"),
    pytest.param(
        a_lookup(servers=(a_server(1), a_server(2), a_server(3, networks=(OTHER,)))),
        a_service(),
        Status.WARN,
        id="one-server-elsewhere",
    ),
    pytest.param(a_lookup(servers=(), servers_unread="403"), a_service(), Status.PASS, id="servers-could-not-be-read"),
    pytest.param(a_lookup(missing=True), a_service(), Status.SKIP, id="no-balancer"),
]


@pytest.mark.parametrize(("lookup", "service", "status"), NETWORKS)
def test_network_detached(lookup: LoadBalancerLookup, service: Service, status: Status) -> None:
    [finding] = network_detached(lookup, a_controller(service=service))

    assert finding.status is status


def test_the_network_to_attach_to_is_that_of_the_servers() -> None:
    [finding] = network_detached(a_lookup(a_balancer(networks=())), a_controller())

    assert finding.remedy is not None
    assert str(NETWORK) in finding.remedy.commands[1].argv
