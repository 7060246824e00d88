"""The service token: sent where it belongs, over verified https, and shown nowhere."""

from __future__ import annotations

import asyncio

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.access_token import LiveAccessToken
from ingressdoctor.sources.base import AccessToken
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.net import LiveNet
from unit.sources.servers import HOST, Pki, read_request, serve

PANEL = "panel.example"
CLIENT, SECRET = "0123456789abcdef.access", "5ec2e7" * 10
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def a_token(*hosts: str) -> LiveAccessToken:
    return LiveAccessToken(client_id=Secret(CLIENT), client_secret=lambda: Secret(SECRET), hosts=hosts)


async def test_the_token_reaches_its_host_over_verified_https_and_no_log(pki: Pki, calls: CallLog) -> None:
    seen: list[str] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader)).decode())
        writer.write(OK)
        await writer.drain()

    async with serve(remember, pki.context(PANEL)) as port:
        net = LiveNet(
            ca_file=pki.ca_file,
            connect_to=ConnectTo.parse((f"203.0.113.10:443:{HOST}:{port}",)),
            anchors=(),
            calls=calls,
            access=a_token(PANEL),
        )
        request = HttpRequest(url=f"https://{PANEL}/", address="203.0.113.10")
        with_token = await net.http(HttpRequest(url=request.url, address=request.address, service_token=True))
        without = await net.http(request)

    assert (with_token.status, without.status) == (200, 200)
    assert f"CF-Access-Client-Id: {CLIENT}" in seen[0]
    assert f"CF-Access-Client-Secret: {SECRET}" in seen[0]
    assert "CF-Access" not in seen[1]
    assert SECRET not in repr((with_token, calls.calls))
    assert CLIENT not in repr(calls.calls)


async def test_a_host_whose_certificate_is_not_trusted_never_sees_it(pki: Pki, calls: CallLog) -> None:
    seen: list[bytes] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))

    async with serve(remember, pki.context("somebody.else.example")) as port:
        net = LiveNet(
            ca_file=pki.ca_file,
            connect_to=ConnectTo.parse((f"{PANEL}:443:{HOST}:{port}",)),
            anchors=(),
            calls=calls,
            access=a_token(),
        )
        exchange = await net.http(HttpRequest(url=f"https://{PANEL}/", service_token=True))

    assert exchange.reach is not Reach.OK
    assert not any(SECRET.encode() in request for request in seen)


@pytest.mark.parametrize(
    ("request_", "hosts"),
    [
        pytest.param(HttpRequest(url=f"http://{PANEL}/"), (), id="http"),
        pytest.param(HttpRequest(url=f"https://{PANEL}/", verify=False), (), id="unverified"),
        pytest.param(HttpRequest(url=f"https://{PANEL}/"), ("*.example.org",), id="another-host"),
        pytest.param(HttpRequest(url=f"https://{PANEL}/", host="x.example"), (PANEL,), id="another-host-by-its-header"),
    ],
)
async def test_it_is_not_sent(request_: HttpRequest, hosts: tuple[str, ...]) -> None:
    with pytest.raises(SourceError) as caught:
        await a_token(*hosts).laden(request_)

    assert SECRET not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("hosts", "fits"),
    [
        pytest.param((), True, id="no-hosts-means-any"),
        pytest.param(("*.example",), True, id="a-pattern"),
        pytest.param(("other.example",), False, id="another"),
    ],
)
def test_where_it_may_go(hosts: tuple[str, ...], fits: bool) -> None:
    assert a_token(*hosts).fits(PANEL) is fits


async def test_none_configured_is_an_empty_id_and_no_error() -> None:
    token = LiveAccessToken()

    assert isinstance(token, AccessToken)
    assert await token.client_id() == ""
    with pytest.raises(SourceError, match="no service token"):
        await token.laden(HttpRequest(url=f"https://{PANEL}/"))


async def test_a_secret_that_cannot_be_read_says_why() -> None:
    def broken() -> Secret:
        raise SourceError("no token: the file secret is empty")

    token = LiveAccessToken(client_id=broken, client_secret=Secret(SECRET))

    with pytest.raises(SourceError, match="the file secret is empty"):
        await token.client_id()
