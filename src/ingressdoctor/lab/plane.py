"""What the lab expects of a data plane, and the empty one: no edge, no balancer, no controller.

With the empty plane the Kubernetes, Hetzner and Cloudflare APIs and DNS are served as usual, and every other
connection ends in a port that refuses.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import Protocol

from ingressdoctor.lab.cluster import Object, mapping
from ingressdoctor.lab.pki import Pki
from ingressdoctor.lab.serve.cloudflare_accounts import NoTunnels, Tunnels
from ingressdoctor.lab.serve.edge_access import TokenSecrets
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.stream import Stream
from ingressdoctor.lab.world import World


class Plane(Protocol):
    """Edge, balancer, controller and pods of a world."""

    pki: Pki
    tokens: TokenSecrets

    @property
    def tunnels(self) -> Tunnels:
        """What the edge knows about connectors."""
        ...

    async def proxied(self, pod: Object, port: int, request: Request) -> Response | None:
        """A pod's answer to the API server, which asks on behalf of a user; None when there is none."""
        ...

    async def dialled(self, pod: Object, port: int) -> Stream:
        """A connection to a port from within the pod; OSError when nobody listens there."""
        ...

    @property
    def sql_password(self) -> str:
        """The password of the database account that is handed out; "" for none."""
        ...

    @property
    def maxscale(self) -> tuple[str, str]:
        """User and password of MaxScale's REST API; "" without one."""
        ...

    @property
    def connect_to(self) -> tuple[str, ...]:
        """ADDRESS:PORT:127.0.0.1:PORT entries, a catch-all last."""
        ...

    async def start(self) -> None:
        """Start everything."""
        ...

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """The whole log of a container that the plane runs; None for others."""
        ...

    def health(self, lb_id: int) -> Mapping[tuple[int, int], str]:
        """Measured health by (server id, listen port); empty when nobody measures."""
        ...

    def health_details(self, lb_id: int) -> Mapping[tuple[int, int], str]:
        """Why a target is unhealthy, in Hetzner's words, by (server id, listen port)."""
        ...

    async def stop(self) -> None:
        """Stop everything that was started."""
        ...


class NoPlane:
    """Only the control plane is of interest."""

    def __init__(self, world: World) -> None:
        self.pki = Pki()
        self.tokens = TokenSecrets(mapping(world.cloudflare.get("access")))
        self.tunnels: Tunnels = NoTunnels()
        self.sql_password = ""
        self.maxscale = ("", "")
        # Bound and never listening: whatever is dialled is refused.
        self._closed = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._closed.bind(("127.0.0.1", 0))

    @property
    def connect_to(self) -> tuple[str, ...]:
        """Nothing but the catch-all."""
        return (f"::127.0.0.1:{self._closed.getsockname()[1]}",)

    async def start(self) -> None:
        """Nothing to start."""

    async def proxied(self, pod: Object, port: int, request: Request) -> Response | None:
        """Nobody answers."""
        del pod, port, request
        return None

    async def dialled(self, pod: Object, port: int) -> Stream:
        """Nobody listens."""
        del pod, port
        raise ConnectionRefusedError

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """Nobody writes."""
        del namespace, pod, container
        return None

    def health(self, lb_id: int) -> Mapping[tuple[int, int], str]:
        """Nobody measures."""
        del lb_id
        return {}

    def health_details(self, lb_id: int) -> Mapping[tuple[int, int], str]:
        """Nobody measures."""
        del lb_id
        return {}

    async def stop(self) -> None:
        """Give the port back."""
        with contextlib.suppress(OSError):
            self._closed.close()
