"""What the checks of the record and of the connectors share: which tunnel the record names, and which one is meant.

Holds no check.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Cloudflareds,
    DnsView,
    OutsideProbe,
    RemoteRules,
    TunnelFacts,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
)

__all__ = ["RECORDS_API", "TUNNELS_API", "id_of_record", "meant_instead", "named", "says_no_connector"]

RECORDS_API: Final = "Cloudflare API: GET /zones/{id}/dns_records"
TUNNELS_API: Final = "Cloudflare API: GET /accounts/{id}/cfd_tunnel/{id}"
_SUFFIX: Final = ".cfargotunnel.com"
_NO_CONNECTOR: Final = 1033


def id_of_record(zone: ZoneFacts | Unavailable, view: DnsView | Unavailable) -> str:
    """Return the id of the tunnel that the record leads to: by the API, else where DNS shows it (a grey record)."""
    if isinstance(zone, ZoneFacts):
        return zone.tunnel
    chain = view.cname_chain if isinstance(view, DnsView) else ()
    return next((name.removesuffix(_SUFFIX) for name in chain if name.endswith(_SUFFIX)), "")


def says_no_connector(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether the edge itself says that the tunnel has no connector (1033)."""
    return isinstance(probe, OutsideProbe) and probe.edge_error is not None and probe.edge_error.code == _NO_CONNECTOR


def named(host: str, route: TunnelRoute | Unavailable, facts: TunnelFacts | Unavailable) -> tuple[str, str]:
    """Return (the id of a tunnel whose rules name *host*, whose rules they are); empty texts when none does."""
    if isinstance(facts, TunnelFacts) and facts.wanted_by:
        tunnel = facts.wanted_by[0]
        return tunnel.id, f"A rule of the tunnel {tunnel.name or tunnel.id}"
    if isinstance(route, TunnelRoute) and route.named:
        who = route.workloads[0].ref if route.workloads else "cloudflared's configuration"
        return route.tunnel, f"A rule of {who}"
    return "", ""


def meant_instead(
    host: str, ident: str, facts: TunnelFacts | Unavailable, cloudflareds: Cloudflareds | Unavailable
) -> tuple[str, str]:
    """Return (id, who says so) of a tunnel that names *host* while the record's tunnel *ident* does not."""
    items = () if isinstance(cloudflareds, Unavailable) else cloudflareds.items
    serving = [item for item in items if item.names_exactly(host)]
    rules = facts.rules if isinstance(facts, TunnelFacts) else None
    if any(item.identity.id == ident for item in serving) or (isinstance(rules, RemoteRules) and rules.names(host)):
        return "", ""
    other = next((item for item in serving if item.identity.id), None)
    if other is not None:
        return other.identity.id, other.ref
    if isinstance(facts, TunnelFacts) and facts.wanted_by:
        tunnel = facts.wanted_by[0]
        return tunnel.id, f"the tunnel {tunnel.name}" if tunnel.name else "another tunnel"
    return "", ""
