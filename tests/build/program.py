"""Run the program as a user does: a process of its own, with nothing of the tester's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = (sys.executable, "-m", "ingressdoctor")


def environment(**over: str) -> dict[str, str]:
    """A small environment; the home folder is what the test's fixture made."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "XDG_CONFIG_HOME", "PYTHONPATH") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", **over}


def run(
    *words: str, cwd: Path | None = None, stdout: int | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program and wait for it, at most 150 seconds."""
    return subprocess.run(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=150,
        check=False,
        cwd=cwd or Path.home(),
        env=environment(**(env or {})),
    )
