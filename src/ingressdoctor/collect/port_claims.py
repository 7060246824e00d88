"""Look who has the port of a node on which Traefik does not get ready: another pod, or a program of the host itself.

At most two requests, for the first such node, and none while Traefik's pods are ready everywhere.
Source: kube-scheduler's NodePorts plugin; Go's net package (a port in use); what containers declare as hostPort.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from ingressdoctor.collect.kinds import PODS
from ingressdoctor.collect.kube import list_kind, pod_log
from ingressdoctor.collect.static_config import traefik_container
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.node_hops import NodeCase, NodeState, NodeStates, PortClaim, PortClaims
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_claims", "holders", "in_use", "port_in"]

_MOST: Final = 1
_LINES: Final = 60
_BYTES: Final = 64 * 1024
_IN_USE: Final = "address already in use"
_PORT: Final = re.compile(r":(\d{1,5}): bind")


@collector(wanted="who has the nodes' ports")
async def collect_claims(kube: Kubernetes, states: NodeStates) -> PortClaims:
    """Look at the nodes that are up and on which Traefik waits, crashes or is missing."""
    chosen = [state for state in states.states if state.without_traefik and _is_up(state)][:_MOST]
    found = await asyncio.gather(*(_claim(kube, state, states.port) for state in chosen))
    return PortClaims(claims=tuple(claim for claim, _ in found), unread=tuple(gap for _, gaps in found for gap in gaps))


def _is_up(state: NodeState) -> bool:
    """Tell whether the node is one on which Traefik should be ready."""
    ready = state.hop.node is None or state.hop.node.ready is not False
    return ready and state.case not in (NodeCase.OFF, NodeCase.NOT_READY)


async def _claim(kube: Kubernetes, state: NodeState, port: int) -> tuple[PortClaim, tuple[Unavailable, ...]]:
    node = state.hop.node.name if state.hop.node is not None else ""
    there, log = await asyncio.gather(_pods(kube, node), _log(kube, state.pod))
    line = "" if isinstance(log, Unavailable) else in_use(log)
    wanted = port_in(line) or port
    pods = () if isinstance(there, Unavailable) else holders(there, wanted, state.pod)
    gaps = tuple(item for item in (there, log) if isinstance(item, Unavailable))
    return PortClaim(node=node, port=wanted, pods=pods, line=line), gaps


async def _pods(kube: Kubernetes, node: str) -> tuple[Pod, ...] | Unavailable:
    try:
        loaded = await list_kind(kube, PODS, fields=f"spec.nodeName={node}")
    except SourceError as error:
        return Unavailable(wanted=f"the pods of node {node}", reason=error.message, enable_with=error.hint)
    return loaded if isinstance(loaded, Unavailable) else loaded.items


async def _log(kube: Kubernetes, pod: Pod | None) -> str | Unavailable:
    """Return the end of the log of a pod that runs and does not get ready; one that was never started has none."""
    if pod is None or pod.ready or not pod.container_statuses:
        return ""
    container = traefik_container(pod)
    try:
        return await pod_log(
            kube, pod, container.name if container else "", tail_lines=_LINES, since_s=0, limit_bytes=_BYTES
        )
    except SourceError as error:
        return Unavailable(wanted=f"the log of {pod.ref}", reason=error.message, enable_with=error.hint)


def holders(pods: tuple[Pod, ...], port: int, traefik: Pod | None) -> tuple[str, ...]:
    """Return the pods of a node, Traefik's aside, that take a port of it: as hostPort, or in the node's own network."""
    alive = (pod for pod in pods if pod.status.phase not in ("Succeeded", "Failed"))
    mine = (traefik.namespace, traefik.name) if traefik is not None else ("", "")
    return tuple(clean(pod.ref, 200) for pod in alive if (pod.namespace, pod.name) != mine and _takes(pod, port))[:5]


def _takes(pod: Pod, port: int) -> bool:
    ports = [
        item for container in pod.containers for item in container.ports or () if (item.protocol or "TCP") == "TCP"
    ]
    return any(item.host_port == port or (pod.spec.host_network and item.container_port == port) for item in ports)


def in_use(log: str) -> str:
    """Return the newest line that says that a port is in use; empty when none does."""
    return clean(next((line for line in reversed(log.splitlines()) if _IN_USE in line), ""), 300)


def port_in(line: str) -> int:
    """Return the port that such a line names; 0 when it names none."""
    found = _PORT.search(line)
    return int(found.group(1)) if found is not None else 0
