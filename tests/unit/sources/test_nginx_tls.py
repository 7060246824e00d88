"""TLS against nginx from Debian: what is reported of each handshake, right certificates and wrong ones."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from build.authority import Authority
from build.sites import DEFAULT, Sites, running, site
from build.webserver import here, nginx
from ingressdoctor.evidence.net import Reach, TlsAttempt
from unit.sources.servers import HOST, serve

pytestmark = [pytest.mark.debian, pytest.mark.skipif(not here(), reason="nginx is not installed")]

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The server of this module's tests."""
    with running(tmp_path_factory.mktemp("nginx")) as found:
        yield found


async def shake(sites: Sites, sni: str, listener: str = "web") -> TlsAttempt:
    return await sites.net.tls(sites.at(listener), 443, sni=sni, timeout_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("name", "trusted", "code", "said"),
    [
        pytest.param("good", True, 0, "", id="valid"),
        pytest.param("expired", False, 10, "certificate has expired", id="expired"),
        pytest.param("early", False, 9, "certificate is not yet valid", id="not-yet-valid"),
        pytest.param("other", False, 62, "Hostname mismatch", id="for-another-host"),
        pytest.param("leafless", False, 62, "Hostname mismatch", id="common-name-only"),
        pytest.param("one.wild", True, 0, "", id="wildcard-stands-for-one-label"),
        pytest.param("two.one.wild", False, 62, "Hostname mismatch", id="wildcard-does-not-stand-for-two"),
        pytest.param("self", False, 18, "self-signed certificate", id="self-signed"),
        pytest.param("incomplete", False, 20, "unable to get local issuer certificate", id="intermediate-missing"),
        pytest.param("wrong-middle", False, 20, "unable to get local issuer certificate", id="wrong-intermediate"),
        pytest.param("stranger", False, 20, "unable to get local issuer certificate", id="unknown-authority"),
        pytest.param("shuffled", True, 0, "", id="chain-in-another-order"),
        pytest.param("with-root", True, 0, "", id="root-sent-along"),
        pytest.param("long", True, 0, "", id="twenty-strangers-in-the-chain"),
        pytest.param("many", True, 0, "", id="the-last-of-1201-names"),
        pytest.param("six-days", True, 0, "", id="six-days-in-all"),
        pytest.param("47-days", True, 0, "", id="47-days-in-all"),
        pytest.param("twice", True, 0, "", id="a-certificate-of-each-kind-of-key"),
    ],
)
async def test_whether_it_is_trusted_and_why_not(sites: Sites, name: str, trusted: bool, code: int, said: str) -> None:
    attempt = await shake(sites, site(name))

    assert (attempt.reach, attempt.trusted, attempt.verify_code) == (Reach.OK, trusted, code)
    assert attempt.verify_text.startswith(said)
    assert bool(attempt.verify_text) is bool(said)
    assert (attempt.address, attempt.port, attempt.sni) == (sites.at("web"), 443, site(name))
    assert (attempt.version, attempt.alpn) == ("TLSv1.3", "h2")


@pytest.mark.parametrize(
    "name", ["good", "expired", "early", "other", "self", "incomplete", "stranger", "six-days-late", "one.wild"]
)
async def test_the_chain_is_told_as_it_was_served(sites: Sites, name: str) -> None:
    issued = sites.issued[name]
    served = (issued.certificate, *(() if name == "incomplete" else issued.above))

    attempt = await shake(sites, site(name))

    assert [item.sha256 for item in attempt.chain] == [item.fingerprint(hashes.SHA256()).hex() for item in served]
    leaf = attempt.chain[0]
    assert (leaf.subject, leaf.issuer) == tuple(
        part.rfc4514_string() for part in (issued.certificate.subject, issued.certificate.issuer)
    )
    assert leaf.serial == f"{issued.certificate.serial_number:x}"
    assert dt.datetime.fromisoformat(leaf.not_before) == issued.certificate.not_valid_before_utc
    assert dt.datetime.fromisoformat(leaf.not_after) == issued.certificate.not_valid_after_utc
    assert leaf.self_signed is (name == "self")


async def test_addresses_are_names_too(sites: Sites) -> None:
    attempt = await shake(sites, site("address"))

    assert attempt.chain[0].names == (site("address"), "203.0.113.1")


async def test_an_order_of_its_own_is_kept(sites: Sites) -> None:
    subjects = [item.subject for item in (await shake(sites, site("shuffled"))).chain]

    assert subjects == [f"CN={site('shuffled')}", "CN=Shop Upper CA", "CN=Shop Lower CA"]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        pytest.param("short-key", 66, "EE certificate key too weak", id="key-of-1024-bits"),
        pytest.param("sha1", 68, "CA signature digest algorithm too weak", id="signed-by-sha1"),
    ],
)
async def test_what_is_too_weak_is_shown_and_not_trusted(sites: Sites, name: str, code: int, said: str) -> None:
    attempt = await shake(sites, site(name), "weak")

    assert (attempt.reach, attempt.trusted, attempt.verify_code) == (Reach.OK, False, code)
    assert attempt.verify_text == said
    assert attempt.chain[0].names == (site(name),)


@pytest.mark.parametrize(
    ("listener", "version", "alpn"),
    [
        pytest.param("tls12", "TLSv1.2", "h2", id="tls-1-2-only"),
        pytest.param("tls13", "TLSv1.3", "h2", id="tls-1-3-only"),
        pytest.param("http1", "TLSv1.3", "http/1.1", id="without-http2"),
        pytest.param("rsa", "TLSv1.3", "h2", id="rsa-key"),
    ],
)
async def test_version_and_protocol(sites: Sites, listener: str, version: str, alpn: str) -> None:
    attempt = await shake(sites, site("good"), listener)

    assert (attempt.reach, attempt.trusted) == (Reach.OK, True)
    assert (attempt.version, attempt.alpn) == (version, alpn)


@pytest.mark.parametrize(
    ("listener", "sni", "reach", "detail"),
    [
        pytest.param("old", site("good"), Reach.TLS_ALERT, "alert 70 protocol_version", id="tls-1-0-and-1-1-only"),
        pytest.param("reject", site("no"), Reach.TLS_ALERT, "alert 112 unrecognized_name", id="name-rejected"),
        pytest.param("reject", "", Reach.TLS_ALERT, "alert 112 unrecognized_name", id="no-name-rejected"),
        pytest.param(
            "plain",
            site("good"),
            Reach.TLS_NOT_TLS,
            "the server answered in the clear: HTTP/1.1 400 Bad Request",
            id="port-speaks-http",
        ),
        pytest.param("web", site("huge"), Reach.TLS_OTHER, "excessive message size", id="chain-above-100-kb"),
    ],
)
async def test_handshakes_that_fail(sites: Sites, listener: str, sni: str, reach: Reach, detail: str) -> None:
    attempt = await shake(sites, sni, listener)

    assert (attempt.reach, attempt.detail) == (reach, detail)
    assert (attempt.trusted, attempt.chain, attempt.version) == (None, (), "")


@pytest.mark.parametrize("listener", ["proxied", "proxied-tls"])
async def test_a_listener_that_waits_for_a_proxy_header_closes(sites: Sites, listener: str) -> None:
    attempt = await shake(sites, site("good"), listener)

    # Whether the close overtakes the unread hello, and so becomes a reset, is a race in the kernel.
    assert attempt.reach in (Reach.TLS_EOF, Reach.RESET)
    assert attempt.trusted is None
    assert "broken header" in sites.server.log()


async def test_a_wanted_client_certificate_does_not_stop_nginxs_handshake(sites: Sites) -> None:
    attempt = await shake(sites, site("good"), "wants")

    assert (attempt.reach, attempt.trusted) == (Reach.OK, True)


@pytest.mark.parametrize(
    ("sni", "trusted", "code"),
    [
        pytest.param(site("unknown"), False, 62, id="unknown-name"),
        pytest.param("", True, 0, id="no-name"),
        pytest.param("203.0.113.1", False, 64, id="address-for-a-name"),
        pytest.param(DEFAULT, True, 0, id="its-own-name"),
    ],
)
async def test_the_default_servers_certificate(sites: Sites, sni: str, trusted: bool, code: int) -> None:
    attempt = await shake(sites, sni)

    assert (attempt.reach, attempt.trusted, attempt.verify_code) == (Reach.OK, trusted, code)
    assert attempt.chain[0].names == (DEFAULT,)


async def test_a_slow_handshake_ends_in_no_answer_and_not_in_a_dead_port(sites: Sites) -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on nginx's first bytes only, as a link does that loses large packets."""
        theirs, ours = await asyncio.open_connection(HOST, sites.server.ports["web"])
        try:
            ours.write(await reader.read(65_536))
            writer.write((await theirs.read(65_536))[:50])
            await asyncio.sleep(PATIENCE_S)
        finally:
            ours.transport.abort()

    async with serve(hold) as port:
        attempt = await sites.net.tls(HOST, port, sni=site("good"), timeout_s=1.5)

    assert (attempt.reach, attempt.trusted) == (Reach.READ_TIMEOUT, None)
    assert attempt.detail == "connected, but the handshake was not answered in time"


async def test_a_renewed_certificate_is_seen_after_the_reload_and_not_by_old_connections(tmp_path: Path) -> None:
    authority = Authority("Shop Root")
    (tmp_path / "root.crt").write_bytes(authority.pem())
    before, after = authority.issue(site("good"), days=(-80.0, 10.0)), authority.issue(site("good"))
    block = f"server {{ listen <web> ssl; {before.write(tmp_path, 'site')} location / {{ return 200 kept; }} }}"
    with nginx(tmp_path, ("web",), block) as server:
        net = server.net(str(tmp_path / "root.crt"))

        async def served() -> str:
            attempt = await net.tls(server.addresses["web"], 443, sni=site("good"), timeout_s=PATIENCE_S)
            assert (attempt.reach, attempt.trusted) == (Reach.OK, True)
            return attempt.chain[0].serial

        context = ssl.create_default_context(cafile=str(tmp_path / "root.crt"))
        reader, writer = await asyncio.open_connection(
            HOST, server.ports["web"], ssl=context, server_hostname=site("good")
        )
        writer.write(f"GET / HTTP/1.1\r\nHost: {site('good')}\r\n".encode())
        await writer.drain()
        after.write(tmp_path, "site")
        assert await served() == f"{before.certificate.serial_number:x}", "files alone change nothing"
        server.reload()
        for _ in range(int(PATIENCE_S / 0.05)):
            if (now := await served()) == f"{after.certificate.serial_number:x}":
                break
            await asyncio.sleep(0.05)
        writer.write(b"Connection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        held = writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        writer.close()
        await writer.wait_closed()

    assert now == f"{after.certificate.serial_number:x}"
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"kept")
    assert int(held, 16) == before.certificate.serial_number
