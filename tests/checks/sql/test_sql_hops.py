"""Between which two hops the fault lies, and when that is said."""

from __future__ import annotations

from typing import Any

import pytest

from build.mysql import TARGET, UNSEEN, error, greets, refuses, words
from build.tcp import a_way, guarded
from ingressdoctor.api import (
    HopPlace,
    Inapplicable,
    Reach,
    SqlGreeting,
    SqlHop,
    SqlHops,
    SqlSpeaker,
    Status,
    Symptom,
    Unavailable,
)
from ingressdoctor_checks.sql_hops import hops_disagree

SILENT = SqlGreeting(words=words(b""), speaker=SqlSpeaker.NOBODY)
CLOSED = SqlGreeting(words=words(b"", end=Reach.CLOSED), speaker=SqlSpeaker.NOBODY)
REFUSED = SqlGreeting(words=words(b"", reach=Reach.REFUSED), speaker=SqlSpeaker.NOBODY)
TIMEOUT = SqlGreeting(words=words(b"", reach=Reach.TIMEOUT), speaker=SqlSpeaker.NOBODY)
HTTP = SqlGreeting(words=words(b"HTTP/1.1"), speaker=SqlSpeaker.HTTP)
ALONE = greets(speaker=SqlSpeaker.MAXSCALE_ALONE)
OPEN = a_way(guarded(middlewares=[]))
TARGETS = {
    HopPlace.BALANCER: "203.0.113.10:3306",
    HopPlace.TRAEFIK: "Pod traefik/t-1 port 3306",
    HopPlace.MAXSCALE: "Pod db/m-0 port 3306",
    HopPlace.MARIADB: "Pod db/d-0 port 3306",
}


def hops(*seen: SqlGreeting | Unavailable, note: str = "") -> SqlHops:
    """The hops from the balancer inwards; *note* is Traefik's."""
    return SqlHops(
        hops=tuple(
            SqlHop(place=place, target=target, greeting=item, note=note if place is HopPlace.TRAEFIK else "")
            for (place, target), item in zip(TARGETS.items(), seen, strict=False)
        )
    )


def said(found: Any, route: Any = OPEN) -> Any:
    (finding,) = hops_disagree.function(TARGET, found, route)
    return finding


SAID = [
    pytest.param(hops(SILENT, SILENT, greets()), Status.FAIL, "MaxScale greets (Pod db/m-0", id="before-maxscale"),
    pytest.param(hops(CLOSED, greets(), greets()), Status.FAIL, "the load balancer (203", id="before-traefik"),
    pytest.param(hops(SILENT, SILENT, SILENT, greets()), Status.FAIL, "MariaDB greets", id="before-mariadb"),
    pytest.param(hops(ALONE, ALONE, ALONE, greets()), Status.FAIL, "and MaxScale (Pod db/m-0", id="maxscale-alone"),
    pytest.param(
        hops(CLOSED, CLOSED, greets(), note="its list"), Status.FAIL, "and the load balancer", id="no-measure-no-hop"
    ),
    pytest.param(hops(CLOSED, UNSEEN, greets()), Status.FAIL, "and the load balancer", id="a-hop-that-was-not-asked"),
    pytest.param(hops(SILENT, SILENT, SILENT, SILENT), Status.SKIP, "as far in as MariaDB", id="all-are-ill"),
    pytest.param(UNSEEN, Status.UNKNOWN, "403", id="not-granted"),
    pytest.param(Inapplicable(wanted="it", reason="all is well"), Status.SKIP, "all is well", id="nothing-to-ask"),
]


@pytest.mark.parametrize(("found", "status", "text"), SAID)
def test_the_first_two_that_disagree(found: Any, status: Status, text: str) -> None:
    finding = said(found)

    assert finding.status is status
    assert text in finding.summary


SEEN = [
    pytest.param(SILENT, Symptom.MYSQL_SILENT, id="silence"),
    pytest.param(CLOSED, Symptom.MYSQL_CLOSED, id="closed"),
    pytest.param(REFUSED, Symptom.MYSQL_REFUSED, id="refused"),
    pytest.param(TIMEOUT, Symptom.MYSQL_TIMEOUT, id="timeout"),
    pytest.param(HTTP, Symptom.MYSQL_NOT_MYSQL, id="another-protocol"),
    pytest.param(refuses(1040), Symptom.MYSQL_1040, id="error"),
    pytest.param(greets(second=error(1130)), Symptom.MYSQL_1130, id="error-after-the-greeting"),
    pytest.param(ALONE, Symptom.MYSQL_1045, id="maxscale-alone-lets-nobody-in"),
]


@pytest.mark.parametrize(("seen", "symptom"), SEEN)
def test_the_finding_is_what_the_client_sees_so_that_a_reason_comes_before_it(
    seen: SqlGreeting, symptom: Symptom
) -> None:
    finding = said(hops(seen, greets()))

    assert finding.symptom is symptom
    assert str(symptom) in hops_disagree.causes
    assert len(finding.facts) == 2


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(a_way(), id="it-has-the-client-and-perhaps-not-us"),
        pytest.param(a_way(client_ip="192.0.2.9"), id="it-does-not-have-the-client"),
    ],
)
def test_a_list_that_may_keep_us_out_is_no_fault(route: Any) -> None:
    finding = said(hops(CLOSED, CLOSED, greets(), note="its list"), route)

    assert finding.status is Status.PASS
    assert "may keep this machine out" in finding.summary


def test_the_commands_ask_the_same_again() -> None:
    remedy = said(hops(SILENT, SILENT, greets())).remedy

    assert "kubectl -n traefik describe pod t-1" in remedy.commands[0].shell()
    assert "kubectl -n db port-forward pod/m-0 13306:3306" in remedy.commands[1].shell()
    assert "hcloud load-balancer list" in said(hops(SILENT, greets())).remedy.commands[0].shell()
