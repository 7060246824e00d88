"""What every resolver, and the zone's own server, says about the target's name.

Asks and arranges; whether an answer is good is for the checks. The zone's server is asked when it is configured, and
otherwise looked up only when the resolvers leave a question open: where they agree on addresses it has nothing to add.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ingressdoctor.collect.online import offline_reason
from ingressdoctor.collect.together import together
from ingressdoctor.evidence.dns import DnsReply, Rcode
from ingressdoctor.evidence.outside import DnsView, HttpsRecords, Online, ResolverView
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Target
from ingressdoctor.sources.base import Dns
from ingressdoctor.sources.left_out import refuse_left_out

__all__ = ["ask_addresses", "cname_chain", "collect_dns", "collect_https_records", "in_doubt", "zone_of"]

_WANTED: Final = "the DNS answers for the name"
_TYPES: Final = ("A", "AAAA")
_MAX_CHAIN: Final = 8
_WALK_S: Final = 4.0
_DEAD: Final = frozenset({Rcode.TIMEOUT, Rcode.UNREACHABLE})


@collector(wanted=_WANTED, timeout_s=15.0)
async def collect_dns(target: Target, dns: Dns, online: Later[Online]) -> DnsView | Unavailable:
    """Ask all resolvers, and the authoritative server if it is known, side by side."""
    if not dns.resolvers:
        enable = "Set resolvers under [dns] to one or more address:port."
        return Unavailable(wanted=_WANTED, reason="no resolver is configured", enable_with=enable)
    refuse_left_out(dns)
    name = target.hostname
    servers = [(server, True) for server in dns.resolvers]
    if dns.authoritative:
        servers.append((dns.authoritative, False))
    found = await together(*(_view(dns, name, server, recurse=recurse) for server, recurse in servers))
    views = found[: len(dns.resolvers)]
    # Offline, only a cached answer can be right; a failure or a missing name says nothing about the name.
    found_none = not any(view.addresses for view in views)
    if found_none and (offline := offline_reason(await online.get())):
        return Unavailable(wanted=_WANTED, reason=offline, enable_with="Connect this machine to the internet.")
    authoritative = found[-1] if dns.authoritative else await _found_authority(dns, name, views)
    chain = next((chain for view in views if (chain := cname_chain(view))), ())
    return DnsView(hostname=name, resolvers=views, authoritative=authoritative, cname_chain=chain)


@collector(wanted="the HTTPS records of the name", timeout_s=10.0)
async def collect_https_records(target: Target, dns: Dns, view: DnsView) -> HttpsRecords:
    """Ask the servers that were asked for addresses; only names of the LAN are judged by it."""
    servers = [(item.server, True) for item in view.resolvers]
    if view.authoritative is not None:
        servers.append((view.authoritative.server, False))
    asked = (dns.query(target.hostname, "HTTPS", server, recurse=recurse) for server, recurse in servers)
    return HttpsRecords(replies=await together(*asked))


async def ask_addresses(dns: Dns, name: str) -> tuple[str, ...]:
    """Return the A and AAAA data of *name* at the first resolver, A first."""
    if not dns.resolvers:
        return ()
    replies = await together(*(dns.query(name, rdtype, dns.resolvers[0]) for rdtype in ("A", "AAAA")))
    return tuple(data for rdtype, reply in zip(("A", "AAAA"), replies, strict=True) for data in reply.of(rdtype))


def cname_chain(view: ResolverView) -> tuple[str, ...]:
    """Return the CNAME targets of a view in the order followed, at most eight, each once."""
    records = [record for reply in view.replies for record in reply.answers if record.rdtype == "CNAME"]
    names = (record.data.rstrip(".").lower() for record in records)
    return tuple(dict.fromkeys(names))[:_MAX_CHAIN]


def in_doubt(views: tuple[ResolverView, ...]) -> bool:
    """Tell whether the zone's own server could settle something: a failure, a missing name or a disagreement."""
    answers = [frozenset(view.addresses) for view in views]
    return not all(answers) or any(first.isdisjoint(other) for first in answers for other in answers)


def zone_of(replies: tuple[DnsReply, ...], name: str) -> str:
    """Return the zone that holds *name* by the SOA records of *replies*, or ""."""
    owners = (
        record.name.rstrip(".").lower()
        for reply in replies
        for record in (*reply.answers, *reply.authority)
        if record.rdtype == "SOA"
    )
    return next((owner for owner in owners if owner and (name == owner or name.endswith(f".{owner}"))), "")


async def _view(dns: Dns, name: str, server: str, *, recurse: bool = True) -> ResolverView:
    replies = await together(*(dns.query(name, rdtype, server, recurse=recurse) for rdtype in _TYPES))
    return ResolverView(server=server, replies=replies)


async def _found_authority(dns: Dns, name: str, views: tuple[ResolverView, ...]) -> ResolverView | None:
    """Find one server of the zone by SOA and NS, and ask it; None when there is no doubt or it cannot be had."""
    working = next((v.server for v in views if any(r.rcode not in _DEAD for r in v.replies)), "")
    if not working or not in_doubt(views):
        return None
    try:
        async with asyncio.timeout(_WALK_S):
            replies = tuple(reply for view in views for reply in view.replies)
            zone = zone_of(replies, name) or zone_of((await dns.query(name, "SOA", working),), name)
            # The SOA of a top-level domain means that nobody holds the zone: its registry has nothing to add.
            if "." not in zone:
                return None
            servers = (await dns.query(zone, "NS", working)).of("NS")
            if not servers:
                return None
            addresses = (await dns.query(servers[0].rstrip("."), "A", working)).of("A")
            if not addresses:
                return None
            view = await _view(dns, name, f"{addresses[0]}:53", recurse=False)
    except TimeoutError:
        return None
    return view if any(reply.rcode not in _DEAD for reply in view.replies) else None
