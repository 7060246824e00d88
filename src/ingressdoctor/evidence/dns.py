"""What resolvers answered."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["DnsRecord", "DnsReply", "Rcode"]


class Rcode(StrEnum):
    """How a DNS question ended; ``NODATA`` is NOERROR without an answer of the type asked for."""

    NOERROR = "NOERROR"
    NODATA = "NODATA"
    NXDOMAIN = "NXDOMAIN"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    MALFORMED = "MALFORMED"
    OTHER = "OTHER"


class DnsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One resource record: owner without trailing dot, type name, data in presentation form."""

    name: str
    rdtype: str
    ttl: int
    data: str


class DnsReply(msgspec.Struct, frozen=True, kw_only=True):
    """One question to one server and its answer, CNAMEs included in ``answers`` in the order followed."""

    name: str
    rdtype: str
    server: str
    rcode: Rcode
    answers: tuple[DnsRecord, ...] = ()
    authority: tuple[DnsRecord, ...] = ()
    authoritative: bool = False
    detail: str = ""
    elapsed_s: float = 0.0

    def of(self, rdtype: str) -> tuple[str, ...]:
        """Return the data of the answers of one type, in answer order."""
        return tuple([record.data for record in self.answers if record.rdtype == rdtype])
