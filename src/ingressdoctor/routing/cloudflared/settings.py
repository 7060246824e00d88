"""The originRequest that a rule ends up with: its own values, else those of the top level, else cloudflared's.

Source: cloudflared ingress/config.go (originRequestFromConfig, setConfig), ingress/ingress.go (where ``access`` and
``ipRules`` are taken from the rule alone).
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.routing.cloudflared.configuration import Access, IpRule, OriginRequest, WarpRouting

__all__ = ["OriginSettings", "Routing", "settings_of", "warp_settings"]

_INHERITED: Final = tuple(name for name in OriginRequest.__struct_fields__ if name not in ("access", "ip_rules"))


class OriginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How cloudflared speaks to one rule's origin; times are seconds.

    ``access`` is what the rule itself demands: cloudflared does not enforce one that stands only at the top level.
    ``given`` names what the rule sets, ``inherited`` what the top level sets and the rule does not.
    """

    connect_timeout: float = 30.0
    tls_timeout: float = 10.0
    tcp_keep_alive: float = 30.0
    no_happy_eyeballs: bool = False
    keep_alive_connections: int = 100
    keep_alive_timeout: float = 90.0
    http_host_header: str = ""
    origin_server_name: str = ""
    match_sni_to_host: bool = False
    ca_pool: str = ""
    no_tls_verify: bool = False
    disable_chunked_encoding: bool = False
    bastion_mode: bool = False
    proxy_address: str = "127.0.0.1"
    proxy_port: int = 0
    proxy_type: str = ""
    ip_rules: tuple[IpRule, ...] = ()
    http2_origin: bool = False
    access: Access | None = None
    given: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()


def settings_of(top: OriginRequest, own: OriginRequest) -> OriginSettings:
    """Return the effective settings of a rule."""
    given = {name: value for name in _INHERITED if (value := getattr(own, name)) is not None}
    above = {name: value for name in _INHERITED if name not in given and (value := getattr(top, name)) is not None}
    return OriginSettings(
        **above,
        **given,
        ip_rules=own.ip_rules or top.ip_rules,
        access=own.access,
        given=(*given, *(["ip_rules"] if own.ip_rules else []), *(["access"] if own.access else [])),
        inherited=tuple(above),
    )


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """The effective ``warp-routing``; 0 active flows means no limit."""

    connect_timeout: float = 5.0
    max_active_flows: int = 0
    tcp_keep_alive: float = 30.0


def warp_settings(raw: WarpRouting) -> Routing:
    """Return the effective ``warp-routing``."""
    given = {name: value for name in WarpRouting.__struct_fields__ if (value := getattr(raw, name)) is not None}
    return Routing(**given)
