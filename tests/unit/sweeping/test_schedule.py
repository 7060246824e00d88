from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ingressdoctor.errors import UsageError
from ingressdoctor.sweeping.schedule import alone, interval_of, repeat

HOLD = """\
import sys, time
from pathlib import Path
from ingressdoctor.sweeping.schedule import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("90s", 90), ("5m", 300), ("1h30m", 5400), (" 1D ", 86_400), ("7d", 604_800), ("1h1m1s", 3661)],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert interval_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "m5", "-5m", "0", "0s", "8d", "1.5h", "5m!", "٣m", "9" * 40])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        interval_of(text)


async def test_runs_never_overlap_and_missed_ones_are_told() -> None:
    stop, missed, running, ran = asyncio.Event(), list[int](), 0, 0

    async def once() -> None:
        nonlocal running, ran
        running += 1
        assert running == 1
        ran += 1
        await asyncio.sleep(0.35 if ran == 1 else 0)
        running -= 1
        if ran == 3:
            stop.set()

    await asyncio.wait_for(repeat(0.1, once, stop, missed.append), 30)

    assert ran == 3
    assert sum(missed) >= 2


async def test_a_stop_ends_the_wait_for_the_next_run() -> None:
    stop, ran = asyncio.Event(), 0

    async def once() -> None:
        nonlocal ran
        ran += 1
        asyncio.get_running_loop().call_soon(stop.set)

    await asyncio.wait_for(repeat(3600, once, stop, lambda _: None), 30)

    assert ran == 1


async def test_an_error_of_a_run_ends_the_schedule() -> None:
    async def once() -> None:
        raise UsageError("There is no target.")

    with pytest.raises(UsageError, match="There is no target"):
        await repeat(1, once, asyncio.Event(), lambda _: None)


def test_a_second_sweep_is_refused_while_the_first_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "sweep.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=rf"still going on \(process {holder.pid}\)"), alone(lock):
            pytest.fail("two held it")
    finally:
        holder.kill()
        holder.communicate(timeout=30)

    with alone(lock):
        assert lock.read_text().strip().isdigit()


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="Cannot make the lock"), alone(tmp_path / "file" / "sweep.lock"):
        pytest.fail("it was made")
