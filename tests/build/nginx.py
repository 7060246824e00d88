"""Builders for ingress-nginx: Ingresses as plain data, a controller, and what it does with a request of a tunnel."""

from __future__ import annotations

from typing import Any

import msgspec

from build.backend import a_pod
from build.tunnel import CATCH_ALL, a_route, a_rule
from build.values import replace
from ingressdoctor.collect.nginx_route import decide_for, table_for
from ingressdoctor.evidence.kube import Ingress, IngressClass, Service
from ingressdoctor.evidence.nginx import NginxController, NginxDecision, NginxWay
from ingressdoctor.evidence.tunnel_rules import TunnelOrigin
from ingressdoctor.model.target import Target

HOST = "api.example.com"
PREFIX = "nginx.ingress.kubernetes.io/"
ARGS = (
    "/nginx-ingress-controller",
    "--controller-class=k8s.io/ingress-nginx",
    "--ingress-class=nginx",
    "--configmap=nginx/nginx-controller",
)


def a_class(name: str = "nginx", controller: str = "k8s.io/ingress-nginx") -> IngressClass:
    """One IngressClass."""
    return msgspec.convert({"metadata": {"name": name}, "spec": {"controller": controller}}, IngressClass)


def a_path(path: str | None = "/", kind: str | None = "Prefix", to: str = "api", port: Any = 80) -> dict[str, Any]:
    """One path of an Ingress."""
    number = {"number": port} if isinstance(port, int) else {"name": port}
    return {"path": path, "pathType": kind, "backend": {"service": {"name": to, "port": number}}}


def an_ingress(
    *paths: dict[str, Any],
    name: str = "api",
    host: str | None = HOST,
    age: int = 1,
    annotations: dict[str, str] | None = None,
    published: tuple[str, ...] = (),
    **spec: Any,
) -> Ingress:
    """One Ingress of class nginx, *age* days old; annotations without their prefix, unless they have a slash.

    *published* are the addresses, or names, at which it can be reached.
    """
    notes = {key if "/" in key else PREFIX + key: value for key, value in (annotations or {}).items()}
    rule = {"host": host, "http": {"paths": list(paths or (a_path(),))}}
    meta = {"name": name, "namespace": "api", "creationTimestamp": f"2026-01-{31 - age:02d}T00:00:00Z"}
    whole = {"ingressClassName": "nginx", "rules": [rule], "tls": [{"hosts": [host]}] if host else None} | spec
    reached = [{"ip": item} if item[:1].isdigit() else {"hostname": item} for item in published]
    status = {"loadBalancer": {"ingress": reached}} if published else None
    made = {"kind": "Ingress", "metadata": meta | {"annotations": notes}, "spec": whole, "status": status}
    return msgspec.convert(made, Ingress)


def a_front(**changes: Any) -> Service:
    """The Service before the controller, with an address."""
    spec = {
        "type": "LoadBalancer",
        "clusterIP": "10.43.0.9",
        "selector": {"app": "nginx"},
        "ports": [
            {"name": "http", "port": 80, "targetPort": "http", "nodePort": 31080},
            {"name": "https", "port": 443, "targetPort": "https", "nodePort": 31443},
        ],
    }
    made: dict[str, Any] = {
        "kind": "Service",
        "metadata": {"name": "nginx-controller", "namespace": "nginx"},
        "spec": spec,
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.200"}]}},
    }
    return msgspec.convert(made | changes, Service)


def a_controller_of_nginx(**given: Any) -> NginxController:
    """One Deployment with a ready pod."""
    plain: dict[str, Any] = {
        "ref": "Deployment nginx/nginx-controller",
        "kind": "Deployment",
        "namespace": "nginx",
        "name": "nginx-controller",
        "container": "controller",
        "image": "registry.k8s.io/ingress-nginx/controller:v1.15.1",
        "version": "1.15.1",
        "args": ARGS,
        "config_ref": "nginx/nginx-controller",
        "pods": (a_pod("nginx-1", namespace="nginx"),),
        "service": a_front(),
        "services": ("nginx-controller",),
    }
    return NginxController(**plain | given)


def an_origin_rule(service: str = "https://10.0.0.200:443", more: str = "originRequest: {noTLSVerify: true}") -> Any:
    """Where a rule of a tunnel leads."""
    found = a_route(a_rule(HOST, service, more), CATCH_ALL, host=HOST).origin
    assert isinstance(found, TunnelOrigin)
    return found


def seen_by_nginx(
    *ingresses: Ingress,
    url: str = HOST,
    controller: NginxController | None = None,
    classes: tuple[IngressClass, ...] | None = None,
    origin: TunnelOrigin | None = None,
    **changes: Any,
) -> NginxDecision:
    """What the controller does with the request as cloudflared sends it."""
    found = a_controller_of_nginx() if controller is None else controller
    table = table_for(found, ingresses, (a_class(),) if classes is None else classes)
    way = (found, NginxWay.PUBLISHED, "https://10.0.0.200:443 (Service nginx/nginx-controller)")
    decided = decide_for(Target.parse(url), an_origin_rule() if origin is None else origin, way, table)
    return replace(decided, **changes)
