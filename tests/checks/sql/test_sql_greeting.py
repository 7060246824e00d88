"""What a client gets on the port: each way in which it can be wrong, and the client's words for it."""

from __future__ import annotations

from typing import Any

import pytest

from build.mysql import TARGET, UNSEEN, error, greets, maxscale, operated, refuses, words
from build.tcp import a_way, guarded, listed
from ingressdoctor.api import Reach, SqlGreeting, SqlSpeaker, Status, Symptom
from ingressdoctor_checks.sql_greeting import (
    error_greeting,
    greeting_late,
    no_greeting,
    not_mysql,
    plain_text,
    unreachable,
)

GOOD = greets()
CLOSED = SqlGreeting(words=words(b"", end=Reach.CLOSED), speaker=SqlSpeaker.NOBODY)
RESET = SqlGreeting(words=words(b"", end=Reach.RESET), speaker=SqlSpeaker.NOBODY)
SILENT = SqlGreeting(words=words(b""), speaker=SqlSpeaker.NOBODY)
REFUSED = SqlGreeting(words=words(b"", reach=Reach.REFUSED), speaker=SqlSpeaker.NOBODY)
CUT = SqlGreeting(words=words(bytes.fromhex("640000000a352e35"), end=Reach.CLOSED), speaker=SqlSpeaker.OTHER)
STALLED = SqlGreeting(words=words(bytes.fromhex("640000000a352e35")), speaker=SqlSpeaker.OTHER)
HTTP = SqlGreeting(words=words(b"HTTP/1.1 408 Request Time-out"), speaker=SqlSpeaker.HTTP, start="HTTP/1.1 408")
GARBAGE = SqlGreeting(words=words(b"\xde\xad\xbe\xef" * 20), speaker=SqlSpeaker.OTHER, start="\\xde\\xad")


def said(check: Any, *values: object) -> Any:
    """Return the only finding of a check."""
    (finding,) = check.function(*values)
    return finding


@pytest.mark.parametrize(
    ("reach", "symptom"),
    [
        pytest.param(Reach.REFUSED, Symptom.MYSQL_REFUSED, id="refused"),
        pytest.param(Reach.RESET, Symptom.MYSQL_REFUSED, id="reset-on-connect"),
        pytest.param(Reach.TIMEOUT, Symptom.MYSQL_TIMEOUT, id="nobody-answers"),
        pytest.param(Reach.UNREACHABLE, Symptom.MYSQL_TIMEOUT, id="no-route"),
    ],
)
def test_a_port_that_takes_no_connection(reach: Reach, symptom: Symptom) -> None:
    seen = SqlGreeting(words=words(b"", reach=reach, detail="as told"), speaker=SqlSpeaker.NOBODY)
    finding = said(unreachable, TARGET, seen)

    assert finding.status is Status.FAIL
    assert finding.symptom is symptom
    assert "as told" in [fact.value for fact in finding.facts]


def test_a_port_that_takes_connections_is_reached() -> None:
    assert said(unreachable, TARGET, CLOSED).status is Status.PASS


@pytest.mark.parametrize(
    ("seen", "status", "symptom", "text"),
    [
        pytest.param(GOOD, Status.PASS, None, "MaxScale", id="greets"),
        pytest.param(REFUSED, Status.SKIP, None, "no connection", id="not-connected-is-another-check"),
        pytest.param(CLOSED, Status.FAIL, Symptom.MYSQL_CLOSED, "closes it without a byte", id="closed"),
        pytest.param(RESET, Status.FAIL, Symptom.MYSQL_CLOSED, "resets it without a byte", id="reset"),
        pytest.param(SILENT, Status.FAIL, Symptom.MYSQL_SILENT, "says nothing for 8 s", id="silent"),
        pytest.param(CUT, Status.FAIL, Symptom.MYSQL_CLOSED, "after 8 bytes", id="closed-within-a-packet"),
        pytest.param(STALLED, Status.FAIL, Symptom.MYSQL_SILENT, "says nothing", id="stops-within-a-packet"),
        pytest.param(HTTP, Status.PASS, None, "HTTP", id="another-protocol-speaks-too"),
        pytest.param(GARBAGE, Status.PASS, None, "something else", id="garbage-is-not-silence"),
        pytest.param(refuses(1130), Status.PASS, None, "an error", id="an-error-is-not-silence"),
    ],
)
def test_a_server_that_does_not_greet(seen: SqlGreeting, status: Status, symptom: Symptom | None, text: str) -> None:
    finding = said(no_greeting, TARGET, seen, UNSEEN)

    assert (finding.status, finding.symptom) == (status, symptom)
    assert text in finding.summary


GUARDED = [
    pytest.param(a_way(), Status.UNKNOWN, "does to addresses", id="a-list-that-has-the-client-and-perhaps-not-us"),
    pytest.param(a_way(client_ip=""), Status.UNKNOWN, "does to addresses", id="a-list-and-nobody-named"),
    pytest.param(a_way(client_ip="192.0.2.9"), Status.FAIL, "without a byte", id="the-client-is-not-listed-either"),
    pytest.param(a_way(guarded(), listed("0.0.0.0/0")), Status.FAIL, "without a byte", id="a-list-of-all"),
    pytest.param(a_way(guarded()), Status.FAIL, "without a byte", id="no-route-that-could-close-it"),
]


@pytest.mark.parametrize(("route", "status", "text"), GUARDED)
def test_an_allow_list_may_keep_this_machine_out(route: Any, status: Status, text: str) -> None:
    finding = said(no_greeting, TARGET, CLOSED, route)

    assert finding.status is status
    assert text in finding.summary
    assert (finding.symptom is None) is (status is Status.UNKNOWN)


@pytest.mark.parametrize(
    ("after", "status", "symptom"),
    [
        pytest.param(0.01, Status.PASS, None, id="at-once"),
        pytest.param(1.99, Status.PASS, None, id="within-two-seconds"),
        pytest.param(2.0, Status.WARN, None, id="slow-from-two-seconds"),
        pytest.param(4.49, Status.WARN, None, id="still-slow"),
        pytest.param(4.5, Status.FAIL, Symptom.MYSQL_LATE, id="late-from-four-and-a-half"),
    ],
)
def test_a_greeting_that_takes_its_time(after: float, status: Status, symptom: Symptom | None) -> None:
    finding = said(greeting_late, TARGET, greets(words(after=after)))

    assert (finding.status, finding.symptom) == (status, symptom)


def test_without_a_greeting_none_is_late() -> None:
    assert said(greeting_late, TARGET, SILENT).status is Status.SKIP
    assert said(greeting_late, TARGET, refuses(1040)).status is Status.SKIP


@pytest.mark.parametrize(
    ("seen", "symptom", "text"),
    [
        pytest.param(refuses(1040), Symptom.MYSQL_1040, "all connections", id="full"),
        pytest.param(refuses(1129), Symptom.MYSQL_1129, "blocked", id="blocked"),
        pytest.param(refuses(1130), Symptom.MYSQL_1130, "no account may come", id="host"),
        pytest.param(refuses(1053), Symptom.MYSQL_ERROR, "shutting down", id="any-other-number"),
        pytest.param(refuses(9999), Symptom.MYSQL_ERROR, "the server refuses", id="a-number-that-nobody-knows"),
        pytest.param(
            greets(second=error(1130, "Proxy header is not accepted from 10.0.0.1", sequence=1)),
            Symptom.MYSQL_1130,
            "PROXY header comes to a peer",
            id="mariadb-takes-no-header",
        ),
        pytest.param(
            greets(second=error(1156, "Got packets out of order", state="08S01", sequence=89)),
            Symptom.MYSQL_1156,
            "PROXY header comes to a peer",
            id="maxscale-23-08-takes-no-header",
        ),
        pytest.param(
            greets(second=error(1105, "Failed to parse proxy header", sequence=1)),
            Symptom.MYSQL_ERROR,
            "PROXY header comes to a peer",
            id="header-is-malformed",
        ),
    ],
)
def test_an_error_before_anybody_logged_in(seen: SqlGreeting, symptom: Symptom, text: str) -> None:
    finding = said(error_greeting, TARGET, seen, maxscale(), operated())

    assert (finding.status, finding.symptom) == (Status.FAIL, symptom)
    assert text in finding.summary
    assert str(symptom) in error_greeting.causes
    assert finding.remedy.proof.shell().endswith("db.shop.example 3306")


def test_no_error_and_nothing_at_all() -> None:
    assert said(error_greeting, TARGET, GOOD, UNSEEN, UNSEEN).status is Status.PASS
    assert said(error_greeting, TARGET, SILENT, UNSEEN, UNSEEN).status is Status.SKIP


def test_the_next_look_names_the_pods_that_are_known() -> None:
    finding = said(error_greeting, TARGET, refuses(1040), maxscale(), operated())
    commands = [command.shell() for command in finding.remedy.commands]

    assert commands[0] == "kubectl -n data exec maxscale-0 -c maxscale -- maxctrl list services"
    assert commands[1].startswith("kubectl -n data exec -it mariadb-0 -c mariadb -- mariadb -u root -p -e ")


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        pytest.param(GOOD, Status.PASS, id="greets"),
        pytest.param(refuses(1040), Status.PASS, id="an-error-is-mysql"),
        pytest.param(SILENT, Status.SKIP, id="nobody"),
        pytest.param(CUT, Status.SKIP, id="half-a-packet"),
        pytest.param(HTTP, Status.FAIL, id="http"),
        pytest.param(GARBAGE, Status.FAIL, id="garbage"),
    ],
)
def test_another_protocol(seen: SqlGreeting, status: Status) -> None:
    finding = said(not_mysql, TARGET, seen)

    assert finding.status is status
    assert (finding.symptom is Symptom.MYSQL_NOT_MYSQL) is (status is Status.FAIL)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        pytest.param(greets(tls=True), Status.PASS, id="offers-tls"),
        pytest.param(greets(tls=False), Status.WARN, id="plain-over-the-internet"),
        pytest.param(greets(words(address="10.0.0.9"), tls=False), Status.PASS, id="plain-within-private-networks"),
        pytest.param(SILENT, Status.SKIP, id="no-greeting"),
    ],
)
def test_plain_text(seen: SqlGreeting, status: Status) -> None:
    assert said(plain_text, TARGET, seen).status is status
