"""MaxScale's own copy of the accounts: read from a server with the service's account, and used to let clients in.

A copy that cannot be read anew stays as it was: that is how one goes stale.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime

from ingressdoctor.lab.serve.sql.accounts import Account, Plan
from ingressdoctor.lab.serve.sql.client import Session

USERS = (
    "SELECT User, Host, plugin, authentication_string, ssl_type, Super_priv, Select_priv, default_role FROM mysql.user"
)
RIGHTS = "SELECT User, Host, Db FROM mysql.db"
DATABASES = "SHOW DATABASES"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account as MaxScale knows it; *stored* is the hash of the password's hash."""

    user: str
    host: str
    plugin: str
    stored: str = dataclasses.field(default="", repr=False)
    ssl: bool = False
    super_priv: bool = False
    global_priv: bool = False
    default_role: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """All accounts, which databases they may use, and when that was read."""

    users: tuple[User, ...] = ()
    rights: frozenset[tuple[str, str, str]] = frozenset()
    databases: frozenset[str] = frozenset()
    read: datetime | None = None

    def may_use(self, user: User, database: str) -> bool:
        """Whether an account may use a database that exists."""
        return user.global_priv or (user.user, user.host, database) in self.rights


async def read_copy(session: Session) -> Copy:
    """Read everything from a server; failures are the session's."""
    users = [_user(row) for row in await session.query(USERS)]
    rights = frozenset((row[0] or "", row[1] or "", row[2] or "") for row in await session.query(RIGHTS))
    databases = frozenset(row[0] or "" for row in await session.query(DATABASES))
    return Copy(users=tuple(users), rights=rights, databases=databases, read=datetime.now(UTC))


def remembered(plan: Plan, at: str) -> Copy:
    """The copy that was read *at* a time (RFC 3339; "" for: after every account was made)."""
    return Copy(
        users=tuple(_known(item) for item in plan.accounts if not at or item.created <= at),
        rights=frozenset(_rights(plan.accounts)),
        databases=frozenset(plan.databases),
        read=datetime.fromisoformat(at) if at else datetime.now(UTC),
    )


def _user(row: tuple[str | None, ...]) -> User:
    values = [value or "" for value in row]
    return User(
        user=values[0],
        host=values[1],
        plugin=values[2] or "mysql_native_password",
        stored=values[3],
        ssl=bool(values[4]),
        super_priv=values[5] == "Y",
        global_priv=values[6] == "Y",
        default_role=values[7],
    )


def _known(item: Account) -> User:
    everywhere = any(where == "*" and "SELECT" in rights for rights, where, _ in item.grants)
    return User(
        user=item.user,
        host=item.host,
        plugin=item.plugin,
        stored=item.stored,
        ssl=item.tls,
        global_priv=everywhere,
    )


def _rights(accounts: Iterable[Account]) -> Iterable[tuple[str, str, str]]:
    for item in accounts:
        for _, where, _ in item.grants:
            if where != "*":
                yield item.user, item.host, where
