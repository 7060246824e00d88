"""What ``ingressdoctor route`` looks at: the objects of the cluster or of files, and the Traefik that reads them.

The cluster is read once, kind by kind; files need no cluster. What follows from the objects is ``route_view``'s
business.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.controller import is_traefik, judge_controller
from ingressdoctor.collect.gateway import read_gateways, routed_by_gateways, with_assumed_class, with_gateways
from ingressdoctor.collect.kinds import (
    CERTIFICATES,
    ENDPOINT_SLICES,
    INGRESS_ROUTE_TCPS,
    INGRESS_ROUTE_UDPS,
    MIDDLEWARE_TCPS,
    NETWORK_POLICIES,
    SERVERS_TRANSPORT_TCPS,
    SERVERS_TRANSPORTS,
    SERVICES,
    TLS_OPTIONS,
    TLS_STORES,
    Kind,
)
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.collect.manifests import Manifests
from ingressdoctor.collect.nginx_controllers import controller_of_container, is_ingress_nginx
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.controller import Controller, StaticConfig
from ingressdoctor.evidence.kube import Ingress, Loaded, NetworkPolicy, Pod, Resource, Service
from ingressdoctor.evidence.nginx import NginxController, NginxControllers
from ingressdoctor.evidence.route_view import Skipped
from ingressdoctor.evidence.routes import Custom, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.routing.traefik.settings import GATEWAY, assumed_static
from ingressdoctor.routing.traefik.version import Version
from ingressdoctor.sources.base import Kubernetes

__all__ = [
    "TRAEFIK_CLASS",
    "Scene",
    "class_of",
    "cluster_scene",
    "file_scene",
    "may_be_nginx",
    "supposing",
    "with_nginx",
]

T = TypeVar("T", bound=Resource)

TRAEFIK_CLASS: Final = "traefik"
_CHART: Final = "the Helm chart's defaults are assumed"
_CHART_DEFAULTS: Final = "Traefik's entry points web and websecure, and the other defaults of its Helm chart"
_FURTHER: Final[Mapping[str, Kind[Any]]] = {
    "certificates": CERTIFICATES,
    "endpoint_slices": ENDPOINT_SLICES,
    "ingress_route_tcps": INGRESS_ROUTE_TCPS,
    "ingress_route_udps": INGRESS_ROUTE_UDPS,
    "middleware_tcps": MIDDLEWARE_TCPS,
    "servers_transports": SERVERS_TRANSPORTS,
    "servers_transport_tcps": SERVERS_TRANSPORT_TCPS,
    "services": SERVICES,
    "tls_options": TLS_OPTIONS,
    "tls_stores": TLS_STORES,
}


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Objects and the controllers that read them.

    ``controller`` is Traefik, ``nginx`` is an ingress-nginx beside it, None where there is none or nobody looked.
    ``pods`` is None where they are read only once a Service is chosen (a cluster), ``policies`` where nobody looked for
    NetworkPolicies; ``namespaces`` and ``foreign`` are what files hold of Namespaces and of network plugins' own
    policies; ``outdated`` are objects of an API group that this Traefik may not read; the rest is as in ``RouteView``.
    """

    objects: RoutingObjects
    controller: Controller | None
    nginx: NginxController | None = None
    static: StaticConfig
    version: str
    origin: str = "the cluster"
    pods: tuple[Pod, ...] | None = None
    policies: Loaded[NetworkPolicy] | Unavailable | None = None
    namespaces: tuple[Resource, ...] = ()
    foreign: tuple[str, ...] = ()
    outdated: tuple[Custom, ...] = ()
    assumed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = msgspec.field(default_factory=dict)


async def cluster_scene(kube: Kubernetes, objects: RoutingObjects, controller: Controller | Unavailable) -> Scene:
    """Read what routing depends on beyond *objects*; a kind that may not be read stays Unavailable."""
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(list_or_gap(kube, kind)) for name, kind in _FURTHER.items()}
        policies = group.create_task(list_or_gap(kube, NETWORK_POLICIES))
        gateways = group.create_task(read_gateways(kube))
    whole = replace(with_gateways(objects, gateways.result()), **{name: task.result() for name, task in tasks.items()})
    found = None if isinstance(controller, Unavailable) else controller
    reason = controller.reason if isinstance(controller, Unavailable) else ""
    return Scene(
        objects=whole,
        controller=found,
        static=_static(found, reason),
        version=found.version if found else "",
        policies=policies.result(),
    )


def may_be_nginx(scene: Scene) -> bool:
    """Tell whether some Ingress may be another controller's than Traefik's, so that it is worth a look."""
    ingresses = scene.objects.ingresses
    items = ingresses.items if isinstance(ingresses, Loaded) else ()
    return any(TRAEFIK_CLASS not in (class_of(item) or TRAEFIK_CLASS).lower() for item in items)


def class_of(ingress: Ingress) -> str:
    """Return the class that an Ingress names, empty without one."""
    return ingress.spec.ingress_class_name or ingress.annotations.get("kubernetes.io/ingress.class", "")


def with_nginx(scene: Scene, found: NginxControllers | Unavailable) -> Scene:
    """Add the cluster's ingress-nginx, if there is one."""
    return replace(scene, nginx=None if isinstance(found, Unavailable) else next(iter(found.items), None))


def file_scene(manifests: Manifests) -> Scene:
    """Return the scene of files: their own Traefik, else one with the Helm chart's defaults."""
    controller = _controller_in(manifests)
    assumed, objects = manifests.assumed, manifests.objects
    static = _static(controller, "no Traefik is among the files")
    if controller is None:
        assumed = (*assumed, _CHART_DEFAULTS)
        if routed_by_gateways(objects):
            static = replace(static, options={**static.options, GATEWAY: "true"})
            objects, more = with_assumed_class(objects)
            assumed = (*assumed, "Traefik's provider kubernetesGateway", *more)
    return Scene(
        objects=replace(objects, namespaces=Loaded(items=manifests.namespaces)),
        controller=controller,
        nginx=nginx_in(manifests.pods),
        static=static,
        version=controller.version if controller else "",
        origin=manifests.origin,
        pods=manifests.pods,
        policies=manifests.policies,
        namespaces=manifests.namespaces,
        foreign=manifests.foreign,
        outdated=manifests.outdated,
        assumed=assumed,
        skipped=manifests.skipped,
        ignored=manifests.ignored,
    )


def supposing(scene: Scene, static_args: Sequence[str], version: str) -> Scene:
    """Return the scene with Traefik started by other arguments, or of another version; empty means as it is.

    Raises:
        UsageError: the arguments cannot be split into words, or the version is none.
    """
    if version and not Version.parse(version).known:
        raise UsageError(f"{clean(version, 40)!r} is not a version of Traefik.", hint="For example 3.7.9")
    changed = replace(scene, version=version or scene.version)
    if not static_args:
        return changed
    static = static_of(_pod_with(_split(static_args)))
    controller = replace(scene.controller, static=static) if scene.controller is not None else None
    assumed = tuple(item for item in scene.assumed if item != _CHART_DEFAULTS)
    return replace(changed, static=static, controller=controller, assumed=assumed)


def _controller_in(manifests: Manifests) -> Controller | None:
    pods = [pod for pod in manifests.pods if any(is_traefik(item.image) for item in pod.containers)]
    services = manifests.objects.services
    known = services if isinstance(services, Loaded) else Loaded[Service]()
    found = judge_controller(pods, known) if pods else None
    return None if isinstance(found, Unavailable) else found


def nginx_in(pods: Sequence[Pod]) -> NginxController | None:
    """Return the ingress-nginx among the pods of files; they hold no ConfigMap that is read."""
    for pod in pods:
        container = next((item for item in pod.containers if is_ingress_nginx(item)), None)
        if container is not None:
            return controller_of_container(container, pod)
    return None


def _static(controller: Controller | None, reason: str) -> StaticConfig:
    """Return what is known of the static configuration, the Helm chart's where nothing is."""
    if controller is not None and controller.static.entry_points:
        return controller.static
    reason = controller.static.unreadable if controller is not None else reason
    return replace(assumed_static(), unreadable=f"{reason}; {_CHART}")


def _split(texts: Sequence[str]) -> list[str]:
    try:
        return [word for text in texts for word in shlex.split(text)]
    except ValueError as error:
        raise UsageError(
            f"--static-args cannot be split into words: {error}.",
            hint="For example --static-args '--entryPoints.web.address=:8000 --providers.kubernetesCRD'",
        ) from None


def _pod_with(arguments: list[str]) -> Pod:
    container = {"name": "traefik", "image": "traefik", "args": arguments}
    return msgspec.convert({"metadata": {"name": "traefik"}, "spec": {"containers": [container]}}, Pod)
