"""World honeydue: what its documentation promises, over sockets, and what comes about when a part of it is gone."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from build.values import replace
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world, running
from ingressdoctor.lab.world import merged
from lab.test_symptoms import Visitor

API, ADMIN = "https://api.myhoneydue.com/", "https://admin.myhoneydue.com/"
NODES = ("203.0.113.131", "203.0.113.132", "203.0.113.133")
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("honeydue")


@pytest.fixture
def lab(world: World) -> Iterator[Lab]:
    with running(world) as lab:
        yield lab


def broken(world: World, name: str) -> World:
    """The world with a fault; a busy machine must not look like a dead one."""
    changed = apply_fault(world, load_fault("honeydue", name))
    return replace(changed, settings=merged(changed.settings, {"edge_connect_s": 1.0, "edge_read_s": 6.0}))


def reached(lab: Lab, address: str, port: int = 80) -> str:
    """What dialling a node's address comes to."""
    try:
        socket.create_connection(("127.0.0.1", Visitor(lab).real_port(address, port)), timeout=1.0).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"
    return "open"


def page(lab: Lab, host: str, address: str = "") -> tuple[int, str, str]:
    """Status, Location and body of the front page, by the edge or at a node's own port 80."""
    visitor = Visitor(lab)
    status, headers, body = visitor.get(address or visitor.resolve(host), host, "/", https=not address)
    return status, headers.get("location", ""), body.decode()


@pytest.mark.parametrize(
    ("url", "symptom"),
    [
        pytest.param(API, None, id="the-landing-page"),
        pytest.param("https://api.myhoneydue.com/api/health/", None, id="the-api"),
        pytest.param("https://myhoneydue.com/", None, id="the-apex"),
        pytest.param(ADMIN, None, id="the-admin-panel"),
        pytest.param("https://api.myhoneydue.com/nope", "app-404", id="the-apis-own-404"),
        pytest.param("https://nope.myhoneydue.com/", "dns-nxdomain", id="a-name-nobody-has"),
    ],
)
def test_what_visitors_get(url: str, symptom: str | None, lab: Lab) -> None:
    assert Visitor(lab).symptom(url) == symptom


def test_every_node_answers_on_its_own_address_for_every_host(lab: Lab) -> None:
    for node in NODES:
        assert "honeyDue admin" in page(lab, "admin.myhoneydue.com", node)[2]
        assert page(lab, "nobody.example", node)[:1] == (404,)


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        pytest.param("one-node-down", ("timeout", "open", "open"), id="switched-off"),
        pytest.param("one-firewall-closes-80", ("timeout", "open", "open"), id="hetzner-firewall"),
        pytest.param("one-ufw-closes-80-unnoticed", ("open", "open", "timeout"), id="ufw"),
        pytest.param("all-firewalls-close-80", ("timeout",) * 3, id="hetzner-firewall-of-all"),
        pytest.param("one-node-without-traefik", ("refused", "open", "open"), id="no-pod-there"),
        pytest.param("no-traefik-pod", ("refused",) * 3, id="no-pod-anywhere"),
        pytest.param("host-port-taken", ("open",) * 3, id="somebody-else-answers"),
        pytest.param("firewall-limited-to-cloudflare", ("timeout",) * 3, id="hetzner-firewall-for-the-edge-alone"),
        pytest.param("ufw-limited-to-cloudflare", ("timeout",) * 3, id="ufw-for-the-edge-alone"),
        pytest.param("traefik-host-port", ("open",) * 3, id="host-ports"),
    ],
)
def test_how_port_80_of_each_node_ends_for_the_operator(name: str, ends: tuple[str, ...], world: World) -> None:
    with running(broken(world, name)) as lab:
        assert tuple(reached(lab, node) for node in NODES) == ends


@pytest.mark.parametrize(
    ("name", "url", "share"),
    [
        pytest.param("one-node-down", API, {None: 4, "edge-522": 2}, id="every-third-request"),
        pytest.param("stale-fourth-record", API, {None: 6, "edge-522": 2}, id="every-fourth-request"),
        pytest.param("one-node-down-with-failover", API, {None: 6}, id="the-pro-plan-tries-another-address"),
        pytest.param("host-port-taken", API, {None: 4, "edge-502": 2}, id="a-stranger-answers-every-third"),
        pytest.param("ufw-limited-to-cloudflare", API, {None: 3}, id="the-edge-gets-through"),
        pytest.param("netpol-names-traefik-pods", ADMIN, {"edge-502": 4, None: 2}, id="but-from-the-pods-own-node"),
        pytest.param("netpol-allows-the-overlay", ADMIN, {None: 3}, id="overlay-addresses-are-let-in"),
        pytest.param("netpol-names-node-addresses", ADMIN, {"edge-502": 2, None: 1}, id="node-addresses-do-not-help"),
    ],
)
def test_how_often_requests_fail(name: str, url: str, share: dict[str | None, int], world: World) -> None:
    with running(broken(world, name)) as lab:
        visitor = Visitor(lab)
        assert Counter(visitor.symptom(url) for _ in range(sum(share.values()))) == share


def test_the_edge_takes_turns_for_each_host_apart(lab: Lab, world: World) -> None:
    for _ in range(2):
        page(lab, "api.myhoneydue.com")
    page(lab, "admin.myhoneydue.com")
    with running(broken(world, "one-node-down")) as other:
        visitor = Visitor(other)
        assert [visitor.symptom(API), visitor.symptom(ADMIN), visitor.symptom(API)] == ["edge-522", "edge-522", None]


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        pytest.param("", "https", id="as-documented"),
        pytest.param("trusted-ips-missing", "http", id="nobody-is-trusted"),
        pytest.param("forwarded-proto-ignored", "http", id="trusted-on-the-other-entry-point"),
        pytest.param("trusted-ips-stale", "http", id="without-the-range-of-the-edge"),
        pytest.param("trusted-ips-lack-two", "https", id="without-ranges-nobody-comes-from"),
        pytest.param("traefik-host-port", "https", id="a-host-port-keeps-the-source"),
    ],
)
def test_the_links_of_the_page_are_written_by_what_traefik_says(name: str, scheme: str, world: World) -> None:
    with running(broken(world, name) if name else world) as lab:
        assert f'href="{scheme}://api.myhoneydue.com/static/site.css"' in page(lab, "api.myhoneydue.com")[2]


def test_a_visitor_past_the_edge_cannot_say_that_he_came_by_https(lab: Lab) -> None:
    visitor = Visitor(lab)
    claimed = [("X-Forwarded-Proto", "https")]
    _, _, body = visitor.get(NODES[0], "api.myhoneydue.com", "/", https=False, more=claimed)
    assert b'href="http://api.myhoneydue.com/static/site.css"' in body


def test_an_application_for_https_alone_redirects_whoever_it_hears_came_by_http(world: World) -> None:
    with running(broken(world, "trusted-ips-missing-redirects")) as lab:
        assert page(lab, "admin.myhoneydue.com")[:2] == (301, ADMIN)


def test_the_redirect_of_the_entry_point_is_a_teapot_for_an_edge_that_is_trusted(world: World) -> None:
    with running(broken(world, "flexible-redirect-trusted")) as lab:
        assert page(lab, "api.myhoneydue.com")[0] == 418


def test_traefik_says_that_its_port_is_taken_when_it_is_started_beside_another_process(world: World) -> None:
    changed = broken(world, "host-port-taken")
    [pod] = changed.select("Pod", "kube-system", "traefik-4kq7z")
    pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "2026-11-01T00:00:00Z"}}
    with running(changed) as lab:
        log = lab.container_log("kube-system", "traefik-4kq7z", "traefik") or ""
        assert log.splitlines()[-1].endswith('listen tcp :80: bind: address already in use"')
        assert page(lab, "api.myhoneydue.com", NODES[0])[0] == 502


def test_the_nodes_are_the_servers_of_the_project_and_their_addresses_are_in_dns(world: World) -> None:
    servers = {item["name"]: item["public_net"]["ipv4"]["ip"] for item in world.hetzner["servers"]}
    nodes = {item["metadata"]["name"]: item["status"]["addresses"][0]["address"] for item in world.select("Node")}
    [zone] = world.cloudflare["zones"]
    records = [item["content"] for item in zone["dns_records"] if item["name"] == "api.myhoneydue.com"]
    assert servers == nodes
    assert tuple(records) == tuple(nodes.values()) == NODES
    assert world.hetzner["load_balancers"] == []


def test_ipv6_addresses_of_the_servers_are_served_too(world: World) -> None:
    with running(broken(world, "ipv6-records-beside")) as lab:
        assert "honeyDue admin" in page(lab, "admin.myhoneydue.com", "2001:db8:4f8:12::1")[2]
        visitor = Visitor(lab)
        assert {visitor.symptom(API) for _ in range(6)} == {None}
