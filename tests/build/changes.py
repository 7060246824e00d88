"""Objects with a history, as the API server keeps it."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from build.backend import NAMESPACE, NOW
from ingressdoctor.collect.changes_day import Day
from ingressdoctor.evidence.kube import Event, Node, Resource
from ingressdoctor.evidence.routes import Custom

T = TypeVar("T", bound=Resource)
DAY = Day(NOW)
LATELY = "2026-11-21T11:45:00Z"
EARLIER = "2026-11-21T09:00:00Z"
LONG_AGO = "2026-11-01T12:00:00Z"


def an_edit(fields: Any, *, by: str = "kubectl-edit", at: str | None = LATELY, subresource: str = "") -> dict[str, Any]:
    """One entry of managedFields."""
    entry = {"manager": by, "operation": "Update", "time": at, "fieldsType": "FieldsV1", "fieldsV1": fields}
    return entry | ({"subresource": subresource} if subresource else {})


def spec_of(*names: str) -> dict[str, Any]:
    """FieldsV1 of some fields of the spec."""
    return {"f:spec": {".": {}, **{f"f:{name}": {"f:below": {}} for name in names}}}


def an_item(*edits: dict[str, Any], kind: str = "IngressRoute", created: str = LONG_AGO, **more: Any) -> Custom:
    """An object of some kind with these edits."""
    meta = {"name": "web", "namespace": NAMESPACE, "creationTimestamp": created, "managedFields": list(edits)}
    meta |= more.pop("meta", {})
    return msgspec.convert({"kind": kind, "metadata": meta, **more}, Custom)


def a_replica_set(
    name: str, *images: str, revision: str = "1", created: str = LONG_AGO, restarted: str = "", owner: str = "web"
) -> Custom:
    """A ReplicaSet of a Deployment, with one container per image."""
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    annotations = {"kubectl.kubernetes.io/restartedAt": restarted} if restarted else {}
    return an_item(
        kind="ReplicaSet",
        created=created,
        meta={
            "name": name,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "name": owner}] if owner else None,
        },
        spec={"template": {"metadata": {"annotations": annotations}, "spec": {"containers": containers}}},
    )


def a_happening(name: str = "web-1", reason: str = "BackOff", **more: Any) -> Event:
    """A warning about a pod."""
    raw = {
        "kind": "Event",
        "metadata": {"name": f"{name}.1", "namespace": NAMESPACE},
        "type": "Warning",
        "reason": reason,
        "message": "it fails",
        "count": 1,
        "lastTimestamp": LATELY,
        "involvedObject": {"kind": "Pod", "name": name, "namespace": NAMESPACE},
        "source": {"component": "kubelet"},
    }
    return msgspec.convert({**raw, **more}, Event)


def a_node(*conditions: dict[str, Any], edits: tuple[dict[str, Any], ...] = (), **spec: Any) -> Node:
    """A node with these conditions."""
    meta = {"name": "node-1", "creationTimestamp": LONG_AGO, "managedFields": list(edits)}
    return msgspec.convert(
        {"kind": "Node", "metadata": meta, "spec": spec, "status": {"conditions": list(conditions)}}, Node
    )


def a_condition(kind: str, status: str, *, at: str | None = LATELY, message: str = "") -> dict[str, Any]:
    """One condition."""
    return {"type": kind, "status": status, "reason": "Because", "message": message, "lastTransitionTime": at}
