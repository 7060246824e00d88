"""A greeting read in a pod: the bytes come through a port-forward, which ends as a connection does."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.net import Reach
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.sql import LiveSql

PACKET = bytes([5, 0, 0, 0]) + b"\x0a11.4"


@dataclass
class Forwarded:
    """Our end of a port-forward."""

    socket: socket.socket
    trouble: str = ""


def through(say: bytes, *, trouble: str = "", heard: list[bytes] | None = None, close: bool = True) -> Any:
    """A forwarder to a pod that says something; without *close* it then stays silent."""

    async def forward(namespace: str, pod: str, port: int) -> Forwarded:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)

        def serve() -> None:
            with theirs:
                if heard is not None:
                    heard.append(theirs.recv(100))
                theirs.sendall(say)
                if not close:
                    theirs.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        return Forwarded(ours, trouble)

    return forward


def sql(forward: Any = None) -> LiveSql:
    return LiveSql(connect_to=ConnectTo(), calls=CallLog(), forward=forward)


async def test_the_first_packet_of_a_pod() -> None:
    words = await sql(through(PACKET, close=False)).greet_pod("db", "maxscale-0", 3306, linger_s=0.05)

    assert (words.reach, words.first, words.end) == (Reach.OK, PACKET, None)
    assert (words.address, words.dialled) == ("db/maxscale-0", "a port-forward")


async def test_a_header_goes_first() -> None:
    heard: list[bytes] = []
    words = await sql(through(PACKET, heard=heard)).greet_pod("db", "t", 3306, say=b"PROXY\r\n", linger_s=0.05)

    assert heard == [b"PROXY\r\n"]
    assert words.first == PACKET


@pytest.mark.parametrize(
    ("trouble", "reach"),
    [
        pytest.param("", Reach.OK, id="closed-by-the-pod"),
        pytest.param("dial tcp4 127.0.0.1:3306: connect: connection refused", Reach.REFUSED, id="nobody-listens"),
        pytest.param("pod not running", Reach.CLOSED, id="another-trouble"),
    ],
)
async def test_a_pod_that_says_nothing(trouble: str, reach: Reach) -> None:
    words = await sql(through(b"", trouble=trouble)).greet_pod("db", "maxscale-0", 3306)

    assert (words.reach, words.first, words.detail) == (reach, b"", trouble)


async def test_without_a_way_to_pods_there_is_a_reason() -> None:
    with pytest.raises(SourceError):
        await sql().greet_pod("db", "maxscale-0", 3306)


async def test_what_is_not_granted_is_passed_on() -> None:
    async def refuse(namespace: str, pod: str, port: int) -> Any:
        raise SourceError("403: pods/portforward is not granted.", hint="Grant it.")

    with pytest.raises(SourceError, match="403"):
        await sql(refuse).greet_pod("db", "maxscale-0", 3306)
