"""Do all resolvers say the same about the name?

The first resolver is this machine's own: what it misses, everybody here misses.
Source: RFC 2308 (negative caching); anycast addresses of one proxied name rotate and are no disagreement.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AddressRanges,
    DnsView,
    Finding,
    Remedy,
    ResolverView,
    Symptom,
    check,
    fail,
    is_cloudflare,
    is_private,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.dns_common import answers_of, ask_at, failing_reply
from ingressdoctor_checks.outside_view import dig

__all__ = ["split_answers"]


@check(
    id="dns.split-answers",
    title="All resolvers give the same answer",
    step="dns",
    link="resolvers",
    causes=(str(Symptom.DNS_NXDOMAIN),),
)
def split_answers(view: DnsView, ranges: AddressRanges) -> Iterator[Finding]:
    """Differences beyond the rotation of anycast addresses, the first resolver being this machine's own."""
    views = tuple(item for item in view.resolvers if failing_reply(item) is None)
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
    seen = answers_of((*views, *((view.authoritative,) if view.authoritative else ())))
    return verdict(
        f"{who} says that {name} has no address, while others have one.",
        subject=name,
        seen=seen,
        where="DNS",
        symptom=Symptom.DNS_NXDOMAIN if mine else None,
        remedy=Remedy(
            text="A record that was just created stays invisible until cached negative answers expire. If it persists, "
            "look for a split-horizon zone, or a filter that drops private addresses.",
            commands=tuple(ask_at(item.server, name) for item in views[:3]),
            proof=ask_at(without[0].server, name),
        ),
    )


def _compared(view: DnsView, views: tuple[ResolverView, ...], ranges: AddressRanges) -> Finding:
    name, answers = view.hostname, [frozenset(item.addresses) for item in views]
    everything = frozenset.union(*answers)
    anycast = all(is_cloudflare(ranges, address) for address in everything)
    if anycast or frozenset.intersection(*answers):
        return ok(f"{len(views)} resolvers agree on {name}.", seen=answers_of(views), where="DNS")
    some_private = any(all(is_private(a) for a in answer) for answer in answers)
    why = (
        "Inside and outside are answered differently on purpose (split horizon), or somebody forgot one side."
        if some_private
        else "A record was changed and old answers are still cached, or two sets of name servers hold different zones."
    )
    return warn(
        f"Resolvers disagree on the addresses of {name}.",
        subject=name,
        seen=answers_of((*views, *((view.authoritative,) if view.authoritative else ()))),
        where="DNS",
        remedy=Remedy(text=why, commands=tuple(ask_at(item.server, name) for item in views[:3]), proof=dig(name)),
    )
