"""Measure speed as a user feels it: whole processes, medians, against the limits of the design.

Run it as ``make bench``. Prints one line per figure; never part of the tests, since timed tests lie on busy machines.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ingressdoctor.lab import World, load_world
from ingressdoctor.lab.lab import Lab, running

PROGRAM = str(Path(sys.executable).parent / "ingressdoctor")
HOST = "www.wecare.gr"
RUNS = 7


def timed(argv: list[str], environment: Mapping[str, str]) -> tuple[float, subprocess.CompletedProcess[bytes]]:
    """Run one whole process and return its wall seconds and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, check=False, timeout=60)
    return time.perf_counter() - started, done


def median(argv: list[str], environment: Mapping[str, str]) -> tuple[float, bytes]:
    """Return the median of several runs after a warm-up, and the output of the last one."""
    timed(argv, environment)
    results = [timed(argv, environment) for _ in range(RUNS)]
    return statistics.median(seconds for seconds, _ in results), results[-1][1].stdout


def line(what: str, figure: str, limit: str, *, good: bool) -> None:
    """Print one figure beside its limit."""
    print(f"{'ok ' if good else 'OVER'} {what:58} {figure:>12}   limit {limit}")  # noqa: T201


def bench_help() -> None:
    """How long --help takes."""
    seconds, _ = median([PROGRAM, "--help"], {})
    line("ingressdoctor --help", f"{seconds:.3f} s", "0.150 s", good=seconds <= 0.150)


def bench_diagnosis(world: World, what: str) -> None:
    """How long a whole diagnosis takes, and what it asks the cluster."""
    with running(world) as lab:
        seconds, _ = median([PROGRAM, HOST, "--json"], lab.handout.environment)
        requests = requests_of_one_run(lab)
    line(f"diagnosis, {what}", f"{seconds:.2f} s", "1.00 s", good=seconds <= 1.0)
    line(f"Kubernetes requests, {what}", str(requests), "15", good=requests <= 15)


def requests_of_one_run(lab: Lab) -> int:
    """How many requests one diagnosis sends to the API server."""
    before = len(lab.requests["kube"])
    timed([PROGRAM, HOST, "--json"], lab.handout.environment)
    return len(lab.requests["kube"]) - before


def bench_latency(world: World) -> None:
    """With 50 ms on every remote answer: the longest chain of calls and the time on top of it."""
    with running(world, latency_s=0.05) as lab:
        seconds, output = median([PROGRAM, HOST, "--json"], lab.handout.environment)
    chain = json.loads(output)["timings"]["longest_chain"]
    chain_s = sum(call["elapsed_s"] for call in chain)
    line(
        "diagnosis, 50 ms on every answer",
        f"{seconds:.2f} s",
        f"chain {chain_s:.2f} + 0.50 s",
        good=seconds <= chain_s + 0.5,
    )
    for call in chain:
        print(f"        {call['elapsed_s']:6.3f} s  {call['source']}: {call['what']}")  # noqa: T201


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


def main() -> None:
    """Run every benchmark."""
    world = load_world("wecare")
    bench_help()
    bench_diagnosis(world, "wecare")
    bench_diagnosis(crowded(world, 3000), "wecare and 3,000 other pods")
    bench_latency(world)


if __name__ == "__main__":
    main()
