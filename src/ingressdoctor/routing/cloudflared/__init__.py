"""cloudflared's ingress rules as a pure model: read, validated, chosen from, linted. No I/O, and no YAML library."""

from __future__ import annotations

from ingressdoctor.routing.cloudflared.arguments import EnvValue, Invocation, TokenFrom, read_invocation
from ingressdoctor.routing.cloudflared.choose import NotChosen, RuleChoice, RuleIndex, WhyNot, choose_rule, host_of
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
from ingressdoctor.routing.cloudflared.lint import Grade, Lint, LintCode, lint_configuration
from ingressdoctor.routing.cloudflared.reading import read_configuration
from ingressdoctor.routing.cloudflared.remote import no_configuration, read_remote
from ingressdoctor.routing.cloudflared.response import (
    NO_CONNECTOR,
    AnsweredBy,
    OriginFailure,
    TunnelAnswer,
    answer_of,
    log_of,
)
from ingressdoctor.routing.cloudflared.service import OriginService, ServiceKind
from ingressdoctor.routing.cloudflared.settings import OriginSettings
from ingressdoctor.routing.cloudflared.suggest import meant_hostnames
from ingressdoctor.routing.cloudflared.table import Reason, Refusal, Refused, Rule, RuleTable, validate
from ingressdoctor.routing.cloudflared.token import TokenIdentity, TokenProblem, read_credentials, read_token, tunnel_id

__all__ = [
    "NO_CONNECTOR",
    "Access",
    "AnsweredBy",
    "Configuration",
    "EnvValue",
    "Flaw",
    "Grade",
    "Ignored",
    "IngressRule",
    "Invocation",
    "IpRule",
    "Lint",
    "LintCode",
    "NotChosen",
    "OriginFailure",
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
    "TokenFrom",
    "TokenIdentity",
    "TokenProblem",
    "TunnelAnswer",
    "Unreadable",
    "WarpRouting",
    "WhyNot",
    "answer_of",
    "choose_rule",
    "host_of",
    "lint_configuration",
    "log_of",
    "meant_hostnames",
    "no_configuration",
    "read_configuration",
    "read_credentials",
    "read_invocation",
    "read_remote",
    "read_token",
    "tunnel_id",
    "validate",
]
