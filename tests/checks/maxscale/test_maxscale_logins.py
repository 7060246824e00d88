"""Listeners, limits, accounts and logins of MaxScale, and whether its API can be read and by whom."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import CLOCK
from build.controller import a_traefik_pod
from build.hetzner import a_controller
from build.maxscale import (
    a_line,
    a_maxscale,
    a_maxscale_view,
    a_state,
    a_user,
    an_account,
    an_instance,
    ready,
    the_logs,
    the_objects,
    unread,
)
from build.mysql import greets, refuses
from build.tcp import a_way, guarded
from build.values import replace
from ingressdoctor.api import (
    ApiRefusal,
    ApiTrouble,
    ApiWay,
    BackendView,
    Controller,
    DatabaseObjects,
    Inapplicable,
    MaxScaleListener,
    MaxScaleLogs,
    MaxScaleService,
    MaxScaleState,
    SeenAddress,
    SeenAs,
    SqlGreeting,
    Status,
    Target,
    TcpRoute,
    Unavailable,
)
from ingressdoctor_checks.maxscale_accounts import host_pattern, user_unknown
from ingressdoctor_checks.maxscale_api import api_exposed, api_refused
from ingressdoctor_checks.maxscale_listeners import limits, listener_stopped, version_bug
from ingressdoctor_checks.maxscale_logins import host_blocked, logins_fail_behind
from ingressdoctor_checks.maxscale_users import users_stale

GONE = Unavailable(wanted="it", reason="403: may not look", enable_with="Grant it.")
ELSEWHERE = Inapplicable(wanted="it", reason="the Service does not lead to MaxScale")
QUIET = the_logs()
HEALTHY = the_objects()
NAMED = Target(hostname="db.example.org", port=3306, sql_user="erp")
UNNAMED = Target(hostname="db.example.org", port=3306)
OLD = "2026-11-21 11:20:00"


def serving(*, listener: dict[str, Any] | None = None, service: dict[str, Any] | None = None) -> MaxScaleState:
    """One instance with parts of its listener or service replaced."""
    one = an_instance()
    changed = replace(one.listeners[0], **(listener or {})), replace(one.services[0], **(service or {}))
    return a_state(replace(one, listeners=(changed[0],), services=(changed[1],)))


def knowing(*accounts: tuple[str, str], **more: Any) -> MaxScaleState:
    return serving(service={"users": tuple(an_account(*pair) for pair in accounts), **more})


@pytest.mark.parametrize(
    ("state", "objects", "status"),
    [
        pytest.param(a_state(), HEALTHY, Status.PASS, id="runs"),
        pytest.param(serving(listener={"state": "Stopped"}), HEALTHY, Status.FAIL, id="stopped"),
        pytest.param(serving(listener={"state": "Failed"}), HEALTHY, Status.FAIL, id="could-not-bind"),
        pytest.param(serving(listener={"port": 3307}), HEALTHY, Status.FAIL, id="on-another-port"),
        pytest.param(serving(service={"state": "Stopped"}), HEALTHY, Status.FAIL, id="its-service-is-stopped"),
        pytest.param(
            a_state(an_instance(), serving(listener={"state": "Stopped"}).instances[0]),
            HEALTHY,
            Status.WARN,
            id="stopped-in-one-of-two-pods",
        ),
        pytest.param(a_state(an_instance(listeners=())), HEALTHY, Status.PASS, id="listeners-are-not-told"),
        pytest.param(a_state(port=None), HEALTHY, Status.SKIP, id="the-port-is-not-known"),
        pytest.param(
            unread(), the_objects(target=a_maxscale(listeners=(("l", "Stopped"),))), Status.FAIL, id="by-the-status"
        ),
        pytest.param(
            unread(), the_objects(target=a_maxscale(services=(("rw", "Failed"),))), Status.FAIL, id="service-by-status"
        ),
        pytest.param(unread(), HEALTHY, Status.UNKNOWN, id="the-status-proves-no-health"),
        pytest.param(ELSEWHERE, HEALTHY, Status.SKIP, id="not-maxscale"),
    ],
)
def test_listener_stopped(
    state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, status: Status
) -> None:
    (finding,) = listener_stopped(state, objects)

    assert finding.status is status


@pytest.mark.parametrize(
    ("state", "logs", "statuses"),
    [
        pytest.param(a_state(), QUIET, [Status.PASS], id="no-limits"),
        pytest.param(serving(service={"limit": 10, "connections": 10}), QUIET, [Status.FAIL], id="full"),
        pytest.param(serving(service={"limit": 10, "connections": 8}), QUIET, [Status.WARN], id="nearly-full"),
        pytest.param(serving(service={"limit": 10, "connections": 7}), QUIET, [Status.PASS], id="room"),
        pytest.param(
            a_state(*(serving(service={"limit": 10, "connections": n}).instances[0] for n in (10, 9))),
            QUIET,
            [Status.FAIL],
            id="two-pods-one-finding",
        ),
        pytest.param(
            a_state(), the_logs(a_line("login-refused-behind", errno="1226")), [Status.FAIL], id="the-accounts-limit"
        ),
        pytest.param(
            a_state(),
            the_logs(a_line("login-refused-behind", errno="1040", when=OLD)),
            [Status.WARN],
            id="full-some-time-ago",
        ),
        pytest.param(
            a_state(), the_logs(a_line("login-refused-behind", errno="1045")), [Status.PASS], id="not-about-room"
        ),
        pytest.param(unread(), the_logs(a_line("login-refused-behind", errno="1203")), [Status.FAIL], id="by-the-log"),
        pytest.param(unread(), QUIET, [Status.PASS], id="the-log-is-quiet"),
        pytest.param(unread(), GONE, [Status.UNKNOWN], id="nothing-to-look-at"),
    ],
)
def test_limits(state: MaxScaleState, logs: MaxScaleLogs | Unavailable, statuses: list[Status]) -> None:
    assert [finding.status for finding in limits(state, logs, CLOCK)] == statuses


def release(version: str, networks: str = "10.0.0.0/8") -> MaxScaleState:
    listener = MaxScaleListener(name="l", state="Running", service="rw", port=3306, proxy_networks=networks)
    return a_state(an_instance(version=version, listeners=(listener,)))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        pytest.param(release("23.08.6"), Status.WARN, id="before-the-correction"),
        pytest.param(release("23.08.7"), Status.PASS, id="with-it"),
        pytest.param(release("24.02.2"), Status.WARN, id="the-next-series-before"),
        pytest.param(release("24.02.3"), Status.PASS, id="the-next-series-with-it"),
        pytest.param(release("25.10.1"), Status.PASS, id="a-later-series"),
        pytest.param(release("23.08.6", ""), Status.SKIP, id="no-header-is-expected"),
        pytest.param(release("odd"), Status.PASS, id="an-unreadable-version"),
        pytest.param(unread(), Status.UNKNOWN, id="not-read"),
        pytest.param(GONE, Status.UNKNOWN, id="not-collected"),
    ],
)
def test_version_bug(state: MaxScaleState | Unavailable, status: Status) -> None:
    (finding,) = version_bug(state)

    assert finding.status is status


REFUSED_US = a_line("users-refused", said="Connection to [db]:3306 failed. Error 1045: Access denied for user 'mxs'")
NO_SELECT = a_line("users-refused", said="Query 'SELECT * FROM mysql.user' failed")


@pytest.mark.parametrize(
    ("target", "state", "objects", "logs", "status"),
    [
        pytest.param(NAMED, a_state(), HEALTHY, QUIET, Status.PASS, id="current"),
        pytest.param(NAMED, knowing(), HEALTHY, QUIET, Status.FAIL, id="empty"),
        pytest.param(NAMED, knowing(("other", "%")), HEALTHY, QUIET, Status.FAIL, id="the-account-is-newer"),
        pytest.param(UNNAMED, knowing(("other", "%")), HEALTHY, QUIET, Status.PASS, id="nobody-was-named"),
        pytest.param(
            NAMED,
            knowing(("other", "%")),
            the_objects(users=(a_user(conditions=ready("False", "Failed", "x")),)),
            QUIET,
            Status.PASS,
            id="an-account-that-was-not-made",
        ),
        pytest.param(NAMED, a_state(), HEALTHY, the_logs(NO_SELECT), Status.WARN, id="it-cannot-be-made-anew"),
        pytest.param(NAMED, serving(service={"users": None}), HEALTHY, QUIET, Status.SKIP, id="not-told"),
        pytest.param(NAMED, unread(), HEALTHY, the_logs(REFUSED_US), Status.FAIL, id="by-the-log"),
        pytest.param(NAMED, unread(), HEALTHY, QUIET, Status.UNKNOWN, id="not-read"),
        pytest.param(NAMED, GONE, GONE, GONE, Status.UNKNOWN, id="nothing-to-look-at"),
    ],
)
def test_users_stale(
    target: Target,
    state: MaxScaleState | Unavailable,
    objects: DatabaseObjects | Unavailable,
    logs: MaxScaleLogs | Unavailable,
    status: Status,
) -> None:
    (finding,) = users_stale(target, state, objects, logs)

    assert finding.status is status


def test_a_copy_that_lacks_an_account_says_whether_it_will_have_it() -> None:
    (soon,) = users_stale(NAMED, knowing(("other", "%")), HEALTHY, QUIET)
    (never,) = users_stale(NAMED, knowing(("other", "%")), HEALTHY, the_logs(REFUSED_US))

    assert "yet" in soon.summary
    assert "since its own account is refused" in never.summary
    assert never.remedy is not None
    assert "NAME-server" in never.remedy.text


@pytest.mark.parametrize(
    ("line", "words"), [(REFUSED_US, "its own account is refused"), (NO_SELECT, "may not read mysql.*")]
)
def test_why_the_copy_is_empty(line: Any, words: str) -> None:
    (finding,) = users_stale(NAMED, knowing(), HEALTHY, the_logs(line))

    assert words in finding.summary


@pytest.mark.parametrize(
    ("target", "state", "objects", "status", "words"),
    [
        pytest.param(NAMED, a_state(), HEALTHY, Status.PASS, "knows", id="known"),
        pytest.param(
            replace(NAMED, sql_user="erb"), a_state(), HEALTHY, Status.FAIL, "did you mean 'erp'?", id="misspelt"
        ),
        pytest.param(
            NAMED, knowing(("other", "%")), the_objects(users=()), Status.FAIL, "no account 'erp'", id="unknown"
        ),
        pytest.param(NAMED, knowing(("other", "%")), HEALTHY, Status.SKIP, "said elsewhere", id="newer-than-the-copy"),
        pytest.param(NAMED, knowing(), HEALTHY, Status.SKIP, "said elsewhere", id="the-copy-is-empty"),
        pytest.param(UNNAMED, a_state(), HEALTHY, Status.SKIP, "--sql-user", id="nobody-was-named"),
        pytest.param(NAMED, unread(), HEALTHY, Status.UNKNOWN, "REST API", id="not-read"),
    ],
)
def test_user_unknown(
    target: Target, state: MaxScaleState, objects: DatabaseObjects, status: Status, words: str
) -> None:
    (finding,) = user_unknown(target, state, objects)

    assert finding.status is status
    assert words in finding.summary


TRAEFIK = a_controller(
    pods=(a_traefik_pod(status={"podIP": "10.42.1.17", "conditions": [{"type": "Ready", "status": "True"}]}),)
)
PLAIN = a_way(guarded())
SENDING = a_way(guarded(services=[{"name": "maxscale", "port": 3306, "proxyProtocol": {"version": 2}}]))
BLIND = replace(SENDING, seen=SeenAddress(kind=SeenAs.NODE, addresses=("10.0.1.11",)))


def expecting(host: str, **more: Any) -> MaxScaleState:
    one = knowing(("erp", host)).instances[0]
    return a_state(replace(one, listeners=(replace(one.listeners[0], proxy_networks="10.0.0.0/8"),), **more))


@pytest.mark.parametrize(
    ("state", "route", "controller", "status"),
    [
        pytest.param(a_state(), PLAIN, TRAEFIK, Status.PASS, id="everybody"),
        pytest.param(knowing(("erp", "10.42.%")), PLAIN, TRAEFIK, Status.PASS, id="the-pods-network"),
        pytest.param(knowing(("erp", "203.0.113.7")), PLAIN, TRAEFIK, Status.FAIL, id="the-clients-address"),
        pytest.param(knowing(("erp", "10.0.0.0/8")), PLAIN, TRAEFIK, Status.FAIL, id="a-short-netmask"),
        pytest.param(knowing(("erp", "erp.example.org")), PLAIN, TRAEFIK, Status.UNKNOWN, id="a-name"),
        pytest.param(
            a_state(an_instance(services=knowing(("erp", "x.example")).instances[0].services, skips_names=True)),
            PLAIN,
            TRAEFIK,
            Status.FAIL,
            id="a-name-that-is-never-looked-up",
        ),
        pytest.param(expecting("203.0.113.7"), SENDING, TRAEFIK, Status.PASS, id="carried-through"),
        pytest.param(expecting("192.0.2.9"), SENDING, TRAEFIK, Status.FAIL, id="carried-through-and-another"),
        pytest.param(
            expecting("10.42.%", version="23.08.6"), SENDING, TRAEFIK, Status.PASS, id="an-old-release-ignores-it"
        ),
        pytest.param(expecting("203.0.113.7"), BLIND, TRAEFIK, Status.FAIL, id="traefik-announces-a-node"),
        pytest.param(expecting("203.0.113.7"), PLAIN, TRAEFIK, Status.FAIL, id="expected-and-not-sent"),
        pytest.param(a_state(), PLAIN, GONE, Status.PASS, id="everybody-whatever-the-address"),
        pytest.param(knowing(("erp", "10.%")), PLAIN, GONE, Status.UNKNOWN, id="the-address-is-not-known"),
        pytest.param(knowing(("other", "%")), PLAIN, TRAEFIK, Status.SKIP, id="unknown-is-said-elsewhere"),
        pytest.param(unread(), PLAIN, TRAEFIK, Status.UNKNOWN, id="not-read"),
    ],
)
def test_host_pattern(
    state: MaxScaleState, route: TcpRoute, controller: Controller | Unavailable, status: Status
) -> None:
    (finding,) = host_pattern(replace(NAMED, client_ip="203.0.113.7"), state, route, controller)

    assert finding.status is status


def test_without_the_clients_address_a_carried_one_is_not_known() -> None:
    (finding,) = host_pattern(NAMED, expecting("203.0.113.7"), SENDING, TRAEFIK)
    (unasked,) = host_pattern(UNNAMED, a_state(), SENDING, TRAEFIK)

    assert finding.status is Status.UNKNOWN
    assert "--client-ip" in finding.enable_with
    assert unasked.status is Status.SKIP


@pytest.mark.parametrize(
    ("greeting", "logs", "status"),
    [
        pytest.param(greets(), QUIET, Status.PASS, id="nobody"),
        pytest.param(greets(), the_logs(a_line("host-blocked", host="10.42.1.17")), Status.FAIL, id="just-now"),
        pytest.param(
            greets(), the_logs(a_line("host-blocked", host="10.42.1.17", when=OLD)), Status.WARN, id="over-by-now"
        ),
        pytest.param(
            refuses(1129), the_logs(a_line("host-blocked", host="10.42.1.17", when=OLD)), Status.FAIL, id="we-are-told"
        ),
        pytest.param(greets(), the_logs(a_line("host-blocked", when="")), Status.FAIL, id="a-line-without-a-time"),
        pytest.param(greets(), the_logs(a_line("server-blocks-us", server="db-0")), Status.FAIL, id="a-server-blocks"),
        pytest.param(greets(), GONE, Status.UNKNOWN, id="the-log-was-not-read"),
        pytest.param(greets(), ELSEWHERE, Status.SKIP, id="not-maxscale"),
    ],
)
def test_host_blocked(greeting: SqlGreeting, logs: MaxScaleLogs | Unavailable, status: Status) -> None:
    (finding,) = host_blocked(a_state(), logs, greeting, CLOCK)

    assert finding.status is status


@pytest.mark.parametrize(
    ("logs", "status"),
    [
        pytest.param(QUIET, Status.PASS, id="none"),
        pytest.param(the_logs(a_line("login-refused-behind", errno="4151")), Status.FAIL, id="locked"),
        pytest.param(the_logs(a_line("login-refused-behind", errno="9999")), Status.FAIL, id="an-unknown-number"),
        pytest.param(the_logs(a_line("login-refused-behind", errno="1045", when=OLD)), Status.WARN, id="some-time-ago"),
        pytest.param(
            the_logs(a_line("login-refused-behind", errno="1045", when="2026-99-99 00:00:00")),
            Status.FAIL,
            id="an-impossible-time",
        ),
        pytest.param(the_logs(a_line("login-refused-behind", errno="1226")), Status.PASS, id="room-is-said-elsewhere"),
        pytest.param(GONE, Status.UNKNOWN, id="the-log-was-not-read"),
    ],
)
def test_logins_fail_behind(logs: MaxScaleLogs | Unavailable, status: Status) -> None:
    for state in (a_state(), GONE):
        (finding,) = logins_fail_behind(state, logs, CLOCK)

        assert finding.status is status


def refused(trouble: ApiTrouble) -> MaxScaleState:
    gap = ApiRefusal(place="mxs-0", way=ApiWay.FORWARD, trouble=trouble, reason="because", enable_with="Do it.")
    return a_state(instances=(), unread=(gap,))


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        pytest.param(a_state(), [Status.PASS], id="read"),
        pytest.param(refused(ApiTrouble.UNAUTHORISED), [Status.WARN], id="wrong-login"),
        *(
            pytest.param(refused(trouble), [Status.UNKNOWN], id=trouble.name.lower())
            for trouble in ApiTrouble
            if trouble is not ApiTrouble.UNAUTHORISED
        ),
        pytest.param(
            a_state(unread=refused(ApiTrouble.TIMEOUT).unread), [Status.PASS, Status.UNKNOWN], id="one-of-two-pods"
        ),
        pytest.param(a_state(instances=()), [Status.SKIP], id="no-pods"),
        pytest.param(GONE, [Status.UNKNOWN], id="not-collected"),
        pytest.param(ELSEWHERE, [Status.SKIP], id="not-maxscale"),
    ],
)
def test_api_refused(state: MaxScaleState | Unavailable, statuses: list[Status]) -> None:
    for objects in (HEALTHY, GONE):
        assert [finding.status for finding in api_refused(state, objects)] == statuses


def published(kind: str, *, admin: bool) -> BackendView:
    view = a_maxscale_view()
    assert view.service is not None
    ports = view.service.spec.ports or ()
    more = (*ports, replace(ports[0], name="admin", port=8989)) if admin else ports
    return replace(view, service=replace(view.service, spec=replace(view.service.spec, type=kind, ports=more)))


@pytest.mark.parametrize(
    ("view", "objects", "status"),
    [
        pytest.param(a_maxscale_view(), HEALTHY, Status.PASS, id="cluster-ip"),
        pytest.param(published("ClusterIP", admin=True), HEALTHY, Status.PASS, id="admin-port-inside"),
        pytest.param(published("LoadBalancer", admin=True), HEALTHY, Status.FAIL, id="admin-port-outside"),
        pytest.param(published("LoadBalancer", admin=False), HEALTHY, Status.PASS, id="sql-alone-outside"),
        pytest.param(
            GONE, the_objects(target=a_maxscale(service_type="NodePort")), Status.FAIL, id="asked-for-by-the-resource"
        ),
        pytest.param(GONE, GONE, Status.UNKNOWN, id="nothing-to-look-at"),
        pytest.param(GONE, the_objects(target=None), Status.UNKNOWN, id="no-resource-and-no-service"),
    ],
)
def test_api_exposed(view: BackendView | Unavailable, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = api_exposed(view, objects)

    assert finding.status is status


def test_a_service_that_holds_no_users_is_not_taken_for_an_empty_one() -> None:
    bare = MaxScaleService(name="rw", state="Started")
    (finding,) = user_unknown(NAMED, a_state(an_instance(services=(bare,))), HEALTHY)

    assert finding.status is Status.SKIP
