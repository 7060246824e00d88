"""What goes where: nothing but the report on standard output, and no noise when nobody reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from build.program import PROGRAM, environment, run


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["config", "show"]])
def test_a_reader_who_left_is_no_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(*words, stdout=writing)
    finally:
        os.close(writing)

    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("words", [["schema"], ["config", "show"]])
def test_a_closed_standard_output_is_no_error(words: list[str]) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )

    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run("schema", stdout=full.fileno())

    assert done.returncode == 4
    assert done.stderr.splitlines() == ["Error: Cannot write to standard output: No space left on device."]


@pytest.mark.parametrize(
    ("variables", "isascii"),
    [({"PYTHONIOENCODING": "ascii"}, True), ({"LANG": "C.UTF-8"}, False)],
)
def test_the_encoding_of_the_stream_is_respected(variables: dict[str, str], isascii: bool) -> None:
    done = run("lab", "list", "wecare", env=variables)

    assert done.returncode == 0
    assert done.stdout.isascii() or not isascii


def test_no_colour_in_a_pipe() -> None:
    assert "\x1b" not in run("lab", "list").stdout


def test_config_init_writes_once(tmp_path: Path) -> None:
    first = run("config", "init", cwd=tmp_path)
    again = run("config", "init", cwd=tmp_path)
    forced = run("config", "init", "--force", cwd=tmp_path)
    shown = run("config", "show", cwd=tmp_path)

    assert (first.returncode, again.returncode, forced.returncode) == (0, 2, 0)
    assert "exists already" in again.stderr
    assert str(tmp_path / "ingressdoctor.toml") in shown.stdout


def test_config_init_to_standard_output() -> None:
    assert run("config", "init", "-").stdout.startswith("# ingressdoctor.toml")


def test_config_init_where_nothing_can_be_written(tmp_path: Path) -> None:
    done = run("config", "init", str(tmp_path / "no" / "such" / "x.toml"))

    assert done.returncode == 2
    assert "Cannot write" in done.stderr


def test_config_show_never_shows_a_secret() -> None:
    done = run("config", "show", env={"HCLOUD_TOKEN": "s3cr3t"})

    assert "env HCLOUD_TOKEN (set)" in done.stdout
    assert "s3cr3t" not in done.stdout + done.stderr
