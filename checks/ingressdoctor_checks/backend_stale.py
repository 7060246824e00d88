"""Do the EndpointSlices list the pods that there are?

They are written by a controller of the cluster that may stand still; the Service then leads to pods that are gone, and
new ones get nothing. Whether there are endpoints at all is judged in ``backend_endpoints``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendEndpoint,
    BackendEndpoints,
    BackendView,
    Clock,
    Finding,
    Pod,
    Remedy,
    RouteDecision,
    Unavailable,
    belongs_in_slices,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.backend_common import STEP, kubectl, many, pods_of, selector_text, subject

_SETTLED_S: Final = 60.0
_NAMED: Final = 5


@check(
    id="backend.endpoints-stale",
    title="The EndpointSlices list the pods that there are",
    step=STEP,
    link="Service → endpoints",
    causes=(
        "edge-502",
        "http-502",
        "edge-504",
        "http-504",
        "edge-524",
        "response-timeout",
        "backend.too-slow",
        "backend.target-port-closed",
        "traefik.log-errors",
    ),
)
def endpoints_stale(decision: RouteDecision, view: BackendView | Unavailable, clock: Clock) -> Iterator[Finding]:
    """Compares both lists; a pod that has just become ready may still be on its way into the slices."""
    judged = pods_of(decision, view)
    if isinstance(judged, Finding):
        yield judged
        return
    backend, pods = judged
    if isinstance(backend.endpoints, Unavailable) or backend.port is None or not backend.endpoints.all:
        yield skip("There are no endpoints to compare with the pods.")
        return
    missing = tuple(pod for pod in _unlisted(pods, backend.endpoints) if _should_be_listed(pod, clock))
    gone = _without_pod(backend)
    if not missing and not gone:
        yield ok("The EndpointSlices list the pods that there are.", subject=subject(backend))
        return
    say = fail if gone and len(gone) == len(backend.serving) else warn
    yield say(
        f"The EndpointSlices of {subject(backend)} are out of date: {_difference(gone, missing)}.",
        subject=subject(backend),
        where="EndpointSlices against the pods that the selector matches",
        seen={
            "gone": ", ".join(f"{item.address} {item.pod}".rstrip() for item in gone[:_NAMED]),
            "not listed": ", ".join(f"{pod.name} {pod.status.pod_ip or ''}".rstrip() for pod in missing[:_NAMED]),
        },
        remedy=_remedy(backend),
    )


def _difference(gone: tuple[BackendEndpoint, ...], missing: tuple[Pod, ...]) -> str:
    lost = "1 address belongs to no pod" if len(gone) == 1 else f"{len(gone)} addresses belong to no pod"
    left = f"{many(len(missing), 'ready pod')} {'is' if len(missing) == 1 else 'are'} not in them"
    return " and ".join(text for text, items in ((lost, gone), (left, missing)) if items)


def _should_be_listed(pod: Pod, clock: Clock) -> bool:
    """Whether the pod has been ready for long enough that the slices ought to have it."""
    condition = pod.condition("Ready")
    since = clock.seconds_since((condition.last_transition_time if condition else "") or pod.status.start_time or "")
    return pod.ready and belongs_in_slices(pod) and since is not None and since > _SETTLED_S


def _unlisted(pods: tuple[Pod, ...], endpoints: BackendEndpoints) -> tuple[Pod, ...]:
    """Return the pods that no endpoint names or has an address of."""
    addresses = {item.address for item in endpoints.all}
    strange = [pod for pod in pods if pod.status.pod_ip not in addresses]
    if not strange:
        return ()
    names = {item.pod for item in endpoints.all}
    return tuple(pod for pod in strange if pod.name not in names and addresses.isdisjoint(_addresses(pod)))


def _without_pod(backend: BackendView) -> tuple[BackendEndpoint, ...]:
    """Return the endpoints whose address no pod of the list has; a pod of the same name may be another one."""
    pods = () if isinstance(backend.pods, Unavailable) else backend.pods
    first = {pod.status.pod_ip for pod in pods}
    strange = [item for item in backend.serving if item.address not in first]
    if not strange:
        return ()
    addresses = {address for pod in pods for address in _addresses(pod)}
    return tuple(item for item in strange if item.address not in addresses)


def _addresses(pod: Pod) -> tuple[str | None, ...]:
    return (pod.status.pod_ip, *(item.ip for item in pod.status.pod_ips or ()))


def _remedy(backend: BackendView) -> Remedy:
    label = f"kubernetes.io/service-name={backend.ref.name}"
    namespace = backend.ref.namespace
    return Remedy(
        text="The cluster's EndpointSlice controller lags or stands still: look at kube-controller-manager (k3s: the"
        " server process) and its log.",
        commands=(
            look(*kubectl(namespace, "get", "endpointslices", "-l", label, "-o", "wide")),
            look(*kubectl(namespace, "get", "pods", "-l", selector_text(backend), "-o", "wide")),
            look(*kubectl("kube-system", "get", "leases", "kube-controller-manager", "-o", "yaml")),
        ),
        proof=look(*kubectl(namespace, "get", "endpointslices", "-l", label, "-o", "wide")),
    )
