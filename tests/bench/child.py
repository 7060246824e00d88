"""One sweep in a process of its own, so that its memory is its own; prints what it took as one line of JSON.

``python -m bench.child '{"workers": 2, "probes": false}'``
"""

from __future__ import annotations

import asyncio
import math
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping

import msgspec

from ingressdoctor.config.loading import load_settings
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.fleet.processes import Processes
from ingressdoctor.fleet.work import Job
from ingressdoctor.model.sweep import Outcome
from ingressdoctor.sweeping.garbage import rarely
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.sweeping.targets import read_list
from ingressdoctor.wiring import open_session

__all__ = ["Sweep", "Took", "sweep"]


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What to sweep, and how; without a list of *targets* they are looked for."""

    workers: int = 1
    probes: bool = True
    inside: bool = True
    targets: str = ""
    at_once: int = 64
    per_origin: int = 64


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep took.

    ``read_s`` is the time until the first target was judged: everything that all share had been read and decoded.
    ``judged_s`` is the time from then on. ``cpu_s`` is that of this process and of its workers, ``mib`` the most
    memory that one of them held.
    """

    targets: int
    read_s: float
    judged_s: float
    cpu_s: float
    mib: float
    requests: Mapping[str, int]
    verdicts: Mapping[str, int]
    example: str

    @property
    def rate(self) -> float:
        """Targets a second, once everything was read."""
        return (self.targets - 1) / self.judged_s


class _Watch:
    """Keeps of every outcome when it was judged, and nothing more."""

    def __init__(self) -> None:
        self.first, self.last = math.inf, -math.inf
        self.verdicts: Counter[str] = Counter()
        self.example = ""

    def expect(self, total: int) -> None:
        pass

    def done(self, outcome: Outcome) -> None:
        ended = outcome.started.timestamp() + outcome.elapsed_s
        self.first, self.last = min(self.first, ended), max(self.last, ended)
        self.verdicts[outcome.verdict.value] += 1
        self.example = self.example or outcome.headline


def sweep(asked: Sweep, environment: Mapping[str, str]) -> Took:
    """Do it in a process of its own."""
    argv = [sys.executable, "-m", "bench.child", msgspec.json.encode(asked).decode()]
    done = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, check=False, timeout=1_800)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.decode()[-2_000:]}")
    return msgspec.json.decode(done.stdout, type=Took)


async def _sweep(asked: Sweep) -> Took:
    began, settings, watch = time.time(), load_settings(), _Watch()
    spec = SweepSpec(at_once=asked.at_once)
    options = SweepOptions(spec=spec, per_origin=asked.per_origin, probes=asked.probes, inside=asked.inside)
    async with open_session(settings) as session:
        job = Job(settings=settings, spec=spec, per_origin=asked.per_origin, probes=asked.probes, inside=asked.inside)
        others = Processes(session, job, asked.workers) if asked.workers > 1 else None
        listed = read_list(asked.targets) if asked.targets else None
        report = await Sweeper(session, options, listed=listed, others=others).once(watch, asyncio.Event())
    own, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(
        targets=sum(watch.verdicts.values()),
        read_s=watch.first - began,
        judged_s=watch.last - watch.first,
        cpu_s=own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime,
        mib=max(own.ru_maxrss, theirs.ru_maxrss) / 1024,
        requests=report.requests,
        verdicts=dict(watch.verdicts),
        example=watch.example,
    )


if __name__ == "__main__":
    rarely()  # as the program does
    print(msgspec.json.encode(asyncio.run(_sweep(msgspec.json.decode(sys.argv[1], type=Sweep)))).decode())  # noqa: T201
