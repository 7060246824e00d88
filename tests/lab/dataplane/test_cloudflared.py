"""A name behind a tunnel: what a visitor gets, and what cloudflared logs, by configuration and state of the world."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.serve.http2 import exchange_h2
from ingressdoctor.lab.serve.wire import Request
from ingressdoctor.lab.stream import Address, Stream, TlsStream
from lab.dataplane.kit import EDGE, Parts, ask, obj, real_port, running, service
from lab.dataplane.tunnelkit import PANEL, SHOP, TUNNEL, agent_log, agent_of, rules, tunnelled

URL = f"https://{PANEL}/"


async def visit(parts: Parts, url: str = URL) -> tuple[int, str, str]:
    """Status, body and cloudflared's log."""
    async with running(parts) as plane:
        response = await ask(plane, url)
        return response.status_code, response.text, agent_log(plane)


def panel(target: str, more: str = "") -> str:
    return rules(f"{{hostname: {PANEL}, service: '{target}'{more}}}")


ORIGINS = [
    pytest.param(SHOP, "", 200, "", id="a-service"),
    pytest.param("http://shop.shop:80", "", 200, "", id="a-short-name-by-the-search-path"),
    pytest.param("http://10.42.1.20:8080", "", 200, "", id="a-pods-address"),
    pytest.param("http://shop.shop.svc.cluster.local:81", "", 502, "connect: connection refused", id="a-wrong-port"),
    pytest.param(
        "http://shp.shop.svc.cluster.local:80",
        "",
        502,
        "dial tcp: lookup shp.shop.svc.cluster.local on 10.43.0.10:53: no such host",
        id="no-such-service",
    ),
    pytest.param("http://10.99.9.9:80", "", 502, "dial tcp 10.99.9.9:80: i/o timeout", id="nobody-there"),
    pytest.param(
        "https://shop.shop.svc.cluster.local:80",
        "",
        502,
        "http: server gave HTTP response to HTTPS client",
        id="https-to-a-plain-port",
    ),
    pytest.param(
        "http://secure.shop.svc.cluster.local:443", "", 502, "traffic from cloudflared: EOF", id="http-to-a-tls-port"
    ),
    pytest.param(
        "https://secure.shop.svc.cluster.local:443",
        "",
        502,
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        id="a-private-authority",
    ),
    pytest.param(
        "https://secure.shop.svc.cluster.local:443", ", originRequest: {noTLSVerify: true}", 200, "", id="not-verified"
    ),
    pytest.param(
        "https://secure.shop.svc.cluster.local:443",
        ", originRequest: {caPool: /etc/ca/ca.crt}",
        200,
        "",
        id="a-pool-that-has-the-authority",
    ),
    pytest.param(
        "https://secure.shop.svc.cluster.local:443",
        f", originRequest: {{noTLSVerify: false, originServerName: {PANEL}}}",
        502,
        f"x509: certificate is valid for secure.shop.svc.cluster.local, not {PANEL}",
        id="another-name",
    ),
    pytest.param(
        "https://old.shop.svc.cluster.local:444", "", 502, "certificate has expired or is not yet valid", id="expired"
    ),
    pytest.param("http_status:418", "", 418, "", id="a-status"),
    pytest.param("hello_world", "", 200, "", id="the-test-page"),
    pytest.param("tcp://shop.shop.svc.cluster.local:80", "", 200, "", id="a-stream-service-answers-empty"),
    pytest.param("h2c://shop.shop.svc.cluster.local", "", 502, "missing port in address", id="a-stream-without-port"),
    pytest.param(
        "unix:/run/app.sock", "", 502, "dial unix /run/app.sock: connect: no such file", id="a-socket-that-is-not-there"
    ),
    pytest.param(
        SHOP, ", originRequest: {access: {required: true, teamName: t, audTag: [a]}}", 403, "no access token", id="jwt"
    ),
]


def with_tls(parts: Parts) -> Parts:
    """Two HTTPS ports of the shop: of a private authority, and expired."""
    ports = [{"name": "tls", "port": 443, "targetPort": 8443}, {"name": "old", "port": 444, "targetPort": 8444}]
    for number, name in enumerate(("secure", "old")):
        parts.objects.append(service(name, "shop", {"app": "shop"}, ports, clusterIP=f"10.43.8.{number + 1}"))
    orders = {
        8443: {"issuer": "private", "names": ["secure.shop.svc.cluster.local"]},
        8444: {"issuer": "letsencrypt", "names": ["old.shop.svc.cluster.local"], "not_after_days": -1},
    }
    for port, order in orders.items():
        parts.backends[0]["listen"].append({**parts.backends[0]["listen"][0], "port": port, "tls": order})
    parts.objects.append(
        obj("ConfigMap", "ca", "tunnel", metadata={"annotations": {"lab.ingressdoctor/ca": "private"}})
    )
    agent_of(parts)["volumeMounts"].append({"name": "ca", "mountPath": "/etc/ca"})
    parts.get("Pod", "cloudflared-1")["spec"]["volumes"].append({"name": "ca", "configMap": {"name": "ca"}})
    return parts


@pytest.mark.parametrize(("target", "more", "status", "logged"), ORIGINS)
async def test_what_a_service_makes_of_a_visit(target: str, more: str, status: int, logged: str) -> None:
    got, _, log = await visit(with_tls(tunnelled(panel(target, more))))

    assert got == status
    errors = [line for line in log.splitlines() if " ERR " in line]
    assert (logged in "\n".join(errors)) if logged else not errors


@pytest.mark.parametrize("protocol", ["quic", "http2"])
async def test_a_failed_request_is_logged_by_the_proxy_and_by_the_transport(protocol: str) -> None:
    _, _, log = await visit(tunnelled(panel("http://10.42.1.20:1"), "--protocol", protocol))
    first, second = [line for line in log.splitlines() if " ERR " in line]

    assert ' ERR  error="Unable to reach the origin service. The service may be down or it may not be' in first
    assert "ingressRule=0 originService=http://10.42.1.20:1" in first
    assert ("Request failed" if protocol == "quic" else "failed to serve incoming request") in second


async def test_the_catch_all_answers_with_nothing() -> None:
    assert (await visit(tunnelled(rules())))[:2] == (404, "")


async def test_without_rules_everything_is_503() -> None:
    status, body, log = await visit(
        tunnelled(f"tunnel: {TUNNEL}\ncredentials-file: /etc/cloudflared/creds/credentials.json\n")
    )

    assert (status, body) == (503, "")
    assert log.count("WRN No ingress rules were defined in provided config (if any) nor from the cli") == 2


def stop(parts: Parts) -> None:
    run = {"exitCode": 0, "startedAt": "2026-01-02T03:04:05Z", "finishedAt": "2026-01-02T03:09:05Z"}
    state = {"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": run}}
    parts.get("Pod", "cloudflared-1")["status"]["containerStatuses"] = [state]


def remove_pod(parts: Parts) -> None:
    parts.drop("Pod", "cloudflared-1")


def other_secret(parts: Parts) -> None:
    parts.cloudflare["tunnels"][0]["secret"] = "two"


def deleted(parts: Parts) -> None:
    parts.cloudflare["tunnels"][0]["tunnel"]["deleted_at"] = "2026-01-01T00:00:00Z"


def no_udp_and_pinned(parts: Parts) -> None:
    parts.settings["udp_7844"] = "closed"
    agent_of(parts)["args"].insert(-1, "--protocol=quic")


def nothing_gets_out(parts: Parts) -> None:
    parts.settings |= {"udp_7844": "closed", "tcp_7844": "closed"}


def egress_policy(parts: Parts) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]}
    parts.objects.append(obj("NetworkPolicy", "out", "tunnel", "networking.k8s.io/v1", spec=spec))


def no_credentials(parts: Parts) -> None:
    agent_of(parts)["volumeMounts"] = agent_of(parts)["volumeMounts"][:1]


def no_config(parts: Parts) -> None:
    agent_of(parts)["volumeMounts"] = agent_of(parts)["volumeMounts"][1:]


def no_run(parts: Parts) -> None:
    agent_of(parts)["args"].remove("run")


@pytest.mark.parametrize(
    ("change", "logged"),
    [
        pytest.param(remove_pod, "", id="no-pod"),
        pytest.param(stop, "Starting tunnel", id="a-container-that-does-not-run"),
        pytest.param(other_secret, "Unauthorized: Invalid tunnel secret", id="the-secret-of-another-tunnel"),
        pytest.param(deleted, "Unauthorized: Failed to get tunnel", id="a-deleted-tunnel"),
        pytest.param(no_udp_and_pinned, "Failed to dial a quic connection", id="pinned-to-quic-without-udp"),
        pytest.param(nothing_gets_out, "i/o timeout", id="a-firewall-without-port-7844"),
        pytest.param(egress_policy, "Unable to establish connection with Cloudflare edge", id="a-policy-without-it"),
        pytest.param(no_credentials, "doesn't exist or is not a file", id="no-credentials"),
        pytest.param(no_config, "no such file or directory", id="no-configuration"),
        pytest.param(no_run, "to start tunnel ID", id="no-run"),
    ],
)
async def test_without_a_connector_the_edge_says_1033(change: Callable[[Parts], None], logged: str) -> None:
    parts = tunnelled()
    change(parts)
    status, body, log = await visit(parts)

    assert (status, body) == (530, "error code: 1033")
    assert logged in log


async def test_a_configuration_that_is_wrong_is_refused_in_its_own_words() -> None:
    status, _, log = await visit(tunnelled(rules(f"{{hostname: {PANEL}, service: '{SHOP}/'}}")))

    assert status == 530
    assert "ERR Couldn't start tunnel error=" in log
    assert log.splitlines()[-1].startswith(f"{SHOP}/ is an invalid address")


async def test_without_udp_it_falls_back_to_http2() -> None:
    parts = tunnelled()
    parts.settings["udp_7844"] = "closed"
    status, _, log = await visit(parts)

    assert status == 200
    assert "INF Switching to fallback protocol http2" in log
    assert log.count("Registered tunnel connection") == log.count(" protocol=http2") == 4


async def test_a_pod_runs_by_what_its_config_map_said_when_it_started() -> None:
    parts = tunnelled()
    edit = {"namespace": "tunnel", "name": "cloudflared", "at": "2026-02-01T00:00:00Z"}
    parts.settings["edited"] = [{**edit, "replace": {PANEL: "other.shop.test"}}]
    before = await visit(parts)
    parts.settings["edited"] = [{**edit, "at": "2026-01-01T00:00:00Z", "data": {}}]

    assert before[:2] == (404, "")
    assert (await visit(parts))[0] == 200


async def test_a_tunnel_managed_at_cloudflare_takes_its_rules_from_there() -> None:
    parts = tunnelled()
    agent_of(parts).update(
        args=["tunnel", "--metrics", "0.0.0.0:2000", "run"],
        env=[{"name": "TUNNEL_TOKEN", "valueFrom": {"secretKeyRef": {"name": "tunnel", "key": "token"}}}],
    )
    tunnel = parts.cloudflare["tunnels"][0]
    tunnel["tunnel"]["config_src"] = "cloudflare"
    tunnel["configuration"] = {"version": 7, "config": {"ingress": [{"service": SHOP}]}}
    status, body, log = await visit(parts)

    assert (status, body) == (200, "shop")
    assert "INF Updated to new configuration" in log
    assert "version=7" in log
    assert "*****" in log


async def test_a_wrong_push_leaves_what_was_there() -> None:
    parts = tunnelled()
    tunnel = parts.cloudflare["tunnels"][0]
    tunnel["tunnel"]["config_src"] = "cloudflare"
    tunnel["configuration"] = {"version": 7, "config": {"ingress": [{"service": "nonsense"}]}}
    status, _, log = await visit(parts)

    assert status == 200
    assert "ERR Failed to deserialize new configuration" in log


async def test_the_host_header_can_be_forced() -> None:
    parts = tunnelled(panel(SHOP, ", originRequest: {httpHostHeader: inside.example}"))
    parts.answer(status=301, redirect="https://{host}{path}")
    async with running(parts) as plane:
        response = await ask(plane, URL)

    assert response.headers["location"] == "https://inside.example/"


def machine(**change: Any) -> dict[str, Any]:
    """A cloudflared that runs on a machine."""
    return {
        "name": "pi",
        "address": "10.0.1.50",
        "origin_ip": "198.51.100.50",
        "credentials": {"tunnel": TUNNEL, "secret": "one"},
        "hosts": {"shop.lan": "10.42.1.20"},
        "config": {"tunnel": TUNNEL, "ingress": [{"service": "http://shop.lan:8080"}]},
        **change,
    }


async def on_a_machine(parts: Parts, entry: dict[str, Any]) -> tuple[int, tuple[Any, ...]]:
    plane = DataPlane(dataclasses.replace(parts.world(), connectors=(entry,)))
    await plane.start()
    try:
        return (await ask(plane, URL)).status_code, plane.tunnels.connections(TUNNEL)
    finally:
        await plane.stop()


async def test_a_process_on_a_machine_serves_as_well() -> None:
    parts = tunnelled()
    parts.drop("Pod", "cloudflared-1")
    status, clients = await on_a_machine(parts, machine())
    stopped, _ = await on_a_machine(parts, machine(running=False))

    assert (status, stopped) == (200, 530)
    assert {conn["origin_ip"] for client in clients for conn in client["conns"]} == {"198.51.100.50"}


async def test_a_pod_and_a_machine_share_a_tunnel() -> None:
    _, clients = await on_a_machine(tunnelled(), machine())

    assert len(clients) == 2


async def pages(parts: Parts, *paths: str) -> list[Any]:
    async with running(parts) as plane:
        found = []
        for path in paths:
            request = Request(method="GET", target=path, headers=(("Host", "cloudflared-1:20241"),))
            answer = await plane.proxied(parts.get("Pod", "cloudflared-1"), 20241, request)
            assert answer is not None
            found.append((answer.status, answer.body.decode()))
        return found


async def test_the_metrics_port_tells_what_is_true() -> None:
    ready, config, metrics, diag = await pages(tunnelled(), "/ready", "/config", "/metrics", "/diag/tunnel")

    assert (ready[0], json.loads(ready[1])["readyConnections"]) == (200, 4)
    assert [rule["hostname"] for rule in json.loads(config[1])["config"]["ingress"]] == [PANEL, ""]
    assert json.loads(config[1])["version"] == -1
    assert "cloudflared_tunnel_ha_connections 4" in metrics[1]
    assert json.loads(diag[1])["tunnelID"] == TUNNEL


async def test_a_connector_that_cannot_register_is_not_ready() -> None:
    parts = tunnelled(secret="another")
    ((status, body),) = await pages(parts, "/ready")

    assert (status, json.loads(body)["readyConnections"]) == (503, 0)


async def visitor(plane: DataPlane, protocol: str) -> TlsStream:
    """A connection to the edge that speaks *protocol*."""
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", real_port(plane, EDGE, 443)))
    context = ssl.create_default_context(cadata=plane.pki.ca_pem)
    context.set_alpn_protocols([protocol])
    here = Address(ip="198.51.100.1", port=1)
    stream = TlsStream(Stream(sock, peer=here, local=here), context, server_name=PANEL)
    await stream.handshake()
    assert stream.alpn() == protocol
    return stream


@pytest.mark.parametrize(("protocol", "kept"), [("http2", True), ("quic", False)])
async def test_only_http2_keeps_trailers(protocol: str, kept: bool) -> None:
    parts = tunnelled(
        panel("https://grpc.shop.svc.cluster.local:443", ", originRequest: {http2Origin: true, noTLSVerify: true}"),
        "--protocol",
        protocol,
    )
    parts.objects.append(
        service("grpc", "shop", {"app": "shop"}, [{"port": 443, "targetPort": 9443}], clusterIP="10.43.8.9")
    )
    order = {"issuer": "self", "names": ["grpc.shop.svc.cluster.local"]}
    listen = {"port": 9443, "protocol": "grpc", "services": ["grpc.health.v1.Health"], "tls": order}
    parts.backends[0]["listen"].append(listen)
    headers = (("Host", PANEL), ("content-type", "application/grpc"), ("te", "trailers"))
    request = Request(method="POST", target="/grpc.health.v1.Health/Check", headers=headers, body=b"\0\0\0\0\0")
    async with running(parts) as plane:
        stream = await visitor(plane, "h2")
        try:
            response = await exchange_h2(stream, request, scheme="https")
        finally:
            stream.close()

    assert (response.status, response.body[-2:]) == (200, b"\x08\x01")
    assert (dict(response.trailers).get("grpc-status") == "0") is kept


async def test_a_slow_service_is_given_up_by_the_edge_alone() -> None:
    parts = tunnelled()
    parts.settings["edge_read_s"] = 0.3
    parts.answer(delay_s=5)
    status, body, log = await visit(parts)

    assert (status, body) == (524, "error code: 524")
    assert "Incoming request ended abruptly: context canceled" in log


async def test_a_websocket_passes_through() -> None:
    parts = tunnelled()
    parts.answer(websocket=True)
    async with running(parts) as plane:
        stream = await visitor(plane, "http/1.1")
        asked = (
            f"GET /live HTTP/1.1\r\nHost: {PANEL}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        try:
            await stream.write(asked.encode())
            answer = await stream.read()
        finally:
            stream.close()

    assert answer.startswith(b"HTTP/1.1 101 ")


def damaged(parts: Parts) -> list[tuple[str, dict[str, Any], str]]:
    """Every field of the pod, its container, the tunnel and the Secret, with the place it stands at."""
    holder = parts.get("Pod", "cloudflared-1")
    status = holder["status"]["containerStatuses"][0]
    places = {
        "pod": holder["spec"],
        "container": agent_of(parts),
        "status": status,
        "state": status["state"],
        "mount": agent_of(parts)["volumeMounts"][0],
        "volume": holder["spec"]["volumes"][0],
        "tunnel": parts.cloudflare["tunnels"][0],
        "object": parts.cloudflare["tunnels"][0]["tunnel"],
        "data": parts.get("ConfigMap", "cloudflared"),
        "secret": parts.get("Secret", "tunnel")["metadata"],
    }
    return [(name, place, key) for name, place in places.items() for key in tuple(place)]


# Without these it is no cloudflared, or no world.
NEEDED = {"name", "containers", "nodeName", "image"}
PLACES = [f"{name}.{key}" for name, _, key in damaged(tunnelled()) if key not in NEEDED]


@pytest.mark.parametrize("value", [None, "text", 7, [None], {"x": None}], ids=["null", "text", "number", "list", "map"])
@pytest.mark.parametrize("place", PLACES)
async def test_damaged_objects_stop_nothing_else(place: str, value: Any) -> None:
    parts = tunnelled()
    at, key = next((holder, key) for name, holder, key in damaged(parts) if f"{name}.{key}" == place)
    at[key] = value
    status, _, _ = await visit(parts)

    assert status in {200, 404, 502, 503, 530}


@pytest.mark.parametrize(
    "config",
    [
        pytest.param("\tingress: []", id="a-tab"),
        pytest.param("a: &x [1]\nb: *y", id="an-anchor-that-is-not-there"),
        pytest.param("[" * 5_000, id="deep"),
        pytest.param("ingress: {a: 1}", id="a-map-for-a-list"),
        pytest.param("ingress: [7]", id="a-number-for-a-rule"),
        pytest.param("ingress: [{hostname: [a], service: http://x}]", id="a-list-for-a-name"),
        pytest.param("\x00\x01", id="no-yaml"),
        pytest.param("ingress: [{service: 'http://[x'}]", id="no-url"),
        pytest.param("- a\n- b", id="a-list-at-the-top"),
    ],
)
async def test_what_is_no_configuration_is_refused(config: str) -> None:
    status, _, log = await visit(tunnelled(config))

    assert status == 530
    assert "error parsing YAML" in log or "Couldn't start tunnel" in log or "requires the ID or name" in log


async def test_many_rules_are_no_trouble() -> None:
    many = (f"{{hostname: h{number}.shop.test, path: '^/a{number}', service: '{SHOP}'}}" for number in range(5_000))
    status, body, _ = await visit(tunnelled(rules(*many, f"{{hostname: {PANEL}, service: '{SHOP}'}}")))

    assert (status, body) == (200, "shop")
