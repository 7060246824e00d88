"""Hetzner Firewalls: what they let in to the public interfaces of servers. They know nothing of private networks."""

from __future__ import annotations

import msgspec

__all__ = ["Firewall", "FirewallRule", "HetznerFirewalls"]


class FirewallRule(msgspec.Struct, frozen=True, kw_only=True):
    """One inbound rule: it lets *sources* (CIDRs) in to the ports ``first`` to ``last`` of a protocol."""

    protocol: str
    first: int
    last: int
    sources: tuple[str, ...]
    description: str = ""


class Firewall(msgspec.Struct, frozen=True, kw_only=True):
    """One Firewall. What no inbound rule lets in is dropped; ``servers`` are the ids of those that it is applied to."""

    id: int
    name: str
    inbound: tuple[FirewallRule, ...] = ()
    servers: tuple[int, ...] = ()


class HetznerFirewalls(msgspec.Struct, frozen=True, kw_only=True):
    """The Firewalls of the project; ``broken`` counts those without a usable id."""

    items: tuple[Firewall, ...] = ()
    broken: int = 0

    def before(self, server: int) -> tuple[Firewall, ...]:
        """Return those that stand before a server; none means that nothing is filtered there."""
        return tuple(item for item in self.items if server in item.servers)
