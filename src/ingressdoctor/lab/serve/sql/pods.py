"""Every MariaDB pod of a world: a listener on its port, and behind it a server that starts when somebody really comes.

A connection that is gone again at once (a health check, a look whether the port is open) starts nothing. What a real
server cannot know of the simulated network is put right on the way: PROXY headers are judged by the world's
proxy_protocol_networks and the peer's simulated address, and @@hostname and @@port are those of the pod.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, is_running, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.nodes import Nodes, host_addresses
from ingressdoctor.lab.serve.sql import wire
from ingressdoctor.lab.serve.sql.accounts import GROUP, Passwords, Plan, plan_of
from ingressdoctor.lab.serve.sql.headers import proxy_header
from ingressdoctor.lab.serve.sql.imitation import Imitation
from ingressdoctor.lab.serve.sql.mariadbd import Identity, Mariadbd, is_installed
from ingressdoctor.lab.serve.sql.networks import Networks, host_refusal
from ingressdoctor.lab.stream import Duplex, Stream

PORT = 3306
GONE_S = 0.05  # who is still there after this wants to talk
_OWN_NAMES = re.compile(rb"@@(?:global\.)?(hostname|port)\b", re.IGNORECASE)


class Databases:
    """All MariaDB pods."""

    def __init__(self, network: Network, cluster: Cluster, nodes: Nodes, settings: Mapping[str, Any]) -> None:
        """*settings* are the world's `sql`."""
        self._network = network
        self._cluster = cluster
        self._nodes = nodes
        self._settings = settings
        self.passwords = Passwords(mapping(settings.get("passwords")))
        self._pods: list[DatabasePod] = []

    def attach(self) -> None:
        """Listen for every MariaDB container that runs."""
        for database in self._cluster.all("MariaDB", GROUP):
            plan = self.plan(database)
            for pod in self.pods(database):
                addresses = host_addresses(self._nodes, pod)
                if not addresses or not is_running(pod, "mariadb"):
                    continue
                served = DatabasePod(pod, plan, self._settings)
                self._pods.append(served)
                for ip in addresses:
                    self._network.listen(ip, PORT, served.serve)

    def plan(self, database: Object | None) -> Plan:
        """Accounts and databases of a MariaDB object; an empty plan for None."""
        return plan_of(self._cluster, database or {}, self.passwords, self._settings)

    def behind(self, maxscale: Object) -> Object | None:
        """The MariaDB object that a MaxScale refers to."""
        wanted = mapping(dig(maxscale, "spec", "mariaDbRef"))
        return self._cluster.get(
            "MariaDB", text(wanted.get("namespace")) or namespace_of(maxscale), text(wanted.get("name"))
        )

    def secret_of(self, user: str) -> str:
        """The right password of a User object, by name, or of the first one; "" where there is none.

        Of an account that is named and has no password (any more), what its client would still try.
        """
        for item in self._cluster.all("User", GROUP):
            secret = text(dig(item, "spec", "passwordSecretKeyRef", "name"))
            if secret and user in {"", name_of(item)}:
                return self.passwords.of(namespace_of(item), secret)
        return self.passwords.of("", user) if user else ""

    async def start(self) -> None:
        """Start the servers of all pods that run, instead of waiting for somebody to come."""
        await asyncio.gather(*(pod.ensure_started() for pod in self._pods))

    def pods(self, database: Object) -> tuple[Object, ...]:
        """Pods of a MariaDB object, by name."""
        wanted = re.compile(re.escape(name_of(database)) + r"-\d+")
        found = (pod for pod in self._cluster.all("Pod") if namespace_of(pod) == namespace_of(database))
        return tuple(sorted((pod for pod in found if wanted.fullmatch(name_of(pod))), key=name_of))

    def stop(self) -> None:
        """End every server."""
        for pod in self._pods:
            pod.stop()


class DatabasePod:
    """One MariaDB pod; its server starts with the first connection that stays."""

    def __init__(self, pod: Object, plan: Plan, settings: Mapping[str, Any]) -> None:
        self.name = name_of(pod)
        self._plan = plan
        self._settings = settings
        self._proxies = Networks(plan.proxies)
        number = int(self.name.rpartition("-")[2])
        stands_still = self.name in map(text, sequence(settings.get("read_only")))
        self._identity = Identity(
            version=plan.version,
            server_id=10 + number,
            read_only=self.name != plan.primary or stands_still or plan.variables.get("read_only") in {"1", "ON"},
            script=plan.script(),
            variables=plan.variables,
        )
        self._real: Mariadbd | None = None
        self._imitation: Imitation | None = None
        self._starting = asyncio.Lock()

    @property
    def is_started(self) -> bool:
        """Whether a server runs."""
        return self._real is not None or self._imitation is not None

    async def serve(self, client: Duplex) -> None:
        """One connection."""
        if not self.is_started and await is_gone(client):
            return
        await self.ensure_started()
        packets = wire.Packets(client)
        if self._imitation is not None:
            await self._imitation.serve(packets, self._proxies)
        elif self._real is not None:
            await self._relay(packets, self._real)

    async def ensure_started(self) -> None:
        """Start the server, once."""
        async with self._starting:
            if not self.is_started:
                await self._start()

    async def _start(self) -> None:
        if self._settings.get("real") == "never" or not is_installed():
            self._imitation = Imitation(self.name, self._identity, self._plan)
            return
        real = Mariadbd(self._identity)
        try:
            await real.start()
        except BaseException:
            real.stop()
            raise
        self._real = real

    async def _relay(self, client: wire.Packets, real: Mariadbd) -> None:
        stream = client.stream
        stranger = host_refusal((item.host for item in self._plan.accounts), stream.peer.ip)
        if self._proxies.empty and stranger:
            # The process knows its clients by the header alone, which it reads too late to refuse them at once.
            await client.write(0, stranger)
            await stream.finish()
            return
        server = await real.connect(stream.peer, stream.local)
        try:
            await self._pass_on(client, server)
        except wire.WireError:
            pass
        finally:
            server.close()
            await stream.finish()

    async def _pass_on(self, client: wire.Packets, server: Stream) -> None:
        speaker = wire.Packets(server)
        # The greeting comes first, whatever the client has sent already.
        first = await speaker.read()
        if first is not None:
            await client.write(first.sequence, first.payload)
        server.unread(speaker.rest())
        answers = asyncio.ensure_future(_copy(server, client.stream))
        try:
            if await self._headers(client, server):
                while (packet := await client.read()) is not None:
                    await server.write(wire.framed(packet.sequence, self._named(packet)))
                await server.end()
                await answers
        finally:
            answers.cancel()

    async def _headers(self, client: wire.Packets, server: Duplex) -> bool:
        """Judge and pass on PROXY headers, of which there may be several; False when one was refused."""
        while True:
            found = await proxy_header(client)
            if found is None:
                return True
            refused = self._proxies.refusal(client.stream.peer.ip, found)
            if refused:
                await client.write(1, refused)
                return False
            await server.write(found.raw)

    def _named(self, packet: wire.Packet) -> bytes:
        """The payload, with the pod's own name and port where the server would tell this machine's."""
        if packet.sequence or packet.payload[:1] != bytes((wire.COM_QUERY,)):
            return packet.payload

        def literal(found: re.Match[bytes]) -> bytes:
            return b"'%s'" % self.name.encode() if found[1].lower() == b"hostname" else b"%d" % PORT

        return _OWN_NAMES.sub(literal, packet.payload)

    def stop(self) -> None:
        """End the server."""
        real, self._real = self._real, None
        if real is not None:
            real.stop()


async def is_gone(client: Duplex) -> bool:
    """Whether the client leaves again at once, as a health check does."""
    try:
        async with asyncio.timeout(GONE_S):
            data = await client.read()
    except TimeoutError:
        return False
    client.unread(data)
    return not data


async def _copy(source: Duplex, sink: Duplex) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read():
            await sink.write(data)
    await sink.end()
