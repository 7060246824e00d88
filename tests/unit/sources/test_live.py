"""Opening all sources at once, what that loads, and one real TLS server."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingressdoctor.errors import ConfigError, SourceError, UsageError
from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.model.text import Secret
from ingressdoctor.sources import base
from ingressdoctor.sources.live import SourceSettings, open_sources
from ingressdoctor.sources.net import LiveNet
from unit.sources.servers import HOST, Pki, Scripted, answering, dns_answer, free_port, serve, serve_dns

HEAVY = ("cryptography", "dns", "hcloud", "httpcore", "httpx", "kubernetes", "requests", "urllib3", "yaml")


def loaded(module: str) -> set[str]:
    """Return which heavy packages importing *module* loads, asked of a fresh interpreter."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(run.stdout.split()) & set(HEAVY)


@pytest.mark.parametrize("module", ["ingressdoctor.sources.base", "ingressdoctor.sources.live"])
def test_importing_loads_no_client_library(module: str) -> None:
    assert loaded(module) == set()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        pytest.param("ingressdoctor.sources.kubernetes", {"kubernetes", "urllib3", "yaml"}, id="kubernetes"),
        pytest.param("ingressdoctor.sources.hetzner", {"hcloud", "requests"}, id="hetzner"),
        pytest.param("ingressdoctor.sources.cloudflare", {"httpx"}, id="cloudflare"),
        pytest.param("ingressdoctor.sources.net", {"httpx", "requests"}, id="net"),
    ],
)
def test_slow_libraries_are_put_off_to_the_first_call(module: str, absent: set[str]) -> None:
    assert not loaded(module) & absent


async def test_all_sources_work_side_by_side(pki: Pki) -> None:
    api = Scripted({"/v1/servers": [(200, {}, b"{}")], "/client/v4/zones": [(200, {}, b"{}")]})
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with (
        serve(api) as api_port,
        serve(answering(raw), pki.context("shop.example")) as web,
        serve_dns(dns_answer(records=("shop.example. 60 IN A 192.0.2.1",))) as (resolver, _),
    ):
        sources = open_sources(
            SourceSettings(
                kubeconfig="/no/such/file",
                hetzner_token=Secret("h"),
                hetzner_endpoint=f"http://{HOST}:{api_port}/v1",
                cloudflare_token=Secret("c"),
                cloudflare_endpoint=f"http://{HOST}:{api_port}/client/v4",
                resolvers=(resolver,),
                ca_file=pki.ca_file,
                connect_to=(f"192.0.2.1:443:{HOST}:{web}", f"::{HOST}:{free_port()}"),
                anchors=(resolver,),
            )
        )
        kube, hetzner, cloudflare, dns, http, online = await asyncio.gather(
            sources.kubernetes.get("/version", {}),
            sources.hetzner.get("/servers", {}),
            sources.cloudflare.get("/zones", {}),
            sources.dns.query("shop.example", "A", resolver),
            sources.net.http(HttpRequest(url="https://shop.example/", address="192.0.2.1")),
            sources.net.tcp(HOST, int(resolver.partition(":")[2])),
            return_exceptions=True,
        )
        await sources.aclose()

    assert isinstance(kube, SourceError)
    assert isinstance(hetzner, base.Answer)
    assert isinstance(cloudflare, base.Answer)
    assert (hetzner.status, cloudflare.status) == (200, 200)
    assert not isinstance(dns, BaseException)
    assert dns.of("A") == ("192.0.2.1",)
    assert not isinstance(http, BaseException)
    assert http.status == 200
    assert not isinstance(online, BaseException)
    assert online.reach is Reach.OK
    assert {call.source for _, call in sources.calls.calls} == {
        "hetzner", "cloudflare", "dns", "http", "tcp",
    }, "a login that failed is no round trip"  # fmt: skip


def test_sources_keep_the_protocols() -> None:
    sources = open_sources(SourceSettings(resolvers=(f"{HOST}:53",)))

    assert isinstance(sources.kubernetes, base.Kubernetes)
    assert isinstance(sources.hetzner, base.Hetzner)
    assert isinstance(sources.cloudflare, base.Cloudflare)
    assert isinstance(sources.dns, base.Dns)
    assert isinstance(sources.net, base.Net)


@pytest.mark.parametrize(
    ("settings", "error", "named"),
    [
        pytest.param(SourceSettings(connect_to=("nonsense",)), UsageError, "nonsense", id="connect-to"),
        pytest.param(SourceSettings(resolvers=("dns.example",)), UsageError, "dns.example", id="resolver"),
        pytest.param(SourceSettings(authoritative="ns1"), UsageError, "ns1", id="authoritative"),
        pytest.param(SourceSettings(ca_file="/no/ca.pem"), ConfigError, "/no/ca.pem", id="ca-file"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_asked(
    settings: SourceSettings, error: type[UsageError], named: str
) -> None:
    with pytest.raises(error) as caught:
        open_sources(settings)

    assert named in caught.value.message


def test_secrets_do_not_show_in_the_settings() -> None:
    settings = SourceSettings(hetzner_token=Secret("sesame"), cloudflare_token=Secret("sesame"))

    assert "sesame" not in repr(settings) + repr(open_sources(settings))


NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  ssl_certificate {folder}/shop.pem; ssl_certificate_key {folder}/shop.pem;
  server {{ listen {host}:{plain}; return 301 https://$host$request_uri; }}
  server {{ listen {host}:{secure} ssl http2; server_name shop.example; return 200 "shop"; }}
  server {{ listen {host}:{secure} ssl default_server; ssl_reject_handshake on; }}
  server {{ listen {host}:{proxied} ssl proxy_protocol; return 200 "never"; }}
  server {{ listen {host}:{mutual} ssl; ssl_client_certificate {folder}/ca.pem; ssl_verify_client on; return 200; }}
}}
"""


@contextmanager
def nginx(pki: Pki) -> Iterator[dict[str, int]]:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        pytest.skip("nginx is not installed (Debian: nginx-light)")
    folder, _ = pki.folder, pki.ca_file
    pki.ca.issue_cert("shop.example").private_key_and_cert_chain_pem.write_to_path(str(folder / "shop.pem"))
    ports = {name: free_port() for name in ("plain", "secure", "proxied", "mutual")}
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, host=HOST, **ports))
    process = subprocess.Popen([binary, "-e", "stderr", "-c", str(config)], stderr=subprocess.PIPE)
    try:
        _wait_until_listening(ports["mutual"], process)
        yield ports
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    import socket

    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, (process.communicate()[1] or b"").decode()
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("nginx does not listen")


@pytest.mark.debian
async def test_nginx(net: Callable[..., LiveNet], pki: Pki, tmp_path: Path) -> None:
    live = net()
    with nginx(pki) as ports:
        good = await live.tls(HOST, ports["secure"], sni="shop.example")
        strict = await live.tls(HOST, ports["secure"], sni="other.example")
        proxied = await live.tls(HOST, ports["proxied"], sni="shop.example")
        mutual = await live.tls(HOST, ports["mutual"], sni="shop.example")
        plain = await live.http(HttpRequest(url="http://shop.example/a?b=1", address=HOST, port=ports["plain"]))
        secure = await live.http(HttpRequest(url="https://shop.example/", address=HOST, port=ports["secure"]))
        crossed = await live.http(HttpRequest(url="http://shop.example/", address=HOST, port=ports["secure"]))
        no_cert = await live.http(HttpRequest(url="https://shop.example/", address=HOST, port=ports["mutual"]))

    assert (good.reach, good.trusted, good.alpn) == (Reach.OK, True, "h2")
    assert good.chain[0].names == ("shop.example",)
    assert (strict.reach, strict.detail) == (Reach.TLS_ALERT, "alert 112 unrecognized_name")
    assert proxied.reach in {Reach.TLS_EOF, Reach.RESET}
    assert mutual.reach is Reach.OK  # nginx asks for the certificate in the handshake and refuses in HTTP
    assert (plain.status, plain.header("location")) == (301, "https://shop.example/a?b=1")
    assert (secure.status, secure.body) == (200, b"shop")
    assert crossed.status == 400
    assert no_cert.status == 400
