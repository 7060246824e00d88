"""A cluster with as many Services as is asked for, five pods and one Ingress each, served in a process of its own.

``python -m bench.crowd 10000`` prints the environment of the lab as one line of JSON and serves until its standard
input ends.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from build.values import replace
from ingressdoctor.lab import World, load_world
from ingressdoctor.lab.lab import Lab
from ingressdoctor.lab.plane import NoPlane

__all__ = ["PODS", "crowd", "serving"]

PODS = 5
SPACES = 100
START_S = 600

Object = dict[str, Any]


def crowd(count: int) -> World:
    """The world wecare with *count* shops more, in a hundred namespaces."""
    world = load_world("wecare")
    return replace(world, objects=(*world.objects, *(item for n in range(count) for item in shop(n))))


def shop(number: int) -> Iterator[Object]:
    """One Service with its pods, and the Ingress that leads there."""
    name, labels = f"shop-{number}", {"app.kubernetes.io/name": f"shop-{number}", "app.kubernetes.io/part-of": "shops"}

    def meta(kind: str, own: str = name, **more: Any) -> Object:
        return {
            "name": own,
            "namespace": f"team-{number % SPACES}",
            "uid": f"{kind}-{own}",
            "labels": labels,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **more,
        }

    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    spec = {"type": "ClusterIP", "clusterIP": _address(96, number), "selector": labels, "ports": [port]}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": meta("service"), "spec": spec, "status": {}}
    for index in range(PODS):
        yield pod(meta("pod", f"{name}-7d9c5b-{index}"), _address(100 + index, number))
    backend = {"service": {"name": name, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    prefix = "traefik.ingress.kubernetes.io/router"
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta("ingress", annotations={f"{prefix}.entrypoints": "websecure", f"{prefix}.tls": "true"}),
        "spec": {
            "ingressClassName": "traefik",
            "rules": [{"host": f"shop-{number}.wecare.gr", "http": {"paths": [path]}}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}},
    }


def pod(meta: Object, address: str) -> Object:
    """A pod that is ready."""
    container = {
        "name": "app",
        "image": "registry.example/app:1.2",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "MODE", "value": "production"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "app", "ready": True, "restartCount": 0, "state": running}],
        },
    }


def _address(second: int, number: int) -> str:
    return f"10.{second}.{number // 250}.{number % 250 + 1}"


@contextmanager
def serving(count: int) -> Iterator[dict[str, str]]:
    """Serve a crowd in a process of its own; yields what the program's environment is to hold."""
    argv = [sys.executable, "-m", "bench.crowd", str(count)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            environment: dict[str, str] = json.loads(process.stdout.readline())
            yield environment
        finally:
            process.stdin.close()
            process.wait(START_S)


async def _serve(count: int) -> None:
    async with Lab(crowd(count), plane=NoPlane) as lab:
        print(json.dumps(dict(lab.handout.environment)), flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
