"""Whom ``ingressdoctor sweep`` tells, and what it publishes, while a lab's load balancer has lost its targets."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from build.ports import free_port
from build.program import PROGRAM, environment
from build.receiver import Receiver, receiver
from ingressdoctor.lab import apply_fault, load_fault, load_world
from ingressdoctor.lab.lab import running

pytestmark = pytest.mark.lab
HOST = "www.wecare.gr"


@pytest.fixture(scope="module")
def lab() -> Iterator[dict[str, str]]:
    with running(apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-targets"))) as lab:
        yield dict(lab.handout.environment)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def told(lab: dict[str, str], folder: Path, server: Receiver) -> dict[str, str]:
    """The lab's environment with a configuration that tells *server*."""
    config = folder / "ingressdoctor.toml"
    text = Path(lab["INGRESSDOCTOR_CONFIG"]).read_text()
    channel = 'kind = "slack"\nname = "web team"\nurl = { env = "HOOK" }\nonly = ["lb.no-targets"]\n'
    config.write_text(f"{text}\n[[notify]]\n{channel}")
    return environment(**{**lab, "INGRESSDOCTOR_CONFIG": str(config), "HOOK": server.url})


def command(folder: Path, *words: str) -> list[str]:
    return [*PROGRAM, "sweep", "--match", HOST, "--history", str(folder / "history.db"), *words]


def test_sweeps_started_one_by_one_tell_once(lab: dict[str, str], tmp_path: Path, server: Receiver) -> None:
    env, metrics = told(lab, tmp_path, server), tmp_path / "sweep.prom"
    for _ in range(3):
        words = command(tmp_path, "--prometheus-textfile", str(metrics))
        done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False, env=env)

        assert (done.returncode, done.stderr) == (1, "")
    (got,) = server.got

    assert got.json["text"].startswith("Opened: lb.no-targets on Load balancer ecnv4-lb breaks 1 hostname")
    lines = metrics.read_text().splitlines()
    assert 'ingressdoctor_notifications_total{channel="web team",result="sent"} 1.0' in lines
    assert "ingressdoctor_sweeps_total 3.0" in lines


def test_metrics_are_served_while_sweeps_repeat(lab: dict[str, str], tmp_path: Path, server: Receiver) -> None:
    port = free_port()
    words = command(tmp_path, "--every", "1s", "--metrics", f":{port}", "--format", "jsonl")
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=told(lab, tmp_path, server)
    )
    try:
        page = _page(f"http://127.0.0.1:{port}/metrics", "ingressdoctor_sweeps_total 2.0", process)
        with httpx.Client(trust_env=False, timeout=30) as client:
            assert client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)

    assert f'ingressdoctor_target_up{{target="{HOST}"}} 0.0' in page
    assert "s3cr3t" not in errors
    assert process.returncode in (1, 3)


def _page(url: str, wanted: str, process: subprocess.Popen[str]) -> str:
    """Ask until the page holds what is wanted."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        for _ in range(600):
            assert process.poll() is None
            try:
                text = client.get(url).text
            except httpx.TransportError:
                text = ""
            if wanted in text:
                return text
            time.sleep(0.1)
    raise AssertionError(f"{url} never showed {wanted}")
