"""Are the backend's pods ready, once they run?

Whatever keeps a running pod out of the Service: its readiness probe, its node, a missing Secret or volume. Pods that
crash, lack their image or find no node are judged in ``backend_pods``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Clock,
    Finding,
    Remedy,
    RouteDecision,
    Unavailable,
    check,
    look,
    ok,
    shorten,
    skip,
)
from ingressdoctor_checks.backend_common import (
    NO_SERVER,
    STEP,
    kubectl,
    many,
    proof_of_pods,
    subject,
)
from ingressdoctor_checks.backend_trouble import PodTrouble, Trouble, event_text
from ingressdoctor_checks.backend_verdict import POD_LINK, sick_pods, verdict

_EVERY: Final = tuple(Trouble)
_MINE: Final = (Trouble.NOT_READY, Trouble.NODE, Trouble.CONFIG, Trouble.STARTING)


@check(
    id="backend.pods-not-ready",
    title="The backend's pods are ready",
    step=STEP,
    link=POD_LINK,
    causes=(*NO_SERVER, "backend.no-endpoints"),
)
def pods_not_ready(decision: RouteDecision, view: BackendView | Unavailable, clock: Clock) -> Iterator[Finding]:
    """A pod whose readiness probe fails is taken out of the Service, though it runs."""
    judged = sick_pods(decision, view, clock, _EVERY)
    if isinstance(judged, Finding):
        yield judged
        return
    backend, every = judged
    sick = tuple(item for item in every if item.kind in _MINE)
    if not sick:
        yield (
            skip("Some pods are not ready because they crash, find no image or no node, as other checks say.")
            if every
            else ok(f"All {many(len(backend.current_pods), 'pod')} of {subject(backend)} are ready.")
        )
        return
    first = next((item for item in sick if event_text(backend.events, item.pod, "Unhealthy")), sick[0])
    how, remedy, said = _not_ready(backend, first)
    namespace, pod = backend.ref.namespace, first.pod.name
    container = ("-c", first.container) if first.container else ()
    yield verdict(
        backend,
        sick,
        (f"are not ready: {how}", f"is not ready: {how}"),
        Remedy(
            text=remedy,
            commands=(
                look(*kubectl(namespace, "describe", "pod", pod)),
                look(*kubectl(namespace, "logs", pod, *container, "--tail=50")),
            ),
            proof=proof_of_pods(backend),
        ),
        {"said": said or "nothing", "probe": _probe(first)},
    )


def _not_ready(backend: BackendView, trouble: PodTrouble) -> tuple[str, str, str]:
    """Return what is wrong, what to do about it, and the words the cluster has for it."""
    unhealthy = event_text(backend.events, trouble.pod, "Unhealthy")
    match trouble.kind:
        case Trouble.NODE:
            node = trouble.pod.spec.node_name or "its node"
            return (
                f"node {node} does not report any more",
                f"Repair or drain node {node}; new pods start elsewhere after five minutes.",
                trouble.reason or trouble.message,
            )
        case Trouble.CONFIG:
            said = trouble.message or trouble.reason
            how = f"container {trouble.container} cannot be created ({trouble.reason}: {shorten(said, 60)})"
            return how, "Create the Secret, ConfigMap or key it names, or correct the pod template.", said
        case Trouble.STARTING:
            said = event_text(
                backend.events, trouble.pod, "FailedMount", "FailedCreatePodSandBox", "FailedAttachVolume"
            )
            why = f": {shorten(said, 60)}" if said else ""
            return f"still being set up{why}", "Wait, or look at volumes and network in the pod's events.", said
        case _:
            why = shorten(unhealthy, 80) if unhealthy else f"{trouble.reason or 'its readiness condition is False'}"
            return why, "Make the application answer its readiness probe, or correct the probe.", unhealthy


def _probe(trouble: PodTrouble) -> str:
    container = next((item for item in trouble.pod.containers if item.name == trouble.container), None)
    probe = container.readiness_probe if container else None
    return shorten(str(probe), 300) if probe else "none"
