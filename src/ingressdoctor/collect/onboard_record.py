"""The items about DNS: the CNAME of a management hostname and the proxied record of a public one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ingressdoctor.collect.onboard_common import dns_line, done, missing, nearest, records_at, unseen
from ingressdoctor.collect.onboard_rule import Ruling
from ingressdoctor.collect.onboard_sides import NameSide
from ingressdoctor.evidence.cloudflare import ZoneFacts, ZoneRecord
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Command, changes, look

__all__ = ["cname_item", "record_item"]

_SUFFIX: Final = ".cfargotunnel.com"
_CNAME: Final = "cname"
_CNAME_TITLE: Final = "A proxied CNAME leads to the tunnel"
_RECORD: Final = "dns-record"
_RECORD_TITLE: Final = "A proxied DNS record exists"
_UUID_LENGTH: Final = 36


def cname_item(host: str, ruling: Ruling, name: NameSide) -> OnboardItem:
    """Judge whether the name leads to the tunnel, by the API, else as far as DNS shows it."""
    zone = name.zone
    if isinstance(zone, Unavailable):
        return _cname_by_dns(host, ruling, zone, name)
    wanted, found = ruling.tunnel.lower(), zone.tunnel.lower()
    above = f" (by the wildcard {zone.records[0].name})" if zone.wildcard and zone.records else ""
    if found and (found == wanted or len(wanted) != _UUID_LENGTH):
        if zone.proxied:
            return done(_CNAME, _CNAME_TITLE, f"it leads to {found}{_SUFFIX}, proxied{above}.")
        action = NextAction(text=f"Set the record to proxied (the orange cloud) in {records_at(zone)}.")
        return missing(_CNAME, _CNAME_TITLE, f"it leads to {found}{_SUFFIX}, but is not proxied{above}.", action)
    if found:
        detail = f"it leads to another tunnel, {found}{above}; the rules are those of {wanted}."
        return missing(_CNAME, _CNAME_TITLE, detail, _route_dns(host, wanted, zone, overwrite=True))
    if zone.records:
        first = zone.records[0]
        detail = f"there is {_article(first)} to {first.content}{above} instead of a CNAME to the tunnel."
        return missing(_CNAME, _CNAME_TITLE, detail, _route_dns(host, wanted, zone, overwrite=not zone.wildcard))
    return missing(_CNAME, _CNAME_TITLE, f"the zone {zone.name} has no record for it.", _route_dns(host, wanted, zone))


def _article(record: ZoneRecord) -> str:
    return f"an {record.type} record" if record.type.startswith("A") else f"a {record.type}"


def _route_dns(host: str, tunnel: str, zone: ZoneFacts | None, *, overwrite: bool = False) -> NextAction:
    end = tunnel if len(tunnel) == _UUID_LENGTH else "UUID-OF-THE-TUNNEL"
    place = records_at(zone) if zone is not None else "the zone at Cloudflare (DNS > Records)"
    more = ("--overwrite-dns",) if overwrite else ()
    commands: tuple[Command, ...] = (look("cloudflared", "tunnel", "list"),)
    if end == tunnel:
        commands = (
            changes("cloudflared", "tunnel", "route", "dns", *more, tunnel, host),
            look("dig", "+short", host),
        )
    return NextAction(
        text=f"{'Change' if overwrite else 'Create'} the record in {place}, or let cloudflared do it.",
        place=place,
        paste=dns_line(host, "CNAME", f"{end}{_SUFFIX}"),
        commands=commands,
    )


def _cname_by_dns(host: str, ruling: Ruling, gap: Unavailable, name: NameSide) -> OnboardItem:
    dns = name.dns
    if isinstance(dns, Unavailable):
        return unseen(_CNAME, _CNAME_TITLE, gap)
    if any(alias.rstrip(".").lower().endswith(_SUFFIX) for alias in dns.cname_chain):
        action = NextAction(text="Set the record to proxied (the orange cloud) under DNS > Records at Cloudflare.")
        return missing(_CNAME, _CNAME_TITLE, "DNS shows the CNAME itself, so it is not proxied.", action)
    if name.absent:
        return missing(_CNAME, _CNAME_TITLE, "DNS knows no such name.", _route_dns(host, ruling.tunnel, None))
    reason = f"DNS answers {dns.addresses[0]}" if dns.addresses else "DNS does not answer"
    return unseen(
        _CNAME,
        _CNAME_TITLE,
        Unavailable(
            wanted="the record",
            reason=f"{reason}, which hides where it leads; {gap.reason}",
            enable_with=gap.enable_with,
        ),
    )


def record_item(host: str, name: NameSide, others: Sequence[ZoneRecord] | Unavailable) -> OnboardItem:
    """Judge whether the edge answers for a public name, by the API, else as DNS shows it."""
    zone = name.zone
    if isinstance(zone, Unavailable):
        return _record_by_dns(host, zone, name)
    if not zone.records:
        return missing(
            _RECORD, _RECORD_TITLE, f"the zone {zone.name} has no record for it.", _create(host, zone, others)
        )
    first = zone.records[0]
    above = f" (the wildcard {first.name})" if zone.wildcard else ""
    detail = f"{first.type} {first.content} in the zone {zone.name}{above}"
    if zone.proxied:
        return done(_RECORD, _RECORD_TITLE, f"{detail}, proxied.")
    action = NextAction(text=f"Set the record to proxied (the orange cloud) in {records_at(zone)}.")
    return missing(_RECORD, _RECORD_TITLE, f"{detail}, but not proxied.", action)


def _record_by_dns(host: str, gap: Unavailable, name: NameSide) -> OnboardItem:
    if name.absent:
        return missing(_RECORD, _RECORD_TITLE, "DNS knows no such name.", _create(host, None, ()))
    if name.at_edge is None:
        return unseen(_RECORD, _RECORD_TITLE, gap)
    if name.at_edge:
        return done(_RECORD, _RECORD_TITLE, f"DNS answers {name.addresses[0]}, an address of Cloudflare's edge.")
    action = NextAction(text="Set the record to proxied (the orange cloud) under DNS > Records at Cloudflare.")
    return missing(_RECORD, _RECORD_TITLE, f"DNS answers {name.addresses[0]}, which is not Cloudflare's.", action)


def _create(host: str, zone: ZoneFacts | None, others: Sequence[ZoneRecord] | Unavailable) -> NextAction:
    """Return the record that the most similar names have."""
    place = records_at(zone) if zone is not None else "the zone at Cloudflare (DNS > Records)"
    known = [item for item in ([] if isinstance(others, Unavailable) else others) if item.proxied]
    ways = [item for item in known if item.type in ("A", "CNAME")]
    # Where public names go to an address and management names to a tunnel, a public one is not to follow the latter.
    like = [item for item in ways if not item.content.endswith(_SUFFIX)] or ways
    if not like:
        return NextAction(
            text=f"Create a proxied record to the load balancer in {place}.",
            place=place,
            paste=dns_line(host, "A", "ADDRESS-OF-THE-LOAD-BALANCER"),
            commands=(look("kubectl", "get", "services", "-A", "--field-selector=spec.type=LoadBalancer"),),
        )
    (kind, content), count = Counter((item.type, item.content) for item in like).most_common(1)[0]
    owner = next(iter(nearest(host, [item.name for item in like if item.content == content])), like[0].name)
    as_others = f"as {owner} has it" if count == 1 else f"as {owner} and {count - 1} more have it"
    return NextAction(
        text=f"Create this record in {place}, {as_others}.",
        place=place,
        paste=dns_line(host, kind, content),
        commands=(look("dig", "+short", host),),
    )
