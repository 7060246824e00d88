"""Who may log in to a MariaDB, and what it holds: read from mariadb-operator's objects as the operator would do it.

Source: mariadb-operator main (2026-07), internal/controller: users without a password are created locked, a Grant goes
to exactly the account of its own user and host. Passwords are in no file: each Secret a User refers to gets one when
the lab starts, unless the world's settings plant it.
"""

from __future__ import annotations

import configparser
import dataclasses
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.serve.sql import passwords, wire

GROUP = "k8s.mariadb.com"
_SERVER = (("SELECT", "mysql", "*"), ("SHOW DATABASES", "*", "*"))
_MONITOR = (
    "BINLOG ADMIN, CONNECTION ADMIN, EVENT, PROCESS, READ_ONLY ADMIN, RELOAD, REPLICA MONITOR, REPLICATION CLIENT, "
    "REPLICATION SLAVE, REPLICATION SLAVE ADMIN, SELECT, SET USER, SHOW DATABASES, SLAVE MONITOR, SUPER"
)
_VARIABLES = ("max_connections", "max_user_connections", "wait_timeout", "require_secure_transport", "read_only")


class Passwords:
    """The password in each Secret, by namespace and name."""

    def __init__(self, planted: Mapping[str, Any]) -> None:
        """*planted* are passwords by the Secret's name."""
        self._planted = planted
        self._made: dict[tuple[str, str], str] = {}

    def of(self, namespace: str, secret: str) -> str:
        """The password that a Secret holds."""
        planted = text(self._planted.get(secret))
        return planted or self._made.setdefault((namespace, secret), secrets.token_urlsafe(15))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account: who, from where, and what it may do as (privileges, database, table)."""

    user: str
    host: str
    password: str = dataclasses.field(default="", repr=False)
    plugin: str = wire.NATIVE
    locked: bool = False
    expired: bool = False
    most: int = 0
    tls: bool = False
    created: str = ""
    grants: tuple[tuple[str, str, str], ...] = ()

    @property
    def stored(self) -> str:
        """What mysql.user holds of the password."""
        return passwords.stored(self.password)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one MariaDB object comes to: its accounts, its databases and its variables."""

    accounts: tuple[Account, ...]
    databases: tuple[str, ...]
    variables: Mapping[str, str]
    primary: str
    version: str
    proxies: str = ""

    def script(self) -> str:
        """SQL statements that make an empty server this one."""
        lines = [f"CREATE DATABASE IF NOT EXISTS {_name(name)};" for name in self.databases]
        for account in self.accounts:
            who = f"{_text(account.user)}@{_text(account.host)}"
            known = f" IDENTIFIED BY PASSWORD {_text(account.stored)}" if account.password else ""
            known = f" IDENTIFIED VIA {account.plugin}" if account.plugin != wire.NATIVE else known
            limit = f" WITH MAX_USER_CONNECTIONS {account.most}" if account.most else ""
            tls = " REQUIRE SSL" if account.tls else ""
            locked = (" ACCOUNT LOCK" if account.locked else "") + (" PASSWORD EXPIRE" if account.expired else "")
            lines.append(f"CREATE USER {who}{known}{tls}{limit}{locked};")
            lines += [
                f"GRANT {privileges} ON {_place(where, table)} TO {who};" for privileges, where, table in account.grants
            ]
        lines.append(f"ALTER USER root@localhost IDENTIFIED BY {_text(secrets.token_urlsafe(30))};")
        return "\n".join((*lines, ""))


def plan_of(cluster: Cluster, database: Object, passwords: Passwords, settings: Mapping[str, Any]) -> Plan:
    """The plan of a MariaDB object. *settings* are the world's `sql`."""
    namespace, name = namespace_of(database), name_of(database)
    accounts = [*_users(cluster, namespace, name, passwords), *_of_maxscale(cluster, namespace, name, passwords)]
    locked = tuple(map(text, sequence(settings.get("locked"))))
    plugins = mapping(settings.get("plugins"))
    accounts = [
        dataclasses.replace(
            item, locked=item.locked or item.user in locked, plugin=text(plugins.get(item.user)) or item.plugin
        )
        for item in accounts
    ]
    made = [
        text(dig(item, "spec", "name")) or name_of(item)
        for item in _of(cluster, "Database", namespace, name)
        if _is_made(item)
    ]
    variables = _variables(text(dig(database, "spec", "myCnf")))
    return Plan(
        accounts=tuple(accounts),
        databases=tuple(dict.fromkeys(made)),
        variables={key: variables[key] for key in _VARIABLES if key in variables},
        primary=text(dig(database, "status", "currentPrimary")) or f"{name}-0",
        version=version_of(text(dig(database, "spec", "image"))),
        proxies=variables.get("proxy_protocol_networks", ""),
    )


def version_of(image: str) -> str:
    """What the server of an image says its version is."""
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
    found = re.match(r"\d+\.\d+\.\d+", tag)
    return f"{found.group() if found else '11.4.8'}-MariaDB-ubu2404-log"


def _of(cluster: Cluster, kind: str, namespace: str, database: str) -> Iterator[Object]:
    """Objects of a kind that belong to a MariaDB."""
    for item in cluster.all(kind, GROUP):
        wanted = mapping(dig(item, "spec", "mariaDbRef"))
        if wanted.get("name") == database and (text(wanted.get("namespace")) or namespace_of(item)) == namespace:
            yield item


def _is_made(item: Object) -> bool:
    """Whether the operator has got so far as to make it: its Ready condition does not say otherwise."""
    conditions = (mapping(entry) for entry in sequence(dig(item, "status", "conditions")))
    return not any(entry.get("type") == "Ready" and entry.get("status") == "False" for entry in conditions)


def _users(cluster: Cluster, namespace: str, database: str, passwords: Passwords) -> Iterator[Account]:
    granted = [item for item in _of(cluster, "Grant", namespace, database) if _is_made(item)]
    for item in _of(cluster, "User", namespace, database):
        if not _is_made(item):
            continue
        spec = mapping(item.get("spec"))
        user, host = text(spec.get("name")) or name_of(item), text(spec.get("host")) or "%"
        secret = text(dig(spec, "passwordSecretKeyRef", "name"))
        most = spec.get("maxUserConnections", 10)
        yield Account(
            user=user,
            host=host,
            password=passwords.of(namespace_of(item), secret) if secret else "",
            locked=not secret,
            expired=not secret,
            most=most if isinstance(most, int) else 10,
            tls=dig(spec, "require", "ssl") is True,
            created=text(dig(item, "metadata", "creationTimestamp")),
            grants=tuple(_grant(mapping(grant.get("spec"))) for grant in granted if _goes_to(grant, user, host)),
        )


def _goes_to(grant: Object, user: str, host: str) -> bool:
    spec = mapping(grant.get("spec"))
    return text(spec.get("username")) == user and (text(spec.get("host")) or "%") == host


def _grant(spec: Mapping[str, Any]) -> tuple[str, str, str]:
    privileges = ", ".join(map(text, sequence(spec.get("privileges")))) or "USAGE"
    return privileges, text(spec.get("database")) or "*", text(spec.get("table")) or "*"


def _of_maxscale(cluster: Cluster, namespace: str, database: str, passwords: Passwords) -> Iterator[Account]:
    """The accounts that the operator makes for each MaxScale."""
    for item in _of(cluster, "MaxScale", namespace, database):
        for role, grants in (("server", _SERVER), ("monitor", ((_MONITOR, "*", "*"),))):
            user = f"{name_of(item)}-{role}"
            yield Account(user=user, host="%", password=passwords.of(namespace_of(item), user), grants=grants)


def _variables(config: str) -> dict[str, str]:
    """Variables of the server's section of a my.cnf; what cannot be read says nothing."""
    parser = configparser.ConfigParser(allow_no_value=True, interpolation=None, strict=False)
    try:
        parser.read_string(config)
    except configparser.Error:
        return {}
    return {
        key.replace("-", "_"): value or "ON"
        for section in parser.sections()
        if section in {"mariadb", "mariadbd", "mysqld", "server"}
        for key, value in parser.items(section)
    }


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _name(value: str) -> str:
    return "`" + value.replace("`", "``") + "`"


def _place(database: str, table: str) -> str:
    return ".".join("*" if part == "*" else _name(part) for part in (database, table))
