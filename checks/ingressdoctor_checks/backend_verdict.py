"""What the checks of pods share: which pods are in which trouble, and whether that fails or warns.

Holds no check.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    BackendView,
    Clock,
    Finding,
    Remedy,
    RouteDecision,
    Unavailable,
    fail,
    rooted,
    scoped,
    warn,
)
from ingressdoctor_checks.backend_common import (
    dead,
    pods_of,
    subject,
    workload,
)
from ingressdoctor_checks.backend_trouble import PodTrouble, Trouble, trouble_of

__all__ = ["POD_LINK", "sick_pods", "verdict"]

POD_LINK: Final = "endpoints → ready pods"


def sick_pods(
    decision: RouteDecision, view: BackendView | Unavailable, clock: Clock, kinds: tuple[Trouble, ...]
) -> tuple[BackendView, tuple[PodTrouble, ...]] | Finding:
    """Return the backend and its pods in one of *kinds* of trouble, or why there are no pods to judge."""
    judged = pods_of(decision, view)
    if isinstance(judged, Finding):
        return judged
    found = [trouble_of(pod, clock) for pod in judged[0].unready_pods]
    return judged[0], tuple(item for item in found if item is not None and item.kind in kinds)


def verdict(
    backend: BackendView, sick: tuple[PodTrouble, ...], verbs: tuple[str, str], remedy: Remedy, seen: dict[str, str]
) -> Finding:
    """Fail when nothing is left that serves; otherwise warn.

    Args:
        backend: Whose pods they are.
        sick: At least one.
        verbs: The rest of the sentence after "All 3 pods of Service x" and after "The only pod of Service x".
        remedy: What to do.
        seen: Facts; empty ones are left out.
    """
    left, every = backend.serving, len(backend.current_pods)
    facts = {
        "pods": ", ".join(item.pod.name for item in sick[:5]) + (" …" if len(sick) > 5 else ""),
        **{name: value for name, value in seen.items() if value},
        "endpoints left": str(len(left)),
        **_not_heeded(backend),
        **_not_seen(backend),
    }
    if len(sick) == every:
        count = "The only pod" if every == 1 else f"All {every} pods"
    else:
        count = f"{len(sick)} of {every} pods"
    verb = verbs[1] if len(sick) == 1 else verbs[0]
    summary = f"{count} of {subject(backend)} {verb}."
    where = "status of the pods"
    say = warn
    if dead(backend):
        summary, say = f"{summary.rstrip('.')}; none is left to answer.", fail
    finding = say(summary, subject=subject(backend), seen=facts, remedy=remedy, where=where)
    # Two Services may have the same pods, and Traefik's own pods stand behind its dashboard: that breaks once.
    finding = rooted(finding, f"pods of {workload(sick[0].pod)} in {backend.ref.namespace}")
    return scoped(finding, [item.pod.spec.node_name for item in sick])


def _not_heeded(backend: BackendView) -> dict[str, str]:
    """Say that the Service's wish to get requests for unready pods is not granted."""
    wished = backend.service is not None and backend.service.spec.publish_not_ready_addresses
    return {"publishNotReadyAddresses": "true, which does not count for Traefik since 3.6.7"} if wished else {}


def _not_seen(backend: BackendView) -> dict[str, str]:
    """Say that events, which would tell more, could not be looked at."""
    gap = backend.events
    if not isinstance(gap, Unavailable):
        return {}
    return {"events": f"not looked at: {gap.reason}. {gap.enable_with}".rstrip()}
