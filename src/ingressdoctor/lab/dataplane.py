"""The data plane of a world: everything that carries a request, started on loopback.

A client outside dials an address of the world; `connect_to` says which loopback port stands for it. Behind it
every hop is a real connection made by the hop before: edge, load balancer, node port, controller, pod. Which of
them fails, and how that looks outside, follows from the world's objects alone.

Use: `plane = DataPlane(world); await plane.start(); ...; await plane.stop()`, all in one event loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

import h11

from ingressdoctor.errors import LabError
from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, pod_address, sequence, text
from ingressdoctor.lab.derive import with_endpoint_slices
from ingressdoctor.lab.network import Network, Verdict, canonical
from ingressdoctor.lab.pki import Pki
from ingressdoctor.lab.policy import Policies
from ingressdoctor.lab.serve.backends import start_backends
from ingressdoctor.lab.serve.balancer import Balancer
from ingressdoctor.lab.serve.cloudflare_accounts import NoTunnels, Tunnels
from ingressdoctor.lab.serve.cloudflared.fleet import Fleet
from ingressdoctor.lab.serve.edge import Edge
from ingressdoctor.lab.serve.edge_access import Access, TokenSecrets
from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.firewalls import firewall_guard
from ingressdoctor.lab.serve.hostports import publish_host_ports
from ingressdoctor.lab.serve.kube.logs import seeded
from ingressdoctor.lab.serve.maxscale.fleet import MaxScales
from ingressdoctor.lab.serve.nginx.controller import NginxControllers
from ingressdoctor.lab.serve.nodes import Nodes
from ingressdoctor.lab.serve.sql.pods import Databases
from ingressdoctor.lab.serve.traefik.controller import Controller
from ingressdoctor.lab.serve.visitors import Visitors
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.stream import Stream
from ingressdoctor.lab.world import World

CLIENT_IP = "198.51.100.23"
CLIENT_IP6 = "2001:db8:c11e::23"
REFUSED_PORTS = (80, 443, 3306)
PROXY_S = 2.0
OWN_LOOPBACK = "127.0.0.1"


class DataPlane:
    """The running data plane of one world.

    What it reads of the world's settings is in settings.py.
    """

    def __init__(self, world: World, *, latency_s: float = 0.0) -> None:
        """*latency_s* is added to every answer of the edge."""
        self._world = world
        self._latency_s = latency_s
        self.pki = Pki()
        self.tokens = TokenSecrets(mapping(world.cloudflare.get("access")))
        self._fleet: Fleet | None = None
        self._network: Network | None = None
        self._balancers: dict[int, Balancer] = {}
        self._controller: Controller | None = None
        self._nginx: NginxControllers | None = None
        self._databases: Databases | None = None
        self._maxscales: MaxScales | None = None
        self._public: tuple[str, ...] = ()
        self._visitors: tuple[Visitors, ...] = ()

    async def start(self) -> None:
        """Open every listener and finish the balancers' first round of health checks."""
        world = self._world
        settings = world.settings
        cluster = Cluster(with_endpoint_slices(world.objects))
        nodes = Nodes(cluster, world.hetzner, settings)
        client_ip = text(settings.get("client_ip") or CLIENT_IP)
        client_ip6 = text(settings.get("client_ip6") or CLIENT_IP6)
        network = self._network = Network(
            client_ip=client_ip,
            client_ip6=client_ip6,
            no_route=tuple(map(text, sequence(settings.get("no_route")))),
        )
        nodes.attach(network)
        network.shield(firewall_guard(world.hetzner))
        if settings.get("expose_node_ports") is True:
            nodes.expose(network)
        lan_ip = text(settings.get("client_lan_ip"))
        publish_host_ports(network, cluster, nodes, lan=bool(lan_ip))
        _enforce_policies(network, cluster, settings)
        start_backends(network, cluster, nodes, self.pki, world.backends)
        self._controller = Controller(network, cluster, nodes, self.pki, partial(seeded, world.logs))
        self._controller.attach(settings)
        self._nginx = NginxControllers(network, cluster, nodes, self.pki, partial(seeded, world.logs))
        self._nginx.attach(settings)
        self._databases = Databases(network, cluster, nodes, mapping(settings.get("sql")))
        self._databases.attach()
        self._maxscales = MaxScales(network, cluster, nodes, self.pki, self._databases, partial(seeded, world.logs))
        self._maxscales.attach(settings)
        if dig(settings, "sql", "started") is True:
            await self._databases.start()
            await self._maxscales.start()
        self._fleet = Fleet(world, network, cluster, nodes, self.pki)
        await self._fleet.start()
        access = Access(mapping(world.cloudflare.get("access")), self.tokens)
        edge = Edge(network, self.pki, world, access, self._fleet.serving)
        edge.latency_s = self._latency_s
        edge.attach()
        self._balancers = _balancers(network, world)
        for balancer in self._balancers.values():
            balancer.attach()
            await balancer.check_all()
            network.spawn(balancer.watch())
        outside = Visitors(network, nodes.every(nodes.external), lambda ip: client_ip6 if ":" in ip else client_ip)
        inside = (Visitors(network, nodes.every(nodes.internal), lambda _: lan_ip),) if lan_ip else ()
        self._visitors = (outside, *inside)
        balanced = (ip for balancer in self._balancers.values() for ip in balancer.public)
        self._public = tuple(dict.fromkeys(map(canonical, (*edge.addresses, *balanced))))

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        network, self._network = self._network, None
        if network is not None:
            await network.stop()
        databases, self._databases = self._databases, None
        if databases is not None:
            databases.stop()

    @property
    def connect_to(self) -> tuple[str, ...]:
        """`ADDRESS:PORT:127.0.0.1:PORT` for what a client outside can reach; the last entry is a black hole."""
        network = self._running()
        listeners = network.listeners
        entries = [_entry(ip, port, real) for (ip, port), real in sorted(listeners.items()) if ip in self._public]
        entries += [
            _entry(ip, port, network.closed_port)
            for balancer in self._balancers.values()
            for ip in balancer.public
            for port in REFUSED_PORTS
            if (ip, port) not in listeners
        ]
        entries += [_entry(*found) for visitors in self._visitors for found in visitors.entries()]
        return (*entries, f"::127.0.0.1:{network.black_hole_port}")

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """The whole log of a container that the data plane runs; None for others."""
        keepers = (
            keeper for keeper in (self._controller, self._nginx, self._fleet, self._maxscales) if keeper is not None
        )
        return next((log for keeper in keepers if (log := keeper.log(namespace, pod, container)) is not None), None)

    async def proxied(self, pod: Object, port: int, request: Request) -> Response | None:
        """A pod's answer to the API server, which asks over the pod's node; None when there is none."""
        node = text(dig(pod, "status", "hostIP"))
        try:
            stream = await self._running().connect(pod_address(pod), port, source_ip=node, timeout_s=PROXY_S)
        except OSError:
            return None
        try:
            async with asyncio.timeout(PROXY_S):
                return await exchange(stream, request)
        except (OSError, TimeoutError, h11.ProtocolError):
            return None
        finally:
            stream.close()

    async def dialled(self, pod: Object, port: int) -> Stream:
        """A connection from within the pod, as a port-forward makes it."""
        return await self._running().connect(pod_address(pod), port, source_ip=OWN_LOOPBACK, timeout_s=PROXY_S)

    @property
    def sql_password(self) -> str:
        """The password that is handed out: right, or "wrong" as the settings want it."""
        sql = mapping(self._world.settings.get("sql"))
        right = self._databases.secret_of(text(sql.get("account"))) if self._databases else ""
        return secrets.token_urlsafe(15) if right and sql.get("password") == "wrong" else right

    @property
    def maxscale(self) -> tuple[str, str]:
        """User and password of the REST API that are handed out, the latter as the settings want it."""
        user, right = self._maxscales.credentials() if self._maxscales else ("", "")
        wrong = dig(self._world.settings, "sql", "admin") == "wrong"
        return user, secrets.token_urlsafe(15) if right and wrong else right

    @property
    def tunnels(self) -> Tunnels:
        """What the edge knows about connectors."""
        return self._fleet if self._fleet is not None else NoTunnels()

    def health(self, lb_id: int) -> Mapping[tuple[int, int], str]:
        """(server id, listen port) to "healthy" or "unhealthy", as the last checks found; {} for unknown ids."""
        found = self._balancers.get(lb_id)
        return {key: state.status for key, state in found.health().items()} if found else {}

    def health_details(self, lb_id: int) -> Mapping[tuple[int, int], str]:
        """(server id, listen port) to Hetzner's detail of an unhealthy target."""
        found = self._balancers.get(lb_id)
        return {key: state.detail for key, state in found.health().items() if state.detail} if found else {}

    def _running(self) -> Network:
        if self._network is None:
            raise LabError("the data plane is not running")
        return self._network


def _balancers(network: Network, world: World) -> dict[int, Balancer]:
    """The load balancers by id. A server that is off stays a target: its addresses simply do not answer."""
    servers = {
        item["id"]: item
        for item in map(mapping, sequence(world.hetzner.get("servers")))
        if isinstance(item.get("id"), int)
    }
    return {
        item["id"]: Balancer(network, item, servers, world.settings)
        for item in map(mapping, sequence(world.hetzner.get("load_balancers")))
        if isinstance(item.get("id"), int)
    }


def _enforce_policies(network: Network, cluster: Cluster, settings: Mapping[str, Any]) -> None:
    policies = Policies(cluster)
    if policies.empty or settings.get("network_policy") == "ignore":
        return
    denied = Verdict.REJECT if settings.get("policy_deny") == "reject" else Verdict.DROP

    def guard(source_ip: str, ip: str, port: int) -> Verdict:
        if source_ip == OWN_LOOPBACK:
            return Verdict.PASS  # a port-forward never leaves the pod
        allowed = policies.allows(policies.side(source_ip), policies.side(ip), port)
        return Verdict.PASS if allowed else denied

    network.guard(guard)


def _entry(ip: str, port: int, real_port: int) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"{host}:{port}:127.0.0.1:{real_port}"
