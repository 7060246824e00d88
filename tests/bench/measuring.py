"""Measure whole processes and print figures beside their limits."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PROGRAM", "Measured", "cpu", "line", "peak_mib", "repeated", "seconds", "timed", "wall"]

PROGRAM = str(Path(sys.executable).parent / "ingressdoctor")
RUNS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One whole process: seconds on the clock, seconds of processor time (user and system), and its output."""

    wall_s: float
    cpu_s: float
    output: bytes


def timed(argv: list[str], environment: Mapping[str, str]) -> Measured:
    """Run one whole process; anything but a healthy end would be a figure of something else."""
    # Installed programs are compiled: where the environment forbids that, every run would compile what was edited last.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, env={**inherited, **environment}, capture_output=True, check=False, timeout=60)
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


def peak_mib() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
