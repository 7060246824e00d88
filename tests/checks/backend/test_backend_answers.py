"""Refused connections and silence, told apart from the application's own words and from other causes."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import a_line, an_exchange, an_origin, an_outside, some_logs
from build.backend import FORBIDDEN, NOT_ASKED, a_decision, a_pod, a_service, a_view, slices_of
from build.values import replace
from ingressdoctor.api import BackendView, PolicyVerdict, Reach, Status, Unavailable
from ingressdoctor_checks.backend_answers import target_port_closed, too_slow
from ingressdoctor_checks.backend_seen import got_through, seen_of

ALLOWED = PolicyVerdict(allowed=True, why="nothing selects the pods")
DENIED = PolicyVerdict(allowed=False, why="default deny")
REFUSED = an_origin(an_exchange(502, body=b"Bad Gateway"))
OWN = an_origin(an_exchange(502, body=b"<h1>upstream broken</h1>"))
NGINX_502 = an_origin(
    an_exchange(
        502, body=b"<html>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</html>\r\n"
    )
)
DROPPED = an_origin(an_exchange(504, body=b"Gateway Timeout", total_s=30.0))
QUIET = an_origin(an_exchange(0, reach=Reach.READ_TIMEOUT, total_s=8.0))
MOVED = (a_pod(ports=({"name": "web", "containerPort": 9000}, {"name": "metrics", "containerPort": 9100})),)
STALE = a_view(
    service=a_service(ports=({"name": "http", "port": 80, "targetPort": 8080},)), pods=MOVED, slices=slices_of(MOVED)
)
NOT_READY = a_view(pods=(a_pod(ready=False),))


def judge(check: Any, view: BackendView | Unavailable = STALE, **evidence: Any) -> Any:
    given = {"outside": NOT_ASKED, "origin": NOT_ASKED, "logs": NOT_ASKED, "policy": ALLOWED, **evidence}
    [finding] = check(a_decision(), view, **given)
    return finding


CLOSED: list[Any] = [
    pytest.param(STALE, {"origin": REFUSED}, Status.FAIL, "they declare port 9000, 9100", id="port-not-declared"),
    pytest.param(a_view(), {"origin": REFUSED}, Status.FAIL, "although they declare it", id="declared-yet-refused"),
    pytest.param(STALE, {"outside": an_outside(edge_code=502)}, Status.FAIL, "where nobody listens", id="seen-outside"),
    pytest.param(
        a_view(), {"outside": an_outside(edge_code=502)}, Status.WARN, "refuse or break", id="only-the-edge-says-so"
    ),
    pytest.param(a_view(), {"logs": some_logs(a_line(502))}, Status.FAIL, "refuse or break", id="access-log-says-502"),
    pytest.param(a_view(), {"origin": OWN}, Status.SKIP, "answers 502 itself", id="the-applications-own-502"),
    pytest.param(
        replace(STALE, nginx=True),
        {"origin": NGINX_502},
        Status.FAIL,
        "where nobody listens",
        id="page-of-ingress-nginx",
    ),
    pytest.param(
        a_view(), {"origin": NGINX_502}, Status.SKIP, "answers 502 itself", id="an-nginx-in-the-pod-behind-traefik"
    ),
    pytest.param(
        a_view(),
        {"outside": an_outside(edge_code=502), "origin": an_origin()},
        Status.PASS,
        "No connection",
        id="the-origin-contradicts-the-edge",
    ),
    pytest.param(
        a_view(),
        {"logs": some_logs(a_line(502)), "origin": an_origin()},
        Status.PASS,
        "No connection",
        id="an-old-line-of-the-log-does-not-count-when-the-origin-answers",
    ),
    pytest.param(STALE, {"origin": REFUSED, "policy": DENIED}, Status.SKIP, "may not talk", id="policy-rejects"),
    pytest.param(STALE, {"origin": an_origin()}, Status.PASS, "No connection", id="undeclared-but-answers"),
    pytest.param(STALE, {}, Status.UNKNOWN, "could not be seen", id="nothing-seen"),
    pytest.param(a_view(), {"outside": an_outside(edge_code=521)}, Status.SKIP, "put to the test", id="only-the-edge"),
    pytest.param(
        a_view(),
        {"outside": an_outside(edge_code=521), "logs": some_logs(a_line(200))},
        Status.PASS,
        "No connection",
        id="the-access-log-saw-a-pod-answer",
    ),
    pytest.param(NOT_READY, {"origin": REFUSED}, Status.SKIP, "No endpoint", id="no-endpoint-no-port"),
    pytest.param(FORBIDDEN, {"origin": REFUSED}, Status.UNKNOWN, "403", id="backend-unread"),
]


@pytest.mark.parametrize(("view", "evidence", "status", "words"), CLOSED)
def test_target_port_closed(
    view: BackendView | Unavailable, evidence: dict[str, Any], status: Status, words: str
) -> None:
    finding = judge(target_port_closed, view, **evidence)

    assert finding.status is status
    assert words in finding.summary


def test_the_nearest_declared_port_is_proposed() -> None:
    finding = judge(target_port_closed, STALE, origin=REFUSED)

    assert "targetPort to 9000" in finding.remedy.text


def test_what_the_pods_refuse_is_about_their_nodes() -> None:
    finding = judge(target_port_closed, a_view(), origin=REFUSED)

    assert finding.scope == ("node-1", "node-2")


SLOW: list[Any] = [
    pytest.param(a_view(), {"outside": an_outside(edge_code=524)}, Status.FAIL, "do not answer in time", id="524"),
    pytest.param(a_view(), {"origin": QUIET}, Status.FAIL, "do not answer in time", id="origin-stays-silent"),
    pytest.param(
        a_view(),
        {"outside": an_outside(edge_code=524), "logs": some_logs(a_line(499, origin=0, duration_s=100.2))},
        Status.FAIL,
        "(up to 100 s seen)",
        id="access-log-gives-the-duration",
    ),
    pytest.param(a_view(), {"origin": DROPPED}, Status.FAIL, "packets are dropped", id="dial-timeout"),
    pytest.param(
        a_view(),
        {"origin": DROPPED, "policy": FORBIDDEN},
        Status.WARN,
        "packets are dropped",
        id="dial-timeout-with-policies-unread",
    ),
    pytest.param(a_view(), {"origin": DROPPED, "policy": DENIED}, Status.SKIP, "may not talk", id="policy-drops"),
    pytest.param(a_view(), {"origin": an_origin()}, Status.PASS, "No request ended", id="answers"),
    pytest.param(a_view(), {}, Status.UNKNOWN, "could not be seen", id="nothing-seen"),
    pytest.param(a_view(), {"outside": an_outside(edge_code=522)}, Status.SKIP, "put to the test", id="only-the-edge"),
    pytest.param(NOT_READY, {"origin": QUIET}, Status.SKIP, "none can be slow", id="no-endpoint"),
    pytest.param(replace(a_view(), live=False), {"origin": QUIET}, Status.SKIP, "not asked", id="route-dropped"),
    pytest.param(FORBIDDEN, {"origin": QUIET}, Status.UNKNOWN, "403", id="backend-unread"),
]


@pytest.mark.parametrize(("view", "evidence", "status", "words"), SLOW)
def test_too_slow(view: BackendView | Unavailable, evidence: dict[str, Any], status: Status, words: str) -> None:
    finding = judge(too_slow, view, **evidence)

    assert finding.status is status
    assert words in finding.summary


def test_the_access_log_counts_for_this_host_alone() -> None:
    logs = some_logs(a_line(502, host="other.example.org"), a_line(200, host="WWW.shop.example.org:443"))

    seen = seen_of("www.shop.example.org", NOT_ASKED, NOT_ASKED, logs)

    assert seen.statuses == {"access log": 200}


def test_a_probe_that_was_led_elsewhere_says_nothing_about_this_backend() -> None:
    outside = replace(an_outside(an_exchange(502)), left_host="login.example.org")

    assert seen_of("www.shop.example.org", outside, NOT_ASKED, NOT_ASKED).statuses == {}


THROUGH = [
    pytest.param(200, True, id="an-answer-only-a-pod-can-give"),
    pytest.param(302, False, id="a-redirect-may-be-the-controllers"),
    pytest.param(404, False, id="so-may-a-404"),
    pytest.param(504, False, id="and-a-504"),
]


@pytest.mark.parametrize(("status", "expected"), THROUGH)
def test_got_through(status: int, expected: bool) -> None:
    assert got_through(an_origin(an_exchange(status))) is expected
