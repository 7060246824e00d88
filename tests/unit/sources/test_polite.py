"""Turns: so many at once overall, so many at one address, and nobody waits for who has gone."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from ingressdoctor.errors import NotAskedError
from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach, TcpAttempt, TlsAttempt
from ingressdoctor.sources.left_out import LeftOut, refuse_left_out
from ingressdoctor.sources.polite import PoliteNet, Turns


class Crowd:
    """A network that counts who is there at the same time."""

    anchors: tuple[str, ...] = ("192.0.2.1:443",)

    def __init__(self) -> None:
        self.here: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.overall = 0

    async def _visit(self, address: str) -> None:
        self.here[address] += 1
        self.most[address] = max(self.most[address], self.here[address])
        self.overall = max(self.overall, self.here.total())
        for _ in range(3):
            await asyncio.sleep(0)
        self.here[address] -= 1

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        await self._visit(address)
        return TcpAttempt(address=address, port=port, reach=Reach.OK)

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float = 5.0) -> TlsAttempt:
        raise NotImplementedError

    async def http(self, request: HttpRequest) -> HttpExchange:
        raise NotImplementedError


async def test_so_many_at_one_address_and_so_many_overall() -> None:
    crowd = Crowd()
    net = PoliteNet(crowd, Turns(5, 2))

    found = await asyncio.gather(*(net.tcp(f"192.0.2.{number % 4}", 443) for number in range(80)))

    assert len(found) == 80
    assert set(crowd.most.values()) == {2}
    assert crowd.overall == 5
    assert net.anchors == crowd.anchors


async def test_who_waits_for_a_slow_address_holds_up_no_other() -> None:
    turns, let = Turns(3, 1), asyncio.Event()

    async def visit(address: str) -> None:
        async with turns.turn(address):
            if address == "slow":
                await let.wait()

    slow = [asyncio.ensure_future(visit("slow")) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*(visit(f"quick {number}") for number in range(20))), 20)
    let.set()
    await asyncio.gather(*slow)

    assert turns._keys == {}


async def test_who_gives_up_while_waiting_gives_the_turn_back() -> None:
    turns, let = Turns(1, 1), asyncio.Event()

    async def visit() -> None:
        async with turns.turn("a"):
            await let.wait()

    first, second, third = (asyncio.ensure_future(visit()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    let.set()
    await asyncio.gather(first, third)

    assert second.cancelled()
    assert turns._keys == {}


@pytest.mark.parametrize(
    "method", ["get", "query", "tcp", "tls", "http", "health", "greet", "greet_pod", "login", "read"]
)
async def test_what_is_left_out_says_by_which_option(method: str) -> None:
    with pytest.raises(NotAskedError, match="--no-probe leaves it out"):
        await getattr(LeftOut("--no-probe"), method)("anything", port=1)


def test_what_is_left_out_is_refused_before_it_is_asked() -> None:
    refuse_left_out(object())
    with pytest.raises(NotAskedError, match="--no-probe leaves it out"):
        refuse_left_out(LeftOut("--no-probe"))


async def test_what_is_left_out_has_neither_token_nor_name() -> None:
    nothing = LeftOut("--probe-only")

    assert not nothing.fits("www.example.org")
    assert await nothing.client_id() == ""
    assert (nothing.context, nothing.url, nothing.has_login) == ("", "", False)
