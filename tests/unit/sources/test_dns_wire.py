"""What is read without dnspython reads as dnspython reads it; what is not plain is left to it."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingressdoctor.evidence.dns import DnsReply, Rcode
from ingressdoctor.sources.dns_client import read_message
from ingressdoctor.sources.dns_wire import Question, is_answer, plain_reply, write_question
from unit.sources.servers import dns_answer

NAME = "www.Shop.example"
SOA = "shop.example. 300 IN SOA Ns1.shop.example. admin.shop.example. 1 2 3 4 60"
NUMBER = b"\x12\x34"


def blank(name: str, rdtype: str) -> DnsReply:
    return DnsReply(name=name, rdtype=rdtype, server="192.0.2.53:53", rcode=Rcode.OTHER)


def asked(name: str = NAME, rdtype: str = "A") -> Question:
    return write_question(name, rdtype, recurse=True, edns=True)


def answer(*records: str, rdtype: str = "A", authority: tuple[str, ...] = (), rcode: int = 0, flags: int = 0) -> bytes:
    made = dns_answer(rcode=rcode, records=records, authority=authority, flags=flags)
    return made(NUMBER + asked(rdtype=rdtype).wire, "udp")


@pytest.mark.parametrize("recurse", [True, False])
@pytest.mark.parametrize("edns", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("www.shop.example", id="usual"),
        pytest.param("_acme-challenge.shop.example", id="underscore"),
        pytest.param("*.shop.example", id="star"),
        pytest.param("bücher.example", id="idn"),
        pytest.param(r"a\032b.example", id="escaped"),
        pytest.param(".", id="root"),
        pytest.param(".".join(["a" * 63] * 3 + ["b" * 61]), id="longest"),
    ],
)
def test_questions_are_what_dnspython_would_write(name: str, edns: bool, recurse: bool) -> None:
    owner = dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_Practical)
    query = dns.message.make_query(owner, "HTTPS", use_edns=0 if edns else False, payload=1_232, id=0x1234)
    if not recurse:
        query.flags &= ~dns.flags.RD

    assert NUMBER + write_question(name, "HTTPS", recurse=recurse, edns=edns).wire == query.to_wire()


PLAIN = {
    "address": ("A", answer(f"{NAME}. 60 IN A 192.0.2.1")),
    "two-addresses": ("A", answer(f"{NAME}. 60 IN A 192.0.2.1", f"{NAME}. 60 IN A 192.0.2.2")),
    "address-of-version-6": ("AAAA", answer(f"{NAME}. 0 IN AAAA 2001:db8::1", rdtype="AAAA")),
    "mapped-address": ("AAAA", answer(f"{NAME}. 60 IN AAAA ::ffff:1.2.3.4", rdtype="AAAA")),
    "nothing": ("HTTPS", answer(rdtype="HTTPS")),
    "nothing-says-the-zone": ("AAAA", answer(rdtype="AAAA", authority=(SOA,), flags=dns.flags.AA)),
    "no-such-name": ("A", answer(authority=(SOA,), rcode=dns.rcode.NXDOMAIN)),
}


@pytest.mark.parametrize(("rdtype", "data"), PLAIN.values(), ids=PLAIN)
def test_plain_answers_read_as_dnspython_reads_them(rdtype: str, data: bytes) -> None:
    question, empty = asked(rdtype=rdtype), blank(NAME, rdtype)

    assert is_answer(question, data)
    reply = plain_reply(empty, question, data)
    assert reply is not None
    assert reply == read_message(empty, dns.message.from_wire(data))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(answer(f"{NAME}. 60 IN CNAME b.example.", "b.example. 60 IN A 192.0.2.1"), id="cname"),
        pytest.param(answer(f"{NAME}. 60 IN AAAA 2001:db8::1"), id="another-type"),
        pytest.param(answer("other.example. 60 IN A 192.0.2.1"), id="another-name"),
        pytest.param(answer(f"{NAME}. 60 IN A 192.0.2.1", f"{NAME}. 60 IN A 192.0.2.1"), id="twice-the-same"),
        pytest.param(answer(f"{NAME}. 60 IN A 192.0.2.1", f"{NAME}. 9 IN A 192.0.2.2"), id="two-lifetimes"),
        pytest.param(answer(f"{NAME}. 60 IN A 192.0.2.1", flags=dns.flags.TC), id="truncated"),
        pytest.param(answer(rcode=dns.rcode.SERVFAIL), id="failure"),
        pytest.param(answer(authority=(SOA, "shop.example. 60 IN NS ns1.shop.example.")), id="two-authorities"),
        pytest.param(answer(authority=("shop.example. 60 IN NS ns1.shop.example.",)), id="a-referral"),
        pytest.param(answer(f"{NAME}. 60 IN A 192.0.2.1") + b"\0", id="something-after-the-end"),
        pytest.param(answer(f"{NAME}. 60 IN A 192.0.2.1")[:-1], id="cut-off"),
    ],
)
def test_what_is_not_plain_is_left_to_dnspython(data: bytes) -> None:
    assert plain_reply(blank(NAME, "A"), asked(), data) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(NUMBER + asked().wire, id="the-question-echoed"),
        pytest.param(dns_answer()(NUMBER + asked("other.example").wire, "udp"), id="of-another-name"),
        pytest.param(answer(rdtype="AAAA"), id="of-another-type"),
        pytest.param(NUMBER + b"\x81\x80" + bytes(8), id="no-question-and-no-failure"),
        pytest.param(NUMBER + b"\xa9\x80" + answer()[4:], id="of-another-kind-of-message"),
    ],
)
def test_what_answers_another_question(data: bytes) -> None:
    assert not is_answer(asked(), data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(answer().replace(b"Shop", b"sHOP"), id="in-other-letters"),
        pytest.param(NUMBER + b"\x81\x82" + bytes(8), id="failure-without-the-question"),
    ],
)
def test_what_answers_it_all_the_same(data: bytes) -> None:
    assert is_answer(asked(), data)


@settings(deadline=None)
@given(
    which=st.sampled_from(sorted(PLAIN.values())),
    changes=st.lists(
        st.tuples(st.integers(0, 300), st.one_of(st.sampled_from([0, 0xC0, 12, 255]), st.integers(0, 255)))
    ),
    cut=st.integers(0, 3),
)
def test_whatever_comes_is_read_as_dnspython_reads_it_or_left_to_it(
    which: tuple[str, bytes], changes: list[tuple[int, int]], cut: int
) -> None:
    rdtype, good = which
    data = bytearray(good[: len(good) - cut])
    for place, value in changes:
        data[2 + place % (len(data) - 2)] = value
    question, empty = asked(rdtype=rdtype), blank(NAME, rdtype)
    reply = plain_reply(empty, question, bytes(data)) if is_answer(question, bytes(data)) else None
    if reply is not None:
        assert reply == read_message(empty, dns.message.from_wire(bytes(data)))


def test_a_name_that_points_to_itself_or_forward_is_left() -> None:
    data = answer(authority=(SOA,))
    start = 12 + len(asked().asked)

    for pointer in (start, start + 2, 0x3FFF):
        twisted = data[:start] + (0xC000 | pointer).to_bytes(2, "big") + data[start + 2 :]
        assert plain_reply(blank(NAME, "A"), asked(), twisted) is None
