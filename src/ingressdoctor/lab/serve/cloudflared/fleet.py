"""Every cloudflared of a world: the pods that run one, and the processes on machines (connectors.yaml).

A container that runs is started here; one that crash-loops is run through as well, for the log that its last run left,
and serves nothing. The edge asks the fleet for a tunnel's connectors; the Cloudflare API shows what it knows.
Settings: cloudflared_dial_s, cloudflared_tls_s, udp_7844, tcp_7844, edited.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    annotation,
    dig,
    is_running,
    mapping,
    name_of,
    namespace_of,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.pki import Pki
from ingressdoctor.lab.policy import Policies
from ingressdoctor.lab.serve.buffer import Buffer
from ingressdoctor.lab.serve.cloudflared.connector import Connector
from ingressdoctor.lab.serve.cloudflared.journal import Journal
from ingressdoctor.lab.serve.cloudflared.metrics import config_document, metrics_app
from ingressdoctor.lab.serve.cloudflared.names import Resolver
from ingressdoctor.lab.serve.cloudflared.origin import Origins, Waits
from ingressdoctor.lab.serve.cloudflared.process import (
    Credentials,
    Process,
    Reader,
    flags_of,
    host_process,
    moment,
    pod_key,
)
from ingressdoctor.lab.serve.cloudflared.registration import (
    EDGE_ADDRESSES,
    EDGE_PORT,
    Edge7844,
    register,
)
from ingressdoctor.lab.serve.cloudflared.starting import StartError, prepare
from ingressdoctor.lab.serve.nodes import Nodes, host_addresses
from ingressdoctor.lab.serve.wire import Request, Response, serve_http
from ingressdoctor.lab.stream import Duplex
from ingressdoctor.lab.world import World

CLUSTER_DNS = "10.43.0.10"
_HOST_DNS = "127.0.0.53"

Serve = Callable[[Request], Awaitable[Response]]


class Fleet:
    """All cloudflareds of a world."""

    def __init__(self, world: World, network: Network, cluster: Cluster, nodes: Nodes, pki: Pki) -> None:
        self._world = world
        self._network = network
        self._cluster = cluster
        self._nodes = nodes
        self._pki = pki
        self._policies = Policies(cluster)
        self._buffers: dict[str, Buffer] = {}
        self._connectors: list[Connector] = []
        self._turn = itertools.count()
        self._tunnels = {
            text(dig(item, "tunnel", "id")): mapping(item) for item in sequence(world.cloudflare.get("tunnels"))
        }

    async def start(self) -> None:
        """Start every process, and wait until each has connected or given up for now."""
        settings = self._world.settings
        if settings.get("tcp_7844", "open") != "closed":
            for ip in EDGE_ADDRESSES:
                self._network.listen(ip, EDGE_PORT, _hold)
        edge = Edge7844(
            network=self._network,
            tunnels=self._tunnels,
            udp_open=self._udp_open,
            dial_s=float(settings.get("cloudflared_dial_s", 0.4)),
        )
        launches = (self._launch(process, edge, running=running) for process, running in self._processes())
        started = await asyncio.gather(*launches)
        self._connectors = [connector for connector in started if connector is not None and connector.connections]

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """The whole log of a cloudflared's container; None for others."""
        buffer = self._buffers.get(f"{namespace}/{pod}/{container}")
        return buffer.text() if buffer else None

    def serving(self, tunnel: str) -> Serve | None:
        """Who takes the next request of a tunnel; None when nobody is connected."""
        if mapping(mapping(self._tunnels.get(tunnel)).get("tunnel")).get("deleted_at"):
            return None
        live = [each for each in self._connectors if each.tunnel == tunnel]
        return live[next(self._turn) % len(live)].serve if live else None

    def connections(self, tunnel: str) -> tuple[Mapping[str, Any], ...]:
        """A tunnel's live connectors, as the API's `connections` shows them."""
        return tuple(_client(each) for each in self._connectors if each.tunnel == tunnel)

    def configuration(self, tunnel: str) -> Mapping[str, Any] | None:
        """The rules that a locally managed tunnel has told the edge; None when nobody has."""
        found = next((each for each in self._connectors if each.tunnel == tunnel), None)
        return config_document(found)["config"] if found else None

    def _processes(self) -> Iterator[tuple[Process, bool]]:
        """Every process, and whether it goes on."""
        now = datetime.now(UTC)
        reader = Reader(cluster=self._cluster, edited=tuple(map(mapping, sequence(self._world.settings.get("edited")))))
        for pod in self._cluster.all("Pod"):
            for container in _cloudflared_containers(pod):
                process = self._pod_process(reader, pod, container)
                if process is not None:
                    yield process, process.ended is None
        for entry in map(mapping, self._world.connectors):
            process = host_process(entry, now)
            self._network.add_host(process.address)
            yield process, process.ended is None

    def _pod_process(self, reader: Reader, pod: Object, container: Mapping[str, Any]) -> Process | None:
        """The run that a container's log tells about; None when it never ran."""
        name = text(container.get("name"))
        state = _status_of(pod, name)
        running = is_running(pod, name) and bool(host_addresses(self._nodes, pod))
        run = dig(state, "state", "running") if running else dig(state, "lastState", "terminated")
        if not running and not run:
            return None
        started = moment(mapping(run).get("startedAt")) or moment(dig(pod, "status", "startTime")) or datetime.now(UTC)
        env, token = reader.environment(pod, container)
        args = (*map(text, sequence(container.get("command"))), *map(text, sequence(container.get("args"))))
        flags, runs, positional = flags_of(args, env)
        image = text(container.get("image"))
        return Process(
            key=pod_key(pod, name),
            name=name_of(pod),
            namespace=namespace_of(pod),
            address=pod_address(pod),
            origin_ip=annotation(pod, "lab.ingressdoctor/egress") or self._egress(pod),
            version=image.partition("@")[0].rpartition(":")[2] if ":" in image else "2026.10.0",
            started=started,
            ended=None if running else moment(mapping(run).get("finishedAt")) or started,
            flags=flags,
            run=runs,
            positional=positional,
            files=reader.files(pod, container, started),
            keys=reader.keys(pod, container),
            token=token,
            authorities=reader.authorities(pod, container),
            hosts={},
        )

    def _egress(self, pod: Object) -> str:
        node = text(dig(pod, "spec", "nodeName"))
        return next((ip for ip in self._nodes.external(node) if ":" not in ip), pod_address(pod))

    async def _launch(self, process: Process, edge: Edge7844, *, running: bool) -> Connector | None:
        """The connector that goes on; None when it does not."""
        buffer = self._buffers[process.key] = Buffer()
        journal = Journal(
            buffer,
            level=process.flags.get("loglevel", "info"),
            as_json=process.flags.get("output") == "json",
        )
        try:
            connector, credentials = prepare(process, journal, self._origins(process))
        except StartError as error:
            journal.plain(str(error))
            return None
        await register(connector, credentials, edge)
        if not running:
            journal.write("info", "Initiating graceful shutdown due to signal terminated ...", at=process.ended)
            return None
        self._push(connector, credentials)
        self._serve_metrics(connector)
        return connector

    def _push(self, connector: Connector, credentials: Credentials) -> None:
        """The edge pushes the configuration of a tunnel that is managed there."""
        entry = mapping(self._tunnels.get(credentials.tunnel))
        if connector.connections and dig(entry, "tunnel", "config_src") == "cloudflare":
            remote = mapping(entry.get("configuration"))
            version = remote.get("version")
            at = connector.connections[0].opened
            connector.apply_remote(version if isinstance(version, int) else 0, mapping(remote.get("config")), at)

    def _serve_metrics(self, connector: Connector) -> None:
        app = metrics_app(connector)

        async def handle(stream: Duplex) -> None:
            await serve_http(stream, app)

        if connector.port and connector.process.namespace:
            self._network.listen(connector.process.address, connector.port, handle)

    def _origins(self, process: Process) -> Origins:
        settings = self._world.settings
        resolver = Resolver(
            server=CLUSTER_DNS if process.namespace else _HOST_DNS,
            own=process.address,
            namespace=process.namespace,
            cluster=self._cluster if process.namespace else None,
            hosts=process.hosts,
        )
        waits = Waits(
            dial_s=float(settings.get("cloudflared_dial_s", 0.4)), tls_s=float(settings.get("cloudflared_tls_s", 0.6))
        )

        def roots(pool: str) -> str:
            extra = self._pki.authority_pem(process.authorities.get(pool, "")) if pool else ""
            return self._pki.edge_trust_pem + extra

        return Origins(self._network, resolver, roots, waits)

    def _udp_open(self, source_ip: str) -> bool:
        """Whether UDP gets from an address to the edge's port 7844."""
        if self._world.settings.get("udp_7844", "open") == "closed":
            return False
        if self._world.settings.get("network_policy") == "ignore":
            return True
        sides = self._policies.side(source_ip), self._policies.side(EDGE_ADDRESSES[0])
        return self._policies.allows(*sides, EDGE_PORT, "UDP")


async def _hold(stream: Duplex) -> None:
    """The edge's side of a connection over TCP: it is there."""
    while await stream.read():
        pass


def _status_of(pod: Object, container: str) -> Mapping[str, Any]:
    statuses = map(mapping, sequence(dig(pod, "status", "containerStatuses")))
    return next((item for item in statuses if item.get("name") == container), {})


def _cloudflared_containers(pod: Object) -> Iterable[Mapping[str, Any]]:
    for container in map(mapping, sequence(dig(pod, "spec", "containers"))):
        image = text(container.get("image")).partition("@")[0].rpartition("/")[2].partition(":")[0]
        command = text(next(iter(sequence(container.get("command"))), ""))
        if image == "cloudflared" or command.rpartition("/")[2] == "cloudflared":
            yield container


def _client(connector: Connector) -> Mapping[str, Any]:
    """One connector as the API shows it."""
    process = connector.process
    stamp = "%Y-%m-%dT%H:%M:%S.000000Z"
    return {
        "id": connector.id,
        "arch": "linux_amd64",
        "version": process.version,
        "config_version": max(connector.version, 0),
        "features": ["ha-origin", "serialized_headers", "allow_remote_config", "quick_reconnects"],
        "run_at": process.started.strftime(stamp),
        "conns": [
            {
                "id": each.id,
                "uuid": each.id,
                "client_id": connector.id,
                "client_version": process.version,
                "colo_name": each.location,
                "opened_at": each.opened.strftime(stamp),
                "origin_ip": process.origin_ip,
                "is_pending_reconnect": False,
            }
            for each in connector.connections
        ],
    }
