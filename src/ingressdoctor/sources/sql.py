"""MySQL ports: what they say unasked, and logins where one is asked for.

No judgement and no retries: each method makes one attempt and says how far it came. A login that was refused is not
tried again for a while, however often it is asked for: MaxScale blocks an address after ten within a minute, and behind
Traefik that address is everybody's.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

from msgspec.structs import replace

from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import FirstWords, LoginRequest, SqlLogin
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo, join_host_port
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.forward import Forwarder
from ingressdoctor.sources.loading import OnDemand
from ingressdoctor.sources.workers import Workers

__all__ = ["LiveSql"]

_REFUSALS: Final = frozenset({1045, 1698, 4150})
_PAUSE_S: Final = 90.0  # longer than the minute within which MaxScale counts

_MISSING: Final = SourceError(
    "There is no password to log in with.",
    hint="Set INGRESSDOCTOR_SQL_PASSWORD, give --sql-password-file, or set password under [sql].",
)


class _Ports(Protocol):
    """What mysql.py offers; named here because importing it is put off to the first call."""

    async def greet(self, address: str, port: int, *, say: bytes, timeout_s: float, linger_s: float) -> FirstWords: ...

    async def greet_pod(
        self, forward: Forwarder, place: tuple[str, str, int], *, say: bytes, timeout_s: float, linger_s: float
    ) -> FirstWords: ...

    async def login(self, request: LoginRequest, password: Secret) -> SqlLogin: ...


class LiveSql:
    """Implements the ``Sql`` protocol.

    Args:
        connect_to: Redirections of what is dialled.
        calls: Where calls are logged.
        password: For logins; None means that there is none.
        forward: Opens port-forwards to pods; None means that nobody can.
    """

    def __init__(
        self,
        *,
        connect_to: ConnectTo,
        calls: CallLog,
        password: TokenSource = None,
        forward: Forwarder | None = None,
    ) -> None:
        self._calls = calls
        self._forward = forward
        self._password = Credential(password, missing=_MISSING)
        self._workers = Workers(1, "sql password")
        self._refused: dict[LoginRequest, tuple[float, SqlLogin]] = {}

        def make() -> _Ports:
            from ingressdoctor.sources.mysql import MySqlPorts

            return MySqlPorts(connect_to)

        self._ports = OnDemand("ingressdoctor.sources.mysql", make)

    async def greet(
        self, address: str, port: int, *, say: bytes = b"", timeout_s: float = 5.0, linger_s: float = 1.0
    ) -> FirstWords:
        """Connect, send *say* (a PROXY header, or nothing), and return the first packet and what follows it unasked."""
        ports = await self._ports.get()
        with self._calls.call("mysql", f"greeting of {join_host_port(address, port)}") as call:
            words = await ports.greet(address, port, say=say, timeout_s=timeout_s, linger_s=linger_s)
            stood = words.reach is Reach.OK
            call.outcome = words.reach.value if words.first or not stood else str(words.end or "silence")
        return words

    async def greet_pod(
        self, namespace: str, pod: str, port: int, *, say: bytes = b"", timeout_s: float = 5.0, linger_s: float = 1.0
    ) -> FirstWords:
        """Do the same at a port of a pod, through a port-forward.

        Raises:
            SourceError: there is no port-forward to that pod; the message begins with 403 where none is granted.
        """
        if self._forward is None:
            raise SourceError("Nobody can forward ports here.", hint="Use a kubeconfig that may.")
        ports = await self._ports.get()
        place = (namespace, pod, port)
        with self._calls.call("mysql", f"greeting of {namespace}/{pod}:{port}") as call:
            words = await ports.greet_pod(self._forward, place, say=say, timeout_s=timeout_s, linger_s=linger_s)
            call.outcome = words.reach.value if words.first or words.reach is not Reach.OK else "silence"
        return words

    async def login(self, request: LoginRequest) -> SqlLogin:
        """Log in once, look who answers without changing anything, and leave; or tell of a refusal a while ago.

        Raises:
            SourceError: there is no password, or it cannot be had.
        """
        tried_at, refusal = self._refused.get(request, (0.0, None))
        if refusal is not None and (age_s := time.monotonic() - tried_at) < _PAUSE_S:
            return replace(refusal, age_s=age_s)
        password = await self._password.get(self._workers)
        ports = await self._ports.get()
        with self._calls.call("mysql", f"login at {join_host_port(request.address, request.port)}") as call:
            found = await ports.login(request, password)
            error = str(found.error.errno) if found.error else found.reach.value
            call.outcome = "ok" if found.identity is not None else error
        if found.error is not None and found.error.errno in _REFUSALS:
            self._refused[request] = (time.monotonic(), found)
        return found
