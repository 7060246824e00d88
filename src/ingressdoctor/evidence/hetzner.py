"""The load balancer as the Hetzner API describes it. Field names follow the API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from ingressdoctor.evidence.kube import Event, Node
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "ClusterBalancer",
    "ClusterNodes",
    "HealthCheck",
    "HetznerProject",
    "LbService",
    "LbTarget",
    "LoadBalancer",
    "LoadBalancerLookup",
    "NodeAddresses",
    "Server",
    "ServiceEvents",
]


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """services[].health_check; seconds."""

    protocol: str = "tcp"
    port: int = 0
    interval_s: int = 15
    timeout_s: int = 10
    retries: int = 3


class LbService(msgspec.Struct, frozen=True, kw_only=True):
    """services[]: ``destination_port`` is the nodePort on every target."""

    protocol: str
    listen_port: int
    destination_port: int
    proxyprotocol: bool
    health_check: HealthCheck = HealthCheck()


class LbTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved target (label selectors unrolled). ``health`` maps listen_port to healthy/unhealthy/unknown."""

    type: str
    server_id: int | None
    ip: str
    use_private_ip: bool
    health: Mapping[int, str]
    detail: Mapping[int, str]


class LoadBalancer(msgspec.Struct, frozen=True, kw_only=True):
    """One load balancer. ``networks`` are ids of attached networks; ``uid_label`` is ``hcloud-ccm/service-uid``.

    ``selectors`` are the label selectors among its targets, also those that resolve to no server; ``blocked`` are
    public addresses that Hetzner has blocked. Addresses are canonical, without a prefix length.
    """

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
    max_services: int | None = None
    selectors: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses: public IPv4 and IPv6, then private ones."""
        return tuple(address for address in (self.ipv4, self.ipv6, *self.private_ips) if address)

    @property
    def uid_label(self) -> str:
        """The UID of the Kubernetes Service that the cloud controller made it for."""
        return self.labels.get("hcloud-ccm/service-uid", "")

    def service(self, listen_port: int) -> LbService | None:
        """Return the service on one listen port."""
        return next((item for item in self.services if item.listen_port == listen_port), None)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One cloud server: power state, addresses, networks. ``ipv6`` is its whole public network (a /64), "" for none.

    ``blocked`` are the IP versions (4, 6) of public addresses that Hetzner has blocked.
    """

    id: int
    name: str
    status: str
    ipv4: str
    networks: tuple[int, ...]
    private_ips: tuple[str, ...]
    firewalls: tuple[int, ...] = ()
    ipv6: str = ""
    blocked: tuple[int, ...] = ()


class HetznerProject(msgspec.Struct, frozen=True, kw_only=True):
    """What the API token's project holds; one token sees exactly one project.

    ``servers_unread`` says why the servers could not be listed although the load balancers could (empty: they
    were); ``broken`` counts objects of either list that had no usable id.
    """

    load_balancers: tuple[LoadBalancer, ...]
    servers: tuple[Server, ...] = ()
    servers_unread: str = ""
    broken: int = 0


class NodeAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of the cluster's nodes, read only where a Service may publish them itself (ServiceLB of k3s)."""

    addresses: tuple[str, ...] = ()


class LoadBalancerLookup(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The load balancer on the target's path, that in front of the controller's Service, or why none was recognised.

    ``found`` is None when the project holds no such load balancer: ``looked_for`` says by what (UID label, name
    annotation, address) and ``project`` names those it does hold, for "did you mean" and for a wrong token.
    ``not_in_path`` is set when no Hetzner load balancer belongs on this path at all, and says why (the Service is of
    another type or class, or publishes the nodes' own addresses). ``rivals`` name further load balancers that carry
    the same Service UID. ``nodes_here`` tells whether the project holds servers that run the controller's pods: False
    means that the token most likely belongs to another project, None that it cannot be told. ``by_record`` tells
    that nothing says which one is the cluster's, and that this is the one that the target's record leads to.
    """

    found: LoadBalancer | None
    matched_by: str
    looked_for: tuple[str, ...]
    project: tuple[str, ...]
    servers: tuple[Server, ...] = ()
    servers_unread: str = ""
    not_in_path: str = ""
    rivals: tuple[str, ...] = ()
    nodes_here: bool | None = None
    by_record: bool = False

    def server(self, server_id: int | None) -> Server | None:
        """Return one server of the project by its id."""
        return None if server_id is None else self._by_id.get(server_id)

    @cached_property
    def _by_id(self) -> dict[int, Server]:
        return {item.id: item for item in reversed(self.servers)}


class ClusterBalancer(msgspec.Struct, frozen=True, kw_only=True):
    """What the cluster, or the configuration, says about the load balancer: the same for every target.

    Where they do not say which one it is, ``lookup`` is the reason, and ``by_address`` holds what each public address
    of the project stands for; ``project`` is what the token sees, None where nobody may look.
    """

    lookup: LoadBalancerLookup | Unavailable
    by_address: Mapping[str, LoadBalancerLookup] = msgspec.field(default_factory=dict)
    project: HetznerProject | None = None


class ServiceEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events about the controller's Service, oldest first.

    ``kept`` is False where no cloud controller keeps a load balancer for it. ``asked`` is False there, and where
    nothing is off: the load balancer is as the Service asks, and no annotation will be refused. ``difference`` says
    what about the load balancer is not as the Service asks (empty: nothing that was seen).
    """

    events: tuple[Event, ...]
    asked: bool
    kept: bool = True
    difference: str = ""


class ClusterNodes(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The cluster's nodes, read only when targets cannot be understood by the project's servers (``asked``)."""

    nodes: tuple[Node, ...]
    asked: bool
    why: str

    def by_server(self, server_id: int | None) -> Node | None:
        """Return the node whose providerID names a cloud server."""
        return self._by_provider.get(f"hcloud://{server_id}")

    @cached_property
    def _by_provider(self) -> dict[str, Node]:
        return {node.spec.provider_id: node for node in reversed(self.nodes) if node.spec.provider_id}
