"""Valid evidence of a running Traefik, with overridable parts."""

from __future__ import annotations

from typing import Any

import msgspec

from ingressdoctor.api import AccessLogLine, Controller, ControllerLogs, Pod, Service, StaticConfig, Unavailable
from ingressdoctor.collect.static_config import static_of

ARGS = (
    "--entryPoints.web.address=:8000/tcp",
    "--entryPoints.web.http.redirections.entryPoint.to=:443",
    "--entryPoints.websecure.address=:8443/tcp",
    "--entryPoints.websecure.http.tls=true",
    "--entryPoints.traefik.address=:8080/tcp",
    "--providers.kubernetescrd",
    "--providers.kubernetescrd.allowEmptyServices=true",
    "--providers.kubernetesingress",
    "--accesslog=true",
)
PORTS = ({"name": "web", "containerPort": 8000}, {"name": "websecure", "containerPort": 8443})


def a_traefik_pod(
    name: str = "traefik-5c6b7d8f9-abcde",
    *,
    ready: bool = True,
    args: tuple[str, ...] = ARGS,
    image: str = "docker.io/traefik:v3.7.9",
    container: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
) -> Pod:
    raw = {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "traefik",
            "labels": {"app.kubernetes.io/name": "traefik"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "traefik-5c6b7d8f9"}],
            **(metadata or {}),
        },
        "spec": {
            "containers": [
                {"name": "traefik", "image": image, "args": list(args), "ports": list(PORTS), **(container or {})}
            ],
            **(spec or {}),
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "traefik", "ready": ready, "state": {"running": {}}}],
            **(status or {}),
        },
    }
    return msgspec.convert(raw, Pod)


def a_traefik_service(
    *, ports: tuple[dict[str, Any], ...] | None = None, kind: str = "LoadBalancer", name: str = "traefik"
) -> Service:
    chosen = ports or (
        {"name": "web", "port": 80, "targetPort": "web"},
        {"name": "websecure", "port": 443, "targetPort": "websecure"},
    )
    raw = {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "traefik"},
        "spec": {"type": kind, "ports": list(chosen), "selector": {"app.kubernetes.io/name": "traefik"}},
    }
    return msgspec.convert(raw, Service)


def a_traefik(
    *,
    pods: tuple[Pod, ...] | None = None,
    service: Service | None = None,
    no_service: bool = False,
    static: StaticConfig | None = None,
    unread: tuple[Unavailable, ...] = (),
) -> Controller:
    found = (a_traefik_pod(),) if pods is None else pods
    return Controller(
        kind="traefik",
        namespace="traefik",
        workload="traefik",
        pods=found,
        service=None if no_service else service or a_traefik_service(),
        static=static or static_of(found[0] if found else a_traefik_pod()),
        version="3.7.9",
        unread=unread,
    )


def logs(*errors: str, access: tuple[AccessLogLine, ...] = (), on: bool | None = True, **parts: Any) -> ControllerLogs:
    defaults: dict[str, Any] = {"lines_read": len(errors) + len(access)}
    return ControllerLogs(errors=errors, access=access, access_log_on=on, **(defaults | parts))


def an_access_line(when: str = "2026-03-10T11:59:30Z", *, status: int = 200, origin: int = 200) -> AccessLogLine:
    return AccessLogLine(
        when=when,
        host="www.example.com",
        method="GET",
        path="/",
        status=status,
        origin_status=origin,
        router="ns-shop-1@kubernetescrd",
        service_url="http://10.0.0.1:80",
    )
