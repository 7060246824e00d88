"""The examples for cron, systemd and Kubernetes do what they say: their commands run, and what they promise holds."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from build.program import environment, run
from ingressdoctor.lab import Lab, load_world, running

pytestmark = pytest.mark.lab

DEPLOY = Path(__file__).parents[2] / "docs/deploy"
PLACES = {"/etc/ingressdoctor": "etc", "/var/lib/ingressdoctor": "state", "/var/lib/node_exporter": "node"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(load_world("wecare")) as lab:
        yield lab


def cron_words() -> list[str]:
    (line,) = [line for line in (DEPLOY / "ingressdoctor.cron").read_text().splitlines() if line.startswith("*/")]
    return shlex.split(line.partition(">>")[0])[6:]


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / name)
    return parser


def service_words() -> list[str]:
    return shlex.split(unit("ingressdoctor-sweep.service")["Service"]["ExecStart"])


def objects() -> dict[str, Any]:
    found = yaml.safe_load_all((DEPLOY / "cronjob.yaml").read_text())
    return {item["kind"]: item for item in found}


def pod() -> Mapping[str, Any]:
    spec: Mapping[str, Any] = objects()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def swept(words: list[str], lab: Lab, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run an example's command with its places moved below *tmp_path* and the lab's configuration."""
    for folder in PLACES.values():
        (tmp_path / folder).mkdir()
    config = Path(lab.handout.environment["INGRESSDOCTOR_CONFIG"]).read_text(encoding="utf-8")
    (tmp_path / "etc/ingressdoctor.toml").write_text(config, encoding="utf-8")
    line = shlex.join(words)
    for place, folder in PLACES.items():
        line = line.replace(place, str(tmp_path / folder))
    moved = shlex.split(line)
    assert Path(moved[0]).name == "ingressdoctor"
    return run(*moved[1:], env={**lab.handout.environment, "XDG_STATE_HOME": str(tmp_path / "state")})


def test_the_command_for_cron_sweeps(lab: Lab, tmp_path: Path) -> None:
    done = swept(cron_words(), lab, tmp_path)

    assert done.returncode in (0, 1, 2), done.stderr
    assert done.stdout.startswith("INGRESSDOCTOR "), done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert (tmp_path / "state/history.db").is_file()
    assert "ingressdoctor_targets{" in (tmp_path / "node/ingressdoctor.prom").read_text()


def test_the_command_of_the_service_sweeps(lab: Lab, tmp_path: Path) -> None:
    done = swept(service_words(), lab, tmp_path)

    assert "hostnames" in done.stdout, done.stderr
    assert (tmp_path / "state/history.db").is_file()
    ends_well = {"0", *unit("ingressdoctor-sweep.service")["Service"]["SuccessExitStatus"].split()}
    assert str(done.returncode) in ends_well
    assert "2" not in ends_well
    assert "4" not in ends_well


def test_the_container_sweeps_with_its_own_configuration(lab: Lab, tmp_path: Path) -> None:
    (container,) = pod()["containers"]
    done = swept(["ingressdoctor", *container["args"]], lab, tmp_path)

    assert "hostnames" in done.stdout, done.stderr


def test_the_configuration_of_the_container_is_valid(tmp_path: Path) -> None:
    config = tmp_path / "ingressdoctor.toml"
    config.write_text(objects()["ConfigMap"]["data"]["ingressdoctor.toml"])

    done = run("config", "validate", "--config", str(config), env=environment())
    assert done.returncode == 0, done.stderr


def test_the_container_may_do_as_little_as_possible() -> None:
    spec = pod()
    (container,) = spec["containers"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/ingressdoctor", "/tmp"}
    values = {item["name"]: item.get("value", "") for item in container["env"]}
    assert values["HOME"] in writable
    assert values["XDG_STATE_HOME"] in writable
    assert {mount["name"] for mount in container["volumeMounts"]} == {item["name"] for item in spec["volumes"]}


def test_the_job_has_the_account_whose_rules_are_shipped() -> None:
    accounts = [
        item["metadata"]
        for item in yaml.safe_load_all((DEPLOY / "rbac.yaml").read_text())
        if item and item["kind"] == "ServiceAccount"
    ]

    job = objects()["CronJob"]
    assert {"name": pod()["serviceAccountName"], "namespace": job["metadata"]["namespace"]} in [
        {"name": item["name"], "namespace": item["namespace"]} for item in accounts
    ]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"


def test_no_example_holds_a_secret() -> None:
    for path in DEPLOY.iterdir():
        assert not re.search(r"(?i)(token|password)\s*[:=]\s*['\"]?[A-Za-z0-9]{20,}", path.read_text()), path.name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", ["ingressdoctor-sweep.service", "ingressdoctor-sweep.timer"])
def test_the_units_are_valid(name: str, tmp_path: Path) -> None:
    for each in DEPLOY.glob("ingressdoctor-sweep.*"):
        text = each.read_text().replace("/usr/local/bin/ingressdoctor", "/bin/true")
        (tmp_path / each.name).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    assert name not in done.stderr, done.stderr


def test_the_image_is_built_from_what_is_there() -> None:
    root, text = DEPLOY.parents[1], (DEPLOY / "Dockerfile").read_text()

    assert (root / "constraints.txt").is_file()
    assert "USER 65532" in text
    assert 'ENTRYPOINT ["ingressdoctor"]' in text
