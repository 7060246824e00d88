"""The edge's configuration: which zone and DNS record a hostname belongs to, and where its origin is.

Cloudflare API objects in, answers out; it opens nothing. A proxied record may be an address, a CNAME into a zone of the
same world (followed), or a tunnel; a closer name beats a wildcard, and a wildcard of DNS covers one label or more.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.pki import Order

TUNNEL_SUFFIX = ".cfargotunnel.com"
VALID_DAYS = 90.0
_MAX_CHAIN = 8
_LOCAL = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One zone at the edge."""

    name: str
    active: bool
    settings: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]
    certificate_names: tuple[str, ...]
    certificate_ends: str
    rules: tuple[Mapping[str, Any], ...]
    # How many of a host's addresses are tried for a request: zero-downtime failover is one more, on the paid plans.
    tries: int

    def setting(self, key: str, default: str) -> str:
        """A zone setting's value, given plainly or as the API object."""
        value = self.settings.get(key, default)
        return text(mapping(value).get("value", default) if isinstance(value, Mapping) else value)

    @property
    def certificate(self) -> Order:
        """What the edge serves: until its pack says that it expires, ninety days in all."""
        try:
            ends = datetime.fromisoformat(self.certificate_ends)
        except ValueError:
            return Order(names=self.certificate_names)
        left = (ends - datetime.now(UTC)).total_seconds() / 86_400
        return Order(names=self.certificate_names, not_before_days=left - VALID_DAYS, not_after_days=left)

    def owns(self, host: str) -> bool:
        """Whether the name is the zone's or below it."""
        return host == self.name or host.endswith("." + self.name)

    def at(self, host: str) -> tuple[Mapping[str, Any], ...]:
        """Address and alias records that answer for *host*, exact names before wildcards."""
        exact = tuple(item for item in self.records if text(item.get("name")).lower() == host)
        if exact:
            return exact
        parent = host
        while "." in parent and parent != self.name:
            parent = parent.partition(".")[2]
            if found := tuple(item for item in self.records if text(item.get("name")).lower() == f"*.{parent}"):
                return found
        return ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a hostname's requests go: addresses, or a tunnel, or the error code that ends the search."""

    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tunnel: str = ""
    error: int = 0


class Zones:
    """Every zone of the world."""

    def __init__(self, cloudflare: Mapping[str, Any], own_addresses: Iterable[str]) -> None:
        """*own_addresses* are the edge's: records that point at them are prohibited."""
        self._zones = tuple(_zone(mapping(item)) for item in sequence(cloudflare.get("zones")))
        self._own = frozenset(str(ipaddress.ip_address(ip)) for ip in own_addresses)

    @property
    def all(self) -> tuple[Zone, ...]:
        """The zones, as configured."""
        return self._zones

    def of(self, host: str) -> Zone | None:
        """The zone with the longest name that owns *host*."""
        owners = [zone for zone in self._zones if zone.owns(host)]
        return max(owners, key=lambda zone: len(zone.name), default=None)

    def serves(self, host: str) -> bool:
        """Whether the edge answers for *host*: an active zone with a proxied record."""
        zone = self.of(host)
        return zone is not None and zone.active and any(r.get("proxied") is True for r in zone.at(host))

    def origin(self, host: str) -> Origin:
        """Follow the records of *host* to its origin."""
        names = [host]
        for _ in range(_MAX_CHAIN):
            zone = self.of(names[-1])
            records = zone.at(names[-1]) if zone is not None else ()
            found = {
                kind: tuple(text(r.get("content")) for r in records if r.get("type") == kind)
                for kind in ("A", "AAAA", "CNAME")
            }
            if found["A"] or found["AAAA"]:
                return self._judged((*found["A"], *found["AAAA"]), tuple(names))
            if not found["CNAME"]:
                break
            alias = found["CNAME"][0].lower().rstrip(".")
            if alias.endswith(TUNNEL_SUFFIX):
                return Origin(names=tuple(names), tunnel=alias.removesuffix(TUNNEL_SUFFIX))
            names.append(alias)
        return Origin(names=tuple(names), error=1016)

    def _judged(self, found: tuple[str, ...], names: tuple[str, ...]) -> Origin:
        try:
            ips = [ipaddress.ip_address(ip) for ip in found]
        except ValueError:
            return Origin(names=names, error=1016)
        if any(str(ip) in self._own for ip in ips):
            return Origin(names=names, error=1000)
        if any(
            ip.is_loopback or ip.is_unspecified or ip.is_multicast or ip.is_link_local or _is_local(ip) for ip in ips
        ):
            return Origin(names=names, error=1002)
        return Origin(names=names, addresses=tuple(str(ip) for ip in ips))


def _is_local(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the address is one of a LAN (documentation ranges, which stand for public ones here, are not)."""
    return any(ip in network for network in _LOCAL)


def matching_rule(zone: Zone, host: str, path: str) -> Mapping[str, Any]:
    """The first WAF rule for a request ({} when none); rules may name a host and a path prefix."""
    for rule in zone.rules:
        if text(rule.get("host")) in {"", host} and path.startswith(text(rule.get("path") or "/")):
            return rule
    return {}


def _zone(item: Mapping[str, Any]) -> Zone:
    api = mapping(item.get("zone"))
    name = text(api.get("name")).lower()
    records = (mapping(record) for record in sequence(item.get("dns_records")))
    packs = (text(host) for pack in sequence(item.get("certificate_packs")) for host in sequence(dig(pack, "hosts")))
    return Zone(
        name=name,
        active=api.get("status", "active") == "active" and api.get("paused") is not True,
        settings=mapping(item.get("settings")),
        records=tuple(r for r in records if r.get("type") in {"A", "AAAA", "CNAME"}),
        # Universal SSL: the apex and one label below it; deeper names need a certificate pack of their own.
        certificate_names=tuple(dict.fromkeys((name, f"*.{name}", *packs))),
        certificate_ends=next(iter(_ends(item)), ""),
        rules=tuple(mapping(rule) for rule in sequence(item.get("waf"))),
        tries=1 if dig(api, "plan", "legacy_id") == "free" else 2,
    )


def _ends(item: Mapping[str, Any]) -> tuple[str, ...]:
    """When the certificates of a zone's packs expire."""
    packs = map(mapping, sequence(item.get("certificate_packs")))
    certificates = (mapping(entry) for pack in packs for entry in sequence(pack.get("certificates")))
    return tuple(text(entry["expires_on"]) for entry in certificates if entry.get("expires_on"))
