"""What the zone's own servers hold for a DNS-01 challenge that waits, and the CAA records that an authority minded.

Nothing is asked while no challenge waits. CNAMEs at ``_acme-challenge`` are followed, as cert-manager's own look and
the authority do. The zone's servers are found by SOA and NS, unless one is configured; a recursive server's copy proves
nothing. The expected value is compared by digest. Source: RFC 8555 section 8.4, RFC 8659 section 3.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Final

from ingressdoctor.collect.dns import zone_of
from ingressdoctor.collect.online import offline_reason
from ingressdoctor.evidence.certificates import CertificateChain, ChainLink, ChallengeRecords
from ingressdoctor.evidence.dns import DnsReply, Rcode
from ingressdoctor.evidence.outside import Online
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Dns
from ingressdoctor.sources.connect_to import join_host_port

__all__ = ["challenge_records", "plain_text"]

_WANTED: Final = "the DNS records of the certificate's challenge"
_LOOK_S: Final = 9.0
_MOST_SERVERS: Final = 4
_MOST_HOPS: Final = 6
_DEAD: Final = frozenset({Rcode.TIMEOUT, Rcode.UNREACHABLE})
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPEN: Final = ("pending", "processing", "ready")


@collector(wanted=_WANTED, timeout_s=12.0)
async def challenge_records(
    chain: CertificateChain, dns: Dns, online: Online | Unavailable
) -> ChallengeRecords | Unavailable:
    """Look up TXT for a challenge that waits, and CAA where the authority refused by it."""
    link = chain.deepest
    waits = link is not None and _is_dns01(link) and link.state in _OPEN
    refused = link is not None and "caa" in link.reason.lower() and link.kind in ("Order", "Challenge")
    host = (_host(link) or next(iter(chain.dns_names), "")) if link is not None else ""
    if link is None or not (waits or refused) or not host or len(host) > 253:
        return Inapplicable(wanted=_WANTED, reason="no challenge of a certificate waits for a record")
    if offline := offline_reason(online):
        return Unavailable(wanted=_WANTED, reason=offline, enable_with="Connect this machine to the internet.")
    try:
        async with asyncio.timeout(_LOOK_S):
            if refused:
                caa_name, caa = await _caa(dns, host)
                return ChallengeRecords(name=f"_acme-challenge.{host}", caa_name=caa_name, caa=caa)
            return await _txt(dns, link, f"_acme-challenge.{host}")
    except TimeoutError:
        return Unavailable(
            wanted=_WANTED,
            reason="the name servers did not answer in time",
            enable_with="Let this machine reach name servers on port 53.",
        )


def plain_text(data: str) -> str:
    """Return what a TXT record says, without the quotes around its parts."""
    parts: list[str] = _QUOTED.findall(data)
    return "".join(part.replace('\\"', '"').replace("\\\\", "\\") for part in parts) if parts else data


def _is_dns01(link: ChainLink) -> bool:
    spec = as_map(as_map(link.raw).get("spec"))
    return link.kind == "Challenge" and as_text(spec.get("type")).upper() == "DNS-01"


def _host(link: ChainLink) -> str:
    return as_text(as_map(as_map(link.raw).get("spec")).get("dnsName")).lower().removeprefix("*.").rstrip(".")


async def _txt(dns: Dns, link: ChainLink, name: str) -> ChallengeRecords:
    """Ask every server of the zone; where all say that the name is another's alias, those of the other's zone."""
    replies: tuple[DnsReply, ...] = ()
    asked, zone, passed = name, "", {name}
    for _ in range(_MOST_HOPS):
        zone, servers = await _authority(dns, asked)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(dns.query(asked, "TXT", server, recurse=False)) for server in servers]
        replies = tuple(task.result() for task in tasks)
        zone = zone_of(replies, asked) or zone
        alias = next((found[-1].rstrip(".").lower() for reply in replies if (found := reply.of("CNAME"))), "")
        if alias:
            asked = alias
        if not alias or alias in passed or any(reply.of("TXT") for reply in replies):
            break
        passed.add(alias)
    if not zone and dns.authoritative:
        zone = zone_of((await dns.query(asked, "SOA", dns.authoritative, recurse=False),), asked)
    solver = as_map(as_map(as_map(as_map(link.raw).get("spec")).get("solver")).get("dns01"))
    return ChallengeRecords(
        name=name,
        target=asked if asked != name else "",
        zone=zone,
        replies=replies,
        right=tuple(reply.server for reply in replies if _holds(reply, link.answer)) if link.answer else None,
        by_cname=as_text(solver.get("cnameStrategy")) == "Follow",
    )


def _holds(reply: DnsReply, digest: str) -> bool:
    return any(hashlib.sha256(plain_text(data).encode()).hexdigest() == digest for data in reply.of("TXT"))


async def _authority(dns: Dns, name: str) -> tuple[str, tuple[str, ...]]:
    """Return the zone that holds *name*, and its servers as "address:port"; empty where they cannot be found."""
    if dns.authoritative:
        return "", (dns.authoritative,)
    for resolver in dns.resolvers:
        soa = await dns.query(name, "SOA", resolver)
        if soa.rcode in _DEAD:
            continue
        zone = zone_of((soa,), name)
        if "." not in zone:
            return "", ()
        listed = (await dns.query(zone, "NS", resolver)).of("NS")[:_MOST_SERVERS]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(dns.query(server.rstrip("."), "A", resolver)) for server in listed]
        found = [task.result().of("A")[:1] for task in tasks]
        return zone, tuple(dict.fromkeys(join_host_port(address, 53) for part in found for address in part))
    return "", ()


async def _caa(dns: Dns, host: str) -> tuple[str, tuple[str, ...]]:
    """Climb from *host* until a name has CAA records, as an authority does."""
    resolver = next(iter(dns.resolvers), "")
    labels = host.split(".")
    for start in range(len(labels) - 1 if resolver else 0):
        name = ".".join(labels[start:])
        if found := (await dns.query(name, "CAA", resolver)).of("CAA"):
            return name, found[:_MOST_SERVERS]
    return "", ()
