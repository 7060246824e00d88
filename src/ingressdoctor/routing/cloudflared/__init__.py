"""cloudflared's ingress rules as a pure model: read, validated, chosen from, linted. No I/O, and no YAML library."""

from __future__ import annotations

from ingressdoctor.routing.cloudflared.choose import NotChosen, RuleChoice, RuleIndex, WhyNot, choose_rule
from ingressdoctor.routing.cloudflared.configuration import (
    Access,
    Configuration,
    Flaw,
    Ignored,
    IngressRule,
    IpRule,
    OriginRequest,
    Setting,
    Source,
    Unreadable,
    WarpRouting,
)
from ingressdoctor.routing.cloudflared.reading import read_configuration
from ingressdoctor.routing.cloudflared.remote import no_configuration, read_remote
from ingressdoctor.routing.cloudflared.service import OriginService, ServiceKind
from ingressdoctor.routing.cloudflared.settings import OriginSettings
from ingressdoctor.routing.cloudflared.validate import Reason, Refusal, Refused, Rule, RuleTable, validate

__all__ = [
    "Access",
    "Configuration",
    "Flaw",
    "Ignored",
    "IngressRule",
    "IpRule",
    "NotChosen",
    "OriginRequest",
    "OriginService",
    "OriginSettings",
    "Reason",
    "Refusal",
    "Refused",
    "Rule",
    "RuleChoice",
    "RuleIndex",
    "RuleTable",
    "ServiceKind",
    "Setting",
    "Source",
    "Unreadable",
    "WarpRouting",
    "WhyNot",
    "choose_rule",
    "no_configuration",
    "read_configuration",
    "read_remote",
    "validate",
]
