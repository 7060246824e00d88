"""The protocols of all sources, and the raw values that cross them.

Light on purpose: the api re-exports these names for plugin authors, so nothing heavy is imported here.
No protocol has a method that changes anything in the outside world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from ingressdoctor.evidence.dns import DnsReply
from ingressdoctor.evidence.grpc import GrpcExchange
from ingressdoctor.evidence.maxscale import ApiPlace, RestReply
from ingressdoctor.evidence.net import HttpExchange, HttpRequest, TcpAttempt, TlsAttempt
from ingressdoctor.evidence.sql import FirstWords, LoginRequest, SqlLogin

__all__ = ["AccessToken", "Answer", "Cloudflare", "Dns", "Grpc", "Hetzner", "Kubernetes", "MaxScale", "Net", "Sql"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer of an API, undecoded. Header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


@runtime_checkable
class Kubernetes(Protocol):
    """Read-only GETs against one cluster's API server."""

    context: str

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path* (``/apis/traefik.io/v1alpha1/ingressroutes``); any HTTP status is an answer.

        Raises:
            SourceError: no kubeconfig, no connection, TLS failure, timeout, or a body over the cap.
        """
        ...


@runtime_checkable
class Hetzner(Protocol):
    """Read-only GETs against the Hetzner Cloud API of one project."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path* (``/load_balancers``); API errors come back as their status and JSON error body.

        Raises:
            SourceError: no token, no connection, timeout.
        """
        ...


@runtime_checkable
class Cloudflare(Protocol):
    """Read-only GETs against the Cloudflare API v4."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path* (``/zones``); any HTTP status is an answer.

        Raises:
            SourceError: no token, no connection, timeout.
        """
        ...


@runtime_checkable
class AccessToken(Protocol):
    """The service token that is configured for Access logins; its secret never leaves the source."""

    async def client_id(self) -> str:
        """Return its id, empty when none is configured. An id is no secret, but is shown only masked.

        Raises:
            SourceError: one is configured and cannot be had.
        """
        ...

    def fits(self, hostname: str) -> bool:
        """Tell whether it may be sent to a host."""
        ...


@runtime_checkable
class Dns(Protocol):
    """DNS questions to chosen servers. ``resolvers`` are "address:port" in the order configured."""

    resolvers: tuple[str, ...]
    authoritative: str

    async def query(self, name: str, rdtype: str, server: str, *, recurse: bool = True) -> DnsReply:
        """Ask *server* one question; failures are replies with their own ``rcode``, never exceptions."""
        ...


@runtime_checkable
class Net(Protocol):
    """TCP, TLS and HTTP towards chosen addresses. ``anchors`` are "host:port" that prove we are online."""

    anchors: tuple[str, ...]

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        """Connect and close."""
        ...

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float = 5.0) -> TlsAttempt:
        """Handshake with a chosen SNI, reporting the served chain whether or not it can be trusted."""
        ...

    async def http(self, request: HttpRequest) -> HttpExchange:
        """Send one request to one address; redirects are not followed here.

        Raises:
            SourceError: it is to carry the service token, which cannot be had or must not be sent there.
        """
        ...


@runtime_checkable
class Grpc(Protocol):
    """gRPC health calls towards chosen addresses; the only method that is ever called."""

    async def health(self, request: HttpRequest, service: str = "") -> GrpcExchange:
        """Ask for the health of *service* (empty: of the server) where *request* leads; its path is not used.

        Raises:
            SourceError: it is to carry the service token, which cannot be had or must not be sent there.
        """
        ...


@runtime_checkable
class Sql(Protocol):
    """Ports that speak MySQL. Logs in only where it is asked to."""

    async def greet(
        self, address: str, port: int, *, say: bytes = b"", timeout_s: float = 5.0, linger_s: float = 1.0
    ) -> FirstWords:
        """Connect, send *say* (a PROXY header, or nothing), and return the first packet and what follows it unasked."""
        ...

    async def greet_pod(
        self, namespace: str, pod: str, port: int, *, say: bytes = b"", timeout_s: float = 5.0, linger_s: float = 1.0
    ) -> FirstWords:
        """Do the same at a port of a pod, through a port-forward.

        Raises:
            SourceError: there is no port-forward to that pod; the message begins with 403 where none is granted.
        """
        ...

    async def login(self, request: LoginRequest) -> SqlLogin:
        """Log in once with the configured password, look who answers without changing anything, and leave.

        Raises:
            SourceError: there is no password, or it cannot be had.
        """
        ...


@runtime_checkable
class MaxScale(Protocol):
    """Read-only GETs against MaxScale's REST API; ``url`` is where it is, if that is configured."""

    url: str
    has_login: bool

    async def read(self, place: ApiPlace | None, paths: Sequence[str]) -> tuple[RestReply, ...]:
        """GET *paths* over one connection, to a pod or (None) to the configured URL.

        What is not answered, or not with 200 at the first path, ends it: the answers may be fewer than the paths.

        Raises:
            SourceError: the password cannot be had, or the CA file cannot be used.
        """
        ...
