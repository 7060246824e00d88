"""Does the name resolve to Cloudflare's edge, and is its zone active there?

Where the edge sends visitors from there is the business of ``dns_origin``.
Source: Cloudflare's documentation of proxy status, zone status and tunnels' DNS records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    DnsView,
    Finding,
    OutsideProbe,
    Protocol,
    Remedy,
    Symptom,
    Target,
    Unavailable,
    ZoneFacts,
    check,
    clean,
    fail,
    is_cloudflare,
    is_private,
    is_tunnel_placeholder,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.outside_view import answered, curl, dig, works

__all__ = ["not_proxied", "zone_inactive"]

_ZONE_API: Final = "Cloudflare API: GET /zones"


def _no_connection(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether a visitor was seen to get no connection that he can use."""
    return isinstance(probe, OutsideProbe) and not answered(probe.last)


@check(
    id="dns.not-proxied",
    title="The name resolves to Cloudflare's edge",
    step="dns",
    link="name → edge",
    causes=(
        "edge.unreachable",
        "edge.certificate-invalid",
        str(Symptom.CONNECT_REFUSED),
        str(Symptom.CONNECT_TIMEOUT),
        str(Symptom.CONNECT_RESET),
        str(Symptom.TLS_HANDSHAKE),
        str(Symptom.TLS_UNTRUSTED),
        str(Symptom.EMPTY_REPLY),
    ),
)
def not_proxied(
    target: Target,
    view: DnsView,
    ranges: AddressRanges,
    probe: OutsideProbe | Unavailable,
    zone: ZoneFacts | Unavailable,
) -> Iterator[Finding]:
    """All addresses lie in Cloudflare's ranges, or at least its edge answers there."""
    if target.protocol is Protocol.MYSQL:
        yield skip("MySQL does not pass Cloudflare's edge, so the name must not lead there.")
        return
    addresses = tuple(dict.fromkeys(view.addresses))
    if not addresses:
        yield skip("The name has no address to judge.")
        return
    outside = tuple(address for address in addresses if not is_cloudflare(ranges, address))
    seen = {"addresses": ", ".join(addresses), "ranges": f"{ranges.source} ({ranges.as_of})"}
    if not outside:
        yield ok(f"{view.hostname} resolves to Cloudflare's edge.", seen=seen, where="DNS")
    elif any(is_tunnel_placeholder(address) for address in outside):
        yield _grey_tunnel(view, seen)
    elif isinstance(probe, OutsideProbe) and probe.edge and not probe.left_host:
        text = "answers outside Cloudflare's published ranges, but its edge answers there (own addresses or SaaS)"
        yield ok(f"{view.hostname} {text}.", seen=seen, where="DNS")
    elif len(outside) < len(addresses):
        yield _mixed(view, outside, seen)
    elif all(is_private(address) for address in addresses):
        yield _private(view, seen, broken=_no_connection(probe))
    else:
        yield _grey(view, zone, seen, broken=_no_connection(probe))


def _grey_tunnel(view: DnsView, seen: dict[str, str]) -> Finding:
    return fail(
        f"{view.hostname} is a DNS-only CNAME to a tunnel: it resolves to an address that nothing listens on.",
        subject=view.hostname,
        seen=seen | {"CNAME": " → ".join(view.cname_chain) or "(flattened)"},
        where="DNS",
        remedy=Remedy(
            text="Turn the record orange under DNS > Records: a tunnel is reached through the edge only.",
            commands=(dig(view.hostname, "AAAA"),),
            proof=dig(view.hostname, "A"),
        ),
    )


def _mixed(view: DnsView, outside: tuple[str, ...], seen: dict[str, str]) -> Finding:
    return warn(
        f"Some addresses of {view.hostname} are not Cloudflare's: {', '.join(outside)}.",
        subject=view.hostname,
        seen=seen,
        where="DNS",
        remedy=Remedy(
            text="Visitors take one or the other at random. Look for a second provider or stale name servers.",
            commands=(dig(view.hostname, "A"), dig(view.hostname, "AAAA")),
            proof=dig(view.hostname, "A"),
        ),
    )


def _private(view: DnsView, seen: dict[str, str], *, broken: bool) -> Finding:
    verdict = fail if broken else warn
    return verdict(
        f"{view.hostname} resolves to a private address: visitors on the internet cannot dial it.",
        subject=view.hostname,
        seen=seen,
        where="DNS",
        remedy=Remedy(
            text="Right for a name of the LAN. A public one needs a proxied record to a public address.",
            commands=(dig(view.hostname, "A"),),
            proof=dig(view.hostname, "A"),
        ),
    )


def _grey(view: DnsView, zone: ZoneFacts | Unavailable, seen: dict[str, str], *, broken: bool) -> Finding:
    if isinstance(zone, ZoneFacts):
        seen = seen | {"proxied at Cloudflare": str(zone.proxied).lower(), "zone status": zone.status}
    verdict = fail if broken else warn
    effect = "the edge is bypassed, and visitors get no usable connection" if broken else "the edge is bypassed"
    return verdict(
        f"{view.hostname} does not resolve to Cloudflare but to {view.addresses[0]}: {effect}.",
        subject=view.hostname,
        seen=seen,
        where="DNS",
        remedy=Remedy(
            text="If Cloudflare should stand before it, turn the record orange under DNS > Records. Until "
            "then its cache, firewall and certificate do not apply, and the origin's address is public.",
            commands=(dig(view.hostname, "A"), curl(f"https://{view.hostname}/cdn-cgi/trace")),
            proof=dig(view.hostname, "A"),
        ),
    )


@check(
    id="dns.zone-inactive",
    title="The zone is active at Cloudflare",
    step="dns",
    link="zone",
    causes=(
        "dns.no-such-name",
        "dns.resolver-failing",
        "dns.not-proxied",
        "edge.unreachable",
        "edge.certificate-invalid",
        str(Symptom.DNS_NXDOMAIN),
        str(Symptom.DNS_SERVFAIL),
        str(Symptom.EDGE_530),
        str(Symptom.EDGE_1000),
        str(Symptom.TLS_HANDSHAKE),
        str(Symptom.TLS_UNTRUSTED),
    ),
)
def zone_inactive(target: Target, zone: ZoneFacts, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """Delegated to Cloudflare and not paused."""
    servers = ", ".join(zone.name_servers) or "none told"
    seen = {"status": zone.status or "(none)", "paused": str(zone.paused).lower(), "name servers": servers}
    if zone.status == "active" and not zone.paused:
        yield ok(f"The zone {zone.name} is active.", seen=seen, where=_ZONE_API)
        return
    # Names that are not proxied resolve all the same as long as the zone is delegated, paused or not.
    raw = target.protocol is Protocol.MYSQL
    verdict = warn if raw or works(probe) else fail
    what = (
        "is paused: Cloudflare answers DNS only and proxies nothing"
        if zone.paused
        else f"is {zone.status or 'not active'}"
    )
    delegation = look("dig", "+short", "NS", zone.name)
    yield verdict(
        clean(f"The zone {zone.name} {what}.", 300),
        subject=f"Zone {zone.name}",
        seen=seen,
        where=_ZONE_API,
        remedy=Remedy(
            text="Unpause it in the dashboard under Overview > Advanced Actions."
            if zone.paused
            else f"At the registrar set the name servers to exactly these: {servers}. Then let Cloudflare check again.",
            commands=(delegation,),
            proof=dig(target.hostname),
        ),
    )
