"""TCP and TLS against real sockets: every way of failing keeps its own name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest

from ingressdoctor.errors import ConfigError
from ingressdoctor.evidence.net import Reach, TlsAttempt
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.net import LiveNet
from unit.sources.servers import (
    HOST,
    Behaviour,
    Pki,
    black_hole,
    close_at_once,
    free_port,
    greeting,
    hang,
    reset,
    serve,
    serve_openssl,
)

NetMaker = Callable[..., LiveNet]
SHOP = "shop.example"


async def test_tcp_connects_and_names_the_place_it_went_to(net: NetMaker, calls: CallLog) -> None:
    async with serve(hang) as port:
        attempt = await net(f"203.0.113.10:443:{HOST}:{port}").tcp("203.0.113.10", 443)

    assert (attempt.reach, attempt.address, attempt.port) == (Reach.OK, "203.0.113.10", 443)
    assert attempt.dialled == f"{HOST}:{port}"
    assert attempt.elapsed_s > 0
    ((_, call),) = calls.calls
    assert (call.source, call.what, call.outcome) == ("tcp", "203.0.113.10:443", "ok")


async def test_tcp_refused(net: NetMaker) -> None:
    attempt = await net().tcp(HOST, free_port())

    assert (attempt.reach, attempt.detail) == (Reach.REFUSED, "connection refused")


async def test_tcp_that_nobody_answers_times_out(net: NetMaker) -> None:
    with black_hole() as port:
        attempt = await net().tcp(HOST, port, timeout_s=0.2)

    assert attempt.reach is Reach.TIMEOUT
    assert attempt.elapsed_s > 0.15


@pytest.mark.parametrize(
    ("address", "port", "reach"),
    [
        pytest.param("a" * 70 + ".example", 443, Reach.NAME, id="label-too-long"),
        pytest.param("zero\0byte.example", 443, Reach.NAME, id="zero-byte"),
        pytest.param("ümlaut" * 20 + ".example", 443, Reach.NAME, id="label-too-long-in-idna"),
        pytest.param("", 443, Reach.NAME, id="empty-host"),
        pytest.param(HOST, 0, Reach.UNREACHABLE, id="port-zero"),
        pytest.param(HOST, 70_000, Reach.UNREACHABLE, id="port-too-large"),
        pytest.param("127.255.255.255", 443, Reach.UNREACHABLE, id="address-that-cannot-be-connected-to"),
    ],
)
async def test_places_that_cannot_be_dialled(net: NetMaker, address: str, port: int, reach: Reach) -> None:
    attempt = await net().tcp(address, port, timeout_s=5)

    assert attempt.reach is reach


async def test_anchors_are_never_redirected(net: NetMaker) -> None:
    async with serve(hang) as port:
        live = net(f"::{HOST}:{free_port()}", anchors=(f"{HOST}:{port}",))

        assert (await live.tcp(HOST, port)).reach is Reach.OK
        assert (await live.tcp(HOST, port + 1)).reach is Reach.REFUSED


async def test_tls_reports_the_served_chain(net: NetMaker, pki: Pki) -> None:
    context = pki.context(SHOP, "*.shop.example")
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with serve(hang, context) as port:
        attempt = await net().tls(HOST, port, sni=SHOP)

    assert (attempt.reach, attempt.trusted, attempt.alpn) == (Reach.OK, True, "h2")
    assert attempt.version == "TLSv1.3"
    leaf = attempt.chain[0]
    assert leaf.names == (SHOP, "*.shop.example")
    assert not leaf.self_signed
    assert leaf.not_before.endswith("Z")
    assert len(leaf.sha256) == 64


@pytest.mark.parametrize(
    ("make", "sni", "code"),
    [
        pytest.param(lambda pki: pki.expired(SHOP), SHOP, 10, id="expired"),
        pytest.param(lambda pki: pki.self_signed(SHOP), SHOP, 18, id="self-signed"),
        pytest.param(lambda pki: Pki(pki.folder).context(SHOP), SHOP, 20, id="unknown-issuer"),
        pytest.param(lambda pki: pki.context("other.example"), SHOP, 62, id="wrong-name"),
    ],
)
async def test_an_untrusted_certificate_is_still_read(
    net: NetMaker, pki: Pki, make: Callable[[Pki], ssl.SSLContext], sni: str, code: int
) -> None:
    live = net()
    async with serve(hang, make(pki)) as port:
        attempt = await live.tls(HOST, port, sni=sni)

    assert (attempt.reach, attempt.trusted, attempt.verify_code) == (Reach.OK, False, code)
    assert attempt.verify_text
    assert attempt.chain[0].not_after
    assert attempt.chain[0].self_signed is (code == 18)


async def test_the_whole_chain_is_read_not_the_leaf_alone(net: NetMaker, pki: Pki) -> None:
    middle = pki.ca.create_child_ca()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    middle.issue_cert(SHOP).configure_cert(context)
    async with serve(hang, context) as port:
        attempt = await net().tls(HOST, port, sni=SHOP)

    assert attempt.trusted is True
    assert len(attempt.chain) >= 2
    assert attempt.chain[0].issuer == attempt.chain[1].subject


async def test_without_sni_only_the_chain_is_verified(net: NetMaker, pki: Pki) -> None:
    seen: list[str | None] = []
    context = pki.context("other.example")
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    async with serve(hang, context) as port:
        attempt = await net().tls(HOST, port, sni="")

    assert (attempt.reach, attempt.trusted) == (Reach.OK, True)
    assert seen == [None]


def alerting(alert: ssl.AlertDescription) -> Callable[[Pki], ssl.SSLContext]:
    def make(pki: Pki) -> ssl.SSLContext:
        context = pki.context(SHOP)
        context.sni_callback = lambda _socket, _name, _context: alert
        return context

    return make


@pytest.mark.parametrize(
    ("alert", "detail"),
    [
        pytest.param(
            ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME, "alert 112 unrecognized_name", id="strict-sni"
        ),
        pytest.param(
            ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE,
            "alert 40 handshake_failure",
            id="handshake-failure",
        ),
        pytest.param(
            ssl.AlertDescription.ALERT_DESCRIPTION_INTERNAL_ERROR, "alert 80 internal_error", id="internal-error"
        ),
    ],
)
async def test_alerts_are_told_by_number_and_name(
    net: NetMaker, pki: Pki, alert: ssl.AlertDescription, detail: str
) -> None:
    with serve_openssl(alerting(alert)(pki)) as port:
        attempt = await net().tls(HOST, port, sni=SHOP)

    assert (attempt.reach, attempt.detail, attempt.trusted) == (Reach.TLS_ALERT, detail, None)


async def test_a_server_that_speaks_only_old_tls_sends_protocol_version(net: NetMaker, pki: Pki) -> None:
    context = pki.context(SHOP)
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with serve_openssl(context) as port:
        attempt = await net().tls(HOST, port, sni=SHOP)

    assert (attempt.reach, attempt.detail) == (Reach.TLS_ALERT, "alert 70 protocol_version")


async def test_a_wanted_client_certificate_shows_after_the_handshake(net: NetMaker, pki: Pki) -> None:
    context = pki.context(SHOP)
    context.verify_mode = ssl.CERT_REQUIRED
    pki.ca.configure_trust(context)
    with serve_openssl(context) as port:
        attempt = await net().tls(HOST, port, sni=SHOP)

    assert (attempt.reach, attempt.detail) == (Reach.TLS_ALERT, "alert 116 certificate_required")
    assert attempt.trusted is True
    assert attempt.chain


@pytest.mark.parametrize(
    ("behaviour", "reach", "detail"),
    [
        pytest.param(close_at_once, Reach.TLS_EOF, "the server closed the connection after 0 bytes", id="close"),
        pytest.param(reset, Reach.RESET, "connection reset by peer", id="reset"),
        pytest.param(
            greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Reach.TLS_NOT_TLS,
            "the server answered in the clear: HTTP/1.1 400 Bad Request",
            id="plain-http-as-without-proxy-header",
        ),
        pytest.param(
            greeting(b"J\0\0\0\x0a8.0.30\0"),
            Reach.TLS_NOT_TLS,
            "the server answered in the clear: J\\x00\\x00\\x00",
            id="mysql-greeting",
        ),
        pytest.param(
            greeting(b"\x1b[2Jowned\n"),
            Reach.TLS_NOT_TLS,
            "the server answered in the clear: \\x1b[2Jowned",
            id="terminal-escapes-are-shown-not-sent",
        ),
        pytest.param(hang, Reach.READ_TIMEOUT, "connected, but the handshake was not answered in time", id="hang"),
    ],
)
async def test_what_is_not_tls(net: NetMaker, behaviour: Behaviour, reach: Reach, detail: str) -> None:
    async with serve(behaviour) as port:
        hangs = reach is Reach.READ_TIMEOUT
        attempt = await net().tls(HOST, port, sni=SHOP, timeout_s=1.0 if hangs else 20.0)

    assert (attempt.reach, attempt.detail) == (reach, detail)
    assert (attempt.trusted, attempt.chain) == (None, ())


async def test_tls_refused_and_unanswered(net: NetMaker) -> None:
    assert (await net().tls(HOST, free_port(), sni=SHOP)).reach is Reach.REFUSED
    with black_hole() as port:
        assert (await net().tls(HOST, port, sni=SHOP, timeout_s=0.2)).reach is Reach.TIMEOUT


@pytest.mark.parametrize("sni", ["." * 3, "a" * 300, "zero\0byte", ".leading.dot", "ümlaut" * 50])
async def test_a_name_that_cannot_be_sent_is_an_outcome(net: NetMaker, pki: Pki, sni: str) -> None:
    async with serve(hang, pki.context(SHOP)) as port:
        attempt = await net().tls(HOST, port, sni=sni)

    assert (attempt.reach, attempt.detail) == (Reach.TLS_OTHER, "the name cannot be sent as SNI")


async def test_many_at_once_from_one_loop(net: NetMaker, pki: Pki) -> None:
    live = net()
    async with serve(hang, pki.context(SHOP)) as port:
        attempts: list[TlsAttempt] = await asyncio.gather(
            *(live.tls(HOST, port, sni=SHOP, timeout_s=20) for _ in range(80))
        )

    assert {attempt.reach for attempt in attempts} == {Reach.OK}


async def test_cancelling_closes_the_socket(net: NetMaker) -> None:
    async with serve(hang) as port:
        task = asyncio.create_task(net().tls(HOST, port, sni=SHOP, timeout_s=30))
        await asyncio.sleep(0.1)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)

    # An open socket would fail the run: ResourceWarning is an error.
    assert isinstance(outcome, asyncio.CancelledError)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_unusable_ca_file_is_named(pki: Pki, calls: CallLog, content: str | None) -> None:
    path = pki.folder / "roots.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError) as caught:
        LiveNet(ca_file=str(path), connect_to=ConnectTo(), anchors=(), calls=calls)

    assert str(path) in caught.value.message
