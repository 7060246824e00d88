"""``ingressdoctor sweep`` against a lab whose load balancer lost its targets: every form, as its readers read it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from build.program import PROGRAM, environment
from ingressdoctor.lab import apply_fault, load_fault, load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.render.sweep_v1 import line_schema, sweep_schema

pytestmark = pytest.mark.lab
CAUSE = "lb.no-targets"
BROKEN = "www.wecare.gr"


@pytest.fixture(scope="module")
def lab() -> Iterator[dict[str, str]]:
    world = apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-targets"))
    with running(world) as lab:
        yield dict(lab.handout.environment)


def swept(lab: dict[str, str], form: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "sweep", "--format", form, "--match", "*.wecare.gr", "--no-history", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment(**lab))


def test_the_summary_names_the_cause_once_with_all_that_it_breaks(lab: dict[str, str]) -> None:
    done = swept(lab, "terminal")
    first = done.stdout.splitlines()[0]

    assert first.startswith("✖ ")
    assert f"{CAUSE} on Load balancer" in first
    assert done.stdout.count(f"✖ {CAUSE}") == 1
    assert (done.returncode, done.stderr) == (1, "")


def test_json_fits_its_schema(lab: dict[str, str]) -> None:
    done = swept(lab, "json")
    value = json.loads(done.stdout)
    jsonschema.Draft202012Validator(sweep_schema()).validate(value)

    assert value["exit_code"] == done.returncode == 1
    (incident,) = [item for item in value["incidents"] if item["cause"]["check"] == CAUSE]
    assert BROKEN in incident["members"]


def test_every_line_is_an_object_and_the_last_one_the_summary(lab: dict[str, str]) -> None:
    values = [json.loads(line) for line in swept(lab, "jsonl").stdout.splitlines()]
    for value in values:
        jsonschema.Draft202012Validator(line_schema()).validate(value)

    assert {value["type"] for value in values[:-1]} == {"outcome"}
    assert values[-1]["type"] == "summary"
    assert values[-1]["counts"]["total"] == len(values) - 1


def test_a_reader_who_leaves_is_no_error(lab: dict[str, str]) -> None:
    command = " ".join(PROGRAM) + " sweep --format jsonl --match '*.wecare.gr' --no-history | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=100, check=False, env=environment(**lab)
    )

    assert json.loads(done.stdout)["type"] == "outcome"
    assert done.stderr == ""


def test_junit_has_a_case_for_every_target(lab: dict[str, str]) -> None:
    root = ET.fromstring(swept(lab, "junit").stdout)
    failed = {case.get("name"): case.find("failure") for case in root.iter("testcase")}

    failure = failed[BROKEN]
    assert failure is not None
    assert failure.get("type") == CAUSE
    assert int(root.get("tests", "0")) == len(failed)


def test_nagios_gets_one_line_and_its_own_exit_code(lab: dict[str, str]) -> None:
    done = swept(lab, "nagios")
    lines = done.stdout.splitlines()

    assert done.returncode == 2
    assert len(lines) == 1
    assert lines[0].startswith("INGRESSDOCTOR CRITICAL - ")
    assert f"{CAUSE} on Load balancer ecnv4-lb" in lines[0]


def test_prometheus_can_read_it(lab: dict[str, str]) -> None:
    found = {
        (sample.name, sample.labels.get("target") or sample.labels.get("check")): sample.value
        for family in text_string_to_metric_families(swept(lab, "prometheus").stdout)
        for sample in family.samples
    }

    assert found["ingressdoctor_target_up", BROKEN] == 0
    assert found["ingressdoctor_incident_active", CAUSE] == 1


def test_markdown_is_written(lab: dict[str, str]) -> None:
    lines = swept(lab, "markdown").stdout.splitlines()

    assert lines[0].startswith("## ✖ ")
    assert f"### {CAUSE} on Load balancer ecnv4-lb" in lines
