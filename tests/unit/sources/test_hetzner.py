"""The Hetzner Cloud source: the vendor's client against a fake API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.hetzner import LiveHetzner
from unit.sources.servers import HOST, Pki, Scripted, close_at_once, free_port, hang, reset, serve

TOKEN = "hetzner-t0ken-0123456789"


def live(port: int, calls: CallLog, *, scheme: str = "http", read_s: float = 2.0) -> LiveHetzner:
    return LiveHetzner(
        token=Secret(TOKEN), endpoint=f"{scheme}://{HOST}:{port}/v1/", timeout=(1.0, read_s), calls=calls
    )


def error_body(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "m", "details": {}}}).encode()


ANSWERS = [
    pytest.param(200, b'{"load_balancers": []}', id="ok"),
    pytest.param(401, error_body("unauthorized"), id="unauthorized"),
    pytest.param(403, error_body("forbidden"), id="forbidden"),
    pytest.param(404, error_body("not_found"), id="not-found"),
    pytest.param(429, error_body("rate_limit_exceeded"), id="rate-limit-is-not-waited-for"),
    pytest.param(409, error_body("conflict"), id="conflict-is-not-retried"),
    pytest.param(502, b"<html>bad gateway</html>", id="bad-gateway-is-not-retried"),
    pytest.param(500, b"", id="empty-error"),
    pytest.param(500, b'{"error": null}', id="null-error"),
    pytest.param(500, b'{"error": {"code": null}}', id="error-without-message"),
    pytest.param(500, b"[1, 2]", id="error-that-is-a-list"),
    pytest.param(200, b"<html>a captive portal</html>", id="html-with-200"),
    pytest.param(200, b"null", id="null"),
    pytest.param(302, b"", id="redirect-is-not-followed"),
]


@pytest.mark.parametrize(("status", "body"), ANSWERS)
async def test_any_answer_comes_back_as_it_was(calls: CallLog, status: int, body: bytes) -> None:
    api = Scripted({"/v1/load_balancers": [(status, {"Location": "http://192.0.2.1/", "X-Correlation-Id": "c"}, body)]})
    async with serve(api) as port:
        source = live(port, calls)
        answer = await source.get("/load_balancers", {"name": "ecnv4-lb", "page": "1"})
        await source.aclose()

    assert (answer.status, answer.body, answer.headers["x-correlation-id"]) == (status, body, "c")
    ((target, headers),) = api.requests
    assert target == "/v1/load_balancers?name=ecnv4-lb&page=1"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["user-agent"].startswith("ingressdoctor/")
    ((_, call),) = calls.calls
    assert (call.source, call.outcome) == ("hetzner", str(status))


async def test_a_netrc_entry_does_not_replace_the_token(
    calls: CallLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    api = Scripted({"/v1/servers": [(200, {}, b"{}")]})
    async with serve(api) as port:
        source = live(port, calls)
        await source.get("/servers", {})
        await source.aclose()

    assert api.requests[0][1]["authorization"] == f"Bearer {TOKEN}"


async def test_without_a_token_nothing_is_sent(calls: CallLog) -> None:
    source = LiveHetzner(token=None, calls=calls)
    with pytest.raises(SourceError) as caught:
        await source.get("/servers", {})

    assert "no Hetzner Cloud API token" in caught.value.message
    assert "HCLOUD_TOKEN" in caught.value.hint
    assert "read-only" in caught.value.hint
    assert calls.calls == ()


FAILURES = [
    pytest.param(hang, "no answer in time", id="hang"),
    pytest.param(close_at_once, "the connection closed without an answer", id="close"),
    pytest.param(reset, "the connection was reset", id="reset"),
    pytest.param(
        Scripted({"/v1/servers": [(200, {"Content-Length": "99"}, b"{")]}),
        "the connection closed in the middle of the answer",
        id="half-a-body",
    ),
]


@pytest.mark.parametrize(("behaviour", "reason"), FAILURES)
async def test_failures_in_clear_words(calls: CallLog, behaviour: Any, reason: str) -> None:
    async with serve(behaviour) as port:
        source = live(port, calls, read_s=0.3)
        with pytest.raises(SourceError) as caught:
            await source.get("/servers", {})
        await source.aclose()

    assert caught.value.message == f"The Hetzner API did not answer: {reason}."
    assert TOKEN not in repr(caught.value.args) + caught.value.hint


async def test_refused_and_untrusted(calls: CallLog, pki: Pki) -> None:
    with pytest.raises(SourceError, match="the connection was refused"):
        await live(free_port(), calls).get("/servers", {})
    async with serve(hang, pki.context(HOST)) as port:
        with pytest.raises(SourceError, match="the certificate is not trusted"):
            await live(port, calls, scheme="https").get("/servers", {})


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://x/v1", "http://", "http://[::1/v1"])
async def test_an_unusable_endpoint(calls: CallLog, endpoint: str) -> None:
    source = LiveHetzner(token=Secret(TOKEN), endpoint=endpoint, calls=calls)
    with pytest.raises(SourceError, match="the endpoint is not a usable URL"):
        await source.get("/servers", {})
    await source.aclose()


async def test_calls_at_once_do_not_mix_their_answers(calls: CallLog) -> None:
    paths = [f"/servers/{number}" for number in range(40)]
    api = Scripted({f"/v1{path}": [(200, {}, json.dumps({"path": path}).encode())] for path in paths})
    async with serve(api) as port:
        source = live(port, calls)
        answers = await asyncio.gather(*(source.get(path, {}) for path in paths))
        await source.aclose()

    assert [json.loads(answer.body)["path"] for answer in answers] == paths
