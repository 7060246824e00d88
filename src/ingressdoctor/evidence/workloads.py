"""What every part of a run may need of a cluster as a whole, read once: its workloads and its Services."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.kube import Loaded, Service
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.evidence import Unavailable

__all__ = ["ClusterServices", "Deployments", "OtherWorkloads"]


class Deployments(msgspec.Struct, frozen=True, kw_only=True):
    """Every Deployment of the cluster, or why they could not be listed."""

    loaded: Loaded[Custom] | Unavailable


class OtherWorkloads(msgspec.Struct, frozen=True, kw_only=True):
    """Every DaemonSet and every StatefulSet of the cluster, or why they could not be listed."""

    daemon_sets: Loaded[Custom] | Unavailable
    stateful_sets: Loaded[Custom] | Unavailable


class ClusterServices(msgspec.Struct, frozen=True, kw_only=True):
    """Every Service of the cluster, or why they could not be listed."""

    loaded: Loaded[Service] | Unavailable
