"""Does the Service lead to endpoints: does its selector find pods, and do the EndpointSlices list them with the port?

Judges selector and EndpointSlices; why a pod is not ready is judged in ``backend_pods``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendEndpoints,
    BackendView,
    Finding,
    Pod,
    Remedy,
    RouteDecision,
    ServiceForm,
    ServicePort,
    Unavailable,
    changes,
    check,
    differences,
    fail,
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import (
    NO_SERVER,
    STEP,
    backend_of,
    dead,
    kubectl,
    many,
    pods_of,
    proof_of_pods,
    selector_text,
    subject,
    workload,
)

_TO_PODS: Final = "Service → endpoints"
_SLICES: Final = "kubectl get endpointslices"


@check(
    id="backend.selector-matches-nothing",
    title="The Service's selector matches pods",
    step=STEP,
    link=_TO_PODS,
    causes=(*NO_SERVER, "backend.no-endpoints"),
)
def selector_matches_nothing(decision: RouteDecision, view: BackendView | Unavailable) -> Iterator[Finding]:
    """Labels decide which pods belong to a Service; one letter off and there are none."""
    judged = pods_of(decision, view)
    if not isinstance(judged, Finding):
        yield ok(f"The selector matches {many(len(judged[1]), 'pod')}.", subject=subject(judged[0]))
        return
    backend = backend_of(decision, view)
    selects = not isinstance(backend, Finding) and bool(backend.service and backend.service.spec.selector)
    if isinstance(backend, Finding) or not selects or isinstance(backend.pods, Unavailable) or backend.pods:
        yield judged
        return
    say = warn if backend.serving or backend.others else fail
    near = next(iter(backend.near_pods), None)
    yield say(
        f"{subject(backend)} selects no pod: {_nearest(backend, near)}.",
        subject=subject(backend),
        where="spec.selector against the labels of the namespace's pods",
        seen={
            "selector": selector_text(backend),
            "pods in the namespace": "not listed" if backend.namespace_pods is None else str(backend.namespace_pods),
            "nearest pod": f"{near.name} ({_labels(near)})" if near else "none",
            **{f"{item.ref} says": item.message for item in backend.makers if item.message},
            "made by": ", ".join(f"{item.ref} ({item.replicas} wanted)" for item in backend.makers) or "nothing found",
        },
        remedy=_selector_remedy(backend, near),
    )


def _nearest(backend: BackendView, near: Pod | None) -> str:
    maker = next(iter(backend.makers), None)
    if maker is not None and not maker.replicas:
        return f"{maker.ref}, which makes them, is scaled to zero"
    if maker is not None:
        why = shorten(maker.message, 60) or "it does not say why"
        return f"{maker.ref} wants {many(maker.replicas, 'pod')} and has none ({why})"
    if near is None:
        return f"no pod of the namespace carries any of {selector_text(backend)} (scaled to zero, or never deployed)"
    missing = differences((backend.service.spec.selector if backend.service else None) or {}, near.labels)
    parts = [
        f"it wants {item.key}={item.wanted}, and pod {near.name} has "
        + (f"{item.found or 'an empty value'}" if item.found is not None else "no such label")
        for item in missing
    ]
    return parts[0] + (f"; {len(parts) - 1} more labels differ" if len(parts) > 1 else "")


def _labels(pod: Pod) -> str:
    return ", ".join(f"{key}={value}" for key, value in pod.labels.items())


def _selector_remedy(backend: BackendView, near: Pod | None) -> Remedy:
    namespace, name = backend.ref.namespace, backend.ref.name
    commands = [look(*kubectl(namespace, "get", "pods", "--show-labels"))]
    if backend.makers:
        name_of_maker = backend.makers[0].ref.rpartition("/")[2]
        text = "Scale it up, or see why its pods are refused (quota, admission, a missing ServiceAccount)."
        commands.append(look(*kubectl(namespace, "describe", "deployment", name_of_maker)))
        commands.append(changes(*kubectl(namespace, "scale", "deployment", name_of_maker, "--replicas=1")))
    elif near is None:
        text = "Scale the workload up, or deploy it; if it runs in another namespace, the Service must be there too."
        commands.append(look(*kubectl(namespace, "get", "deployments,statefulsets,daemonsets")))
    else:
        text = f"Make the selector and the labels of {workload(near)} agree."
        commands.append(changes(*kubectl(namespace, "edit", "service", name)))
    label = f"kubernetes.io/service-name={name}"
    return Remedy(
        text=text,
        commands=tuple(commands),
        proof=look(*kubectl(namespace, "get", "endpointslices", "-l", label)),
    )


@check(
    id="backend.no-endpoints",
    title="The Service has endpoints that take requests",
    step=STEP,
    link=_TO_PODS,
    causes=NO_SERVER,
)
def no_endpoints(decision: RouteDecision, view: BackendView | Unavailable) -> Iterator[Finding]:
    """Everything looks fine, and yet the controller has no server to send to."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
    elif backend.service is None or backend.port is None:
        yield skip("Without the Service and its port there are no endpoints to look for.")
    elif backend.form is ServiceForm.EXTERNAL_NAME:
        yield skip(f"{subject(backend)} is an ExternalName: it has no endpoints by design.")
    elif isinstance(backend.endpoints, Unavailable):
        yield unknown(
            f"The endpoints of {subject(backend)} could not be looked at: {backend.endpoints.reason}.",
            enable_with=backend.endpoints.enable_with or "Allow list on endpointslices in the backend's namespace.",
        )
    elif not dead(backend):
        yield ok(f"{many(len(backend.serving), 'endpoint')} take requests.", subject=subject(backend))
        if backend.endpoints.portless:
            yield warn(
                f"Pods of {subject(backend)} that lack a container port named {backend.port.target_port} get no"
                " requests.",
                subject=subject(backend),
                seen={"left out": ", ".join(item.pod or item.address for item in backend.endpoints.portless[:10])},
                remedy=_port_name_remedy(backend),
            )
    elif (reason := _why_empty(backend, backend.port, backend.endpoints)) is None:
        yield skip("No endpoint takes requests because of the selector or the pods, which other checks explain.")
    else:
        text, remedy = reason
        yield fail(
            f"{subject(backend)} has no endpoint that takes requests: {text}.",
            subject=subject(backend),
            where=_SLICES,
            seen={"endpoints": _endpoints_text(backend), "targetPort": str(backend.port.target_port)},
            remedy=remedy,
        )


def _why_empty(backend: BackendView, port: ServicePort, endpoints: BackendEndpoints) -> tuple[str, Remedy] | None:
    """Return the reason and the way out where neither selector nor pods explain it."""
    every = endpoints.all
    if endpoints.portless:
        names = {entry.name for pod in backend.current_pods for item in pod.containers for entry in item.ports or ()}
        known = ", ".join(sorted(name for name in names if name)) or "none"
        return (
            f"its targetPort is named {port.target_port}, and the pods' container ports are named {known}",
            _port_name_remedy(backend),
        )
    if backend.form is ServiceForm.MANUAL:
        text = "it has no selector, and nobody keeps EndpointSlices for it"
        if every:
            text = "its hand-made EndpointSlices list none that is ready and serving"
        return text, _inspect("Give the Service a selector, or maintain its EndpointSlices.", backend)
    if every and all(item.terminating for item in every):
        return "all of its pods are being deleted", _inspect("Wait for new pods, or scale up.", backend)
    ready = [pod.name for pod in backend.current_pods if pod.ready]
    if ready:
        return (
            f"{many(len(ready), 'pod')} are ready, but the EndpointSlices do not list them",
            _inspect("The cluster's endpoint controller lags or is down: look at kube-controller-manager.", backend),
        )
    if isinstance(backend.pods, Unavailable):
        # No other check can say why, and what the EndpointSlices list was seen all the same.
        text = f"none of its {many(len(every), 'endpoint')} is ready" if every else "its EndpointSlices list none"
        way_out = f"Look at the Service's pods with an account that may read them. {backend.pods.enable_with}".rstrip()
        return f"{text} (the pods could not be looked at)", _inspect(way_out, backend)
    gone = backend.pods and not backend.current_pods
    text = "its pods have all finished or are being deleted"
    return (text, _inspect("Start the workload again.", backend)) if gone else None


def _endpoints_text(backend: BackendView) -> str:
    every = () if isinstance(backend.endpoints, Unavailable) else backend.endpoints.all
    texts = (f"{item.address}:{item.port or '?'} {'ready' if item.ready else 'not ready'}" for item in every[:10])
    return ", ".join(texts) or "none"


def _inspect(text: str, backend: BackendView) -> Remedy:
    label = f"kubernetes.io/service-name={backend.ref.name}"
    return Remedy(
        text=text,
        commands=(
            look(*kubectl(backend.ref.namespace, "get", "endpointslices", "-l", label, "-o", "yaml")),
            look(*kubectl(backend.ref.namespace, "describe", "service", backend.ref.name)),
        ),
        proof=look(*kubectl(backend.ref.namespace, "get", "endpointslices", "-l", label)),
    )


def _port_name_remedy(backend: BackendView) -> Remedy:
    pod = next(iter(backend.current_pods), None)
    edit = changes(*kubectl(backend.ref.namespace, "edit", "service", backend.ref.name))
    return Remedy(
        text="Name the container port as the Service's targetPort says, or write the targetPort as a number.",
        commands=(
            *((look(*kubectl(backend.ref.namespace, "get", workload(pod), "-o", "yaml")),) if pod else ()),
            edit,
        ),
        proof=proof_of_pods(backend),
    )
