"""What happened to pods and nodes in the last day, as their status tells. Pure.

A pod's status keeps the last end of each container only, and how often it ended in all. Pods are many: what is alike
is told once, with how many pods it is true of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.changes_edits import edits
from ingressdoctor.evidence.kube import ContainerStatus, Node, Pod
from ingressdoctor.evidence.kube.meta import Condition
from ingressdoctor.model.timeline import Change

__all__ = ["node_changes", "owner_of_pod", "pod_changes", "unready_since"]

_NAMED: Final = 3
_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def pod_changes(pods: Iterable[Pod], day: Day) -> Iterator[Change]:
    """Yield starts, ends of containers, and pods that stopped being ready."""
    known = tuple(pods)
    yield from _started(known, day)
    yield from _ended(known, day)
    for pod in known:
        if at := day.at(pod.metadata.deletion_timestamp):
            yield change(at, "being deleted", pod.ref)
    yield from _unready(known, day)


def _unready(pods: tuple[Pod, ...], day: Day) -> Iterator[Change]:
    groups: dict[tuple[str, str], list[tuple[str, Pod]]] = {}
    for pod in pods:
        ready = pod.condition("Ready")
        at = day.at(ready.last_transition_time) if ready is not None else ""
        if ready is not None and at and ready.status == "False" and not _is_new(pod, ready):
            groups.setdefault((owner_of_pod(pod), ready.message or ready.reason or ""), []).append((at, pod))
    for (owner, why), mine in groups.items():
        ref, many = (owner, f"{len(mine)} pods ") if len(mine) > 1 else (mine[0][1].ref, "")
        yield change(max(at for at, _ in mine), f"{many}stopped being ready", ref, detail=why)


def unready_since(pods: Iterable[Pod], day: Day) -> str:
    """Return when the last of *pods* that was ready stopped being so, if none is; empty where nothing tells."""
    known = tuple(pods)
    if not known or any(pod.ready for pod in known):
        return ""
    turned = [
        ready.last_transition_time
        for pod in known
        if (ready := pod.condition("Ready")) is not None and ready.status == "False" and not _is_new(pod, ready)
    ]
    return max((day.at(text) for text in turned), default="")


def _is_new(pod: Pod, ready: Condition) -> bool:
    """Tell whether a pod never was ready: the condition has not changed since it was first written."""
    first = (pod.metadata.creation_timestamp, pod.status.start_time)
    scheduled = pod.condition("PodScheduled") or pod.condition("Initialized")
    return ready.last_transition_time in (*first, scheduled.last_transition_time if scheduled else None)


def owner_of_pod(pod: Pod) -> str:
    """Return the object that made a pod, as findings name it; the pod itself where nothing did."""
    owner = next((item for item in pod.metadata.owner_references or () if item.kind and item.name), None)
    return f"{owner.kind} {pod.namespace}/{owner.name}" if owner is not None else pod.ref


def _started(pods: tuple[Pod, ...], day: Day) -> Iterator[Change]:
    groups: dict[str, list[tuple[str, Pod]]] = {}
    for pod in pods:
        if at := day.at(pod.metadata.creation_timestamp):
            groups.setdefault(owner_of_pod(pod), []).append((at, pod))
    for owner, mine in groups.items():
        newest = max(at for at, _ in mine)
        if len(mine) == 1:
            yield change(newest, "started", mine[0][1].ref, by=owner if owner != mine[0][1].ref else "")
        else:
            yield change(newest, f"started {len(mine)} pods", owner, detail=_names([pod for _, pod in mine]))


def _ended(pods: tuple[Pod, ...], day: Day) -> Iterator[Change]:
    groups: dict[tuple[str, str, str], list[tuple[str, Pod, ContainerStatus]]] = {}
    for pod in pods:
        for status in (*pod.container_statuses, *(pod.status.init_container_statuses or ())):
            for state in (status.last_state, status.state):
                ended = state.terminated if state is not None else None
                at = day.at(ended.finished_at) if ended is not None else ""
                if ended is None or not at or (state is status.state and ended.exit_code == 0):
                    continue
                code = f"exit code {ended.exit_code}" if ended.exit_code is not None else ""
                why = ", ".join(filter(None, (ended.reason or "ended", code)))
                groups.setdefault((owner_of_pod(pod), status.name, why), []).append((at, pod, status))
    for (owner, container, why), mine in groups.items():
        at = max(item[0] for item in mine)
        restarts = sum(max(0, status.restart_count or 0) for _, _, status in mine)
        told = [f"container {container}: {why}", f"{restarts} restart{'s' if restarts != 1 else ''} so far"]
        found = list({pod.name: pod for _, pod, _ in mine}.values())
        if len(found) > 1:
            told.append(f"of {len(found)} pods")
        yield change(at, "container ended", found[0].ref if len(found) == 1 else owner, detail=", ".join(told))


def _names(pods: list[Pod]) -> str:
    more = f" and {len(pods) - _NAMED} more" if len(pods) > _NAMED else ""
    return ", ".join(pod.name for pod in pods[:_NAMED]) + more


def node_changes(nodes: Iterable[Node], day: Day) -> Iterator[Change]:
    """Yield nodes that became ready or stopped being so, came under pressure, or were cordoned."""
    for node in nodes:
        for item in node.status.conditions or ():
            at = day.at(item.last_transition_time)
            if at and item.type == "Ready":
                what = "became ready" if item.status == "True" else "stopped being ready"
                yield change(
                    at, what, node.ref, detail=item.message or item.reason or "" if item.status != "True" else ""
                )
            elif at and item.type in _PRESSURES and item.status == "True":
                yield change(at, item.type, node.ref, detail=item.message or item.reason or "")
        yield from edits(node, day, only="spec.unschedulable")
