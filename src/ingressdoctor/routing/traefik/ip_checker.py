"""Traefik's list of addresses and CIDRs, as allow lists, ``ClientIP`` and trusted peers use it.

Go reads addresses more strictly than Python (no dotted masks, no zones in a list), and an IPv4-mapped IPv6 address
equals its IPv4 form. Nothing here knows whose list it is.

Source: traefik: pkg/ip/checker.go; Go: net/ip.go (ParseIP, ParseCIDR, IPNet.Contains), net/netip.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError

__all__ = ["IpChecker", "parse_address"]

_Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
_Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_CIDR: Final = re.compile(r"([^/%]+)/(\d{1,8})", re.ASCII)
_MAPPED_BITS: Final = 96


class IpChecker(msgspec.Struct, frozen=True):
    """The networks of one list; a single address is a network of one."""

    networks: tuple[_Network, ...]

    @classmethod
    def parse(cls, ranges: tuple[str, ...]) -> IpChecker:
        """Read a list.

        Raises:
            RuleError: the list is empty, or Traefik refuses an entry; the text is Traefik's.
        """
        if not ranges:
            raise RuleError("no trusted IPs provided")
        return cls(tuple(_network(text) for text in ranges))

    def contains(self, text: str) -> bool:
        """Tell whether an address is in the list; what is no address is not."""
        address = parse_address(text)
        return address is not None and any(
            network.version == address.version and address in network for network in self.networks
        )


def parse_address(text: str) -> _Address | None:
    """Return an address without its zone, an IPv4-mapped one as IPv4; None for anything else."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4_096)
def _network(text: str) -> _Network:
    address = None if "%" in text else parse_address(text)
    if address is not None:
        return ipaddress.ip_network(address)
    match = _CIDR.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)  # noqa: TRY301 - one place says what is wrong with an entry
        network = ipaddress.ip_network(f"{match.group(1)}/{int(match.group(2))}", strict=False)
    except ValueError:
        raise RuleError(f"parsing CIDR trusted IPs <nil>: invalid CIDR address: {text}") from None
    return _as_ipv4(network)


def _as_ipv4(network: _Network) -> _Network:
    """Return a network of IPv4-mapped addresses as the IPv4 network it is."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - _MAPPED_BITS))
