"""What a MySQL port says: its first words, what a login comes to, and who it is that answers.

Source: MariaDB protocol documentation (initial handshake, ERR packet); how peers differ was observed on MariaDB 10.11
and 11.8 and on MaxScale 23.08 and 24.02.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.net import Reach

__all__ = [
    "FirstWords",
    "Greeting",
    "LoginRequest",
    "ServerError",
    "ServerSeen",
    "SqlGreeting",
    "SqlIdentity",
    "SqlLogin",
    "SqlSpeaker",
]

_SSL = 0x0800


class FirstWords(msgspec.Struct, frozen=True, kw_only=True):
    """What came over one TCP connection on which the server speaks first.

    ``reach`` is OK once the connection stands; ``first`` is the first packet (or what came in its place) and
    ``first_after_s`` when it was complete, None when none was; ``more`` is what followed unasked. ``end`` tells how the
    peer ended the connection (CLOSED, RESET), None when it was still open and we left.
    """

    address: str
    port: int
    reach: Reach
    dialled: str = ""
    first: bytes = b""
    first_after_s: float | None = None
    more: bytes = b""
    end: Reach | None = None
    detail: str = ""
    elapsed_s: float = 0.0


class SqlSpeaker(StrEnum):
    """Who it is that speaks, by what it says."""

    MARIADB = "MariaDB"
    MAXSCALE = "MaxScale"
    MAXSCALE_ALONE = "MaxScale that never reached a server"
    MYSQL = "MySQL"
    ERROR = "an error in place of the greeting"
    HTTP = "HTTP"
    TLS = "TLS"
    SSH = "SSH"
    OTHER = "something else"
    NOBODY = "nobody"


class ServerError(msgspec.Struct, frozen=True, kw_only=True):
    """An ERR packet. ``sqlstate`` is empty where the packet has none: such errors come before the greeting."""

    errno: int
    text: str
    sqlstate: str = ""
    sequence: int = 0


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """The initial handshake packet. ``capabilities`` hold both halves; ``extended`` are MariaDB's own."""

    version: str
    connection_id: int
    capabilities: int
    extended: int = 0
    charset: int = 0
    plugin: str = ""

    @property
    def offers_tls(self) -> bool:
        """Whether a client may switch to TLS."""
        return bool(self.capabilities & _SSL)


class SqlGreeting(msgspec.Struct, frozen=True, kw_only=True):
    """What a client gets on the port before it says anything.

    ``error`` is what came in place of the greeting, ``second`` an error that followed it unasked: the peer refused what
    another hop put before the client's bytes. ``start`` shows the first bytes where nobody could make sense of them.
    """

    words: FirstWords
    speaker: SqlSpeaker
    greeting: Greeting | None = None
    error: ServerError | None = None
    second: ServerError | None = None
    start: str = ""


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One login to try; the password is the source's. ``tls`` demands TLS, without looking at the certificate."""

    address: str
    port: int
    user: str
    database: str = ""
    tls: bool = False
    timeout_s: float = 10.0


class SqlIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are to the server, and which server that is.

    ``account`` is the account that matched (``CURRENT_USER()``); ``seen_as`` is the name and address as the server sees
    them (``USER()``): behind a proxy that sends no PROXY header, the address is the proxy's.
    """

    account: str
    seen_as: str
    connection_id: int
    hostname: str
    port: int
    server_id: int
    read_only: bool
    version: str
    database: str = ""


class ServerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Which server answered one statement."""

    server_id: int
    read_only: bool


class SqlLogin(msgspec.Struct, frozen=True, kw_only=True):
    """What one login came to.

    ``accepted`` tells that the server answered OK; the connection may still have ended right after that, which is then
    ``closed_after_ok``. ``error`` is what a server said, ``client_error`` what the client library made of something
    else. ``cipher`` is the one towards the next hop, empty without TLS. ``read`` and ``write`` are the servers that
    answered outside of a transaction and within one that may write. ``age_s`` is how long ago it was tried:
    one that was refused is not tried again at once.
    """

    address: str
    port: int
    user: str
    reach: Reach
    database: str = ""
    greeting_id: int = 0
    accepted: bool = False
    closed_after_ok: bool = False
    error: ServerError | None = None
    client_error: str = ""
    cipher: str = ""
    identity: SqlIdentity | None = None
    read: ServerSeen | None = None
    write: ServerSeen | None = None
    elapsed_s: float = 0.0
    age_s: float = 0.0
