"""The running lab: starts every server of a world on ephemeral loopback ports and hands out how to reach them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self

from ingressdoctor.errors import LabError
from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.handout import LOOPBACK, Endpoints, Handout, Tokens, write_handout
from ingressdoctor.lab.plane import Plane
from ingressdoctor.lab.serve import cloudflare, hetzner
from ingressdoctor.lab.serve.cloudflared.process import tunnel_config
from ingressdoctor.lab.serve.dns import VIEWS, start_dns
from ingressdoctor.lab.serve.http import Manner, serve_http
from ingressdoctor.lab.serve.kube.api import KubeApi
from ingressdoctor.lab.serve.kube.status import general
from ingressdoctor.lab.world import World

START_S = 60.0  # the first start of a MariaDB on a machine installs its system tables
STOP_S = 5.0


class Lab:
    """One world, served. Use as `async with Lab(world) as lab`, once."""

    def __init__(self, world: World, *, latency_s: float = 0.0, plane: Callable[[World], Plane] = DataPlane) -> None:
        """*latency_s* is added to every answer of the Kubernetes, Hetzner and Cloudflare APIs.

        *plane* makes the data plane (plane.NoPlane: the APIs and DNS alone).
        """
        self.world = world
        self._latency_s = latency_s
        self._plane = plane(world)
        self._stack = contextlib.AsyncExitStack()
        self._handout: Handout | None = None
        self._requests: dict[str, list[tuple[str, str, str]]] = {}

    @property
    def handout(self) -> Handout:
        """Folder, environment and addresses of this run; LabError before the start."""
        if self._handout is None:
            raise LabError("the lab is not running")
        return self._handout

    @property
    def requests(self) -> Mapping[str, list[tuple[str, str, str]]]:
        """What was asked so far.

        "kube", "hetzner" and "cloudflare" hold (method, path, query); "dns.system", "dns.public" and
        "dns.authoritative" hold (view, name, type).
        """
        return self._requests

    def container_log(self, namespace: str, pod: str, container: str) -> str:
        """What a container of the data plane has logged so far; "" for one that the data plane does not run."""
        return self._plane.log(namespace, pod, container) or ""

    async def __aenter__(self) -> Self:
        """Start everything; what had been started is stopped again when something fails."""
        try:
            self._handout = await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        self._stack.callback(self._handout.remove)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every server and delete the folder."""
        await self._stack.aclose()
        self._handout = None

    async def _start(self) -> Handout:
        world, plane = self.world, self._plane
        self._stack.push_async_callback(plane.stop)
        await plane.start()
        tokens = Tokens(
            kube=secrets.token_urlsafe(32),
            hetzner=secrets.token_hex(32),
            cloudflare=secrets.token_urlsafe(30),
            access=plane.tokens.handed_out(mapping(world.settings.get("service_token"))),
            access_hosts=tuple(map(text, sequence(dig(world.settings, "service_token", "hosts")))),
            sql=plane.sql_password,
            maxscale=plane.maxscale,
        )
        kube = KubeApi(world, token=tokens.kube, log_reader=plane.log, pod_proxy=plane.proxied, pod_dial=plane.dialled)
        tls = plane.pki.server_context((LOOPBACK, "localhost", "kubernetes.default.svc"))
        cloud = hetzner.HetznerApi(world, token=tokens.hetzner, health=plane.health, details=plane.health_details)
        flare = cloudflare.CloudflareApi(world, token=tokens.cloudflare, tunnels=plane.tunnels)
        servers = {
            "kube": await serve_http(kube.handle, tls=tls, manner=self._manner("kube"), error=general),
            "hetzner": await serve_http(cloud.handle, manner=self._manner("hetzner"), error=hetzner.error),
            "cloudflare": await serve_http(flare.handle, manner=self._manner("cloudflare"), error=cloudflare.error),
        }
        for name, server in servers.items():
            self._requests[name] = server.requests
            self._stack.push_async_callback(server.stop)
        views = await start_dns(world)
        for view in VIEWS:
            self._requests[f"dns.{view}"] = views[view].requests
            self._stack.push_async_callback(views[view].stop)
        endpoints = Endpoints(
            probe=views["public"].address,
            kube=servers["kube"].port,
            hetzner=servers["hetzner"].port if world.hetzner else 0,
            cloudflare=servers["cloudflare"].port,
            resolvers=(views["system"].address, views["public"].address),
            authoritative=views["authoritative"].address,
            connect_to=tuple(plane.connect_to),
        )
        if world.settings.get("offline"):
            endpoints = self._cut_off(endpoints)
        return write_handout(world.name, endpoints, tokens, plane.pki.ca_pem, tunnel_config(world))

    def _cut_off(self, endpoints: Endpoints) -> Endpoints:
        """The endpoints of a machine without internet: every way out is refused, only the cluster is near."""
        closed = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        closed.bind((LOOPBACK, 0))  # bound and never listening
        port = int(closed.getsockname()[1])
        nowhere = f"{LOOPBACK}:{port}"
        return dataclasses.replace(
            endpoints,
            hetzner=port if endpoints.hetzner else 0,
            cloudflare=port,
            resolvers=(nowhere, nowhere),
            authoritative=nowhere,
            connect_to=(f"::{nowhere}",),
            probe=nowhere,
        )

    def _manner(self, api: str) -> Manner:
        misbehave = text(mapping(self.world.settings.get("misbehave")).get(api))
        return Manner(latency_s=self._latency_s, misbehave=misbehave)


@contextlib.contextmanager
def running(world: World, *, latency_s: float = 0.0, plane: Callable[[World], Plane] = DataPlane) -> Iterator[Lab]:
    """Run the lab in a background thread with an event loop of its own, for code that is not asynchronous."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"lab-{world.name}", daemon=True)
    thread.start()
    lab = Lab(world, latency_s=latency_s, plane=plane)
    try:
        asyncio.run_coroutine_threadsafe(lab.__aenter__(), loop).result(START_S)
        try:
            yield lab
        finally:
            asyncio.run_coroutine_threadsafe(_leave(lab), loop).result(STOP_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.close()


async def _leave(lab: Lab) -> None:
    """Stop the lab and let its last callbacks run, so that the loop can close without a warning."""
    await lab.__aexit__(None, None, None)
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    # TLS connections need two rounds of the loop to close.
    await asyncio.sleep(0.01)
