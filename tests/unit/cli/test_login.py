"""The account for a MySQL port: where it comes from, when its password is asked for, and that it never shows."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from build.program import PROGRAM, environment, run
from build.values import replace
from ingressdoctor.cli.login import target_of, with_account, with_password
from ingressdoctor.cli.options import Login, Output, TargetChoice
from ingressdoctor.config import Settings
from ingressdoctor.config.settings import SqlSettings
from ingressdoctor.errors import UsageError
from ingressdoctor.model.target import Target

PASSWORD = "tr0ub4dor and three"
PROMPT = "Password of erp at db.example.org"
CONFIGURED = replace(Settings(), sql=SqlSettings(user="reader"))


@pytest.mark.parametrize(
    ("host", "what", "login", "account"),
    [
        pytest.param("db.example.org", TargetChoice(port=3306), Login(sql_user="erp"), "erp", id="option"),
        pytest.param("mysql://erp@db.example.org", TargetChoice(), Login(), "erp", id="url"),
        pytest.param("mysql://x@db.example.org", TargetChoice(), Login(sql_user="erp"), "erp", id="option-wins"),
        pytest.param("mysql://db.example.org", TargetChoice(), Login(), "reader", id="configuration"),
        pytest.param("db.example.org", TargetChoice(), Login(), "", id="not-for-http"),
    ],
)
def test_the_account(host: str, what: TargetChoice, login: Login, account: str) -> None:
    assert with_account(target_of(host, what, login), CONFIGURED).sql_user == account


@pytest.mark.parametrize(
    "login", [pytest.param(Login(sql_user="erp"), id="user"), pytest.param(Login(sql_password_file="f"), id="file")]
)
def test_an_account_for_a_web_site_is_a_mistake(login: Login) -> None:
    with pytest.raises(UsageError, match="is for a MySQL port") as caught:
        target_of("db.example.org", TargetChoice(), login)

    assert "--port 3306" in caught.value.hint


def test_nobody_is_asked_where_nobody_sits() -> None:
    target = Target.parse("mysql://erp@db.example.org")

    assert with_password(target, Settings(), Output()) is None


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration that leads nowhere."""
    path = tmp_path / "ingressdoctor.toml"
    path.write_text(
        'online.probe = ["127.0.0.1:9"]\nhttp.connect_to = ["::127.0.0.1:9"]\ndns.resolvers = ["127.0.0.1:9"]\n'
    )
    return str(path)


def on_a_terminal(*words: str, answer: str) -> str:
    """Run the program on a pseudo-terminal, answer its prompt if it has one, and return what it wrote there."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *words, "--timeout", "3"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=Path.home(),
        env=environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(slave)
    out, answered, end = b"", False, time.monotonic() + 60
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 1)
            if ready:
                out += os.read(master, 65536)
            elif process.poll() is not None:
                break
            if not answered and b"(Enter: no login): " in out:
                os.write(master, f"{answer}\n".encode())
                answered = True
    os.close(master)
    process.wait(30)
    return out.decode()


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(config: str) -> None:
    out = on_a_terminal("mysql://erp@db.example.org", "--config", config, answer=PASSWORD)

    assert out.count(PROMPT) == 1
    assert PASSWORD not in out
    assert "could not tell" in out


def test_for_json_nobody_is_asked(config: str) -> None:
    out = on_a_terminal("mysql://erp@db.example.org", "--json", "--config", config, answer=PASSWORD)

    assert "Password" not in out
    assert '"schema"' in out


def test_a_password_that_is_kept_somewhere_is_not_asked_for(config: str, tmp_path: Path) -> None:
    kept = tmp_path / "password"
    kept.write_text(PASSWORD)
    words = ("db.example.org", "--port", "3306", "--sql-user", "erp", "--sql-password-file", str(kept))
    out = on_a_terminal(*words, "--config", config, answer="")

    assert "Password" not in out
    assert PASSWORD not in out


def test_a_password_on_the_command_line_is_refused() -> None:
    done = run("mysql://erp:hunter2@db.example.org", "--json")

    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr
