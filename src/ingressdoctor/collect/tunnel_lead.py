"""Whether the target's name leads to a tunnel, by its record and by DNS; or why it cannot. Pure.

It cannot where the zone says that its records lead elsewhere, and where a route of the cluster names the host and
nothing speaks of a tunnel: then nobody looks for cloudflared. Of a name that has no record anywhere an Ingress alone
says nothing: rules of a tunnel may lead to its controller.
Source: Cloudflare's documentation of DNS records for tunnels.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.evidence.routes import KnownHosts
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.text import clean
from ingressdoctor.routing.lan import nowhere

__all__ = ["SUFFIX", "Lead", "collect_lead", "lead_of"]

SUFFIX: Final = ".cfargotunnel.com"
_NOT_ASKED: Final = Unavailable(wanted="the cluster's routes", reason="not asked")


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """What record and DNS say: the tunnel's id and who told it, or why the name is no tunnel's.

    ``by_route`` tells that only a route of the cluster speaks against it, which a file of rules overrules.
    """

    tunnel: str = ""
    ground: str = ""
    refuted: str = ""
    by_route: bool = False


@collector(wanted="where the name leads")
async def collect_lead(
    target: Target, zone: ZoneFacts | Unavailable, dns: DnsView | Unavailable, hosts: Later[KnownHosts]
) -> Lead:
    """Look at record and DNS, and at routes where those do not decide.

    Only a record can lead MySQL to a tunnel, and then nothing gets through.
    """
    lead = lead_of(target.hostname, zone, dns, _NOT_ASKED)
    if lead.tunnel or lead.refuted:
        return lead
    if target.protocol is Protocol.MYSQL:
        return Lead(refuted="the target speaks MySQL, and nothing leads the name to a tunnel")
    return lead_of(target.hostname, zone, dns, await hosts.get())


def lead_of(
    host: str, zone: ZoneFacts | Unavailable, dns: DnsView | Unavailable, hosts: KnownHosts | Unavailable
) -> Lead:
    """Say to which tunnel a name leads, or that it leads elsewhere."""
    if isinstance(zone, ZoneFacts) and zone.tunnel:
        return Lead(tunnel=zone.tunnel.lower(), ground=f"its record at Cloudflare leads to the tunnel {zone.tunnel}")
    chain = () if isinstance(dns, Unavailable) else dns.cname_chain
    seen = next((name for name in chain if name.rstrip(".").lower().endswith(SUFFIX)), "")
    if seen:
        tunnel = seen.rstrip(".").lower().removesuffix(SUFFIX)
        return Lead(tunnel=clean(tunnel, 100), ground=f"DNS shows a CNAME to the tunnel {clean(tunnel, 100)}")
    if isinstance(zone, ZoneFacts) and zone.records:
        return Lead(refuted=f"the zone {zone.name} at Cloudflare holds a record for it, which leads to no tunnel")
    naming = () if isinstance(hosts, Unavailable) else hosts.naming(host)
    if naming and not (_may_be_behind(naming) and nowhere(dns, zone)):
        return Lead(refuted=f"{naming[0]} names the host, and nothing speaks of a tunnel", by_route=True)
    return Lead()


def _may_be_behind(naming: tuple[str, ...]) -> bool:
    """Tell whether none of the routes is Traefik's own: what has those is meant for its entry points."""
    return not any(ref.startswith("IngressRoute ") for ref in naming)
