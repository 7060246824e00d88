"""Is the client let through, and is it the client that is judged?"""

from __future__ import annotations

from typing import Any

import pytest

from build.entry import a_tcp_middleware
from build.mysql import TARGET, UNSEEN, greets, words
from build.tcp import CLIENT, GONE, NO_ROUTES, NODE, a_way, balanced, guarded, listed, traefik
from build.values import replace
from ingressdoctor.api import Inapplicable, Reach, SqlGreeting, SqlSpeaker, Status, Unavailable
from ingressdoctor_checks.allowlist import client_not_listed, open_to_world, sees_wrong_address
from ingressdoctor_checks.allowlist_lists import empty, invalid_cidr, middleware_missing, old_name

ASKED = replace(TARGET, client_ip=CLIENT)
CLOSED = SqlGreeting(words=words(b"", end=Reach.CLOSED), speaker=SqlSpeaker.NOBODY)
HTTP = Inapplicable(wanted="the route", reason="the target speaks HTTP")
OFF: dict[str, Any] = {"controller": traefik(trusted=None), "lookup": balanced(proxy=False)}
WORLD = a_way(guarded(), listed("0.0.0.0/0"))
NONE = a_way(guarded(middlewares=[]))
FEW = a_way(guarded(), listed("192.0.2.0/24"))
OLD = a_way(guarded(), listed(CLIENT, kind="ipWhiteList"))
MISSPELT = a_way(guarded(middlewares=[{"name": "ofice"}]), listed(CLIENT))
TYPELESS = a_way(guarded(), a_tcp_middleware(rateLimit={}))
UNREAD = a_way(middleware_tcps=GONE)
NOWHERE = a_way(**NO_ROUTES)


def said(check: Any, *values: object) -> Any:
    (finding,) = check.function(*values)
    return finding


CLIENTS = [
    pytest.param(a_way(), ASKED, UNSEEN, Status.PASS, f"lets {CLIENT} through", id="listed"),
    pytest.param(FEW, ASKED, UNSEEN, Status.FAIL, "closes its connections at once", id="not-listed"),
    pytest.param(FEW, ASKED, greets(), Status.FAIL, "does not list", id="not-listed-although-we-are"),
    pytest.param(WORLD, ASKED, UNSEEN, Status.PASS, "keeps any client out", id="everybody-is"),
    pytest.param(NONE, ASKED, UNSEEN, Status.PASS, "keeps any client out", id="no-list"),
    pytest.param(a_way(client_ip=""), TARGET, CLOSED, Status.UNKNOWN, "was not said", id="nobody-named-and-closed"),
    pytest.param(
        a_way(client_ip=""), TARGET, greets(), Status.PASS, "lets this machine", id="nobody-named-yet-greeted"
    ),
    pytest.param(a_way(lookup=GONE), ASKED, UNSEEN, Status.UNKNOWN, "lists 203", id="listed-if-it-is-seen"),
    pytest.param(
        a_way(guarded(), listed("192.0.2.1"), lookup=GONE), ASKED, UNSEEN, Status.UNKNOWN, "not list", id="if-seen"
    ),
    pytest.param(a_way(**OFF), ASKED, UNSEEN, Status.SKIP, "a node's address", id="another-address-is-judged"),
    pytest.param(UNREAD, ASKED, UNSEEN, Status.UNKNOWN, "could not be read", id="the-list-is-unread"),
    pytest.param(NOWHERE, ASKED, UNSEEN, Status.SKIP, "No IngressRouteTCP", id="no-route"),
    pytest.param(GONE, ASKED, UNSEEN, Status.UNKNOWN, "403", id="routes-unread"),
    pytest.param(HTTP, ASKED, UNSEEN, Status.SKIP, "speaks HTTP", id="http"),
]


@pytest.mark.parametrize(("route", "target", "greeting", "status", "words_"), CLIENTS)
def test_the_client(route: Any, target: Any, greeting: Any, status: Status, words_: str) -> None:
    finding = said(client_not_listed, target, route, greeting)

    assert finding.status is status
    assert words_ in finding.summary
    assert bool(finding.enable_with) is (status is Status.UNKNOWN)


def test_a_client_that_is_not_listed_gets_its_range() -> None:
    remedy = said(client_not_listed, ASKED, FEW, UNSEEN).remedy

    assert f"{CLIENT}/32" in remedy.text
    assert "edit middlewaretcp office" in remedy.commands[1].shell()


WRONG = [
    pytest.param(a_way(), Status.PASS, "client's own", id="proxy-on"),
    pytest.param(a_way(**OFF), Status.FAIL, "nobody gets in", id="proxy-off-and-the-client-listed"),
    pytest.param(
        a_way(guarded(), listed("10.0.0.0/8"), **OFF), Status.WARN, "everybody gets in", id="proxy-off-and-nodes-listed"
    ),
    pytest.param(a_way(guarded(), listed(NODE), **OFF), Status.WARN, "left to chance", id="one-node-of-two-listed"),
    pytest.param(
        a_way(controller=traefik(trusted=("192.0.2.0/24",))),
        Status.FAIL,
        "nobody gets in",
        id="the-peer-is-not-trusted",
    ),
    pytest.param(a_way(lookup=GONE), Status.UNKNOWN, "not known", id="the-balancer-is-not-seen"),
    pytest.param(WORLD, Status.SKIP, "No allow list", id="everybody-is-let-in-anyway"),
    pytest.param(GONE, Status.UNKNOWN, "403", id="routes-unread"),
    pytest.param(HTTP, Status.SKIP, "speaks HTTP", id="http"),
]


@pytest.mark.parametrize(("route", "status", "words_"), WRONG)
def test_the_address_that_is_judged(route: Any, status: Status, words_: str) -> None:
    finding = said(sees_wrong_address, ASKED, route)

    assert finding.status is status
    assert words_ in finding.summary


OPEN = [
    pytest.param(a_way(), Status.PASS, id="a-list"),
    pytest.param(WORLD, Status.WARN, id="a-list-of-all"),
    pytest.param(NONE, Status.WARN, id="no-list"),
    pytest.param(
        a_way(guarded(match="HostSNI(`*`) && ClientIP(`203.0.113.0/24`)", middlewares=[])), Status.PASS, id="by-rule"
    ),
    pytest.param(MISSPELT, Status.SKIP, id="a-list-that-is-missing"),
    pytest.param(a_way(guarded(), listed()), Status.SKIP, id="an-empty-list"),
    pytest.param(NOWHERE, Status.SKIP, id="no-route"),
    pytest.param(GONE, Status.UNKNOWN, id="routes-unread"),
]


@pytest.mark.parametrize(("route", "status"), OPEN)
def test_open_to_the_world(route: Any, status: Status) -> None:
    assert said(open_to_world, route).status is status


USABLE = [
    pytest.param(middleware_missing, a_way(), Status.PASS, "there", id="there"),
    pytest.param(middleware_missing, MISSPELT, Status.FAIL, "Did you mean ns/office?", id="misspelt"),
    pytest.param(middleware_missing, TYPELESS, Status.FAIL, "no type", id="no-type-for-tcp"),
    pytest.param(middleware_missing, UNREAD, Status.UNKNOWN, "could not be read", id="unread"),
    pytest.param(middleware_missing, NONE, Status.SKIP, "names no middleware", id="none-named"),
    pytest.param(middleware_missing, GONE, Status.UNKNOWN, "403", id="routes-unread"),
    pytest.param(invalid_cidr, a_way(), Status.PASS, "every entry", id="readable"),
    pytest.param(
        invalid_cidr, a_way(guarded(), listed(CLIENT, "10.0.0.0/33")), Status.FAIL, "10.0.0.0/33", id="mask-too-long"
    ),
    pytest.param(invalid_cidr, a_way(guarded(), listed("office.example")), Status.FAIL, "office.example", id="a-name"),
    pytest.param(invalid_cidr, TYPELESS, Status.SKIP, "No list", id="no-list-to-read"),
    pytest.param(invalid_cidr, HTTP, Status.SKIP, "HTTP", id="cidr-http"),
    pytest.param(empty, a_way(), Status.PASS, "has entries", id="entries"),
    pytest.param(empty, a_way(guarded(), listed()), Status.FAIL, "lists nobody", id="empty"),
    pytest.param(empty, TYPELESS, Status.SKIP, "no allow list", id="no-list"),
    pytest.param(empty, GONE, Status.UNKNOWN, "403", id="empty-unread"),
    pytest.param(old_name, a_way(), Status.PASS, "No ipWhiteList", id="todays-name"),
    pytest.param(old_name, OLD, Status.WARN, "ipWhiteList", id="old-name"),
    pytest.param(old_name, NONE, Status.SKIP, "names no middleware", id="no-middleware"),
]


@pytest.mark.parametrize(("check", "route", "status", "words_"), USABLE)
def test_the_lists_as_written(check: Any, route: Any, status: Status, words_: str) -> None:
    finding = said(check, route)

    assert finding.status is status
    assert words_ in finding.summary


def test_a_gap_is_passed_on_with_what_would_close_it() -> None:
    gap = Unavailable(wanted="it", reason="403", enable_with="Grant list.")

    assert said(open_to_world, gap).enable_with == "Grant list."
    assert "ingressroutetcps" in said(open_to_world, Unavailable(wanted="it", reason="403")).enable_with
