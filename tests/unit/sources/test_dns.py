"""DNS questions to a real server on loopback that answers well, badly or not at all."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.rcode
import pytest

from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.dns import Rcode
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.dns import LiveDns, check_server, default_resolvers
from unit.sources.servers import HOST, dns_answer, free_port, serve_dns

NAME = "www.shop.example"
SOA = "shop.example. 300 IN SOA ns1.shop.example. admin.shop.example. 1 2 3 4 60"


def asking(calls: CallLog, timeout_s: float) -> LiveDns:
    return LiveDns(resolvers=(f"{HOST}:53",), authoritative="", calls=calls, timeout_s=timeout_s)


@pytest.fixture
def live(calls: CallLog) -> LiveDns:
    """Waits as long as a very slow machine needs for an answer."""
    return asking(calls, 20.0)


@pytest.fixture
def hasty(calls: CallLog) -> LiveDns:
    """For servers that never answer."""
    return asking(calls, 0.3)


RECORDS = [
    pytest.param("A", "203.0.113.10", id="a"),
    pytest.param("AAAA", "2001:db8::1", id="aaaa"),
    pytest.param("CNAME", "shop.example.", id="cname"),
    pytest.param("NS", "ada.ns.cloudflare.com.", id="ns"),
    pytest.param("TXT", '"v=spf1 -all"', id="txt"),
    pytest.param("CAA", '0 issue "letsencrypt.org"', id="caa"),
    pytest.param("SOA", "ns1.shop.example. admin.shop.example. 1 2 3 4 60", id="soa"),
    pytest.param("HTTPS", '1 . alpn="h2" ipv4hint="203.0.113.10"', id="https"),
]


@pytest.mark.parametrize(("rdtype", "data"), RECORDS)
async def test_each_type_in_presentation_form(live: LiveDns, calls: CallLog, rdtype: str, data: str) -> None:
    async with serve_dns(dns_answer(records=(f"{NAME}. 300 IN {rdtype} {data}",))) as (server, _):
        reply = await live.query(NAME, rdtype, server)

    assert (reply.rcode, reply.of(rdtype), reply.name, reply.server) == (Rcode.NOERROR, (data,), NAME, server)
    assert (reply.answers[0].name, reply.answers[0].ttl) == (NAME, 300)
    ((_, call),) = calls.calls
    assert (call.source, call.what, call.outcome) == ("dns", f"{NAME} {rdtype} @{server}", "NOERROR")


CODES = [
    pytest.param(dns.rcode.NXDOMAIN, (), Rcode.NXDOMAIN, id="no-such-name"),
    pytest.param(dns.rcode.NOERROR, (), Rcode.NODATA, id="name-without-that-type"),
    pytest.param(dns.rcode.SERVFAIL, (), Rcode.SERVFAIL, id="server-failure"),
    pytest.param(dns.rcode.REFUSED, (), Rcode.REFUSED, id="refused"),
    pytest.param(dns.rcode.NOTIMP, (), Rcode.OTHER, id="any-other"),
    pytest.param(dns.rcode.NOERROR, (f"{NAME}. 60 IN CNAME gone.example.",), Rcode.NODATA, id="dangling-cname"),
    pytest.param(dns.rcode.NXDOMAIN, (f"{NAME}. 60 IN CNAME gone.example.",), Rcode.NXDOMAIN, id="cname-to-nowhere"),
    pytest.param(dns.rcode.NOERROR, ("other.example. 60 IN A 192.0.2.1",), Rcode.NODATA, id="records-of-another-name"),
]


@pytest.mark.parametrize(("code", "records", "expected"), CODES)
async def test_outcomes(live: LiveDns, code: int, records: tuple[str, ...], expected: Rcode) -> None:
    answer = dns_answer(rcode=code, records=records, authority=(SOA,), flags=dns.flags.AA)
    async with serve_dns(answer) as (server, _):
        reply = await live.query(NAME, "A", server)

    assert reply.rcode is expected
    assert reply.authoritative
    assert [record.rdtype for record in reply.authority] == ["SOA"]
    assert reply.of("A") == ()


async def test_cnames_stand_in_the_order_followed(live: LiveDns) -> None:
    records = (
        "c.example. 60 IN A 192.0.2.1",
        "b.example. 60 IN CNAME c.example.",
        f"{NAME}. 60 IN CNAME b.example.",
    )
    async with serve_dns(dns_answer(records=records)) as (server, _):
        reply = await live.query(f"{NAME}.", "A", server)

    assert [(record.name, record.data) for record in reply.answers] == [
        (NAME, "b.example."),
        ("b.example", "c.example."),
        ("c.example", "192.0.2.1"),
    ]


async def test_a_cname_loop_ends(live: LiveDns) -> None:
    records = (f"{NAME}. 60 IN CNAME b.example.", f"b.example. 60 IN CNAME {NAME}.")
    async with serve_dns(dns_answer(records=records)) as (server, _):
        reply = await live.query(NAME, "A", server)

    assert (reply.rcode, reply.detail) == (Rcode.NODATA, f"CNAME loop at {NAME}")
    assert len(reply.answers) == 2


async def test_a_long_chain_of_cnames_is_cut(live: LiveDns) -> None:
    records = (f"{NAME}. 60 IN CNAME n0.example.", *(f"n{i}.example. 60 IN CNAME n{i + 1}.example." for i in range(40)))
    async with serve_dns(dns_answer(records=records)) as (server, _):
        reply = await live.query(NAME, "A", server)

    assert reply.detail == "more than 16 CNAMEs"


async def test_thousands_of_records_are_capped(live: LiveDns) -> None:
    records = tuple(f"{NAME}. 60 IN A 10.{i >> 8}.{i & 255}.1" for i in range(3_000))
    async with serve_dns(dns_answer(records=records)) as (server, _):
        reply = await live.query(NAME, "A", server)

    assert (reply.rcode, len(reply.answers), reply.detail) == (Rcode.NOERROR, 256, "3000 records, 256 kept")


def truncated(wire: bytes, transport: str) -> bytes:
    flags = dns.flags.TC if transport == "udp" else 0
    return dns_answer(records=(f"{NAME}. 60 IN A 192.0.2.1",), flags=flags)(wire, transport)


async def test_a_truncated_answer_is_asked_for_again_over_tcp(live: LiveDns) -> None:
    async with serve_dns(truncated) as (server, dns_server):
        reply = await live.query(NAME, "A", server)

    assert (reply.rcode, reply.of("A"), reply.detail) == (Rcode.NOERROR, ("192.0.2.1",), "")
    assert dns_server.asked == ["udp", "tcp"]


async def test_a_truncated_answer_without_tcp_keeps_what_came(live: LiveDns) -> None:
    async with serve_dns(truncated, tcp=False) as (server, _):
        reply = await live.query(NAME, "A", server)

    assert (reply.rcode, reply.of("A")) == (Rcode.NOERROR, ("192.0.2.1",))
    assert reply.detail == "truncated over UDP, and unreachable over TCP"


async def test_silence_is_asked_twice_then_a_timeout(hasty: LiveDns) -> None:
    async with serve_dns(lambda _wire, _transport: None) as (server, dns_server):
        reply = await hasty.query(NAME, "A", server)

    assert reply.rcode is Rcode.TIMEOUT
    assert dns_server.asked == ["udp", "udp"]
    assert reply.elapsed_s > 0.5


async def test_one_lost_packet_is_forgiven(calls: CallLog) -> None:
    answers = iter([None])

    def lossy(wire: bytes, transport: str) -> bytes | None:
        return next(answers, dns_answer(records=(f"{NAME}. 60 IN A 192.0.2.1",))(wire, transport))

    async with serve_dns(lossy) as (server, _):
        reply = await asking(calls, 2.0).query(NAME, "A", server)

    assert reply.rcode is Rcode.NOERROR


async def test_nobody_listening_is_unreachable_not_a_timeout(live: LiveDns) -> None:
    reply = await live.query(NAME, "A", f"{HOST}:{free_port()}")

    assert (reply.rcode, reply.detail) == (Rcode.UNREACHABLE, "Connection refused")
    assert reply.elapsed_s < 20


def wrong_id(wire: bytes, transport: str) -> bytes:
    good = dns_answer(records=(f"{NAME}. 60 IN A 192.0.2.1",))(wire, transport)
    return bytes([good[0] ^ 255, *good[1:]])


def cut(wire: bytes, transport: str) -> bytes:
    return dns_answer(records=(f"{NAME}. 60 IN A 192.0.2.1",))(wire, transport)[:-7]


def pointer_loop(wire: bytes, transport: str) -> bytes:
    return wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c\0\1\0\1"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _wire, _transport: b"\0", id="one-byte"),
        pytest.param(lambda _wire, _transport: b"\xff" * 500, id="garbage"),
        pytest.param(lambda wire, _transport: wire, id="the-question-echoed"),
        pytest.param(wrong_id, id="wrong-id"),
        pytest.param(cut, id="cut-off"),
        pytest.param(pointer_loop, id="compression-pointer-to-itself"),
    ],
)
async def test_what_is_no_answer_is_malformed(live: LiveDns, answer: object) -> None:
    assert callable(answer)
    async with serve_dns(answer) as (server, _):
        reply = await live.query(NAME, "A", server)

    assert reply.rcode is Rcode.MALFORMED
    assert reply.detail.startswith("the answer cannot be read")


async def test_a_server_from_before_edns_is_asked_without(live: LiveDns) -> None:
    def old(wire: bytes, transport: str) -> bytes:
        if dns.message.from_wire(wire).edns >= 0:
            reply = dns.message.make_response(dns.message.from_wire(wire))
            reply.use_edns(False)
            reply.set_rcode(dns.rcode.FORMERR)
            return reply.to_wire()
        return dns_answer(records=(f"{NAME}. 60 IN A 192.0.2.1",))(wire, transport)

    async with serve_dns(old) as (server, dns_server):
        reply = await live.query(NAME, "A", server)

    assert (reply.rcode, len(dns_server.asked)) == (Rcode.NOERROR, 2)


@pytest.mark.parametrize("recurse", [True, False])
async def test_recursion_is_wished_for_only_when_asked(live: LiveDns, recurse: bool) -> None:
    flags: list[bool] = []

    def remember(wire: bytes, transport: str) -> bytes:
        flags.append(bool(dns.message.from_wire(wire).flags & dns.flags.RD))
        return dns_answer()(wire, transport)

    async with serve_dns(remember) as (server, _):
        await live.query(NAME, "A", server, recurse=recurse)

    assert flags == [recurse]


@pytest.mark.parametrize(
    ("name", "rdtype", "server"),
    [
        pytest.param("a" * 64 + ".example", "A", f"{HOST}:53", id="label-too-long"),
        pytest.param("a..example", "A", f"{HOST}:53", id="empty-label"),
        pytest.param(".".join(["abcdefgh"] * 40), "A", f"{HOST}:53", id="name-too-long"),
        pytest.param("ü" * 80 + ".example", "A", f"{HOST}:53", id="not-idna"),
        pytest.param(NAME, "NO-SUCH-TYPE", f"{HOST}:53", id="unknown-type"),
        pytest.param(NAME, "A", "resolver.example:53", id="server-by-name"),
        pytest.param(NAME, "A", f"{HOST}:0", id="port-zero"),
    ],
)
async def test_what_cannot_be_asked_is_a_reply_too(live: LiveDns, name: str, rdtype: str, server: str) -> None:
    reply = await live.query(name, rdtype, server)

    assert reply.rcode is Rcode.MALFORMED
    assert reply.detail.startswith("cannot be asked")


async def test_many_questions_at_once(live: LiveDns) -> None:
    async with serve_dns(dns_answer(records=(f"{NAME}. 60 IN A 192.0.2.1",))) as (server, _):
        replies = await asyncio.gather(*(live.query(NAME, "A", server) for _ in range(100)))

    assert {reply.rcode for reply in replies} == {Rcode.NOERROR}


def test_public_resolvers_follow_the_system_ones() -> None:
    resolvers = default_resolvers()

    assert resolvers[-2:] == ("1.1.1.1:53", "8.8.8.8:53")
    for server in resolvers:
        check_server(server)


@pytest.mark.parametrize("text", ["", "dns.example", "127.0.0.1:dns", "1.2.3.4.5:53"])
def test_a_resolver_that_is_no_address_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_server(text)

    assert repr(text) in caught.value.message
