"""When the port is asked, how often, and when a login has no point."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from build.mysql import error, greets
from build.outside import MISSING, dns_view, online, resolver
from build.values import replace
from ingressdoctor.api import (
    DnsView,
    FirstWords,
    Inapplicable,
    Online,
    Protocol,
    Reach,
    SqlGreeting,
    SqlLogin,
    SqlSpeaker,
    Target,
    Unavailable,
)
from ingressdoctor.collect.sql import collect_greeting, collect_login
from ingressdoctor.evidence.sql import LoginRequest
from unit.sources.test_sql import GREETING

TARGET = Target.parse("mysql://erp@db.shop.example/shop")
ONE, TWO, THREE = "203.0.113.1", "203.0.113.2", "203.0.113.3"


@dataclass
class ScriptedSql:
    """Says what a table holds for each address, and remembers who asked for what."""

    reached: dict[str, Reach] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    logins: list[LoginRequest] = field(default_factory=list)

    async def greet(
        self, address: str, port: int, *, say: bytes = b"", timeout_s: float = 5.0, linger_s: float = 1.0
    ) -> FirstWords:
        assert say == b""
        self.asked.append(f"{address}:{port}")
        reach = self.reached.get(address, Reach.OK)
        first = GREETING if reach is Reach.OK else b""
        return FirstWords(address=address, port=port, reach=reach, first=first, first_after_s=0.01)

    async def login(self, request: LoginRequest) -> SqlLogin:
        self.logins.append(request)
        return SqlLogin(address=request.address, port=request.port, user=request.user, reach=Reach.OK)


def at(*addresses: str) -> DnsView:
    return dns_view(resolver(*addresses))


async def greeting(
    sql: ScriptedSql, view: DnsView, *, target: Target = TARGET, up: Online | Unavailable | None = None
) -> SqlGreeting | Unavailable:
    found = await collect_greeting.function(target=target, view=view, sql=sql, online=up or online())
    assert isinstance(found, SqlGreeting | Unavailable)
    return found


async def test_one_address_is_asked_once() -> None:
    sql = ScriptedSql()
    seen = await greeting(sql, at(ONE, TWO))

    assert isinstance(seen, SqlGreeting)
    assert seen.speaker is SqlSpeaker.MARIADB
    assert sql.asked == [f"{ONE}:3306"]


async def test_another_address_is_asked_where_the_first_takes_no_connection() -> None:
    sql = ScriptedSql({ONE: Reach.REFUSED})
    seen = await greeting(sql, at(ONE, TWO))

    assert isinstance(seen, SqlGreeting)
    assert (seen.words.address, sql.asked) == (TWO, [f"{ONE}:3306", f"{TWO}:3306"])


async def test_where_none_takes_a_connection_the_first_is_told() -> None:
    sql = ScriptedSql({ONE: Reach.REFUSED, TWO: Reach.TIMEOUT, THREE: Reach.TIMEOUT})
    seen = await greeting(sql, at(ONE, TWO, THREE))

    assert isinstance(seen, SqlGreeting)
    assert (seen.words.address, seen.words.reach) == (ONE, Reach.REFUSED)


async def test_a_machine_that_is_offline_blames_nobody() -> None:
    seen = await greeting(ScriptedSql({ONE: Reach.UNREACHABLE}), at(ONE), up=online(yes=False))

    assert isinstance(seen, Unavailable)
    assert "offline" in seen.reason


@pytest.mark.parametrize(
    "up", [pytest.param(online(yes=False), id="anchors-silent"), pytest.param(MISSING, id="no-anchors")]
)
async def test_whoever_is_greeted_is_online(up: Online | Unavailable) -> None:
    assert isinstance(await greeting(ScriptedSql(), at(ONE), up=up), SqlGreeting)


async def test_a_name_without_addresses_is_asked_nothing() -> None:
    sql = ScriptedSql()
    seen = await greeting(sql, at())

    assert isinstance(seen, Unavailable)
    assert not isinstance(seen, Inapplicable)
    assert sql.asked == []


async def test_a_target_that_speaks_http_is_asked_nothing() -> None:
    sql = ScriptedSql()
    seen = await greeting(sql, at(ONE), target=replace(TARGET, protocol=Protocol.HTTP))

    assert isinstance(seen, Inapplicable)
    assert sql.asked == []


@pytest.mark.parametrize("tls", [True, False])
async def test_a_login_goes_where_the_greeting_came_from(tls: bool) -> None:
    sql = ScriptedSql()
    await collect_login.function(target=TARGET, seen=greets(tls=tls), sql=sql)

    (request,) = sql.logins
    assert (request.address, request.port, request.user, request.database) == ("203.0.113.10", 3306, "erp", "shop")
    assert request.tls is tls


@pytest.mark.parametrize(
    ("target", "seen", "reason"),
    [
        pytest.param(replace(TARGET, sql_user=""), greets(), "no account was named", id="no-account"),
        pytest.param(
            TARGET,
            SqlGreeting(words=greets().words, speaker=SqlSpeaker.ERROR, error=error(1040)),
            "no greeting",
            id="an-error-in-place-of-the-greeting",
        ),
        pytest.param(TARGET, greets(second=error(1130)), "error 1130 follows", id="an-error-after-the-greeting"),
        pytest.param(
            TARGET, greets(speaker=SqlSpeaker.MAXSCALE_ALONE), "refuses every login", id="maxscale-without-servers"
        ),
    ],
)
async def test_no_login_is_tried_that_could_only_fail(target: Target, seen: SqlGreeting, reason: str) -> None:
    """Failed logins add up to a block, so one is made only where it can tell something."""
    sql = ScriptedSql()
    found = await collect_login.function(target=target, seen=seen, sql=sql)

    assert isinstance(found, Inapplicable)
    assert reason in found.reason
    assert sql.logins == []
