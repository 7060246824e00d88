"""The evidence about nodes without a load balancer that checks may ask for; listed apart, nothing else.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.bypass import Bypass
from ingressdoctor.evidence.firewalls import Firewall, FirewallRule, HetznerFirewalls
from ingressdoctor.evidence.helm import HelmInstall
from ingressdoctor.evidence.node_hops import (
    NodeCase,
    NodeHop,
    NodeHops,
    NodeLead,
    NodeOwner,
    NodeState,
    NodeStates,
    PortClaim,
    PortClaims,
    RecordAddresses,
)
from ingressdoctor.routing.hetzner_firewall import admitted, open_to_world, shut_out

__all__ = [
    "Bypass",
    "Firewall",
    "FirewallRule",
    "HelmInstall",
    "HetznerFirewalls",
    "NodeCase",
    "NodeHop",
    "NodeHops",
    "NodeLead",
    "NodeOwner",
    "NodeState",
    "NodeStates",
    "PortClaim",
    "PortClaims",
    "RecordAddresses",
    "admitted",
    "open_to_world",
    "shut_out",
]
