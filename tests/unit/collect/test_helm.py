"""k3s' helm controller: Traefik's chart, what is configured over it, and the job that installs it."""

from __future__ import annotations

from typing import Any

import pytest

from build.kube import TableKube, a_list, body, forbidden, text
from build.nodes import a_node_lead
from build.outside import MISSING
from ingressdoctor.api import HelmInstall, Inapplicable, SourceError, Unavailable
from ingressdoctor.collect.helm import collect_helm, complaint

CHARTS = "/apis/helm.cattle.io/v1/helmcharts"
CONFIGS = "/apis/helm.cattle.io/v1/namespaces/kube-system/helmchartconfigs"
JOB = "/apis/batch/v1/namespaces/kube-system/jobs/helm-install-traefik"
PODS = "/api/v1/namespaces/kube-system/pods"
LOG = f"{PODS}/helm-install-traefik-x/log"
DONE = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
REFUSED = "Error: UPGRADE FAILED: execution error at (traefik/templates/daemonset.yaml:11:8): maxUnavailable"
SECRET = "hunter2-of-the-dashboard"


def an_object(kind: str, name: str, spec: Any = None, status: Any = None) -> dict[str, Any]:
    meta = {"name": name, "namespace": "kube-system"}
    return {"kind": kind, "metadata": meta, "spec": spec or {}, "status": status or {}}


def a_chart(name: str = "traefik", source: str = "traefik-39.tgz", **status: Any) -> dict[str, Any]:
    return an_object("HelmChart", name, {"chart": source}, {"jobName": f"helm-install-{name}", **status})


def a_config(values: str) -> dict[str, Any]:
    return an_object("HelmChartConfig", "traefik", {"valuesContent": values})


def an_install_pod(state: dict[str, Any], restarts: int = 0, phase: str = "Running") -> dict[str, Any]:
    statuses = [{"name": "helm", "restartCount": restarts, "state": state}]
    pod = an_object("Pod", "helm-install-traefik-x", None, {"phase": phase, "containerStatuses": statuses})
    return pod | {"spec": {"containers": [{"name": "helm"}]}}


def cluster(job: Any = DONE, **more: Any) -> dict[str, Any]:
    table = {
        CHARTS: a_list(a_chart("traefik-crd", "traefik-crd-39.tgz"), a_chart()),
        CONFIGS: a_list(),
        **({} if job is None else {JOB: body(an_object("Job", "helm-install-traefik", None, job))}),
        PODS: a_list(an_install_pod({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=12)),
        LOG: text(f"+ helm upgrade\n{REFUSED}\n"),
    }
    return table | more


async def found(table: dict[str, Any], lead: Any = None) -> Any:
    return await collect_helm.function(TableKube(table), lead or a_node_lead())


async def test_a_job_that_succeeded_costs_three_requests() -> None:
    kube = TableKube(cluster())

    install = await collect_helm.function(kube, a_node_lead())

    assert isinstance(install, HelmInstall)
    assert (install.chart, install.done, install.line) == ("traefik", True, "")
    assert len(kube.calls) == 3


async def test_a_job_that_fails_is_read_with_its_log() -> None:
    install = await found(cluster({"active": 1}))

    assert (install.done, install.pod, install.restarts) == (False, "helm-install-traefik-x", 12)
    assert install.waiting == "CrashLoopBackOff"
    assert install.line == REFUSED


@pytest.mark.parametrize(
    ("state", "waiting"),
    [
        pytest.param({"terminated": {"reason": "Error", "exitCode": 1}}, "Error, exit code 1", id="ended"),
        pytest.param({"running": {}}, "", id="runs"),
    ],
)
async def test_how_the_pod_of_the_job_fares(state: dict[str, Any], waiting: str) -> None:
    install = await found(cluster({"active": 1}, **{PODS: a_list(an_install_pod(state))}))

    assert install.waiting == waiting


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({PODS: forbidden("no")}, id="pods-may-not-be-listed"),
        pytest.param({LOG: forbidden("no")}, id="logs-may-not-be-read"),
        pytest.param({PODS: SourceError("gone")}, id="the-api-server-went-away"),
    ],
)
async def test_what_cannot_be_read_is_a_gap(more: dict[str, Any]) -> None:
    install = await found(cluster({"active": 1}, **more))

    assert install.done is False
    assert len(install.unread) == 1


@pytest.mark.parametrize(
    ("job", "done", "gaps"),
    [
        pytest.param(body({}, status=404), None, 0, id="cleaned-up"),
        pytest.param(forbidden("no"), None, 1, id="not-allowed"),
        pytest.param(SourceError("gone"), None, 1, id="gone"),
    ],
)
async def test_a_job_that_is_not_there(job: Any, done: bool | None, gaps: int) -> None:
    install = await found(cluster(None, **{JOB: job}))

    assert (install.done, len(install.unread)) == (done, gaps)


async def test_a_job_without_a_pod_is_at_work() -> None:
    install = await found(cluster({"active": 1}, **{PODS: a_list()}))

    assert (install.done, install.pod, install.line, install.unread) == (False, "", "", ())


SURGES = [
    pytest.param("hostNetwork: true\nupdateStrategy:\n  rollingUpdate:\n    maxSurge: 1\n", "maxSurge: 1", id="surge"),
    pytest.param("ports:\n  web:\n    hostPort: 80\nrollingUpdate:\n  maxSurge: 25%\n", "maxSurge: 25%", id="percent"),
    pytest.param("hostNetwork: true\n    maxSurge: 0\n", "", id="none"),
    pytest.param("    maxSurge: 1\n", "", id="no-host-ports"),
    pytest.param("hostNetwork: true\n    # maxSurge: 1\n", "", id="a-remark"),
    pytest.param(f"hostNetwork: true\nauth: {SECRET}\n", "", id="nothing-of-it"),
]


@pytest.mark.parametrize(("values", "surge"), SURGES)
async def test_of_the_values_only_the_surge_is_kept(values: str, surge: str) -> None:
    install = await found(cluster(**{CONFIGS: a_list(a_config(values))}))

    assert install.surge == surge
    assert install.config == "HelmChartConfig kube-system/traefik"
    assert SECRET not in repr(install)


@pytest.mark.parametrize("configs", [forbidden("no"), SourceError("gone")], ids=["not-allowed", "gone"])
async def test_configs_that_cannot_be_read(configs: Any) -> None:
    install = await found(cluster(**{CONFIGS: configs}))

    assert (install.config, len(install.unread)) == ("", 1)


async def test_a_chart_that_has_failed_says_so() -> None:
    failed = {"type": "Failed", "status": "True", "message": "Job has reached its retries"}
    install = await found(cluster(**{CHARTS: a_list(a_chart(conditions=[failed]))}))

    assert install.failed == "Job has reached its retries"


@pytest.mark.parametrize(
    ("charts", "lead", "kind", "reason"),
    [
        pytest.param(text("404 page not found\n", status=404), None, Inapplicable, "no HelmCharts", id="no-k3s"),
        pytest.param(a_list(a_chart("traefik-crd", "x")), None, Inapplicable, "no chart of Traefik", id="crds-only"),
        pytest.param(forbidden("no"), None, Unavailable, "", id="not-allowed"),
        pytest.param(a_list(), a_node_lead(nodes_unread=MISSING), Unavailable, "no token", id="no-cluster"),
    ],
)
async def test_where_there_is_no_chart(charts: Any, lead: Any, kind: type, reason: str) -> None:
    gap = await found(cluster(**{CHARTS: charts}), lead)

    assert type(gap) is kind
    assert isinstance(gap, Unavailable)
    assert reason in gap.reason


@pytest.mark.parametrize(
    "chart",
    [
        pytest.param(a_chart("ingress", "https://example/charts/traefik-30.tgz"), id="by-its-source"),
        pytest.param(a_chart("traefik", "other"), id="by-its-name"),
    ],
)
async def test_which_chart_is_traefiks(chart: dict[str, Any]) -> None:
    install = await found(cluster(None, **{CHARTS: a_list(chart)}))

    assert install.chart == chart["metadata"]["name"]


@pytest.mark.parametrize(
    ("log", "line"),
    [
        pytest.param(f"Error: first\n{REFUSED}\nbye\n", REFUSED, id="the-last"),
        pytest.param("STATUS: deployed\n", "", id="none"),
        pytest.param("\x1b[31mError: boom\x1b[0m", "boom", id="escapes"),
    ],
)
def test_helms_complaint(log: str, line: str) -> None:
    said = complaint(log)

    assert line in said
    assert "\x1b" not in said
    assert bool(said) is bool(line)
