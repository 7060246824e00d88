"""Hetzner load balancers: real listeners, real health checks, round robin, PROXY protocol.

Facts: a tcp service accepts first and then looks for a target; without a healthy one it closes without a byte.
A service that does not exist refuses; with the public interface off the addresses lead nowhere. A target is
reached by its private address iff use_private_ip, and then only when both sit in one network. One check decides
(the real `retries` would only make the lab slow), unless it timed out late.
Settings: proxy_version (1), health_interval_s, health_timeout_s.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fnmatch
import itertools
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import h11

from ingressdoctor.lab.cluster import dig, mapping, matches, sequence, text
from ingressdoctor.lab.network import Handler, Network, canonical
from ingressdoctor.lab.serve.exchange import exchange
from ingressdoctor.lab.serve.proxyprotocol import encode_v1, encode_v2
from ingressdoctor.lab.serve.wire import Request
from ingressdoctor.lab.stream import Duplex, Stream, TlsStream, splice

DIAL_S = 0.3
_TRIES = 4
_LATE_S = 0.01  # a time-out that fires later than this tells of a busy event loop


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One resolved target: a server (id) or a bare address (id 0). *ip* is "" when it cannot be reached."""

    server_id: int
    ip: str
    private: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Result of the last check: "healthy" or "unhealthy", with Hetzner's detail for the latter."""

    status: str
    detail: str = ""


class Balancer:
    """One load balancer."""

    def __init__(
        self, network: Network, spec: Mapping[str, Any], servers: Mapping[int, Any], settings: Mapping[str, Any]
    ) -> None:
        self._network = network
        self._spec = spec
        self._settings = settings
        self._health: dict[tuple[Target, int], Health] = {}
        self._targets = tuple(dict.fromkeys(_targets(spec, servers)))
        self._turns: dict[int, Iterator[int]] = {}

    @property
    def public(self) -> tuple[str, ...]:
        """Public addresses; none while the public interface is off."""
        if dig(self._spec, "public_net", "enabled") is False:
            return ()
        found = (text(dig(self._spec, "public_net", family, "ip")) for family in ("ipv4", "ipv6"))
        return tuple(canonical(ip) for ip in found if ip)

    @property
    def private(self) -> str:
        """Address in the private network; "" when detached."""
        nets = sequence(self._spec.get("private_net"))
        return text(mapping(nets[0]).get("ip")) if nets else ""

    def attach(self) -> None:
        """Listen on every service's port, on all addresses."""
        for ip in filter(None, (*self.public, self.private)):
            self._network.add_host(ip)
            for service in self._services():
                self._network.listen(ip, service["listen_port"], self._handler(service))

    def health(self) -> Mapping[tuple[int, int], Health]:
        """(server id, listen port) to the last check's result; address targets have id 0."""
        return {(target.server_id, port): state for (target, port), state in self._health.items()}

    async def check_all(self) -> None:
        """One round of checks, all at the same time."""
        pairs = [(target, service) for target in self._targets for service in self._services()]
        states = await asyncio.gather(*(self._check(target, service) for target, service in pairs))
        self._health = {
            (target, service["listen_port"]): state for (target, service), state in zip(pairs, states, strict=True)
        }

    async def watch(self) -> None:
        """Check for ever."""
        pause = float(self._settings.get("health_interval_s", 0.2))
        while True:
            await asyncio.sleep(pause)
            await self.check_all()

    def _services(self) -> tuple[Mapping[str, Any], ...]:
        found = (mapping(item) for item in sequence(self._spec.get("services")))
        return tuple(item for item in found if isinstance(item.get("listen_port"), int))

    def _source(self, target: Target) -> str:
        """The address targets see: the private one inside the network, else a public one."""
        public = next(iter(self.public), "")
        return (self.private if target.private else public) or public or self.private

    async def _dial(self, target: Target, port: int, timeout_s: float) -> Stream:
        if not target.ip:
            raise TimeoutError
        return await self._network.connect(target.ip, port, source_ip=self._source(target), timeout_s=timeout_s)

    async def _check(self, target: Target, service: Mapping[str, Any]) -> Health:
        """Check once; again where the time-out itself came late: then this machine was busy, not the target silent."""
        limit = float(self._settings.get("health_timeout_s", 0.15))
        clock = asyncio.get_running_loop().time
        state = Health(status="unknown")
        for _ in range(_TRIES):
            began = clock()
            state = await self._try(target, service, limit)
            if not state.detail.endswith("_timeout") or clock() - began < limit + _LATE_S:
                break
        return state

    async def _try(self, target: Target, service: Mapping[str, Any], limit: float) -> Health:
        check = mapping(service.get("health_check"))
        port = check.get("port") or service.get("destination_port")
        if not isinstance(port, int):
            return Health(status="unhealthy", detail="unspecified")
        try:
            stream = await self._dial(target, port, limit)
        except TimeoutError:
            return Health(status="unhealthy", detail="layer4_timeout")
        except OSError:
            return Health(status="unhealthy", detail="layer4_no_connection")
        try:
            if check.get("protocol") != "http":
                return Health(status="healthy")
            async with asyncio.timeout(limit):
                return await _http_check(stream, mapping(check.get("http")))
        except (OSError, TimeoutError, ssl.SSLError, h11.ProtocolError):
            return Health(status="unhealthy", detail="layer7_timeout")
        finally:
            stream.close()

    def _choose(self, service: Mapping[str, Any]) -> tuple[Target, ...]:
        """Healthy targets, the one whose turn it is first."""
        port = service["listen_port"]
        healthy = [
            target
            for target in self._targets
            if self._health.get((target, port), Health(status="unknown")).status == "healthy"
        ]
        start = next(self._turns.setdefault(port, itertools.count())) % max(1, len(healthy))
        return tuple(healthy[start:] + healthy[:start])

    def _handler(self, service: Mapping[str, Any]) -> Handler:
        async def forward(client: Duplex) -> None:
            for target in self._choose(service)[:1]:
                with contextlib.suppress(OSError):
                    await self._forward(client, target, service)
                    return
            if service.get("protocol") in {"http", "https"}:
                await client.write(_NO_SERVER)
            await client.finish()

        return forward

    async def _forward(self, client: Duplex, target: Target, service: Mapping[str, Any]) -> None:
        port = service.get("destination_port")
        upstream = await self._dial(target, port if isinstance(port, int) else 0, DIAL_S)
        try:
            if service.get("proxyprotocol") is True:
                encode = encode_v2 if self._settings.get("proxy_version") == 2 else encode_v1
                await upstream.write(encode(client.peer, client.local))
            await splice(client, upstream)
        finally:
            upstream.close()
            client.close()


_NO_SERVER = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 24\r\nConnection: close\r\n\r\n503 no server available\n"
)


async def _http_check(stream: Stream, spec: Mapping[str, Any]) -> Health:
    connection: Duplex = stream
    if spec.get("tls") is True:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        secured = TlsStream(stream, context, server_name=text(spec.get("domain")))
        await secured.handshake()
        connection = secured
    # h11 insists on a Host header where the real check may send none.
    host = text(spec.get("domain")) or stream.peer.ip
    headers = (("Host", host), ("Connection", "close"))
    answer = await exchange(connection, Request(method="GET", target=text(spec.get("path") or "/"), headers=headers))
    wanted = [text(code) for code in sequence(spec.get("status_codes"))] or ["2??", "3??"]
    if not any(fnmatch.fnmatchcase(str(answer.status), pattern) for pattern in wanted):
        return Health(status="unhealthy", detail="unexpected_http_status")
    if text(spec.get("response")).encode() not in answer.body:
        return Health(status="unhealthy", detail="unexpected_http_content")
    return Health(status="healthy")


def _targets(spec: Mapping[str, Any], servers: Mapping[int, Any]) -> Iterator[Target]:
    networks = {mapping(net).get("network") for net in sequence(spec.get("private_net"))}
    for item in map(mapping, sequence(spec.get("targets"))):
        private = item.get("use_private_ip") is True
        if item.get("type") == "ip":
            yield Target(server_id=0, ip=text(dig(item, "ip", "ip")))
        elif item.get("type") == "label_selector":
            selector = text(dig(item, "label_selector", "selector"))
            for number, server in servers.items():
                if _selected(mapping(server.get("labels")), selector):
                    yield Target(server_id=number, ip=_address(server, networks, private=private), private=private)
        elif isinstance(number := dig(item, "server", "id"), int) and number in servers:
            yield Target(server_id=number, ip=_address(servers[number], networks, private=private), private=private)


def _address(server: Mapping[str, Any], networks: set[object], *, private: bool) -> str:
    if not private:
        return text(dig(server, "public_net", "ipv4", "ip"))
    for net in map(mapping, sequence(server.get("private_net"))):
        if net.get("network") in networks:
            return text(net.get("ip"))
    return ""


def _selected(labels: Mapping[str, Any], selector: str) -> bool:
    """Hetzner's selector language: key, !key, key=value, key!=value, key in (a,b); commas mean and."""
    terms = [term.strip() for term in selector.replace("==", "=").split(",") if term.strip()]
    for term in terms:
        key, negated, value = term.partition("!=")
        if negated:
            if text(labels.get(key.strip())) == value.strip():
                return False
        elif "=" in term:
            key, _, value = term.partition("=")
            if not matches(labels, {"matchLabels": {key.strip(): value.strip()}}):
                return False
        elif (term.removeprefix("!") in labels) is term.startswith("!"):
            return False
    return True
