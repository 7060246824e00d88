"""From the model of cloudflared's rules to evidence: a configuration judged, and the rule that takes one request. Pure.

The judgement is ``routing/cloudflared``'s; this only puts it into the values that checks see.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from msgspec.structs import replace

from ingressdoctor.collect.cloudflared_yaml import configuration_of
from ingressdoctor.evidence.routes import BackendRef
from ingressdoctor.evidence.tunnel_api import TunnelFacts
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
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared import (
    Configuration,
    Grade,
    IngressRule,
    LintCode,
    NotChosen,
    Refused,
    Rule,
    RuleTable,
    ServiceKind,
    Unreadable,
    WhyNot,
    choose_rule,
    lint_configuration,
    read_remote,
    validate,
)

__all__ = ["Taken", "config_of", "config_of_text", "origin_of", "remote_config", "taken_by"]

_KINDS: Final = {kind: OriginKind(kind.value) for kind in ServiceKind}
_NAMES: Final = 20_000
_LINTS: Final = 200
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SERVICE: Final = re.compile(
    rf"(?P<name>{_LABEL})\.(?P<namespace>{_LABEL})(?:\.svc(?:\.[a-z0-9-]+(?:\.[a-z0-9-]+)*)?)?\.?"
)
_SHORT: Final = re.compile(rf"(?P<name>{_LABEL})")
_TOP_LEVEL: Final = frozenset(("local", "lan", "home", "internal", "com", "org", "net", "io", "gr", "eu", "de", "dev"))

Taken = tuple[TunnelRule | None, TunnelOrigin | None, tuple[RulePassed, ...], str]


def config_of_text(text: str, source: ConfigSource) -> TunnelConfig:
    """Judge a text as cloudflared does when it starts."""
    found = configuration_of(text)
    if isinstance(found, Unreadable):
        error = clean(found.text, 500)
        return TunnelConfig(source=source, error=error, errors=(error,), error_line=found.line)
    return config_of(found, source)


def remote_config(facts: TunnelFacts | Unavailable, *, local: bool) -> TunnelConfig | Unavailable | None:
    """Return the rules that the API tells, where they decide; None where a configuration of its own does.

    Args:
        facts: What the API tells.
        local: Whether the connectors' own configuration was read; then a copy of it at Cloudflare adds nothing.
    """
    if isinstance(facts, Unavailable) or facts.tunnel is None:
        return None
    rules = facts.rules
    if isinstance(rules, Unavailable):
        return rules if facts.tunnel.remote else None
    if rules is None or (rules.source != "cloudflare" and (local or facts.tunnel.remote)):
        return None
    name = facts.tunnel.name or facts.tunnel.id
    what = "the configuration" if rules.source == "cloudflare" else "the copy of the configuration"
    source = ConfigSource(home=ConfigHome.REMOTE, ref=f"{what} of tunnel {name} at Cloudflare")
    found = read_remote(rules.document, tunnel=facts.tunnel.id, version=rules.version)
    if isinstance(found, Unreadable):
        return TunnelConfig(source=source, error=found.text, errors=(found.text,), version=rules.version)
    return config_of(found, source)


def config_of(found: Configuration, source: ConfigSource) -> TunnelConfig:
    """Judge a configuration: its rules, or why cloudflared refuses them."""
    written = tuple(_written(rule, index) for index, rule in enumerate(found.rules[:_NAMES], start=1))
    config = TunnelConfig(
        source=source,
        rules=written,
        tunnel=clean(found.tunnel, 200),
        protocol=clean(found.protocol, 40),
        metrics=clean(found.metrics, 100),
        version=found.version,
        access_idle=found.origin_request.access is not None and found.origin_request.access.required,
        written=found,
    )
    judged = validate(found)
    if isinstance(judged, Refused):
        first = judged.first
        return replace(
            config,
            error=first.text,
            error_rule=first.rule + 1,
            error_line=first.line,
            errors=tuple(item.text for item in judged.refusals[:20]),
        )
    return replace(config, model=judged, built_in=judged.built_in, lints=tuple(_lints(found)))


def _written(rule: IngressRule, number: int) -> TunnelRule:
    return TunnelRule(
        number=number,
        hostname=clean(rule.hostname, 260),
        path=clean(rule.path, 300),
        service=clean(rule.service, 300),
        line=rule.line,
    )


def _shown(rule: Rule) -> TunnelRule:
    return TunnelRule(
        number=rule.index + 1,
        hostname=clean(rule.hostname, 260),
        path=clean(rule.path, 300),
        service=clean(rule.service.text, 300),
        line=rule.line,
    )


def _lints(found: Configuration) -> Iterator[ConfigLint]:
    for item in lint_configuration(found)[:_LINTS]:
        if item.code is not LintCode.REFUSED:
            yield ConfigLint(
                code=item.code.value,
                text=clean(item.text, 400),
                rule=item.rule + 1,
                by=item.by + 1,
                hostname=clean(found.rules[item.rule].hostname, 260) if 0 <= item.rule < len(found.rules) else "",
                serious=item.grade is not Grade.NOTE,
            )


def taken_by(config: TunnelConfig, host: str, path: str, namespace: str) -> Taken:
    """Return (rule, origin, rules that name the host and do not get the request, how the host is named).

    Args:
        config: Whose rules are asked.
        host: The request's host without a port.
        path: As the target has it, with a query; cloudflared compares it decoded and without.
        namespace: Of the connector, for service names without one.
    """
    table = config.model
    if not isinstance(table, RuleTable):
        return None, None, (), ""
    choice = choose_rule(table, host, unquote(path.partition("?")[0]) or "/")
    passed = tuple(
        RulePassed(rule=_shown(item.rule), why=_why(item, choice.rule), later=item.matches)
        for item in choice.not_chosen
        if _names(item.rule, host)
    )
    if choice.rule is None:
        return None, None, passed, ""
    origin = origin_of(choice.rule, host, namespace, idle=config.access_idle and choice.rule.settings.access is None)
    return _shown(choice.rule), origin, passed, _strength(choice.rule, passed, host)


def _names(rule: Rule, host: str) -> bool:
    return rule.hostname not in ("", "*") and (rule.matches_host(host) or rule.hostname.lower() == host)


def _why(item: NotChosen, winner: Rule | None) -> str:
    if item.why is WhyNot.LATER and winner is not None:
        return f"{_shown(winner).shown} comes first and takes the request"
    return str(item.why.value)


def _strength(rule: Rule, passed: tuple[RulePassed, ...], host: str) -> str:
    exact = host in (rule.hostname, rule.ascii) or any(item.rule.hostname.lower() == host for item in passed)
    if exact:
        return "exact"
    wild = rule.hostname.startswith("*.") or any(item.rule.hostname.startswith("*.") for item in passed)
    return "wildcard" if wild else ""


def origin_of(rule: Rule, host: str, namespace: str, *, idle: bool = False) -> TunnelOrigin:
    """Return where a rule leads, with what originRequest makes of it.

    ``idle`` tells that the configuration demands an Access token at the top level, where cloudflared does not.
    """
    service, settings = rule.service, rule.settings
    header = settings.http_host_header
    server_name = ""
    if service.tls:
        server_name = (header or host) if settings.match_sni_to_host else settings.origin_server_name or service.host
    access = settings.access
    return TunnelOrigin(
        kind=_KINDS[service.kind],
        service=clean(service.text, 300),
        scheme=service.scheme,
        host=clean(service.host, 260),
        port=service.port,
        status=service.status,
        verify=not settings.no_tls_verify,
        server_name=clean(server_name, 260),
        ca_pool=clean(settings.ca_pool, 300),
        host_header=clean(header, 260),
        match_sni=settings.match_sni_to_host,
        http2=settings.http2_origin,
        access_required=access is not None and access.required,
        access_team=clean(access.team_name, 100) if access else "",
        access_audiences=tuple(clean(tag, 100) for tag in access.aud_tags[:20]) if access else (),
        access_idle=idle,
        backend=_backend(service.host.lower(), service.port, service.scheme, namespace),
        address=_is_address(service.host),
    )


def _backend(host: str, port: int, scheme: str, namespace: str) -> BackendRef | None:
    """Return the Service that a cluster name means; None for an address or a name outside the cluster."""
    if not host or not port or _is_address(host) or host == "localhost":
        return None
    short = _SHORT.fullmatch(host) if namespace else None
    full = _SERVICE.fullmatch(host)
    if full is not None and ".svc" not in host and full["namespace"] in _TOP_LEVEL:
        return None
    found = short or full
    if found is None:
        return None
    return BackendRef(
        kind="Service",
        namespace=namespace if found is short else full["namespace"] if full else "",
        name=found["name"],
        port=str(port),
        scheme=scheme,
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
