"""Whole runs of the program against the embedded environment: exit codes, streams, Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from build.program import PROGRAM, environment, run
from ingressdoctor.render.schema_v1 import report_schema

pytestmark = pytest.mark.lab
FAULT = ("lab", "run", "wecare", "--fault", "lb-no-443")


@contextlib.contextmanager
def started(*words: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The program in the background; killed at the end if it is still there."""
    process = subprocess.Popen(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path.home(),
        env=environment(**env),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """``lab up`` in one process, its environment for others."""
    home = str(tmp_path_factory.mktemp("lab"))
    with started("lab", "up", "wecare", "--fault", "lb-no-443", HOME=home) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1].startswith("export "):
            lines.append(process.stdout.readline())
        assert lines[-1] == "# then: ingressdoctor www.wecare.gr\n"
        pairs = (line.removeprefix("export ").strip().split("=", 1) for line in lines[:-1])
        yield {name: value.strip("'") for name, value in pairs}
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def valid(text: str) -> dict[str, object]:
    value = json.loads(text)
    jsonschema.validate(value, report_schema())
    assert isinstance(value, dict)
    return value


def test_a_fault_is_exit_code_1_and_its_first_line_says_it() -> None:
    done = run(*FAULT)

    assert done.returncode == 1
    assert done.stdout.startswith("✖ www.wecare.gr is down at ")
    assert done.stderr == ""


def test_healthy_is_exit_code_0() -> None:
    done = run("lab", "run", "wecare", "--json")

    assert valid(done.stdout)["verdict"] in ("healthy", "degraded")
    assert done.returncode == 0


def test_from_a_second_terminal_with_only_the_printed_environment(up: dict[str, str]) -> None:
    for words in (["www.wecare.gr", "--json"], ["--json", "www.wecare.gr"], ["diagnose", "www.wecare.gr", "--json"]):
        done = run(*words, env=up)

        assert done.returncode == 1
        assert valid(done.stdout)["verdict"] == "broken"


def test_the_reader_takes_one_line_and_leaves(up: dict[str, str]) -> None:
    command = ["sh", "-c", '"$@" | head -1', "sh", *PROGRAM, "www.wecare.gr", "-v", "--timeout", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment(**up))

    assert done.stdout.startswith("✖ www.wecare.gr is down")
    assert "Broken" not in done.stderr
    assert "Exception" not in done.stderr


def test_closed_standard_output_keeps_the_exit_code(up: dict[str, str]) -> None:
    command = ["sh", "-c", '"$@" >&-', "sh", *PROGRAM, "www.wecare.gr"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment(**up))

    assert done.returncode == 1
    assert done.stderr == ""


def test_verbose_in_a_pipe_tells_progress_on_standard_error_only(up: dict[str, str]) -> None:
    done = run("www.wecare.gr", "-v", env=up)

    assert "walk public: " in done.stderr
    assert "looked at " in done.stderr
    assert "looked at " not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_a_part_of_the_checks_is_not_called_healthy(up: dict[str, str]) -> None:
    done = run("www.wecare.gr", "--only", "dns.*", env=up)

    assert done.returncode == 0
    assert "is healthy" not in done.stdout
    assert done.stdout.startswith("✔ www.wecare.gr: no failure in the part that was asked for (")


@pytest.fixture
def documented_check(tmp_path: Path) -> Path:
    """The sample of docs/writing-a-check.md, saved where that page says."""
    page = (Path(__file__).parents[3] / "docs" / "writing-a-check.md").read_text(encoding="utf-8")
    (tmp_path / "my-checks").mkdir()
    code = page.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "my-checks" / "replicas.py").write_text(code, encoding="utf-8")
    return tmp_path / "my-checks"


DOCUMENTED = [
    pytest.param(("wecare",), "pass", id="three-replicas"),
    pytest.param(("wecare", "--fault", "pods-crashing-oom"), "skip", id="none-ready"),
    pytest.param(("el-jefe",), "warn", id="one-replica"),
]


@pytest.mark.parametrize(("words", "status"), DOCUMENTED)
def test_the_documented_check_runs_as_its_page_says(
    documented_check: Path, words: tuple[str, ...], status: str
) -> None:
    done = run("lab", "run", *words, "--checks", str(documented_check), "--only", "acme.*", "--json")
    value: Any = json.loads(done.stdout)
    [said] = [result for step in value["steps"] for result in step["checks"]]

    assert said["id"] == "acme.single-replica"
    assert said["status"] == status


def test_lab_up_hands_out_folders_of_checks(documented_check: Path) -> None:
    with started("lab", "up", "wecare", "--checks", str(documented_check), HOME=str(documented_check)) as process:
        assert process.stdout is not None
        first = process.stdout.readline().strip()
        config = Path(first.removeprefix("export INGRESSDOCTOR_CONFIG="))
        text = config.read_text(encoding="utf-8")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0

    assert tomllib.loads(text)["plugins"]["folders"] == [str(documented_check)]


def test_a_folder_of_checks_that_is_not_there_is_named() -> None:
    done = run("lab", "up", "wecare", "--checks", "./nowhere")

    assert done.returncode == 2
    assert "--checks names './nowhere', which is no folder." in done.stderr


def test_markdown(up: dict[str, str]) -> None:
    assert run("www.wecare.gr", "--format", "markdown", env=up).stdout.startswith("## ✖ www.wecare.gr is down")


def test_an_unknown_host_is_answered_with_the_nearest(up: dict[str, str]) -> None:
    done = run("ww.wecare.gr", "--json", env=up)
    value = valid(done.stdout)

    assert done.returncode == 1
    assert "www.wecare.gr" in value["suggestions"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--walk", "publc"], "which does not exist", id="walk"),
        pytest.param(["--only", "dsn.*"], "No check matches 'dsn.*'", id="only"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(words: list[str], message: str, up: dict[str, str]) -> None:
    done = run("www.wecare.gr", "--json", *words, env=up)

    assert done.returncode == 2
    assert message in done.stderr
    assert valid(done.stdout)["error"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs to see what a process has loaded")
@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4, 0.7, 1.0, 1.4])
def test_ctrl_c_at_any_moment_gives_one_json_object(delay: float, up: dict[str, str]) -> None:
    """Whatever is running: exit code 3 when it was cut short, and never a traceback.

    Counted from when our own code loads its first library: before that, Python itself answers.
    """
    with started("www.wecare.gr", "--json", **up) as process:
        end = time.monotonic() + 60
        while b"msgspec" not in Path(f"/proc/{process.pid}/maps").read_bytes() and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    value = valid(out)

    assert "Traceback" not in err
    assert process.returncode == (3 if value["interrupted"] else 1)


def test_watch_writes_one_object_per_line_until_ctrl_c(up: dict[str, str]) -> None:
    with started("www.wecare.gr", "--json", "--watch", "0.5", **up) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert [valid(line)["verdict"] for line in lines] == ["broken", "broken"]
    assert process.returncode in (1, 3)


def test_wait_gives_up_in_time(up: dict[str, str]) -> None:
    began = time.monotonic()
    done = run("www.wecare.gr", "--wait", "--watch", "0.5", "--timeout-total", "8", env=up)

    assert done.returncode == 1
    assert done.stdout.count("www.wecare.gr is down") == 1
    assert "Trying again." in done.stderr
    assert time.monotonic() - began < 50


def test_route(up: dict[str, str]) -> None:
    done = run("route", "https://www.wecare.gr/cart", "--json", env=up)
    value = json.loads(done.stdout)

    assert done.returncode == 0
    assert value["winner"]["ref"] == "IngressRoute ecommercen-clients-wecare/adveshop4"
    assert "adveshop4" in run("route", "www.wecare.gr", env=up).stdout


def test_names_behind_a_tunnel_are_targets_and_have_a_route(up: dict[str, str]) -> None:
    name = "grafana-ecnv4-mgmt.ecommercen.com"
    hosts = {host["hostname"]: host for host in json.loads(run("targets", "--json", env=up).stdout)["hosts"]}
    done = run("route", f"https://{name}/", "--json", env=up)
    value = json.loads(done.stdout)

    assert (hosts[name]["walk"], hosts["www.wecare.gr"]["walk"]) == ("tunnel", "public")
    assert hosts[name]["objects"] == [
        "cloudflared ConfigMap cloudflared/cloudflared-config, key config.yaml",
        f"DNS record {name}",
    ]
    assert done.returncode == 0
    assert (value["schema"], value["where"]) == ("ingressdoctor.rules/v1", hosts[name]["objects"][0].partition(" ")[2])


def test_targets(up: dict[str, str]) -> None:
    hosts = [host["hostname"] for host in json.loads(run("targets", "--json", env=up).stdout)["hosts"]]

    assert "www.wecare.gr" in hosts
    assert "www.wecare.gr" in run("targets", env=up).stdout


def test_access(up: dict[str, str]) -> None:
    value = json.loads(run("access", "--json", env=up).stdout)

    assert {source["readable"] for source in value["sources"]} == {True}


def test_without_credentials_it_says_what_it_could_not_look_at(tmp_path: Path) -> None:
    """No kubeconfig, no token, no way out: every step unknown or failed, and still a report."""
    config = tmp_path / "ingressdoctor.toml"
    config.write_text('online.probe = ["127.0.0.1:9"]\nhttp.connect_to = ["::127.0.0.1:9"]\n')
    done = run("www.wecare.gr", "--json", "--timeout", "4", "--config", str(config), "--resolver", "127.0.0.1:9")
    value = valid(done.stdout)

    assert done.returncode in (1, 3)
    assert value["error"] is None
    assert "kubeconfig" in done.stdout


def on_a_terminal(*words: str, **env: str) -> str:
    """Run the program on a pseudo-terminal and return everything that it wrote there."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *words], stdin=slave, stdout=slave, stderr=slave, cwd=Path.home(), env=environment(**env)
    )
    os.close(slave)
    out, end = b"", time.monotonic() + 60
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 1)
            if ready:
                out += os.read(master, 65536)
            elif process.poll() is not None:
                break
    os.close(master)
    assert process.wait(10) == 1
    return out.decode()


def test_a_terminal_gets_colour_and_a_live_tree(up: dict[str, str]) -> None:
    out = on_a_terminal("www.wecare.gr", TERM="xterm", **up)

    assert "\x1b[1;31m" in out
    assert "\x1b[2K" in out


def test_no_color_is_respected_on_a_terminal(up: dict[str, str]) -> None:
    out = on_a_terminal("www.wecare.gr", TERM="xterm", NO_COLOR="1", **up)

    assert "\x1b[1;31m" not in out
    assert "\x1b[32m" not in out
    assert "✖ www.wecare.gr is down" in out


def test_a_dumb_terminal_gets_plain_text(up: dict[str, str]) -> None:
    assert "\x1b" not in on_a_terminal("www.wecare.gr", TERM="dumb", **up)


def test_demo_shows_a_report_and_what_to_try_next() -> None:
    done = run("demo")

    assert done.returncode == 0
    assert done.stdout.startswith("✖ www.wecare.gr is down")
    assert "lab list wecare" in done.stderr


def test_checks_and_walks_are_listed_and_shown() -> None:
    checks = [check["id"] for check in json.loads(run("checks", "list", "--json").stdout)["checks"]]
    walks = [walk["id"] for walk in json.loads(run("walks", "list", "--json").stdout)["walks"]]

    assert "lb.service-missing" in checks
    assert run("checks", "list", "--only", "dns.*").stdout.count("dns.") > 1
    assert "lb.service-missing" in run("checks", "show", "lb.service-missing").stdout
    assert "public" in walks
    assert "1 " in run("walks", "show", "public").stdout
    assert "Did you mean" in run("checks", "show", "lb.service-mising").stderr
    assert "Did you mean public?" in run("walks", "show", "publc").stderr


def test_config_validate() -> None:
    done = run("config", "validate")

    assert done.returncode == 0
    assert "valid, " in done.stdout
    assert "HCLOUD_TOKEN (not set)" in done.stderr
