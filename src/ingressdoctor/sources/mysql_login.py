"""One login to a MySQL port with PyMySQL, and the few statements that prove who answered.

Blocking: for a worker thread. It logs in once, never retries (wrong passwords add up to a block), and writes nothing.
Sources: PyMySQL 1.1 and 1.2 (connections.py); what each failure on the wire becomes there was observed.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from typing import Any, Final

import pymysql
from msgspec.structs import replace
from pymysql.connections import Connection

from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import LoginRequest, ServerError, ServerSeen, SqlIdentity, SqlLogin
from ingressdoctor.model.text import Secret, clean
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.dial import reach_of

__all__ = ["log_in"]

_CLIENT_ERRORS: Final = range(2000, 3000)  # the client library's own numbers (errmsg.h), but for a few of MySQL's
_LOST: Final = (2006, 2013)
_MOST: Final = 262_144  # bytes; a login and its three answers have a thousand
_WHO: Final = """
SELECT CURRENT_USER(), USER(), CONNECTION_ID(), @@hostname, @@port, @@server_id, @@read_only, @@version, DATABASE()
"""
_WHICH: Final = "SELECT @@server_id, @@read_only"
_STATE: Final = re.compile(r"[0-9A-Z]{5}")


class _Connection(Connection):  # type: ignore[misc]  # PyMySQL has no types
    """Remembers how far the login came: PyMySQL raises the same error before and after the server's OK."""

    accepted = False
    cipher = ""
    read = 0
    was_cut = False

    def _read_bytes(self, num_bytes: int) -> bytes:
        """Refuse packets that no login needs: PyMySQL would take as many megabytes as a server announces."""
        self.read += num_bytes
        if self.read > _MOST:
            raise pymysql.err.InternalError("the server sends more than any login needs")
        return bytes(super()._read_bytes(num_bytes))

    def cut(self) -> None:
        """End whatever is under way, from another thread: time is up."""
        self.was_cut = True
        with contextlib.suppress(AttributeError, OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _request_authentication(self) -> None:
        super()._request_authentication()
        self.accepted = True
        with contextlib.suppress(AttributeError):
            self.cipher = " ".join(map(str, self._sock.cipher()[:2]))


def log_in(request: LoginRequest, password: Secret, connect_to: ConnectTo) -> SqlLogin:
    """Log in, look who answers, and leave. Whatever goes wrong is in the value."""
    began = time.monotonic()
    host, port = connect_to.resolve(request.address, request.port)
    found = SqlLogin(
        address=request.address, port=request.port, user=request.user, database=request.database, reach=Reach.OK
    )
    try:
        sock = socket.create_connection((host, port), min(5.0, request.timeout_s))
    except OSError as error:
        reach, detail = reach_of(error)
        return replace(found, reach=reach, client_error=detail, elapsed_s=time.monotonic() - began)
    with contextlib.closing(sock):
        found = _talk(request, password, sock, found=found, end=began + request.timeout_s)
    return replace(found, elapsed_s=time.monotonic() - began)


def _talk(request: LoginRequest, password: Secret, sock: socket.socket, *, found: SqlLogin, end: float) -> SqlLogin:
    left = max(0.1, end - time.monotonic())
    connection = _Connection(
        host=request.address,
        user=request.user,
        password=password.reveal(),
        database=request.database or None,
        read_timeout=left,
        write_timeout=left,
        autocommit=True,
        program_name="ingressdoctor",
        defer_connect=True,
        **_tls(request),
    )
    # PyMySQL's limits are for each read alone, so a server that sends a byte now and then would keep it for ever.
    watch = threading.Timer(left, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        connection.connect(sock)
        found = replace(found, accepted=True, cipher=connection.cipher, greeting_id=connection.thread_id())
        return _look(connection, found)
    except Exception as error:  # noqa: BLE001 - PyMySQL trusts servers: damaged packets make it raise anything
        greeting_id = connection.server_thread_id[0] if getattr(connection, "server_thread_id", None) else 0
        found = replace(found, accepted=connection.accepted, cipher=connection.cipher, greeting_id=greeting_id)
        found = _failed(error, found, password)
        cut = connection.was_cut and found.error is None
        return replace(found, reach=Reach.READ_TIMEOUT, closed_after_ok=False) if cut else found
    finally:
        watch.cancel()
        with contextlib.suppress(Exception):
            connection.close()


def _tls(request: LoginRequest) -> dict[str, Any]:
    """Return the arguments that say whether TLS is used; never PyMySQL's default, which differs between versions."""
    if not request.tls:
        return {"ssl_disabled": True}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The question is who answers, not whether to trust them; verifying would hide the answer.
    context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _look(connection: _Connection, found: SqlLogin) -> SqlLogin:
    with connection.cursor() as cursor:
        cursor.execute(_WHO)
        row = cursor.fetchone()
        identity = SqlIdentity(
            account=_text(row[0]),
            seen_as=_text(row[1]),
            connection_id=int(row[2]),
            hostname=_text(row[3]),
            port=int(row[4]),
            server_id=int(row[5]),
            read_only=_truth(row[6]),
            version=_text(row[7]),
            database=_text(row[8]),
        )
        found = replace(
            found, identity=identity, read=ServerSeen(server_id=identity.server_id, read_only=identity.read_only)
        )
        cursor.execute("START TRANSACTION")
        cursor.execute(_WHICH)
        row = cursor.fetchone()
        cursor.execute("ROLLBACK")
        return replace(found, write=ServerSeen(server_id=int(row[0]), read_only=_truth(row[1])))


def _failed(error: BaseException, found: SqlLogin, password: Secret) -> SqlLogin:
    """Say what an exception means; the password, should it be in a text, is cut out."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = clean(str(error.args[-1] if error.args else error).replace(password.reveal() or "\0", "***"), 300)
    state = getattr(error, "sqlstate", None) or ""
    if number and number not in _CLIENT_ERRORS:
        state = state if _STATE.fullmatch(state) else ""
        return replace(found, error=ServerError(errno=number, text=text, sqlstate=state))
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError):
        return replace(found, reach=reach_of(cause)[0], client_error=text)
    if number in _LOST:
        reach = _reach_of_loss(text)
        ended = found.accepted and reach is not Reach.READ_TIMEOUT
        return replace(found, closed_after_ok=ended, reach=reach, client_error=text)
    return replace(found, client_error=f"{number}: {text}" if number else f"{type(error).__name__}: {text}")


def _reach_of_loss(text: str) -> Reach:
    if "timed out" in text:
        return Reach.READ_TIMEOUT
    return Reach.RESET if "Errno 104" in text or "ConnectionResetError" in text else Reach.CLOSED


def _text(value: object) -> str:
    return clean("" if value is None else str(value), 300)


def _truth(value: object) -> bool:
    return str(value).upper() in {"1", "ON", "TRUE"}
