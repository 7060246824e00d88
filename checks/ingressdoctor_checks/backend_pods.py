"""Are the backend's pods scheduled, pulled, running and ready?

Four checks, one for each way in which a pod does not serve; every pod counts in one of them. A pod in trouble beside
others that serve is a warning, never a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Clock,
    Command,
    Container,
    Finding,
    Pod,
    Remedy,
    RouteDecision,
    Unavailable,
    changes,
    check,
    look,
    ok,
    shorten,
    warn,
)
from ingressdoctor_checks.backend_common import (
    NO_SERVER,
    STEP,
    kubectl,
    proof_of_pods,
    subject,
    workload,
)
from ingressdoctor_checks.backend_reasons import crash_advice, image_advice, scheduling_advice
from ingressdoctor_checks.backend_trouble import PodTrouble, Trouble, event_text
from ingressdoctor_checks.backend_verdict import POD_LINK, sick_pods, verdict

_RECENT_S: Final = 1800.0
_RESTARTS: Final = 3


@check(
    id="backend.pods-crashing",
    title="The backend's containers keep running",
    step=STEP,
    link=POD_LINK,
    causes=(*NO_SERVER, "backend.no-endpoints", "backend.pods-not-ready", "edge-502", "http-502"),
)
def pods_crashing(decision: RouteDecision, view: BackendView | Unavailable, clock: Clock) -> Iterator[Finding]:
    """A container that ends again and again takes its endpoint with it."""
    judged = sick_pods(decision, view, clock, (Trouble.CRASHING,))
    if isinstance(judged, Finding):
        yield judged
        return
    backend, sick = judged
    if not sick:
        restarted = _restarted(backend, clock)
        yield restarted or ok(f"No container of {subject(backend)} is crashing.", subject=subject(backend))
        return
    first = next((item for item in sick if event_text(backend.events, item.pod, "Killing", "Unhealthy")), sick[0])
    text, commands = crash_advice(first, backend.events)
    namespace = backend.ref.namespace
    logs = ("logs", first.pod.name, "-c", first.container, "--previous", "--tail=50")
    how = f"container {first.container} {text.how}"
    yield verdict(
        backend,
        sick,
        (f"crash: {how}", f"crashes: {how}"),
        Remedy(text=text.remedy, commands=(look(*kubectl(namespace, *logs)), *commands), proof=proof_of_pods(backend)),
        {"last exit": _exit(first), "restarts": str(first.restarts), "why": first.message or text.how},
    )


def _exit(trouble: PodTrouble) -> str:
    code = "" if trouble.exit_code is None else f", exit code {trouble.exit_code}"
    return f"{trouble.reason or 'not told'}{code}"


def _restarted(backend: BackendView, clock: Clock) -> Finding | None:
    """A pod that is ready again after several recent restarts will not stay so."""
    for pod in backend.current_pods:
        for status in pod.status.container_statuses or ():
            if (status.restart_count or 0) < _RESTARTS or status.last_state is None:
                continue
            if (ended := status.last_state.terminated) is None:
                continue
            age = clock.seconds_since(ended.finished_at or "")
            if age is not None and age < _RECENT_S:
                why = f"{ended.reason or 'unknown reason'}, exit code {ended.exit_code}"
                return warn(
                    f"Pod {pod.name} serves, but its container {status.name} was restarted {status.restart_count} times"
                    f" and last ended {int(age // 60)} min ago ({why}).",
                    subject=f"Pod {pod.namespace}/{pod.name}",
                    where="status.containerStatuses[].lastState",
                    seen={"last exit": why, "restarts": str(status.restart_count)},
                    remedy=Remedy(
                        text="Read why it ended before it takes the last endpoint with it.",
                        commands=(look(*kubectl(pod.namespace, "logs", pod.name, "-c", status.name, "--previous")),),
                    ),
                )
    return None


@check(
    id="backend.image-pull",
    title="The backend's images can be pulled",
    step=STEP,
    link=POD_LINK,
    causes=(*NO_SERVER, "backend.no-endpoints", "backend.pods-not-ready"),
)
def image_pull(decision: RouteDecision, view: BackendView | Unavailable, clock: Clock) -> Iterator[Finding]:
    """Without its image a pod never starts; a rollout then stops half way, or nothing runs at all."""
    judged = sick_pods(decision, view, clock, (Trouble.IMAGE,))
    if isinstance(judged, Finding):
        yield judged
        return
    backend, sick = judged
    if not sick:
        yield ok(f"All images of {subject(backend)} are there.", subject=subject(backend))
        return
    first = sick[0]
    said = event_text(backend.events, first.pod, "Failed") or first.message
    image = next((item.image or "" for item in _containers(first.pod) if item.name == first.container), "")
    how, remedy = image_advice(said, first.reason)
    commands: tuple[Command, ...] = (look(*kubectl(backend.ref.namespace, "describe", "pod", first.pod.name)),)
    target = workload(first.pod)
    if not target.startswith("pod/"):
        image_words = ("set", "image", target, f"{first.container}=IMAGE:TAG")
        commands = (*commands, changes(*kubectl(backend.ref.namespace, *image_words)))
    what = f"cannot pull the image {shorten(image.rpartition('/')[2], 40) or 'of ' + first.container}: {how}"
    yield verdict(
        backend,
        sick,
        (what, what),
        Remedy(text=remedy, commands=commands, proof=proof_of_pods(backend)),
        {"image": image, "message": said or first.reason},
    )


@check(
    id="backend.pods-unschedulable",
    title="The backend's pods find a node",
    step=STEP,
    link=POD_LINK,
    causes=(*NO_SERVER, "backend.no-endpoints", "backend.pods-not-ready"),
)
def pods_unschedulable(decision: RouteDecision, view: BackendView | Unavailable, clock: Clock) -> Iterator[Finding]:
    """A pod that no node takes stays Pending, without an address and without an endpoint."""
    judged = sick_pods(decision, view, clock, (Trouble.UNSCHEDULABLE,))
    if isinstance(judged, Finding):
        yield judged
        return
    backend, sick = judged
    if not sick:
        yield ok(f"Every pod of {subject(backend)} has a node.", subject=subject(backend))
        return
    first = sick[0]
    how, remedy = scheduling_advice(first.message, first.reason)
    yield verdict(
        backend,
        sick,
        (f"find no node: {how}", f"finds no node: {how}"),
        Remedy(
            text=remedy,
            commands=(
                look(*kubectl(backend.ref.namespace, "describe", "pod", first.pod.name)),
                look("kubectl", "describe", "nodes"),
            ),
            proof=proof_of_pods(backend),
        ),
        {"scheduler": first.message or first.reason},
    )


def _containers(pod: Pod) -> tuple[Container, ...]:
    return (*pod.containers, *(pod.spec.init_containers or ()))
