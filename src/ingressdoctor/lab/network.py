"""The simulated IP network: addresses of the world mapped to real sockets on loopback.

Every hop is a real TCP connection, so refusals, silence, resets and half-closed streams come from the operating
system and not from a script. What a connection attempt meets is decided by the address alone: a listener, a
known host without that listener (a loopback port that refuses), nobody (a loopback port that never answers), or
no route. The network knows no product; kube-proxy and NetworkPolicy plug in as translators and guards.

All real sockets are 127.0.0.1: a table from local port to simulated source tells the accepting side who called.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import enum
import errno
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable

from ingressdoctor.lab.stream import Address, Duplex, Stream, TlsStream

LOOPBACK = "127.0.0.1"
HANDSHAKE_S = 3.0
BACKLOG = 128
MAX_TRACKED = 512
MAX_TRANSLATIONS = 4  # a host port leads to a Service's address, which leads to a pod

Handler = Callable[[Duplex], Awaitable[None]]


class Verdict(enum.Enum):
    """What a guard says about a connection attempt."""

    PASS = "pass"  # noqa: S105  # not a password
    DROP = "drop"
    REJECT = "reject"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an attempt really goes after translation, and as whom; *ip* None drops, port 0 refuses."""

    ip: str | None
    port: int
    source_ip: str


Translator = Callable[[str], Route]
"""Source address to destination, chosen anew for each connection (kube-proxy's DNAT and SNAT)."""
Guard = Callable[[str, str, int], Verdict]
"""Source address, destination address and port to a verdict (NetworkPolicy, firewalls)."""


def canonical(ip: str) -> str:
    """The one spelling of an address; a prefix length is cut. What is no address comes back as it is."""
    try:
        return str(ipaddress.ip_interface(ip.strip()).ip)
    except ValueError:
        return ip


class Network:
    """Hosts, listeners and rules of one world. Use stop() exactly once."""

    def __init__(
        self, *, client_ip: str, client_ip6: str = "", no_route: Iterable[str] = (), lifetime_s: float = 30.0
    ) -> None:
        """*client_ip* and *client_ip6* are who connections from outside the lab seem to come from."""
        self._client_ip = client_ip
        self._client_ip6 = client_ip6 or client_ip
        self._no_route = frozenset(canonical(ip) for ip in no_route)
        self._lifetime_s = lifetime_s
        self._hosts: set[str] = set()
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._translators: dict[tuple[str, int], Translator] = {}
        self._guards: list[Guard] = []
        self._shields: list[Guard] = []
        self._sources: dict[int, Address] = {}
        self._visitors: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: set[Stream] = set()
        # Bound but not listening: the kernel answers every SYN with RST.
        self._closed = _bound()
        self._hole, self._fillers = _black_hole()

    @property
    def closed_port(self) -> int:
        """A loopback port that refuses every connection."""
        return int(self._closed.getsockname()[1])

    @property
    def black_hole_port(self) -> int:
        """A loopback port that never answers a SYN."""
        return int(self._hole.getsockname()[1])

    @property
    def listeners(self) -> dict[tuple[str, int], int]:
        """(address, port) to real loopback port, of everything that listens."""
        return {key: int(sock.getsockname()[1]) for key, sock in self._listeners.items()}

    def add_host(self, ip: str) -> None:
        """Make an address known: ports nobody listens on refuse instead of staying silent."""
        self._hosts.add(canonical(ip))

    def remove_host(self, ip: str) -> None:
        """Make an address unknown again (powered off, detached)."""
        self._hosts.discard(canonical(ip))

    def knows(self, ip: str) -> bool:
        """Whether somebody has this address."""
        return canonical(ip) in self._hosts

    def translate(self, ip: str, port: int, translator: Translator) -> None:
        """Send connections to (ip, port) somewhere else, chosen per connection."""
        self._translators[canonical(ip), port] = translator

    def guard(self, guard: Guard) -> None:
        """Ask *guard* about every connection, after translation (the host's own filters)."""
        self._guards.append(guard)

    def shield(self, guard: Guard) -> None:
        """Ask *guard* about every connection as it was dialled, before any translation."""
        self._shields.append(guard)

    def visited_from(self, ip: str, client_ip: str) -> None:
        """Say who connections from outside the lab to *ip* seem to come from."""
        self._visitors[canonical(ip)] = client_ip

    def leads_to(self, ip: str, port: int, *, source_ip: str) -> int:
        """The loopback port where a connection to (ip, port) ends: a listener's, closed_port or black_hole_port."""
        try:
            return self._resolve(Address(ip=canonical(ip), port=port), source_ip)[0]
        except OSError:
            return self.black_hole_port

    def listen(self, ip: str, port: int, handler: Handler, *, tls: ssl.SSLContext | None = None) -> None:
        """Serve (ip, port) with *handler*, which owns the stream for at most the network's lifetime_s."""
        address = Address(ip=canonical(ip), port=port)
        self._hosts.add(address.ip)
        sock = _bound()
        sock.listen(BACKLOG)
        self._listeners[address.ip, port] = sock
        asyncio.get_running_loop().add_reader(sock, self._accept, sock, address, handler, tls)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run *work* until it ends or the network stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def connect(self, ip: str, port: int, *, source_ip: str, timeout_s: float) -> Stream:
        """A real connection to whatever is at (ip, port) for *source_ip*.

        Raises:
            TimeoutError: nobody answered within *timeout_s* (unknown host, or dropped on the way).
            ConnectionRefusedError: the host exists and nothing listens there.
            OSError: EHOSTUNREACH, for an address without a route.
        """
        wanted = Address(ip=canonical(ip), port=port)
        real_port, source_ip = self._resolve(wanted, source_ip)
        sock = _bound()
        local_port = int(sock.getsockname()[1])
        source = Address(ip=source_ip, port=local_port)
        self._sources[local_port] = source
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, (LOOPBACK, real_port))
        except BaseException:
            self._sources.pop(local_port, None)
            sock.close()
            raise
        return self._track(Stream(sock, peer=wanted, local=source))

    def _resolve(self, wanted: Address, source_ip: str) -> tuple[int, str]:
        """Real loopback port to dial, and the source address the destination will see."""
        if wanted.ip in self._no_route:
            raise OSError(errno.EHOSTUNREACH, f"no route to host {wanted.ip}")
        ip, port = wanted.ip, wanted.port
        if any(shield(source_ip, ip, port) is not Verdict.PASS for shield in self._shields):
            return self.black_hole_port, source_ip
        for _ in range(MAX_TRANSLATIONS):
            translator = self._translators.get((ip, port))
            if translator is None:
                break
            route = translator(source_ip)
            if route.ip is None:
                return self.black_hole_port, source_ip
            if not route.port:
                return self.closed_port, source_ip
            ip, port, source_ip = canonical(route.ip), route.port, route.source_ip
        for guard in self._guards:
            verdict = guard(source_ip, ip, port)
            if verdict is not Verdict.PASS:
                return (self.black_hole_port if verdict is Verdict.DROP else self.closed_port), source_ip
        listener = self._listeners.get((ip, port))
        if ip not in self._hosts:
            return self.black_hole_port, source_ip
        return (int(listener.getsockname()[1]) if listener else self.closed_port), source_ip

    def _track(self, stream: Stream) -> Stream:
        if len(self._streams) > MAX_TRACKED:
            self._streams = {known for known in self._streams if not known.closed}
        self._streams.add(stream)
        return stream

    def _accept(self, listener: socket.socket, local: Address, handler: Handler, tls: ssl.SSLContext | None) -> None:
        try:
            sock, (_, port) = listener.accept()
        except OSError:
            return  # the peer was gone before we looked
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        outside = self._visitors.get(local.ip) or (self._client_ip6 if ":" in local.ip else self._client_ip)
        peer = self._sources.pop(port, None) or Address(ip=outside, port=port)
        self.spawn(self._serve(self._track(Stream(sock, peer=peer, local=local)), handler, tls))

    async def _serve(self, raw: Stream, handler: Handler, tls: ssl.SSLContext | None) -> None:
        # A peer that resets, stalls or sends garbage ends its own connection and nothing else.
        try:
            async with asyncio.timeout(self._lifetime_s):
                stream: Duplex = raw
                if tls is not None:
                    secured = TlsStream(raw, tls)
                    async with asyncio.timeout(HANDSHAKE_S):
                        await secured.handshake()
                    stream = secured
                await handler(stream)
        except (OSError, TimeoutError, ssl.SSLError):
            pass
        finally:
            raw.close()

    async def stop(self) -> None:
        """End every task and close every socket."""
        loop = asyncio.get_running_loop()
        for sock in self._listeners.values():
            loop.remove_reader(sock)
            sock.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in self._streams:
            stream.close()
        for sock in (self._closed, self._hole, *self._fillers):
            sock.close()
        self._listeners.clear()
        self._streams.clear()


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.bind((LOOPBACK, 0))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _black_hole() -> tuple[socket.socket, tuple[socket.socket, ...]]:
    """A listener whose accept queue is full: the kernel drops further SYNs, so callers wait in vain."""
    hole = _bound()
    hole.listen(0)
    fillers = []
    for _ in range(8):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex(hole.getsockname())
        fillers.append(sock)
    return hole, tuple(fillers)
