"""Find the Traefik that serves the cluster: its pods, the Service before it, its static configuration, its version.

Two requests side by side where the usual label is set. It reads no routes and judges nothing.
Source of labels and names: the traefik Helm chart; k3s' packaged chart.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from ingressdoctor.collect.kinds import DAEMON_SETS, PODS, SERVICES, Kind
from ingressdoctor.collect.kube import list_kind, undecodable
from ingressdoctor.collect.static_config import static_of, traefik_container
from ingressdoctor.collect.together import together
from ingressdoctor.collect.workloads import pod_spec_of
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.controller import Controller, StaticConfig
from ingressdoctor.evidence.kube import Loaded, Pod, PodSpec, Resource, Service
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.sources.base import Kubernetes

__all__ = ["all_for_others", "collect_controller", "is_traefik", "judge_controller", "version_of"]

T = TypeVar("T", bound=Resource)

_LABEL: Final = "app.kubernetes.io/name=traefik"
_LIKELY_NAMESPACES: Final = ("traefik", "kube-system")
# How the reason begins where nothing of the cluster is a Traefik.
NO_TRAEFIK: Final = "no Traefik was found"
_WANTED: Final = "the ingress controller"
_CLASS: Final = "kubernetes.io/ingress.class"
_TAG: Final = re.compile(r":v?(\d+\.\d+(?:\.\d+)?(?:-[\w.]+)?)(?:@|$)")
_HASH_SUFFIX: Final = re.compile(r"-[a-z0-9]{6,10}$")
_WEB_PORTS: Final = frozenset([80, 443])


@collector(wanted=_WANTED)
async def collect_controller(kube: Kubernetes, objects: Later[RoutingObjects]) -> Controller | Unavailable:
    """Find Traefik by its label in all namespaces, else by image where it usually lives, if any object is for it."""
    async with asyncio.TaskGroup() as group:
        pod_task = group.create_task(_labelled(kube, PODS))
        service_task = group.create_task(_labelled(kube, SERVICES))
    pods, services = pod_task.result(), service_task.result()
    found = pods.items if isinstance(pods, Loaded) else ()
    theirs = False
    if isinstance(pods, Unavailable) or not (found or _fronts(services)):
        theirs = all_for_others(await objects.get())
        found = () if theirs else await _by_image(kube)
    if found and isinstance(services, Loaded) and not _fronts(services):
        # A Service that somebody wrote by hand may lack the label.
        services = await list_kind(kube, SERVICES, namespace=found[0].namespace)
    if not found:
        gap = pods if isinstance(pods, Unavailable) else undecodable(pods, _WANTED)
        if gap is not None:
            return _by_service(services, gap)
        if not theirs and not _fronts(services) and (idle := await _by_daemon_set(kube)) is not None:
            return idle
    return judge_controller(found, services)


async def _by_daemon_set(kube: Kubernetes) -> Controller | None:
    """Find a Traefik without any pod, and without a Service, by the DaemonSet that should make them."""
    made = await _labelled(kube, DAEMON_SETS)
    item = next(iter(made.items), None) if isinstance(made, Loaded) else None
    if item is None:
        return None
    pod = Pod(spec=pod_spec_of(item) or PodSpec())
    return Controller(
        kind="traefik",
        namespace=item.namespace,
        workload=item.name,
        pods=(),
        service=None,
        static=static_of(pod),
        version=version_of(pod),
        maker="DaemonSet",
    )


async def _labelled(kube: Kubernetes, kind: Kind[T]) -> Loaded[T] | Unavailable:
    """List what carries Traefik's label; a failing call costs this kind only."""
    try:
        return await list_kind(kube, kind, labels=_LABEL)
    except SourceError as error:
        return Unavailable(wanted=f"Traefik's {kind.plural}", reason=error.message, enable_with=error.hint)


def all_for_others(objects: RoutingObjects | Unavailable) -> bool:
    """Tell whether Traefik can have nothing to do here: its kinds do not exist, and every Ingress is of a class.

    One whose name speaks of Traefik is none of another controller's.
    """
    if isinstance(objects, Unavailable) or isinstance(objects.ingresses, Unavailable):
        return False
    routes = objects.ingress_routes
    classes = [item.spec.ingress_class_name or item.annotations.get(_CLASS, "") for item in objects.ingresses.items]
    others = all(name and "traefik" not in name.lower() for name in classes)
    return isinstance(routes, Loaded) and not routes.installed and bool(classes) and others


async def _by_image(kube: Kubernetes) -> tuple[Pod, ...]:
    lists = await together(*(list_kind(kube, PODS, namespace=name) for name in _LIKELY_NAMESPACES))
    pods = [pod for one in lists if isinstance(one, Loaded) for pod in one.items]
    return tuple(pod for pod in pods if any(is_traefik(item.image) for item in pod.containers))


def is_traefik(image: str | None) -> bool:
    """Tell Traefik's own image from others that carry the word (its dashboards, whoami ...)."""
    name = (image or "").partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    return name in ("traefik", "mirrored-library-traefik", "traefik-hub", "traefikee") or name.endswith("-traefik")


def _fronts(services: Loaded[Service] | Unavailable) -> bool:
    return isinstance(services, Loaded) and any(item.spec.type == "LoadBalancer" for item in services.items)


def judge_controller(pods: Sequence[Pod], services: Loaded[Service] | Unavailable) -> Controller | Unavailable:
    """Pick the Traefik that serves the public: the one behind a LoadBalancer, else the one with the most pods."""
    known = services.items if isinstance(services, Loaded) else ()
    running = [pod for pod in pods if pod.status.phase != "Succeeded"]
    groups: dict[tuple[str, str], list[Pod]] = {}
    for pod in running:
        groups.setdefault((pod.namespace, _workload(pod)), []).append(pod)
    if not groups:
        return _without_pods(known)

    def rank(key: tuple[str, str]) -> tuple[bool, bool, int, tuple[str, str]]:
        service = _service_before(groups[key], known)
        balanced = service is not None and service.spec.type == "LoadBalancer"
        return (not balanced, service is None, -len(groups[key]), key)

    chosen, *others = sorted(groups, key=rank)
    mine = tuple(sorted(groups[chosen], key=lambda pod: (not pod.ready, pod.name)))
    gap = services if isinstance(services, Unavailable) else undecodable(services, "the Service in front of Traefik")
    return Controller(
        kind="traefik",
        namespace=chosen[0],
        workload=chosen[1],
        pods=mine,
        service=_service_before(mine, known),
        static=static_of(mine[0]),
        version=version_of(mine[0]),
        others=tuple(f"{namespace}/{name}" for namespace, name in others),
        unread=(gap,) if gap is not None else (),
        maker=_maker(mine[0]),
    )


def _by_service(services: Loaded[Service] | Unavailable, gap: Unavailable) -> Controller | Unavailable:
    """Keep what the Service in front tells where the pods may not be read; *gap* says why they may not."""
    found = _without_pods(services.items) if isinstance(services, Loaded) else gap
    if isinstance(found, Unavailable):
        return gap
    static = replace(found.static, unreadable=f"Traefik's pods could not be read: {gap.reason}")
    return replace(found, static=static, pods_unread=gap)


def _without_pods(services: Sequence[Service]) -> Controller | Unavailable:
    """Take the Service alone for a Traefik that is scaled to nothing."""
    front = next((item for item in services if item.spec.type == "LoadBalancer"), None)
    if front is None:
        return Unavailable(
            wanted=_WANTED,
            reason=(
                f"{NO_TRAEFIK}: no pod is labelled {_LABEL} in any namespace, "
                f"and no pod of {' or '.join(_LIKELY_NAMESPACES)} runs a traefik image"
            ),
            enable_with="If Traefik runs here under other names, label its pods app.kubernetes.io/name=traefik.",
        )
    static = StaticConfig(
        source="none", entry_points=(), options={}, unreadable="there is no Traefik pod to read it from"
    )
    return Controller(
        kind="traefik", namespace=front.namespace, workload=front.name, pods=(), service=front, static=static
    )


def _workload(pod: Pod) -> str:
    """Return the Deployment or DaemonSet behind a pod, from its owner's name."""
    owner = next(iter(pod.metadata.owner_references or ()), None)
    if owner is None or not owner.name:
        return pod.name
    return _HASH_SUFFIX.sub("", owner.name) if owner.kind == "ReplicaSet" else owner.name


def _maker(pod: Pod) -> str:
    """Return the kind of what makes a pod; a ReplicaSet is a Deployment's."""
    owner = next(iter(pod.metadata.owner_references or ()), None)
    return owner.kind if owner is not None and owner.kind in ("DaemonSet", "StatefulSet") else "Deployment"


def _service_before(pods: Sequence[Pod], services: Sequence[Service]) -> Service | None:
    """Return the Service that selects the pods and most likely carries public traffic."""
    fitting = [item for item in services if any(_selects(item, pod) for pod in pods)]

    def rank(item: Service) -> tuple[bool, int, str]:
        web = sum(1 for port in item.ports if port.port in _WEB_PORTS)
        return (item.spec.type != "LoadBalancer", -web, item.name)

    return min(fitting, key=rank, default=None)


def _selects(service: Service, pod: Pod) -> bool:
    selector, labels = service.spec.selector or {}, pod.labels
    fits = all(labels.get(key) == (value or "") for key, value in selector.items())
    return bool(selector) and fits and service.namespace == pod.namespace


def version_of(pod: Pod) -> str:
    """Return the version in the image tag, without a leading v; empty when the tag tells none."""
    container = traefik_container(pod)
    match = _TAG.search((container.image or "") if container else "")
    return match.group(1) if match else ""
