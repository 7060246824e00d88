"""The PROXY protocol hop by hop, the orange cloud, and ports that no pod listens on."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import FORBIDDEN, a_decision, a_pod, a_view, slices_of
from build.entry import custom, points
from build.mysql import TARGET, UNSEEN, error, greets, login, words
from build.outside import EDGE, RANGES, dns_view, record, resolver, zone
from build.outside import TARGET as WEB
from build.tcp import CLIENT, GONE, NO_ROUTES, a_way, balanced, guarded, listed, traefik
from build.values import replace
from ingressdoctor.api import Inapplicable, Reach, SqlGreeting, SqlSpeaker, Status
from ingressdoctor_checks.backend_raw import port_refused
from ingressdoctor_checks.dns_sql import proxied_sql
from ingressdoctor_checks.sql_proxy import proxy_mismatch, proxy_overridden, proxy_to_maxscale

OFF = traefik(trusted=None)
UNREADABLE = replace(OFF, static=replace(OFF.static, unreadable="a mounted file"))
NO_POINT = traefik(*(point for point in points() if point.name != "mysql"))
HTTP = Inapplicable(wanted="the route", reason="the target speaks HTTP")
CLOSED = SqlGreeting(words=words(b"", end=Reach.CLOSED), speaker=SqlSpeaker.NOBODY)
SILENT = SqlGreeting(words=words(b""), speaker=SqlSpeaker.NOBODY)
REFUSED = greets(second=error(1130, "Proxy header is not accepted from 10.42.0.9"))
NONE = a_way(**NO_ROUTES)


def said(check: Any, *values: object) -> Any:
    (finding,) = check.function(*values)
    return finding


MATRIX = [
    pytest.param(traefik(), balanced(), Status.PASS, "both speak", id="both-on"),
    pytest.param(OFF, balanced(proxy=False), Status.PASS, "both do without", id="both-off"),
    pytest.param(OFF, balanced(), Status.FAIL, "comes to the backend as data", id="sent-and-not-expected"),
    pytest.param(traefik(), balanced(proxy=False), Status.FAIL, "no greeting for 60 s", id="expected-and-not-sent"),
    pytest.param(
        traefik(*points(mysql={"proxy_protocol": ("*",), "read_timeout_s": 0.0})),
        balanced(proxy=False),
        Status.FAIL,
        "no greeting for ever",
        id="expected-and-not-sent-without-a-timeout",
    ),
    pytest.param(UNREADABLE, balanced(), Status.UNKNOWN, "a mounted file", id="sent-and-expectation-unread"),
    pytest.param(traefik(), GONE, Status.UNKNOWN, "not known", id="the-balancer-is-not-seen"),
    pytest.param(NO_POINT, balanced(), Status.SKIP, "no entry point", id="no-entry-point"),
]


@pytest.mark.parametrize(("controller", "lookup", "status", "words_"), MATRIX)
def test_balancer_and_entry_point(controller: Any, lookup: Any, status: Status, words_: str) -> None:
    route = a_way(controller=controller, lookup=lookup)
    finding = said(proxy_mismatch, TARGET, route, controller, lookup, UNSEEN)

    assert finding.status is status
    assert words_ in finding.summary


def test_the_error_that_a_spoilt_login_brings_is_a_fact() -> None:
    finding = said(proxy_mismatch, TARGET, a_way(controller=OFF), OFF, balanced(), REFUSED)

    assert "1130 Proxy header is not accepted from 10.42.0.9" in [fact.value for fact in finding.facts]


@pytest.mark.parametrize("route", [pytest.param(GONE, id="unread"), pytest.param(HTTP, id="http")])
def test_without_a_route_no_side_is_judged(route: Any) -> None:
    status = Status.SKIP if route is HTTP else Status.UNKNOWN

    assert said(proxy_mismatch, TARGET, route, traefik(), balanced(), UNSEEN).status is status


def sending(**service: Any) -> Any:
    return a_way(guarded(services=[{"name": "maxscale", "port": 3306, **service}]), listed(CLIENT), TRANSPORT)


TRANSPORT = custom("ServersTransportTCP", "mxs", {})
SENT = sending(proxyProtocol={"version": 2})
UNREAD = a_way(
    guarded(services=[{"name": "maxscale", "port": 3306, "serversTransport": "mxs"}]),
    listed(CLIENT),
    servers_transport_tcps=GONE,
)
TO_MAXSCALE = [
    pytest.param(a_way(), UNSEEN, Status.PASS, "sends no PROXY header", id="none-sent"),
    pytest.param(SENT, greets(), Status.PASS, "takes the PROXY header", id="taken"),
    pytest.param(SENT, REFUSED, Status.FAIL, "does not accept it: error 1130", id="refused"),
    pytest.param(SENT, greets(second=error(1156)), Status.FAIL, "error 1156", id="refused-by-an-old-maxscale"),
    pytest.param(SENT, CLOSED, Status.SKIP, "No greeting", id="no-greeting"),
    pytest.param(SENT, UNSEEN, Status.SKIP, "No greeting", id="nothing-seen"),
    pytest.param(UNREAD, greets(), Status.UNKNOWN, "was not read", id="the-transport-is-unread"),
    pytest.param(NONE, greets(), Status.SKIP, "No IngressRouteTCP", id="no-route"),
    pytest.param(GONE, greets(), Status.UNKNOWN, "403", id="routes-unread"),
]


@pytest.mark.parametrize(("route", "greeting", "status", "words_"), TO_MAXSCALE)
def test_traefik_and_maxscale(route: Any, greeting: Any, status: Status, words_: str) -> None:
    finding = said(proxy_to_maxscale, TARGET, route, greeting)

    assert finding.status is status
    assert words_ in finding.summary


WON = sending(serversTransport="mxs", proxyProtocol={"version": 2})
OVERRIDDEN = [
    pytest.param(SENT, UNSEEN, Status.PASS, id="the-service-alone"),
    pytest.param(sending(serversTransport="mxs"), UNSEEN, Status.PASS, id="the-transport-alone"),
    pytest.param(WON, UNSEEN, Status.WARN, id="the-transport-wins"),
    pytest.param(WON, login(error(1049)), Status.WARN, id="a-login-fails-for-another-reason"),
    pytest.param(WON, login(error(1045)), Status.FAIL, id="a-login-fails-as-it-does-at-a-wrong-address"),
    pytest.param(NONE, UNSEEN, Status.SKIP, id="no-route"),
    pytest.param(GONE, UNSEEN, Status.UNKNOWN, id="routes-unread"),
]


@pytest.mark.parametrize(("route", "login", "status"), OVERRIDDEN)
def test_a_transport_that_decides(route: Any, login: Any, status: Status) -> None:
    assert said(proxy_overridden, route, login).status is status


GREY = dns_view(resolver("203.0.113.10"))
ORANGE = dns_view(resolver(*EDGE))
CLOUD = [
    pytest.param(TARGET, GREY, zone(record(proxied=False)), UNSEEN, Status.PASS, "past Cloudflare", id="grey"),
    pytest.param(TARGET, GREY, UNSEEN, UNSEEN, Status.PASS, "past Cloudflare", id="grey-without-the-api"),
    pytest.param(TARGET, ORANGE, zone(), UNSEEN, Status.FAIL, "orange cloud", id="orange"),
    pytest.param(TARGET, ORANGE, UNSEEN, SILENT, Status.FAIL, "does not carry port 3306", id="orange-by-dns-alone"),
    pytest.param(TARGET, ORANGE, zone(), greets(), Status.PASS, "Spectrum", id="it-greets-all-the-same"),
    pytest.param(TARGET, dns_view(resolver()), UNSEEN, UNSEEN, Status.SKIP, "no address", id="no-address"),
    pytest.param(WEB, ORANGE, zone(), UNSEEN, Status.SKIP, "HTTP", id="http"),
]


@pytest.mark.parametrize(("target", "view", "held", "greeting", "status", "words_"), CLOUD)
def test_the_orange_cloud(target: Any, view: Any, held: Any, greeting: Any, status: Status, words_: str) -> None:
    finding = said(proxied_sql, target, view, RANGES, held, greeting)

    assert finding.status is status
    assert words_ in finding.summary


DECISION = a_decision()
RAW = replace(DECISION, request=replace(DECISION.request, raw_port=3306))
MOVED = (a_pod(ports=({"name": "mysql", "containerPort": 4006},)),)
STALE = a_view(pods=MOVED, slices=slices_of(MOVED))
OPEN = a_way(guarded(middlewares=[]))
PORTS = [
    pytest.param(DECISION, STALE, CLOSED, OPEN, Status.SKIP, "HTTP is spoken", id="http"),
    pytest.param(RAW, a_view(), greets(), OPEN, Status.PASS, "accept connections", id="it-greets"),
    pytest.param(RAW, STALE, CLOSED, OPEN, Status.FAIL, "they declare port 4006", id="closed-and-not-declared"),
    pytest.param(RAW, a_view(), CLOSED, OPEN, Status.SKIP, "is not known", id="closed-and-declared"),
    pytest.param(RAW, a_view(), SILENT, OPEN, Status.SKIP, "was not closed", id="silent"),
    pytest.param(RAW, a_view(), CLOSED, a_way(), Status.SKIP, "allow list may", id="an-allow-list-may-be-the-reason"),
    pytest.param(RAW, a_view(), UNSEEN, OPEN, Status.UNKNOWN, "could not be seen", id="no-greeting-seen"),
    pytest.param(RAW, a_view(pods=(a_pod(ready=False),)), CLOSED, OPEN, Status.SKIP, "No endpoint", id="none-ready"),
    pytest.param(RAW, FORBIDDEN, CLOSED, OPEN, Status.UNKNOWN, "403", id="backend-unread"),
]


@pytest.mark.parametrize(("decision", "view", "greeting", "route", "status", "words_"), PORTS)
def test_pods_that_refuse(decision: Any, view: Any, greeting: Any, route: Any, status: Status, words_: str) -> None:
    finding = said(port_refused, decision, view, greeting, route)

    assert finding.status is status
    assert words_ in finding.summary
