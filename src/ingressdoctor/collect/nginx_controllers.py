"""Find every ingress-nginx of the cluster: its workload, pods, Service and ConfigMap.

Workloads are known by image and command; their lists and that of Services are shared. Two more requests for each that
is found, and one for k3s' svclb pods where its Service has no address. It reads no routes and judges nothing.
Source: kubernetes/ingress-nginx charts, pkg/flags/flags.go; k3s pkg/cloudprovider/servicelb.go (labels of svclb pods).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.kinds import CONFIG_MAPS, PODS
from ingressdoctor.collect.kube import get_object, list_kind, whole
from ingressdoctor.collect.together import together
from ingressdoctor.collect.workloads import pod_spec_of, selector_of, wanted_pods
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.kube import Container, Loaded, Pod, Resource, Service
from ingressdoctor.evidence.nginx import NginxController, NginxControllers
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.evidence.workloads import ClusterServices, Deployments, OtherWorkloads
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map
from ingressdoctor.routing.selectors import labels_match
from ingressdoctor.sources.base import Kubernetes

__all__ = [
    "collect_nginx_controllers",
    "controller_of_container",
    "is_ingress_nginx",
    "nginx_of",
    "service_before",
    "webhook_of",
]

_WANTED: Final = "the cluster's ingress-nginx"
_MOST: Final = 3
_MAX_WORDS: Final = 200
_PROGRAM: Final = "nginx-ingress-controller"
_TAG: Final = re.compile(r":(?:nginx-|controller-)?v?(\d+\.\d+(?:\.\d+)?)(?:[-@].*)?$")
_NAMESPACE: Final = "$(POD_NAMESPACE)"
_WEB: Final = frozenset((80, 443))
_WEBHOOK: Final = frozenset(("webhook", 8443))


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_nginx_controllers(
    kube: Kubernetes, deployments: Later[Deployments], others: Later[OtherWorkloads], listed: Later[ClusterServices]
) -> NginxControllers | Unavailable:
    """Look through Deployments, through DaemonSets only where none of those runs it; then read what they use."""
    first = await deployments.get()
    lists = [first if isinstance(first, Unavailable) else first.loaded]
    found = _found(lists)
    if not found:
        more = await others.get()
        lists.append(more if isinstance(more, Unavailable) else more.daemon_sets)
        found = _found(lists[1:])
    unread = tuple(item for item in lists if isinstance(item, Unavailable))
    if not found:
        return unread[0] if unread else NginxControllers()
    everything = await listed.get()
    services = everything if isinstance(everything, Unavailable) else everything.loaded
    known = services.items if isinstance(services, Loaded) else ()
    gaps = (*unread, *((services,) if isinstance(services, Unavailable) else ()))
    items = await together(*(_completed(kube, item, workload, known) for item, workload in found[:_MOST]))
    return NginxControllers(items=items, unread=gaps)


def _found(lists: Sequence[Loaded[Custom] | Unavailable]) -> list[tuple[NginxController, Custom]]:
    pairs = ((nginx_of(item), item) for one in lists if isinstance(one, Loaded) for item in one.items)
    return [(found, workload) for found, workload in pairs if found is not None]


def is_ingress_nginx(container: Container) -> bool:
    """Tell whether a container runs the controller of kubernetes/ingress-nginx, by its image or its command."""
    image = (container.image or "").partition("@")[0].lower()
    name = image.rpartition("/")[2].partition(":")[0]
    words = [word or "" for word in (*(container.command or ()), *(container.args or ()))][:_MAX_WORDS]
    called = any(word.rpartition("/")[2] == _PROGRAM for word in words)
    return called or name.startswith(_PROGRAM) or "ingress-nginx/controller" in image


def nginx_of(workload: Custom) -> NginxController | None:
    """Read what a workload's template says, or None when no container of it is the controller."""
    spec = pod_spec_of(workload)
    if spec is None:
        return None
    container = next((item for item in spec.containers or () if is_ingress_nginx(item)), None)
    if container is None:
        return None
    found = controller_of_container(container, workload)
    return replace(found, replicas=wanted_pods(workload), host_network=bool(spec.host_network))


def controller_of_container(container: Container, owner: Resource) -> NginxController:
    """Read what a container of the controller says; *owner* is the workload or pod that it is of."""
    words = [word or "" for word in (*(container.command or ()), *(container.args or ()))][:_MAX_WORDS]
    args = tuple(clean(word, 300).replace(_NAMESPACE, owner.namespace) for word in words)
    tag = _TAG.search((container.image or "").partition("@")[0])
    return NginxController(
        ref=owner.ref,
        kind=owner.kind or "Deployment",
        namespace=owner.namespace,
        name=owner.name,
        container=container.name,
        image=clean(container.image or "", 200),
        version=tag[1] if tag else "",
        args=args,
        config_ref=_config_ref(args, owner.namespace),
        host_ports=tuple(port.host_port for port in container.ports or () if port.host_port),
    )


def _config_ref(args: Sequence[str], namespace: str) -> str:
    found = ""
    for index, word in enumerate(args):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "configmap":
            found = value if equals else next(iter(args[index + 1 : index + 2]), "")
    return found if "/" in found or not found else f"{namespace}/{found}"


async def _completed(
    kube: Kubernetes, item: NginxController, workload: Custom, known: Sequence[Service]
) -> NginxController:
    """Add Service, pods and ConfigMap; what may not be read is a gap of that part."""
    template = as_map(as_map(as_map(workload.spec.get("template")).get("metadata")).get("labels"))
    labels = {str(key): str(value or "") for key, value in template.items()}
    service, names = service_before(item.namespace, labels, known)
    item = replace(item, service=service, services=names)
    hook = webhook_of(item, known)
    blind = hook is not None and not labels_match(hook.spec.selector or {}, labels)
    item = replace(item, webhook=hook, webhook_blind=blind)
    selector = selector_of(workload)
    pods, config, balancers = await _read(kube, item, selector)
    return replace(item, pods=pods, config=config, balancers=balancers)


async def _read(
    kube: Kubernetes, item: NginxController, selector: str
) -> tuple[tuple[Pod, ...] | Unavailable, Mapping[str, str] | Unavailable, tuple[Pod, ...] | Unavailable | None]:
    service = item.service
    pending = service is not None and service.spec.type == "LoadBalancer" and not service.published
    labels = ""
    if service is not None and pending:
        start = "svccontroller.k3s.cattle.io"
        labels = f"{start}/svcname={service.name},{start}/svcnamespace={service.namespace}"
    async with asyncio.TaskGroup() as group:
        pods_task = group.create_task(_pods(kube, item, selector, labels))
        config_task = group.create_task(_config(kube, item))
    pods, balancers = pods_task.result()
    return pods, config_task.result(), balancers


def service_before(
    namespace: str, labels: Mapping[str, str], services: Sequence[Service]
) -> tuple[Service | None, tuple[str, ...]]:
    """Return the Service that carries the traffic of pods with these labels, and the names of all that select them."""
    fitting = [
        item
        for item in services
        if item.namespace == namespace and item.spec.selector and labels_match(item.spec.selector, labels)
    ]

    def rank(item: Service) -> tuple[int, bool, str]:
        return (-sum(1 for port in item.ports if port.port in _WEB), item.spec.type != "LoadBalancer", item.name)

    # The admission webhook's Service selects the same pods; it has 443 too, but leads to another port.
    web = [item for item in fitting if not all(_to_webhook(item, port) for port in range(len(item.ports)))]
    return min(web, key=rank, default=None), tuple(item.name for item in web)


def webhook_of(item: NginxController, services: Sequence[Service]) -> Service | None:
    """Return the Service of the admission webhook, where the controller is told to serve one."""
    if not any(word.startswith("--validating-webhook=") for word in item.args):
        return None
    mine = (found for found in services if found.namespace == item.namespace and found.spec.selector)
    return next((found for found in mine if any(port.target_port in _WEBHOOK for port in found.ports)), None)


def _to_webhook(service: Service, index: int) -> bool:
    port = service.ports[index]
    return port.target_port in ("webhook", 8443, "metrics", 10254)


async def _pods(
    kube: Kubernetes, item: NginxController, selector: str, balancers: str
) -> tuple[tuple[Pod, ...] | Unavailable, tuple[Pod, ...] | Unavailable | None]:
    wanted = f"the pods of {item.ref}"
    mine = await _listed(kube, wanted, namespace=item.namespace, labels=selector)
    if isinstance(mine, tuple) and not selector:
        mine = tuple(pod for pod in mine if any(is_ingress_nginx(part) for part in pod.containers))
    if not balancers:
        return mine, None
    return mine, await _listed(kube, "the svclb pods of k3s", namespace="", labels=balancers)


async def _listed(kube: Kubernetes, wanted: str, *, namespace: str, labels: str) -> tuple[Pod, ...] | Unavailable:
    try:
        return whole(await list_kind(kube, PODS, namespace=namespace, labels=labels), wanted)
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=error.message, enable_with=error.hint)


async def _config(kube: Kubernetes, item: NginxController) -> Mapping[str, str] | Unavailable:
    """Return the ConfigMap's data; one that does not exist is empty, as for the controller."""
    namespace, _, name = item.config_ref.partition("/")
    if not name or "$(" in item.config_ref:
        return {}
    try:
        found = await get_object(kube, CONFIG_MAPS, namespace, name)
    except SourceError as error:
        return Unavailable(wanted=f"ConfigMap {item.config_ref}", reason=error.message, enable_with=error.hint)
    if isinstance(found, Unavailable):
        return found
    data = (found.data or {}) if found is not None else {}
    return {key: value or "" for key, value in data.items()}
