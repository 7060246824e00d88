"""What a MySQL port says: its first words, what a login comes to, and who it is that answers.

Source: MariaDB protocol documentation (initial handshake, ERR packet); how peers differ was observed on MariaDB 10.11
and 11.8 and on MaxScale 23.08 and 24.02.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.net import Reach

__all__ = ["FirstWords", "Greeting", "ServerError", "SqlGreeting", "SqlSpeaker"]

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
