"""A real MariaDB on loopback for one test module, and small TCP relays before it that change who seems to come.

The process is the lab's own (lab/serve/sql/mariadbd.py), told to listen on an ephemeral port as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from build.ports import free_port as free_port
from ingressdoctor.errors import LabError
from ingressdoctor.lab.serve.sql.mariadbd import Identity, Mariadbd, is_installed

HOST = "127.0.0.1"
mariadb_here = pytest.mark.skipif(not is_installed(), reason="mariadb-server is not installed")


def free_ports(count: int) -> tuple[int, ...]:
    """Return different ports that nobody listens on."""
    found: dict[int, None] = {}
    while len(found) < count:
        found[free_port()] = None
    return tuple(found)


class MariaDb:
    """One running server: its port, and what its administrator does through the socket."""

    def __init__(self, port: int, folder: Path, extra: int) -> None:
        self.port = port
        self.extra = extra
        self.folder = folder

    def do(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as root and return the rows of the last one."""
        with contextlib.closing(self.root()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def root(self) -> Any:
        """Open a connection of the administrator."""
        return pymysql.connect(
            unix_socket=str(self.folder / "socket"), user="root", autocommit=True, ssl_disabled=True, read_timeout=30
        )

    @contextmanager
    def having(self, **variables: str | int) -> Iterator[None]:
        """Set global variables while the block runs."""
        before = {name: self.do(f"SELECT @@GLOBAL.{name}")[0][0] for name in variables}
        self.do(*(f"SET GLOBAL {name} = {_literal(value)}" for name, value in variables.items()))
        try:
            yield
        finally:
            self.do(*(f"SET GLOBAL {name} = {_literal(value)}" for name, value in before.items()))


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


@contextmanager
def mariadb(*script: str, **variables: str) -> Iterator[MariaDb]:
    """Run a MariaDB that executes *script* first; *variables* are its options.

    Somebody may take the free port before the server does: then another one is tried.
    """
    for left in range(4, -1, -1):
        port, extra = free_ports(2)
        server = Mariadbd(_identity(script, {**variables, "port": str(port), "extra_port": str(extra)}))
        try:
            asyncio.run(server.start())
            break
        except LabError as error:
            log = _log_of(server)
            server.stop()
            if not left:
                raise AssertionError(f"{error}\n{log}") from None
    try:
        assert server._folder is not None
        _wait_for(port)
        yield MariaDb(port, server._folder, extra)
    finally:
        server.stop()


def _log_of(server: Mariadbd) -> str:
    """Return the end of the server's log: its last line alone is "Aborting", whatever went wrong."""
    path = server._folder / "error.log" if server._folder is not None else None
    return path.read_text("utf-8", "replace")[-3_000:] if path is not None and path.exists() else "no log"


def _identity(script: tuple[str, ...], variables: Mapping[str, str]) -> Identity:
    own = {"skip_networking": "0", "bind_address": HOST, "proxy_protocol_networks": ""}
    return Identity(
        version="10.11.19-MariaDB-0+deb12u1",
        server_id=11,
        read_only=False,
        script="".join(f"{line};\n" for line in script),
        variables={**own, **variables},
    )


def _wait_for(port: int) -> None:
    """Wait until a port accepts; the socket is there a moment before it."""
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"nobody listens on {port}")


@contextmanager
def relay(port: int, header: bytes = b"", source: str = HOST) -> Iterator[int]:
    """Pass connections on to *port* from the address *source*, with *header* before the first byte."""
    listener = socket.create_server((HOST, 0))
    listener.settimeout(0.2)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                threads.append(threading.Thread(target=_carry, args=(client, port, header, source), daemon=True))
                threads[-1].start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        thread.join(10)
        listener.close()
        for one in threads:
            one.join(10)


def _carry(client: socket.socket, port: int, header: bytes, source: str) -> None:
    with contextlib.suppress(OSError), client:
        client.settimeout(20)
        with socket.create_connection((HOST, port), 10, source_address=(source, 0)) as server:
            server.sendall(header)
            server.settimeout(20)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join(20)


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until the end, and pass that on, a reset as a reset."""
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def haproxy_program() -> str:
    """Return HAProxy's path, empty for none."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin") or ""


haproxy_here = pytest.mark.skipif(not haproxy_program(), reason="haproxy is not installed")


@contextmanager
def haproxy(folder: Path, *lines: str, client_s: int = 20) -> Iterator[int]:
    """Run HAProxy in TCP mode on an ephemeral port: *lines* are its backend; those of the frontend begin with ``>``."""
    for _ in range(5):
        port = free_port()
        config = folder / f"haproxy-{port}.cfg"
        config.write_text(_haproxy_config(port, lines, client_s))
        process = subprocess.Popen(
            [haproxy_program(), "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        if _serves(process, port):
            break
        said = process.communicate(timeout=30)[1]
    else:
        raise AssertionError(f"haproxy did not start: {said.decode(errors='replace')[-2_000:]}")
    try:
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _serves(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until a program listens; False when it ended, as it does where somebody else took its port."""
    for _ in range(600):
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return process.poll() is None
        threading.Event().wait(0.05)
    process.terminate()
    return False


def _haproxy_config(port: int, lines: tuple[str, ...], client_s: int) -> str:
    front = [line[1:] for line in lines if line.startswith(">")]
    bind = next((line for line in front if line.startswith("bind-with ")), "").removeprefix("bind-with ")
    return "\n".join(
        [
            "defaults",
            "  mode tcp",
            "  timeout connect 2s",
            f"  timeout client {client_s}s",
            "  timeout server 20s",
            "  retries 0",
            "frontend mysql",
            f"  bind {HOST}:{port} {bind}",
            "  default_backend servers",
            *(f"  {line}" for line in front if not line.startswith("bind-with ")),
            "backend servers",
            *(f"  {line}" for line in lines if not line.startswith(">")),
            "",
        ]
    )
