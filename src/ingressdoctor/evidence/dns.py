"""What resolvers answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsRecord:
    """One resource record: owner without trailing dot, type name, data in presentation form."""

    name: str
    rdtype: str
    ttl: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsReply:
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
        return tuple(record.data for record in self.answers if record.rdtype == rdtype)
