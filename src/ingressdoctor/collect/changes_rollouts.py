"""Which version a workload was rolled out with, from its ReplicaSets. Pure.

A ReplicaSet holds what its pods are made of; its revision is an annotation of the Deployment controller's. A rollback
takes an old ReplicaSet again and leaves no time in it: the edit of the Deployment tells that.

Source: Kubernetes, pkg/controller/deployment (annotation deployment.kubernetes.io/revision).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.timeline import Change
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["deployment_of", "images_of", "rollouts", "turns", "unavailable_since", "without_starts"]

_REVISION: Final = "deployment.kubernetes.io/revision"
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_DIGEST: Final = 19  # sha256: and twelve digits
_SHOWN: Final = 3
# Conditions of a Deployment that are bad news, with the status that is, and how it is told.
_BAD: Final = {
    "Available": ("False", "lost availability"),
    "Progressing": ("False", "rollout stuck"),
    "ReplicaFailure": ("True", "no pods made"),
}


def rollouts(replica_sets: Iterable[Custom], day: Day) -> Iterator[Change]:
    """Yield one change for each ReplicaSet of the last day: which images came in the place of which."""
    by_owner: dict[str, list[Custom]] = {}
    for item in replica_sets:
        if owner := deployment_of(item):
            by_owner.setdefault(f"Deployment {item.namespace}/{owner}", []).append(item)
    for ref, mine in by_owner.items():
        mine.sort(key=lambda item: (_revision(item), item.metadata.creation_timestamp or ""))
        for place, item in enumerate(mine):
            if at := day.at(item.metadata.creation_timestamp):
                number = f" (revision {_revision(item)})" if _revision(item) else ""
                yield change(
                    at, "rolled out", ref, detail=_difference(mine[place - 1] if place else None, item) + number
                )


def deployment_of(replica_set: Custom) -> str:
    """Return the name of the Deployment that owns a ReplicaSet; empty where none does."""
    owners = replica_set.metadata.owner_references or ()
    return next((item.name for item in owners if item.kind == "Deployment" and item.name), "")


def images_of(workload: Custom) -> dict[str, str]:
    """Return the images that the pods of a workload are made of, by container."""
    spec = as_map(_template(workload).get("spec"))
    containers = (*as_list(spec.get("initContainers")), *as_list(spec.get("containers")))
    return {as_text(item.get("name")): as_text(item.get("image")) for item in map(as_map, containers)}


def without_starts(changes: Iterable[Change], replica_sets: Iterable[Custom], day: Day) -> tuple[Change, ...]:
    """Leave out the starts of pods that a rollout among *changes* tells already."""
    fresh = {item.ref for item in replica_sets if deployment_of(item) and day.at(item.metadata.creation_timestamp)}
    return tuple(
        item for item in changes if not (item.what.startswith("started") and (item.object in fresh or item.by in fresh))
    )


def turns(workload: Custom, day: Day) -> Iterator[Change]:
    """Yield what a Deployment says of too few pods, and of a rollout that does not come to its end."""
    for item in _bad(workload):
        if at := day.at(item.get("lastTransitionTime")):
            what = _BAD[as_text(item.get("type"))][1]
            detail = as_text(item.get("message")) or as_text(item.get("reason"))
            yield change(at, what, workload.ref, detail=detail)


def unavailable_since(workload: Custom, day: Day) -> str:
    """Return when a Deployment came to have fewer pods than it may, if it still has; empty where nothing tells."""
    found = (item for item in _bad(workload) if item.get("type") == "Available")
    return next((at for item in found if (at := day.at(item.get("lastTransitionTime")))), "")


def _bad(workload: Custom) -> Iterator[Mapping[str, object]]:
    for item in map(as_map, as_list(workload.status.get("conditions"))):
        status, _ = _BAD.get(as_text(item.get("type")), ("", ""))
        if status and item.get("status") == status:
            yield item


def _template(workload: Custom) -> Mapping[str, object]:
    return as_map(workload.spec.get("template"))


def _revision(item: Custom) -> int:
    text = item.annotations.get(_REVISION, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _difference(before: Custom | None, after: Custom) -> str:
    new = images_of(after)
    if before is None:
        return ", ".join(list(new.values())[:_SHOWN])
    old = images_of(before)
    changed = [_arrow(old.get(name, ""), image) for name, image in new.items() if old.get(name) != image]
    changed += [_arrow(image, "") for name, image in old.items() if name not in new]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return ", ".join(changed[:_SHOWN]) + more
    by_hand = _restarted(after) and _restarted(after) != _restarted(before)
    return "restarted by hand, the same images" if by_hand else "the same images, something else of the pods"


def _restarted(item: Custom) -> str:
    return as_text(as_map(as_map(_template(item).get("metadata")).get("annotations")).get(_RESTARTED))


def _arrow(old: str, new: str) -> str:
    """Say which image came in the place of which; of the same repository only the tags the second time."""
    if not old or not new:
        return f"+ {_image(new)}" if new else f"- {_image(old)}"
    repository, tag = _split(new)
    return f"{_image(old)} → {tag if tag and _split(old)[0] == repository else _image(new)}"


def _split(image: str) -> tuple[str, str]:
    """Return repository and tag (or the begin of a digest)."""
    name, _, digest = image.partition("@")
    head, slash, tail = name.rpartition("/")
    base, _, tag = tail.partition(":")
    return f"{head}{slash}{base}", tag or digest[:_DIGEST]


def _image(image: str) -> str:
    repository, tag = _split(image)
    base = repository.rpartition("/")[2]
    return f"{base}:{tag}" if tag else base
