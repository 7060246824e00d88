"""A MySQL client as an ERP has one: what it sees on the port, and what its login comes to."""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import SplitResult

import pymysql

PATIENCE_S = 7.0
LATE_S = 4.0
UNASKED_S = 0.4
CLOSED = 2013
# Errors that have a symptom of their own; all others are "an error".
NAMED = {1040, 1044, 1045, 1049, 1129, 1130, 1156, 1290, 1815, 4151}
GREETING, ERROR = 10, 255


def symptom_of(parts: SplitResult, port: int, password: str) -> str | None:
    """The symptom of mysql://user@host/database behind a loopback *port*; without a user, of the greeting alone."""
    seen = first_words(port)
    return seen or (login(parts, port, password) if parts.username else None)


def first_words(port: int) -> str | None:
    """What is wrong with what the port says unasked."""
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=2.0)
    except OSError as error:
        return "mysql-refused" if isinstance(error, ConnectionRefusedError) else "mysql-timeout"
    began, packets = time.monotonic(), Packets(sock)
    with sock:
        sock.settimeout(PATIENCE_S)
        try:
            wrong = unless_greeting(packets.read())
        except TimeoutError:
            return "mysql-silent"
        except ValueError:
            return "mysql-not-mysql"
        if wrong is None and time.monotonic() - began > LATE_S:
            return "mysql-late"
        sock.settimeout(UNASKED_S)
        try:
            return wrong or unless_greeting(packets.read())
        except TimeoutError:
            return None


def unless_greeting(payload: bytes | None) -> str | None:
    """What is wrong with a packet that is none, or an error."""
    if payload is None:
        return "mysql-closed"
    return named(int.from_bytes(payload[1:3], "little")) if payload[:1] == b"\xff" else None


class Packets:
    """Reads packets one by one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""
        self._read = False

    def read(self) -> bytes | None:
        """The payload of the next packet; None when the connection ended, ValueError when it begins otherwise."""
        while len(self._data) < 4 or len(self._data) < 4 + int.from_bytes(self._data[:3], "little"):
            more = self._sock.recv(4096)
            if not more:
                return None
            self._data += more
            if not self._read and len(self._data) > 4 and (self._data[3] or self._data[4] not in (GREETING, ERROR)):
                raise ValueError("no packet of MySQL")
        self._read = True
        size = 4 + int.from_bytes(self._data[:3], "little")
        payload, self._data = self._data[4:size], self._data[size:]
        return payload


def login(parts: SplitResult, port: int, password: str) -> str | None:
    """What is wrong with a login, and with a transaction that may write."""
    try:
        with connected(port, parts.username or "", password, parts.path.strip("/")) as connection:
            return "mysql-1290" if is_read_only(connection) else None
    except pymysql.err.OperationalError as error:
        return "mysql-closed-after-ok" if error.args[0] == CLOSED else named(error.args[0])


def named(code: int) -> str:
    """The symptom of an error code."""
    return f"mysql-{code}" if code in NAMED else "mysql-error"


def connected(port: int, user: str, password: str, database: str = "") -> Any:
    """A connection of PyMySQL, without TLS."""
    return pymysql.connect(
        host="127.0.0.1",
        port=port,
        user=user,
        password=password,
        database=database or None,
        ssl_disabled=True,
        autocommit=True,
        connect_timeout=5,
        read_timeout=15,
    )


def is_read_only(connection: Any) -> bool:
    """Whether a transaction that may write ends up on a server that takes no writes."""
    with connection.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT @@read_only")
        answer = cursor.fetchone()
        cursor.execute("ROLLBACK")
    return bool(answer[0])
