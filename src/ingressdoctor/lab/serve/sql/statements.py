"""The statements that the stand-in for MariaDB understands: who am I, which server, transactions, accounts.

A SELECT of functions, variables and numbers is answered item by item; the tables it knows are those of accounts.
"""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Sequence

from ingressdoctor.lab.serve.sql import wire
from ingressdoctor.lab.serve.sql.accounts import Plan

_COMMENT = re.compile(r"^(?:\s|/\*(?!!).*?\*/)+", re.DOTALL)
Cells = Sequence[str | None]

_BEGIN = re.compile(r"(?:begin|start\s+transaction)\b", re.IGNORECASE)
_END = re.compile(r"(?:commit|rollback)\b", re.IGNORECASE)
_AUTOCOMMIT = re.compile(r"set\s+(?:session\s+|@@)?autocommit\s*=\s*(\w+)", re.IGNORECASE)
_QUIET = re.compile(r"(?:set|use|flush|do)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"(?:insert|update|delete|replace|create|drop|alter|truncate|grant|revoke|rename)\b", re.IGNORECASE
)
_ACCOUNTS = re.compile(r"select\s+(.+?)\s+from\s+mysql\.(user|db)\b", re.IGNORECASE | re.DOTALL)
_SELECT = re.compile(r"select\s+(.+?)(?:\s+limit\s+\d+)?", re.IGNORECASE | re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Who asks, and what the server is."""

    account: str
    seen_as: str
    connection: int
    hostname: str
    server_id: int
    read_only: bool
    version: str
    plan: Plan


class Interpreter:
    """One session's statements."""

    def __init__(self, client: wire.Packets, scene: Scene, database: str) -> None:
        self._client = client
        self._scene = scene
        self._database = database
        self._status = wire.AUTOCOMMIT

    async def run(self) -> None:
        """Answer until the client leaves."""
        while (packet := await self._client.read()) is not None:
            command, text = packet.payload[:1], _COMMENT.sub("", packet.payload[1:].decode("utf-8", "replace"))
            text = text.strip().rstrip(";")
            if command == bytes((wire.COM_QUIT,)):
                return
            if command == bytes((wire.COM_INIT_DB,)):
                self._database = text
            elif command == bytes((wire.COM_QUERY,)):
                await self._answer(text)
                continue
            elif command != bytes((wire.COM_PING,)):
                await self._client.write(1, wire.error(1047, "08S01", "Unknown command"))
                continue
            await self._client.write(1, wire.ok(self._status))

    async def _answer(self, text: str) -> None:
        if _BEGIN.match(text):
            only = wire.IN_READ_ONLY_TRANSACTION if "read only" in text.lower() else 0
            self._status |= wire.IN_TRANSACTION | only
        elif _END.match(text):
            self._status &= wire.AUTOCOMMIT
        elif found := _AUTOCOMMIT.match(text):
            self._status = wire.AUTOCOMMIT if found[1].lower() in {"1", "on", "true"} else 0
        elif _WRITES.match(text) and self._scene.read_only:
            refused = "The MariaDB server is running with the --read-only option so it cannot execute this statement"
            await self._client.write(1, wire.error(1290, "HY000", refused))
            return
        elif not _QUIET.match(text) and not _WRITES.match(text):
            await self._select(text)
            return
        await self._client.write(1, wire.ok(self._status))

    async def _select(self, text: str) -> None:
        if found := _ACCOUNTS.fullmatch(text):
            names = [name.strip() for name in found[1].split(",")]
            rows = self._users() if found[2].lower() == "user" else self._rights()
            await self._rows(names, [[row.get(name.lower().strip("`")) for name in names] for row in rows])
        elif text.lower() in {"show databases", "show schemas"}:
            await self._rows(["Database"], [[name] for name in (*self._scene.plan.databases, "mysql")])
        elif re.match(r"show\s+(?:all\s+slaves|slave|replica|grants|warnings|status|variables)", text, re.IGNORECASE):
            await self._rows(["Value"], [])
        elif found := _SELECT.fullmatch(text):
            items = [item.strip() for item in re.split(r",(?![^(]*\))", found[1])]
            await self._rows(items, [[self._value(item) for item in items]])
        else:
            await self._client.write(1, wire.error(1064, "42000", "You have an error in your SQL syntax"))

    def _value(self, item: str) -> str | None:
        key = re.split(r"\s+as\s+", item, flags=re.IGNORECASE)[0].lower().replace("@@global.", "@@").replace("`", "")
        one = self._scene
        known = {
            "current_user()": one.account,
            "user()": one.seen_as,
            "connection_id()": str(one.connection),
            "database()": self._database or None,
            "version()": one.version,
            "@@hostname": one.hostname,
            "@@port": "3306",
            "@@server_id": str(one.server_id),
            "@@read_only": str(int(one.read_only)),
            "@@version": one.version,
            "@@autocommit": str(int(bool(self._status & wire.AUTOCOMMIT))),
        }
        return known.get(key, key.strip("'"))

    def _users(self) -> list[dict[str, str]]:
        return [
            {
                "user": item.user,
                "host": item.host,
                "plugin": item.plugin,
                "authentication_string": item.stored,
                "ssl_type": "ANY" if item.tls else "",
                "super_priv": "N",
                "select_priv": "Y" if any(where == "*" for _, where, _ in item.grants) else "N",
                "default_role": "",
            }
            for item in self._scene.plan.accounts
        ]

    def _rights(self) -> list[dict[str, str]]:
        return [
            {"user": item.user, "host": item.host, "db": where}
            for item in self._scene.plan.accounts
            for _, where, _ in item.grants
            if where != "*"
        ]

    async def _rows(self, names: Sequence[str], rows: Sequence[Cells]) -> None:
        """A result set in the text protocol, with EOF packets."""
        payloads = [wire.lenenc(len(names)), *(_definition(name) for name in names), self._eof()]
        payloads += [b"".join(map(wire.text_of, row)) for row in rows]
        payloads.append(self._eof())
        data = b"".join(wire.framed(number, payload) for number, payload in enumerate(payloads, start=1))
        await self._client.stream.write(data)

    def _eof(self) -> bytes:
        return b"\xfe" + struct.pack("<HH", 0, self._status)


def _definition(name: str) -> bytes:
    """A column, as a text of any length."""
    words = b"".join(wire.text_of(word) for word in ("def", "", "", "", name.strip("`"), ""))
    return words + b"\x0c" + struct.pack("<HIBHB", 45, 1024, 253, 0, 0) + bytes(2)
