"""Measure speed as a user feels it: whole processes, medians, against the limits of the design.

Run it as ``make bench``, or ``python -m bench NAME`` for one part. Prints one line per figure; never part of the tests,
since timed tests lie on busy machines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.diagnosis import bench_diagnosis, bench_help, bench_latency, crowded
from bench.routes import bench_routes
from bench.sweeps import bench_crowd, bench_probes, bench_slope
from ingressdoctor.lab import load_world


def bench_diagnoses() -> None:
    """One diagnosis, in a small cluster, a large one, and far away."""
    world = load_world("wecare")
    bench_diagnosis(world, "wecare")
    bench_diagnosis(crowded(world, 3000), "wecare and 3,000 other pods")
    bench_latency(world)


PARTS: dict[str, Callable[[], None]] = {
    "help": bench_help,
    "routes": bench_routes,
    "diagnosis": bench_diagnoses,
    "crowd": bench_crowd,
    "probes": bench_probes,
    "slope": bench_slope,
}


def main(wanted: list[str]) -> None:
    """Run every part, or those that were asked for."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        raise SystemExit(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    for name, run in PARTS.items():
        if not wanted or name in wanted:
            run()


if __name__ == "__main__":
    main(sys.argv[1:])
