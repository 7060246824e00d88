"""Each node that a record leads to is asked for itself, and judged by all that is known of it."""

from __future__ import annotations

from typing import Any

import pytest

from build.controller import a_traefik
from build.nodes import (
    ADDRESSES,
    OPEN,
    PLAIN,
    a_cloud_server,
    a_firewall,
    a_hop,
    a_lan_node,
    a_node_lead,
    a_node_pod,
    a_record,
    node_hops,
)
from build.outside import HOST, MISSING, RANGES, exchange, online, visited
from build.sources import ScriptedNet
from build.values import replace
from ingressdoctor.api import (
    Firewall,
    HetznerFirewalls,
    NodeCase,
    NodeHops,
    NodeOwner,
    Reach,
    Target,
    Unavailable,
)
from ingressdoctor.collect.controller import NO_TRAEFIK
from ingressdoctor.collect.node_hops import collect_node_hops
from ingressdoctor.collect.node_states import collect_states

ONE, TWO, THREE = ADDRESSES
TARGET = Target(hostname=HOST)
EDGE = a_firewall(*RANGES.cidrs)
OFFICE = a_firewall("198.51.100.0/24")
WORLD = Firewall(id=31, name="nodes", inbound=(OPEN,), servers=(1, 2, 3))
PODS = tuple(map(a_node_pod, (1, 2, 3)))
RUNS = a_traefik(pods=PODS, no_service=True)
SERVED, BROKEN = visited(), visited(error=522)
SILENT, REFUSED = Reach.TIMEOUT, Reach.REFUSED
ELSEWHERE = Unavailable(wanted="the ingress controller", reason=f"{NO_TRAEFIK}: no pod is labelled so")


async def asked(net: ScriptedNet, *, target: Target = TARGET, lead: Any = None, up: bool = True) -> Any:
    return await collect_node_hops.function(target, lead or a_node_lead(), online(yes=up), net)


async def test_each_address_is_asked_over_both_schemes() -> None:
    net = ScriptedNet(lambda request: exchange(address=request.address), tcp={TWO: SILENT})
    server = a_cloud_server(2)
    owners = (NodeOwner(address=ONE, node=a_lan_node(1)), NodeOwner(address=TWO, server=server))

    found = await asked(net, lead=a_node_lead(owners=owners))

    assert isinstance(found, NodeHops)
    assert {(r.address, r.url) for r in net.requests if r.address == ONE} == {
        (ONE, f"http://{HOST}/"),
        (ONE, f"https://{HOST}/"),
    }
    assert [(h.address, h.node, h.server) for h in found.hops] == [(ONE, a_lan_node(1), None), (TWO, None, server)]


async def test_the_targets_own_port_goes_with_its_scheme() -> None:
    net = ScriptedNet(lambda request: exchange(address=request.address))

    await asked(net, target=replace(TARGET, port=8443))

    assert {r.url for r in net.requests} == {f"http://{HOST}/", f"https://{HOST}:8443/"}


@pytest.mark.parametrize(
    ("status", "up", "seen"),
    [
        pytest.param(200, True, True, id="online"),
        pytest.param(0, False, False, id="offline-nobody-is-judged"),
        pytest.param(200, False, True, id="who-answers-is-judged-all-the-same"),
    ],
)
async def test_this_machine_must_be_online(status: int, up: bool, seen: bool) -> None:
    found = await asked(ScriptedNet(lambda request: exchange(status, address=request.address)), up=up)

    assert isinstance(found, NodeHops) is seen


def test_answering_is_by_scheme() -> None:
    hops = node_hops(a_hop(1, 200, REFUSED), a_hop(2, SILENT, 404))

    assert [hop.address for hop in hops.answering("http")] == [ONE]
    assert [hop.address for hop in hops.answering("https")] == [TWO]


async def judged(*hops: Any, **given: Any) -> Any:
    seen: dict[str, Any] = {"controller": RUNS, "firewalls": MISSING, "probe": SERVED, "lead": a_node_lead()} | given
    found = node_hops(*hops, lead=seen.pop("lead"))
    return await collect_states.function(hops=found, ranges=RANGES, **seen)


def known(*walls: Firewall) -> HetznerFirewalls:
    return HetznerFirewalls(items=walls)


def there(answer: Any = 200, *, ready: bool = True, **server: Any) -> Any:
    return a_hop(1, answer, node=a_lan_node(ready=ready), server=a_cloud_server(**server))


WELL = a_hop(2)
WAITING = a_traefik(
    pods=(a_node_pod(1, waits="1 node(s) didn't have free ports for the requested pod ports"), PODS[1]), no_service=True
)
UNBOUND = a_traefik(pods=(a_node_pod(1, waits="0/3: didn't have free ports", bound=False), PODS[1]), no_service=True)
OTHERS_WAIT = a_traefik(pods=(PODS[1], a_node_pod(3, waits="didn't have free ports")), no_service=True)
CRASHES = a_traefik(pods=(a_node_pod(1, ready=False), PODS[1]), no_service=True)
ALONE = a_node_lead(a_lan_node(1))
GREY = a_node_lead(record=a_record(proxied=False))
IDLE = a_traefik(pods=(), no_service=True)
INSIDE = a_traefik(no_service=True)
SIX = replace(a_hop(1, Reach.UNREACHABLE), address="2001:db8::1")
UNREAD = a_node_lead(nodes=(), nodes_unread=MISSING, servers_unread=MISSING)
CASES = [
    pytest.param((there(), WELL), {}, NodeCase.ANSWERS, id="answers"),
    pytest.param((there(503), WELL), {}, NodeCase.ANSWERS, id="an-error-is-an-answer"),
    pytest.param((there(Reach.READ_TIMEOUT), WELL), {}, NodeCase.BROKEN, id="no-handshake-in-time"),
    pytest.param(
        (there(replace(exchange(0, url=PLAIN), reach=Reach.READ_TIMEOUT, tls=None)),), {}, NodeCase.ANSWERS, id="slow"
    ),
    pytest.param((there(SILENT, status="off"), WELL), {}, NodeCase.OFF, id="off-at-hetzner"),
    pytest.param((there(200, status="off"), WELL), {}, NodeCase.ANSWERS, id="answers-whatever-the-api-says"),
    pytest.param((there(SILENT, blocked=(4,)), WELL), {}, NodeCase.BLOCKED, id="blocked-at-hetzner"),
    pytest.param((there(SILENT, blocked=(6,)), WELL), {}, NodeCase.DROPPED, id="the-other-family-is-blocked"),
    pytest.param((there(SILENT, ready=False), WELL), {}, NodeCase.NOT_READY, id="not-ready-and-silent"),
    pytest.param((there(SILENT), WELL), {}, NodeCase.DROPPED, id="silent-with-a-ready-pod-while-others-let-us-in"),
    pytest.param((there(SILENT), WELL), {"firewalls": known()}, NodeCase.DROPPED, id="and-no-hetzner-firewall"),
    pytest.param((there(SILENT), WELL), {"firewalls": known(EDGE)}, NodeCase.NOT_FOR_US, id="rules-for-the-edge-only"),
    pytest.param((there(SILENT), WELL), {"firewalls": known(WORLD)}, NodeCase.DROPPED, id="rules-for-all-and-silent"),
    pytest.param((there(SILENT), WELL), {"firewalls": known(OFFICE)}, NodeCase.FIREWALL, id="rules-for-others"),
    pytest.param((there(200), WELL), {"firewalls": known(OFFICE)}, NodeCase.FIREWALL, id="rules-for-us-alone"),
    pytest.param(
        (there(200),),
        {"firewalls": known(OFFICE), "lead": ALONE},
        NodeCase.ANSWERS,
        id="rules-proven-wrong",
    ),
    pytest.param(
        (there(200),),
        {"firewalls": known(OFFICE), "lead": ALONE, "probe": visited(exchange(headers=(("cf-cache-status", "HIT"),)))},
        NodeCase.FIREWALL,
        id="a-cached-answer-proves-nothing",
    ),
    pytest.param((there(200), WELL), {"firewalls": known(OFFICE), "lead": GREY}, NodeCase.ANSWERS, id="grey-and-open"),
    pytest.param(
        (there(SILENT), WELL), {"firewalls": known(OFFICE), "lead": GREY}, NodeCase.FIREWALL, id="grey-and-shut"
    ),
    pytest.param((there(SILENT),), {"probe": SERVED}, NodeCase.NOT_FOR_US, id="all-silent-here-and-visitors-served"),
    pytest.param((there(SILENT),), {"probe": BROKEN}, NodeCase.DROPPED, id="the-edge-gets-no-further-either"),
    pytest.param((there(SILENT),), {"probe": MISSING}, NodeCase.SILENT, id="all-silent-and-nothing-known"),
    pytest.param((there(SILENT),), {"probe": visited(error=502)}, NodeCase.NOT_FOR_US, id="the-edge-reaches-traefik"),
    pytest.param((there(SILENT),), {"probe": visited(challenge=True)}, NodeCase.SILENT, id="a-challenge"),
    pytest.param((there(SILENT), WELL), {"controller": MISSING}, NodeCase.SILENT, id="silent-and-pods-not-known"),
    pytest.param((there(SILENT), WELL), {"controller": CRASHES}, NodeCase.POD_DOWN, id="silent-without-a-ready-pod"),
    pytest.param((there(REFUSED), WELL), {"controller": CRASHES}, NodeCase.POD_DOWN, id="refused-and-crashing"),
    pytest.param((there(REFUSED), WELL), {"controller": ELSEWHERE}, NodeCase.REFUSED, id="no-traefik-anywhere"),
    pytest.param((there(REFUSED), WELL), {"controller": IDLE}, NodeCase.NO_POD, id="a-traefik-without-pods"),
    pytest.param((there(REFUSED), WELL), {"controller": INSIDE}, NodeCase.REFUSED, id="traefik-is-not-on-the-nodes"),
    pytest.param((SIX, WELL), {}, NodeCase.NOT_FOR_US, id="this-machine-has-no-ipv6"),
    pytest.param((SIX, WELL, replace(WELL, address="2001:db8::2")), {}, NodeCase.DROPPED, id="it-has-and-one-drops"),
    pytest.param((there(REFUSED), WELL), {"controller": WAITING}, NodeCase.PORT_TAKEN, id="waits-for-this-nodes-port"),
    pytest.param((there(404), WELL), {"controller": UNBOUND}, NodeCase.PORT_TAKEN, id="waits-for-any-port"),
    pytest.param((there(REFUSED), WELL), {"controller": OTHERS_WAIT}, NodeCase.NO_POD, id="waits-for-another-node"),
    pytest.param((there(REFUSED), WELL), {}, NodeCase.REFUSED, id="refused-with-a-ready-pod"),
    pytest.param((there(REFUSED),), {"probe": SERVED}, NodeCase.NOT_FOR_US, id="rejects-us-and-serves-the-edge"),
    pytest.param((there(Reach.RESET), WELL), {}, NodeCase.BROKEN, id="reset"),
    pytest.param((a_hop(1, SILENT, known=False), WELL), {}, NodeCase.STALE, id="nobodys"),
    pytest.param(
        (a_hop(1, known=False, server=a_cloud_server()), WELL), {}, NodeCase.STALE, id="a-server-that-is-no-node"
    ),
    pytest.param(
        (a_hop(1, known=False, server=a_cloud_server()), WELL),
        {"lead": a_node_lead(nodes=(), nodes_unread=MISSING)},
        NodeCase.ANSWERS,
        id="a-server-while-nodes-are-unread",
    ),
    pytest.param(
        (a_hop(1, SILENT, known=False),),
        {
            "lead": a_node_lead(nodes=(), nodes_unread=MISSING, servers_unread=MISSING),
            "controller": MISSING,
            "probe": BROKEN,
        },
        NodeCase.SILENT,
        id="nothing-is-known",
    ),
]


@pytest.mark.parametrize(("hops", "given", "case"), CASES)
async def test_the_case_of_the_first_address(hops: Any, given: Any, case: NodeCase) -> None:
    found = await judged(*hops, **given)

    assert found.states[0].case is case


@pytest.mark.parametrize(
    ("record", "hop", "port"),
    [
        pytest.param(a_record(), a_hop(), 80, id="flexible"),
        pytest.param(a_record(scheme="https", port=443), a_hop(1, 200, REFUSED), 443, id="full"),
        pytest.param(a_record(scheme="https", port=443, sure=False), a_hop(1, 200, REFUSED), 80, id="only-http"),
        pytest.param(a_record(scheme="https", port=443, sure=False), a_hop(), 443, id="both"),
    ],
)
async def test_the_side_that_the_edge_dials(record: Any, hop: Any, port: int) -> None:
    found = await judged(hop, lead=a_node_lead(record=record))

    assert found.port == port


async def test_a_range_that_is_forgotten_is_kept_beside_the_case() -> None:
    found = await judged(there(), WELL, firewalls=known(a_firewall(RANGES.cidrs[0])))

    assert (found.states[0].case, found.states[0].shut_out) == (NodeCase.ANSWERS, RANGES.cidrs[1:2])


async def test_what_is_not_known_is_said() -> None:
    found = await judged(there(), controller=MISSING)

    assert (found.pods_unread, found.firewalls_unread) == (MISSING, MISSING)
