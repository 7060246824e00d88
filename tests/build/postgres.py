"""A real PostgreSQL on loopback for one test module, with a new database for each test.

The server refuses to run as root; then it runs as the user postgres, whom Debian's package makes.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from build.planted import password
from build.ports import free_port

HOST, USER = "127.0.0.1", "doctor"
PASSWORD = password("history")


def program(name: str) -> str:
    """Path of an installed program of PostgreSQL, the newest one; "" for none. Debian keeps them off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = next((folder / name for folder in reversed(folders) if (folder / name).exists()), None)
    return str(found or shutil.which(name) or "")


def is_installed() -> bool:
    """Whether a server can be started here: its programs are there, and somebody who may run them."""
    if not (program("initdb") and program("postgres")):
        return False
    if os.geteuid() != 0:
        return True
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam("postgres"))
    return False


postgres_here = pytest.mark.skipif(not is_installed(), reason="postgresql is not installed")


class Postgres:
    """One running server."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process
        self._made = 0

    def do(self, statement: str | sql.Composed, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the administrator."""
        with psycopg.connect(
            host=HOST, port=self.port, user=USER, password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def new_database(self) -> str:
        """Make an empty database and return its URL, with the password."""
        self._made += 1
        name = f"history{self._made}"
        self.do(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str, secret: str = PASSWORD) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}:{secret}@{HOST}:{self.port}/{database}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server with an empty data directory; somebody may take its port: then another one is tried."""
    folder = Path(tempfile.mkdtemp(prefix="ingressdoctor-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    try:
        _initialise(folder, user)
        for _ in range(5):
            port = free_port()
            process = _start(folder, user, port)
            if _accepts(process, port):
                break
            _stop(process)
        else:
            raise AssertionError(f"postgres did not start: {(folder / 'log').read_text('utf-8', 'replace')[-2_000:]}")
        try:
            yield Postgres(port, process)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(folder: Path, user: str | None) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    words = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={USER}", "--encoding=UTF8", "--locale=C"]
    done = subprocess.run(
        [program("initdb"), "-D", str(folder / "data"), *words, "--no-sync"],
        user=user,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    secret.unlink()
    assert done.returncode == 0, done.stderr[-2_000:]


def _start(folder: Path, user: str | None, port: int) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "shared_buffers": "16MB",
        "max_connections": "20",
    }
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [program("postgres"), "-D", str(folder / "data"), *words], user=user, cwd=folder, stdout=log, stderr=log
        )


def _accepts(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server lets us in; False when it has ended."""
    for _ in range(600):
        if process.poll() is not None:
            return False
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(
                host=HOST, port=port, user=USER, password=PASSWORD, dbname="postgres", connect_timeout=5
            ).close()
            return process.poll() is None
        threading.Event().wait(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its connections ("fast"), by its own id."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
