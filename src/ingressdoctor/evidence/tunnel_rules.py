"""cloudflared's rules as evidence: where a configuration was read, its rules, and where one of them leads.

Values only; they are made from the model in ``routing/cloudflared``, whose words they keep.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.routes import BackendRef

__all__ = [
    "ConfigHome",
    "ConfigLint",
    "ConfigSource",
    "OriginKind",
    "RulePassed",
    "TunnelConfig",
    "TunnelOrigin",
    "TunnelRule",
]


class ConfigHome(StrEnum):
    """Where a connector's rules live."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - the name of a kind
    FILE = "file"
    REMOTE = "Cloudflare"
    UNKNOWN = "unknown"


class OriginKind(StrEnum):
    """What a rule's service is."""

    HTTP = "http"
    UNIX = "unix"
    STATUS = "http_status"
    HELLO = "hello_world"
    TCP = "tcp"
    BASTION = "bastion"
    SOCKS = "socks-proxy"


class TunnelOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule sends requests, after originRequest was inherited.

    ``host`` and ``port`` are of the service's address (``port`` with the scheme's default), ``status`` of
    ``http_status:N``. ``server_name`` is the name that TLS sends and verifies, empty where TLS is not spoken.
    ``backend`` is the Service where the host is one's cluster name; ``address`` tells that the host is an IP address.
    ``access_required``, ``access_team`` and ``access_audiences`` are the token check that cloudflared itself makes;
    ``access_idle`` tells that one stands at the top level only, where cloudflared does not enforce it.
    """

    kind: OriginKind
    service: str
    scheme: str = ""
    host: str = ""
    port: int = 0
    status: int = 0
    verify: bool = True
    server_name: str = ""
    ca_pool: str = ""
    host_header: str = ""
    match_sni: bool = False
    http2: bool = False
    access_required: bool = False
    access_team: str = ""
    access_audiences: tuple[str, ...] = ()
    access_idle: bool = False
    backend: BackendRef | None = None
    address: bool = False

    @property
    def tls(self) -> bool:
        """Whether cloudflared speaks TLS to it."""
        return self.scheme in ("https", "wss", "unix+tls")


class TunnelRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as written. ``number`` counts from 1, as cloudflared's error texts do; ``line`` is 0 where unknown."""

    number: int
    hostname: str
    path: str
    service: str
    line: int = 0

    @property
    def catch_all(self) -> bool:
        """Whether it takes every request."""
        return self.hostname in ("", "*") and not self.path

    @property
    def shown(self) -> str:
        """The rule in one line."""
        what = (self.hostname or "*") + (f" path {self.path}" if self.path else "")
        return f"Rule {self.number} ({what} → {self.service})"


class RulePassed(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that names the host and does not get the request, and why; ``later`` where only the order is to blame."""

    rule: TunnelRule
    why: str
    later: bool = False


class ConfigLint(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a configuration that cloudflared accepts. ``rule`` is 0 where it concerns the whole."""

    code: str
    text: str
    rule: int = 0
    by: int = 0
    hostname: str = ""
    serious: bool = True


class ConfigSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a configuration was read: ``ref`` as in "ConfigMap cloudflared/cloudflared-config, key config.yaml".

    ``namespace``, ``name`` and ``key`` are set for ConfigMaps and Secrets; ``edited_at`` is the last edit (RFC 3339,
    empty when unknown), ``edited_by`` the field manager; ``sub_path`` tells that the file in the pod never follows.
    """

    home: ConfigHome
    ref: str
    namespace: str = ""
    name: str = ""
    key: str = ""
    edited_at: str = ""
    edited_by: str = ""
    sub_path: bool = False


class TunnelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration. ``error`` is cloudflared's own text when it refuses it; ``rules`` are then as written.

    ``error_rule`` counts from 1, 0 when the error is not one rule's; ``error_line`` is 0 where unknown; ``errors`` are
    all complaints. ``missing`` tells that there is no such ConfigMap or key. ``built_in`` says that the only rule is
    cloudflared's own 503, ``access_idle`` that an Access token is demanded at the top level, which nothing enforces.
    ``version`` is that of a remote configuration. ``model`` and ``written`` are what the collectors
    judge by.
    """

    source: ConfigSource
    rules: tuple[TunnelRule, ...] = ()
    error: str = ""
    error_rule: int = 0
    error_line: int = 0
    errors: tuple[str, ...] = ()
    missing: bool = False
    built_in: bool = False
    tunnel: str = ""
    lints: tuple[ConfigLint, ...] = ()
    protocol: str = ""
    metrics: str = ""
    version: int = -1
    access_idle: bool = False
    model: object = None
    written: object = None

    @property
    def hostnames(self) -> tuple[str, ...]:
        """Every hostname that a rule names, each once, as written."""
        return tuple(dict.fromkeys(rule.hostname for rule in self.rules if rule.hostname not in ("", "*")))
