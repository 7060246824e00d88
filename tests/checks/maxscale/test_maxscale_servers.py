"""Servers, primary and monitor, by the REST API, by the operator's status, and by neither."""

from __future__ import annotations

import pytest

from build.maxscale import (
    a_line,
    a_maxscale,
    a_server,
    a_state,
    an_instance,
    the_logs,
    the_objects,
    unread,
)
from build.mysql import greets, refuses
from build.values import replace
from ingressdoctor.api import (
    DatabaseObjects,
    Inapplicable,
    MaxScaleLogs,
    MaxScaleMonitor,
    MaxScaleService,
    MaxScaleState,
    SqlGreeting,
    SqlSpeaker,
    Status,
    Unavailable,
)
from ingressdoctor_checks.maxscale_monitor import monitor_rejected, monitor_stopped, never_connected
from ingressdoctor_checks.maxscale_servers import no_master, servers_down

GONE = Unavailable(wanted="it", reason="403: may not look", enable_with="Grant it.")
ELSEWHERE = Inapplicable(wanted="it", reason="the Service does not lead to MaxScale")
NO_PODS = a_state(instances=(), pods=0)
QUIET = the_logs()
HEALTHY = the_objects()
DENIED = a_line("monitor-refused", server="db-0", said="'Access denied for user 'm'@'10.42.1.5''")


def with_servers(*states: str) -> MaxScaleState:
    return a_state(an_instance(servers=tuple(a_server(f"db-{n}", state) for n, state in enumerate(states))))


def told(*states: str) -> DatabaseObjects:
    pairs = tuple((f"db-{n}", state) for n, state in enumerate(states))
    return the_objects(target=a_maxscale(servers=pairs))


@pytest.mark.parametrize(
    ("state", "objects", "status"),
    [
        pytest.param(a_state(), HEALTHY, Status.PASS, id="all-run"),
        pytest.param(with_servers("Down", "Down"), HEALTHY, Status.FAIL, id="all-down"),
        pytest.param(with_servers(), HEALTHY, Status.FAIL, id="no-servers-at-all"),
        pytest.param(with_servers("Master, Running", "Down"), HEALTHY, Status.WARN, id="one-down"),
        pytest.param(
            with_servers("Master, Running", "Maintenance, Running"), HEALTHY, Status.WARN, id="one-in-maintenance"
        ),
        pytest.param(with_servers("Auth Error, Down"), HEALTHY, Status.SKIP, id="refused-is-not-down"),
        pytest.param(
            a_state(an_instance(servers=(a_server(state="Down"),)), an_instance("mxs-1")),
            HEALTHY,
            Status.WARN,
            id="one-pod-is-blind",
        ),
        pytest.param(unread(), HEALTHY, Status.UNKNOWN, id="the-status-proves-no-health"),
        pytest.param(unread(), told("Down", "Down"), Status.FAIL, id="the-status-shows-trouble"),
        pytest.param(unread(), told("Auth Error, Down"), Status.UNKNOWN, id="the-status-shows-another-trouble"),
        pytest.param(unread(), GONE, Status.UNKNOWN, id="nothing-to-look-at"),
        pytest.param(GONE, GONE, Status.UNKNOWN, id="not-collected"),
        pytest.param(ELSEWHERE, told("Down"), Status.SKIP, id="not-maxscale"),
        pytest.param(NO_PODS, HEALTHY, Status.SKIP, id="no-pods"),
    ],
)
def test_servers_down(
    state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, status: Status
) -> None:
    (finding,) = servers_down(state, objects, QUIET)

    assert finding.status is status


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("'Proxy header is not accepted from 10.42.1.5'", "PROXY header"),
        ("'Connections using insecure transport are prohibited'", "demands TLS"),
        ("'Can't connect to server on 'db-0' (115)'", "reaches none"),
    ],
)
def test_the_log_says_why_servers_are_down(said: str, words: str) -> None:
    logs = the_logs(a_line("monitor-refused", server="db-0", said=said))
    (finding,) = servers_down(with_servers("Down"), HEALTHY, logs)

    assert words in finding.summary
    assert any(fact.value == said for fact in finding.facts)


def failing(mode: str) -> MaxScaleState:
    service = MaxScaleService(name="rw", state="Started", users=(), master_failure_mode=mode)
    servers = (a_server(state="Down"), a_server("db-1", "Slave, Running"))
    return a_state(an_instance(servers=servers, services=(service,)))


@pytest.mark.parametrize(
    ("state", "objects", "status"),
    [
        pytest.param(a_state(), HEALTHY, Status.PASS, id="a-primary"),
        pytest.param(with_servers("Down", "Slave, Running"), HEALTHY, Status.FAIL, id="replicas-only"),
        pytest.param(with_servers("Running"), HEALTHY, Status.FAIL, id="no-roles"),
        pytest.param(with_servers("Master, Down"), HEALTHY, Status.SKIP, id="all-down-is-said-elsewhere"),
        pytest.param(
            a_state(an_instance(servers=(a_server(state="Slave, Running"),)), an_instance("mxs-1")),
            HEALTHY,
            Status.WARN,
            id="one-pod-sees-none",
        ),
        pytest.param(unread(), HEALTHY, Status.UNKNOWN, id="the-status-proves-no-health"),
        pytest.param(unread(), told("Slave, Running", "Down"), Status.FAIL, id="the-status-shows-trouble"),
        pytest.param(unread(), told("Down"), Status.UNKNOWN, id="the-status-says-down"),
        pytest.param(GONE, HEALTHY, Status.UNKNOWN, id="not-collected"),
    ],
)
def test_no_master(state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = no_master(state, objects, QUIET)

    assert finding.status is status


@pytest.mark.parametrize(
    ("mode", "words"),
    [("fail_instantly", "every login is refused"), ("fail_on_write", "writes end"), ("", "every login is refused")],
)
def test_what_clients_notice_of_no_primary(mode: str, words: str) -> None:
    (finding,) = no_master(failing(mode), HEALTHY, the_logs(a_line("master-read-only", server="db-0")))

    assert words in finding.summary
    assert "db-0 is read-only" in finding.summary


@pytest.mark.parametrize(
    ("state", "objects", "logs", "status"),
    [
        pytest.param(a_state(), HEALTHY, QUIET, Status.PASS, id="let-in"),
        pytest.param(with_servers("Auth Error, Down"), HEALTHY, QUIET, Status.FAIL, id="refused-everywhere"),
        pytest.param(
            with_servers("Master, Running", "Auth Error, Down"), HEALTHY, QUIET, Status.WARN, id="refused-by-one"
        ),
        pytest.param(
            with_servers("Master, Auth Error, Running"), HEALTHY, QUIET, Status.WARN, id="privileges-are-missing"
        ),
        pytest.param(unread(), told("Auth Error, Down"), QUIET, Status.FAIL, id="by-the-status"),
        pytest.param(unread(), HEALTHY, the_logs(DENIED), Status.FAIL, id="by-the-log"),
        pytest.param(unread(), HEALTHY, QUIET, Status.UNKNOWN, id="neither-says-anything"),
        pytest.param(unread(), GONE, GONE, Status.UNKNOWN, id="nothing-to-look-at"),
    ],
)
def test_monitor_rejected(
    state: MaxScaleState, objects: DatabaseObjects | Unavailable, logs: MaxScaleLogs | Unavailable, status: Status
) -> None:
    (finding,) = monitor_rejected(state, objects, logs)

    assert finding.status is status


IDLE = a_state(an_instance(monitors=(MaxScaleMonitor(name="mon", state="Stopped"),)))


@pytest.mark.parametrize(
    ("state", "objects", "greeting", "status"),
    [
        pytest.param(a_state(), HEALTHY, greets(), Status.PASS, id="runs"),
        pytest.param(IDLE, HEALTHY, greets(), Status.WARN, id="stopped-while-all-works"),
        pytest.param(IDLE, HEALTHY, GONE, Status.FAIL, id="stopped-and-nothing-answers"),
        pytest.param(
            a_state(an_instance(), *IDLE.instances), HEALTHY, GONE, Status.WARN, id="stopped-in-one-of-two-pods"
        ),
        pytest.param(a_state(an_instance(monitors=())), HEALTHY, greets(), Status.SKIP, id="none-is-configured"),
        pytest.param(
            unread(), the_objects(target=a_maxscale(monitor=("mon", "Stopped"))), GONE, Status.FAIL, id="by-the-status"
        ),
        pytest.param(unread(), HEALTHY, greets(), Status.UNKNOWN, id="not-read"),
    ],
)
def test_monitor_stopped(
    state: MaxScaleState,
    objects: DatabaseObjects | Unavailable,
    greeting: SqlGreeting | Unavailable,
    status: Status,
) -> None:
    (finding,) = monitor_stopped(state, objects, greeting)

    assert finding.status is status


ALONE = replace(greets(), speaker=SqlSpeaker.MAXSCALE_ALONE)


@pytest.mark.parametrize(
    ("greeting", "state", "status"),
    [
        pytest.param(greets(), a_state(), Status.PASS, id="a-servers-version"),
        pytest.param(ALONE, a_state(), Status.FAIL, id="its-own-version"),
        pytest.param(ALONE, GONE, Status.FAIL, id="the-greeting-is-enough"),
        pytest.param(refuses(1040), a_state(), Status.SKIP, id="no-greeting-came"),
        pytest.param(GONE, a_state(), Status.SKIP, id="nobody-asked"),
        pytest.param(GONE, GONE, Status.UNKNOWN, id="nothing-to-look-at"),
    ],
)
def test_never_connected(
    greeting: SqlGreeting | Unavailable, state: MaxScaleState | Unavailable, status: Status
) -> None:
    (finding,) = never_connected(greeting, state, the_logs(a_line("users-none")))

    assert finding.status is status
