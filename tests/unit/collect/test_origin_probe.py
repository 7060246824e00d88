from typing import Any

import pytest

from build.hetzner import a_controller, a_service
from build.outside import HOST, MISSING, ORIGIN, TARGET, exchange, failed, lookup, online, zone
from build.sources import ScriptedNet
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.api import (
    Controller,
    LoadBalancerLookup,
    NodeHop,
    NodeHops,
    NodeLead,
    OriginProbe,
    Protocol,
    Reach,
    RecordAddresses,
    Target,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
)
from ingressdoctor.collect.origin import Origin, choose_origin, collect_address, collect_balanced, collect_origin

SERVICE = a_controller(service=a_service(ingress=({"ip": "203.0.113.20"},)))
SERVICE_V6 = a_controller(service=a_service(ingress=({"ip": "2001:db8::20"}, {"ip": "203.0.113.20"})))
SERVICE_PRIVATE = a_controller(service=a_service(ingress=({"ip": "10.0.0.5"},)))
SERVICE_NAME = a_controller(service=a_service(ingress=({"hostname": "lb.example.org"},)))


@pytest.mark.parametrize(
    ("balancer", "controller", "records", "address"),
    [
        pytest.param(lookup(), SERVICE, zone(origin=("203.0.113.30",)), ORIGIN, id="load-balancer-first"),
        pytest.param(MISSING, SERVICE, zone(origin=("203.0.113.30",)), "203.0.113.20", id="then-the-service"),
        pytest.param(MISSING, MISSING, zone(origin=("203.0.113.30",)), "203.0.113.30", id="then-the-record"),
        pytest.param(lookup(public=False), SERVICE, MISSING, "203.0.113.20", id="a-balancer-without-public-side"),
        pytest.param(lookup(found=False), SERVICE, MISSING, "203.0.113.20", id="no-balancer-found"),
        pytest.param(MISSING, SERVICE_V6, MISSING, "203.0.113.20", id="ipv4-before-ipv6"),
        pytest.param(MISSING, SERVICE_PRIVATE, zone(), ORIGIN, id="a-private-address-is-passed-over"),
        pytest.param(MISSING, SERVICE_PRIVATE, MISSING, "", id="only-private"),
        pytest.param(MISSING, SERVICE_NAME, MISSING, "", id="a-name-is-no-address"),
        pytest.param(MISSING, MISSING, zone(origin=("192.0.2.0",)), "", id="a-placeholder-is-no-origin"),
        pytest.param(MISSING, MISSING, MISSING, "", id="nobody-knows"),
    ],
)
def test_which_address_is_asked(
    balancer: LoadBalancerLookup | Unavailable,
    controller: Controller | Unavailable,
    records: ZoneFacts | Unavailable,
    address: str,
) -> None:
    origin = choose_origin(balancer, controller, records)

    assert (origin.address if isinstance(origin, Origin) else "") == address


async def chosen(route: Any, hops: Any = MISSING) -> Any:
    balanced = await collect_balanced.function(
        lookup=lookup(), controller=MISSING, zone=MISSING, route=route, lan=MISSING
    )
    return await collect_address.function(balanced=balanced, hops=hops)


async def probe(net: ScriptedNet, *, target: Target = TARGET, up: bool = True) -> OriginProbe | Unavailable:
    origin = await chosen(MISSING)
    assert isinstance(origin, Origin)
    found = await collect_origin.function(target=target, net=net, origin=origin, online=online(yes=up))
    assert isinstance(found, OriginProbe | Unavailable)
    return found


async def test_https_and_http_with_the_right_name_and_any_certificate() -> None:
    net = ScriptedNet(lambda _: exchange(headers=()))

    found = await probe(net, target=replace(TARGET, path="/cart?x=1"))

    assert isinstance(found, OriginProbe)
    assert sorted(r.url for r in net.requests) == [f"http://{HOST}/cart?x=1", f"https://{HOST}/cart?x=1"]
    assert {(r.address, r.verify) for r in net.requests} == {(ORIGIN, False)}
    assert found.address == ORIGIN


async def test_the_targets_own_port_is_kept() -> None:
    net = ScriptedNet(lambda _: exchange(headers=()))

    await probe(net, target=replace(TARGET, port=8443))

    assert sorted(r.url for r in net.requests) == [f"http://{HOST}/", f"https://{HOST}:8443/"]


async def test_a_dead_origin_is_told_early_on_both_ports() -> None:
    found = await probe(ScriptedNet(lambda _: exchange(), tcp={ORIGIN: Reach.TIMEOUT}))

    assert isinstance(found, OriginProbe)
    assert (found.https.reach, found.http.reach) == (Reach.TIMEOUT, Reach.TIMEOUT)
    assert (found.https.address, found.https.port, found.http.port) == (ORIGIN, 443, 80)


async def test_offline_the_origin_is_not_blamed() -> None:
    missing = await probe(ScriptedNet(lambda _: exchange(), tcp={ORIGIN: Reach.UNREACHABLE}), up=False)

    assert isinstance(missing, Unavailable)
    assert "offline" in missing.reason


async def test_mysql_is_not_asked_by_http() -> None:
    assert isinstance(
        await probe(ScriptedNet(lambda _: exchange()), target=replace(TARGET, protocol=Protocol.MYSQL)), Unavailable
    )


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        pytest.param(a_route(), False, id="a-name-that-leads-to-a-tunnel"),
        pytest.param(a_route(by_record=False, named=""), True, id="a-name-of-the-same-pattern-only"),
        pytest.param(MISSING, True, id="no-tunnel-known"),
    ],
)
async def test_an_origin_behind_a_tunnel_has_no_address(route: TunnelRoute | Unavailable, asked: bool) -> None:
    found = await chosen(route)

    assert isinstance(found, Origin) is asked


PLAIN = f"http://{HOST}/"
DEAD = NodeHop(address="203.0.113.21", plain=failed(Reach.REFUSED, url=f"http://{HOST}/"), secure=failed(Reach.REFUSED))
STRANGER = NodeHop(address="203.0.113.23", plain=exchange(502, url=PLAIN, body=b""), secure=failed(Reach.REFUSED))
ALIVE = NodeHop(
    address="203.0.113.22", plain=exchange(502, url=PLAIN, body=b"Bad Gateway"), secure=failed(Reach.REFUSED)
)


@pytest.mark.parametrize(
    ("hops", "route", "address"),
    [
        pytest.param((DEAD, ALIVE), MISSING, ALIVE.address, id="the-node-that-answers"),
        pytest.param((STRANGER, ALIVE), MISSING, ALIVE.address, id="rather-the-controllers-error-than-a-strangers"),
        pytest.param((DEAD, STRANGER), MISSING, STRANGER.address, id="a-strangers-where-nobody-else-answers"),
        pytest.param((DEAD, DEAD), MISSING, DEAD.address, id="none-answers"),
        pytest.param((DEAD, ALIVE), a_route(), "", id="a-tunnel-leads-past-the-nodes"),
    ],
)
async def test_of_many_nodes_one_that_answers_stands_for_the_origin(hops: Any, route: Any, address: str) -> None:
    lead = NodeLead(record=RecordAddresses(addresses=("203.0.113.21",), told_by="DNS"), owners=())

    found = await chosen(route, NodeHops(hops=hops, lead=lead))

    assert (found.address if isinstance(found, Origin) else "") == address
    if isinstance(found, Origin):
        net = ScriptedNet(lambda _: exchange())
        told = await collect_origin.function(target=TARGET, net=net, origin=found, online=online())
        assert isinstance(told, OriginProbe)
        assert (told.address, told.http.status, net.requests) == (address, hops[-1].plain.status, [])
