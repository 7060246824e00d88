"""PROXY protocol header, versions 1 and 2: written by the balancer, read by the controller.

Source: haproxy doc/proxy-protocol.txt. Only TCP over IPv4 and IPv6 carries addresses; LOCAL and UNKNOWN headers
are accepted and name nobody. Bounded: a v1 line has at most 107 bytes, a v2 header at most 16 + 2048 here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct

from ingressdoctor.lab.stream import Address

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_START = b"PROXY "
_V1_MAX = 107
_V2_MAX = 2048


class ProxyHeaderError(ValueError):
    """The bytes begin like a PROXY header and break its rules."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHeader:
    """A parsed header: who connected to whom (None for LOCAL or UNKNOWN), and its length in bytes."""

    source: Address | None
    target: Address | None
    length: int


def encode_v1(source: Address, target: Address) -> bytes:
    """The text form, with its line end."""
    family = "TCP6" if ":" in source.ip or ":" in target.ip else "TCP4"
    here, there = _same_family(source.ip, target.ip)
    return f"PROXY {family} {here} {there} {source.port} {target.port}\r\n".encode("ascii")


def encode_v2(source: Address, target: Address) -> bytes:
    """The binary form."""
    here, there = (ipaddress.ip_address(ip) for ip in _same_family(source.ip, target.ip))
    body = here.packed + there.packed + struct.pack("!HH", source.port, target.port)
    return V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if here.version == 4 else 0x21, len(body)) + body


def _same_family(source: str, target: str) -> tuple[str, str]:
    """Both addresses in one family: IPv4 becomes IPv4-mapped IPv6 when they differ."""
    if (":" in source) == (":" in target):
        return source, target
    return tuple(ip if ":" in ip else f"::ffff:{ip}" for ip in (source, target))  # type: ignore[return-value]


def parse(data: bytes) -> ProxyHeader | None:
    """The header *data* begins with; None when it begins with none.

    Raises:
        ProxyHeaderError: it begins like one and is wrong.
        EOFError: it may be one, and more bytes are needed to know.
    """
    if not data:
        raise EOFError
    if data[: len(V2_SIGNATURE)] == V2_SIGNATURE[: len(data)]:
        return _parse_v2(data)
    if data[: len(_V1_START)] == _V1_START[: len(data)]:
        return _parse_v1(data)
    return None


def _parse_v1(data: bytes) -> ProxyHeader:
    end = data.find(b"\r\n", 0, _V1_MAX)
    if end < 0:
        if len(data) >= _V1_MAX:
            raise ProxyHeaderError("no line end within 107 bytes")
        raise EOFError
    parts = data[:end].decode("ascii", "replace").split(" ")
    if parts[1:2] == ["UNKNOWN"]:
        return ProxyHeader(source=None, target=None, length=end + 2)
    if len(parts) != 6 or parts[1] not in {"TCP4", "TCP6"}:
        raise ProxyHeaderError("malformed PROXY line")
    try:
        ips = [ipaddress.ip_address(ip) for ip in parts[2:4]]
        ports = [int(port) for port in parts[4:6]]
    except ValueError as error:
        raise ProxyHeaderError("malformed address or port") from error
    if any(ip.version != int(parts[1][-1]) for ip in ips) or any(not 0 <= port <= 65_535 for port in ports):
        raise ProxyHeaderError("address of the wrong family, or port out of range")
    return ProxyHeader(
        source=Address(ip=str(ips[0]), port=ports[0]),
        target=Address(ip=str(ips[1]), port=ports[1]),
        length=end + 2,
    )


def _parse_v2(data: bytes) -> ProxyHeader:
    if len(data) < 16:
        raise EOFError
    version_command, family, length = struct.unpack("!BBH", data[12:16])
    if version_command >> 4 != 2 or version_command & 15 > 1:
        raise ProxyHeaderError("unknown version or command")
    if length > _V2_MAX:
        raise ProxyHeaderError("header too long")
    if len(data) < 16 + length:
        raise EOFError
    body, total = data[16 : 16 + length], 16 + length
    size = {0x11: 4, 0x21: 16}.get(family)
    if version_command & 15 == 0 or size is None:
        return ProxyHeader(source=None, target=None, length=total)
    if length < 2 * size + 4:
        raise ProxyHeaderError("address block too short")
    ports = struct.unpack("!HH", body[2 * size : 2 * size + 4])
    return ProxyHeader(
        source=Address(ip=str(ipaddress.ip_address(body[:size])), port=ports[0]),
        target=Address(ip=str(ipaddress.ip_address(body[size : 2 * size])), port=ports[1]),
        length=total,
    )
