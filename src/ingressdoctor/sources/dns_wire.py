"""Write DNS questions, and read the answers that most servers give to most of them: addresses, or none.

Reads what is plain in every way and nothing else. Whatever is odd, hostile or rare is left to dnspython, which reads
all of it; what is read here reads the same there. Source: RFC 1035 section 4, RFC 2308, RFC 6891 section 6.1.
"""

from __future__ import annotations

import re
import socket
import struct
from functools import lru_cache
from typing import Final

import dns.ipv6
import dns.name
import dns.rdatatype
import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.dns import DnsRecord, DnsReply, Rcode

__all__ = ["Question", "is_answer", "plain_reply", "write_question"]

# Below every path MTU in use, so that no answer arrives in fragments: DNS Flag Day 2020.
_PAYLOAD: Final = 1_232
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
_PLAIN_LABEL: Final = re.compile(rb"[A-Za-z0-9_-]+")
_MOST_PLAIN: Final = 253
_MOST_HOPS: Final = 8
_HEAD: Final = struct.Struct("!HHHHH")
_RECORD: Final = struct.Struct("!HHIH")
_TIMES: Final = struct.Struct("!IIIII")
_RESPONSE, _OPCODE, _AUTHORITATIVE, _TRUNCATED, _RECURSION, _CODE = 0x8000, 0x7800, 0x0400, 0x0200, 0x0100, 0x000F
_IN, _A, _AAAA, _SOA, _OPT = 1, 1, 28, 6, 41
_EDNS: Final = b"\0" + _RECORD.pack(_OPT, _PAYLOAD, 0, 0)
_PLAIN_CODES: Final = {0: Rcode.NOERROR, 3: Rcode.NXDOMAIN}
# FORMERR, SERVFAIL, NOTIMP, REFUSED: some servers send these without the question.
_WITHOUT_QUESTION: Final = frozenset({1, 2, 4, 5})
_HEADER: Final = 12
_MOST_RECORDS: Final = 64
_MOST_TTL: Final = 2**31 - 1


class Question(msgspec.Struct, frozen=True):
    """A query without its id; ``asked`` is the name, type and class in it, as an answer repeats it."""

    wire: bytes
    asked: bytes


def write_question(name: str, rdtype: str, *, recurse: bool, edns: bool) -> Question:
    """Return the query for one name and type.

    Raises:
        dns.exception.DNSException, ValueError: the name or the type cannot be asked for.
    """
    asked = _wire_name(name) + _wire_type(rdtype)
    head = _HEAD.pack(_RECURSION if recurse else 0, 1, 0, 0, int(edns))
    return Question(head + asked + (_EDNS if edns else b""), asked)


# The types of one name are asked for one after the other.
@lru_cache(maxsize=256)
def _wire_name(name: str) -> bytes:
    if not _is_plain(name):
        return dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_Practical).to_wire() or b""
    return b"".join(bytes((len(label),)) + label for label in name.encode("ascii").split(b".")) + b"\0"


@lru_cache(maxsize=64)
def _wire_type(rdtype: str) -> bytes:
    return struct.pack("!HH", dns.rdatatype.from_text(rdtype), _IN)


def _is_plain(name: str) -> bool:
    return len(name) <= _MOST_PLAIN and _PLAIN.fullmatch(name) is not None


def is_answer(question: Question, data: bytes) -> bool:
    """Tell whether a message answers a question; the id is not looked at."""
    if len(data) < _HEADER:
        return False
    flags, questions, _, _, _ = _HEAD.unpack_from(data, 2)
    if not flags & _RESPONSE or flags & _OPCODE:
        return False
    if not questions:
        return flags & _CODE in _WITHOUT_QUESTION
    end = _HEADER + len(question.asked)
    # Upper and lower case are one (RFC 4343); the lengths of labels are below the letters.
    return questions == 1 and data[_HEADER:end].lower() == question.asked.lower()


def plain_reply(blank: DnsReply, question: Question, data: bytes) -> DnsReply | None:
    """Return *blank* filled in from an answer to *question*; None where dnspython has to read it."""
    flags, questions, answers, authorities, additional = _HEAD.unpack_from(data, 2)
    rcode = _PLAIN_CODES.get(flags & _CODE)
    if rcode is None or flags & _TRUNCATED or questions != 1 or not _is_plain(blank.name):
        return None
    if answers > _MOST_RECORDS or authorities > 1 or additional > 1:
        return None
    reading = _Reading(data, _HEADER + len(question.asked))
    try:
        found = tuple([reading.address(blank.rdtype, blank.name) for _ in range(answers)])
        authority = (reading.start_of_authority(),) if authorities else ()
        if additional:
            reading.bare_options()
    except (ValueError, struct.error, IndexError):
        return None
    # The same record twice, or records of one set that live differently long, are for dnspython to settle.
    if reading.at != len(data) or len({item.data for item in found}) != answers or len({x.ttl for x in found}) > 1:
        return None
    return replace(
        blank,
        rcode=Rcode.NODATA if rcode is Rcode.NOERROR and not found else rcode,
        answers=found,
        authority=authority,
        authoritative=bool(flags & _AUTHORITATIVE),
    )


class _Reading:
    """Reads records one after the other; a ValueError, or that of going past the end, says that they are not plain."""

    __slots__ = ("_data", "at")

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def address(self, wanted: str, owner: str) -> DnsRecord:
        """Read an address of the name that was asked for, which stands in the question."""
        if self._data[self.at : self.at + 2] != b"\xc0\x0c":
            raise ValueError("of another name")
        self.at += 2
        kind, ttl, size = self._head()
        value = self._data[self.at : self.at + size]
        self.at += size
        if kind == _A and wanted == "A" and len(value) == 4:
            text = socket.inet_ntoa(value)
        elif kind == _AAAA and wanted == "AAAA" and len(value) == 16:
            text = dns.ipv6.inet_ntoa(value)
        else:
            raise ValueError("no address")
        return DnsRecord(name=owner.lower(), rdtype=wanted, ttl=ttl, data=text)

    def start_of_authority(self) -> DnsRecord:
        """Read the record that tells which zone knows of nothing."""
        owner = self._name()
        kind, ttl, size = self._head()
        end = self.at + size
        if kind != _SOA:
            raise ValueError("no SOA")
        names = (self._name(), self._name())
        times = _TIMES.unpack_from(self._data, self.at)
        self.at += _TIMES.size
        if self.at != end:
            raise ValueError("not of that size")
        text = " ".join((*(f"{name}." for name in names), *map(str, times)))
        return DnsRecord(name=owner.lower(), rdtype="SOA", ttl=ttl, data=text)

    def bare_options(self) -> None:
        """Read an OPT record that says nothing: no extended code, no option."""
        kind, _, extended, size = _RECORD.unpack_from(self._data, self.at + 1)
        if self._data[self.at] or kind != _OPT or extended >> 16 or size:
            raise ValueError("options")
        self.at += 1 + _RECORD.size

    def _head(self) -> tuple[int, int, int]:
        kind, spoken, ttl, size = _RECORD.unpack_from(self._data, self.at)
        self.at += _RECORD.size
        if spoken != _IN or ttl > _MOST_TTL:
            raise ValueError("not of the internet")
        return kind, ttl, size

    def _name(self) -> str:
        """Read a name with at least one label, which may be compressed: each part lies wholly before the last."""
        data, at, limit = self._data, self.at, len(self._data)
        labels: list[str] = []
        hops, begins = 0, at
        while (count := data[at]) != 0:
            if count < 64:
                label = data[at + 1 : at + 1 + count]
                if len(label) < count or _PLAIN_LABEL.fullmatch(label) is None:
                    raise ValueError("not plain")
                labels.append(label.decode("ascii"))
                at += 1 + count
            else:
                target, hops = struct.unpack_from("!H", data, at)[0] & 0x3FFF, hops + 1
                self.at = at + 2 if hops == 1 else self.at
                if count < 192 or target >= begins or hops > _MOST_HOPS:
                    raise ValueError("points astray")
                at, begins, limit = target, target, begins
            if at >= limit:
                raise ValueError("runs into itself")
        if not hops:
            self.at = at + 1
        name = ".".join(labels)
        if not labels or len(name) > _MOST_PLAIN:
            raise ValueError("no plain name")
        return name
