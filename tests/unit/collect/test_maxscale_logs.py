"""MaxScale's log by signature, from its REST API or from its pods. Lines as 23.08 and 24.02 write them."""

from __future__ import annotations

import pytest

from build.backend import CLOCK
from build.kube import TableKube, forbidden, text
from build.maxscale import a_maxscale_view, a_state, an_instance, unread
from ingressdoctor.api import Inapplicable, MaxScaleLogs, MaxScaleState, Reach, SourceError, SqlLogin, Unavailable
from ingressdoctor.collect.maxscale_logs import collect_maxscale_logs, parse_maxscale_logs
from ingressdoctor.collect.maxscale_signatures import read_line

HEAD = "2026-11-21 11:59:30   error  : "
BEHIND = "(5) [mariadbbackend] (rw); Authentication to 'db-0' failed: 1226, #42000: User 'erp' has exceeded"
LOG = "/api/v1/namespaces/shop/pods/mxs-{}/log"


@pytest.mark.parametrize(
    ("line", "code", "fields"),
    [
        (BEHIND, "login-refused-behind", {"server": "db-0", "errno": "1226"}),
        (
            "Monitor was unable to connect to server db-0[db-0.db:3306] : 'Access denied for user 'm'@'10.42.1.5''",
            "monitor-refused",
            {"server": "db-0", "said": "Access denied for user 'm'@'10.42.1.5'"},
        ),
        (
            "Error during monitor permissions test for server 'db-0': Query 'SHOW SLAVE STATUS;' failed",
            "monitor-grants",
            {"server": "db-0"},
        ),
        (
            "Failed to query server 'db-0' for user account info. Connection to [db-0.db]:3306 failed. Error 1045: x",
            "users-refused",
            {"server": "db-0", "said": " Connection to [db-0.db]:3306 failed. Error 1045: x"},
        ),
        ("No valid servers from which to query MariaDB user accounts found.", "users-none", {}),
        ("Using old user account query due to insufficient privileges (x)", "users-old-query", {}),
        (
            "User accounts have been recently updated, cannot update again for 'erp'@'10.42.1.5'.",
            "users-too-soon",
            {"user": "erp", "host": "10.42.1.5"},
        ),
        (
            "Host '10.42.1.5' blocked for 60 seconds due to too many authentication failures.",
            "host-blocked",
            {"host": "10.42.1.5"},
        ),
        (
            "Server db-0 has been put into maintenance mode due to the server blocking connections from MaxScale.",
            "server-blocks-us",
            {"server": "db-0"},
        ),
        ("Plugin 'ed25519' is not loaded", "plugin-missing", {"plugin": "ed25519"}),
        (
            "Authentication failed for user 'erp'@[10.42.1.5] to service 'rw'. Originating listener: 'l'.",
            "login-refused",
            {"user": "erp", "host": "10.42.1.5", "service": "rw"},
        ),
        ("Write query received. Could not find a valid master connection. Closing", "no-master", {}),
        ("Couldn't find suitable Primary from 2 candidates.", "no-master", {}),
        ("Could not find valid server for target type TARGET_ALL (COM_QUERY: x), closing.", "no-server", {}),
        (
            "The current primary server 'db-0' is no longer valid because it is in read-only mode, but there is no",
            "master-read-only",
            {"server": "db-0"},
        ),
        ("Failed to start listening on [::]:3306: 98, Address already in use", "listen-failed", None),
        ("Proxy header is not accepted from 10.42.1.5", "proxy-refused", {"host": "10.42.1.5"}),
        ("sent packet with unexpected sequence number. Expected 1, got 88.", "odd-packet", {"got": "88"}),
        ("'mon' lost the exclusive lock on a majority of its servers. x", "locks-lost", {}),
        ("(ConfigManager); Failed to sync configuration: Failed to connect", "sync-failed", {}),
        (
            "Authentication failed for 'admin', using password. Request: GET /v1/servers",
            "api-refused",
            {"user": "admin"},
        ),
        ("Failed to create directory '/var/lib/maxscale/maxscale.cnf.d': 13, Permission denied", "not-writable", None),
        ("Server changed state: db-0[db-0.db:3306]: slave_up", "", {}),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_lines_have_a_code(line: str, code: str, fields: dict[str, str] | None) -> None:
    when, level, found, named = read_line(HEAD + line)

    assert (when, level, found) == ("2026-11-21 11:59:30", "ERR", code)
    assert fields is None or named == fields


def test_a_line_without_a_head_is_read_all_the_same() -> None:
    assert read_line(BEHIND)[:3] == ("", "INF", "login-refused-behind")


def test_lines_of_a_kind_are_counted_and_the_newest_kept() -> None:
    older = HEAD.replace("11:59", "11:30") + BEHIND
    other = HEAD + BEHIND.replace("1226", "1040")
    logs = parse_maxscale_logs({"mxs-0": f"{older}\n{HEAD}{BEHIND}\n\n{other}\n{HEAD}chatter"})

    assert logs.lines_read == 4
    assert [(line.fields["errno"], line.count, line.when[11:16]) for line in logs.signatures] == [
        ("1226", 2, "11:59"),
        ("1040", 1, "11:59"),
    ]
    assert logs.of("login-refused-behind", "no-master") == logs.signatures


def test_old_lines_are_left_out_and_floods_bounded() -> None:
    flood = "\n".join(HEAD + BEHIND.replace("1226", str(1000 + number)) for number in range(500))

    assert parse_maxscale_logs({"mxs-0": HEAD + BEHIND}, since="2026-11-21 12:00:00").signatures == ()
    assert len(parse_maxscale_logs({"mxs-0": flood}).signatures) == 60
    assert parse_maxscale_logs({"mxs-0": "x" * 5_000_000}).lines_read == 1


NO_LOGIN = Unavailable(wanted="a login", reason="no account was named")
CLOSED = SqlLogin(address="203.0.113.10", port=3306, user="erp", reach=Reach.OK, accepted=True, closed_after_ok=True)


async def read(
    kube: TableKube, state: MaxScaleState | Unavailable, login: SqlLogin | Unavailable = CLOSED
) -> MaxScaleLogs | Unavailable:
    found = await collect_maxscale_logs.function(kube, a_maxscale_view(), state, login, CLOCK)
    assert isinstance(found, MaxScaleLogs | Unavailable)
    return found


async def test_the_rest_api_spares_the_cluster() -> None:
    kube = TableKube({})
    old = HEAD.replace("11:59", "09:59") + BEHIND.replace("1226", "1040")
    logs = await read(kube, a_state(an_instance(log=(old, HEAD + BEHIND))))

    assert isinstance(logs, MaxScaleLogs)
    assert kube.calls == []
    assert [line.fields["errno"] for line in logs.signatures] == ["1226"]


async def test_without_the_api_the_pods_logs_are_read() -> None:
    kube = TableKube({LOG.format(0): text(HEAD + BEHIND), LOG.format(1): forbidden("no")})
    logs = await read(kube, unread())

    assert isinstance(logs, MaxScaleLogs)
    assert [line.pod for line in logs.signatures] == ["mxs-0"]
    assert "pods/log" in logs.unread[0].enable_with
    assert {path for path, _ in kube.calls} == {LOG.format(0), LOG.format(1)}


async def test_one_log_is_enough_where_no_login_was_closed() -> None:
    kube = TableKube({LOG.format(0): text(HEAD + BEHIND)})
    await read(kube, unread(), NO_LOGIN)

    assert [path for path, _ in kube.calls] == [LOG.format(0)]


async def test_no_log_is_a_gap() -> None:
    kube = TableKube({LOG.format(0): SourceError("no answer"), LOG.format(1): SourceError("no answer")})
    none = await collect_maxscale_logs.function(TableKube({}), a_maxscale_view(pods=0), unread(), NO_LOGIN, CLOCK)
    gap = await read(kube, unread())

    assert isinstance(gap, Unavailable)
    assert gap.reason == "no answer"
    assert isinstance(none, Inapplicable | Unavailable)
