"""Valid evidence of a name of the LAN, with overridable parts: one address, that of a ready node."""

from __future__ import annotations

from build.outside import HOST
from ingressdoctor.api import (
    DnsRecord,
    DnsReply,
    HttpsRecords,
    LanName,
    LanNode,
    LanOwner,
    LanOwners,
    LanSurroundings,
    Rcode,
    Reach,
    TcpAttempt,
)

NODE, OTHER = "192.168.1.82", "192.168.1.83"
ECH = '1 . alpn="h3,h2" ipv4hint=104.21.32.11 ech=AEX+DQBB'
PLAIN = "1 . alpn=h2"


def a_lan_name(
    *addresses: str, told_by: str = "DNS", mixed: bool = False, own: bool = False, by_cluster: bool = False
) -> LanName:
    """A name of the LAN; *by_cluster* for one without a record, whose Ingress listens there."""
    told_by = "the status of Ingress ns/shop" if by_cluster else told_by
    return LanName(addresses=addresses or (NODE,), told_by=told_by, mixed=mixed, own=own, by_cluster=by_cluster)


def a_node(name: str = "node02", address: str = NODE, *, ready: bool | None = True) -> LanNode:
    """A node with one address."""
    return LanNode(ref=f"Node {name}", addresses=(address,), ready=ready)


def owned(*owners: LanOwner, name: LanName | None = None) -> LanOwners:
    """Who has the addresses; by default a ready node."""
    return LanOwners(
        name=name or a_lan_name(),
        owners=owners or (LanOwner(address=NODE, node=a_node()),),
        nodes=(a_node(), a_node("n3", OTHER)),
    )


def around(
    *wildcard: DnsReply, reach: Reach = Reach.OK, addresses: tuple[str, ...] = (NODE,), asked: bool = True
) -> LanSurroundings:
    """Connects that end in one way, and what is answered for a name that nobody made."""
    nothing = (DnsReply(name="x", rdtype="A", server="9.9.9.9:53", rcode=Rcode.NXDOMAIN),) if asked else ()
    attempts = tuple(TcpAttempt(address=address, port=443, reach=reach) for address in addresses)
    return LanSurroundings(attempts=attempts, beside="no-such-host.shop.example", wildcard=wildcard or nothing)


def answer(rdtype: str, *data: str, name: str = HOST, server: str = "9.9.9.9:53") -> DnsReply:
    """One answer, NODATA without data."""
    records = tuple(DnsRecord(name=name, rdtype=rdtype, ttl=300, data=item) for item in data)
    rcode = Rcode.NOERROR if data else Rcode.NODATA
    return DnsReply(name=name, rdtype=rdtype, server=server, rcode=rcode, answers=records)


def https_records(*records: str) -> HttpsRecords:
    """What two resolvers answer for an HTTPS record: each of *records* at one of them, NODATA where it is empty."""
    asked = zip(records, ("192.168.1.1:53", "9.9.9.9:53"), strict=False)
    return HttpsRecords(replies=tuple(answer("HTTPS", *filter(None, [item]), server=server) for item, server in asked))
