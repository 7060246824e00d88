"""What the backend checks share: whether there is a backend to judge, how it is named, which commands show it.

Holds no check and judges nothing.
"""

from __future__ import annotations

import json
import re
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Command,
    Finding,
    Inapplicable,
    Pod,
    RouteDecision,
    ServiceForm,
    Unavailable,
    chosen_backend,
    look,
    skip,
    unknown,
)
from ingressdoctor_checks.undecided import undecided

__all__ = [
    "NO_HTTP",
    "NO_SERVER",
    "STEP",
    "as_yaml",
    "backend_of",
    "curl",
    "dead",
    "kubectl",
    "many",
    "pods_of",
    "proof_of_pods",
    "selector_text",
    "subject",
    "workload",
]

STEP: Final = "backend"
# What a client sees of a backend without a server: of Traefik a 503 or 404, of cloudflared the edge's 502, of a TCP
# route silence until it is closed, or a connection that closes at once (allowEmptyServices).
NO_SERVER: Final = (
    "http-503",
    "edge-503",
    "edge-502",
    "controller-404",
    "traefik.log-errors",
    "traefik.no-arrivals",
    "tunnel.log-errors",
    "mysql-silent",
    "mysql-closed",
)
_WITHOUT_PODS: Final = (ServiceForm.EXTERNAL_NAME, ServiceForm.MANUAL)
NO_HTTP: Final = "No HTTP is spoken on this port."
_GRANT: Final = "Allow get on services and list on endpointslices and pods in the backend's namespace."


def backend_of(decision: RouteDecision, view: BackendView | Unavailable) -> BackendView | Finding:
    """Return the backend, or the finding that says why there is none to judge."""
    if not isinstance(view, Unavailable):
        return view
    if isinstance(view, Inapplicable):
        return skip(f"There is no backend to look at: {view.reason}.")
    if not decision.request.raw_port and chosen_backend(decision) is None:
        return undecided(decision) or skip(
            "No route of this host ends at a Service, so there is no backend to look at."
        )
    return unknown(f"The backend could not be looked at: {view.reason}.", enable_with=view.enable_with or _GRANT)


def pods_of(decision: RouteDecision, view: BackendView | Unavailable) -> tuple[BackendView, tuple[Pod, ...]] | Finding:
    """Return the backend and the pods that should serve it, or the finding that says why there are none to judge."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        return backend
    if backend.service is None:
        return skip("The Service does not exist, so it has no pods to look at.")
    if backend.form in _WITHOUT_PODS:
        return skip(f"{subject(backend)} is {backend.form.value}: it selects no pods.")
    if isinstance(backend.pods, Unavailable):
        return unknown(
            f"The pods of {subject(backend)} could not be looked at: {backend.pods.reason}.",
            enable_with=backend.pods.enable_with or _GRANT,
            subject=subject(backend),
        )
    if not backend.current_pods:
        return skip(f"{subject(backend)} has no running pod; what is wrong with that is said elsewhere.")
    return backend, backend.current_pods


def dead(view: BackendView) -> bool:
    """Whether no endpoint takes requests; by the pods' readiness where the endpoints are not known."""
    if isinstance(view.endpoints, Unavailable) or view.port is None:
        return len(view.unready_pods) == len(view.current_pods)
    return not view.serving


def subject(view: BackendView) -> str:
    """Return the Service as it is named in findings."""
    return f"Service {view.ref.namespace}/{view.ref.name}"


def many(count: int, noun: str) -> str:
    """Return "1 pod" or "3 pods"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def kubectl(namespace: str, *words: str) -> tuple[str, ...]:
    """Return the words of a kubectl command in one namespace."""
    return ("kubectl", "-n", namespace, *words)


def selector_text(view: BackendView) -> str:
    """Return the Service's selector as kubectl's -l takes it."""
    selector = (view.service.spec.selector if view.service else None) or {}
    return ",".join(f"{key}={value or ''}" for key, value in selector.items())


def proof_of_pods(view: BackendView) -> Command:
    """Return the command that ends well once a pod of the Service is ready."""
    words = ("wait", "--for=condition=Ready", "pod", "-l", selector_text(view), "--timeout=120s")
    return look(*kubectl(view.ref.namespace, *words))


def curl(decision: RouteDecision) -> Command:
    """Return the command that shows status and duration of the very request, or the first bytes of a raw port."""
    if decision.request.raw_port:
        return look("nc", "-w", "10", decision.request.host, str(decision.request.raw_port))
    url = f"https://{decision.request.host}{decision.request.path}"
    return look("curl", "-sS", "-o", "/dev/null", "-w", r"%{http_code} %{time_total}\n", url)


def workload(pod: Pod) -> str:
    """Return what made the pod, as kubectl names it (``deployment/web``); a lone pod is itself."""
    owner = next(iter(pod.metadata.owner_references or ()), None)
    if owner is None or not owner.kind or not owner.name:
        return f"pod/{pod.name}"
    suffix = pod.labels.get("pod-template-hash", "")
    if owner.kind == "ReplicaSet" and suffix and owner.name.endswith(f"-{suffix}"):
        return f"deployment/{owner.name.removesuffix(f'-{suffix}')}"
    return f"{owner.kind.lower()}/{owner.name}"


def as_yaml(labels: dict[str, str]) -> str:
    """Return labels as a YAML flow mapping, quoted where YAML would read another type."""
    return "{" + ", ".join(f"{_yaml_key(key)}: {json.dumps(value)}" for key, value in labels.items()) + "}"


def _yaml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9./_-]*", key) else json.dumps(key)
