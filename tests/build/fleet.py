"""Sweeps spread over real processes, and a check of our own that makes the worker which judges a host misbehave."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from build.values import replace
from ingressdoctor.cli.version import version
from ingressdoctor.config import Settings, load_settings
from ingressdoctor.config.settings import PluginSettings
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.fleet.work import Job
from ingressdoctor.lab import Lab
from ingressdoctor.model.sweep import Outcome

WAIT_S = 90.0

# A file of the folder says what becomes of a worker that judges HOST: "kill-HOST", "junk-HOST"; "hold-HOST" makes it
# wait for the file "go", after it has said who it is with a file "held-HOST-PID"; "hold-any" does so for every host.
_CHECK = '''
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from ingressdoctor.api import Finding, Target, check, ok

FOLDER = Path({folder!r})


@check(id="fleet.gate-{step}", title="The worker lives", step={step!r}, link="worker {step}")
def gate_{step}(target: Target) -> Iterator[Finding]:
    """Do what the folder asks for."""
    host = target.hostname
    if (FOLDER / ("kill-" + host)).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (FOLDER / ("junk-" + host)).exists():
        for number in map(int, os.listdir("/proc/self/fd")):
            try:
                mode = os.fstat(number).st_mode
            except OSError:
                continue
            if stat.S_ISSOCK(mode):
                with socket.socket(fileno=os.dup(number)) as link:
                    if link.family == socket.AF_UNIX:
                        link.sendall((5).to_bytes(4, "big") + b"junk!")
    if (FOLDER / ("hold-" + host)).exists() or (FOLDER / "hold-any").exists():
        (FOLDER / f"held-{{host}}-{{os.getpid()}}").touch()
        for _ in range(1200):
            if (FOLDER / "go").exists():
                break
            time.sleep(0.05)
    yield ok("The worker lives.")
'''


@dataclass(frozen=True)
class Gate:
    """The folder that tells workers what to do."""

    folder: Path

    @property
    def checks(self) -> Path:
        """The folder of the check."""
        return self.folder / "checks"

    def ask(self, what: str, host: str) -> None:
        (self.folder / f"{what}-{host}").touch()

    def go(self) -> None:
        (self.folder / "go").touch()

    def pids(self) -> set[int]:
        """All of them."""
        return {pid for each in self.held().values() for pid in each}

    def held(self) -> dict[str, list[int]]:
        """Workers that waited, or wait, by host."""
        found: dict[str, list[int]] = {}
        for path in self.folder.glob("held-*"):
            host, _, pid = path.name.removeprefix("held-").rpartition("-")
            found.setdefault(host, []).append(int(pid))
        return found


def gate(folder: Path) -> Gate:
    """Make such a folder."""
    made = Gate(folder)
    made.checks.mkdir(parents=True)
    for step in ("dns", "backend"):
        (made.checks / f"gate_{step}.py").write_text(_CHECK.format(folder=str(folder), step=step))
    return made


def settings_of(lab: Lab, gate: Gate | None = None) -> Settings:
    """The settings of a lab, with our check."""
    settings = load_settings(str(lab.handout.config))
    return settings if gate is None else replace(settings, plugins=PluginSettings(folders=(str(gate.checks),)))


def job_of(settings: Settings, **over: object) -> Job:
    """How the tests sweep: from configuration alone, which is quick."""
    return replace(Job(settings=settings, spec=SweepSpec(), probes=False, version=version()), **over)


def seen(outcome: Outcome) -> tuple[object, ...]:
    """What must not depend on who judged."""
    causes = tuple(item.key for item in outcome.causes)
    warnings = tuple(sorted(item.key for item in outcome.warnings))
    return outcome.verdict, outcome.walk, causes, warnings, outcome.verified, outcome.links, outcome.error


def until(ready: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    end = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


def marked(name: str, value: str) -> set[int]:
    """Processes that have a variable in their environment, dead ones that nobody has waited for left out."""
    wanted, found = f"{name}={value}".encode(), set[int]()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (path / "environ").read_bytes().split(b"\0") and _lives(path):
                found.add(int(path.name))
    return found


def _lives(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}


@contextlib.contextmanager
def ended(pids: Callable[[], set[int]]) -> Iterator[None]:
    """Leave no process of a test behind, whatever became of it."""
    try:
        yield
    finally:
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
