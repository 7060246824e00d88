"""The load balancer as the Hetzner API describes it. Field names follow the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["HealthCheck", "LbService", "LbTarget", "LoadBalancer", "LoadBalancerLookup", "Server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """services[].health_check; seconds."""

    protocol: str = "tcp"
    port: int = 0
    interval_s: int = 15
    timeout_s: int = 10
    retries: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LbService:
    """services[]: ``destination_port`` is the nodePort on every target."""

    protocol: str
    listen_port: int
    destination_port: int
    proxyprotocol: bool
    health_check: HealthCheck = HealthCheck()


@dataclass(frozen=True, slots=True, kw_only=True)
class LbTarget:
    """One resolved target (label selectors unrolled). ``health`` maps listen_port to healthy/unhealthy/unknown."""

    type: str
    server_id: int | None
    ip: str
    use_private_ip: bool
    health: Mapping[int, str]
    detail: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """One load balancer. ``networks`` are ids of attached networks; ``uid_label`` is ``hcloud-ccm/service-uid``."""

    id: int
    name: str
    ipv4: str
    ipv6: str
    public_enabled: bool
    networks: tuple[int, ...]
    private_ips: tuple[str, ...]
    services: tuple[LbService, ...]
    targets: tuple[LbTarget, ...]
    labels: Mapping[str, str]
    type_name: str = ""
    max_targets: int | None = None

    @property
    def uid_label(self) -> str:
        """The UID of the Kubernetes Service that the cloud controller made it for."""
        return self.labels.get("hcloud-ccm/service-uid", "")

    def service(self, listen_port: int) -> LbService | None:
        """Return the service on one listen port."""
        return next((item for item in self.services if item.listen_port == listen_port), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One cloud server: power state, addresses, networks."""

    id: int
    name: str
    status: str
    ipv4: str
    networks: tuple[int, ...]
    private_ips: tuple[str, ...]
    firewalls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerLookup:
    """The load balancer in front of the controller's Service, or why none was recognised.

    ``found`` is None when the project holds no such load balancer: ``looked_for`` says by what (UID label, name
    annotation, address) and ``project`` names those it does hold, for "did you mean" and for a wrong token.
    """

    found: LoadBalancer | None
    matched_by: str
    looked_for: tuple[str, ...]
    project: tuple[str, ...]
    servers: tuple[Server, ...] = ()
