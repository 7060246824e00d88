"""Every Traefik pod of a world: read its arguments, build its configuration, listen where it would, keep its logs.

One set of listeners per pod whose container runs; a pod that is not Ready still listens and is no endpoint.
Replicas with equal arguments share one configuration. Settings: controller_dial_s, controller_read_s,
controller_header_s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    dig,
    is_running,
    labels_of,
    mapping,
    name_of,
    namespace_of,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.pki import Pki
from ingressdoctor.lab.serve.buffer import Buffer
from ingressdoctor.lab.serve.nodes import Nodes, host_addresses
from ingressdoctor.lab.serve.traefik import crd, gateway, ingress
from ingressdoctor.lab.serve.traefik.certificates import Certificates
from ingressdoctor.lab.serve.traefik.entrypoint import EntryPointServer, TlsSettings
from ingressdoctor.lab.serve.traefik.http import Tools
from ingressdoctor.lab.serve.traefik.journal import (
    LEVELS,
    Access,
    Line,
    Notes,
    access_common,
    access_json,
    render,
)
from ingressdoctor.lab.serve.traefik.model import Dynamic
from ingressdoctor.lab.serve.traefik.proxy import Proxy, Services
from ingressdoctor.lab.serve.traefik.runtime import Tables, build_tables
from ingressdoctor.lab.serve.traefik.static import (
    NEWEST,
    Static,
    StaticError,
    Version,
    args_of,
    parse_args,
    version_of,
)

Seed = Callable[[Object, str], str]
"""Pod and container name to what the container had logged before the lab started."""


_SHARED_KINDS = ("services", "endpointslices", "secrets", "nodes")
_CRD_KINDS = (
    *("ingressroutes", "ingressroutetcps", "ingressrouteudps", "middlewares", "middlewaretcps", "traefikservices"),
    *("serverstransports", "serverstransporttcps", "tlsoptions", "tlsstores"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one set of arguments makes of the world's objects, with the log lines of loading it."""

    static: Static
    dynamic: Dynamic
    tables: Mapping[str, Tables]
    broken_hosts: frozenset[str]
    lines: tuple[Line, ...]


def configure(
    cluster: Cluster, args: tuple[str, ...], version: Version = NEWEST, forbidden: frozenset[str] = frozenset()
) -> Configuration:
    """Build the configuration. Only what went wrong is noted: the world's own logs hold the start of the pods.

    A provider that may not list one of its kinds (*forbidden*, plural names) waits for ever and loads nothing.

    Raises:
        StaticError: Traefik would not start.
    """
    static, dynamic, notes = parse_args(args, version), Dynamic(), Notes()
    if static.ingress is not None and not forbidden & {*_SHARED_KINDS, "ingresses", "ingressclasses"}:
        ingress.load(cluster, static.ingress, dynamic, notes)
    if static.crd is not None and not forbidden & {*_SHARED_KINDS, *_CRD_KINDS}:
        crd.load(cluster, static.crd, dynamic, notes)
    if static.gateway is not None and not forbidden & {*_SHARED_KINDS, "gateways", "httproutes", "grpcroutes"}:
        gateway.load(cluster, static, dynamic, notes)
    tables = build_tables(static, dynamic, notes)
    return Configuration(
        static=static,
        dynamic=dynamic,
        tables=tables,
        broken_hosts=_broken_hosts(dynamic),
        lines=tuple(notes.lines),
    )


def _broken_hosts(dynamic: Dynamic) -> frozenset[str]:
    """Hosts of routers whose TLS option does not exist: their connections are closed after the ClientHello."""
    from_rules = (
        part.partition("`")[0].lower()
        for router in dynamic.routers.values()
        if router.tls is not None and router.tls.options not in {"", "default", *dynamic.tls_options}
        for part in router.rule.split("Host(`")[1:]
    )
    return frozenset(from_rules)


class Controller:
    """All Traefik pods of a world."""

    def __init__(self, network: Network, cluster: Cluster, nodes: Nodes, pki: Pki, seed: Seed) -> None:
        self._network = network
        self._cluster = cluster
        self._nodes = nodes
        self._certificates = Certificates(pki)
        self._seed = seed
        self._buffers: dict[str, Buffer] = {}
        self._built: dict[tuple[tuple[str, ...], Version], Configuration] = {}

    def attach(self, settings: Mapping[str, Any]) -> None:
        """Start every Traefik container that runs."""
        for pod in self._cluster.all("Pod"):
            for container in _traefik_containers(pod):
                name = text(container.get("name"))
                if is_running(pod, name) and host_addresses(self._nodes, pod):
                    self._start(pod, container, settings)

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """The whole log of a container of this controller; None for others."""
        buffer = self._buffers.get(f"{namespace}/{pod}/{container}")
        return buffer.text() if buffer else None

    def _start(self, pod: Object, container: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        name = text(container.get("name"))
        buffer = self._buffers[f"{namespace_of(pod)}/{name_of(pod)}/{name}"] = Buffer(self._seed(pod, name))
        built = (args_of(container), version_of(text(container.get("image"))))
        forbidden = frozenset(text(kind) for kind in sequence(settings.get("controller_forbidden")))
        for kind in sorted(forbidden):
            buffer.append(_refused(pod, kind))
        try:
            if built not in self._built:
                self._built[built] = configure(self._cluster, *built, forbidden)
        except StaticError as error:
            line = Line(level="error", message="Command error", fields={"error": str(error)})
            buffer.append(render(line, as_json=False))
            return
        configuration = self._built[built]
        journal = _Journal(buffer, configuration.static)
        journal.write(configuration.lines)
        tools = Tools(
            proxy=Proxy(
                self._network,
                configuration.dynamic,
                source_ip=pod_address(pod),
                dial_s=float(settings.get("controller_dial_s", 0.4)),
            ),
            services=Services(configuration.dynamic),
            server_name=name_of(pod),
            log_access=journal.access,
            log=lambda notes: journal.write(notes.lines),
        )
        tls = TlsSettings(
            certificates=self._certificates,
            orders=configuration.dynamic.certificates,
            default=configuration.dynamic.default_certificate,
            broken_hosts=configuration.broken_hosts,
        )
        taken = self._taken(pod, configuration.static)
        if taken:
            buffer.append(render(taken, as_json=False))
            return
        for tables in configuration.tables.values():
            server = EntryPointServer(
                tables,
                tools,
                tls,
                read_s=float(settings.get("controller_read_s", 10.0)),
                header_s=float(settings.get("controller_header_s", 5.0)),
            )
            for ip in host_addresses(self._nodes, pod):
                self._network.listen(ip, tables.entry_point.port, server.handle)

    def _taken(self, pod: Object, static: Static) -> Line | None:
        """What Traefik says on its way out when somebody on its node has a port that it wants."""
        listeners = self._network.listeners
        for point in static.entry_points:
            if any((ip, point.port) in listeners for ip in host_addresses(self._nodes, pod)):
                error = (
                    f"command traefik error: error while building entryPoint {point.name}: error preparing server: "
                    f"error opening listener: listen tcp :{point.port}: bind: address already in use"
                )
                return Line(level="error", message="Command error", fields={"error": error})
        return None


def _refused(pod: Object, kind: str) -> str:
    """What client-go's reflector writes to stderr, past Traefik's own log, for a list that is refused."""
    group = "traefik.io" if kind in _CRD_KINDS else ""
    account = f"system:serviceaccount:{namespace_of(pod)}:{text(dig(pod, 'spec', 'serviceAccountName')) or 'default'}"
    full = f"{kind}.{group}" if group else kind
    return (
        f'{datetime.now(UTC):E%m%d %H:%M:%S.%f}       1 reflector.go:204] "Failed to watch" err="failed to list: '
        f'{full} is forbidden: User \\"{account}\\" cannot list resource \\"{kind}\\" in API group '
        f'\\"{group}\\" at the cluster scope"'
    )


class _Journal:
    """Writes a pod's process and access log into its buffer, at its level and in its format."""

    def __init__(self, buffer: Buffer, static: Static) -> None:
        self._buffer = buffer
        self._static = static

    def write(self, lines: tuple[Line, ...] | list[Line]) -> None:
        for line in lines:
            if LEVELS[line.level] >= self._static.log_level:
                self._buffer.append(render(line, as_json=self._static.log_json))

    def access(self, entry: Access) -> None:
        if self._static.access_log:
            as_json = self._static.access_log == "json"
            self._buffer.append(access_json(entry) if as_json else access_common(entry))


def _traefik_containers(pod: Object) -> Iterator[Mapping[str, Any]]:
    """Containers that run Traefik: by image, or the first one of a pod labelled as Traefik."""
    containers = [mapping(item) for item in sequence(dig(pod, "spec", "containers"))]
    by_image = [
        item for item in containers if text(item.get("image")).rpartition("/")[2].split(":")[0].endswith("traefik")
    ]
    labelled = text(labels_of(pod).get("app.kubernetes.io/name")) == "traefik"
    yield from by_image or (containers[:1] if labelled else ())
