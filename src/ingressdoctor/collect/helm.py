"""Read how k3s' helm controller fares with the chart of Traefik: HelmChart, HelmChartConfig, install job and its log.

One request where k3s' kinds do not exist, three where all is well, five where the job fails. Values may hold secrets:
only the line about maxSurge is kept of them. Source: k3s-io/helm-controller (labels, conditions, backOffLimit 1000, so
that a job which fails for days is not "Failed"); klipper-helm (its pod's log is helm's own output).
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.kinds import HELM_CHART_CONFIGS, HELM_CHARTS, JOBS, PODS
from ingressdoctor.collect.kube import get_object, list_kind, pod_log
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.helm import HelmInstall
from ingressdoctor.evidence.kube import Loaded, Pod
from ingressdoctor.evidence.node_hops import NodeLead
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.text import clean, redact
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_helm", "complaint", "judge_install", "newest_pod", "state_of", "surge_of"]

_WANTED: Final = "how k3s installs Traefik's chart"
_LABEL: Final = "helmcharts.helm.cattle.io/chart"
_LINES: Final = 80
_BYTES: Final = 64 * 1024
_MOST: Final = 200_000
_SURGE: Final = re.compile(r"^\s*[\"']?maxSurge[\"']?\s*:\s*[\"']?(?!0[\"'%]*\s*(?:#|$))[0-9]{1,4}%?", re.MULTILINE)
_HOST: Final = re.compile(
    r"^\s*[\"']?(?:hostNetwork[\"']?\s*:\s*[\"']?true|hostPort[\"']?\s*:\s*[\"']?[0-9])", re.MULTILINE
)
_ANSI: Final = re.compile(r"\x1b\[[0-9;]{0,20}m")
_ERROR: Final = re.compile(
    r"\bError: |\bERROR: |\bexecution error at |\bUPGRADE FAILED|\bINSTALLATION FAILED", re.ASCII
)


@collector(wanted=_WANTED)
async def collect_helm(kube: Kubernetes, lead: NodeLead) -> HelmInstall | Unavailable:
    """Find Traefik's chart among k3s' HelmCharts, and look how its job does. *lead* keeps it off other walks."""
    if lead.nodes_unread:
        return Unavailable(wanted=_WANTED, reason=lead.nodes_unread.reason, enable_with=lead.nodes_unread.enable_with)
    charts = await list_kind(kube, HELM_CHARTS)
    if isinstance(charts, Unavailable):
        return charts
    chart = next((item for item in charts.items if _is_traefiks(item)), None)
    if chart is None:
        why = "k3s' helm controller keeps no chart of Traefik" if charts.installed else "the cluster has no HelmCharts"
        return Inapplicable(wanted=_WANTED, reason=why)
    name = str(as_map(chart.status).get("jobName") or f"helm-install-{chart.name}")[:253]
    configs, job = await asyncio.gather(_configs(kube, chart.namespace), _job(kube, chart.namespace, name))
    found = judge_install(chart, configs, job)
    return found if found.done is not False else await _closer(kube, found)


async def _closer(kube: Kubernetes, found: HelmInstall) -> HelmInstall:
    """Read how the pod of a job that has not succeeded fares, and what helm says in its log."""
    try:
        pods = await list_kind(kube, PODS, namespace=found.namespace, labels=f"{_LABEL}={found.chart}")
        newest = None if isinstance(pods, Unavailable) else newest_pod(pods.items)
        if isinstance(pods, Unavailable) or newest is None:
            return replace(found, unread=(*found.unread, pods)) if isinstance(pods, Unavailable) else found
        log = await pod_log(kube, newest, "", tail_lines=_LINES, since_s=0, limit_bytes=_BYTES)
    except SourceError as error:
        gap = Unavailable(wanted="the pod of the install job", reason=error.message, enable_with=error.hint)
        return replace(found, unread=(*found.unread, gap))
    waiting, restarts = state_of(newest)
    found = replace(found, pod=newest.name, waiting=waiting, restarts=restarts)
    if isinstance(log, Unavailable):
        return replace(found, unread=(*found.unread, log))
    return replace(found, line=complaint(log))


def _is_traefiks(chart: Custom) -> bool:
    """Tell Traefik's own chart from that of its CRDs."""
    source = str(chart.spec.get("chart") or "").rpartition("/")[2]
    return chart.name == "traefik" or (source.startswith("traefik") and "crd" not in f"{chart.name} {source}")


async def _configs(kube: Kubernetes, namespace: str) -> Loaded[Custom] | Unavailable:
    try:
        return await list_kind(kube, HELM_CHART_CONFIGS, namespace=namespace)
    except SourceError as error:
        return Unavailable(wanted="the HelmChartConfigs", reason=error.message, enable_with=error.hint)


async def _job(kube: Kubernetes, namespace: str, name: str) -> Custom | Unavailable | None:
    try:
        return await get_object(kube, JOBS, namespace, name)
    except SourceError as error:
        return Unavailable(wanted=f"the job {name}", reason=error.message, enable_with=error.hint)


def judge_install(
    chart: Custom, configs: Loaded[Custom] | Unavailable, job: Custom | Unavailable | None
) -> HelmInstall:
    """Put together what was read of the chart, what is configured over it, and its job."""
    listed = () if isinstance(configs, Unavailable) else configs.items
    mine = next((item for item in listed if item.name == chart.name), None)
    known = None if isinstance(job, Unavailable) else job
    return HelmInstall(
        chart=chart.name,
        namespace=chart.namespace,
        config=mine.ref if mine is not None else "",
        surge=surge_of(mine) if mine is not None else "",
        failed=_failed(chart),
        job=known.name if known is not None else "",
        done=None if known is None else _done(known),
        unread=tuple(item for item in (configs, job) if isinstance(item, Unavailable)),
    )


def _done(job: Custom) -> bool:
    """Tell whether a job has succeeded; how many tries it took does not matter."""
    status = as_map(job.status)
    complete = any(_is_true(item, "Complete") for item in as_list(status.get("conditions")))
    succeeded = status.get("succeeded")
    return complete or (isinstance(succeeded, int) and succeeded > 0)


def _is_true(condition: object, kind: str) -> bool:
    item = as_map(condition)
    return item.get("type") == kind and item.get("status") == "True"


def _failed(chart: Custom) -> str:
    """Return the helm controller's complaint about a chart, empty when it has none."""
    found = (item for item in map(as_map, as_list(as_map(chart.status).get("conditions"))) if _is_true(item, "Failed"))
    return next((clean(str(item.get("message") or item.get("reason") or "failed"), 300) for item in found), "")


def newest_pod(pods: tuple[Pod, ...]) -> Pod | None:
    """Return the newest pod that has not ended well."""
    unfinished = [pod for pod in pods if pod.status.phase != "Succeeded"]
    return max(unfinished, key=lambda pod: pod.metadata.creation_timestamp or "", default=None)


def state_of(pod: Pod) -> tuple[str, int]:
    """Return why the pod of a job does not run, and how often it was tried."""
    for status in pod.container_statuses:
        state = status.state
        reason = state.waiting.reason if state is not None and state.waiting is not None else ""
        ended = state.terminated if state is not None else None
        told = reason or (f"{ended.reason or 'ended'}, exit code {ended.exit_code}" if ended is not None else "")
        return clean(told or "", 100), status.restart_count or 0
    return clean(pod.status.phase or "", 50), 0


def surge_of(config: Custom) -> str:
    """Return the line of a HelmChartConfig's values that lets a second pod start beside one that has the host ports."""
    values = str(as_map(config.spec).get("valuesContent") or "")[:_MOST]
    found = _SURGE.search(values)
    return clean(found.group().strip(), 60) if found is not None and _HOST.search(values) else ""


def complaint(log: str) -> str:
    """Return helm's last complaint in the log of an install job, empty when it has none."""
    lines = [line for line in _ANSI.sub("", log).splitlines() if _ERROR.search(line)]
    return clean(redact(lines[-1].strip()), 400) if lines else ""
