"""What stands around one decision of ``ingressdoctor route``: the pods behind its Services, and who may reach them.

A cluster is asked only about the Services that the request ends at; files hold what they hold. It judges nothing: that
is ``route_policies``' and ``route_reach``'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ingressdoctor.collect.kinds import NAMESPACES, PODS
from ingressdoctor.collect.kube import get_object, list_kind
from ingressdoctor.collect.plugin_policies import plugin_policies
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.kube import Loaded, Pod, Resource, Service
from ingressdoctor.evidence.route_view import RouteView
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.netpol import needs_namespace_labels
from ingressdoctor.routing.selectors import labels_match
from ingressdoctor.sources.base import Kubernetes

__all__ = ["Around", "look_around", "of_files"]

_SERVICES: Final = 5
_NOT_AMONG: Final = "the labels of namespace {} are not known: the files hold no such Namespace"

Pods = tuple[Pod, ...] | Unavailable


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """Pods by (namespace, Service), the labels of Namespaces by name, and policies that nobody evaluates.

    ``foreign`` are policies of a network plugin's own kinds, ``gaps`` what could not be looked at.
    """

    pods: Mapping[tuple[str, str], Pods]
    namespaces: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


def of_files(scene: Scene, view: RouteView) -> Around:
    """Take from the files what they hold."""
    pods: dict[tuple[str, str], Pods] = {}
    for service in _services(view):
        selector = service.spec.selector or {}
        pods[service.namespace, service.name] = tuple(
            pod for pod in scene.pods or () if pod.namespace == service.namespace and labels_match(selector, pod.labels)
        )
    namespaces = {item.name: item.labels for item in scene.namespaces}
    missing = (name for name in _wanted_labels(scene, view) if name not in namespaces)
    return Around(
        pods=pods,
        namespaces=namespaces,
        foreign=scene.foreign,
        gaps=tuple(_NOT_AMONG.format(name) for name in missing),
    )


async def look_around(kube: Kubernetes, scene: Scene, view: RouteView) -> Around:
    """Read from the cluster the pods of at most five Services, and what bears on who may reach them."""
    services = tuple(_services(view))[:_SERVICES]
    names = tuple(_wanted_labels(scene, view))
    places = tuple(dict.fromkeys((*(item.namespace for item in services), *_home(scene))))
    async with asyncio.TaskGroup() as group:
        pod_tasks = [group.create_task(_pods(kube, service)) for service in services]
        label_tasks = [group.create_task(_namespace(kube, name)) for name in names]
        plugin = group.create_task(plugin_policies(kube, places)) if services else None
    read = [task.result() for task in label_tasks]
    foreign, gaps = plugin.result() if plugin is not None else ((), ())
    return Around(
        pods={
            (service.namespace, service.name): task.result() for service, task in zip(services, pod_tasks, strict=True)
        },
        namespaces={item.name: item.labels for item in read if isinstance(item, Resource)},
        foreign=foreign,
        gaps=(*(item.reason for item in read if isinstance(item, Unavailable)), *gaps),
    )


def _services(view: RouteView) -> Iterator[Service]:
    """Yield the Services of the winner that exist and select pods; each once."""
    found = {
        (sight.ref.namespace, sight.ref.name): sight.view.service
        for sight in view.backends
        if isinstance(sight.view, BackendView) and sight.view.service is not None
    }
    yield from (service for service in found.values() if service.spec.selector)


def _home(scene: Scene) -> tuple[str, ...]:
    return (scene.controller.namespace,) if scene.controller is not None else ()


def _wanted_labels(scene: Scene, view: RouteView) -> Iterator[str]:
    """Yield the Namespaces whose labels some policy of either end asks for."""
    places = tuple(dict.fromkeys((*(service.namespace for service in _services(view)), *_home(scene))))
    policies = scene.policies.items if isinstance(scene.policies, Loaded) else ()
    mine = [policy for policy in policies if policy.namespace in places]
    if needs_namespace_labels(mine):
        yield from places


async def _pods(kube: Kubernetes, service: Service) -> Pods:
    selector = ",".join(f"{key}={value or ''}" for key, value in (service.spec.selector or {}).items())
    wanted = f"the pods of Service {service.namespace}/{service.name}"
    try:
        found = await list_kind(kube, PODS, namespace=service.namespace, labels=selector)
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=error.message, enable_with=error.hint)
    return found if isinstance(found, Unavailable) else found.items


async def _namespace(kube: Kubernetes, name: str) -> Resource | Unavailable:
    wanted = f"Namespace {name}"
    try:
        found = await get_object(kube, NAMESPACES, "", name)
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=f"{wanted} could not be read: {error.message}")
    return found if found is not None else Unavailable(wanted=wanted, reason=f"{wanted} does not exist")
