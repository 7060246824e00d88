"""Dynamic configuration as values: what the providers build and the runtime checks and serves."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.pki import Order


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of a load-balanced service."""

    scheme: str
    ip: str
    port: int
    weight: int = 1

    @property
    def url(self) -> str:
        """As logs show it."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """A cookie that keeps a client at one server. *same_site* as configured."""

    name: str
    secure: bool = False
    http_only: bool = False
    same_site: str = ""
    max_age: int = 0
    path: str = "/"
    domain: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Servers, or weighted references to other services; *status* is what it answers itself instead."""

    name: str
    servers: tuple[Server, ...] = ()
    children: tuple[tuple[str, int], ...] = ()
    pass_host: bool = True
    transport: str = ""
    proxy_protocol: int = 0
    tls: bool = False
    sticky: Sticky | None = None
    status: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RouterTls:
    """TLS of a router."""

    options: str = ""
    passthrough: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """An HTTP or TCP router, not yet checked. *entry_points* () means the default set."""

    name: str
    rule: str
    service: str
    provider: str
    entry_points: tuple[str, ...] = ()
    middlewares: tuple[str, ...] = ()
    priority: int = 0
    tls: RouterTls | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """A ServersTransport."""

    insecure: bool = False
    server_name: str = ""


@dataclasses.dataclass(slots=True, kw_only=True)
class Dynamic:
    """Everything the providers found, keyed as Traefik keys it; filled while it is built."""

    routers: dict[str, Router] = dataclasses.field(default_factory=dict)
    tcp_routers: dict[str, Router] = dataclasses.field(default_factory=dict)
    services: dict[str, Service] = dataclasses.field(default_factory=dict)
    middlewares: dict[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    tcp_middlewares: dict[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    transports: dict[str, Transport] = dataclasses.field(default_factory=dict)
    # PROXY protocol version of each ServersTransportTCP: 0 for none, -1 for a block without a version.
    tcp_transports: dict[str, int] = dataclasses.field(default_factory=dict)
    tls_options: set[str] = dataclasses.field(default_factory=set)
    default_certificate: Order | None = None
    certificates: dict[str, Order] = dataclasses.field(default_factory=dict)


class DropError(Exception):
    """A provider cannot use an object; the arguments are the error text and further log fields."""

    def __init__(self, error: str, message: str = "", **fields: object) -> None:
        super().__init__(error)
        self.error = error
        self.message = message
        self.fields = fields


def normalized(name: str) -> str:
    """Traefik's name normalisation: runs of what is neither letter nor digit become one dash."""
    return "-".join(part for part in re.split(r"[^0-9A-Za-z]+", name) if part)
