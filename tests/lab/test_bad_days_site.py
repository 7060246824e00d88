"""A site that answers monstrously or hardly at all, and clusters whose words are hostile: bounded, and harmless."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from build.badday import HOST, Seen, calm, say, secrets_of, see
from build.values import replace
from ingressdoctor.cli.options import Connection
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world, running

Writer = asyncio.StreamWriter
Answer = Callable[[Writer], Awaitable[None]]
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(calm(load_world("wecare"))) as it:
        yield it


@contextlib.contextmanager
def site(answer: Answer) -> Iterator[int]:
    """A web server in a thread that answers every request in the same bad manner; yields its port."""
    loop = asyncio.new_event_loop()
    tasks: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        writer.transport.abort()
        tasks.discard(task)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(handle, "127.0.0.1", 0), loop).result(5)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _send(writer: Writer, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def huge_header(writer: Writer) -> None:
    await _send(writer, _OK + b"X-Session: " + b"x" * 2_000_000 + b"\r\nContent-Length: 0\r\n\r\n")


async def endless_headers(writer: Writer) -> None:
    await _send(writer, _OK)
    while True:
        await _send(writer, b"X-More: y\r\n" * 1000)


async def endless_body(writer: Writer) -> None:
    await _send(writer, _OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await _send(writer, b"10000\r\n" + b"z" * 0x10000 + b"\r\n")


async def dripping_headers(writer: Writer) -> None:
    for byte in _OK * 100:
        await _send(writer, bytes([byte]))
        await asyncio.sleep(1)


async def dripping_body(writer: Writer) -> None:
    await _send(writer, _OK + b"Content-Length: 1000\r\n\r\n")
    for _ in range(1000):
        await _send(writer, b"w")
        await asyncio.sleep(1)


async def rubbish(writer: Writer) -> None:
    await _send(writer, bytes(range(256)) * 64)


async def silence(writer: Writer) -> None:
    del writer
    await asyncio.sleep(60)


async def hostile_words(writer: Writer) -> None:
    head = b"HTTP/1.1 503 \x1b[31mNo\r\nServer: \x1b]0;owned\x07[bold red]x[/]\r\nLocation: http://[::1\r\n"
    await _send(writer, head + b"Content-Length: 30\r\n\r\n<script>alert(1)</script>\x1b[2J\x9b\x00")


SITES = [
    pytest.param(huge_header, 1, {"empty-reply"}, id="a-header-of-2-MB"),
    pytest.param(endless_headers, 1, {"empty-reply"}, id="headers-without-end"),
    pytest.param(endless_body, 0, set(), id="a-body-without-end"),
    pytest.param(dripping_headers, None, set(), id="headers-of-one-byte-a-second"),
    pytest.param(dripping_body, None, set(), id="a-body-of-one-byte-a-second"),
    pytest.param(rubbish, 1, {"empty-reply"}, id="rubbish"),
    pytest.param(silence, None, set(), id="silence"),
    pytest.param(hostile_words, 1, {"http-503"}, id="hostile-words"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("answer", "code", "symptoms"), SITES)
def test_a_site_that_answers_badly(lab: Lab, answer: Answer, code: int | None, symptoms: set[str]) -> None:
    """Where *code* is None, the site takes longer than the run may: nothing is known about it, and that is said."""
    with site(answer) as port:
        elsewhere = [f":80:127.0.0.1:{port}", *lab.handout.connect_to]
        connection = Connection(config=str(lab.handout.config), connect_to=elsewhere)
        began = time.monotonic()
        seen = see(lab, host=f"http://{HOST}/", connection=connection, timeout_s=6 if code is None else 20)
        elapsed = time.monotonic() - began

    assert elapsed < 40
    assert len(seen.terminal) < 20_000
    if code is None:
        assert seen.code == 3
        assert "edge.unreachable" in seen.unknown
        assert seen.says("no answer within")
    else:
        assert seen.code == code
        assert set(seen.symptoms) == symptoms


def backend_with(fault: str, *patch: dict[str, Any]) -> Seen:
    """A diagnosis of a world with a fault and some more operations."""
    world = load_world("wecare")
    known = load_fault("wecare", fault)
    with running(calm(apply_fault(apply_fault(world, known), replace(known, patch=patch)))) as lab:
        return see(lab)


@pytest.mark.lab
def test_a_huge_header_behind_the_edge() -> None:
    path = "[name=adveshop4].listen[0].paths[prefix=/].header_bytes"
    seen = backend_with("app-error", {"backends": {"set": {path: 2_000_000}}})

    assert seen.code == 1
    assert seen.symptoms
    assert not seen.report.diagnosis.latent


HOSTILE = "\x1b[31m[bold red]owned[/bold red]\x1b]8;;http://x\x07 $(reboot) `id` <b>&\u202e\u2028 \x9b31m\x00"


def with_logs(world: World, line: str) -> World:
    return replace(world, logs={**world.logs, "traefik/traefik/traefik": line * 3})


@pytest.mark.lab
def test_log_lines_with_escapes_and_markup() -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    log = f"{now} ERR Recovered from panic in HTTP handler [192.0.2.1:4711 - /]: {HOSTILE}\n"
    with running(calm(with_logs(load_world("wecare"), log))) as lab:
        seen = see(lab)
        told = say(HOST, "-v", env=dict(lab.handout.environment), secrets=secrets_of(lab))

    assert seen.failing == frozenset()
    assert "owned" in seen.verbose
    assert "[bold red]owned[/bold red]" in " ".join(seen.verbose.split())
    assert "<b>" not in seen.markdown
    assert told.code == 0
    assert "owned" in told.out


@pytest.mark.lab
@pytest.mark.parametrize("fault", ["readiness-failing", "image-pull-failing", "pods-unschedulable", "lb-sync-failing"])
def test_cluster_objects_with_escapes_and_markup(fault: str) -> None:
    """Messages of pods, events and conditions hold whatever a program or a user wrote."""
    world = apply_fault(load_world("wecare"), load_fault("wecare", fault))
    objects = tuple(_hostile(item) for item in world.objects)
    with running(calm(replace(world, objects=objects))) as lab:
        seen = see(lab)

    assert seen.code in (0, 1)
    assert "owned" in seen.verbose
    assert "<b>" not in seen.markdown


def _hostile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: HOSTILE if key == "message" else _hostile(item) for key, item in value.items()}
    return [_hostile(item) for item in value] if isinstance(value, list) else value
