"""The tunnel walk with less to look at: without API, cluster or token, with a file of rules; and what stays public."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.program import run
from build.tunnel import a_rule, a_text
from build.values import replace
from ingressdoctor.api import Status, Target
from ingressdoctor.config import Settings, load_settings
from ingressdoctor.lab import Lab, World, running
from ingressdoctor.model.report import Report
from ingressdoctor.wiring import RunOptions, open_session

PANEL = "grafana-ecnv4-mgmt.ecommercen.com"
SWAPPED = "phpmyadmin-wecare-ecnv4-mgmt.ecommercen.com"
MEANT = "wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com"
RULE = "rule 2 of ConfigMap cloudflared/cloudflared-config"
TOKENS = ("CF_ACCESS_CLIENT_ID", "CF_ACCESS_CLIENT_SECRET")


@pytest.fixture(scope="module")
def lab(wecare: World) -> Iterator[Lab]:
    with running(wecare) as lab:
        yield lab


def diagnosed(lab: Lab, host: str, *without: str, cluster: bool = True) -> Report:
    """Diagnose *host* without some variables of the environment, and perhaps without a kubeconfig."""
    settings: Settings = load_settings(str(lab.handout.config))
    if not cluster:
        settings = replace(settings, kubernetes=replace(settings.kubernetes, kubeconfig="/nowhere/kubeconfig"))
    environ = {name: value for name, value in lab.handout.environment.items() if name not in without}

    async def diagnose() -> Report:
        async with open_session(settings, environ=environ) as session:
            return await session.diagnose(Target.parse(host), RunOptions())

    return asyncio.run(diagnose())


def walk_of(report: Report) -> str:
    return report.walk.id if report.walk is not None else ""


def of_status(report: Report, status: Status) -> list[str]:
    return [result.check.id for step in report.steps for result in step.results if result.status is status]


def errors(report: Report) -> list[str]:
    return [result.error for step in report.steps for result in step.results if result.error]


GAPS = [
    pytest.param((), True, "its record at Cloudflare leads", id="everything"),
    pytest.param(("CLOUDFLARE_API_TOKEN",), True, RULE, id="without-the-api"),
    pytest.param(("CLOUDFLARE_API_TOKEN", *TOKENS), True, RULE, id="without-api-and-service-token"),
    pytest.param((), False, "its record at Cloudflare leads", id="without-the-cluster"),
    pytest.param(("CLOUDFLARE_API_TOKEN",), False, "Cloudflare Access asks visitors", id="from-outside-only"),
    pytest.param(("CLOUDFLARE_API_TOKEN", *TOKENS), False, "Cloudflare Access asks visitors", id="with-nothing"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("without", "cluster", "ground"), GAPS)
def test_less_to_look_at_is_still_the_right_walk(
    lab: Lab, without: tuple[str, ...], cluster: bool, ground: str
) -> None:
    report = diagnosed(lab, PANEL, *without, cluster=cluster)

    assert walk_of(report) == "tunnel"
    assert ground in report.ground
    assert of_status(report, Status.FAIL) == []
    assert errors(report) == []


@pytest.mark.lab
@pytest.mark.parametrize(
    "without", [pytest.param((), id="with-api"), pytest.param(("CLOUDFLARE_API_TOKEN",), id="without")]
)
def test_a_misspelt_name_is_answered_with_the_right_one(lab: Lab, without: tuple[str, ...]) -> None:
    report = diagnosed(lab, SWAPPED, *without)

    assert report.diagnosis.causes[0].check_id == "rule.host-missing"
    assert MEANT in report.diagnosis.headline


@pytest.mark.lab
def test_a_public_name_asks_nobody_for_cloudflared(lab: Lab) -> None:
    before = len(lab.requests["kube"])

    report = diagnosed(lab, "www.wecare.gr")

    asked = [path for _, path, _ in lab.requests["kube"][before:]]
    assert walk_of(report) == "public"
    assert not [path for path in asked if "cloudflared" in path or path.endswith(("/deployments", "/daemonsets"))]


@pytest.mark.lab
def test_the_rules_of_a_file_decide(lab: Lab, tmp_path: Path) -> None:
    wrong = tmp_path / "config.yml"
    wrong.write_text(a_text(a_rule(PANEL, "tcp://grafana.monitoring.svc:80"), "- service: http_status:404", top=""))

    done = run(PANEL, "--json", "--cloudflared-config", str(wrong), env=lab.handout.environment)

    report = json.loads(done.stdout)
    assert [cause["check"] for cause in report["diagnosis"]["causes"]] == ["rule.service-kind"]
