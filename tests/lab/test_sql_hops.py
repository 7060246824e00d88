"""Hops of the SQL path asked through real port-forwards, names that slip, and what other walks never ask for."""

from __future__ import annotations

import asyncio

import pytest

from build.values import replace
from ingressdoctor.api import Status, Target
from ingressdoctor.config import load_settings
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, made_ready, running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.finding import Finding
from ingressdoctor.model.report import Report
from ingressdoctor.wiring import RunOptions, open_session

HOST = "mysql://erp.wecare.gr"


def broken(world: World, name: str) -> World:
    return made_ready(apply_fault(world, load_fault("wecare", name)), HOST)


def diagnosed(lab: Lab, target: Target, walk: str = "") -> Report:
    settings = load_settings(str(lab.handout.config))

    async def diagnose() -> Report:
        async with open_session(settings, environ=lab.handout.environment) as session:
            return await session.diagnose(target, RunOptions(walk=walk))

    return asyncio.run(diagnose())


def finding_of(report: Report, check: str) -> Finding:
    (result,) = [item for step in report.steps for item in step.results if item.check.id == check]
    return result.findings[0]


@pytest.mark.lab
def test_the_first_two_hops_that_disagree_enclose_the_fault(wecare: World) -> None:
    with running(broken(wecare, "sql-proxy-lb-on-traefik-off")) as lab:
        report = diagnosed(lab, Target.parse(HOST))
    finding = finding_of(report, "sql.hops-disagree")

    assert finding.status is Status.FAIL
    assert finding.summary.startswith("Traefik greets (Pod traefik/traefik-")
    assert "the load balancer (203.0.113.10:3306) does not" in finding.summary
    assert [cause.check_id for cause in report.diagnosis.causes] == ["sql.proxy-mismatch"]


@pytest.mark.lab
def test_without_the_grant_hops_are_a_gap_and_the_cause_is_named_all_the_same(wecare: World) -> None:
    world = broken(wecare, "sql-proxy-lb-on-traefik-off")
    with running(replace(world, settings=merged(world.settings, {"rbac": {"allow": []}}))) as lab:
        report = diagnosed(lab, Target.parse(HOST))
    finding = finding_of(report, "sql.hops-disagree")

    assert finding.status is Status.UNKNOWN
    assert "403" in finding.summary
    assert "ingressdoctor-hop-probes" in finding.enable_with
    assert [cause.check_id for cause in report.diagnosis.causes] == ["sql.proxy-mismatch"]


@pytest.mark.lab
def test_names_walks_and_what_is_asked_for_them(wecare: World) -> None:
    with running(made_ready(wecare, HOST)) as lab:
        report = diagnosed(lab, Target.parse("mysql://erpp.wecare.gr"))
        assert finding_of(report, "dns.no-such-name").summary.endswith("Did you mean erp.wecare.gr?")

        report = diagnosed(lab, Target.parse("erp.wecare.gr"), walk="sql")
        assert report.target.url == "mysql://erp.wecare.gr/"
        assert finding_of(report, "sql.no-greeting").status is Status.PASS
        assert finding_of(report, "sql.hops-disagree").status is Status.SKIP

        lab.requests["kube"].clear()
        report = diagnosed(lab, Target.parse("www.wecare.gr"))
        paths = [path for _, path, _ in lab.requests["kube"]]
        assert report.walk is not None
        assert report.walk.id == "public"
        assert not [path for path in paths if "tcp" in path or "mariadb" in path or "portforward" in path]
