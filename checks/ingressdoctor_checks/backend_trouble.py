"""What is wrong with one pod: sorts it by the deepest thing that its status says.

Holds no check. Source: kubernetes core/v1 container states and pod conditions; reasons as the kubelet writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.api import Clock, ContainerState, ContainerStatus, Event, Pod, StateDetail, Unavailable

__all__ = ["PodTrouble", "Trouble", "event_text", "trouble_of"]

_IMAGE: Final = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
)
_WAITS: Final = ("ContainerCreating", "PodInitializing")
_STARTS: Final = ("RunContainerError", "StartError", "ContainerCannotRun", "CrashLoopBackOff")
_RECENT_S: Final = 900.0


class Trouble(StrEnum):
    """Why a pod does not serve; every pod has at most one."""

    UNSCHEDULABLE = "unschedulable"
    IMAGE = "image"
    CRASHING = "crashing"
    CONFIG = "configuration"
    STARTING = "starting"
    NODE = "node"
    NOT_READY = "not ready"


class PodTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """One pod that does not serve: why, in which container, and the words the cluster has for it."""

    pod: Pod
    kind: Trouble
    container: str = ""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0


def trouble_of(pod: Pod, clock: Clock) -> PodTrouble | None:
    """Return what keeps the pod from serving, or None when it is ready."""
    if pod.ready:
        return None
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return PodTrouble(
            pod=pod,
            kind=Trouble.UNSCHEDULABLE,
            reason=scheduled.reason or "Unschedulable",
            message=scheduled.message or "",
        )
    statuses = (*(pod.status.init_container_statuses or ()), *pod.container_statuses)
    found = next((trouble for status in statuses for trouble in _of_container(pod, status, clock)), None)
    if found is not None:
        return found
    condition = pod.condition("Ready")
    lost = bool(pod.container_statuses) and all(status.ready for status in pod.container_statuses)
    kind = Trouble.NODE if lost else Trouble.NOT_READY if pod.container_statuses else Trouble.STARTING
    return PodTrouble(
        pod=pod,
        kind=kind,
        container=next((status.name for status in pod.container_statuses if not status.ready), ""),
        reason=(condition.reason if condition else "") or pod.status.reason or "",
        message=(condition.message if condition else "") or pod.status.message or "",
    )


def _of_container(pod: Pod, status: ContainerStatus, clock: Clock) -> Iterator[PodTrouble]:
    state = status.state or ContainerState()
    ended = (status.last_state.terminated if status.last_state else None) or state.terminated
    waiting = state.waiting
    if waiting is not None and waiting.reason in _IMAGE:
        yield _trouble(pod, status, Trouble.IMAGE, waiting)
    elif _crashes(pod, status, state, clock):
        yield _trouble(pod, status, Trouble.CRASHING, ended or waiting or StateDetail())
    elif waiting is not None and waiting.reason in _WAITS:
        yield _trouble(pod, status, Trouble.STARTING, waiting)
    elif waiting is not None and waiting.reason:
        yield _trouble(pod, status, Trouble.CONFIG, waiting)


def _crashes(pod: Pod, status: ContainerStatus, state: ContainerState, clock: Clock) -> bool:
    """Whether the container ends again and again; one that was restarted long ago and runs does not."""
    if state.waiting is not None:
        return state.waiting.reason in _STARTS
    if state.terminated is not None:
        init = any(status.name == item.name for item in pod.spec.init_containers or ())
        return not init or state.terminated.exit_code != 0
    if not status.restart_count or status.last_state is None or status.last_state.terminated is None:
        return False
    since = clock.seconds_since(state.running.started_at or "") if state.running else None
    return not status.ready and since is not None and since < _RECENT_S


def _trouble(pod: Pod, status: ContainerStatus, kind: Trouble, detail: StateDetail) -> PodTrouble:
    return PodTrouble(
        pod=pod,
        kind=kind,
        container=status.name,
        reason=detail.reason or "",
        message=detail.message or "",
        exit_code=detail.exit_code,
        restarts=status.restart_count or 0,
    )


def event_text(events: tuple[Event, ...] | Unavailable, pod: Pod, *reasons: str) -> str:
    """Return the newest event about *pod* with one of *reasons*, or nothing."""
    if isinstance(events, Unavailable):
        return ""
    return next(
        (
            event.message
            for event in events
            if event.involved_object.name == pod.name and event.reason in reasons and event.message
        ),
        "",
    )
