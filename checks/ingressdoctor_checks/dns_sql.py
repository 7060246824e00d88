"""Does a name that speaks MySQL lead straight to its load balancer, past Cloudflare's edge?

Source: Cloudflare's documentation of the network ports it proxies (HTTP ones; others only with Spectrum).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AddressRanges,
    DnsView,
    Finding,
    Protocol,
    Remedy,
    SqlGreeting,
    Target,
    Unavailable,
    ZoneFacts,
    check,
    fail,
    is_cloudflare,
    is_tunnel_placeholder,
    ok,
    skip,
)
from ingressdoctor_checks.outside_view import dig

__all__ = ["proxied_sql"]


@check(
    id="dns.proxied-sql",
    title="The database's name is not proxied",
    step="dns",
    link="name → load balancer",
    causes=(
        "mysql-timeout",
        "mysql-refused",
        "mysql-silent",
        "mysql-closed",
        "mysql-not-mysql",
    ),
)
def proxied_sql(
    target: Target,
    view: DnsView,
    ranges: AddressRanges,
    zone: ZoneFacts | Unavailable,
    greeting: SqlGreeting | Unavailable,
) -> Iterator[Finding]:
    """Cloudflare carries HTTP; a MySQL client that dials its edge gets no database."""
    if target.protocol is not Protocol.MYSQL:
        yield skip("The target speaks HTTP, which the edge carries.")
        return
    known = isinstance(zone, ZoneFacts)
    at_edge = [a for a in view.addresses if is_cloudflare(ranges, a) or is_tunnel_placeholder(a)]
    tunnel = zone.tunnel if isinstance(zone, ZoneFacts) else ""
    proxied = isinstance(zone, ZoneFacts) and zone.proxied
    seen = {
        "addresses": ", ".join(view.addresses) or "none",
        "proxied at Cloudflare": ("yes" if proxied else "no") if known else "not looked at",
    }
    if not view.addresses and not proxied and not tunnel:
        yield skip("The name has no address to judge.")
    elif not at_edge and not proxied and not tunnel:
        yield ok(f"{view.hostname} leads to {view.addresses[0]}, past Cloudflare.", seen=seen, where="DNS")
    elif isinstance(greeting, SqlGreeting) and greeting.greeting is not None:
        yield ok("A greeting comes through Cloudflare all the same (Spectrum).", seen=seen, where="DNS")
    else:
        yield _proxied(target, tunnel, seen)


def _proxied(target: Target, tunnel: str, seen: dict[str, str]) -> Finding:
    name = target.hostname
    what = f"leads to the tunnel {tunnel}" if tunnel else "is proxied by Cloudflare (orange cloud)"
    return fail(
        f"{name} {what}, which does not carry port {target.port}: no MySQL client gets through.",
        subject=name,
        seen=seen,
        where="DNS",
        remedy=Remedy(
            text=f"Under DNS > Records set {name} to DNS only (grey cloud), an A record to the address "
            "at which MySQL is reached. A name that also serves a site needs a second name for the database.",
            commands=(dig(name, "A"),),
            proof=dig(name, "A"),
        ),
    )
