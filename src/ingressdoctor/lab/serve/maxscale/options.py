"""What a MaxScale runs with: services, listeners, servers and monitor, as mariadb-operator makes them of its object.

Source: mariadb-operator api/v1alpha1 and its defaults; MaxScale 23.08 and 24.02 for what a parameter defaults to. What
somebody stopped with maxctrl is in no object: the world's settings list it (`sql.stopped`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import Object, dig, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.serve.sql.networks import Networks

Version = tuple[int, int, int]
PROXY_MATCHED: Mapping[int, Version] = {23: (23, 8, 7), 24: (24, 2, 3)}
"""Since when an announced address is looked for before it is parsed as MySQL, and used to match accounts, by year."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One SQL listener."""

    name: str
    port: int
    params: Mapping[str, str]
    stopped: bool

    @property
    def proxies(self) -> Networks:
        """Who may announce another address."""
        return Networks(self.params.get("proxy_protocol_networks", ""))

    @property
    def tls(self) -> bool:
        """Whether clients have to use TLS."""
        return is_on(self.params.get("ssl", ""))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service with its listener."""

    name: str
    router: str
    params: Mapping[str, str]
    listener: Listener
    stopped: bool

    @property
    def most(self) -> int:
        """max_connections; 0 for no limit."""
        return number(self.params.get("max_connections", ""))

    @property
    def most_lag_s(self) -> int:
        """max_replication_lag in whole seconds; 0 for no limit."""
        return number(self.params.get("max_replication_lag", "").removesuffix("s"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server: its pod's name, and the address it is reached at."""

    name: str
    address: str
    port: int
    params: Mapping[str, str]
    maintenance: bool = False

    @property
    def proxy(self) -> bool:
        """Whether a PROXY header is sent to it."""
        return is_on(self.params.get("proxy_protocol", ""))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One MaxScale object."""

    name: str
    namespace: str
    database: str
    version: Version
    services: tuple[Service, ...]
    servers: tuple[Server, ...]
    monitor: str
    module: str
    monitor_params: Mapping[str, str]
    monitor_stopped: bool
    primary: str
    params: Mapping[str, str]
    admin: str
    admin_secret: str
    admin_port: int
    default_admin: bool
    tls: bool
    gui: bool

    @property
    def release(self) -> str:
        """As 23.08.5."""
        year, month, patch = self.version
        return f"{year}.{month:02}.{patch}"

    @property
    def knows_proxied(self) -> bool:
        """Whether this release looks for PROXY headers always, and matches accounts by the announced address."""
        return self.version >= PROXY_MATCHED.get(self.version[0], (0, 0, 0))

    @property
    def fails_instantly(self) -> bool:
        """Whether a session without a primary is refused at once, by default (a service's parameter may differ)."""
        return self.version < (24, 2, 0)


def read_options(item: Object, pods: tuple[str, ...], stopped: frozenset[str]) -> Options:
    """Read a MaxScale object; *pods* are those of the MariaDB that it refers to."""
    spec = mapping(item.get("spec"))
    entries = [mapping(entry) for entry in sequence(spec.get("services"))] or [{"name": "rw-router"}]
    monitor = mapping(spec.get("monitor"))
    module = text(monitor.get("module")) or "mariadbmon"
    name = text(monitor.get("name")) or f"{module}-monitor"
    secret = text(dig(spec, "auth", "adminPasswordSecretKeyRef", "name")) or f"{name_of(item)}-admin"
    admin_port = dig(spec, "admin", "port")
    tls = dig(spec, "tls", "enabled") is True
    return Options(
        name=name_of(item),
        namespace=namespace_of(item),
        database=text(dig(spec, "mariaDbRef", "name")),
        version=version_of(text(spec.get("image"))),
        services=tuple(_service(entry, stopped, tls=tls) for entry in entries),
        servers=tuple(_servers(item, pods)),
        monitor=name,
        module=module,
        monitor_params=_params(monitor),
        monitor_stopped=name in stopped or monitor.get("suspend") is True,
        primary=text(spec.get("primaryServer")) or text(dig(item, "status", "primaryServer")),
        params=_params(mapping(spec.get("config"))),
        admin=text(dig(spec, "auth", "adminUsername")) or "mariadb-operator",
        admin_secret=secret,
        admin_port=admin_port if isinstance(admin_port, int) else 8989,
        default_admin=dig(spec, "auth", "deleteDefaultAdmin") is False,
        tls=tls,
        gui=dig(spec, "admin", "guiEnabled") is not False,
    )


def _service(entry: Mapping[str, Any], stopped: frozenset[str], *, tls: bool) -> Service:
    name, listener = text(entry.get("name")), mapping(entry.get("listener"))
    heard = text(listener.get("name")) or f"{name}-listener"
    still = name in stopped or entry.get("suspend") is True
    port = listener.get("port")
    return Service(
        name=name,
        router=text(entry.get("router")) or "readwritesplit",
        params=_params(entry),
        stopped=still,
        listener=Listener(
            name=heard,
            port=port if isinstance(port, int) else 3306,
            params={"ssl": "true", **_params(listener)} if tls else _params(listener),
            # A service that is stopped stops its listeners.
            stopped=still or heard in stopped or listener.get("suspend") is True,
        ),
    )


def _servers(item: Object, pods: tuple[str, ...]) -> tuple[Server, ...]:
    spec = mapping(item.get("spec"))
    listed = [mapping(entry) for entry in sequence(spec.get("servers"))]
    if listed:
        return tuple(
            Server(
                name=text(entry.get("name")),
                address=text(entry.get("address")),
                port=number(text(entry.get("port"))) or 3306,
                params=_params(entry),
                maintenance=entry.get("maintenance") is True,
            )
            for entry in listed
        )
    where = f"{text(dig(spec, 'mariaDbRef', 'name'))}-internal.{namespace_of(item)}.svc.cluster.local"
    return tuple(Server(name=pod, address=f"{pod}.{where}", port=3306, params={}) for pod in pods)


def _params(entry: Mapping[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else str(value) for key, value in mapping(entry.get("params")).items()}


def version_of(image: str) -> Version:
    """The release in an image's tag; 23.08.5, which the operator deploys by default, where it has none."""
    found = re.search(r":(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?", image)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (23, 8, 5)


def is_on(value: str) -> bool:
    """Whether a parameter says yes."""
    return value.lower() in {"true", "1", "yes", "on"}


def number(value: str) -> int:
    """A parameter that is a number; 0 for anything else."""
    return int(value) if value.isdigit() else 0
