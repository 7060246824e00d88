"""``ingressdoctor explain``, as a user types it: files, standard input, lines; exit codes; JSON by its schema."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from build.program import PROGRAM, environment, run
from ingressdoctor.render.explain_v1 import ExplainV1
from ingressdoctor.render.schema_v1 import schema_of

FAULT = '2026-03-01T10:00:00Z ERR error="kubernetes service not found: shop/web" ingress=shop namespace=shop'
NOISE = '2026/03/01 10:00:00 [error] 1#1: *1 broken header: "" while reading PROXY protocol'
FINE = "2026-03-01T10:00:00Z INF Configuration loaded from flags."
ODD = "2026-03-01T10:00:00Z ERR nobody has seen this"


def piped(text: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, "explain", *words], input=text, capture_output=True, timeout=60, check=False, env=environment()
    )


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        pytest.param((FINE, FAULT, FAULT), 1, "the route's Service does not exist", id="a-fault"),
        pytest.param((FINE, NOISE), 0, "a health check of the load balancer", id="noise-only"),
        pytest.param((FINE, FINE), 0, "0 recognised", id="nothing-but-information"),
        pytest.param((FINE, ODD), 3, "not known", id="an-unknown-complaint"),
        pytest.param((FAULT, ODD), 1, "not known", id="a-fault-and-an-unknown-complaint"),
        pytest.param((), 3, "0 lines read", id="empty"),
    ],
)
def test_standard_input(lines: tuple[str, ...], code: int, says: str) -> None:
    done = piped("\n".join(lines).encode())

    assert done.returncode == code, done.stderr
    assert says in " ".join(done.stdout.decode().split())
    assert done.stderr == b""


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{FINE}\n{FAULT}")
    (tmp_path / "b.log").write_bytes(b"\xff\x00\x1b[2J\n" + FAULT.encode() + b"\n")

    done = run("explain", "a.log", "b.log", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    jsonschema.validate(told, schema_of(ExplainV1, "ingressdoctor.explain/v1"))

    assert done.returncode == told["exit_code"] == 1
    (meaning,) = told["meanings"]
    assert (meaning["id"], meaning["count"], meaning["first_line"], meaning["last_line"]) == (
        "traefik.service-missing-crd",
        2,
        2,
        4,
    )
    assert "backend.service-missing" in meaning["checks"]


def test_a_line_itself_and_whose_it_is() -> None:
    line = "x509: certificate is valid for a.example, not b.svc"
    anybody = json.loads(run("explain", "--line", line, "--json").stdout)
    known = json.loads(run("explain", "--line", line, "--program", "cloudflared", "--json").stdout)

    assert anybody["meanings"][0]["component"] == "tls"
    assert known["meanings"][0]["id"] == "cloudflared.origin-wrong-name"
    assert run("explain", "--line", "hello").returncode == 3


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("explain", "nowhere.log"), id="no-such-file"),
        pytest.param(("explain", "."), id="a-folder"),
        pytest.param(("explain", "--program", "apache", "--line", "x"), id="no-such-program"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_escapes_and_secrets_do_not_reach_the_terminal() -> None:
    done = piped(f"{FAULT} password=hunter22 \x1b[2J\x07\n{ODD} token eyJ{'a' * 60}\n".encode())

    assert done.returncode == 1
    assert b"\x1b" not in done.stdout
    assert b"hunter22" not in done.stdout
    assert b"aaaaaaaa" not in done.stdout


def test_a_long_log_is_read_to_its_end() -> None:
    done = piped(f"{FINE}\n{FAULT}\n".encode() * 5_000 + b"x" * 3_000_000, "--json")
    told = json.loads(done.stdout)

    assert (told["lines"], told["recognised"], len(told["meanings"])) == (10_001, 5_000, 1)


def test_ctrl_c_tells_what_was_read_so_far() -> None:
    lines = f"{FAULT}\n".encode() * 10_000
    with subprocess.Popen(
        [*PROGRAM, "explain", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines)  # more than a pipe holds: when this returns, the program is reading
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        told = json.loads(process.stdout.read())
        code = process.wait(60)

    assert (code, told["interrupted"]) == (1, True)
    assert 0 < told["lines"] <= 10_000


def test_json_loads_nothing_that_draws() -> None:
    code = (
        "import sys; from ingressdoctor.cli.app import run; run(['explain', '--line', 'x', '--json'], 'x');"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert not {"rich", "kubernetes", "httpcore", "dns", "cryptography"} & set(done.stderr.split())
