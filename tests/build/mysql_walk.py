"""Ask a real port as a run does: greeting, login where one has a point, and the checks of both steps on what came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache

from build.mariadb import HOST
from ingressdoctor.api import (
    Check,
    FirstWords,
    Greeting,
    Reach,
    SqlGreeting,
    SqlLogin,
    SqlSpeaker,
    Status,
    Target,
    Unavailable,
)
from ingressdoctor.collect.sql import collect_login
from ingressdoctor.collect.sql_wire import read_words
from ingressdoctor.config import Settings
from ingressdoctor.evidence.sql import LoginRequest
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.sql import LiveSql
from ingressdoctor.wiring import load_catalog

NAME = "db.shop.example"
UNSEEN = Unavailable(wanted="it", reason="no cluster", enable_with="Give one.")


@dataclass(frozen=True)
class Asked:
    """What a run made of a port: its evidence, and the checks by how they ended."""

    seen: SqlGreeting
    login: SqlLogin | Unavailable
    failing: frozenset[str] = field(default_factory=frozenset)
    unknown: frozenset[str] = field(default_factory=frozenset)
    text: str = ""

    @property
    def words(self) -> FirstWords:
        """What came first."""
        return self.seen.words

    @property
    def errno(self) -> int:
        """The number of the error that came, whenever it did; 0 for none."""
        errors = (self.seen.error, self.seen.second, self.login.error if isinstance(self.login, SqlLogin) else None)
        return next((error.errno for error in errors if error is not None), 0)


def ask(
    port: int,
    user: str = "",
    password: str = "",
    *,
    database: str = "",
    say: bytes = b"",
    timeout_s: float = 20.0,
    linger_s: float = 0.2,
) -> Asked:
    """Greet, log in where an account is named, and judge."""
    return asyncio.run(_ask(port, user, password, database, say, (timeout_s, linger_s)))


def log_in_anyway(port: int, user: str, password: str) -> Asked:
    """Log in as if nothing but a plain greeting had come."""
    return asyncio.run(_log_in_anyway(port, user, password))


async def _log_in_anyway(port: int, user: str, password: str) -> Asked:
    words = FirstWords(address=HOST, port=port, reach=Reach.OK, first=b"greeting", first_after_s=0.01)
    greeting = Greeting(version="10.11", connection_id=1, capabilities=0x81FFF7FE)
    seen = SqlGreeting(words=words, speaker=SqlSpeaker.MARIADB, greeting=greeting)
    sql = LiveSql(connect_to=ConnectTo(), calls=CallLog(), password=Secret(password))
    login = await sql.login(LoginRequest(address=HOST, port=port, user=user))
    return judge(Target.parse(f"mysql://{NAME}/", sql_user=user), seen, login)


async def _ask(port: int, user: str, password: str, database: str, say: bytes, times: tuple[float, float]) -> Asked:
    sql = LiveSql(
        connect_to=ConnectTo.parse([f"{NAME}:3306:{HOST}:{port}", f"{HOST}:3306:{HOST}:{port}"]),
        calls=CallLog(),
        password=Secret(password),
    )
    target = Target.parse(f"mysql://{NAME}/{database}", sql_user=user)
    seen = read_words(await sql.greet(HOST, 3306, say=say, timeout_s=times[0], linger_s=times[1]))
    login = await collect_login.function(target, seen, sql)
    assert isinstance(login, SqlLogin | Unavailable)
    return judge(target, seen, login)


def judge(target: Target, seen: SqlGreeting, login: SqlLogin | Unavailable) -> Asked:
    """Run the checks of the port and of the login on evidence, with no cluster to look at."""
    found = [(item.id, finding) for item in port_checks() for finding in _judged(item, target, seen, login)]
    return Asked(
        seen=seen,
        login=login,
        failing=frozenset(name for name, finding in found if finding.status is Status.FAIL),
        unknown=frozenset(name for name, finding in found if finding.status is Status.UNKNOWN),
        text="\n".join(f"{finding.summary} {finding.enable_with}" for _, finding in found),
    )


def _judged(item: Check, target: Target, seen: SqlGreeting, login: SqlLogin | Unavailable) -> tuple:  # type: ignore[type-arg]
    given: dict[type, object] = {Target: target, SqlGreeting: seen}
    if isinstance(login, SqlLogin):
        given[SqlLogin] = login
    if any(need.wanted not in given and not need.tolerant for need in item.needs):
        return ()
    return item(**{need.parameter: given.get(need.wanted, UNSEEN) for need in item.needs})


@cache
def port_checks() -> tuple[Check, ...]:
    """Return the checks of the steps ``greeting`` and ``auth``."""
    return tuple(item for item in load_catalog(Settings()).checks if item.step in ("greeting", "auth"))
