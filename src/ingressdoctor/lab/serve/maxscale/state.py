"""What a MaxScale keeps in mind: its servers as last seen, its clients, and where it is itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from ingressdoctor.lab.network import Network
from ingressdoctor.lab.stream import Address


@dataclasses.dataclass(slots=True, kw_only=True)
class Seen:
    """What is known of one server."""

    tokens: tuple[str, ...] = ("Down",)
    version: str = ""
    server_id: int = 0
    read_only: bool = False
    event: str = ""
    changed: datetime | None = None
    sessions: int = 0
    total: int = 0
    most: int = 0
    failed: int = 0

    @property
    def is_running(self) -> bool:
        """Whether sessions can go there."""
        return "Running" in self.tokens and "Maintenance" not in self.tokens


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One session of a client."""

    number: int
    user: str
    remote: Address
    service: str
    since: datetime
    servers: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a MaxScale is: its pod's address, the addresses of its servers, and the network they are in.

    *prepare* starts the servers, which may take longer than a connection to them may.
    """

    network: Network
    ip: str
    servers: Mapping[str, str]
    prepare: Callable[[], Awaitable[None]]
    dial_s: float
    pause_s: float
