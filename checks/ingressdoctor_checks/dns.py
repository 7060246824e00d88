"""Does the name resolve, and does it resolve alike everywhere?

Whether the addresses are the right ones is the business of ``dns_cloudflare``.
Source: RFC 1034, 2308 (negative answers and how long they live), 9824 (compact denial), 4035 (SERVFAIL on bogus data).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    Command,
    DnsReply,
    DnsView,
    Finding,
    LoadBalancerLookup,
    Rcode,
    Remedy,
    ResolverView,
    Symptom,
    Unavailable,
    ZoneFacts,
    check,
    clean,
    fail,
    is_cloudflare,
    is_private,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.outside_view import dig

__all__ = ["no_such_name", "resolver_failing", "split_answers"]

_SILENT: Final = frozenset({Rcode.TIMEOUT, Rcode.UNREACHABLE})
_MISSING: Final = frozenset({Rcode.NXDOMAIN, Rcode.NODATA})
_HOW: Final = {
    Rcode.SERVFAIL: "SERVFAIL",
    Rcode.REFUSED: "REFUSED",
    Rcode.TIMEOUT: "no answer in time",
    Rcode.UNREACHABLE: "not reachable",
    Rcode.MALFORMED: "an answer that cannot be read",
    Rcode.OTHER: "an error",
}


def _address_replies(view: ResolverView) -> tuple[DnsReply, ...]:
    return tuple(reply for reply in view.replies if reply.rdtype in {"A", "AAAA"})


def _missing(view: ResolverView) -> bool:
    """Tell whether a server says that the name has no address: both questions answered, both empty."""
    replies = _address_replies(view)
    return bool(replies) and not view.addresses and all(reply.rcode in _MISSING for reply in replies)


def _failing(view: ResolverView) -> DnsReply | None:
    """Return the reply by which a server fails on the name, or None when it answers."""
    if view.addresses or _missing(view):
        return None
    return next((reply for reply in _address_replies(view) if reply.rcode in _HOW), None)


def _answers(views: tuple[ResolverView, ...]) -> dict[str, str]:
    """Return one fact per server: its addresses, or how it failed."""
    return {
        view.server: clean(
            ", ".join(view.addresses) or ", ".join(f"{r.rdtype} {r.rcode.value}" for r in view.replies), 300
        )
        for view in views
    }


def _at(server: str, name: str, *words: str) -> Command:
    """Return the dig that asks one server."""
    host, _, port = server.rpartition(":")
    more = () if port == "53" else ("-p", port)
    return dig(name, f"@{host.strip('[]')}", *more, *words)


@check(
    id="dns.no-such-name",
    title="The name exists",
    step="dns",
    link="name → address",
    causes=(str(Symptom.DNS_NXDOMAIN), "edge.unreachable"),
)
def no_such_name(
    view: DnsView, zone: ZoneFacts | Unavailable, lookup: LoadBalancerLookup | Unavailable
) -> Iterator[Finding]:
    """Every resolver that answers says that the name has no address."""
    answering = tuple(item for item in view.resolvers if _failing(item) is None)
    if not answering:
        yield skip("No resolver answered, so whether the name exists was not said.")
        return
    if any(item.addresses for item in answering):
        yield ok(f"{view.hostname} has {len(view.addresses)} addresses.", seen=_answers(answering), where="DNS")
        return
    held = _zone_by_soa(answering, view.hostname)
    yield _absent(view, answering, zone, _create(view, zone, held, lookup))


def _absent(
    view: DnsView,
    answering: tuple[ResolverView, ...],
    zone: ZoneFacts | Unavailable,
    advice: tuple[str, tuple[Command, ...]],
) -> Finding:
    name = view.hostname
    nxdomain = any(reply.rcode is Rcode.NXDOMAIN for item in answering for reply in item.replies)
    held = _zone_by_soa(answering, name)
    seen = _answers((*answering, *((view.authoritative,) if view.authoritative else ())))
    if held:
        seen["zone by its SOA"] = held
    alias = view.cname_chain[-1] if view.cname_chain else ""
    if alias:
        summary = f"{name} leads to {alias}, which has no address."
    elif nxdomain:
        summary = f"There is no DNS record for {name}."
    else:
        denial = " (a signed zone at Cloudflare answers so for names that do not exist)" if _compact(answering) else ""
        summary = f"{name} has no address record{denial}."
    text, commands = advice
    if isinstance(zone, ZoneFacts):
        seen["records at Cloudflare"] = _records(zone)
    return fail(
        summary,
        subject=name,
        seen=seen,
        where="DNS",
        symptom=Symptom.DNS_NXDOMAIN,
        remedy=Remedy(text=text, commands=commands, proof=dig(name)),
    )


def _create(
    view: DnsView, zone: ZoneFacts | Unavailable, held: str, lookup: LoadBalancerLookup | Unavailable
) -> tuple[str, tuple[Command, ...]]:
    """Say what to do about a missing name, by what the zone holds."""
    name = view.hostname
    asks = (dig(name), look("dig", "+trace", "+nodnssec", name))
    found = None if isinstance(lookup, Unavailable) else lookup.found
    goal = f"{found.ipv4} (load balancer {found.name})" if found and found.ipv4 else "the load balancer's address"
    if isinstance(zone, Unavailable):
        if held and "." not in held:
            return f"Nobody holds a zone for {name}: {held} answers itself. Is it registered, and spelt right?", asks
        return f"Create an A record to {goal} in the zone {held or 'of the name'}; look for a typo first.", asks
    if zone.records:
        servers = ", ".join(zone.name_servers) or "none told"
        text = (
            f"The zone {zone.name} does hold the record. Wait until negative answers expire (up to half an hour), and "
        )
        return f"{text}compare the delegation with the zone's name servers: {servers}.", (
            look("dig", "+short", "NS", zone.name),
            *asks,
        )
    text = f"The zone {zone.name} holds no record for {name}. Create one in the dashboard under DNS > Records: type A, "
    return f"{text}name {name}, content {goal}, proxied.", asks


def _records(zone: ZoneFacts) -> str:
    return clean(", ".join(f"{r.name} {r.type} {r.content}" for r in zone.records[:5]), 300) or "none"


def _zone_by_soa(views: tuple[ResolverView, ...], name: str) -> str:
    owners = (
        record.name.rstrip(".").lower()
        for view in views
        for reply in view.replies
        for record in reply.authority
        if record.rdtype == "SOA"
    )
    return next((owner for owner in owners if owner and (name == owner or name.endswith(f".{owner}"))), "")


def _compact(views: tuple[ResolverView, ...]) -> bool:
    """Tell whether an NSEC record carries NXNAME (type 128): a missing name that answers NOERROR."""
    nsec = [r.data.upper() for v in views for reply in v.replies for r in reply.authority if r.rdtype == "NSEC"]
    return any(word in {"NXNAME", "TYPE128"} for data in nsec for word in data.split())


@check(
    id="dns.resolver-failing",
    title="The resolvers can answer for the name",
    step="dns",
    link="resolvers",
    causes=(str(Symptom.DNS_SERVFAIL), str(Symptom.DNS_TIMEOUT), "edge.unreachable"),
)
def resolver_failing(view: DnsView) -> Iterator[Finding]:
    """SERVFAIL, REFUSED or silence, at all resolvers or at some."""
    failures = [(item, reply) for item in view.resolvers if (reply := _failing(item)) is not None]
    name = view.hostname
    if not failures:
        yield ok(f"All {len(view.resolvers)} resolvers answer for {name}.", seen=_answers(view.resolvers), where="DNS")
        return
    first, reply = failures[0]
    silent = all(reply.rcode in _SILENT for _, reply in failures)
    seen = _answers(view.resolvers) | ({"detail": clean(reply.detail, 200)} if reply.detail else {})
    commands = (_at(first.server, name), *(() if silent else (_at(first.server, name, "+cd"),)))
    if len(failures) == len(view.resolvers):
        what = "No resolver answers at all" if silent else f"Every resolver fails on {name} ({_HOW[reply.rcode]})"
        yield fail(
            f"{what}.",
            subject=name,
            seen=seen,
            where="DNS",
            symptom=Symptom.DNS_TIMEOUT if silent else Symptom.DNS_SERVFAIL,
            remedy=Remedy(
                text="Look whether this network lets port 53 through, and at the resolvers themselves."
                if silent
                else "Look at the delegation and at DNSSEC: if only the second command answers, the DS record at the "
                "registrar does not match the zone.",
                commands=commands,
                proof=dig(name),
            ),
        )
        return
    names = ", ".join(item.server for item, _ in failures)
    yield warn(
        f"{len(failures)} of {len(view.resolvers)} resolvers fail on {name}: {names} ({_HOW[reply.rcode]}).",
        subject=name,
        seen=seen,
        where="DNS",
        remedy=Remedy(
            text="Their users see nothing. Silence is the resolver's own fault; SERVFAIL at some only often means that "
            "they validate DNSSEC and the signatures are broken.",
            commands=commands,
            proof=_at(first.server, name),
        ),
    )


@check(
    id="dns.split-answers",
    title="All resolvers give the same answer",
    step="dns",
    link="resolvers",
    causes=(str(Symptom.DNS_NXDOMAIN),),
)
def split_answers(view: DnsView, ranges: AddressRanges) -> Iterator[Finding]:
    """Differences beyond the rotation of anycast addresses, the first resolver being this machine's own."""
    views = tuple(item for item in view.resolvers if _failing(item) is None)
    if len(views) < 2:
        yield skip("Fewer than two resolvers answered, so there is nothing to compare.")
        return
    with_addresses = [item for item in views if item.addresses]
    without = [item for item in views if not item.addresses]
    if not with_addresses:
        yield skip("No resolver has an address for the name.")
    elif without:
        yield _half_missing(view, views, without)
    else:
        yield _compared(view, views, ranges)


def _half_missing(view: DnsView, views: tuple[ResolverView, ...], without: list[ResolverView]) -> Finding:
    name, own = view.hostname, view.resolvers[0]
    mine = own in without
    verdict = fail if mine else warn
    who = f"This machine's resolver {own.server}" if mine else f"The resolver {without[0].server}"
    seen = _answers((*views, *((view.authoritative,) if view.authoritative else ())))
    return verdict(
        f"{who} says that {name} has no address, while others have one.",
        subject=name,
        seen=seen,
        where="DNS",
        remedy=Remedy(
            text="A record that was just created stays invisible until cached negative answers expire. If it persists, "
            "look for a split-horizon zone, or a filter that drops private addresses.",
            commands=tuple(_at(item.server, name) for item in views[:3]),
            proof=_at(without[0].server, name),
        ),
    )


def _compared(view: DnsView, views: tuple[ResolverView, ...], ranges: AddressRanges) -> Finding:
    name, answers = view.hostname, [frozenset(item.addresses) for item in views]
    everything = frozenset.union(*answers)
    anycast = all(is_cloudflare(ranges, address) for address in everything)
    if anycast or frozenset.intersection(*answers):
        return ok(f"{len(views)} resolvers agree on {name}.", seen=_answers(views), where="DNS")
    some_private = any(all(is_private(a) for a in answer) for answer in answers)
    why = (
        "Inside and outside are answered differently on purpose (split horizon), or somebody forgot one side."
        if some_private
        else "A record was changed and old answers are still cached, or two sets of name servers hold different zones."
    )
    return warn(
        f"Resolvers disagree on the addresses of {name}.",
        subject=name,
        seen=_answers((*views, *((view.authoritative,) if view.authoritative else ()))),
        where="DNS",
        remedy=Remedy(text=why, commands=tuple(_at(item.server, name) for item in views[:3]), proof=dig(name)),
    )
