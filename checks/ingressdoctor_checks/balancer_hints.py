"""What a load balancer target is: which server, which node, whether its state is by design, and what it means.

Pure reading of evidence for ``balancer_targets``; holds no check.
Source: docs.hetzner.cloud (health_status detail), hcloud-cloud-controller-manager (provider ids, exclude label).
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.api import (
    ClusterNodes,
    Controller,
    LbTarget,
    LoadBalancer,
    LoadBalancerLookup,
    Node,
    Server,
    Unavailable,
)
from ingressdoctor_checks.balancer_common import service_of

__all__ = ["EXCLUDE", "TargetView", "excluded", "views_of"]

EXCLUDE: Final = "node.kubernetes.io/exclude-from-external-load-balancers"
_FALSE: Final = ("false", "0", "f", "F", "FALSE", "False")
_MEANING: Final = {
    "layer4_no_connection": "the node refuses the connection",
    "layer4_timeout": "the node does not answer",
    "layer7_timeout": "the node accepts but does not answer the HTTP check",
    "unexpected_http_status": "the HTTP check gets another status than it wants",
    "unexpected_http_content": "the HTTP check gets another body than it wants",
}


class TargetView(msgspec.Struct, frozen=True, kw_only=True):
    """One target on one port.

    ``expected`` tells that it is unhealthy by design; ``gone`` that its server no longer exists; ``reason`` is what
    its state most likely means, empty when unknown.
    """

    name: str
    status: str
    detail: str
    reason: str
    private: bool
    expected: bool = False
    gone: bool = False
    server: Server | None = None

    @property
    def evident(self) -> bool:
        """Whether its server alone tells why it cannot be healthy."""
        return self.gone or (self.server is not None and self.server.status not in ("running", ""))


def views_of(
    balancer: LoadBalancer,
    port: int,
    seen: tuple[LoadBalancerLookup, Controller | Unavailable, ClusterNodes | Unavailable],
) -> tuple[TargetView, ...]:
    """Return every target of *balancer* as it stands on one listen port."""
    return tuple(_view(target, port, seen) for target in balancer.targets)


def excluded(node: Node) -> bool:
    """Tell whether the cloud controller keeps a node out: an empty or odd value excludes as well."""
    value = node.labels.get(EXCLUDE)
    return value is not None and value not in _FALSE


def _view(
    target: LbTarget, port: int, seen: tuple[LoadBalancerLookup, Controller | Unavailable, ClusterNodes | Unavailable]
) -> TargetView:
    lookup, controller, nodes = seen
    server = lookup.server(target.server_id)
    node = nodes.by_server(target.server_id) if isinstance(nodes, ClusterNodes) else None
    gone = target.server_id is not None and server is None and not lookup.servers_unread
    detail = target.detail.get(port, "")
    name = server.name if server else node.name if node else target.ip or f"server {target.server_id}"
    return TargetView(
        name=name,
        status=target.health.get(port, "unknown"),
        detail=detail,
        reason=_reason(server, node, detail, gone=gone),
        private=target.use_private_ip,
        expected=_by_design(target, controller, server, node),
        gone=gone,
        server=server,
    )


def _reason(server: Server | None, node: Node | None, detail: str, *, gone: bool) -> str:
    if gone:
        return "the server no longer exists"
    if server is not None and server.status not in ("running", ""):
        return f"the server is {server.status}"
    if node is not None and _not_ready(node):
        return "the node is NotReady"
    return _MEANING.get(detail.split(" ", 1)[0], "")


def _not_ready(node: Node) -> bool:
    return any(item.type == "Ready" and item.status != "True" for item in node.status.conditions or ())


def _by_design(
    target: LbTarget, controller: Controller | Unavailable, server: Server | None, node: Node | None
) -> bool:
    """Tell whether the node holds no controller pod under externalTrafficPolicy Local."""
    service = service_of(controller)
    if (
        isinstance(controller, Unavailable)
        or service is None
        or service.spec.external_traffic_policy != "Local"
        or controller.pods_unread is not None
    ):
        return False
    addresses = {target.ip, *((server.ipv4, *server.private_ips) if server else ())}
    addresses |= {item.address for item in (node.status.addresses or ())} if node else set()
    names = {item.name for item in (server, node) if item is not None}
    if not names and addresses == {""}:
        return False
    return not any(
        pod.status.host_ip in addresses or (pod.spec.node_name or "") in names for pod in controller.ready_pods
    )
