"""How fast sweeps are: over a large cluster without probes, by live probes, and in how many targets there are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.child import Sweep, Took, sweep
from bench.crowd import PODS, serving
from bench.measuring import line
from bench.probes import DOMAIN, probed
from ingressdoctor.collect.kinds import KINDS

__all__ = ["bench_crowd", "bench_probes", "bench_slope"]

CROWD = 10_000
PAGE = 500
PROBED = (10_000, 100_000)
SLOPE = (1_000, 10_000, 100_000)
SMALL = 1_000


def bench_crowd(count: int = CROWD) -> None:
    """Read a large cluster over sockets, and judge every hostname of it from configuration alone."""
    with serving(count) as environment:
        alone = sweep(Sweep(probes=False), environment)
        both = sweep(Sweep(probes=False, workers=2), environment)
    what = f"{count} hosts, {count} Services, {PODS * count} pods"
    line(f"{what}: read", f"{alone.read_s:.1f} s", "15 s", good=alone.read_s <= 15)
    line("  memory, one process", f"{alone.mib:.0f} MiB", "600 MiB", good=alone.mib <= 600)
    line("  memory, the largest of three processes", f"{both.mib:.0f} MiB", "600 MiB", good=both.mib <= 600)
    # Pods, and three kinds of which there are as many as hosts; one page at least of every other kind.
    most = (PODS + 3) * (count // PAGE + 1) + len(KINDS)
    asked = alone.requests.get("kubernetes", 0)
    line("  requests to the API server", str(asked), str(most), good=asked <= most)
    line("  judged without probes, one process", rate(alone), "-", good=True)
    line("  judged without probes, --workers 2", rate(both), "2000 /s", good=both.rate >= 2_000)
    sound("crowd", both, "healthy", count)


def bench_probes(counts: Iterable[int] = PROBED) -> None:
    """Probe hostnames over HTTPS on loopback; memory must not grow with their number."""
    mib: list[float] = []
    with probed() as environment:
        for count in counts:
            with listed(f"h{number}.{DOMAIN}" for number in range(count)) as path:
                took = sweep(Sweep(inside=False, targets=path, workers=2), environment)
            line(f"live probes of {count} hosts, --workers 2", rate(took), "600 /s", good=took.rate >= 600)
            # Loopback addresses are private, of which the program warns.
            sound("probes", took, "degraded", count)
            mib.append(took.mib)
            flat = took.mib <= 1.5 * mib[0] + 100
            line("  memory, the largest of three processes", f"{took.mib:.0f} MiB", "flat", good=flat)


def bench_slope(counts: Iterable[int] = SLOPE) -> None:
    """What one more target costs where there are many: each a path of its own on the hosts of a small cluster."""
    first = 0.0
    with serving(SMALL) as environment:
        none = sweep_paths(1, environment).cpu_s
        for count in counts:
            took = sweep_paths(count, environment)
            each = (took.cpu_s - none) / count
            first = first or each
            figure = f"{1_000 * each:.2f} ms, {took.mib:.0f} MiB"
            line(f"CPU for each of {count} targets", figure, f"{1.2 * 1_000 * first:.2f} ms", good=each <= 1.2 * first)


def sweep_paths(count: int, environment: dict[str, str]) -> Took:
    """Sweep *count* targets in one process, without probes."""
    with listed(f"https://shop-{n % SMALL}.wecare.gr/page-{n // SMALL}" for n in range(count)) as path:
        return sweep(Sweep(probes=False, targets=path), environment)


@contextmanager
def listed(targets: Iterable[str]) -> Iterator[str]:
    """Write a list of targets; yields its path."""
    with tempfile.TemporaryDirectory(prefix="ingressdoctor-bench-") as folder:
        path = Path(folder) / "targets.txt"
        path.write_text("\n".join(targets) + "\n")
        yield str(path)


def rate(took: Took) -> str:
    """Return the rate in words, with the processor time of everything for each target."""
    return f"{took.rate:.0f} /s ({1_000 * took.cpu_s / took.targets:.2f} ms CPU)"


def sound(what: str, took: Took, verdict: str, count: int) -> None:
    """End the run where targets were judged otherwise than they are: that would be a figure of something else."""
    if took.verdicts.get(verdict, 0) < count:
        raise SystemExit(f"{what}: {dict(took.verdicts)} instead of {count} {verdict}: {took.example}")
