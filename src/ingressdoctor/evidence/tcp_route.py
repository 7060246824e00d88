"""The way of a connection in which the server speaks first (MySQL): entry point, TCP router, allow list, backend.

``TcpEntry`` is what the cluster says; ``TcpRoute`` puts the load balancer in front of it, and so knows which address
Traefik sees. Both are filled in by ``collect/tcp_route.py`` from the models in ``routing/traefik``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.routes import BackendRef, CandidateRoute, DroppedRoute

__all__ = [
    "AllowList",
    "Ending",
    "RouteEater",
    "SeenAddress",
    "SeenAs",
    "TcpEnd",
    "TcpEntry",
    "TcpRoute",
    "WrittenRoute",
    "WrittenService",
]


class WrittenService(msgspec.Struct, frozen=True, kw_only=True):
    """One Service of an IngressRouteTCP.

    ``proxy_version`` is the PROXY protocol that Traefik really speaks to it (0: none, None: not known, as its transport
    was not read), ``asked_version`` what the Service's own ``proxyProtocol`` asks for. ``transport`` is the
    ServersTransportTCP that it names, as written; ``overridden`` tells that this makes the Service's own field void.
    """

    ref: BackendRef
    proxy_version: int | None = 0
    asked_version: int = 0
    transport: str = ""
    overridden: bool = False


class WrittenRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One route of an IngressRouteTCP as it is written, whether or not Traefik has it.

    ``entry_points`` are those that count (the default set, where none are named); ``middlewares`` are
    ``namespace/name``; ``dropped`` says why Traefik leaves it out, None when it has a router for it. ``here`` tells
    that it names the entry point of the port that is asked about.
    """

    ref: str
    namespace: str
    name: str
    rule: str
    entry_points: tuple[str, ...]
    tls: bool = False
    middlewares: tuple[str, ...] = ()
    services: tuple[WrittenService, ...] = ()
    dropped: DroppedRoute | None = None
    here: bool = False


class RouteEater(msgspec.Struct, frozen=True, kw_only=True):
    """A router that makes Traefik wait for the client's first bytes, so that no server can speak first."""

    ref: str
    rule: str
    kind: str


class AllowList(msgspec.Struct, frozen=True, kw_only=True):
    """One MiddlewareTCP of the route, ``ref`` with its kind as ``MiddlewareTCP namespace/name``.

    ``kind`` is ``ipAllowList``, ``ipWhiteList``, ``inFlightConn``, or empty for another or none; ``exists`` is None
    when MiddlewareTCPs may not be read. ``invalid`` are entries that Traefik refuses, ``near`` the
    names that a missing one may mean. ``lets_seen`` says whether the
    address that Traefik sees is let through, ``lets_client`` whether the client's own would be; None where that cannot
    be told.
    """

    ref: str
    kind: str = ""
    exists: bool | None = True
    ranges: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    open_to_world: bool = False
    amount: int | None = None
    lets_seen: bool | None = None
    lets_client: bool | None = None

    @property
    def judges(self) -> bool:
        """Whether it lets connections through by their address."""
        return self.kind in ("ipAllowList", "ipWhiteList")


class TcpEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a connection to a port once it is at Traefik, for a client that waits for the server.

    ``path`` leads from the port to the entry point, or says where that ends; ``routers`` are the TCP routers on that
    entry point in the order in which Traefik tries them, ``winner`` the one that takes the connection. ``stalled``
    tells that none does, so that it is closed after ``after_s`` seconds (None: never); ``why`` says why. ``eaters``
    are what makes Traefik wait. ``written`` are the routes of all IngressRouteTCPs, ``meant`` the one that was made for
    this port as far as can be told, and ``lists`` its middlewares, whom they let through not judged yet. ``undecided``
    says what kept the model from telling.
    """

    port: int
    path: PortPath
    entry_point: str = ""
    routers: tuple[CandidateRoute, ...] = ()
    winner: CandidateRoute | None = None
    stalled: bool = False
    after_s: float | None = None
    why: str = ""
    eaters: tuple[RouteEater, ...] = ()
    written: tuple[WrittenRoute, ...] = ()
    meant: WrittenRoute | None = None
    lists: tuple[AllowList, ...] = ()
    undecided: str = ""
    limits: tuple[str, ...] = ()


class SeenAs(StrEnum):
    """Whose address Traefik takes for the client's."""

    CLIENT = "the client's own address"
    BALANCER = "the load balancer's address"
    NODE = "a node's address"
    UNKNOWN = "not known"


class SeenAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The address that allow lists judge. ``addresses`` are those it can be; empty when none is known."""

    kind: SeenAs
    addresses: tuple[str, ...] = ()
    why: str = ""


class Ending(StrEnum):
    """What a client that waits for the server must get."""

    GREETING = "the backend's greeting"
    LATE = "the backend's greeting, after a wait"
    REFUSED_LATER = "the backend's greeting, and then an error, for a PROXY header comes to it as data"
    CLOSED = "a closed connection, without a byte"
    STALLED = "silence, then a closed connection"
    UNKNOWN = "not determined"


class TcpEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The predicted end of a connection. ``after_s`` is when it comes, None for never or not known."""

    kind: Ending
    why: str
    after_s: float | None = 0.0
    limits: tuple[str, ...] = ()


class TcpRoute(msgspec.Struct, frozen=True, kw_only=True):
    """The way from the load balancer to the backend.

    ``sends_header`` tells whether the load balancer sends the PROXY protocol on this port, None where that is not
    known; ``header_source`` who says so. ``expects_header`` are the peers of which the entry point honours a header
    (None: it expects none). ``seen`` is whom Traefik takes for the client, ``lists`` are the middlewares of the route
    in order.
    """

    entry: TcpEntry
    client_ip: str = ""
    sends_header: bool | None = None
    header_source: str = ""
    expects_header: tuple[str, ...] | None = None
    seen: SeenAddress = SeenAddress(kind=SeenAs.UNKNOWN)
    lists: tuple[AllowList, ...] = ()
    end: TcpEnd = TcpEnd(kind=Ending.UNKNOWN, why="not determined", after_s=None)

    @property
    def route(self) -> WrittenRoute | None:
        """The route that the connection takes, or was meant to take."""
        return self.entry.meant
