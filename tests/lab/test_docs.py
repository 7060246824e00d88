"""The examples of the pages run, and print what the pages say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from build.program import environment, run
from ingressdoctor.lab import Lab, load_world, running

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/writing-a-check.md").read_text(encoding="utf-8")
REPLICAS, TABLE, ROBOTS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
LAB_CALLS = re.findall(r"^\$ ingressdoctor (lab run .*)$", GUIDE, re.MULTILINE)
SECONDS = re.compile(r"\d+\.\d\d s\b")
AGES = re.compile(r"^  \d+ (s|min|h) +")
LINKS = re.compile(r"verified \d+ of \d+ links")


def stable(text: str) -> list[str]:
    """The lines without times and ages, and without how many links all checks together verify today."""
    lines = (AGES.sub("  0 min ", SECONDS.sub("0.00 s", line)) for line in text.strip().splitlines())
    return [LINKS.sub("verified all links", line).rstrip() for line in lines]


def test_the_report_in_the_readme_is_todays() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```console\n\$ ingressdoctor www\.wecare\.gr\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)

    printed = run("lab", "run", "wecare", "--fault", "pods-crashing-oom", "www.wecare.gr").stdout

    assert stable(shown) == stable(printed)


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    """The folder of the guide, with both of its files."""
    folder = tmp_path / "my-checks"
    folder.mkdir()
    (folder / "replicas.py").write_text(REPLICAS, encoding="utf-8")
    (folder / "robots.py").write_text(ROBOTS, encoding="utf-8")
    return folder


def asked(lab: Lab, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program in the lab with the folder named in its configuration, as the guide says."""
    config = folder.parent / "ingressdoctor.toml"
    base = Path(lab.handout.environment["INGRESSDOCTOR_CONFIG"]).read_text(encoding="utf-8")
    config.write_text(f'{base}\n[plugins]\nfolders = ["./{folder.name}"]\n', encoding="utf-8")
    return run(*words, env={**lab.handout.environment, "INGRESSDOCTOR_CONFIG": str(config)})


def test_the_checks_of_the_guide_run(checks: Path) -> None:
    with running(load_world("wecare")) as lab:
        listed = asked(lab, checks, "checks", "list", "--only", "acme.*")
        diagnosed = asked(lab, checks, "--only", "acme.*", "-v", "www.wecare.gr")

    assert "acme.single-replica" in listed.stdout
    assert "acme.robots" in listed.stdout
    assert diagnosed.returncode == 0, diagnosed.stdout + diagnosed.stderr
    assert "3 pods are ready." in diagnosed.stdout
    assert "robots.txt has" in diagnosed.stdout or "There is none." in diagnosed.stdout


@pytest.mark.parametrize("call", LAB_CALLS)
def test_the_calls_of_the_guide_run(checks: Path, call: str) -> None:
    done = run(*shlex.split(call), cwd=checks.parent)

    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "acme.single-replica" in done.stdout


def test_the_table_of_the_guide_passes(checks: Path) -> None:
    table = checks.parent / "test_replicas.py"
    table.write_text(TABLE, encoding="utf-8")
    path = f"{checks}:{environment().get('PYTHONPATH', '')}"

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(table)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=checks.parent,
        env=environment(PYTHONPATH=path),
    )

    assert f"{TABLE.count('pytest.param(')} passed" in done.stdout, done.stdout + done.stderr
