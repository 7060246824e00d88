"""MariaDB behind the route, real and imitated: the same clients get the same answers from both."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymysql
import pytest

from ingressdoctor.lab import Lab
from ingressdoctor.lab.serve.sql.mariadbd import is_installed, program
from lab.sql.sqlkit import USER, Operation, ask, log_in, packets_of, serving, tenant, to_mariadb

HEADER_SENT = tenant(
    "IngressRouteTCP", "maxscale-tcp-route", set={"spec.routes[0].services[0].proxyProtocol": {"version": 1}}
)


@pytest.fixture(
    params=[pytest.param("auto", marks=pytest.mark.debian, id="real"), pytest.param("never", id="imitation")]
)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "auto" and not is_installed():
        pytest.skip("mariadb-server is not installed")
    return str(request.param)


@pytest.fixture
def start(kind: str) -> Iterator[Any]:
    with ExitStack() as stack:

        def begin(*operations: Operation, **sql: Any) -> Lab:
            world = serving(*to_mariadb(), *operations, sql={"real": kind, **sql})
            return stack.enter_context(world)

        yield begin


def refused(lab: Lab, **login: Any) -> tuple[int, str | None]:
    """Errno and SQLSTATE of a login that must fail."""
    with pytest.raises(pymysql.err.OperationalError) as raised:
        log_in(lab, **login).close()
    return raised.value.args[0], getattr(raised.value, "sqlstate", None)


@pytest.mark.lab
def test_a_client_finds_the_pod_it_was_sent_to(start: Any) -> None:
    with log_in(start()) as connection:
        seen = ask(connection, "SELECT CURRENT_USER(), @@hostname, @@port, @@server_id, @@read_only, DATABASE()")

    assert seen[0] == f"{USER}@%"
    assert [str(value) for value in seen[1:]] == ["mariadb-0", "3306", "10", "0", "wecare"]


@pytest.mark.lab
@pytest.mark.parametrize(
    ("login", "answer"),
    [
        pytest.param({"password": "wrong"}, (1045, "28000"), id="wrong-password"),
        pytest.param({"password": ""}, (1045, "28000"), id="no-password"),
        pytest.param({"database": "nope"}, (1044, "42000"), id="a-database-that-the-account-may-not-know-of"),
    ],
)
def test_a_refused_login_is_refused_as_mariadb_does(start: Any, login: dict[str, str], answer: object) -> None:
    assert refused(start(), **login) == answer


@pytest.mark.lab
@pytest.mark.parametrize(
    ("sql", "operations", "answer"),
    [
        pytest.param({"locked": [USER]}, (), (4151, "HY000"), id="locked"),
        pytest.param({}, (tenant("User", USER, delete=True),), (1045, "28000"), id="no-such-account"),
    ],
)
def test_an_account_that_cannot_be_used_is_refused(
    start: Any, sql: dict[str, Any], operations: tuple[Operation, ...], answer: object
) -> None:
    errno, state = refused(start(*operations, account=USER, **sql))

    # An unknown user may be asked for another account's plugin by a real server.
    assert (errno, state) == answer or (answer == (1045, "28000") and errno in {1698, 2059})


@pytest.mark.lab
def test_an_account_may_open_as_many_connections_as_it_may(start: Any) -> None:
    lab = start(tenant("User", USER, set={"spec.maxUserConnections": 1}))

    with log_in(lab):
        assert refused(lab) == (1226, "42000")


@pytest.mark.lab
def test_a_server_that_takes_no_writes_says_1290(start: Any) -> None:
    with log_in(start(read_only=["mariadb-0"])) as connection:
        with pytest.raises(pymysql.err.MySQLError) as raised:
            ask(connection, "CREATE TABLE wecare.t (a INT)")
        assert raised.value.args[0] in {1142, 1290}
        assert ask(connection, "SELECT @@read_only") in {(1,), ("1",)}


@pytest.mark.lab
@pytest.mark.parametrize(
    ("networks", "answer"),
    [
        pytest.param("", (1, 1130, b"Proxy header is not accepted from 10.42."), id="nobody-is-listed"),
        pytest.param("10.9.0.0/16", (1, 1130, b"Proxy header is not accepted from 10.42."), id="somebody-else-is"),
    ],
)
def test_a_header_from_who_is_not_listed_is_1130_after_the_greeting(
    start: Any, networks: str, answer: tuple[int, int, bytes]
) -> None:
    config = f"[mariadb]\nproxy_protocol_networks={networks}\n"
    lab = start(
        tenant("MariaDB", "mariadb", set={"spec.myCnf": config}),
        HEADER_SENT,
    )

    (first, greeting), (sequence, second) = packets_of(lab, 2)

    assert (first, greeting[:1]) == (0, b"\x0a")
    assert (sequence, int.from_bytes(second[1:3], "little")) == answer[:2]
    assert answer[2] in second


@pytest.mark.lab
def test_a_header_from_who_is_listed_tells_the_clients_address(start: Any) -> None:
    lab = start(
        tenant("MariaDB", "mariadb", set={"spec.myCnf": "[mariadb]\nproxy_protocol_networks=10.42.0.0/16\n"}),
        HEADER_SENT,
    )

    with log_in(lab) as connection:
        assert ask(connection, "SELECT USER()") == (f"{USER}@198.51.100.23",)


@pytest.mark.lab
def test_transactions_keep_their_flags(start: Any) -> None:
    with log_in(start()) as connection:
        ask(connection, "START TRANSACTION")
        assert connection.server_status & 1
        ask(connection, "ROLLBACK")
        assert not connection.server_status & 1
        connection.ping(reconnect=False)
        with pytest.raises(pymysql.err.MySQLError):
            ask(connection, "NONSENSE")


@pytest.mark.lab
def test_a_server_is_gone_with_the_lab(kind: str) -> None:
    with serving(sql={"real": kind}) as lab:
        with log_in(lab):
            pass
        plane: Any = lab._plane
        real = [pod._real for pod in plane._databases._pods if pod._real is not None]
        processes = [server._process for server in real]
        folders = [server._folder for server in real]
        assert len(real) == (3 if kind == "auto" else 0)
    assert all(process.poll() is not None for process in processes)
    assert not any(folder.exists() for folder in folders)


STARTER = """
import asyncio, sys
from ingressdoctor.lab.serve.sql.mariadbd import Identity, Mariadbd
async def main():
    one = Mariadbd(Identity(version="11.4.8-MariaDB", server_id=1, read_only=False, script=""))
    await one.start()
    print(one.pid, one._folder, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.lab
@pytest.mark.debian
@pytest.mark.skipif(not is_installed(), reason="mariadb-server is not installed")
@pytest.mark.skipif(not program("setpriv"), reason="setpriv is not installed")
def test_a_server_ends_with_whoever_started_it_even_when_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid, folder = starter.stdout.readline().split()
        starter.kill()
    try:
        until = time.monotonic() + 30
        while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert not Path(f"/proc/{pid}/cmdline").exists()
    finally:
        shutil.rmtree(folder)
