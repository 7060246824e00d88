"""The evidence about tunnels and Access that checks may ask for; listed apart because it is long, nothing else.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.access_apps import (
    AccessApplication,
    AccessCoverage,
    AccessDestination,
    AccessMatch,
    AccessOrganisation,
    AccessPolicy,
    Decision,
    Neighbour,
    ServiceToken,
)
from ingressdoctor.evidence.grpc import GrpcExchange, GrpcOutcome, GrpcProbe, Health
from ingressdoctor.evidence.tunnel import (
    AddressOwner,
    Cloudflared,
    CloudflaredLogs,
    Cloudflareds,
    CloudflaredState,
    LoggedSignature,
    PodState,
    TunnelIdentity,
    TunnelRoute,
)
from ingressdoctor.evidence.tunnel_api import (
    EdgeConnection,
    RemoteRule,
    RemoteRules,
    TunnelConnector,
    TunnelFacts,
    TunnelObject,
)
from ingressdoctor.evidence.tunnel_rules import (
    ConfigHome,
    ConfigLint,
    ConfigSource,
    OriginKind,
    RulePassed,
    TunnelConfig,
    TunnelOrigin,
    TunnelRule,
)

__all__ = [
    "AccessApplication",
    "AccessCoverage",
    "AccessDestination",
    "AccessMatch",
    "AccessOrganisation",
    "AccessPolicy",
    "AddressOwner",
    "Cloudflared",
    "CloudflaredLogs",
    "CloudflaredState",
    "Cloudflareds",
    "ConfigHome",
    "ConfigLint",
    "ConfigSource",
    "Decision",
    "EdgeConnection",
    "GrpcExchange",
    "GrpcOutcome",
    "GrpcProbe",
    "Health",
    "LoggedSignature",
    "Neighbour",
    "OriginKind",
    "PodState",
    "RemoteRule",
    "RemoteRules",
    "RulePassed",
    "ServiceToken",
    "TunnelConfig",
    "TunnelConnector",
    "TunnelFacts",
    "TunnelIdentity",
    "TunnelObject",
    "TunnelOrigin",
    "TunnelRoute",
    "TunnelRule",
]
