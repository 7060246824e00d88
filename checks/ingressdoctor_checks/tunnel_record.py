"""Does the name have a record that leads to a tunnel: is it there, is it proxied?

Source: Cloudflare's documentation of tunnels' DNS records: ``<id>.cfargotunnel.com`` works for proxied records of the
same account only.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    DnsView,
    Finding,
    Remedy,
    Symptom,
    Target,
    TunnelFacts,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    fail,
    is_tunnel_placeholder,
    ok,
    skip,
    unknown,
)
from ingressdoctor_checks.outside_view import dig
from ingressdoctor_checks.tunnel_common import (
    RECORDS_API,
    named,
)

__all__ = ["cname_missing", "cname_not_proxied"]


@check(
    id="tunnel.cname-missing",
    title="There is a record that leads to the tunnel",
    step="tunnel",
    link="record → tunnel",
    causes=("dns.no-such-name", "edge.unreachable", str(Symptom.DNS_NXDOMAIN)),
)
def cname_missing(
    target: Target,
    zone: ZoneFacts | Unavailable,
    view: DnsView | Unavailable,
    route: TunnelRoute | Unavailable,
    facts: TunnelFacts | Unavailable,
) -> Iterator[Finding]:
    """Rules of cloudflared list the name, but the zone holds no record for it."""
    addresses = () if isinstance(view, Unavailable) else view.addresses
    tunnel, told_by = named(target.hostname, route, facts)
    if isinstance(zone, ZoneFacts) and zone.records:
        yield _there(zone)
    elif isinstance(zone, Unavailable) and addresses:
        yield ok(f"{target.hostname} has addresses.", seen={"addresses": ", ".join(addresses[:4])}, where="DNS")
    elif isinstance(zone, Unavailable) and isinstance(view, Unavailable):
        yield unknown(f"Neither the zone nor DNS could be read: {zone.reason}.", enable_with=zone.enable_with)
    elif not told_by:
        yield skip("No rule of a tunnel names the host either, so no record is missing for it; look at the rules.")
    else:
        yield _missing(target, zone, tunnel, told_by)


def _there(zone: ZoneFacts) -> Finding:
    record = zone.records[0]
    seen = {"record": f"{record.name} {record.type} {record.content}"}
    if zone.tunnel:
        wildcard = ", by a wildcard" if zone.wildcard else ""
        return ok(f"The record leads to a tunnel{wildcard}.", seen=seen, where=RECORDS_API)
    return skip(f"The record leads to {record.content}, and to no tunnel.")


def _missing(target: Target, zone: ZoneFacts | Unavailable, tunnel: str, told_by: str) -> Finding:
    host, end = target.hostname, f"{tunnel or '<tunnel id>'}.cfargotunnel.com"
    where = f"the zone {zone.name}" if isinstance(zone, ZoneFacts) else "DNS"
    return fail(
        f"{told_by} names {host}, but {where} has no record for it, so nobody finds it.",
        subject=host,
        seen={"record": "none", "named by": told_by},
        where=RECORDS_API if isinstance(zone, ZoneFacts) else "DNS",
        remedy=Remedy(
            text=f"In the dashboard under DNS > Records create a CNAME {host} to {end}, proxied (orange).",
            commands=(dig(host),),
            proof=dig(host),
        ),
    )


@check(
    id="tunnel.cname-not-proxied",
    title="The tunnel's record is proxied",
    step="tunnel",
    link="record → tunnel",
    causes=(
        "dns.not-proxied",
        "dns.no-such-name",
        "edge.unreachable",
        str(Symptom.CONNECT_TIMEOUT),
        str(Symptom.DNS_NXDOMAIN),
    ),
)
def cname_not_proxied(target: Target, zone: ZoneFacts | Unavailable, view: DnsView | Unavailable) -> Iterator[Finding]:
    """A grey CNAME to a tunnel leads to an address that exists nowhere."""
    grey = isinstance(view, DnsView) and any(map(is_tunnel_placeholder, view.addresses))
    held = isinstance(zone, ZoneFacts) and zone.tunnel
    if isinstance(zone, ZoneFacts) and not held:
        yield skip("The zone holds no record that leads to a tunnel.")
    elif isinstance(zone, ZoneFacts) and zone.proxied:
        yield ok("The record is proxied.", seen={"record": zone.records[0].content}, where=RECORDS_API)
    elif isinstance(zone, Unavailable) and not grey:
        yield skip("DNS shows no address of the kind that a grey record to a tunnel has.")
    else:
        seen = {"addresses": ", ".join(view.addresses) or "none"} if isinstance(view, DnsView) else {}
        yield fail(
            f"The record of {target.hostname} leads to a tunnel but is not proxied: its address exists nowhere.",
            subject=target.hostname,
            seen=seen | ({"proxied": "false"} if held else {}),
            where=RECORDS_API if held else "DNS",
            remedy=Remedy(
                text="Turn the record orange under DNS > Records: a tunnel is reached through Cloudflare's edge only, "
                "and only there does Access ask for a login.",
                commands=(dig(target.hostname, "AAAA"),),
                proof=dig(target.hostname, "A"),
            ),
        )
