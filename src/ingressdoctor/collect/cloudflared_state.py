"""Ask running connectors for the rules that they run with, where that is in doubt and the cluster lets us.

Through the API server's proxy to the metrics port, which a role must grant on purpose (``pods/proxy``). Asked only if
the configuration was edited after the pods started; two pods at most.

Source: cloudflared metrics/readiness.go (/ready), orchestration/orchestrator.go (/config; version -1: its own file).
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.collect.kinds import PODS
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.clock import parse_time
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.tunnel import Cloudflared, CloudflaredState, PodState, TunnelRoute
from ingressdoctor.evidence.tunnel_rules import TunnelConfig, TunnelRule
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.sources.base import Answer, Kubernetes

__all__ = ["collect_state", "outdated_pods", "parse_running"]

_WANTED: Final = "what the running cloudflared says of itself"
_GRANT: Final = (
    "Bind the ClusterRole ingressdoctor-hop-probes in the namespace of cloudflared (docs/rbac.md): it grants get on "
    "pods/proxy, which reaches every port of the pods there."
)
_MOST: Final = 2
_RULES: Final = 5_000


@collector(wanted=_WANTED)
async def collect_state(kube: Kubernetes, route: TunnelRoute) -> CloudflaredState:
    """Ask the pods that may run with other rules than the ones that were read."""
    doubtful = [(item, pod) for item in route.workloads for pod in outdated_pods(item)]
    asked = [(item, pod) for item, pod in doubtful if item.metrics_port][:_MOST]
    states = await together(*(_state(kube, item, pod) for item, pod in asked))
    return CloudflaredState(
        outdated=tuple(pod.name for _, pod in doubtful),
        pods=tuple(item for item in states if isinstance(item, PodState)),
        unread=tuple(item for item in states if isinstance(item, Unavailable)),
    )


def outdated_pods(item: Cloudflared) -> tuple[Pod, ...]:
    """Return the pods that started before their configuration was last edited."""
    if not isinstance(item.config, TunnelConfig):
        return ()
    edited = parse_time(item.config.source.edited_at)
    if edited is None:
        return ()
    started = ((pod, parse_time(_started(pod, item.container))) for pod in item.live_pods)
    return tuple(pod for pod, when in started if when is not None and when < edited)


def _started(pod: Pod, container: str) -> str:
    """Return when cloudflared itself started last: a restarted container has read its file anew."""
    status = next((one for one in pod.container_statuses if one.name == container), None)
    running = status.state.running if status is not None and status.state is not None else None
    return (running.started_at if running is not None else None) or pod.status.start_time or ""


async def _state(kube: Kubernetes, item: Cloudflared, pod: Pod) -> PodState | Unavailable:
    base = f"{PODS.path(pod.namespace, pod.name)}:{item.metrics_port}/proxy"
    try:
        config = await kube.get(f"{base}/config", {})
    except SourceError as error:
        return Unavailable(wanted=_WANTED, reason=error.message, enable_with=error.hint)
    if config.status == 403:
        return Unavailable(wanted=_WANTED, reason="403: pods/proxy is not granted", enable_with=_GRANT)
    running = parse_running(config)
    if running is None:
        reason = f"{pod.ref} answers {config.status} on port {item.metrics_port}"
        return Unavailable(wanted=_WANTED, reason=reason, enable_with="Look whether --metrics names that port.")
    version, rules = running
    return PodState(pod=pod.name, config_version=version, running=rules)


def parse_running(answer: Answer) -> tuple[int, tuple[TunnelRule, ...]] | None:
    """Read ``/config``: the version (-1 for a local file) and the rules; None when it is something else."""
    if answer.status != 200:
        return None
    try:
        found = as_map(msgspec.json.decode(answer.body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    version, ingress = found.get("version"), as_map(found.get("config")).get("ingress")
    if not isinstance(version, int) or not isinstance(ingress, list):
        return None
    rules = tuple(
        TunnelRule(
            number=number,
            hostname=clean(as_text(as_map(rule).get("hostname")), 260),
            path=clean(as_text(as_map(rule).get("path")), 300),
            service=clean(as_text(as_map(rule).get("service")), 300),
        )
        for number, rule in enumerate(as_list(ingress)[:_RULES], start=1)
    )
    return version, rules
