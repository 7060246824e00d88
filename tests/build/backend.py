"""Valid evidence of a healthy backend behind one route, with overridable parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from build.values import replace
from ingressdoctor.api import (
    BackendRef,
    BackendView,
    CandidateRoute,
    ChosenBackend,
    Clock,
    Controller,
    DroppedRoute,
    EndpointSlice,
    Event,
    NetworkPolicy,
    Outcome,
    Pod,
    RouteDecision,
    RouteRequest,
    Service,
    StaticConfig,
    Unavailable,
)
from ingressdoctor.collect.backend import assemble

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CLOCK = Clock(now=NOW)
HOST = "www.shop.example.org"
NAMESPACE = "shop"
ROUTE = "IngressRoute shop/web"
LABELS = {"app": "web"}
FORBIDDEN = Unavailable(wanted="it", reason="403: may not look", enable_with="Grant list on it.")
NOT_ASKED = Unavailable(wanted="it", reason="not asked in this test")


def a_pod(
    name: str = "web-1",
    *,
    namespace: str = NAMESPACE,
    labels: Mapping[str, str] | None = None,
    ready: bool = True,
    ip: str = "10.42.1.5",
    node: str = "node-1",
    phase: str = "Running",
    ports: Sequence[Mapping[str, Any]] = ({"name": "http", "containerPort": 8080},),
    status: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Pod:
    """A pod with one container ``app``; *status*, *spec* and *meta* replace single fields."""
    state = {"running": {"startedAt": "2026-11-20T12:00:00Z"}}
    raw = {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or LABELS), **(meta or {})},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "app", "image": "registry.example.com/web:1", "ports": [dict(p) for p in ports]}],
            **(spec or {}),
        },
        "status": {
            "phase": phase,
            "podIP": ip,
            "podIPs": [{"ip": ip}] if ip else [],
            "hostIP": "10.0.1.11",
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Initialized", "status": "True"},
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "reason": "" if ready else "ContainersNotReady",
                },
            ],
            "containerStatuses": [
                {"name": "app", "ready": ready, "started": True, "restartCount": 0, "state": state, "lastState": {}}
            ],
            **(status or {}),
        },
    }
    return msgspec.convert(raw, Pod)


def waiting(
    reason: str, message: str = "", *, last: Mapping[str, Any] | None = None, restarts: int = 0
) -> dict[str, Any]:
    """The status fields of a pod whose container waits for *reason*; *last* is how it ended before."""
    return {
        "containerStatuses": [
            {
                "name": "app",
                "ready": False,
                "restartCount": restarts,
                "state": {"waiting": {"reason": reason, "message": message}},
                "lastState": {"terminated": dict(last)} if last else {},
            }
        ]
    }


def a_service(
    name: str = "web",
    *,
    namespace: str = NAMESPACE,
    ports: Sequence[Mapping[str, Any]] = ({"name": "http", "port": 80, "targetPort": "http"},),
    selector: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Service:
    """A ClusterIP Service with port 80 to the container port named http."""
    raw = {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.43.0.10",
            "selector": dict(LABELS if selector is None else selector),
            "ports": [dict(port) for port in ports],
            **(spec or {}),
        },
    }
    return msgspec.convert(raw, Service)


def a_slice(
    *endpoints: Mapping[str, Any],
    ports: Sequence[Mapping[str, Any]] | None = ({"name": "http", "port": 8080, "protocol": "TCP"},),
    family: str = "IPv4",
    name: str = "web-abc",
    meta: Mapping[str, Any] | None = None,
) -> EndpointSlice:
    """An EndpointSlice of the given endpoints; *meta* replaces single fields of its metadata."""
    labels = {"kubernetes.io/service-name": "web"}
    raw = {
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels, **(meta or {})},
        "addressType": family,
        "endpoints": [dict(item) for item in endpoints],
        "ports": None if ports is None else [dict(port) for port in ports],
    }
    return msgspec.convert(raw, EndpointSlice)


def an_endpoint(address: str = "10.42.1.5", /, **conditions: bool | None) -> dict[str, Any]:
    """An endpoint as the cluster writes it for a ready pod; conditions given replace that."""
    said = {"ready": True, "serving": True, "terminating": False, **conditions}
    return {
        "addresses": [address],
        "conditions": {key: value for key, value in said.items() if value is not None},
        "nodeName": "node-1",
    }


def slices_of(pods: Sequence[Pod], number: int = 8080) -> tuple[EndpointSlice, ...]:
    """The slice that the cluster makes of these pods, port resolved to *number*."""
    items = [
        {
            "addresses": [pod.status.pod_ip],
            "conditions": {
                "ready": pod.ready,
                "serving": bool((c := pod.condition("Ready")) and c.status == "True"),
                "terminating": bool(pod.metadata.deletion_timestamp),
            },
            "nodeName": pod.spec.node_name,
            "targetRef": {"kind": "Pod", "name": pod.name},
        }
        for pod in pods
        if pod.status.pod_ip and pod.status.phase not in ("Succeeded", "Failed")
    ]
    return (a_slice(*items, ports=({"name": "http", "port": number},)),)


def a_ref(name: str = "web", *, port: str = "80", weight: int | None = None) -> BackendRef:
    """The backend as a route names it."""
    return BackendRef(kind="Service", namespace=NAMESPACE, name=name, port=port, weight=weight)


def a_view(
    *,
    service: Service | None = None,
    missing: bool = False,
    pods: Sequence[Pod] | Unavailable | None = None,
    slices: Sequence[EndpointSlice] | Unavailable | None = None,
    ref: BackendRef | None = None,
    **more: Any,
) -> BackendView:
    """A healthy backend of two pods, assembled as the collector does; *more* replaces fields of the view."""
    items = (a_pod(), a_pod("web-2", ip="10.42.2.6", node="node-2")) if pods is None else pods
    if slices is None:
        slices = () if isinstance(items, Unavailable) else slices_of(items)
    view = assemble(
        ChosenBackend(ref=ref or a_ref(), route=ROUTE),
        None if missing else (service or a_service()),
        slices if isinstance(slices, Unavailable) else tuple(slices),
        items if isinstance(items, Unavailable) else tuple(items),
    )
    return replaced(view, more)


def replaced(view: BackendView, more: Mapping[str, Any]) -> BackendView:
    """The view with fields replaced."""
    return replace(view, **more) if more else view


def a_decision(
    *,
    host: str = HOST,
    backends: tuple[BackendRef, ...] | None = None,
    dropped: tuple[DroppedRoute, ...] = (),
    routed: bool = True,
    tls_secret: str = "web-tls",
    ref: str = ROUTE,
) -> RouteDecision:
    """One route wins the host; with *routed* False none does."""
    winner = CandidateRoute(
        ref=ref,
        rule=f"Host(`{host}`)",
        priority=20,
        entry_points=("websecure",),
        matches=True,
        why="it names the host",
        backends=(a_ref(),) if backends is None else backends,
        tls_secret=tls_secret,
        tls=True,
        provider="kubernetescrd",
        namespace=NAMESPACE,
    )
    return RouteDecision(
        request=RouteRequest(host=host),
        outcome=Outcome.ROUTED if routed else Outcome.NO_ROUTE,
        winner=winner if routed else None,
        dropped=dropped,
    )


def a_controller(*pods: Pod, namespace: str = "traefik") -> Controller:
    """Traefik with one pod, labelled as its chart does."""
    own = a_pod(
        "traefik-1", namespace=namespace, labels={"app.kubernetes.io/name": "traefik"}, ip="10.42.3.9", node="node-3"
    )
    return Controller(
        kind="traefik",
        namespace=namespace,
        workload="deployment/traefik",
        pods=pods or (own,),
        service=None,
        static=StaticConfig(source="args", entry_points=(), options={}),
    )


def a_policy(name: str = "policy", *, namespace: str = NAMESPACE, **spec: Any) -> NetworkPolicy:
    """A NetworkPolicy with this spec, as JSON has it."""
    raw = {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    return msgspec.convert(raw, NetworkPolicy)


def an_event(pod: str, reason: str, message: str, *, kind: str = "Pod", when: str = "2026-11-21T11:59:00Z") -> Event:
    """A warning about one object of the backend's namespace."""
    raw = {
        "kind": "Event",
        "metadata": {"name": f"{pod}.1", "namespace": NAMESPACE},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": when,
        "involvedObject": {"kind": kind, "name": pod, "namespace": NAMESPACE},
    }
    return msgspec.convert(raw, Event)
