"""Does the port lead to an entry point, and does the route on it suit a protocol in which the server speaks first?"""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_pod as a_backend_pod
from build.backend import a_view
from build.entry import a_tcp_route, https_route, points
from build.hetzner import a_pod, a_service
from build.mysql import TARGET, UNSEEN, greets
from build.tcp import CLIENT, GONE, NO_ROUTES, a_way, guarded, listed, traefik
from build.values import replace
from ingressdoctor.api import Inapplicable, SqlSpeaker, Status, Unavailable
from ingressdoctor_checks.sql_entry import entry_point_missing, route_missing, traefik_not_ready, wrong_entry_point
from ingressdoctor_checks.sql_route import bypasses_maxscale, route_swallowed, sni_without_tls

FORBIDDEN = Unavailable(wanted="pods", reason="403: may not list", enable_with="Allow list on pods.")
HTTP = Inapplicable(wanted="the route", reason="the target speaks HTTP")
NO_POINT = traefik(*(point for point in points() if point.name != "mysql"))
NO_PORT = replace(traefik(), service=a_service(ports=((80, "web", 30080),)))
UNREADABLE = replace(NO_POINT, static=replace(NO_POINT.static, unreadable="a mounted file"))
EATEN = a_way(guarded(), listed(CLIENT), https_route("Host(`a.example`)", spec={"entryPoints": ["mysql"]}))
NAMED = a_way(a_tcp_route("HostSNI(`db.example`)"))
TLS = a_way(a_tcp_route(tls={}))
BROKEN = a_way(a_tcp_route("HostSNI(`*`"))
ELSEWHERE = a_way(a_tcp_route(entryPoints=["websecure"]))
MISSPELT = a_way(a_tcp_route(entryPoints=["mysq"]))
CLASSED = a_way(a_tcp_route(metadata={"annotations": {"kubernetes.io/ingress.class": "nginx"}}))
NEVER = a_way(a_tcp_route("HostSNIRegexp(`^db`)"))
BY_CLIENT = a_way(a_tcp_route("HostSNI(`*`) && ClientIP(`203.0.113.0/24`)"), client_ip="")
NONE = a_way(**NO_ROUTES)
UNLISTED = a_way(guarded())


def said(check: Any, *values: object) -> Any:
    (finding,) = check.function(*values)
    return finding


READY = [
    pytest.param(traefik(), Status.PASS, "All 2 pods", id="all"),
    pytest.param(traefik(pods=(a_pod(),)), Status.PASS, "is ready", id="the-only-one"),
    pytest.param(traefik(pods=(a_pod(), a_pod(node=2, ready=False))), Status.WARN, "1 of 2", id="one-is-not"),
    pytest.param(traefik(pods=(a_pod(ready=False),)), Status.FAIL, "1 of 1", id="none-is"),
    pytest.param(traefik(pods=()), Status.FAIL, "has no pod", id="scaled-to-nothing"),
    pytest.param(replace(traefik(pods=()), pods_unread=FORBIDDEN), Status.UNKNOWN, "403", id="unread"),
]


@pytest.mark.parametrize(("controller", "status", "words"), READY)
def test_pods_of_traefik(controller: Any, status: Status, words: str) -> None:
    finding = said(traefik_not_ready, controller)

    assert finding.status is status
    assert words in finding.summary


POINTS = [
    pytest.param(a_way(), traefik(), Status.PASS, "leads to the entry point mysql", id="there"),
    pytest.param(a_way(controller=NO_POINT), NO_POINT, Status.FAIL, "no entry point listens", id="no-entry-point"),
    pytest.param(a_way(controller=NO_PORT), NO_PORT, Status.FAIL, "has no port 3306", id="not-published"),
    pytest.param(a_way(controller=UNREADABLE), UNREADABLE, Status.UNKNOWN, "a mounted file", id="config-unread"),
    pytest.param(a_way(controller=traefik(pods=())), traefik(pods=()), Status.SKIP, "no pod", id="no-pod"),
    pytest.param(GONE, traefik(), Status.UNKNOWN, "403", id="routes-unread"),
    pytest.param(HTTP, traefik(), Status.SKIP, "HTTP", id="http"),
]


@pytest.mark.parametrize(("route", "controller", "status", "words"), POINTS)
def test_the_entry_point(route: Any, controller: Any, status: Status, words: str) -> None:
    finding = said(entry_point_missing, TARGET, route, controller)

    assert finding.status is status
    assert words in finding.summary


WRONG = [
    pytest.param(a_way(), Status.PASS, "is on the entry point mysql", id="right"),
    pytest.param(ELSEWHERE, Status.FAIL, "on the entry point websecure, but", id="another"),
    pytest.param(MISSPELT, Status.FAIL, "Did you mean mysql?", id="misspelt"),
    pytest.param(NONE, Status.SKIP, "No IngressRouteTCP", id="no-route"),
    pytest.param(a_way(controller=NO_POINT), Status.SKIP, "leads to no entry point", id="no-entry-point"),
    pytest.param(GONE, Status.UNKNOWN, "403", id="unread"),
]


@pytest.mark.parametrize(("route", "status", "words"), WRONG)
def test_the_routes_entry_points(route: Any, status: Status, words: str) -> None:
    finding = said(wrong_entry_point, TARGET, route, traefik())

    assert finding.status is status
    assert words in finding.summary


ROUTES = [
    pytest.param(a_way(), Status.PASS, "takes connections", id="there"),
    pytest.param(NONE, Status.FAIL, "clients wait", id="none"),
    pytest.param(CLASSED, Status.FAIL, "leaves it out", id="of-another-class"),
    pytest.param(NEVER, Status.FAIL, "does not match", id="a-rule-that-wants-a-name"),
    pytest.param(BY_CLIENT, Status.UNKNOWN, "cannot be told", id="by-client-and-nobody-named"),
    pytest.param(ELSEWHERE, Status.SKIP, "said elsewhere", id="on-another-entry-point"),
    pytest.param(NAMED, Status.SKIP, "said elsewhere", id="a-name-without-tls"),
    pytest.param(UNLISTED, Status.SKIP, "said elsewhere", id="a-middleware-is-missing"),
    pytest.param(EATEN, Status.SKIP, "said elsewhere", id="swallowed"),
    pytest.param(a_way(controller=NO_POINT), Status.SKIP, "no entry point", id="no-entry-point"),
    pytest.param(GONE, Status.UNKNOWN, "403", id="unread"),
    pytest.param(HTTP, Status.SKIP, "HTTP", id="http"),
]


@pytest.mark.parametrize(("route", "status", "words"), ROUTES)
def test_a_route_takes_the_connection(route: Any, status: Status, words: str) -> None:
    finding = said(route_missing, TARGET, route, traefik())

    assert finding.status is status
    assert words in finding.summary


RULES = [
    pytest.param(a_way(), Status.PASS, "asks for no name", id="any-name"),
    pytest.param(NAMED, Status.FAIL, "without TLS", id="a-name-without-tls"),
    pytest.param(TLS, Status.FAIL, "a tls section", id="tls"),
    pytest.param(BROKEN, Status.FAIL, "cannot use", id="a-rule-that-does-not-parse"),
    pytest.param(NONE, Status.SKIP, "No IngressRouteTCP", id="no-route"),
    pytest.param(GONE, Status.UNKNOWN, "403", id="unread"),
]


@pytest.mark.parametrize(("route", "status", "words"), RULES)
def test_the_rule(route: Any, status: Status, words: str) -> None:
    finding = said(sni_without_tls, TARGET, route)

    assert finding.status is status
    assert words in finding.summary


EATERS = [
    pytest.param(a_way(), Status.PASS, "Only plain TCP routes", id="alone"),
    pytest.param(EATEN, Status.FAIL, "IngressRoute ns/shop, an HTTPS route", id="an-https-route"),
    pytest.param(
        a_way(guarded(), listed(CLIENT), a_tcp_route("HostSNI(`x`)", name="mqtt", tls={})),
        Status.FAIL,
        "IngressRouteTCP ns/mqtt, a TCP route with TLS",
        id="a-tcp-route-with-tls",
    ),
    pytest.param(TLS, Status.PASS, "Only plain", id="the-route-itself-is-another-check"),
    pytest.param(GONE, Status.UNKNOWN, "403", id="unread"),
]


@pytest.mark.parametrize(("route", "status", "words"), EATERS)
def test_other_routes_on_the_entry_point(route: Any, status: Status, words: str) -> None:
    finding = said(route_swallowed, TARGET, route)

    assert finding.status is status
    assert words in finding.summary


def test_without_an_entry_point_nothing_is_swallowed() -> None:
    assert said(route_swallowed, TARGET, a_way(controller=NO_POINT)).status is Status.SKIP


MARIADB = a_view(pods=(a_backend_pod(spec={"containers": [{"name": "app", "image": "docker.io/mariadb:11.4"}]}),))
MAXSCALE = a_view(
    pods=(a_backend_pod(spec={"containers": [{"name": "app", "image": "docker.io/mariadb/maxscale:23.08.5"}]}),)
)
OTHER = a_view(pods=(a_backend_pod(spec={"containers": [{"name": "app", "image": "haproxy:2.8"}]}),))
BYPASS = [
    pytest.param(greets(), UNSEEN, Status.PASS, "MaxScale takes", id="maxscale-greets"),
    pytest.param(greets(speaker=SqlSpeaker.MAXSCALE_ALONE), UNSEEN, Status.PASS, "MaxScale", id="maxscale-alone"),
    pytest.param(UNSEEN, MAXSCALE, Status.PASS, "MaxScale takes", id="maxscale-by-its-image"),
    pytest.param(greets(speaker=SqlSpeaker.MARIADB), UNSEEN, Status.WARN, "past MaxScale", id="mariadb-greets"),
    pytest.param(UNSEEN, MARIADB, Status.WARN, "past MaxScale", id="mariadb-by-its-image"),
    pytest.param(UNSEEN, OTHER, Status.SKIP, "neither", id="something-else"),
    pytest.param(UNSEEN, UNSEEN, Status.UNKNOWN, "neither a greeting", id="nothing-seen"),
]


@pytest.mark.parametrize(("greeting", "view", "status", "words"), BYPASS)
def test_who_takes_the_connections(greeting: Any, view: Any, status: Status, words: str) -> None:
    finding = said(bypasses_maxscale, a_way(), greeting, view)

    assert finding.status is status
    assert words in finding.summary


def test_without_a_route_nobody_bypasses() -> None:
    assert said(bypasses_maxscale, NONE, UNSEEN, UNSEEN).status is Status.SKIP
