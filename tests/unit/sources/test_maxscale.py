"""MaxScale's REST API over real sockets: how it is logged in to, and how each way of failing is told apart."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from build.maxscale import PASSWORD, USER, basic
from ingressdoctor.api import ApiPlace, ApiTrouble, RestReply, Secret, SourceError
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.forward import Forwarder
from ingressdoctor.sources.maxscale import LiveMaxScale, RestSettings
from unit.sources.servers import (
    HOST,
    Behaviour,
    Pki,
    Scripted,
    answering,
    close_at_once,
    endless_body,
    free_port,
    greeting,
    hang,
    read_request,
    reset,
    serve,
)

ONE = "/v1/servers"
PATHS = (ONE, "/v1/services")
PLACE = ApiPlace(namespace="shop", pod="mxs-0")
SECRET = Secret(PASSWORD)


def live(settings: RestSettings, calls: CallLog, forward: Forwarder | None = None) -> LiveMaxScale:
    return LiveMaxScale(settings, calls=calls, forward=forward)


def at(port: int, scheme: str = "http", **more: Any) -> RestSettings:
    return dataclasses.replace(
        RestSettings(url=f"{scheme}://{HOST}:{port}", user=USER, password=SECRET, timeout_s=20.0), **more
    )


async def maxscale(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as MaxScale does: 401 to everybody without the right login, whatever the path; keep the connection."""
    while True:
        head = (await read_request(reader)).decode("latin-1")
        right = f"authorization: {basic()}".lower() in head.lower()
        body = b'{"data": []}' if right else b'{"errors": [{"detail": "Access denied"}]}'
        status = "200 OK" if right else '401 Unauthorized\r\nWWW-Authenticate: Basic realm="maxscale"'
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()


async def read(behaviour: Behaviour, make: Callable[[int], RestSettings] = at, context: Any = None) -> RestReply:
    """Return the first reply of one look."""
    async with serve(behaviour, context) as port:
        replies = await live(make(port), CallLog()).read(None, PATHS)
    return replies[0]


async def test_all_paths_go_over_one_connection_with_the_login(calls: CallLog) -> None:
    api = Scripted({path: [(200, {}, b'{"data": []}')] for path in PATHS})
    async with serve(api) as port:
        replies = await live(at(port), calls).read(None, PATHS)

    assert [reply.status for reply in replies] == [200, 200]
    assert [target for target, _ in api.requests] == list(PATHS)
    assert {headers["authorization"] for _, headers in api.requests} == {basic()}
    ((_, call),) = calls.calls
    assert (call.source, call.outcome) == ("maxscale", "200")
    assert PASSWORD not in repr(calls.calls) + repr(at(1))


async def test_the_right_login_reads(calls: CallLog) -> None:
    assert (await read(maxscale)).status == 200


async def test_a_wrong_login_is_401_and_asks_for_nothing_more() -> None:
    async with serve(maxscale) as port:
        source = live(at(port, password=Secret("wrong")), CallLog())
        (reply,) = await source.read(None, PATHS)

    assert (reply.status, reply.trouble) == (401, None)


async def test_without_a_password_no_login_is_sent() -> None:
    api = Scripted({path: [(200, {}, b'{"data": []}')] for path in PATHS})
    async with serve(api) as port:
        source = live(at(port, password=None), CallLog())
        await source.read(None, PATHS)

    assert not source.has_login
    assert all("authorization" not in headers for _, headers in api.requests)


async def test_a_password_that_cannot_be_had_is_said() -> None:
    def missing() -> Secret:
        raise SourceError("no token: the file secret is empty")

    with pytest.raises(SourceError, match="secret is empty"):
        await live(at(free_port(), password=missing), CallLog()).read(None, PATHS)


@pytest.mark.parametrize(
    ("behaviour", "trouble"),
    [
        pytest.param(close_at_once, ApiTrouble.CLOSED, id="closed-without-an-answer"),
        pytest.param(reset, ApiTrouble.CLOSED, id="reset"),
        pytest.param(endless_body, ApiTrouble.NOT_MAXSCALE, id="a-body-without-end"),
        pytest.param(greeting(b"J\0\0\0\n5.5.5-10.11"), ApiTrouble.NOT_MAXSCALE, id="mysql-speaks-first"),
        pytest.param(answering(b"SSH-2.0-x\r\n"), ApiTrouble.NOT_MAXSCALE, id="not-http"),
    ],
)
async def test_servers_that_are_no_api_are_told_apart(behaviour: Behaviour, trouble: ApiTrouble) -> None:
    reply = await read(behaviour)

    assert reply.trouble is trouble
    assert reply.detail
    assert PASSWORD not in repr(reply)


async def test_silence_ends_in_time() -> None:
    reply = await read(hang, lambda port: at(port, timeout_s=0.2))

    assert reply.trouble is ApiTrouble.TIMEOUT


async def test_nobody_listening_is_refused() -> None:
    (reply,) = await live(at(free_port()), CallLog()).read(None, PATHS)

    assert reply.trouble is ApiTrouble.REFUSED


async def test_an_api_with_tls_closes_a_plain_request(pki: Pki) -> None:
    reply = await read(maxscale, at, pki.context(HOST))

    assert reply.trouble is ApiTrouble.CLOSED


async def test_a_plain_api_answers_no_handshake() -> None:
    reply = await read(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), lambda port: at(port, "https", timeout_s=1.0))

    assert reply.trouble in (ApiTrouble.TLS, ApiTrouble.TIMEOUT)


async def test_a_private_ca_has_to_be_named(pki: Pki) -> None:
    untrusted = await read(maxscale, lambda port: at(port, "https"), pki.context(HOST))
    trusted = await read(maxscale, lambda port: at(port, "https", ca_file=pki.ca_file), pki.context(HOST))

    assert untrusted.trouble is ApiTrouble.UNTRUSTED
    assert (trusted.status, trusted.trouble) == (200, None)


async def test_a_certificate_for_another_name_is_not_trusted(pki: Pki) -> None:
    reply = await read(maxscale, lambda port: at(port, "https", ca_file=pki.ca_file), pki.context("other.example"))

    assert reply.trouble is ApiTrouble.UNTRUSTED


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://[::1", "http://h:99999"])
async def test_a_url_that_is_none_is_said(url: str) -> None:
    (reply,) = await live(RestSettings(url=url), CallLog()).read(None, PATHS)

    assert reply.trouble is ApiTrouble.OTHER


async def test_a_pod_without_a_grant_is_said() -> None:
    async def denied(namespace: str, pod: str, port: int) -> Any:
        raise SourceError("403: pods/portforward is not granted.", hint="Grant it.")

    (reply,) = await live(RestSettings(password=SECRET), CallLog(), denied).read(PLACE, PATHS)

    assert reply.trouble is ApiTrouble.NOT_GRANTED


async def test_a_pod_that_cannot_be_reached_is_said() -> None:
    async def broken(namespace: str, pod: str, port: int) -> Any:
        raise SourceError("The API server answers 500.")

    (reply,) = await live(RestSettings(password=SECRET), CallLog(), broken).read(PLACE, PATHS)
    (none,) = await live(RestSettings(password=SECRET), CallLog()).read(PLACE, PATHS)

    assert (reply.trouble, reply.detail) == (ApiTrouble.OTHER, "The API server answers 500.")
    assert none.trouble is ApiTrouble.OTHER
