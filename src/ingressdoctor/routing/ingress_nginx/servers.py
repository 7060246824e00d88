"""Servers and locations as nginx has them. Values only; ``table`` makes them."""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.evidence.routes import BackendRef, DroppedRoute
from ingressdoctor.routing.ingress_nginx.annotations import Canary, NginxAnnotations
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings

__all__ = ["CATCH_ALL", "CanaryBackend", "Location", "NginxTable", "Server"]

CATCH_ALL: Final = "_"


class CanaryBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Where a part of a location's requests goes instead."""

    ref: str
    backend: BackendRef
    rule: Canary


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """One location of a server: ``path`` as written there; ``exact`` for ``= path``.

    ``owner`` is the Ingress that it comes from, empty for what the controller adds by itself. ``backend`` is None
    where the controller's own default backend answers. ``ingress_path`` is the path in the Ingress.
    """

    path: str
    exact: bool = False
    owner: str = ""
    namespace: str = ""
    ingress_path: str = ""
    backend: BackendRef | None = None
    annotations: NginxAnnotations = NginxAnnotations()
    canary: CanaryBackend | None = None
    generated: bool = False

    @property
    def rewrites(self) -> bool:
        """Whether it turns every path of its server into a regular expression."""
        target = self.annotations.rewrite_target
        return self.annotations.use_regex or bool(target and target != self.path)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One server: its name or wildcard, aliases, and its locations in the order they are written.

    ``regex`` tells that every path is a regular expression. ``tls`` tells that a certificate is bound to it;
    ``tls_secret`` names the Secret (``namespace/name``), empty where the default certificate is served. ``tls_tried``
    are Secrets of which the controller takes the first whose certificate names the host; ``tls_owner`` is the Ingress
    that decided it.
    """

    host: str
    locations: tuple[Location, ...]
    aliases: tuple[str, ...] = ()
    regex: bool = False
    tls: bool = False
    tls_secret: str = ""
    tls_tried: tuple[str, ...] = ()
    tls_owner: str = ""
    passthrough: bool = False
    owners: tuple[str, ...] = ()


class NginxTable(msgspec.Struct, frozen=True, kw_only=True):
    """Every server by name, and what was left out. ``dropped`` pairs each with the hosts that it names.

    ``broken`` is nginx's complaint about the whole configuration, which is then not loaded: the one before it stays.
    """

    servers: dict[str, Server]
    settings: NginxSettings
    dropped: tuple[tuple[frozenset[str], DroppedRoute], ...] = ()
    limits: tuple[str, ...] = ()
    broken: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that has a server of its own."""
        return tuple(sorted(name for name in self.servers if name != CATCH_ALL))
