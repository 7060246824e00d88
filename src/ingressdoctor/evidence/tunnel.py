"""cloudflared as it runs in the cluster, and which of its rules takes the target's request.

``Cloudflareds`` is what was found, once per session; ``TunnelRoute`` is what it means for one target. Holds no secret:
of a token only the tunnel id that it names. What the Cloudflare API says of the tunnel is in ``tunnel_api.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.routes import BackendRef
from ingressdoctor.evidence.tunnel_rules import (
    ConfigHome,
    ConfigSource,
    RulePassed,
    TunnelConfig,
    TunnelOrigin,
    TunnelRule,
)
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "AddressOwner",
    "Cloudflared",
    "CloudflaredLogs",
    "CloudflaredState",
    "Cloudflareds",
    "LoggedSignature",
    "PodState",
    "TunnelIdentity",
    "TunnelRoute",
]


class TunnelIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which tunnel a connector runs: an id, or only a name; ``source`` says from where that is known."""

    id: str = ""
    name: str = ""
    source: str = ""


class Cloudflared(msgspec.Struct, frozen=True, kw_only=True):
    """One workload that runs cloudflared's tunnel.

    ``replicas`` is what it wants (nodes for a DaemonSet); ``version`` the image tag, empty when it says none;
    ``protocol`` is empty for ``auto``; ``metrics_port`` 0 when nothing tells it. ``token_exposed`` says where a token
    stands in the open ("its arguments"), ``by_token`` that it runs on one; ``proxy_env`` names proxy variables of its
    environment. ``config`` is Unavailable when it may not be read, None when it has none (configured remotely).
    """

    ref: str
    kind: str
    namespace: str
    name: str
    image: str
    version: str = ""
    replicas: int = 1
    args: tuple[str, ...] = ()
    container: str = ""
    identity: TunnelIdentity = TunnelIdentity()
    protocol: str = ""
    metrics_port: int = 0
    token_exposed: str = ""
    proxy_env: tuple[str, ...] = ()
    by_token: bool = False
    source: ConfigSource = ConfigSource(home=ConfigHome.UNKNOWN, ref="")
    config: TunnelConfig | Unavailable | None = None
    pods: tuple[Pod, ...] | Unavailable = ()

    @property
    def live_pods(self) -> tuple[Pod, ...]:
        """Pods that are neither finished nor on their way out; none when they could not be read."""
        if isinstance(self.pods, Unavailable):
            return ()
        return tuple(
            pod
            for pod in self.pods
            if pod.status.phase not in ("Succeeded", "Failed") and not pod.metadata.deletion_timestamp
        )

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """Pods whose connection to Cloudflare stands, as their readiness probe tells."""
        return tuple(pod for pod in self.live_pods if pod.ready)

    def names_exactly(self, hostname: str) -> bool:
        """Tell whether a rule of it has just this hostname."""
        return isinstance(self.config, TunnelConfig) and hostname in (name.lower() for name in self.config.hostnames)


class Cloudflareds(msgspec.Struct, frozen=True, kw_only=True):
    """Every workload of the cluster that runs cloudflared; ``unread`` are kinds that could not be listed."""

    items: tuple[Cloudflared, ...] = ()
    unread: tuple[Unavailable, ...] = ()

    def of_tunnel(self, tunnel: str) -> tuple[Cloudflared, ...]:
        """Return the workloads that run one tunnel, by its id."""
        return tuple(item for item in self.items if tunnel and item.identity.id == tunnel)


class LoggedSignature(msgspec.Struct, frozen=True, kw_only=True):
    """One known kind of line in cloudflared's log: the newest such line and how often it came.

    ``code`` is a word of ``collect/cloudflared_signatures.py``; ``level`` is ERR, WRN, INF or FTL; ``ours`` tells that
    the line is about the target's hostname or origin. ``standing`` tells that no later line says that it is over.
    """

    code: str
    line: str
    level: str
    count: int = 1
    when: str = ""
    pod: str = ""
    ours: bool = False
    standing: bool = True
    fields: Mapping[str, str] = msgspec.field(default_factory=dict)


class CloudflaredLogs(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the logs of the connectors that serve the target, sorted by signature, newest line of each.

    ``protocols`` are those of the registered connections; ``registered`` counts pods that registered and did not lose
    all of it since. ``tunnel`` is the id that the start banner names. ``unread`` says which logs could not be read.
    """

    signatures: tuple[LoggedSignature, ...] = ()
    lines_read: int = 0
    registered: int = 0
    protocols: tuple[str, ...] = ()
    tunnel: str = ""
    unread: tuple[Unavailable, ...] = ()

    def of(self, *codes: str) -> tuple[LoggedSignature, ...]:
        """Return the signatures of some codes, in the order of the codes."""
        return tuple(item for code in codes for item in self.signatures if item.code == code)


class PodState(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that one connector runs with; ``config_version`` -1 means those of its own file."""

    pod: str
    config_version: int
    running: tuple[TunnelRule, ...]


class CloudflaredState(msgspec.Struct, frozen=True, kw_only=True):
    """What the connectors that may run with outdated rules say of themselves; empty where that is in no doubt.

    ``outdated`` are the pods that started before their configuration was last edited.
    """

    outdated: tuple[str, ...] = ()
    pods: tuple[PodState, ...] = ()
    unread: tuple[Unavailable, ...] = ()


class TunnelRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Which rule of which tunnel takes the target's request.

    ``tunnel`` is the id of the tunnel that the name leads to, or of the one whose rules name it; ``ground`` says from
    where that is known, ``by_record`` that it is by the record or DNS and not by the rules. ``workloads`` are the
    connectors in the cluster that serve it. ``config`` is the configuration that decides, Unavailable when it could
    not be read. ``rule`` is the one that takes the request, None when there is no readable or valid configuration;
    ``origin`` is where it leads. ``named`` is the strength with which rules name the host: "exact", "wildcard" or "".
    ``passed`` are rules that name the host and do not get the request. ``elsewhere`` are configurations, other than
    the one that decides, whose rules name the host. ``near`` are hostnames of the rules that look like the target's,
    ``tenant`` those of the same tenant, ``pattern`` those of the same pattern of names.
    """

    tunnel: str = ""
    ground: str = ""
    by_record: bool = False
    workloads: tuple[Cloudflared, ...] = ()
    config: TunnelConfig | Unavailable
    rule: TunnelRule | None = None
    origin: TunnelOrigin | None = None
    named: str = ""
    passed: tuple[RulePassed, ...] = ()
    elsewhere: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()
    pattern: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether the name is the tunnel's: its record leads there, or a rule names it."""
        return self.by_record or bool(self.named)

    @property
    def backend(self) -> BackendRef | None:
        """The Service that the rule leads to, if it leads to one of this cluster."""
        return self.origin.backend if self.origin is not None else None


class AddressOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Who has the private address that a rule names: nodes and Services; ``others`` are (name, address) of the rest."""

    address: str
    owners: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
