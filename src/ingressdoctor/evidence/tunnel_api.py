"""What the Cloudflare API says about the tunnel that the target's name leads to.

Values only. Never holds a tunnel's secret or token: the endpoint that would return it is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingressdoctor.model.evidence import Unavailable

__all__ = ["EdgeConnection", "RemoteRule", "RemoteRules", "TunnelConnector", "TunnelFacts", "TunnelObject"]


class TunnelObject(msgspec.Struct, frozen=True, kw_only=True):
    """One tunnel.

    ``status`` is Cloudflare's: healthy, degraded, down (was connected), inactive (never was). ``config_src`` is where
    its rules live: ``local`` or ``cloudflare``. ``deleted_at`` is empty while it exists.
    """

    id: str
    name: str
    status: str
    config_src: str = ""
    created_at: str = ""
    deleted_at: str = ""
    connections: int = 0

    @property
    def remote(self) -> bool:
        """Whether its rules are kept at Cloudflare, so that a local file is ignored."""
        return self.config_src == "cloudflare"


class EdgeConnection(msgspec.Struct, frozen=True, kw_only=True):
    """One connection of a connector to the edge; ``pending`` means that it is gone and still remembered."""

    colo: str
    origin_ip: str
    opened_at: str = ""
    pending: bool = False


class TunnelConnector(msgspec.Struct, frozen=True, kw_only=True):
    """One cloudflared process. ``config_version`` is None where the API does not tell it."""

    id: str
    version: str
    run_at: str = ""
    config_version: int | None = None
    connections: tuple[EdgeConnection, ...] = ()

    @property
    def live(self) -> tuple[EdgeConnection, ...]:
        """The connections that still stand."""
        return tuple(item for item in self.connections if not item.pending)


class RemoteRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as the API shows it; a catch-all has neither hostname nor path."""

    service: str
    hostname: str = ""
    path: str = ""


class RemoteRules(msgspec.Struct, frozen=True, kw_only=True):
    """A tunnel's configuration as the API shows it.

    ``source`` ``local`` is a copy that a connector sent at its start; ``cloudflare`` is what connectors are told.
    ``document`` is the ``config`` object itself (ingress, originRequest, warp-routing), for the model of the rules;
    its durations are whole seconds.
    """

    version: int
    source: str
    rules: tuple[RemoteRule, ...]
    document: Mapping[str, object] = msgspec.field(default_factory=dict)

    def names(self, hostname: str) -> bool:
        """Tell whether a rule other than a catch-all is for a hostname: by name, or by a wildcard above it."""
        patterns = (rule.hostname.lower() for rule in self.rules)
        return any(p == hostname or (p.startswith("*.") and hostname.endswith(p[1:])) for p in patterns if p)


class TunnelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The tunnels of the account that holds the target's zone, seen from the target.

    ``tunnel_id`` is where the record leads to, empty when it leads to no tunnel. ``tunnel`` is None when the account
    knows no tunnel of that id (``tunnel_id`` set), or when the name leads to none. ``others`` are the account's
    other living tunnels. ``wanted_by`` are those among them whose rules, as the API shows them, name the host.
    """

    account_id: str
    tunnel_id: str
    tunnel: TunnelObject | None
    connectors: tuple[TunnelConnector, ...] | Unavailable = ()
    rules: RemoteRules | Unavailable | None = None
    others: tuple[TunnelObject, ...] | Unavailable = ()
    wanted_by: tuple[TunnelObject, ...] = ()

    @property
    def live(self) -> tuple[TunnelConnector, ...]:
        """The connectors with at least one standing connection."""
        connectors = () if isinstance(self.connectors, Unavailable) else self.connectors
        return tuple(item for item in connectors if item.live)
