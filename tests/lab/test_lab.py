"""Starting and stopping a lab from asynchronous code, and the HTTP server below its APIs."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from ingressdoctor.errors import LabError
from ingressdoctor.lab import Lab, NoPlane, World, running
from ingressdoctor.lab.serve.http import Server, json_response, serve_http
from ingressdoctor.lab.serve.wire import Request, Response


async def test_a_lab_runs_in_the_callers_loop(wecare: World) -> None:
    async with Lab(wecare) as lab:
        ends = lab.handout.endpoints
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{ends.cloudflare}/client/v4/ips")
        assert answer.json()["success"]
        assert lab.requests["cloudflare"] == [("GET", "/client/v4/ips", "")]
    with pytest.raises(LabError, match="not running"):
        _ = lab.handout


async def test_a_lab_that_cannot_start_leaves_nothing_behind(wecare: World) -> None:
    class Broken(NoPlane):
        stopped = False

        async def start(self) -> None:
            raise LabError("no plane today")

        async def stop(self) -> None:
            Broken.stopped = True
            await super().stop()

    with pytest.raises(LabError, match="no plane today"):
        async with Lab(wecare, plane=Broken):
            pytest.fail("the lab must not start")
    assert Broken.stopped


def test_an_error_inside_still_stops_the_lab(wecare: World) -> None:
    directories = []

    def fail_inside() -> None:
        with running(wecare) as lab:
            directories.append(lab.handout.directory)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert not directories[0].exists()


async def echo(at_once: int = 1) -> Server:
    """A server that answers nobody before so many have asked."""
    asked, all_asked = 0, asyncio.Event()

    async def handle(request: Request) -> Response:
        nonlocal asked
        asked += 1
        if asked == at_once:
            all_asked.set()
        await all_asked.wait()
        return json_response(200, {"path": request.path})

    return await serve_http(handle)


async def test_connections_are_kept_and_served_side_by_side() -> None:
    server = await echo(at_once=20)
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
        answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(20)))
        assert [answer.json()["path"] for answer in answers] == [f"/{number}" for number in range(20)]
        again = await client.get("/again")
        assert again.extensions["network_stream"] is not None
    assert len(server.requests) == 21
    await server.stop()


async def test_stopping_does_not_wait_for_idle_connections() -> None:
    server = await echo()
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
        await client.get("/")
        await asyncio.wait_for(server.stop(), 20)
        with pytest.raises(httpx.TransportError):
            await client.get("/")


async def test_what_is_not_http_is_closed() -> None:
    server = await echo()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\x16\x03\x01 not http at all\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
    await server.stop()
