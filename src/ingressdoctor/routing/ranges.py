"""Whether one list of networks covers another. Pure arithmetic on CIDRs; text that is none covers nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["of_same_family", "uncovered"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def uncovered(wanted: Iterable[str], by: Iterable[str]) -> tuple[str, ...]:
    """Return the CIDRs of *wanted* that are not wholly inside the networks of *by* taken together."""
    return _uncovered(tuple(wanted), tuple(by))


# The same few lists are compared for every target of a sweep.
@lru_cache(maxsize=1_024)
def _uncovered(wanted: tuple[str, ...], by: tuple[str, ...]) -> tuple[str, ...]:
    whole = _joined(by)
    return tuple(text for text in wanted if (one := _network(text)) is not None and not _inside(one, whole))


def of_same_family(cidrs: Iterable[str], examples: Iterable[str]) -> tuple[str, ...]:
    """Return the CIDRs that are of an address family of which *examples* has any."""
    families = {found.version for text in examples if (found := _network(text)) is not None}
    return tuple(text for text in cidrs if (found := _network(text)) is not None and found.version in families)


def _joined(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks, neighbours joined: two halves cover what spans them."""
    networks = [found for text in cidrs if (found := _network(text)) is not None]
    v4 = [item for item in networks if isinstance(item, ipaddress.IPv4Network)]
    v6 = [item for item in networks if isinstance(item, ipaddress.IPv6Network)]
    return (*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(v6))


def _inside(one: Network, whole: tuple[Network, ...]) -> bool:
    if isinstance(one, ipaddress.IPv4Network):
        return any(one.subnet_of(item) for item in whole if isinstance(item, ipaddress.IPv4Network))
    return any(one.subnet_of(item) for item in whole if isinstance(item, ipaddress.IPv6Network))


@lru_cache(maxsize=4_096)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
