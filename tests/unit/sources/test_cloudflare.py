"""The Cloudflare source against a fake API."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from typing import Any

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.cloudflare import LiveCloudflare
from unit.sources.servers import HOST, Pki, Scripted, close_at_once, endless_body, free_port, hang, reset, serve

TOKEN = "cloudflare-t0ken-0123456789"
BASE = "/client/v4"


def live(port: int, calls: CallLog, *, scheme: str = "http", total_s: float = 2.0) -> LiveCloudflare:
    return LiveCloudflare(
        token=Secret(TOKEN), endpoint=f"{scheme}://{HOST}:{port}{BASE}/", timeout=(1.0, total_s), calls=calls
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b'{"success": true, "result": []}', id="ok"),
        pytest.param(403, b'{"success": false, "errors": [{"code": 10000}]}', id="forbidden"),
        pytest.param(404, b'{"success": false, "errors": [{"code": 7003}]}', id="not-found"),
        pytest.param(500, b"<html>error</html>", id="html"),
        pytest.param(302, b"", id="redirect-is-not-followed"),
    ],
)
async def test_any_answer_comes_back_as_it_was(calls: CallLog, status: int, body: bytes) -> None:
    api = Scripted({f"{BASE}/zones": [(status, {"Location": "http://192.0.2.1/", "CF-Ray": "r"}, body)]})
    async with serve(api) as port:
        source = live(port, calls)
        answer = await source.get("/zones", {"name": "shop.example"})
        await source.aclose()

    assert (answer.status, answer.body, answer.headers["cf-ray"]) == (status, body, "r")
    ((target, headers),) = api.requests
    assert target == f"{BASE}/zones?name=shop.example"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    ((_, call),) = calls.calls
    assert (call.source, call.what, call.outcome) == ("cloudflare", "GET /zones", str(status))


@pytest.mark.parametrize(
    ("retry_after", "status", "asked"),
    [
        pytest.param("0", 200, 2, id="short-wait-is-taken"),
        pytest.param("300", 429, 1, id="long-wait-is-not"),
    ],
)
async def test_too_many_requests(calls: CallLog, retry_after: str, status: int, asked: int) -> None:
    api = Scripted({f"{BASE}/zones": [(429, {"Retry-After": retry_after}, b"{}"), (200, {}, b"{}")]})
    async with serve(api) as port:
        source = live(port, calls)
        answer = await source.get("/zones", {})
        await source.aclose()

    assert (answer.status, len(api.requests)) == (status, asked)


async def test_without_a_token_nothing_is_sent(calls: CallLog) -> None:
    with pytest.raises(SourceError) as caught:
        await LiveCloudflare(token=None, calls=calls).get("/zones", {})

    assert "no Cloudflare API token" in caught.value.message
    assert "CLOUDFLARE_API_TOKEN" in caught.value.hint
    assert calls.calls == ()


FAILURES = [
    pytest.param(hang, "no answer in time", id="hang"),
    pytest.param(close_at_once, "the connection closed without an answer", id="close"),
    pytest.param(reset, "the connection was reset", id="reset"),
    pytest.param(
        Scripted({f"{BASE}/zones": [(200, {"Content-Length": "99"}, b"{")]}),
        "the connection closed in the middle of the answer",
        id="half-a-body",
    ),
    pytest.param(
        Scripted({f"{BASE}/zones": [(200, {"Content-Encoding": "gzip"}, b"not gzip")]}),
        "the answer is not encoded as it claims",
        id="lying-encoding",
    ),
]


@pytest.mark.parametrize(("behaviour", "reason"), FAILURES)
async def test_failures_in_clear_words(calls: CallLog, behaviour: Any, reason: str) -> None:
    async with serve(behaviour) as port:
        source = live(port, calls, total_s=0.5)
        with pytest.raises(SourceError) as caught:
            await source.get("/zones", {})
        await source.aclose()

    assert caught.value.message == f"The Cloudflare API did not answer: {reason}."
    assert TOKEN not in repr(caught.value.args) + caught.value.hint


async def test_an_answer_without_end_is_cut_off(calls: CallLog) -> None:
    async with serve(endless_body) as port:
        source = live(port, calls, total_s=20)
        with pytest.raises(SourceError, match="more than 16777216 bytes"):
            await source.get("/zones", {})
        await source.aclose()


async def test_refused_and_untrusted(calls: CallLog, pki: Pki) -> None:
    refused = live(free_port(), calls)
    with pytest.raises(SourceError, match="the connection was refused"):
        await refused.get("/zones", {})
    await refused.aclose()
    async with serve(hang, pki.context(HOST)) as port:
        untrusted = live(port, calls, scheme="https")
        with pytest.raises(SourceError, match="the certificate is not trusted"):
            await untrusted.get("/zones", {})
        await untrusted.aclose()


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://x/v4", "http://[::1/v4"])
async def test_an_unusable_endpoint(calls: CallLog, endpoint: str) -> None:
    source = LiveCloudflare(token=Secret(TOKEN), endpoint=endpoint, calls=calls)
    with pytest.raises(SourceError, match="the endpoint is not a usable URL"):
        await source.get("/zones", {})
    await source.aclose()


async def test_a_compressed_answer_is_unpacked(calls: CallLog) -> None:
    body = gzip.compress(b'{"result": []}')
    async with serve(Scripted({f"{BASE}/zones": [(200, {"Content-Encoding": "gzip"}, body)]})) as port:
        source = live(port, calls)
        answer = await source.get("/zones", {})
        await source.aclose()

    assert answer.body == b'{"result": []}'


async def test_a_compressed_answer_is_capped_by_what_it_unpacks_to(calls: CallLog) -> None:
    body = gzip.compress(bytes(17 * 1024 * 1024))
    async with serve(Scripted({f"{BASE}/zones": [(200, {"Content-Encoding": "gzip"}, body)]})) as port:
        source = live(port, calls)
        with pytest.raises(SourceError, match="more than 16777216 bytes"):
            await source.get("/zones", {})
        await source.aclose()


@pytest.mark.parametrize(
    ("excepted", "asked"),
    [
        pytest.param("", ["http://api.example/client/v4/zones"], id="through-the-proxy"),
        pytest.param("api.example", [], id="except-where-no_proxy-says-so"),
    ],
)
async def test_the_environments_proxy_is_used(
    calls: CallLog, monkeypatch: pytest.MonkeyPatch, excepted: str, asked: list[str]
) -> None:
    proxy = Scripted({"http://api.example/client/v4/zones": [(200, {}, b"{}")]})
    async with serve(proxy) as port:
        monkeypatch.setenv("http_proxy", f"http://user:p%40ss@{HOST}:{port}")
        monkeypatch.setenv("no_proxy", excepted)
        source = LiveCloudflare(token=Secret(TOKEN), endpoint=f"http://api.example{BASE}", calls=calls)
        with contextlib.suppress(SourceError):
            await source.get("/zones", {})
        await source.aclose()

    assert [target for target, _ in proxy.requests] == asked
    assert all(headers["proxy-authorization"] == "Basic dXNlcjpwQHNz" for _, headers in proxy.requests)


async def test_calls_at_once_do_not_mix_their_answers(calls: CallLog) -> None:
    paths = [f"/zones/{number}" for number in range(40)]
    api = Scripted({f"{BASE}{path}": [(200, {}, json.dumps({"path": path}).encode())] for path in paths})
    async with serve(api) as port:
        source = live(port, calls)
        answers = await asyncio.gather(*(source.get(path, {}) for path in paths))
        await source.aclose()

    assert [json.loads(answer.body)["path"] for answer in answers] == paths
