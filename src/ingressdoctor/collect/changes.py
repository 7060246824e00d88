"""What changed in the cluster on the path of a target that fails: a day of edits, rollouts, restarts, events, syncs.

Runs after a failure only. Most of it stands in objects that the run has read already; what is missing are at most four
requests, side by side: warnings of the backend's namespace, its ReplicaSets and what makes its pods (or those of the
controller before it, where one is not ready), the Application that owns the route, or else the node of a pod that is
not ready. Each may be refused without cost to the others.
What was deleted nobody keeps; and no Secret is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from typing import Final, TypeVar

import msgspec

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.changes_edits import edits
from ingressdoctor.collect.changes_events import application_changes, event_changes
from ingressdoctor.collect.changes_path import maker_of
from ingressdoctor.collect.changes_pods import node_changes, pod_changes, unready_since
from ingressdoctor.collect.changes_rollouts import rollouts, turns, unavailable_since, without_starts
from ingressdoctor.collect.kinds import (
    APPLICATIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    EVENTS,
    NODES,
    REPLICA_SETS,
    STATEFUL_SETS,
    Kind,
)
from ingressdoctor.collect.kube import get_object, list_kind
from ingressdoctor.errors import NotAskedError, SourceError
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.kube import Event, Loaded, Node, Pod, Resource
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.evidence.timelines import ClusterTimeline, PathApplications, PathMakers, PathRoutes, PathWorkloads
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.timeline import Change
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_cluster_timeline"]

R = TypeVar("R", bound=Resource)

_MOST_REQUESTS: Final = 4
_PATIENCE_S: Final = 4.0
_MAKERS: Final = {kind.name: kind for kind in (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)}


class _Request(msgspec.Struct, frozen=True):
    """One look at the cluster: how it is made, and what the objects that it brings tell."""

    wanted: str
    read: Callable[[], Coroutine[object, object, object]]
    told: Callable[[tuple[object, ...]], Iterator[Change]]


@collector(wanted="what changed in the cluster", timeout_s=8.0)
async def collect_cluster_timeline(
    kube: Kubernetes,
    clock: Clock,
    routes: PathRoutes,
    workloads: PathWorkloads,
    makers: PathMakers,
    applications: PathApplications,
) -> ClusterTimeline:
    """Put together what is known, and read what is not."""
    day = Day.of(clock)
    changes = list(_known(routes, workloads, day))
    changes += _maker(makers.items, day)
    changes += [told for item in applications.items for told in application_changes(item, day)]
    unread: list[Unavailable] = []
    broke = [unready_since(workloads.pods, day)]
    broke += [unavailable_since(item, day) for item in _of(makers.items, Custom) if item.ref in workloads.makers]
    known = frozenset(item.ref for item in makers.items)
    every = _requests(kube, routes, workloads, known, day)
    owned = _application(kube, applications, day)
    wanted = (*every, *owned, *_node(kube, workloads, day))[:_MOST_REQUESTS]
    found = await asyncio.gather(*(_patiently(item) for item in wanted))
    for item, value in zip(wanted, found, strict=True):
        if isinstance(value, Unavailable):
            unread.append(value)
        else:
            changes += item.told(value)
            objects = _of(value, Custom)
            broke += [unavailable_since(found, day) for found in objects if found.kind == "Deployment"]
            changes = list(without_starts(changes, (found for found in objects if found.kind == "ReplicaSet"), day))
    return ClusterTimeline(changes=tuple(changes), unread=tuple(unread), broke_at=min(filter(None, broke), default=""))


def _known(routes: PathRoutes, workloads: PathWorkloads, day: Day) -> Iterator[Change]:
    for item in (*routes.items, *workloads.services, *workloads.policies):
        yield from edits(item, day)
    for source in workloads.configs:
        if at := day.at(source.edited_at):
            yield change(at, "edited", source.ref, by=source.edited_by)
    yield from pod_changes(workloads.pods, day)
    yield from pod_changes(workloads.carriers, day)
    yield from node_changes(workloads.nodes, day)
    yield from event_changes(workloads.events, frozenset(pod.ref for pod in workloads.pods), workloads.makers, day)


def _refs(routes: PathRoutes, workloads: PathWorkloads) -> frozenset[str]:
    everything = (*routes.items, *workloads.services, *workloads.pods, *workloads.policies)
    return frozenset(item.ref for item in everything)


def _requests(
    kube: Kubernetes, routes: PathRoutes, workloads: PathWorkloads, known: frozenset[str], day: Day
) -> Iterator[_Request]:
    """Yield what is worth a request about the backend, the most telling first; *known* are workloads at hand."""
    namespace = workloads.namespace or routes.namespace
    if namespace and not workloads.events:
        yield _Request(
            f"the events of namespace {namespace}",
            lambda: list_kind(kube, EVENTS, namespace=namespace, fields="type!=Normal"),
            lambda found: event_changes(_of(found, Event), _refs(routes, workloads), workloads.makers, day),
        )
    kinds = {maker.partition(" ")[0] for maker in workloads.makers}
    if workloads.selector and (not kinds or "Deployment" in kinds):
        yield _Request(
            f"the ReplicaSets of namespace {namespace}",
            lambda: list_kind(kube, REPLICA_SETS, namespace=namespace, labels=workloads.selector),
            lambda found: rollouts(_of(found, Custom), day),
        )
    for ref in (_first(workloads.makers), _first(_ill(workloads.carriers))):
        kind, _, place = ref.partition(" ")
        if kind and ref not in known:
            yield _Request(ref, partial(_named, kube, _MAKERS[kind], place), partial(_maker, day=day))


def _first(makers: Iterable[str]) -> str:
    return next((ref for ref in makers if ref.partition(" ")[0] in _MAKERS), "")


def _ill(pods: tuple[Pod, ...]) -> Iterator[str]:
    return (maker_of(pod) for pod in pods if not pod.ready)


async def _named(kube: Kubernetes, kind: Kind[Custom], place: str) -> Custom | Unavailable | None:
    namespace, _, name = place.partition("/")
    return await get_object(kube, kind, namespace, name)


def _application(kube: Kubernetes, applications: PathApplications, day: Day) -> Iterator[_Request]:
    """Yield the look at the Application that owns the route, if one does and nobody has listed them."""
    namespace, _, name = next(iter(applications.names), "").rpartition("/")
    if name and not applications.listed:
        yield _Request(
            f"the Argo CD Application {name}",
            lambda: list_kind(kube, APPLICATIONS, fields=f"metadata.name={name}"),
            lambda found: (
                told
                for item in _of(found, Custom)
                if item.name == name and namespace in ("", item.namespace)
                for told in application_changes(item, day)
            ),
        )


def _node(kube: Kubernetes, workloads: PathWorkloads, day: Day) -> Iterator[_Request]:
    """Yield the look at the node of a pod that is not ready, if nothing is known of that node."""
    known = {node.name for node in workloads.nodes}
    ill = (pod.spec.node_name for pod in workloads.pods if not pod.ready)
    node = next((name for name in ill if name and name not in known), "")
    if node:
        yield _Request(
            f"node {node}",
            lambda: get_object(kube, NODES, "", node),
            lambda found: node_changes(_of(found, Node), day),
        )


def _maker(found: Iterable[object], day: Day) -> Iterator[Change]:
    for item in _of(found, Custom):
        yield from edits(item, day)
        yield from turns(item, day)


def _of(found: Iterable[object], kind: type[R]) -> tuple[R, ...]:
    return tuple(item for item in found if isinstance(item, kind))


async def _patiently(request: _Request) -> tuple[object, ...] | Unavailable:
    """Make one request; whatever becomes of it costs the others nothing."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            value = await request.read()
    except TimeoutError:
        return Unavailable(wanted=request.wanted, reason=f"no answer within {_PATIENCE_S:.0f} s")
    except NotAskedError:
        return ()
    except SourceError as error:
        return Unavailable(wanted=request.wanted, reason=error.message, enable_with=error.hint)
    if isinstance(value, Unavailable):
        return value
    if isinstance(value, Loaded):
        return value.items
    return () if value is None else (value,)
