"""Hetzner's Firewalls: what they keep from the public addresses of servers. Pure rules, no socket.

Source: docs.hetzner.cloud (Firewalls) and docs.hetzner.com/cloud/firewalls/faq. Rules only allow, several Firewalls of
a server add up, a server without one is open, and one without a rule for what comes in is shut. What is not allowed is
dropped, and so is everything for an address that Hetzner has blocked (after abuse). They stand before the server, so a
port that the server itself passes on is judged by its own number, and nothing of the private network is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.network import Guard, Verdict, canonical

Rules = tuple[Mapping[str, Any], ...]


def public_addresses(server: Mapping[str, Any]) -> tuple[str, ...]:
    """A server's public IPv4, and the first address of its IPv6 network, which is the one it configures itself."""
    v4, v6 = (text(dig(server, "public_net", family, "ip")) for family in ("ipv4", "ipv6"))
    if v6.endswith("::/64"):
        v6 = v6.removesuffix("/64") + "1"
    return tuple(canonical(ip) for ip in (v4, v6) if ip)


def firewall_guard(hetzner: Mapping[str, Any]) -> Guard:
    """The verdict on every connection to a public address of a server."""
    firewalls = {item.get("id"): item for item in map(mapping, sequence(hetzner.get("firewalls")))}
    shields: dict[str, Rules] = {}
    own: dict[str, frozenset[str]] = {}
    for server in map(mapping, sequence(hetzner.get("servers"))):
        applied = [
            mapping(firewalls.get(mapping(item).get("id")))
            for item in sequence(dig(server, "public_net", "firewalls"))
            if mapping(item).get("status") == "applied"
        ]
        for ip in public_addresses(server):
            own[ip] = frozenset(public_addresses(server))
            if applied:
                shields[ip] = tuple(_inbound(applied))
            if dig(server, "public_net", "ipv6" if ":" in ip else "ipv4", "blocked") is True:
                shields[ip] = ()

    def guard(source_ip: str, ip: str, port: int) -> Verdict:
        rules = shields.get(ip)
        if rules is None or source_ip in own[ip]:
            return Verdict.PASS
        return Verdict.PASS if any(_allows(rule, source_ip, port) for rule in rules) else Verdict.DROP

    return guard


def _inbound(firewalls: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for firewall in firewalls:
        for rule in map(mapping, sequence(firewall.get("rules"))):
            if rule.get("direction") == "in" and rule.get("protocol") == "tcp":
                yield rule


def _allows(rule: Mapping[str, Any], source_ip: str, port: int) -> bool:
    first, _, last = text(rule.get("port")).partition("-")
    if first not in {"any", ""} and not (first.isdigit() and int(first) <= port <= int(last or first)):
        return False
    return any(covers(text(item), source_ip) for item in sequence(rule.get("source_ips")))


def covers(cidr: str, ip: str) -> bool:
    """Whether an address lies in a range; what is neither covers nothing."""
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
