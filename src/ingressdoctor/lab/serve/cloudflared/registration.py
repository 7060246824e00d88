"""How a cloudflared's connections to the edge come about, or do not, and what it logs of that.

Source: supervisor/supervisor.go and tunnel.go, connection/control.go, prechecks. Everything is logged with the time at
which it would have happened, counted from the start of the process. TCP to the edge is really dialled; UDP has no
packets here, so what lets it out is asked of the world.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingressdoctor.lab.cluster import mapping, text
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.cloudflared.connector import Connector, EdgeConnection
from ingressdoctor.lab.serve.cloudflared.process import Credentials

EDGE_PORT = 7844
EDGE_ADDRESSES = ("198.41.192.57", "198.41.200.113", "198.41.192.227", "198.41.200.73")
LOCATIONS = ("fra03", "fra11", "fra08", "fra16")
_ADDRESS_ROTATIONS = 8  # before QUIC counts as broken
_RETRIES = 5
_PRECHECKS_SINCE = (2026, 5)
_REGIONS = ("region1.v2.argotunnel.com", "region2.v2.argotunnel.com")
_SHOWN = 24  # attempts of a connection that never comes about, at the end of the log
_UDP_BROKEN = (
    "If this log occurs persistently, and cloudflared is unable to connect to Cloudflare Network with `quic` protocol, "
    "then most likely your machine/network is getting its egress UDP to port 7844 (or others) blocked or dropped. Make "
    "sure to allow egress connectivity as per "
    "https://developers.cloudflare.com/cloudflare-one/connections/connect-apps/configuration/ports-and-ips/"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edge7844:
    """What the edge says to connectors, and whether packets get there.

    *tunnels* are the account's by id, *udp_open* answers for a source address; *dial_s* bounds a TCP attempt.
    """

    network: Network
    tunnels: Mapping[str, Mapping[str, Any]]
    udp_open: Callable[[str], bool]
    dial_s: float

    def refusal(self, credentials: Credentials) -> str:
        """Why a registration is turned down; "" when it is not."""
        entry = self.tunnels.get(credentials.tunnel)
        if entry is None or mapping(entry.get("tunnel")).get("deleted_at"):
            return "Unauthorized: Failed to get tunnel"
        if text(entry.get("secret")) != credentials.secret:
            return "Unauthorized: Invalid tunnel secret"
        return ""

    async def tcp_failure(self, source_ip: str, edge_ip: str) -> str:
        """Go's words for a TCP connection that did not come about; "" when it did."""
        try:
            stream = await self.network.connect(edge_ip, EDGE_PORT, source_ip=source_ip, timeout_s=self.dial_s)
        except ConnectionRefusedError:
            return f"DialContext error: dial tcp {edge_ip}:{EDGE_PORT}: connect: connection refused"
        except OSError:
            return f"DialContext error: dial tcp {edge_ip}:{EDGE_PORT}: i/o timeout"
        stream.close()
        return ""


async def register(connector: Connector, credentials: Credentials, edge: Edge7844) -> None:
    """Connect four times, or log why not; a protocol that is not pinned falls back from QUIC to http2."""
    process = connector.process
    clock = _Clock(process.started, process.ended)
    if _release(process.version) >= _PRECHECKS_SINCE and "no-prechecks" not in process.flags:
        await _precheck(connector, edge)
    refusal = edge.refusal(credentials)
    if connector.protocol == "quic":
        if edge.udp_open(process.address):
            if not refusal:
                _registered(connector, clock)
                return
            clock.repeat(lambda at, n: _refused_over_quic(connector, refusal, at, n), _RETRIES, last=connector.pinned)
        else:
            clock.repeat(lambda at, n: _quic_dial_failed(connector, at, n), _ADDRESS_ROTATIONS, last=connector.pinned)
            if not connector.pinned:
                connector.journal.write("warn", _UDP_BROKEN, at=clock.now, **_about(0))
        if connector.pinned:
            return
        connector.journal.write("info", "Switching to fallback protocol http2", at=clock.now, **_about(0))
        connector.protocol = "http2"
    failure = await edge.tcp_failure(process.address, EDGE_ADDRESSES[0])
    if failure:
        clock.repeat(lambda at, n: _tcp_dial_failed(connector, failure, at, n), _RETRIES, last=True)
    elif refusal:
        clock.repeat(lambda at, n: _refused_over_http2(connector, refusal, at, n), _RETRIES, last=True)
    else:
        _registered(connector, clock)


async def _precheck(connector: Connector, edge: Edge7844) -> None:
    """What cloudflared tries before it connects, each way for itself, as structured lines."""
    source, at = connector.process.address, connector.process.started
    run = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{connector.id} precheck"))
    udp, tcp = edge.udp_open(source), not await edge.tcp_failure(source, EDGE_ADDRESSES[0])
    quic = "QUIC connection successful" if udp else "QUIC connection failed"
    http2 = "HTTP/2 connection successful" if tcp else "HTTP/2 connection is blocked or unreachable"
    rows = [("DNS Resolution", region, True, "DNS Resolved successfully") for region in _REGIONS]
    rows += [("UDP Connectivity", "Port 7844 (QUIC)", udp, quic)] * len(_REGIONS)
    rows += [("TCP Connectivity", "Port 7844 (HTTP/2)", tcp, http2)] * len(_REGIONS)
    rows.append(("Cloudflare API", "api.cloudflare.com:443", True, "API is reachable"))
    for component, target, passed, details in rows:
        status = "pass" if passed else "fail"
        connector.journal.write(
            "info", "precheck", at=at, component=component, details=details, run_id=run, status=status, target=target
        )
    suggested = {"suggested_protocol": "quic" if udp else "http2"} if udp or tcp else {}
    done = {"hard_fail": not udp and not tcp, "run_id": run, **suggested}
    connector.journal.event("info", done, "precheck complete", at=at)


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


class _Clock:
    """When things would have happened: backoff that doubles up to half a minute."""

    def __init__(self, started: datetime, ended: datetime | None) -> None:
        self.now = started + timedelta(seconds=1)
        self._end = ended

    def repeat(self, attempt: Callable[[datetime, int], None], times: int, *, last: bool) -> None:
        """*times* attempts from the start; *last* ones go on until the end of the run, or until now."""
        for number in range(times):
            attempt(self.now, number)
            self.now += timedelta(seconds=5 + min(2**number, 32))
        if last:
            end = self._end or datetime.now(UTC)
            attempts = min(_SHOWN, int((end - self.now).total_seconds() // 37))
            for number in range(attempts, 0, -1):
                attempt(end - timedelta(seconds=37 * number), times)


def _registered(connector: Connector, clock: _Clock) -> None:
    opened = []
    for index, (edge_ip, location) in enumerate(zip(EDGE_ADDRESSES, LOCATIONS, strict=True)):
        at = clock.now + timedelta(seconds=index)
        id_ = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{connector.id} {index}"))
        opened.append(EdgeConnection(index=index, id=id_, edge_ip=edge_ip, location=location, opened=at))
        connector.journal.write(
            "info",
            "Registered tunnel connection",
            at=at,
            connIndex=index,
            connection=id_,
            event=0,
            ip=edge_ip,
            location=location,
            protocol=connector.protocol,
        )
    connector.connections = tuple(opened)


def _about(index: int) -> dict[str, object]:
    return {"connIndex": 0, "event": 0, "ip": EDGE_ADDRESSES[index % len(EDGE_ADDRESSES)]}


def _retrying(connector: Connector, at: datetime, number: int) -> None:
    wait = "1m4s" if number >= _RETRIES else f"{2 ** (number + 1)}s"
    connector.journal.write("info", f"Retrying connection in up to {wait}", at=at, **_about(number))


def _quic_dial_failed(connector: Connector, at: datetime, number: int) -> None:
    words = "failed to dial to edge with quic: timeout: no recent network activity"
    connector.journal.write("error", "Failed to dial a quic connection", at=at, error=words, **_about(number))
    _retrying(connector, at, number)


def _refused_over_quic(connector: Connector, refusal: str, at: datetime, number: int) -> None:
    write = connector.journal.write
    write("error", "failed to serve the control stream", at=at, error=refusal, **_about(number))
    inner = "control stream encountered a failure while serving"
    write("error", "failed to serve tunnel connection", at=at, error=inner, **_about(number))
    write("error", "Serve tunnel error", at=at, error=inner, **_about(number))
    _retrying(connector, at, number)


def _refused_over_http2(connector: Connector, refusal: str, at: datetime, number: int) -> None:
    connector.journal.write("error", "Register tunnel error from server side", at=at, error=refusal, **_about(number))
    _retrying(connector, at, number)


def _tcp_dial_failed(connector: Connector, failure: str, at: datetime, number: int) -> None:
    words = "Unable to establish connection with Cloudflare edge"
    connector.journal.write("error", words, at=at, error=failure, **_about(number))
    _retrying(connector, at, number)
