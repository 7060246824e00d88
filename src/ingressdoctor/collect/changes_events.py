"""Events of the path's objects, and the syncs of the Argo CD Application that owns the route. Pure.

The API server keeps Events for an hour by default. Alike ones are told once, with how often they came: a pod that
crashes and the pods that replace it bring thousands.

Source: Kubernetes, core/v1 and events.k8s.io/v1 Event; Argo CD, Application status.history and operationState.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.changes_edits import edits
from ingressdoctor.evidence.kube import Event
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.timeline import Change
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["application_changes", "event_changes", "made_by"]

# What names made by controllers end in: letters that spell no word, or digits among them; a number in a StatefulSet.
_RANDOM: Final = r"(?:[bcdfghjklmnpqrstvwxz\d]{%s}|(?=[a-z]*\d)[a-z\d]{%s})"
_TAIL: Final = re.compile(rf"-(?:\d{{1,5}}|{_RANDOM.replace('%s', '5,10')})(?:-{_RANDOM.replace('%s', '5')})?")
_MOST: Final = 5_000
_BAD_PHASES: Final = ("Failed", "Error")


def made_by(name: str, maker: str) -> bool:
    """Tell whether *name* is what a controller calls a ReplicaSet or pod that it makes for the workload *maker*."""
    return name == maker or (name.startswith(maker) and _TAIL.fullmatch(name[len(maker) :]) is not None)


def event_changes(events: Iterable[Event], refs: frozenset[str], makers: tuple[str, ...], day: Day) -> Iterator[Change]:
    """Yield the events about the path, one per kind of object and reason.

    Args:
        events: Of one or more namespaces.
        refs: Objects of the path, as ``Service shop/web``.
        makers: Workloads of the path, as ``Deployment shop/web``: what they make is on the path too.
        day: The last day.
    """
    groups: dict[tuple[str, str, str], list[tuple[str, int, Event]]] = {}
    for event in list(events)[:_MOST]:
        about = event.involved_object
        at = day.at(event.when)
        if at and about.kind and about.name and _on_path(event, refs, makers):
            key = (about.kind, event.reason or "", event.type or "")
            groups.setdefault(key, []).append((at, _count(event), event))
    for (kind, reason, _), mine in groups.items():
        at, _, newest = max(mine, key=lambda item: item[0])
        times, objects = sum(item[1] for item in mine), len({item[2].involved_object.name for item in mine})
        often = f"{times} times" if times > 1 else ""
        of_many = f"on {objects} {kind}s" if objects > 1 else ""
        head = " ".join(filter(None, (reason, often, of_many)))
        said = newest.message or ""
        yield change(
            at,
            "warning" if newest.type == "Warning" else "event",
            _ref(newest),
            by=newest.component,
            detail=": ".join(filter(None, (head, said))),
        )


def _ref(event: Event) -> str:
    about = event.involved_object
    namespace = about.namespace or event.namespace
    return f"{about.kind} {namespace}/{about.name}" if namespace else f"{about.kind} {about.name}"


def _on_path(event: Event, refs: frozenset[str], makers: tuple[str, ...]) -> bool:
    ref = _ref(event)
    if ref in refs or ref in makers:
        return True
    namespace, name = event.involved_object.namespace or event.namespace, event.involved_object.name or ""
    if event.involved_object.kind not in ("Pod", "ReplicaSet"):
        return False
    places = (maker.partition(" ")[2].partition("/") for maker in makers)
    return any(place == namespace and made_by(name, maker) for place, _, maker in places)


def _count(event: Event) -> int:
    series = as_map(event.series).get("count")
    counted = event.count if event.count is not None else series
    return counted if isinstance(counted, int) and not isinstance(counted, bool) and counted > 0 else 1


def application_changes(application: Custom, day: Day) -> Iterator[Change]:
    """Yield the syncs of an Argo CD Application, the last one that failed, and edits of what it is to do."""
    status = application.status
    for item in map(as_map, as_list(status.get("history"))[-50:]):
        if at := day.at(item.get("deployedAt")):
            revision = _revision(item)
            yield change(at, "synced", application.ref, by=_initiator(item.get("initiatedBy")), detail=_told(revision))
    operation = as_map(status.get("operationState"))
    phase, at = as_text(operation.get("phase")), day.at(operation.get("finishedAt") or operation.get("startedAt"))
    if at and phase in _BAD_PHASES:
        by = _initiator(as_map(operation.get("operation")).get("initiatedBy"))
        said = as_text(operation.get("message"))
        revision = _told(_revision(as_map(operation.get("syncResult"))))
        yield change(at, "sync failed", application.ref, by=by, detail=": ".join(filter(None, (revision, said))))
    yield from edits(application, day, only="spec.")


def _revision(item: Mapping[str, Any]) -> str:
    several = [text for text in map(as_text, as_list(item.get("revisions"))) if text]
    return as_text(item.get("revision")) or ", ".join(text[:10] for text in several[:3])


def _told(revision: str) -> str:
    commit = len(revision) == 40 and re.fullmatch("[0-9a-f]*", revision)
    return f"revision {revision[:10] if commit else revision}" if revision else ""


def _initiator(raw: object) -> str:
    item = as_map(raw)
    name = as_text(item.get("username"))
    return name or ("automated sync" if item.get("automated") is True else "")
