"""Who made an error: the application, Traefik, or nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import a_line, an_exchange, an_origin, an_outside, some_logs
from build.backend import FORBIDDEN, NOT_ASKED, a_decision, a_view
from build.values import replace
from ingressdoctor.api import Finding, RouteRequest, Status, Symptom
from ingressdoctor_checks.backend_application import application_error

DECISION = a_decision()
GUARDED = replace(
    DECISION, winner=replace(DECISION.winner, middlewares=("shop-auth@kubernetescrd",)) if DECISION.winner else None
)
DEEP = replace(DECISION, request=RouteRequest(host=DECISION.request.host, path="/reports"))


def direct(status: int, body: bytes = b"<h1>Sorry</h1>") -> dict[str, Any]:
    return {"origin": an_origin(an_exchange(status, body=body))}


def through(status: int, body: bytes = b"<h1>Sorry</h1>") -> dict[str, Any]:
    return {"outside": an_outside(an_exchange(status, body=body))}


def find(**given: Any) -> Finding:
    parts: dict[str, Any] = {
        "decision": DECISION,
        "view": a_view(),
        "outside": NOT_ASKED,
        "origin": NOT_ASKED,
        "logs": NOT_ASKED,
    }
    [finding] = application_error(**(parts | given))
    return finding


def logged(status: int, **more: Any) -> dict[str, Any]:
    return {"logs": some_logs(a_line(status, **more))}


FAIL, WARN, PASS, SKIP, UNKNOWN = Status.FAIL, Status.WARN, Status.PASS, Status.SKIP, Status.UNKNOWN
CASES: list[Any] = [
    pytest.param(direct(200), PASS, "no error", id="200"),
    pytest.param(direct(302), PASS, "no error", id="302"),
    pytest.param(direct(403), SKIP, "refuses this request", id="403-is-no-failure"),
    pytest.param({}, SKIP, "No answer came", id="nothing-seen"),
    pytest.param({"outside": an_outside(edge_code=522)}, SKIP, "No answer came", id="the-edges-own-error"),
    pytest.param(direct(500) | logged(500), FAIL, "itself answers 500", id="500-with-the-access-log"),
    pytest.param(through(500) | logged(500), FAIL, "itself answers 500", id="500-through-the-edge-with-the-log"),
    pytest.param(direct(500), FAIL, "itself answers 500", id="500-by-the-direct-probes-body"),
    pytest.param(direct(500, b""), FAIL, "itself answers 500", id="an-empty-body-is-not-traefiks"),
    pytest.param(direct(502), FAIL, "itself answers 502", id="502-by-its-body"),
    pytest.param(direct(504), FAIL, "itself answers 504", id="504-by-its-body"),
    pytest.param(
        direct(500, b"Internal Server Error") | logged(500), SKIP, "Traefik made this 500", id="traefiks-own-500"
    ),
    pytest.param(direct(502, b"Bad Gateway") | logged(502), SKIP, "Traefik made this 502", id="traefiks-own-502"),
    pytest.param(direct(504, b"Gateway Timeout") | logged(504), SKIP, "Traefik made this 504", id="traefiks-own-504"),
    pytest.param(direct(503, b"no available server"), SKIP, "Traefik made this 503", id="traefiks-own-503"),
    pytest.param(direct(404, b"404 page not found\n"), SKIP, "Traefik made this 404", id="traefiks-own-404"),
    pytest.param(
        direct(404, b"404 page not found\n") | logged(404) | {"decision": DEEP},
        FAIL,
        "itself answers 404 to /reports",
        id="a-go-application-says-the-same-and-the-log-tells",
    ),
    pytest.param(direct(503) | logged(503), FAIL, "itself answers 503", id="503-of-the-application"),
    pytest.param(direct(404), WARN, "itself answers 404 to /", id="a-missing-start-page-is-no-outage"),
    pytest.param(direct(404) | {"decision": DEEP}, FAIL, "404 to /reports", id="404-on-a-path-that-a-route-serves"),
    pytest.param(
        {"outside": an_outside(edge_code=502)} | logged(502), UNKNOWN, "could not be told", id="edge-502-hides-the-body"
    ),
    pytest.param(through(500), UNKNOWN, "could not be told", id="500-through-the-edge-without-a-log"),
    pytest.param(through(500) | {"logs": FORBIDDEN}, UNKNOWN, "could not be told", id="log-unread"),
    pytest.param(through(500) | logged(500, origin=200), UNKNOWN, "could not be told", id="traefik-changed-the-status"),
    pytest.param(through(500) | logged(200), UNKNOWN, "could not be told", id="another-answer-is-no-proof"),
    pytest.param(through(500) | logged(500, host="other.example"), UNKNOWN, "could not be told", id="another-host"),
    pytest.param(direct(599), FAIL, "itself answers 599", id="a-status-without-a-name"),
    pytest.param(direct(503) | {"view": a_view(pods=())}, UNKNOWN, "could not be told", id="nothing-serves"),
    pytest.param({"view": a_view(live=False)} | direct(500), SKIP, "does not have this route", id="dropped-route"),
    pytest.param({"view": FORBIDDEN} | direct(500), UNKNOWN, "could not be looked at", id="backend-unread"),
]


@pytest.mark.parametrize(("given", "status", "words"), CASES)
def test_application_error(given: dict[str, Any], status: Status, words: str) -> None:
    finding = find(**given)

    assert finding.status is status
    assert words in finding.summary
    assert len(finding.summary) <= 160


def test_the_pod_that_answered_is_named_and_its_log_is_what_to_read() -> None:
    finding = find(**(direct(500) | logged(500)))

    facts = {fact.name: fact.value for fact in finding.facts}
    assert facts["pod"] == "web-1"
    assert facts["access log"] == "status 500 from http://10.42.1.5:8080"
    assert finding.remedy is not None
    assert finding.remedy.commands[0].shell() == "kubectl -n shop logs pod/web-1 --tail=50"


def test_without_the_log_the_middlewares_that_could_have_answered_are_named() -> None:
    told = {fact.name for fact in find(**(direct(500) | {"decision": GUARDED} | logged(500))).facts}
    untold = {fact.name for fact in find(**(direct(500) | {"decision": GUARDED})).facts}

    assert untold - told == {"middlewares"}


def test_a_404_steps_back_behind_what_explains_it() -> None:
    assert find(**(direct(404) | {"decision": DEEP})).symptom is Symptom.APP_404
    assert find(**direct(500)).symptom is None


def test_what_the_application_says_is_made_harmless() -> None:
    facts = {fact.name: fact.value for fact in find(**direct(500, b"\x1b[31mred\xff")).facts}

    assert "\x1b" not in facts["body"]


def test_left_for_another_host_there_is_nothing_to_judge() -> None:
    gone = replace(an_outside(an_exchange(500)), left_host="other.example")

    assert find(outside=gone).status is Status.SKIP
