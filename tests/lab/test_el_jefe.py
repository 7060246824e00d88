"""World el-jefe: what its documentation promises, over sockets, and both of its own mistakes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from ingressdoctor.lab import Fault, Lab, World, apply_fault, load_fault, load_world, running
from ingressdoctor.lab.faults import Expectation
from lab.grpc_visitor import call
from lab.test_symptoms import Visitor

EDGE = "104.21.32.11"
NODE = "203.0.113.71"
CODE_TALK = "https://code-talk-k8s.el-jefe.me/graphql/health"
PREFLIGHT = {"Origin": "https://el-jefe.me", "Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("el-jefe")


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    with running(world) as lab:
        yield lab


def ask(lab: Lab, url: str, *, at: str = EDGE, method: str = "GET", **headers: str) -> httpx.Response:
    """One request to *url* at the address *at* of the world; header names are given with underscores."""
    parsed = httpx.URL(url)
    entry = next(item for item in lab.handout.connect_to if item.startswith(f"{at}:443:"))
    target = parsed.copy_with(host="127.0.0.1", port=int(entry.rpartition(":")[2]))
    context = ssl.create_default_context(cafile=str(lab.handout.ca_file))
    sent = {"Host": parsed.host, **{key.replace("_", "-"): value for key, value in headers.items()}}

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(verify=context, timeout=60, trust_env=False) as client:
            return await client.request(method, target, headers=sent, extensions={"sni_hostname": parsed.host})

    return asyncio.run(send())


def changed(world: World, *patch: dict[str, object]) -> World:
    fault = Fault(
        name="made-up",
        world="el-jefe",
        title="made up",
        kind="fault",
        host="x",
        patch=patch,
        expect=Expectation(status="fail"),
    )
    return apply_fault(world, fault)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("educationelly-k8s.el-jefe.me/", "educationELLy", id="the-client-has-the-root"),
        pytest.param("educationelly-k8s.el-jefe.me/api/users", "Elly", id="the-api-has-its-prefix"),
        pytest.param("educationelly-graphql-k8s.el-jefe.me/", "GraphQL", id="the-graphql-client"),
        pytest.param("educationelly-graphql-k8s.el-jefe.me/graphql", "non-empty `query`", id="the-graphql-server"),
        pytest.param("intervalai-k8s.el-jefe.me/api/health", "ok", id="one-ingress-for-client-and-server"),
        pytest.param("podrick.el-jefe.me/", "PodRick", id="the-dashboard"),
        pytest.param("podrick.el-jefe.me/devops-api/health", "healthy", id="the-api-behind-a-stripped-prefix"),
        pytest.param("pop-portfolio.el-jefe.me/portfolio", "Pop!_Portfolio", id="path-based"),
        pytest.param("traefik.el-jefe.me/dashboard/", "Traefik", id="traefiks-own-dashboard"),
        pytest.param("argocd.el-jefe.me/", "Argo CD", id="another-namespace"),
    ],
)
def test_the_routing_map(path: str, body: str, lab: Lab) -> None:
    answer = ask(lab, f"https://{path}")
    assert body in answer.text


@pytest.mark.lab
def test_every_documented_host_answers(lab: Lab, world: World) -> None:
    hosts = {rule["host"] for item in world.select("Ingress") for rule in item["spec"]["rules"]}
    assert len(hosts) >= 20
    for host in sorted(hosts):
        assert ask(lab, f"https://{host}/").status_code < 500, host


@pytest.mark.lab
def test_servicelb_passes_a_nodes_port_on_to_traefik(lab: Lab) -> None:
    assert "Bookmarked" in ask(lab, "https://bookmarked-k8s.el-jefe.me/", at=NODE).text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", Visitor(lab).real_port("203.0.113.72", 443)), timeout=3)


@pytest.mark.lab
def test_without_servicelbs_pod_the_node_refuses(world: World) -> None:
    pod = {"kind": "Pod", "namespace": "kube-system", "name": "svclb-*"}
    with running(changed(world, {"object": pod, "delete": True})) as broken:
        assert Visitor(broken).symptom("https://bookmarked-k8s.el-jefe.me/") == "edge-521"


@pytest.mark.lab
def test_no_hetzner_is_handed_out(lab: Lab) -> None:
    assert "HCLOUD_TOKEN" not in lab.handout.environment
    assert "hetzner" not in lab.handout.config.read_text()


@pytest.mark.lab
def test_as_documented_sessions_are_not_sticky(lab: Lab) -> None:
    assert "set-cookie" not in ask(lab, CODE_TALK).headers


@pytest.mark.lab
def test_on_the_service_the_cookie_is_set_once_and_kept(world: World) -> None:
    with running(apply_fault(world, load_fault("el-jefe", "sticky-on-the-service"))) as cured:
        first = ask(cured, CODE_TALK).headers["set-cookie"]
        assert first.startswith("code-talk-affinity=")
        assert "; Path=/; HttpOnly; Secure; SameSite=Strict" in first
        again = ask(cured, CODE_TALK, Cookie=first.partition(";")[0])
        assert "set-cookie" not in again.headers
        assert "set-cookie" in ask(cured, CODE_TALK, Cookie="code-talk-affinity=gone").headers


@pytest.mark.lab
def test_as_documented_the_preflight_reaches_the_application(lab: Lab) -> None:
    answer = ask(lab, "https://podrick.el-jefe.me/devops-api/api/none", method="OPTIONS", **PREFLIGHT)
    assert answer.status_code == 404
    assert "Cannot OPTIONS /api/none" in answer.text
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.lab
@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        pytest.param("cors-attached", "https://el-jefe.me", id="the-right-origin"),
        pytest.param("cors-origin-wrong", None, id="an-origin-with-a-slash"),
    ],
)
def test_attached_the_middleware_answers_the_preflight(fault: str, allowed: str | None, world: World) -> None:
    with running(apply_fault(world, load_fault("el-jefe", fault))) as lab:
        answer = ask(lab, "https://podrick.el-jefe.me/devops-api/health", method="OPTIONS", **PREFLIGHT)
        plain = ask(lab, "https://podrick.el-jefe.me/devops-api/health", Origin="https://el-jefe.me")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-methods"] == "GET,POST,OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type,Authorization"
    assert answer.headers["access-control-max-age"] == "86400"
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert plain.headers.get("access-control-allow-origin") == allowed


@pytest.mark.lab
def test_a_grpc_call_keeps_its_trailers_through_edge_and_traefik(lab: Lab) -> None:
    visitor = Visitor(lab)
    host = "triton-grpc.el-jefe.me"
    tls = ssl.create_default_context(cafile=str(lab.handout.ca_file))
    answer = call(visitor.real_port(visitor.resolve(host), 443), host, tls)
    assert (answer.status, answer.trailers["grpc-status"]) == (200, "0")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("POST", "/grpc.health.v1.Health/Check", "0", id="a-known-method"),
        pytest.param("POST", "/nope.Service/Do", "12", id="an-unknown-service"),
        pytest.param("GET", "/", "2", id="no-grpc-at-all"),
    ],
)
def test_the_grpc_host_speaks_h2c_to_its_pods(method: str, path: str, status: str, lab: Lab) -> None:
    answer = ask(lab, f"https://triton-grpc.el-jefe.me{path}", method=method)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/grpc"
    # A status other than 0 comes without a message, and then among the headers.
    assert answer.headers.get("grpc-status", "0") == status
    assert answer.content == (b"\0\0\0\0\x02\x08\x01" if status == "0" else b"")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("path", "first"),
    [
        pytest.param("/socket.io/?transport=websocket", "HTTP/1.1 101 Switching Protocols", id="granted"),
        pytest.param("/graphql/health", "HTTP/1.1 200 OK", id="ignored-by-the-application"),
    ],
)
def test_an_upgrade_passes_edge_and_traefik(path: str, first: str, lab: Lab) -> None:
    host = "code-talk-k8s.el-jefe.me"
    entry = next(item for item in lab.handout.connect_to if item.startswith(f"{EDGE}:443:"))
    context = ssl.create_default_context(cafile=str(lab.handout.ca_file))
    raw = socket.create_connection(("127.0.0.1", int(entry.rpartition(":")[2])), timeout=5)
    with context.wrap_socket(raw, server_hostname=host) as stream:
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Connection: keep-alive, Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        stream.sendall("\r\n".join((*lines, "", "")).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += stream.recv(4096)
        assert head.decode().startswith(first)
        if " 101 " in first:
            assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
            assert b"\r\nUpgrade: websocket\r\n" in head
            mask = b"\x01\x02\x03\x04"
            stream.sendall(b"\x81\x82" + mask + bytes((ord("h") ^ 1, ord("i") ^ 2)))
            assert stream.recv(16) == b"\x81\x02hi"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("fault", "line"),
    [
        pytest.param(
            "priority-misspelt",
            'Failed to parse annotations error="field not found, node: priorty" ingress=educationelly-api-ingress',
            id="an-unknown-router-key",
        ),
        pytest.param(
            "priority-not-a-number",
            'Failed to parse annotations error="strconv.ParseInt: parsing \\"high\\": invalid syntax"',
            id="a-priority-that-is-none",
        ),
        pytest.param(
            "grpc-scheme-misspelt",
            'Cannot create service error="field not found, node: serverscheme" ingress=triton-grpc-ingress',
            id="an-unknown-service-key",
        ),
        pytest.param(
            "middleware-missing",
            'error="middleware \\"default-strip-devops-api-prefix@kubernetescrd\\" does not exist"',
            id="a-middleware-that-is-gone",
        ),
        pytest.param("priority-without-router", "", id="a-key-of-neither-section-is-ignored-without-a-word"),
    ],
)
def test_what_traefik_logs(fault: str, line: str, world: World) -> None:
    with running(apply_fault(world, load_fault("el-jefe", fault))) as lab:
        (name,) = (
            item["metadata"]["name"]
            for item in world.select("Pod", "kube-system")
            if item["metadata"]["labels"].get("app.kubernetes.io/name") == "traefik"
        )
        log = lab.container_log("kube-system", name, "traefik")
    errors = [item for item in log.splitlines() if " ERR " in item]
    assert any(line in item for item in errors) if line else not errors
