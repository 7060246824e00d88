"""Whom Hetzner Firewalls let in to a TCP port. Pure.

Rules only allow, and several Firewalls of one server add up. What is not let in is dropped, so that clients time out.
Source: docs.hetzner.com/cloud/firewalls (rules, FAQ).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ingressdoctor.evidence.firewalls import Firewall
from ingressdoctor.routing.ranges import uncovered

__all__ = ["admitted", "open_to_world", "shut_out"]

_WORLD: Final = ("0.0.0.0/0", "::/0")


def admitted(firewalls: Iterable[Firewall], port: int) -> tuple[str, ...]:
    """Return the CIDRs that some rule lets in to a TCP port, each once."""
    rules = (rule for item in firewalls for rule in item.inbound)
    sources = (
        source
        for rule in rules
        if rule.protocol == "tcp" and rule.first <= port <= rule.last
        for source in rule.sources
    )
    return tuple(dict.fromkeys(sources))


def shut_out(firewalls: Sequence[Firewall], port: int, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the CIDRs of *wanted* that do not wholly get in; none where no Firewall stands before the server."""
    return uncovered(wanted, admitted(firewalls, port)) if firewalls else ()


def open_to_world(firewalls: Sequence[Firewall], port: int) -> bool:
    """Tell whether everybody gets in, over IPv4 or over IPv6."""
    return not firewalls or len(uncovered(_WORLD, admitted(firewalls, port))) < len(_WORLD)
