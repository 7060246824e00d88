"""What Cloudflare tells of the last day: records of the name that were set, connectors that (re)connected. Pure.

Who set a record stands in the account's audit log, which nothing here reads.

Source: developers.cloudflare.com/api (DNS record modified_on; tunnel connections run_at, opened_at).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.timelines import CloudflareTimeline
from ingressdoctor.evidence.tunnel_api import TunnelFacts
from ingressdoctor.model.check import collector
from ingressdoctor.model.needs import Seen
from ingressdoctor.model.timeline import Change

__all__ = ["collect_cloudflare_timeline", "record_changes", "tunnel_changes"]


@collector(wanted="what changed at Cloudflare")
async def collect_cloudflare_timeline(
    clock: Clock, zone: Seen[ZoneFacts], tunnel: Seen[TunnelFacts]
) -> CloudflareTimeline:
    """Tell what the zone and the tunnel say that the run has read anyway."""
    day = Day.of(clock)
    changes: list[Change] = []
    if zone.value is not None:
        changes += record_changes(zone.value, day)
    if tunnel.value is not None:
        changes += tunnel_changes(tunnel.value, day)
    return CloudflareTimeline(changes=tuple(changes))


def record_changes(zone: ZoneFacts, day: Day) -> Iterator[Change]:
    """Yield records of the name that were made or edited, with what they say now."""
    for item in (*zone.records, *zone.wildcards):
        if at := day.at(item.modified_on):
            cloud = "proxied" if item.proxied else "DNS only"
            yield change(at, "edited", f"DNS record {item.type} {item.name}", detail=f"now {item.content}, {cloud}")


def tunnel_changes(facts: TunnelFacts, day: Day) -> Iterator[Change]:
    """Yield what happened to the tunnel: made, deleted, connectors that started, connections opened anew."""
    if facts.tunnel is None:
        return
    ref = f"Tunnel {facts.tunnel.name or facts.tunnel.id}"
    for text, what in ((facts.tunnel.created_at, "created"), (facts.tunnel.deleted_at, "deleted")):
        if at := day.at(text):
            yield change(at, what, ref)
    for item in facts.connectors if isinstance(facts.connectors, tuple) else ():
        started = day.at(item.run_at)
        if started:
            yield change(started, "connector started", ref, detail=f"connector {item.id[:8]}, version {item.version}")
        opened = [(at, link.colo) for link in item.connections if (at := day.at(link.opened_at))]
        later = [(at, colo) for at, colo in opened if not started or at[:16] > started[:16]]
        if later:
            places = ", ".join(dict.fromkeys(colo for _, colo in later if colo))
            count = f"{len(later)} of {len(item.connections)} connections"
            detail = f"connector {item.id[:8]}: {count}" + (f", to {places}" if places else "")
            yield change(max(at for at, _ in later), "connected anew", ref, detail=detail)
