"""WebSockets that do not open: who refuses, and what is left to other checks."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import an_exchange, an_origin
from build.backend import NOT_ASKED, a_decision, a_view
from build.outside import exchange, visited
from ingressdoctor.api import OutsideProbe, Status, Symptom, Target
from ingressdoctor_checks.backend_websocket import no_upgrade
from ingressdoctor_checks.edge_websocket import websocket_refused

WSS = Target.parse("wss://www.example.org/live")
HTTPS = Target.parse("https://www.example.org/live")
OPENS = an_origin(an_exchange(101))
EDGE: list[Any] = [
    pytest.param(HTTPS, 200, NOT_ASKED, Status.SKIP, "asks for one", id="only-when-asked"),
    pytest.param(WSS, 101, NOT_ASKED, Status.PASS, "switches", id="opens"),
    pytest.param(WSS, 200, NOT_ASKED, Status.FAIL, "as to a plain request", id="a-plain-answer"),
    pytest.param(WSS, 200, OPENS, Status.FAIL, "the edge takes the upgrade away", id="the-origin-opens-it"),
    pytest.param(WSS, 302, NOT_ASKED, Status.FAIL, "follow none", id="a-redirect"),
    pytest.param(WSS, 400, NOT_ASKED, Status.SKIP, "other checks", id="an-error-is-told-elsewhere"),
]


@pytest.mark.parametrize(("target", "status", "origin", "verdict", "text"), EDGE)
def test_the_edge(target: Target, status: int, origin: Any, verdict: Status, text: str) -> None:
    (finding,) = websocket_refused(target, seen(status), origin)

    assert finding.status is verdict
    assert text in finding.summary
    assert finding.symptom is (Symptom.WEBSOCKET_REFUSED if verdict is Status.FAIL else None)


def seen(status: int) -> OutsideProbe:
    return visited(exchange(status))


ORIGIN: list[Any] = [
    pytest.param(HTTPS, an_origin(an_exchange(200)), Status.SKIP, id="only-when-asked"),
    pytest.param(WSS, OPENS, Status.PASS, id="opens"),
    pytest.param(WSS, an_origin(an_exchange(200)), Status.FAIL, id="a-plain-answer"),
    pytest.param(WSS, an_origin(an_exchange(404)), Status.SKIP, id="an-error-is-told-elsewhere"),
    pytest.param(WSS, NOT_ASKED, Status.UNKNOWN, id="not-asked"),
]


@pytest.mark.parametrize(("target", "origin", "verdict"), ORIGIN)
def test_the_application(target: Target, origin: Any, verdict: Status) -> None:
    (finding,) = no_upgrade(a_decision(), target, a_view(), origin)

    assert finding.status is verdict


SCHEMES = [
    pytest.param("ws://www.example.org/x", "http", 80, id="ws"),
    pytest.param("wss://www.example.org/x", "https", 443, id="wss"),
]


@pytest.mark.parametrize(("url", "scheme", "port"), SCHEMES)
def test_a_websocket_is_carried_by_http(url: str, scheme: str, port: int) -> None:
    target = Target.parse(url)

    assert (target.scheme, target.port, target.protocol) == (scheme, port, "websocket")
