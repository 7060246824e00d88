"""The balancer's health checks on a busy machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.balancer import Balancer
from ingressdoctor.lab.stream import Duplex

SPEC = {
    "public_net": {"enabled": True, "ipv4": {"ip": "203.0.113.10"}},
    "services": [
        {
            "protocol": "tcp",
            "listen_port": 80,
            "destination_port": 30080,
            "health_check": {"protocol": "http", "port": 30080, "http": {"path": "/", "status_codes": ["2??"]}},
        }
    ],
    "targets": [{"type": "ip", "ip": {"ip": "10.0.1.11"}}],
}


def answering(*, stalls: int, deaf: bool = False) -> Callable[[Duplex], Awaitable[None]]:
    """A target that answers 200; for the first *stalls* requests the whole event loop stands still meanwhile."""
    left = [None] * stalls

    async def handler(stream: Duplex) -> None:
        await stream.read(4096)
        if left:
            left.pop()
            time.sleep(0.15)  # noqa: ASYNC251 - the very point: nothing else runs
        if deaf:
            await asyncio.sleep(1)
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        stream.close()

    return handler


CASES = [
    pytest.param(answering(stalls=0), "healthy", id="answers"),
    pytest.param(answering(stalls=2), "healthy", id="this-machine-was-busy"),
    pytest.param(answering(stalls=0, deaf=True), "unhealthy", id="the-target-is-silent"),
]


@pytest.mark.parametrize(("handler", "status"), CASES)
async def test_a_late_time_out_is_not_held_against_the_target(
    handler: Callable[[Duplex], Awaitable[None]], status: str
) -> None:
    network = Network(client_ip="198.51.100.23")
    network.listen("10.0.1.11", 30080, handler)
    balancer = Balancer(network, SPEC, {}, {"health_timeout_s": 0.1})
    try:
        await balancer.check_all()
    finally:
        await network.stop()

    assert balancer.health()[0, 80].status == status
