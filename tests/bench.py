"""Measure speed as a user feels it: whole processes, medians, against the limits of the design.

Run it as ``make bench``. Prints one line per figure; never part of the tests, since timed tests lie on busy machines.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from build.values import replace
from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.routes import Custom, RouteRequest, RoutingObjects
from ingressdoctor.lab import World, load_world
from ingressdoctor.lab.lab import Lab, running
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.settings import assumed_static
from ingressdoctor.routing.traefik.table import build_table

PROGRAM = str(Path(sys.executable).parent / "ingressdoctor")
HOST = "www.wecare.gr"
RUNS = 9
LATENCY_S = 0.05

Chain = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One whole process: seconds on the clock, seconds of processor time (user and system), and its output."""

    wall_s: float
    cpu_s: float
    output: bytes


def timed(argv: list[str], environment: Mapping[str, str]) -> Measured:
    """Run one whole process; anything but a healthy end would be a figure of something else."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, check=False, timeout=60)
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}: {said[:2_000]}")
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Measured(wall_s=wall_s, cpu_s=cpu_s, output=done.stdout)


def repeated(argv: list[str], environment: Mapping[str, str]) -> list[Measured]:
    """Run it once to warm up, then several times."""
    timed(argv, environment)
    return [timed(argv, environment) for _ in range(RUNS)]


def wall(results: list[Measured]) -> float:
    """Return the median on the clock, which a busy machine makes longer."""
    return statistics.median(item.wall_s for item in results)


def cpu(results: list[Measured]) -> float:
    """Return the median of processor time, which a busy machine changes little."""
    return statistics.median(item.cpu_s for item in results)


def line(what: str, figure: str, limit: str, *, good: bool) -> None:
    """Print one figure beside its limit."""
    print(f"{'ok  ' if good else 'OVER'} {what:45} {figure:>24}   limit {limit}")  # noqa: T201


def seconds(results: list[Measured]) -> str:
    """Return both medians in words."""
    return f"{wall(results):.3f} s ({cpu(results):.3f} s CPU)"


def bench_help() -> None:
    """How long --help takes."""
    results = repeated([PROGRAM, "--help"], {})
    line("ingressdoctor --help", seconds(results), "0.150 s", good=wall(results) <= 0.150)


def bench_diagnosis(world: World, what: str) -> None:
    """How long a whole diagnosis takes, and what it asks the cluster."""
    with running(world) as lab:
        results = repeated([PROGRAM, HOST, "--json"], lab.handout.environment)
        requests = requests_of_one_run(lab)
    line(f"diagnosis, {what}", seconds(results), "1.000 s", good=wall(results) <= 1.0)
    line(f"Kubernetes requests, {what}", str(requests), "15", good=requests <= 15)


def requests_of_one_run(lab: Lab) -> int:
    """How many requests one diagnosis sends to the API server."""
    before = len(lab.requests["kube"])
    timed([PROGRAM, HOST, "--json"], lab.handout.environment)
    return len(lab.requests["kube"]) - before


def bench_latency(world: World) -> None:
    """With 50 ms on every remote answer: the time on top of the longest chain of answers that waited for each other.

    The chain counts round trips only, not what this process did while the answers were under way.
    """
    with running(world, latency_s=LATENCY_S) as lab:
        results = repeated([PROGRAM, HOST, "--json"], lab.handout.environment)
    chain = max((json.loads(item.output)["timings"]["longest_chain"] for item in results), key=round_trips_s)
    chain_s = round_trips_s(chain)
    limit = f"chain {chain_s:.2f} + 0.50 s"
    line("diagnosis, 50 ms on every answer", seconds(results), limit, good=wall(results) <= chain_s + 0.5)
    for call in chain:
        print(f"        {call['elapsed_s']:6.3f} s  {call['source']}: {call['what'][:90]}")  # noqa: T201


def round_trips_s(chain: Chain) -> float:
    """Return the seconds that the answers of a chain took by themselves; DNS and connecting are not delayed."""
    waited: int = sum(call["elapsed_s"] >= LATENCY_S for call in chain if call["source"] not in {"dns", "tcp"})
    return LATENCY_S * waited


def crowded(world: World, pods: int) -> World:
    """The same world in a cluster with many more pods, Services and nodes than the path has."""
    extra = [
        {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": f"crowd-{number}", "namespace": f"crowd-{number % 50}", "labels": {"app": "crowd"}},
            "spec": {},
            "status": {},
        }
        for number in range(pods)
        for kind in ("Pod", "Service")
    ]
    return replace(world, objects=(*world.objects, *extra))


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


def peak_mib() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def main() -> None:
    """Run every benchmark."""
    world = load_world("wecare")
    bench_help()
    bench_routes()
    bench_diagnosis(world, "wecare")
    bench_diagnosis(crowded(world, 3000), "wecare and 3,000 other pods")
    bench_latency(world)


if __name__ == "__main__":
    main()
