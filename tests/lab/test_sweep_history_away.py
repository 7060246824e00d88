"""Sweeps whose history is locked, read-only or of a newer version: it is said once, and costs nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from build.badday import held, say
from build.program import PROGRAM, environment
from build.sweeps import Watching
from build.values import replace
from ingressdoctor.config import load_settings
from ingressdoctor.history import History, open_history
from ingressdoctor.lab import Lab, apply_fault, load_fault, load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.sweep import SweepReport
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.wiring import open_session
from scenarios import PATIENCE

pytestmark = pytest.mark.lab

HOSTS = ("argocd.argo-lan.example", "echo.argo-lan.example", "grafana.argo-lan.example")
_LIBC = ctypes.CDLL(None)
_DROP_FROM_BOUNDING_SET, _DAC_OVERRIDE = 24, 1


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Something is broken there: what becomes of the history must not change the exit code."""
    world = apply_fault(load_world("argo-lan"), load_fault("argo-lan", "nginx-not-ready"))
    with running(replace(world, settings=merged(world.settings, PATIENCE))) as lab:
        yield lab


@contextlib.contextmanager
def locked(file: Path) -> Iterator[sqlite3.Connection]:
    """Hold the one lock for writing; ``COMMIT`` lets go of it."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def made(folder: Path) -> Path:
    """A history that holds nothing yet."""
    file = folder / "history.db"
    with open_history(str(file)) as history:
        assert history.names() == ()
    return file


def names_in(file: Path) -> tuple[str, ...]:
    with open_history(str(file)) as history:
        return history.names()


def states_in(file: Path) -> list[str]:
    with open_history(str(file)) as history:
        return [record.state for record in history.sweeps()]


# -- locked


def test_a_locked_history_is_said_once_and_with_what_is_lost(lab: Lab, tmp_path: Path) -> None:
    file = made(tmp_path)
    with locked(file):
        done = say("sweep", "--history", str(file), "--json", env=dict(lab.handout.environment))

    value = json.loads(done.out)
    assert (done.code, value["counts"]["broken"], value["incidents"][0]["state"]) == (1, 3, "open")
    assert done.err.splitlines() == [
        f"Error: The history {file} is locked by another process. 3 results are lost. See who has it open: fuser {file}"
    ]


@contextlib.contextmanager
def repeating(lab: Lab, file: Path) -> Iterator[subprocess.Popen[str]]:
    words = ("sweep", "--every", "1s", "--format", "jsonl", "--history", str(file))
    process = subprocess.Popen(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**lab.handout.environment),
    )
    guard = threading.Timer(240, process.kill)
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate()


def summary(process: subprocess.Popen[str]) -> dict[str, object]:
    """Read until the next sweep has ended."""
    assert process.stdout is not None
    for line in process.stdout:
        value = json.loads(line)
        if value["type"] == "summary":
            return dict(value)
    raise AssertionError("it ended too soon")


def test_what_waited_for_a_lock_is_written_when_it_is_gone(lab: Lab, tmp_path: Path) -> None:
    file = made(tmp_path)
    with locked(file) as other, repeating(lab, file) as process:
        assert process.stderr is not None
        first = summary(process)
        said = process.stderr.readline()
        second = summary(process)
        assert names_in(file) == ()
        other.execute("COMMIT")
        until_remembered = [summary(process) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=200)

    assert [item["exit_code"] for item in (first, second, *until_remembered)] == [1] * 4
    assert f"The history {file} is locked by another process." in said
    # Nothing is lost, and the trouble is not told a second time.
    assert "is locked" not in errors
    assert "lost" not in said + errors
    assert names_in(file) == HOSTS
    assert "interrupted" not in states_in(file)[-4:]


def test_ctrl_c_is_answered_while_the_history_is_locked(lab: Lab, tmp_path: Path) -> None:
    file = made(tmp_path)
    with locked(file), repeating(lab, file) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "outcome"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=200)

    held(errors)
    assert process.returncode in (1, 3)
    assert errors.count("is locked by another process") <= 1


def patient(history: History) -> None:
    """Let every connection wait a minute for the lock."""
    history._engine.dispose()
    sa.event.listen(history._engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout = 60000"))


def test_probes_and_timers_go_on_while_the_history_waits_for_a_lock(lab: Lab, tmp_path: Path) -> None:
    """The lock is let go of by a task of the same event loop: if that waited for the database, it would be in vain."""
    file = made(tmp_path)

    async def once(history: History) -> SweepReport:
        patient(history)
        with locked(file) as other:
            watching, ended = Watching(), asyncio.Event()

            async def let_go() -> None:
                await ended.wait()
                for _ in range(20):
                    await asyncio.sleep(0.02)
                other.execute("COMMIT")

            watching.on_done = lambda _: ended.set() if watching.told == len(HOSTS) else None
            letting_go = asyncio.create_task(let_go())
            environ = dict(lab.handout.environment)
            async with open_session(load_settings(str(lab.handout.config)), environ=environ) as session:
                report = await Sweeper(session, SweepOptions(), memory=history).once(watching, asyncio.Event())
            await letting_go
            return report

    with open_history(str(file)) as history:
        report = asyncio.run(once(history))
        assert history.trouble is None
        assert history.names() == HOSTS
        assert [item.id for item in history.incidents()] == [item.id for item in report.incidents]


# -- read-only


def without_power_over_files() -> None:
    """Let root be held to what files permit, as everybody else is."""
    _LIBC.prctl(_DROP_FROM_BOUNDING_SET, _DAC_OVERRIDE, 0, 0, 0)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "ingressdoctor"
    folder.mkdir()
    file = made(folder)
    file.chmod(0o444)
    folder.chmod(0o555)
    yield file
    folder.chmod(0o755)


NAMED = [pytest.param(True, id="asked-for"), pytest.param(False, id="the-usual-place")]


@pytest.mark.parametrize("named", NAMED)
def test_a_read_only_history_is_said_once(lab: Lab, read_only: Path, *, named: bool) -> None:
    tried = subprocess.run(["/bin/sh", "-c", f": >> {read_only}"], check=False, preexec_fn=without_power_over_files)
    if tried.returncode == 0:
        pytest.skip("whoever runs the tests may write everywhere")
    done = subprocess.run(
        [*PROGRAM, "sweep", "--json", *(("--history", str(read_only)) if named else ())],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=environment(**lab.handout.environment, XDG_STATE_HOME=str(read_only.parents[1])),
        preexec_fn=without_power_over_files,
    )
    refused(done.returncode, done.stdout, done.stderr, named=named)

    assert done.stderr.count(f"The history {read_only} cannot be written: it is read-only.") == 1


def refused(code: int, out: str, err: str, *, named: bool) -> None:
    """A place that was asked for is refused; without the usual place the sweep goes on, and says so."""
    held(out)
    held(err)
    value = json.loads(out)
    if named:
        assert (code, value["schema"], value["exit_code"]) == (2, "ingressdoctor.error/v1", 2)
        return
    assert (code, value["counts"]["broken"], value["incidents"][0]["state"]) == (1, 3, "open")
    assert err.rstrip().endswith("Nothing is remembered of this sweep.")
    assert err.count("\n") == 1


# -- newer


@pytest.mark.parametrize("named", NAMED)
def test_a_history_of_a_newer_version_is_said_once(lab: Lab, tmp_path: Path, *, named: bool) -> None:
    folder = tmp_path / "ingressdoctor"
    folder.mkdir()
    file = made(folder)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("UPDATE ingressdoctor_schema SET version_num = 'v9999'")
    before = file.read_bytes()
    words = ("--history", str(file)) if named else ()
    done = say("sweep", "--json", *words, env={**lab.handout.environment, "XDG_STATE_HOME": str(tmp_path)})
    refused(done.code, done.out, done.err, named=named)

    assert done.err.count("is from a newer version: its schema is v9999") == 1
    assert file.read_bytes() == before
