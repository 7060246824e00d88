"""Read the Firewalls of a Hetzner project: inbound rules, and the servers that they stand before.

One request unless there are many. Whom they let in is ``routing/hetzner_firewall``'s business.
Source: docs.hetzner.cloud, firewalls (a port is "80", "1024-5000", null or, as scripts pass it, "any").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.collect.hetzner import read_all
from ingressdoctor.collect.hetzner_objects import sequence
from ingressdoctor.evidence.firewalls import Firewall, FirewallRule, HetznerFirewalls
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map
from ingressdoctor.sources.base import Hetzner

__all__ = ["collect_firewalls", "parse_firewall"]

_LAST_PORT: Final = 65_535


@collector(wanted="the Firewalls of the Hetzner project", timeout_s=20.0)
async def collect_firewalls(hetzner: Hetzner) -> HetznerFirewalls | Unavailable:
    """Return every Firewall that the token can see."""
    found = await read_all(hetzner, "firewalls", parse_firewall)
    if isinstance(found, Unavailable):
        return found
    items, broken = found
    return HetznerFirewalls(items=items, broken=broken)


def parse_firewall(raw: object) -> Firewall | None:
    """Return one Firewall, or None when *raw* is no object with an id."""
    item = as_map(raw)
    number = _id(item.get("id"))
    if number is None:
        return None
    return Firewall(
        id=number,
        name=clean(str(item.get("name") or ""), 100),
        inbound=tuple(_rules(sequence(item.get("rules")))),
        servers=tuple(dict.fromkeys(_servers(sequence(item.get("applied_to"))))),
    )


def _rules(raw: tuple[object, ...]) -> Iterator[FirewallRule]:
    """Return inbound rules; one whose port cannot be read lets nobody in."""
    for rule in map(as_map, raw):
        ports = _ports(rule.get("port"))
        if rule.get("direction") != "in" or ports is None:
            continue
        yield FirewallRule(
            protocol=clean(str(rule.get("protocol") or ""), 10).lower(),
            first=ports[0],
            last=ports[1],
            sources=tuple(clean(text, 50) for text in sequence(rule.get("source_ips")) if isinstance(text, str)),
            description=clean(str(rule.get("description") or ""), 100),
        )


def _ports(raw: object) -> tuple[int, int] | None:
    if raw is None or raw == "any":
        return 1, _LAST_PORT
    first, dash, last = raw.partition("-") if isinstance(raw, str) else ("", "", "")
    numbers = [int(text) for text in (first, last if dash else first) if text.isascii() and text.isdecimal()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 and all(0 < n <= _LAST_PORT for n in numbers) else None


def _servers(raw: tuple[object, ...]) -> Iterator[int]:
    """Return the ids of servers that are named, and of those that a label selector found."""
    for entry in map(as_map, raw):
        for one in (entry, *map(as_map, sequence(entry.get("applied_to_resources")))):
            number = _id(as_map(one.get("server")).get("id"))
            if number is not None:
                yield number


def _id(raw: object) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
