"""What Traefik believes about the client: the peer, the X-Forwarded-* headers it keeps, the address allow lists see.

Source: traefik: pkg/middlewares/forwardedheaders/forwarded_header.go, pkg/ip/strategy.go, pkg/config/dynamic
(IPStrategy.Get).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import msgspec

from ingressdoctor.evidence.controller import EntryPoint
from ingressdoctor.evidence.routes import RouteRequest
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.middlewares import as_list, as_map
from ingressdoctor.routing.traefik.request import canonical_header

__all__ = ["Client", "client_address", "forwarded_client", "strategy_problem"]

_FORWARDED = "X-Forwarded-"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """The client as middlewares see it.

    ``peer`` is the TCP peer after inbound PROXY protocol, empty when not known; ``trusted`` whether its X-Forwarded-*
    headers are kept, None when that hangs on the unknown peer; ``headers`` are those of the request, canonical names,
    after that.
    """

    peer: str
    trusted: bool | None
    headers: Mapping[str, str]

    @property
    def scheme(self) -> str:
        """The scheme as X-Forwarded-Proto gives it, ws and wss taken as http and https; empty for anything else."""
        said = self.headers.get("X-Forwarded-Proto", "").lower()
        return {"http": "http", "ws": "http", "https": "https", "wss": "https"}.get(said, "")


def forwarded_client(request: RouteRequest, point: EntryPoint | None) -> Client:
    """Apply an entry point's forwardedHeaders options to a request."""
    proto = "https" if request.tls else "http"
    if not request.headers:
        sure = _trusted(request.client_ip, point) is True
        return Client(peer=request.client_ip, trusted=sure, headers={"X-Forwarded-Proto": proto})
    headers = {canonical_header(name): value for name, value in request.headers.items()}
    sent = {name for name in headers if name.startswith(_FORWARDED) or name == "X-Real-Ip"}
    trusted = _trusted(request.client_ip, point)
    if trusted is not True:
        headers = {name: value for name, value in headers.items() if name not in sent}
    if not sent:
        trusted = trusted or False
    headers.setdefault("X-Forwarded-Proto", proto)
    return Client(peer=request.client_ip, trusted=trusted, headers=headers)


def _trusted(peer: str, point: EntryPoint | None) -> bool | None:
    if point is None or (not point.forwarded_insecure and not point.forwarded_trusted):
        return False
    if point.forwarded_insecure:
        return True
    if not peer:
        return None
    try:
        return IpChecker.parse(point.forwarded_trusted).contains(peer)
    except RuleError:
        return False


def strategy_problem(spec: Mapping[str, Any]) -> str:
    """Say why an ipStrategy cannot be built, in Traefik's words; empty when it can."""
    subnet = spec.get("ipv6Subnet")
    if isinstance(subnet, int) and not 1 <= subnet <= 128:
        return f"invalid IPv6 subnet {subnet} value, should be greater to 0 and lower or equal to 128"
    try:
        if spec.get("excludedIPs") and not _depth(spec):
            IpChecker.parse(tuple(str(text) for text in as_list(spec["excludedIPs"])))
    except RuleError as error:
        return error.reason
    return ""


def _depth(spec: Mapping[str, Any]) -> int:
    depth = spec.get("depth")
    return depth if isinstance(depth, int) and depth > 0 else 0


def client_address(strategy: object, client: Client) -> str | None:
    """Return the address that an ipStrategy picks; empty when it finds none, None when that is not known."""
    spec = as_map(strategy)
    depth, excluded = _depth(spec), tuple(str(text) for text in as_list(spec.get("excludedIPs")))
    if not depth and not excluded:
        return _subnet(client.peer, spec) if client.peer else None
    if client.trusted is None:
        return None
    forwarded = [part.strip() for part in client.headers.get("X-Forwarded-For", "").split(",")]
    if depth:
        return _subnet(forwarded[-depth], spec) if depth <= len(forwarded) else ""
    pool = IpChecker.parse(excluded)
    return next((part for part in reversed(forwarded) if part and not pool.contains(part)), "")


def _subnet(address: str, spec: Mapping[str, Any]) -> str:
    """Return the first address of the client's IPv6 subnet where ``ipv6Subnet`` asks for that."""
    subnet = spec.get("ipv6Subnet")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if not isinstance(subnet, int) or parsed.version != 6:
        return address
    return str(ipaddress.ip_network(f"{parsed}/{subnet}", strict=False).network_address)
