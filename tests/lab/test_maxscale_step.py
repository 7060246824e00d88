"""MaxScale in the lab: with less to look at, over TLS, and through ports that are forwarded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from build.program import run
from build.values import replace
from ingressdoctor.api import Status, Target
from ingressdoctor.config import load_settings
from ingressdoctor.errors import SourceError
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, made_ready, running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.report import Report
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.kubernetes import LiveKubernetes
from ingressdoctor.wiring import RunOptions, open_session

NAMESPACE = "ecommercen-clients-wecare"
NAMED = "mysql://erp-db-user@erp.wecare.gr:3306/wecare"
MAXSCALE_PASSWORD = "INGRESSDOCTOR_MAXSCALE_PASSWORD"
SQL_PASSWORD = "INGRESSDOCTOR_SQL_PASSWORD"
MOST_REQUESTS = 20


@pytest.fixture(scope="module")
def lab(wecare: World) -> Iterator[Lab]:
    with running(made_ready(wecare, NAMED)) as lab:
        yield lab


def granting(world: World, *allowed: str) -> World:
    return replace(world, settings=merged(world.settings, {"rbac": {"allow": list(allowed)}}))


def diagnosed(lab: Lab, host: str = NAMED, *without: str, **maxscale: Any) -> Report:
    """Diagnose *host* without some variables of the environment, and with other settings of ``[maxscale]``."""
    settings = load_settings(str(lab.handout.config))
    settings = replace(settings, maxscale=replace(settings.maxscale, **maxscale))
    environ = {name: value for name, value in lab.handout.environment.items() if name not in without}

    async def diagnose() -> Report:
        async with open_session(settings, environ=environ) as session:
            return await session.diagnose(Target.parse(host), RunOptions())

    return asyncio.run(diagnose())


def finding_of(report: Report, check: str) -> tuple[Status, str]:
    (result,) = [item for step in report.steps for item in step.results if item.check.id == check]
    return result.status, result.findings[0].summary


def enabled_by(report: Report, check: str) -> str:
    (result,) = [item for step in report.steps for item in step.results if item.check.id == check]
    return result.findings[0].enable_with


def failed(report: Report) -> list[str]:
    return [item.check.id for step in report.steps for item in step.results if item.status is Status.FAIL]


@pytest.mark.lab
def test_a_healthy_maxscale_is_read_within_the_budget(lab: Lab) -> None:
    lab.requests["kube"].clear()
    report = diagnosed(lab)

    assert failed(report) == []
    assert finding_of(report, "mxs.api-refused")[0] is Status.PASS
    assert finding_of(report, "mxs.user-unknown")[0] is Status.PASS
    assert len(lab.requests["kube"]) <= MOST_REQUESTS


@pytest.mark.lab
def test_without_its_login_nothing_is_called_healthy_or_broken(lab: Lab) -> None:
    lab.requests["kube"].clear()
    report = diagnosed(lab, NAMED, MAXSCALE_PASSWORD)

    assert failed(report) == []
    assert finding_of(report, "mxs.no-master")[0] is Status.UNKNOWN
    assert "pods/proxy is not granted" in finding_of(report, "mxs.api-refused")[1]
    assert len(lab.requests["kube"]) <= MOST_REQUESTS


@pytest.mark.lab
def test_the_proxy_shows_that_the_api_is_alive(wecare: World) -> None:
    with running(granting(wecare, "pods/proxy")) as lab:
        report = diagnosed(lab, NAMED, MAXSCALE_PASSWORD)

    assert "is alive and wants a login (401)" in finding_of(report, "mxs.api-refused")[1]


@pytest.mark.lab
def test_without_the_grant_it_is_named(wecare: World) -> None:
    with running(granting(wecare)) as lab:
        report = diagnosed(lab)

    assert "pods/portforward is not granted" in finding_of(report, "mxs.api-refused")[1]
    assert "ingressdoctor-hop-probes" in enabled_by(report, "mxs.api-refused")


@pytest.mark.lab
def test_a_url_that_nobody_answers_costs_only_this_look(lab: Lab) -> None:
    report = diagnosed(lab, NAMED, url="http://127.0.0.1:9")

    assert finding_of(report, "mxs.api-refused")[0] is Status.UNKNOWN
    assert finding_of(report, "mysql.login-refused")[0] is Status.PASS


@pytest.mark.lab
def test_an_api_with_a_private_ca(wecare: World) -> None:
    """The operator's TLS: not trusted until its CA is named."""
    wanted = {"kind": "MaxScale", "namespace": NAMESPACE, "name": "maxscale"}
    patch = {"object": wanted, "set": {"spec.tls": {"enabled": True}}}
    fault = replace(load_fault("wecare", "sql-listener-stopped"), patch=(patch,))
    with running(apply_fault(wecare, fault)) as lab:
        report = diagnosed(lab)

    status, summary = finding_of(report, "mxs.api-refused")
    assert status is Status.UNKNOWN
    assert "certificate that is not trusted" in summary


@pytest.mark.lab
def test_no_report_holds_a_password(lab: Lab) -> None:
    environment = lab.handout.environment
    secrets = [environment[MAXSCALE_PASSWORD], environment[SQL_PASSWORD]]
    for form in ("json", "markdown", "terminal"):
        done = run(NAMED, "--format", form, "-v", env=environment)
        assert done.stdout
        assert not [secret for secret in secrets if secret in done.stdout + done.stderr]
        assert not [secret for secret in secrets if json.dumps(secret)[1:-1] in done.stdout]


def client(lab: Lab) -> LiveKubernetes:
    return LiveKubernetes(
        kubeconfig=lab.handout.environment["KUBECONFIG"], context=None, timeout_s=5.0, calls=CallLog()
    )


@pytest.mark.lab
@pytest.mark.parametrize(
    ("pod", "said"),
    [pytest.param("no-such-pod", "404", id="no-such-pod"), pytest.param("mariadb-0/../x", "4", id="an-odd-name")],
)
def test_a_forward_to_what_does_not_exist_is_refused(lab: Lab, pod: str, said: str) -> None:
    async def forward() -> None:
        source = client(lab)
        try:
            await source.forward(NAMESPACE, pod, 8989)
        finally:
            await source.aclose()

    with pytest.raises(SourceError, match=said):
        asyncio.run(forward())


@pytest.mark.lab
def test_a_forward_to_a_port_that_nobody_listens_on_ends(lab: Lab) -> None:
    async def forward() -> tuple[bytes, str]:
        source = client(lab)
        try:
            port = await source.forward(NAMESPACE, "maxscale-0", 9)
            async with asyncio.timeout(10):
                data = await asyncio.get_running_loop().sock_recv(port.socket, 100)
            port.socket.close()
            return data, port.trouble
        finally:
            await source.aclose()

    data, trouble = asyncio.run(forward())

    assert data == b""
    assert "refused" in trouble
