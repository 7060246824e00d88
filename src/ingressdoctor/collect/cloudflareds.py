"""Find every cloudflared that runs a tunnel from this cluster, with its pods and its configuration.

Workloads are known by image and command. Their lists are shared; two more requests for each that is found: its pods and
its ConfigMap. Secrets are never read. Which tunnel and rules a target has is decided in ``tunnel_route``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.cloudflared_args import is_cloudflared, is_uuid, read_container
from ingressdoctor.collect.cloudflared_config import config_of_text
from ingressdoctor.collect.cloudflared_home import home_of
from ingressdoctor.collect.kinds import CONFIG_MAPS, PODS
from ingressdoctor.collect.kube import get_object, list_kind, whole
from ingressdoctor.collect.together import together
from ingressdoctor.collect.workloads import pod_spec_of, selector_of, wanted_pods
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.kube import Container, Loaded, Pod
from ingressdoctor.evidence.kube.config_map import ConfigMap
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.evidence.tunnel import Cloudflared, Cloudflareds, TunnelIdentity
from ingressdoctor.evidence.tunnel_rules import ConfigHome, ConfigSource, TunnelConfig
from ingressdoctor.evidence.workloads import Deployments, OtherWorkloads
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_cloudflareds", "workload_of"]

_WANTED: Final = "the cluster's cloudflared"
_MOST: Final = 6
_TAG: Final = re.compile(r":v?(\d{4}\.\d{1,2}\.\d{1,3})(?:[-@].*)?$")
_GIVE_FILE: Final = "Give the file with --cloudflared-config FILE, or set config_file under [tunnel]."
_DEFAULT_PORT: Final = 20241  # of the container image since 2024.12.1


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_cloudflareds(
    kube: Kubernetes, deployments: Later[Deployments], others: Later[OtherWorkloads]
) -> Cloudflareds | Unavailable:
    """Look through Deployments, through other workloads only where none of those runs it; then read what they use."""
    first = await deployments.get()
    lists = [first if isinstance(first, Unavailable) else first.loaded]
    if not _found(lists):
        more = await others.get()
        lists += [more] if isinstance(more, Unavailable) else [more.daemon_sets, more.stateful_sets]
    found = _found(lists)
    unread = tuple(item for item in lists if isinstance(item, Unavailable))
    if not found and len(unread) == len(lists):
        return unread[0]
    items = await together(*(_completed(kube, item, selector) for item, selector in found[:_MOST]))
    return Cloudflareds(items=items, unread=unread)


def _found(lists: Sequence[Loaded[Custom] | Unavailable]) -> list[tuple[Cloudflared, str]]:
    """Return the workloads that run cloudflared, each with the label selector of its pods."""
    loaded = [item for one in lists if isinstance(one, Loaded) for item in one.items]
    pairs = ((workload_of(item), item) for item in loaded)
    return [(found, selector_of(item)) for found, item in pairs if found is not None]


def workload_of(workload: Custom) -> Cloudflared | None:
    """Read what a workload's template says, or None when no container of it runs a tunnel."""
    spec = pod_spec_of(workload)
    if spec is None:
        return None
    container = next((item for item in spec.containers or () if is_cloudflared(item)), None)
    if container is None:
        return None
    line = read_container(container)
    source = home_of(spec, container, line.config, workload.namespace, by_token=line.by_token)
    return Cloudflared(
        ref=workload.ref,
        kind=workload.kind or "Deployment",
        namespace=workload.namespace,
        name=workload.name,
        image=container.image or "",
        version=_version(container.image or ""),
        replicas=wanted_pods(workload),
        args=line.args,
        container=container.name,
        identity=line.identity,
        protocol="" if line.protocol == "auto" else line.protocol,
        metrics_port=_port(line.metrics, container),
        token_exposed=line.exposed,
        proxy_env=line.proxies,
        by_token=line.by_token,
        source=source,
    )


def _version(image: str) -> str:
    found = _TAG.search(image)
    return found[1] if found else ""


def _port(metrics: str, container: Container) -> int:
    """Return the metrics port: as told, else the one that the probes ask, else the image's default."""
    digits = metrics.rpartition(":")[2]
    if digits.isdecimal() and len(digits) <= 5:
        return int(digits)
    ports: dict[str, int] = {item.name or "": item.container_port for item in container.ports or ()}
    for probe in (container.readiness_probe, container.liveness_probe):
        port = as_map(as_map(probe).get("httpGet")).get("port")
        if isinstance(port, int) and not isinstance(port, bool):
            return port
        if as_text(port):
            return ports.get(as_text(port), 0)
    return _DEFAULT_PORT


async def _completed(kube: Kubernetes, item: Cloudflared, selector: str) -> Cloudflared:
    """Add pods and configuration; what may not be read of one is a gap of that one."""
    async with asyncio.TaskGroup() as group:
        pods_task = group.create_task(_pods(kube, item, selector))
        config_task = group.create_task(_config(kube, item))
    config = config_task.result()
    if isinstance(config, TunnelConfig):
        item = replace(
            item,
            source=config.source,
            identity=_identity(item, config),
            protocol=item.protocol or ("" if config.protocol == "auto" else config.protocol),
            metrics_port=_port(config.metrics, Container()) if config.metrics else item.metrics_port,
        )
    return replace(item, pods=pods_task.result(), config=config)


def _identity(item: Cloudflared, config: TunnelConfig) -> TunnelIdentity:
    """Arguments and a token win over the configuration's ``tunnel``."""
    if item.identity.id or item.identity.name or item.by_token or not config.tunnel:
        return item.identity
    if is_uuid(config.tunnel):
        return TunnelIdentity(id=config.tunnel.lower(), source=config.source.ref)
    return TunnelIdentity(name=config.tunnel, source=config.source.ref)


async def _pods(kube: Kubernetes, item: Cloudflared, selector: str) -> tuple[Pod, ...] | Unavailable:
    wanted = f"the pods of {item.ref}"
    try:
        found = whole(await list_kind(kube, PODS, namespace=item.namespace, labels=selector), wanted)
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=error.message, enable_with=error.hint)
    return found if isinstance(found, Unavailable) or selector else tuple(p for p in found if _runs(p, item))


def _runs(pod: Pod, item: Cloudflared) -> bool:
    """Whether a pod is the workload's, where no plain selector tells."""
    owners = pod.metadata.owner_references or ()
    return any((owner.name or "").startswith(item.name) for owner in owners)


async def _config(kube: Kubernetes, item: Cloudflared) -> TunnelConfig | Unavailable | None:
    source = item.source
    wanted = f"cloudflared's rules ({source.ref or 'nothing tells where they are'})"
    if source.home is ConfigHome.REMOTE:
        return None
    if source.home is not ConfigHome.CONFIG_MAP:
        return Unavailable(wanted=wanted, reason=_why_not(source), enable_with=_GIVE_FILE)
    try:
        found = await get_object(kube, CONFIG_MAPS, source.namespace, source.name)
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=error.message, enable_with=error.hint)
    return found if isinstance(found, Unavailable) else _of_map(found, source)


def _of_map(found: ConfigMap | None, source: ConfigSource) -> TunnelConfig:
    if found is None:
        return TunnelConfig(source=source, missing=True, error=f"ConfigMap {source.name} does not exist")
    at, by = found.last_edit
    source = replace(source, edited_at=at, edited_by=by)
    text = (found.data or {}).get(source.key)
    if text is None:
        keys = ", ".join(sorted(found.data or {})) or "no key at all"
        return TunnelConfig(
            source=source, missing=True, error=f"ConfigMap {source.name} has no key {source.key} (it has {keys})"
        )
    return config_of_text(text, source)


def _why_not(source: ConfigSource) -> str:
    if source.home is ConfigHome.SECRET:
        return "they are in a Secret, and Secrets are never read"
    if source.home is ConfigHome.FILE:
        return f"they are in {source.ref}, which the API server does not show"
    return "neither its arguments nor its volumes say where they are"
