"""The data plane against real programs: HAProxy and nginx as Debian ships them."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from build.ports import free_port
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.balancer import Balancer
from ingressdoctor.lab.stream import Duplex, splice
from lab.dataplane.kit import HOST, access_log, ask, healthy, process_log, running

pytestmark = pytest.mark.debian

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
haproxy_here = pytest.mark.skipif(not Path(HAPROXY).exists(), reason="haproxy is not installed")
nginx_here = pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed")


@contextlib.asynccontextmanager
async def program(port: int, *command: str) -> AsyncIterator[None]:
    """Run a server until the block ends; wait until it listens on *port*."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, await process.communicate()
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                break
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


def forward_to(port: int) -> Callable[[Duplex], object]:
    """A handler that hands the connection to a real program on loopback."""

    async def handle(stream: Duplex) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        other = _Pair(reader, writer, stream)
        try:
            await splice(stream, other)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    return handle


class _Pair:
    """asyncio's reader and writer as a Duplex."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, like: Duplex) -> None:
        self._reader, self._writer = reader, writer
        self.peer, self.local = like.peer, like.local

    async def read(self, limit: int = 65_536) -> bytes:
        return await self._reader.read(limit)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def unread(self, data: bytes) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def finish(self) -> None:
        await self.end()

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def balanced(target_port: int, *, version: int) -> AsyncIterator[int]:
    """A balancer with one address target behind which *target_port* is; gives the real port to dial."""
    network = Network(client_ip="198.51.100.23")
    network.listen("10.0.1.11", 30080, forward_to(target_port))  # type: ignore[arg-type]
    service = {"protocol": "tcp", "listen_port": 80, "destination_port": 30080, "proxyprotocol": True}
    spec = {
        "public_net": {"enabled": True, "ipv4": {"ip": "203.0.113.10"}},
        "services": [service],
        "targets": [{"type": "ip", "ip": {"ip": "10.0.1.11"}}],
    }
    balancer = Balancer(network, spec, {}, {"proxy_version": version})
    balancer.attach()
    await balancer.check_all()
    try:
        yield network.listeners["203.0.113.10", 80]
    finally:
        await network.stop()


async def get(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(3):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


HAPROXY_ACCEPT = """
defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 2s
frontend in
  bind 127.0.0.1:{plain}
  bind 127.0.0.1:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "src=%[src] dst=%[dst]:%[dst_port]"
"""


@haproxy_here
@pytest.mark.parametrize("version", [1, 2], ids=["v1", "v2"])
async def test_haproxy_accepts_the_balancers_proxy_header(tmp_path: Path, version: int) -> None:
    port, plain = free_port(), free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY_ACCEPT.format(port=port, plain=plain))
    async with program(plain, HAPROXY, "-db", "-f", str(config)), balanced(port, version=version) as entry:
        answer = await get(entry)

    assert answer.startswith("HTTP/1.1 200")
    assert "src=198.51.100.23 dst=203.0.113.10:80" in answer


NGINX_ACCEPT = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{port} proxy_protocol;
    location / {{ return 200 "src=$proxy_protocol_addr dst=$proxy_protocol_server_addr:$proxy_protocol_server_port"; }}
  }}
}}
"""


@nginx_here
@pytest.mark.parametrize("version", [1, 2], ids=["v1", "v2"])
async def test_nginx_accepts_the_balancers_proxy_header(tmp_path: Path, version: int) -> None:
    port, plain = free_port(), free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX_ACCEPT.format(port=port, plain=plain, folder=tmp_path))
    async with (
        program(plain, NGINX, "-e", "stderr", "-c", str(config), "-p", str(tmp_path)),
        balanced(port, version=version) as entry,
    ):
        answer = await get(entry)

    assert answer.startswith("HTTP/1.1 200")
    assert "src=198.51.100.23 dst=203.0.113.10:80" in answer


HAPROXY_SEND = """
defaults
  mode tcp
  timeout connect 2s
  timeout client 2s
  timeout server 2s
listen through
  bind 127.0.0.1:{port}
  server traefik 127.0.0.1:{target} {option}
"""


@haproxy_here
@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"])
async def test_controller_understands_haproxys_header(tmp_path: Path, option: str) -> None:
    parts = healthy()
    parts.set_args(
        lambda args: [
            *(arg for arg in args if "web.proxyProtocol" not in arg),
            "--entryPoints.web.proxyProtocol.insecure",
        ]
    )
    port = free_port()
    async with running(parts) as plane:
        target = plane._running().listeners["10.42.1.5", 8000]
        config = tmp_path / "haproxy.cfg"
        config.write_text(HAPROXY_SEND.format(port=port, target=target, option=option))
        async with program(port, HAPROXY, "-db", "-f", str(config)):
            answer = await get(port)
        seen = {entry["ClientHost"] for entry in access_log(plane)}
        log = process_log(plane)

    assert answer.startswith("HTTP/1.1 404 Not Found")
    assert answer.endswith("404 page not found\n")
    assert seen == {"127.0.0.1"}
    assert "ERR" not in log


@nginx_here
async def test_nginx_as_a_pod_is_reached_through_every_hop(tmp_path: Path) -> None:
    port, plain = free_port(), free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX_ACCEPT.format(port=port, plain=plain, folder=tmp_path).replace('"src=', '"host=$host src='))
    parts = healthy()
    parts.backends.clear()
    async with (
        program(plain, NGINX, "-e", "stderr", "-c", str(config), "-p", str(tmp_path)),
        running(parts) as plane,
    ):
        plane._running().listen("10.42.1.20", 8080, forward_to(plain))  # type: ignore[arg-type]
        response = await ask(plane)

    assert response.status_code == 200
    assert response.text.startswith(f"host={HOST} ")
    assert response.headers["server"] == "cloudflare"
