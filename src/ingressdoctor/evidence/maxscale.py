"""MaxScale as its REST API and its log tell of it, pod by pod.

Holds no credential: MaxScale's copy of the accounts has none, and its parameters mask theirs.

Source: MaxScale REST API documentation 23.08 and 24.02; fields observed on 23.08.5 and 24.02.4.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.tunnel import LoggedSignature
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "ApiPlace",
    "ApiRefusal",
    "ApiTrouble",
    "ApiWay",
    "MaxScaleAccount",
    "MaxScaleInstance",
    "MaxScaleListener",
    "MaxScaleLogs",
    "MaxScaleMonitor",
    "MaxScaleServer",
    "MaxScaleService",
    "MaxScaleState",
    "RestReply",
]

_MASTER = frozenset(("Master", "Primary"))
_REPLICA = frozenset(("Slave", "Replica", "Relay Master", "Synced", "Binlog Relay"))
_RESTING = frozenset(("Maintenance", "Drained", "Draining"))


class ApiWay(StrEnum):
    """How the REST API was reached."""

    URL = "the configured URL"
    FORWARD = "a port-forward"
    PROXY = "the API server's proxy"


class ApiTrouble(StrEnum):
    """Why the REST API told nothing."""

    UNAUTHORISED = "401"
    NO_LOGIN = "no credentials"
    NOT_GRANTED = "not granted"
    CLOSED = "closed without an answer"
    UNTRUSTED = "its certificate is not trusted"
    TLS = "the TLS handshake fails"
    REFUSED = "the connection is refused"
    TIMEOUT = "no answer in time"
    NOT_MAXSCALE = "the answer is not MaxScale's"
    OTHER = "another failure"


class ApiPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One pod's admin port. ``tls`` is None where nothing tells whether it speaks https."""

    namespace: str
    pod: str
    port: int = 8989
    tls: bool | None = None
    server_name: str = ""


class RestReply(msgspec.Struct, frozen=True, kw_only=True):
    """What one GET came to: a status with its body, or the trouble in place of an answer (status 0)."""

    status: int = 0
    body: bytes = b""
    trouble: ApiTrouble | None = None
    detail: str = ""


class ApiRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """One place whose REST API could not be read; ``logged_in`` tells that credentials were sent."""

    place: str
    way: ApiWay
    trouble: ApiTrouble
    reason: str
    enable_with: str = ""
    logged_in: bool = False


class MaxScaleServer(msgspec.Struct, frozen=True, kw_only=True):
    """One MariaDB server as MaxScale sees it. ``limit`` is its max_routing_connections, 0 for none."""

    name: str
    address: str = ""
    port: int = 0
    states: tuple[str, ...] = ()
    version: str = ""
    connections: int = 0
    limit: int = 0
    failed_auths: int = 0
    proxy_protocol: bool = False
    tls: bool = False
    last_event: str = ""
    errors: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether the monitor could connect to it."""
        return "Running" in self.states

    @property
    def master(self) -> bool:
        """Whether it takes writes."""
        return self.running and bool(_MASTER & set(self.states))

    @property
    def usable(self) -> bool:
        """Whether a connection may be sent there: it has a role, runs and does not rest."""
        return self.running and bool((_MASTER | _REPLICA) & set(self.states)) and not self.resting

    @property
    def resting(self) -> bool:
        """Whether it was taken out by hand, or is on its way out."""
        return bool(_RESTING & set(self.states))

    @property
    def rejects_monitor(self) -> bool:
        """Whether it does not let the monitor's account in, or denies it what it asks."""
        return "Auth Error" in self.states


class MaxScaleAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account of MaxScale's own copy; ``tls`` that it demands TLS."""

    user: str
    host: str
    plugin: str = ""
    tls: bool = False


class MaxScaleListener(msgspec.Struct, frozen=True, kw_only=True):
    """One port that MaxScale serves SQL on. ``proxy_networks`` may send a PROXY header."""

    name: str
    state: str = ""
    service: str = ""
    address: str = ""
    port: int = 0
    tls: bool = False
    authenticator: str = ""
    proxy_networks: str = ""

    @property
    def running(self) -> bool:
        """Whether it accepts; a stopped one still completes handshakes and then keeps silent."""
        return self.state == "Running"


class MaxScaleService(msgspec.Struct, frozen=True, kw_only=True):
    """One service: what it routes to, and the accounts that it knows.

    ``users`` is its copy of the accounts, None when the API does not tell (not when it is empty); ``users_updated`` is
    when it was last made, as the API writes it. ``limit`` is max_connections, 0 for none.
    """

    name: str
    state: str = ""
    router: str = ""
    servers: tuple[str, ...] = ()
    users: tuple[MaxScaleAccount, ...] | None = None
    users_updated: str = ""
    user: str = ""
    connections: int = 0
    limit: int = 0
    failed_auths: int = 0
    master_failure_mode: str = ""
    root_enabled: bool = False

    @property
    def started(self) -> bool:
        """Whether it runs."""
        return self.state == "Started"


class MaxScaleMonitor(msgspec.Struct, frozen=True, kw_only=True):
    """One monitor. ``primary`` is None without cooperative locks; ``master`` names the server it takes for one."""

    name: str
    state: str = ""
    module: str = ""
    master: str = ""
    primary: bool | None = None
    user: str = ""

    @property
    def running(self) -> bool:
        """Whether it watches its servers; the states of a stopped one's servers stand still."""
        return self.state == "Running"


class MaxScaleInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One MaxScale process by its REST API.

    ``place`` is the pod, or the URL it was asked at. ``strikes`` is max_auth_errors_until_block (0: never blocks),
    ``config_version`` and ``config_trouble`` come from the synchronisation of its configuration. ``log`` is the end of
    its log, newest line last, None when it was not told.
    """

    place: str
    version: str = ""
    started_at: str = ""
    servers: tuple[MaxScaleServer, ...] = ()
    services: tuple[MaxScaleService, ...] = ()
    listeners: tuple[MaxScaleListener, ...] = ()
    monitors: tuple[MaxScaleMonitor, ...] = ()
    strikes: int = 0
    skips_names: bool = False
    config_version: int | None = None
    config_trouble: str = ""
    log: tuple[str, ...] | None = None

    def listener_on(self, port: int) -> MaxScaleListener | None:
        """Return the listener of a port."""
        return next((item for item in self.listeners if item.port == port), None)

    def service_of(self, listener: MaxScaleListener | None) -> MaxScaleService | None:
        """Return the service behind a listener."""
        name = listener.service if listener is not None else ""
        return next((item for item in self.services if name and item.name == name), None)


class MaxScaleState(msgspec.Struct, frozen=True, kw_only=True):
    """The MaxScale that the target's connections end at.

    ``name`` is that of its resource, or of the Service where no resource tells; ``port`` the one that connections
    arrive at in its pods, None when the Service does not tell. ``pods`` counts those that should run. ``instances``
    were read, ``unread`` were asked in vain; ``unasked`` counts further pods.
    """

    namespace: str
    name: str
    port: int | None = None
    pods: int = 0
    way: ApiWay | None = None
    instances: tuple[MaxScaleInstance, ...] = ()
    unread: tuple[ApiRefusal, ...] = ()
    unasked: int = 0


class MaxScaleLogs(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the log of MaxScale's pods, sorted by signature, newest line of each.

    ``fields`` of a signature hold what the line names: ``server``, ``errno``, ``user``, ``host``, ``service``,
    ``listener``.
    """

    signatures: tuple[LoggedSignature, ...] = ()
    lines_read: int = 0
    unread: tuple[Unavailable, ...] = ()

    def of(self, *codes: str) -> tuple[LoggedSignature, ...]:
        """Return the signatures of some codes, in the order of the codes."""
        return tuple(item for code in codes for item in self.signatures if item.code == code)
