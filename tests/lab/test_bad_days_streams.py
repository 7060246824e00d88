"""Ctrl-C at any moment, hosts that are none, and outputs that cannot be written: whole processes of the program."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from build.badday import HOST, calm, held, held_json, say, secrets_of
from build.program import PROGRAM, environment, run
from ingressdoctor.lab import Lab, apply_fault, load_fault, load_world, running

pytestmark = pytest.mark.lab

# An API's answer takes longer than any machine may take to end the program once it is told to.
PROMPTLY_S = 20.0
ANSWER_S = 30.0


@pytest.fixture(scope="module")
def slow() -> Iterator[Lab]:
    """A world whose APIs take so long to answer that there is time to lose patience."""
    with running(calm(apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-443"))), latency_s=ANSWER_S) as lab:
        yield lab


@pytest.fixture(scope="module")
def quick() -> Iterator[Lab]:
    with running(calm(apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-443")))) as lab:
        yield lab


@contextlib.contextmanager
def started(lab: Lab, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*PROGRAM, HOST, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path.home(),
        env=environment(**lab.handout.environment),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def pressed(lab: Lab, moment: str, *words: str, times: int = 1) -> tuple[int, str, str, float]:
    """Press Ctrl-C at a moment: while the program loads its libraries, or once a source has been asked.

    Returns:
        Exit code, standard output, standard error, and the seconds from the key to the end.
    """
    before = {name: len(calls) for name, calls in lab.requests.items()}
    with started(lab, *words) as process:
        if moment == "loading":
            until(lambda: b"msgspec" in Path(f"/proc/{process.pid}/maps").read_bytes())
        else:
            until(lambda: len(lab.requests[moment]) > before[moment])
        began = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05 if times > 1 else 0)
        out, err = process.communicate(timeout=100)
        elapsed = time.monotonic() - began
    return process.returncode, out.decode(), err.decode(), elapsed


MOMENTS = ["loading", "dns.system", "kube", "hetzner", "cloudflare"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs to see what a process has loaded")
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_one_json_object_with_what_is_known(slow: Lab, moment: str) -> None:
    code, out, err, elapsed = pressed(slow, moment, "--json")
    value = held_json(out, code)

    assert value["interrupted"] is True
    assert code == 3
    held(out + err, secrets_of(slow))
    assert elapsed < PROMPTLY_S
    if moment != "loading":
        assert value["walk"]["id"] == "public"
        assert "the run was interrupted" in out


def test_ctrl_c_in_a_terminal_report(slow: Lab) -> None:
    code, out, err, elapsed = pressed(slow, "kube")

    assert code == 3
    assert "interrupted: this is only what was known until then" in out
    assert err == ""
    held(out, secrets_of(slow))
    assert elapsed < PROMPTLY_S


def test_ctrl_c_twice_ends_without_a_traceback(slow: Lab) -> None:
    code, out, err, elapsed = pressed(slow, "kube", times=2)

    assert code in (3, 130, -signal.SIGINT)
    held(out + err, secrets_of(slow))
    assert elapsed < PROMPTLY_S


@pytest.mark.parametrize("words", [["route", f"https://{HOST}/"], ["targets"], ["access"]])
def test_ctrl_c_in_other_commands(slow: Lab, words: list[str]) -> None:
    before = len(slow.requests["kube"])
    env = environment(**slow.handout.environment)
    process = subprocess.Popen(
        [*PROGRAM, *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path.home(), env=env
    )
    try:
        until(lambda: len(slow.requests["kube"]) > before)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = (text.decode() for text in process.communicate(timeout=100))
        elapsed = time.monotonic() - began
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

    assert process.returncode == 3
    assert json.loads(out)["error"]["kind"] == "interrupted"
    assert err.startswith("Error: Interrupted")
    held(out + err, secrets_of(slow))
    assert elapsed < PROMPTLY_S


HOSTS = [
    pytest.param("www wecare gr", id="spaces"),
    pytest.param("👻.wecare.gr", id="emoji"),
    pytest.param("w" * 300 + ".gr", id="300-characters"),
    pytest.param("$(reboot).wecare.gr", id="command-substitution"),
    pytest.param("www.wecare.gr;id", id="semicolon"),
    pytest.param("`id`.wecare.gr", id="backticks"),
    pytest.param("www.wecare.gr|cat", id="pipe"),
    pytest.param("www.wecare.gr\nHost: evil", id="line-break"),
    pytest.param("\x1b[31mwww.wecare.gr", id="escape"),
    pytest.param("[bold]www[/bold].wecare.gr", id="markup"),
    pytest.param("../../etc/passwd", id="path"),
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("command", [(), ("lab", "run", "wecare"), ("route",)], ids=["diagnose", "lab-run", "route"])
def test_a_host_that_is_none(command: tuple[str, ...], host: str) -> None:
    told = say(*command, "--json", "--", host)
    lines = told.err.splitlines()
    value = json.loads(told.out)

    assert told.code == value["exit_code"] == 2
    assert value["error"]["kind"] == "usage"
    assert [line.split(":")[0] for line in lines] == ["Error", "Hint"]


def test_a_full_disk_is_one_line_and_no_verdict(quick: Lab) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run(HOST, "--json", stdout=full.fileno(), env=dict(quick.handout.environment))

    assert done.returncode == 4
    assert done.stderr.splitlines() == ["Error: Cannot write to standard output: No space left on device."]


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_keep_the_exit_code(quick: Lab, redirect: str) -> None:
    command = ["sh", "-c", f'"$@" {redirect}', "sh", *PROGRAM, HOST, "--json"]
    env = environment(**quick.handout.environment)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)

    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout == "" or held_json(done.stdout, 1)["verdict"] == "broken"
    assert (done.stdout == "") == redirect.startswith(">&-")


@pytest.mark.parametrize("env", [{"COLUMNS": "80"}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"LANG": "C", "LC_ALL": "C"}])
def test_plain_text_of_80_columns(quick: Lab, env: dict[str, str]) -> None:
    done = run(HOST, env={"COLUMNS": "80", **quick.handout.environment, **env})
    prose = [line for line in done.stdout.splitlines() if not line.startswith(("  curl", "  hcloud", "  kubectl"))]

    assert done.returncode == 1
    assert done.stderr == ""
    assert max(map(len, prose)) <= 80
    held(done.stdout, secrets_of(quick))


def test_one_line_is_enough_for_the_reader(quick: Lab) -> None:
    command = ["sh", "-c", '"$@" | head -1', "sh", *PROGRAM, HOST, "--json"]
    env = environment(**quick.handout.environment)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)

    assert done.stdout == "{\n"
    assert done.stderr == ""
