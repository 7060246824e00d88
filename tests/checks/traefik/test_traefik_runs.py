"""Does Traefik run, and does the public port lead to it?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from build.controller import a_traefik, a_traefik_pod, a_traefik_service, logs
from build.origin_port import BY_HTTPS, FLEXIBLE
from build.values import replace
from ingressdoctor.api import Clock, Controller, OriginPort, Status, Target, Unavailable
from ingressdoctor_checks.traefik import pods_not_ready, port_not_exposed
from ingressdoctor_checks.traefik_static import static_source, version

TARGET = Target.parse("www.example.com")
CLOCK = Clock(now=datetime(2026, 3, 10, 12, 0, tzinfo=UTC))
UNSEEN = Unavailable(wanted="Traefik's services", reason="403: no", enable_with="Grant 'list' on services.")


def ill(name: str = "ill", state: dict[str, Any] | None = None, **parts: Any) -> Any:
    status = {
        "conditions": [{"type": "Ready", "status": "False", "message": "containers with unready status"}],
        "containerStatuses": [{"name": "traefik", "ready": False, "restartCount": 7, "state": state or {}}],
        **parts,
    }
    return a_traefik_pod(name, ready=False, status=status)


CRASH = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = [
    {
        "name": "traefik",
        "ready": False,
        "restartCount": 7,
        "state": CRASH,
        "lastState": {"terminated": {"exitCode": 1}},
    }
]
UNSCHEDULED: dict[str, Any] = {
    "containerStatuses": None,
    "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}],
}
PODS = [
    pytest.param(a_traefik(), Status.PASS, "All 1 pods", id="ready"),
    pytest.param(a_traefik(pods=(ill(state=CRASH),)), Status.FAIL, "CrashLoopBackOff", id="none-ready"),
    pytest.param(a_traefik(pods=(ill(containerStatuses=ENDED),)), Status.FAIL, "exit code 1", id="with-the-exit-code"),
    pytest.param(a_traefik(pods=(ill(state={"running": {}}),)), Status.FAIL, "readiness probe", id="probe-fails"),
    pytest.param(a_traefik(pods=(ill(**UNSCHEDULED),)), Status.FAIL, "nodes are available", id="not-scheduled"),
    pytest.param(
        a_traefik(pods=(a_traefik_pod(), ill(state=CRASH))), Status.WARN, "1 of 2", id="some-ready-is-a-warning"
    ),
    pytest.param(a_traefik(pods=()), Status.FAIL, "no pods at all", id="scaled-to-nothing"),
    pytest.param(
        a_traefik(pods=(a_traefik_pod(), a_traefik_pod("old", metadata={"deletionTimestamp": "2026-03-10T12:00:00Z"}))),
        *(Status.PASS, "All 1 pods"),
        id="a-pod-being-deleted-does-not-count",
    ),
    pytest.param(a_traefik(pods=(ill(conditions=None, containerStatuses=None),)), Status.FAIL, "phase", id="nulls"),
]


@pytest.mark.parametrize(("controller", "status", "says"), PODS)
def test_pods_not_ready(controller: Controller, status: Status, says: str) -> None:
    (finding,) = pods_not_ready(controller, logs(), CLOCK)

    assert finding.status is status
    assert says in finding.summary
    assert (finding.remedy is None) is (status is Status.PASS)


def test_the_log_says_why_the_pods_are_not_ready() -> None:
    line = 'ERR Command error error="failed to decode configuration from flags: field not found, node: x"'

    found = logs("ERR about one route", line, "ERR other", "2026-03-10T09:00:00Z ERR bind: permission denied")

    (finding,) = pods_not_ready(a_traefik(pods=(ill(state=CRASH),)), found, CLOCK)

    assert "an option that this version does not know" in finding.summary
    assert any("node: x" in fact.value for fact in finding.facts)


NO_443 = a_traefik_service(ports=({"name": "web", "port": 80, "targetPort": "web"},))
NOBODY = a_traefik_service(ports=({"port": 443, "targetPort": 4443},))
FILE = a_traefik_pod(args=("--configFile=/etc/t.yml",))
EXPOSED = [
    pytest.param(a_traefik(), BY_HTTPS, Status.PASS, "websecure", id="leads-to-websecure"),
    pytest.param(a_traefik(), FLEXIBLE, Status.PASS, "entry point web", id="flexible-asks-80"),
    pytest.param(a_traefik(service=NO_443), BY_HTTPS, Status.FAIL, "has no port 443", id="service-without-443"),
    pytest.param(a_traefik(service=NO_443), FLEXIBLE, Status.PASS, "Port 80", id="443-not-needed"),
    pytest.param(a_traefik(service=NOBODY), BY_HTTPS, Status.FAIL, "no entry point listens", id="nobody-listens"),
    pytest.param(
        a_traefik(service=NOBODY, pods=(FILE,)),
        BY_HTTPS,
        Status.UNKNOWN,
        "could not be seen",
        id="configuration-in-a-file",
    ),
    pytest.param(a_traefik(pods=()), BY_HTTPS, Status.SKIP, "no Traefik pod", id="pods-are-judged-elsewhere"),
    pytest.param(
        a_traefik(no_service=True, unread=(UNSEEN,)), BY_HTTPS, Status.UNKNOWN, "403", id="services-may-not-be-read"
    ),
    pytest.param(a_traefik(no_service=True), BY_HTTPS, Status.FAIL, "no Service", id="neither-service-nor-host-port"),
]


@pytest.mark.parametrize(("controller", "port", "status", "says"), EXPOSED)
def test_port_not_exposed(controller: Controller, port: OriginPort, status: Status, says: str) -> None:
    (finding,) = port_not_exposed(controller, port, TARGET)

    assert finding.status is status
    assert says in finding.summary


def test_pods_that_may_not_be_read_are_not_absent() -> None:
    gap = Unavailable(wanted="Traefik's pods", reason="403: pods is forbidden", enable_with="Grant 'list' on pods.")
    controller = replace(a_traefik(pods=()), version="", pods_unread=gap)

    findings = (
        *pods_not_ready(controller, UNSEEN, CLOCK),
        *port_not_exposed(controller, BY_HTTPS, TARGET),
        *static_source(controller),
        *version(controller),
    )

    assert {finding.status for finding in findings} == {Status.UNKNOWN}
    assert {finding.enable_with for finding in findings} == {"Grant 'list' on pods."}
