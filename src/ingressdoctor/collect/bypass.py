"""Sum up what leads a name past load balancers, for the walk that goes through one. Pure."""

from __future__ import annotations

from ingressdoctor.evidence.bypass import Bypass
from ingressdoctor.evidence.lan import LanName
from ingressdoctor.evidence.node_hops import NodeLead
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable

__all__ = ["collect_bypass"]


@collector(wanted="what leads past a load balancer")
async def collect_bypass(
    route: TunnelRoute | Unavailable, lead: NodeLead | Unavailable, lan: LanName | Unavailable
) -> Bypass:
    """Tell what is certain: a tunnel by its record or by a rule for the very name, nodes and LAN by their addresses."""
    tunnel = isinstance(route, TunnelRoute) and (route.by_record or route.named == "exact")
    return Bypass(tunnel=tunnel, nodes=isinstance(lead, NodeLead), lan=isinstance(lan, LanName) and lan.certain)
