from __future__ import annotations

import pytest

from build.cloudflared import rule
from ingressdoctor.routing.cloudflared import OriginService, ServiceKind
from ingressdoctor.routing.cloudflared.service import service_of


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "tls", "shown"),
    [
        pytest.param("http://x", ServiceKind.HTTP, "x", 80, False, "http://x", id="http"),
        pytest.param("https://x", ServiceKind.HTTP, "x", 443, True, "https://x", id="https"),
        pytest.param("ws://x:8080", ServiceKind.HTTP, "x", 8080, False, "ws://x:8080", id="ws"),
        pytest.param("wss://x", ServiceKind.HTTP, "x", 443, True, "wss://x", id="wss"),
        pytest.param("HTTP://X:80", ServiceKind.HTTP, "X", 80, False, "http://X:80", id="capitals"),
        pytest.param("http://u:p@x:80?q", ServiceKind.HTTP, "x", 80, False, "http://x:80", id="no-password-shown"),
        pytest.param("http://x:", ServiceKind.HTTP, "x", 80, False, "http://x:", id="empty-port"),
        pytest.param("http://x:00080", ServiceKind.HTTP, "x", 80, False, "http://x:00080", id="zeros"),
        pytest.param("tcp://x", ServiceKind.TCP, "x", 7864, False, "tcp://x:7864", id="tcp"),
        pytest.param("ssh://x", ServiceKind.TCP, "x", 22, False, "ssh://x:22", id="ssh"),
        pytest.param("rdp://x", ServiceKind.TCP, "x", 3389, False, "rdp://x:3389", id="rdp"),
        pytest.param("smb://[::1]", ServiceKind.TCP, "::1", 445, False, "smb://[::1]:445", id="smb-on-ipv6"),
        pytest.param("tcp://x:9", ServiceKind.TCP, "x", 9, False, "tcp://x:9", id="tcp-port"),
        pytest.param("h2c://x:1", ServiceKind.TCP, "x", 1, False, "h2c://x:1", id="unknown-scheme"),
        pytest.param("ftp://x", ServiceKind.TCP, "x", 0, False, "ftp://x", id="unknown-scheme-without-port"),
        pytest.param("unix:/a/b", ServiceKind.UNIX, "", 0, False, "unix:/a/b", id="unix"),
        pytest.param("unix+tls:/a", ServiceKind.UNIX, "", 0, True, "unix+tls:/a", id="unix-tls"),
        pytest.param("unix:", ServiceKind.UNIX, "", 0, False, "unix:", id="unix-without-path"),
        pytest.param("http_status:404", ServiceKind.STATUS, "", 0, False, "http_status:404", id="status"),
        pytest.param("http_status:+0404", ServiceKind.STATUS, "", 0, False, "http_status:404", id="status-signed"),
        pytest.param("hello_world", ServiceKind.HELLO, "", 0, True, "hello_world", id="hello"),
        pytest.param("hello-world", ServiceKind.HELLO, "", 0, True, "hello_world", id="hello-flag"),
        pytest.param("bastion", ServiceKind.BASTION, "", 0, False, "bastion", id="bastion"),
        pytest.param("socks-proxy", ServiceKind.SOCKS, "", 0, False, "socks-proxy", id="socks"),
    ],
)
def test_services(text: str, kind: ServiceKind, host: str, port: int, tls: bool, shown: str) -> None:
    found = service_of(text)

    assert isinstance(found, OriginService)
    assert (found.kind, found.host, found.port, found.tls, found.text) == (kind, host, port, tls, shown)
    assert found.is_web is (kind in (ServiceKind.HTTP, ServiceKind.UNIX, ServiceKind.HELLO))


@pytest.mark.parametrize(
    "port", [pytest.param("99999", id="too-high"), pytest.param("0", id="zero"), pytest.param("9" * 40, id="huge")]
)
def test_ports_out_of_range_are_accepted_and_cannot_be_dialled(port: str) -> None:
    found = service_of(f"http://x:{port}")

    assert isinstance(found, OriginService)
    assert found.port == 0
    assert found.bad_port[:20] == port[:19] + ("…" if len(port) > 20 else port[19:])


@pytest.mark.parametrize("text", ["unix", "http_status", "bastion:", "socks-proxy:x", "hello_world:"])
def test_words_that_only_look_like_a_service(text: str) -> None:
    assert not isinstance(service_of(text), OriginService)


def test_bastion_mode_of_the_top_turns_urls_into_a_bastion() -> None:
    assert (
        rule("service: 'http://x', hostname: a", "originRequest: {bastionMode: true}").service.kind
        is ServiceKind.BASTION
    )
    assert (
        rule("service: hello_world, hostname: a", "originRequest: {bastionMode: true}").service.kind
        is ServiceKind.HELLO
    )
