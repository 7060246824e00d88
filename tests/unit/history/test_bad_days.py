"""Bad days of a sweep: killed, locked out, out of space, read-only, damaged, removed. What was written stays."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from build.history import HOST, at, look, report, sweep
from build.postgres import USER, Postgres, postgres_here
from build.program import environment
from build.sweep import names
from ingressdoctor.errors import HistoryError
from ingressdoctor.history import History, open_history
from ingressdoctor.history.journal import Begun, Journal, Kept, Told
from ingressdoctor.history.tables import SPAN

CHILD = """
import sys, time
from build.history import at, look
from ingressdoctor.history import open_history

history = open_history(sys.argv[1])
number = history.begin(at(0), "eu")
for count in range(700):
    history.record(number, look("down", 0, f"shop{count:03}.example.org", vantage=""))
if sys.argv[2] == "flushed":
    history.flush()
print("recorded", flush=True)
while True:
    for count in range(10):
        history.record(number, look("down", 0, f"more{count:03}.example.org", vantage=""))
    time.sleep(0.1)
"""

SMALL_DISK = """
import resource, signal, sys
from build.history import at, look, report
from ingressdoctor.history import open_history

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
history = open_history(sys.argv[1])
number = history.begin(at(0), "eu")
history.record(number, look("up", 0, "first.example.org"))
history.flush()
usual = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, usual[1]))
for count in range(2_000):
    history.record(number, look("up", 0, f"shop{count:04}.example.org", facts={"a.b/c": str(count) * 50}))
print(history.flush())
print(history.trouble)
resource.setrlimit(resource.RLIMIT_FSIZE, usual)
history.finish(number, report(at(0)))
print(history.trouble)
history.close()
"""

READ_ONLY = """
import os, pathlib, sys
from build.history import at, look
from ingressdoctor.history import open_history

path = pathlib.Path(sys.argv[1])
open_history(str(path) + ".other").close()
with open_history(str(path)) as history:
    history.record(history.begin(at(0), "eu"), look("up", 0))
path.chmod(0o444)
path.parent.chmod(0o555)
if os.geteuid() == 0:
    os.seteuid(65534)
from ingressdoctor.errors import HistoryError
try:
    open_history(str(path)).close()
except HistoryError as error:
    print(error.message)
    print(error.hint)
"""


@contextmanager
def child(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A real process that keeps a history; ended whatever happens."""
    tests = str(Path(__file__).parents[2])
    paths = os.pathsep.join((tests, os.environ.get("PYTHONPATH", "")))
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=paths),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def result_of(code: str, *words: str) -> list[str]:
    with child(code, *words) as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return out.splitlines()


def until(condition: object) -> None:
    """Wait for a condition, not for a clock."""
    assert callable(condition)
    for _ in range(1_200):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came")


@pytest.mark.parametrize("how", [pytest.param("flushed", id="flushed"), pytest.param("left", id="left-to-the-thread")])
def test_killed_in_the_middle(place: str, how: str) -> None:
    """What was flushed is there, and what was left to the thread comes by itself; the next sweep goes on from there."""
    with open_history(place) as history:
        with child(CHILD, place, how) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "recorded\n"
            if how == "left":
                until(lambda: len([name for name in history.names() if name.startswith("shop")]) == 700)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        kept = [name for name in history.names() if name.startswith("shop")]
        if place.startswith("sqlite"):
            with history._engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        following = sweep(history, look("up", 5, "shop000.example.org"))
        states = {record.id: record.state for record in history.sweeps()}
        state = history.since("shop000.example.org")

    assert len(kept) == 700
    assert states[following] == "finished"
    assert set(states.values()) == {"finished", "interrupted"}
    assert state is not None
    assert state.last_failing == at(0)


def short_of_patience(history: History) -> None:
    """Let the one connection of the pool wait no longer than a moment for a lock."""
    with history._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")


def test_locked_by_another_process(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with open_history(str(file)) as history:
        sweep(history, look("up", 0))
        short_of_patience(history)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            number = history.begin(at(5), "eu")
            history.record(number, look("down", 5))
            short_of_patience(history)
            assert not history.flush()
            trouble = history.trouble
            seen = history.since("never.example.org")
        history.finish(number, report(at(5)))
        cured = history.trouble
        state = history.since(HOST)
        sweeps = history.sweeps()

    assert number < 0
    assert trouble is not None
    assert (trouble.waiting, trouble.lost) == (1, 0)
    assert "is locked by another process" in trouble.message
    assert trouble.hint == f"See who has it open: fuser {file}"
    assert seen is None
    assert cured is None
    assert state is not None
    assert state.since == at(5)
    assert [(record.state, record.started) for record in sweeps] == [("finished", at(5)), ("finished", at(0))]


def test_the_disk_is_full_and_is_not_any_more(tmp_path: Path) -> None:
    """SQLite's own limit on the number of pages ends in the same error as a full disk."""
    with open_history(str(tmp_path / "history.db")) as history:
        number = history.begin(at(0), "eu")
        history._journal._thread = threading.current_thread()  # only this test writes
        with history._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for count in range(300):
            history.record(number, look("up", 0, f"shop{count}.example.org", facts={"a.b/c": str(count) * 99}))
        assert not history.flush()
        trouble = history.trouble
        with history._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        history.finish(number, report(at(0)))
        history._journal._thread = None
        known = history.names()
        cured = history.trouble

    assert trouble is not None
    assert trouble.message.startswith("The disk is full: the history ")
    assert trouble.waiting == 300
    assert cured is None
    assert len(known) == 300


def test_a_file_may_not_grow_for_a_while(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    flushed, trouble, cured = result_of(SMALL_DISK, str(file))

    assert flushed == "False"
    assert str(file) in trouble
    assert trouble.endswith("(2000 results wait)")
    assert cured == "None"
    with open_history(str(file)) as history:
        assert len(history.names()) == 2_001


def test_a_file_that_is_read_only() -> None:
    """For somebody who is not root, who may write anywhere."""
    with tempfile.TemporaryDirectory(prefix="ingressdoctor-") as name:
        folder = Path(name) / "kept"
        folder.mkdir()
        folder.parent.chmod(0o755)
        file = folder / "history.db"
        message, hint = result_of(READ_ONLY, str(file))
        folder.chmod(0o755)

    assert message == f"The history {file} cannot be written: it is read-only."
    assert hint == f"Check: ls -l {file} and mount {folder}"


def test_damaged_in_the_middle(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with open_history(str(file)) as history:
        sweep(history, look("up", 0))
        history._engine.dispose()
        with file.open("r+b") as raw:
            raw.seek(100)
            raw.write(b"\x5a" * (file.stat().st_size - 100))
        number = history.begin(at(5), "eu")
        history.record(number, look("down", 5))
        assert not history.flush()
        trouble = history.trouble

    assert trouble is not None
    assert trouble.message == f"The history {file} is damaged."
    assert trouble.hint.startswith(f"Put it aside, and sweep again: mv {file} {file}.damaged")
    assert trouble.waiting == 1


def test_removed_in_the_middle(tmp_path: Path) -> None:
    """SQLite would go on writing to the file that nobody can find any more."""
    file = tmp_path / "history.db"
    with open_history(str(file)) as history:
        number = history.begin(at(0), "eu")
        file.unlink()
        history.record(number, look("up", 0))
        assert not history.flush()
        trouble = history.trouble

    assert trouble is not None
    assert trouble.message == f"The history {file} was removed or replaced while it was open."
    assert not file.exists()


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    """The newest results are kept, and the loss stays known after the database is back."""
    file = tmp_path / "history.db"
    with open_history(str(file)) as history:
        history._journal._most = 100
        short_of_patience(history)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            number = history.begin(at(0), "eu")
            for name in names(250):
                history.record(number, look("down", 0, name, vantage=""))
            short_of_patience(history)
            assert not history.flush()
            during = history.trouble
        history.finish(number, report(at(0)))
        after, known = history.trouble, history.names()

    assert during is not None
    assert (during.waiting, during.lost) == (100, 150)
    assert after is not None
    assert (after.waiting, after.lost) == (0, 150)
    assert "whole no more" in after.message
    assert known == names(100, start=151)


def test_a_journal_writes_in_order_and_no_host_twice_in_a_batch() -> None:
    written: list[tuple[str, ...]] = []

    def write(entries: object) -> None:
        assert isinstance(entries, list)
        written.append(tuple(e.outcome.name if isinstance(e, Kept) else "begin" for e in entries))

    journal = Journal(write)
    journal._thread = threading.current_thread()
    journal.add(Begun(sweep=-1, vantage="", started_ms=0))
    for name in ("a", "b", "a", "c"):
        journal.add(Kept(sweep=-1, outcome=look("up", 0, name)))
    journal.flush()

    assert written == [("begin", "a", "b"), ("a", "c")]


def test_a_slow_database_is_waited_for() -> None:
    """Only one that fails costs results."""
    gate, written = threading.Event(), list[str]()

    def write(entries: object) -> None:
        assert isinstance(entries, list)
        gate.wait(60)
        written.extend(entry.outcome.name for entry in entries)

    journal = Journal(write, most=30)
    for number in range(50):
        # Nobody writes meanwhile: more may wait for some time, and who hands them in is held up only for moments.
        journal.add(Kept(sweep=1, outcome=look("up", 0, f"{number}")))
    gate.set()
    journal.close()

    assert written == [str(number) for number in range(50)]
    assert journal.lost == 0


def test_a_database_that_is_far_too_slow_costs_the_oldest() -> None:
    gate, written = threading.Event(), list[str]()

    def write(entries: object) -> None:
        assert isinstance(entries, list)
        gate.wait(60)
        written.extend(entry.outcome.name for entry in entries)

    journal = Journal(write, most=10)
    journal._thread = threading.current_thread()  # only this test writes
    for number in range(50):
        journal.add(Kept(sweep=1, outcome=look("up", 0, f"{number}")))
    gate.set()
    assert journal.flush()

    assert written == [str(number) for number in range(30, 50)]
    assert journal.lost == 30


def test_incidents_of_many_sweeps_that_nobody_could_write_do_not_pile_up() -> None:
    def write(entries: object) -> None:
        raise HistoryError("gone")

    journal = Journal(write)
    journal._thread = threading.current_thread()
    for number in range(100):
        journal.add(Told(sweep=number, incidents=()))
    assert not journal.flush()

    assert [entry.sweep for entry in journal._waiting] == list(range(80, 100))
    assert journal.lost == 0


@contextmanager
def shut(server: Postgres, database: str) -> Iterator[None]:
    """A database that ends every connection and lets nobody in."""
    server.do(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    server.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    try:
        yield
    finally:
        server.do(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")


@pytest.mark.debian
@postgres_here
def test_a_server_that_goes_away_and_comes_back(server: Postgres) -> None:
    url = server.new_database()
    database = url.rpartition("/")[2]
    with open_history(url) as history:
        sweep(history, look("up", 0))
        with shut(server, database):
            number = history.begin(at(5), "eu")
            history.record(number, look("down", 5))
            assert not history.flush()
            trouble = history.trouble
        history.finish(number, report(at(5)))
        cured, state = history.trouble, history.since(HOST)

    assert trouble is not None
    assert trouble.waiting == 1
    assert f"postgresql://{USER}@127.0.0.1:{server.port}/{database}" in trouble.message
    assert "planted" not in f"{trouble}{trouble.hint}{history!r}{history._place!r}{history._engine!r}"
    assert cured is None
    assert state is not None
    assert state.since == at(5)


@pytest.mark.debian
@postgres_here
def test_a_connection_that_breaks_between_two_batches(server: Postgres) -> None:
    url = server.new_database()
    with open_history(url) as history:
        number = history.begin(at(0), "eu")
        server.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ingressdoctor'")
        history.record(number, look("up", 0))
        history.finish(number, report(at(0)))
        with history._engine.connect() as connection:
            spans = connection.execute(sa.select(sa.func.count()).select_from(SPAN)).scalar_one()

    assert history.trouble is None
    assert spans == 1


@pytest.mark.debian
@postgres_here
def test_a_standby_is_read_only(server: Postgres) -> None:
    url = server.new_database()
    database = url.rpartition("/")[2]
    with open_history(url) as history:
        server.do(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        history._engine.dispose()
        history.begin(at(0), "eu")
        trouble = history.trouble
        server.do(f"ALTER DATABASE {database} SET default_transaction_read_only = off")
        history._engine.dispose()

    assert trouble is not None
    assert trouble.message.endswith(" is read-only.")
    assert trouble.hint == "Name the primary server, not a standby."
