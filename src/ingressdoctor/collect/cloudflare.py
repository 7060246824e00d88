"""The target's zone at Cloudflare: status, the records of the name, where they lead, and the settings.

Asks for the one name and its wildcards, never for a whole zone. A CNAME is followed through the zones that the token
can see; an end outside them is left to DNS, because that is what the edge does too.

Source: developers.cloudflare.com/api (zones, DNS records, zone settings), RFC 4592 for wildcards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.collect.cloudflare_api import refusal, result_of
from ingressdoctor.collect.cloudflare_shelf import CloudflareShelf
from ingressdoctor.collect.dns import ask_addresses
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.cloudflare import ZoneFacts, ZoneRecord
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.addresses import canonical_address
from ingressdoctor.sources.base import Cloudflare, Dns

__all__ = ["candidate_zones", "collect_zone", "parse_records", "parse_zone", "wildcards_of"]

_WANTED: Final = "the zone at Cloudflare"
_ZONE_READ: Final = "Zone > Zone > Read"
_DNS_READ: Final = "Zone > DNS > Read"
_SETTINGS_READ: Final = "Zone > Zone Settings > Read"
_SETTINGS: Final = ("ssl", "always_use_https", "origin_error_page_pass_thru", "proxy_read_timeout")
_MAX_CHAIN: Final = 8
_MOST_LABELS: Final = 5


_Records = tuple[tuple[ZoneRecord, ...], bool, tuple[ZoneRecord, ...]]


class _Zone(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: str
    paused: bool
    name_servers: tuple[str, ...]
    account_id: str = ""


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """Where the records lead: CNAME targets followed, addresses at the end, and who gave those."""

    addresses: tuple[str, ...]
    chain: tuple[str, ...] = ()
    by_dns: bool = False


@collector(wanted=_WANTED, timeout_s=15.0)
async def collect_zone(target: Target, cloudflare: Cloudflare, dns: Dns) -> ZoneFacts | Unavailable:
    """Find the zone with the longest matching name, then read its records and settings side by side."""
    name = target.hostname
    zone = await _zone_of(cloudflare, name)
    if isinstance(zone, Unavailable):
        return zone
    if isinstance(cloudflare, CloudflareShelf):
        return await _facts_on(cloudflare, dns, zone, name)
    return await _facts(cloudflare, dns, zone, name)


async def _facts_on(shelf: CloudflareShelf, dns: Dns, zone: _Zone, name: str) -> ZoneFacts | Unavailable:
    """Return what the lists tell of a name; all names for which the same wildcards answer get the same value.

    Where a wildcard leads to another name, DNS may have to be asked, and that is done for each name anew.
    """
    above = wildcards_of(name, zone.name)
    listed = await shelf.records(f"/zones/{zone.id}/dns_records")
    if listed is None or name in listed:
        return await _facts(shelf, dns, zone, name)
    what = ("facts", zone.id, *above)
    found: ZoneFacts | Unavailable | None = shelf.kept(what)
    if found is None:
        found = await _facts(shelf, dns, zone, name)
        if isinstance(found, ZoneFacts) and not found.chain:
            shelf.keep(what, found)
    return found


async def _facts(cloudflare: Cloudflare, dns: Dns, zone: _Zone, name: str) -> ZoneFacts | Unavailable:
    found, settings = await together(_records_and_way(cloudflare, dns, zone, name), _settings_of(cloudflare, zone))
    if isinstance(found, Unavailable):
        return found
    (records, wildcard, wildcards), way = found
    return ZoneFacts(
        id=zone.id,
        name=zone.name,
        status=zone.status,
        paused=zone.paused,
        name_servers=zone.name_servers,
        records=records,
        wildcard=wildcard,
        origin_addresses=way.addresses,
        settings=settings,
        chain=way.chain,
        resolved_by_dns=way.by_dns,
        account_id=zone.account_id,
        wildcards=wildcards,
    )


async def _records_and_way(
    cloudflare: Cloudflare, dns: Dns, zone: _Zone, name: str
) -> tuple[_Records, _Way] | Unavailable:
    found = await _records_of(cloudflare, zone, name)
    return found if isinstance(found, Unavailable) else (found, await _follow(cloudflare, dns, zone, found[0]))


def candidate_zones(name: str) -> tuple[str, ...]:
    """Return the zone names that could hold *name*, longest first, never a bare top-level domain."""
    labels = name.split(".")
    first = max(0, len(labels) - _MOST_LABELS)
    return tuple(".".join(labels[index:]) for index in range(first, len(labels) - 1))


def wildcards_of(name: str, zone: str) -> tuple[str, ...]:
    """Return the wildcard names above *name* inside *zone*, the closest first."""
    inner = name.removesuffix(f".{zone}")
    if inner == name:
        return ()
    labels = inner.split(".")
    above = (".".join((*labels[index:], zone)) for index in range(1, len(labels) + 1))
    return tuple(f"*.{parent}" for parent in above)[:_MOST_LABELS]


def parse_zone(raw: object, wanted: str) -> _Zone | None:
    """Read one zone of ``GET /zones``; None when it is another one or has no id."""
    item = as_map(raw)
    ident, name = item.get("id"), str(item.get("name") or "").lower()
    account = as_map(item.get("account")).get("id")
    if not isinstance(ident, str) or not ident.isalnum() or name != wanted:
        return None
    return _Zone(
        id=ident,
        name=name,
        status=clean(str(item.get("status") or ""), 40),
        paused=item.get("paused") is True,
        name_servers=tuple(clean(str(server), 253) for server in as_list(item.get("name_servers"))[:16]),
        account_id=account if isinstance(account, str) and account.isalnum() else "",
    )


def parse_records(result: object, wanted: str) -> tuple[ZoneRecord, ...]:
    """Read ``GET /zones/{id}/dns_records``: the A, AAAA and CNAME records of exactly one name."""
    records = []
    for item in map(as_map, as_list(result)):
        content, kind, ttl = item.get("content"), str(item.get("type") or ""), item.get("ttl")
        if kind not in {"A", "AAAA", "CNAME"} or not isinstance(content, str):
            continue
        if _owner(item) != wanted:
            continue
        records.append(
            ZoneRecord(
                name=wanted,
                type=kind,
                content=clean(content.strip().rstrip("."), 253),
                proxied=item.get("proxied") is True,
                ttl=ttl if isinstance(ttl, int) and not isinstance(ttl, bool) else 1,
                modified_on=clean(str(item.get("modified_on") or ""), 40),
            )
        )
    return tuple(records)


def _owner(raw: object) -> str:
    return str(as_map(raw).get("name") or "").lower().rstrip(".")


async def _zone_of(cloudflare: Cloudflare, name: str) -> _Zone | Unavailable:
    names = candidate_zones(name)
    shelf = cloudflare if isinstance(cloudflare, CloudflareShelf) else None
    listed = await shelf.records("/zones") if shelf is not None else None
    if shelf is not None and listed is not None:
        names = tuple(zone for zone in names if zone in listed)
        known: _Zone | None = shelf.kept(("zone", *names))
        if known is not None:
            return known
    answers = await together(*(cloudflare.get("/zones", {"name": zone, "per_page": "50"}) for zone in names))
    for zone, answer in zip(names, answers, strict=True):
        parsed = [item for raw in as_list(result_of(answer)) if (item := parse_zone(raw, zone)) is not None]
        if parsed:
            found = min(parsed, key=lambda item: item.status != "active")
            if shelf is not None and listed is not None:
                shelf.keep(("zone", *names), found)
            return found
    refusals = (refusal(answer, _WANTED, _ZONE_READ) for answer in answers)
    return next((item for item in refusals if item is not None), None) or Unavailable(
        wanted=_WANTED,
        reason=f"no account that this token can see holds a zone for {name}",
        enable_with=f"Use a token of the account that holds the zone, with the permission {_ZONE_READ}.",
    )


async def _records_of(cloudflare: Cloudflare, zone: _Zone, name: str) -> _Records | Unavailable:
    """Return (records of the name or of the closest wildcard, whether it is the wildcard's, those of all wildcards)."""
    names = (name, *wildcards_of(name, zone.name))
    path = f"/zones/{zone.id}/dns_records"
    answers = await together(*(cloudflare.get(path, {"name.exact": item, "per_page": "100"}) for item in names))
    refused = refusal(answers[0], "the zone's DNS records", _DNS_READ)
    if refused is not None:
        return refused
    above = [parse_records(result_of(answer), item) for item, answer in zip(names[1:], answers[1:], strict=True)]
    wildcards = tuple(record for records in above for record in records)
    exact = [item for item in as_list(result_of(answers[0])) if _owner(item) == name]
    if exact:
        # Any record of the name, even a TXT, keeps the wildcard from answering.
        return parse_records(exact, name), False, wildcards
    return next((records for records in above if records), ()), bool(wildcards), wildcards


async def _settings_of(cloudflare: Cloudflare, zone: _Zone) -> Mapping[str, str] | Unavailable:
    """Read the settings that decide how the edge talks to the origin; failing here must not hide the records."""
    if not isinstance(cloudflare, CloudflareShelf):
        return await _read_settings(cloudflare, zone)
    settings: Mapping[str, str] | Unavailable | None = cloudflare.kept(("settings", zone.id))
    if settings is None:
        settings = await _read_settings(cloudflare, zone)
        cloudflare.keep(("settings", zone.id), settings)
    return settings


async def _read_settings(cloudflare: Cloudflare, zone: _Zone) -> Mapping[str, str] | Unavailable:
    wanted = "the zone's settings"
    try:
        answers = await together(*(cloudflare.get(f"/zones/{zone.id}/settings/{name}", {}) for name in _SETTINGS))
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=clean(error.message), enable_with=clean(error.hint))
    values = {}
    for name, answer in zip(_SETTINGS, answers, strict=True):
        value = as_map(result_of(answer)).get("value")
        if isinstance(value, str | int):
            values[name] = clean(str(value), 100)
    if values:
        return values
    return refusal(answers[0], wanted, _SETTINGS_READ) or Unavailable(
        wanted=wanted, reason="the API gave no value", enable_with="Look at SSL/TLS in the dashboard."
    )


async def _follow(cloudflare: Cloudflare, dns: Dns, zone: _Zone, records: tuple[ZoneRecord, ...]) -> _Way:
    """Follow a CNAME, inside the account by the API and beyond it by DNS, to addresses."""
    chain: list[str] = []
    while len(chain) < _MAX_CHAIN:
        addresses = tuple(
            dict.fromkeys(a for r in records if r.type != "CNAME" and (a := canonical_address(r.content)))
        )
        alias = next((record.content.lower() for record in records if record.type == "CNAME"), "")
        if addresses or not alias or alias in chain:
            return _Way(addresses=addresses, chain=tuple(chain))
        chain.append(alias)
        if alias.endswith(".cfargotunnel.com"):
            break
        inner = await _known_zone(cloudflare, zone, alias)
        found = await _records_of(cloudflare, inner, alias) if inner else None
        if found is None or isinstance(found, Unavailable):
            return _Way(addresses=await ask_addresses(dns, alias), chain=tuple(chain), by_dns=True)
        records = found[0]
    return _Way(addresses=(), chain=tuple(chain))


async def _known_zone(cloudflare: Cloudflare, zone: _Zone, name: str) -> _Zone | None:
    if name == zone.name or name.endswith(f".{zone.name}"):
        return zone
    try:
        found = await _zone_of(cloudflare, name)
    except SourceError:
        return None
    return None if isinstance(found, Unavailable) else found
