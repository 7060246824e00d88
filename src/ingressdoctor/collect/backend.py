"""Read the Service that the route ends at, with its EndpointSlices and pods, and more only where something is wrong.

Three requests when all is well, at most five when it is not: the events when pods are unwell, the namespace's pods
and Deployments when there are none. What the objects mean is the job of ``routing.service``;
whether that is good is the checks'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Final, TypeVar

from msgspec.structs import replace

from ingressdoctor.collect.kinds import ENDPOINT_SLICES, EVENTS, PODS, SERVICES, Kind
from ingressdoctor.collect.kube import get_object, list_kind, whole
from ingressdoctor.collect.together import together
from ingressdoctor.evidence.backend import BackendEndpoints, BackendView, ChosenBackend, PodMaker, ServiceForm
from ingressdoctor.evidence.certificates import Stated
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import EndpointSlice, Event, Loaded, Pod, Resource, Service
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.selectors import differences, labels_match
from ingressdoctor.routing.service import SERVICE_LABEL, form_of, merge, service_port
from ingressdoctor.routing.traefik.version import Version
from ingressdoctor.sources.base import Kubernetes

__all__ = ["assemble", "backend_view", "makers_of", "nearest_pods", "relevant_events"]

_WANTED: Final = "the Service that the route ends at"
_NEAR: Final = 3
_EVENTS: Final = 60
_COMPARED: Final = 63  # the length of a label value
_NAMES: Final = 500
_DEPLOYMENTS: Final = Kind(Stated, "Deployment", "apps", "v1", "deployments")

T = TypeVar("T", bound=Resource)


@collector(wanted=_WANTED, timeout_s=20.0)
async def backend_view(
    kube: Kubernetes, chosen: ChosenBackend, controller: Controller | Unavailable
) -> BackendView | Unavailable:
    """Read the winner's backend, that of a dropped route of the host when nothing wins, or that of a tunnel's rule.

    The controller's version decides which endpoints it takes for servers.
    """
    version = Version() if isinstance(controller, Unavailable) else Version.parse(controller.version)
    return await _read(kube, chosen, version)


async def _read(kube: Kubernetes, chosen: ChosenBackend, version: Version) -> BackendView | Unavailable:
    namespace, name = chosen.ref.namespace, chosen.ref.name
    service, listed = await together(
        _service(kube, chosen),
        list_kind(kube, ENDPOINT_SLICES, namespace=namespace, labels=f"{SERVICE_LABEL}={name}"),
    )
    slices = whole(listed, "the Service's EndpointSlices")
    if isinstance(service, Unavailable):
        return service
    if service is None:
        return replace(assemble(chosen, None, slices, ()), siblings=await _siblings(kube, chosen))
    view = assemble(chosen, service, slices, await _pods(kube, service), version)
    return await _look_closer(kube, view) if _unwell(view) else view


async def _service(kube: Kubernetes, chosen: ChosenBackend) -> Service | Unavailable | None:
    if chosen.listed is None:
        return await get_object(kube, SERVICES, chosen.ref.namespace, chosen.ref.name)
    return next((item for item in chosen.listed if item.name == chosen.ref.name), None)


async def _siblings(kube: Kubernetes, chosen: ChosenBackend) -> tuple[str, ...]:
    """Return the names of the namespace's Services."""
    known = chosen.listed
    if known is None:
        loaded = await list_kind(kube, SERVICES, namespace=chosen.ref.namespace)
        known = () if isinstance(loaded, Unavailable) else loaded.items
    return tuple(item.name for item in known[:_NAMES])


def assemble(
    chosen: ChosenBackend,
    service: Service | None,
    slices: tuple[EndpointSlice, ...] | Unavailable,
    pods: tuple[Pod, ...] | Unavailable,
    version: Version | None = None,
) -> BackendView:
    """Put what was read into one value: which port is meant, and the endpoints of that port."""
    port = service_port(service, chosen.ref.port) if service is not None else None
    endpoints: BackendEndpoints | Unavailable = BackendEndpoints()
    if isinstance(slices, Unavailable):
        endpoints = slices
    elif service is not None and port is not None:
        endpoints = merge(service, slices, port, version=version)
    return BackendView(
        ref=chosen.ref,
        route=chosen.route,
        service=service,
        port=port,
        slices=slices,
        pods=pods,
        form=ServiceForm.SELECTOR if service is None else form_of(service),
        endpoints=endpoints,
        others=chosen.others,
        live=chosen.live,
        dialler=chosen.dialler,
        tunnel=chosen.tunnel,
        home=chosen.home,
        nginx=chosen.nginx,
    )


async def _pods(kube: Kubernetes, service: Service) -> tuple[Pod, ...] | Unavailable:
    selector = service.spec.selector or {}
    if not selector or service.spec.type == "ExternalName":
        return ()
    labels = ",".join([f"{key}={value or ''}" for key, value in selector.items()])
    return whole(await list_kind(kube, PODS, namespace=service.namespace, labels=labels), "the Service's pods")


def _unwell(view: BackendView) -> bool:
    """Whether something of the backend calls for a closer look."""
    if isinstance(view.pods, Unavailable) or view.service is None or not view.service.spec.selector:
        return False
    return not view.current_pods or bool(view.unready_pods) or not view.serving


async def _look_closer(kube: Kubernetes, view: BackendView) -> BackendView:
    """Read what may explain pods that are unwell, or that there are none."""
    namespace = view.ref.namespace
    if view.current_pods:
        events = _items(await list_kind(kube, EVENTS, namespace=namespace))
        return replace(view, events=events if isinstance(events, Unavailable) else relevant_events(events, view))
    near, listed = await together(
        list_kind(kube, PODS, namespace=namespace), list_kind(kube, _DEPLOYMENTS, namespace=namespace)
    )
    makers = _items(listed)
    selector = (view.service.spec.selector if view.service else None) or {}
    if not isinstance(near, Unavailable):
        view = replace(view, near_pods=nearest_pods(near.items, selector), namespace_pods=len(near.items))
    return view if isinstance(makers, Unavailable) else replace(view, makers=makers_of(makers, selector))


def makers_of(deployments: tuple[Stated, ...], selector: Mapping[str, str | None]) -> tuple[PodMaker, ...]:
    """Return the Deployments whose pods the selector would match, with what they say of themselves."""
    return tuple(
        PodMaker(
            ref=item.ref,
            replicas=replicas if isinstance(replicas := item.spec.get("replicas", 1), int) else 1,
            message=next(_complaints(item), ""),
        )
        for item in deployments
        if labels_match(selector, _template_labels(item))
    )


def _template_labels(deployment: Stated) -> dict[str, str]:
    labels: object = deployment.spec
    for key in ("template", "metadata", "labels"):
        labels = labels.get(key) if isinstance(labels, Mapping) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {}


def _complaints(deployment: Stated) -> Iterator[str]:
    """Yield why no pod is made: quota, admission, a paused or failed rollout."""
    conditions = deployment.status.get("conditions")
    for item in conditions if isinstance(conditions, list) else ():
        if isinstance(item, Mapping) and isinstance(item.get("message"), str):
            bad = {"ReplicaFailure": "True", "Progressing": "False"}.get(str(item.get("type")))
            if bad is not None and item.get("status") == bad:
                yield item["message"]


def nearest_pods(pods: tuple[Pod, ...], selector: Mapping[str, str | None]) -> tuple[Pod, ...]:
    """Return the pods that carry most of the selector, best first; finished ones do not count.

    Equal pairs count first, then how alike the other values are, so that a misspelt name finds the pod it means. A
    pod that shares neither a pair nor a key with the selector is not near.
    """

    def nearness(pod: Pod) -> tuple[int, float]:
        missing = differences(selector, pod.labels)
        alike = (
            1 + SequenceMatcher(None, item.wanted[:_COMPARED], item.found[:_COMPARED]).ratio()
            for item in missing
            if item.found is not None
        )
        return len(selector) - len(missing), sum(alike)

    alive = [pod for pod in pods if pod.status.phase not in ("Succeeded", "Failed")]
    ranked = sorted((pod for pod in alive if sum(nearness(pod))), key=lambda pod: (*nearness(pod), pod.name))
    return tuple(reversed(ranked))[:_NEAR]


def relevant_events(events: tuple[Event, ...], view: BackendView) -> tuple[Event, ...]:
    """Return the events about the backend's pods, newest first."""
    names = {pod.name for pod in view.current_pods}
    chosen = [event for event in events if event.involved_object.name in names]
    return tuple(sorted(chosen, key=lambda event: event.when, reverse=True)[:_EVENTS])


def _items(loaded: Loaded[T] | Unavailable) -> tuple[T, ...] | Unavailable:
    return loaded if isinstance(loaded, Unavailable) else loaded.items
