"""How long one diagnosis takes, and what it asks the cluster."""

from __future__ import annotations

import json
from typing import Any

from bench.measuring import PROGRAM, line, repeated, seconds, timed, wall
from build.values import replace
from ingressdoctor.lab import World
from ingressdoctor.lab.lab import Lab, running

__all__ = ["bench_diagnosis", "bench_help", "bench_latency", "crowded"]

HOST = "www.wecare.gr"
LATENCY_S = 0.05

Chain = list[dict[str, Any]]


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
