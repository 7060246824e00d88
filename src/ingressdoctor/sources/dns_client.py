"""Put one question to one DNS server; whatever becomes of it is a reply.

dnspython writes, reads and speaks TCP; dns_udp.py carries what goes over UDP.
Takes 0.05 s to load: loaded by dns.py with the first question.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

import dns.asyncquery
import dns.entropy
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from msgspec.structs import replace

from ingressdoctor.evidence.dns import DnsRecord, DnsReply, Rcode
from ingressdoctor.model.text import clean, shorten
from ingressdoctor.sources.connect_to import split_host_port
from ingressdoctor.sources.dns_udp import UdpQuestions, bad_response

__all__ = ["DnsClient"]

_TRIES: Final = 2
_MAX_RECORDS: Final = 256
_MAX_HOPS: Final = 16
_MAX_DATA: Final = 4_096
# Below every path MTU in use, so that no answer arrives in fragments: DNS Flag Day 2020.
_PAYLOAD: Final = 1_232
_RCODES: Final = {
    dns.rcode.NOERROR: Rcode.NOERROR,
    dns.rcode.NXDOMAIN: Rcode.NXDOMAIN,
    dns.rcode.SERVFAIL: Rcode.SERVFAIL,
    dns.rcode.REFUSED: Rcode.REFUSED,
}
_FAILURES: Final = (dns.exception.DNSException, OSError, EOFError, ValueError, IndexError)


class DnsClient:
    """Asks, with *timeout_s* for each of two tries over UDP, and for TCP after a truncated answer."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._udp = UdpQuestions()

    async def ask(self, blank: DnsReply, *, recurse: bool) -> DnsReply:
        """Return *blank*, which names the question and the server, filled in."""
        try:
            question = _question(blank.name, blank.rdtype, recurse=recurse)
            place = _place(blank.server)
        except (dns.exception.DNSException, ValueError) as error:
            return replace(blank, rcode=Rcode.MALFORMED, detail=f"cannot be asked: {clean(str(error), 200)}")
        reply = await self._send(blank, question, place)
        if reply.rcode is Rcode.OTHER and reply.detail == "FORMERR":
            # Servers older than EDNS answer its option with FORMERR: RFC 6891, section 7.
            question.use_edns(False)
            reply = await self._send(blank, question, place)
        return reply

    async def _send(self, blank: DnsReply, question: dns.message.QueryMessage, place: tuple[str, int]) -> DnsReply:
        reply = blank
        for _ in range(_TRIES):
            reply = await self._attempt(blank, question, place)
            if reply.rcode is not Rcode.TIMEOUT:
                break
        return reply

    async def _attempt(self, blank: DnsReply, question: dns.message.QueryMessage, place: tuple[str, int]) -> DnsReply:
        try:
            return _read(blank, await self._over_udp(question, place))
        except dns.message.Truncated as error:
            partial = error.message()  # type: ignore[no-untyped-call] # dnspython's
            if not question.is_response(partial):
                return _failed(blank, error)
        except _FAILURES as error:
            return _failed(blank, error)
        try:
            return _read(blank, await self._over_tcp(question, place))
        except _FAILURES as error:
            reply, failure = _read(blank, partial), _failed(blank, error)
            why = f"truncated over UDP, and {failure.rcode.value.lower()} over TCP"
            return replace(reply, detail="; ".join(filter(None, (reply.detail, why))))

    async def _over_udp(self, question: dns.message.QueryMessage, place: tuple[str, int]) -> dns.message.Message:
        data = await self._udp.ask(place, question.to_wire(), self._timeout_s)
        question.id = int.from_bytes(data[:2])
        message = dns.message.from_wire(data, raise_on_truncation=True)
        if not question.is_response(message):
            raise bad_response()
        return message

    async def _over_tcp(self, question: dns.message.QueryMessage, place: tuple[str, int]) -> dns.message.Message:
        question.id = dns.entropy.random_16()
        return await dns.asyncquery.tcp(question, place[0], self._timeout_s, place[1])


@lru_cache(maxsize=64)
def _place(server: str) -> tuple[str, int]:
    """Return the address and port of a server.

    Raises:
        ValueError: it is not named by an address.
    """
    host, port = split_host_port(server, 53)
    ipaddress.ip_address(host)
    return host, port


def _question(name: str, rdtype: str, *, recurse: bool) -> dns.message.QueryMessage:
    """Build a query.

    Raises:
        dns.exception.DNSException, ValueError: the name or the type cannot be asked for.
    """
    return dns.message.make_query(
        _name(name),
        dns.rdatatype.from_text(rdtype),
        use_edns=0,
        payload=_PAYLOAD,
        flags=dns.flags.RD if recurse else 0,
    )


# The types of one name are asked for one after the other.
@lru_cache(maxsize=256)
def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical)


def _failed(blank: DnsReply, error: Exception) -> DnsReply:
    if isinstance(error, (dns.exception.Timeout, TimeoutError)):
        return replace(blank, rcode=Rcode.TIMEOUT, detail="no answer in time")
    if isinstance(error, OSError):
        return replace(blank, rcode=Rcode.UNREACHABLE, detail=clean(error.strerror or type(error).__name__, 200))
    if isinstance(error, EOFError):
        return replace(blank, rcode=Rcode.UNREACHABLE, detail="the connection closed without an answer")
    return replace(blank, rcode=Rcode.MALFORMED, detail=f"the answer cannot be read ({type(error).__name__})")


def _read(blank: DnsReply, message: dns.message.Message) -> DnsReply:
    """Turn a decoded message into a reply; records beyond a cap are counted, not kept."""
    code = dns.rcode.to_text(message.rcode())
    rcode = _RCODES.get(message.rcode(), Rcode.OTHER)
    answers, note = _follow(blank, message)
    authority = [record for rrset in message.authority[:_MAX_RECORDS] for record in _records(rrset)]
    if rcode is Rcode.NOERROR and not any(record.rdtype == blank.rdtype for record in answers):
        rcode = Rcode.NODATA
    return replace(
        blank,
        rcode=rcode,
        answers=tuple(answers),
        authority=tuple(authority[:_MAX_RECORDS]),
        authoritative=bool(message.flags & dns.flags.AA),
        detail=code if rcode is Rcode.OTHER else note,
    )


def _follow(blank: DnsReply, message: dns.message.Message) -> tuple[list[DnsRecord], str]:
    """Follow CNAMEs from the name asked for to the records of the type asked for, in order.

    Returns:
        The records, and a note where the answer is not what a sane server sends.
    """
    if not message.answer:
        return [], ""
    name = message.question[0].name if message.question else dns.name.from_text(blank.name)
    sets = {(rrset.name, rrset.rdtype): rrset for rrset in message.answer}
    wanted = dns.rdatatype.from_text(blank.rdtype)
    answers: list[DnsRecord] = []
    seen: set[dns.name.Name] = set()
    while True:
        if name in seen:
            return answers, f"CNAME loop at {clean(_owner(name), 300)}"
        if len(seen) == _MAX_HOPS:
            return answers, f"more than {_MAX_HOPS} CNAMEs"
        seen.add(name)
        if (name, wanted) in sets:
            found = _records(sets[name, wanted])
            note = f"{len(found)} records, {_MAX_RECORDS} kept" if len(found) > _MAX_RECORDS else ""
            return answers + found[:_MAX_RECORDS], note
        alias = sets.get((name, dns.rdatatype.CNAME))
        if alias is None:
            return answers, ""
        answers += _records(alias)[:1]
        name = alias[0].target


def _records(rrset: dns.rrset.RRset) -> list[DnsRecord]:
    kind = dns.rdatatype.to_text(rrset.rdtype)
    owner = _owner(rrset.name)
    return [
        DnsRecord(name=owner, rdtype=kind, ttl=rrset.ttl, data=shorten(rdata.to_text(), _MAX_DATA)) for rdata in rrset
    ]


def _owner(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
