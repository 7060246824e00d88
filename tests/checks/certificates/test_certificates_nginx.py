"""What the checks say of certificates that nginx from Debian really serves: evidence by our own collectors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from build.authority import Authority
from build.backend import NOT_ASKED, a_decision
from build.certificates import a_certificate, a_chain
from build.outside import RANGES, resolver, zone
from build.sites import Sites, running, site
from build.sources import FakeAccessToken, TableDns
from build.webserver import here, nginx
from ingressdoctor.api import Clock, DnsView, Online, OriginProbe, OutsideProbe, Status, Symptom, Target
from ingressdoctor.collect.origin import Origin, collect_origin
from ingressdoctor.collect.outside import collect_outside
from ingressdoctor_checks.certificates_served import origin_invalid
from ingressdoctor_checks.certificates_stale import served_stale
from ingressdoctor_checks.edge import http_error
from ingressdoctor_checks.edge_certificate import certificate_invalid
from ingressdoctor_checks.edge_websocket import websocket_refused
from ingressdoctor_checks.origin import origin_unreachable
from ingressdoctor_checks.outside import unreachable
from ingressdoctor_checks.traefik_certificate import default_certificate

pytestmark = [pytest.mark.debian, pytest.mark.skipif(not here(), reason="nginx is not installed")]

ONLINE = Online(online=True)
STRICT = zone(settings={"ssl": "strict"})
FULL = zone(settings={"ssl": "full"})


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The server of this module's tests."""
    with running(tmp_path_factory.mktemp("nginx")) as found:
        yield found


async def origin_of(sites: Sites, name: str, listener: str = "web") -> OriginProbe:
    found = await collect_origin.function(
        Target(hostname=name), sites.net, Origin(address=sites.at(listener), source="its DNS record"), ONLINE
    )
    assert isinstance(found, OriginProbe)
    return found


async def visit(sites: Sites, name: str, listener: str = "web", target: Target | None = None) -> OutsideProbe:
    view = DnsView(hostname=name, resolvers=(resolver(sites.at(listener)),))
    found = await collect_outside.function(
        target or Target(hostname=name), view, TableDns({}), sites.net, FakeAccessToken(), ONLINE
    )
    assert isinstance(found, OutsideProbe)
    return found


def now() -> Clock:
    return Clock(now=datetime.now(UTC))


def only(findings: Any) -> Any:
    [finding] = findings
    return finding


@pytest.mark.parametrize(
    ("name", "listener", "says"),
    [
        pytest.param("good", "web", "", id="valid"),
        pytest.param("one.wild", "web", "", id="wildcard"),
        pytest.param("shuffled", "web", "", id="chain-in-another-order"),
        pytest.param("many", "web", "", id="the-last-of-1201-names"),
        pytest.param("six-days-late", "web", "", id="six-days-and-still-valid"),
        pytest.param("expired", "web", "it expired 4 days ago", id="expired"),
        pytest.param("early", "web", "it is valid only from 20", id="not-yet-valid"),
        pytest.param("other", "web", "it is for elsewhere.example, not for other.shop.example", id="another-host"),
        pytest.param("two.one.wild", "web", "it is for *.wild.shop.example, not for two.one", id="two-labels"),
        pytest.param("unknown", "web", "it is for default.shop.example, not for", id="default-server"),
        pytest.param("leafless", "web", "in its common name only", id="common-name-only"),
        pytest.param("self", "web", "it is signed by itself", id="self-signed"),
        pytest.param("incomplete", "web", "an intermediate certificate is missing", id="intermediate-missing"),
        pytest.param("wrong-middle", "web", "not the certificate of its issuer, CN=Shop CA 1", id="wrong-intermediate"),
        pytest.param("stranger", "web", "nobody trusts its authority, CN=Nobody's Root", id="unknown-authority"),
        pytest.param(
            "shuffled-stranger", "web", "nobody trusts its authority, CN=Nobody's Root", id="unknown-in-any-order"
        ),
        pytest.param("short-key", "weak", "its key is too short", id="short-key"),
        pytest.param("sha1", "weak", "signed with SHA-1", id="signed-by-sha1"),
    ],
)
async def test_the_origins_certificate(sites: Sites, name: str, listener: str, says: str) -> None:
    probe = await origin_of(sites, site(name), listener)

    strict, full = (
        only(origin_invalid(probe, zone, NOT_ASKED, NOT_ASKED, NOT_ASKED, now())) for zone in (STRICT, FULL)
    )

    assert (strict.status, full.status) == ((Status.FAIL, Status.WARN) if says else (Status.PASS, Status.PASS))
    assert says in strict.summary
    default = only(default_certificate(probe, STRICT, NOT_ASKED, NOT_ASKED, NOT_ASKED, Target(hostname=site(name))))
    assert default.status is Status.PASS, "only Traefik's own is its default certificate"


@pytest.mark.parametrize(
    ("name", "listener", "status", "says"),
    [
        pytest.param("good", "web", Status.PASS, "a trusted certificate", id="valid"),
        pytest.param("six-days", "web", Status.PASS, "a trusted certificate", id="four-of-six-days-left"),
        pytest.param("six-days-late", "web", Status.WARN, "expires in 1 days", id="one-of-six-days-left"),
        pytest.param("47-days", "web", Status.PASS, "a trusted certificate", id="17-of-47-days-left"),
        pytest.param("47-days-late", "web", Status.WARN, "expires in 7 days", id="7-of-47-days-left"),
        pytest.param("expired", "web", Status.FAIL, "it has expired", id="expired"),
        pytest.param("early", "web", Status.FAIL, "it is not valid yet", id="not-yet-valid"),
        pytest.param("other", "web", Status.FAIL, "it is for another name", id="another-host"),
        pytest.param("leafless", "web", Status.FAIL, "in its common name only", id="common-name-only"),
        pytest.param("self", "web", Status.FAIL, "it is self-signed", id="self-signed"),
        pytest.param("incomplete", "web", Status.FAIL, "an intermediate certificate is missing", id="incomplete"),
        pytest.param("wrong-middle", "web", Status.FAIL, "not the certificate of its issuer", id="wrong-intermediate"),
        pytest.param("stranger", "web", Status.FAIL, "nobody trusts its authority, CN=Nobody's Root", id="unknown-ca"),
        pytest.param("short-key", "weak", Status.FAIL, "its key is too short", id="short-key"),
        pytest.param("sha1", "weak", Status.FAIL, "signed with SHA-1", id="signed-by-sha1"),
        pytest.param("good", "old", Status.SKIP, "No certificate was served", id="no-common-version"),
    ],
)
async def test_the_visitors_certificate(sites: Sites, name: str, listener: str, status: Status, says: str) -> None:
    probe = await visit(sites, site(name), listener)

    finding = only(certificate_invalid(Target(hostname=site(name)), probe, RANGES, now()))

    assert (finding.status, finding.symptom) == (status, Symptom.TLS_UNTRUSTED if status is Status.FAIL else None)
    assert says in finding.summary


@pytest.mark.parametrize(
    ("listener", "name", "symptoms", "says"),
    [
        pytest.param("old", "good", {"tls-handshake"}, "refuses the TLS handshake", id="no-common-version"),
        pytest.param("reject", "no", {"tls-handshake"}, "refuses the TLS handshake", id="name-rejected"),
        pytest.param("plain", "good", {"tls-handshake"}, "does not speak TLS on that port", id="http-on-443"),
        pytest.param(
            "proxied-tls",
            "good",
            {"tls-handshake", "connect-reset"},
            "the connection",
            id="waits-for-a-proxy-header",
        ),
        pytest.param("web", "silent", {"empty-reply"}, "closes it without a byte", id="stream-ended"),
    ],
)
async def test_where_a_visitor_stops(sites: Sites, listener: str, name: str, symptoms: set[str], says: str) -> None:
    target = Target(hostname=site(name))
    probe, origin = await visit(sites, site(name), listener), await origin_of(sites, site(name), listener)

    stopped = only(unreachable(target, NOT_ASKED, probe, NOT_ASKED))
    direct = only(origin_unreachable(target, origin, probe, NOT_ASKED))

    assert (stopped.status, direct.status) == (Status.FAIL, Status.FAIL)
    assert str(stopped.symptom) in symptoms
    assert says in direct.summary


async def test_an_untrusted_certificate_is_no_missing_answer(sites: Sites) -> None:
    target = Target(hostname=site("expired"))
    probe, origin = await visit(sites, site("expired")), await origin_of(sites, site("expired"))

    assert only(unreachable(target, NOT_ASKED, probe, NOT_ASKED)).status is Status.SKIP
    assert only(origin_unreachable(target, origin, probe, NOT_ASKED)).status is Status.PASS


@pytest.mark.parametrize(
    ("listener", "scheme", "symptom", "says"),
    [
        pytest.param("wants", "https", "http-400", "Authenticated Origin Pulls", id="client-certificate-wanted"),
        pytest.param("web", "http", "http-400", "speaks plain HTTP to its port", id="http-on-the-port-of-tls"),
    ],
)
async def test_errors_that_nginx_makes_itself(
    sites: Sites, listener: str, scheme: str, symptom: str, says: str
) -> None:
    target = Target(hostname=site("good"), scheme=scheme, port=443 if scheme == "https" else 80)
    probe = await visit(sites, site("good"), listener, target)

    finding = only(http_error(target, probe, NOT_ASKED, NOT_ASKED, NOT_ASKED, NOT_ASKED, NOT_ASKED))

    assert (finding.status, str(finding.symptom)) == (Status.FAIL, symptom)
    assert "answers 400" in finding.summary
    assert finding.remedy is not None
    assert says in finding.remedy.text


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param("no-upgrade", Status.FAIL, id="nginx-takes-the-upgrade-away"),
        pytest.param("socket", Status.SKIP, id="an-error-is-judged-elsewhere"),
    ],
)
async def test_a_websocket_through_nginx(sites: Sites, name: str, status: Status) -> None:
    target = Target.parse(f"wss://{site(name)}/")
    probe = await visit(sites, site(name), "web", target)

    assert only(websocket_refused(target, probe, NOT_ASKED)).status is status


async def test_a_server_that_was_not_told_to_reload_serves_the_old_certificate(tmp_path: Path) -> None:
    authority = Authority("Shop Root")
    (tmp_path / "root.crt").write_bytes(authority.pem())
    before, after = (
        authority.issue(site("good"), days=(-80.0, 10.0)),
        authority.issue(site("good"), days=(-20.0, 70.0)),
    )
    block = f"server {{ listen <web> ssl; {before.write(tmp_path, 'site')} location / {{ return 200 here; }} }}"
    with nginx(tmp_path, ("web",), block) as server:
        found = Sites(server=server, issued={})
        after.write(tmp_path, "site")
        kept = await origin_of(found, site("good"))
        server.reload()
        for _ in range(600):
            renewed = await origin_of(found, site("good"))
            if renewed.https.tls != kept.https.tls and _serial(renewed) == f"{after.certificate.serial_number:x}":
                break
            await asyncio.sleep(0.05)
    chain = a_chain(
        a_certificate(
            notBefore=after.certificate.not_valid_before_utc.isoformat(),
            notAfter=after.certificate.not_valid_after_utc.isoformat(),
        )
    )

    stale, fresh = (
        only(served_stale(a_decision(), chain, probe, NOT_ASKED, NOT_ASKED, now())) for probe in (kept, renewed)
    )

    assert (stale.status, fresh.status) == (Status.WARN, Status.PASS)
    assert "serves an older certificate" in stale.summary


def _serial(probe: OriginProbe) -> str:
    tls = probe.https.tls
    return tls.chain[0].serial if tls is not None and tls.chain else ""
