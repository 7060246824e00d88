"""``sweep --every`` keeps watch: what cannot be reached now is asked for again next time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from build.fleet import until
from build.program import PROGRAM, environment
from ingressdoctor.lab import Lab

pytestmark = pytest.mark.lab


def test_who_keeps_watch_does_not_leave_when_nothing_can_be_read(apis: Lab, tmp_path: Path) -> None:
    config, kubeconfig = tmp_path / "ingressdoctor.toml", tmp_path / "not-here-yet"
    config.write_text(apis.handout.config.read_text().replace(str(apis.handout.kubeconfig), str(kubeconfig)))
    command = [*PROGRAM, "sweep", "--every", "1s", "--no-probe", "--no-history"]
    errors = tmp_path / "errors"
    with errors.open("wb") as told:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
            env=environment(INGRESSDOCTOR_CONFIG=str(config)),
        )
        try:
            until(
                lambda: errors.read_text().count("Trying again.") >= 2 or process.poll() is not None, "it tries again"
            )
            assert process.poll() is None, errors.read_text()
        finally:
            process.terminate()
            out, _ = process.communicate(timeout=60)

    assert (out, process.returncode) == (b"", 3)
    assert "No target was found" in errors.read_text()
    assert "Traceback" not in errors.read_text()
