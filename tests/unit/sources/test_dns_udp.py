"""Many questions on few sockets: each gets its own answer, and failures are told to whom they concern."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.message
import dns.query
import pytest

from ingressdoctor.sources.dns_udp import UdpQuestions
from unit.sources.servers import HOST, DnsServer, dns_answer, free_port, serve_dns


class Holding(DnsServer):
    """Keeps questions with where they came from, until *most* are there; answers when it is told to."""

    def __init__(self, most: int) -> None:
        super().__init__(dns_answer())
        self.most = most
        self.held: list[tuple[bytes, tuple[str, int]]] = []
        self.full = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.held.append((data, addr))
        if len(self.held) >= self.most:
            self.full.set()

    def answer_held(self, number: int) -> None:
        data, addr = self.held[number]
        super().datagram_received(data, addr)


@asynccontextmanager
async def holding(most: int) -> AsyncIterator[tuple[tuple[str, int], Holding]]:
    server = Holding(most)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=(HOST, 0))
    try:
        yield transport.get_extra_info("sockname"), server
    finally:
        transport.close()
        await asyncio.sleep(0)


def question(name: str) -> bytes:
    return dns.message.make_query(name, "A", use_edns=0).to_wire()


def place_of(server: str) -> tuple[str, int]:
    host, _, port = server.partition(":")
    return host, int(port)


def name_in(data: bytes) -> str:
    return dns.message.from_wire(data).question[0].name.to_text(omit_final_dot=True)


async def test_questions_under_way_at_once_share_sockets_and_no_id() -> None:
    names, udp = [f"h{n}.example" for n in range(100)], UdpQuestions()
    async with holding(100) as (place, server):
        tasks = [asyncio.create_task(udp.ask(place, question(name), 30.0)) for name in names]
        await server.full.wait()
        for number in range(100):
            server.answer_held(number)
        answers = await asyncio.gather(*tasks)

    assert [name_in(data) for data in answers] == names
    ports = [addr[1] for _, addr in server.held]
    assert sorted(ports.count(port) for port in set(ports)) == [36, 64]
    assert len({(addr, data[:2]) for data, addr in server.held}) == 100


async def test_nothing_stays_open_between_questions() -> None:
    udp = UdpQuestions()
    async with holding(1) as (place, server):
        for number in range(8):
            task = asyncio.create_task(udp.ask(place, question("h.example"), 30.0))
            await server.full.wait()
            server.full.clear()
            server.answer_held(number)
            await task

    # The system draws each port; that it drew the same one eight times is not to be expected.
    assert len({addr for _, addr in server.held}) > 1


async def test_answers_in_another_order_or_twice_find_their_questions() -> None:
    udp = UdpQuestions()
    async with holding(3) as (place, server):
        tasks = [asyncio.create_task(udp.ask(place, question(f"h{n}.example"), 30.0)) for n in range(3)]
        await server.full.wait()
        for number in (2, 2, 0, 2, 1):
            server.answer_held(number)
        answers = await asyncio.gather(*tasks)

    assert [name_in(data) for data in answers] == ["h0.example", "h1.example", "h2.example"]


async def test_a_late_answer_is_nobodys() -> None:
    udp = UdpQuestions()
    async with holding(2) as (place, server):
        early = asyncio.create_task(udp.ask(place, question("early.example"), 0.05))
        other = asyncio.create_task(udp.ask(place, question("other.example"), 30.0))
        await server.full.wait()
        with pytest.raises(TimeoutError):
            await early
        server.answer_held(0)
        server.answer_held(1)

        assert name_in(await other) == "other.example"


async def test_one_strange_message_takes_no_answer_from_others() -> None:
    udp = UdpQuestions()
    async with holding(2) as (place, server):
        tasks = [asyncio.create_task(udp.ask(place, question(f"h{n}.example"), 30.0)) for n in range(2)]
        await server.full.wait()
        assert server.transport is not None
        server.transport.sendto(b"\0", server.held[0][1])
        for number in range(2):
            server.answer_held(number)
        answers = await asyncio.gather(*tasks)

    assert [name_in(data) for data in answers] == ["h0.example", "h1.example"]


async def test_a_server_that_answers_only_strange_things_gives_no_answer_to_all() -> None:
    udp = UdpQuestions()
    async with serve_dns(lambda _wire, _transport: b"\0", tcp=False) as (server, _):
        ended = await asyncio.gather(
            *(udp.ask(place_of(server), question(f"h{n}.example"), 30.0) for n in range(3)), return_exceptions=True
        )

    assert [type(error) for error in ended] == [dns.query.BadResponse] * 3


async def test_a_refusal_is_told_to_all_that_wait() -> None:
    udp, place = UdpQuestions(), (HOST, free_port())

    ended = await asyncio.gather(
        *(udp.ask(place, question(f"h{n}.example"), 30.0) for n in range(5)), return_exceptions=True
    )

    assert [error.errno for error in ended if isinstance(error, OSError)] == [errno.ECONNREFUSED] * 5


async def test_who_gives_up_leaves_the_others_their_answers() -> None:
    udp = UdpQuestions()
    async with holding(2) as (place, server):
        leaving, staying = (asyncio.create_task(udp.ask(place, question(f"h{n}.example"), 30.0)) for n in range(2))
        await server.full.wait()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        server.answer_held(1)

        assert name_in(await staying) == "h1.example"
