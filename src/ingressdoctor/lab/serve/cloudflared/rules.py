"""cloudflared's ingress rules: validation with its error texts, and which rule a request takes.

Source: ingress/ingress.go and ingress/rule.go (validateIngress, FindMatchingRule). Path patterns are RE2, unanchored,
on the decoded path. The first error refuses the whole configuration.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import idna
import re2

from ingressdoctor.lab.cluster import mapping, sequence, text
from ingressdoctor.lab.serve.cloudflared.config import ConfigError, FileConfig, RawRule

_WEB = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_TCP_PORTS = {"ssh": 22, "rdp": 3389, "smb": 445, "tcp": 7864}
_PORTS = {"http": 80, "https": 443}
_WILDCARD = (
    'Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. '
    '"*.example.com"'
)
_LAST = "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)"
_NO_ADDRESS = "{} is an invalid address, please make sure it has a scheme and a hostname"
_NO_PATH = (
    "{} is an invalid address, ingress rules don't support proxying to a different path on the origin service. The "
    "path will be the same as the eyeball request's path"
)
NO_RULES = (
    "No ingress rules were defined in provided config (if any) nor from the cli, cloudflared will return 503 for all "
    "incoming HTTP requests"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where a rule leads. *kind* is web, status, unix, hello, tcp, bastion or socks; *shown* as logs name it."""

    kind: str
    shown: str
    scheme: str = ""
    host: str = ""
    port: int = 0
    status: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One valid rule; *origin* is its originRequest laid on the top level's."""

    hostname: str
    punycode: str
    path: str
    service: Service
    origin: Mapping[str, Any]
    access: Mapping[str, Any]

    def matches(self, host: str, path: str) -> bool:
        """Whether the rule takes a request for *host* (no port) and the decoded *path*."""
        named = self.hostname in {"", "*"} or _host_matches(self.hostname, host)
        second = bool(self.punycode) and _host_matches(self.punycode, host)
        return (named or second) and (not self.path or re2.search(self.path, path) is not None)


UNAVAILABLE = Rule(
    hostname="",
    punycode="",
    path="",
    service=Service(kind="status", shown="http_status:503", status=503),
    origin={},
    access={},
)
"""What cloudflared answers with when it has no rules."""


def build_rules(config: FileConfig) -> tuple[Rule, ...]:
    """The rules of a configuration, () when it has none; ConfigError with cloudflared's own text."""
    last = len(config.rules) - 1
    return tuple(_rule(raw, number, last, config.origin) for number, raw in enumerate(config.rules))


def find_rule(rules: tuple[Rule, ...], authority: str, target: str) -> tuple[int, Rule]:
    """The index and the rule that a request takes."""
    host = _without_port(authority)
    path = unquote(target.partition("?")[0], errors="surrogateescape")
    path = path.encode("utf-8", "replace").decode()
    for number, rule in enumerate(rules):
        if rule.matches(host, path):
            return number, rule
    return len(rules) - 1, rules[-1]


def _host_matches(pattern: str, host: str) -> bool:
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _without_port(authority: str) -> str:
    """The host as net.SplitHostPort leaves it."""
    if authority.startswith("["):
        inside, found, rest = authority[1:].partition("]")
        return inside if found and rest.startswith(":") else authority
    host, _, _ = authority.partition(":")
    return host if authority.count(":") == 1 else authority


def _has_port(hostname: str) -> bool:
    return hostname.count(":") == 1 or (hostname.startswith("[") and "]:" in hostname)


def _rule(raw: RawRule, number: int, last: int, defaults: Mapping[str, Any]) -> Rule:
    origin = {**defaults, **raw.origin}
    service = _service(raw.service, origin, raw.origin)
    access = mapping(raw.origin.get("access"))
    if access.get("required") is True and access.get("audTag") and not access.get("teamName"):
        raise ConfigError("access.TeamName cannot be blank when access.audTags are present")
    bare = raw.hostname in {"", "*"} and not raw.path
    _check_hostname(raw.hostname, number, last, bare=bare)
    if raw.path:
        try:
            options = re2.Options()
            options.log_errors = False
            re2.compile(raw.path, options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            wrong = f"Rule #{number + 1} has an invalid regex: error parsing regexp: {reason}"
            raise ConfigError(wrong) from error
    return Rule(
        hostname=raw.hostname,
        punycode="" if bare else _punycode(raw.hostname),
        path=raw.path,
        service=service,
        origin=origin,
        access=access,
    )


def _check_hostname(hostname: str, number: int, last: int, *, bare: bool) -> None:
    if _has_port(hostname):
        raise ConfigError("Hostname cannot contain a port")
    if hostname.rfind("*") > 0:
        raise ConfigError(_WILDCARD)
    if number == last and not bare:
        raise ConfigError(_LAST)
    if number < last and bare:
        raise ConfigError(
            f"Rule #{number + 1} is matching the hostname '{hostname}', but this will match every hostname, meaning "
            "the rules which follow it will never be triggered."
        )


def _punycode(hostname: str) -> str:
    """idna.Lookup's form where it differs; "" where it does not, or where there is none."""
    try:
        encoded = idna.encode(hostname, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return ""
    return encoded if encoded != hostname else ""


def _service(shown: str, merged: Mapping[str, Any], own: Mapping[str, Any]) -> Service:
    for prefix, scheme in (("unix:", "http"), ("unix+tls:", "https")):
        if shown.startswith(prefix):
            return Service(kind="unix", shown=shown, scheme=scheme, host=shown.removeprefix(prefix))
    if shown.startswith("http_status:"):
        return _status(shown)
    if shown in {"hello_world", "hello-world"}:
        return Service(kind="hello", shown=shown)
    if shown == "socks-proxy":
        _check_ip_rules(sequence(own.get("ipRules")))
        return Service(kind="socks", shown=shown)
    if shown == "bastion" or merged.get("bastionMode") is True:
        return Service(kind="bastion", shown="bastion")
    return _url(shown)


def _status(shown: str) -> Service:
    number = shown.removeprefix("http_status:")
    if not re.fullmatch(r"[+-]?\d+", number):
        raise ConfigError(f'invalid HTTP status code: strconv.Atoi: parsing "{number}": invalid syntax')
    status = int(number[:9])
    if not 100 <= status <= 999:
        raise ConfigError(f"invalid HTTP status code: {status}")
    return Service(kind="status", shown=f"http_status:{status}", status=status)


def _check_ip_rules(rules: object) -> None:
    for item in map(mapping, sequence(rules)):
        if not text(item.get("prefix")):
            raise ConfigError("unable to create ip rule for socks-proxy: no ip range provided")


def _url(shown: str) -> Service:
    first = re.split(r"[/?#]", shown, maxsplit=1)[0]
    if ":" in first and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", first):
        nameless = first.startswith(":")
        problem = "missing protocol scheme" if nameless else "first path segment in URL cannot contain colon"
        raise ConfigError(f'parse "{shown}": {problem}')
    try:
        parts = urlsplit(shown)
        port = parts.port
    except ValueError as error:
        after = shown.rpartition(":")[2].partition("/")[0]
        raise ConfigError(f'parse "{shown}": invalid port ":{after}" after host') from error
    if not parts.scheme or not parts.hostname:
        raise ConfigError(_NO_ADDRESS.format(shown))
    if parts.path:
        raise ConfigError(_NO_PATH.format(shown))
    if parts.scheme in _WEB:
        scheme = _WEB[parts.scheme]
        return Service(kind="web", shown=shown, scheme=scheme, host=parts.hostname, port=port or _PORTS[scheme])
    return Service(
        kind="tcp", shown=shown, scheme=parts.scheme, host=parts.hostname, port=port or _TCP_PORTS.get(parts.scheme, 0)
    )
