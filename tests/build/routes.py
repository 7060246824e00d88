"""Routing objects and decisions, with overridable parts."""

from __future__ import annotations

from typing import Any

import msgspec

from build.controller import a_traefik_pod
from ingressdoctor.api import (
    BackendRef,
    CandidateRoute,
    Custom,
    DroppedRoute,
    DropReason,
    Ingress,
    IngressClass,
    Loaded,
    Outcome,
    RouteDecision,
    RouteRequest,
    RouteTrouble,
    RoutingObjects,
    StaticConfig,
    Target,
    Unavailable,
)
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.routing.traefik.decide import decide

HOST = "www.example.com"


def an_ingress_route(
    match: str = f"Host(`{HOST}`)",
    *,
    name: str = "shop",
    namespace: str = "ns",
    route: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Custom:
    raw = {
        "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": namespace, **(metadata or {})},
        "spec": {
            "entryPoints": ["websecure"],
            "routes": [{"kind": "Rule", "match": match, "services": [{"name": name, "port": 80}], **(route or {})}],
            "tls": {"secretName": "example-tls"},
            **(spec or {}),
        },
    }
    return msgspec.convert(raw, Custom)


def a_middleware(name: str = "headers", namespace: str = "ns", **spec: Any) -> Custom:
    raw = {
        "kind": "Middleware",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec or {"headers": {"stsSeconds": 1}},
    }
    return msgspec.convert(raw, Custom)


def an_ingress(
    host: str | None = HOST,
    *,
    path: str | None = "/",
    path_type: str | None = "Prefix",
    class_name: str | None = "traefik",
    annotations: dict[str, str] | None = None,
    name: str = "shop",
    spec: dict[str, Any] | None = None,
) -> Ingress:
    prefix = "traefik.ingress.kubernetes.io/"
    backend = {"service": {"name": name, "port": {"number": 80}}}
    raw = {
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "annotations": {key if "/" in key else prefix + key: value for key, value in (annotations or {}).items()},
        },
        "spec": {
            "ingressClassName": class_name,
            "rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": path_type, "backend": backend}]}}],
            **(spec or {}),
        },
    }
    return msgspec.convert(raw, Ingress)


def a_class(name: str = "traefik", controller: str = "traefik.io/ingress-controller") -> IngressClass:
    return msgspec.convert({"metadata": {"name": name}, "spec": {"controller": controller}}, IngressClass)


def objects(
    *routes: Custom,
    ingresses: tuple[Ingress, ...] = (),
    middlewares: tuple[Custom, ...] = (),
    classes: tuple[IngressClass, ...] = (a_class(),),
    traefik_services: tuple[Custom, ...] = (),
    unread: tuple[str, ...] = (),
) -> RoutingObjects:
    """All kinds as read; those named in *unread* are Unavailable instead."""
    loaded: dict[str, Any] = {
        "ingress_routes": Loaded(items=routes),
        "ingresses": Loaded(items=ingresses),
        "middlewares": Loaded(items=middlewares),
        "ingress_classes": Loaded(items=classes),
        "traefik_services": Loaded(items=traefik_services),
    }
    for kind in unread:
        loaded[kind] = Unavailable(wanted=f"the cluster's {kind}", reason="403: not allowed")
    return RoutingObjects(**loaded)


def static(*more: str) -> StaticConfig:
    """The usual static configuration with further arguments."""
    return static_of(a_traefik_pod(args=(*a_traefik_args(), *more)))


def a_traefik_args() -> tuple[str, ...]:
    return tuple(word or "" for word in a_traefik_pod().containers[0].args or ())


def decided(found: RoutingObjects, *more: str, version: str = "v3.7.9", **request: Any) -> RouteDecision:
    """What the model decides for one request over *found*, Traefik started with *more* arguments."""
    return decide(found, static(*more), version, RouteRequest(**({"host": HOST} | request)))


def a_backend(name: str = "shop", port: str = "80") -> BackendRef:
    return BackendRef(kind="Service", namespace="ns", name=name, port=port)


def a_candidate(rule: str = f"Host(`{HOST}`)", *, name: str = "shop", **parts: Any) -> CandidateRoute:
    defaults: dict[str, Any] = {
        "ref": f"IngressRoute ns/{name}",
        "rule": rule,
        "priority": len(rule),
        "entry_points": ("websecure",),
        "matches": True,
        "why": "it matches",
        "backends": (a_backend(name),),
        "tls_secret": "example-tls",
        "tls": True,
        "provider": "kubernetescrd",
        "namespace": "ns",
    }
    return CandidateRoute(**(defaults | parts))


def a_decision(*candidates: CandidateRoute, **parts: Any) -> RouteDecision:
    """A decision that the first matching candidate wins; none given: no route."""
    winner = next((item for item in candidates if item.matches), None)
    defaults: dict[str, Any] = {
        "request": RouteRequest(host=HOST, entry_point="websecure"),
        "outcome": Outcome.ROUTED if winner else Outcome.NO_ROUTE,
        "winner": winner,
        "candidates": candidates,
    }
    return RouteDecision(**(defaults | parts))


def a_dropped(reason: DropReason, detail: str = "because", **parts: Any) -> DroppedRoute:
    defaults: dict[str, Any] = {"ref": "IngressRoute ns/shop", "rule": f"Host(`{HOST}`)", "matches": True}
    return DroppedRoute(reason=reason, detail=detail, **(defaults | parts))


def trouble(decision: RouteDecision) -> RouteTrouble:
    """The decision as it is handed to the checks of what may be wrong with the host's routes."""
    return RouteTrouble(of=(decision, Target.parse(HOST)))
