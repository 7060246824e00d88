"""A planted password comes out nowhere, whatever keeps it, whatever the server does, however it is told."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from build.planted import is_about_sql, leaks, password, shapes
from build.program import PROGRAM, environment, run
from ingressdoctor.lab import Lab, World, running
from unit.sources.test_sql import GREETING
from unit.sources.test_sql_login import OK, error, switch

pytestmark = pytest.mark.lab

HOST = "erp.wecare.gr"
SECRET = password("for the-erp")
OTHER = password("of-maxscale")
Answer = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def lab(wecare: World) -> Iterator[Lab]:
    with running(wecare) as started:
        yield started


@contextmanager
def server(*packets: bytes, pause_s: float = 0.0) -> Iterator[int]:
    """Greet everybody, and answer what comes with *packets*, one for each, then end the connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    stop = threading.Event()

    def talk(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(10)
            client.sendall(GREETING)
            for packet in packets:
                if not client.recv(4_096):
                    return
                client.sendall(packet)
            stop.wait(pause_s)

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                threading.Thread(target=talk, args=(client,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        thread.join(10)
        listener.close()


def clean(text: str) -> str:
    """Return what was written, after looking for both passwords in it, in every shape that they may have."""
    __tracebackhide__ = True
    for secret in (SECRET, OTHER):
        if any(shape in text for shape in shapes(secret)):
            pytest.fail("a planted password came out")
    return text


def env_of(lab: Lab, **over: str) -> dict[str, str]:
    """Return the lab's environment with its own SQL password taken out, and debugging on."""
    given = dict(lab.handout.environment)
    given.pop("INGRESSDOCTOR_SQL_PASSWORD", None)
    return {**given, "INGRESSDOCTOR_MAXSCALE_PASSWORD": OTHER, "INGRESSDOCTOR_DEBUG": "1", **over}


def config_of(lab: Lab, folder: Path, *lines: str) -> str:
    """Write the lab's configuration with a section about SQL, and return its path."""
    path = folder / "own.toml"
    text = lab.handout.config.read_text("utf-8")
    path.write_text("\n".join((text, "[sql]", 'user = "erp-db-user"', *lines, "")), "utf-8")
    return str(path)


def ask(lab: Lab, *words: str, port: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program, and look through all that it writes."""
    away = ("--connect-to", f":3306:127.0.0.1:{port}") if port else ()
    done = run(f"mysql://erp-db-user@{HOST}/wecare", *away, *words, env=env_of(lab, **env))
    clean(done.stdout + done.stderr + " ".join(map(str, done.args)))
    assert "Traceback" not in done.stderr
    return done


ECHO = error(1045, f"Access denied for 'erp' with password {SECRET}", state="28000")
SERVERS = [
    pytest.param((ECHO,), "1045", id="an-error-that-repeats-the-password"),
    pytest.param((OK, b""), "mysql.closed-after-ok", id="ok-and-then-the-end"),
    pytest.param((OK, error(1815, f"Internal error: {SECRET}", sequence=1)), "1815", id="an-error-after-ok"),
    pytest.param((switch("mysql_clear_password"), ECHO), "", id="asks-for-the-password-in-the-clear"),
    pytest.param((switch("client_ed25519"),), "PyMySQL[ed25519]", id="a-package-that-is-not-there"),
    pytest.param((b"\x01\x00\x00\x02\xff",), "mysql.login-refused", id="a-damaged-packet"),
    pytest.param((error(1156, SECRET, sequence=89),), "mysql.login-refused", id="a-packet-out-of-sequence"),
]


@pytest.mark.parametrize(("packets", "told"), SERVERS)
def test_whatever_the_server_does(lab: Lab, packets: tuple[bytes, ...], told: str) -> None:
    with server(*packets) as port:
        done = ask(lab, "--json", "-v", "--only", "mysql.*", port=port, INGRESSDOCTOR_SQL_PASSWORD=SECRET)

    assert told in done.stdout
    assert json.loads(done.stdout)["schema"] == "ingressdoctor.report/v1"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="terminal"),
        pytest.param(("-v",), id="verbose"),
        pytest.param(("--format", "markdown"), id="markdown"),
        pytest.param(("--json",), id="json"),
        pytest.param(("--only", "mysql.*", "--timeout", "0.5", "-v"), id="cut-short"),
    ],
)
def test_whatever_form_it_is_told_in(lab: Lab, words: tuple[str, ...]) -> None:
    with server(ECHO) as port:
        done = ask(lab, *words, port=port, INGRESSDOCTOR_SQL_PASSWORD=SECRET)

    assert done.stdout


def places(folder: Path) -> dict[str, tuple[tuple[str, ...], dict[str, str], str]]:
    """Return ways to keep a password, as (lines of [sql], variables, option)."""
    (folder / "password").write_text(f"{SECRET}\n")
    at = json.dumps(str(folder / "password"))
    return {
        "variable": ((), {"INGRESSDOCTOR_SQL_PASSWORD": SECRET}, ""),
        "own-variable": (('password = { env = "ERP_WORD" }',), {"ERP_WORD": SECRET}, ""),
        "file": ((f"password = {{ file = {at} }}",), {}, ""),
        "command": ((f'password = {{ command = ["cat", {at}] }}',), {}, ""),
        "option": ((), {}, str(folder / "password")),
    }


@pytest.mark.parametrize("kept", ["variable", "own-variable", "file", "command", "option"])
def test_whatever_it_is_kept_in(lab: Lab, tmp_path: Path, kept: str) -> None:
    """Each of them reaches the server, whose echo proves it, and is cut out of what is told."""
    lines, variables, option = places(tmp_path)[kept]
    words = ("--config", config_of(lab, tmp_path, *lines), *(("--sql-password-file", option) if option else ()))
    with server(ECHO) as port:
        done = ask(lab, *words, "--json", "--only", "mysql.*", port=port, **variables)

    assert "Access denied for 'erp' with password ***" in done.stdout


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param((f'password = "{SECRET}"',), "password", id="written-into-the-configuration"),
        pytest.param((f'password = {{ env = "{SECRET}" }}',), "", id="in-the-place-of-its-variables-name"),
        pytest.param((f'password = {{ value = "{SECRET}" }}',), "", id="under-a-name-that-is-none"),
        pytest.param(
            ('password = { command = ["sh", "-c", "cat password >&2; exit 3"] }',), "", id="a-command-that-fails"
        ),
        pytest.param(('password = { file = "two-lines" }',), "line breaks", id="two-lines"),
        pytest.param(
            ('password = { command = ["sh", "-c", "cat password; sleep 60"] }',), "", id="a-command-that-hangs"
        ),
    ],
)
def test_mistakes_with_it(lab: Lab, tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "two-lines").write_text(f"{SECRET}\n{OTHER}\n")
    local = tuple(line.replace("cat password", f"cat {tmp_path / 'password'}") for line in lines)
    with server(ECHO) as port:
        done = ask(lab, "--config", config_of(lab, tmp_path, *local), "-v", "--only", "mysql.*", port=port)

    assert said in done.stdout + done.stderr
    shown = run("config", "show", "--config", str(tmp_path / "own.toml"), env=env_of(lab))
    clean(shown.stdout + shown.stderr)


def test_a_password_in_the_target_is_refused_and_not_repeated(lab: Lab) -> None:
    for words in ((), ("--json",)):
        done = run(f"mysql://erp:{SECRET.replace(' ', '%20')}@{HOST}/wecare", *words, env=env_of(lab))
        text = done.stdout + done.stderr

        assert done.returncode == 2
        assert "planted" not in text
        assert "password" in text


def test_a_prompt_shows_nothing_of_what_is_typed(lab: Lab) -> None:
    """At a terminal it is asked for, on standard error, and not echoed."""
    master, slave = pty.openpty()
    with server(ECHO) as port:
        words = (f"mysql://erp-db-user@{HOST}/", "-v", "--only", "mysql.*", "--connect-to", f":3306:127.0.0.1:{port}")
        process = subprocess.Popen(
            [*PROGRAM, *words],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            env=environment(**env_of(lab)),
            cwd=Path.home(),
            start_new_session=True,
        )
        os.close(slave)
        said = _typed(master, process)
        out, _ = process.communicate(timeout=60)
    said += _rest(master)

    assert "Password of erp-db-user" in said
    assert "Access denied for 'erp' with password ***" in out.decode()
    clean(said + out.decode())


def _typed(master: int, process: subprocess.Popen[bytes]) -> str:
    """Wait for the question, answer it, and return what the terminal showed until then."""
    said, end = "", time.monotonic() + 60
    while "no login): " not in said and time.monotonic() < end and process.poll() is None:
        if select.select([master], [], [], 0.2)[0]:
            said += os.read(master, 4_096).decode(errors="replace")
    # The echo is off before the question is shown, so what is typed now cannot be seen.
    os.write(master, f"{SECRET}\n".encode())
    return said


def _rest(master: int) -> str:
    said = b""
    with contextlib.suppress(OSError):
        while select.select([master], [], [], 0.2)[0]:
            said += os.read(master, 65_536)
    os.close(master)
    return said.decode(errors="replace")


def test_the_real_path_tells_neither_password(lab: Lab) -> None:
    """The lab's own MariaDB, with the password that the lab handed out: a whole diagnosis, told in full."""
    handed = lab.handout.environment.get("INGRESSDOCTOR_SQL_PASSWORD", "")
    api = lab.handout.environment.get("INGRESSDOCTOR_MAXSCALE_PASSWORD", "")
    done = run(f"mysql://erp-db-user@{HOST}/wecare", "--json", "-v", env=dict(lab.handout.environment))
    text = done.stdout + done.stderr

    assert handed
    assert not any(shape in text for secret in (handed, api) if secret for shape in shapes(secret))
    assert "mysql.wrong-password" in text


def test_the_watch_over_all_sql_tests_sees_a_password() -> None:
    """What tests/conftest.py asks of every SQL test's output."""
    assert is_about_sql("tests/unit/sources/test_sql_login.py::test_x")
    assert not is_about_sql("tests/unit/sources/test_dns.py::test_x")
    assert leaks([("Captured stdout call", f"x {SECRET} y"), ("Captured log call", "fine")]) == (
        "Captured stdout call",
    )
    assert leaks([("Captured stderr call", SECRET.encode().hex())]) == ("Captured stderr call",)
    assert leaks([("Captured stdout call", "***")]) == ()
