"""How long the model of Traefik takes over a large cluster."""

from __future__ import annotations

import time

import msgspec

from bench.measuring import line, peak_mib
from build.values import replace
from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.routes import Custom, RouteRequest, RoutingObjects
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.settings import assumed_static
from ingressdoctor.routing.traefik.table import build_table

__all__ = ["bench_routes"]


def bench_routes(count: int = 10_000) -> None:
    """Build the table of a large cluster, and decide requests over it."""
    found = many_routes(count)
    static = static_config()
    before = peak_mib()
    started = time.process_time()
    table = build_table(found, static, "v3.7.9")
    seconds = time.process_time() - started
    line(f"routing table, {count} IngressRoutes and Ingresses", f"{seconds:.2f} s", "2.00 s", good=seconds <= 2.0)
    grown = peak_mib() - before
    line("routing table, memory", f"{grown:.0f} MiB", "300 MiB", good=grown <= 300)
    requests = [RouteRequest(host=f"{'rg'[n % 2]}{n % count}.example.com", path="/api/x") for n in range(20_000)]
    started = time.process_time()
    routed = sum(decide_in(table, request).winner is not None for request in requests)
    rate = len(requests) / (time.process_time() - started)
    line(f"routing decisions ({routed} routed)", f"{rate:.0f} /s", "20000 /s", good=rate >= 20_000)


def static_config() -> StaticConfig:
    """The entry points of the Helm chart, both Kubernetes providers on."""
    return replace(assumed_static(), unreadable="")


def many_routes(count: int) -> RoutingObjects:
    """As many IngressRoutes and Ingresses, each for a host of its own."""
    routes = [
        msgspec.convert(
            {
                "kind": "IngressRoute",
                "metadata": {"name": f"route-{n}", "namespace": f"team-{n % 50}"},
                "spec": {
                    "entryPoints": ["websecure"],
                    "routes": [
                        {
                            "kind": "Rule",
                            "match": f"Host(`r{n}.example.com`) && PathPrefix(`/api`)",
                            "services": [{"name": "shop", "port": 80}],
                        }
                    ],
                    "tls": {"secretName": "shop"},
                },
            },
            Custom,
        )
        for n in range(count)
    ]
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    path = {"path": "/api", "pathType": "Prefix", "backend": backend}
    ingresses = [
        msgspec.convert(
            {
                "kind": "Ingress",
                "metadata": {"name": f"ingress-{n}", "namespace": f"team-{n % 50}"},
                "spec": {"rules": [{"host": f"g{n}.example.com", "http": {"paths": [path]}}]},
            },
            Ingress,
        )
        for n in range(count)
    ]
    return RoutingObjects(
        ingress_routes=Loaded(items=tuple(routes)),
        ingresses=Loaded(items=tuple(ingresses)),
        middlewares=Loaded(),
        ingress_classes=Loaded(),
        traefik_services=Loaded(),
    )
