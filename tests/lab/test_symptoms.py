"""End to end: what a visitor of each broken world sees, through DNS, edge, balancer, controller and pods.

The visitor below is as simple as curl and shares no code with the product.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import dns.exception
import dns.resolver
import h11
import pytest
from kubernetes import client, config

from ingressdoctor.lab import Fault, Lab, World, apply_fault, list_worlds, made_ready, running
from lab import mysql_visitor
from lab.grpc_visitor import call
from scenarios import described, faults_of

SCENARIOS = tuple(each for world in list_worlds() for each in faults_of(world))
EDGE_MADE = {502, 504}
NAMED_CODES = {"1000", "1015", "1016", "1020", "1033"}
NAME_SERVER_FAILURES = {dns.resolver.NXDOMAIN: "dns-nxdomain", dns.resolver.NoNameservers: "dns-servfail"}
NO_ANSWER: dict[type[OSError], str] = {
    ConnectionRefusedError: "connect-refused",
    ssl.SSLCertVerificationError: "tls-untrusted",
    ssl.SSLError: "tls-handshake",
    TimeoutError: "connect-timeout",
}
PATIENCE_S = 6.0


class Visitor:
    """Resolves through the first resolver, dials by connect_to, speaks HTTP/1.1; shows its token at a login.

    A mysql:// address is logged in to. A grpcs:// address is asked for its health over HTTP/2 instead, a wss:// one
    for a WebSocket.
    """

    def __init__(self, lab: Lab) -> None:
        self._handout = lab.handout
        self._tls = ssl.create_default_context(cafile=str(lab.handout.ca_file))
        held = [lab.handout.environment.get(f"CF_ACCESS_CLIENT_{part}", "") for part in ("ID", "SECRET")]
        self._token = (("CF-Access-Client-Id", held[0]), ("CF-Access-Client-Secret", held[1])) if all(held) else ()

    def is_online(self) -> bool:
        host, _, port = self._handout.endpoints.probe.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
        except OSError:
            return False
        return True

    def symptom(self, url: str) -> str | None:
        """What is wrong with *url* as seen from outside; None when it answers."""
        if not self.is_online():
            return "offline"
        if url.startswith("mysql://"):
            parts = urlsplit(url)
            real = self.real_port(self.resolve(parts.hostname or ""), parts.port or 3306)
            return mysql_visitor.symptom_of(parts, real, self._handout.environment["INGRESSDOCTOR_SQL_PASSWORD"])
        seen: list[str] = []
        while url not in seen:
            seen.append(url)
            verdict, url = self.visit(url)
            if not url:
                return verdict
        return "redirect-loop"

    def visit(self, url: str) -> tuple[str | None, str]:
        """The symptom of one request, or where it redirects to."""
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        address = self.resolve(host)
        if address in NAME_SERVER_FAILURES.values():
            return address, ""
        try:
            if scheme in {"grpc", "grpcs", "wss"}:
                ask = self.upgrade if scheme == "wss" else self.health
                return ask(address, host, "/" + path), ""
            status, headers, body = self.get(address, host, "/" + path, https=scheme == "https")
        except (ssl.SSLError, ConnectionRefusedError, TimeoutError) as error:
            return next(symptom for kind, symptom in NO_ANSWER.items() if isinstance(error, kind)), ""
        if is_login(headers) and self._token:
            status, headers, body = self.get(address, host, "/" + path, https=scheme == "https", more=self._token)
        elif "-mgmt." in host and not path and status < 300:
            return "exposed", ""
        target = headers.get("location", "") if status in {301, 302, 307, 308} else ""
        if is_login(headers):
            return "access-login", ""
        verdict = classified(status, headers, body, edge=not ipaddress.ip_address(address).is_private)
        return verdict, urljoin(url, target) if target else ""

    def resolve(self, host: str) -> str:
        server, _, port = self._handout.resolvers[0].rpartition(":")
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = [server], int(port), 2.0
        try:
            found = resolver.resolve(host, "A", raise_on_no_answer=False)
            return str((found.rrset or resolver.resolve(host, "AAAA"))[0].to_text())
        except tuple(NAME_SERVER_FAILURES) as error:
            return NAME_SERVER_FAILURES[type(error)]
        except dns.resolver.NoAnswer:
            return "dns-nxdomain"  # no address, whatever else the name may have

    def real_port(self, address: str, port: int) -> int:
        for entry in self._handout.connect_to:
            wanted, _, real = entry.rpartition(":127.0.0.1:")
            if wanted in {f"{address}:{port}", f"[{address}]:{port}", ":"}:
                return int(real)
        raise AssertionError("no catch-all")

    def health(self, address: str, host: str, path: str) -> str | None:
        """The symptom of a gRPC health check, whatever the path."""
        del path
        tls = ssl.create_default_context(cafile=str(self._handout.ca_file))
        answer = call(self.real_port(address, 443), host, tls)
        if is_login(answer.headers):
            return "access-login"
        if answer.status != 200:
            return classified(answer.status, answer.headers, answer.body)
        named = {"0": None, "12": "grpc-unimplemented", "14": "grpc-unavailable"}
        return named.get(answer.grpc_status or "", "grpc-internal")

    def upgrade(self, address: str, host: str, path: str) -> str | None:
        """The symptom of asking for a WebSocket."""
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        plain = socket.create_connection(("127.0.0.1", self.real_port(address, 443)), timeout=PATIENCE_S)
        with self._tls.wrap_socket(plain, server_hostname=host) as sock:
            sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            status = int(sock.recv(65536).split(b" ", 2)[1])
        return {101: None, 200: "websocket-refused"}.get(status, f"http-{status}")

    def get(
        self, address: str, host: str, path: str, *, https: bool, more: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, dict[str, str], bytes]:
        real = self.real_port(address, 443 if https else 80)
        sock = socket.create_connection(("127.0.0.1", real), timeout=PATIENCE_S)
        if https:
            sock = self._tls.wrap_socket(sock, server_hostname=host)
        with sock:
            peer = h11.Connection(h11.CLIENT)
            headers = [("Host", host), ("User-Agent", "visitor"), ("Accept", "*/*"), ("Connection", "close"), *more]
            sock.sendall(peer.send(h11.Request(method="GET", target=path, headers=headers)) or b"")
            sock.sendall(peer.send(h11.EndOfMessage()) or b"")
            head, body = None, b""
            while not isinstance(event := peer.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    peer.receive_data(sock.recv(65536))
                elif isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
        assert head is not None
        return head.status_code, {key.decode(): value.decode() for key, value in head.headers}, body


def is_login(headers: dict[str, str]) -> bool:
    return "cloudflareaccess.com/cdn-cgi/access/login" in headers.get("location", "")


def classified(status: int, headers: dict[str, str], body: bytes, *, edge: bool = True) -> str | None:
    if status < 400:
        return None
    special = (
        (headers.get("cf-mitigated") == "challenge", "edge-challenge"),
        (body.startswith(b"error code: 1"), edge_code(status, body)),
        (status >= 520 or (status in EDGE_MADE and b"error code" in body), f"edge-{status}"),
        (status == 404 and body == b"404 page not found\n", "controller-404"),
        (status == 404 and b"<center>nginx</center>" in body, "controller-404"),
        (status in {404, 503} and not body, f"tunnel-{status}"),
        (status == 404, "app-404"),
        (status == 418, "http-400"),  # refused as it came, whatever the number
        (edge and "cf-ray" not in headers, f"{status} without cf-ray"),
    )
    return next((symptom for applies, symptom in special if applies), f"http-{status}")


def edge_code(status: int, body: bytes) -> str:
    code = body.partition(b": ")[2].decode(errors="replace").strip()
    return f"edge-{code}" if code in NAMED_CODES else {403: "edge-1020", 429: "edge-1015"}.get(status, "edge-530")


@pytest.mark.lab
@pytest.mark.parametrize("each", SCENARIOS, ids=lambda item: f"{item.world}-{item.name}")
def test_the_symptom_emerges(each: Fault) -> None:
    url = each.host if "://" in each.host else f"https://{each.host}/"
    with running(made_ready(apply_fault(described(each.world), each), each.host)) as lab:
        seen = Visitor(lab).symptom(url)
    if seen == "exposed" and each.expect.status == "warn":
        seen = None  # a visitor cannot tell whether everybody is let in on purpose
    assert seen == each.expect.symptom


@pytest.mark.lab
@pytest.mark.parametrize(
    ("url", "symptom"),
    [
        pytest.param("https://www.wecare.gr/", None, id="the-shop"),
        pytest.param("https://www.wecare.gr/admin", None, id="a-page-behind-a-redirect"),
        pytest.param("https://wecare.gr/", None, id="the-apex-redirects-to-www"),
        pytest.param("https://api.wecare.gr/v1/status", None, id="the-api"),
        pytest.param("https://api.wecare.gr/nope", "app-404", id="the-api-answers-404-itself"),
        pytest.param("https://erp.wecare.gr.nope.example/", "dns-nxdomain", id="a-name-nobody-has"),
    ],
)
def test_the_healthy_world(url: str, symptom: str | None, wecare: World) -> None:
    with running(wecare) as lab:
        assert Visitor(lab).symptom(url) == symptom


@pytest.mark.lab
def test_a_request_leaves_a_line_in_traefiks_log_and_a_healthy_world_no_error(wecare: World) -> None:
    with running(wecare) as lab:
        Visitor(lab).symptom("https://www.wecare.gr/arrived")
        settings = client.Configuration()
        load: Any = config.load_kube_config
        load(str(lab.handout.kubeconfig), client_configuration=settings)
        with client.ApiClient(settings) as api:
            core: Any = client.CoreV1Api(api)
            pods = [pod.metadata.name for pod in core.list_namespaced_pod(namespace="traefik").items]
            logs = [core.read_namespaced_pod_log(namespace="traefik", name=name) for name in pods]
    assert any("/arrived" in log for log in logs)
    assert not any(" ERR " in log for log in logs)


@pytest.mark.lab
def test_the_folder_is_private_complete_and_gone_afterwards(wecare: World) -> None:
    with running(wecare) as lab:
        handout = lab.handout
        assert handout.directory.stat().st_mode & 0o077 == 0
        settings = tomllib.loads(handout.config.read_text())
        assert settings["kubernetes"]["kubeconfig"] == handout.environment["KUBECONFIG"]
        assert settings["http"]["connect_to"] == list(handout.connect_to)
        assert handout.connect_to[-1].startswith("::127.0.0.1:")
        assert settings["dns"]["resolvers"] == list(handout.resolvers)
        assert Path(handout.environment["INGRESSDOCTOR_CONFIG"]).exists()
        for name in ("HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN"):
            assert handout.environment[name] not in repr(handout)
            assert handout.environment[name] not in handout.config.read_text()
    assert not handout.directory.exists()


@pytest.mark.lab
def test_labs_run_side_by_side_and_leave_nothing_open(wecare: World) -> None:
    before = open_files()
    with running(wecare) as one, running(wecare) as two:
        assert one.handout.directory != two.handout.directory
        assert Visitor(one).symptom("https://www.wecare.gr/") is None
        assert Visitor(two).symptom("https://www.wecare.gr/") is None
    assert open_files() <= before + 1


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0
