"""Does another DNS record get in the way of a name of the LAN: a wildcard, an HTTPS record, a resolver that filters?

A browser asks for an HTTPS record beside the address. If a proxied wildcard answers that question, it learns of
Cloudflare's Encrypted Client Hello and expects it of a host that has never heard of it.
Source: RFC 9460 (SVCB and HTTPS), RFC 9849 (ECH), RFC 4592 (wildcards), dnsmasq's stop-dns-rebind and unbound's
private-address for resolvers that leave private addresses out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    DnsReply,
    DnsView,
    Finding,
    HttpsRecords,
    LanName,
    LanSurroundings,
    OutsideProbe,
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
    is_lan,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.dns_common import answers_of, ask_at, failing_reply, says_missing
from ingressdoctor_checks.lan_common import STEP, shown, where_record
from ingressdoctor_checks.outside_view import dig

__all__ = ["ech_record", "rebinding_filtered", "split_answers", "wildcard_in_the_way"]

_ECH: Final = re.compile(r"(?:^|\s)(?:ech|key5)=", re.IGNORECASE)
_HINT: Final = re.compile(r"ipv[46]hint=\"?([0-9a-fA-F:.,]+)")
_ERROR: Final = "ERR_ECH_FALLBACK_CERTIFICATE_INVALID"


@check(
    id="lan.ech-record",
    title="No HTTPS record sends browsers to Cloudflare",
    step=STEP,
    link="name → HTTPS record",
)
def ech_record(view: DnsView, https: HttpsRecords, ranges: AddressRanges) -> Iterator[Finding]:
    """An HTTPS record with an ECH configuration, or with hints at addresses of the edge, for a name of the LAN."""
    records = [(reply.server, data) for reply in https.replies for data in reply.of("HTTPS")]
    ech = [(server, data) for server, data in records if _ECH.search(data)]
    hinted = [(server, data) for server, data in records if any(is_cloudflare(ranges, a) for a in _hints(data))]
    if not https.replies:
        yield skip("No resolver was asked for an HTTPS record.")
    elif ech or hinted:
        yield _in_the_way(view, (ech or hinted)[0], ech=bool(ech))
    elif not any(reply.rcode in (Rcode.NOERROR, Rcode.NODATA, Rcode.NXDOMAIN) for reply in https.replies):
        yield unknown(
            f"No resolver answered whether {view.hostname} has an HTTPS record.", enable_with="Ask another resolver."
        )
    elif records:
        yield ok(f"{view.hostname} has an HTTPS record, which names no edge.", seen=dict(records[:3]), where="DNS")
    else:
        yield ok(f"{view.hostname} has no HTTPS record that could mislead a browser.", where="DNS")


def _views(view: DnsView) -> tuple[ResolverView, ...]:
    return (*view.resolvers, *((view.authoritative,) if view.authoritative else ()))


def _hints(data: str) -> tuple[str, ...]:
    return tuple(address for found in _HINT.findall(data) for address in found.split(","))


def _in_the_way(view: DnsView, found: tuple[str, str], *, ech: bool) -> Finding:
    server, data = found
    what = "offers Cloudflare's Encrypted Client Hello" if ech else "gives addresses of Cloudflare's edge"
    effect = f"Chrome ends with {_ERROR}" if ech else "browsers go there instead of to the node"
    return fail(
        f"An HTTPS record of {view.hostname} {what}: {effect}, while curl and older browsers get through.",
        subject=view.hostname,
        seen={f"HTTPS record at {server}": clean(data, 300)},
        where="DNS, question for HTTPS",
        remedy=Remedy(
            text="Find the record that answers: the name's own, made proxied, or a proxied wildcard above it. Give the "
            "name an explicit grey record and take the other away; browsers keep the old answer for its TTL.",
            commands=(ask_at(server, view.hostname, "HTTPS"), dig(f"*.{view.hostname.partition('.')[2]}", "HTTPS")),
            proof=ask_at(server, view.hostname, "HTTPS"),
        ),
    )


@check(
    id="lan.wildcard-in-the-way",
    title="No proxied wildcard stands above the name",
    step=STEP,
    link="name → wildcard",
    causes=(
        "lan.ech-record",
        "lan.not-private",
        "lan.proxied",
        "lan.split-answers",
        "edge.error-page",
        "edge.unreachable",
        str(Symptom.EDGE_530),
        str(Symptom.EDGE_1033),
        str(Symptom.CONTROLLER_404),
        str(Symptom.TUNNEL_404),
        str(Symptom.APP_404),
    ),
)
def wildcard_in_the_way(
    view: DnsView,
    https: HttpsRecords | Unavailable,
    zone: ZoneFacts | Unavailable,
    around: LanSurroundings | Unavailable,
    ranges: AddressRanges,
) -> Iterator[Finding]:
    """A wildcard at Cloudflare that answers what the name's own record does not."""
    held = () if isinstance(zone, Unavailable) else tuple(item for item in zone.wildcards if item.proxied)
    beside = () if isinstance(around, Unavailable) else around.wildcard
    edge = [reply for reply in beside if _leads_to_edge(reply, ranges)]
    if not held and not edge:
        if isinstance(zone, Unavailable) and not beside:
            yield unknown(
                f"Whether a wildcard stands above {view.hostname} could not be looked at: {zone.reason}.",
                enable_with=zone.enable_with or "Set CLOUDFLARE_API_TOKEN with Zone > DNS > Read.",
            )
        else:
            yield ok(f"No proxied wildcard answers beside {view.hostname}.", where="DNS")
        return
    ech = isinstance(https, HttpsRecords) and any(_offers_ech(reply) for reply in https.replies)
    yield _wildcard(view.hostname, zone, [f"{item.name} {item.type} {item.content}" for item in held], edge, ech=ech)


def _leads_to_edge(reply: DnsReply, ranges: AddressRanges) -> bool:
    hints = (hint for data in reply.of("HTTPS") for hint in _hints(data))
    return _offers_ech(reply) or any(is_cloudflare(ranges, address) for address in (*reply.of("A"), *hints))


def _offers_ech(reply: DnsReply) -> bool:
    return any(_ECH.search(data) for data in reply.of("HTTPS"))


def _wildcard(name: str, zone: ZoneFacts | Unavailable, held: list[str], edge: list[DnsReply], *, ech: bool) -> Finding:
    pattern = held[0].partition(" ")[0] if held else f"*.{name.partition('.')[2]}"
    seen = {f"record {number}": f"{text}, proxied" for number, text in enumerate(held[:3], start=1)}
    seen |= {f"{r.rdtype} of {r.name} at {r.server}": clean(", ".join(r.of(r.rdtype)), 200) for r in edge[:3]}
    answers = isinstance(zone, ZoneFacts) and zone.wildcard
    effect = (
        f"it answers for {name}, which has no record of its own{f', and Chrome ends with {_ERROR}' if ech else ''}"
        if answers
        else f"browsers that ask for the HTTPS record of {name} may be told of Cloudflare's Encrypted Client Hello and "
        f"end with {_ERROR}"
    )
    return fail(
        f"The proxied wildcard {pattern} stands in the way of a name of the LAN: {effect}.",
        subject=pattern,
        seen=seen,
        where="Cloudflare API: GET /zones/{id}/dns_records" if held else "DNS, asked for a name that nobody made",
        remedy=Remedy(
            text=f"Delete the wildcard under DNS > Records and give every service a record of its own: a proxied CNAME "
            f"to the tunnel for public ones, a grey A record to a worker for {name} and the others of the LAN.",
            commands=(dig(name, "HTTPS"), dig(pattern, "HTTPS")),
            proof=dig(f"no-such-host-ingressdoctor.{name.partition('.')[2]}", "A"),
        ),
    )


@check(
    id="lan.rebinding-filtered",
    title="This network's resolver lets private answers through",
    step=STEP,
    link="resolvers",
    causes=("dns.no-such-name", "edge.unreachable", str(Symptom.DNS_NXDOMAIN)),
)
def rebinding_filtered(view: DnsView, lan: LanName | Unavailable) -> Iterator[Finding]:
    """A resolver has no address for a name whose record holds private ones."""
    if isinstance(lan, Unavailable) or lan.by_cluster:
        yield skip("The name leads to no private address that a resolver could leave out.")
        return
    hiding = [item for item in view.resolvers if _hides(item)]
    if not hiding:
        yield ok("No resolver leaves the private addresses out.", seen=answers_of(view.resolvers), where="DNS")
        return
    own = view.resolvers[0] in hiding
    first = hiding[0]
    who = f"This machine's resolver {first.server}" if own else f"The resolver {first.server}"
    missing = all(reply.rcode is Rcode.NXDOMAIN for reply in first.replies)
    how = "says that it does not exist" if missing else "answers with no address"
    verdict = fail if own else warn
    yield verdict(
        f"{who} {how} for {view.hostname}, although {lan.told_by} says {shown(lan)}: private answers are filtered "
        "(DNS rebinding protection).",
        subject=view.hostname,
        seen=answers_of(_views(view)) | {lan.told_by: shown(lan)},
        where="DNS",
        symptom=Symptom.DNS_NXDOMAIN if own else None,
        remedy=Remedy(
            text=f"Except the domain in the resolver or router: rebind-domain-ok=/{_domain(view)}/ (dnsmasq, Pi-hole), "
            f"private-domain: {_domain(view)} (unbound), 'DNS rebind protection' (FRITZ!Box). Right after the record "
            "was made it may also be a negative answer that is still cached.",
            commands=tuple(ask_at(item.server, view.hostname) for item in view.resolvers[:3]),
            proof=ask_at(first.server, view.hostname),
        ),
    )


def _hides(view: ResolverView) -> bool:
    """Tell whether a resolver answers without an address; 0.0.0.0 is how filters say the same."""
    nothing = {"0.0.0.0", "::"}  # noqa: S104 - an answer, not a socket
    return says_missing(view) or (bool(view.addresses) and set(view.addresses) <= nothing)


def _domain(view: DnsView) -> str:
    return view.hostname.partition(".")[2] or view.hostname


@check(
    id="lan.split-answers",
    title="All resolvers give the same private address",
    step=STEP,
    link="resolvers",
)
def split_answers(view: DnsView, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """Some resolver gives other addresses: who asks that one ends elsewhere."""
    views = tuple(
        item for item in view.resolvers if failing_reply(item) is None and item.addresses and not _hides(item)
    )
    if len(views) < 2:
        yield skip("Fewer than two resolvers have an address for the name, so there is nothing to compare.")
        return
    answers = [frozenset(item.addresses) for item in views]
    if frozenset.intersection(*answers):
        yield ok(f"{len(views)} resolvers agree on {view.hostname}.", seen=answers_of(views), where="DNS")
        return
    other = next(item for item in views if set(item.addresses).isdisjoint(answers[0]))
    kind = "another private address" if all(map(is_lan, other.addresses)) else "a public address"
    asked = f" This machine was served by {probe.last.address}." if isinstance(probe, OutsideProbe) else ""
    yield warn(
        f"Resolvers disagree on {view.hostname}: {views[0].server} says {views[0].addresses[0]}, {other.server} "
        f"{kind}, {other.addresses[0]}.{asked}",
        subject=view.hostname,
        seen=answers_of(_views(view)),
        where="DNS",
        remedy=Remedy(
            text="Phones and browsers with a resolver of their own (private DNS, DNS over HTTPS) get the other answer. "
            f"Keep one record, {where_record(view)}, or take the local override away.",
            commands=tuple(ask_at(item.server, view.hostname) for item in views[:3]),
            proof=dig(view.hostname, "A"),
        ),
    )
