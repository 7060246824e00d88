"""What a command loads, and what its process leaves behind: nobody waits for what is not used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.program import PROGRAM, environment
from ingressdoctor.lab import load_world
from ingressdoctor.lab.lab import running

HOST = "www.wecare.gr"
DRAWING = {"rich", "pygments", "markdown_it"}
CLIENTS = {"kubernetes", "hcloud", "requests", "urllib3", "httpx", "httpcore", "h11", "dns", "cryptography", "yaml"}
RUN = (
    "import sys; from ingressdoctor.cli.app import run; code = run({words!r}, 'ingressdoctor');"
    "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[dict[str, str]]:
    with running(load_world("wecare")) as lab:
        yield dict(lab.handout.environment)


def loaded_by(code: str, **variables: str) -> set[str]:
    """Run *code* and return the modules that it names on its last line of standard error."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment(**variables),
    )
    return set(done.stderr.splitlines()[-1].split())


def test_a_diagnosis_as_json_draws_nothing(lab: dict[str, str]) -> None:
    loaded = loaded_by(RUN.format(words=[HOST, "--json"]), **lab)

    assert {"kubernetes", "hcloud", "httpcore", "dns", "cryptography"} <= loaded
    assert not loaded & (DRAWING | {"httpx", "click", "ingressdoctor.lab"})


def test_only_the_sources_that_the_chosen_checks_need_are_loaded(lab: dict[str, str]) -> None:
    loaded = loaded_by(RUN.format(words=[HOST, "--json", "--only", "dns.resolver-failing"]), **lab)

    assert "dns" in loaded
    assert not loaded & {"kubernetes", "hcloud", "requests", "urllib3"}


def test_help_loads_no_library_but_the_parsers() -> None:
    loaded = loaded_by(RUN.format(words=["--help"]))

    heavy = {"asyncio", "pydantic", "ssl", "email", "ingressdoctor.wiring", "ingressdoctor.evidence"}
    assert not loaded & (DRAWING | CLIENTS | heavy)


def test_the_api_loads_no_client_library() -> None:
    loaded = loaded_by("import sys, ingressdoctor.api; print(*sys.modules, file=sys.stderr)")

    assert not loaded & (DRAWING | CLIENTS | {"asyncio", "ssl", "typer"})


def test_the_process_ends_only_after_everybody_has_cleaned_up(lab: dict[str, str], tmp_path: Path) -> None:
    """The Kubernetes client writes certificates and keys to files, and removes them in an exit handler."""
    done = subprocess.run(
        [*PROGRAM, HOST, "--json"],
        capture_output=True,
        timeout=60,
        check=False,
        env=environment(**lab, TMPDIR=str(tmp_path)),
    )

    assert done.returncode == 0
    assert done.stdout.endswith(b"}\n")
    assert list(tmp_path.iterdir()) == []
