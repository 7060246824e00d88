"""Pod logs: which container, which lines. Refusals are worded as the API server and kubelet word them.

A log is looked up by pod name, then by the name of the workload that owns the pod.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingressdoctor.lab.cluster import Object, dig, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.serve.kube import status as words
from ingressdoctor.lab.serve.wire import Response

LogReader = Callable[[str, str, str], str | None]
"""Namespace, pod and container to the whole log so far; None when only the world's files have one."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_PREVIOUS = ".previous"


def workload_of(pod: Object) -> str:
    """Name of the workload behind a pod: its ReplicaSet's without the hash, else its owner's; "" for none."""
    owners = [mapping(item) for item in sequence(dig(pod, "metadata", "ownerReferences"))]
    if not owners:
        return ""
    name = text(owners[0].get("name"))
    return name.rpartition("-")[0] if owners[0].get("kind") == "ReplicaSet" else name


def seeded(logs: Mapping[str, str], pod: Object, container: str) -> str:
    """The log text the world's files hold for a container."""
    for owner in (name_of(pod), workload_of(pod)):
        found = logs.get(f"{namespace_of(pod)}/{owner}/{container}")
        if found is not None:
            return found
    return ""


def answer_log(pod: Object, query: Mapping[str, str], logs: Mapping[str, str], live: LogReader) -> Response:
    """The answer to GET pods/{name}/log."""
    name = name_of(pod)
    names = [text(mapping(item).get("name")) for item in sequence(dig(pod, "spec", "containers"))]
    names += [text(mapping(item).get("name")) for item in sequence(dig(pod, "spec", "initContainers"))]
    wanted = query.get("container", "")
    if not wanted and len(names) > 1:
        choices = " ".join(names)
        return words.status(400, f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    container = wanted or next(iter(names), "")
    if container not in names:
        return words.status(400, f"container {container} is not valid for pod {name}")
    previous = query.get("previous") in {"true", "1"}
    refusal = _refusal(pod, container, previous=previous)
    if refusal:
        return words.status(400, refusal)
    if previous:
        content = seeded(logs, pod, container + _PREVIOUS)
    else:
        running = live(namespace_of(pod), name, container)
        content = seeded(logs, pod, container) if running is None else running
    return Response(status=200, headers=(("Content-Type", "text/plain"),), body=_cut(content, query))


def _refusal(pod: Object, container: str, *, previous: bool) -> str:
    """Why this container has no log; "" when it has one."""
    state = _container_status(pod, container)
    if previous and not mapping(state.get("lastState")).get("terminated"):
        return f'previous terminated container "{container}" in pod "{name_of(pod)}" not found'
    reason = text(dig(state, "state", "waiting", "reason"))
    ran_before = bool(mapping(state.get("lastState")).get("terminated"))
    if not reason or ran_before:
        return ""
    if reason in {"ImagePullBackOff", "ErrImagePull"}:
        reason = "trying and failing to pull image"
    return f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {reason}'


def _container_status(pod: Object, container: str) -> Mapping[str, Any]:
    statuses = [
        *sequence(dig(pod, "status", "containerStatuses")),
        *sequence(dig(pod, "status", "initContainerStatuses")),
    ]
    return next((mapping(item) for item in statuses if mapping(item).get("name") == container), {})


def _cut(content: str, query: Mapping[str, str]) -> bytes:
    lines = content.splitlines(keepends=True)
    if (since := query.get("sinceSeconds", "")).isdigit():
        lines = _since(lines, datetime.now(UTC) - timedelta(seconds=int(since)))
    if (tail := query.get("tailLines", "")).isdigit():
        lines = lines[-int(tail) :] if int(tail) else []
    data = "".join(lines).encode()
    limit = query.get("limitBytes", "")
    return data[: int(limit)] if limit.isdigit() else data


def _since(lines: list[str], start: datetime) -> list[str]:
    """Lines not older than *start*; a line without a time belongs to the one before it."""
    kept: list[str] = []
    recent = True
    for line in lines:
        if found := _TIME.search(line):
            recent = datetime.fromisoformat(found[0]).replace(tzinfo=UTC) >= start
        if recent:
            kept.append(line)
    return kept
