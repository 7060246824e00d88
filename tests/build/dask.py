"""A Dask cluster of real processes on loopback."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from build.fleet import until
from build.program import environment

_DASK = (sys.executable, "-c", "from dask.__main__ import main; main()")
_QUIET = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")


class Cluster:
    """A scheduler, and the workers that were started for it."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = dict(env)
        self._started: list[subprocess.Popen[bytes]] = []
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(self._file), **self._env)
        until(lambda: bool(self._info()), "the scheduler is up")
        self.address = str(self._info()["address"])

    def worker(self, resources: str = "", **env: str) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until the scheduler knows it."""
        (process,) = self.workers(1, resources, **env)
        return process

    def workers(self, count: int, resources: str = "", **env: str) -> list[subprocess.Popen[bytes]]:
        """Start several at a time."""
        first, extra = len(self._started), ("--resources", resources) if resources else ()
        words = (self.address, "--no-nanny", "--nthreads", "1", "--local-directory", str(self._folder), *extra)
        made = [
            self._start("worker", *words, "--name", f"w{first + number}", **{**self._env, **env})
            for number in range(count)
        ]
        for number, process in enumerate(made, first):
            log = self._log("worker", number)
            until(lambda: b"Registered to" in log.read_bytes() or process.poll() is not None, "a worker is registered")  # noqa: B023
            assert process.poll() is None, log.read_text()
        return made

    @property
    def logs(self) -> str:
        """What all of them said."""
        return "".join(path.read_text(errors="replace") for path in self._folder.glob("*.log"))

    def end(self) -> None:
        """End all processes that were started, by their handles."""
        for process in reversed(self._started):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait(30)

    def _start(self, what: str, *words: str, **env: str) -> subprocess.Popen[bytes]:
        with self._log(what, len(self._started)).open("wb") as log:
            process = subprocess.Popen(
                [*_DASK, what, *words, *_QUIET],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(**env),
                cwd=self._folder,
            )
        self._started.append(process)
        return process

    def _log(self, what: str, number: int) -> Path:
        return self._folder / f"{what}-{number}.log"

    def _info(self) -> dict[str, object]:
        try:
            found: dict[str, object] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found


@contextlib.contextmanager
def cluster(folder: Path, **env: str) -> Iterator[Cluster]:
    """Start a scheduler; it and its workers end with the block."""
    folder.mkdir(parents=True)
    made: Cluster | None = None
    try:
        made = Cluster(folder, env)
        yield made
    finally:
        if made is not None:
            made.end()
