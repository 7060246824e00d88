"""``ingressdoctor sweep`` again and again, and which options go together: whole commands."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.badday import held, say
from build.program import PROGRAM, environment
from build.values import replace
from ingressdoctor.lab import Lab, load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import merged
from scenarios import PATIENCE

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """APIs that take longer than the shortest interval, so that sweeps come late."""
    world = load_world("argo-lan")
    with running(replace(world, settings=merged(world.settings, PATIENCE)), latency_s=0.25) as lab:
        yield lab


@contextlib.contextmanager
def repeating(lab: Lab, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM, "sweep", "--every", "1s", "--format", "jsonl", "--no-history", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**lab.handout.environment, XDG_STATE_HOME=str(folder)),
    )
    guard = threading.Timer(120, process.kill)
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate()


def summaries(process: subprocess.Popen[str], count: int) -> list[dict[str, object]]:
    """Read lines until so many sweeps have ended."""
    assert process.stdout is not None
    found: list[dict[str, object]] = []
    while len(found) < count:
        line = process.stdout.readline()
        assert line, "it ended too soon"
        value = json.loads(line)
        found += [value] if value["type"] == "summary" else []
    return found


def test_sweeps_follow_each_other_until_told_to_end(lab: Lab, tmp_path: Path) -> None:
    with repeating(lab, tmp_path, "--no-overlap") as process:
        first, second = summaries(process, 2)
        other = say("sweep", "--no-overlap", env={**lab.handout.environment, "XDG_STATE_HOME": str(tmp_path)})
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=100)

    # The second began after the first had ended, though it was due before.
    assert str(second["started"]) > str(first["started"])
    assert "A sweep took longer than its interval: the next one was left out" in errors
    held(out)
    held(errors)
    assert process.returncode in (0, 3)
    assert other.code == 2
    assert f"Another sweep is still going on (process {process.pid})" in other.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--no-probe", "--probe-only"), "leave nothing to look at", id="nothing-left"),
        pytest.param(("--vantage", "eu,us"), "One machine is one vantage point", id="two-places"),
        pytest.param(("--metrics", ":9464"), "serves while sweeps repeat", id="metrics-once"),
        pytest.param(("--every", "soon"), "is no length of time", id="no-interval"),
        pytest.param(("--every", "0s"), "is not between a second and a week", id="no-time-between"),
        pytest.param(("--workers", "2", "--dask", "tcp://127.0.0.1:1"), "two ways to spread a sweep", id="two-ways"),
        pytest.param(("-f", "/nonexistent/hosts.txt"), "Cannot read the list of targets", id="no-list"),
        pytest.param(("--walk", "no-such-walk"), "which does not exist", id="no-walk"),
        pytest.param(("--only", "no.such-check"), "no.such-check", id="no-check"),
    ],
)
def test_what_does_not_go_together_is_refused(lab: Lab, words: tuple[str, ...], said: str) -> None:
    done = say("sweep", "--no-history", *words, env=dict(lab.handout.environment))

    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
