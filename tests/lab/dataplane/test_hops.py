"""Network, nodes and balancer: what a socket meets, and who it seems to come from."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.traefik.clienthello import parse as parse_hello
from ingressdoctor.lab.serve.traefik.clienthello import record_length
from ingressdoctor.lab.stream import Duplex
from lab.dataplane.kit import EDGE, HOST, LB, Parts, Patch, access_log, ask, healthy, real_port, running


@contextlib.asynccontextmanager
async def network() -> AsyncIterator[Network]:
    net = Network(client_ip="198.51.100.23", client_ip6="2001:db8:c11e::23", no_route=("192.0.2.9",))
    try:
        yield net
    finally:
        await net.stop()


async def say_who(stream: Duplex) -> None:
    await stream.write(f"{stream.peer.ip} {stream.local}".encode())
    await stream.finish()


async def test_listener_sees_the_simulated_source() -> None:
    async with network() as net:
        net.listen("10.0.0.1", 80, say_who)
        stream = await net.connect("10.0.0.1", 80, source_ip="10.9.9.9", timeout_s=1)

        assert await stream.read() == b"10.9.9.9 10.0.0.1:80"


async def test_a_client_outside_has_the_clients_address() -> None:
    async with network() as net:
        net.listen("2001:db8::1", 80, say_who)
        reader, writer = await asyncio.open_connection("127.0.0.1", net.listeners["2001:db8::1", 80])
        heard = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert heard == b"2001:db8:c11e::23 [2001:db8::1]:80"


FAILURES = [
    pytest.param("10.0.0.1", ConnectionRefusedError, id="known-host-without-listener"),
    pytest.param("10.0.0.2", TimeoutError, id="unknown-host"),
    pytest.param("192.0.2.9", OSError, id="no-route"),
]


@pytest.mark.parametrize(("ip", "error"), FAILURES)
async def test_connect_fails_as_it_would(ip: str, error: type[OSError]) -> None:
    async with network() as net:
        net.add_host("10.0.0.1")
        with pytest.raises(error):
            await net.connect(ip, 81, source_ip="10.0.0.3", timeout_s=0.1)


async def test_black_hole_is_silent_for_clients_outside_too() -> None:
    async with network() as net:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.open_connection("127.0.0.1", net.black_hole_port)


async def test_stop_leaves_neither_tasks_nor_sockets() -> None:
    plane = DataPlane(healthy().world())
    await plane.start()
    ports = [int(entry.rpartition(":")[2]) for entry in plane.connect_to]
    sock = socket.create_connection(("127.0.0.1", ports[0]))
    await asyncio.sleep(0.05)
    began = asyncio.get_running_loop().time()
    await plane.stop()
    await plane.stop()
    took = asyncio.get_running_loop().time() - began
    sock.close()

    assert took < 0.3
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_start_is_fast() -> None:
    plane = DataPlane(healthy().world())
    began = asyncio.get_running_loop().time()
    await plane.start()
    took = asyncio.get_running_loop().time() - began
    await plane.stop()

    assert took < 0.5


def everything(parts: Parts) -> None:
    del parts


def one_node_off(parts: Parts) -> None:
    parts.hetzner["servers"][0]["status"] = "off"


def node_port_refuses(parts: Parts) -> None:
    parts.settings["node_ports"] = {"node1": "refuse"}


def node_port_drops(parts: Parts) -> None:
    parts.settings["firewall_drop"] = [{"node": "node1", "port": 30443}]


def detached(parts: Parts) -> None:
    parts.balancer["private_net"].clear()


def local_policy(parts: Parts) -> None:
    parts.get("Service", "traefik")["spec"]["externalTrafficPolicy"] = "Local"
    parts.drop("Pod", "traefik-1")


def by_label(parts: Parts) -> None:
    selector = {"type": "label_selector", "label_selector": {"selector": "role=worker,n!=2"}, "use_private_ip": True}
    parts.balancer["targets"] = [selector]


def http_check(parts: Parts) -> None:
    check = {"protocol": "http", "port": 30080, "http": {"path": "/", "status_codes": ["2??"]}}
    parts.balancer["services"][1]["health_check"] = check


def http_check_404(parts: Parts) -> None:
    http_check(parts)
    parts.balancer["services"][1]["health_check"]["http"]["status_codes"] = ["40?"]


HEALTH = [
    pytest.param(everything, {1: "", 2: ""}, id="healthy"),
    pytest.param(one_node_off, {1: "layer4_timeout", 2: ""}, id="server-off"),
    pytest.param(node_port_refuses, {1: "layer4_no_connection", 2: ""}, id="kube-proxy-gone"),
    pytest.param(node_port_drops, {1: "layer4_timeout", 2: ""}, id="firewall"),
    pytest.param(detached, {1: "layer4_timeout", 2: "layer4_timeout"}, id="detached"),
    pytest.param(local_policy, {1: "layer4_timeout", 2: ""}, id="policy-local-without-local-pod"),
    pytest.param(by_label, {1: ""}, id="label-selector"),
    pytest.param(http_check, {1: "unexpected_http_status", 2: "unexpected_http_status"}, id="http-check-and-404"),
    pytest.param(http_check_404, {1: "", 2: ""}, id="http-check-that-accepts-404"),
]


@pytest.mark.parametrize(("patch", "expected"), HEALTH)
async def test_health_is_measured(patch: Patch, expected: dict[int, str]) -> None:
    parts = healthy()
    patch(parts)
    async with running(parts) as plane:
        statuses, details = plane.health(1), plane.health_details(1)

    measured = {server: details.get((server, port), "") for server, port in statuses if port == 443}
    assert measured == expected
    for (server, port), status in statuses.items():
        assert status == ("unhealthy" if (server, port) in details else "healthy")


async def test_health_follows_the_world_while_it_runs() -> None:
    async with running(healthy()) as plane:
        network = plane._running()
        network.translate("10.0.1.11", 30443, network._translators["10.0.1.12", 30443])
        before = plane.health(1)
        network.remove_host("10.42.2.5")
        network.remove_host("10.42.1.5")
        for _ in range(3_000):
            after = plane.health(1)
            if after[1, 443] == after[2, 443] == "unhealthy":
                break
            await asyncio.sleep(0.02)

    assert before[1, 443] == "healthy"
    assert after[1, 443] == after[2, 443] == "unhealthy"


async def test_without_healthy_target_the_balancer_accepts_and_closes() -> None:
    parts = healthy()
    parts.balancer["targets"].clear()
    async with running(parts) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", real_port(plane, LB, 443))
        heard = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert heard == b""


async def test_port_without_service_refuses() -> None:
    async with running(healthy()) as plane:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", real_port(plane, LB, 3306))


async def test_unhealthy_target_gets_no_traffic() -> None:
    parts = healthy()
    node_port_drops(parts)
    async with running(parts) as plane:
        statuses = [(await ask(plane)).status_code for _ in range(6)]

    assert statuses == [200] * 6


def without_proxy(parts: Parts) -> None:
    for item in parts.balancer["services"]:
        item["proxyprotocol"] = False


def without_proxy_local(parts: Parts) -> None:
    without_proxy(parts)
    parts.get("Service", "traefik")["spec"]["externalTrafficPolicy"] = "Local"


def untrusted(parts: Parts) -> None:
    parts.set_args(lambda args: [arg.replace("10.0.0.0/8", "192.168.0.0/16") for arg in args])


PEERS = [
    pytest.param(everything, {"172.69.150.20"}, id="proxy-header-carries-the-edge"),
    pytest.param(without_proxy, {"10.0.1.11", "10.0.1.12"}, id="policy-cluster-shows-the-node"),
    pytest.param(without_proxy_local, {"10.0.1.5"}, id="policy-local-shows-the-balancer"),
    pytest.param(untrusted, {"10.0.1.11", "10.0.1.12"}, id="untrusted-header-shows-the-node"),
]


@pytest.mark.parametrize(("patch", "expected"), PEERS)
async def test_controller_sees_this_peer(patch: Patch, expected: set[str]) -> None:
    parts = healthy()
    patch(parts)
    async with running(parts) as plane:
        for _ in range(4):
            await ask(plane)
        seen = {entry["ClientHost"] for entry in access_log(plane)}

    assert seen == expected


async def test_an_ipv6_origin_sees_the_edges_ipv6_address() -> None:
    parts = healthy()
    parts.zone["dns_records"][0].update(type="AAAA", content="2001:db8::1")
    async with running(parts) as plane:
        response = await ask(plane)
        (entry,) = access_log(plane)

    assert response.text == "shop"
    assert entry["ClientHost"] == "2a06:98c0:3600::103"


def test_client_hello_is_read_without_answering() -> None:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="WWW.shop.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    data = outgoing.read()
    hello = parse_hello(data)

    assert record_length(data) == len(data)
    assert hello is not None
    assert (hello.server_name.lower(), hello.alpn) == ("www.shop.test", ("h2", "http/1.1"))
    assert parse_hello(data[:40]) is None
    assert parse_hello(b"GET / HTTP/1.1\r\n") is None


async def test_nonsense_in_objects_starts_all_the_same() -> None:
    parts = healthy()
    parts.hetzner["load_balancers"].append({"id": 9, "services": [None, {"listen_port": 1}], "targets": [None, {}]})
    parts.objects += [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": None, "status": None},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s", "namespace": "shop"},
            "spec": {"ports": None},
        },
        {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "r"}, "spec": None},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": None}},
    ]
    async with running(parts) as plane:
        response = await ask(plane)

    assert response.status_code == 200
    assert Cluster(parts.objects).get("Pod", "", "p") is not None


async def test_node_ports_are_reached_from_outside_only_when_exposed() -> None:
    parts = healthy()
    async with running(parts) as plane:
        hidden = [entry for entry in plane.connect_to if entry.startswith("203.0.113.21:30443:")]
    parts.settings["expose_node_ports"] = True
    async with running(parts) as plane:
        response = await ask(plane, f"https://{HOST}:30443/", at="203.0.113.21")
        (entry,) = access_log(plane)

    assert hidden == []
    assert response.text == "shop"
    assert entry["ClientHost"] == "10.0.1.11"


HOSTILE = [
    pytest.param(b"\x00" * 100, id="zeros"),
    pytest.param(b"\x16\x03\x01\xff\xff" + b"\x01" * 300, id="endless-hello"),
    pytest.param(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", id="short-hello"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000, id="endless-header"),
    pytest.param(b"PROXY TCP4 1.2.3.4\r\n", id="broken-proxy-line"),
    pytest.param(b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", id="broken-proxy-v2"),
    pytest.param(b"GET /%zz%%% HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", id="broken-escapes"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("data", HOSTILE)
async def test_hostile_bytes_end_one_connection_and_nothing_else(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    parts = healthy()
    without_proxy(parts)
    async with running(parts) as plane:
        for ip, port in ((EDGE, 80), (EDGE, 443), (LB, 80), (LB, 443)):
            reader, writer = await asyncio.open_connection("127.0.0.1", real_port(plane, ip, port))
            writer.write(data)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(2):
                    await reader.read()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        response = await ask(plane)
    gc.collect()  # a task that died of an exception says so when it is collected

    assert response.status_code == 200
    assert caplog.records == []
