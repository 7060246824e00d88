"""Predicted against observed: agreement is proof, disagreement names who else may answer."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_pod, a_view
from build.controller import a_traefik, an_access_line, logs
from build.outside import MISSING, asked, exchange, failed, visited
from build.routes import a_backend, a_candidate, a_decision
from ingressdoctor.api import (
    BackendView,
    Outcome,
    Reach,
    RouteDecision,
    Status,
)
from ingressdoctor.evidence.answer import AnswerSource, PredictedAnswer
from ingressdoctor_checks.traefik_prediction import prediction_mismatch

ROUTED = a_decision(a_candidate(ref="IngressRoute shop/web"))
GUARDED = a_decision(a_candidate(ref="IngressRoute shop/web", middlewares=("ns-login@kubernetescrd",)))
WEIGHTED = a_view(others=(a_backend("canary"),))
ALIVE, GONE, DEAD = a_view(), a_view(missing=True), a_view(pods=(a_pod(ready=False),))
NO_ROUTE, NO_SERVER = (404, b"404 page not found\n"), (503, b"no available server\n")
FORBIDDEN = 'E1 reflector.go:1] services is forbidden: User "system:serviceaccount:traefik:traefik" cannot list'
OWN_404 = logs(access=(an_access_line(status=404, origin=404),))
NO_ROUTER = logs(access=(an_access_line(status=404, origin=0),))
ROWS = [
    pytest.param(a_decision(), MISSING, NO_ROUTE, logs(), Status.PASS, "As predicted", id="no-route-and-404"),
    pytest.param(a_decision(), MISSING, (200, b"hi"), logs(), Status.WARN, "own 404 for", id="no-route-and-an-answer"),
    pytest.param(ROUTED, ALIVE, (200, b"hi"), logs(), Status.PASS, "As predicted", id="routed-and-answered"),
    pytest.param(
        ROUTED, ALIVE, (500, b"oops"), logs(), Status.PASS, "an answer of the application", id="application-500"
    ),
    pytest.param(
        ROUTED, ALIVE, (502, b"Bad Gateway"), logs(), Status.PASS, "own 502", id="the-pod-is-another-question"
    ),
    pytest.param(ROUTED, ALIVE, NO_ROUTE, OWN_404, Status.PASS, "As predicted", id="go-application-says-the-same"),
    pytest.param(ROUTED, ALIVE, NO_ROUTE, NO_ROUTER, Status.FAIL, "has not the state", id="traefik-lacks-the-route"),
    pytest.param(
        ROUTED,
        ALIVE,
        NO_ROUTE,
        logs(FORBIDDEN),
        Status.FAIL,
        "may not read a kind, says its log",
        id="traefik-lost-its-rights",
    ),
    pytest.param(
        ROUTED, ALIVE, NO_ROUTE, logs(other_access=9), Status.FAIL, "another Traefik or cluster", id="never-arrived"
    ),
    pytest.param(ROUTED, ALIVE, NO_ROUTE, MISSING, Status.WARN, "or something else answers", id="log-not-read"),
    pytest.param(ROUTED, GONE, NO_ROUTE, logs(), Status.PASS, "does not exist", id="service-missing-and-404"),
    pytest.param(ROUTED, DEAD, NO_SERVER, logs(), Status.PASS, "no ready endpoint", id="no-endpoint-and-503"),
    pytest.param(ROUTED, DEAD, (200, b"hi"), logs(), Status.WARN, "Traefik's own 503", id="no-endpoint-and-an-answer"),
    pytest.param(GUARDED, DEAD, (401, b"401"), logs(), Status.PASS, "As predicted", id="middleware-answers-first"),
    pytest.param(ROUTED, ALIVE, NO_SERVER, logs(), Status.WARN, "Traefik's own 503", id="endpoints-and-503"),
    pytest.param(ROUTED, WEIGHTED, NO_SERVER, logs(), Status.SKIP, "not certain", id="several-backends"),
    pytest.param(ROUTED, MISSING, NO_ROUTE, logs(), Status.SKIP, "not certain", id="backend-not-seen"),
    pytest.param(
        a_decision(a_candidate(), outcome=Outcome.REDIRECT),
        MISSING,
        (301, b""),
        logs(),
        Status.PASS,
        "As",
        id="redirect",
    ),
    pytest.param(
        a_decision(outcome=Outcome.UNDECIDED, limits=("403",)),
        ALIVE,
        NO_ROUTE,
        logs(),
        Status.UNKNOWN,
        "403",
        id="unread",
    ),
]


@pytest.mark.parametrize(("decision", "view", "answer", "lines", "status", "says"), ROWS)
def test_prediction_mismatch(
    decision: RouteDecision,
    view: BackendView | Any,
    answer: tuple[int, bytes],
    lines: Any,
    status: Status,
    says: str,
) -> None:
    origin = asked(exchange(answer[0], body=answer[1], headers=()))

    (finding,) = prediction_mismatch(decision, view, MISSING, origin, lines, a_traefik())

    assert finding.status is status
    assert says in finding.summary


def test_what_the_cache_answers_says_nothing() -> None:
    outside = visited(exchange(200, headers=(("cf-cache-status", "HIT"),)))

    (finding,) = prediction_mismatch(a_decision(), MISSING, outside, MISSING, logs(), a_traefik())

    assert finding.status is Status.SKIP


def test_nobody_asked_is_unknown_and_no_answer_is_no_verdict() -> None:
    (unseen,) = prediction_mismatch(ROUTED, ALIVE, MISSING, MISSING, logs(), a_traefik())
    (silent,) = prediction_mismatch(ROUTED, ALIVE, visited(failed(Reach.TIMEOUT)), MISSING, logs(), a_traefik())

    assert (unseen.status, silent.status) == (Status.UNKNOWN, Status.SKIP)


PREDICTED = [
    pytest.param(403, (), 403, Status.PASS, id="middleware-refuses-as-predicted"),
    pytest.param(403, (), 200, Status.WARN, id="middleware-lets-through"),
    pytest.param(403, ("the client's address is not known",), 200, Status.SKIP, id="not-certain"),
    pytest.param(308, (), 301, Status.PASS, id="another-kind-of-redirect"),
]


@pytest.mark.parametrize(("predicted", "limits", "code", "status"), PREDICTED)
def test_answers_of_the_controller(predicted: int, limits: tuple[str, ...], code: int, status: Status) -> None:
    answer = PredictedAnswer(source=AnswerSource.CONTROLLER, why="so", status=predicted, limits=limits)
    decision = a_decision(a_candidate(), predicted=answer)

    (finding,) = prediction_mismatch(decision, ALIVE, MISSING, asked(exchange(code, headers=())), logs(), a_traefik())

    assert finding.status is status
