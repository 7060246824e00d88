"""Read for all workers what Cloudflare says of the zones and tunnels that targets are in: its budget counts once.

One target of each zone, and of each tunnel in it, stands for all of them. Its evidence is collected and thrown away;
what the API answered is recorded on the way. Judges nothing and probes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, Final

from ingressdoctor.collect.cloudflare import candidate_zones
from ingressdoctor.collect.cloudflare_shelf import CloudflareShelf
from ingressdoctor.engine.choose import select
from ingressdoctor.engine.session import ask
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.access_apps import AccessCoverage
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.outside import AddressRanges
from ingressdoctor.evidence.tunnel_api import TunnelFacts
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Cloudflare
from ingressdoctor.sweeping.sources import without
from ingressdoctor.wiring import Session

__all__ = ["read_cloudflare"]

_EVIDENCE: Final = (ZoneFacts, TunnelFacts, AccessCoverage, AddressRanges)
_TUNNEL: Final = ".cfargotunnel.com"
_AT_ONCE: Final = 8
_EACH_S: Final = 30.0
_MOST_TARGETS: Final = 100_000
_PAUSE_AFTER: Final = 500


async def read_cloudflare(
    session: Session, sources: Mapping[type, object], spec: SweepSpec, targets: Collection[SweepTarget]
) -> None:
    """Ask through *sources* what workers would ask Cloudflare about *targets*, once for all of them."""
    shelf = sources.get(Cloudflare)
    catalog = session.catalog
    needs = {need.wanted for item in select(catalog.checks, spec.only, spec.skip) for need in item.needs}
    wanted = tuple(item for item in _EVIDENCE if item in catalog.urgency(needs))
    if not isinstance(shelf, CloudflareShelf) or not wanted:
        return
    quiet, turns = without(sources, probes=False, inside=True), asyncio.Semaphore(_AT_ONCE)

    async def read(target: Target) -> None:
        async with turns:
            await ask(session.run(target, instead=quiet), wanted, _EACH_S)

    await asyncio.gather(*(read(target) for target in await _one_of_each(shelf, targets)))


async def _one_of_each(shelf: CloudflareShelf, targets: Collection[SweepTarget]) -> tuple[Target, ...]:
    """Return one target of each zone and tunnel."""
    try:
        zones = await shelf.records("/zones")
    except SourceError:
        return ()
    found: dict[tuple[str, str], Target] = {}
    for number, item in enumerate(islice(targets, _MOST_TARGETS) if zones else ()):
        if number % _PAUSE_AFTER == 0:
            await asyncio.sleep(0)
        ident = _zone_of(zones or {}, item.target.hostname)
        if ident:
            found.setdefault((ident, await _tunnel_of(shelf, ident, item.target.hostname)), item.target)
    return tuple(found.values())


def _zone_of(zones: Mapping[str, list[Any]], name: str) -> str:
    """Return the id of the zone that holds a name, empty where none does."""
    for candidate in candidate_zones(name):
        for zone in map(as_map, zones.get(candidate, ())):
            ident = as_text(zone.get("id"))
            if ident.isalnum():
                return ident
    return ""


async def _tunnel_of(shelf: CloudflareShelf, zone: str, name: str) -> str:
    try:
        records = await shelf.records(f"/zones/{zone}/dns_records")
    except SourceError:
        return ""
    contents = (as_text(as_map(item).get("content")).lower() for item in (records or {}).get(name, ()))
    return next((text for text in contents if text.rstrip(".").endswith(_TUNNEL)), "")
