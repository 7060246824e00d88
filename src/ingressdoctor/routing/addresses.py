"""What an address is: Cloudflare's, private, or a placeholder. Pure arithmetic on CIDRs.

Must not resolve names. Text that is no address belongs to nothing, it never raises. Documentation ranges count as
public: "private" here means "a visitor on the internet cannot dial it", not Python's wider ``is_private``.

Sources: RFC 1918, 3927, 4193, 4291, 6598; Cloudflare's published ranges; the AAAA that every
``*.cfargotunnel.com`` name answers with.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ingressdoctor.evidence.outside import AddressRanges

__all__ = [
    "canonical_address",
    "in_ranges",
    "is_cloudflare",
    "is_lan",
    "is_originless",
    "is_private",
    "is_tunnel_placeholder",
]

_PRIVATE: Final = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "0.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
    "::/128",
)
# Of the private ranges those that hosts of a network have; the last of IPv4 is that of overlays and of carriers.
_LAN: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
_TUNNEL_PLACEHOLDER: Final = "fd10:aec2:5dae::/48"
# Cloudflare's documented placeholders for "this proxied name has no origin on purpose".
_ORIGINLESS: Final = ("192.0.2.0/32", "100::/128")


# The same addresses are looked up for every target of a sweep.
@lru_cache(maxsize=4_096)
def canonical_address(text: str) -> str:
    """Return an address in its shortest form, an IPv4-mapped one as IPv4, or "" when *text* is no address."""
    address = _address(text)
    return "" if address is None else str(address)


def in_ranges(cidrs: Iterable[str], address: str) -> bool:
    """Tell whether *address* lies in one of *cidrs*; a CIDR that cannot be read holds nothing."""
    return _lies_in(tuple(cidrs), address)


@lru_cache(maxsize=4_096)
def _lies_in(cidrs: tuple[str, ...], address: str) -> bool:
    wanted = _address(address)
    return wanted is not None and any(
        network is not None and network.version == wanted.version and wanted in network
        for network in map(_network, cidrs)
    )


def is_cloudflare(ranges: AddressRanges, address: str) -> bool:
    """Tell whether *address* lies in Cloudflare's published edge ranges."""
    return in_ranges(ranges.cidrs, address)


def is_private(address: str) -> bool:
    """Tell whether *address* is one that a visitor on the internet cannot dial."""
    return in_ranges(_PRIVATE, address)


def is_lan(address: str) -> bool:
    """Tell whether *address* is one that a host of a private network may have."""
    return in_ranges(_LAN, address) and not is_tunnel_placeholder(address)


def is_tunnel_placeholder(address: str) -> bool:
    """Tell whether *address* is what a CNAME to a tunnel answers when it is not proxied; nothing listens there."""
    return in_ranges((_TUNNEL_PLACEHOLDER,), address)


def is_originless(address: str) -> bool:
    """Tell whether *address* says "no origin by design" in a proxied record."""
    return in_ranges(_ORIGINLESS, address)


@lru_cache(maxsize=4_096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4_096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
