"""Pods that crash, lack their image, find no node or are not ready; and pods that only look odd."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from build.backend import (
    CLOCK,
    FORBIDDEN,
    a_decision,
    a_pod,
    a_service,
    a_view,
    an_event,
    waiting,
)
from ingressdoctor.api import Pod, Status
from ingressdoctor_checks.backend_pods import image_pull, pods_crashing, pods_unschedulable
from ingressdoctor_checks.backend_ready import pods_not_ready

EVERY = {item.id: item for item in (pods_crashing, image_pull, pods_unschedulable, pods_not_ready)}
OOM = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-21T11:57:00Z"}
LIMIT = {
    "containers": [
        {
            "name": "app",
            "image": "registry.example.com/web:1",
            "resources": {"limits": {"memory": "768Mi"}},
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        }
    ]
}
OWNER = {
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-abc"}],
    "labels": {"app": "web", "pod-template-hash": "abc"},
}
PENDING = {
    "containerStatuses": None,
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {x}.",
        }
    ],
}
FINE = (a_pod("web-2", ip="10.42.2.6"), a_pod("web-3", ip="10.42.3.7"))


def crashing(reason: str, code: int, message: str = "") -> Pod:
    last = {"reason": reason, "exitCode": code, "message": message}
    return a_pod(ready=False, status=waiting("CrashLoopBackOff", "back-off 5m0s", last=last, restarts=9), meta=OWNER)


def restarting(seconds: int) -> Pod:
    started = CLOCK.now.timestamp() - seconds
    status = {
        "containerStatuses": [
            {
                "name": "app",
                "ready": False,
                "restartCount": 1,
                "state": {"running": {"startedAt": datetime.fromtimestamp(started, UTC).isoformat()}},
                "lastState": {"terminated": {"reason": "Error", "exitCode": 1}},
            }
        ]
    }
    return a_pod(ready=False, status=status)


SICK: list[Any] = [
    pytest.param(
        "backend.pods-crashing",
        a_pod(ready=False, spec=LIMIT, status=waiting("CrashLoopBackOff", last=OOM, restarts=14), meta=OWNER),
        "OOMKilled, limit 768Mi",
        id="out-of-memory",
    ),
    pytest.param("backend.pods-crashing", crashing("Error", 1, "no config"), "exit code 1 (no config)", id="exit-1"),
    pytest.param("backend.pods-crashing", crashing("Error", 127), "does not find its command", id="exit-127"),
    pytest.param("backend.pods-crashing", crashing("Error", 137), "liveness probe", id="exit-137-is-not-always-memory"),
    pytest.param("backend.pods-crashing", crashing("Completed", 0), "ends by itself", id="exit-0"),
    pytest.param("backend.pods-crashing", restarting(30), "exit code 1", id="between-two-crashes"),
    pytest.param(
        "backend.image-pull",
        a_pod(ready=False, status=waiting("ImagePullBackOff", "failed to authorize: 401 Unauthorized")),
        "the registry refuses the credentials",
        id="unauthorized",
    ),
    pytest.param(
        "backend.image-pull",
        a_pod(ready=False, status=waiting("ErrImagePull", "manifest for web:1 not found: manifest unknown")),
        "there is no such image or tag",
        id="no-such-tag",
    ),
    pytest.param(
        "backend.image-pull", a_pod(ready=False, status=waiting("InvalidImageName")), "not valid", id="invalid-name"
    ),
    pytest.param(
        "backend.pods-unschedulable",
        a_pod(ready=False, ip="", phase="Pending", status=PENDING),
        "not enough CPU is free, the nodes carry a taint",
        id="no-node",
    ),
    pytest.param("backend.pods-not-ready", a_pod(ready=False), "ContainersNotReady", id="readiness"),
    pytest.param("backend.pods-not-ready", restarting(3 * 86_400), "not ready", id="one-old-restart-is-no-crash-loop"),
    pytest.param(
        "backend.pods-not-ready",
        a_pod(ready=False, status=waiting("CreateContainerConfigError", 'secret "db" not found')),
        'secret "db" not found',
        id="secret-missing",
    ),
    pytest.param(
        "backend.pods-not-ready",
        a_pod(
            node="node-7",
            status={
                "conditions": [{"type": "Ready", "status": "False", "reason": "NodeNotReady"}],
                "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
            },
        ),
        "node node-7 does not report",
        id="node-lost",
    ),
    pytest.param(
        "backend.pods-not-ready",
        a_pod(ready=False, status=waiting("ContainerCreating")),
        "still being set up",
        id="starting",
    ),
]


@pytest.mark.parametrize(("name", "pod", "words"), SICK)
def test_the_only_pod_in_trouble_fails_one_check(name: str, pod: Pod, words: str) -> None:
    view = a_view(pods=(pod,))
    findings = {key: item(a_decision(), view, CLOCK) for key, item in EVERY.items()}

    assert [key for key, found in findings.items() if found[0].status is Status.FAIL] == [name]
    [finding] = findings[name]
    assert words in finding.summary
    assert "; none is left to answer." in finding.summary
    assert len(finding.summary) <= 160
    assert finding.remedy is not None
    assert finding.remedy.proof is not None


@pytest.mark.parametrize(("name", "pod", "words"), SICK)
def test_the_same_pod_beside_others_that_serve_is_a_warning(name: str, pod: Pod, words: str) -> None:
    view = a_view(pods=(pod, *FINE))
    findings = [found for item in EVERY.values() for found in item(a_decision(), view, CLOCK)]

    assert Status.FAIL not in [finding.status for finding in findings]
    [warned] = [finding for finding in findings if finding.status is Status.WARN]
    assert words in warned.summary
    assert ("endpoints left", "2") in [(fact.name, fact.value) for fact in warned.facts]
    assert len(warned.summary) <= 160


ODD = [
    pytest.param((a_pod("job", phase="Succeeded", ready=False), *FINE), id="completed-job-with-the-same-labels"),
    pytest.param((a_pod("evicted", phase="Failed", ready=False), *FINE), id="evicted-pod-left-behind"),
    pytest.param(
        (a_pod("old", ready=False, meta={"deletionTimestamp": "2026-11-21T12:00:10Z"}), *FINE), id="old-pod-terminating"
    ),
    pytest.param((a_pod("init", status={"initContainerStatuses": [{"name": "migrate"}]}), *FINE), id="init-done"),
    pytest.param(FINE, id="all-ready"),
]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("pods", ODD)
def test_unusual_but_healthy(pods: tuple[Pod, ...], name: str) -> None:
    [finding] = EVERY[name](a_decision(), a_view(pods=pods), CLOCK)

    assert finding.status is Status.PASS


@pytest.mark.parametrize("name", EVERY)
def test_pods_that_may_not_be_read_are_unknown(name: str) -> None:
    [finding] = EVERY[name](a_decision(), a_view(pods=FORBIDDEN), CLOCK)

    assert finding.status is Status.UNKNOWN


@pytest.mark.parametrize("name", EVERY)
def test_without_selected_pods_there_is_nothing_to_judge(name: str) -> None:
    for view in (a_view(pods=()), a_view(missing=True, pods=()), a_view(service=a_service(spec={"selector": None}))):
        [finding] = EVERY[name](a_decision(), view, CLOCK)

        assert finding.status is Status.SKIP


def test_the_words_of_the_readiness_probe_are_quoted() -> None:
    said = "Readiness probe failed: HTTP probe failed with statuscode: 500"
    view = a_view(pods=(a_pod(ready=False),), events=(an_event("web-1", "Unhealthy", said),))

    [finding] = pods_not_ready(a_decision(), view, CLOCK)

    assert said in finding.summary


def test_a_missing_port_does_not_make_a_crash_look_fatal() -> None:
    """Endpoints are not known without the port, so the other pods' readiness decides."""
    pods = (crashing("Error", 1), *FINE)
    view = a_view(service=a_service(ports=({"port": 81},)), pods=pods)

    [finding] = pods_crashing(a_decision(), view, CLOCK)

    assert finding.status is Status.WARN


def ready_again(minutes: int, restarts: int) -> Pod:
    ended = f"2026-11-21T11:{60 - minutes:02d}:00Z"
    status = {
        "containerStatuses": [
            {
                "name": "app",
                "ready": True,
                "restartCount": restarts,
                "state": {"running": {}},
                "lastState": {"terminated": {**OOM, "finishedAt": ended}},
            }
        ]
    }
    return a_pod(status=status)


AGAIN = [
    pytest.param(5, 4, Status.WARN, id="several-and-recent"),
    pytest.param(5, 1, Status.PASS, id="once"),
    pytest.param(50, 9, Status.PASS, id="long-ago"),
]


@pytest.mark.parametrize(("minutes", "restarts", "status"), AGAIN)
def test_ready_again_after_restarts(minutes: int, restarts: int, status: Status) -> None:
    [finding] = pods_crashing(a_decision(), a_view(pods=(ready_again(minutes, restarts),)), CLOCK)

    assert finding.status is status


def test_remedies_name_the_workload() -> None:
    [finding] = pods_crashing(a_decision(), a_view(pods=(crashing("OOMKilled", 137),)), CLOCK)

    assert finding.remedy is not None
    commands = [command.shell() for command in finding.remedy.commands]
    assert commands == [
        "kubectl -n shop logs web-1 -c app --previous --tail=50",
        "kubectl -n shop set resources deployment/web -c app --limits=memory=NEW_LIMIT",
    ]


def probed(**probes: Any) -> Pod:
    container = {"name": "app", "image": "registry.example.com/web:1", **probes}
    last = {"reason": "Error", "exitCode": 137}
    return a_pod(
        ready=False,
        spec={"containers": [container]},
        status=waiting("CrashLoopBackOff", last=last, restarts=9),
        meta=OWNER,
    )


LIVENESS = {"periodSeconds": 5, "failureThreshold": 2, "initialDelaySeconds": 3}
STARTUP = {"periodSeconds": 2}
PROBES: list[Any] = [
    pytest.param(
        probed(livenessProbe=LIVENESS),
        "Container app failed liveness probe, will be restarted",
        "by its liveness probe after 13 s, and it has no startup probe",
        id="liveness-without-a-startup-probe",
    ),
    pytest.param(
        probed(livenessProbe=LIVENESS, startupProbe=STARTUP),
        "Container app failed liveness probe, will be restarted",
        "by its liveness probe after 13 s.",
        id="liveness-after-a-startup-probe",
    ),
    pytest.param(
        probed(startupProbe=STARTUP),
        "Startup probe failed: connection refused",
        "by its startup probe, which gives it 6 s to start",
        id="startup-probe-shorter-than-the-start",
    ),
    pytest.param(probed(), "Liveness probe failed: x", "or after its grace period", id="no-such-probe-in-the-pod"),
    pytest.param(probed(startupProbe={"periodSeconds": True}), "Startup probe failed", "30 s to start", id="junk"),
]


@pytest.mark.parametrize(("pod", "message", "text"), PROBES)
def test_the_probe_that_ended_it_is_named(pod: Pod, message: str, text: str) -> None:
    view = a_view(pods=(pod,), events=(an_event(pod.name, "Killing", message),))

    (finding,) = pods_crashing(a_decision(), view, CLOCK)

    assert text in f"{finding.summary} {finding.remedy}".replace("; none is left", ".")


def test_published_unready_addresses_do_not_help() -> None:
    service = a_service(spec={"publishNotReadyAddresses": True})
    view = a_view(service=service, pods=(a_pod(ready=False),))

    (finding,) = pods_not_ready(a_decision(), view, CLOCK)

    assert {fact.name for fact in finding.facts} >= {"publishNotReadyAddresses"}
