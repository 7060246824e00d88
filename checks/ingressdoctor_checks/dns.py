"""Does the name exist, and can the resolvers answer for it?

Whether they agree is for ``dns_split``, whether the addresses are the right ones for ``dns_cloudflare``.
Source: RFC 1034, 2308 (negative answers and how long they live), 9824 (compact denial), 4035 (SERVFAIL on bogus data).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    DnsReply,
    DnsView,
    Finding,
    NearNames,
    Protocol,
    Rcode,
    RecordGoal,
    Remedy,
    ResolverView,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    clean,
    fail,
    look,
    ok,
    rooted,
    skip,
    warn,
)
from ingressdoctor_checks.dns_common import HOW, SILENT, address_replies, answers_of, ask_at, failing_reply
from ingressdoctor_checks.dns_missing import choices, in_the_lan, like_neighbours
from ingressdoctor_checks.outside_view import dig

__all__ = ["no_such_name", "resolver_failing"]

_REFUSES: Final = (
    "REFUSED is a policy, not a breakdown: the resolver does not serve this client (its allow list, or recursion is off"
    " because it is an authoritative server), or a filter blocks the name. Ask another resolver, or be let in."
)


@check(
    id="dns.no-such-name",
    title="The name exists",
    step="dns",
    link="name → address",
    causes=(str(Symptom.DNS_NXDOMAIN), "edge.unreachable"),
)
def no_such_name(
    target: Target,
    view: DnsView,
    zone: ZoneFacts | Unavailable,
    goal: RecordGoal | Unavailable,
    route: TunnelRoute | Unavailable,
    near: NearNames | Unavailable,
) -> Iterator[Finding]:
    """Every resolver that answers says that the name has no address."""
    answering = tuple(item for item in view.resolvers if failing_reply(item) is None)
    if not answering:
        yield skip("No resolver answered, so whether the name exists was not said.")
        return
    if any(item.addresses for item in answering):
        yield ok(f"{view.hostname} has {len(view.addresses)} addresses.", seen=answers_of(answering), where="DNS")
        return
    held = _zone_by_soa(answering, view.hostname)
    raw = target.protocol is Protocol.MYSQL
    balancer = None if isinstance(goal, Unavailable) else goal.balancer
    like = like_neighbours(view.hostname, near, balancer, proxied=not raw)
    found = choices(view.hostname, _zone_name(zone) or held, balancer, route, proxied=not raw)
    record = in_the_lan(goal, near) or like or found
    advice = _create_cname(view, route) or _create(view, zone, held, record)
    yield _absent(view, answering, zone, advice, () if isinstance(near, Unavailable) else near.names)


def _absent(
    view: DnsView,
    answering: tuple[ResolverView, ...],
    zone: ZoneFacts | Unavailable,
    advice: tuple[str, tuple[Command, ...]],
    near: tuple[str, ...],
) -> Finding:
    name = view.hostname
    nxdomain = any(reply.rcode is Rcode.NXDOMAIN for item in answering for reply in item.replies)
    held = _zone_by_soa(answering, name)
    seen = answers_of((*answering, *((view.authoritative,) if view.authoritative else ())))
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
    if near:
        summary += f" Did you mean {near[0]}?"
        seen["near names of the zone"] = ", ".join(near)
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


def _zone_name(zone: ZoneFacts | Unavailable) -> str:
    return "" if isinstance(zone, Unavailable) else zone.name


def _create_cname(view: DnsView, route: TunnelRoute | Unavailable) -> tuple[str, tuple[Command, ...]] | None:
    """Say what to do about a missing name that cloudflared's rules list."""
    if isinstance(route, Unavailable) or route.named != "exact":
        return None
    end = f"{route.tunnel or '<tunnel id>'}.cfargotunnel.com"
    return f"Rules of cloudflared name {view.hostname}: create a proxied CNAME to {end}.", (dig(view.hostname),)


def _create(
    view: DnsView,
    zone: ZoneFacts | Unavailable,
    held: str,
    record: str,
) -> tuple[str, tuple[Command, ...]]:
    """Say what to do about a missing name, by what the zone holds; *record* says which one is to be created."""
    name = view.hostname
    asks = (dig(name), look("dig", "+trace", "+nodnssec", name))
    if isinstance(zone, Unavailable):
        if held and "." not in held:
            return f"Nobody holds a zone for {name}: {held} answers itself. Is it registered, and spelt right?", asks
        return f"Look for a typo first. {record}", asks
    if zone.records:
        servers = ", ".join(zone.name_servers) or "none told"
        text = (
            f"The zone {zone.name} does hold the record. Wait until negative answers expire (up to half an hour), and "
        )
        return f"{text}compare the delegation with the zone's name servers: {servers}.", (
            look("dig", "+short", "NS", zone.name),
            *asks,
        )
    return f"The zone {zone.name} holds no record for {name}: look under DNS > Records in the dashboard. {record}", asks


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
    failures = [(item, reply) for item in view.resolvers if (reply := failing_reply(item)) is not None]
    name = view.hostname
    if not failures:
        yield ok(
            f"All {len(view.resolvers)} resolvers answer for {name}.", seen=answers_of(view.resolvers), where="DNS"
        )
        return
    seen = answers_of(view.resolvers)
    if len(failures) == len(view.resolvers):
        yield _all_fail(view, failures[0], seen)
        return
    first, reply = failures[0]
    own = first is view.resolvers[0]
    verdict = fail if own else warn
    who = f"This machine's resolver {first.server} fails" if own else f"The resolver {first.server} fails"
    yield verdict(
        f"{who} on {name} ({HOW[reply.rcode]}), while others answer.",
        subject=name,
        seen=seen,
        where="DNS",
        symptom=_symptom(reply) if own else None,
        remedy=Remedy(
            text=_REFUSES
            if reply.rcode is Rcode.REFUSED
            else "Its users get no address. Silence is the resolver's own fault; SERVFAIL at some often means that "
            "they validate DNSSEC and the signatures are broken.",
            commands=_questions(first, reply, name),
            proof=ask_at(first.server, name),
        ),
    )


def _all_fail(view: DnsView, failure: tuple[ResolverView, DnsReply], seen: dict[str, str]) -> Finding:
    first, reply = failure
    name = view.hostname
    silent = all(reply.rcode in SILENT for item in view.resolvers for reply in address_replies(item))
    what = "No resolver answers at all" if silent else f"Every resolver fails on {name} ({HOW[reply.rcode]})"
    if reply.rcode is Rcode.REFUSED:
        what = f"Every resolver refuses to answer for {name} (REFUSED)"
    failing = fail(
        f"{what}.",
        subject=name,
        seen=seen | ({"detail": clean(reply.detail, 200)} if reply.detail else {}),
        where="DNS",
        symptom=Symptom.DNS_TIMEOUT if silent else Symptom.DNS_SERVFAIL,
        remedy=Remedy(
            text="Look whether this network lets port 53 through, and at the resolvers themselves."
            if silent
            else _REFUSES
            if reply.rcode is Rcode.REFUSED
            else "Look at the delegation and at DNSSEC: if only the second command answers, the DS record at the "
            "registrar does not match the zone.",
            commands=_questions(first, reply, name),
            proof=dig(name),
        ),
    )
    # Resolvers that fail on every name are one failure, and so is a zone on all of whose names they fail.
    return rooted(failing, "resolvers that fail")


def _symptom(reply: DnsReply) -> Symptom:
    return Symptom.DNS_TIMEOUT if reply.rcode in SILENT else Symptom.DNS_SERVFAIL


def _questions(view: ResolverView, reply: DnsReply, name: str) -> tuple[Command, ...]:
    plain = ask_at(view.server, name)
    return (plain,) if reply.rcode in SILENT else (plain, ask_at(view.server, name, "+cd"))
