"""How k3s' helm controller fares with Traefik's chart."""

from __future__ import annotations

import pytest

from build.nodes import a_helm_install, node_states
from build.outside import MISSING, visited
from ingressdoctor.api import HelmInstall, Inapplicable, OutsideProbe, Status
from ingressdoctor_checks.k3s import helm_config_refused

LINE = "Error: UPGRADE FAILED: maxUnavailable should be greater than 0 when using hostNetwork."
CASES = [
    pytest.param(a_helm_install(), Status.PASS, "has installed chart traefik", id="installed"),
    pytest.param(a_helm_install(restarts=7, pod="x"), Status.PASS, "has installed", id="installed-after-retries"),
    pytest.param(a_helm_install(done=False), Status.PASS, "nothing has failed yet", id="at-work"),
    pytest.param(a_helm_install(done=False, line=LINE), Status.FAIL, "maxUnavailable should be", id="helm-refuses"),
    pytest.param(
        a_helm_install(done=False, restarts=3, pod="p"), Status.FAIL, "3 restarts", id="tries-again-and-again"
    ),
    pytest.param(
        a_helm_install(done=False, pod="p", waiting="CrashLoopBackOff"), Status.FAIL, "pod p fails", id="crash-loop"
    ),
    pytest.param(a_helm_install(done=None, failed="Job has reached"), Status.FAIL, "Job has", id="given-up"),
    pytest.param(a_helm_install(surge="maxSurge: 1"), Status.WARN, "at the next rollout", id="surge-beside-host-ports"),
    pytest.param(a_helm_install(done=None), Status.SKIP, "no install job", id="job-cleaned-up"),
    pytest.param(a_helm_install(done=None, unread=(MISSING,)), Status.UNKNOWN, "no token", id="not-readable"),
]


@pytest.mark.parametrize(("helm", "status", "text"), CASES)
def test_helm_config_refused(helm: HelmInstall, status: Status, text: str) -> None:
    [found] = helm_config_refused(helm, node_states(), visited())

    assert found.status is status
    assert text in found.summary


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(LINE, "maxSurge: 0", id="a-rollout-that-needs-the-ports-twice"),
        pytest.param("Error: parse error", "by what helm says", id="anything-else"),
    ],
)
def test_what_to_correct(line: str, text: str) -> None:
    [found] = helm_config_refused(a_helm_install(done=False, line=line), node_states(), visited())

    assert found.remedy is not None
    assert text in found.remedy.text


@pytest.mark.parametrize(
    ("probe", "status"),
    [
        pytest.param(visited(), Status.WARN, id="others-serve-the-site"),
        pytest.param(visited(error=521), Status.FAIL, id="nobody-serves-it"),
    ],
)
def test_where_others_have_the_ports_on_purpose(probe: OutsideProbe, status: Status) -> None:
    others = node_states(pods_unread=Inapplicable(wanted="Traefik", reason="no Traefik was found"))

    [found] = helm_config_refused(a_helm_install(done=False, line=LINE), others, probe)

    assert found.status is status
