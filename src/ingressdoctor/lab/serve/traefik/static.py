"""Traefik's static configuration, read from a container's arguments the way its flag parser does.

Flags are case-insensitive, entry-point names keep the spelling first seen, a bare flag means true. Files and
environment variables are not read: the lab's worlds configure Traefik by arguments. Source: traefik pkg/cli,
paerser flag/flagparser.go; defaults in pkg/config/static.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping

_LEVELS = {"TRACE": -1, "DEBUG": 0, "INFO": 1, "WARN": 2, "WARNING": 2, "ERROR": 3, "FATAL": 4, "PANIC": 5}
_KNOWN = frozenset(
    (
        *("entrypoints", "providers", "log", "accesslog", "ping", "api", "metrics", "global", "certificatesresolvers"),
        *(
            "serverstransport",
            "tcpserverstransport",
            "tracing",
            "core",
            "experimental",
            "hostresolver",
            "spiffe",
            "ocsp",
            "configfile",
        ),
    )
)
_REMOVED = frozenset(["pilot", "swarmmode", "marathon", "rancher", "influxdb"])
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


Version = tuple[int, int, int]
NEWEST: Version = (3, 7, 9)
QUOTED_RULES: Version = (3, 6, 11)  # rules made from Ingresses have double quotes instead of backticks
TRANSPORT_DECIDES: Version = (3, 5, 2)  # a ServersTransportTCP makes a service's own proxyProtocol void
WILDCARD_HOSTS: Version = (3, 7, 0)  # Host takes a wildcard; before, Ingresses used HostRegexp


class StaticError(ValueError):
    """Traefik would not start with these arguments."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Redirection:
    """Entry-point redirect: *to* is an entry-point name or `:port`."""

    to: str
    scheme: str = "https"
    permanent: bool = True
    priority: int = 2**63 - 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """One entry point."""

    name: str
    port: int
    protocol: str = "tcp"
    as_default: bool = False
    proxy: bool = False
    proxy_insecure: bool = False
    proxy_trusted: tuple[IpNetwork, ...] = ()
    forwarded_insecure: bool = False
    forwarded_trusted: tuple[IpNetwork, ...] = ()
    redirection: Redirection | None = None
    tls: bool = False
    tls_options: str = ""
    middlewares: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Options of a Kubernetes provider, and the version it is part of."""

    ingress_class: str = ""
    namespaces: tuple[str, ...] = ()
    label_selector: str = ""
    allow_cross_namespace: bool = False
    allow_empty_services: bool = False
    allow_external_names: bool = False
    strict_prefix: bool = False
    version: Version = NEWEST


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """What Traefik was started with."""

    entry_points: tuple[EntryPoint, ...]
    crd: Provider | None
    ingress: Provider | None
    log_level: int
    log_json: bool
    access_log: str
    ping: bool
    insecure_skip_verify: bool = False
    version: Version = NEWEST
    internal_services: frozenset[str] = frozenset()
    gateway: Provider | None = None

    @property
    def defaults(self) -> tuple[str, ...]:
        """Entry points of routers that name none."""
        chosen = tuple(e.name for e in self.entry_points if e.as_default and e.protocol == "tcp")
        return chosen or tuple(e.name for e in self.entry_points if e.name != "traefik" and e.protocol == "tcp")

    def entry_point(self, name: str) -> EntryPoint | None:
        """An entry point by its exact name."""
        return next((item for item in self.entry_points if item.name == name), None)


class _Flags:
    def __init__(self, args: Iterable[str]) -> None:
        self.values: dict[str, str] = {}
        self.entry_names: dict[str, str] = {}
        pending = ""
        for arg in args:
            if pending and not arg.startswith("-"):
                self.values[pending], pending = arg, ""
                continue
            if not arg.startswith("-") or arg == "--":
                break
            name, equals, value = arg.lstrip("-").partition("=")
            key = self._key(name)
            if key in self.values and key.endswith(("trustedips", "middlewares", "namespaces")) and equals:
                value = f"{self.values[key]},{value}"
            self.values[key] = value if equals else "true"
            pending = "" if equals or _is_switch(key) else key

    def _key(self, name: str) -> str:
        parts = name.split(".")
        if parts[0].lower() == "entrypoints" and len(parts) > 1:
            self.entry_names.setdefault(parts[1].lower(), parts[1])
        return name.lower()

    def text(self, key: str, default: str = "") -> str:
        return self.values.get(key, default)

    def on(self, key: str) -> bool:
        return self.values.get(key, "false").lower() in {"true", "1", "t"}

    def has(self, prefix: str) -> bool:
        """Whether the section is configured: the flag itself (not false) or one below it."""
        own = self.values.get(prefix)
        below = any(key.startswith(prefix + ".") for key in self.values)
        return below or (own is not None and own.lower() not in {"false", "0"})

    def words(self, key: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(key).split(",") if word.strip())


def _is_switch(key: str) -> bool:
    """Whether a flag without a value means true instead of taking the next argument."""
    return not key.endswith(("address", "level", "format", "trustedips", "ingressclass", "to", "scheme"))


def version_of(image: str) -> Version:
    """The version in an image's tag; the newest where it has none."""
    found = re.search(r":v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", image)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else NEWEST


def parse_args(args: Iterable[str], version: Version = NEWEST) -> Static:
    """The static configuration of one version of Traefik.

    Raises:
        StaticError: with what Traefik logs as `Command error`.
    """
    flags = _Flags(args)
    for key in flags.values:
        section = key.partition(".")[0]
        if section in _REMOVED:
            raise StaticError("incompatible deprecated static option found")
        if section not in _KNOWN:
            raise StaticError(f"failed to decode configuration from flags: field not found, node: {section}")
    points = [_entry_point(flags, key, name) for key, name in flags.entry_names.items()]
    if not points:
        points = [EntryPoint(name="http", port=80)]
    ping = flags.has("ping")
    internal = ping or flags.on("api.insecure") or flags.has("metrics.prometheus")
    if internal and "traefik" not in flags.entry_names:
        points.append(EntryPoint(name="traefik", port=8080))
    level = _LEVELS.get(flags.text("log.level", "ERROR").upper())
    if level is None:
        raise StaticError(f"parsing log level: Unknown Level String: '{flags.text('log.level')}'")
    return Static(
        entry_points=tuple(points),
        crd=_provider(flags, "providers.kubernetescrd", version),
        ingress=_provider(flags, "providers.kubernetesingress", version),
        gateway=_provider(flags, "providers.kubernetesgateway", version),
        version=version,
        log_level=level,
        log_json=flags.text("log.format").lower() == "json",
        access_log=flags.text("accesslog.format", "common").lower() if flags.has("accesslog") else "",
        ping=ping,
        insecure_skip_verify=flags.on("serverstransport.insecureskipverify"),
        internal_services=frozenset(_internal_services(flags)),
    )


def _internal_services(flags: _Flags) -> Iterator[str]:
    """What routers may name as their service without anybody defining it."""
    yield "noop@internal"
    if flags.has("api"):
        yield "api@internal"
        if flags.on("api.dashboard") or "api.dashboard" not in flags.values:
            yield "dashboard@internal"
    for key in ("ping", "metrics.prometheus"):
        if flags.has(key):
            yield f"{key.rpartition('.')[2]}@internal"


def _provider(flags: _Flags, prefix: str, version: Version) -> Provider | None:
    if not flags.has(prefix):
        return None
    return Provider(
        ingress_class=flags.text(f"{prefix}.ingressclass"),
        namespaces=flags.words(f"{prefix}.namespaces"),
        label_selector=flags.text(f"{prefix}.labelselector"),
        allow_cross_namespace=flags.on(f"{prefix}.allowcrossnamespace"),
        allow_empty_services=flags.on(f"{prefix}.allowemptyservices"),
        allow_external_names=flags.on(f"{prefix}.allowexternalnameservices"),
        strict_prefix=flags.on(f"{prefix}.strictprefixmatching"),
        version=version,
    )


def _entry_point(flags: _Flags, key: str, name: str) -> EntryPoint:
    prefix = f"entrypoints.{key}"
    address, _, protocol = flags.text(f"{prefix}.address").partition("/")
    found = re.fullmatch(r".*:(\d{1,5})", address)
    if not found:
        raise StaticError(f"error while building entryPoint {name}: invalid address {address!r}")
    redirect = f"{prefix}.http.redirections.entrypoint"
    proxy = flags.has(f"{prefix}.proxyprotocol")
    insecure, trusted = flags.on(f"{prefix}.proxyprotocol.insecure"), f"{prefix}.proxyprotocol.trustedips"
    if proxy and not insecure and not flags.words(trusted):
        raise StaticError("error creating proxy protocol listener: no trusted IPs provided")
    return EntryPoint(
        name=name,
        port=int(found.group(1)),
        protocol=(protocol or "tcp").lower(),
        as_default=flags.on(f"{prefix}.asdefault"),
        proxy=proxy,
        proxy_insecure=insecure,
        proxy_trusted=networks(flags.words(trusted)),
        forwarded_insecure=flags.on(f"{prefix}.forwardedheaders.insecure"),
        forwarded_trusted=networks(flags.words(f"{prefix}.forwardedheaders.trustedips")),
        redirection=_redirection(flags, redirect) if flags.text(f"{redirect}.to") else None,
        tls=flags.has(f"{prefix}.http.tls"),
        tls_options=flags.text(f"{prefix}.http.tls.options"),
        middlewares=flags.words(f"{prefix}.http.middlewares"),
    )


def _redirection(flags: _Flags, prefix: str) -> Redirection:
    priority = flags.text(f"{prefix}.priority")
    return Redirection(
        to=flags.text(f"{prefix}.to"),
        scheme=flags.text(f"{prefix}.scheme", "https") or "https",
        permanent=flags.text(f"{prefix}.permanent", "true").lower() != "false",
        priority=int(priority) if re.fullmatch(r"-?\d{1,18}", priority) else 2**63 - 2,
    )


def networks(words: Iterable[str]) -> tuple[IpNetwork, ...]:
    """CIDRs or single addresses.

    Raises:
        StaticError: one of them is neither.
    """
    words = tuple(words)
    try:
        return tuple(ipaddress.ip_network(word, strict=False) for word in words)
    except ValueError as error:
        raise StaticError(
            f"cannot parse CIDRs [{' '.join(words)}]: parsing CIDR trusted IPs <nil>: invalid CIDR address: {error}"
        ) from error


def args_of(container: Mapping[str, object]) -> tuple[str, ...]:
    """A container's flags: those in `command` after the program, then `args`."""
    found: list[str] = []
    for key in ("command", "args"):
        value = container.get(key)
        if isinstance(value, list | tuple):
            found += [str(word) for word in value]
    while found and not found[0].startswith("-"):
        found.pop(0)
    return tuple(found)
