"""What the names of a world resolve to. Pure: no sockets (see dns.py).

A zone at Cloudflare is answered from its API records: a proxied name has the edge's A and AAAA addresses and a
synthesised HTTPS record at TTL 300 (with an ECH configuration where the zone has ECH on) and shows no CNAME; anything
else has its own content. Other zones come from master files (RFC 1035); `ORIGIN@VIEW` is a file that only one view
sees. CNAME chains are followed inside the world. Names in no zone do not exist.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

from ingressdoctor.errors import LabError
from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.world import World

PROXIED_TTL = 300
# An ECHConfigList (RFC 9849) of one key for the public name cloudflare-ech.com, as the edge publishes it.
ECH = "AEX+DQBBnQAgACBzT0m8P8n2Qxy1v5d4a0GfXo3m6bWk2r9hT7uYc1LpZQAEAAEAAQASY2xvdWRmbGFyZS1lY2guY29tAAA="
MAX_CHAIN = 8
AUTHORITATIVE = "authoritative"
_SOA = "ada.ns.cloudflare.com. dns.cloudflare.com. 2401234567 10000 2400 604800 1800"
_PROXIABLE = frozenset(("A", "AAAA", "CNAME"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Response code, answer section and authority section."""

    rcode: dns.rcode.Rcode
    answers: tuple[dns.rrset.RRset, ...] = ()
    authority: tuple[dns.rrset.RRset, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """Records of one name in one zone: None when the name does not exist, else by type ({} is NODATA)."""

    records: Mapping[str, tuple[int, tuple[str, ...]]] | None
    soa: dns.rrset.RRset


def rrset(name: dns.name.Name, ttl: int, kind: str, values: Iterable[str]) -> dns.rrset.RRset:
    """An RRset from text; LabError when a record does not parse."""
    try:
        return dns.rrset.from_text_list(name, ttl, "IN", kind, list(values))
    except dns.exception.DNSException as error:
        raise LabError(f"bad {kind} record at {name}: {error}") from error


class _CloudflareZone:
    """One zone as Cloudflare's name servers answer it."""

    def __init__(self, entry: Mapping[str, Any], anycast: Mapping[str, Any]) -> None:
        zone = mapping(entry.get("zone"))
        self.origin = dns.name.from_text(text(zone.get("name")))
        self.active = zone.get("status") == "active"
        self._proxying = not zone.get("paused")
        self._ipv6 = dig(entry, "settings", "ipv6") != "off"
        self._ech = dig(entry, "settings", "ech") == "on"
        self._anycast = anycast
        self._name_servers = tuple(f"{text(item)}." for item in sequence(zone.get("name_servers")))
        self._records: dict[dns.name.Name, list[Mapping[str, Any]]] = {}
        for record in map(mapping, sequence(entry.get("dns_records"))):
            name = dns.name.from_text(text(record.get("name")))
            self._records.setdefault(name, []).append(record)

    def find(self, name: dns.name.Name) -> _Found:
        soa = rrset(self.origin, 1800, "SOA", (_SOA,))
        records = self._records.get(name) or self._wildcard(name)
        if records is None and name != self.origin:
            return _Found(None, soa)
        found = self._own(records or [])
        if name == self.origin:
            found["NS"] = (86400, self._name_servers)
            found["SOA"] = (1800, (_SOA,))
        return _Found(found, soa)

    def _wildcard(self, name: dns.name.Name) -> list[Mapping[str, Any]] | None:
        """Records of the closest enclosing wildcard; [] for a name that only has children (RFC 4592)."""
        if any(known.is_subdomain(name) for known in self._records):
            return []
        parent = name
        while parent != self.origin and parent.is_subdomain(self.origin):
            parent = parent.parent()
            star = dns.name.Name((b"*", *parent.labels))
            if star in self._records:
                return self._records[star]
            if parent in self._records:
                return None
        return None

    def _own(self, records: list[Mapping[str, Any]]) -> dict[str, tuple[int, tuple[str, ...]]]:
        # One proxied address record makes all of the name's proxied.
        proxied = [item for item in records if item.get("proxied") and self._proxying]
        found = self._edge(proxied[0]) if proxied else {}
        for record in records:
            kind = text(record.get("type"))
            if proxied and kind in _PROXIABLE:
                continue
            ttl = record.get("ttl")
            seconds = ttl if isinstance(ttl, int) and ttl > 1 else PROXIED_TTL
            found[kind] = (seconds, (*found.get(kind, (0, ()))[1], _content(record)))
        return found

    def _edge(self, record: Mapping[str, Any]) -> dict[str, tuple[int, tuple[str, ...]]]:
        v4 = tuple(map(text, sequence(self._anycast.get("v4"))))
        v6 = tuple(map(text, sequence(self._anycast.get("v6"))))
        if dig(record, "settings", "ipv6_only"):
            v4 = ()
        if dig(record, "settings", "ipv4_only") or not self._ipv6:
            v6 = ()
        hints = [f"ipv{number}hint={','.join(ips)}" for number, ips in ((4, v4), (6, v6)) if ips]
        ech = (f"ech={ECH}",) if self._ech else ()
        https = " ".join(("1", ".", 'alpn="h3,h2"', *hints, *ech))
        answers = {"A": v4, "AAAA": v6, "HTTPS": (https,)}
        return {kind: (PROXIED_TTL, values) for kind, values in answers.items() if values}


def _content(record: Mapping[str, Any]) -> str:
    """A record's content in master file form."""
    kind, content = text(record.get("type")), text(record.get("content"))
    if kind == "TXT" and not content.startswith('"'):
        return '"' + content.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind in {"CNAME", "NS", "MX"} and not content.endswith("."):
        content += "."
    return f"{record.get('priority', 10)} {content}" if kind == "MX" else content


class _FileZone:
    """A zone from a master file."""

    active = True

    def __init__(self, origin: str, content: str) -> None:
        try:
            self._zone = dns.zone.from_text(content, origin=origin, relativize=False)
        except (dns.exception.DNSException, ValueError) as error:
            raise LabError(f"zone file {origin}: {error}") from error
        self.origin = dns.name.from_text(origin)

    def find(self, name: dns.name.Name) -> _Found:
        soa = self._zone.find_rrset(self.origin, "SOA")
        node = self._zone.get_node(name)
        if node is None and any(known.is_subdomain(name) for known in self._zone):
            return _Found({}, soa)
        parent = name
        while node is None and parent != self.origin:
            parent = parent.parent()
            node = self._zone.get_node(dns.name.Name((b"*", *parent.labels)))
            if node is None and self._zone.get_node(parent) is not None:
                break
        if node is None:
            return _Found(None, soa)
        return _Found(
            {
                dns.rdatatype.to_text(item.rdtype): (item.ttl, tuple(rdata.to_text() for rdata in item))
                for item in node.rdatasets
            },
            soa,
        )


class Names:
    """All names of a world, as each view answers them."""

    def __init__(self, world: World) -> None:
        """Read every zone; LabError when a zone file does not parse."""
        anycast = mapping(world.settings.get("anycast"))
        entries = map(mapping, sequence(world.cloudflare.get("zones")))
        self._zones: list[tuple[str, _CloudflareZone | _FileZone]] = [
            ("", _CloudflareZone(entry, anycast)) for entry in entries
        ]
        for key, content in world.zone_files.items():
            origin, _, view = key.partition("@")
            self._zones.append((view, _FileZone(origin, content)))
        # The most specific zone answers; a file for one view goes before the zone that all views see.
        self._zones.sort(key=lambda item: (-len(item[1].origin.labels), not item[0]))
        self._views = mapping(dig(world.settings, "dns", "views"))

    def resolve(self, view: str, name: dns.name.Name, kind: str) -> Answer:
        """Answer *name*/*kind* ("AAAA") as *view* does ("authoritative" answers for its own zones only)."""
        answers: list[dns.rrset.RRset] = []
        for _ in range(MAX_CHAIN):
            found, rcode = self._find(view, name)
            if found is None:
                # An authority that followed a chain out of its own zones has answered all it can.
                done = bool(answers) and view == AUTHORITATIVE
                return Answer(rcode=dns.rcode.NOERROR if done else rcode, answers=tuple(answers))
            if found.records is None:
                return Answer(rcode=dns.rcode.NXDOMAIN, answers=tuple(answers), authority=(found.soa,))
            if kind in found.records and found.records[kind][1]:
                ttl, values = found.records[kind]
                return Answer(rcode=dns.rcode.NOERROR, answers=(*answers, rrset(name, ttl, kind, values)))
            if "CNAME" not in found.records:
                return Answer(rcode=dns.rcode.NOERROR, answers=tuple(answers), authority=(found.soa,))
            ttl, values = found.records["CNAME"]
            target = dns.name.from_text(values[0])
            if name == found.soa.name:
                # A CNAME at the apex is flattened: the target's records under the apex's name.
                below = self.resolve(view, target, kind)
                flat = [rrset(name, ttl, kind, [item.to_text() for item in part]) for part in below.answers[-1:]]
                return Answer(rcode=dns.rcode.NOERROR, answers=(*answers, *flat), authority=(found.soa,))
            answers.append(rrset(name, ttl, "CNAME", values))
            name = target
        return Answer(rcode=dns.rcode.SERVFAIL)

    def _find(self, view: str, name: dns.name.Name) -> tuple[_Found | None, dns.rcode.Rcode]:
        """What the name's zone holds; without one, the response code that the view gives."""
        recursive = view != AUTHORITATIVE
        for only, zone in self._zones:
            if only in {"", view} and name.is_subdomain(zone.origin):
                if not zone.active:
                    return None, dns.rcode.SERVFAIL if recursive else dns.rcode.REFUSED
                return self._overridden(view, name, zone.find(name)), dns.rcode.NOERROR
        return None, dns.rcode.NXDOMAIN if recursive else dns.rcode.REFUSED

    def _overridden(self, view: str, name: dns.name.Name, found: _Found) -> _Found:
        """The zone's records with what `dns.views` of the world says this view answers instead."""
        own = mapping(self._views.get(view)).get(name.to_text(omit_final_dot=True).lower())
        if own == "NXDOMAIN":
            return _Found(None, found.soa)
        if not isinstance(own, Mapping):
            return found
        values = {kind: (PROXIED_TTL, tuple(map(text, sequence(listed)))) for kind, listed in own.items()}
        return _Found({**(found.records or {}), **values}, found.soa)
