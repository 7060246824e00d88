"""What is known of the objects on the path of one target, and what the sources tell of their last day."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.kube import Event, Node, Pod, Resource
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.evidence.tunnel_rules import ConfigSource
from ingressdoctor.model.timeline import Timeline

__all__ = [
    "CertificateTimeline",
    "CloudflareTimeline",
    "ClusterTimeline",
    "DatabaseTimeline",
    "HetznerTimeline",
    "PathApplications",
    "PathMakers",
    "PathRoutes",
    "PathWorkloads",
    "RoutesRead",
    "ServiceTimeline",
]


class RoutesRead(msgspec.Struct, frozen=True, kw_only=True):
    """Every object that decides about routes and that the run has read anyway."""

    items: tuple[Resource, ...] = ()


class PathRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """The route of the target and what it refers to, among objects that the run has read anyway.

    ``items`` are the route first, then Middlewares and the like; ``namespace`` is the route's, empty without one.
    """

    items: tuple[Resource, ...] = ()
    namespace: str = ""


class PathWorkloads(msgspec.Struct, frozen=True, kw_only=True):
    """What the request passes behind the route, among objects that the run has read anyway.

    ``pods`` are the backend's, ``carriers`` those of the controllers and connectors before it; ``services`` stand
    before both. ``namespace`` and ``selector`` are the backend's. ``makers`` name what makes the backend's pods, as
    ``Deployment shop/web``. ``configs`` are where connectors have their rules. ``events`` are those of the pods, empty
    where nobody read them.
    """

    namespace: str = ""
    selector: str = ""
    services: tuple[Resource, ...] = ()
    pods: tuple[Pod, ...] = ()
    carriers: tuple[Pod, ...] = ()
    makers: tuple[str, ...] = ()
    policies: tuple[Resource, ...] = ()
    nodes: tuple[Node, ...] = ()
    configs: tuple[ConfigSource, ...] = ()
    events: tuple[Event, ...] = ()


class PathMakers(msgspec.Struct, frozen=True, kw_only=True):
    """What makes the pods of the path, as far as the run has listed it anyway; the backend's is no different here."""

    items: tuple[Resource, ...] = ()


class PathApplications(msgspec.Struct, frozen=True, kw_only=True):
    """The Argo CD Applications that own objects of the path.

    ``names`` are theirs, perhaps with the namespace before it (``argocd/shop``); ``items`` those that the run has
    listed anyway, all of them where ``listed`` is True.
    """

    names: tuple[str, ...] = ()
    items: tuple[Custom, ...] = ()
    listed: bool = False


class ClusterTimeline(Timeline, frozen=True, kw_only=True):
    """What the cluster tells: edits, rollouts, restarts, events, syncs, nodes."""


class CertificateTimeline(Timeline, frozen=True, kw_only=True):
    """What cert-manager tells: issued, renewed, failed."""


class DatabaseTimeline(Timeline, frozen=True, kw_only=True):
    """What the objects of mariadb-operator tell."""


class ServiceTimeline(Timeline, frozen=True, kw_only=True):
    """What the cloud controller said of the Service before the ingress controller."""


class HetznerTimeline(Timeline, frozen=True, kw_only=True):
    """What was done to the load balancer, the servers and the Firewalls."""


class CloudflareTimeline(Timeline, frozen=True, kw_only=True):
    """What was done to the records, and when the tunnel's connectors connected."""
