"""Every MaxScale pod of a world: read its object, listen where it would, keep its log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
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
from ingressdoctor.lab.pki import Order, Pki, server_context
from ingressdoctor.lab.serve.buffer import Buffer
from ingressdoctor.lab.serve.maxscale.core import MaxScale
from ingressdoctor.lab.serve.maxscale.guests import Guests
from ingressdoctor.lab.serve.maxscale.journal import Journal
from ingressdoctor.lab.serve.maxscale.listener import SqlListener
from ingressdoctor.lab.serve.maxscale.options import Options, read_options
from ingressdoctor.lab.serve.maxscale.rest import RestApi
from ingressdoctor.lab.serve.maxscale.state import Place
from ingressdoctor.lab.serve.nodes import Nodes, host_addresses
from ingressdoctor.lab.serve.sql.accounts import GROUP
from ingressdoctor.lab.serve.sql.pods import Databases
from ingressdoctor.lab.serve.traefik.controller import Seed

CONTAINER = "maxscale"


class MaxScales:
    """All MaxScale pods."""

    def __init__(
        self, network: Network, cluster: Cluster, nodes: Nodes, pki: Pki, databases: Databases, seed: Seed
    ) -> None:
        self._network = network
        self._cluster = cluster
        self._nodes = nodes
        self._pki = pki
        self._databases = databases
        self._seed = seed
        self._buffers: dict[str, Buffer] = {}
        self._running: dict[str, MaxScale] = {}

    def attach(self, settings: Mapping[str, Any]) -> None:
        """Start every MaxScale container that runs; *settings* are the world's."""
        sql = mapping(settings.get("sql"))
        stopped = frozenset(map(text, sequence(sql.get("stopped"))))
        for item in self._cluster.all("MaxScale", GROUP):
            for pod in self._pods(item):
                if is_running(pod, CONTAINER) and host_addresses(self._nodes, pod):
                    self._start(item, pod, stopped, settings)

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """The whole log of a container that runs here; None for others."""
        buffer = self._buffers.get(f"{namespace}/{pod}/{container}")
        return buffer.text() if buffer else None

    async def start(self) -> None:
        """Let every MaxScale look at its servers, instead of waiting for somebody to come."""
        await asyncio.gather(*(one.ensure_started() for one in self._running.values()))

    def credentials(self) -> tuple[str, str]:
        """User and password of the REST API of the world's first MaxScale; "" without one."""
        one = next(iter(self._running.values()), None)
        return (one.options.admin, one.admin_password) if one else ("", "")

    def _pods(self, item: Object) -> tuple[Object, ...]:
        return tuple(
            pod
            for pod in self._cluster.all("Pod")
            if namespace_of(pod) == namespace_of(item)
            and labels_of(pod).get("app.kubernetes.io/name") == "maxscale"
            and labels_of(pod).get("app.kubernetes.io/instance") == name_of(item)
        )

    def _start(self, item: Object, pod: Object, stopped: frozenset[str], settings: Mapping[str, Any]) -> None:
        database = self._databases.behind(item)
        pods, plan = self._databases.pods(database) if database else (), self._databases.plan(database)
        options = read_options(item, tuple(map(name_of, pods)), stopped)
        key = f"{namespace_of(pod)}/{name_of(pod)}"
        buffer = self._buffers[f"{key}/{CONTAINER}"] = Buffer(self._seed(pod, CONTAINER))
        place = Place(
            network=self._network,
            ip=pod_address(pod),
            prepare=self._databases.start,
            servers={name_of(each): pod_address(each) for each in pods},
            dial_s=float(settings.get("maxscale_dial_s", 3.0)),
            pause_s=float(settings.get("maxscale_interval_s", 1.0)),
        )
        one = MaxScale(options, place, Journal(buffer), plan, self._databases.passwords, settings["sql"])
        self._running[key] = one
        self._listen(pod, one, options, Guests(self._network, plan, settings["sql"]))

    def _listen(self, pod: Object, one: MaxScale, options: Options, guests: Guests) -> None:
        names = (f"{options.name}.{options.namespace}.svc", f"*.{options.name}-internal.{options.namespace}.svc")
        speaks_tls = options.tls or any(service.listener.tls for service in options.services)
        tls = server_context(self._pki.issue(Order(issuer="private", names=names))) if speaks_tls else None
        listeners = [SqlListener(one, service, tls) for service in options.services]
        if listeners:
            one.expect(partial(guests.arrive, listeners[0].talk))
        for ip in host_addresses(self._nodes, pod):
            for service, listener in zip(options.services, listeners, strict=True):
                self._network.listen(ip, service.listener.port, listener.serve)
            self._network.listen(ip, options.admin_port, RestApi(one).serve, tls=tls if options.tls else None)
