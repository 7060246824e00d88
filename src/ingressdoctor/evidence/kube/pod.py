"""Pods, nodes and events. Source: kubernetes/api core/v1.

Every field may be missing or null in the wild, so every field has a default and nullable ones are read
through the accessors.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingressdoctor.evidence.kube.meta import Base, Condition, ObjectReference, Resource
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = [
    "Container",
    "ContainerPort",
    "ContainerState",
    "ContainerStatus",
    "EnvVar",
    "Event",
    "Node",
    "NodeAddress",
    "NodeSpec",
    "NodeStatus",
    "Pod",
    "PodIp",
    "PodSpec",
    "PodStatus",
    "StateDetail",
    "VolumeMount",
]


class StateDetail(Base, frozen=True, kw_only=True):
    """waiting, running or terminated of a container state."""

    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Base, frozen=True, kw_only=True):
    """state or lastState."""

    waiting: StateDetail | None = None
    running: StateDetail | None = None
    terminated: StateDetail | None = None


class ContainerStatus(Base, frozen=True, kw_only=True):
    """status.containerStatuses[]."""

    name: str = ""
    ready: bool | None = None
    started: bool | None = None
    restart_count: int | None = None
    image: str | None = None
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class ContainerPort(Base, frozen=True, kw_only=True):
    """ports[] of a container."""

    container_port: int = 0
    name: str | None = None
    protocol: str | None = None
    host_port: int | None = None


class EnvVar(Base, frozen=True, kw_only=True):
    """env[] of a container; ``value`` is None for values taken from elsewhere."""

    name: str = ""
    value: str | None = None
    value_from: dict[str, Any] | None = None


class VolumeMount(Base, frozen=True, kw_only=True):
    """volumeMounts[] of a container."""

    name: str = ""
    mount_path: str | None = None
    sub_path: str | None = None


class Container(Base, frozen=True, kw_only=True):
    """containers[] of a pod; ``restart_policy`` is set on init containers that are sidecars."""

    name: str = ""
    image: str | None = None
    restart_policy: str | None = None
    args: tuple[str | None, ...] | None = None
    command: tuple[str | None, ...] | None = None
    env: tuple[EnvVar, ...] | None = None
    env_from: tuple[dict[str, Any], ...] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    readiness_probe: dict[str, Any] | None = None
    liveness_probe: dict[str, Any] | None = None
    startup_probe: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None


class PodSpec(Base, frozen=True, kw_only=True):
    """spec of a pod."""

    containers: tuple[Container, ...] | None = None
    init_containers: tuple[Container, ...] | None = None
    node_name: str | None = None
    host_network: bool | None = None
    volumes: tuple[dict[str, Any], ...] | None = None
    affinity: dict[str, Any] | None = None


class PodIp(Base, frozen=True, kw_only=True):
    """status.podIPs[]."""

    ip: str | None = None


class PodStatus(Base, frozen=True, kw_only=True):
    """status of a pod."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    pod_ips: tuple[PodIp, ...] | None = msgspec.field(default=None, name="podIPs")
    host_ip: str | None = msgspec.field(default=None, name="hostIP")
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    start_time: str | None = None


class Pod(Resource, frozen=True, kw_only=True):
    """core/v1 Pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def containers(self) -> tuple[Container, ...]:
        """spec.containers, empty when null."""
        return self.spec.containers or ()

    @property
    def container_statuses(self) -> tuple[ContainerStatus, ...]:
        """status.containerStatuses, empty when null."""
        return self.status.container_statuses or ()

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of one type, if the pod has it."""
        for item in self.status.conditions or ():
            if item.type == kind:
                return item
        return None

    @property
    def wanted_node(self) -> str:
        """The node that it runs on or, as a waiting pod of a DaemonSet, is bound to; empty where any will do."""
        if self.spec.node_name:
            return self.spec.node_name
        rules = as_map(as_map(self.spec.affinity).get("nodeAffinity"))
        required = as_map(rules.get("requiredDuringSchedulingIgnoredDuringExecution"))
        for term in map(as_map, as_list(required.get("nodeSelectorTerms"))):
            for field in map(as_map, as_list(term.get("matchFields"))):
                values = as_list(field.get("values"))
                if field.get("key") == "metadata.name" and len(values) == 1 and isinstance(values[0], str):
                    return values[0]
        return ""

    @property
    def ready(self) -> bool:
        """True when the Ready condition is True and the pod is not being deleted."""
        if not self.metadata.deletion_timestamp:
            for item in self.status.conditions or ():
                if item.type == "Ready":
                    return item.status == "True"
        return False


class NodeAddress(Base, frozen=True, kw_only=True):
    """status.addresses[] of a node."""

    type: str = ""
    address: str = ""


class NodeSpec(Base, frozen=True, kw_only=True):
    """spec of a node."""

    provider_id: str | None = msgspec.field(default=None, name="providerID")
    unschedulable: bool | None = None


class NodeStatus(Base, frozen=True, kw_only=True):
    """status of a node."""

    conditions: tuple[Condition, ...] | None = None
    addresses: tuple[NodeAddress, ...] | None = None


class Node(Resource, frozen=True, kw_only=True):
    """core/v1 Node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Event(Resource, frozen=True, kw_only=True):
    """core/v1 Event."""

    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Any = None
    source: Any = None
    reporting_component: str | None = None
    involved_object: ObjectReference = ObjectReference()

    @property
    def when(self) -> str:
        """When it was last seen, RFC 3339."""
        last = as_text(as_map(self.series).get("lastObservedTime"))
        return self.last_timestamp or last or self.event_time or self.metadata.creation_timestamp or ""

    @property
    def component(self) -> str:
        """Who says so: kubelet, default-scheduler ..."""
        return self.reporting_component or as_text(as_map(self.source).get("component"))
