"""cloudflared's configuration as typed values: what a file, a ConfigMap or the Cloudflare API says, not yet judged.

A value that is not set is None, so that inheritance can tell it from a default. Durations are seconds.

Source: cloudflared config/configuration.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

__all__ = [
    "Access",
    "Configuration",
    "Flaw",
    "Ignored",
    "IngressRule",
    "IpRule",
    "OriginRequest",
    "Setting",
    "Source",
    "Unreadable",
    "WarpRouting",
]


_SECRETS: Final = frozenset(
    ("token", "credentials-contents", "api-key", "api-ca-key", "secret-id", "session-token", "access-key-id")
)


class Source(StrEnum):
    """Where a configuration comes from; it decides how it is read and which keys count."""

    FILE = "file"
    REMOTE = "remote"
    NONE = "none"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """``access`` of an originRequest."""

    required: bool = False
    team_name: str = ""
    aud_tags: tuple[str, ...] = ()
    environment: str = ""


class IpRule(msgspec.Struct, frozen=True, kw_only=True):
    """One of the ``ipRules`` of a socks-proxy; ``prefix`` is None where none is written."""

    prefix: str | None = None
    ports: tuple[int, ...] = ()
    allow: bool = False


class OriginRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``originRequest`` as written: every value is None, or an empty tuple, where it is not set."""

    connect_timeout: float | None = None
    tls_timeout: float | None = None
    tcp_keep_alive: float | None = None
    no_happy_eyeballs: bool | None = None
    keep_alive_connections: int | None = None
    keep_alive_timeout: float | None = None
    http_host_header: str | None = None
    origin_server_name: str | None = None
    match_sni_to_host: bool | None = None
    ca_pool: str | None = None
    no_tls_verify: bool | None = None
    disable_chunked_encoding: bool | None = None
    bastion_mode: bool | None = None
    proxy_address: str | None = None
    proxy_port: int | None = None
    proxy_type: str | None = None
    ip_rules: tuple[IpRule, ...] = ()
    http2_origin: bool | None = None
    access: Access | None = None


class IngressRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as written; ``line`` counts from 1 and is 0 where the source has no lines."""

    hostname: str = ""
    path: str = ""
    service: str = ""
    origin_request: OriginRequest = OriginRequest()
    line: int = 0


class WarpRouting(msgspec.Struct, frozen=True, kw_only=True):
    """``warp-routing`` as written."""

    connect_timeout: float | None = None
    max_active_flows: int | None = None
    tcp_keep_alive: float | None = None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the top level that stands for a command line flag, as ``protocol`` or ``metrics``."""

    name: str
    value: Any
    line: int = 0


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """A key that cloudflared reads and ignores, and the one that may have been meant."""

    key: str
    meant: str = ""
    line: int = 0
    column: int = 0


class Flaw(StrEnum):
    """Why a configuration cannot be read at all."""

    SYNTAX = "syntax"
    TYPES = "types"
    SETTING = "setting"
    TOO_LARGE = "too large"
    REMOTE = "remote"


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """cloudflared refuses the text: the kind of flaw, its own words, and the first place where known."""

    flaw: Flaw
    text: str
    line: int = 0
    column: int = 0


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration; ``empty`` says that the text held no document at all.

    ``credentials_file`` is a path and never its content; ``holds_credentials`` and ``holds_token`` tell that the file
    itself carries a secret, which is not kept. ``version`` is that of a remote configuration, else -1.
    """

    source: Source = Source.FILE
    tunnel: str = ""
    credentials_file: str = ""
    holds_credentials: bool = False
    holds_token: bool = False
    token_file: str = ""
    protocol: str = ""
    metrics: str = ""
    origin_request: OriginRequest = OriginRequest()
    warp_routing: WarpRouting = WarpRouting()
    rules: tuple[IngressRule, ...] = ()
    settings: tuple[Setting, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    empty: bool = False
    version: int = -1

    def setting(self, name: str) -> object:
        """Return the value of a setting of the top level, or None."""
        return next((item.value for item in self.settings if item.name == name), None)


def as_settings(found: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Return the scalar settings of a decoded document, without those that are secrets."""
    return tuple(
        Setting(name=name, value=value, line=line)
        for name, (value, line, _) in found.items()
        if isinstance(value, (str, int, float)) and name not in _SECRETS
    )
