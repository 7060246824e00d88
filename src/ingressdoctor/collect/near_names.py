"""Which names of the zone a name that does not exist may have meant, and where the names beside it lead.

A slip of the pen is the likeliest reason; else the record to create is one like its neighbours'. The zone's records are
listed only where neither the zone nor DNS has the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from ingressdoctor.collect.cloudflare import parse_records
from ingressdoctor.collect.cloudflare_api import list_all
from ingressdoctor.evidence.cloudflare import NearNames, ZoneFacts, ZoneRecord
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.routing.traefik.hosts import near
from ingressdoctor.sources.base import Cloudflare

__all__ = ["collect_near"]

_WANTED: Final = "the names of the zone"
_LEADING: Final = frozenset({"A", "AAAA", "CNAME"})
_MOST_BESIDE: Final = 500
_MOST_STEPS: Final = 4


@collector(wanted=_WANTED)
async def collect_near(view: DnsView, zone: ZoneFacts, cloudflare: Cloudflare) -> NearNames | Unavailable:
    """List the zone's names where the target's is missing, and keep those that look like it.

    Raises:
        SourceError: the API does not answer.
    """
    if view.addresses or zone.records:
        return NearNames()
    found = await list_all(
        cloudflare, f"/zones/{zone.id}/dns_records", {}, wanted=_WANTED, permission="Zone > DNS > Read"
    )
    if isinstance(found, Unavailable):
        return found
    items = tuple(as_map(item) for item in found)
    names = {as_text(item.get("name")).lower() for item in items if item.get("type") in _LEADING}
    # Who asks for www. means it: that the bare name exists is no correction.
    bare = view.hostname.removeprefix("www.")
    others = (name for name in names if name.removeprefix("www.") != bare)
    return NearNames(
        names=tuple(clean(name, 253) for name in near(view.hostname, others)),
        beside=_beside(view.hostname, zone.name, items),
    )


def _beside(host: str, zone: str, items: tuple[Mapping[str, Any], ...]) -> tuple[ZoneRecord, ...]:
    """Return the records of the names in the closest domain above *host* that has any."""
    records: dict[str, tuple[ZoneRecord, ...]] = {}
    for item in items[:_MOST_BESIDE]:
        name = as_text(item.get("name")).lower().rstrip(".")
        records[name] = (*records.get(name, ()), *parse_records([item], name))
    # Names of services and proofs of ownership, the zone's own name and wildcards are no sites.
    sites = {name for name in records if "_" not in name and "*" not in name and name not in (zone, host)}
    above = host
    while above != zone and (above := above.partition(".")[2]):
        inside = sorted(name for name in sites if name.endswith(f".{above}") and records[name])
        if inside:
            return tuple(end for name in inside for end in _ends(name, records))
    return ()


def _ends(name: str, records: Mapping[str, tuple[ZoneRecord, ...]]) -> tuple[ZoneRecord, ...]:
    """Return where a name leads, as records of its own; CNAMEs are followed as far as the zone knows them."""
    found = records[name]
    for _ in range(_MOST_STEPS):
        aliases = [item.content.lower() for item in found if item.type == "CNAME"]
        if not aliases or aliases[0] not in records:
            break
        found = tuple(replace(item, name=name, proxied=records[name][0].proxied) for item in records[aliases[0]])
    return found
