"""Wrong usage: one clear line and a hint on standard error, the right exit code, and JSON where it was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from build.program import PROGRAM, environment, run
from ingressdoctor.render.schema_v1 import ErrorOnlyV1, report_schema, schema_of

BAD_HOSTS = [
    pytest.param("a b", "not a hostname", id="space"),
    pytest.param("", "target is empty", id="empty"),
    pytest.param("👻.example.org", "not a hostname", id="emoji"),
    pytest.param("x" * 300, "", id="300-characters"),
    pytest.param("a." * 150 + "org", "has 303 characters", id="300-characters-in-labels"),
    pytest.param("$(reboot)", "not a hostname", id="command-substitution"),
    pytest.param("a;rm -rf .", "not a hostname", id="semicolon"),
    pytest.param("a|b", "not a hostname", id="pipe"),
    pytest.param("`id`", "not a hostname", id="backticks"),
    pytest.param("[red]x[/red]", "", id="rich-markup"),
    pytest.param("\x1b[31mred", "control character", id="escape"),
    pytest.param("2001:db8::1", "routing goes by name", id="ipv6"),
    pytest.param("192.0.2.1", "routing goes by name", id="ipv4"),
    pytest.param("ftp://x.org", "is not one of http", id="scheme"),
    pytest.param("x.org:99999", "1 to 65535", id="port"),
    pytest.param("https://u:hunter2@x.org", "password", id="password"),
]


@pytest.mark.parametrize(("host", "message"), BAD_HOSTS)
def test_a_bad_host_is_one_clear_line(host: str, message: str) -> None:
    done = run("--json", "--", host)
    first, *rest = done.stderr.splitlines()
    value = json.loads(done.stdout)

    assert done.returncode == 2
    assert first.startswith("Error: ")
    assert message in first
    assert rest[0].startswith("Hint: ")
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert "hunter2" not in done.stderr + done.stdout
    jsonschema.validate(value, report_schema())
    assert value["error"]["kind"] == "usage"


BAD_WORDS = [
    pytest.param(["--jsn", "x.org"], "No such option: --jsn", "Did you mean --json?", id="option"),
    pytest.param(["x.org", "--timeout", "fast"], "--timeout", "diagnose --help", id="number"),
    pytest.param(["x.org", "--timeout", "0"], "--timeout", "diagnose --help", id="out-of-range"),
    pytest.param(["x.org", "--port", "0"], "--port", "diagnose --help", id="port"),
    pytest.param(["x.org", "--format", "xml"], "--format", "diagnose --help", id="choice"),
    pytest.param(["x.org", "y.org"], "y.org", "diagnose --help", id="two-hosts"),
    pytest.param(["--json"], "HOST", "diagnose --help", id="no-host"),
    pytest.param(["chekcs"], "no command 'chekcs'", "Did you mean checks?", id="command"),
    pytest.param(["config", "vlidate"], "Did you mean 'validate'?", "config --help", id="subcommand"),
    pytest.param(["sweep", "x.org"], "no host as an argument: x.org", "ingressdoctor x.org; to sweep", id="sweep-host"),
    pytest.param(
        ["sweep", "x.org"], "argument", "sweep --match x.org; to sweep a list: ingressdoctor sweep -f", id="-f"
    ),
    pytest.param(["sweep", "*.x.org"], "argument: *.x.org", "Hint: To sweep those known that fit", id="sweep-pattern"),
    pytest.param(
        ["sweep", "--json", "https://x.org/a"],
        "https://x.org/a",
        "ingressdoctor https://x.org/a; to sweep a list",
        id="sweep-url",
    ),
    pytest.param(["sweep", "histroy"], "Did you mean 'history'?", "sweep --help", id="sweep-command"),
    pytest.param(["x.org", "--config", "/gone.toml"], "no configuration file /gone.toml", "config init", id="config"),
    pytest.param(["x.org", "--resolver", "dns.google"], "--resolver", "", id="resolver"),
    pytest.param(["x.org", "--connect-to", "a:b"], "--connect-to", "", id="connect-to"),
    pytest.param(["x.org", "--ca-file", "/gone.pem"], "--ca-file", "", id="ca-file"),
    pytest.param(["x.org", "--client-ip", "me"], "not an IP address", "--client-ip", id="client-ip"),
    pytest.param(["lab", "run", "wecaer"], "no world named 'wecaer'", "wecare", id="world"),
    pytest.param(["lab", "run", "wecare", "--fault", "lb-no-444"], "no fault 'lb-no-444'", "lb-no-443", id="fault"),
]


@pytest.mark.parametrize(("words", "message", "hint"), BAD_WORDS)
def test_bad_words_are_one_clear_line(words: list[str], message: str, hint: str) -> None:
    done = run(*words)
    lines = done.stderr.splitlines()

    assert done.returncode == 2
    assert lines[0].startswith("Error: ")
    assert message in lines[0]
    assert hint in " ".join(lines[1:])
    assert len(lines) <= 2
    if "--json" not in words:
        assert done.stdout == ""


def test_a_command_without_a_report_has_an_error_object_of_its_own() -> None:
    done = run("--json", "route", "a b")
    value = json.loads(done.stdout)

    assert done.returncode == 2
    jsonschema.validate(value, schema_of(ErrorOnlyV1, "x"))


def test_a_wrong_configuration_names_key_and_line(tmp_path: Path) -> None:
    (tmp_path / "ingressdoctor.toml").write_text("[dns]\nresolver = []\n")
    done = run("x.org", cwd=tmp_path)

    assert done.returncode == 2
    assert "line 2: unknown key dns.resolver" in done.stderr
    assert "Did you mean resolvers?" in done.stderr


def test_bytes_that_are_no_text() -> None:
    done = subprocess.run(
        [*PROGRAM, b"--json", b"--", b"\xff\xfe.org"], capture_output=True, timeout=60, check=False, env=environment()
    )

    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "usage"


def test_help_loads_nothing_heavy() -> None:
    """How long that takes is for ``make bench`` to say."""
    code = (
        "import sys; from ingressdoctor.cli.app import run; run(['--help'], 'x');"
        "print([m for m in ('rich', 'httpx', 'dns', 'kubernetes', 'hcloud', 'yaml', 'pydantic', 'asyncio',"
        "'cryptography', 'idna', 'ingressdoctor.wiring', 'ingressdoctor.model.report') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-h"],
        ["diagnose", "--help"],
        ["x.org", "--help"],
        *([name, "--help"] for name in ("route", "targets", "access", "demo", "schema", "lab", "config")),
        *(["checks", name, "--help"] for name in ("list", "show")),
        *(["lab", name, "--help"] for name in ("list", "run", "up")),
    ],
)
def test_every_help_fits_80_columns(words: list[str]) -> None:
    done = run(*words, env={"COLUMNS": "80"})

    assert done.returncode == 0
    assert done.stderr == ""
    assert "Usage: " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_nothing_typed_shows_the_help() -> None:
    done = run()

    assert done.returncode == 2
    assert "HOST|COMMAND" in done.stdout + done.stderr
    assert "Error" not in done.stderr


def test_version() -> None:
    assert run("--version").stdout.startswith("ingressdoctor 0.")


def test_schema_is_a_schema() -> None:
    for name in (
        (),
        ("report",),
        ("route",),
        ("targets",),
        ("access",),
        ("sweep",),
        ("sweep-line",),
        ("notification",),
        ("error",),
    ):
        jsonschema.Draft202012Validator.check_schema(json.loads(run("schema", *name).stdout))


def test_completion_is_offered() -> None:
    done = run(env={"_INGRESSDOCTOR_COMPLETE": "complete_bash", "COMP_WORDS": "ingressdoctor ro", "COMP_CWORD": "1"})

    assert "route" in done.stdout.split()


def test_kubectl_plugin_calls_itself_so() -> None:
    code = (
        "import sys; sys.argv = ['/usr/bin/kubectl-ingressdoctor', '--help'];"
        "from ingressdoctor.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())

    assert done.stdout.startswith("Usage: kubectl ingressdoctor ")
