"""What a login comes to: each error number, and whom it concerns."""

from __future__ import annotations

from typing import Any

import pytest

from build.mysql import (
    TARGET,
    UNSEEN,
    error,
    greets,
    logged_in,
    login,
    maxscale,
    no_accounts,
    operated,
    refuses,
)
from build.values import replace
from ingressdoctor.api import (
    Inapplicable,
    MaxScaleAccount,
    Reach,
    SqlGreeting,
    SqlLogin,
    SqlSpeaker,
    Status,
    Symptom,
    Unavailable,
)
from ingressdoctor_checks.mysql_account import account_locked, host_not_allowed, user_missing, wrong_password
from ingressdoctor_checks.mysql_errors import CATALOGUE, symptom_of
from ingressdoctor_checks.mysql_limits import host_blocked, too_many_connections
from ingressdoctor_checks.mysql_server import closed_after_ok, not_split, read_only
from ingressdoctor_checks.mysql_session import login_refused, no_database, plugin_unsupported, tls_required

DENIED = login(error(1045, "Access denied for user 'erp'@'10.42.0.7' (using password: YES)", state="28000"))
FINE = logged_in()
HERE = greets()
DIRECT = greets(speaker=SqlSpeaker.MARIADB)
OPERATED = operated("erp")
AFTER_OK = login(accepted=True, closed=True, client_error="Lost connection to MySQL server during query")
HEADER = error(1130, "Proxy header is not accepted from 127.0.0.1")
PYNACL = login(client_error="RuntimeError: 'pynacl' package is required for ed25519_password auth method")
PARSEC = login(client_error="2059: Authentication plugin 'b'parsec'' not configured")


def said(check: Any, *values: object) -> Any:
    """Return the only finding of a check."""
    (finding,) = check.function(*values)
    return finding


def text_of(finding: Any) -> str:
    """Return all that a finding says, with its commands."""
    remedy = finding.remedy
    commands = [command.shell() for command in remedy.commands] if remedy else []
    return "\n".join(
        (finding.summary, *(fact.value for fact in finding.facts), remedy.text if remedy else "", *commands)
    )


@pytest.mark.parametrize(
    ("tried", "seen", "state", "status", "text"),
    [
        pytest.param(FINE, HERE, maxscale(), Status.PASS, "accepted", id="accepted"),
        pytest.param(AFTER_OK, HERE, maxscale(), Status.PASS, "accepted", id="accepted-and-then-closed"),
        pytest.param(DENIED, HERE, maxscale(), Status.FAIL, "its password is wrong.", id="maxscale-knows-the-account"),
        pytest.param(
            DENIED,
            HERE,
            maxscale(MaxScaleAccount(user="erp", host="10.42.%")),
            Status.FAIL,
            "or its host pattern",
            id="maxscale-knows-it-for-some-hosts",
        ),
        pytest.param(DENIED, HERE, maxscale("shop"), Status.SKIP, "no account", id="maxscale-does-not-know-it"),
        pytest.param(DENIED, HERE, no_accounts(), Status.SKIP, "everybody", id="maxscale-knows-nobody"),
        pytest.param(DENIED, HERE, UNSEEN, Status.FAIL, "says the same", id="maxscale-not-read"),
        pytest.param(DENIED, HERE, maxscale(known=False), Status.FAIL, "says the same", id="accounts-not-told"),
        pytest.param(DENIED, DIRECT, UNSEEN, Status.FAIL, "MariaDB says the same", id="mariadb-itself"),
        pytest.param(
            DENIED,
            HERE,
            maxscale(MaxScaleAccount(user="erp", host="%", tls=True)),
            Status.SKIP,
            "demands TLS",
            id="the-account-demands-tls",
        ),
        pytest.param(
            replace(DENIED, cipher="TLSv1.3"),
            HERE,
            maxscale(MaxScaleAccount(user="erp", host="%", tls=True)),
            Status.FAIL,
            "its password is wrong",
            id="tls-was-used",
        ),
        pytest.param(login(error(1698, state="28000")), DIRECT, UNSEEN, Status.FAIL, "unix_socket", id="1698"),
        pytest.param(login(error(1815)), HERE, maxscale(), Status.SKIP, "not get as far", id="another-error"),
    ],
)
def test_wrong_password(tried: SqlLogin, seen: SqlGreeting, state: Any, status: Status, text: str) -> None:
    finding = said(wrong_password, TARGET, tried, seen, state, OPERATED)

    assert finding.status is status
    assert text in finding.summary
    assert finding.symptom is (Symptom.MYSQL_1045 if status is Status.FAIL else None)


NOT_TRIED = [
    pytest.param(
        Inapplicable(wanted="a login", reason="no account was named", enable_with="Name one: --sql-user."),
        Status.SKIP,
        "No login was tried: no account was named.",
        "Name one",
        id="no-account",
    ),
    pytest.param(
        Inapplicable(wanted="a login", reason="no greeting came that a login could answer"),
        Status.SKIP,
        "No login was tried: no greeting came",
        "findings about the greeting",
        id="nobody-greets",
    ),
    pytest.param(UNSEEN, Status.UNKNOWN, "No login was tried", "", id="no-password"),
]


@pytest.mark.parametrize(("gap", "status", "says", "way"), NOT_TRIED)
def test_a_login_that_nobody_tried_is_neither_well_nor_refused(
    gap: Unavailable, status: Status, says: str, way: str
) -> None:
    finding = said(wrong_password, TARGET, gap, HERE, maxscale(), OPERATED)

    assert finding.status is status
    assert finding.summary.startswith(says)
    assert way in finding.enable_with


def test_a_refusal_of_a_while_ago_is_told_as_such() -> None:
    finding = said(wrong_password, TARGET, replace(DENIED, age_s=12.0), HERE, UNSEEN, OPERATED)

    assert "12 s ago" in text_of(finding)


def test_after_the_first_refusal_nobody_is_told_to_try_again() -> None:
    assert "Do not try again" in text_of(said(wrong_password, TARGET, DENIED, HERE, UNSEEN, OPERATED))


@pytest.mark.parametrize(
    ("tried", "state", "objects", "status"),
    [
        pytest.param(FINE, UNSEEN, UNSEEN, Status.PASS, id="it-logged-in"),
        pytest.param(DENIED, maxscale("shop", "root"), OPERATED, Status.FAIL, id="maxscale-does-not-know-it"),
        pytest.param(DENIED, maxscale(), OPERATED, Status.PASS, id="maxscale-knows-it"),
        pytest.param(DENIED, no_accounts(), OPERATED, Status.PASS, id="an-empty-copy-is-another-fault"),
        pytest.param(DENIED, UNSEEN, OPERATED, Status.UNKNOWN, id="nobody-tells"),
        pytest.param(
            login(error(1698, state="28000")), UNSEEN, operated("shop"), Status.FAIL, id="1698-and-no-such-user-object"
        ),
        pytest.param(login(error(1698, state="28000")), UNSEEN, OPERATED, Status.UNKNOWN, id="1698-of-a-user-object"),
        pytest.param(login(error(1815)), UNSEEN, UNSEEN, Status.SKIP, id="another-error"),
    ],
)
def test_user_missing(tried: SqlLogin, state: Any, objects: Any, status: Status) -> None:
    finding = said(user_missing, TARGET, tried, state, objects)

    assert finding.status is status
    assert status is not Status.FAIL or "shop" in text_of(finding)


def test_a_missing_user_takes_the_blame_from_the_password() -> None:
    assert "mysql.wrong-password" in user_missing.causes


@pytest.mark.parametrize(
    ("tried", "seen", "status", "text"),
    [
        pytest.param(FINE, HERE, Status.PASS, "the client's address", id="client-seen"),
        pytest.param(logged_in(seen_as="erp@10.42.0.7"), HERE, Status.PASS, "a hop's own", id="a-proxy-seen-instead"),
        pytest.param(login(error(1130)), HERE, Status.FAIL, "nobody in", id="as-answer-to-the-login"),
        pytest.param(UNSEEN, refuses(1130), Status.FAIL, "nobody in", id="in-place-of-the-greeting"),
        pytest.param(login(HEADER), HERE, Status.SKIP, "not get as far", id="a-proxy-header-is-another-matter"),
        pytest.param(UNSEEN, HERE, Status.SKIP, "Nobody logged in", id="no-login"),
    ],
)
def test_host_not_allowed(tried: Any, seen: SqlGreeting, status: Status, text: str) -> None:
    finding = said(host_not_allowed, TARGET, tried, seen, OPERATED)

    assert finding.status is status
    assert text in finding.summary


@pytest.mark.parametrize(
    ("errno", "symptom", "text"),
    [
        pytest.param(4151, Symptom.MYSQL_4151, "is locked", id="locked"),
        pytest.param(3118, Symptom.MYSQL_4151, "is locked", id="locked-as-mysql-says-it"),
        pytest.param(4150, Symptom.MYSQL_ERROR, "is blocked", id="too-many-wrong-passwords"),
        pytest.param(1820, Symptom.MYSQL_ERROR, "expired", id="expired-at-the-first-statement"),
        pytest.param(1862, Symptom.MYSQL_ERROR, "expired", id="expired-at-the-login"),
    ],
)
def test_account_locked(errno: int, symptom: Symptom, text: str) -> None:
    finding = said(account_locked, TARGET, login(error(errno)), OPERATED)

    assert (finding.status, finding.symptom) == (Status.FAIL, symptom)
    assert text in finding.summary
    assert str(symptom) in account_locked.causes


def test_an_account_that_is_open_or_was_not_reached() -> None:
    assert said(account_locked, TARGET, FINE, UNSEEN).status is Status.PASS
    assert said(account_locked, TARGET, DENIED, UNSEEN).status is Status.SKIP


@pytest.mark.parametrize(
    ("tried", "seen", "status", "text"),
    [
        pytest.param(FINE, HERE, Status.PASS, "No limit", id="fine"),
        pytest.param(UNSEEN, HERE, Status.SKIP, "nobody got further", id="no-login"),
        pytest.param(DENIED, HERE, Status.SKIP, "nobody got further", id="refused-for-another-reason"),
        pytest.param(UNSEEN, refuses(1129), Status.SKIP, "Nothing greeted", id="another-refusal"),
        pytest.param(login(error(1040, state="08004")), HERE, Status.FAIL, "MariaDB has", id="after-the-login"),
        pytest.param(UNSEEN, refuses(1040), Status.FAIL, "or MaxScale before", id="in-place-of-the-greeting"),
        pytest.param(UNSEEN, refuses(1040, state="08004"), Status.FAIL, "MaxScale's service", id="maxscale-24"),
        pytest.param(login(error(1203)), HERE, Status.FAIL, "as any account may", id="limit-of-all-accounts"),
        pytest.param(login(error(1226)), HERE, Status.FAIL, "its own limit", id="limit-of-the-account"),
    ],
)
def test_too_many_connections(tried: Any, seen: SqlGreeting, status: Status, text: str) -> None:
    finding = said(too_many_connections, TARGET, tried, seen, maxscale(), OPERATED)

    assert finding.status is status
    assert text in finding.summary


@pytest.mark.parametrize(
    ("tried", "seen", "status", "text"),
    [
        pytest.param(FINE, HERE, Status.PASS, "not blocked", id="fine"),
        pytest.param(UNSEEN, refuses(1129, "Host '1' is blocked"), Status.FAIL, "MariaDB blocks", id="mariadb"),
        pytest.param(
            UNSEEN, refuses(1129, "temporarily blocked", state="HY000"), Status.FAIL, "MaxScale blocks", id="maxscale"
        ),
        pytest.param(UNSEEN, refuses(1040), Status.SKIP, "Nothing greeted", id="another-refusal"),
    ],
)
def test_host_blocked(tried: Any, seen: SqlGreeting, status: Status, text: str) -> None:
    finding = said(host_blocked, TARGET, tried, seen, maxscale(), OPERATED)

    assert finding.status is status
    assert text in finding.summary


@pytest.mark.parametrize(
    ("tried", "status", "symptom"),
    [
        pytest.param(FINE, Status.PASS, None, id="it-is-there"),
        pytest.param(logged_in(database=""), Status.SKIP, None, id="none-asked-for"),
        pytest.param(DENIED, Status.SKIP, None, id="not-as-far"),
        pytest.param(login(error(1049)), Status.FAIL, Symptom.MYSQL_1049, id="1049"),
        pytest.param(login(error(1044)), Status.FAIL, Symptom.MYSQL_1044, id="1044"),
    ],
)
def test_no_database(tried: SqlLogin, status: Status, symptom: Symptom | None) -> None:
    finding = said(no_database, TARGET, tried, OPERATED)

    assert (finding.status, finding.symptom) == (status, symptom)


@pytest.mark.parametrize(
    ("tried", "state", "status"),
    [
        pytest.param(FINE, UNSEEN, Status.PASS, id="accepted"),
        pytest.param(login(error(3159, state="08004")), UNSEEN, Status.FAIL, id="the-server-says-so"),
        pytest.param(
            DENIED, maxscale(MaxScaleAccount(user="erp", host="%", tls=True)), Status.FAIL, id="account-says-so"
        ),
        pytest.param(DENIED, maxscale(), Status.SKIP, id="nothing-says-so"),
        pytest.param(
            AFTER_OK, maxscale(MaxScaleAccount(user="erp", host="%", tls=True)), Status.FAIL, id="mariadb-says-so-later"
        ),
        pytest.param(AFTER_OK, maxscale(), Status.PASS, id="closed-for-another-reason"),
        pytest.param(
            replace(DENIED, cipher="TLSv1.3"),
            maxscale(MaxScaleAccount(user="erp", host="%", tls=True)),
            Status.SKIP,
            id="it-was-encrypted",
        ),
    ],
)
def test_tls_required(tried: SqlLogin, state: Any, status: Status) -> None:
    assert said(tls_required, TARGET, tried, state, OPERATED).status is status


@pytest.mark.parametrize(
    ("tried", "status", "text"),
    [
        pytest.param(FINE, Status.PASS, "", id="accepted"),
        pytest.param(DENIED, Status.PASS, "", id="refused-for-another-reason"),
        pytest.param(login(error(1815)), Status.SKIP, "", id="not-as-far"),
        pytest.param(
            login(error(1524, "Plugin 'ed25519' is not loaded")), Status.FAIL, "native", id="maxscale-does-not"
        ),
        pytest.param(PYNACL, Status.UNKNOWN, "pip install 'PyMySQL[ed25519]'", id="ed25519-needs-pynacl"),
        pytest.param(
            login(
                client_error="RuntimeError: 'cryptography' package is required for sha256_password or "
                "caching_sha2_password auth methods"
            ),
            Status.UNKNOWN,
            "pip install 'PyMySQL[rsa]'",
            id="sha2-needs-cryptography",
        ),
        pytest.param(PARSEC, Status.UNKNOWN, "mariadb -h db.shop.example", id="parsec-needs-another-client"),
    ],
)
def test_plugin_unsupported(tried: SqlLogin, status: Status, text: str) -> None:
    finding = said(plugin_unsupported, TARGET, tried, UNSEEN, UNSEEN)

    assert finding.status is status
    assert text in text_of(finding) + finding.enable_with


@pytest.mark.parametrize(
    ("tried", "status", "symptom", "text"),
    [
        pytest.param(FINE, Status.PASS, None, "works", id="works"),
        pytest.param(DENIED, Status.SKIP, None, "Another check", id="1045-is-another-check"),
        pytest.param(login(error(1130)), Status.SKIP, None, "Another check", id="1130-is-another-check"),
        pytest.param(AFTER_OK, Status.SKIP, None, "Another check", id="closed-after-ok-is-another-check"),
        pytest.param(PYNACL, Status.SKIP, None, "Another check", id="our-own-limit-is-another-check"),
        pytest.param(login(error(1815)), Status.FAIL, Symptom.MYSQL_1815, "no server", id="no-server"),
        pytest.param(login(HEADER), Status.FAIL, Symptom.MYSQL_1130, "bytes arrived", id="header-at-maxscale-24"),
        pytest.param(login(error(7777)), Status.FAIL, Symptom.MYSQL_ERROR, "7777", id="a-number-that-nobody-knows"),
        pytest.param(
            login(client_error="InternalError: Packet sequence number wrong - got 89 expected 2"),
            Status.FAIL,
            Symptom.MYSQL_ERROR,
            "PROXY header",
            id="header-hidden-by-the-client",
        ),
        pytest.param(
            login(client_error="gone away", reach=Reach.RESET), Status.FAIL, Symptom.MYSQL_ERROR, "PROXY", id="reset"
        ),
        pytest.param(
            login(client_error="timed out", reach=Reach.READ_TIMEOUT),
            Status.FAIL,
            Symptom.MYSQL_ERROR,
            "in time",
            id="no-answer",
        ),
        pytest.param(
            login(client_error="lost", reach=Reach.CLOSED),
            Status.FAIL,
            Symptom.MYSQL_ERROR,
            "without an error",
            id="fin",
        ),
    ],
)
def test_login_refused(tried: SqlLogin, status: Status, symptom: Symptom | None, text: str) -> None:
    finding = said(login_refused, TARGET, tried, maxscale(), OPERATED)

    assert (finding.status, finding.symptom) == (status, symptom)
    assert text in finding.summary
    assert symptom is None or str(symptom) in login_refused.causes


@pytest.mark.parametrize(
    "tried", [login(error(errno)) for errno in CATALOGUE], ids=lambda tried: str(tried.error.errno)
)
def test_every_number_fails_exactly_one_check_which_brings_its_symptom_about(tried: SqlLogin) -> None:
    """Without anything known of MaxScale or the operator, no number falls between the checks."""
    inputs: tuple[tuple[Any, tuple[object, ...]], ...] = (
        (wrong_password, (TARGET, tried, HERE, UNSEEN, UNSEEN)),
        (user_missing, (TARGET, tried, UNSEEN, UNSEEN)),
        (host_not_allowed, (TARGET, tried, HERE, UNSEEN)),
        (account_locked, (TARGET, tried, UNSEEN)),
        (too_many_connections, (TARGET, tried, HERE, UNSEEN, UNSEEN)),
        (host_blocked, (TARGET, tried, HERE, UNSEEN, UNSEEN)),
        (no_database, (TARGET, tried, UNSEEN)),
        (tls_required, (TARGET, tried, UNSEEN, UNSEEN)),
        (plugin_unsupported, (TARGET, tried, UNSEEN, UNSEEN)),
        (read_only, (TARGET, tried, UNSEEN)),
        (closed_after_ok, (TARGET, tried, UNSEEN)),
        (login_refused, (TARGET, tried, UNSEEN, UNSEEN)),
    )
    failing = [(check, said(check, *values)) for check, values in inputs]
    found = [(check, finding) for check, finding in failing if finding.status is Status.FAIL]

    assert len(found) == 1
    check, finding = found[0]
    assert tried.error is not None
    assert finding.symptom is symptom_of(tried.error.errno)
    assert str(finding.symptom) in check.causes
    assert finding.remedy.proof is not None


def test_closed_after_ok() -> None:
    finding = said(closed_after_ok, TARGET, AFTER_OK, maxscale())

    assert (finding.status, finding.symptom) == (Status.FAIL, Symptom.MYSQL_CLOSED_AFTER_OK)
    assert "Authentication to" in text_of(finding)
    assert said(closed_after_ok, TARGET, FINE, UNSEEN).status is Status.PASS
    assert said(closed_after_ok, TARGET, DENIED, UNSEEN).status is Status.SKIP


@pytest.mark.parametrize(
    ("tried", "state", "status", "text"),
    [
        pytest.param(FINE, UNSEEN, Status.PASS, "takes writes", id="takes-writes"),
        pytest.param(DENIED, UNSEEN, Status.SKIP, "No statement", id="no-login"),
        pytest.param(logged_in(read_only=True), maxscale(), Status.FAIL, "switch over", id="the-master-is-read-only"),
        pytest.param(
            logged_in(write=2, read_only=True),
            maxscale(router="readconnroute"),
            Status.FAIL,
            "reads and writes",
            id="reader",
        ),
        pytest.param(login(error(1290)), UNSEEN, Status.FAIL, "server 0", id="refused-with-the-number"),
    ],
)
def test_read_only(tried: SqlLogin, state: Any, status: Status, text: str) -> None:
    finding = said(read_only, TARGET, tried, state)

    assert finding.status is status
    assert text in text_of(finding)


ONE = logged_in(read=1, write=1)


@pytest.mark.parametrize(
    ("tried", "seen", "state", "status"),
    [
        pytest.param(FINE, HERE, maxscale(), Status.PASS, id="split"),
        pytest.param(ONE, HERE, maxscale(), Status.WARN, id="one-server-although-there-are-two"),
        pytest.param(ONE, HERE, maxscale(replicas=0), Status.PASS, id="there-is-only-one"),
        pytest.param(ONE, HERE, maxscale(router="readconnroute"), Status.PASS, id="a-service-that-does-not-split"),
        pytest.param(ONE, HERE, UNSEEN, Status.SKIP, id="maxscale-not-read"),
        pytest.param(ONE, DIRECT, UNSEEN, Status.SKIP, id="mariadb-itself"),
        pytest.param(DENIED, HERE, maxscale(), Status.SKIP, id="no-login"),
    ],
)
def test_not_split(tried: SqlLogin, seen: SqlGreeting, state: Any, status: Status) -> None:
    assert said(not_split, TARGET, tried, seen, state).status is status


def test_no_command_carries_a_password() -> None:
    finding = said(wrong_password, TARGET, DENIED, HERE, maxscale(), OPERATED)

    assert " -p -e " in finding.remedy.proof.shell()
