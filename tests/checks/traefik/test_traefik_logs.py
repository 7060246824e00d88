"""What Traefik's log says about the host, and whether requests arrive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from build.answers import an_origin
from build.controller import a_traefik, an_access_line, logs
from build.outside import exchange, failed, visited
from build.routes import HOST, a_candidate, a_decision, a_dropped
from ingressdoctor.api import Clock, ControllerLogs, DropReason, Reach, Status, Target, Unavailable
from ingressdoctor_checks.traefik_logs import log_errors, no_arrivals
from ingressdoctor_checks.traefik_signatures import meaning_of

TARGET = Target.parse(HOST)
CLOCK = Clock(now=datetime(2026, 3, 10, 12, 0, tzinfo=UTC))
NOW, OLD = "2026-03-10T11:55:00Z", "2026-03-10T09:00:00Z"
SECRET = f'{NOW} ERR Error configuring TLS error="secret ns/example-tls does not exist" ingress=shop namespace=ns'
OTHER = f'{NOW} ERR Error configuring TLS error="secret x/y does not exist" ingress=other namespace=x'
COMPLAINTS = [
    pytest.param(logs(), Status.PASS, "Nothing", id="silent"),
    pytest.param(logs(SECRET), Status.WARN, "TLS Secret is missing", id="about-the-routes-secret"),
    pytest.param(logs(OTHER), Status.PASS, "Nothing", id="about-another-tenant"),
    pytest.param(logs(SECRET.replace(NOW, OLD)), Status.PASS, "Nothing", id="hours-old"),
    pytest.param(logs(f"{NOW} ERR Command error error=x"), Status.WARN, "did not start", id="about-everything"),
    pytest.param(
        logs(
            'E0310 11:00:00.0 1 reflector.go] x is forbidden: User "system:serviceaccount:traefik:traefik" cannot list'
        ),
        *(Status.WARN, "may not read a kind"),
        id="rights-missing-in-klog-form",
    ),
    pytest.param(
        logs(
            f'{{"level":"error","ingress":"shop","namespace":"ns","error":"service port not found: 1","time":"{NOW}"}}'
        ),
        *(Status.WARN, "no such port"),
        id="json-about-the-object",
    ),
    pytest.param(logs(f"{NOW} ERR something new about {HOST}"), Status.PASS, "Nothing", id="unknown-complaint"),
    pytest.param(
        logs(f"{NOW} ERR unsupported function x.{HOST}.evil"), Status.PASS, "Nothing", id="part-of-another-name"
    ),
    pytest.param(logs("\x1b[31m ERR Command error \x07"), Status.WARN, "did not start", id="escapes"),
]


@pytest.mark.parametrize(("found", "status", "says"), COMPLAINTS)
def test_log_errors(found: ControllerLogs, status: Status, says: str) -> None:
    (finding,) = log_errors(found, a_decision(a_candidate()), a_traefik(), CLOCK, TARGET)

    assert finding.status is status
    assert says in finding.summary
    assert all("\x1b" not in fact.value for fact in finding.facts)


def test_log_about_a_dropped_route_concerns_the_host() -> None:
    line = f"{NOW} ERR unsupported function routerName=ns-shop-0123456789@kubernetescrd"
    decision = a_decision(dropped=(a_dropped(DropReason.RULE),))

    (finding,) = log_errors(logs(line), decision, a_traefik(), CLOCK, TARGET)

    assert finding.status is Status.WARN


UNSEEN = Unavailable(wanted="the answer from outside", reason="offline")
BROKEN = visited(exchange(522), error=522)
ARRIVALS = [
    pytest.param(logs(access=(an_access_line(),)), BROKEN, Status.PASS, "arrive", id="a-line-just-now"),
    pytest.param(
        logs(access=(an_access_line("2026-03-10T11:50:00Z"),)),
        BROKEN,
        Status.WARN,
        "last one came",
        id="only-older-lines",
    ),
    pytest.param(logs(other_access=5), BROKEN, Status.WARN, "reached Traefik", id="only-other-hosts"),
    pytest.param(logs(), visited(failed(Reach.TIMEOUT)), Status.WARN, "reached Traefik", id="no-answer-at-all"),
    pytest.param(logs(), visited(exchange(200)), Status.SKIP, "not in question", id="site-works"),
    pytest.param(logs(), visited(exchange(404)), Status.SKIP, "not in question", id="answer-came-through"),
    pytest.param(logs(), visited(exchange(526), error=526), Status.SKIP, "not in question", id="526-proves-arrival"),
    pytest.param(logs(), UNSEEN, Status.SKIP, "not in question", id="outside-not-seen"),
    pytest.param(logs(on=False), BROKEN, Status.UNKNOWN, "access log is off", id="access-log-off"),
    pytest.param(logs(on=None), BROKEN, Status.UNKNOWN, "access log is off", id="access-log-not-known"),
    pytest.param(logs(hostless_access=9), BROKEN, Status.UNKNOWN, "name hosts", id="common-format-names-no-host"),
]


@pytest.mark.parametrize(("found", "outside", "status", "says"), ARRIVALS)
def test_no_arrivals(found: ControllerLogs, outside: Any, status: Status, says: str) -> None:
    (finding,) = no_arrivals(found, outside, UNSEEN, a_traefik(), CLOCK, TARGET)

    assert finding.status is status
    assert says in finding.summary


REFUSED, SILENT = failed(Reach.REFUSED), failed(Reach.READ_TIMEOUT)
TAKEN = [
    pytest.param(524, SILENT, Status.SKIP, id="still-waiting-here-as-well"),
    pytest.param(504, exchange(504), Status.SKIP, id="the-origin-answers-504-itself"),
    pytest.param(522, exchange(200), Status.WARN, id="open-from-here-but-not-for-the-edge"),
    pytest.param(524, REFUSED, Status.WARN, id="refused-from-here"),
]


@pytest.mark.parametrize(("code", "direct", "status"), TAKEN)
def test_a_request_that_waits_is_not_called_missing(code: int, direct: Any, status: Status) -> None:
    outside = visited(exchange(code), error=code)

    (finding,) = no_arrivals(logs(), outside, an_origin(direct), a_traefik(), CLOCK, TARGET)

    assert finding.status is status


def test_special_signatures_come_before_general_ones() -> None:
    line = 'ERR Command error error="failed to decode configuration from flags: field not found, node: x"'

    meaning = meaning_of(line)

    assert meaning is not None
    assert meaning.cause == "an option that this version does not know"


def test_a_complaint_without_a_cause_is_none() -> None:
    assert meaning_of('ERR error="something unheard of" routerName=shop@kubernetes') is None
    assert getattr(meaning_of(SECRET), "id", "") == "traefik.tls-secret-missing"
