"""List the cluster's workloads and Services once for everything that looks for a program in them. Judges nothing.

Nobody is made to wait for them: they are asked for by ``Later``.
"""

from __future__ import annotations

import msgspec

from ingressdoctor.collect.kinds import DAEMON_SETS, DEPLOYMENTS, SERVICES, STATEFUL_SETS
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.collect.together import together
from ingressdoctor.evidence.kube import PodSpec
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.evidence.workloads import ClusterServices, Deployments, OtherWorkloads
from ingressdoctor.model.check import collector
from ingressdoctor.model.untyped import as_map
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_deployments", "collect_others", "collect_services", "pod_spec_of", "selector_of", "wanted_pods"]


@collector(wanted="the cluster's Deployments", timeout_s=20.0)
async def collect_deployments(kube: Kubernetes) -> Deployments:
    """List Deployments."""
    return Deployments(loaded=await list_or_gap(kube, DEPLOYMENTS))


@collector(wanted="the cluster's DaemonSets and StatefulSets", timeout_s=20.0)
async def collect_others(kube: Kubernetes) -> OtherWorkloads:
    """List what runs pods and is no Deployment."""
    daemons, stateful = await together(list_or_gap(kube, DAEMON_SETS), list_or_gap(kube, STATEFUL_SETS))
    return OtherWorkloads(daemon_sets=daemons, stateful_sets=stateful)


@collector(wanted="the cluster's Services", timeout_s=20.0)
async def collect_services(kube: Kubernetes) -> ClusterServices:
    """List Services."""
    return ClusterServices(loaded=await list_or_gap(kube, SERVICES))


def pod_spec_of(workload: Custom) -> PodSpec | None:
    """Return what a workload makes its pods of; None where that has an unexpected shape."""
    template = as_map(as_map(workload.spec.get("template")).get("spec"))
    try:
        return msgspec.convert(_plain(template), PodSpec, strict=False)
    except msgspec.ValidationError:
        return None


def selector_of(workload: Custom) -> str:
    """Return the label selector of a workload's pods; empty where it is none of plain labels."""
    labels = as_map(as_map(workload.spec.get("selector")).get("matchLabels"))
    return ",".join(f"{key}={value}" for key, value in labels.items() if isinstance(value, str))


def wanted_pods(workload: Custom) -> int:
    """Return how many pods a workload wants."""
    wanted = workload.spec.get("replicas", 1)
    if workload.kind == "DaemonSet":
        wanted = workload.status.get("desiredNumberScheduled", 1)
    return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else 1


def _plain(value: object) -> object:
    """Drop nulls, which mean the same as absence."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value if item is not None] if isinstance(value, list) else value
