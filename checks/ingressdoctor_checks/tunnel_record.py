"""Does the record lead to the tunnel that serves the name: is it there, is it proxied, is it the right one?

Source: Cloudflare's documentation of tunnels' DNS records: ``<id>.cfargotunnel.com`` works for proxied records of the
same account only, and stays when the tunnel stops or is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Cloudflareds,
    Command,
    DnsView,
    Finding,
    OutsideProbe,
    Remedy,
    RemoteRules,
    Symptom,
    Target,
    TunnelFacts,
    TunnelObject,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    fail,
    is_tunnel_placeholder,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import curl, dig, works
from ingressdoctor_checks.tunnel_common import RECORDS_API, TUNNELS_API, id_of_record, meant_instead, named

__all__ = ["cname_missing", "cname_not_proxied", "cname_other_tunnel", "deleted"]


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


_WRONG_TUNNEL: Final = (
    "tunnel.deleted",
    "tunnel.no-connector",
    "tunnel.stray-connector",
    "rule.host-missing",
    "edge.error-page",
    "edge.http-error",
    str(Symptom.EDGE_1033),
    str(Symptom.EDGE_530),
    str(Symptom.EDGE_502),
    str(Symptom.TUNNEL_404),
    str(Symptom.TUNNEL_503),
)


@check(
    id="tunnel.cname-other-tunnel",
    title="The record leads to the tunnel whose rules name the host",
    step="tunnel",
    link="record → tunnel",
    causes=_WRONG_TUNNEL,
)
def cname_other_tunnel(
    target: Target,
    zone: ZoneFacts | Unavailable,
    view: DnsView | Unavailable,
    facts: TunnelFacts | Unavailable,
    cloudflareds: Cloudflareds | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Iterator[Finding]:
    """The id in the CNAME is not that of the tunnel that serves the name."""
    ident = id_of_record(zone, view)
    if not ident:
        gap = zone if isinstance(zone, Unavailable) else None
        yield ok("Visitors are served, so the record is right.") if gap is not None and works(probe) else _no_id(gap)
        return
    meant, told_by = meant_instead(target.hostname, ident, facts, cloudflareds)
    if not told_by:
        yield _right(ident, facts, cloudflareds)
        return
    verdict = warn if works(probe) or _may_serve(facts) else fail
    still = " It answers all the same, so that tunnel serves it too." if works(probe) else ""
    yield verdict(
        f"The record of {target.hostname} leads to the tunnel {ident}, but {told_by} serves it by {meant}.{still}",
        subject=target.hostname,
        seen={"record's tunnel": _named_tunnel(ident, facts), "serving tunnel": meant},
        where=RECORDS_API,
        remedy=Remedy(
            text=f"In the dashboard under DNS > Records set the CNAME of {target.hostname} to "
            f"{meant}.cfargotunnel.com, or run the tunnel that the record names.",
            commands=(_info(ident),),
            proof=curl(target.url),
        ),
    )


def _may_serve(facts: TunnelFacts | Unavailable) -> bool:
    """Tell whether the record's tunnel lives by rules that could not be read, and may name the host as well."""
    if isinstance(facts, Unavailable) or facts.tunnel is None or facts.tunnel.deleted_at:
        return False
    return facts.tunnel.status in {"healthy", "degraded"} and not isinstance(facts.rules, RemoteRules)


def _no_id(gap: Unavailable | None) -> Finding:
    if gap is None:
        return skip("The zone holds no record that leads to a tunnel.")
    return unknown(
        f"Behind the edge the record's tunnel is not visible in DNS, and the API could not tell it: {gap.reason}.",
        enable_with=gap.enable_with or "Set CLOUDFLARE_API_TOKEN with Zone > DNS > Read.",
    )


def _right(ident: str, facts: TunnelFacts | Unavailable, cloudflareds: Cloudflareds | Unavailable) -> Finding:
    running = isinstance(cloudflareds, Cloudflareds) and cloudflareds.of_tunnel(ident)
    by_api = isinstance(facts, TunnelFacts) and isinstance(facts.rules, RemoteRules)
    if running or by_api:
        return ok("No other tunnel is meant to serve the name.", seen={"tunnel": _named_tunnel(ident, facts)})
    if isinstance(facts, Unavailable):
        return unknown(
            f"Whether {ident} is the right tunnel could not be told: {facts.reason}.", enable_with=facts.enable_with
        )
    return skip("Nothing says that another tunnel serves the name.")


@check(
    id="tunnel.deleted",
    title="The tunnel of the record exists",
    step="tunnel",
    link="record → tunnel",
    causes=(
        "tunnel.no-connector",
        "tunnel.credentials-rejected",
        "tunnel.pods-not-ready",
        "edge.error-page",
        str(Symptom.EDGE_1033),
        str(Symptom.EDGE_530),
    ),
)
def deleted(
    target: Target,
    facts: TunnelFacts | Unavailable,
    cloudflareds: Cloudflareds | Unavailable,
) -> Iterator[Finding]:
    """The account knows no tunnel of this id any more; the record stays behind."""
    if isinstance(facts, Unavailable):
        yield _unseen_tunnel(target, facts, cloudflareds)
        return
    if not facts.tunnel_id:
        yield skip("The zone holds no record that leads to a tunnel.")
        return
    found = facts.tunnel
    if found is not None and not found.deleted_at:
        yield ok(f"The tunnel {found.name} exists.", seen={"id": found.id, "status": found.status}, where=TUNNELS_API)
        return
    _, other = meant_instead(target.hostname, facts.tunnel_id, facts, cloudflareds)
    if other:
        yield skip("The record names the wrong tunnel; see tunnel.cname-other-tunnel.")
        return
    yield _gone(target, facts, found)


def _unseen_tunnel(target: Target, gap: Unavailable, cloudflareds: Cloudflareds | Unavailable) -> Finding:
    items = () if isinstance(cloudflareds, Unavailable) else cloudflareds.items
    held = next((item for item in items if item.ready_pods and item.names_exactly(target.hostname)), None)
    if held is not None:
        return ok(f"Pods of {held.ref} are connected to their tunnel, so it exists.", seen={"pods": held.ref})
    return unknown(f"The tunnel could not be looked up: {gap.reason}.", enable_with=gap.enable_with)


def _gone(target: Target, facts: TunnelFacts, found: TunnelObject | None) -> Finding:
    when = f"was deleted on {found.deleted_at}" if found is not None else "does not exist in the zone's account"
    name = f"{found.name} ({facts.tunnel_id})" if found is not None and found.name else facts.tunnel_id
    others = () if isinstance(facts.others, Unavailable) else facts.others
    alive = [item for item in others if item.status in {"healthy", "degraded"}]
    return fail(
        f"The record of {target.hostname} leads to the tunnel {name}, which {when}.",
        subject=f"Tunnel {name}",
        seen={"id": facts.tunnel_id, "deleted": found.deleted_at if found is not None else "not known to the account"}
        | ({"living tunnels": ", ".join(f"{item.name} {item.id}" for item in alive[:5])} if alive else {}),
        where=TUNNELS_API,
        remedy=Remedy(
            text="A deleted tunnel cannot be brought back. Create one (cloudflared tunnel create), give its "
            "credentials to the connectors, and set the records of all its names to the new id.cfargotunnel.com.",
            commands=(_info(facts.tunnel_id),),
            proof=curl(target.url),
        ),
    )


def _named_tunnel(ident: str, facts: TunnelFacts | Unavailable) -> str:
    found = facts.tunnel if isinstance(facts, TunnelFacts) else None
    return f"{ident} ({found.name}, {found.status})" if found is not None else ident


def _info(ident: str) -> Command:
    return look("cloudflared", "tunnel", "info", ident)
