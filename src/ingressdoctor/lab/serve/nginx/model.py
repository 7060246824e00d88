"""nginx's configuration as values: what the controller makes of Ingresses, and the front of it serves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ingressdoctor.lab.pki import Order
from ingressdoctor.lab.serve.nginx.annotations import Annotations
from ingressdoctor.lab.serve.nginx.options import Options

CATCH_ALL = "_"
DEFAULT_BACKEND = "upstream-default-backend"
EXACT, PREFIX = "Exact", "Prefix"


@dataclasses.dataclass(slots=True, kw_only=True)
class Upstream:
    """Where a location's requests go. *canary* gets *weight* percent of them."""

    name: str
    endpoints: tuple[tuple[str, int], ...] = ()
    canary: Upstream | None = None
    canary_rules: Annotations | None = None


@dataclasses.dataclass(slots=True, kw_only=True)
class Location:
    """One location block. *path* is nginx's, after prefixes got their slash."""

    path: str
    kind: str
    upstream: Upstream
    annotations: Annotations
    is_default: bool = False
    ingress: str = ""


@dataclasses.dataclass(slots=True, kw_only=True)
class Server:
    """One server block. *certificate* None with *secured* means the default one; without, that no Ingress has TLS."""

    host: str
    locations: list[Location]
    aliases: tuple[str, ...] = ()
    secured: bool = False
    certificate: Order | None = None
    www: bool = False

    @property
    def by_regex(self) -> bool:
        """Whether every location is a regular expression, because one of them asks for it."""
        return any(item.annotations.rewrites(item.path) or item.annotations.use_regex for item in self.locations)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything one controller serves, by host, with the log lines of building it."""

    options: Options
    servers: Mapping[str, Server]
    default_certificate: Order | None
    lines: tuple[str, ...]
