"""cloudflared's judgement of the ingress rules: a table that it would serve, or every rule that it would refuse.

cloudflared stops at the first mistake; here every rule is judged, so that one look shows them all.

Source: cloudflared ingress/ingress.go (validateIngress, validateHostname, validateAccessConfiguration),
ipaccess/access.go.
"""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from itertools import accumulate
from typing import Final

import msgspec

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared.address import split_host_port
from ingressdoctor.routing.cloudflared.configuration import Configuration, IngressRule, IpRule, Source
from ingressdoctor.routing.cloudflared.names import ascii_form, is_any, matches_host
from ingressdoctor.routing.cloudflared.paths import weight_of
from ingressdoctor.routing.cloudflared.service import BadService, OriginService, ServiceKind, service_of
from ingressdoctor.routing.cloudflared.settings import OriginSettings, settings_of
from ingressdoctor.routing.cloudflared.single import single_service
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.regex import compile_pattern

__all__ = ["NO_RULES_TEXT", "Reason", "Refusal", "Refused", "Rule", "RuleTable", "validate"]

NO_RULES_TEXT: Final = "The config file doesn't contain any ingress rules"
_LAST: Final = "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)"
_WILDCARD: Final = (
    'Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. '
    '"*.example.com"'
)
_PREFIX: Final = re.compile(r"[^%]+/[0-9]{1,3}")
_DEFAULT_STATUS: Final = 503
_MAX_WEIGHT: Final = 2_000_000
_MAX_ONE: Final = 200_000
_OUR_LIMIT: Final = re.compile(r"(?:expression|pattern) too large")


class Reason(StrEnum):
    """Why cloudflared refuses a rule."""

    STATUS = "invalid-status"
    URL = "not-a-url"
    ADDRESS = "no-scheme-or-host"
    SERVICE_PATH = "path-in-service"
    IP_RULE = "invalid-ip-rule"
    ACCESS_TEAM = "access-without-team"
    HOST_PORT = "port-in-hostname"
    WILDCARD = "misplaced-wildcard"
    NO_CATCH_ALL = "no-catch-all"
    EARLY_CATCH_ALL = "catch-all-not-last"
    REGEX = "invalid-regex"
    TOO_LARGE = "regex-too-large-for-us"


_SERVICE_REASONS: Final = {
    "status": Reason.STATUS,
    "url": Reason.URL,
    "address": Reason.ADDRESS,
    "path": Reason.SERVICE_PATH,
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that cloudflared refuses, in its words; ``rule`` counts from 0, ``line`` from 1 (0: no lines)."""

    reason: Reason
    text: str
    rule: int
    line: int = 0


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """cloudflared refuses the whole configuration; the first refusal is the one that it prints."""

    refusals: tuple[Refusal, ...]

    @property
    def first(self) -> Refusal:
        """The refusal that cloudflared prints."""
        return self.refusals[0]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that cloudflared serves; ``ascii`` is the second form of its hostname, or empty."""

    index: int
    hostname: str
    ascii: str
    path: str
    service: OriginService
    settings: OriginSettings
    line: int = 0

    @property
    def is_catch_all(self) -> bool:
        """Whether the rule matches every request."""
        return is_any(self.hostname) and not self.path

    def matches_host(self, host: str) -> bool:
        """Tell whether the rule's hostname matches a host without port."""
        if is_any(self.hostname) or matches_host(self.hostname, host):
            return True
        return bool(self.ascii) and matches_host(self.ascii, host)

    def matches_path(self, path: str) -> bool:
        """Tell whether the rule's path matches a decoded path."""
        return not self.path or compile_pattern(self.path)(path)


class RuleTable(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in order, the last one a catch-all; ``built_in`` says that it is cloudflared's own, answering 503."""

    rules: tuple[Rule, ...]
    source: Source = Source.FILE
    built_in: bool = False


def validate(configuration: Configuration) -> RuleTable | Refused:
    """Return the rules that cloudflared serves, or why it refuses them.

    Without rules it serves the one service that the flags name (``url``, ``hello-world`` ...), else 503 for everything.
    """
    if not configuration.rules:
        return _without_rules(configuration)
    # What stands before a rule decides whether its pattern may still be compiled, so that a single one always may.
    weights = accumulate((min(weight_of(raw.path), _MAX_ONE) for raw in configuration.rules), initial=0)
    judged = [
        _rule(configuration, index, heavy=before > _MAX_WEIGHT)
        for index, before in zip(range(len(configuration.rules)), weights, strict=False)
    ]
    refusals = tuple(item for item in judged if isinstance(item, Refusal))
    rules = tuple(item for item in judged if isinstance(item, Rule))
    return Refused(refusals=refusals) if refusals else RuleTable(rules=rules, source=configuration.source)


def _rule(configuration: Configuration, index: int, *, heavy: bool) -> Rule | Refusal:
    """Judge one rule; the first complaint in cloudflared's order is the one that counts."""
    raw = configuration.rules[index]
    settings = settings_of(configuration.origin_request, raw.origin_request)
    service = service_of(raw.service, bastion=settings.bastion_mode)
    if isinstance(service, BadService):
        return _refusal(_SERVICE_REASONS[service.what], service.text, raw, index)
    last = index == len(configuration.rules) - 1
    found = _of_ip_rules(raw, service) or _of_access(raw) or _of_hostname(raw, index, last=last)
    found = found or _of_path(raw, index, heavy=heavy)
    if found is not None:
        return _refusal(*found, raw, index)
    everything = is_any(raw.hostname) and not raw.path
    return Rule(
        index=index,
        hostname=raw.hostname,
        ascii="" if everything else ascii_form(raw.hostname),
        path=raw.path,
        service=service,
        settings=settings,
        line=raw.line,
    )


def _without_rules(configuration: Configuration) -> RuleTable | Refused:
    single = single_service(configuration) if configuration.source is Source.FILE else None
    if isinstance(single, BadService):
        return Refused(refusals=(Refusal(reason=Reason.URL, text=clean(single.text, 500), rule=0),))
    if single is None:
        service, settings = OriginService(kind=ServiceKind.STATUS, status=_DEFAULT_STATUS), OriginSettings()
    else:
        service, settings = single
    rule = Rule(index=0, hostname="", ascii="", path="", service=service, settings=settings)
    return RuleTable(rules=(rule,), source=configuration.source, built_in=single is None)


def _refusal(reason: Reason, text: str, raw: IngressRule, index: int) -> Refusal:
    return Refusal(reason=reason, text=clean(text, 500), rule=index, line=raw.line)


def _of_ip_rules(raw: IngressRule, service: OriginService) -> tuple[Reason, str] | None:
    if service.kind is not ServiceKind.SOCKS:
        return None
    wrong = next((text for rule in raw.origin_request.ip_rules if (text := _ip_rule(rule))), "")
    return (Reason.IP_RULE, f"unable to create ip rule for socks-proxy: {wrong}") if wrong else None


def _ip_rule(rule: IpRule) -> str:
    if not rule.prefix:
        return "no prefix provided"
    try:
        ipaddress.ip_network(rule.prefix if _PREFIX.fullmatch(rule.prefix) else "", strict=False)
    except ValueError:
        return f"unable to parse cidr: {rule.prefix}"
    bad = next((port for port in sorted(rule.ports) if not 1 <= port <= 65_535), None)
    return "" if bad is None else f"invalid port {bad}, needs to be between 1 and 65535"


def _of_access(raw: IngressRule) -> tuple[Reason, str] | None:
    access = raw.origin_request.access
    if access is not None and access.required and not access.team_name and access.aud_tags:
        return Reason.ACCESS_TEAM, "access.TeamName cannot be blank when access.audTags are present"
    return None


def _of_hostname(raw: IngressRule, index: int, *, last: bool) -> tuple[Reason, str] | None:
    if split_host_port(raw.hostname) is not None:
        return Reason.HOST_PORT, "Hostname cannot contain a port"
    if raw.hostname.rfind("*") > 0:
        return Reason.WILDCARD, _WILDCARD
    everything = is_any(raw.hostname) and not raw.path
    if last and not everything:
        return Reason.NO_CATCH_ALL, _LAST
    if everything and not last:
        return Reason.EARLY_CATCH_ALL, (
            f"Rule #{index + 1} is matching the hostname '{raw.hostname}', but this will match every hostname, meaning "
            "the rules which follow it will never be triggered."
        )
    return None


def _of_path(raw: IngressRule, index: int, *, heavy: bool) -> tuple[Reason, str] | None:
    if not raw.path:
        return None
    said = "pattern too large" if heavy else _complaint(raw.path)
    if _OUR_LIMIT.search(said):
        text = f"Rule #{index + 1} has a regex that is too large to be followed here; cloudflared may accept it"
        return Reason.TOO_LARGE, text
    return (Reason.REGEX, f"Rule #{index + 1} has an invalid regex: {said}") if said else None


def _complaint(path: str) -> str:
    try:
        compile_pattern(path)
    except RuleError as error:
        return error.reason
    return ""
