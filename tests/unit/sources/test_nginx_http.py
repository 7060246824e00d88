"""HTTP against nginx from Debian: what is reported of each answer, and of none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from build.sites import Sites, running, site
from build.webserver import here
from ingressdoctor.collect.upgrade import upgrade_headers
from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach
from ingressdoctor.model.target import Target

pytestmark = [pytest.mark.debian, pytest.mark.skipif(not here(), reason="nginx is not installed")]

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The server of this module's tests."""
    with running(tmp_path_factory.mktemp("nginx")) as found:
        yield found


async def ask(sites: Sites, url: str, listener: str = "web", **more: object) -> HttpExchange:
    request = HttpRequest(url=url, address=sites.at(listener), timeout_s=PATIENCE_S, **more)  # type: ignore[arg-type]
    return await sites.net.http(request)


def https(name: str) -> str:
    return f"https://{site(name)}/"


@pytest.mark.parametrize(
    ("listener", "version"),
    [
        pytest.param("web", "HTTP/2", id="http2-by-alpn"),
        pytest.param("http1", "HTTP/1.1", id="http1-where-nothing-else-is-offered"),
    ],
)
async def test_it_answers(sites: Sites, listener: str, version: str) -> None:
    exchange = await ask(sites, https("good"), listener)

    assert (exchange.reach, exchange.status, exchange.http_version) == (Reach.OK, 200, version)
    assert exchange.body == f"{site('good')} TLSv1.3\n".encode()
    assert exchange.tls is not None
    assert exchange.tls.trusted is True
    assert (exchange.address, exchange.port) == (sites.at(listener), 443)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("expired", "certificate has expired", id="expired"),
        pytest.param("early", "certificate is not yet valid", id="not-yet-valid"),
        pytest.param("unknown", "Hostname mismatch", id="default-server"),
        pytest.param("self", "self-signed certificate", id="self-signed"),
        pytest.param("incomplete", "unable to get local issuer certificate", id="intermediate-missing"),
    ],
)
async def test_a_visitor_stops_at_the_certificate_and_we_do_not(sites: Sites, name: str, why: str) -> None:
    stopped = await ask(sites, https(name))
    through = await ask(sites, https(name), verify=False)

    assert (stopped.reach, stopped.status) == (Reach.TLS_OTHER, 0)
    assert stopped.detail.startswith(f"the certificate is not trusted: {why}")
    assert (through.reach, through.status) == (Reach.OK, 200)
    for exchange in (stopped, through):
        assert exchange.tls is not None
        assert (exchange.tls.reach, exchange.tls.trusted) == (Reach.OK, False)
        assert exchange.tls.chain


@pytest.mark.parametrize(
    ("url", "listener", "host", "status", "title"),
    [
        pytest.param(https("good"), "wants", "", 400, b"No required SSL certificate was sent", id="client-certificate"),
        pytest.param(
            f"http://{site('good')}:443/",
            "web",
            "",
            400,
            b"The plain HTTP request was sent to HTTPS port",
            id="http-on-the-tls-port",
        ),
        pytest.param(https("good"), "web", site("wants"), 421, b"Misdirected Request", id="misdirected"),
    ],
)
async def test_errors_that_nginx_makes(
    sites: Sites, url: str, listener: str, host: str, status: int, title: bytes
) -> None:
    exchange = await ask(sites, url, listener, host=host)

    assert (exchange.reach, exchange.status) == (Reach.OK, status)
    assert title in exchange.body
    assert exchange.header("server").startswith("nginx")


@pytest.mark.parametrize(
    ("url", "listener", "status", "location"),
    [
        pytest.param(f"http://{site('moved')}/a?b=1", "plain", 301, f"https://{site('moved')}/a?b=1", id="to-https"),
        pytest.param(https("moved") + "a?b=1", "web", 308, f"{https('good')}a?b=1", id="to-another-host"),
    ],
)
async def test_redirects_are_told_and_not_followed(
    sites: Sites, url: str, listener: str, status: int, location: str
) -> None:
    exchange = await ask(sites, url, listener)

    assert (exchange.reach, exchange.status, exchange.header("location")) == (Reach.OK, status, location)


async def test_hsts_is_kept(sites: Sites) -> None:
    exchange = await ask(sites, https("hsts"))

    assert exchange.header("strict-transport-security") == "max-age=63072000"


async def test_a_stream_that_is_ended_before_any_header_is_no_answer(sites: Sites) -> None:
    exchange = await ask(sites, https("silent"))

    assert (exchange.reach, exchange.status) == (Reach.CLOSED, 0)
    assert exchange.detail == "the connection closed without an answer: the server ended it with PROTOCOL_ERROR"


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        pytest.param("silent", Reach.CLOSED, id="closed"),
        pytest.param("reset", Reach.RESET, id="reset"),
    ],
)
async def test_a_connection_that_is_ended_before_any_header_is_no_answer(sites: Sites, name: str, reach: Reach) -> None:
    # A request for an upgrade is sent over HTTP/1.1.
    exchange = await ask(sites, https(name), headers=upgrade_headers(Target.parse(f"wss://{site(name)}/")))

    assert (exchange.reach, exchange.status) == (reach, 0)


@pytest.mark.parametrize(
    ("url", "listener", "reach"),
    [
        pytest.param(https("good"), "plain", Reach.TLS_NOT_TLS, id="https-on-a-port-of-http"),
        pytest.param(https("good"), "old", Reach.TLS_ALERT, id="versions-that-nobody-speaks"),
        pytest.param(https("no"), "reject", Reach.TLS_ALERT, id="name-rejected"),
    ],
)
async def test_requests_that_are_never_sent(sites: Sites, url: str, listener: str, reach: Reach) -> None:
    exchange = await ask(sites, url, listener)

    assert (exchange.reach, exchange.status) == (reach, 0)
    assert exchange.tls is not None
    assert exchange.tls.reach is reach
    assert exchange.phases.connect_s is not None
    assert exchange.phases.tls_s is None


@pytest.mark.parametrize(
    ("url", "listener"),
    [
        pytest.param(f"http://{site('good')}/", "proxied", id="http"),
        pytest.param(https("good"), "proxied-tls", id="https"),
    ],
)
async def test_without_a_proxy_header_nothing_is_answered(sites: Sites, url: str, listener: str) -> None:
    exchange = await ask(sites, url, listener)

    assert exchange.reach in (Reach.CLOSED, Reach.RESET, Reach.TLS_EOF)
    assert exchange.status == 0


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        pytest.param("socket", 426, b"upgrade upgrade", id="passed-on"),
        pytest.param("no-upgrade", 200, b"no upgrade", id="taken-away"),
    ],
)
async def test_whether_an_upgrade_gets_through_to_the_application(
    sites: Sites, name: str, status: int, body: bytes
) -> None:
    target = Target.parse(f"wss://{site(name)}/")

    exchange = await ask(sites, https(name), headers=upgrade_headers(target))

    assert (exchange.status, exchange.body, exchange.http_version) == (status, body, "HTTP/1.1")
