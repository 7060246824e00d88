"""Does the record name the right tunnel, and does that tunnel exist?

Ids are compared: that of the record, those that cloudflared in the cluster runs, those of the account.
Source: Cloudflare's API and its documentation of tunnels' DNS records, which stay when a tunnel is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Cloudflared,
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
    Unavailable,
    ZoneFacts,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import curl, works
from ingressdoctor_checks.tunnel_common import (
    RECORDS_API,
    TUNNELS_API,
    id_of_record,
    meant_instead,
    says_no_connector,
)

__all__ = ["cname_other_tunnel", "deleted"]

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
        yield _without_id(target, zone, cloudflareds, probe)
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


def _without_id(
    target: Target,
    zone: ZoneFacts | Unavailable,
    cloudflareds: Cloudflareds | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Finding:
    """Judge a record that may not be read by what the edge and the connectors say of it."""
    if isinstance(zone, ZoneFacts):
        return skip("The zone holds no record that leads to a tunnel.")
    if works(probe):
        return ok("Visitors are served, so the record leads to a tunnel that serves the name.")
    items = () if isinstance(cloudflareds, Unavailable) else cloudflareds.items
    held = next((item for item in items if item.ready_pods and item.names_exactly(target.hostname)), None)
    if held is not None and says_no_connector(probe):
        return _contradiction(target, held)
    return unknown(
        f"Behind the edge the record's tunnel is not visible in DNS, and the API could not tell it: {zone.reason}.",
        enable_with=zone.enable_with or "Set CLOUDFLARE_API_TOKEN with Zone > DNS > Read.",
    )


def _contradiction(target: Target, held: Cloudflared) -> Finding:
    ident = held.identity.id or "<tunnel id>"
    return fail(
        f"The edge finds no connector for {target.hostname}, yet {held.ref} is connected and names it: "
        "the record leads to another tunnel.",
        subject=target.hostname,
        seen={"edge": "1033: no connector", held.ref: f"{len(held.ready_pods)} pods connected", "its tunnel": ident},
        where="the edge's answer and the cluster",
        remedy=Remedy(
            text=f"Under DNS > Records set the CNAME of {target.hostname} to {ident}.cfargotunnel.com.",
            commands=(look("kubectl", "-n", held.namespace, "get", "pods"),),
            proof=curl(target.url),
        ),
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
