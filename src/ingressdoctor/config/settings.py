"""Everything that can be configured, as one frozen tree with defaults that work with only a kubeconfig.

Values only: reading files is done in loading.py. Where a value came from is kept beside it in ``origins``, so that
``config show`` can say so. Secrets are references here and become values in the source that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ingressdoctor.config.channels import ChannelSettings
from ingressdoctor.config.secrets import AccessTokenRef, SecretRef, from_env
from ingressdoctor.config.sweeps import SweepSettings

__all__ = [
    "NO_SERVICE_TOKEN",
    "AccessSettings",
    "CloudflareSettings",
    "DnsSettings",
    "HetznerSettings",
    "HistorySettings",
    "HttpSettings",
    "KubernetesSettings",
    "MaxScaleSettings",
    "OnlineSettings",
    "PluginSettings",
    "RunSettings",
    "Settings",
    "SqlSettings",
    "SweepSettings",
    "TunnelSettings",
    "WalkSettings",
]

HCLOUD_TOKEN: Final = from_env("HCLOUD_TOKEN")
CLOUDFLARE_API_TOKEN: Final = from_env("CLOUDFLARE_API_TOKEN")
MAXSCALE_PASSWORD: Final = from_env("INGRESSDOCTOR_MAXSCALE_PASSWORD", "password")
HISTORY_PASSWORD: Final = from_env("INGRESSDOCTOR_HISTORY_PASSWORD", "password")
SQL_PASSWORD: Final = from_env("INGRESSDOCTOR_SQL_PASSWORD", "password")
NO_SERVICE_TOKEN: Final = AccessTokenRef(
    client_id=from_env("CF_ACCESS_CLIENT_ID"), client_secret=from_env("CF_ACCESS_CLIENT_SECRET")
)
"""The default: where it would be. Unlike with other tokens it is no gap if nothing is there."""


class KubernetesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which cluster. Empty texts leave the choice to the client: ``$KUBECONFIG``, ``~/.kube/config``, in-cluster."""

    kubeconfig: str = ""
    context: str = ""
    timeout_s: float = 10.0


class HetznerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Hetzner Cloud API. ``load_balancer`` names the load balancer where it cannot be told from the Service."""

    token: SecretRef = HCLOUD_TOKEN
    endpoint: str = "https://api.hetzner.cloud/v1"
    load_balancer: str = ""


class CloudflareSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Cloudflare API v4, and the service token that probes pass Access logins with."""

    token: SecretRef = CLOUDFLARE_API_TOKEN
    endpoint: str = "https://api.cloudflare.com/client/v4"
    access: AccessTokenRef = NO_SERVICE_TOKEN


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns of hostnames that must ask for a login, and of those that are public on purpose; the latter win."""

    management: tuple[str, ...] = ()
    public: tuple[str, ...] = ()


class TunnelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """cloudflared outside of the cluster. ``config_file`` is a copy of its configuration, with the rules."""

    config_file: str = ""


class MaxScaleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """MaxScale's REST API. Without ``url`` it is reached in its pods; ``ca_file`` holds the roots it is trusted by."""

    url: str = ""
    user: str = "mariadb-operator"
    password: SecretRef = MAXSCALE_PASSWORD
    ca_file: str = ""


class SqlSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The account to log in with at the target's MySQL port; without ``user`` nobody logs in."""

    user: str = ""
    password: SecretRef = SQL_PASSWORD


class DnsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Servers to ask, each as ``address:port``.

    Without ``resolvers`` the system's resolver and public ones are compared; ``authoritative`` replaces the lookup of
    the zone's name servers.
    """

    resolvers: tuple[str, ...] = ()
    authoritative: str = ""


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """TCP, TLS and HTTP towards the target. ``connect_to`` are ``HOST:PORT:HOST:PORT`` as in curl, first match wins."""

    ca_file: str = ""
    connect_to: tuple[str, ...] = ()
    timeout_s: float = 5.0


class OnlineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``host:port`` anchors: a TCP connection to any one of them proves that this machine is online."""

    probe: tuple[str, ...] = ("1.1.1.1:443", "8.8.8.8:443", "9.9.9.9:443")


class PluginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of local check files, absolute."""

    folders: tuple[str, ...] = ()


class WalkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of a hostname pattern (``*`` and ``?``) and the id of the walk to take, first match wins."""

    patterns: tuple[tuple[str, str], ...] = ()


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What sweeps remember: a file or ``postgresql://`` URL (empty: the user's state folder), and for how many days."""

    url: str = ""
    password: SecretRef = HISTORY_PASSWORD
    retention_days: int = 90


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One run: seconds until what is missing counts as unknown, and whether warnings count as broken."""

    timeout_s: float = 30.0
    strict: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The effective configuration.

    ``path`` is the file it was read from, empty when there is none; ``origins`` maps ``section.key`` to where a value
    that is not a default came from ("line 3", "--resolver").
    """

    kubernetes: KubernetesSettings = KubernetesSettings()
    hetzner: HetznerSettings = HetznerSettings()
    cloudflare: CloudflareSettings = CloudflareSettings()
    access: AccessSettings = AccessSettings()
    tunnel: TunnelSettings = TunnelSettings()
    maxscale: MaxScaleSettings = MaxScaleSettings()
    sql: SqlSettings = SqlSettings()
    dns: DnsSettings = DnsSettings()
    http: HttpSettings = HttpSettings()
    online: OnlineSettings = OnlineSettings()
    plugins: PluginSettings = PluginSettings()
    walks: WalkSettings = WalkSettings()
    history: HistorySettings = HistorySettings()
    run: RunSettings = RunSettings()
    sweep: SweepSettings = SweepSettings()
    notify: tuple[ChannelSettings, ...] = ()
    path: str = ""
    origins: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))
