"""Which account a client is: by name and by the host pattern that fits best, as MySQL matches them.

`%` and `_` are wildcards, `a.b.c.d/m.m.m.m` is a netmask. The more specific pattern wins; an account without a name
takes everybody. Names of hosts are never resolved (skip_name_resolve).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Named(Protocol):
    """What an account is found by."""

    @property
    def user(self) -> str:
        """Name."""
        ...

    @property
    def host(self) -> str:
        """Pattern."""
        ...


Known = TypeVar("Known", bound=Named)


def best_match(accounts: Iterable[Known], user: str, ip: str) -> Known | None:
    """The account that *user* from *ip* is; None for none."""
    fitting = [item for item in accounts if item.user in {user, ""} and fits(item.host, ip)]
    return min(fitting, key=lambda item: (_first_wildcard(item.host), not item.user), default=None)


def fits(pattern: str, ip: str) -> bool:
    """Whether an address matches a host pattern."""
    if "/" in pattern:
        try:
            return ipaddress.ip_address(ip) in ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            return False
    wildcards = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return re.fullmatch(wildcards, ip, re.IGNORECASE) is not None


def _first_wildcard(pattern: str) -> int:
    """Smaller for patterns that say more."""
    places = [place for sign in "%_" if (place := pattern.find(sign)) >= 0]
    return -min(places) if places else -1000
