"""The walk of raw MySQL, as data, and on what ground a target belongs to it. Holds no check."""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Claim, Protocol, Step, Target, TcpEntry, Unavailable, Walk, claims

__all__ = ["SQL", "WALKS", "claim_by_entry_point", "claim_sql"]

SQL: Final = Walk(
    id="sql",
    title="Raw MySQL: load balancer, Traefik's TCP route with its allow list, MaxScale, MariaDB",
    steps=(
        Step(
            id="greeting",
            question="What does a client get on port 3306?",
            hop="the port",
            docs="walks/sql.md#1-what-does-a-client-get-on-port-3306",
            speaker="sql.no-greeting",
        ),
        Step(
            id="dns",
            question="Does the name lead straight to the load balancer?",
            hop="DNS",
            docs="walks/sql.md#2-does-the-name-lead-straight-to-the-load-balancer",
            speaker="dns.origin-mismatch",
        ),
        Step(
            id="allowlist",
            question="Is the client's address let through?",
            hop="the allow list",
            docs="walks/sql.md#3-is-the-clients-address-let-through",
            speaker="allow.client-not-listed",
        ),
        Step(
            id="balancer",
            question="Does the load balancer listen on 3306?",
            hop="the load balancer",
            docs="walks/sql.md#4-does-the-load-balancer-listen-on-3306",
            speaker="lb.service-missing",
        ),
        Step(
            id="entry",
            question="Does Traefik's mysql entry point take the connection?",
            hop="Traefik",
            docs="walks/sql.md#5-does-traefiks-mysql-entry-point-take-the-connection",
            speaker="sql.route-missing",
        ),
        Step(
            id="backend",
            question="Are MaxScale's Service and pods there?",
            hop="MaxScale's Service",
            docs="walks/sql.md#6-are-maxscales-service-and-pods-there",
            speaker="backend.pods-not-ready",
        ),
        Step(
            id="maxscale",
            question="Is MaxScale healthy?",
            hop="MaxScale",
            docs="walks/sql.md#7-is-maxscale-healthy",
            speaker="mxs.no-master",
        ),
        Step(
            id="auth",
            question="Does the login work?",
            hop="MySQL authentication",
            docs="walks/sql.md#8-does-the-login-work",
            speaker="mysql.wrong-password",
        ),
    ),
    # A login that works, with statements answered, proves every hop before it.
    proof=("mysql.login-refused",),
    mysql=True,
)

WALKS: Final = (SQL,)


@claims("sql")
def claim_sql(target: Target) -> Claim:
    """Claim what is asked about as MySQL: by mysql://, or by port 3306."""
    if target.protocol is not Protocol.MYSQL:
        return Claim(strength=0, ground="")
    how = "the target is asked about as mysql://" if target.port != 3306 else "port 3306 is MySQL's"
    return Claim(strength=100, ground=how)


@claims("sql", at_most=95)
def claim_by_entry_point(target: Target, entry: TcpEntry | Unavailable) -> Claim:
    """Claim ports that lead to an entry point on which a TCP route without TLS takes connections."""
    if isinstance(entry, Unavailable) or entry.winner is None or target.protocol is Protocol.MYSQL:
        return Claim(strength=0, ground="")
    ground = f"{entry.winner.ref} takes port {target.port} on the entry point {entry.entry_point}"
    return Claim(strength=95, ground=ground)
