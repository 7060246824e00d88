"""DNS servers of a world, over UDP and TCP: two recursive views and one authority.

What they answer is decided by dns_records.py; how they misbehave (`dns.misbehave` of the world: servfail, refused,
timeout, truncate) is decided here, per view, and so is whether private addresses are left out of the answers
(`dns.rebind_protection`; source: dnsmasq --stop-dns-rebind, which leaves an empty answer without an error).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
import struct
from collections.abc import Iterable, Mapping

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ingressdoctor.errors import LabError
from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.serve.dns_records import AUTHORITATIVE, Names
from ingressdoctor.lab.world import World

VIEWS = ("system", "public", AUTHORITATIVE)
LOOPBACK = "127.0.0.1"
IDLE_S = 5.0
STOP_S = 0.1
UDP_SIZE = 1232
_BIND_TRIES = 20


class View:
    """One server's answers, as bytes to bytes."""

    def __init__(self, view: str, names: Names, misbehave: str, *, rebind_protection: bool = False) -> None:
        """*misbehave* is "" or one of servfail, refused, timeout, truncate."""
        self._rebind_protection = rebind_protection
        self.view = view
        self.requests: list[tuple[str, str, str]] = []
        self._names = names
        self._misbehave = misbehave

    def answer(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The response to one message; None when the server stays silent."""
        try:
            query = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.requests.append((self.view, question.name.to_text(omit_final_dot=True), kind))
        if self._misbehave == "timeout":
            return None
        response = dns.message.make_response(query, recursion_available=self.view != AUTHORITATIVE)
        failure = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED}.get(self._misbehave)
        if failure is not None or question.rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED if failure is None else failure)
        else:
            found = self._names.resolve(self.view, question.name.canonicalize(), kind)
            response.set_rcode(found.rcode)
            private = self._rebind_protection and _is_private(found.answers)
            response.answer.extend(() if private else found.answers)
            response.authority.extend(found.authority)
            if self.view == AUTHORITATIVE and found.rcode != dns.rcode.REFUSED:
                response.flags |= dns.flags.AA
        return self._packed(response, query, udp=udp)

    def _packed(self, response: dns.message.Message, query: dns.message.Message, *, udp: bool) -> bytes:
        size = min(query.payload or 512, UDP_SIZE) if udp else 65535
        with contextlib.suppress(dns.exception.TooBig):
            if not (udp and self._misbehave == "truncate"):
                return response.to_wire(max_size=size)
        short = dns.message.make_response(query, recursion_available=self.view != AUTHORITATIVE)
        short.flags |= dns.flags.TC
        return short.to_wire(max_size=size)


def _is_private(answers: Iterable[dns.rrset.RRset]) -> bool:
    """Whether one of the addresses is no public one."""
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    found = (item.to_text() for answer in answers if answer.rdtype in kinds for item in answer)
    return any(ipaddress.ip_address(address).is_private for address in found)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, view: View) -> None:
        self._view = view
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._view.answer(data, udp=True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


@dataclasses.dataclass(slots=True, kw_only=True)
class DnsServer:
    """One running view: the same port for UDP and TCP."""

    view: str
    port: int
    requests: list[tuple[str, str, str]]
    _udp: asyncio.DatagramTransport
    _tcp: asyncio.Server
    _tasks: set[asyncio.Task[None]]

    @property
    def address(self) -> str:
        """host:port."""
        return f"{LOOPBACK}:{self.port}"

    async def stop(self) -> None:
        """Close both ports and every connection."""
        self._udp.close()
        self._tcp.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=STOP_S)


async def start_dns(world: World) -> Mapping[str, DnsServer]:
    """Start every view of VIEWS; LabError when a zone file does not parse or no port is free."""
    names = Names(world)
    misbehave = mapping(dig(world.settings, "dns", "misbehave"))
    guarded = sequence(dig(world.settings, "dns", "rebind_protection"))
    return {
        view: await _start(View(view, names, text(misbehave.get(view)), rebind_protection=view in guarded))
        for view in VIEWS
    }


async def _start(view: View) -> DnsServer:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _serve_tcp(view, reader, writer)
        writer.close()

    for _ in range(_BIND_TRIES):
        tcp = await asyncio.start_server(connected, LOOPBACK, 0)
        port = int(tcp.sockets[0].getsockname()[1])
        try:
            udp, _protocol = await loop.create_datagram_endpoint(lambda: _Udp(view), local_addr=(LOOPBACK, port))
        except OSError:
            tcp.close()  # somebody else has this port over UDP
            continue
        return DnsServer(view=view.view, port=port, requests=view.requests, _udp=udp, _tcp=tcp, _tasks=tasks)
    raise LabError("no loopback port is free for both UDP and TCP")


async def _serve_tcp(view: View, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Length-prefixed messages (RFC 1035 section 4.2.2) until the peer goes quiet."""
    while True:
        async with asyncio.timeout(IDLE_S):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            wire = await reader.readexactly(length)
        answer = view.answer(wire, udp=False)
        if answer is not None:
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()
