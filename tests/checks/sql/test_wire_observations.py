"""Every recorded observation of the SQL path, whoever made it, turned into evidence and judged by the checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymysql
import pytest

from build.mysql_walk import NAME, UNSEEN, judge
from build.planted import password
from ingressdoctor.api import FirstWords, Reach, SqlGreeting, SqlLogin, SqlSpeaker, Target, Unavailable
from ingressdoctor.collect.sql import _pointless
from ingressdoctor.collect.sql_wire import read_words
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.mysql_login import _failed

RECORDED = Path(__file__).parents[4] / "shared" / "reference" / "mysql-wire-observations.json"
RECORDS: list[dict[str, Any]] = json.loads(RECORDED.read_text())["cases"] if RECORDED.exists() else []
GOOD = next((record["bytes_hex_first_packet"] for record in RECORDS if record["case"] == "healthy_login"), "")

WRONG, FULL, LOCKED = {"mysql.wrong-password"}, {"mysql.too-many-connections"}, {"mysql.account-locked"}
ENDED, REFUSED, SILENT = {"mysql.closed-after-ok"}, {"mysql.login-refused"}, {"sql.no-greeting"}
BY_NUMBER: dict[int, set[str]] = {
    1040: FULL,
    1044: {"mysql.no-database"},
    1045: WRONG,
    1049: {"mysql.no-database"},
    1105: REFUSED,
    1129: {"mysql.host-blocked"},
    1130: {"mysql.host-not-allowed"},
    1203: FULL,
    1226: FULL,
    1290: {"mysql.read-only"},
    1524: {"mysql.plugin-unsupported"},
    1698: WRONG,
    1815: REFUSED,
    1820: LOCKED,
    1862: LOCKED,
    2026: REFUSED,
    3159: {"mysql.tls-required"},
    4150: LOCKED,
    4151: LOCKED,
}
# What is told by more than the number, or by none.
BY_CASE: dict[str, set[str]] = {
    "connection_refused": {"sql.unreachable"},
    "connect_timeout": {"sql.unreachable"},
    "name_not_resolved": {"sql.unreachable"},
    "unix_socket_missing": {"sql.unreachable"},
    "ssh_server_on_port": {"sql.not-mysql"},
    "http_408_on_port": {"sql.not-mysql"},
    "entrypoint_trusted_no_header": {"sql.greeting-late"},
    "entrypoint_untrusted_no_header": {"sql.greeting-late"},
    # Refused at the login: its own check, and no word of who is at fault with the certificate.
    "tls_verification_fails": REFUSED,
}
# The server asks for a way of authenticating that this program cannot do: nobody is to blame.
OURS = ("pynacl", "not configured")
REFUSED_HEADER = ("proxy", "entrypoint_header_but", "entrypoint_out")


def refused_header(record: dict[str, Any]) -> bool:
    """Tell whether a record is of a PROXY header that its receiver refuses, so that an error comes unasked."""
    second = record["second_packet_decoded"] or {}
    return "ERR" in str(second) and any(word in record["case"] for word in REFUSED_HEADER) and second["errno"] != 1045


def words_of(record: dict[str, Any]) -> FirstWords:
    """Return what a probe would have got in place of the recorded client."""
    first = bytes.fromhex(record["bytes_hex_first_packet"] or "")
    message, reach, end = record["message"] or "", Reach.OK, None
    if not first and (
        not record["pymysql_exception_class"]
        or record["login_ok"]
        or record["errno"] == 2026
        or "CERTIFICATE" in message
    ):
        first = bytes.fromhex(GOOD)
    if not first:
        end = None if "timed out" in message else Reach.RESET if "Errno 104" in message else Reach.CLOSED
    if record["errno"] == 2003 and not first:
        reach = Reach.REFUSED if "Errno 111" in message else Reach.TIMEOUT if "timed out" in message else Reach.NAME
    if record["first_packet_decoded"] == "not a whole packet" or "ERR" in str(record["first_packet_decoded"]):
        end = Reach.CLOSED
    return FirstWords(
        address="203.0.113.10",
        port=3306,
        reach=reach,
        first=first,
        first_after_s=(5.0 if "about 5.0" in (record["elapsed_hint"] or "") else 0.01) if first else None,
        more=bytes.fromhex(record["bytes_hex_second_packet"]) if refused_header(record) else b"",
        end=end,
    )


def login_of(record: dict[str, Any], seen: SqlGreeting) -> SqlLogin | Unavailable:
    """Return what the product's login makes of the exception that was recorded."""
    name = (record["pymysql_exception_class"] or "").rpartition(".")[2]
    if _pointless(seen) or not name:
        return UNSEEN
    kind: Any = RuntimeError if name == "RuntimeError" else getattr(pymysql.err, name)
    error: Any = kind(*(part for part in (record["errno"], record["message"]) if part is not None))
    error.sqlstate = record["sqlstate"]
    accepted = bool(record["login_ok"]) or "OK" in str(record["second_packet_decoded"])
    blank = SqlLogin(address="203.0.113.10", port=3306, user="erp", reach=Reach.OK, accepted=accepted)
    return _failed(error, blank, Secret(password("of-a-record")))


def expected(record: dict[str, Any], seen: SqlGreeting) -> set[str]:
    """Return the checks that must fail, by the record's own words."""
    case, errno, message = record["case"], record["errno"], record["message"] or ""
    if case in BY_CASE:
        return BY_CASE[case]
    if refused_header(record):
        return {"sql.error-greeting"}
    ours = any(word in message for word in OURS)
    if not record["pymysql_exception_class"] or seen.speaker is SqlSpeaker.MAXSCALE_ALONE or ours:
        return set()
    if seen.speaker is SqlSpeaker.ERROR:
        return BY_NUMBER[errno] | {"sql.error-greeting"}
    return expected_of_login(record) if seen.greeting is not None else SILENT


def expected_of_login(record: dict[str, Any]) -> set[str]:
    """Return the checks that must fail where a greeting came, and the login ended as recorded."""
    if record["errno"] in (2006, 2013):
        accepted = record["login_ok"] or "OK" in str(record["second_packet_decoded"])
        return ENDED if accepted else REFUSED
    return BY_NUMBER[record["errno"]] if record["errno"] else REFUSED


@pytest.mark.skipif(not RECORDS, reason="the recorded observations are not beside this repository")
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record['case']}-{record['server_version'][:14]}")
def test_every_observation_is_classified(record: dict[str, Any]) -> None:
    seen = read_words(words_of(record))
    asked = judge(Target.parse(f"mysql://erp@{NAME}/shop"), seen, login_of(record, seen))

    assert asked.failing == expected(record, seen)


@pytest.mark.skipif(not RECORDS, reason="the recorded observations are not beside this repository")
def test_whatever_failed_for_the_recorded_client_fails_here_or_is_told_as_our_own_limit() -> None:
    """The other way round: no failure is taken for health, but where MaxScale alone says it to everybody."""
    overlooked = []
    for record in RECORDS:
        seen = read_words(words_of(record))
        asked = judge(Target.parse(f"mysql://erp@{NAME}/shop"), seen, login_of(record, seen))
        blamed = asked.failing or asked.unknown or seen.speaker is SqlSpeaker.MAXSCALE_ALONE
        if record["pymysql_exception_class"] and not blamed:
            overlooked.append(record["case"])

    assert overlooked == []
